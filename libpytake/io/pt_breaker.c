/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include <assert.h>

#include "pt_breaker.h"


void
pt_breaker_init(pt_breaker_t *b, uint32_t failures_max, uint32_t interval_ms)
{
    assert(failures_max > 0);
    memset(b, 0, sizeof(*b));
    b->failures_max = failures_max;
    b->interval_ms = interval_ms;
}


bool
pt_breaker_success(pt_breaker_t *b)
{
    bool was_open = b->open;

    b->failures = 0;
    b->open = false;
    b->probing = false;
    return was_open;
}


bool
pt_breaker_failure(pt_breaker_t *b, uint32_t weight, int64_t now_ms)
{
    assert(weight > 0 && b->failures <= b->failures_max);
    b->probing = false;
    b->failures += weight;
    if (b->failures > b->failures_max) {
        b->failures = b->failures_max;
    }
    if (b->open || b->failures < b->failures_max) {
        return false;
    }
    b->open = true;
    b->probe_at_ms = now_ms + b->interval_ms;
    return true;
}


bool
pt_breaker_probe(pt_breaker_t *b, int64_t now_ms)
{
    if (!b->open || b->probing || now_ms < b->probe_at_ms) {
        return false;
    }
    b->probing = true;
    b->probe_at_ms = now_ms + b->interval_ms;
    return true;
}
