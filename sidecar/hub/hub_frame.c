/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "hub_frame.h"

#include <assert.h>

#define HUB_FRAME_TAIL 44u /* "id":"<36>"} */

static hub_frame_t *hub_frame_alloc(const pt_mem_t *mem, size_t len);
static uint8_t      hub_frame_event(pt_str_t payload);
static void         hub_ring_drop(const pt_mem_t *mem, hub_ring_t *r);
static pt_err_t     hub_ring_grow(const pt_mem_t *mem, hub_ring_t *r);

const char *const hub_event_names[HUB_EVENT_COUNT] = {
    "control",
    "message_received",
    "message_sent",
    "message_status_updated",
    "conversation_updated",
    "agent_assigned",
    "conversation_closed",
    "typing_start",
    "typing_stop",
    "presence_updated",
    "other",
};


hub_frame_t *
hub_frame_new(const pt_mem_t *mem, hub_ws_opcode_t op, int64_t seq,
              const pt_uuid_t *id, pt_str_t payload)
{
    uint8_t      head[HUB_WS_HEADER_MAX];
    size_t       n;
    hub_frame_t *f;

    n = hub_ws_header(head, op, payload.len);

    if (payload.len > UINT32_MAX / 2) {
        return NULL;
    }

    f = hub_frame_alloc(mem, n + payload.len);

    if (f == NULL) {
        return NULL;
    }

    f->seq = seq;
    f->event = hub_frame_event(payload);

    if (id != NULL) {
        f->id = *id;
    }

    memcpy(f->data, head, n);

    if (payload.len > 0) {
        memcpy(f->data + n, payload.data, payload.len);
    }

    return f;
}


hub_frame_t *
hub_frame_many(const pt_mem_t *mem, hub_event_t event, uint16_t count,
               pt_str_t data)
{
    hub_frame_t *f;

    f = hub_frame_alloc(mem, data.len);

    if (f != NULL) {
        f->count = count;
        f->event = (uint8_t) event;
        memcpy(f->data, data.data, data.len);
    }

    return f;
}


hub_frame_t *
hub_frame_ref(hub_frame_t *f)
{
    assert(f->refs > 0);
    f->refs++;

    return f;
}


void
hub_frame_unref(const pt_mem_t *mem, hub_frame_t *f)
{
    if (f == NULL) {
        return;
    }

    assert(f->refs > 0);

    if (--f->refs == 0) {
        mem->free(mem->user, f);
    }
}


bool
hub_frame_id(pt_str_t payload, pt_uuid_t *id)
{
    const char *p;

    if (payload.len < HUB_FRAME_TAIL) {
        return false;
    }

    p = payload.data + payload.len - HUB_FRAME_TAIL;

    if (memcmp(p, "\"id\":\"", 6) != 0 || memcmp(p + 42, "\"}", 2) != 0) {
        return false;
    }

    return pt_uuid_parse((pt_str_t){ p + 6, PT_UUID_LEN }, id);
}


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

    assert(f->seq == r->head + 1);

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


static hub_frame_t *
hub_frame_alloc(const pt_mem_t *mem, size_t len)
{
    hub_frame_t *f;

    f = mem->alloc(mem->user, sizeof(hub_frame_t) + len);

    if (f == NULL) {
        return NULL;
    }

    memset(f, 0, sizeof(hub_frame_t));
    f->refs = 1;
    f->len = (uint32_t) len;
    f->count = 1;

    return f;
}


static uint8_t
hub_frame_event(pt_str_t payload)
{
    uint8_t i;
    size_t  n;

    if (payload.len < 12 || memcmp(payload.data, "{\"event\":\"", 10) != 0) {
        return HUB_EVENT_CONTROL;
    }

    for (i = 1; i < HUB_EVENT_OTHER; i++) {
        n = strlen(hub_event_names[i]);

        if (payload.len > 10 + n
            && memcmp(payload.data + 10, hub_event_names[i], n) == 0
            && payload.data[10 + n] == '"')
        {
            return i;
        }
    }

    return HUB_EVENT_OTHER;
}


static void
hub_ring_drop(const pt_mem_t *mem, hub_ring_t *r)
{
    hub_frame_t *f;

    f = r->slots[(uint64_t) r->low & (r->cap - 1)];
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
