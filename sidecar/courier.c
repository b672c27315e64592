/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier.c: the part of "pytake serve" that carries the outbox to WhatsApp:
 * claims, paces, sweeps.  A claim is committed before its call is written,
 * and never called twice by itself.
 */

#include "courier_int.h"

#include <sys/random.h>

static pt_err_t courier_start(const serve_t *serve, void **part);
static pt_err_t courier_open(courier_t *c, const serve_t *serve);
static void courier_stop(void *part);
static void courier_del(void *part);
static void courier_claim(void *data);
static void courier_claimed(void *data, batch_t *b,
    const pytake_sql_result_t *result);
static void courier_begin(courier_t *c, courier_job_t *j);
static void courier_away(courier_t *c, const pytake_sql_result_t *result);
static void courier_sweep(void *data);
static void courier_swept(void *data, batch_t *b,
    const pytake_sql_result_t *result);
static void courier_settle(courier_t *c, const pytake_rows_t *r, bool lost);

const serve_part_t courier_part = {
    "courier", courier_start, courier_stop, courier_del
};


static pt_err_t
courier_start(const serve_t *serve, void **part)
{
    pt_err_t   err;
    courier_t *c;

    c = serve->mem.alloc(serve->mem.user, sizeof(courier_t));

    if (c == NULL) {
        return PT_ENOMEM;
    }

    memset(c, 0, sizeof(*c));
    c->loop = serve->base;
    c->mem = serve->mem;
    c->conf = serve->conf;
    err = courier_open(c, serve);

    if (err != PT_OK) {
        courier_del(c);
        return err;
    }

    if (!c->conf->has_key) {
        c->loop->ops->log(c->loop, PT_LOG_WARN,
            "pytake: courier: PYTAKE_ENCRYPTION_KEY is not set: no token "
            "opens, nothing can be sent");
    }

    c->loop->ops->timer_set(c->poll, 0);
    c->loop->ops->timer_set(c->sweep, 0);
    *part = c;

    return PT_OK;
}


static pt_err_t
courier_open(courier_t *c, const serve_t *serve)
{
    pt_err_t        err;
    pt_pool_conf_t  pool;
    pt_redis_conf_t redis;

    if (getrandom(c->rand.seed, sizeof(c->rand.seed), 0)
            != (ssize_t) sizeof(c->rand.seed)
        || pt_rand_uuid(&c->rand, c->loop->ops->wall_us(c->loop), &c->id)
               != PT_OK)
    {
        return PT_ECRYPTO;
    }

    memset(&pool, 0, sizeof(pool));
    pool.conninfo = serve->conf->database_url;
    pool.role = "pytake_service";
    pool.app_name = "pytake courier";
    pool.conns_max = 3;
    pool.depth = 1;
    pool.tenant_max = 2;
    pool.queue_max = COURIER_JOBS_MAX * 2;
    pool.connect_timeout_ms = 2000;
    pool.statement_timeout_ms = 4000;
    pool.lock_timeout_ms = 2000;
    pool.mem = c->mem;
    err = pt_pool_new(c->loop, &pool, &c->pool);

    if (err == PT_OK && serve->conf->redis_url != NULL) {
        memset(&redis, 0, sizeof(redis));
        redis.url = serve->conf->redis_url;
        redis.connect_timeout_ms = 1000;
        redis.command_timeout_ms = 2000;
        redis.pending_max = 1024;
        redis.mem = c->mem;
        err = pt_redis_new(c->loop, &redis, &c->redis);
    }

    if (err == PT_OK) {
        err = courier_http_new(c->loop, &c->mem, &c->http);
    }

    if (err != PT_OK) {
        return err;
    }

    c->pace = courier_pace_new(&c->mem);
    c->poll = c->loop->ops->timer_new(c->loop, PT_TIMER_HOUSE,
        courier_claim, c);
    c->sweep = c->loop->ops->timer_new(c->loop, PT_TIMER_HOUSE,
        courier_sweep, c);

    return c->pace != NULL && c->poll != NULL && c->sweep != NULL
               ? PT_OK
               : PT_ENOMEM;
}


