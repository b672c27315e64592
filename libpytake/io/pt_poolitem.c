/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_poolitem.c: the deadlines and the answers of a pool's batches.
 */

#include <assert.h>

#include "pt_pool_int.h"


static void pt_poolitem_expire(pt_pool_t *p, pt_item_t *it);


/* The timer is set to the earliest deadline.  When it fires it looks at every
 * item, which is rare when all goes well. */

void
pt_poolitem_watch(pt_pool_t *p, int64_t deadline_ms)
{
    int64_t now = p->loop->ops->now_ms(p->loop);
    int64_t left = deadline_ms - now;

    if (p->deadline_at_ms != 0 && p->deadline_at_ms <= deadline_ms) {
        return;
    }
    if (left < 0) {
        left = 0;
    } else if (left > INT32_MAX) {
        left = INT32_MAX;
    }
    p->deadline_at_ms = now + left;
    p->loop->ops->timer_set(p->deadline, (uint32_t) left);
}


void
pt_poolitem_settled(pt_pool_t *p)
{
    if (p->owed == 0 && p->deadline_at_ms != 0) {
        p->loop->ops->timer_stop(p->deadline);
        p->deadline_at_ms = 0;
    }
}


void
pt_poolitem_on_deadline(void *data)
{
    int64_t    now, next = 0;
    uint32_t   i;
    pt_pool_t *p = data;
    pt_item_t *it;

    now = p->loop->ops->now_ms(p->loop);
    p->deadline_at_ms = 0;
    for (i = 0; i < p->items.count; i++) {
        it = pt_items_at(&p->items, i);
        if (it->state == PT_ITEM_FREE || it->answered) {
            continue;
        }
        if (it->deadline_ms <= now) {
            pt_poolitem_expire(p, it);
        } else if (next == 0 || it->deadline_ms < next) {
            next = it->deadline_ms;
        }
    }
    if (next != 0 && p->owed > 0) {
        pt_poolitem_watch(p, next);
    }
}


void
pt_poolitem_answer(pt_pool_t *p, pt_item_t *it, pt_err_t err)
{
    pt_pgresult_t *r = it->result;

    if (it->answered) {
        return;
    }
    assert(r != NULL);
    it->answered = true;
    assert(p->owed > 0);
    p->owed--;
    pt_poolitem_settled(p);
    r->pub.err = err;
    if (err != PT_OK) {
        p->stats.errors++;
        if (err != PT_EDB) {
            r->pub.sqlstate[0] = '\0';
        }
    }
    it->handler(it->data, &r->pub);
}


void
pt_poolitem_release(pt_pool_t *p, pt_item_t *it)
{
    assert(it->answered && it->tenant == NULL);
    pt_items_put(&p->items, it);
}


static void
pt_poolitem_expire(pt_pool_t *p, pt_item_t *it)
{
    assert(it->state != PT_ITEM_FREE && !it->answered);
    p->stats.timeouts++;
    if (it->state == PT_ITEM_WAITING) {
        pt_queue_drop(&p->queue, it);
        pt_poolitem_answer(p, it, PT_EDEADLINE);
        pt_poolitem_release(p, it);
        return;
    }
    /* its place stays taken until the server has answered, or the connection
     * ends */
    pt_pgresult_reset(it->result);
    pt_poolitem_answer(
        p, it, it->sql.class == PYTAKE_SQL_WRITE ? PT_EOUTCOME : PT_EDEADLINE);
}
