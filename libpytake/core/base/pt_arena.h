/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_arena.h: one capped bump allocator per operation, freed once.
 */

#ifndef PT_ARENA_H
#define PT_ARENA_H

#include "pt_base.h"

/* The allocator that everything long-lived stands on; injected, so that
 * tests can fail the n-th allocation.  malloc/free semantics. */
typedef struct {
    void *(*alloc)(void *user, size_t size);
    void (*free)(void *user, void *ptr);
    void *user;
} pt_mem_t;

typedef struct pt_arena_s pt_arena_t;

/* Makes an arena of at most size_max bytes in all (blocks included).
 * NULL when mem refuses.  The caller frees it with pt_arena_del(). */
pt_arena_t *pt_arena_new(const pt_mem_t *mem, size_t size_max);
void        pt_arena_del(pt_arena_t *a); /* NULL is fine */

/* size bytes, aligned for any type; NULL at the cap or out of memory.
 * size 0 gives a valid pointer.  Borrowed until pt_arena_del(). */
void *pt_alloc(pt_arena_t *a, size_t size) PT_MUST_CHECK;
void *pt_calloc(pt_arena_t *a, size_t count, size_t size) PT_MUST_CHECK;

/* Copies of a slice: pt_dup() is NUL-terminated behind its len. */
pt_err_t pt_dup(pt_arena_t *a, pt_str_t s, pt_str_t *out) PT_MUST_CHECK;

/* printf into the arena: %.*s with lengths only. */
pt_err_t pt_fmt(pt_arena_t *a, pt_str_t *out, const char *fmt, ...)
    PT_PRINTF(3, 4) PT_MUST_CHECK;

/*
 * Grows the newest allocation in place: ptr of old_size becomes new_size.
 * false, and nothing changed, when ptr is not the newest one or its block is
 * full; the caller then allocates and copies.
 */
bool pt_arena_grow(pt_arena_t *a, void *ptr, size_t old_size, size_t new_size);

/* Bytes taken from the allocator so far, blocks included. */
size_t pt_arena_used(const pt_arena_t *a);

/* A place in the arena to go back to. */
typedef struct {
    void  *block;
    size_t used;
    size_t newest;
} pt_arena_mark_t;

/*
 * pt_arena_release() gives back all that was allocated since the mark, which
 * stays good.  Marks are released newest first; nothing made before the mark
 * may have been grown since.
 */
void pt_arena_mark(const pt_arena_t *a, pt_arena_mark_t *mark);
void pt_arena_release(pt_arena_t *a, const pt_arena_mark_t *mark);

/* Bytes that the cap still allows for, about; and whether the last refusal
 * was the cap's, not the allocator's. */
size_t pt_arena_left(const pt_arena_t *a);
bool   pt_arena_capped(const pt_arena_t *a);

#endif
