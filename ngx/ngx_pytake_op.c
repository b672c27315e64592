/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The driver of an operation of the core: it asks for an effect, performs it,
 * and feeds the outcome back, until the effect is the answer.
 *
 * Two may refer to an operation: r->pool, until its clean-up runs (held), and
 * the work under way (state SQL or WORK).  It is freed when neither does.
 *
 * When the client goes away, the operation is cut off from its request.  It is
 * dropped then, unless a write was handed to a pool: such an operation goes on
 * to its end, so that what it committed is published.
 */

#include "ngx_pytake.h"
#if (PYTAKE_FAULTS)
#include "pt_fault.h"
#endif


static ngx_int_t ngx_pytake_op_run(ngx_pytake_op_t *op);
static ngx_int_t ngx_pytake_op_sql(ngx_pytake_op_t *op);
static void      ngx_pytake_op_sql_done(void                      *data,
                                        const pytake_sql_result_t *result);
static ngx_int_t ngx_pytake_op_work(ngx_pytake_op_t *op);
static void      ngx_pytake_op_work_done(ngx_pytake_op_t *op, pt_err_t err,
                                         ngx_uint_t match);
static void      ngx_pytake_op_publish(ngx_pytake_op_t *op);
static void      ngx_pytake_op_resume(ngx_pytake_op_t *op);
static void      ngx_pytake_op_timeout(ngx_event_t *ev);
static void      ngx_pytake_op_stop(ngx_pytake_op_t *op);
static void      ngx_pytake_op_enter(ngx_pytake_op_t *op, ngx_uint_t state);
static void      ngx_pytake_op_abort(void *data);
static void      ngx_pytake_op_unhold(void *data);
static void      ngx_pytake_op_free(ngx_pytake_op_t *op);


ngx_pytake_op_t *
ngx_pytake_op_new(ngx_http_request_t *r, ngx_pytake_worker_t *w, size_t extra)
{
    ngx_pytake_op_t    *op;
    ngx_pool_cleanup_t *pcln;
    ngx_http_cleanup_t *hcln;

    assert(w != NULL && w->pt != NULL);

    pcln = ngx_pool_cleanup_add(r->pool, 0);
    if (pcln == NULL) {
        return NULL;
    }

    hcln = ngx_http_cleanup_add(r, 0);
    if (hcln == NULL) {
        return NULL;
    }

    op = ngx_alloc(sizeof(ngx_pytake_op_t) + extra, r->connection->log);
    if (op == NULL) {
        return NULL;
    }

    ngx_memzero(op, sizeof(ngx_pytake_op_t));

    op->worker = w;
    op->request = r;
    op->held = 1;

    op->timer.handler = ngx_pytake_op_timeout;
    op->timer.data = &w->loop.dummy;
    op->timer.log = ngx_cycle->log;

    pcln->handler = ngx_pytake_op_unhold;
    pcln->data = op;

    hcln->handler = ngx_pytake_op_abort;
    hcln->data = op;

    ngx_queue_insert_tail(&w->ops, &op->queue);
    w->nops++;

    return op;
}


ngx_int_t
ngx_pytake_op_start(ngx_pytake_op_t *op, ngx_msec_t timeout)
{
    uint8_t              seed[32];
    ngx_pytake_worker_t *w;

    w = op->worker;

    assert(op->state == NGX_PYTAKE_OP_NEW && op->op == NULL);

    op->deadline_ms = (int64_t) ngx_current_msec + (int64_t) timeout;

    if (ngx_pytake_random(w, seed, sizeof(seed)) != NGX_OK
        || pytake_op_new(w->pt, &op->req, seed, ngx_pytake_clock_wall_us(),
                         &op->op)
               != PT_OK)
    {
        op->op = NULL;
        ngx_pytake_op_enter(op, NGX_PYTAKE_OP_DONE);
        return NGX_ERROR;
    }

    return ngx_pytake_op_run(op);
}


