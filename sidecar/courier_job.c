/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier_job.c: one message: the call, what its answer means, and the
 * transaction that keeps it.
 */

#include "courier_int.h"

#include <unistd.h>

#include <openssl/crypto.h>

#include "core/pt_event.h"
#include "io/pt_fault.h"

static courier_job_t *courier_job_alloc(courier_t *c);
static pt_err_t courier_job_fill(courier_job_t *j, const pytake_rows_t *r,
    uint32_t row);
static pt_err_t courier_job_token(courier_job_t *j, pt_str_t sealed);
static void courier_job_answer(void *data, const courier_answer_t *answer);
static void courier_job_refuse(courier_job_t *j, courier_verdict_t verdict,
    pt_str_t title, pt_str_t detail);
static void courier_job_done(courier_job_t *j);
static batch_t *courier_job_batch(courier_job_t *j, int64_t now_us);
static pt_err_t courier_batch_status(courier_job_t *j, batch_t *b,
    int64_t now_us);
static pt_err_t courier_batch_later(courier_job_t *j, batch_t *b,
    int64_t now_us);
static pt_err_t courier_job_error(courier_job_t *j, batch_t *b,
    pt_str_t *out);
static void courier_job_kept(void *data, batch_t *b,
    const pytake_sql_result_t *result);
static void courier_job_publish(courier_job_t *j, const pytake_rows_t *r);
static void courier_job_again(void *data);
static int64_t courier_now_us(const courier_t *c);


courier_job_t *
courier_job_new(courier_t *c, const pytake_rows_t *r, uint32_t row)
{
    pt_err_t       err;
    courier_job_t *j;

    j = courier_job_alloc(c);

    if (j == NULL) {
        return NULL;
    }

    err = courier_job_fill(j, r, row);

    if (err == PT_ENOMEM) {
        courier_job_del(j);
        return NULL;
    }

    if (err != PT_OK) {
        courier_job_refuse(j, COURIER_STOP, PT_STR("no access token"),
            PT_STR("the number has no token that opens; store it again "
                   "with \"pytake number token\""));
    }

    return j;
}


courier_job_t *
courier_job_settle(courier_t *c, const pt_uuid_t *tenant,
    const pt_uuid_t *message)
{
    courier_job_t *j;

    j = courier_job_alloc(c);

    if (j != NULL) {
        j->tenant = *tenant;
        j->msg.id = *message;
        j->attempts = 1;
    }

    return j;
}


void
courier_job_call(courier_job_t *j)
{
    pt_err_t   err;
    pt_str_t   body, url;
    courier_t *c;

    c = j->courier;

    if (j->outcome.verdict == COURIER_STOP) {
        courier_job_done(j);
        return;
    }

    err = courier_body_build(j->arena, &j->msg, &body);

    if (err == PT_EVALIDATION) {
        courier_job_refuse(j, COURIER_FAILED, PT_STR("cannot be sent"),
            PT_STR("the contact has no address, or this kind of message "
                   "cannot be sent"));
        courier_job_done(j);
        return;
    }

    if (err == PT_OK) {
        err = pt_fmt(j->arena, &url, "%s/%.*s/messages",
            c->conf->whatsapp_api_url, (int) j->phone_number_id.len,
            j->phone_number_id.data);
    }

    PT_FAULT("courier.claimed");

    if (err == PT_OK) {
        err = courier_http_post(c->http, url.data, j->token, body,
            courier_job_answer, j);
    }

    OPENSSL_cleanse((void *) (uintptr_t) j->token.data, j->token.len);

    if (err != PT_OK) { /* nothing was written */
        courier_job_refuse(j, COURIER_RETRY, PT_STR("not called"),
            PT_STR("out of memory or of connections"));
        j->outcome.after_ms = 1000;
        courier_job_done(j);
    }
}


void
courier_job_keep(courier_job_t *j)
{
    int64_t    now_us;
    batch_t   *b;
    courier_t *c;

    c = j->courier;
    now_us = pt_event_time(courier_now_us(c));
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
    c->loop->ops->timer_set(j->timer, pt_backoff_next(&j->backoff));
}


void
courier_job_del(courier_job_t *j)
{
    courier_t *c;

    c = j->courier;

    if (j->prev != NULL) {
        j->prev->next = j->next;

    } else {
        c->jobs = j->next;
    }

    if (j->next != NULL) {
        j->next->prev = j->prev;
    }

    c->njobs--;
    c->loop->ops->timer_del(j->timer);

    if (j->token.len > 0) {
        OPENSSL_cleanse((void *) (uintptr_t) j->token.data, j->token.len);
    }

    pt_arena_del(j->arena);
}


