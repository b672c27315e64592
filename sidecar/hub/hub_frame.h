/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_frame.h: one event, framed once, immutable, shared by all sockets.
 */

#ifndef HUB_FRAME_H
#define HUB_FRAME_H

#include "core/base/pt_util.h"
#include "hub_ws.h"

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

extern const char *const hub_frame_event_names[HUB_EVENT_COUNT];

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

#endif
