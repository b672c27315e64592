/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_arena.h: a bump allocator with a cap.  Each operation has one arena, and
 * everything that the operation allocates is freed at once with it.
 */

#ifndef PT_ARENA_H
#define PT_ARENA_H

#include "pt_base.h"

/* The allocator below the arenas and below everything that lives longer than an
 * operation.  alloc and free mean what malloc() and free() mean.  It is passed
 * in, so that a test can make the n-th allocation fail. */
typedef struct {
    void *(*alloc)(void *user, size_t size);
    void (*free)(void *user, void *ptr);
    void *user;
} pt_mem_t;

typedef struct pt_arena_s pt_arena_t;

/* Makes an arena of at most size_max bytes in all, its own blocks included.
 * *mem is copied.  The result is NULL when mem refuses or size_max is smaller
 * than the arena's head; else the caller owns it and frees it with
 * pt_arena_del(). */
pt_arena_t *pt_arena_new(const pt_mem_t *mem, size_t size_max);
/* Frees an arena and all that was allocated on it.  NULL is allowed. */
void pt_arena_del(pt_arena_t *a);

/* Allocates size bytes, aligned for any type and borrowed until pt_arena_del().
 * pt_arena_calloc() allocates count * size bytes of zeros.  A size of 0 gives a
 * valid pointer.  The result is NULL at the arena's cap or when the allocator
 * refuses. */
void *pt_arena_alloc(pt_arena_t *a, size_t size) PT_MUST_CHECK;
void *pt_arena_calloc(pt_arena_t *a, size_t count, size_t size) PT_MUST_CHECK;

/* Copies a slice to the arena, with a NUL behind its len.  The only error is
 * PT_ENOMEM. */
pt_err_t pt_arena_dup(pt_arena_t *a, pt_str_t s, pt_str_t *out) PT_MUST_CHECK;

/* Prints to the arena as printf() does, with a NUL behind.  A slice is printed
 * as %.*s with its length, for it has no NUL of its own.  Errors: PT_ENOMEM,
 * and PT_EINTERNAL when the C library refuses the format. */
pt_err_t pt_arena_fmt(pt_arena_t *a, pt_str_t *out, const char *fmt, ...)
    PT_PRINTF(3, 4) PT_MUST_CHECK;

/*
 * Grows the newest allocation in place, from old_size to new_size bytes.  The
 * result is false, and nothing changed, when ptr is not the newest allocation
 * or its block is full; the caller then allocates anew and copies.
 */
bool pt_arena_grow(pt_arena_t *a, void *ptr, size_t old_size, size_t new_size);

/* Says how many bytes the arena took from the allocator so far, its blocks'
 * heads included. */
size_t pt_arena_used(const pt_arena_t *a);

/* A place in an arena to which pt_arena_release() can go back.  It points into
 * the arena and is good as long as the arena is. */
typedef struct {
    void  *block;
    size_t used;
    size_t newest;
} pt_arena_mark_t;

/*
 * pt_arena_mark() writes the arena's present place to *mark, which is the
 * caller's.  pt_arena_release() frees all that was allocated since; the mark
 * stays good.  Marks are released newest first, and nothing that was allocated
 * before a mark may have been grown since.
 */
void pt_arena_mark(const pt_arena_t *a, pt_arena_mark_t *mark);
void pt_arena_release(pt_arena_t *a, const pt_arena_mark_t *mark);

/* pt_arena_left() says about how many bytes the cap still allows for.
 * pt_arena_capped() says whether it was the cap, and not the allocator, that
 * refused last. */
size_t pt_arena_left(const pt_arena_t *a);
bool   pt_arena_capped(const pt_arena_t *a);

#endif
