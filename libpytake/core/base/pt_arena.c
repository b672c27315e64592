/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PT_ARENA_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define PT_ARENA_ASAN 1
#endif

#ifdef PT_ARENA_ASAN
/* The two functions are declared here because the core includes no header of a
 * tool. */
void __asan_poison_memory_region(const volatile void *p, size_t size);
void __asan_unpoison_memory_region(const volatile void *p, size_t size);
#define PT_ARENA_REDZONE 16 /* bytes nobody may touch behind each piece */
#else
#define __asan_poison_memory_region(p, n)
#define __asan_unpoison_memory_region(p, n)
#define PT_ARENA_REDZONE 0
#endif

#define PT_ARENA_ALIGN _Alignof(max_align_t)
#define PT_ARENA_BLOCK_GROW_MAX (256u * 1024)


typedef struct pt_arena_block_s pt_arena_block_t;

struct pt_arena_block_s {
    pt_arena_block_t *next;
    size_t            size;   /* of the whole block, in bytes */
    size_t            used;   /* from its start, this header included */
    size_t            newest; /* offset of the newest piece; 0: none */
};

struct pt_arena_s {
    pt_mem_t          mem;
    size_t            size_max;
    size_t            taken;
    size_t            block_next;
    bool              capped;
    pt_arena_block_t *current;
    _Alignas(max_align_t) pt_arena_block_t first;
};


static size_t            pt_arena_round(size_t n);
static void             *pt_arena_take(pt_arena_block_t *b, size_t size);
static pt_arena_block_t *pt_arena_block_new(pt_arena_t *a, size_t size);


pt_arena_t *
pt_arena_new(const pt_mem_t *mem, size_t size_max)
{
    size_t      head, size;
    pt_arena_t *a;

    assert(mem != NULL && mem->alloc != NULL && mem->free != NULL);

    head = pt_arena_round(sizeof(pt_arena_t));
    size = size_max < PT_ARENA_BLOCK ? size_max : PT_ARENA_BLOCK;
    if (size < head) {
        return NULL;
    }

    a = mem->alloc(mem->user, size);
    if (a == NULL) {
        return NULL;
    }

    a->mem = *mem;
    a->size_max = size_max;
    a->taken = size;
    a->block_next = 2 * PT_ARENA_BLOCK;
    a->capped = false;
    a->current = &a->first;

    /* The first block begins within the arena's own head, so that a small
     * operation needs a single allocation. */
    a->first.next = NULL;
    a->first.size = size - offsetof(pt_arena_t, first);
    a->first.used = head - offsetof(pt_arena_t, first);
    a->first.newest = 0;

    __asan_poison_memory_region((char *) a + head, size - head);

    return a;
}


void
pt_arena_del(pt_arena_t *a)
{
    pt_mem_t          mem;
    pt_arena_block_t *b, *next;

    if (a == NULL) {
        return;
    }

    mem = a->mem;

    /* The blocks are linked newest first.  The first one is a part of the
     * arena's own allocation and is freed with it. */
    for (b = a->current; b != &a->first; b = next) {
        next = b->next;
        __asan_unpoison_memory_region(b, b->size);
        mem.free(mem.user, b);
    }

    __asan_unpoison_memory_region(&a->first, a->first.size);
    mem.free(mem.user, a);
}


void *
pt_arena_alloc(pt_arena_t *a, size_t size)
{
    void             *p;
    pt_arena_block_t *b;

    assert(a != NULL && a->taken <= a->size_max);

    p = pt_arena_take(a->current, size);
    if (p != NULL) {
        return p;
    }

    b = pt_arena_block_new(a, size);
    if (b == NULL) {
        return NULL;
    }

    p = pt_arena_take(b, size);
    assert(p != NULL);

    return p;
}


void *
pt_arena_calloc(pt_arena_t *a, size_t count, size_t size)
{
    void *p;

    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }

    p = pt_arena_alloc(a, count * size);
    if (p != NULL) {
        memset(p, 0, count * size);
    }

    return p;
}


bool
pt_arena_grow(pt_arena_t *a, void *ptr, size_t old_size, size_t new_size)
{
    size_t            offset;
    pt_arena_block_t *b = a->current;

    assert(ptr != NULL && new_size >= old_size);

    if (b->newest == 0 || (char *) b + b->newest != (char *) ptr) {
        return false;
    }

    offset = b->newest;
    if (new_size > b->size || new_size + PT_ARENA_REDZONE > b->size - offset) {
        return false;
    }

    __asan_unpoison_memory_region(ptr, new_size);
    b->used = offset + new_size + PT_ARENA_REDZONE;

    return true;
}


