/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_redis.h: one command connection over hiredis' async API: PUBLISH, sent
 * and forgotten, and PING.  Redis is a doorbell: when it is away a publish
 * is dropped and counted, nothing waits and nothing fails.
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
    uint32_t    command_timeout_ms; /* then the connection is closed:
                                       replies are positional */
    uint32_t    pending_max;        /* commands in flight; more: dropped */
    pt_mem_t    mem;
} pt_redis_conf_t;

/* Connects in the background and keeps trying (backoff with jitter).
 * PT_EVALIDATION: url malformed; PT_ENOMEM. */
pt_err_t pt_redis_new(pt_loop_t *loop, const pt_redis_conf_t *conf,
                      pt_redis_t **out) PT_MUST_CHECK;
void     pt_redis_del(pt_redis_t *r);
void     pt_redis_drain(pt_redis_t *r); /* worker exit: close when idle */

/* PT_OK handed to the connection; PT_EREDISAWAY / PT_EBUSY: dropped. */
pt_err_t pt_redis_publish(pt_redis_t *r, pt_str_t channel, pt_str_t payload);

bool pt_redis_is_up(const pt_redis_t *r); /* answered a PING lately */

typedef struct {
    uint64_t published;
    uint64_t dropped;
    uint64_t connects;
    uint64_t failures;
} pt_redis_stats_t;

void pt_redis_stats(const pt_redis_t *r, pt_redis_stats_t *out);

#endif