ngx_int_t
ngx_pytake_op_judge(ngx_pytake_op_t *op)
{
    pt_err_t             err;
    uint8_t              seed[32];
    ngx_pytake_worker_t *w;

    w = op->worker;
    err = PT_ENOMEM;

    assert(op->state == NGX_PYTAKE_OP_NEW && op->op == NULL);

    if (ngx_pytake_random(w, seed, sizeof(seed)) == NGX_OK) {
        err = pytake_op_judge(w->pt, &op->req, seed, ngx_pytake_clock_wall_us(),
                              &op->op);
    }

    if (err != PT_OK || op->op == NULL) {
        op->op = NULL;
        ngx_pytake_op_enter(op, NGX_PYTAKE_OP_DONE);
        return err == PT_OK ? NGX_DECLINED : NGX_ERROR;
    }

    return ngx_pytake_op_run(op);
}


void
ngx_pytake_op_release(ngx_pytake_op_t *op, ngx_http_request_t *r)
{
    ngx_http_cleanup_t *hcln;
    ngx_pool_cleanup_t *pcln;

    assert(op->state == NGX_PYTAKE_OP_DONE && op->ctx != NULL);

    for (hcln = r->main->cleanup; hcln; hcln = hcln->next) {
        if (hcln->data == op) {
            hcln->handler = NULL;
        }
    }

    for (pcln = r->pool->cleanup; pcln; pcln = pcln->next) {
        if (pcln->data == op) {
            pcln->handler = NULL;
        }
    }

    op->ctx->op = NULL;
    op->ctx = NULL;
    op->held = 0;

    ngx_pytake_op_free(op);
}


void
ngx_pytake_op_drop_all(ngx_pytake_worker_t *w)
{
    ngx_queue_t     *q;
    ngx_pytake_op_t *op;

    while (!ngx_queue_empty(&w->ops)) {
        q = ngx_queue_head(&w->ops);
        op = ngx_queue_data(q, ngx_pytake_op_t, queue);

        ngx_pytake_op_stop(op);
        ngx_pytake_op_enter(op, NGX_PYTAKE_OP_DONE);

        /* its request may still be there, but the worker exits without ending
         * requests, so no clean-up will refer to the operation */

        op->request = NULL;
        op->ctx = NULL;
        op->held = 0;
        ngx_pytake_op_free(op);
    }
}


/* Performs effects until one has to be waited for (NGX_AGAIN), or the answer
 * is there (NGX_OK). */

static ngx_int_t
ngx_pytake_op_run(ngx_pytake_op_t *op)
{
    ngx_int_t rc;

    assert(op->op != NULL);

    for (;;) {

        switch (pytake_op_next(op->op, &op->effect)) {

        case PYTAKE_EFFECT_SQL:
            rc = ngx_pytake_op_sql(op);
            break;

        case PYTAKE_EFFECT_WORK:
            rc = ngx_pytake_op_work(op);
            break;

        case PYTAKE_EFFECT_REDIS:
            ngx_pytake_op_publish(op);
            rc = NGX_OK;
            break;

        case PYTAKE_EFFECT_DONE:
        default:
            ngx_pytake_op_enter(op, NGX_PYTAKE_OP_DONE);
            return NGX_OK;
        }

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }
    }
}


static ngx_int_t
ngx_pytake_op_sql(ngx_pytake_op_t *op)
{
    pt_err_t             err;
    pytake_sql_t        *sql;
    pytake_sql_result_t  result;
    ngx_pytake_worker_t *w;

    w = op->worker;
    sql = &op->effect.u.sql;

    assert(sql->class < NGX_PYTAKE_CLASSES && w->pool[sql->class] != NULL);

    op->class = sql->class;
    op->pool = w->pool[op->class];
    op->submitted_us = ngx_pytake_clock_mono_us();

    err = pt_pool_submit(op->pool, sql, op->deadline_ms, ngx_pytake_op_sql_done,
                         op, &op->batch);

    if (err == PT_OK) {
        if (sql->class == PYTAKE_SQL_WRITE) {
            op->wrote = 1;
        }

        ngx_pytake_op_enter(op, NGX_PYTAKE_OP_SQL);
        return NGX_AGAIN;
    }

    if (err == PT_EBUSY) {
        ngx_pytake_zone_add(w->zone, NGX_PYTAKE_C_QUEUE_REJECTED, 1);
    }

    ngx_memzero(&result, sizeof(pytake_sql_result_t));
    result.err = err;

    pytake_op_feed_sql(op->op, ngx_pytake_clock_wall_us(), &result);

    return NGX_OK;
}


