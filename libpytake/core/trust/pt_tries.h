/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_tries.h: how often something was tried in vain of late, by key, and how
 * long the next attempt has to wait.  The table is one flat piece of memory
 * of a fixed size, without pointers into it: several processes may share it.
 * Whoever shares it locks it around each call; no call can fail.
 *
 * The first `free` attempts of fifteen minutes cost nothing.  The last of
 * them and each one after it begin a wait: 1 s, twice that, up to 15 min.
 * Fifteen minutes after the end of a wait all is forgotten.
 *
 * An attempt is taken before its outcome is known, so that many at once are
 * no more than the free ones, and given back when it was a good one or was
 * never made.
 *
 * A key has its place in one set of PT_TRIES_WAYS.  In a full set the key
 * with the fewest attempts makes room, the one that was quiet for the longest
 * among equals: a flood of keys, each tried once or twice, displaces its own
 * kind.  To displace a key with n attempts takes n at each of the others of
 * its set.  Keys are keyed hashes, so nobody can choose their set.
 */

#ifndef PT_TRIES_H
#define PT_TRIES_H

#include "core/base/pt_base.h"

#define PT_TRIES_WAYS 8
#define PT_TRIES_SLICES 6           /* that an attempt counts in */
#define PT_TRIES_SLICE_MS 180000    /* so it counts for 15 to 18 minutes */
#define PT_TRIES_FORGET_MS 900000   /* after the end of a wait */
#define PT_TRIES_WAIT_MAX_MS 900000 /* the first one is 1 s */
#define PT_TRIES_SETS_MAX (1u << 20)

typedef struct {
    uint64_t key;      /* 0: the place is free */
    int64_t  until_ms; /* the end of the last wait */
    uint32_t slice;    /* the newest, counted from the clock's zero */
    uint8_t  tried[PT_TRIES_SLICES];
    uint8_t  waits; /* that were begun in a row */
} pt_try_t;

typedef struct {
    uint32_t sets; /* a power of two */
    uint32_t free; /* attempts */
    pt_try_t rows[];
} pt_tries_t;

/* What one attempt changed. */
typedef struct {
    uint64_t key;
    int64_t  until_ms;  /* of the wait that it began */
    int64_t  before_ms; /* until_ms before */
    uint32_t slice;
    bool     waits;
} pt_tries_taken_t;

/* Bytes of a table, a multiple of eight. */
size_t pt_tries_size(uint32_t sets);
/* sets: a power of two, up to PT_TRIES_SETS_MAX. */
void pt_tries_init(pt_tries_t *t, uint32_t sets, uint32_t free_tries);

/* Milliseconds that the key has to wait; 0: none. */
int64_t pt_tries_wait(const pt_tries_t *t, uint64_t key, int64_t now_ms);
/* How many attempts are remembered of the key. */
uint32_t pt_tries_count(const pt_tries_t *t, uint64_t key, int64_t now_ms);
void     pt_tries_take(pt_tries_t *t, uint64_t key, int64_t now_ms,
                       pt_tries_taken_t *taken);
void     pt_tries_give_back(pt_tries_t *t, const pt_tries_taken_t *taken);
/* Frees the key's place. */
void pt_tries_forget(pt_tries_t *t, uint64_t key);

#endif
