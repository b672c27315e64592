/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_db.c: what the hub asks of PostgreSQL: a tenant's events, sessions,
 * and every HUB_POLL_MS the heads and what was revoked.
 */

#include "hub_glue.h"

#include <assert.h>

#define DB_CONNS 2
#define DB_DEPTH 16
#define DB_QUEUE 1024
#define DB_DEADLINE_MS 5000
#define DB_PARAMS_SIZE (64u * 1024)
#define DB_ROW_SIZE 64u      /* of our own, a row of a result */
#define DB_SESSIONS_MAX 512u /* a query */
#define DB_SESSIONS_QUERIES 2u
#define DB_ASKED_MAX 65536u

/* On its batch's arena. */
struct hub_job_s {
    hub_job_t         *next;
    hub_job_t         *prev;
    hub_glue_t        *glue;
    batch_t           *batch;
    pt_uuid_t          tenant;
    int64_t            first;
    int64_t            last;
    const hub_asked_t *asked;
    size_t             nasked;
};

static hub_job_t *hub_db_job(hub_glue_t *g, size_t size);
static pt_err_t   hub_db_submit(hub_job_t *j, const pt_uuid_t *tenant,
                                batch_handler_pt handler);
static void       hub_db_end(hub_job_t *j);
static void       hub_db_tell(hub_glue_t *g, const pytake_sql_result_t *result);
static const hub_row_t *hub_db_rows(hub_job_t *j, const pytake_rows_t *r);
static void             hub_db_tenant_done(void *data, batch_t *b,
                                           const pytake_sql_result_t *result);
static void             hub_db_events_done(void *data, batch_t *b,
                                           const pytake_sql_result_t *result);
static bool             hub_db_ask(hub_glue_t *g);
static void             hub_db_asked_done(void *data, batch_t *b,
                                          const pytake_sql_result_t *result);
static void hub_db_answer(hub_job_t *j, pt_err_t err, const pytake_rows_t *r);
static void hub_db_poll(void *data);
static void hub_db_poll_add(void *data, const pt_uuid_t *tenant);
static void hub_db_polled(void *data, batch_t *b,
                          const pytake_sql_result_t *result);

typedef struct {
    pt_uuid_t *ids;
    size_t     n;
    size_t     max;
} hub_db_ids_t;


pt_err_t
hub_db_start(hub_glue_t *g, const serve_t *serve)
{
    pt_err_t       err;
    pt_pool_conf_t conf;

    memset(&conf, 0, sizeof(conf));
    conf.conninfo = serve->conf->database_url;
    conf.role = "pytake_service";
    conf.app_name = "pytake hub";
    conf.conns_max = DB_CONNS;
    conf.depth = DB_DEPTH;
    conf.queue_max = DB_QUEUE;
    conf.connect_timeout_ms = 2000;
    conf.statement_timeout_ms = DB_DEADLINE_MS;
    conf.lock_timeout_ms = DB_DEADLINE_MS;
    conf.mem = serve->mem;

    err = pt_pool_new(g->loop, &conf, &g->pool);

    if (err != PT_OK) {
        return err;
    }

    g->poll = g->loop->ops->timer_new(g->loop, PT_TIMER_HOUSE, hub_db_poll, g);

    if (g->poll == NULL) {
        return PT_ENOMEM;
    }

    g->polled_ms = g->loop->ops->now_ms(g->loop);
    g->loop->ops->timer_set(g->poll, HUB_POLL_MS);

    return PT_OK;
}


