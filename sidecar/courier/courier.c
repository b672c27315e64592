/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier.c: the part of "pytake serve" that carries the outbox to WhatsApp.
 * It claims messages, paces them and sweeps what is left over.  A claim is
 * committed before its call is written, and the courier by itself never calls
 * twice for one claim.
 */

#include "courier_int.h"

#include <assert.h>
#include <sys/random.h>

#include "core/base/pt_err.h"

static pt_err_t courier_start(const part_host_t *serve, void **part);
static pt_err_t courier_open(courier_t *c, const part_host_t *serve);
static pt_err_t courier_open_redis(courier_t *c);
static void     courier_stop(void *part);
static void     courier_del(void *part);
static void     courier_metrics(const void *part, pt_buf_t *out);
static void     courier_up(void *data);
static void     courier_added(void *data, pt_str_t channel);
static void     courier_bell(void *data, pt_str_t channel, pt_str_t payload);
static void     courier_claim(void *data);
static size_t   courier_waits(courier_t *c, int64_t now_ms, pt_uuid_t *out);
static const pt_uuid_t *courier_greedy(const courier_t *c);
static void             courier_claimed(void *data, batch_t *b,
                                        const pytake_sql_result_t *result);
static void courier_away(courier_t *c, const pytake_sql_result_t *result);

const part_t courier_part = { "courier",       courier_start,
                              courier_stop,    courier_del,
                              courier_metrics, COURIER_HTTP_CONNS_MAX };


static pt_err_t
courier_start(const part_host_t *serve, void **part)
{
    pt_err_t   err;
    courier_t *c;

    assert(serve->base != NULL && serve->conf != NULL);

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
        c->loop->ops->log(
            c->loop, PT_LOG_ERR,
            "pytake: courier: PYTAKE_ENCRYPTION_KEY is not set: no token "
            "opens, so nothing is sent until it is set and the program is "
            "started again");

    } else {
        c->loop->ops->timer_set(c->poll, 0);
    }

    c->loop->ops->timer_set(c->sweep, 0);
    *part = c;

    return PT_OK;
}


static pt_err_t
courier_open(courier_t *c, const part_host_t *serve)
{
    pt_err_t       err;
    pt_pool_conf_t pool;

    if (getrandom(c->rand.seed, sizeof(c->rand.seed), 0)
            != (ssize_t) sizeof(c->rand.seed)
        || pt_rand_uuid(&c->rand, c->loop->ops->wall_us(c->loop), &c->id)
               != PT_OK)
    {
        return PT_ECRYPTO;
    }

    memset(&pool, 0, sizeof(pool));
    pool.conninfo = serve->conf->database_url;
    pool.role = serve->conf->role_service;
    pool.app_name = "pytake courier";
    pool.conns_max = 4;
    pool.depth = 1;
    pool.tenant_max = 3;
    pool.queue_max = COURIER_JOBS_MAX + 16;
    pool.connect_timeout_ms = 2000;
    pool.statement_timeout_ms = 4000;
    pool.lock_timeout_ms = 2000;
    pool.mem = c->mem;
    err = pt_pool_new(c->loop, &pool, &c->pool);

    if (err == PT_OK && c->conf->jwt_secret.data != NULL) {
        err = pt_bus_key(c->conf->jwt_secret, c->bus_key);
        c->has_bus_key = err == PT_OK;
    }

    if (err == PT_OK && c->conf->redis_url != NULL) {
        err = courier_open_redis(c);
    }

    if (err == PT_OK) {
        err = courier_http_new(c->loop, &c->mem, COURIER_CALL_MS, &c->http);
    }

    if (err != PT_OK) {
        return err;
    }

    c->pace = courier_pace_new(&c->mem);
    c->poll =
        c->loop->ops->timer_new(c->loop, PT_TIMER_HOUSE, courier_claim, c);
    c->sweep =
        c->loop->ops->timer_new(c->loop, PT_TIMER_HOUSE, courier_sweep, c);

    return c->pace != NULL && c->poll != NULL && c->sweep != NULL ? PT_OK
                                                                  : PT_ENOMEM;
}


static pt_err_t
courier_open_redis(courier_t *c)
{
    pt_err_t            err;
    pt_redis_conf_t     redis;
    pt_redis_sub_conf_t sub;

    memset(&redis, 0, sizeof(redis));
    redis.url = c->conf->redis_url;
    redis.connect_timeout_ms = 1000;
    redis.command_timeout_ms = 2000;
    redis.pending_max = 1024;
    redis.mem = c->mem;
    err = pt_redis_new(c->loop, &redis, &c->redis);

    if (err != PT_OK) {
        return err;
    }

    memset(&sub, 0, sizeof(sub));
    sub.url = c->conf->redis_url;
    sub.connect_timeout_ms = 1000;
    sub.mem = c->mem;
    sub.data = c;
    sub.on_up = courier_up;
    sub.on_added = courier_added;
    sub.on_message = courier_bell;

    return pt_redis_sub_new(c->loop, &sub, &c->sub);
}


