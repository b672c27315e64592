/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier_store.c: stores what came of a message, in one transaction that is
 * tried until it is committed, and then publishes it.
 */

#include "courier_int.h"

#include <assert.h>
#include <string.h>

#include "core/inbox/pt_event.h"
#include "core/whatsapp/pt_wa.h"
#include "io/pt_fault.h"

static batch_t *courier_job_batch(courier_job_t *j, int64_t now_us);
static pt_err_t courier_batch_status(courier_job_t *j, batch_t *b,
                                     int64_t now_us);
static void courier_batch_address(courier_job_t *j, batch_t *b, int64_t now_us);
static pt_err_t courier_batch_again(courier_job_t *j, batch_t *b,
                                    int64_t now_us);
static pt_err_t courier_batch_stop(courier_job_t *j, batch_t *b,
                                   pt_str_t reason, int64_t now_us);
static pt_err_t courier_job_error(courier_job_t *j, batch_t *b, pt_str_t *out);
static void     courier_job_kept(void *data, batch_t *b,
                                 const pytake_sql_result_t *result);
static void     courier_help(courier_t *c);
static void     courier_helped(void *data, batch_t *b,
                               const pytake_sql_result_t *result);
static void     courier_store_later(courier_job_t *j);
static bool     courier_job_tells(const courier_job_t *j);
static void     courier_batch_verdict(courier_job_t *j, pt_sql_t *b,
                                      const pt_uuid_t *event, pt_str_t what,
                                      pt_str_t frame, int64_t now_us);
static void     courier_job_stopped(courier_job_t *j);
static void     courier_job_publish(courier_job_t *j, const pytake_rows_t *r);


void
courier_store(courier_job_t *j)
{
    int64_t    now_us;
    batch_t   *b;
    courier_t *c;

    c = j->courier;
    assert(!j->waiting);
    now_us = pt_envelope_time(c->loop->ops->wall_us(c->loop));
    b = courier_job_batch(j, now_us);

    if (b != NULL
        && batch_submit(b, c->pool, PYTAKE_SQL_WRITE, &j->tenant,
                        c->loop->ops->now_ms(c->loop) + COURIER_DEADLINE_MS,
                        courier_job_kept, j)
               == PT_OK)
    {
        return;
    }

    batch_del(b);
    courier_store_later(j);
}


static batch_t *
courier_job_batch(courier_job_t *j, int64_t now_us)
{
    batch_t *b;
    pt_err_t err;

    b = batch_new(&j->courier->mem, COURIER_JOB_MAX);

    if (b == NULL) {
        return NULL;
    }

    err = courier_job_tells(j) ? courier_batch_status(j, b, now_us)
                               : courier_batch_again(j, b, now_us);

    if (err != PT_OK) {
        batch_del(b);
        return NULL;
    }

    return b;
}


/* Whether the outcome changes the message, so that an event is made.  The
 * statement that does so is the last of the batch, and answers rows of (seq,
 * frame), which are published. */

static bool
courier_job_tells(const courier_job_t *j)
{
    return j->release_us == 0
           && (j->outcome.verdict == COURIER_SENT
               || j->outcome.verdict == COURIER_FAILED
               || j->outcome.verdict == COURIER_UNKNOWN
               || j->outcome.verdict == COURIER_RETRY_NUMBER);
}


static pt_err_t
courier_batch_status(courier_job_t *j, batch_t *b, int64_t now_us)
{
    pt_err_t          err;
    pt_str_t          error, status, template;
    pt_uuid_t         event;
    courier_verdict_t v;

    v = j->outcome.verdict;
    assert(v != COURIER_SENT || j->outcome.wamid.len > 0);
    error = PT_STR_NULL;
    status = PT_STR("sent");
    err = pt_rand_uuid(&j->courier->rand, now_us, &event);

    if (v != COURIER_SENT) {
        status = v == COURIER_FAILED ? PT_STR("failed") : PT_STR("pending");
        err = err == PT_OK ? courier_job_error(j, b, &error) : err;
    }

    if (err == PT_OK) {
        err =
            pt_event_status(batch_arena(b), &event,
                            v == COURIER_SENT ? j->outcome.wamid : PT_STR_NULL,
                            status, error, &template);
    }

    if (err != PT_OK) {
        return err;
    }

    courier_batch_address(j, b, now_us);
    courier_batch_verdict(j, batch_sql(b), &event,
                          v == COURIER_SENT ? j->outcome.wamid : error,
                          template, now_us);

    return PT_OK;
}


/* Adds the statement of the verdict.  what is the wamid of a message that was
 * sent, else the error as JSON. */

