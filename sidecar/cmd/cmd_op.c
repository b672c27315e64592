/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "cmd_op.h"

#include <assert.h>
#include <stdio.h>

#define CMD_OP_EFFECTS_MAX 4096

/* One batch on its way; results live until the batch that follows it. */
typedef struct {
    db_t               *db;
    pt_arena_t         *arena;
    PGresult           *res[PT_BATCH_STMTS_MAX];
    pytake_rows_t       rows[PT_BATCH_STMTS_MAX];
    pytake_sql_result_t out;
} cmd_batch_t;

static void     cmd_batch_run(cmd_batch_t *b, const pytake_sql_t *sql);
static pt_err_t cmd_batch_stmt(cmd_batch_t *b, const pytake_stmt_t *s,
                               uint16_t i);
static pt_err_t cmd_batch_rows(cmd_batch_t *b, uint16_t i);
static void     cmd_batch_failed(cmd_batch_t *b, pt_err_t err);
static void     cmd_batch_clear(cmd_batch_t *b);
static bool     cmd_op_verify(cmd_t *c, const pytake_work_t *w);


pt_err_t
cmd_op_run(cmd_t *c, pytake_t *pt, db_t *db, const pytake_request_t *req,
           int64_t now_us, cmd_reply_t *out)
{
    unsigned        n;
    uint8_t         seed[32];
    pt_err_t        err;
    cmd_batch_t     b = { .db = db, .arena = c->arena };
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
            cmd_batch_clear(&b);
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
            err = pt_dup(c->arena, eff.u.done.body, &out->body);
            goto done;
        }
    }

done:

    pytake_op_del(op);
    cmd_batch_clear(&b);

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
        err = cmd_batch_stmt(b, &sql->stmts[i], i);
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


static pt_err_t
cmd_batch_stmt(cmd_batch_t *b, const pytake_stmt_t *s, uint16_t i)
{
    int                      lengths[PT_STMT_PARAMS_MAX];
    int                      formats[PT_STMT_PARAMS_MAX];
    uint16_t                 k;
    pt_err_t                 err;
    db_params_t              p;
    const char              *values[PT_STMT_PARAMS_MAX];
    const pytake_stmt_def_t *def = &pytake_stmts[s->stmt];

    assert(s->nparams == def->nparams && s->nparams <= PT_STMT_PARAMS_MAX);

    for (k = 0; k < s->nparams; k++) {
        values[k] = s->params[k].data;
        lengths[k] = s->params[k].len;
        formats[k] = s->params[k].binary;

        if (values[k] != NULL && !s->params[k].binary) {
            pt_str_t text;

            /* libpq takes text parameters NUL-terminated */
            err = pt_dup(b->arena, (pt_str_t){ values[k], (size_t) lengths[k] },
                         &text);
            if (err != PT_OK) {
                return err;
            }
            values[k] = text.data;
        }
    }

    p = (db_params_t){
        s->nparams, def->param_oids, values, lengths, formats, 1
    };

    err = db_exec_params(b->db, def->sql, &p, &b->res[i]);

    return err == PT_OK ? cmd_batch_rows(b, i) : err;
}


static pt_err_t
cmd_batch_rows(cmd_batch_t *b, uint16_t i)
{
    int       row, col, nrows, ncols;
    pt_str_t *cells;
    PGresult *res = b->res[i];

    nrows = PQntuples(res);
    ncols = PQnfields(res);

    cells = pt_calloc(b->arena, (size_t) nrows * (size_t) ncols + 1,
                      sizeof(pt_str_t));
    if (cells == NULL) {
        return PT_ENOMEM;
    }

    b->rows[i].nrows = (uint32_t) nrows;
    b->rows[i].ncols = (uint32_t) ncols;
    b->rows[i].cells = cells;

    for (row = 0; row < nrows; row++) {
        for (col = 0; col < ncols; col++, cells++) {
            if (!PQgetisnull(res, row, col)) {
                cells->data = PQgetvalue(res, row, col);
                cells->len = (size_t) PQgetlength(res, row, col);
            }
        }
    }

    return PT_OK;
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


static void
cmd_batch_clear(cmd_batch_t *b)
{
    size_t i;

    for (i = 0; i < PT_COUNT(b->res); i++) {
        PQclear(b->res[i]);
        b->res[i] = NULL;
    }
}


static bool
cmd_op_verify(cmd_t *c, const pytake_work_t *w)
{
    pt_str_t phc;

    return pt_dup(c->arena, w->phc, &phc) == PT_OK
           && cmd_password_is(w->password, phc.data);
}
