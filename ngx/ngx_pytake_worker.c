/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * What a worker owns: its instance of the core, its pools, its connection to
 * Redis, its queues.  All of it is made in init_process, since workers would
 * share what the master opened, and is closed in exit_process.
 */

#include "ngx_pytake.h"
#include "pt_conninfo.h"
#include <libpq-fe.h>

#define NGX_PYTAKE_REDIS_CONNECT_TIMEOUT 1000 /* ms */
#define NGX_PYTAKE_REDIS_COMMAND_TIMEOUT 1000 /* ms without any reply */
#define NGX_PYTAKE_REDIS_PENDING_MAX 4096     /* commands without a reply */


static void      ngx_pytake_worker_drain(ngx_pytake_worker_t *w);
static ngx_int_t ngx_pytake_worker_core(ngx_pytake_worker_t *w);
static ngx_int_t ngx_pytake_worker_pools(ngx_pytake_worker_t *w);
static ngx_int_t ngx_pytake_worker_redis(ngx_pytake_worker_t *w);
static ngx_int_t ngx_pytake_worker_prints(ngx_pytake_worker_t *w);
static void      ngx_pytake_worker_house(void *data);
static void      ngx_pytake_worker_pool_publish(ngx_pytake_worker_t *w,
                                                ngx_uint_t class);


ngx_int_t
ngx_pytake_worker_init(ngx_cycle_t *cycle, ngx_pytake_main_conf_t *pmcf)
{
    ngx_pytake_worker_t *w;

    w = ngx_pcalloc(cycle->pool, sizeof(ngx_pytake_worker_t));
    if (w == NULL) {
        return NGX_ERROR;
    }

    pmcf->worker = w;

    w->conf = pmcf;
    w->drain = ngx_pytake_worker_drain;
    w->rnd_used = sizeof(w->rnd);

    ngx_queue_init(&w->displaced);
    ngx_queue_init(&w->ops);
    ngx_queue_init(&w->hub_calls);

    ngx_pytake_loop_init(&w->loop, w, pmcf->thread_pool);

    if (pmcf->zone) {
        w->zone = pmcf->zone->data;
        w->slot = ngx_pytake_zone_claim(w->zone);
    }

    if (w->slot == NULL) {
        w->slot = &w->alone;
        w->alone.pid = 1;
    }

    if (!pmcf->used) {
        return NGX_OK;
    }

    /* libpq must not initialise OpenSSL, which NGINX has done already */

    PQinitOpenSSL(0, 0);

    if (ngx_pytake_worker_core(w) != NGX_OK || ngx_pytake_gate_init(w) != NGX_OK
        || ngx_pytake_hash_init(w) != NGX_OK
        || ngx_pytake_worker_pools(w) != NGX_OK
        || ngx_pytake_worker_redis(w) != NGX_OK
        || ngx_pytake_worker_prints(w) != NGX_OK)
    {
        return NGX_ERROR;
    }

    w->house = w->loop.loop.ops->timer_new(&w->loop.loop, PT_TIMER_HOUSE,
                                           ngx_pytake_worker_house, w);
    if (w->house == NULL) {
        return NGX_ERROR;
    }

    w->loop.loop.ops->timer_set(w->house, NGX_PYTAKE_HOUSE_INTERVAL);

    return NGX_OK;
}


void
ngx_pytake_worker_exit(ngx_pytake_main_conf_t *pmcf)
{
    ngx_uint_t           i;
    ngx_pytake_worker_t *w;

    w = pmcf->worker;

    if (w == NULL) {
        return;
    }

    pmcf->worker = NULL;

    if (pmcf->used) {
        ngx_pytake_worker_publish(w);
    }

    /* when the last operation is freed, the worker is drained, which would ask
     * the hub to drain, too */

    w->hub_left = 1;

    ngx_pytake_hub_drop_all(w);
    ngx_pytake_op_drop_all(w);
    ngx_pytake_hash_drop_all(w);

    assert(w->nops == 0 && ngx_queue_empty(&w->hub_calls));

    for (i = 0; i < NGX_PYTAKE_CLASSES; i++) {
        if (w->pool[i]) {
            pt_pool_del(w->pool[i]);
        }
    }

    if (w->redis) {
        pt_redis_del(w->redis);
    }

    if (w->house) {
        w->loop.loop.ops->timer_del(w->house);
    }

    ngx_pytake_loop_free(&w->loop);
    ngx_pytake_zone_release(w->slot);

    if (w->pt) {
        pytake_del(w->pt);
    }

    ngx_explicit_memzero(w->rnd, sizeof(w->rnd));
}


