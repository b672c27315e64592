/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_redis_sub.h: one subscribed connection.  hiredis' reader takes the
 * answers apart; the rest is ours, because its async API cannot see the
 * answer of a PING on a subscribed connection (0.14), and a dead connection
 * must be found.
 *
 * Which channels are wanted is the caller's knowledge: on_up says "all of
 * them again".  Never patterns: each PUBLISH would try them all.
 */

#ifndef PT_REDIS_SUB_H
#define PT_REDIS_SUB_H

#include "pt_loop.h"
#include "core/base/pt_arena.h"

#define PT_REDIS_SUB_PING_MS 1000
#define PT_REDIS_SUB_QUIET_MS 3000 /* no byte for so long: away */
/* Unsent; then: away.  on_up adds all channels at once, and the largest hub
 * (500,000 sockets, a tenant each) has 80 MB of them. */
#define PT_REDIS_SUB_OUT_MAX (128u * 1024 * 1024)
#define PT_REDIS_SUB_CHANNELS_MAX 8 /* of one call */

typedef struct pt_redis_sub_s pt_redis_sub_t;

typedef struct {
    const char *url; /* as pt_redis_conf_t's; copied */
    uint32_t    connect_timeout_ms;
    pt_mem_t    mem;
    void       *data; /* of the handlers, none of which may delete it */
    void (*on_up)(void *data); /* authenticated: add the channels now */
    void (*on_down)(void *data);
    void (*on_added)(void *data, pt_str_t channel); /* it is being heard */
    void (*on_message)(void *data, pt_str_t channel, pt_str_t payload);
} pt_redis_sub_conf_t;

/* Connects in the background and keeps trying (backoff with jitter).
 * PT_EVALIDATION: url malformed; PT_ENOMEM. */
pt_err_t pt_redis_sub_new(pt_loop_t *loop, const pt_redis_sub_conf_t *conf,
                          pt_redis_sub_t **out) PT_MUST_CHECK;
void     pt_redis_sub_del(pt_redis_sub_t *s); /* NULL is fine */

/* SUBSCRIBE or UNSUBSCRIBE; forgotten when the connection is away. */
void pt_redis_sub_add(pt_redis_sub_t *s, const pt_str_t *channels, int n);
void pt_redis_sub_drop(pt_redis_sub_t *s, const pt_str_t *channels, int n);

bool pt_redis_sub_is_up(const pt_redis_sub_t *s);

#endif
