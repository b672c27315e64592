/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_tries.h: remembers by key how often something was tried in vain of late,
 * and how long the next attempt has to wait.  The table is one flat piece of
 * memory of a fixed size without pointers into it, so that several processes
 * may share it.  Whoever shares it locks it around each call; no call can fail.
 *
 * The first `free` attempts of fifteen minutes cost nothing.  The last of them
 * and each one after it begin a wait: of 1 s at first, then of twice the last
 * one, up to 15 min.  Fifteen minutes after the end of a wait all is forgotten.
 *
 * An attempt is taken before its outcome is known, so that many at the same
 * time are no more than the free ones.  It is given back when its outcome was
 * good or nobody made it.
 *
 * A key has its place in one set of PT_TRIES_WAYS places.  In a full set the
 * key with the fewest attempts makes room, and among equals the one that was
 * quiet for the longest: a flood of keys, each tried once or twice, displaces
 * its own kind.  To displace a key with n attempts takes n attempts at each of
 * the others of its set.  Keys are keyed hashes, so that nobody can choose
 * their set.
 */

#ifndef PT_TRIES_H
#define PT_TRIES_H

#include "core/base/pt_base.h"

#define PT_TRIES_WAYS 8
#define PT_TRIES_SLICES 6           /* slices of time in which it counts */
#define PT_TRIES_SLICE_MS 180000    /* thus it counts for 15 to 18 minutes */
#define PT_TRIES_FORGET_MS 900000   /* after the end of a wait */
#define PT_TRIES_WAIT_MAX_MS 900000 /* the first one lasts 1 s */
#define PT_TRIES_SETS_MAX (1u << 20)

typedef struct {
    uint64_t key;      /* 0: the place is free */
    int64_t  until_ms; /* the end of the last wait */
    uint32_t slice;    /* the newest one's number since the clock's zero */
    uint8_t  tried[PT_TRIES_SLICES];
    uint8_t  waits; /* how many began in a row, at most 255 */
} pt_try_t;

typedef struct {
    uint32_t sets; /* a power of two */
    uint32_t free; /* attempts that cost no wait */
    pt_try_t rows[];
} pt_tries_t;

/* What one attempt changed, so that pt_tries_give_back() can undo it. */
typedef struct {
    uint64_t key;
    int64_t  until_ms;  /* the end of the wait that it began */
    int64_t  before_ms; /* the end of the last wait before it */
    uint32_t slice;
    bool     waits;
} pt_tries_taken_t;

/* Says how many bytes a table of so many sets takes, a multiple of eight. */
size_t pt_tries_size(uint32_t sets);
/* Makes an empty table in the caller's memory, which has pt_tries_size(sets)
 * bytes and is aligned for a uint64_t.  sets is a power of two up to
 * PT_TRIES_SETS_MAX; free_tries, from 1 to 255, becomes t->free. */
void pt_tries_init(pt_tries_t *t, uint32_t sets, uint32_t free_tries);

/* Says how many milliseconds a key has to wait; 0: none.  Like all times here,
 * now_ms is in milliseconds of one clock that is never negative. */
int64_t pt_tries_wait(const pt_tries_t *t, uint64_t key, int64_t now_ms);
/* Says how many attempts are remembered of a key. */
uint32_t pt_tries_count(const pt_tries_t *t, uint64_t key, int64_t now_ms);
/* Counts an attempt of a key, which is not 0, as one in vain, and begins a wait
 * if it is due.  *taken, the caller's, says what changed. */
void pt_tries_take(pt_tries_t *t, uint64_t key, int64_t now_ms,
                   pt_tries_taken_t *taken);
/* Undoes one attempt.  Attempts of the same key that were taken meanwhile
 * stay. */
void pt_tries_give_back(pt_tries_t *t, const pt_tries_taken_t *taken);
/* Forgets a key and frees its place. */
void pt_tries_forget(pt_tries_t *t, uint64_t key);

#endif
