/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Who and what there is: the tenant's people and its WhatsApp numbers, by
 * name and state, for everybody who may see conversations.
 */

#include "pt_conv.h"

#include <assert.h>

#define PT_DIRECTORY_BODY_MAX (512u * 1024)

typedef struct {
    uint8_t  kind; /* of cursors */
    uint16_t stmt; /* the id is its first column */
} pt_directory_t;


static pt_err_t pt_user_list_read(pytake_op_t *op);
static pt_err_t pt_user_list_answer(pytake_op_t *op);
static pt_err_t pt_number_list_read(pytake_op_t *op);
static pt_err_t pt_number_list_answer(pytake_op_t *op);
static pt_err_t pt_directory_read(pytake_op_t *op, const pt_directory_t *d);
static pt_err_t pt_directory_answer(pytake_op_t *op, const pt_directory_t *d);


static const pt_directory_t pt_directory_users = { PT_PAGE_USER,
                                                   PT_STMT_USER_LIST };

static const pt_directory_t pt_directory_numbers = { PT_PAGE_NUMBER,
                                                     PT_STMT_NUMBER_LIST };

const pt_op_def_t pt_user_list = { "user_list",
                                   PT_PERM_USER_READ,
                                   0,
                                   0,
                                   { pt_user_list_read, pt_user_list_answer } };

const pt_op_def_t pt_number_list = { "number_list",
                                     PT_PERM_NUMBER_READ,
                                     0,
                                     0,
                                     { pt_number_list_read,
                                       pt_number_list_answer } };


static pt_err_t
pt_user_list_read(pytake_op_t *op)
{
    return pt_directory_read(op, &pt_directory_users);
}


static pt_err_t
pt_user_list_answer(pytake_op_t *op)
{
    return pt_directory_answer(op, &pt_directory_users);
}


static pt_err_t
pt_number_list_read(pytake_op_t *op)
{
    return pt_directory_read(op, &pt_directory_numbers);
}


static pt_err_t
pt_number_list_answer(pytake_op_t *op)
{
    return pt_directory_answer(op, &pt_directory_numbers);
}


static pt_err_t
pt_directory_read(pytake_op_t *op, const pt_directory_t *d)
{
    pt_err_t                 err;
    uint32_t                 limit;
    pt_cursor_t              from;
    static const char *const names[] = { "limit", "cursor" };

    pt_args_allow(op, names, PT_COUNT(names));
    limit = pt_arg_limit(op);

    err = pt_op_check(op);
    if (err == PT_OK) {
        err = pt_page_begin(op, d->kind, 0, &from);
    }
    if (err != PT_OK) {
        return err;
    }

    pt_op_sql(op, PYTAKE_SQL_READ);
    pt_q_head_get(&op->batch);
    pt_sql_stmt(&op->batch, d->stmt);
    pt_sql_uuid(&op->batch, &from.id);
    pt_sql_i32(&op->batch, (int32_t) limit + 1);

    return pt_op_sql_go(op);
}


static pt_err_t
pt_directory_answer(pytake_op_t *op, const pt_directory_t *d)
{
    pt_jw_t              w;
    pt_buf_t             b;
    pt_err_t             err;
    pt_str_t             body;
    uint32_t             i, n, limit = pt_arg_limit(op);
    pt_cursor_t          last = { d->kind, 0, { { 0 } } };
    const pytake_rows_t *r = pt_rows_get(op, 1);

    n = r->nrows > limit ? limit : r->nrows;

    pt_buf_init(&b, op->arena, PT_DIRECTORY_BODY_MAX);
    pt_jw_init(&w, &b);
    pt_jw_object(&w);
    pt_jw_key(&w, "data");
    pt_jw_array(&w);
    for (i = 0; i < n; i++) {
        pt_row_write(&w, r, i, d->stmt);
    }
    pt_jw_array_end(&w);

    if (n != 0) {
        (void) pt_cell_uuid(r, n - 1, 0, &last.id);
    }

    err =
        pt_page_end(op, &w, r->nrows > n ? &last : NULL, 0, pt_rows_get(op, 0));
    if (err == PT_OK) {
        pt_jw_object_end(&w);
        err = pt_buf_get(&b, &body);
    }

    return err == PT_OK ? pt_reply(op, 200, body) : err;
}
