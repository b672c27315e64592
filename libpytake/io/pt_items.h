/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_items.h: the places for the batches of a pool.  They are made in chunks,
 * so that an idle pool is small and an item never moves, and known to callers
 * as {index, generation}.
 */

#ifndef PT_ITEMS_H
#define PT_ITEMS_H

#include "pt_pg_int.h"

typedef struct {
    pt_mem_t    mem;
    uint32_t    max;   /* places that are enough */
    uint32_t    count; /* places made; indices below it are valid */
    uint32_t    nchunks;
    pt_item_t **chunks; /* owned */
    pt_item_t  *free;   /* list of free places */
} pt_items_t;

/* Prepares *s for max items; nothing is allocated yet. */
void pt_items_init(pt_items_t *s, const pt_mem_t *mem, uint32_t max);

/* Frees all items and their results. */
void pt_items_free(pt_items_t *s);

/* Takes a place: a cleared item in state FREE.  It returns NULL when there is
 * no memory or max places are in use. */
pt_item_t *pt_items_get(pt_items_t *s);

/* Gives a place back and frees its result.  Handles of it find nothing from
 * here on. */
void pt_items_put(pt_items_t *s, pt_item_t *it);

/* The place with this index, which is below s->count. */
pt_item_t *pt_items_at(const pt_items_t *s, uint32_t index);

/* The item of a handle; NULL: it has been given back. */
pt_item_t *pt_items_find(const pt_items_t *s, uint32_t index,
                         uint32_t generation);

#endif
