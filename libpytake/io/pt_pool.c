/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_pool.c: it brings batches and connections together.
 *
 * An item waits in pt_queue, or it is in flight in the ring of one
 * connection.  A batch whose caller got its answer early, or went away, stays
 * in flight until its Sync comes or its connection ends, so that no other
 * batch gets its answers.
 *
 * Handlers run from timers and sockets alone, never inside a call of the
 * caller's.  So the kick timer deals with whatever fails within
 * pt_pool_submit(), on the next turn of the loop.
 */

#include <assert.h>
#include <unistd.h>

#include "pt_fault.h"
#include "pt_pool_int.h"
#include "pt_pgsend.h"


static bool     pt_pool_conf_is_valid(const pt_pool_conf_t *conf);
static bool     pt_pool_timers(pt_pool_t *p);
static pt_err_t pt_pool_conns(pt_pool_t *p);
static void     pt_pool_on_ready(pt_pool_t *p, pt_pgconn_t *c);
static bool     pt_pool_is_away(const pt_pool_t *p);
static void     pt_pool_on_broken(pt_pool_t *p);
static void     pt_pool_on_done(pt_pool_t *p, pt_pgconn_t *c, pt_item_t *it);
static void     pt_pool_on_idle(pt_pool_t *p, pt_pgconn_t *c);
static void     pt_pool_dispatch(pt_pool_t *p);
static pt_pgconn_t *pt_pool_pick(pt_pool_t *p);
static void         pt_pool_on_house(void *data);
static void         pt_pool_on_kick(void *data);

static const pt_pgconn_owner_t pt_pool_owner = {
    pt_pool_on_ready, pt_pool_on_broken, pt_pool_is_away, pt_pool_on_done,
    pt_pool_on_idle
};


pt_err_t
pt_pool_new(pt_loop_t *loop, const pt_pool_conf_t *conf, pt_pool_t **out)
{
    pt_err_t   err;
    pt_pool_t *p;

    if (!pt_pool_conf_is_valid(conf)) {
        loop->ops->log(loop, PT_LOG_ERR,
                       "pytake: a database pool's configuration is impossible");
        return PT_EVALIDATION;
    }
    p = conf->mem.alloc(conf->mem.user, sizeof(pt_pool_t));
    if (p == NULL) {
        return PT_ENOMEM;
    }
    memset(p, 0, sizeof(*p));
    p->loop = loop;
    p->conf = *conf;
    p->conf.like = NULL;
    pt_items_init(&p->items, &conf->mem,
                  conf->queue_max + conf->conns_max * conf->depth);
    pt_queue_init(&p->queue, &conf->mem, conf->tenant_max);
    pt_breaker_init(&p->breaker, PT_PG_BREAKER_FAILURES, PT_PG_RECONNECT_MS);
    pt_backoff_init(&p->backoff, PT_PG_RECONNECT_MS, PT_PG_RECONNECT_MS,
                    (uint64_t) getpid());
    PQinitOpenSSL(0, 0); /* OpenSSL initialises itself, libpq must not */

    err = pt_pool_timers(p) ? pt_pool_conns(p) : PT_ENOMEM;
    if (err == PT_OK) {
        err = pt_conninfo_new(
            loop, conf, (conf->like == NULL) ? NULL : conf->like->ci, &p->ci);
    }
    if (err != PT_OK) {
        pt_pool_del(p);
        return err;
    }
    *out = p;
    return PT_OK;
}


void
pt_pool_del(pt_pool_t *p)
{
    uint32_t             i;
    const pt_loop_ops_t *ops = p->loop->ops;

    for (i = 0; i < p->nconns; i++) {
        pt_pgconn_free(&p->conns[i]);
    }
    if (p->conns != NULL) {
        p->conf.mem.free(p->conf.mem.user, p->conns);
    }
    pt_items_free(&p->items);
    pt_queue_free(&p->queue);
    if (p->ci != NULL) {
        pt_conninfo_del(p->ci);
    }
    if (p->deadline != NULL) {
        ops->timer_del(p->deadline);
    }
    if (p->kick != NULL) {
        ops->timer_del(p->kick);
    }
    if (p->house != NULL) {
        ops->timer_del(p->house);
    }
    p->conf.mem.free(p->conf.mem.user, p);
}


void
pt_pool_drain(pt_pool_t *p)
{
    uint32_t i;

    p->draining = true;
    for (i = 0; i < p->nconns; i++) {
        if (p->conns[i].state == PT_PGCONN_READY && p->conns[i].inflight == 0) {
            pt_pgconn_close(&p->conns[i]);
        } else if (p->conns[i].probe) {
            pt_pgconn_close(&p->conns[i]);
            p->breaker.probing = false;
        }
    }
}


