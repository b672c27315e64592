/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "cmd_op.h"

#include <assert.h>
#include <stdio.h>

#define CMD_OP_EFFECTS_MAX 4096

/* One batch on its way. */
typedef struct {
    db_t               *db;
    pytake_rows_t       rows[PT_BATCH_STMTS_MAX];
    pytake_sql_result_t out;
} cmd_batch_t;

static void cmd_batch_run(cmd_batch_t *b, const pytake_sql_t *sql);
static void cmd_batch_failed(cmd_batch_t *b, pt_err_t err);
static bool cmd_op_verify(cmd_t *c, const pytake_work_t *w);


pt_err_t
cmd_op_run(cmd_t *c, pytake_t *pt, db_t *db, const pytake_request_t *req,
           int64_t now_us, cmd_reply_t *out)
{
    unsigned        n;
    uint8_t         seed[32];
    pt_err_t        err;
    cmd_batch_t     b = { .db = db };
    pytake_op_t    *op;
    pytake_effect_t eff;

    cmd_random(seed, sizeof(seed));
    err = pytake_op_new(pt, req, seed, now_us, &op);
    if (err != PT_OK) {
        return err;
    }
    err = PT_EINTERNAL;

    for (n = 0; n < CMD_OP_EFFECTS_MAX; n++) {
        switch (pytake_op_next(op, &eff)) {

        case PYTAKE_EFFECT_SQL:
            cmd_batch_run(&b, &eff.u.sql);
            pytake_op_feed_sql(op, now_us, &b.out);
            break;

        case PYTAKE_EFFECT_WORK:
            pytake_op_feed_work(op, now_us, PT_OK,
                                cmd_op_verify(c, &eff.u.work));
            break;

        case PYTAKE_EFFECT_REDIS:
            break;

        case PYTAKE_EFFECT_DONE:
            out->status = eff.u.done.status;
            err = pt_arena_dup(c->arena, eff.u.done.body, &out->body);
            goto done;
        }
    }

done:

    pytake_op_del(op);

    return err;
}


static void
cmd_batch_run(cmd_batch_t *b, const pytake_sql_t *sql)
{
    uint16_t i;
    pt_err_t err;

    assert(sql->nstmts <= PT_BATCH_STMTS_MAX);
    memset(&b->out, 0, sizeof(b->out));
    b->out.rows = b->rows;

    err = db_do(b->db, "BEGIN");

    for (i = 0; err == PT_OK && i < sql->nstmts; i++) {
        b->out.failed_stmt = i;
        err = db_stmt(b->db, &sql->stmts[i], &b->rows[i]);
        if (err == PT_OK) {
            b->out.nrows++;
        }
    }

    if (err == PT_OK) {
        err = db_do(b->db, "COMMIT");
    }

    if (err != PT_OK) {
        cmd_batch_failed(b, err);
    }
}


static void
cmd_batch_failed(cmd_batch_t *b, pt_err_t err)
{
    b->out.err = err == PT_EDB ? PT_EDB : PT_EDBAWAY;
    memcpy(b->out.sqlstate, b->db->sqlstate, sizeof(b->out.sqlstate));
    b->out.message = (pt_str_t){ b->db->error, strlen(b->db->error) };

    if (db_do(b->db, "ROLLBACK") != PT_OK) {
        b->out.err = PT_EDBAWAY;
    }
}


static bool
cmd_op_verify(cmd_t *c, const pytake_work_t *w)
{
    pt_str_t phc;

    return pt_arena_dup(c->arena, w->phc, &phc) == PT_OK
           && cmd_password_is(w->password, phc.data);
}
