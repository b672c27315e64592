/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include <assert.h>
#include <stdio.h>

#include "core/base/pt_sql.h"
#include "pt_pgsend.h"

static bool pt_pgsend_prepare(pt_pgconn_t *c, pt_item_t *it);
static bool pt_pgsend_stmt(pt_pgconn_t *c, const pytake_stmt_t *st);
static void pt_pgsend_name(const pt_pgconn_t *c, uint16_t stmt, char *out,
                           size_t size);


bool
pt_pgsend_is_valid(const pytake_sql_t *sql)
{
    uint16_t             i, j;
    const pytake_stmt_t *st;

    if (sql->nstmts == 0 || sql->nstmts > PT_BATCH_STMTS_MAX) {
        return false;
    }
    for (i = 0; i < sql->nstmts; i++) {
        st = &sql->stmts[i];
        if (st->stmt >= pytake_stmts_count
            || st->nparams != pytake_stmts[st->stmt].nparams
            || st->nparams > PT_STMT_PARAMS_MAX)
        {
            return false;
        }
        for (j = 0; j < st->nparams; j++) {
            if (st->params[j].len < 0) {
                return false;
            }
        }
    }
    return true;
}


/*
 * Everything up to the Sync is given to libpq without going back to the loop,
 * so that no transaction is open while the worker does something else.  libpq
 * sends by itself from 8 kB on; docs/io.md tells the rest.
 */

bool
pt_pgsend_batch(pt_pgconn_t *c, pt_item_t *it)
{
    bool     ok;
    uint16_t i;

    assert(it->state == PT_ITEM_FLIGHT && !it->synced);
    if (!pt_pgexpect_reserve(c, it->sql.nstmts * 3u + 1u)) {
        /* pt_pgconn_take() has to find the batch even now, and the ring always
         * has one place for that */
        pt_pgexpect_add(c, PT_EXP_SYNC, 0, it);
        return false;
    }
    for (i = 0; i < it->sql.nstmts; i++) {
        it->stmt_ids[i] = it->sql.stmts[i].stmt;
    }
    ok = pt_pgsend_prepare(c, it);
    for (i = 0; ok && i < it->sql.nstmts; i++) {
        ok = pt_pgsend_stmt(c, &it->sql.stmts[i]);
        pt_pgexpect_add(c, PT_EXP_STMT, i, it);
    }
    if (ok) {
        it->synced = true;
        ok = (PQpipelineSync(c->pg) == 1);
    }
    pt_pgexpect_add(c, PT_EXP_SYNC, 0, it);
    return ok;
}


uint16_t
pt_pgsend_position(const pt_item_t *it, uint16_t stmt)
{
    uint16_t i;

    for (i = 0; i < it->sql.nstmts; i++) {
        if (it->stmt_ids[i] == stmt) {
            return i;
        }
    }
    return 0;
}


/*
 * DETAIL and CONTEXT are never logged, because they quote rows.  The primary
 * text of a data error (class 22 and 23) quotes the value, so of such errors
 * the code and the constraint alone are logged.  A code of class PT is raised
 * by functions of the schema and is an answer, not an error; so is a code that
 * the statement is declared to refuse with.  Errors after which a batch is
 * tried again, such as a deadlock, are worth a line for information.
 */

void
pt_pgsend_log_error(pt_loop_t *loop, uint16_t stmt, const char *sqlstate,
                    const PGresult *res)
{
    const char    *name = "commit", *text;
    pt_log_level_t level = PT_LOG_ERR;

    if (stmt < pytake_stmts_count) {
        name = pytake_stmts[stmt].name;
    }
    if (memcmp(sqlstate, "PT", 2) == 0
        || pt_sql_refusal(stmt, sqlstate) != NULL) {
        level = PT_LOG_DEBUG;
    } else if (memcmp(sqlstate, "40001", 5) == 0
               || memcmp(sqlstate, "40P01", 5) == 0
               || memcmp(sqlstate, "55P03", 5) == 0)
    {
        level = PT_LOG_INFO;
    }
    if (memcmp(sqlstate, "22", 2) == 0 || memcmp(sqlstate, "23", 2) == 0
        || memcmp(sqlstate, "PT", 2) == 0)
    {
        text = PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME);
    } else {
        text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    }
    loop->ops->log(loop, level, "pytake: statement \"%s\" failed (%.5s%s%s)",
                   name, sqlstate, text == NULL ? "" : ": ",
                   text == NULL ? "" : text);
}


/* Prepares the statements that this connection does not have yet.  Each
 * Prepare has a Sync of its own, so that one which is refused does not fail
 * the others. */

static bool
pt_pgsend_prepare(pt_pgconn_t *c, pt_item_t *it)
{
    char                     name[PT_PG_STMT_NAME_MAX];
    uint16_t                 i, id;
    const pytake_stmt_def_t *def;

    for (i = 0; i < it->sql.nstmts; i++) {
        id = it->sql.stmts[i].stmt;
        if (c->prepared[id] == c->cache) {
            continue;
        }
        def = &pytake_stmts[id];
        pt_pgsend_name(c, id, name, sizeof(name));
        if (PQsendPrepare(c->pg, name, def->sql, def->nparams, def->param_oids)
            != 1) {
            return false;
        }
        pt_pgexpect_add(c, PT_EXP_PREPARE, id, it);
        if (PQpipelineSync(c->pg) != 1) {
            return false;
        }
        pt_pgexpect_add(c, PT_EXP_SYNC, 0, NULL);
        c->prepared[id] = c->cache;
    }
    return true;
}


static bool
pt_pgsend_stmt(pt_pgconn_t *c, const pytake_stmt_t *st)
{
    int         lengths[PT_STMT_PARAMS_MAX], formats[PT_STMT_PARAMS_MAX];
    char        name[PT_PG_STMT_NAME_MAX];
    uint16_t    i;
    const char *values[PT_STMT_PARAMS_MAX];

    for (i = 0; i < st->nparams; i++) {
        values[i] = st->params[i].data;
        lengths[i] = st->params[i].len;
        formats[i] = 1;
    }
    pt_pgsend_name(c, st->stmt, name, sizeof(name));
    return PQsendQueryPrepared(c->pg, name, st->nparams, values, lengths,
                               formats, 1)
           == 1;
}


static void
pt_pgsend_name(const pt_pgconn_t *c, uint16_t stmt, char *out, size_t size)
{
    (void) snprintf(out, size, "%.36s_%u_%u", pytake_stmts[stmt].name,
                    (unsigned) stmt, c->cache);
}
