/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_page.h: the pages of lists: cursors, and the event head that a client
 * hands to the socket.
 */

#ifndef PT_PAGE_H
#define PT_PAGE_H

#include "pt_op.h"

/* Kinds of cursors: one a list, never reused. */
#define PT_PAGE_CONV 1
#define PT_PAGE_MSG 2
#define PT_PAGE_USER 3
#define PT_PAGE_NUMBER 4
#define PT_PAGE_TAG 5
#define PT_PAGE_QUICK_REPLY 6

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

#endif
