/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "batch.h"

#include <assert.h>

struct batch_s {
    pt_arena_t      *arena;
    pt_sql_t         sql;
    batch_handler_pt handler;
    void            *data;
};

static void batch_done(void *data, const pytake_sql_result_t *result);


batch_t *
batch_new(const pt_mem_t *mem, size_t size_max)
{
    batch_t    *b;
    pt_arena_t *a;

    assert(mem != NULL);
    a = pt_arena_new(mem, size_max + sizeof(batch_t) + PT_ARENA_BLOCK);
    b = (a == NULL) ? NULL : pt_arena_calloc(a, 1, sizeof(batch_t));

    if (b == NULL) {
        pt_arena_del(a);
        return NULL;
    }

    b->arena = a;
    pt_sql_init(&b->sql, a, PYTAKE_SQL_READ);
    b->sql.copying = true;

    return b;
}


void
batch_del(batch_t *b)
{
    if (b != NULL) {
        pt_arena_del(b->arena);
    }
}


pt_arena_t *
batch_arena(batch_t *b)
{
    assert(b != NULL);

    return b->arena;
}


pt_sql_t *
batch_sql(batch_t *b)
{
    return &b->sql;
}


pt_err_t
batch_submit(batch_t *b, pt_pool_t *pool, pytake_sql_class_t class,
             const pt_uuid_t *tenant, int64_t deadline_ms,
             batch_handler_pt handler, void *data)
{
    pt_err_t   err;
    pt_batch_t handle;

    assert(handler != NULL);

    err = pt_sql_end(&b->sql);
    if (err != PT_OK) {
        return err;
    }

    b->sql.sql.class = class;
    b->handler = handler;
    b->data = data;

    if (tenant != NULL) {
        b->sql.sql.tenant = *tenant;
    }

    return pt_pool_submit(pool, &b->sql.sql, deadline_ms, batch_done, b,
                          &handle);
}


static void
batch_done(void *data, const pytake_sql_result_t *result)
{
    batch_t *b = data;

    assert(b->handler != NULL);
    b->handler(b->data, b, result);
    batch_del(b);
}
