/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_redis_conn.h: one hiredis connection that is kept up: look-up of the
 * name in a thread, connect, AUTH, SELECT, PING, time-outs, backoff.
 *
 * What runs over it is somebody else's: pt_redis.c publishes.  (A subscribed
 * connection takes no other commands: pt_redis_sub.c has its own.)
 *
 * hiredis frees its context whenever it likes, so this structure is the only
 * thing that callbacks hold, our pointer to the context is cleared by them,
 * and closing happens on the next loop turn, in one place.
 */

#ifndef PT_REDIS_CONN_H
#define PT_REDIS_CONN_H

#include <hiredis/async.h>

#include "pt_loop.h"
#include "pt_backoff.h"
#include "pt_redis_url.h"
#include "pt_resolve.h"
#include "core/base/pt_arena.h"

#define PT_REDIS_PING_MS 1000
#define PT_REDIS_TICK_MS 250
#define PT_REDIS_UP_MS 1900 /* a PONG older than this proves nothing */
#define PT_REDIS_BACKOFF_MS 100
#define PT_REDIS_BACKOFF_MAX_MS 1000

typedef struct pt_redis_conn_s pt_redis_conn_t;

struct pt_redis_conn_s {
    pt_loop_t     *loop;
    pt_mem_t       mem;
    pt_redis_url_t url;
    pt_addrs_t     addrs; /* of the name; n 0: to be looked up */
    uint32_t       addr;  /* of addrs, the one to be tried */
    uint32_t       connect_timeout_ms;
    uint32_t       command_timeout_ms;

    redisAsyncContext *ac; /* NULL: none */
    pt_io_t           *io;
    int                want;
    pt_timer_t        *tick;  /* HOUSE: ping, time-outs, reconnect */
    pt_timer_t        *close; /* 0 ms: the one place that closes */
    pt_resolve_t      *look;  /* a look-up in a thread */
    const char        *why;   /* it is being closed */
    pt_backoff_t       backoff;
    bool               named; /* the host is to be looked up */
    bool               said;  /* that it is away */
    bool               connected;
    bool               ready; /* greeting answered */
    bool               deleting;
    bool               draining;
    uint32_t           pending;  /* replies owed */
    int64_t            began_ms; /* connect */
    int64_t            retry_at_ms;
    int64_t            progress_ms; /* last reply, or first command */
    int64_t            ping_at_ms;
    int64_t            pong_ms; /* 0: never on this connection */
    uint64_t           connects;
    uint64_t           failures;
};

/* url is parsed here; timers start, the connection follows.
 * PT_EVALIDATION, PT_ENOMEM (nothing is left behind). */
pt_err_t pt_redis_conn_init(pt_redis_conn_t *c, pt_loop_t *loop,
                            const pt_mem_t *mem, const char *url) PT_MUST_CHECK;
void     pt_redis_conn_free(pt_redis_conn_t *c);
void     pt_redis_conn_drain(pt_redis_conn_t *c);

/* A command whose reply only counts.  PT_EREDISAWAY. */
pt_err_t pt_redis_conn_send(pt_redis_conn_t *c, int argc, const char **argv,
                            const size_t *lens) PT_MUST_CHECK;

bool pt_redis_conn_is_up(const pt_redis_conn_t *c);

#endif
