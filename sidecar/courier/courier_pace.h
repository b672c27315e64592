/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier_pace.h: how fast a number may send (80 messages a second until Meta
 * says otherwise), and how fast to one recipient (one in six seconds, with a
 * burst of 45 borrowed from the future; Meta, "Pair rate limits").  Token
 * buckets with the time passed in.
 *
 * What a number may really send nobody tells (20 a second with Coexistence):
 * a refusal halves its rate, which then rises by one in a second, as TCP
 * finds the width of a path.
 */

#ifndef COURIER_PACE_H
#define COURIER_PACE_H

#include "core/base/pt_util.h"

#define COURIER_NUMBER_RATE 80u /* a second, at most */
#define COURIER_RATE_MIN 5u     /* however often it is refused */
#define COURIER_RATE_UP_MS 1000 /* one more a second, each */
#define COURIER_STRIKE_MS 1000u /* the first pause of a number; times three */
#define COURIER_STRIKE_MAX_MS 60000u /* at most, unless the error wants more */
#define COURIER_CALM_MS 600000       /* after that strikes are forgotten */
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

/*
 * A call of the number was refused, or reached nobody, through no fault of the
 * message: the number pauses, longer each time in a row, its rate is halved.
 * Calls that were under way together count once: called_ms is when this one
 * began.  Returns how long the number pauses from now_ms on, at least_ms or
 * more (0 only for want of memory and at_least_ms 0).
 */
uint32_t courier_pace_strike(courier_pace_t *p, const pt_uuid_t *number,
                             int64_t called_ms, int64_t now_ms,
                             uint32_t at_least_ms);

/* A call that began after the last strike was accepted: the next strike is
 * the first again. */
void courier_pace_accept(courier_pace_t *p, const pt_uuid_t *number,
                         int64_t called_ms, int64_t now_ms);

/* 0, or how long the number still pauses. */
uint32_t courier_pace_pausing(courier_pace_t *p, const pt_uuid_t *number,
                              int64_t now_ms);

/* Numbers that may send nothing now, paused or booked out; returns how many
 * were written. */
size_t courier_pace_paused(courier_pace_t *p, int64_t now_ms, pt_uuid_t *out,
                           size_t max);

#endif
