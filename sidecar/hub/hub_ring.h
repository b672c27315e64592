/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_ring.h: the ring that holds a tenant's last events.
 */

#ifndef HUB_RING_H
#define HUB_RING_H

#include "hub_frame.h"

#define HUB_RING_EVENTS_MAX 1024u
#define HUB_RING_BYTES_MAX (1024u * 1024)
#define HUB_RING_CAP_MIN 16u

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
