/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_tries.h"

#include <assert.h>

#define PT_TRIES_COUNT_MAX 255u
#define PT_TRIES_DOUBLINGS 10u /* from 1 s to 1024 s, of which 15 min count */


static pt_try_t *pt_tries_find(const pt_tries_t *t, uint64_t key);
static pt_try_t *pt_tries_place(pt_tries_t *t, uint64_t key, int64_t now_ms);
static uint32_t  pt_tries_weight(const pt_tries_t *t, const pt_try_t *e,
                                 int64_t now_ms);
static uint32_t  pt_tries_sum(const pt_try_t *e, int64_t now_ms);
static void      pt_tries_roll(pt_try_t *e, int64_t now_ms);
static bool      pt_tries_is_over(const pt_try_t *e, int64_t now_ms);
static int64_t   pt_tries_delay(uint32_t waits);
static uint32_t  pt_tries_slice(int64_t now_ms);


size_t
pt_tries_size(uint32_t sets)
{
    return sizeof(pt_tries_t)
           + (size_t) sets * PT_TRIES_WAYS * sizeof(pt_try_t);
}


void
pt_tries_init(pt_tries_t *t, uint32_t sets, uint32_t free_tries)
{
    assert(sets != 0 && sets <= PT_TRIES_SETS_MAX);
    assert((sets & (sets - 1)) == 0);
    assert(free_tries != 0 && free_tries <= PT_TRIES_COUNT_MAX);

    memset(t, 0, pt_tries_size(sets));
    t->sets = sets;
    t->free = free_tries;
}


int64_t
pt_tries_wait(const pt_tries_t *t, uint64_t key, int64_t now_ms)
{
    const pt_try_t *e = pt_tries_find(t, key);

    if (e == NULL || e->waits == 0 || e->until_ms <= now_ms) {
        return 0;
    }

    return e->until_ms - now_ms;
}


uint32_t
pt_tries_count(const pt_tries_t *t, uint64_t key, int64_t now_ms)
{
    const pt_try_t *e = pt_tries_find(t, key);

    return e != NULL ? pt_tries_weight(t, e, now_ms) : 0;
}


void
pt_tries_take(pt_tries_t *t, uint64_t key, int64_t now_ms,
              pt_tries_taken_t *taken)
{
    uint32_t  i;
    pt_try_t *e = pt_tries_find(t, key);

    assert(key != 0 && now_ms >= 0);

    if (e == NULL) {
        e = pt_tries_place(t, key, now_ms);
    }

    if (pt_tries_is_over(e, now_ms)) {
        e->waits = 0;
    }

    pt_tries_roll(e, now_ms);

    i = e->slice % PT_TRIES_SLICES;
    if (e->tried[i] < PT_TRIES_COUNT_MAX) {
        e->tried[i]++;
    }

    taken->key = key;
    taken->slice = e->slice;
    taken->before_ms = e->until_ms;
    taken->until_ms = e->until_ms;
    taken->waits = false;

    if (e->waits != 0 || pt_tries_sum(e, now_ms) >= t->free) {
        taken->waits = true;
        e->waits = (uint8_t) (e->waits < PT_TRIES_COUNT_MAX ? e->waits + 1u
                                                            : e->waits);
        e->until_ms = now_ms + pt_tries_delay(e->waits);
        taken->until_ms = e->until_ms;
    }
}


/* Only the counts and the wait of this attempt are undone, because others may
 * have been taken meanwhile. */
void
pt_tries_give_back(pt_tries_t *t, const pt_tries_taken_t *taken)
{
    uint32_t  i;
    pt_try_t *e = pt_tries_find(t, taken->key);

    if (e == NULL) {
        return;
    }

    i = taken->slice % PT_TRIES_SLICES;
    if (e->slice - taken->slice < PT_TRIES_SLICES && e->tried[i] != 0) {
        e->tried[i]--;
    }

    if (taken->waits && e->waits != 0) {
        e->waits--;

        if (e->until_ms == taken->until_ms) {
            e->until_ms = taken->before_ms;
        }
    }
}


