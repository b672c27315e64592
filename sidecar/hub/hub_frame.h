/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_frame.h: one event, framed once, immutable, shared by all sockets; and
 * the ring that holds a tenant's last events.
 */

#ifndef HUB_FRAME_H
#define HUB_FRAME_H

#include "core/pt_util.h"
#include "hub_ws.h"

#define HUB_RING_EVENTS_MAX 1024u
#define HUB_RING_BYTES_MAX (1024u * 1024)
#define HUB_RING_CAP_MIN 16u

typedef enum {
    HUB_EVENT_CONTROL = 0, /* frames with "type" */
    HUB_EVENT_MESSAGE_RECEIVED,
    HUB_EVENT_MESSAGE_SENT,
    HUB_EVENT_MESSAGE_STATUS_UPDATED,
    HUB_EVENT_CONVERSATION_UPDATED,
    HUB_EVENT_AGENT_ASSIGNED,
    HUB_EVENT_CONVERSATION_CLOSED,
    HUB_EVENT_TYPING_START,
    HUB_EVENT_TYPING_STOP,
    HUB_EVENT_PRESENCE_UPDATED,
    HUB_EVENT_OTHER,
    HUB_EVENT_COUNT
} hub_event_t;

extern const char *const hub_event_names[HUB_EVENT_COUNT];

typedef struct {
    uint32_t    refs;
    uint32_t    len;   /* of data: WebSocket headers and payloads */
    int64_t     seq;   /* 0: not a logged event */
    pt_uuid_t   id;    /* of the event */
    const void *owner; /* the tenant of a logged event */
    uint16_t    count; /* WebSocket frames in data: 1, or many */
    uint8_t     event;
    uint8_t     data[];
} hub_frame_t;

/* Copies payload; refs is 1.  NULL: out of memory. */
hub_frame_t *hub_frame_new(const pt_mem_t *mem, hub_ws_opcode_t op, int64_t seq,
                           const pt_uuid_t *id, pt_str_t payload);
/* Many frames, headers and all, that are sent as one. */
hub_frame_t *hub_frame_many(const pt_mem_t *mem, hub_event_t event,
                            uint16_t count, pt_str_t data);
hub_frame_t *hub_frame_ref(hub_frame_t *f);
void hub_frame_unref(const pt_mem_t *mem, hub_frame_t *f); /* NULL is fine */

/* The id at the end of an event's envelope (..."id":"<36>"}), which is where
 * pt_event.h puts it; false when it is not there. */
bool hub_frame_id(pt_str_t payload, pt_uuid_t *id);

/*
 * Events low..head without a hole.  below_id is the id of the event low - 1
 * when known.  An empty ring has low == head + 1.
 */
typedef struct {
    hub_frame_t **slots;
    uint32_t      cap; /* power of two, or 0 */
    size_t        bytes;
    int64_t       low;
    int64_t       head;
    pt_uuid_t     head_id;  /* nil: unknown (head is 0) */
    pt_uuid_t     below_id; /* nil: unknown */
} hub_ring_t;

void hub_ring_init(hub_ring_t *r, int64_t head, const pt_uuid_t *head_id);
void hub_ring_free(const pt_mem_t *mem, hub_ring_t *r);

/* Appends f, whose seq is head + 1, and takes its reference; drops what is
 * over the limits.  PT_ENOMEM: f is not taken. */
pt_err_t hub_ring_add(const pt_mem_t *mem, hub_ring_t *r,
                      hub_frame_t *f) PT_MUST_CHECK;

/* Drops the older half. */
void hub_ring_halve(const pt_mem_t *mem, hub_ring_t *r);

/* Borrowed; NULL outside low..head. */
hub_frame_t *hub_ring_find(const hub_ring_t *r, int64_t seq);

#endif
