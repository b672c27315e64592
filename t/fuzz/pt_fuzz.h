/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_fuzz.h: what every fuzz target uses.  A finding is an abort: never
 * NDEBUG, so that the core's own asserts take part.
 */

#ifndef PT_FUZZ_H
#define PT_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "core/base/pt_arena.h"

#define PT_FUZZ_CHECK(cond)                                                    \
    do {                                                                       \
        if (!(cond)) {                                                         \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);         \
            abort();                                                           \
        }                                                                      \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void *
pt_fuzz_alloc(void *user, size_t size)
{
    PT_UNUSED(user);
    return malloc(size);
}


static inline void
pt_fuzz_free(void *user, void *ptr)
{
    PT_UNUSED(user);
    free(ptr);
}


static const pt_mem_t pt_fuzz_mem = { pt_fuzz_alloc, pt_fuzz_free, NULL };


static inline pt_arena_t *
pt_fuzz_arena(void)
{
    pt_arena_t *a = pt_arena_new(&pt_fuzz_mem, PT_ARENA_WEBHOOK_MAX);

    PT_FUZZ_CHECK(a != NULL);

    return a;
}

#endif
