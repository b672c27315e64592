/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_items.h: the places for batches of a pool: in chunks, so that an idle
 * pool is small and an item never moves; behind {index, generation}.
 */

#ifndef PT_ITEMS_H
#define PT_ITEMS_H

#include "pt_pg_int.h"

typedef struct {
    pt_mem_t    mem;
    uint32_t    max;
    uint32_t    count; /* places made; 0 .. count-1 are valid */
    uint32_t    nchunks;
    pt_item_t **chunks;
    pt_item_t  *free;
} pt_items_t;

void pt_items_init(pt_items_t *s, const pt_mem_t *mem, uint32_t max);
void pt_items_free(pt_items_t *s); /* results included */

/* A cleared item, state FREE.  NULL: out of memory, or max in use. */
pt_item_t *pt_items_get(pt_items_t *s);

/* Frees its result; handles to it are void from here on. */
void pt_items_put(pt_items_t *s, pt_item_t *it);

pt_item_t *pt_items_at(const pt_items_t *s, uint32_t index);

/* NULL: no longer the same one. */
pt_item_t *pt_items_find(const pt_items_t *s, uint32_t index,
                         uint32_t generation);

#endif
