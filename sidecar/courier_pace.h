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

#define COURIER_NUMBER_RATE 80u  /* a second */
#define COURIER_PAIR_BURST 45u
#define COURIER_PAIR_EVERY_MS 6000u
#define COURIER_PACE_MAX 65536u  /* buckets; a full one is forgotten first */

typedef struct courier_pace_s courier_pace_t;

courier_pace_t *courier_pace_new(const pt_mem_t *mem);
void courier_pace_del(courier_pace_t *p); /* NULL is fine */

/*
 * Asks for one message from number to recipient.  0: go (and it is counted);
 * else milliseconds until it is worth asking again.  When the table is full
 * of busy buckets, a new pair goes unpaced: Meta's 131056 then paces it.
 */
uint32_t courier_pace_take(courier_pace_t *p, const pt_uuid_t *number,
    pt_str_t recipient, int64_t now_ms);

/* The number sends nothing for a while (rate limits, maintenance). */
void courier_pace_pause(courier_pace_t *p, const pt_uuid_t *number,
    int64_t now_ms, uint32_t for_ms);

/* Numbers that may send nothing now; returns how many were written. */
size_t courier_pace_paused(const courier_pace_t *p, int64_t now_ms,
    pt_uuid_t *out, size_t max);

#endif
