/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_poolconn.c: the connections of a pool, as they are opened on demand, lost
 * and probed.
 */

#include <assert.h>

#include "pt_pool_int.h"


static pt_pgconn_t *pt_poolconn_find(pt_pool_t *p, pt_pgconn_state_t state);
static void         pt_poolconn_start(pt_pool_t *p, pt_pgconn_t *c);
static void         pt_poolconn_lost(pt_pool_t *p, pt_item_t *it, bool fatal);
static void         pt_poolconn_away(pt_pool_t *p);


/* After a failure attempts to connect have a distance in time, and go one at a
 * time.  While the breaker is open, probes alone connect. */

void
pt_poolconn_grow(pt_pool_t *p)
{
    int64_t      now = p->loop->ops->now_ms(p->loop);
    uint32_t     connecting;
    pt_pgconn_t *c;

    if (p->breaker.open) {
        return;
    }
    if (now < p->connect_at_ms) {
        pt_poolconn_housekeep(p, (uint32_t) (p->connect_at_ms - now));
        return;
    }
    connecting = pt_poolconn_count(p, PT_PGCONN_CONNECTING);
    do {
        c = pt_poolconn_find(p, PT_PGCONN_CLOSED);
        if (c == NULL) {
            return;
        }
        if (connecting > 0
            && (connecting >= p->queue.waiting || p->breaker.failures > 0
                || p->connect_at_ms != 0))
        {
            return;
        }
        pt_poolconn_start(p, c);
        connecting++;
    } while (connecting < p->queue.waiting);
}


static pt_pgconn_t *
pt_poolconn_find(pt_pool_t *p, pt_pgconn_state_t state)
{
    uint32_t i;

    for (i = 0; i < p->nconns; i++) {
        if (p->conns[i].state == state) {
            return &p->conns[i];
        }
    }
    return NULL;
}


uint32_t
pt_poolconn_count(const pt_pool_t *p, pt_pgconn_state_t state)
{
    uint32_t i, n = 0;

    for (i = 0; i < p->nconns; i++) {
        n += (p->conns[i].state == state);
    }
    return n;
}


static void
pt_poolconn_start(pt_pool_t *p, pt_pgconn_t *c)
{
    uint32_t timeout_ms = p->conf.connect_timeout_ms;

    pt_conninfo_refresh(p->ci);
    c->probe = p->breaker.open;
    if (c->probe) {
        p->probes++;
        if (p->probes % PT_PG_PROBE_LONG_EACH != 0
            && timeout_ms > PT_PG_PROBE_TIMEOUT_MS)
        {
            timeout_ms = PT_PG_PROBE_TIMEOUT_MS;
        }
    }
    pt_pgconn_start(c, p->ci, timeout_ms);
}


void
pt_poolconn_reap(pt_pool_t *p, pt_pgconn_t *c)
{
    int64_t    now = p->loop->ops->now_ms(p->loop);
    bool       fatal = c->fatal && !c->hearsay;
    uint32_t   weight = 1;
    pt_item_t *it, *list = NULL;

    while ((it = pt_pgconn_take(c)) != NULL) {
        it->next = list;
        list = it;
    }
    if (!c->was_ready) {
        p->stats.connect_failures++;
        if (c->stalled) {
            pt_conninfo_rotate(p->ci);
        }
    }
    pt_conninfo_refresh(p->ci);
    pt_pgconn_close(c);
    p->lost = true;

    /* a server that has no place left refuses as well, so the next attempt
     * waits */
    if (!c->was_ready || c->stalled) {
        p->connect_at_ms = now + pt_backoff_next(&p->backoff);
    }

    /* as long as another connection works, the server is there */
    if (pt_poolconn_count(p, PT_PGCONN_READY) == 0) {
        if (c->stalled) { /* to hang is worse than to refuse */
            weight = c->was_ready ? PT_PG_BREAKER_FAILURES : 2;
        }
        if (pt_breaker_failure(&p->breaker, weight, now)) {
            pt_poolconn_away(p);
        }
    }
    while (list != NULL) {
        it = list;
        list = it->next;
        it->next = NULL;
        pt_poolconn_lost(p, it, fatal);
    }
    if (!pt_poolconn_is_leaving(p)) {
        pt_poolconn_housekeep(p, PT_PG_RECONNECT_MS);
    }
}