static void
courier_batch_verdict(courier_job_t *j, pt_sql_t *b, const pt_uuid_t *event,
                      pt_str_t what, pt_str_t frame, int64_t now_us)
{
    switch (j->outcome.verdict) {

    case COURIER_SENT:
        PT_SQL(b, courier_sent, .tenant_id = &j->tenant,
               .message_id = &j->msg.id, .wamid = what, .event_id = event,
               .frame = frame, .now = now_us);
        break;

    case COURIER_FAILED:
        PT_SQL(b, courier_failed, .tenant_id = &j->tenant,
               .message_id = &j->msg.id, .error = what, .event_id = event,
               .frame = frame, .now = now_us);
        break;

    case COURIER_UNKNOWN:
        PT_SQL(b, courier_unknown, .tenant_id = &j->tenant,
               .message_id = &j->msg.id, .error = what, .event_id = event,
               .frame = frame, .now = now_us, .claimed_by = &j->claimed_by,
               .claimed_at = j->claimed_us);
        break;

    default:
        assert(j->outcome.verdict == COURIER_RETRY_NUMBER);
        PT_SQL(
            b, courier_wait, .tenant_id = &j->tenant, .message_id = &j->msg.id,
            .error = what, .event_id = event, .frame = frame, .now = now_us,
            .claimed_by = &j->claimed_by, .claimed_at = j->claimed_us,
            .next_attempt_at = now_us + (int64_t) j->outcome.after_ms * 1000);
        break;
    }
}


/* Meta may send to another number than was asked for, as in Brazil and
 * Mexico.  It tells which, and the contact gets it. */

static void
courier_batch_address(courier_job_t *j, batch_t *b, int64_t now_us)
{
    pt_str_t to;

    if (j->outcome.verdict != COURIER_SENT || j->msg.wa_id.len == 0
        || pt_wa_digits_build(batch_arena(b), j->outcome.wa_id, &to) != PT_OK
        || !pt_wa_digits_is(to) || pt_str_eq(to, j->msg.wa_id))
    {
        return;
    }

    PT_SQL(batch_sql(b), courier_address, .tenant_id = &j->tenant,
           .message_id = &j->msg.id, .used = j->msg.wa_id, .wa_id = to,
           .now = now_us);
}


/* The message was not sent and becomes due again: at once when the number
 * stops, for it is not claimed until the number starts; later otherwise.  A
 * message that was not called, or whose number was at fault, does not count as
 * tried. */

static pt_err_t
courier_batch_again(courier_job_t *j, batch_t *b, int64_t now_us)
{
    bool     counts;
    pt_err_t err;
    pt_str_t error;

    error = PT_STR_NULL;
    err = j->release_us != 0 ? PT_OK : courier_job_error(j, b, &error);

    if (err != PT_OK) {
        return err;
    }

    counts = j->release_us == 0 && j->outcome.verdict != COURIER_STOP;
    PT_SQL(batch_sql(b), courier_again, .tenant_id = &j->tenant,
           .message_id = &j->msg.id, .claimed_by = &j->claimed_by,
           .claimed_at = j->claimed_us,
           .next_attempt_at =
               j->release_us != 0
                   ? j->release_us
                   : now_us + (int64_t) j->outcome.after_ms * 1000,
           .error = error, .uncounted = counts ? 0 : 1, .own = !j->orphan);

    return j->release_us == 0 && j->outcome.verdict == COURIER_STOP
               ? courier_batch_stop(j, b, error, now_us)
               : PT_OK;
}


static pt_err_t
courier_batch_stop(courier_job_t *j, batch_t *b, pt_str_t reason,
                   int64_t now_us)
{
    pt_err_t  err;
    pt_uuid_t audit;

    err = pt_rand_uuid(&j->courier->rand, now_us, &audit);

    if (err != PT_OK) {
        return err;
    }

    PT_SQL(batch_sql(b), config_stop, .tenant_id = &j->tenant,
           .config_id = &j->config, .reason = reason, .now = now_us,
           .audit_id = &audit, .known_at = j->config_us);

    return PT_OK;
}


static pt_err_t
courier_job_error(courier_job_t *j, batch_t *b, pt_str_t *out)
{
    const char *name;

    name = NULL;

    if (j->outcome.verdict == COURIER_UNKNOWN || j->lost) {
        name = "outcome_unknown";

    } else if (j->outcome.code == 0) {
        name = "not_sent";
    }

    return courier_body_error(batch_arena(b), j->outcome.code, name,
                              j->outcome.title, j->outcome.detail, out);
}


/* The outcome is committed, or has to be stored once more. */

