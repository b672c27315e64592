/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_page.h"

#include <assert.h>


pt_err_t
pt_page_filters(pt_str_t filters, uint64_t *out)
{
    uint8_t  hash[32];
    pt_err_t err;

    err = pt_sha256(filters.data, filters.len, hash);
    if (err == PT_OK) {
        memcpy(out, hash, sizeof(*out));
    }

    return err;
}


pt_err_t
pt_page_begin(pytake_op_t *op, uint8_t kind, uint64_t filters, pt_cursor_t *out)
{
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

    return pt_cursor_parse(key, &op->claims.tenant_id, filters, kind, text,
                           out);
}


pt_err_t
pt_page_end(pytake_op_t *op, pt_jw_t *w, const pt_cursor_t *last,
            uint64_t filters, const pytake_rows_t *head)
{
    pt_err_t       err;
    pt_str_t       text;
    pt_uuid_t      id;
    const pt_str_t key = { (const char *) op->pt->cursor_key,
                           sizeof(op->pt->cursor_key) };

    pt_jw_key(w, "next_cursor");

    if (last == NULL) {
        pt_jw_null(w);

    } else {
        err = pt_cursor_build(op->arena, key, &op->claims.tenant_id, filters,
                              last, &text);
        if (err != PT_OK) {
            return err;
        }
        pt_jw_str(w, text);
    }

    pt_jw_key(w, "since");
    pt_jw_object(w);
    pt_jw_key(w, "seq");
    pt_jw_i64(w, pt_cell_i64(head, 0, PT_COL_HEAD_GET_SEQ));
    pt_jw_key(w, "id");
    pt_jw_uuid(w, pt_cell_uuid(head, 0, PT_COL_HEAD_GET_ID, &id) ? &id : NULL);
    pt_jw_object_end(w);

    return PT_OK;
}
