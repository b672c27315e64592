/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_breaker.h: a circuit breaker.  After failures_max failures in a row it
 * opens.  While it is open, its owner refuses work at once and sends one probe
 * at a time, at most one in each interval.  Any success closes it.
 */

#ifndef PT_BREAKER_H
#define PT_BREAKER_H

#include "core/base/pt_base.h"

typedef struct {
    uint32_t failures_max; /* that open it */
    uint32_t interval_ms;  /* between probes */
    uint32_t failures;     /* in a row */
    bool     open;
    bool     probing;     /* a probe is under way */
    int64_t  probe_at_ms; /* when the next probe may start, loop time */
} pt_breaker_t;

/* Prepares *b, closed.  failures_max is at least 1. */
void pt_breaker_init(pt_breaker_t *b, uint32_t failures_max,
                     uint32_t interval_ms);

/* Notes a success, and closes it.  It returns true when it was open before. */
bool pt_breaker_success(pt_breaker_t *b);

/* Notes a failure that counts as weight of them: with a weight of failures_max
 * it opens at once.  It returns true when it was closed before and is open
 * now. */
bool pt_breaker_failure(pt_breaker_t *b, uint32_t weight, int64_t now_ms);

/* Whether a probe may start now.  When it returns true, the probe has
 * begun. */
bool pt_breaker_probe(pt_breaker_t *b, int64_t now_ms);

#endif
