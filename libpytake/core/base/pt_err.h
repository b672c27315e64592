/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_err.h: the one table from error to HTTP status, stable problem code,
 * title.  And the problem+json writer (RFC 9457).
 */

#ifndef PT_ERR_H
#define PT_ERR_H

#include "pt_buf.h"

typedef struct {
    pt_err_t    err;
    int         status;
    const char *code;  /* stable, machine-readable */
    const char *title; /* the same for every occurrence */
} pt_err_row_t;

/* Never NULL: unknown errors give the row of PT_EINTERNAL. */
const pt_err_row_t *pt_err_get(pt_err_t err);

/* The error that stands for an HTTP status nginx made itself (400, 404,
 * 408, 413, 414, 5xx ...): a row with that very status. */
const pt_err_row_t *pt_err_status_get(int status);

typedef struct {
    pt_str_t    field; /* "a.b[0]" */
    const char *code;  /* "required", "type", "too_long", ... */
    pt_str_t    message;
} pt_field_error_t;

/*
 * {"type","title","status","detail","code","request_id","errors"?}.
 * type is "https://pytake.net/problems/<code>"; detail may be absent (the
 * title stands in).
 */
void pt_problem_write(pt_buf_t *b, const pt_err_row_t *row, pt_str_t detail,
                      pt_str_t request_id, const pt_field_error_t *errors,
                      size_t n);

#endif
