/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_db.c: the queries of the hub to PostgreSQL: its pool, the list of those
 * under way, and those about the events of a tenant.
 */

#include <assert.h>

#include "hub_glue.h"

#define DB_CONNS 2
#define DB_DEPTH 16
#define DB_QUEUE 1024
#define DB_DEADLINE_MS 5000
#define DB_ROW_SIZE 64u /* bytes on the arena for one hub_row_t */

static const hub_row_t *hub_db_rows(hub_job_t *j, const pytake_rows_t *r);
static void             hub_db_tenant_done(void *data, batch_t *b,
                                           const pytake_sql_result_t *result);
static void             hub_db_events_done(void *data, batch_t *b,
                                           const pytake_sql_result_t *result);
static void             hub_db_reach_done(void *data, batch_t *b,
                                          const pytake_sql_result_t *result);


pt_err_t
hub_db_start(hub_glue_t *g, const part_host_t *serve)
{
    pt_pool_conf_t conf;

    assert(g->pool == NULL);

    memset(&conf, 0, sizeof(conf));
    conf.conninfo = serve->conf->database_url;
    conf.role = serve->conf->role_service;
    conf.app_name = "pytake hub";
    conf.conns_max = DB_CONNS;
    conf.depth = DB_DEPTH;
    conf.queue_max = DB_QUEUE;
    conf.connect_timeout_ms = 2000;
    conf.statement_timeout_ms = DB_DEADLINE_MS;
    conf.lock_timeout_ms = DB_DEADLINE_MS;
    conf.mem = serve->mem;

    return pt_pool_new(g->loop, &conf, &g->pool);
}


void
hub_db_stop(hub_glue_t *g)
{
    hub_job_t *j;

    if (g->pool != NULL) {
        pt_pool_del(g->pool); /* No handler is called any more. */
        g->pool = NULL;
    }

    while (g->jobs != NULL) {
        j = g->jobs;
        g->jobs = j->next;
        batch_del(j->batch);
    }

    g->mem.free(g->mem.user, g->asked);
    g->asked = NULL;
}


pt_err_t
hub_db_load_tenant(void *env, const pt_uuid_t *tenant, uint32_t limit)
{
    hub_job_t *j;

    j = hub_db_job(env, HUB_DB_PARAMS_SIZE + (limit + 1) * DB_ROW_SIZE);

    if (j == NULL) {
        return PT_ENOMEM;
    }

    PT_SQL(batch_sql(j->batch), hub_head, .tenant_id = tenant);
    PT_SQL(batch_sql(j->batch), hub_tail, .tenant_id = tenant,
           .most = (int64_t) limit, .bytes_max = HUB_RING_BYTES_MAX);

    return hub_db_submit(j, tenant, hub_db_tenant_done);
}


pt_err_t
hub_db_load_events(void *env, const pt_uuid_t *tenant, int64_t first,
                   int64_t last)
{
    hub_job_t *j;

    assert(first <= last);

    j = hub_db_job(env, HUB_DB_PARAMS_SIZE
                            + ((size_t) (last - first) + 2) * DB_ROW_SIZE);

    if (j == NULL) {
        return PT_ENOMEM;
    }

    j->first = first;
    j->last = last;
    PT_SQL(batch_sql(j->batch), hub_events, .tenant_id = tenant, .first = first,
           .last = last);

    return hub_db_submit(j, tenant, hub_db_events_done);
}


pt_err_t
hub_db_load_reach(void *env, const pt_uuid_t *tenant, int64_t first,
                  int64_t last, int64_t bytes)
{
    hub_job_t *j;

    j = hub_db_job(env, HUB_DB_PARAMS_SIZE);

    if (j == NULL) {
        return PT_ENOMEM;
    }

    PT_SQL(batch_sql(j->batch), hub_reach, .tenant_id = tenant, .first = first,
           .last = last, .bytes_max = bytes);

    return hub_db_submit(j, tenant, hub_db_reach_done);
}


hub_job_t *
hub_db_job(hub_glue_t *g, size_t size)
{
    batch_t   *b;
    hub_job_t *j;

    if (g->pool == NULL) {
        return NULL; /* The hub has stopped. */
    }

    b = batch_new(&g->mem, size + sizeof(hub_job_t));
    j = (b == NULL) ? NULL
                    : pt_arena_calloc(batch_arena(b), 1, sizeof(hub_job_t));

    if (j == NULL) {
        batch_del(b);
        return NULL;
    }

    j->glue = g;
    j->batch = b;

    return j;
}