/* Calls under way go on to their end and their outcomes are stored: their
 * timers keep the loop alive.  Jobs that only wait for their turn are given
 * back. */

static void
courier_stop(void *part)
{
    courier_t     *c;
    courier_job_t *j, *next;

    c = part;
    c->stopping = true;
    c->loop->ops->timer_stop(c->poll);
    c->loop->ops->timer_stop(c->sweep);

    for (j = c->jobs; j != NULL; j = next) {
        next = j->next;
        courier_job_stop(j);
    }
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
        courier_flight_del(c->jobs);
    }

    pt_redis_sub_del(c->sub);

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


static void
courier_metrics(const void *part, pt_buf_t *out)
{
    courier_metrics_write(part, out);
}


static void
courier_up(void *data)
{
    courier_t     *c;
    const pt_str_t channel = PT_STR(COURIER_CHANNEL);

    c = data;
    pt_redis_sub_add(c->sub, &channel, 1);
}


/* Doorbells are heard from here on.  A claim finds the messages that came
 * while they were not. */

static void
courier_added(void *data, pt_str_t channel)
{
    PT_UNUSED(channel);
    courier_flight_wake(data);
}


static void
courier_bell(void *data, pt_str_t channel, pt_str_t payload)
{
    PT_UNUSED(channel);
    PT_UNUSED(payload);
    courier_flight_wake(data);
}


static void
courier_claim(void *data)
{
    size_t     n;
    int64_t    now_ms;
    uint32_t   room;
    batch_t   *b;
    courier_t *c;
    pt_uuid_t  waits[COURIER_PAUSED_MAX + 1];

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
    n = courier_waits(c, now_ms, waits);
    assert(n <= PT_COUNT(waits));

    c->claim_us = c->loop->ops->wall_us(c->loop);
    PT_SQL(batch_sql(b), outbox_claim, .now = c->claim_us,
           .most = (int32_t) room, .courier = &c->id,
           .waiting_numbers = { waits, n });

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


/* Writes the numbers of which nothing is claimed now to out, which has room
 * for COURIER_PAUSED_MAX + 1, and returns how many there are. */

static size_t
courier_waits(courier_t *c, int64_t now_ms, pt_uuid_t *out)
{
    size_t           n;
    const pt_uuid_t *greedy;

    n = courier_pace_paused(c->pace, now_ms, out, COURIER_PAUSED_MAX);
    assert(n <= COURIER_PAUSED_MAX);
    greedy = courier_greedy(c);

    if (greedy != NULL) {
        out[n++] = *greedy;
    }

    return n;
}


/* The number that has more than half of all jobs, once half of the places are
 * taken; NULL: there is none.  Its calls hang, and must not keep those of all
 * other numbers waiting.  A majority vote (Boyer and Moore) finds it in two
 * passes without memory. */

static const pt_uuid_t *
courier_greedy(const courier_t *c)
{
    uint32_t             votes;
    const pt_uuid_t     *who;
    const courier_job_t *j;

    who = NULL;
    votes = 0;

    if (c->njobs < COURIER_JOBS_MAX / 2) {
        return NULL;
    }

    for (j = c->jobs; j != NULL; j = j->next) {
        if (votes == 0) {
            who = &j->config;
        }

        votes += pt_uuid_eq(who, &j->config) ? 1 : (uint32_t) -1;
    }

    for (votes = 0, j = c->jobs; j != NULL; j = j->next) {
        votes += pt_uuid_eq(who, &j->config) ? 1 : 0;
    }

    return votes > c->njobs / 2 ? who : NULL;
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
    assert(c->claiming);
    c->claiming = false;

    if (c->overdue && !c->stopping) {
        courier_sweep_claims(c); /* its rows come when the jobs are made */
    }

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

        if (j == NULL) {
            continue;
        }

        if (c->stopping) {
            courier_job_release(j, 0);

        } else {
            courier_job_begin(j);
        }
    }

    if (!c->stopping) {
        c->loop->ops->timer_set(
            c->poll, (c->again || r->nrows > 0) ? 0 : COURIER_POLL_MS);
    }

    c->again = false;
}


static void
courier_away(courier_t *c, const pytake_sql_result_t *result)
{
    if (!c->away) {
        c->away = true;
        c->loop->ops->log(
            c->loop, result->err == PT_EDB ? PT_LOG_ERR : PT_LOG_WARN,
            "pytake: courier: could not claim (%s), trying again",
            result->sqlstate[0] != '\0' ? result->sqlstate
                                        : pt_err_get(result->err)->code);
    }

    if (!c->stopping) {
        c->loop->ops->timer_set(c->poll, COURIER_POLL_AWAY_MS);
    }
}
