/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_cell.h: reads the cells of results, which are in PostgreSQL's binary
 * format.  The core cannot assert what comes from a database: a cell that is
 * missing, NULL or of a wrong size reads as the zero of its type.  Slices are
 * borrowed from the rows.
 */

#ifndef PT_CELL_H
#define PT_CELL_H

#include "pytake.h"

/* Each gives the cell of a row and a column, both counted from 0, as its type:
 * bool, bigint, integer, or timestamptz in microseconds of Unix time.
 * 'infinity' reads as INT64_MAX, '-infinity' as INT64_MIN. */
bool    pt_cell_bool(const pytake_rows_t *r, uint32_t row, uint32_t col);
int64_t pt_cell_i64(const pytake_rows_t *r, uint32_t row, uint32_t col);
int32_t pt_cell_i32(const pytake_rows_t *r, uint32_t row, uint32_t col);
int64_t pt_cell_time(const pytake_rows_t *r, uint32_t row, uint32_t col);

/* Gives the elements of a text[] one by one.  *at is the caller's place in the
 * array, 0 before the first element.  An element that is NULL has data NULL.
 * false: there are no more. */
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

    /* A jsonb begins with a byte for the version of its format, which is 1. */
    if (s.len == 0 || s.data[0] != 1) {
        return PT_STR_NULL;
    }

    return (pt_str_t){ s.data + 1, s.len - 1 };
}


/* Reads an id.  The result is false, and *out is nil, when the cell is NULL or
 * no UUID. */
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
