/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include <assert.h>
#include <stdio.h>

#include "pt_pgsend.h"

/* OIDs of types whose text and binary forms are the same bytes
 * (pg_type.dat). */
#define PT_OID_NAME 19
#define PT_OID_TEXT 25
#define PT_OID_JSON 114
#define PT_OID_BPCHAR 1042
#define PT_OID_VARCHAR 1043


typedef struct {
    const char *values[PT_STMT_PARAMS_MAX];
    int         lengths[PT_STMT_PARAMS_MAX];
    int         formats[PT_STMT_PARAMS_MAX];
    char       *copies; /* of texts that libpq wants NUL-terminated */
} pt_pgsend_params_t;


static bool pt_pgsend_prepare(pt_pgconn_t *c, pt_item_t *it);
static bool pt_pgsend_stmt(pt_pgconn_t *c, const pytake_stmt_t *st);
static bool pt_pgsend_build(pt_pgconn_t *c, const pytake_stmt_t *st,
                            pt_pgsend_params_t *p);
static bool pt_pgsend_is_plain(const pytake_stmt_t *st, uint16_t i);
static void pt_pgsend_name(const pt_pgconn_t *c, uint16_t stmt, char *out,
                           size_t size);


bool
pt_pgsend_is_valid(const pytake_sql_t *sql)
{
    uint16_t              i, j;
    const pytake_stmt_t  *st;
    const pytake_param_t *p;

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
            p = &st->params[j];
            if (p->len < 0
                || (p->data != NULL && p->len > 0 && !pt_pgsend_is_plain(st, j)
                    && memchr(p->data, '\0', (size_t) p->len) != NULL))
            {
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
    const char    *name = "commit", *refuses = NULL, *text;
    pt_log_level_t level = PT_LOG_ERR;

    if (stmt < pytake_stmts_count) {
        name = pytake_stmts[stmt].name;
        refuses = pytake_stmts[stmt].refuses;
    }
    if (memcmp(sqlstate, "PT", 2) == 0
        || (refuses != NULL && memcmp(sqlstate, refuses, 5) == 0))
    {
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
    int                rc;
    char               name[PT_PG_STMT_NAME_MAX];
    pt_pgsend_params_t p;

    if (!pt_pgsend_build(c, st, &p)) {
        return false;
    }
    pt_pgsend_name(c, st->stmt, name, sizeof(name));
    rc = PQsendQueryPrepared(c->pg, name, st->nparams, p.values, p.lengths,
                             p.formats, 1);
    if (p.copies != NULL) {
        c->mem.free(c->mem.user, p.copies); /* libpq has made copies */
    }
    return rc == 1;
}


static bool
pt_pgsend_build(pt_pgconn_t *c, const pytake_stmt_t *st, pt_pgsend_params_t *p)
{
    char                 *copy;
    size_t                size = 0;
    uint16_t              i;
    const pytake_param_t *param;

    p->copies = NULL;
    for (i = 0; i < st->nparams; i++) {
        param = &st->params[i];
        p->values[i] = param->data;
        p->lengths[i] = param->len;
        p->formats[i] = pt_pgsend_is_plain(st, i) ? 1 : 0;
        if (p->formats[i] == 0 && param->data != NULL) {
            size += (size_t) param->len + 1;
        }
    }
    if (size == 0) {
        return true;
    }
    copy = c->mem.alloc(c->mem.user, size);
    if (copy == NULL) {
        return false;
    }
    p->copies = copy;
    for (i = 0; i < st->nparams; i++) {
        if (p->formats[i] == 0 && p->values[i] != NULL) {
            memcpy(copy, p->values[i], (size_t) p->lengths[i]);
            copy[p->lengths[i]] = '\0';
            p->values[i] = copy;
            copy += p->lengths[i] + 1;
        }
    }
    return true;
}


/* Binary, or text whose binary form is itself: goes as it is. */

static bool
pt_pgsend_is_plain(const pytake_stmt_t *st, uint16_t i)
{
    const uint32_t *oids = pytake_stmts[st->stmt].param_oids;

    if (st->params[i].binary) {
        return true;
    }
    switch (oids == NULL ? 0 : oids[i]) {
    case PT_OID_NAME:
    case PT_OID_TEXT:
    case PT_OID_JSON:
    case PT_OID_BPCHAR:
    case PT_OID_VARCHAR:
        return true;
    default:
        return false;
    }
}


static void
pt_pgsend_name(const pt_pgconn_t *c, uint16_t stmt, char *out, size_t size)
{
    (void) snprintf(out, size, "%.36s_%u_%u", pytake_stmts[stmt].name,
                    (unsigned) stmt, c->cache);
}
