/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_part.c: the hub as a part of "pytake serve".
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "hub_glue.h"
#include "hub_part.h"

#define PART_SOON_MS 20u /* as HUB_REORDER_MS */
#define PART_HOLD_MS 50u
#define PART_SPREAD_MS 6000u  /* of PART_STOP_MS, which the parts have */
#define PART_FDS_RESERVED 64u /* listener, pools, channels, logs */
#define PART_CONNS_MIN 64u
#define PART_CONNS_MAX 500000u

static pt_err_t hub_part_start(const part_host_t *serve, void **part);
static pt_err_t hub_part_open(hub_glue_t *g, const part_host_t *serve);
static pt_err_t hub_part_hub(hub_glue_t *g, const part_host_t *serve);
static pt_err_t hub_part_prints(hub_glue_t *g, const conf_t *conf);
static uint32_t hub_part_capacity(const part_host_t *serve);
static void     hub_part_stop(void *part);
static void     hub_part_del(void *part);
static void     hub_part_second(void *data);
static void     hub_part_soon(void *data);
static void     hub_part_hold(void *data);
static void     hub_part_turn(void *data);
static void     hub_part_wake(hub_glue_t *g, uint32_t after_ms);
static int64_t  hub_part_now_ms(void *env);
static int64_t  hub_part_wall_us(void *env);

const part_t hub_part = { "hub",        hub_part_start, hub_part_stop,
                          hub_part_del, NULL,           0 };

static const hub_ops_t hub_part_ops = {
    hub_sock_write,    hub_sock_want_write,  hub_sock_admitted,
    hub_sock_close,    hub_db_load_tenant,   hub_db_load_events,
    hub_db_load_reach, hub_db_session_check, hub_bus_publish,
    hub_bus_tenant_on, hub_bus_tenant_off,   hub_part_now_ms,
    hub_part_wall_us
};


static pt_err_t
hub_part_start(const part_host_t *serve, void **part)
{
    pt_err_t    err;
    hub_glue_t *g;

    g = serve->mem.alloc(serve->mem.user, sizeof(hub_glue_t));

    if (g == NULL) {
        return PT_ENOMEM;
    }

    memset(g, 0, sizeof(*g));
    g->serve = serve;
    g->loop = serve->base;
    g->turns = serve->loop;
    g->mem = serve->mem;
    g->handshake = &hub_handshake_ops;
    g->listen_fd = -1;
    g->spare_fd = -1;
    err = hub_part_open(g, serve);

    if (err != PT_OK) {
        hub_part_del(g);
        return err;
    }

    *part = g;

    return PT_OK;
}


static pt_err_t
hub_part_open(hub_glue_t *g, const part_host_t *serve)
{
    pt_err_t             err;
    const pt_loop_ops_t *ops;

    ops = g->loop->ops;
    g->buf = g->mem.alloc(g->mem.user, HUB_READ_SIZE);
    g->second = ops->timer_new(g->loop, PT_TIMER_HOUSE, hub_part_second, g);
    g->soon = ops->timer_new(g->loop, PT_TIMER_HOUSE, hub_part_soon, g);
    g->hold = ops->timer_new(g->loop, PT_TIMER_HOLD, hub_part_hold, g);

    if (g->buf == NULL || g->second == NULL || g->soon == NULL
        || g->hold == NULL) {
        return PT_ENOMEM;
    }

    err = hub_part_prints(g, serve->conf);
    err = (err == PT_OK) ? hub_part_hub(g, serve) : err;
    err = (err == PT_OK) ? hub_db_start(g, serve) : err;
    err = (err == PT_OK) ? hub_db_poll_start(g) : err;
    err = (err == PT_OK) ? hub_bus_start(g, serve) : err;
    err = (err == PT_OK) ? hub_listen_start(g, serve->conf->hub_socket,
                                            serve->conf->hub_group)
                         : err;

    if (err == PT_OK) {
        ops->timer_set(g->second, 1000);
        loop_on_turn(g->turns, hub_part_turn, g);
    }

    return err;
}


static pt_err_t
hub_part_hub(hub_glue_t *g, const part_host_t *serve)
{
    uint8_t    rnd[HUB_ID_LEN / 2];
    uint32_t   guests;
    hub_conf_t conf;

    memset(&conf, 0, sizeof(conf));

    if (getrandom(conf.seed, sizeof(conf.seed), 0)
            != (ssize_t) sizeof(conf.seed)
        || getrandom(rnd, sizeof(rnd), 0) != (ssize_t) sizeof(rnd))
    {
        return PT_EINTERNAL;
    }

    pt_hex_build(rnd, sizeof(rnd), g->trust.id);
    g->jwt = pt_jwt_new(&g->mem, serve->conf->jwt_secret);

    if (g->jwt == NULL
        || pt_bus_key(serve->conf->jwt_secret, g->trust.key) != PT_OK)
    {
        return PT_ENOMEM;
    }

    g->conns_max = hub_part_capacity(serve);
    guests = g->conns_max / 20;
    guests = (guests < HUB_GUESTS_MIN) ? HUB_GUESTS_MIN : guests;
    hub_admission_init(&g->admission, &g->mem, guests, conf.seed + 16);
    g->handshakes_max =
        (guests < HUB_HANDSHAKES_MIN) ? HUB_HANDSHAKES_MIN : guests;
    g->enabled = serve->conf->websocket_enabled;

    conf.mem = g->mem;
    conf.ops = &hub_part_ops;
    conf.env = g;
    conf.jwt = g->jwt;
    conf.ping_s = (uint32_t) serve->conf->websocket_ping_s;
    conf.pong_s = (uint32_t) serve->conf->websocket_pong_s;
    conf.conns_max = g->conns_max;
    conf.rings_max = HUB_RINGS_BYTES_MAX;

    return hub_new(&conf, &g->hub);
}


