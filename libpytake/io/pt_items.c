/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include <assert.h>

#include "pt_items.h"


static bool pt_items_grow(pt_items_t *s);


void
pt_items_init(pt_items_t *s, const pt_mem_t *mem, uint32_t max)
{
    memset(s, 0, sizeof(*s));
    s->mem = *mem;
    s->max = max;
}


void
pt_items_free(pt_items_t *s)
{
    uint32_t i;

    for (i = 0; i < s->count; i++) {
        pt_pgresult_free(pt_items_at(s, i)->result);
    }
    for (i = 0; i < s->nchunks; i++) {
        s->mem.free(s->mem.user, s->chunks[i]);
    }
    if (s->chunks != NULL) {
        s->mem.free(s->mem.user, s->chunks);
    }
}


pt_item_t *
pt_items_get(pt_items_t *s)
{
    uint32_t   index, generation;
    pt_item_t *it;

    if (s->free == NULL && !pt_items_grow(s)) {
        return NULL;
    }
    it = s->free;
    assert(it->state == PT_ITEM_FREE && it->generation != 0);
    s->free = it->next;
    index = it->index;
    generation = it->generation;
    memset(it, 0, sizeof(*it));
    it->index = index;
    it->generation = generation;
    return it;
}


void
pt_items_put(pt_items_t *s, pt_item_t *it)
{
    assert(it->tenant == NULL && it->index < s->count);
    pt_pgresult_free(it->result);
    it->result = NULL;
    it->state = PT_ITEM_FREE;
    it->generation++;
    if (it->generation == 0) {
        it->generation = 1; /* a zeroed handle finds nothing */
    }
    it->next = s->free;
    s->free = it;
}


pt_item_t *
pt_items_at(const pt_items_t *s, uint32_t index)
{
    assert(index < s->count);
    return &s->chunks[index / PT_PG_ITEMS_CHUNK][index % PT_PG_ITEMS_CHUNK];
}


pt_item_t *
pt_items_find(const pt_items_t *s, uint32_t index, uint32_t generation)
{
    pt_item_t *it;

    if (index >= s->count) {
        return NULL;
    }
    it = pt_items_at(s, index);
    return (it->generation == generation && it->state != PT_ITEM_FREE) ? it
                                                                       : NULL;
}


static bool
pt_items_grow(pt_items_t *s)
{
    size_t     size;
    uint32_t   i;
    pt_item_t *chunk;

    if (s->chunks == NULL) {
        size = (s->max / PT_PG_ITEMS_CHUNK + 1) * sizeof(pt_item_t *);
        s->chunks = s->mem.alloc(s->mem.user, size);
        if (s->chunks == NULL) {
            return false;
        }
    }
    if (s->count >= s->max) {
        return false;
    }
    chunk = s->mem.alloc(s->mem.user, PT_PG_ITEMS_CHUNK * sizeof(pt_item_t));
    if (chunk == NULL) {
        return false;
    }
    memset(chunk, 0, PT_PG_ITEMS_CHUNK * sizeof(pt_item_t));
    s->chunks[s->nchunks++] = chunk;
    for (i = PT_PG_ITEMS_CHUNK; i > 0; i--) {
        chunk[i - 1].index = s->count + i - 1;
        chunk[i - 1].generation = 1;
        chunk[i - 1].next = s->free;
        s->free = &chunk[i - 1];
    }
    s->count += PT_PG_ITEMS_CHUNK;
    return true;
}