/* Calls under way end and are kept; their timers hold the loop. */

static void
courier_stop(void *part)
{
    courier_t *c;

    c = part;
    c->stopping = true;
    c->loop->ops->timer_stop(c->poll);
    c->loop->ops->timer_stop(c->sweep);
}


static void
courier_del(void *part)
{
    courier_t *c;

    c = part;
    courier_http_del(c->http);

    if (c->pool != NULL) {
        pt_pool_del(c->pool);
    }

    while (c->jobs != NULL) {
        courier_job_del(c->jobs);
    }

    if (c->redis != NULL) {
        pt_redis_del(c->redis);
    }

    if (c->poll != NULL) {
        c->loop->ops->timer_del(c->poll);
    }

    if (c->sweep != NULL) {
        c->loop->ops->timer_del(c->sweep);
    }

    courier_pace_del(c->pace);
    c->mem.free(c->mem.user, c);
}


/* A doorbell, or a message settled: look now. */

void
courier_wake(courier_t *c)
{
    if (c->claiming) {
        c->again = true;

    } else if (!c->stopping) {
        c->loop->ops->timer_set(c->poll, 0);
    }
}


bool
courier_job_is(const courier_t *c, const pt_uuid_t *message)
{
    const courier_job_t *j;

    for (j = c->jobs; j != NULL; j = j->next) {
        if (pt_uuid_eq(&j->msg.id, message)) {
            return true;
        }
    }

    return false;
}


static void
courier_claim(void *data)
{
    size_t     n;
    int64_t    now_ms;
    uint32_t   room;
    batch_t   *b;
    courier_t *c;
    pt_uuid_t  paused[COURIER_PAUSED_MAX];

    c = data;

    if (c->claiming || c->stopping) {
        return;
    }

    room = COURIER_JOBS_MAX > c->njobs ? COURIER_JOBS_MAX - c->njobs : 0;
    room = room < COURIER_CLAIM_MAX ? room : COURIER_CLAIM_MAX;
    b = (room == 0) ? NULL : batch_new(&c->mem, COURIER_JOB_MAX);

    if (b == NULL) {
        c->loop->ops->timer_set(c->poll, COURIER_POLL_MS);
        return;
    }

    now_ms = c->loop->ops->now_ms(c->loop);
    n = courier_pace_paused(c->pace, now_ms, paused, PT_COUNT(paused));

    batch_stmt(b, PT_STMT_OUTBOX_CLAIM);
    batch_time(b, c->loop->ops->wall_us(c->loop));
    batch_i32(b, (int32_t) room);
    batch_uuid(b, &c->id);
    batch_uuids(b, paused, n);

    if (batch_submit(b, c->pool, PYTAKE_SQL_WRITE, NULL,
            now_ms + COURIER_DEADLINE_MS, courier_claimed, c)
        != PT_OK)
    {
        batch_del(b);
        c->loop->ops->timer_set(c->poll, COURIER_POLL_AWAY_MS);
        return;
    }

    c->claiming = true;
}


static void
courier_claimed(void *data, batch_t *b, const pytake_sql_result_t *result)
{
    uint32_t             i;
    courier_t           *c;
    courier_job_t       *j;
    const pytake_rows_t *r;

    PT_UNUSED(b);
    c = data;
    c->claiming = false;

    if (result->err != PT_OK) {
        courier_away(c, result);
        return;
    }

    if (c->away) {
        c->away = false;
        c->loop->ops->log(c->loop, PT_LOG_NOTICE,
            "pytake: courier: the database is back");
    }

    r = &result->rows[0];

    for (i = 0; i < r->nrows; i++) {
        c->stats.claimed++;
        j = courier_job_new(c, r, i);

        if (j != NULL) {
            courier_begin(c, j);
        }
    }

    if (!c->stopping) {
        c->loop->ops->timer_set(c->poll,
            (c->again || r->nrows > 0) ? 0 : COURIER_POLL_MS);
    }

    c->again = false;
}


