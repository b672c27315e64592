/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_ring.h: the ring that holds the last events of a tenant, at most
 * HUB_RING_EVENTS_MAX and HUB_RING_BYTES_MAX.
 */

#ifndef HUB_RING_H
#define HUB_RING_H

#include "hub_frame.h"

#define HUB_RING_EVENTS_MAX 1024u         /* a power of two */
#define HUB_RING_BYTES_MAX (1024u * 1024) /* of the frames, not the slots */
#define HUB_RING_CAP_MIN 16u              /* slots of the first allocation */

/*
 * The events low to head, without a hole: the event seq lies in slot seq modulo
 * cap.  An empty ring has low == head + 1.  The ring owns one reference to each
 * frame.
 */
typedef struct {
    hub_frame_t **slots;
    uint32_t      cap;   /* slots: a power of two, or 0 */
    size_t        bytes; /* of all frames */
    int64_t       low;
    int64_t       head;
    pt_uuid_t     head_id;  /* nil: not known, as when head is 0 */
    pt_uuid_t     below_id; /* id of the event low - 1; nil: not known */
} hub_ring_t;

/* Makes r empty.  head and head_id are the number and the id of the newest
 * event of the log; head_id may be NULL, and is copied.  What r held is not
 * freed. */
void hub_ring_init(hub_ring_t *r, int64_t head, const pt_uuid_t *head_id);

/* Drops all events and frees the slots; r->head stays.  mem is the allocator of
 * the ring and of its frames, here and below. */
void hub_ring_free(const pt_mem_t *mem, hub_ring_t *r);

/* Appends f, whose seq must be head + 1, and takes over the caller's reference;
 * the oldest events go when there is too much.  PT_ENOMEM: nothing has changed,
 * f is still the caller's. */
pt_err_t hub_ring_add(const pt_mem_t *mem, hub_ring_t *r,
                      hub_frame_t *f) PT_MUST_CHECK;

/* Drops the older half of the events. */
void hub_ring_halve(const pt_mem_t *mem, hub_ring_t *r);

/* Returns the frame of this event, which the ring owns, or NULL when it is not
 * between low and head. */
hub_frame_t *hub_ring_find(const hub_ring_t *r, int64_t seq);

#endif