static courier_job_t *
courier_job_alloc(courier_t *c)
{
    pt_arena_t    *a;
    courier_job_t *j;

    a = pt_arena_new(&c->mem, COURIER_JOB_MAX);
    j = (a == NULL) ? NULL : pt_calloc(a, 1, sizeof(courier_job_t));

    if (j != NULL) {
        j->timer = c->loop->ops->timer_new(c->loop, PT_TIMER_HOLD,
            courier_job_again, j);
    }

    if (j == NULL || j->timer == NULL) {
        pt_arena_del(a);
        return NULL;
    }

    j->arena = a;
    j->courier = c;
    pt_backoff_init(&j->backoff, 200, 5000, (uint64_t) getpid());
    j->next = c->jobs;

    if (c->jobs != NULL) {
        c->jobs->prev = j;
    }

    c->jobs = j;
    c->njobs++;

    return j;
}


static pt_err_t
courier_job_fill(courier_job_t *j, const pytake_rows_t *r, uint32_t row)
{
    size_t i;
    static const struct {
        uint32_t col;
        size_t   to;
    } texts[] = {
        { PT_OUTBOX_CLAIM_MESSAGE_TYPE, offsetof(courier_job_t, msg.type) },
        { PT_OUTBOX_CLAIM_CONTENT, offsetof(courier_job_t, msg.content) },
        { PT_OUTBOX_CLAIM_QUOTED, offsetof(courier_job_t, msg.quoted) },
        { PT_OUTBOX_CLAIM_WA_ID, offsetof(courier_job_t, msg.wa_id) },
        { PT_OUTBOX_CLAIM_BSUID, offsetof(courier_job_t, msg.bsuid) },
        { PT_OUTBOX_CLAIM_PHONE_NUMBER_ID,
          offsetof(courier_job_t, phone_number_id) },
    };

    batch_cell_uuid(r, row, PT_OUTBOX_CLAIM_TENANT_ID, &j->tenant);
    batch_cell_uuid(r, row, PT_OUTBOX_CLAIM_MESSAGE_ID, &j->msg.id);
    batch_cell_uuid(r, row, PT_OUTBOX_CLAIM_CONFIG_ID, &j->config);
    j->attempts = (uint32_t) batch_cell_i32(r, row,
        PT_OUTBOX_CLAIM_ATTEMPTS);

    for (i = 0; i < PT_COUNT(texts); i++) {
        if (pt_dup(j->arena, batch_cell(r, row, texts[i].col),
                (pt_str_t *) (void *) ((char *) j + texts[i].to))
            != PT_OK)
        {
            return PT_ENOMEM;
        }
    }

    return courier_job_token(j, batch_cell(r, row, PT_OUTBOX_CLAIM_TOKEN));
}


static pt_err_t
courier_job_token(courier_job_t *j, pt_str_t sealed)
{
    pt_uuid_t aad[2];

    if (sealed.data == NULL || !j->courier->conf->has_key) {
        return PT_ECRYPTO;
    }

    aad[0] = j->tenant;
    aad[1] = j->config;

    return pt_unseal(j->arena, j->courier->conf->key,
        (pt_str_t){ (const char *) aad, sizeof(aad) }, sealed, &j->token);
}


static void
courier_job_answer(void *data, const courier_answer_t *answer)
{
    courier_job_t   *j;
    courier_answer_t a;

    j = data;
    a = *answer;
    a.attempts = j->attempts;

    PT_FAULT("courier.answered");
    courier_class_get(j->arena, &a, &j->outcome);
    courier_job_done(j);
}


static void
courier_job_refuse(courier_job_t *j, courier_verdict_t verdict,
    pt_str_t title, pt_str_t detail)
{
    memset(&j->outcome, 0, sizeof(j->outcome));
    j->outcome.verdict = verdict;
    j->outcome.title = title;
    j->outcome.detail = detail;
}


/* Counts and says what is worth saying; then the outcome is kept. */

static void
courier_job_done(courier_job_t *j)
{
    char       id[PT_UUID_LEN];
    courier_t *c;

    c = j->courier;

    switch (j->outcome.verdict) {

    case COURIER_SENT:
        c->stats.sent++;
        break;

    case COURIER_FAILED:
        c->stats.failed++;
        break;

    case COURIER_UNKNOWN:
        c->stats.unknown++;
        break;

    case COURIER_STOP:
        c->stats.stopped++;
        pt_uuid_build(&j->config, id);
        c->loop->ops->log(c->loop, PT_LOG_WARN,
            "pytake: courier: number %.*s is stopped, code %d \"%.*s\": mend "
            "the cause, then \"pytake number token\" starts it again",
            PT_UUID_LEN, id, (int) j->outcome.code,
            (int) j->outcome.title.len, j->outcome.title.data);
        break;

    case COURIER_RETRY_NUMBER:
        courier_pace_pause(c->pace, &j->config,
            c->loop->ops->now_ms(c->loop), j->outcome.after_ms);
        c->stats.retried++;
        break;

    default:
        c->stats.retried++;
        break;
    }

    courier_job_keep(j);
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

    err = PT_OK;

    if (j->release_us != 0) {
        batch_stmt(b, PT_STMT_COURIER_RELEASE);
        batch_uuid(b, &j->tenant);
        batch_uuid(b, &j->msg.id);
        batch_time(b, j->release_us);

    } else if (j->outcome.verdict == COURIER_SENT
               || j->outcome.verdict == COURIER_FAILED
               || j->outcome.verdict == COURIER_UNKNOWN)
    {
        err = courier_batch_status(j, b, now_us);

    } else {
        err = courier_batch_later(j, b, now_us);
    }

    if (err != PT_OK) {
        batch_del(b);
        return NULL;
    }

    return b;
}


