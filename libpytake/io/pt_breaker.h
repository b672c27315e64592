/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_breaker.h: a circuit breaker.  After failures_max failures in a row it
 * opens; while open the owner refuses work at once and sends one probe at a
 * time, at most one every interval.  Any success closes it.
 */

#ifndef PT_BREAKER_H
#define PT_BREAKER_H

#include "core/base/pt_base.h"

typedef struct {
    uint32_t failures_max;
    uint32_t interval_ms;
    uint32_t failures; /* in a row */
    bool     open;
    bool     probing; /* one is under way */
    int64_t  probe_at_ms;
} pt_breaker_t;

void pt_breaker_init(pt_breaker_t *b, uint32_t failures_max,
                     uint32_t interval_ms);

/* true when this very call closed it */
bool pt_breaker_success(pt_breaker_t *b);

/* weight: failures_max opens at once.  true when this very call opened. */
bool pt_breaker_failure(pt_breaker_t *b, uint32_t weight, int64_t now_ms);

/* Whether a probe may start now; when true, it counts as begun. */
bool pt_breaker_probe(pt_breaker_t *b, int64_t now_ms);

#endif