static void
ngx_pytake_op_sql_done(void *data, const pytake_sql_result_t *result)
{
    int64_t          us;
    ngx_pytake_op_t *op = data;

    assert(op->state == NGX_PYTAKE_OP_SQL && op->op != NULL);

    us = ngx_pytake_clock_mono_us() - op->submitted_us;

    if (op->ctx) {
        op->ctx->db_us += us;
    }

    ngx_pytake_zone_batch(op->worker->zone, op->class, (ngx_uint_t) us);

    pytake_op_feed_sql(op->op, ngx_pytake_clock_wall_us(), result);

#if (PYTAKE_FAULTS)
    if (result->err == PT_OK && op->class == PYTAKE_SQL_WRITE) {
        PT_FAULT("publish.before");
    }
#endif

    /* result and its rows live until this function returns, and the core reads
     * them in pytake_op_next() for the last time */

    ngx_pytake_op_resume(op);
}


static ngx_int_t
ngx_pytake_op_work(ngx_pytake_op_t *op)
{
    pt_err_t   err;
    ngx_uint_t wait_s;

    err = ngx_pytake_hash_new(op, &op->effect.u.work, ngx_pytake_op_work_done,
                              &wait_s);

    if (err == PT_OK) {
        ngx_pytake_op_enter(op, NGX_PYTAKE_OP_WORK);
        return NGX_AGAIN;
    }

    if (err == PT_EATTEMPTS) {
        ngx_pytake_zone_add(op->worker->zone, NGX_PYTAKE_C_LOGIN_WAITS, 1);
        pytake_op_feed_wait(op->op, ngx_pytake_clock_wall_us(),
                            (uint32_t) wait_s);
        return NGX_OK;
    }

    ngx_pytake_zone_add(op->worker->zone, NGX_PYTAKE_C_HASH_REJECTED, 1);
    pytake_op_feed_work(op->op, ngx_pytake_clock_wall_us(), PT_EBUSY, false);

    return NGX_OK;
}


static void
ngx_pytake_op_work_done(ngx_pytake_op_t *op, pt_err_t err, ngx_uint_t match)
{
    assert(op->state == NGX_PYTAKE_OP_WORK);

    op->hash = NULL;
    pytake_op_feed_work(op->op, ngx_pytake_clock_wall_us(), err, match ? 1 : 0);
    ngx_pytake_op_resume(op);
}


static void
ngx_pytake_op_publish(ngx_pytake_op_t *op)
{
    ngx_uint_t           counter;
    pytake_redis_t      *redis;
    ngx_pytake_worker_t *w;

    w = op->worker;
    redis = &op->effect.u.redis;

    counter = NGX_PYTAKE_C_DROPPED;

    if (w->redis
        && pt_redis_publish(w->redis, redis->channel, redis->payload) == PT_OK)
    {
        counter = NGX_PYTAKE_C_PUBLISHED;
    }

    ngx_pytake_zone_add(w->zone, counter, 1);

    if (op->webhook) {
        ngx_pytake_zone_add(w->zone, NGX_PYTAKE_C_WEBHOOK_EVENTS, 1);
    }
}


/* Goes on from an event of a connection that is not the request's, so the log
 * has to be given the request, and what its end posted has to be run. */

static void
ngx_pytake_op_resume(ngx_pytake_op_t *op)
{
    ngx_int_t           rc;
    ngx_connection_t   *c;
    ngx_http_request_t *r;

    if (ngx_pytake_op_run(op) == NGX_AGAIN) {
        return;
    }

    r = op->request;

    if (r == NULL) {
        ngx_pytake_op_free(op);
        return;
    }

    c = r->connection;

    ngx_http_set_log_request(c->log, r);
    op->request = NULL;

    if (op->done) {
        op->done(r, &op->effect.u.done);

    } else {
        rc = ngx_pytake_answer_response(r, &op->effect.u.done);
        ngx_http_finalize_request(r, rc);
    }

    ngx_http_run_posted_requests(c);
}


