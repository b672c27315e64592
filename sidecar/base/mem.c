/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "mem.h"

#include <stdlib.h>

static void *mem_alloc(void *user, size_t size);
static void  mem_free(void *user, void *ptr);

const pt_mem_t mem_heap = { mem_alloc, mem_free, NULL };


static void *
mem_alloc(void *user, size_t size)
{
    PT_UNUSED(user);

    return malloc(size);
}


static void
mem_free(void *user, void *ptr)
{
    PT_UNUSED(user);
    free(ptr);
}