void
hub_db_stop(hub_glue_t *g)
{
    hub_job_t *j;

    if (g->poll != NULL) {
        g->loop->ops->timer_del(g->poll);
        g->poll = NULL;
    }

    if (g->pool != NULL) {
        pt_pool_del(g->pool); /* no handler runs any more */
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

    j = hub_db_job(env, DB_PARAMS_SIZE + (limit + 1) * DB_ROW_SIZE);

    if (j == NULL) {
        return PT_ENOMEM;
    }

    batch_stmt(j->batch, PT_STMT_HUB_HEAD);
    batch_uuid(j->batch, tenant);
    batch_stmt(j->batch, PT_STMT_HUB_TAIL);
    batch_uuid(j->batch, tenant);
    batch_i64(j->batch, (int64_t) limit);
    batch_i64(j->batch, HUB_RING_BYTES_MAX);

    return hub_db_submit(j, tenant, hub_db_tenant_done);
}


pt_err_t
hub_db_load_events(void *env, const pt_uuid_t *tenant, int64_t first,
                   int64_t last)
{
    hub_job_t *j;

    j = hub_db_job(env, DB_PARAMS_SIZE
                            + ((size_t) (last - first) + 2) * DB_ROW_SIZE);

    if (j == NULL) {
        return PT_ENOMEM;
    }

    j->first = first;
    j->last = last;
    batch_stmt(j->batch, PT_STMT_HUB_EVENTS);
    batch_uuid(j->batch, tenant);
    batch_i64(j->batch, first);
    batch_i64(j->batch, last);

    return hub_db_submit(j, tenant, hub_db_events_done);
}


/* Sessions of many sockets go in one query, with the end of the turn. */

pt_err_t
hub_db_check_session(void *env, const pt_claims_t *claims, uint64_t ticket)
{
    size_t       cap;
    hub_glue_t  *g;
    hub_asked_t *p;

    g = env;

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

    p = &g->asked[g->nasked++];
    p->ticket = ticket;
    p->session = claims->sid;
    p->tenant = claims->tenant_id;
    p->user = claims->sub;

    return PT_OK;
}


void
hub_db_turn(hub_glue_t *g)
{
    while (g->nasked > 0 && g->asking < DB_SESSIONS_QUERIES) {
        if (!hub_db_ask(g)) {
            return;
        }
    }
}


void
hub_db_poll_now(hub_glue_t *g)
{
    if (g->polling) {
        g->poll_again = true; /* it may have looked already */

    } else if (g->poll != NULL) {
        g->loop->ops->timer_set(g->poll, 0);
    }
}


static hub_job_t *
hub_db_job(hub_glue_t *g, size_t size)
{
    batch_t   *b;
    hub_job_t *j;

    if (g->pool == NULL) {
        return NULL; /* stopped */
    }

    b = batch_new(&g->mem, size + sizeof(hub_job_t));
    j = (b == NULL) ? NULL : pt_calloc(batch_arena(b), 1, sizeof(hub_job_t));

    if (j == NULL) {
        batch_del(b);
        return NULL;
    }

    j->glue = g;
    j->batch = b;

    return j;
}


static pt_err_t
hub_db_submit(hub_job_t *j, const pt_uuid_t *tenant, batch_handler_pt handler)
{
    pt_err_t    err;
    hub_glue_t *g;

    g = j->glue;

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


/* Its handler runs: the batch frees itself. */

static void
hub_db_end(hub_job_t *j)
{
    if (j->prev != NULL) {
        j->prev->next = j->next;

    } else {
        j->glue->jobs = j->next;
    }

    if (j->next != NULL) {
        j->next->prev = j->prev;
    }
}


/* Said once, and once again when it is over. */

static void
hub_db_tell(hub_glue_t *g, const pytake_sql_result_t *result)
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
            "pytake: hub: a statement failed (%.5s): see \"pytake doctor\"",
            result->sqlstate);

    } else {
        g->loop->ops->log(g->loop, PT_LOG_WARN,
                          "pytake: hub: the database is away, trying again");
    }
}


/* Rows of (seq, id, frame). */

