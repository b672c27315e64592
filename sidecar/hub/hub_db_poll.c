/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_db_poll.c: reads, every HUB_POLL_MS, the newest event of all tenants with
 * sockets and the sessions that were revoked, because a message of Redis about
 * them may have been lost.
 */

#include <assert.h>

#include "hub_glue.h"

typedef struct {
    pt_uuid_t *ids;
    size_t     n;
    size_t     max;
} hub_db_ids_t;

static void hub_db_poll(void *data);
static void hub_db_poll_add(void *data, const pt_uuid_t *tenant);
static void hub_db_polled(void *data, batch_t *b,
                          const pytake_sql_result_t *result);


pt_err_t
hub_db_poll_start(hub_glue_t *g)
{
    g->poll = g->loop->ops->timer_new(g->loop, PT_TIMER_HOUSE, hub_db_poll, g);

    if (g->poll == NULL) {
        return PT_ENOMEM;
    }

    g->polled_ms = g->loop->ops->now_ms(g->loop);
    g->loop->ops->timer_set(g->poll, HUB_POLL_MS);

    return PT_OK;
}


void
hub_db_poll_stop(hub_glue_t *g)
{
    if (g->poll != NULL) {
        g->loop->ops->timer_del(g->poll);
        g->poll = NULL;
    }
}


void
hub_db_poll_now(hub_glue_t *g)
{
    if (g->polling) {
        g->poll_again = true; /* Its statements may have run already. */

    } else if (g->poll != NULL) {
        g->loop->ops->timer_set(g->poll, 0);
    }
}


/* Sends one poll, unless one is under way: hub_on_head() compares the answer
 * with the head at the time of the question, of which there is only one. */

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
        g->polled_ms = now; /* There is no socket that could be closed. */
        return;
    }

    ids.n = 0;
    ids.max = hub_tenants(g->hub);
    j = hub_db_job(g, HUB_DB_PARAMS_SIZE + ids.max * (sizeof(pt_uuid_t) + 48));
    ids.ids = (j == NULL) ? NULL
                          : pt_arena_calloc(batch_arena(j->batch), ids.max + 1,
                                            sizeof(pt_uuid_t));

    if (ids.ids == NULL) {
        batch_del(j == NULL ? NULL : j->batch);
        return;
    }

    hub_tenants_each(g->hub, hub_db_poll_add, &ids);
    back = (now - g->polled_ms) / 1000 + HUB_POLL_OVERLAP_S;
    j->first = now;
    PT_SQL(batch_sql(j->batch), hub_heads, .tenants = { ids.ids, ids.n });
    PT_SQL(batch_sql(j->batch), hub_sessions_revoked,
           .seconds = (int32_t) (back < INT32_MAX ? back : INT32_MAX));

    g->polling = hub_db_submit(j, NULL, hub_db_polled) == PT_OK;
}


static void
hub_db_poll_add(void *data, const pt_uuid_t *tenant)
{
    hub_db_ids_t *ids;

    ids = data;

    assert(ids->n <= ids->max);

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
    hub_db_report(g, result);
    assert(g->polling);
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
        (void) pt_cell_uuid(r, i, 0, &id);
        (void) pt_cell_uuid(r, i, 2, &other);
        hub_on_head(g->hub, &id, pt_cell_i64(r, i, 1), &other);
    }

    r = &result->rows[1];

    for (i = 0; i < r->nrows; i++) {
        (void) pt_cell_uuid(r, i, 0, &id);
        (void) pt_cell_uuid(r, i, 1, &other);
        hub_on_revoked(g->hub, &other, &id);
    }
}
