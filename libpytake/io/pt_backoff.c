/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include <assert.h>

#include "pt_backoff.h"


static uint32_t pt_backoff_random(pt_backoff_t *b);


void
pt_backoff_init(pt_backoff_t *b, uint32_t base_ms, uint32_t max_ms,
                uint64_t seed)
{
    assert(base_ms > 0 && max_ms >= base_ms);
    b->base_ms = base_ms;
    b->max_ms = max_ms;
    b->delay_ms = base_ms;
    b->state = seed ^ 0x9e3779b97f4a7c15u;
}


void
pt_backoff_reset(pt_backoff_t *b)
{
    b->delay_ms = b->base_ms;
}


uint32_t
pt_backoff_next(pt_backoff_t *b)
{
    uint32_t whole = b->delay_ms;
    uint32_t half = whole / 2;

    assert(whole > 0 && whole <= b->max_ms);
    b->delay_ms = (whole > b->max_ms / 2) ? b->max_ms : whole * 2;
    return whole - half + pt_backoff_random(b) % (half + 1);
}


/* The generator splitmix64: jitter needs numbers that are spread, and no
 * secrets. */

static uint32_t
pt_backoff_random(pt_backoff_t *b)
{
    uint64_t z;

    b->state += 0x9e3779b97f4a7c15u;
    z = b->state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t) (z >> 33);
}
