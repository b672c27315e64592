/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier_pace.h: how fast a number may send (80 messages a second unless
 * Meta says otherwise), and how fast to one recipient (one in six seconds,
 * with a burst of 45 borrowed from the future; Meta, "Pair rate limits").
 * Token buckets with the time passed in.
 */

#ifndef COURIER_PACE_H
#define COURIER_PACE_H

#include "core/pt_util.h"

#define COURIER_NUMBER_RATE 80u /* a second */
#define COURIER_PAIR_BURST 45u
#define COURIER_PAIR_EVERY_MS 6000u
#define COURIER_PACE_MAX 65536u /* buckets; a full one is forgotten first */
#define COURIER_BOOK_MAX_MS 1000u

typedef struct courier_pace_s courier_pace_t;

courier_pace_t *courier_pace_new(const pt_mem_t *mem);
void            courier_pace_del(courier_pace_t *p); /* NULL is fine */

/*
 * Asks for one message from number to recipient.  true: it is counted, and may
 * go after *wait_ms (0, or the number's turn in at most COURIER_BOOK_MAX_MS:
 * held here, so that a full bucket does not cost two writes a message).
 * false: ask again after *wait_ms.  When the table is full of busy buckets, a
 * new pair goes unpaced: Meta's 131056 then paces it.
 */
bool courier_pace_take(courier_pace_t *p, const pt_uuid_t *number,
                       pt_str_t recipient, int64_t now_ms, uint32_t *wait_ms);

/* The number sends nothing for a while (rate limits, maintenance). */
void courier_pace_pause(courier_pace_t *p, const pt_uuid_t *number,
                        int64_t now_ms, uint32_t for_ms);

/* 0, or how long the number still pauses. */
uint32_t courier_pace_pausing(courier_pace_t *p, const pt_uuid_t *number,
                              int64_t now_ms);

/* Numbers that may send nothing now, paused or booked out; returns how many
 * were written. */
size_t courier_pace_paused(courier_pace_t *p, int64_t now_ms, pt_uuid_t *out,
                           size_t max);

#endif