pt_err_t
pt_arena_dup(pt_arena_t *a, pt_str_t s, pt_str_t *out)
{
    char *p;

    if (s.len == SIZE_MAX) {
        return PT_ENOMEM;
    }

    p = pt_arena_alloc(a, s.len + 1);
    if (p == NULL) {
        return PT_ENOMEM;
    }

    if (s.len != 0) {
        memcpy(p, s.data, s.len);
    }
    p[s.len] = '\0';

    out->data = p;
    out->len = s.len;

    return PT_OK;
}


pt_err_t
pt_arena_fmt(pt_arena_t *a, pt_str_t *out, const char *fmt, ...)
{
    int     n;
    char   *p;
    va_list ap;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) {
        return PT_EINTERNAL;
    }

    p = pt_arena_alloc(a, (size_t) n + 1);
    if (p == NULL) {
        return PT_ENOMEM;
    }

    va_start(ap, fmt);
    n = vsnprintf(p, (size_t) n + 1, fmt, ap);
    va_end(ap);
    if (n < 0) {
        return PT_EINTERNAL;
    }

    out->data = p;
    out->len = (size_t) n;

    return PT_OK;
}


size_t
pt_arena_used(const pt_arena_t *a)
{
    return a->taken;
}


void
pt_arena_mark(const pt_arena_t *a, pt_arena_mark_t *mark)
{
    mark->block = a->current;
    mark->used = a->current->used;
    mark->newest = a->current->newest;
}


void
pt_arena_release(pt_arena_t *a, const pt_arena_mark_t *mark)
{
    pt_arena_block_t *b, *next;

    for (b = a->current; b != mark->block; b = next) {
        assert(b != &a->first);
        next = b->next;
        a->taken -= b->size;
        __asan_unpoison_memory_region(b, b->size);
        a->mem.free(a->mem.user, b);
    }

    assert(mark->used <= b->used);

    b->used = mark->used;
    b->newest = mark->newest;
    a->current = b;
    __asan_poison_memory_region((char *) b + b->used, b->size - b->used);
}


size_t
pt_arena_left(const pt_arena_t *a)
{
    return a->size_max - a->taken + a->current->size - a->current->used;
}


bool
pt_arena_capped(const pt_arena_t *a)
{
    return a->capped;
}


static size_t
pt_arena_round(size_t n)
{
    return (n + PT_ARENA_ALIGN - 1) & ~(size_t) (PT_ARENA_ALIGN - 1);
}


static void *
pt_arena_take(pt_arena_block_t *b, size_t size)
{
    size_t offset;
    char  *p;

    /* The offset is aligned, and so is the start of every block. */
    offset = pt_arena_round(b->used);
    if (offset > b->size || size > b->size
        || size + PT_ARENA_REDZONE > b->size - offset)
    {
        return NULL;
    }

    p = (char *) b + offset;
    __asan_unpoison_memory_region(p, size);

    b->newest = offset;
    b->used = offset + size + PT_ARENA_REDZONE;

    return p;
}


static pt_arena_block_t *
pt_arena_block_new(pt_arena_t *a, size_t size)
{
    size_t            head, need, want, left;
    pt_arena_block_t *b;

    head = pt_arena_round(sizeof(pt_arena_block_t));
    left = a->size_max - a->taken;

    a->capped = size > left || left - size < head + PT_ARENA_REDZONE;
    if (a->capped) {
        return NULL;
    }

    need = head + size + PT_ARENA_REDZONE;

    want = a->block_next;
    if (want > left) {
        want = left;
    }
    if (want < need) {
        want = need;
    }

    b = a->mem.alloc(a->mem.user, want);
    if (b == NULL) {
        return NULL;
    }

    b->next = a->current;
    b->size = want;
    b->used = head;
    b->newest = 0;
    __asan_poison_memory_region((char *) b + head, want - head);

    a->current = b;
    a->taken += want;
    if (a->block_next < PT_ARENA_BLOCK_GROW_MAX) {
        a->block_next *= 2;
    }

    return b;
}