/* The first statement answers (seq, frame): what is published. */

static pt_err_t
courier_batch_status(courier_job_t *j, batch_t *b, int64_t now_us)
{
    pt_err_t  err;
    pt_str_t  error, status, template;
    pt_uuid_t event;

    error = PT_STR_NULL;
    status = PT_STR("sent");
    err = pt_rand_uuid(&j->courier->rand, now_us, &event);

    if (j->outcome.verdict != COURIER_SENT) {
        status = j->outcome.verdict == COURIER_FAILED ? PT_STR("failed")
                                                      : PT_STR("pending");
        err = err == PT_OK ? courier_job_error(j, b, &error) : err;
    }

    if (err == PT_OK) {
        err = pt_event_status(batch_arena(b), &event,
            j->outcome.wamid.len > 0 ? j->outcome.wamid : PT_STR_NULL,
            status, error, &template);
    }

    if (err != PT_OK) {
        return err;
    }

    batch_stmt(b, j->outcome.verdict == COURIER_SENT
                      ? PT_STMT_COURIER_SENT
                      : (j->outcome.verdict == COURIER_FAILED
                                ? PT_STMT_COURIER_FAILED
                                : PT_STMT_COURIER_UNKNOWN));
    batch_uuid(b, &j->tenant);
    batch_uuid(b, &j->msg.id);
    batch_text(b, j->outcome.verdict == COURIER_SENT ? j->outcome.wamid
                                                     : error);
    batch_uuid(b, &event);
    batch_text(b, template);
    batch_time(b, now_us);

    return PT_OK;
}


static pt_err_t
courier_batch_later(courier_job_t *j, batch_t *b, int64_t now_us)
{
    pt_err_t  err;
    pt_str_t  error;
    pt_uuid_t audit;

    err = courier_job_error(j, b, &error);
    err = err == PT_OK ? pt_rand_uuid(&j->courier->rand, now_us, &audit)
                       : err;

    if (err != PT_OK) {
        return err;
    }

    batch_stmt(b, PT_STMT_COURIER_RETRY);
    batch_uuid(b, &j->tenant);
    batch_uuid(b, &j->msg.id);
    batch_time(b, now_us + (int64_t) j->outcome.after_ms * 1000);
    batch_text(b, error);

    if (j->outcome.verdict == COURIER_STOP) {
        batch_stmt(b, PT_STMT_CONFIG_STOP);
        batch_uuid(b, &j->tenant);
        batch_uuid(b, &j->config);
        batch_text(b, error);
        batch_time(b, now_us);
        batch_uuid(b, &audit);
    }

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

    return courier_error_build(batch_arena(b), j->outcome.code, name,
        j->outcome.title, j->outcome.detail, out);
}


static void
courier_job_kept(void *data, batch_t *b, const pytake_sql_result_t *result)
{
    courier_t     *c;
    courier_job_t *j;

    PT_UNUSED(b);
    j = data;
    c = j->courier;

    if (result->err != PT_OK) {
        c->loop->ops->timer_set(j->timer, pt_backoff_next(&j->backoff));
        return;
    }

    if (j->release_us == 0 && result->nrows > 0
        && (j->outcome.verdict == COURIER_SENT
            || j->outcome.verdict == COURIER_FAILED
            || j->outcome.verdict == COURIER_UNKNOWN))
    {
        PT_FAULT("courier.publish");
        courier_job_publish(j, &result->rows[0]);
    }

    courier_job_del(j);
    courier_wake(c); /* the conversation's next message may go now */
}


static void
courier_job_publish(courier_job_t *j, const pytake_rows_t *r)
{
    uint32_t   i;
    char       id[PT_UUID_LEN];
    pt_str_t   channel, payload, frame;

    if (j->courier->redis == NULL) {
        return;
    }

    pt_uuid_build(&j->tenant, id);

    for (i = 0; i < r->nrows; i++) {
        frame = batch_cell(r, i, 1);

        if (frame.len > PT_PUBLISH_FRAME_MAX) {
            frame = PT_STR("");
        }

        if (pt_fmt(j->arena, &channel, "ev:%.*s", PT_UUID_LEN, id) == PT_OK
            && pt_fmt(j->arena, &payload, "%lld%s%.*s",
                   (long long) batch_cell_i64(r, i, 0),
                   frame.len > 0 ? " " : "", (int) frame.len, frame.data)
                   == PT_OK)
        {
            (void) pt_redis_publish(j->courier->redis, channel, payload);
        }
    }
}


static void
courier_job_again(void *data)
{
    courier_job_keep(data);
}


static int64_t
courier_now_us(const courier_t *c)
{
    return c->loop->ops->wall_us(c->loop);
}