static void
courier_begin(courier_t *c, courier_job_t *j)
{
    uint32_t wait;

    wait = courier_pace_take(c->pace, &j->config,
        j->msg.wa_id.len > 0 ? j->msg.wa_id : j->msg.bsuid,
        c->loop->ops->now_ms(c->loop));

    if (wait == 0) {
        courier_job_call(j);
        return;
    }

    c->stats.released++;
    j->release_us = c->loop->ops->wall_us(c->loop) + (int64_t) wait * 1000;
    courier_job_keep(j);
}


static void
courier_away(courier_t *c, const pytake_sql_result_t *result)
{
    if (!c->away) {
        c->away = true;
        c->loop->ops->log(c->loop,
            result->err == PT_EDB ? PT_LOG_ERR : PT_LOG_WARN,
            "pytake: courier: could not claim (%d %.5s), trying again",
            (int) result->err, result->sqlstate);
    }

    if (!c->stopping) {
        c->loop->ops->timer_set(c->poll, COURIER_POLL_AWAY_MS);
    }
}


/* Claims whose courier is gone: called or not, nobody knows.  Outcomes that
 * no status ever told: failed.  Backends stuck in the middle of a batch. */

static void
courier_sweep(void *data)
{
    int64_t    now_us;
    batch_t   *b;
    courier_t *c;

    c = data;

    if (c->stopping) {
        return;
    }

    c->loop->ops->timer_set(c->sweep, COURIER_SWEEP_MS);
    b = c->sweeping ? NULL : batch_new(&c->mem, COURIER_JOB_MAX);

    if (b == NULL) {
        return;
    }

    now_us = c->loop->ops->wall_us(c->loop);
    batch_stmt(b, PT_STMT_COURIER_STALE);
    batch_time(b, now_us - (int64_t) COURIER_STALE_S * 1000000);
    batch_i32(b, COURIER_SWEEP_MAX);
    batch_stmt(b, PT_STMT_COURIER_LOST);
    batch_time(b, now_us - (int64_t) COURIER_LOST_S * 1000000);
    batch_i32(b, COURIER_SWEEP_MAX);
    batch_stmt(b, PT_STMT_BACKENDS_END);
    batch_i32(b, COURIER_BACKENDS_S);

    if (batch_submit(b, c->pool, PYTAKE_SQL_WRITE, NULL,
            c->loop->ops->now_ms(c->loop) + COURIER_DEADLINE_MS,
            courier_swept, c)
        != PT_OK)
    {
        batch_del(b);
        return;
    }

    c->sweeping = true;
}


static void
courier_swept(void *data, batch_t *b, const pytake_sql_result_t *result)
{
    courier_t *c;

    PT_UNUSED(b);
    c = data;
    c->sweeping = false;

    if (result->err == PT_OK) {
        courier_settle(c, &result->rows[0], false);
        courier_settle(c, &result->rows[1], true);
    }
}


static void
courier_settle(courier_t *c, const pytake_rows_t *r, bool lost)
{
    uint32_t       i;
    pt_uuid_t      tenant, message;
    courier_job_t *j;

    for (i = 0; i < r->nrows && c->njobs < COURIER_JOBS_MAX; i++) {
        batch_cell_uuid(r, i, 0, &tenant);
        batch_cell_uuid(r, i, 1, &message);

        if (courier_job_is(c, &message)) {
            continue; /* ours, and still under way */
        }

        j = courier_job_settle(c, &tenant, &message);

        if (j == NULL) {
            return;
        }

        j->lost = lost;
        j->outcome.verdict = lost ? COURIER_FAILED : COURIER_UNKNOWN;
        j->outcome.title = PT_STR("outcome unknown");
        j->outcome.detail = lost
            ? PT_STR("no status came within 24 hours: perhaps it was sent")
            : PT_STR("the courier ended between claim and answer");
        courier_job_keep(j);
    }
}
