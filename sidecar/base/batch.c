/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "batch.h"

#include <assert.h>

#define BATCH_PG_EPOCH_US INT64_C(946684800000000) /* 2000-01-01 */
#define BATCH_UUID_OID 2950

struct batch_s {
    const pt_mem_t  *mem;
    pt_arena_t      *arena;
    pt_err_t         err;
    pytake_sql_t     sql;
    pytake_stmt_t    stmts[BATCH_STMTS_MAX];
    batch_handler_pt handler;
    void            *data;
};

static void batch_param(batch_t *b, const void *data, size_t len, bool binary);
static void batch_done(void *data, const pytake_sql_result_t *result);
static void batch_be(uint8_t *out, uint64_t v, int bytes);


batch_t *
batch_new(const pt_mem_t *mem, size_t size_max)
{
    batch_t    *b;
    pt_arena_t *a;

    a = pt_arena_new(mem, size_max + sizeof(batch_t) + PT_ARENA_BLOCK);
    b = (a == NULL) ? NULL : pt_calloc(a, 1, sizeof(batch_t));

    if (b == NULL) {
        pt_arena_del(a);
        return NULL;
    }

    b->mem = mem;
    b->arena = a;

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
    return b->arena;
}


void
batch_stmt(batch_t *b, uint16_t stmt)
{
    pytake_stmt_t *s;

    if (b->err != PT_OK) {
        return;
    }

    if (b->sql.nstmts == BATCH_STMTS_MAX) {
        b->err = PT_ELIMIT;
        return;
    }

    s = &b->stmts[b->sql.nstmts++];
    s->stmt = stmt;
    s->nparams = 0;
    s->params = pt_calloc(b->arena, BATCH_PARAMS_MAX, sizeof(pytake_param_t));

    if (s->params == NULL) {
        b->err = PT_ENOMEM;
    }
}


void
batch_uuid(batch_t *b, const pt_uuid_t *v)
{
    batch_param(b, v == NULL ? NULL : v->b, sizeof(v->b), true);
}


void
batch_text(batch_t *b, pt_str_t v)
{
    batch_param(b, v.data, v.len, false);
}


void
batch_i64(batch_t *b, int64_t v)
{
    uint8_t n[8];

    batch_be(n, (uint64_t) v, 8);
    batch_param(b, n, sizeof(n), true);
}


void
batch_i32(batch_t *b, int32_t v)
{
    uint8_t n[4];

    batch_be(n, (uint32_t) v, 4);
    batch_param(b, n, sizeof(n), true);
}


void
batch_time(batch_t *b, int64_t unix_us)
{
    batch_i64(b, unix_us - BATCH_PG_EPOCH_US);
}


/* One dimension, no NULLs: ndim, flags, element type, length, lower bound,
 * then length and bytes of each. */

void
batch_uuids(batch_t *b, const pt_uuid_t *v, size_t n)
{
    size_t   i;
    uint8_t *out, *p;

    if (n > INT32_MAX / 32) {
        b->err = PT_ELIMIT;
        return;
    }

    out = pt_alloc(b->arena, 20 + 20 * n);

    if (out == NULL) {
        b->err = PT_ENOMEM;
        return;
    }

    batch_be(out, n == 0 ? 0 : 1, 4);
    batch_be(out + 4, 0, 4);
    batch_be(out + 8, BATCH_UUID_OID, 4);
    p = out + 12;

    if (n > 0) {
        batch_be(p, n, 4);
        batch_be(p + 4, 1, 4);
        p += 8;
    }

    for (i = 0; i < n; i++) {
        batch_be(p, 16, 4);
        memcpy(p + 4, v[i].b, 16);
        p += 20;
    }

    batch_param(b, out, (size_t) (p - out), true);
}


pt_err_t
batch_submit(batch_t *b, pt_pool_t *pool, pytake_sql_class_t class,
             const pt_uuid_t *tenant, int64_t deadline_ms,
             batch_handler_pt handler, void *data)
{
    pt_batch_t handle;

    if (b->err != PT_OK) {
        return b->err;
    }

    b->sql.class = class;
    b->sql.stmts = b->stmts;
    b->handler = handler;
    b->data = data;

    if (tenant != NULL) {
        b->sql.tenant = *tenant;
    }

    return pt_pool_submit(pool, &b->sql, deadline_ms, batch_done, b, &handle);
}


int64_t
batch_cell_i64(const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    size_t   i;
    uint64_t v;
    pt_str_t s;

    s = batch_cell(r, row, col);
    assert(s.data == NULL || s.len == 8);
    v = 0;

    for (i = 0; i < s.len; i++) {
        v = v << 8 | (uint8_t) s.data[i];
    }

    return (int64_t) v;
}


int32_t
batch_cell_i32(const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    size_t   i;
    uint32_t v;
    pt_str_t s;

    s = batch_cell(r, row, col);
    assert(s.data == NULL || s.len <= 4);
    v = 0;

    for (i = 0; i < s.len; i++) {
        v = v << 8 | (uint8_t) s.data[i];
    }

    return (int32_t) v;
}


int64_t
batch_cell_time(const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    if (batch_cell(r, row, col).data == NULL) {
        return 0;
    }

    return batch_cell_i64(r, row, col) + BATCH_PG_EPOCH_US;
}


pt_str_t
batch_cell(const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    assert(row < r->nrows && col < r->ncols);

    return r->cells[(size_t) row * r->ncols + col];
}


bool
batch_cell_uuid(const pytake_rows_t *r, uint32_t row, uint32_t col,
                pt_uuid_t *out)
{
    pt_str_t s;

    s = batch_cell(r, row, col);
    memset(out, 0, sizeof(*out));

    if (s.data == NULL) {
        return false;
    }

    assert(s.len == sizeof(out->b));
    memcpy(out->b, s.data, sizeof(out->b));

    return true;
}


static void
batch_param(batch_t *b, const void *data, size_t len, bool binary)
{
    void           *copy;
    pytake_stmt_t  *s;
    pytake_param_t *p;

    if (b->err != PT_OK) {
        return;
    }

    assert(b->sql.nstmts > 0);
    s = &b->stmts[b->sql.nstmts - 1];

    if (s->nparams == BATCH_PARAMS_MAX || len > INT32_MAX) {
        b->err = PT_ELIMIT;
        return;
    }

    p = &s->params[s->nparams++];
    p->binary = binary;

    if (data == NULL) {
        return;
    }

    copy = pt_alloc(b->arena, len + 1); /* text goes with a NUL to libpq */

    if (copy == NULL) {
        b->err = PT_ENOMEM;
        return;
    }

    memcpy(copy, data, len);
    ((char *) copy)[len] = '\0';
    p->data = copy;
    p->len = (int32_t) len;
}


static void
batch_done(void *data, const pytake_sql_result_t *result)
{
    batch_t *b;

    b = data;
    b->handler(b->data, b, result);
    batch_del(b);
}


static void
batch_be(uint8_t *out, uint64_t v, int bytes)
{
    int i;

    for (i = 0; i < bytes; i++) {
        out[i] = (uint8_t) (v >> (8 * (bytes - 1 - i)));
    }
}
