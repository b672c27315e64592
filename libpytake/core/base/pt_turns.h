/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_turns.h: a bounded queue that is fair between keys.  Whoever waits
 * stands in the lane of its key; turns go round the lanes, one of each.  A
 * lane holds a share of the queue at most.  A full queue makes room for a
 * newcomer at the longest lane, whose newest leaves, unless the newcomer's
 * own would then be no shorter.
 *
 * All memory is taken when the queue is made.  A turn is a part of whatever
 * waits.
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
    pt_lane_t *lane; /* NULL: does not wait; zero before the first use */
};

/* waiting_max: of all, share: of a key; both at least 1.  mem: *mem is
 * copied, its functions must outlive the queue.  PT_ENOMEM. */
pt_err_t pt_turns_new(const pt_mem_t *mem, uint32_t waiting_max, uint32_t share,
                      pt_turns_t **out) PT_MUST_CHECK;
void     pt_turns_del(pt_turns_t *q); /* NULL is fine; turns are not freed */

/* displaced: who had to leave, or NULL.  PT_EBUSY: no room. */
pt_err_t pt_turns_add(pt_turns_t *q, pt_turn_t *turn, uint64_t key,
                      pt_turn_t **displaced) PT_MUST_CHECK;
/* Whose turn it is, NULL: nobody waits.  It still waits. */
pt_turn_t *pt_turns_find(const pt_turns_t *q);
/* turn waits no more; if it was the one found, its lane goes to the end. */
void     pt_turns_drop(pt_turns_t *q, pt_turn_t *turn);
uint32_t pt_turns_count(const pt_turns_t *q);

#endif