pt_err_t
pt_pool_submit(pt_pool_t *p, const pytake_sql_t *sql, int64_t deadline_ms,
               pt_batch_handler_pt handler, void *data, pt_batch_t *out)
{
    pt_item_t *it;

    assert(handler != NULL && out != NULL);
    if (!pt_pgsend_is_valid(sql)) {
        p->loop->ops->log(
            p->loop, PT_LOG_ALERT,
            "pytake: a batch does not fit the statement table, please "
            "report this as a bug");
        return PT_EINTERNAL;
    }
    if (p->breaker.open) {
        p->demand_at_ms = p->loop->ops->now_ms(p->loop);
        pt_poolconn_housekeep(p, 0);
        return PT_EDBAWAY;
    }
    if (p->queue.waiting >= p->conf.queue_max) {
        return PT_EBUSY;
    }
    it = pt_items_get(&p->items);
    if (it == NULL) {
        return PT_ENOMEM;
    }
    it->result = pt_pgresult_new(&p->conf.mem, sql->nstmts);
    it->sql = *sql;
    it->deadline_ms = deadline_ms;
    it->handler = handler;
    it->data = data;
    if (it->result == NULL || pt_queue_add(&p->queue, it, false) != PT_OK) {
        pt_items_put(&p->items, it);
        return PT_ENOMEM;
    }
    it->state = PT_ITEM_WAITING;
    p->owed++;
    p->stats.batches++;
    out->index = it->index;
    out->generation = it->generation;
    pt_poolitem_watch(p, deadline_ms);
    pt_pool_dispatch(p);
    return PT_OK;
}


void
pt_pool_abandon(pt_pool_t *p, pt_batch_t b)
{
    pt_item_t *it = pt_items_find(&p->items, b.index, b.generation);

    if (it == NULL || it->answered) {
        return;
    }
    assert(p->owed > 0);
    p->owed--;
    if (it->state == PT_ITEM_WAITING) {
        pt_queue_drop(&p->queue, it);
        pt_items_put(&p->items, it);
    } else {
        it->answered = true;
        pt_pgresult_reset(it->result);
    }
    pt_poolitem_settled(p);
}


void
pt_pool_stats(const pt_pool_t *p, pt_pool_stats_t *out)
{
    uint32_t i;

    *out = p->stats;
    out->conns = pt_poolconn_count(p, PT_PGCONN_READY);
    out->connecting = pt_poolconn_count(p, PT_PGCONN_CONNECTING);
    out->busy = 0;
    for (i = 0; i < p->nconns; i++) {
        out->busy += p->conns[i].inflight;
    }
    out->waiting = p->queue.waiting;
    out->away = p->breaker.open;
}


static void
pt_pool_on_ready(pt_pool_t *p, pt_pgconn_t *c)
{
    c->probe = false;
    p->lost = false;
    p->connect_at_ms = 0;
    p->stats.connects++;
    if (pt_breaker_success(&p->breaker)) {
        p->loop->ops->log(p->loop, PT_LOG_NOTICE, "pytake: database is back");
    }
    pt_pool_dispatch(p);
    pt_pool_on_idle(p, c);
}


static bool
pt_pool_is_away(const pt_pool_t *p)
{
    return p->breaker.open;
}


static void
pt_pool_on_broken(pt_pool_t *p)
{
    p->loop->ops->timer_set(p->kick, 0);
}


/* The batch's Sync has come, so its transaction has ended, by commit or
 * rollback.  0A000 (the plan must not change its result) and 26000 (no such
 * statement) say that the statements have to be prepared anew, and then the
 * batch is sent once more. */

static void
pt_pool_on_done(pt_pool_t *p, pt_pgconn_t *c, pt_item_t *it)
{
    const char *state = (it->result == NULL) ? "" : it->result->pub.sqlstate;

    (void) pt_breaker_success(&p->breaker);
    if (it->failed && !it->answered
        && (memcmp(state, "0A000", 5) == 0 || memcmp(state, "26000", 5) == 0))
    {
        pt_pgconn_forget(c, it);
        if (pt_poolconn_again(p, it)) {
            pt_pool_dispatch(p);
            return;
        }
    }
    pt_queue_landed(&p->queue, it, false);
    pt_pool_dispatch(p); /* the server works while the handler runs */

    if (it->failed) {
        pt_poolitem_answer(p, it, PT_EDB);
    } else if (it->nomem) {
        pt_poolitem_answer(p, it,
                           it->sql.class == PYTAKE_SQL_WRITE ? PT_EOUTCOME
                                                             : PT_EDBAWAY);
    } else {
        if (it->sql.class == PYTAKE_SQL_WRITE) {
            PT_FAULT("pg.after_commit");
        }
        pt_poolitem_answer(p, it, PT_OK);
    }
    pt_poolitem_release(p, it);
}


