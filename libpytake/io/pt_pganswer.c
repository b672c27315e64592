/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_pganswer.c: it matches the answers of the server with what is expected.
 */

#include <assert.h>

#include "pt_pg_int.h"
#include "pt_pgsend.h"


static bool pt_pganswer_match(pt_pgconn_t *c, PGresult *res);
static bool pt_pganswer_error(pt_pgconn_t *c, const pt_exp_t *e, PGresult *res);
static void pt_pganswer_fail(pt_item_t *it, uint16_t stmt, const PGresult *res);
static void pt_pganswer_rows(const pt_exp_t *e, PGresult *res);
static void pt_pganswer_sync(pt_pgconn_t *c, pt_item_t *it);


/* Nothing else calls PQgetResult(), which would block while PQisBusy() says
 * that an answer is not here as a whole. */

bool
pt_pganswer_take(pt_pgconn_t *c)
{
    PGresult *res;

    while (c->state == PT_PGCONN_READY && c->exp_count > 0 && !PQisBusy(c->pg))
    {
        res = PQgetResult(c->pg);
        if (!pt_pganswer_match(c, res)) {
            return false;
        }
    }
    return true;
}


/* Matches one answer, which it owns, with the foremost expected one.  false:
 * they do not fit, and the connection cannot be trusted any more. */

static bool
pt_pganswer_match(pt_pgconn_t *c, PGresult *res)
{
    pt_exp_t *e = &c->exp[c->exp_head];

    if (res == NULL) {
        if (!e->got) {
            return false;
        }
        e->got = false; /* a Sync has one when its commit failed */
        if (e->kind != PT_EXP_SYNC) {
            pt_pgexpect_pop(c);
        }
        return true;
    }

    switch (PQresultStatus(res)) {

    case PGRES_PIPELINE_SYNC:
        PQclear(res);
        if (e->kind != PT_EXP_SYNC || e->got) {
            return false;
        }
        pt_pganswer_sync(c, e->item);
        return true;

    case PGRES_FATAL_ERROR:
        if (e->got) {
            PQclear(res);
            return false;
        }
        e->got = true;
        return pt_pganswer_error(c, e, res);

    case PGRES_PIPELINE_ABORTED:
        PQclear(res);
        if (e->got || e->kind != PT_EXP_STMT) {
            return false;
        }
        e->got = true;
        return true;

    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
        if (e->got || e->kind == PT_EXP_SYNC) {
            PQclear(res);
            return false;
        }
        e->got = true;
        if (e->kind == PT_EXP_PREPARE) {
            PQclear(res);
        } else {
            pt_pganswer_rows(e, res);
        }
        return true;

    default: /* COPY, which no statement does, or nonsense */
        PQclear(res);
        return false;
    }
}


static bool
pt_pganswer_error(pt_pgconn_t *c, const pt_exp_t *e, PGresult *res)
{
    uint16_t    stmt;
    pt_item_t  *it = e->item;
    const char *sqlstate, *severity;

    sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    severity = PQresultErrorField(res, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (sqlstate == NULL || severity == NULL) {
        PQclear(res); /* it comes from libpq, not from the server */
        return false;
    }
    if (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0) {
        c->fatal = true;
        c->hearsay = memcmp(sqlstate, "08", 2) == 0;
        c->loop->ops->log(c->loop, PT_LOG_WARN,
                          "pytake: database ended the connection (%.5s)",
                          sqlstate);
        PQclear(res);
        return false;
    }
    if (e->kind == PT_EXP_PREPARE) {
        c->prepared[e->stmt] = 0;
        stmt = e->stmt;
    } else {
        stmt = (e->kind == PT_EXP_STMT) ? e->item->stmt_ids[e->stmt]
                                        : pytake_stmts_count;
    }
    pt_pgsend_log_error(c->loop, stmt, sqlstate, res);
    if (it != NULL) {
        /* when a Prepare is refused, the statement that needed it fails */
        pt_pganswer_fail(it,
                         (e->kind == PT_EXP_STMT) ? e->stmt
                         : (e->kind == PT_EXP_SYNC)
                             ? it->sql.nstmts
                             : pt_pgsend_position(it, e->stmt),
                         res);
    }
    PQclear(res);
    return true;
}


static void
pt_pganswer_fail(pt_item_t *it, uint16_t stmt, const PGresult *res)
{
    if (it->failed || it->answered) {
        return; /* later refusals follow from the first one */
    }
    assert(it->result != NULL);
    it->failed = true;
    pt_pgresult_refuse(it->result, stmt, res);
}


static void
pt_pganswer_rows(const pt_exp_t *e, PGresult *res)
{
    pt_item_t *it = e->item;

    assert(it->state == PT_ITEM_FLIGHT && e->kind == PT_EXP_STMT);
    it->nresults++;
    if (it->answered || it->failed || it->nomem) {
        PQclear(res);
        return;
    }
    if (pt_pgresult_add(it->result, e->stmt, res) != PT_OK) {
        it->nomem = true;
    }
}


static void
pt_pganswer_sync(pt_pgconn_t *c, pt_item_t *it)
{
    pt_pgexpect_pop(c);
    if (it == NULL) {
        return; /* it is the Sync behind a Prepare */
    }
    assert(c->inflight > 0);
    c->inflight--;
    c->owner->done(c->pool, c, it);
}
