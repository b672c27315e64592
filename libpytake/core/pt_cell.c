/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Reads results, in PostgreSQL's binary format.  What comes from a database
 * is not ours to assert: a cell that is not what it should be reads as its
 * type's zero.
 */

#include "pt_op.h"

#include <assert.h>

#define PT_CELL_EPOCH_US INT64_C(946684800000000) /* 2000-01-01 */
#define PT_CELL_ARRAY_HEAD 20u


static pt_str_t pt_cell(const pytake_rows_t *r, uint32_t row, uint32_t col);
static uint32_t pt_cell_u32(const char *p);
static uint64_t pt_cell_u64(const char *p);


static const pytake_rows_t pt_rows_none;


const pytake_rows_t *
pt_rows_get(const pytake_op_t *op, uint16_t i)
{
    assert(op->result != NULL);

    if (op->first + i >= op->result->nrows) {
        return &pt_rows_none;
    }

    return &op->result->rows[op->first + i];
}


bool
pt_cell_is_null(const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    return pt_cell(r, row, col).data == NULL;
}


pt_str_t
pt_cell_text(const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    return pt_cell(r, row, col);
}


pt_str_t
pt_cell_jsonb(const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    pt_str_t s = pt_cell(r, row, col);

    /* a version byte stands before the text */
    if (s.len == 0 || s.data[0] != 1) {
        return PT_STR_NULL;
    }

    return (pt_str_t){ s.data + 1, s.len - 1 };
}


bool
pt_cell_bool(const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    pt_str_t s = pt_cell(r, row, col);

    return s.len == 1 && s.data[0] != 0;
}


int64_t
pt_cell_i64(const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    pt_str_t s = pt_cell(r, row, col);

    if (s.len == 4) {
        return (int32_t) pt_cell_u32(s.data);
    }

    return s.len == 8 ? (int64_t) pt_cell_u64(s.data) : 0;
}


int32_t
pt_cell_i32(const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    pt_str_t s = pt_cell(r, row, col);

    return s.len == 4 ? (int32_t) pt_cell_u32(s.data) : 0;
}


int64_t
pt_cell_time(const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    int64_t  t;
    pt_str_t s = pt_cell(r, row, col);

    if (s.len != 8) {
        return 0;
    }

    /* the ends are 'infinity' and '-infinity' */
    t = (int64_t) pt_cell_u64(s.data);
    if (t > INT64_MAX - PT_CELL_EPOCH_US || t == INT64_MIN) {
        return t == INT64_MIN ? INT64_MIN : INT64_MAX;
    }

    return t + PT_CELL_EPOCH_US;
}


bool
pt_cell_uuid(const pytake_rows_t *r, uint32_t row, uint32_t col, pt_uuid_t *out)
{
    pt_str_t s = pt_cell(r, row, col);

    if (s.len != sizeof(out->b)) {
        memset(out, 0, sizeof(*out));
        return false;
    }

    memcpy(out->b, s.data, sizeof(out->b));

    return true;
}


uint32_t
pt_cell_array_count(const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    pt_str_t s = pt_cell(r, row, col);

    if (s.len < PT_CELL_ARRAY_HEAD || pt_cell_u32(s.data) != 1) {
        return 0;
    }

    return pt_cell_u32(s.data + 12);
}


pt_str_t
pt_cell_array_text(const pytake_rows_t *r, uint32_t row, uint32_t col,
                   uint32_t i)
{
    size_t   at = PT_CELL_ARRAY_HEAD;
    uint32_t n, len;
    pt_str_t s = pt_cell(r, row, col);

    for (n = 0; s.len >= 4 && at <= s.len - 4; n++) {
        len = pt_cell_u32(s.data + at);
        at += 4;

        if (len == UINT32_MAX) { /* NULL */
            len = 0;

        } else if (len > s.len - at) {
            break;

        } else if (n == i) {
            return (pt_str_t){ s.data + at, len };
        }

        at += len;
    }

    return PT_STR_NULL;
}


static pt_str_t
pt_cell(const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    if (row >= r->nrows || col >= r->ncols) {
        return PT_STR_NULL;
    }

    return r->cells[(size_t) row * r->ncols + col];
}


static uint32_t
pt_cell_u32(const char *p)
{
    const unsigned char *u = (const unsigned char *) p;

    return (uint32_t) u[0] << 24 | (uint32_t) u[1] << 16 | (uint32_t) u[2] << 8
           | u[3];
}


static uint64_t
pt_cell_u64(const char *p)
{
    return (uint64_t) pt_cell_u32(p) << 32 | pt_cell_u32(p + 4);
}
