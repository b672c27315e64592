/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_pgexpect.c: the ring of answers that the server owes a connection, in the
 * order in which they come.
 */

#include <assert.h>

#include "pt_pg_int.h"


bool
pt_pgexpect_reserve(pt_pgconn_t *c, uint32_t n)
{
    uint32_t  i, size;
    pt_exp_t *ring;

    assert(n > 0 && (c->exp_size & (c->exp_size - 1)) == 0);
    size = c->exp_size;
    while (size - c->exp_count < n + 1) { /* one more stays free */
        size *= 2;
    }
    if (size == c->exp_size) {
        return true;
    }
    ring = c->mem.alloc(c->mem.user, size * sizeof(pt_exp_t));
    if (ring == NULL) {
        return false;
    }
    for (i = 0; i < c->exp_count; i++) {
        ring[i] = c->exp[(c->exp_head + i) & (c->exp_size - 1)];
    }
    c->mem.free(c->mem.user, c->exp);
    c->exp = ring;
    c->exp_size = size;
    c->exp_head = 0;
    return true;
}


void
pt_pgexpect_add(pt_pgconn_t *c, pt_exp_kind_t kind, uint16_t stmt,
                pt_item_t *it)
{
    pt_exp_t *e;

    assert(c->exp_count < c->exp_size);
    e = &c->exp[(c->exp_head + c->exp_count) & (c->exp_size - 1)];
    e->kind = (uint8_t) kind;
    e->got = false;
    e->stmt = stmt;
    e->item = it;
    c->exp_count++;
}


void
pt_pgexpect_pop(pt_pgconn_t *c)
{
    assert(c->exp_count > 0);
    c->exp_head = (c->exp_head + 1) & (c->exp_size - 1);
    c->exp_count--;
}
