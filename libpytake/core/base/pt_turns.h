/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_turns.h: a bounded queue that is fair between keys.  Whoever waits stands
 * in the lane of its key, and the lanes take turns, one waiter each.  A lane
 * holds at most a given share of the queue.  A full queue makes room for a
 * newcomer by displacing the newest waiter of the longest lane, unless the
 * newcomer's own lane would then be as long as that one.
 *
 * All memory is taken when the queue is made.  A waiter embeds a pt_turn_t, so
 * that adding it cannot fail for want of memory.
 */

#ifndef PT_TURNS_H
#define PT_TURNS_H

#include "pt_arena.h"

typedef struct pt_turns_s pt_turns_t;
typedef struct pt_turn_s  pt_turn_t;
typedef struct pt_lane_s  pt_lane_t;

struct pt_turn_s {
    pt_turn_t *prev;
    pt_turn_t *next;
    pt_lane_t *lane; /* NULL while it does not wait; the whole struct is zero
                        before its first use */
};

/* Makes a queue.  waiting_max is how many may wait in all, share how many of
 * one key; both are at least 1.  *mem is copied, and its functions must outlive
 * the queue.  The caller owns *out and frees it with pt_turns_del().  The only
 * error is PT_ENOMEM. */
pt_err_t pt_turns_new(const pt_mem_t *mem, uint32_t waiting_max, uint32_t share,
                      pt_turns_t **out) PT_MUST_CHECK;
/* Frees a queue.  The turns that wait in it are their owners' and are not
 * freed.  NULL is allowed. */
void pt_turns_del(pt_turns_t *q);

/* Adds a turn, which does not wait yet, behind the others of its key.  turn is
 * the caller's and must stay in place until it is dropped or displaced.
 * *displaced is the turn that had to leave for it, or NULL.  PT_EBUSY: there is
 * no room, and nothing changed. */
pt_err_t pt_turns_add(pt_turns_t *q, pt_turn_t *turn, uint64_t key,
                      pt_turn_t **displaced) PT_MUST_CHECK;
/* Gives the turn that is next, which waits on until it is dropped; or NULL when
 * nobody waits. */
pt_turn_t *pt_turns_find(const pt_turns_t *q);
/* Takes a turn that waits out of the queue.  If it was the next one, its lane
 * goes behind all other lanes. */
void pt_turns_drop(pt_turns_t *q, pt_turn_t *turn);
/* Says how many turns wait. */
uint32_t pt_turns_count(const pt_turns_t *q);

#endif
