/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "hub_ring.h"

#include <assert.h>

static void     hub_ring_drop(const pt_mem_t *mem, hub_ring_t *r);
static pt_err_t hub_ring_grow(const pt_mem_t *mem, hub_ring_t *r);


void
hub_ring_init(hub_ring_t *r, int64_t head, const pt_uuid_t *head_id)
{
    memset(r, 0, sizeof(*r));
    r->head = head;
    r->low = head + 1;

    if (head_id != NULL) {
        r->head_id = *head_id;
        r->below_id = *head_id;
    }
}


void
hub_ring_free(const pt_mem_t *mem, hub_ring_t *r)
{
    while (r->low <= r->head) {
        hub_ring_drop(mem, r);
    }

    mem->free(mem->user, r->slots);
    r->slots = NULL;
    r->cap = 0;
}


pt_err_t
hub_ring_add(const pt_mem_t *mem, hub_ring_t *r, hub_frame_t *f)
{
    pt_err_t err;

    assert(f->seq == r->head + 1 && f->refs > 0);
    assert((r->cap & (r->cap - 1)) == 0 && r->low <= r->head + 1);

    if (r->head - r->low + 1 == (int64_t) r->cap) {

        if (r->cap < HUB_RING_EVENTS_MAX) {
            err = hub_ring_grow(mem, r);

            if (err != PT_OK) {
                return err;
            }

        } else {
            hub_ring_drop(mem, r);
        }
    }

    r->head = f->seq;
    r->head_id = f->id;
    r->slots[(uint64_t) f->seq & (r->cap - 1)] = f;
    r->bytes += f->len;

    while (r->bytes > HUB_RING_BYTES_MAX && r->low < r->head) {
        hub_ring_drop(mem, r);
    }

    return PT_OK;
}


void
hub_ring_halve(const pt_mem_t *mem, hub_ring_t *r)
{
    int64_t low;

    low = r->low + (r->head - r->low + 1) / 2;

    while (r->low < low) {
        hub_ring_drop(mem, r);
    }
}


hub_frame_t *
hub_ring_find(const hub_ring_t *r, int64_t seq)
{
    if (seq < r->low || seq > r->head) {
        return NULL;
    }

    return r->slots[(uint64_t) seq & (r->cap - 1)];
}


static void
hub_ring_drop(const pt_mem_t *mem, hub_ring_t *r)
{
    hub_frame_t *f;

    assert(r->low <= r->head);
    f = r->slots[(uint64_t) r->low & (r->cap - 1)];
    assert(f->seq == r->low && r->bytes >= f->len);
    r->bytes -= f->len;
    r->below_id = f->id;
    r->low++;
    hub_frame_unref(mem, f);
}


static pt_err_t
hub_ring_grow(const pt_mem_t *mem, hub_ring_t *r)
{
    uint32_t      cap;
    int64_t       seq;
    hub_frame_t **slots;

    cap = (r->cap == 0) ? HUB_RING_CAP_MIN : r->cap * 2;
    assert(cap <= HUB_RING_EVENTS_MAX);
    slots = mem->alloc(mem->user, cap * sizeof(hub_frame_t *));

    if (slots == NULL) {
        return PT_ENOMEM;
    }

    for (seq = r->low; seq <= r->head; seq++) {
        slots[(uint64_t) seq & (cap - 1)] =
            r->slots[(uint64_t) seq & (r->cap - 1)];
    }

    mem->free(mem->user, r->slots);
    r->slots = slots;
    r->cap = cap;

    return PT_OK;
}
