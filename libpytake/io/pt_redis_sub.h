/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_redis_sub.h: one subscribed connection.  hiredis' reader parses the
 * answers; the rest is made here, because hiredis' async API (0.14) cannot see
 * the answer of a PING on a subscribed connection, and without it a dead one
 * is not found.
 *
 * The caller knows which channels it wants, and adds all of them again when
 * on_up tells that there is a new connection.  It subscribes no patterns,
 * since Redis would try every one of them at each PUBLISH.
 */

#ifndef PT_REDIS_SUB_H
#define PT_REDIS_SUB_H

#include "pt_loop.h"
#include "core/base/pt_arena.h"

#define PT_REDIS_SUB_PING_MS 1000  /* between two PINGs */
#define PT_REDIS_SUB_QUIET_MS 3000 /* without a byte, then Redis is away */
/* Bytes that are not sent; with more of them the connection is closed.  on_up
 * adds all channels at once, and the largest hub, with 500,000 sockets of a
 * tenant each, has 80 MB of them. */
#define PT_REDIS_SUB_OUT_MAX (128u * 1024 * 1024)
#define PT_REDIS_SUB_CHANNELS_MAX 8 /* channels of one call */

typedef struct pt_redis_sub_s pt_redis_sub_t;

typedef struct {
    const char *url; /* as that of pt_redis_conf_t; parsed at once */
    uint32_t    connect_timeout_ms;
    pt_mem_t    mem;
    void       *data; /* of the handlers, none of which may delete it */
    /* There is a connection: the channels have to be added now. */
    void (*on_up)(void *data);
    /* The connection is lost, and with it all channels.  It may be NULL. */
    void (*on_down)(void *data);
    /* From here on messages of this channel come. */
    void (*on_added)(void *data, pt_str_t channel);
    /* A message; both strings are borrowed until it returns. */
    void (*on_message)(void *data, pt_str_t channel, pt_str_t payload);
} pt_redis_sub_conf_t;

/* Makes *out, which connects in the background and keeps trying, with delays
 * that grow and have jitter.  PT_EVALIDATION: the url is malformed;
 * PT_ENOMEM. */
pt_err_t pt_redis_sub_new(pt_loop_t *loop, const pt_redis_sub_conf_t *conf,
                          pt_redis_sub_t **out) PT_MUST_CHECK;

/* Closes the connection without on_down and frees s; NULL is fine. */
void pt_redis_sub_del(pt_redis_sub_t *s);

/* Subscribe or unsubscribe from 1 to PT_REDIS_SUB_CHANNELS_MAX channels, whose
 * names are copied.  Without a connection they do nothing. */
void pt_redis_sub_add(pt_redis_sub_t *s, const pt_str_t *channels, int n);
void pt_redis_sub_drop(pt_redis_sub_t *s, const pt_str_t *channels, int n);

/* Whether there is a connection that has answered a PING. */
bool pt_redis_sub_is_up(const pt_redis_sub_t *s);

#endif
