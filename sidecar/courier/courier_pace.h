/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier_pace.h: how fast a number may send, which is 80 messages a second
 * (Meta, "Throughput"), and how fast to one recipient, which is one message in
 * six seconds with a burst of 45 that is borrowed from the future (Meta, "Pair
 * rate limits").  It keeps token buckets and is told the time.
 *
 * Meta does not tell what a number may really send; with Coexistence it is 20
 * a second.  So a refusal halves the number's rate, which then rises by one
 * each second, as TCP finds the width of a path (RFC 5681).
 */

#ifndef COURIER_PACE_H
#define COURIER_PACE_H

#include "core/base/pt_util.h"

#define COURIER_NUMBER_RATE 80u /* messages a second, at most */
#define COURIER_RATE_MIN 5u     /* lowest rate, however often it is refused */
#define COURIER_RATE_UP_MS 1000 /* in which a rate rises by one a second */
#define COURIER_STRIKE_MS 1000u /* first pause; each further one is threefold */
#define COURIER_STRIKE_MAX_MS 60000u /* longest pause that strikes make */
#define COURIER_CALM_MS 600000       /* after a pause, until strikes are gone */
#define COURIER_PAIR_BURST 45u       /* messages at once to one recipient */
#define COURIER_PAIR_EVERY_MS 6000u  /* for each further message to it */
#define COURIER_PACE_MAX 65536u      /* buckets; full ones make room */
#define COURIER_BOOK_MAX_MS 1000u    /* that a message may be held here */

typedef struct courier_pace_s courier_pace_t;

/* Makes an empty table; mem has to outlive it.  It returns NULL when there is
 * no memory. */
courier_pace_t *courier_pace_new(const pt_mem_t *mem);

/* Frees the table; NULL is fine. */
void courier_pace_del(courier_pace_t *p);

/*
 * Asks for one message from number to recipient.  true: it is counted and may
 * go after *wait_ms, which is 0 or the number's turn in at most
 * COURIER_BOOK_MAX_MS; the caller holds it for that time, because giving the
 * claim back would cost two writes a message.  false: it has to ask again
 * after *wait_ms.
 *
 * When the table is full of busy buckets, a new pair is not paced here: Meta
 * then refuses its messages with 131056, which paces it as well.
 */
bool courier_pace_take(courier_pace_t *p, const pt_uuid_t *number,
                       pt_str_t recipient, int64_t now_ms, uint32_t *wait_ms);

/* Has the number send nothing for for_ms milliseconds. */
void courier_pace_pause(courier_pace_t *p, const pt_uuid_t *number,
                        int64_t now_ms, uint32_t for_ms);

/*
 * Notes that a call of the number was refused or reached nobody, through no
 * fault of its message: the number pauses, longer each time in a row, and its
 * rate is halved.  Calls that were under way together count once, which
 * called_ms tells: it is when this one began.  It returns for how many
 * milliseconds from now_ms on the number pauses, at_least_ms or more; 0 is
 * possible only when there is no memory and at_least_ms is 0.
 */
uint32_t courier_pace_strike(courier_pace_t *p, const pt_uuid_t *number,
                             int64_t called_ms, int64_t now_ms,
                             uint32_t at_least_ms);

/* Notes that a call was accepted.  If it began after the last strike, the next
 * strike counts as the first again. */
void courier_pace_accept(courier_pace_t *p, const pt_uuid_t *number,
                         int64_t called_ms, int64_t now_ms);

/* For how many milliseconds the number still pauses; 0: it does not. */
uint32_t courier_pace_pausing(courier_pace_t *p, const pt_uuid_t *number,
                              int64_t now_ms);

/* Writes the numbers that may send nothing now, because they pause or have
 * spent their rate, to out, which has room for max.  It returns how many there
 * are. */
size_t courier_pace_paused(courier_pace_t *p, int64_t now_ms, pt_uuid_t *out,
                           size_t max);

#endif