/*
 * The deadline has come.  A hash is given up at once.  A pool answers batches
 * at their deadline by itself, and it alone knows what had been sent; so it
 * has a grace, after which something is wrong with the pool.
 */

static void
ngx_pytake_op_timeout(ngx_event_t *ev)
{
    ngx_uint_t       state;
    ngx_pytake_op_t *op;

    op = (ngx_pytake_op_t *) ((u_char *) ev - offsetof(ngx_pytake_op_t, timer));
    state = op->state;

    assert(state == NGX_PYTAKE_OP_SQL || state == NGX_PYTAKE_OP_WORK);

    if (state == NGX_PYTAKE_OP_SQL && !op->late) {
        op->late = 1;
        ngx_add_timer(&op->timer, NGX_PYTAKE_GRACE);
        return;
    }

    if (state == NGX_PYTAKE_OP_SQL) {
        ngx_log_error(NGX_LOG_ERR, ev->log, 0,
                      "pytake: the pool did not answer a batch at its "
                      "deadline, please report this as a bug");
    }

    ngx_pytake_op_stop(op);

    pytake_op_fail(op->op, ngx_pytake_clock_wall_us(),
                   (state == NGX_PYTAKE_OP_SQL && op->class == PYTAKE_SQL_WRITE)
                       ? PT_EOUTCOME
                       : PT_EDEADLINE);
    ngx_pytake_op_resume(op);
}


static void
ngx_pytake_op_stop(ngx_pytake_op_t *op)
{
    switch (op->state) {

    case NGX_PYTAKE_OP_SQL:
        pt_pool_abandon(op->pool, op->batch);
        break;

    case NGX_PYTAKE_OP_WORK:
        if (op->hash) {
            ngx_pytake_hash_abandon(op->hash);
            op->hash = NULL;
        }

        break;

    default:
        break;
    }
}


static void
ngx_pytake_op_enter(ngx_pytake_op_t *op, ngx_uint_t state)
{
    int64_t left;

    assert(state != NGX_PYTAKE_OP_NEW);

    op->state = state;

    if (state == NGX_PYTAKE_OP_DONE) {
        if (op->timer.timer_set) {
            ngx_del_timer(&op->timer);
        }

        return;
    }

    if (!op->timer.timer_set) {
        left = op->deadline_ms - (int64_t) ngx_current_msec;
        ngx_add_timer(&op->timer, (ngx_msec_t) (left > 1 ? left : 1));
    }
}


/* The clean-up of a request that ends, with its answer or before it. */

static void
ngx_pytake_op_abort(void *data)
{
    ngx_pytake_op_t *op = data;

    op->request = NULL;

    if (op->state == NGX_PYTAKE_OP_DONE) {
        return;
    }

    ngx_pytake_zone_add(op->worker->zone, NGX_PYTAKE_C_ABORTS, 1);

    if (op->wrote) {
        ngx_pytake_zone_add(op->worker->zone, NGX_PYTAKE_C_DETACHED, 1);
        return;
    }

    ngx_pytake_op_stop(op);
    ngx_pytake_op_enter(op, NGX_PYTAKE_OP_DONE);
}


/* The clean-up of r->pool, which runs when the access log has been written. */

static void
ngx_pytake_op_unhold(void *data)
{
    ngx_pytake_op_t *op = data;

    op->held = 0;
    op->ctx = NULL;

    if (op->state == NGX_PYTAKE_OP_DONE) {
        ngx_pytake_op_free(op);
    }
}


static void
ngx_pytake_op_free(ngx_pytake_op_t *op)
{
    if (op->held) {
        return;
    }

    assert(op->state == NGX_PYTAKE_OP_DONE && op->worker->nops > 0);

    ngx_queue_remove(&op->queue);
    op->worker->nops--;

    if (op->op) {
        pytake_op_del(op->op);
    }

    if (op->worker->draining && op->worker->nops == 0) {
        op->worker->drain(op->worker);
    }

    ngx_free(op);
}