static void
pt_pool_on_idle(pt_pool_t *p, pt_pgconn_t *c)
{
    if (c->state == PT_PGCONN_READY && c->inflight == 0
        && (c->retire || pt_poolconn_is_leaving(p)))
    {
        pt_pgconn_close(c);
        pt_pool_dispatch(p);
    }
}


static bool
pt_pool_conf_is_valid(const pt_pool_conf_t *conf)
{
    return conf->conninfo != NULL && conf->conns_max > 0
           && conf->conns_max <= PT_PG_CONNS_MAX && conf->depth > 0
           && conf->depth <= PT_PG_DEPTH_MAX && conf->queue_max > 0
           && conf->connect_timeout_ms > 0;
}


static bool
pt_pool_timers(pt_pool_t *p)
{
    const pt_loop_ops_t *ops = p->loop->ops;

    p->deadline =
        ops->timer_new(p->loop, PT_TIMER_HOLD, pt_poolitem_on_deadline, p);
    p->kick = ops->timer_new(p->loop, PT_TIMER_HOLD, pt_pool_on_kick, p);
    p->house = ops->timer_new(p->loop, PT_TIMER_HOUSE, pt_pool_on_house, p);
    return p->deadline != NULL && p->kick != NULL && p->house != NULL;
}


static pt_err_t
pt_pool_conns(pt_pool_t *p)
{
    size_t   size = p->conf.conns_max * sizeof(pt_pgconn_t);
    pt_err_t err;
    uint32_t stall_ms;

    stall_ms = (p->conf.statement_timeout_ms == 0)
                   ? PT_PG_STALL_DEFAULT_MS
                   : p->conf.statement_timeout_ms + PT_PG_STALL_GRACE_MS;
    p->conns = p->conf.mem.alloc(p->conf.mem.user, size);
    if (p->conns == NULL) {
        return PT_ENOMEM;
    }
    memset(p->conns, 0, size);
    for (err = PT_OK; err == PT_OK && p->nconns < p->conf.conns_max;
         p->nconns++) {
        err = pt_pgconn_init(&p->conns[p->nconns], p, &pt_pool_owner, p->loop,
                             &p->conf.mem, stall_ms);
    }
    return err;
}


/* Sends the batches that may be sent, and opens connections for those that may
 * not.  It runs no handler. */

static void
pt_pool_dispatch(pt_pool_t *p)
{
    pt_item_t   *it;
    pt_pgconn_t *c;

    while (pt_queue_is_runnable(&p->queue)) {
        c = pt_pool_pick(p);
        if (c == NULL) {
            break;
        }
        it = pt_queue_take(&p->queue);
        assert(it != NULL && !it->answered);
        it->state = PT_ITEM_FLIGHT;
        if (c->inflight > 0) {
            pt_poolconn_grow(p); /* every connection has work */
        }
        pt_pgconn_send(c, it);
    }
    if (pt_queue_is_runnable(&p->queue)) {
        pt_poolconn_grow(p);
    }
}


static pt_pgconn_t *
pt_pool_pick(pt_pool_t *p)
{
    uint32_t     i;
    pt_pgconn_t *c, *best = NULL;

    for (i = 0; i < p->nconns; i++) {
        c = &p->conns[i];
        if (c->state == PT_PGCONN_READY && !c->retire
            && c->inflight < p->conf.depth
            && (best == NULL || c->inflight < best->inflight))
        {
            best = c;
        }
    }
    return best;
}


static void
pt_pool_on_house(void *data)
{
    pt_pool_t *p = data;

    if (pt_poolconn_house(p)) {
        pt_pool_dispatch(p);
    }
}


static void
pt_pool_on_kick(void *data)
{
    uint32_t   i;
    pt_pool_t *p = data;

    for (i = 0; i < p->nconns; i++) {
        pt_pgconn_resume(&p->conns[i]);
        if (p->conns[i].state == PT_PGCONN_BROKEN) {
            pt_poolconn_reap(p, &p->conns[i]);
        }
    }
    pt_pool_dispatch(p);
}