/* Keeps the fingerprints of the configuration that the hub was started with,
 * for /health: "pytake doctor" compares them with the present files and
 * environment. */
static pt_err_t
hub_part_prints(hub_glue_t *g, const conf_t *conf)
{
    int               n;
    size_t            i, len;
    pt_err_t          err;
    pt_fingerprints_t p;

    static const pt_fingerprint_e which[] = { PT_FINGERPRINT_JWT_SECRET,
                                              PT_FINGERPRINT_ENCRYPTION_KEY,
                                              PT_FINGERPRINT_DATABASE,
                                              PT_FINGERPRINT_REDIS };

    err = conf_fingerprints(conf, NULL, &p);
    if (err != PT_OK) {
        return err;
    }

    g->prints[0] = '\0';

    for (i = 0, len = 0; i < PT_COUNT(which); i++, len += (size_t) n) {
        n = snprintf(g->prints + len, sizeof(g->prints) - len,
                     "%s\"%s\":\"%s\"", i == 0 ? "" : ",",
                     pt_fingerprint_names[which[i]], p.of[which[i]]);
        if (n < 0 || (size_t) n >= sizeof(g->prints) - len) {
            return PT_EINTERNAL;
        }
    }

    return PT_OK;
}


/* Raises the limit of descriptors as far as it is allowed, and returns how many
 * sockets there may be: one for each descriptor that the other parts do not
 * need. */

static uint32_t
hub_part_capacity(const part_host_t *serve)
{
    rlim_t        reserved;
    struct rlimit rl;

    reserved = PART_FDS_RESERVED + serve->fds;

    if (getrlimit(RLIMIT_NOFILE, &rl) == -1) {
        rl.rlim_cur = rl.rlim_max = 1024;
    }

    if (rl.rlim_cur < rl.rlim_max) {
        rl.rlim_cur = rl.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &rl);
        (void) getrlimit(RLIMIT_NOFILE, &rl);
    }

    if (rl.rlim_cur < reserved + PART_CONNS_MIN) {
        return PART_CONNS_MIN;
    }

    return (rl.rlim_cur - reserved < PART_CONNS_MAX)
               ? (uint32_t) (rl.rlim_cur - reserved)
               : PART_CONNS_MAX;
}


/* Accepts no new sockets, and asks the clients to go to another hub, at a
 * pace. */

static void
hub_part_stop(void *part)
{
    hub_glue_t *g;

    g = part;
    assert(g->hub != NULL && !g->stopping);
    g->stopping = true;
    hub_listen_stop(g);
    hub_drain(g->hub, 0, PART_SPREAD_MS);
    g->loop->ops->timer_set(g->hold, 0);
}


static void
hub_part_del(void *part)
{
    hub_glue_t *g;

    g = part;
    loop_on_turn(g->turns, NULL, NULL);
    hub_listen_stop(g);

    if (g->hub != NULL) {
        hub_abort(g->hub);
    }

    hub_handshake_abort(g);

    hub_bus_stop(g);
    hub_db_poll_stop(g);
    hub_db_stop(g);
    hub_del(g->hub);

    if (g->jwt != NULL) {
        pt_jwt_del(g->jwt);
    }

    if (g->second != NULL) {
        g->loop->ops->timer_del(g->second);
    }

    if (g->soon != NULL) {
        g->loop->ops->timer_del(g->soon);
    }

    if (g->hold != NULL) {
        g->loop->ops->timer_del(g->hold);
    }

    g->mem.free(g->mem.user, g->buf);
    g->mem.free(g->mem.user, g);
}


static void
hub_part_second(void *data)
{
    hub_glue_t *g;

    g = data;
    g->loop->ops->timer_set(g->second, 1000);
    hub_press(g->hub, hub_admission_is_pressed(&g->admission));
    hub_tick(g->hub);
    hub_handshake_tick(g);
}


static void
hub_part_soon(void *data)
{
    hub_glue_t *g;

    g = data;
    g->soon_ms = 0;
    hub_tick(g->hub);
}


static void
hub_part_hold(void *data)
{
    hub_glue_t *g;

    g = data;

    if (hub_conns(g->hub) > 0) {
        g->loop->ops->timer_set(g->hold, PART_HOLD_MS);
        return;
    }

    g->loop->ops->timer_stop(g->second);
    hub_bus_stop(g);
    hub_db_poll_stop(g);
    hub_db_stop(g);
}


static void
hub_part_turn(void *data)
{
    hub_glue_t *g;

    g = data;
    hub_flush(g->hub);

    if (g->pool != NULL) {
        hub_db_session_turn(g);
    }

    if (hub_is_dirty(g->hub)) {
        hub_part_wake(g, 0);

    } else if (hub_is_waiting(g->hub)) {
        hub_part_wake(g, PART_SOON_MS);
    }
}


/* Has hub_tick() called after after_ms, or sooner when that was asked for
 * before: otherwise turns that follow quickly would put it off for ever. */

static void
hub_part_wake(hub_glue_t *g, uint32_t after_ms)
{
    int64_t at;

    at = g->loop->ops->now_ms(g->loop) + (int64_t) after_ms;

    if (g->soon_ms == 0 || at < g->soon_ms) {
        g->soon_ms = at;
        g->loop->ops->timer_set(g->soon, after_ms);
    }
}


static int64_t
hub_part_now_ms(void *env)
{
    hub_glue_t *g;

    g = env;

    return g->loop->ops->now_ms(g->loop);
}


static int64_t
hub_part_wall_us(void *env)
{
    hub_glue_t *g;

    g = env;

    return g->loop->ops->wall_us(g->loop);
}
