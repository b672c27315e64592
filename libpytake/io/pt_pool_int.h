/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_pool_int.h: the pool as its files share it.
 */

#ifndef PT_POOL_INT_H
#define PT_POOL_INT_H

#include "pt_items.h"

struct pt_pool_s {
    pt_loop_t      *loop;
    pt_pool_conf_t  conf; /* its strings are not used after new() */
    pt_conninfo_t  *ci;
    pt_items_t      items;
    pt_queue_t      queue;
    pt_breaker_t    breaker;
    pt_backoff_t    backoff;
    pt_timer_t     *deadline;       /* HOLD: armed while anything is owed */
    pt_timer_t     *kick;           /* HOLD: reap and dispatch, next turn */
    pt_timer_t     *house;          /* HOUSE: reconnect, probe */
    int64_t         deadline_at_ms; /* 0: not armed */
    int64_t         connect_at_ms;  /* no attempt before */
    int64_t         demand_at_ms;   /* last refusal while away */
    bool            house_armed;
    bool            draining;
    bool            lost; /* connections were lost: prove it works */
    uint32_t        owed; /* items without an answer */
    uint32_t        probes;
    uint32_t        nconns;
    pt_pgconn_t    *conns;
    pt_pool_stats_t stats;
};

/* ---- pt_poolitem.c ---- */

/* One timer stands for all deadlines: this one, too, from here on. */
void pt_poolitem_watch(pt_pool_t *p, int64_t deadline_ms);

/* Handler of that timer. */
void pt_poolitem_on_deadline(void *data);

/* An answer less is owed: the timer ends with the last. */
void pt_poolitem_settled(pt_pool_t *p);

/* The one way to the caller; at most once an item. */
void pt_poolitem_answer(pt_pool_t *p, pt_item_t *it, pt_err_t err);

/* it has been answered and is nowhere any more. */
void pt_poolitem_release(pt_pool_t *p, pt_item_t *it);

/* ---- pt_poolconn.c ---- */

/* Opens what the demand needs. */
void pt_poolconn_grow(pt_pool_t *p);

uint32_t pt_poolconn_count(const pt_pool_t *p, pt_pgconn_state_t state);

/* c is broken: closes it, answers or repeats what was on it. */
void pt_poolconn_reap(pt_pool_t *p, pt_pgconn_t *c);

/* Puts a batch that did nothing back to the head of its queue, once. */
bool pt_poolconn_again(pt_pool_t *p, pt_item_t *it);

/* What the house timer is for; true: batches may be sent now. */
bool pt_poolconn_house(pt_pool_t *p) PT_MUST_CHECK;

void pt_poolconn_housekeep(pt_pool_t *p, uint32_t after_ms);

bool pt_poolconn_is_leaving(pt_pool_t *p);

#endif
