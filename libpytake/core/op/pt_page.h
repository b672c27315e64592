/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_page.h: the pages of lists: cursors, and the event head that a client
 * hands to the socket.
 */

#ifndef PT_PAGE_H
#define PT_PAGE_H

#include "pt_field.h"

/* Kinds of cursors: one a list, never reused. */
#define PT_PAGE_CONV 1
#define PT_PAGE_MSG 2
#define PT_PAGE_USER 3
#define PT_PAGE_NUMBER 4
#define PT_PAGE_TAG 5
#define PT_PAGE_QUICK_REPLY 6

/*
 * One list: a keyset of a time (optional) and an id, a row's JSON.  A list's
 * statement names its keyset "below" and "most" and its rows come in order.
 */
typedef struct {
    uint8_t  kind;
    uint16_t id;    /* column of the row's id */
    int      key;   /* column of the time in front of it, or -1 */
    uint32_t room;  /* bytes that a row mostly takes */
    uint16_t stmt;  /* whose columns they are, for pt_row_write() ... */
    /* ... or what writes a row instead. */
    void (*write)(pt_jw_t *w, const pytake_rows_t *r, uint32_t row);
} pt_page_t;

/* Where the page begins: "cursor", or before the first row: the latest time,
 * the highest id.  A cursor goes with the path and the arguments that it came
 * from.  PT_ECURSOR, PT_ENOMEM, PT_ECRYPTO. */
pt_err_t pt_page_begin(pytake_op_t *op, uint8_t kind,
                       pt_cursor_t *out) PT_MUST_CHECK;

/* Answers with the page: as many of rows as "limit" and PT_LIST_BYTES_MAX
 * let be, the cursor of the next one, and "since" (head: rows of head_get,
 * which was read before the rows).  PT_ENOMEM, PT_ELIMIT, PT_ECRYPTO. */
pt_err_t pt_page_reply(pytake_op_t *op, const pt_page_t *page,
                       const pytake_rows_t *head,
                       const pytake_rows_t *rows) PT_MUST_CHECK;

#endif
