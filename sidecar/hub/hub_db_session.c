/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_db_session.c: looks up whether sessions are alive, many of them in one
 * query.
 */

#include <assert.h>

#include "hub_glue.h"

#define DB_SESSIONS_MAX 512u /* sessions of one query */
#define DB_SESSIONS_QUERIES 2u
#define DB_ASKED_MAX 65536u

static bool hub_db_ask(hub_glue_t *g);
static void hub_db_asked_done(void *data, batch_t *b,
                              const pytake_sql_result_t *result);
static void hub_db_answer(hub_job_t *j, pt_err_t err, const pytake_rows_t *r);


/* Only notes the session: hub_db_session_turn() sends those of all sockets in
 * one query at the end of the turn. */

pt_err_t
hub_db_session_check(void *env, const pt_claims_t *claims, uint64_t ticket)
{
    size_t       cap;
    hub_glue_t  *g;
    hub_asked_t *p;

    g = env;

    assert(g->nasked <= g->asked_cap);

    if (g->nasked == g->asked_cap) {
        cap = (g->asked_cap == 0) ? 64 : g->asked_cap * 2;
        p = (cap > DB_ASKED_MAX)
                ? NULL
                : g->mem.alloc(g->mem.user, cap * sizeof(hub_asked_t));

        if (p == NULL) {
            return PT_EBUSY;
        }

        if (g->nasked > 0) {
            memcpy(p, g->asked, g->nasked * sizeof(hub_asked_t));
        }

        g->mem.free(g->mem.user, g->asked);
        g->asked = p;
        g->asked_cap = cap;
    }

    assert(g->asked != NULL);
    p = &g->asked[g->nasked++];
    p->ticket = ticket;
    p->session = claims->sid;
    p->tenant = claims->tenant_id;
    p->user = claims->sub;

    return PT_OK;
}


void
hub_db_session_turn(hub_glue_t *g)
{
    while (g->nasked > 0 && g->asking < DB_SESSIONS_QUERIES) {
        if (!hub_db_ask(g)) {
            return;
        }
    }
}


/* Sends one query for sessions that wait.  false: it cannot be sent now, and
 * they go on waiting. */

static bool
hub_db_ask(hub_glue_t *g)
{
    size_t       i, n;
    pt_uuid_t   *ids;
    hub_job_t   *j;
    hub_asked_t *asked;

    assert(g->nasked > 0);
    n = (g->nasked < DB_SESSIONS_MAX) ? g->nasked : DB_SESSIONS_MAX;
    j = hub_db_job(
        g, HUB_DB_PARAMS_SIZE
               + n * (sizeof(hub_asked_t) + 3 * (sizeof(pt_uuid_t) + 48)));

    if (j == NULL) {
        return false;
    }

    asked = pt_arena_calloc(batch_arena(j->batch), n, sizeof(hub_asked_t));
    ids = pt_arena_calloc(batch_arena(j->batch), 3 * n, sizeof(pt_uuid_t));

    if (asked == NULL || ids == NULL) {
        batch_del(j->batch);
        return false;
    }

    memcpy(asked, g->asked, n * sizeof(hub_asked_t));

    for (i = 0; i < n; i++) {
        ids[i] = asked[i].session;
        ids[n + i] = asked[i].tenant;
        ids[2 * n + i] = asked[i].user;
    }

    j->asked = asked;
    j->nasked = n;
    PT_SQL(batch_sql(j->batch), hub_sessions, .ids = { ids, n },
           .tenants = { ids + n, n }, .users = { ids + 2 * n, n });

    if (hub_db_submit(j, NULL, hub_db_asked_done) != PT_OK) {
        return false; /* The next turn tries again. */
    }

    g->asking++;
    g->nasked -= n;
    memmove(g->asked, g->asked + n, g->nasked * sizeof(hub_asked_t));

    return true;
}


static void
hub_db_asked_done(void *data, batch_t *b, const pytake_sql_result_t *result)
{
    hub_job_t *j;

    PT_UNUSED(b);
    j = data;
    hub_db_end(j);
    hub_db_report(j->glue, result);
    assert(j->glue->asking > 0);
    j->glue->asking--;
    hub_db_answer(j, result->err,
                  result->err == PT_OK ? &result->rows[0] : NULL);
    hub_db_session_turn(j->glue);
}


static void
hub_db_answer(hub_job_t *j, pt_err_t err, const pytake_rows_t *r)
{
    size_t             i;
    int64_t            n;
    uint32_t           row;
    pt_str_t          *names, *roles;
    const hub_asked_t *a;

    names = pt_arena_calloc(batch_arena(j->batch), j->nasked, sizeof(pt_str_t));
    roles = pt_arena_calloc(batch_arena(j->batch), j->nasked, sizeof(pt_str_t));

    if (names == NULL || roles == NULL) {
        err = PT_ENOMEM;
    }

    for (row = 0; err == PT_OK && row < r->nrows; row++) {
        n = pt_cell_i64(r, row, 0);
        if (n < 1 || (size_t) n > j->nasked) {
            err = PT_EINTERNAL; /* It answers what nobody asked. */
            break;
        }
        names[n - 1] = pt_cell_text(r, row, 1);
        roles[n - 1] = pt_cell_text(r, row, 2);
    }

    for (i = 0; i < j->nasked; i++) {
        a = &j->asked[i];
        hub_on_session(j->glue->hub, a->ticket, err,
                       err == PT_OK && names[i].data != NULL, &a->tenant,
                       &a->user, err == PT_OK ? names[i] : PT_STR_NULL,
                       err == PT_OK ? roles[i] : PT_STR_NULL);
    }
}
