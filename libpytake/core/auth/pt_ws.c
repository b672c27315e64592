/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Decides who may open a WebSocket: the NGINX module asks before it lets an
 * upgrade pass.  The answer is meant for the module and not for the client: a
 * 204 whose headers say what the hub may rely on.
 */

#include "core/op/pt_op.h"


static pt_err_t pt_ws_admit_read(pytake_op_t *op);
static pt_err_t pt_ws_admit_answer(pytake_op_t *op);
static pt_err_t pt_ws_uuid(pytake_op_t *op, const char *name,
                           const pt_uuid_t *id);


const pt_op_def_t pt_ws_admit = { .name = "ws_admit",
                                  .perm = PT_PERM_CONVERSATION_READ,
                                  .flags = PT_OP_ANY_ARGS,
                                  .status = 204,
                                  .steps = { pt_ws_admit_read,
                                             pt_ws_admit_answer } };


static pt_err_t
pt_ws_admit_read(pytake_op_t *op)
{
    pt_op_sql(op, PYTAKE_SQL_READ);
    PT_SQL(&op->batch, user_me, .id = &op->claims.sub);

    return pt_op_sql_go(op);
}


static pt_err_t
pt_ws_admit_answer(pytake_op_t *op)
{
    pt_err_t             err;
    pt_buf_t             b;
    pt_str_t             exp;
    const pytake_rows_t *r = pt_op_rows(op, 0);

    if (r->nrows == 0) {
        return PT_EREVOKED;
    }

    pt_buf_init(&b, op->arena, PT_UUID_LEN);
    pt_buf_i64(&b, op->claims.exp);
    err = pt_buf_get(&b, &exp);
    if (err == PT_OK) {
        err = pt_ws_uuid(op, PYTAKE_WS_USER, &op->claims.sub);
    }
    if (err == PT_OK) {
        err = pt_ws_uuid(op, PYTAKE_WS_TENANT, &op->claims.tenant_id);
    }
    if (err == PT_OK) {
        err = pt_ws_uuid(op, PYTAKE_WS_SESSION, &op->claims.sid);
    }
    if (err == PT_OK) {
        err = pt_reply_header(op, PYTAKE_WS_EXP, exp);
    }

    return err == PT_OK ? pt_reply(op, 204, PT_STR("")) : err;
}


static pt_err_t
pt_ws_uuid(pytake_op_t *op, const char *name, const pt_uuid_t *id)
{
    char     text[PT_UUID_LEN];
    pt_err_t err;
    pt_str_t value;

    pt_uuid_build(id, text);
    err = pt_arena_dup(op->arena, (pt_str_t){ text, sizeof(text) }, &value);

    return err == PT_OK ? pt_reply_header(op, name, value) : err;
}
