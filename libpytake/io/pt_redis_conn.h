/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_redis_conn.h: one hiredis connection that is kept up.  It looks the name
 * up in a thread, connects, sends AUTH, SELECT and PING, watches the time, and
 * tries again after delays that grow.
 *
 * The owner says what is sent over it: pt_redis.c publishes.  A subscribed
 * connection takes no other commands, so pt_redis_sub.c has one of its own.
 *
 * hiredis frees its context whenever it likes.  So callbacks hold this
 * structure and nothing else, they clear its pointer to the context, and the
 * connection is closed in one place, on the next turn of the loop.
 */

#ifndef PT_REDIS_CONN_H
#define PT_REDIS_CONN_H

#include <hiredis/async.h>

#include "pt_loop.h"
#include "pt_backoff.h"
#include "pt_redis_url.h"
#include "pt_resolve.h"
#include "core/base/pt_arena.h"

#define PT_REDIS_PING_MS 1000        /* between two PINGs */
#define PT_REDIS_TICK_MS 250         /* between two looks at the time */
#define PT_REDIS_UP_MS 1900          /* that a PONG proves that Redis is up */
#define PT_REDIS_BACKOFF_MS 100      /* first delay between attempts */
#define PT_REDIS_BACKOFF_MAX_MS 1000 /* longest delay */

typedef struct pt_redis_conn_s pt_redis_conn_t;

struct pt_redis_conn_s {
    pt_loop_t     *loop;
    pt_mem_t       mem;
    pt_redis_url_t url;
    pt_addrs_t     addrs; /* of the host; n 0: it has to be looked up */
    uint32_t       addr;  /* index in addrs of the one to try */
    uint32_t       connect_timeout_ms;
    uint32_t       command_timeout_ms;

    redisAsyncContext *ac;    /* hiredis'; NULL: there is no connection */
    pt_io_t           *io;    /* NULL: not registered */
    int                want;  /* interest of io */
    pt_timer_t        *tick;  /* HOUSE: PINGs, time-outs, reconnects */
    pt_timer_t        *close; /* HOUSE: closes on the next turn */
    pt_resolve_t      *look;  /* the look-up under way, or NULL */
    const char        *why;   /* reason of the close under way, or NULL */
    pt_backoff_t       backoff;
    bool               named; /* the host is a name */
    bool               said;  /* it is logged that Redis is away */
    bool               connected;
    bool               ready; /* the first PING is answered */
    bool               deleting;
    bool               draining;
    uint32_t           pending;     /* replies that Redis owes */
    int64_t            began_ms;    /* when the attempt began */
    int64_t            retry_at_ms; /* when the next attempt may begin */
    int64_t            progress_ms; /* last reply, or first command since */
    int64_t            ping_at_ms;  /* when the next PING is due */
    int64_t            pong_ms;     /* last PONG; 0: none on this connection */
    uint64_t           connects;
    uint64_t           failures;
};

/* Prepares *c, which is zeroed but for its time-outs; it connects in the
 * background. url is parsed and not kept.  PT_EVALIDATION: the url is
 * malformed; PT_ENOMEM. After an error c owns nothing. */
pt_err_t pt_redis_conn_init(pt_redis_conn_t *c, pt_loop_t *loop,
                            const pt_mem_t *mem, const char *url) PT_MUST_CHECK;

/* Closes the connection and frees what c owns. */
void pt_redis_conn_free(pt_redis_conn_t *c);

/* Closes the connection when no reply is owed; it is not opened again. */
void pt_redis_conn_drain(pt_redis_conn_t *c);

/* Sends a command of argc arguments with these lengths, which are copied.  Its
 * reply is counted and not read, but for an error, which is logged.
 * PT_EREDISAWAY: there is no connection, or no memory. */
pt_err_t pt_redis_conn_send(pt_redis_conn_t *c, int argc, const char **argv,
                            const size_t *lens) PT_MUST_CHECK;

/* Whether Redis has answered a PING within PT_REDIS_UP_MS. */
bool pt_redis_conn_is_up(const pt_redis_conn_t *c);

#endif