/*
 * The worker was told to quit.  Idle connections to the database are closed
 * now, and busy ones when they get idle.  The connection to Redis stays while
 * operations may still have something to publish.
 */

static void
ngx_pytake_worker_drain(ngx_pytake_worker_t *w)
{
    ngx_uint_t i;

    ngx_pytake_hub_leave(w);

    if (!w->draining) {
        w->draining = 1;

        for (i = 0; i < NGX_PYTAKE_CLASSES; i++) {
            if (w->pool[i]) {
                pt_pool_drain(w->pool[i]);
            }
        }
    }

    if (w->redis && w->nops == 0) {
        pt_redis_drain(w->redis);
    }
}


void
ngx_pytake_worker_publish(ngx_pytake_worker_t *w)
{
    ngx_uint_t       i;
    pt_redis_stats_t rs;

    assert(w->slot != NULL);

    for (i = 0; i < NGX_PYTAKE_CLASSES; i++) {
        if (w->pool[i]) {
            ngx_pytake_worker_pool_publish(w, i);
        }
    }

    if (w->redis) {
        pt_redis_stats(w->redis, &rs);

        ngx_pytake_zone_add(w->zone, NGX_PYTAKE_C_REDIS_CONNECTS,
                            rs.connects - w->redis_stats.connects);
        ngx_pytake_zone_add(w->zone, NGX_PYTAKE_C_REDIS_FAILURES,
                            rs.failures - w->redis_stats.failures);

        w->redis_stats = rs;
    }

    w->slot->redis_up = w->redis && pt_redis_is_up(w->redis);
    w->slot->operations = w->nops;
    w->slot->hashes_waiting = ngx_pytake_hash_waiting(w);
}


