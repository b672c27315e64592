/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Preloaded by at_date.py: the wall clock of a process is PYTAKE_TEST_CLOCK
 * seconds off, the monotonic one is the real one.  libfaketime is of no use
 * for this: under it PostgreSQL's lock_timeout and statement_timeout never
 * fire, clock_nanosleep() fails and Redis' allocator recurses.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t clock_off;


/* Once: NGINX takes variables out of its workers' environment. */
__attribute__((constructor)) static void
clock_init(void)
{
    const char *s = getenv("PYTAKE_TEST_CLOCK");

    if (s != NULL) {
        clock_off = strtol(s, NULL, 10);
    }
}


int
clock_gettime(clockid_t id, struct timespec *ts)
{
    long rc = syscall(SYS_clock_gettime, id, ts);

    if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        ts->tv_sec += clock_off;
    }

    return (int) rc;
}


int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    struct timespec ts;

    (void) tz;

    if (clock_gettime(CLOCK_REALTIME, &ts) != 0) {
        return -1;
    }

    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;

    return 0;
}


time_t
time(time_t *out)
{
    struct timespec ts;

    if (clock_gettime(CLOCK_REALTIME, &ts) != 0) {
        return (time_t) -1;
    }

    if (out != NULL) {
        *out = ts.tv_sec;
    }

    return ts.tv_sec;
}
