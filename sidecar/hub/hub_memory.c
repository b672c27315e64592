/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_memory.c: counts the memory of all rings together, and chooses what is
 * dropped when it is too much.  A ring only saves queries: what it has not is
 * read from the log, page by page.
 */

#include <assert.h>

#include "hub_int.h"


pt_err_t
hub_memory_add(hub_tenant_t *t, hub_frame_t *f)
{
    size_t   before;
    pt_err_t err;

    before = t->ring.bytes;
    err = hub_ring_add(&t->hub->conf.mem, &t->ring, f);
    t->hub->ring_bytes += t->ring.bytes - before;

    return err;
}


void
hub_memory_free(hub_tenant_t *t)
{
    assert(t->hub->ring_bytes >= t->ring.bytes);
    t->hub->ring_bytes -= t->ring.bytes;
    hub_ring_free(&t->hub->conf.mem, &t->ring);
}


void
hub_memory_idle(hub_tenant_t *t)
{
    hub_t *h;

    h = t->hub;
    assert(t->nconns == 0);
    t->idle_s = h->now_s;
    t->idle_next = NULL;
    t->idle_prev = h->idle_last;

    if (h->idle_last != NULL) {
        h->idle_last->idle_next = t;

    } else {
        h->idle = t;
    }

    h->idle_last = t;
}


void
hub_memory_busy(hub_tenant_t *t)
{
    hub_t *h;

    h = t->hub;

    if (t->idle_prev != NULL) {
        t->idle_prev->idle_next = t->idle_next;

    } else {
        assert(h->idle == t);
        h->idle = t->idle_next;
    }

    if (t->idle_next != NULL) {
        t->idle_next->idle_prev = t->idle_prev;

    } else {
        assert(h->idle_last == t);
        h->idle_last = t->idle_prev;
    }
}


bool
hub_memory_is_over(const hub_t *h)
{
    return h->ring_bytes > h->conf.rings_max;
}


/* More is dropped than must be, so that it is not done again in the next
 * turn. */

size_t
hub_memory_enough(const hub_t *h)
{
    return h->conf.rings_max - h->conf.rings_max / 8;
}


/* Halves the rings that have more than half of a ring's limit first, then those
 * that have more than a quarter, and so on. */

void
hub_memory_halve(hub_t *h)
{
    size_t        i, size, enough;
    hub_tenant_t *t;

    enough = hub_memory_enough(h);

    for (size = HUB_RING_BYTES_MAX / 2; size > 0; size /= 2) {
        for (i = 0; i < HUB_TENANTS_BUCKETS; i++) {
            for (t = h->tenants[i]; t != NULL; t = t->next) {
                if (h->ring_bytes <= enough) {
                    return;
                }

                if (t->ring.bytes > size) {
                    h->ring_bytes -= t->ring.bytes;
                    hub_ring_halve(&h->conf.mem, &t->ring);
                    h->ring_bytes += t->ring.bytes;
                }
            }
        }
    }
}
