/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * mem.h: malloc() and free() as the allocator that core and drivers take.
 */

#ifndef MEM_H
#define MEM_H

#include "core/base/pt_arena.h"

extern const pt_mem_t mem_heap;

#endif
