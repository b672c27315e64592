/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_conninfo.h: a connection string made safe for an event loop: parsed
 * once, names resolved to hostaddr off the loop, session settings added.
 *
 * libpq resolves names inside PQconnectPoll, which would stop the loop; so
 * it never sees a name without an address.  Several hosts stay several; a
 * name with several addresses becomes several hosts of that name (the name
 * is still what TLS verifies).  Unix sockets pass untouched.
 */

#ifndef PT_CONNINFO_H
#define PT_CONNINFO_H

#include "pt_pg.h"
#include "core/base/pt_util.h"

#define PT_CONNINFO_ADDRS_MAX 32 /* hosts, and addresses */
#define PT_CONNINFO_KEYS_MAX 96

typedef struct pt_conninfo_s pt_conninfo_t;

/*
 * Parses conf->conninfo (conf itself is only read here) and resolves its
 * names, blocking.  A name that does not resolve is logged and left out
 * until a refresh finds it.  like: one of the same string, whose addresses
 * will do; NULL: none.  PT_ENOMEM; PT_EVALIDATION, reason logged.
 */
pt_err_t pt_conninfo_new(pt_loop_t *loop, const pt_pool_conf_t *conf,
                         const pt_conninfo_t *like,
                         pt_conninfo_t      **out) PT_MUST_CHECK;

/* What pt_conninfo_new() would say, without the network.  PT_EVALIDATION and
 * PT_ENOMEM: *why follows "the connection string"; else *password tells
 * whether there is one in it. */
pt_err_t pt_conninfo_check(const pt_mem_t *mem, const char *conninfo,
                           const char **why, bool *password) PT_MUST_CHECK;
void     pt_conninfo_del(pt_conninfo_t *ci);

/* The role (pt_dbrole_build()) of the database that libpq would take: of the
 * string, of the environment, or called as the user is.  PT_EVALIDATION: not
 * a connection string.  PT_ENOMEM, PT_ECRYPTO. */
pt_err_t pt_conninfo_role(const char *conninfo, pt_dbrole_e kind,
                          char out[PT_DBROLE_MAX + 1]) PT_MUST_CHECK;

/* Resolves the names again in a thread (loop->work); no-op without names,
 * or when one is under way, or within PT_PG_REFRESH_MS of the last. */
void pt_conninfo_refresh(pt_conninfo_t *ci);

/* Whether there is any address to connect to. */
bool pt_conninfo_is_ready(const pt_conninfo_t *ci);

/* The next start begins with the following host: the one before hung. */
void pt_conninfo_rotate(pt_conninfo_t *ci);

/* NULL-terminated arrays for PQconnectStartParams(), borrowed until the
 * next call on ci.  PT_ENOMEM. */
pt_err_t pt_conninfo_get(pt_conninfo_t *ci, const char *const **keywords,
                         const char *const **values) PT_MUST_CHECK;

#endif
