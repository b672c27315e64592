/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_redis.h: one connection for commands, by hiredis' async API.  It sends
 * PUBLISH without waiting for the reply, and PING to know that Redis is
 * there.  Redis is a doorbell: when it is away, a publish is dropped and
 * counted, and nothing waits or fails for it.
 */

#ifndef PT_REDIS_H
#define PT_REDIS_H

#include "pt_loop.h"
#include "core/base/pt_arena.h"

typedef struct pt_redis_s pt_redis_t;

typedef struct {
    const char *url; /* redis://[user:password@]host:port[/db] or
                        unix:///path[?password=...]; copied */
    uint32_t    connect_timeout_ms;
    uint32_t    command_timeout_ms; /* without a reply, then the connection is
                                       closed: replies have no ids */
    uint32_t    pending_max;        /* commands in flight; more are dropped */
    pt_mem_t    mem;
} pt_redis_conf_t;

/* Makes *out, which connects in the background and keeps trying, with delays
 * that grow and have jitter.  PT_EVALIDATION: the url is malformed;
 * PT_ENOMEM. */
pt_err_t pt_redis_new(pt_loop_t *loop, const pt_redis_conf_t *conf,
                      pt_redis_t **out) PT_MUST_CHECK;

/* Closes the connection and frees r. */
void pt_redis_del(pt_redis_t *r);

/* Closes the connection when no reply is owed, because the worker exits; it is
 * not opened again. */
void pt_redis_drain(pt_redis_t *r);

/* Publishes payload, both strings are copied.  PT_OK: the connection has it,
 * which does not mean that Redis has.  PT_EREDISAWAY, or PT_EBUSY when
 * pending_max commands are in flight: it is dropped. */
pt_err_t pt_redis_publish(pt_redis_t *r, pt_str_t channel, pt_str_t payload);

/* Whether Redis has answered a PING within the last two seconds. */
bool pt_redis_is_up(const pt_redis_t *r);

/* Totals. */
typedef struct {
    uint64_t published; /* handed to the connection */
    uint64_t dropped;   /* not handed to it */
    uint64_t connects;  /* connections made */
    uint64_t failures;  /* attempts that failed, connections that ended */
} pt_redis_stats_t;

/* Copies the totals to *out. */
void pt_redis_stats(const pt_redis_t *r, pt_redis_stats_t *out);

#endif
