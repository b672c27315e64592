/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_cell.h: reads results, in PostgreSQL's binary format.  What comes from a
 * database is not ours to assert: a cell that is not what it should be, or is
 * not there, reads as its type's zero.
 */

#ifndef PT_CELL_H
#define PT_CELL_H

#include "pytake.h"

bool    pt_cell_bool(const pytake_rows_t *r, uint32_t row, uint32_t col);
int64_t pt_cell_i64(const pytake_rows_t *r, uint32_t row, uint32_t col);
int32_t pt_cell_i32(const pytake_rows_t *r, uint32_t row, uint32_t col);
int64_t pt_cell_time(const pytake_rows_t *r, uint32_t row, uint32_t col);

/* text[]: the elements one by one.  *at is 0 before the first; a NULL has
 * data NULL.  false: no more. */
bool pt_cell_array_next(const pytake_rows_t *r, uint32_t row, uint32_t col,
                        size_t *at, pt_str_t *out);


static inline pt_str_t
pt_cell_text(const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    if (row >= r->nrows || col >= r->ncols) {
        return PT_STR_NULL;
    }

    return r->cells[(size_t) row * r->ncols + col];
}


static inline bool
pt_cell_is_null(const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    return pt_cell_text(r, row, col).data == NULL;
}


static inline pt_str_t
pt_cell_jsonb(const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    pt_str_t s = pt_cell_text(r, row, col);

    /* a version byte stands before the text */
    if (s.len == 0 || s.data[0] != 1) {
        return PT_STR_NULL;
    }

    return (pt_str_t){ s.data + 1, s.len - 1 };
}


/* false (and nil) when NULL */
static inline bool
pt_cell_uuid(const pytake_rows_t *r, uint32_t row, uint32_t col, pt_uuid_t *out)
{
    pt_str_t s = pt_cell_text(r, row, col);

    if (s.len != sizeof(out->b)) {
        memset(out, 0, sizeof(*out));
        return false;
    }

    memcpy(out->b, s.data, sizeof(out->b));

    return true;
}

#endif
