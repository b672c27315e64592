/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_pool_int.h: the pool as its own files share it.
 */

#ifndef PT_POOL_INT_H
#define PT_POOL_INT_H

#include "pt_items.h"

struct pt_pool_s {
    pt_loop_t      *loop;
    pt_pool_conf_t  conf; /* its strings are not valid after pt_pool_new() */
    pt_conninfo_t  *ci;
    pt_items_t      items;
    pt_queue_t      queue;
    pt_breaker_t    breaker;
    pt_backoff_t    backoff;
    pt_timer_t     *deadline; /* HOLD: earliest deadline of an item */
    pt_timer_t     *kick;     /* HOLD: looks at connections on the next turn */
    pt_timer_t     *house;    /* HOUSE: reconnects and probes */
    int64_t         deadline_at_ms; /* when deadline fires; 0: not armed */
    int64_t         connect_at_ms;  /* when the next attempt may start */
    int64_t         demand_at_ms;   /* last refusal because of the breaker */
    bool            house_armed;
    bool            draining; /* it comes to its end */
    bool            lost;     /* a connection was lost, and none made since */
    uint32_t        owed;     /* items without an answer */
    uint32_t        probes;   /* so far */
    uint32_t        nconns;
    pt_pgconn_t    *conns; /* owned, nconns of them */
    pt_pool_stats_t stats; /* totals alone */
};

/* ---- pt_poolitem.c ---- */

/* Has the deadline timer fire at deadline_ms or earlier: one timer stands for
 * the deadlines of all items. */
void pt_poolitem_watch(pt_pool_t *p, int64_t deadline_ms);

/* Handler of that timer; data is the pool. */
void pt_poolitem_on_deadline(void *data);

/* Stops that timer when no answer is owed any more. */
void pt_poolitem_settled(pt_pool_t *p);

/* Answers an item with err, by its handler.  Nothing else calls handlers, and
 * an item that is answered already stays as it is. */
void pt_poolitem_answer(pt_pool_t *p, pt_item_t *it, pt_err_t err);

/* Gives back an item that is answered and neither waits nor is in flight. */
void pt_poolitem_release(pt_pool_t *p, pt_item_t *it);

/* ---- pt_poolconn.c ---- */

/* Opens the connections that the batches that wait need. */
void pt_poolconn_grow(pt_pool_t *p);

/* How many connections are in this state. */
uint32_t pt_poolconn_count(const pt_pool_t *p, pt_pgconn_state_t state);

/* Closes a connection that is broken, and answers or repeats what was on
 * it. */
void pt_poolconn_reap(pt_pool_t *p, pt_pgconn_t *c);

/* Puts a batch that did nothing to the head of its tenant's queue again.
 * false: it was repeated already, nobody waits for it, or the breaker is
 * open. */
bool pt_poolconn_again(pt_pool_t *p, pt_item_t *it);

/* Reconnects and probes, when the house timer fires.  true: batches may be
 * sent. */
bool pt_poolconn_house(pt_pool_t *p) PT_MUST_CHECK;

/* Has the house timer fire in after_ms milliseconds, unless it is armed
 * already; 0 always arms it anew. */
void pt_poolconn_housekeep(pt_pool_t *p, uint32_t after_ms);

/* Whether the pool comes to its end, or the worker exits: then no idle
 * connection is kept. */
bool pt_poolconn_is_leaving(pt_pool_t *p);

#endif