static void
courier_job_kept(void *data, batch_t *b, const pytake_sql_result_t *result)
{
    courier_t     *c;
    courier_job_t *j;

    PT_UNUSED(b);
    j = data;
    c = j->courier;
    assert(!j->waiting && j->outcome.verdict <= COURIER_UNKNOWN);

    if (result->err != PT_OK) {
        if (result->err == PT_EDB) {
            c->loop->ops->log(
                c->loop, PT_LOG_ERR,
                "pytake: courier: an outcome could not be stored (%.5s), "
                "trying again",
                result->sqlstate);
        }

        if (strcmp(result->sqlstate, COURIER_DAYLESS) == 0) {
            courier_help(c);
        }

        courier_store_later(j);
        return;
    }

    if (j->release_us == 0) {
        c->stats.verdicts[j->outcome.verdict]++;
    }

    if (courier_job_tells(j)) {
        PT_FAULT("publish.before");
        courier_job_publish(j, &result->rows[result->nrows - 1]);

    } else if (j->release_us == 0 && j->outcome.verdict == COURIER_STOP
               && result->rows[1].nrows > 0)
    {
        courier_job_stopped(j);
    }

    courier_flight_del(j);
    courier_flight_wake(c); /* its conversation's next message may go */
}


/* The day of an event has no partition.  It is made here, while the outcome
 * waits to be stored once more. */

static void
courier_help(courier_t *c)
{
    batch_t *b;

    if (c->helping) {
        return;
    }

    b = batch_new(&c->mem, COURIER_JOB_MAX);

    if (b == NULL) {
        return; /* the next failure comes here again */
    }

    pt_q_days_help(batch_sql(b));

    if (batch_submit(b, c->pool, PYTAKE_SQL_WRITE, NULL,
                     c->loop->ops->now_ms(c->loop) + COURIER_DEADLINE_MS,
                     courier_helped, c)
        != PT_OK)
    {
        batch_del(b);
        return;
    }

    c->helping = true;
}


static void
courier_helped(void *data, batch_t *b, const pytake_sql_result_t *result)
{
    courier_t *c;

    PT_UNUSED(b);
    c = data;
    c->helping = false;

    if (result->err == PT_OK) {
        c->loop->ops->log(c->loop, PT_LOG_NOTICE,
                          "pytake: courier: made the day's partitions that "
                          "were missing: is \"pytake serve --roles jobs\" "
                          "running?");
    }
}


static void
courier_store_later(courier_job_t *j)
{
    courier_t *c;

    c = j->courier;
    assert(!j->waiting);
    c->stats.kept_late++;
    j->wait = COURIER_JOB_KEEP;
    j->waiting = true;
    c->loop->ops->timer_set(j->timer, pt_backoff_next(&j->backoff));
}


/* Tells the operator that a number has stopped, once for each stop. */

static void
courier_job_stopped(courier_job_t *j)
{
    char       id[PT_UUID_LEN];
    courier_t *c;

    c = j->courier;
    c->stats.stopped++;
    pt_uuid_build(&j->config, id);
    c->loop->ops->log(
        c->loop, PT_LOG_WARN,
        "pytake: courier: number %.*s is stopped, code %d \"%.*s\": mend "
        "the cause, then \"pytake number token\" starts it again",
        PT_UUID_LEN, id, (int) j->outcome.code, (int) j->outcome.title.len,
        j->outcome.title.data);
}


/* Publishes each event to the tenant's channel.  The frame is signed, as the
 * workers of NGINX do it; without a JWT secret to sign with, the hub is told
 * the event's number alone, and reads the event from the database. */

static void
courier_job_publish(courier_job_t *j, const pytake_rows_t *r)
{
    uint32_t   i;
    char       id[PT_UUID_LEN], seal[PT_BUS_SEAL];
    pt_str_t   channel, text, payload, frame;
    courier_t *c;

    c = j->courier;

    if (c->redis == NULL) {
        return;
    }

    pt_uuid_build(&j->tenant, id);

    for (i = 0; i < r->nrows; i++) {
        frame = pt_cell_text(r, i, 1);

        if (!c->has_bus_key || frame.len > PT_PUBLISH_FRAME_MAX) {
            frame = PT_STR("");
        }

        if (pt_arena_fmt(j->arena, &channel, "ev:%.*s", PT_UUID_LEN, id)
                != PT_OK
            || pt_arena_fmt(j->arena, &text, "%lld%s%.*s",
                            (long long) pt_cell_i64(r, i, 0),
                            frame.len > 0 ? " " : "", (int) frame.len,
                            frame.data)
                   != PT_OK)
        {
            continue;
        }

        payload = text;

        if (frame.len > 0
            && (pt_bus_sign(c->bus_key, channel, text,
                            c->loop->ops->wall_us(c->loop), seal)
                    != PT_OK
                || pt_arena_fmt(j->arena, &payload, "%.*s%.*s", (int) text.len,
                                text.data, (int) sizeof(seal), seal)
                       != PT_OK))
        {
            continue;
        }

        (void) pt_redis_publish(c->redis, channel, payload);
    }
}
