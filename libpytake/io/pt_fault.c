/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_fault.h"

#ifdef PYTAKE_FAULTS

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PT_FAULT_DELAY_MS 100


static void pt_fault_act(const char *action, size_t len, long n);


void
pt_fault_hit(const char *name)
{
    long        n = -1;
    size_t      len;
    const char *env, *action, *number;

    env = getenv("PYTAKE_FAULT");
    len = strlen(name);
    if (env == NULL || strncmp(env, name, len) != 0 || env[len] != ':') {
        return;
    }
    action = env + len + 1;
    number = strchr(action, ':');
    len = (number == NULL) ? strlen(action) : (size_t) (number - action);
    if (number != NULL) {
        n = strtol(number + 1, NULL, 10);
    }
    pt_fault_act(action, len, n);
}


static void
pt_fault_act(const char *action, size_t len, long n)
{
    static long     passages; /* of the point that the environment names */
    struct timespec ts;

    if (len == 5 && memcmp(action, "delay", 5) == 0) {
        if (n < 0) {
            n = PT_FAULT_DELAY_MS;
        }
        ts.tv_sec = n / 1000;
        ts.tv_nsec = (n % 1000) * 1000000;
        (void) nanosleep(&ts, NULL);
        return;
    }
    if (++passages != (n < 1 ? 1 : n)) {
        return;
    }
    if (len == 4 && memcmp(action, "kill", 4) == 0) {
        (void) kill(getpid(), SIGKILL);
    } else if (len == 5 && memcmp(action, "abort", 5) == 0) {
        abort();
    }
}

#else

/* A translation unit may not be empty. */
typedef int pt_fault_none_t;

#endif
