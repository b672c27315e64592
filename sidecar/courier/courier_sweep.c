/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier_sweep.c: what happens every ten seconds.  Claims that nobody settled
 * and outcomes that no status ever told are settled, database backends that
 * are stuck in the middle of a batch are ended, and the outbox is counted for
 * the metrics.
 */

#include "courier_int.h"

#include <assert.h>

static void courier_sweep_backends(courier_t *c);
static void courier_swept(void *data, batch_t *b,
                          const pytake_sql_result_t *result);
static void courier_watched(void *data, batch_t *b,
                            const pytake_sql_result_t *result);
static void courier_settle_stale(courier_t *c, const pytake_rows_t *r,
                                 uint32_t row);
static void courier_settle_lost(courier_t *c, const pytake_rows_t *r,
                                uint32_t row);
static void courier_counted(courier_t *c, const pytake_rows_t *r);


void
courier_sweep(void *data)
{
    courier_t *c;

    c = data;

    if (c->stopping) {
        return;
    }

    c->loop->ops->timer_set(c->sweep, COURIER_SWEEP_MS);
    c->overdue = c->claiming; /* its rows have no jobs yet */

    if (!c->claiming) {
        courier_sweep_claims(c);
    }

    courier_sweep_backends(c);
}


void
courier_sweep_claims(courier_t *c)
{
    int64_t  now_us;
    batch_t *b;

    assert(!c->claiming);
    c->overdue = false;
    b = c->sweeping ? NULL : batch_new(&c->mem, COURIER_JOB_MAX);

    if (b == NULL) {
        return;
    }

    now_us = c->loop->ops->wall_us(c->loop);
    PT_SQL(batch_sql(b), courier_stale,
           .any_before = now_us - (int64_t) COURIER_STALE_S * 1000000,
           .own_before = now_us - (int64_t) COURIER_ORPHAN_S * 1000000,
           .courier = &c->id, .most = COURIER_SWEEP_MAX);
    PT_SQL(batch_sql(b), courier_lost,
           .before = now_us - (int64_t) COURIER_LOST_S * 1000000,
           .most = COURIER_SWEEP_MAX);
    PT_SQL(batch_sql(b), outbox_count, .now = now_us, .cap = COURIER_COUNT_MAX);

    if (batch_submit(b, c->pool, PYTAKE_SQL_WRITE, NULL,
                     c->loop->ops->now_ms(c->loop) + COURIER_DEADLINE_MS,
                     courier_swept, c)
        != PT_OK)
    {
        batch_del(b);
        return;
    }

    c->sweeping = true;
}


static void
courier_sweep_backends(courier_t *c)
{
    batch_t *b;

    b = c->watching ? NULL : batch_new(&c->mem, COURIER_JOB_MAX);

    if (b == NULL) {
        return;
    }

    PT_SQL(batch_sql(b), backends_end, .seconds = COURIER_BACKENDS_S);

    if (batch_submit(b, c->pool, PYTAKE_SQL_WRITE, NULL,
                     c->loop->ops->now_ms(c->loop) + COURIER_DEADLINE_MS,
                     courier_watched, c)
        != PT_OK)
    {
        batch_del(b);
        return;
    }

    c->watching = true;
}


static void
courier_swept(void *data, batch_t *b, const pytake_sql_result_t *result)
{
    uint32_t   i;
    courier_t *c;

    PT_UNUSED(b);
    c = data;
    assert(c->sweeping);
    c->sweeping = false;

    if (result->err != PT_OK || c->stopping) {
        return;
    }

    for (i = 0; i < result->rows[0].nrows; i++) {
        courier_settle_stale(c, &result->rows[0], i);
    }

    for (i = 0; i < result->rows[1].nrows; i++) {
        courier_settle_lost(c, &result->rows[1], i);
    }

    courier_counted(c, &result->rows[2]);
}


static void
courier_watched(void *data, batch_t *b, const pytake_sql_result_t *result)
{
    int32_t    ended;
    courier_t *c;

    PT_UNUSED(b);
    c = data;
    assert(c->watching);
    c->watching = false;

    if (result->err != PT_OK) {
        return;
    }

    ended = pt_cell_i32(&result->rows[0], 0, PT_COL_BACKENDS_END_ENDED);

    if (ended > 0) {
        c->stats.backends += (uint64_t) ended;
        c->loop->ops->log(
            c->loop, PT_LOG_WARN,
            "pytake: courier: ended %d database backends that waited for "
            "their client in the middle of a batch",
            (int) ended);

    } else if (ended < 0 && !c->unable) {
        c->unable = true;
        c->loop->ops->log(
            c->loop, PT_LOG_WARN,
            "pytake: courier: stuck database backends cannot be ended: grant "
            "pg_signal_backend to the role that migrates");
    }
}


/* Settles a claim that has no job.  If it is this courier's own, the message
 * was never called, because the answer to the claim was lost, and is given
 * back; or the claim was settled since the rows were read, and then giving it
 * back changes nothing.  If it is another courier's, nobody knows whether it
 * was called. */

static void
courier_settle_stale(courier_t *c, const pytake_rows_t *r, uint32_t row)
{
    pt_uuid_t      tenant, message, by;
    courier_job_t *j;

    pt_cell_uuid(r, row, PT_COL_COURIER_STALE_TENANT_ID, &tenant);
    pt_cell_uuid(r, row, PT_COL_COURIER_STALE_MESSAGE_ID, &message);
    pt_cell_uuid(r, row, PT_COL_COURIER_STALE_CLAIMED_BY, &by);

    if (courier_flight_has(c, &message)) {
        return; /* it is under way */
    }

    j = courier_job_settle(c, &tenant, &message);

    if (j == NULL) {
        return;
    }

    j->claimed_by = by;
    j->claimed_us = pt_cell_time(r, row, PT_COL_COURIER_STALE_CLAIMED_AT);

    if (pt_uuid_eq(&by, &c->id)) {
        j->orphan = true;
        courier_job_release(j, 0);
        return;
    }

    j->outcome.verdict = COURIER_UNKNOWN;
    j->outcome.title = PT_STR("outcome unknown");
    j->outcome.detail = PT_STR("the courier ended between claim and answer");
    courier_store(j);
}


/* Fails a message whose outcome no status has told within COURIER_LOST_S. */

static void
courier_settle_lost(courier_t *c, const pytake_rows_t *r, uint32_t row)
{
    pt_uuid_t      tenant, message;
    courier_job_t *j;

    pt_cell_uuid(r, row, PT_COL_COURIER_LOST_TENANT_ID, &tenant);
    pt_cell_uuid(r, row, PT_COL_COURIER_LOST_MESSAGE_ID, &message);

    j = courier_flight_has(c, &message)
            ? NULL
            : courier_job_settle(c, &tenant, &message);

    if (j == NULL) {
        return;
    }

    j->lost = true;
    j->outcome.verdict = COURIER_FAILED;
    j->outcome.title = PT_STR("outcome unknown");
    j->outcome.detail =
        PT_STR("no status came within 24 hours: perhaps it was sent");
    courier_store(j);
}


static void
courier_counted(courier_t *c, const pytake_rows_t *r)
{
    c->stats.waiting = pt_cell_i64(r, 0, PT_COL_OUTBOX_COUNT_WAITING);
    c->stats.late_s = pt_cell_i64(r, 0, PT_COL_OUTBOX_COUNT_LATE_S);
    c->stats.unknown = pt_cell_i64(r, 0, PT_COL_OUTBOX_COUNT_UNKNOWN);
    c->stats.numbers_stopped = pt_cell_i64(r, 0, PT_COL_OUTBOX_COUNT_STOPPED);
}
