/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_page.h: the pages of lists, with their cursors and with the newest event's
 * seq, from which a client goes on at the socket.
 */

#ifndef PT_PAGE_H
#define PT_PAGE_H

#include "pt_field.h"

/* The kinds of cursors, one for each list.  A number is never used again,
 * because clients keep cursors. */
#define PT_PAGE_CONV 1
#define PT_PAGE_MSG 2
#define PT_PAGE_USER 3
#define PT_PAGE_NUMBER 4
#define PT_PAGE_TAG 5
#define PT_PAGE_QUICK_REPLY 6

/*
 * What a list is made of.  Its keyset is a time, which it may lack, and an id.
 * The list's statement calls the keyset "below" and "most", and its rows come
 * in the order of the keyset.
 */
typedef struct {
    uint8_t  kind;
    uint16_t id;   /* the column of the row's id */
    int      key;  /* the column of the time before it, or -1 */
    uint32_t room; /* how many bytes a row takes usually */
    /* The statement whose columns pt_row_write() writes ... */
    uint16_t stmt;
    /* ... or the function that writes a row instead of it. */
    void (*write)(pt_jw_t *w, const pytake_rows_t *r, uint32_t row);
} pt_page_t;

/* Gives the place where the page begins: that of the argument "cursor", or,
 * without one, the place before the first row, which is the latest time and the
 * highest id.  A cursor is good only with the path and the arguments that it
 * came from.  Errors: PT_ECURSOR, PT_ENOMEM, PT_ECRYPTO. */
pt_err_t pt_page_begin(pytake_op_t *op, uint8_t kind,
                       pt_cursor_t *out) PT_MUST_CHECK;

/* Answers with the page: as many rows as "limit" and PT_LIST_BYTES_MAX allow,
 * the cursor of the next page, and "since".  The latter is of head, the rows of
 * head_get, which was read before the rows.  Errors: PT_ENOMEM, PT_ELIMIT,
 * PT_ECRYPTO. */
pt_err_t pt_page_reply(pytake_op_t *op, const pt_page_t *page,
                       const pytake_rows_t *head,
                       const pytake_rows_t *rows) PT_MUST_CHECK;

#endif
