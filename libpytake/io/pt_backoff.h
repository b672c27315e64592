/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_backoff.h: delays between attempts.  They begin at a base, double up to a
 * cap, and have jitter, so that the workers of a machine do not come back in
 * step.
 */

#ifndef PT_BACKOFF_H
#define PT_BACKOFF_H

#include "core/base/pt_base.h"

typedef struct {
    uint32_t base_ms;  /* delay of the first attempt, before jitter */
    uint32_t max_ms;   /* longest delay */
    uint32_t delay_ms; /* delay of the next attempt, before jitter */
    uint64_t state;    /* of the generator that makes the jitter */
} pt_backoff_t;

/* Prepares *b.  base_ms is at least 1, and max_ms at least base_ms.  seed is
 * any number that differs between processes. */
void pt_backoff_init(pt_backoff_t *b, uint32_t base_ms, uint32_t max_ms,
                     uint64_t seed);

/* Begins at base_ms again, after a success. */
void pt_backoff_reset(pt_backoff_t *b);

/* Returns how many milliseconds to wait now: between one half and the whole of
 * the delay, which then doubles. */
uint32_t pt_backoff_next(pt_backoff_t *b);

#endif
