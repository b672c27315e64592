/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_conv.h: conversations: their JSON, list, get, create; and the pages that
 * lists share.
 */

#ifndef PT_CONV_H
#define PT_CONV_H

#include "pt_op.h"

/* Kinds of cursors: one a list, never reused. */
#define PT_PAGE_CONV 1
#define PT_PAGE_MSG 2
#define PT_PAGE_USER 3
#define PT_PAGE_NUMBER 4

/* One row of conv_list, conv_get ... (they have the same columns); errors
 * stick in the writer's buffer. */
void pt_conv_write(pt_jw_t *w, const pytake_rows_t *r, uint32_t row);

/* What a cursor is bound to: a hash of the list's filters. */
pt_err_t pt_page_filters(pt_str_t filters, uint64_t *out) PT_MUST_CHECK;

/* Reads "cursor"; without one, the place before the first row: the latest
 * time, the highest id.  PT_ECURSOR, PT_ENOMEM. */
pt_err_t pt_page_begin(pytake_op_t *op, uint8_t kind, uint64_t filters,
                       pt_cursor_t *out) PT_MUST_CHECK;

/* Writes "next_cursor" (last: the page's last row, NULL when no more
 * follow) and "since" (head: rows of head_get) into the open object. */
pt_err_t pt_page_end(pytake_op_t *op, pt_jw_t *w, const pt_cursor_t *last,
                     uint64_t filters, const pytake_rows_t *head) PT_MUST_CHECK;

extern const pt_op_def_t pt_conv_list;
extern const pt_op_def_t pt_conv_get;
extern const pt_op_def_t pt_conv_create;
extern const pt_op_def_t pt_conv_read;
extern const pt_op_def_t pt_conv_assign;
extern const pt_op_def_t pt_conv_close;
extern const pt_op_def_t pt_conv_reopen;
extern const pt_op_def_t pt_user_list;
extern const pt_op_def_t pt_number_list;

#endif
