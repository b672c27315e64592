/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_queue.c: batches that wait, fair to tenants.
 *
 * Each tenant with a batch that waits or is in flight has a small structure.
 * Those that may send now are in a ring, in which they take turns.  The nil
 * tenant stands for batches without one: it takes turns as any other, but has
 * no limit.
 */

#include <assert.h>

#include "pt_pg_int.h"


static pt_tenant_t  *pt_queue_get(pt_queue_t *q, const pt_uuid_t *id);
static void          pt_queue_release(pt_queue_t *q, pt_tenant_t *t);
static pt_tenant_t **pt_queue_bucket(pt_queue_t *q, const pt_uuid_t *id);
static void          pt_queue_ring(pt_queue_t *q, pt_tenant_t *t);
static void          pt_queue_unring(pt_queue_t *q, pt_tenant_t *t);
static bool          pt_queue_may(const pt_queue_t *q, const pt_tenant_t *t);
static void          pt_queue_unlink(pt_queue_t *q, pt_item_t *it);


void
pt_queue_init(pt_queue_t *q, const pt_mem_t *mem, uint32_t tenant_max)
{
    memset(q, 0, sizeof(*q));
    q->mem = *mem;
    q->tenant_max = tenant_max;
}


void
pt_queue_free(pt_queue_t *q)
{
    uint32_t     i;
    pt_tenant_t *t;

    for (i = 0; i < PT_PG_TENANT_BUCKETS; i++) {
        while (q->hash[i] != NULL) {
            t = q->hash[i];
            q->hash[i] = t->next_hash;
            q->mem.free(q->mem.user, t);
        }
    }
    if (q->spare != NULL) {
        q->mem.free(q->mem.user, q->spare);
    }
}


pt_err_t
pt_queue_add(pt_queue_t *q, pt_item_t *it, bool front)
{
    pt_tenant_t *t = it->tenant;

    if (t == NULL) {
        t = pt_queue_get(q, &it->sql.tenant);
        if (t == NULL) {
            return PT_ENOMEM;
        }
        it->tenant = t;
    }
    it->prev = front ? NULL : t->last;
    it->next = front ? t->first : NULL;
    if (it->prev != NULL) {
        it->prev->next = it;
    } else {
        t->first = it;
    }
    if (it->next != NULL) {
        it->next->prev = it;
    } else {
        t->last = it;
    }
    t->waiting++;
    q->waiting++;
    pt_queue_ring(q, t);
    return PT_OK;
}


void
pt_queue_drop(pt_queue_t *q, pt_item_t *it)
{
    pt_tenant_t *t = it->tenant;

    assert(t != NULL && it->state == PT_ITEM_WAITING);
    pt_queue_unlink(q, it);
    it->tenant = NULL;
    if (!pt_queue_may(q, t)) {
        pt_queue_unring(q, t);
    }
    pt_queue_release(q, t);
}


pt_item_t *
pt_queue_take(pt_queue_t *q)
{
    pt_item_t   *it;
    pt_tenant_t *t = q->ring;

    if (t == NULL) {
        return NULL;
    }
    it = t->first;
    assert(it != NULL && it->state == PT_ITEM_WAITING);
    pt_queue_unlink(q, it);
    t->flight++;
    pt_queue_unring(q, t);
    pt_queue_ring(q, t); /* behind all others, if it may go on */
    return it;
}


bool
pt_queue_is_runnable(const pt_queue_t *q)
{
    return q->ring != NULL;
}


void
pt_queue_landed(pt_queue_t *q, pt_item_t *it, bool again)
{
    pt_tenant_t *t = it->tenant;

    assert(t != NULL && t->flight > 0);
    t->flight--;
    pt_queue_ring(q, t);
    if (!again) {
        it->tenant = NULL;
        pt_queue_release(q, t);
    }
}


static pt_tenant_t *
pt_queue_get(pt_queue_t *q, const pt_uuid_t *id)
{
    pt_tenant_t **bucket, *t;

    bucket = pt_queue_bucket(q, id);
    for (t = *bucket; t != NULL; t = t->next_hash) {
        if (memcmp(&t->id, id, sizeof(*id)) == 0) {
            return t;
        }
    }
    t = q->spare;
    q->spare = NULL;
    if (t == NULL) {
        t = q->mem.alloc(q->mem.user, sizeof(pt_tenant_t));
    }
    if (t == NULL) {
        return NULL;
    }
    memset(t, 0, sizeof(*t));
    t->id = *id;
    t->next_hash = *bucket;
    *bucket = t;
    return t;
}


static void
pt_queue_release(pt_queue_t *q, pt_tenant_t *t)
{
    pt_tenant_t **link;

    if (t->waiting > 0 || t->flight > 0) {
        return;
    }
    assert(!t->ringed);
    link = pt_queue_bucket(q, &t->id);
    while (*link != t) {
        link = &(*link)->next_hash;
    }
    *link = t->next_hash;
    if (q->spare == NULL) {
        q->spare = t;
    } else {
        q->mem.free(q->mem.user, t);
    }
}


/* The bucket by FNV-1a over all bytes of the id: those of version 7 differ in
 * their last bytes (RFC 9562, 5.7), ids of test data in any. */

static pt_tenant_t **
pt_queue_bucket(pt_queue_t *q, const pt_uuid_t *id)
{
    size_t   i;
    uint32_t h = 2166136261u;

    for (i = 0; i < sizeof(id->b); i++) {
        h = (h ^ id->b[i]) * 16777619u;
    }
    return &q->hash[(h ^ (h >> 16)) & (PT_PG_TENANT_BUCKETS - 1)];
}


/* Puts t behind all others of the ring, if it may send and is not in there. */

static void
pt_queue_ring(pt_queue_t *q, pt_tenant_t *t)
{
    if (t->ringed || !pt_queue_may(q, t)) {
        return;
    }
    t->ringed = true;
    if (q->ring == NULL) {
        t->next_ring = t;
        t->prev_ring = t;
        q->ring = t;
        return;
    }
    t->next_ring = q->ring;
    t->prev_ring = q->ring->prev_ring;
    t->prev_ring->next_ring = t;
    q->ring->prev_ring = t;
}


static void
pt_queue_unring(pt_queue_t *q, pt_tenant_t *t)
{
    if (!t->ringed) {
        return;
    }
    t->ringed = false;
    if (t->next_ring == t) {
        q->ring = NULL;
        return;
    }
    t->prev_ring->next_ring = t->next_ring;
    t->next_ring->prev_ring = t->prev_ring;
    if (q->ring == t) {
        q->ring = t->next_ring;
    }
}


static bool
pt_queue_may(const pt_queue_t *q, const pt_tenant_t *t)
{
    static const pt_uuid_t nil;

    return t->waiting > 0
           && (q->tenant_max == 0 || t->flight < q->tenant_max
               || memcmp(&t->id, &nil, sizeof(nil)) == 0);
}


static void
pt_queue_unlink(pt_queue_t *q, pt_item_t *it)
{
    pt_tenant_t *t = it->tenant;

    assert(t->waiting > 0 && q->waiting > 0);
    if (it->prev != NULL) {
        it->prev->next = it->next;
    } else {
        t->first = it->next;
    }
    if (it->next != NULL) {
        it->next->prev = it->prev;
    } else {
        t->last = it->prev;
    }
    it->next = NULL;
    it->prev = NULL;
    t->waiting--;
    q->waiting--;
}
