/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_conninfo.h: a connection string made safe for an event loop.  It is
 * parsed once, its names are resolved to hostaddr off the loop, and the
 * settings of our sessions are added.
 *
 * libpq resolves names inside PQconnectPoll(), which would stop the loop, so
 * it never sees a name without an address.  Several hosts stay several.  A
 * name with several addresses becomes several hosts of that name, which is
 * what TLS still verifies.  Unix sockets stay as they are.
 */

#ifndef PT_CONNINFO_H
#define PT_CONNINFO_H

#include "pt_pg.h"
#include "core/base/pt_util.h"

#define PT_CONNINFO_ADDRS_MAX 32 /* hosts, and addresses of all of them */
#define PT_CONNINFO_KEYS_MAX 96  /* keywords given to libpq */

typedef struct pt_conninfo_s pt_conninfo_t;

/*
 * Makes *out of conf->conninfo and resolves its names, which blocks.  conf is
 * copied.  A name that does not resolve is logged and left out until a refresh
 * finds it.  like is a pt_conninfo_t of the same string whose addresses are
 * taken instead, or NULL.  PT_ENOMEM; PT_EVALIDATION: it is no connection
 * string, for a reason that is logged.
 */
pt_err_t pt_conninfo_new(pt_loop_t *loop, const pt_pool_conf_t *conf,
                         const pt_conninfo_t *like,
                         pt_conninfo_t      **out) PT_MUST_CHECK;

/* Judges a connection string without touching the network.  PT_OK: *password
 * tells whether it has one.  PT_EVALIDATION and PT_ENOMEM: *why is a constant
 * that continues the words "the connection string". */
pt_err_t pt_conninfo_check(const pt_mem_t *mem, const char *conninfo,
                           const char **why, bool *password) PT_MUST_CHECK;

/* Frees ci; a refresh that is under way in a thread ends by itself. */
void pt_conninfo_del(pt_conninfo_t *ci);

/* Writes the name of a role (pt_dbrole_build()) to out, NUL-terminated.  It
 * belongs to the database that libpq would take: that of the string, of the
 * environment, or the one called as the user (libpq, "dbname").
 * PT_EVALIDATION: it is no connection string; PT_ENOMEM; PT_ECRYPTO. */
pt_err_t pt_conninfo_role(const char *conninfo, pt_dbrole_e kind,
                          char out[PT_DBROLE_MAX + 1]) PT_MUST_CHECK;

/* Resolves the names again, in a thread.  It does nothing when there are no
 * names, when it is under way already, or within PT_PG_REFRESH_MS of the last
 * time; PT_PG_RECONNECT_MS when no address is known. */
void pt_conninfo_refresh(pt_conninfo_t *ci);

/* Whether there is an address to connect to. */
bool pt_conninfo_is_ready(const pt_conninfo_t *ci);

/* Has the next connection begin with the following host, because the one
 * before hung. */
void pt_conninfo_rotate(pt_conninfo_t *ci);

/* Gives the NULL-terminated arrays that PQconnectStartParams() takes, borrowed
 * until the next call on ci, which has to be ready.  PT_ENOMEM: there are too
 * many keywords. */
pt_err_t pt_conninfo_get(pt_conninfo_t *ci, const char *const **keywords,
                         const char *const **values) PT_MUST_CHECK;

#endif
