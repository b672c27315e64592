/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_frame.h: one event as WebSocket frames (RFC 6455, section 5.2).  It is
 * encoded once, never changed, and shared by all sockets by counting
 * references.
 */

#ifndef HUB_FRAME_H
#define HUB_FRAME_H

#include "core/base/pt_util.h"
#include "hub_ws.h"

typedef enum {
    HUB_EVENT_CONTROL = 0, /* a control frame: its JSON has "type" */
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

/* The names of events in JSON and in metrics. */
extern const char *const hub_frame_event_names[HUB_EVENT_COUNT];

typedef struct {
    uint32_t    refs;
    uint32_t    len;   /* bytes of data: headers and payloads */
    int64_t     seq;   /* number of a logged event; 0: it is not logged */
    pt_uuid_t   id;    /* of a logged event */
    const void *owner; /* tenant of a logged event, only for asserts */
    uint16_t    count; /* WebSocket frames in data, at least 1 */
    uint8_t     event; /* hub_event_t */
    uint8_t     data[];
} hub_frame_t;

/* Makes a frame with one reference, which the caller owns.  payload is copied
 * and may be empty; id may be NULL.  NULL: out of memory, or payload is longer
 * than UINT32_MAX / 2 bytes. */
hub_frame_t *hub_frame_new(const pt_mem_t *mem, hub_ws_opcode_t op, int64_t seq,
                           const pt_uuid_t *id, pt_str_t payload);
/* Makes one of data that has count whole WebSocket frames, each with its
 * header, which are sent together.  data is copied.  NULL: out of memory. */
hub_frame_t *hub_frame_many(const pt_mem_t *mem, hub_event_t event,
                            uint16_t count, pt_str_t data);

/* Counts one reference more, and returns f. */
hub_frame_t *hub_frame_ref(hub_frame_t *f);

/* Counts one reference less, and frees f with the last one.  mem is the
 * allocator it was made with; f may be NULL. */
void hub_frame_unref(const pt_mem_t *mem, hub_frame_t *f);

/* Reads the id at the end of an event's envelope (..."id":"<36>"}), where
 * core/op/pt_envelope.h puts it.  Returns false when it is not there. */
bool hub_frame_id(pt_str_t payload, pt_uuid_t *id);

#endif
