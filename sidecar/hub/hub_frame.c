/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "hub_frame.h"

#include <assert.h>

#define HUB_FRAME_TAIL 44u /* bytes of "id":"<36>"} */

static hub_frame_t *hub_frame_alloc(const pt_mem_t *mem, size_t len);
static uint8_t      hub_frame_event(pt_str_t payload);

const char *const hub_frame_event_names[HUB_EVENT_COUNT] = {
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

    assert(count > 0 && data.len > 0);
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


static hub_frame_t *
hub_frame_alloc(const pt_mem_t *mem, size_t len)
{
    hub_frame_t *f;

    assert(len <= UINT32_MAX);
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
        n = strlen(hub_frame_event_names[i]);

        if (payload.len > 10 + n
            && memcmp(payload.data + 10, hub_frame_event_names[i], n) == 0
            && payload.data[10 + n] == '"')
        {
            return i;
        }
    }

    return HUB_EVENT_OTHER;
}