pt_err_t
hub_db_submit(hub_job_t *j, const pt_uuid_t *tenant, batch_handler_pt handler)
{
    pt_err_t    err;
    hub_glue_t *g;

    g = j->glue;
    assert(j->prev == NULL && j->next == NULL);

    if (tenant != NULL) {
        j->tenant = *tenant;
    }

    err = batch_submit(j->batch, g->pool, PYTAKE_SQL_READ, tenant,
                       g->loop->ops->now_ms(g->loop) + DB_DEADLINE_MS, handler,
                       j);

    if (err != PT_OK) {
        batch_del(j->batch);
        return err;
    }

    j->next = g->jobs;

    if (g->jobs != NULL) {
        g->jobs->prev = j;
    }

    g->jobs = j;

    return PT_OK;
}


void
hub_db_end(hub_job_t *j)
{
    if (j->prev != NULL) {
        j->prev->next = j->next;

    } else {
        assert(j->glue->jobs == j);
        j->glue->jobs = j->next;
    }

    if (j->next != NULL) {
        j->next->prev = j->prev;
    }
}


void
hub_db_report(hub_glue_t *g, const pytake_sql_result_t *result)
{
    bool away;

    away = result->err != PT_OK;

    if (away == g->db_away) {
        return;
    }

    g->db_away = away;

    if (!away) {
        g->loop->ops->log(g->loop, PT_LOG_NOTICE,
                          "pytake: hub: the database is back");

    } else if (result->err == PT_EDB) {
        g->loop->ops->log(
            g->loop, PT_LOG_ERR,
            "pytake: hub: a statement failed (SQLSTATE %.5s): run "
            "\"pytake doctor\" to find the reason",
            result->sqlstate);

    } else {
        g->loop->ops->log(
            g->loop, PT_LOG_WARN,
            "pytake: hub: the database is away, it is tried again");
    }
}


/* Turns rows of (seq, id, frame) into an array on the arena, whose texts are
 * borrowed from the result.  NULL: out of memory. */

static const hub_row_t *
hub_db_rows(hub_job_t *j, const pytake_rows_t *r)
{
    uint32_t   i;
    hub_row_t *rows;

    rows =
        pt_arena_calloc(batch_arena(j->batch), r->nrows + 1, sizeof(hub_row_t));

    for (i = 0; rows != NULL && i < r->nrows; i++) {
        rows[i].seq = pt_cell_i64(r, i, 0);
        (void) pt_cell_uuid(r, i, 1, &rows[i].id);
        rows[i].frame = pt_cell_text(r, i, 2);
    }

    return rows;
}


static void
hub_db_tenant_done(void *data, batch_t *b, const pytake_sql_result_t *result)
{
    int64_t          head;
    pt_err_t         err;
    pt_uuid_t        id;
    hub_job_t       *j;
    hub_glue_t      *g;
    const hub_row_t *rows;

    PT_UNUSED(b);
    j = data;
    g = j->glue;
    hub_db_end(j);
    hub_db_report(g, result);
    err = result->err;
    rows = NULL;
    head = 0;
    memset(&id, 0, sizeof(id));

    if (err == PT_OK) {
        rows = hub_db_rows(j, &result->rows[1]);
        err = (rows == NULL) ? PT_ENOMEM : PT_OK;
    }

    if (err == PT_OK && result->rows[0].nrows == 1) {
        head = pt_cell_i64(&result->rows[0], 0, 0);
        (void) pt_cell_uuid(&result->rows[0], 0, 1, &id);
    }

    hub_on_tenant(g->hub, &j->tenant, err, head, &id, rows,
                  err == PT_OK ? result->rows[1].nrows : 0);
}


static void
hub_db_events_done(void *data, batch_t *b, const pytake_sql_result_t *result)
{
    pt_err_t         err;
    hub_job_t       *j;
    const hub_row_t *rows;

    PT_UNUSED(b);
    j = data;
    hub_db_end(j);
    hub_db_report(j->glue, result);
    err = result->err;
    rows = NULL;

    if (err == PT_OK) {
        rows = hub_db_rows(j, &result->rows[0]);
        err = (rows == NULL) ? PT_ENOMEM : PT_OK;
    }

    hub_on_events(j->glue->hub, &j->tenant, err, j->first, j->last, rows,
                  err == PT_OK ? result->rows[0].nrows : 0);
}


static void
hub_db_reach_done(void *data, batch_t *b, const pytake_sql_result_t *result)
{
    int64_t    seq;
    hub_job_t *j;

    PT_UNUSED(b);
    j = data;
    hub_db_end(j);
    hub_db_report(j->glue, result);
    seq = (result->err == PT_OK && result->rows[0].nrows == 1)
              ? pt_cell_i64(&result->rows[0], 0, 0)
              : 0;
    hub_on_reach(j->glue->hub, &j->tenant, result->err, seq);
}