/*
 * Answers or repeats an item that was in flight on a connection that has
 * ended.
 *
 * All results of a batch come before its commit, and in order.  So when the
 * server itself has ended the session, by a FATAL error, before the last of
 * them came, nothing was committed.  A proxy that has lost the server says so
 * in class 08, and does not know what was committed.
 */

static void
pt_poolconn_lost(pt_pool_t *p, pt_item_t *it, bool fatal)
{
    bool safe;

    if (it->answered) { /* nobody waits for it */
        pt_queue_landed(&p->queue, it, false);
        pt_poolitem_release(p, it);
        return;
    }
    if (it->failed) { /* then it was rolled back */
        pt_queue_landed(&p->queue, it, false);
        pt_poolitem_answer(p, it, PT_EDB);
        pt_poolitem_release(p, it);
        return;
    }
    safe = it->sql.class != PYTAKE_SQL_WRITE || !it->synced
           || (fatal && it->nresults < it->sql.nstmts);
    if (safe && pt_poolconn_again(p, it)) {
        return;
    }
    pt_queue_landed(&p->queue, it, false);
    pt_pgresult_reset(it->result);
    pt_poolitem_answer(p, it, safe ? PT_EDBAWAY : PT_EOUTCOME);
    pt_poolitem_release(p, it);
}


bool
pt_poolconn_again(pt_pool_t *p, pt_item_t *it)
{
    if (it->answered || it->retried || p->breaker.open
        || it->deadline_ms <= p->loop->ops->now_ms(p->loop))
    {
        return false;
    }
    assert(it->state == PT_ITEM_FLIGHT && it->tenant != NULL);
    pt_queue_landed(&p->queue, it, true);
    pt_pgresult_reset(it->result);
    it->retried = true;
    it->synced = false;
    it->failed = false;
    it->nomem = false;
    it->nresults = 0;
    it->state = PT_ITEM_WAITING;
    if (pt_queue_add(&p->queue, it, true) != PT_OK) {
        assert(false); /* it has a tenant: nothing is allocated */
    }
    return true;
}


/* The breaker has opened, so batches that wait are answered: the database
 * would not come back in time for them. */

static void
pt_poolconn_away(pt_pool_t *p)
{
    uint32_t   i;
    pt_item_t *it;

    p->loop->ops->log(p->loop, PT_LOG_ERR, "pytake: database is away");
    for (i = 0; i < p->items.count; i++) {
        it = pt_items_at(&p->items, i);
        if (it->state == PT_ITEM_WAITING) {
            pt_queue_drop(&p->queue, it);
            pt_poolitem_answer(p, it, PT_EDBAWAY);
            pt_poolitem_release(p, it);
        }
    }
}


/* While the breaker is open, a probe is due as soon as a batch was refused
 * since the last one, and less often when nobody asks. */

bool
pt_poolconn_house(pt_pool_t *p)
{
    int64_t now;

    p->house_armed = false;
    now = p->loop->ops->now_ms(p->loop);
    if (p->breaker.open) {
        if (!pt_poolconn_is_leaving(p)
            && (p->demand_at_ms >= p->breaker.probe_at_ms - PT_PG_RECONNECT_MS
                || now >= p->breaker.probe_at_ms
                              + (PT_PG_IDLE_PROBE_MS - PT_PG_RECONNECT_MS))
            && pt_poolconn_find(p, PT_PGCONN_CLOSED) != NULL
            && pt_breaker_probe(&p->breaker, now))
        {
            pt_poolconn_start(p, pt_poolconn_find(p, PT_PGCONN_CLOSED));
        }
        pt_poolconn_housekeep(p, PT_PG_RECONNECT_MS);
        return false;
    }
    if (pt_queue_is_runnable(&p->queue)) {
        return true;
    }
    if (p->lost && !pt_poolconn_is_leaving(p)
        && pt_poolconn_count(p, PT_PGCONN_READY) == 0
        && pt_poolconn_count(p, PT_PGCONN_CONNECTING) == 0)
    {
        pt_poolconn_grow(p); /* so that /health knows of the database */
    }
    return false;
}


void
pt_poolconn_housekeep(pt_pool_t *p, uint32_t after_ms)
{
    if (p->house_armed && after_ms > 0) {
        return;
    }
    p->house_armed = true;
    p->loop->ops->timer_set(p->house, after_ms);
}


bool
pt_poolconn_is_leaving(pt_pool_t *p)
{
    return p->draining || p->loop->ops->exiting(p->loop);
}
