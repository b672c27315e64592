/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* The system's clocks in microseconds: those of NGINX are cached and count
 * milliseconds. */

#include "ngx_pytake.h"


int64_t
ngx_pytake_clock_wall_us(void)
{
    struct timespec ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


int64_t
ngx_pytake_clock_mono_us(void)
{
    struct timespec ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}
