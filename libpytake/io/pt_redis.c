/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include <assert.h>

#include "pt_redis.h"
#include "pt_redis_conn.h"


struct pt_redis_s {
    pt_redis_conn_t  conn;
    uint32_t         pending_max; /* commands in flight */
    pt_redis_stats_t stats;       /* connects and failures are those of conn */
};


pt_err_t
pt_redis_new(pt_loop_t *loop, const pt_redis_conf_t *conf, pt_redis_t **out)
{
    pt_err_t    err;
    pt_redis_t *r;

    if (conf->url == NULL) {
        return PT_EVALIDATION;
    }
    r = conf->mem.alloc(conf->mem.user, sizeof(pt_redis_t));
    if (r == NULL) {
        return PT_ENOMEM;
    }
    memset(r, 0, sizeof(*r));
    r->pending_max = conf->pending_max;
    r->conn.connect_timeout_ms = conf->connect_timeout_ms;
    r->conn.command_timeout_ms = conf->command_timeout_ms;
    err = pt_redis_conn_init(&r->conn, loop, &conf->mem, conf->url);
    if (err != PT_OK) {
        conf->mem.free(conf->mem.user, r);
        return err;
    }
    *out = r;
    return PT_OK;
}


void
pt_redis_del(pt_redis_t *r)
{
    pt_mem_t mem = r->conn.mem;

    pt_redis_conn_free(&r->conn);
    mem.free(mem.user, r);
}


void
pt_redis_drain(pt_redis_t *r)
{
    pt_redis_conn_drain(&r->conn);
}


pt_err_t
pt_redis_publish(pt_redis_t *r, pt_str_t channel, pt_str_t payload)
{
    pt_err_t    err;
    const char *argv[3] = { "PUBLISH", channel.data, payload.data };
    size_t      lens[3] = { 7, channel.len, payload.len };

    assert(channel.data != NULL && payload.data != NULL);
    err = (r->conn.pending >= r->pending_max)
              ? PT_EBUSY
              : pt_redis_conn_send(&r->conn, 3, argv, lens);
    if (err == PT_OK) {
        r->stats.published++;
    } else {
        r->stats.dropped++;
    }
    return err;
}


bool
pt_redis_is_up(const pt_redis_t *r)
{
    return pt_redis_conn_is_up(&r->conn);
}


void
pt_redis_stats(const pt_redis_t *r, pt_redis_stats_t *out)
{
    *out = r->stats;
    out->connects = r->conn.connects;
    out->failures = r->conn.failures;
}
