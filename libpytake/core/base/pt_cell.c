/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_cell.h"

/* PostgreSQL counts times from 2000-01-01. */
#define PT_CELL_EPOCH_US INT64_C(946684800000000)
#define PT_CELL_ARRAY_HEAD 20u


static uint32_t pt_cell_u32(const char *p);
static uint64_t pt_cell_u64(const char *p);


bool
pt_cell_bool(const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    pt_str_t s = pt_cell_text(r, row, col);

    return s.len == 1 && s.data[0] != 0;
}


int64_t
pt_cell_i64(const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    pt_str_t s = pt_cell_text(r, row, col);

    if (s.len == 4) {
        return (int32_t) pt_cell_u32(s.data);
    }

    return s.len == 8 ? (int64_t) pt_cell_u64(s.data) : 0;
}


int32_t
pt_cell_i32(const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    pt_str_t s = pt_cell_text(r, row, col);

    return s.len == 4 ? (int32_t) pt_cell_u32(s.data) : 0;
}


int64_t
pt_cell_time(const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    int64_t  t;
    pt_str_t s = pt_cell_text(r, row, col);

    if (s.len != 8) {
        return 0;
    }

    /* PostgreSQL writes 'infinity' and '-infinity' as the ends of the range. */
    t = (int64_t) pt_cell_u64(s.data);
    if (t > INT64_MAX - PT_CELL_EPOCH_US || t == INT64_MIN) {
        return t == INT64_MIN ? INT64_MIN : INT64_MAX;
    }

    return t + PT_CELL_EPOCH_US;
}


bool
pt_cell_array_next(const pytake_rows_t *r, uint32_t row, uint32_t col,
                   size_t *at, pt_str_t *out)
{
    uint32_t len;
    pt_str_t s = pt_cell_text(r, row, col);

    if (*at == 0) {
        if (s.len < PT_CELL_ARRAY_HEAD || pt_cell_u32(s.data) != 1) {
            return false; /* it is empty, or has several dimensions */
        }
        *at = PT_CELL_ARRAY_HEAD;
    }

    if (s.len - *at < 4) {
        return false;
    }

    len = pt_cell_u32(s.data + *at);
    *at += 4;

    if (len == UINT32_MAX) { /* a length of -1 stands for NULL */
        *out = PT_STR_NULL;
        return true;
    }

    if (len > s.len - *at) {
        *at = s.len;
        return false;
    }

    *out = (pt_str_t){ s.data + *at, len };
    *at += len;

    return true;
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
