/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_turns.h"

#include <assert.h>

struct pt_lane_s {
    uint64_t   key;
    pt_turn_t *head;
    pt_turn_t *tail;
    uint32_t   count;
    pt_lane_t *prev; /* in the ring of lanes */
    pt_lane_t *next; /* in the ring, or in the list of free lanes */
    /* The next lane with the same place in the table of keys. */
    pt_lane_t *chain;
};

struct pt_turns_s {
    pt_mem_t    mem;
    uint32_t    waiting_max;
    uint32_t    share;
    uint32_t    count;
    uint32_t    nchains; /* a power of two */
    pt_lane_t  *ring;    /* the lane whose turn it is, or NULL */
    pt_lane_t  *free;    /* the free lanes, linked by next */
    pt_lane_t **chains;  /* the table of the ring's lanes, by key */
    pt_lane_t   lanes[]; /* waiting_max of them */
};


static pt_lane_t  *pt_lane_find(const pt_turns_t *q, uint64_t key);
static pt_lane_t  *pt_lane_longest(const pt_turns_t *q);
static pt_lane_t  *pt_lane_add(pt_turns_t *q, uint64_t key);
static void        pt_lane_drop(pt_turns_t *q, pt_lane_t *lane);
static pt_lane_t **pt_lane_chain(const pt_turns_t *q, uint64_t key);


pt_err_t
pt_turns_new(const pt_mem_t *mem, uint32_t waiting_max, uint32_t share,
             pt_turns_t **out)
{
    size_t      size, lanes;
    uint32_t    i, nchains = 1;
    pt_turns_t *q;

    assert(waiting_max != 0 && share != 0);

    while (nchains < waiting_max) {
        nchains *= 2;
    }

    lanes = sizeof(pt_turns_t) + (size_t) waiting_max * sizeof(pt_lane_t);
    size = lanes + (size_t) nchains * sizeof(pt_lane_t *);

    *out = NULL;

    q = mem->alloc(mem->user, size);
    if (q == NULL) {
        return PT_ENOMEM;
    }

    memset(q, 0, size);
    q->mem = *mem;
    q->waiting_max = waiting_max;
    q->share = share;
    q->nchains = nchains;
    q->chains = (pt_lane_t **) (void *) ((char *) q + lanes);

    for (i = waiting_max; i != 0; i--) {
        q->lanes[i - 1].next = q->free;
        q->free = &q->lanes[i - 1];
    }

    *out = q;

    return PT_OK;
}


void
pt_turns_del(pt_turns_t *q)
{
    pt_mem_t mem;

    if (q != NULL) {
        mem = q->mem;
        mem.free(mem.user, q);
    }
}


pt_err_t
pt_turns_add(pt_turns_t *q, pt_turn_t *turn, uint64_t key,
             pt_turn_t **displaced)
{
    uint32_t   own;
    pt_lane_t *lane, *longest;

    assert(turn->lane == NULL);

    *displaced = NULL;

    lane = pt_lane_find(q, key);
    own = lane != NULL ? lane->count : 0;

    if (own == q->share) {
        return PT_EBUSY;
    }

    if (q->count == q->waiting_max) {
        longest = pt_lane_longest(q);
        if (longest->count <= own + 1) {
            return PT_EBUSY;
        }

        *displaced = longest->tail;
        pt_turns_drop(q, longest->tail);
    }

    if (lane == NULL) {
        lane = pt_lane_add(q, key);
    }

    turn->lane = lane;
    turn->next = NULL;
    turn->prev = lane->tail;
    if (lane->tail != NULL) {
        lane->tail->next = turn;
    } else {
        lane->head = turn;
    }
    lane->tail = turn;
    lane->count++;
    q->count++;

    return PT_OK;
}


pt_turn_t *
pt_turns_find(const pt_turns_t *q)
{
    return q->ring != NULL ? q->ring->head : NULL;
}


void
pt_turns_drop(pt_turns_t *q, pt_turn_t *turn)
{
    pt_lane_t *lane = turn->lane;

    assert(lane != NULL && lane->count != 0 && q->count != 0);

    if (q->ring == lane && lane->head == turn) {
        q->ring = lane->next;
    }

    if (turn->prev != NULL) {
        turn->prev->next = turn->next;
    } else {
        lane->head = turn->next;
    }

    if (turn->next != NULL) {
        turn->next->prev = turn->prev;
    } else {
        lane->tail = turn->prev;
    }

    turn->lane = NULL;
    lane->count--;
    q->count--;

    if (lane->count == 0) {
        pt_lane_drop(q, lane);
    }
}


uint32_t
pt_turns_count(const pt_turns_t *q)
{
    return q->count;
}


static pt_lane_t *
pt_lane_find(const pt_turns_t *q, uint64_t key)
{
    pt_lane_t *lane;

    for (lane = *pt_lane_chain(q, key); lane != NULL; lane = lane->chain) {
        if (lane->key == key) {
            return lane;
        }
    }

    return NULL;
}


/* Gives the longest lane; among equals it is the one whose turn comes last. */
static pt_lane_t *
pt_lane_longest(const pt_turns_t *q)
{
    pt_lane_t *lane, *longest;

    assert(q->ring != NULL);

    longest = q->ring;

    for (lane = q->ring->next; lane != q->ring; lane = lane->next) {
        if (lane->count >= longest->count) {
            longest = lane;
        }
    }

    return longest;
}


/* Adds a lane for a key to the ring, behind all others. */
static pt_lane_t *
pt_lane_add(pt_turns_t *q, uint64_t key)
{
    pt_lane_t *lane = q->free, **chain = pt_lane_chain(q, key);

    /* There are as many lanes as turns, so one is free. */
    assert(lane != NULL);

    q->free = lane->next;

    memset(lane, 0, sizeof(*lane));
    lane->key = key;
    lane->chain = *chain;
    *chain = lane;

    if (q->ring == NULL) {
        lane->prev = lane;
        lane->next = lane;
        q->ring = lane;
        return lane;
    }

    lane->next = q->ring;
    lane->prev = q->ring->prev;
    lane->prev->next = lane;
    lane->next->prev = lane;

    return lane;
}


static void
pt_lane_drop(pt_turns_t *q, pt_lane_t *lane)
{
    pt_lane_t **chain = pt_lane_chain(q, lane->key);

    while (*chain != lane) {
        chain = &(*chain)->chain;
    }
    *chain = lane->chain;

    if (lane->next == lane) {
        q->ring = NULL;

    } else {
        lane->prev->next = lane->next;
        lane->next->prev = lane->prev;
        if (q->ring == lane) {
            q->ring = lane->next;
        }
    }

    lane->next = q->free;
    q->free = lane;
}


static pt_lane_t **
pt_lane_chain(const pt_turns_t *q, uint64_t key)
{
    return &q->chains[key & (q->nchains - 1)];
}
