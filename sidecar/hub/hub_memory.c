/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_memory.c: the memory of all rings together, and what goes when it is too
 * much.  A ring only saves queries: who misses it reads pages of the log.
 */

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
    t->hub->ring_bytes -= t->ring.bytes;
    hub_ring_free(&t->hub->conf.mem, &t->ring);
}


void
hub_memory_idle(hub_tenant_t *t)
{
    hub_t *h;

    h = t->hub;
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
        h->idle = t->idle_next;
    }

    if (t->idle_next != NULL) {
        t->idle_next->idle_prev = t->idle_prev;

    } else {
        h->idle_last = t->idle_prev;
    }
}


bool
hub_memory_is_over(const hub_t *h)
{
    return h->ring_bytes > h->conf.rings_max;
}


/* More than is needed goes, so that it need not be done in every turn. */

size_t
hub_memory_enough(const hub_t *h)
{
    return h->conf.rings_max - h->conf.rings_max / 8;
}


/* The older half of the largest rings: those over half the limit of a ring
 * first, then over a quarter, and so on. */

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
