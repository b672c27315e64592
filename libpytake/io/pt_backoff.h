/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_backoff.h: delays between attempts: base, doubling, a cap, and jitter
 * so that the workers of a machine do not come back in step.
 */

#ifndef PT_BACKOFF_H
#define PT_BACKOFF_H

#include "core/base/pt_base.h"

typedef struct {
    uint32_t base_ms;
    uint32_t max_ms;
    uint32_t delay_ms; /* of the next attempt, before jitter */
    uint64_t state;    /* of the jitter */
} pt_backoff_t;

/* seed: anything that differs between processes. */
void pt_backoff_init(pt_backoff_t *b, uint32_t base_ms, uint32_t max_ms,
                     uint64_t seed);
void pt_backoff_reset(pt_backoff_t *b); /* after a success */

/* Milliseconds to wait now: between one half and the whole of the current
 * delay, which then doubles. */
uint32_t pt_backoff_next(pt_backoff_t *b);

#endif
