/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The shortest way from the ids of a path to a row as JSON, on which most
 * endpoints that read one thing are built.
 */

#include "pt_op.h"

#include <assert.h>

#define PT_ROW_BODY_MAX (256u * 1024)


static void pt_row_uuids(pt_jw_t *w, const pytake_rows_t *r, uint32_t row,
                         uint32_t col);
static void pt_row_value(pt_jw_t *w, const pytake_rows_t *r, uint32_t row,
                         uint32_t col, const pytake_field_t *f);


pt_err_t
pt_row_read(pytake_op_t *op, pytake_sql_class_t class, uint16_t stmt)
{
    uint16_t i;

    assert(pytake_stmts[stmt].nparams == op->match.nparams);

    pt_op_sql(op, class);
    pt_sql_stmt(&op->batch, stmt);
    for (i = 0; i < op->match.nparams; i++) {
        pt_sql_uuid(&op->batch, &op->match.params[i]);
    }

    return pt_op_sql_go(op);
}


pt_err_t
pt_row_reply(pytake_op_t *op, int status)
{
    pt_jw_t              w;
    pt_buf_t             b;
    pt_err_t             err;
    pt_str_t             body;
    const pytake_rows_t *r = pt_op_rows(op, 0);

    if (r->nrows == 0) {
        return PT_ENOTFOUND;
    }

    pt_buf_init(&b, op->arena, PT_ROW_BODY_MAX);
    pt_jw_init(&w, &b);
    pt_row_write(&w, r, 0, op->batch.stmts[op->first].stmt);

    err = pt_buf_get(&b, &body);

    return err == PT_OK ? pt_reply(op, status, body) : err;
}


void
pt_row_write(pt_jw_t *w, const pytake_rows_t *r, uint32_t row, uint16_t stmt)
{
    uint16_t              col;
    const pytake_field_t *f;

    pt_jw_object(w);

    for (col = 0; col < pytake_stmts[stmt].ncols; col++) {
        f = &pytake_stmts[stmt].columns[col];
        if (f->hidden) {
            continue;
        }

        pt_jw_key_str(w, (pt_str_t){ f->name, strlen(f->name) });
        pt_row_value(w, r, row, col, f);
    }

    pt_jw_object_end(w);
}


size_t
pt_row_texts_size(const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    size_t   at = 0, size = 2;
    pt_str_t text;

    while (pt_cell_array_next(r, row, col, &at, &text)) {
        size += pt_jp_text(text).size + 1; /* one byte for a comma */
    }

    return size;
}


char *
pt_row_texts(char *p, const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    size_t       at = 0;
    pt_str_t     text;
    pt_jp_text_t t;

    *p++ = '[';

    while (pt_cell_array_next(r, row, col, &at, &text)) {
        t = pt_jp_text(text);
        p = pt_jp_str(p, &t);
        *p++ = ',';
    }

    p -= p[-1] == ','; /* the last comma goes */
    *p++ = ']';

    return p;
}


static void
pt_row_uuids(pt_jw_t *w, const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    size_t    at = 0;
    pt_str_t  bytes;
    pt_uuid_t id;

    pt_jw_array(w);

    while (pt_cell_array_next(r, row, col, &at, &bytes)) {
        if (bytes.len == sizeof(id.b)) {
            memcpy(id.b, bytes.data, sizeof(id.b));
            pt_jw_uuid(w, &id);
        }
    }

    pt_jw_array_end(w);
}


static void
pt_row_value(pt_jw_t *w, const pytake_rows_t *r, uint32_t row, uint32_t col,
             const pytake_field_t *f)
{
    char     *p;
    pt_uuid_t id;

    if (pt_cell_is_null(r, row, col)) {
        pt_jw_null(w);
        return;
    }

    if (f->array && f->type == PYTAKE_TYPE_UUID) {
        pt_row_uuids(w, r, row, col);
        return;
    }

    if (f->array) {
        assert(f->type == PYTAKE_TYPE_TEXT);
        p = pt_jw_room(w, pt_row_texts_size(r, row, col));
        if (p != NULL) {
            pt_jw_room_end(w, pt_row_texts(p, r, row, col));
        }
        return;
    }

    switch (f->type) {

    case PYTAKE_TYPE_UUID:
        pt_jw_uuid(w, pt_cell_uuid(r, row, col, &id) ? &id : NULL);
        break;

    case PYTAKE_TYPE_TEXT:
        pt_jw_str(w, pt_cell_text(r, row, col));
        break;

    case PYTAKE_TYPE_INT:
    case PYTAKE_TYPE_BIG:
        pt_jw_i64(w, pt_cell_i64(r, row, col));
        break;

    case PYTAKE_TYPE_BOOL:
        pt_jw_bool(w, pt_cell_bool(r, row, col));
        break;

    case PYTAKE_TYPE_TIME:
        pt_jw_time(w, pt_cell_time(r, row, col));
        break;

    case PYTAKE_TYPE_JSON:
        pt_jw_raw(w, pt_cell_jsonb(r, row, col));
        break;

    case PYTAKE_TYPE_BYTES:
        assert(0); /* the API shows none */
    }
}
