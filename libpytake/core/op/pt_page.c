/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_page.h"

#include <assert.h>

#define PT_PAGE_MAX (3u * 1024 * 1024) /* of the answer, in bytes */
#define PT_PAGE_FRAME 512u             /* bytes of it that are no rows */


static pt_err_t pt_page_cursor(pytake_op_t *op, const pt_page_t *page,
                               const pytake_rows_t *rows, uint32_t n,
                               pt_jw_t *w);
static void     pt_page_since(pt_jw_t *w, const pytake_rows_t *head);


pt_err_t
pt_page_begin(pytake_op_t *op, uint8_t kind, pt_cursor_t *out)
{
    uint64_t       filters;
    pt_err_t       err;
    pt_str_t       text;
    const pt_str_t key = { (const char *) op->pt->cursor_key,
                           sizeof(op->pt->cursor_key) };

    assert(op->authenticated);

    if (!pt_arg_find(op, "cursor", &text)) {
        out->kind = kind;
        out->key = INT64_MAX;
        memset(&out->id, 0xff, sizeof(out->id));
        return PT_OK;
    }

    if (text.len > PT_CURSOR_MAX) {
        return PT_ECURSOR;
    }

    err = pt_declared_hash(op, &filters);

    return err == PT_OK ? pt_cursor_parse(key, &op->claims.tenant_id, filters,
                                          kind, text, out)
                        : err;
}


pt_err_t
pt_page_reply(pytake_op_t *op, const pt_page_t *page, const pytake_rows_t *head,
              const pytake_rows_t *rows)
{
    pt_jw_t  w;
    pt_buf_t b;
    pt_err_t err;
    pt_str_t body;
    uint32_t i, n = rows->nrows > op->limit ? op->limit : rows->nrows;

    pt_buf_init(&b, op->arena, PT_PAGE_MAX);
    (void) pt_buf_reserve(&b, n * page->room + PT_PAGE_FRAME);
    pt_jw_init(&w, &b);
    pt_jw_object(&w);
    pt_jw_key(&w, "data");
    pt_jw_array(&w);
    for (i = 0; i < n && b.len < PT_LIST_BYTES_MAX; i++) {
        if (page->write != NULL) {
            page->write(&w, rows, i);
        } else {
            pt_row_write(&w, rows, i, page->stmt);
        }
    }
    pt_jw_array_end(&w);

    err = pt_page_cursor(op, page, rows, i, &w);
    if (err != PT_OK) {
        return err;
    }

    pt_page_since(&w, head);
    pt_jw_object_end(&w);

    err = pt_buf_get(&b, &body);

    return err == PT_OK ? pt_reply(op, 200, body) : err;
}


/* Writes the cursor behind the n-th row, or null when there are no more
 * rows. */
static pt_err_t
pt_page_cursor(pytake_op_t *op, const pt_page_t *page,
               const pytake_rows_t *rows, uint32_t n, pt_jw_t *w)
{
    uint64_t       filters;
    pt_err_t       err;
    pt_str_t       text;
    pt_cursor_t    last = { page->kind, 0, { { 0 } } };
    const pt_str_t key = { (const char *) op->pt->cursor_key,
                           sizeof(op->pt->cursor_key) };

    pt_jw_key(w, "next_cursor");

    if (n == 0 || n == rows->nrows) {
        pt_jw_null(w);
        return PT_OK;
    }

    (void) pt_cell_uuid(rows, n - 1, page->id, &last.id);
    if (page->key >= 0) {
        last.key = pt_cell_time(rows, n - 1, (uint32_t) page->key);
    }

    err = pt_declared_hash(op, &filters);
    if (err == PT_OK) {
        err = pt_cursor_build(op->arena, key, &op->claims.tenant_id, filters,
                              &last, &text);
    }
    if (err == PT_OK) {
        pt_jw_str(w, text);
    }

    return err;
}


static void
pt_page_since(pt_jw_t *w, const pytake_rows_t *head)
{
    pt_uuid_t id;

    pt_jw_key(w, "since");
    pt_jw_object(w);
    pt_jw_key(w, "seq");
    pt_jw_i64(w, pt_cell_i64(head, 0, PT_COL_HEAD_GET_SEQ));
    pt_jw_key(w, "id");
    pt_jw_uuid(w, pt_cell_uuid(head, 0, PT_COL_HEAD_GET_ID, &id) ? &id : NULL);
    pt_jw_object_end(w);
}
