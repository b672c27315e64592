/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_err.h: the one table that gives each error its HTTP status, its stable
 * problem code and its title; and the writer of problem+json (RFC 9457).
 */

#ifndef PT_ERR_H
#define PT_ERR_H

#include "pt_buf.h"

typedef struct {
    pt_err_t    err;
    int         status;
    const char *code;  /* stable, for programs to compare */
    const char *title; /* the same whenever it occurs */
} pt_err_row_t;

/* Gives the row of an error.  It is constant and never NULL: an unknown error
 * has the row of PT_EINTERNAL. */
const pt_err_row_t *pt_err_get(pt_err_t err);

/* Gives the row of an HTTP status that nginx made by itself (400, 404, 408,
 * 413, 414, 5xx and so on).  It is constant, never NULL, and has that very
 * status. */
const pt_err_row_t *pt_err_status_get(int status);

typedef struct {
    pt_str_t    field; /* its path in the body, "a.b[0]" */
    const char *code;  /* "required", "type", "too_long", ... */
    pt_str_t    message;
} pt_field_error_t;

/*
 * Writes a problem,
 * {"type","title","status","detail","code","request_id","errors"?}, to a
 * buffer, to which its errors stick.  type is
 * "https://pytake.net/problems/<code>".  An absent detail is replaced by the
 * title; "errors" is left out when n is 0.  The arguments are borrowed during
 * the call.
 */
void pt_err_problem(pt_buf_t *b, const pt_err_row_t *row, pt_str_t detail,
                    pt_str_t request_id, const pt_field_error_t *errors,
                    size_t n);

#endif