void
pt_tries_forget(pt_tries_t *t, uint64_t key)
{
    pt_try_t *e = pt_tries_find(t, key);

    if (e != NULL) {
        memset(e, 0, sizeof(*e));
    }
}


static pt_try_t *
pt_tries_find(const pt_tries_t *t, uint64_t key)
{
    uint32_t        i;
    const pt_try_t *set;

    set = &t->rows[(size_t) (key & (t->sets - 1)) * PT_TRIES_WAYS];

    for (i = 0; i < PT_TRIES_WAYS; i++) {
        if (set[i].key == key) {
            return (pt_try_t *) (uintptr_t) &set[i];
        }
    }

    return NULL;
}


/* Gives a cleared place for a key that has none yet. */
static pt_try_t *
pt_tries_place(pt_tries_t *t, uint64_t key, int64_t now_ms)
{
    uint32_t  i, weight, least = UINT32_MAX;
    pt_try_t *set, *e = NULL;

    set = &t->rows[(size_t) (key & (t->sets - 1)) * PT_TRIES_WAYS];

    for (i = 0; i < PT_TRIES_WAYS; i++) {
        weight = pt_tries_weight(t, &set[i], now_ms);

        if (weight < least || (weight == least && set[i].slice < e->slice)) {
            least = weight;
            e = &set[i];
        }
    }

    memset(e, 0, sizeof(*e));
    e->key = key;
    e->slice = pt_tries_slice(now_ms);

    return e;
}


/* Says how many attempts would be forgotten if this place were given to another
 * key. */
static uint32_t
pt_tries_weight(const pt_tries_t *t, const pt_try_t *e, int64_t now_ms)
{
    if (e->key == 0) {
        return 0;
    }

    if (e->waits != 0 && !pt_tries_is_over(e, now_ms)) {
        return t->free + e->waits;
    }

    return pt_tries_sum(e, now_ms);
}


static uint32_t
pt_tries_sum(const pt_try_t *e, int64_t now_ms)
{
    uint32_t i, age, sum = 0, slice = pt_tries_slice(now_ms);

    for (i = 0; i < PT_TRIES_SLICES; i++) {
        age = slice - e->slice + i;
        if (age < PT_TRIES_SLICES) {
            sum += e->tried[(e->slice - i) % PT_TRIES_SLICES];
        }
    }

    return sum;
}


/* Makes the present slice of time the newest one of a place. */
static void
pt_tries_roll(pt_try_t *e, int64_t now_ms)
{
    uint32_t slice = pt_tries_slice(now_ms);

    if (slice - e->slice >= PT_TRIES_SLICES) {
        memset(e->tried, 0, sizeof(e->tried));
        e->slice = slice;
    }

    while (e->slice != slice) {
        e->slice++;
        e->tried[e->slice % PT_TRIES_SLICES] = 0;
    }
}


static bool
pt_tries_is_over(const pt_try_t *e, int64_t now_ms)
{
    return e->waits != 0 && now_ms - e->until_ms >= PT_TRIES_FORGET_MS;
}


static int64_t
pt_tries_delay(uint32_t waits)
{
    int64_t ms;

    assert(waits != 0);

    if (waits > PT_TRIES_DOUBLINGS + 1) {
        waits = PT_TRIES_DOUBLINGS + 1;
    }

    ms = INT64_C(1000) << (waits - 1);

    return ms < PT_TRIES_WAIT_MAX_MS ? ms : PT_TRIES_WAIT_MAX_MS;
}


/* Gives the number of the present slice of time.  Numbers start at
 * PT_TRIES_SLICES, so that older slices exist from the first moment on. */
static uint32_t
pt_tries_slice(int64_t now_ms)
{
    return (uint32_t) (now_ms / PT_TRIES_SLICE_MS) + PT_TRIES_SLICES;
}