static ngx_int_t
ngx_pytake_worker_core(ngx_pytake_worker_t *w)
{
    pytake_conf_t           conf;
    ngx_pytake_main_conf_t *pmcf;

    pmcf = w->conf;

    if (!pmcf->api) {
        return NGX_OK;
    }

    ngx_memzero(&conf, sizeof(pytake_conf_t));

    conf.mem = ngx_pytake_mem;
    conf.jwt_secret.data = (char *) pmcf->jwt_secret.data;
    conf.jwt_secret.len = pmcf->jwt_secret.len;
    conf.webhook_secret.data = (char *) pmcf->webhook_secret.data;
    conf.webhook_secret.len = pmcf->webhook_secret.len;
    conf.webhook_verify_token.data = (char *) pmcf->webhook_verify_token.data;
    conf.webhook_verify_token.len = pmcf->webhook_verify_token.len;
    conf.access_lifetime_s = pmcf->jwt_lifetime;
    conf.refresh_lifetime_s = pmcf->refresh_lifetime;

    if (pytake_new(&conf, &w->pt) != PT_OK) {
        w->pt = NULL;
        ngx_log_error(NGX_LOG_EMERG, ngx_cycle->log, 0,
                      "pytake: the core could not be initialised");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_pytake_worker_pools(ngx_pytake_worker_t *w)
{
    ngx_uint_t               i;
    pt_pool_conf_t           conf;
    ngx_pytake_main_conf_t  *pmcf;
    static const char *const names[] = { "pytake read", "pytake write",
                                         "pytake slow" };

    pmcf = w->conf;

    if (pmcf->database_role.data) {
        ngx_cpystrn((u_char *) w->role, pmcf->database_role.data,
                    sizeof(w->role));

    } else if (pt_conninfo_role((char *) pmcf->database.data, PT_DBROLE_APP,
                                w->role)
               != PT_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, ngx_cycle->log, 0,
                      "pytake: no role could be named after the database, "
                      "set \"pytake_database_role\"");
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_PYTAKE_CLASSES; i++) {

        ngx_memzero(&conf, sizeof(pt_pool_conf_t));

        conf.conninfo = (char *) pmcf->database.data;
        conf.like = i ? w->pool[0] : NULL;
        conf.role = w->role[0] ? w->role : NULL;
        conf.app_name = names[i];
        conf.conns_max = (uint32_t) pmcf->conns[i];
        conf.depth = (i == PYTAKE_SQL_READ) ? (uint32_t) pmcf->read_depth : 1;
        conf.tenant_max =
            (i == PYTAKE_SQL_WRITE) ? (uint32_t) pmcf->write_tenant : 0;
        conf.queue_max = (uint32_t) pmcf->queue;
        conf.connect_timeout_ms = (uint32_t) pmcf->connect_timeout;
        conf.statement_timeout_ms = (uint32_t) pmcf->statement_timeout;
        conf.lock_timeout_ms = (uint32_t) pmcf->lock_timeout;
        conf.mem = ngx_pytake_mem;

        if (pt_pool_new(&w->loop.loop, &conf, &w->pool[i]) != PT_OK) {
            w->pool[i] = NULL;
            ngx_log_error(NGX_LOG_EMERG, ngx_cycle->log, 0,
                          "pytake: pool \"%s\" could not be made", names[i]);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_pytake_worker_redis(ngx_pytake_worker_t *w)
{
    pt_redis_conf_t conf;

    if (w->conf->redis.len == 0) {
        return NGX_OK;
    }

    ngx_memzero(&conf, sizeof(pt_redis_conf_t));

    conf.url = (char *) w->conf->redis.data;
    conf.connect_timeout_ms = NGX_PYTAKE_REDIS_CONNECT_TIMEOUT;
    conf.command_timeout_ms = NGX_PYTAKE_REDIS_COMMAND_TIMEOUT;
    conf.pending_max = NGX_PYTAKE_REDIS_PENDING_MAX;
    conf.mem = ngx_pytake_mem;

    if (pt_redis_new(&w->loop.loop, &conf, &w->redis) != PT_OK) {
        w->redis = NULL;
        ngx_log_error(NGX_LOG_EMERG, ngx_cycle->log, 0,
                      "pytake: the redis client could not be made");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* Makes the fingerprints of what was read with the configuration, for that is
 * what the worker works with: the files may have changed since. */

static ngx_int_t
ngx_pytake_worker_prints(ngx_pytake_worker_t *w)
{
    ngx_uint_t              i;
    pt_str_t                value[PT_FINGERPRINTS];
    ngx_str_t              *from[PT_FINGERPRINTS];
    ngx_pytake_main_conf_t *pmcf;

    pmcf = w->conf;

    ngx_memzero(value, sizeof(value));
    ngx_memzero(from, sizeof(from));

    from[PT_FINGERPRINT_JWT_SECRET] = &pmcf->jwt_secret;
    from[PT_FINGERPRINT_APP_SECRET] = &pmcf->webhook_secret;
    from[PT_FINGERPRINT_VERIFY_TOKEN] = &pmcf->webhook_verify_token;
    from[PT_FINGERPRINT_DATABASE] = &pmcf->database;
    from[PT_FINGERPRINT_REDIS] = &pmcf->redis;

    for (i = 0; i < PT_FINGERPRINTS; i++) {
        if (from[i]) {
            value[i].data = (char *) from[i]->data;
            value[i].len = from[i]->len;
        }
    }

    if (pt_fingerprint_make(value, &w->prints) != PT_OK) {
        ngx_log_error(NGX_LOG_EMERG, ngx_cycle->log, 0,
                      "pytake: fingerprints could not be made");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_pytake_worker_house(void *data)
{
    ngx_pytake_worker_t *w = data;

    ngx_pytake_worker_publish(w);

    if (ngx_exiting) {
        ngx_pytake_hub_leave(w);
    }

    w->loop.loop.ops->timer_set(w->house, NGX_PYTAKE_HOUSE_INTERVAL);
}


static void
ngx_pytake_worker_pool_publish(ngx_pytake_worker_t *w, ngx_uint_t class)
{
    pt_pool_stats_t          now, *last;
    ngx_pytake_gauges_t     *g;
    ngx_pytake_zone_class_t *zc;

    assert(class < NGX_PYTAKE_CLASSES && w->pool[class] != NULL);

    pt_pool_stats(w->pool[class], &now);
    last = &w->stats[class];

    assert(now.batches >= last->batches && now.connects >= last->connects);

    if (w->zone) {
        zc = &w->zone->class[class];

        (void) ngx_atomic_fetch_add(&zc->batches, now.batches - last->batches);
        (void) ngx_atomic_fetch_add(&zc->errors, now.errors - last->errors);
        (void) ngx_atomic_fetch_add(&zc->timeouts,
                                    now.timeouts - last->timeouts);
        (void) ngx_atomic_fetch_add(&zc->connects,
                                    now.connects - last->connects);
        (void) ngx_atomic_fetch_add(&zc->connect_failures,
                                    now.connect_failures
                                        - last->connect_failures);
    }

    g = &w->slot->pool[class];

    g->conns = now.conns;
    g->connecting = now.connecting;
    g->busy = now.busy;
    g->waiting = now.waiting;
    g->away = now.away;

    *last = now;
}
