/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The batches of an operation: for whom they act, how they are sent, and the
 * rows that come back.
 */

#include "pt_op_parts.h"

#include <assert.h>


static const pytake_rows_t pt_rows_none;


void
pt_op_sql(pytake_op_t *op, pytake_sql_class_t class)
{
    assert(op->authenticated);

    pt_op_sql_bare(op, class);

    op->batch.sql.tenant = op->claims.tenant_id;

    PT_SQL(&op->batch, session_enter, .tenant_id = &op->claims.tenant_id,
           .session_id = &op->claims.sid, .user_id = &op->claims.sub);

    if (op->idem && class == PYTAKE_SQL_WRITE) {
        pt_idem_lock_add(op);
    }

    op->first = op->batch.sql.nstmts;
}


void
pt_op_sql_tenant(pytake_op_t     *op, pytake_sql_class_t class,
                 const pt_uuid_t *tenant)
{
    pt_op_sql_bare(op, class);

    op->batch.sql.tenant = *tenant;

    PT_SQL(&op->batch, tenant_enter, .tenant_id = tenant);

    op->first = op->batch.sql.nstmts;
}


void
pt_op_sql_bare(pytake_op_t *op, pytake_sql_class_t class)
{
    assert(!op->has_effect && !op->waiting);

    pt_sql_init(&op->batch, op->arena, class);
    op->first = 0;
}


pt_err_t
pt_op_sql_go(pytake_op_t *op)
{
    pt_err_t err;

    err = pt_sql_end(&op->batch);
    if (err != PT_OK) {
        return err;
    }

    op->effect.type = PYTAKE_EFFECT_SQL;
    op->effect.u.sql = op->batch.sql;
    op->has_effect = true;

    return PT_OK;
}


const pytake_rows_t *
pt_op_rows(const pytake_op_t *op, uint16_t i)
{
    assert(op->result != NULL);

    if (op->first + i >= op->result->nrows) {
        return &pt_rows_none;
    }

    return &op->result->rows[op->first + i];
}


pt_err_t
pt_op_verify(pytake_op_t *op, const pytake_login_t *login, pt_str_t password,
             pt_str_t phc)
{
    assert(!op->has_effect && !op->waiting);

    op->effect.type = PYTAKE_EFFECT_WORK;
    op->effect.u.work.type = PYTAKE_WORK_PASSWORD_VERIFY;
    op->effect.u.work.login = *login;
    op->effect.u.work.password = password;
    op->effect.u.work.phc = phc;
    op->has_effect = true;

    return PT_OK;
}