static const hub_row_t *
hub_db_rows(hub_job_t *j, const pytake_rows_t *r)
{
    uint32_t   i;
    hub_row_t *rows;

    rows = pt_calloc(batch_arena(j->batch), r->nrows + 1, sizeof(hub_row_t));

    for (i = 0; rows != NULL && i < r->nrows; i++) {
        rows[i].seq = batch_cell_i64(r, i, 0);
        (void) batch_cell_uuid(r, i, 1, &rows[i].id);
        rows[i].frame = batch_cell(r, i, 2);
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
    hub_db_tell(g, result);
    err = result->err;
    rows = NULL;
    head = 0;
    memset(&id, 0, sizeof(id));

    if (err == PT_OK) {
        rows = hub_db_rows(j, &result->rows[1]);
        err = (rows == NULL) ? PT_ENOMEM : PT_OK;
    }

    if (err == PT_OK && result->rows[0].nrows == 1) {
        head = batch_cell_i64(&result->rows[0], 0, 0);
        (void) batch_cell_uuid(&result->rows[0], 0, 1, &id);
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
    hub_db_tell(j->glue, result);
    err = result->err;
    rows = NULL;

    if (err == PT_OK) {
        rows = hub_db_rows(j, &result->rows[0]);
        err = (rows == NULL) ? PT_ENOMEM : PT_OK;
    }

    hub_on_events(j->glue->hub, &j->tenant, err, j->first, j->last, rows,
                  err == PT_OK ? result->rows[0].nrows : 0);
}


/* One query for the sessions that wait; false: not now. */

static bool
hub_db_ask(hub_glue_t *g)
{
    size_t       i, n;
    pt_uuid_t   *ids;
    hub_job_t   *j;
    hub_asked_t *asked;

    n = (g->nasked < DB_SESSIONS_MAX) ? g->nasked : DB_SESSIONS_MAX;
    j = hub_db_job(
        g, DB_PARAMS_SIZE
               + n * (sizeof(hub_asked_t) + 3 * (sizeof(pt_uuid_t) + 48)));

    if (j == NULL) {
        return false;
    }

    asked = pt_calloc(batch_arena(j->batch), n, sizeof(hub_asked_t));
    ids = pt_calloc(batch_arena(j->batch), 3 * n, sizeof(pt_uuid_t));

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
    batch_stmt(j->batch, PT_STMT_HUB_SESSIONS);
    batch_uuids(j->batch, ids, n);
    batch_uuids(j->batch, ids + n, n);
    batch_uuids(j->batch, ids + 2 * n, n);

    if (hub_db_submit(j, NULL, hub_db_asked_done) != PT_OK) {
        return false; /* tried again with the next turn or tick */
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
    hub_db_tell(j->glue, result);
    j->glue->asking--;
    hub_db_answer(j, result->err,
                  result->err == PT_OK ? &result->rows[0] : NULL);
    hub_db_turn(j->glue);
}


static void
hub_db_answer(hub_job_t *j, pt_err_t err, const pytake_rows_t *r)
{
    size_t             i;
    int64_t            n;
    uint32_t           row;
    pt_str_t          *names;
    const hub_asked_t *a;

    names = pt_calloc(batch_arena(j->batch), j->nasked, sizeof(pt_str_t));

    if (names == NULL) {
        err = PT_ENOMEM;
    }

    for (row = 0; err == PT_OK && row < r->nrows; row++) {
        n = batch_cell_i64(r, row, 0);
        assert(n >= 1 && (size_t) n <= j->nasked);
        names[n - 1] = batch_cell(r, row, 1);
    }

    for (i = 0; i < j->nasked; i++) {
        a = &j->asked[i];
        hub_on_session(j->glue->hub, a->ticket, err,
                       err == PT_OK && names[i].data != NULL, &a->tenant,
                       &a->user, err == PT_OK ? names[i] : PT_STR_NULL);
    }
}


/* One poll at a time: hub_on_head() compares with what was the head when it
 * was asked. */

static void
hub_db_poll(void *data)
{
    int64_t      now, back;
    hub_job_t   *j;
    hub_glue_t  *g;
    hub_db_ids_t ids;

    g = data;
    g->loop->ops->timer_set(g->poll, HUB_POLL_MS);
    now = g->loop->ops->now_ms(g->loop);

    if (g->polling) {
        return;
    }

    if (hub_conns(g->hub) == 0) {
        g->polled_ms = now; /* nobody to close */
        return;
    }

    ids.n = 0;
    ids.max = hub_tenants(g->hub);
    j = hub_db_job(g, DB_PARAMS_SIZE + ids.max * (sizeof(pt_uuid_t) + 48));
    ids.ids = (j == NULL) ? NULL
                          : pt_calloc(batch_arena(j->batch), ids.max + 1,
                                      sizeof(pt_uuid_t));

    if (ids.ids == NULL) {
        batch_del(j == NULL ? NULL : j->batch);
        return;
    }

    hub_tenants_each(g->hub, hub_db_poll_add, &ids);
    back = (now - g->polled_ms) / 1000 + HUB_POLL_OVERLAP_S;
    j->first = now;
    batch_stmt(j->batch, PT_STMT_HUB_HEADS);
    batch_uuids(j->batch, ids.ids, ids.n);
    batch_stmt(j->batch, PT_STMT_HUB_SESSIONS_REVOKED);
    batch_i32(j->batch, (int32_t) (back < INT32_MAX ? back : INT32_MAX));

    g->polling = hub_db_submit(j, NULL, hub_db_polled) == PT_OK;
}


static void
hub_db_poll_add(void *data, const pt_uuid_t *tenant)
{
    hub_db_ids_t *ids;

    ids = data;

    if (ids->n < ids->max) {
        ids->ids[ids->n++] = *tenant;
    }
}


static void
hub_db_polled(void *data, batch_t *b, const pytake_sql_result_t *result)
{
    uint32_t             i;
    pt_uuid_t            id, other;
    hub_job_t           *j;
    hub_glue_t          *g;
    const pytake_rows_t *r;

    PT_UNUSED(b);
    j = data;
    g = j->glue;
    hub_db_end(j);
    hub_db_tell(g, result);
    g->polling = false;

    if (g->poll_again) {
        g->poll_again = false;
        g->loop->ops->timer_set(g->poll, 0);
    }

    if (result->err != PT_OK) {
        return;
    }

    g->polled_ms = j->first;
    r = &result->rows[0];

    for (i = 0; i < r->nrows; i++) {
        (void) batch_cell_uuid(r, i, 0, &id);
        (void) batch_cell_uuid(r, i, 2, &other);
        hub_on_head(g->hub, &id, batch_cell_i64(r, i, 1), &other);
    }

    r = &result->rows[1];

    for (i = 0; i < r->nrows; i++) {
        (void) batch_cell_uuid(r, i, 0, &id);
        (void) batch_cell_uuid(r, i, 1, &other);
        hub_on_revoked(g->hub, &other, &id);
    }
}
