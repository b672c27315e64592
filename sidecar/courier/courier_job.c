/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier_job.c: one claimed message: its turn, its call, and what the answer
 * means for it and for its number.
 */

#include "courier_int.h"

#include <assert.h>

#include <openssl/crypto.h>

#include "io/pt_fault.h"

static courier_job_t *courier_job_alloc(courier_t *c);
static pt_err_t       courier_job_fill(courier_job_t *j, const pytake_rows_t *r,
                                       uint32_t row);
static void           courier_job_token(courier_job_t *j, pt_str_t sealed);
static void           courier_job_wake(void *data);
static void           courier_job_call(courier_job_t *j);
static void     courier_job_answer(void *data, const courier_answer_t *answer);
static void     courier_job_refuse(courier_job_t *j, courier_verdict_t verdict,
                                   pt_str_t title, pt_str_t detail);
static void     courier_job_done(courier_job_t *j);
static void     courier_job_refused(courier_job_t *j, int64_t now_ms);
static uint32_t courier_jitter(courier_t *c, uint32_t ms);


courier_job_t *
courier_job_new(courier_t *c, const pytake_rows_t *r, uint32_t row)
{
    courier_job_t *j;

    j = courier_job_alloc(c);

    if (j == NULL) {
        return NULL;
    }

    if (courier_job_fill(j, r, row) != PT_OK) {
        courier_flight_del(j);
        return NULL;
    }

    if (!pt_str_is(pt_cell_text(r, row, PT_COL_OUTBOX_CLAIM_STATUS), "pending"))
    {
        /* A status has settled the message, or it was deleted: storing the job
         * removes its row of the outbox, and nothing is sent. */
        courier_job_refuse(j, COURIER_FAILED, PT_STR("settled"),
                           PT_STR("the message does not wait"));

    } else {
        courier_job_token(j, pt_cell_text(r, row, PT_COL_OUTBOX_CLAIM_TOKEN));
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
courier_job_begin(courier_job_t *j)
{
    bool       go;
    uint32_t   wait_ms;
    courier_t *c;

    c = j->courier;
    assert(!j->waiting && j->release_us == 0);

    if (j->outcome.verdict != COURIER_SENT) { /* it was refused above */
        courier_job_done(j);
        return;
    }

    if (j->token.data == NULL) {
        courier_pace_pause(c->pace, &j->config, c->loop->ops->now_ms(c->loop),
                           COURIER_KEY_MS);
        courier_job_release(j, COURIER_KEY_MS);
        return;
    }

    go = courier_pace_take(c->pace, &j->config,
                           j->msg.wa_id.len > 0 ? j->msg.wa_id : j->msg.bsuid,
                           c->loop->ops->now_ms(c->loop), &wait_ms);

    if (!go) {
        courier_job_release(j, wait_ms);

    } else if (wait_ms == 0) {
        courier_job_call(j);

    } else {
        j->wait = COURIER_JOB_CALL;
        j->waiting = true;
        c->loop->ops->timer_set(j->timer, wait_ms);
    }
}


void
courier_job_release(courier_job_t *j, uint32_t after_ms)
{
    courier_t *c;

    c = j->courier;
    assert(!j->waiting && j->release_us == 0);
    c->stats.released++;
    j->release_us = c->loop->ops->wall_us(c->loop) + (int64_t) after_ms * 1000;
    courier_store(j);
}


void
courier_job_stop(courier_job_t *j)
{
    if (j->waiting && j->wait == COURIER_JOB_CALL) {
        j->courier->loop->ops->timer_stop(j->timer);
        j->waiting = false;
        courier_job_release(j, 0);
    }
}


static courier_job_t *
courier_job_alloc(courier_t *c)
{
    pt_arena_t    *a;
    courier_job_t *j;

    a = pt_arena_new(&c->mem, COURIER_JOB_MAX);
    j = (a == NULL) ? NULL : pt_arena_calloc(a, 1, sizeof(courier_job_t));

    if (j != NULL) {
        j->timer = c->loop->ops->timer_new(c->loop, PT_TIMER_HOLD,
                                           courier_job_wake, j);
    }

    if (j == NULL || j->timer == NULL) {
        pt_arena_del(a);
        return NULL;
    }

    assert(c->jobs == NULL || c->jobs->prev == NULL);
    j->arena = a;
    j->courier = c;
    pt_backoff_init(&j->backoff, 200, 5000, c->stats.claimed);
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
        { PT_COL_OUTBOX_CLAIM_MESSAGE_TYPE, offsetof(courier_job_t, msg.type) },
        { PT_COL_OUTBOX_CLAIM_CONTENT, offsetof(courier_job_t, msg.content) },
        { PT_COL_OUTBOX_CLAIM_QUOTED, offsetof(courier_job_t, msg.quoted) },
        { PT_COL_OUTBOX_CLAIM_WA_ID, offsetof(courier_job_t, msg.wa_id) },
        { PT_COL_OUTBOX_CLAIM_BSUID, offsetof(courier_job_t, msg.bsuid) },
        { PT_COL_OUTBOX_CLAIM_PHONE_NUMBER_ID,
          offsetof(courier_job_t, phone_number_id) },
    };

    pt_cell_uuid(r, row, PT_COL_OUTBOX_CLAIM_TENANT_ID, &j->tenant);
    pt_cell_uuid(r, row, PT_COL_OUTBOX_CLAIM_MESSAGE_ID, &j->msg.id);
    pt_cell_uuid(r, row, PT_COL_OUTBOX_CLAIM_CONFIG_ID, &j->config);
    j->config_us = pt_cell_time(r, row, PT_COL_OUTBOX_CLAIM_CONFIG_AT);
    j->since_us = pt_cell_time(r, row, PT_COL_OUTBOX_CLAIM_CREATED_AT);
    j->claimed_by = j->courier->id;
    j->claimed_us = j->courier->claim_us;
    j->attempts = (uint32_t) pt_cell_i32(r, row, PT_COL_OUTBOX_CLAIM_ATTEMPTS);

    for (i = 0; i < PT_COUNT(texts); i++) {
        if (pt_arena_dup(j->arena, pt_cell_text(r, row, texts[i].col),
                         (pt_str_t *) (void *) ((char *) j + texts[i].to))
            != PT_OK)
        {
            return PT_ENOMEM;
        }
    }

    return PT_OK;
}


/* Unseals the number's token.  Without a token the number is stopped until it
 * gets one.  When the token does not open, the fault is more likely this
 * program's key, so the number only waits. */

static void
courier_job_token(courier_job_t *j, pt_str_t sealed)
{
    char       id[PT_UUID_LEN];
    pt_str_t   token;
    pt_uuid_t  aad[2];
    courier_t *c;

    c = j->courier;

    if (sealed.data == NULL) {
        courier_job_refuse(
            j, COURIER_STOP, PT_STR("no access token"),
            PT_STR("the number has none; \"pytake number token\" stores "
                   "one"));
        return;
    }

    aad[0] = j->tenant;
    aad[1] = j->config;

    if (pt_seal_open(j->arena, c->conf->key,
                     (pt_str_t){ (const char *) aad, sizeof(aad) }, sealed,
                     &token)
        == PT_OK)
    {
        j->token = token;
        return;
    }

    pt_uuid_build(&j->config, id);
    c->loop->ops->log(
        c->loop, PT_LOG_ERR,
        "pytake: courier: the token of number %.*s does not open: was it "
        "sealed with another PYTAKE_ENCRYPTION_KEY?",
        PT_UUID_LEN, id);
}


static void
courier_job_wake(void *data)
{
    uint32_t       wait_ms;
    courier_t     *c;
    courier_job_t *j;

    j = data;
    c = j->courier;
    assert(j->waiting);
    j->waiting = false;

    if (j->wait == COURIER_JOB_KEEP) {
        courier_store(j);
        return;
    }

    wait_ms = courier_pace_pausing(c->pace, &j->config,
                                   c->loop->ops->now_ms(c->loop));

    if (wait_ms > 0) {
        courier_job_release(j, wait_ms);

    } else {
        courier_job_call(j);
    }
}


static void
courier_job_call(courier_job_t *j)
{
    pt_err_t   err;
    pt_str_t   body, url;
    courier_t *c;

    c = j->courier;
    assert(j->token.data != NULL && !j->waiting);
    err = courier_body_build(j->arena, &j->msg, &body);

    if (err == PT_EVALIDATION) {
        courier_job_refuse(
            j, COURIER_FAILED, PT_STR("cannot be sent"),
            PT_STR("the contact has no address, or this kind of message "
                   "cannot be sent"));
        courier_job_done(j);
        return;
    }

    if (err == PT_OK) {
        err = pt_arena_fmt(
            j->arena, &url, "%s/%.*s/messages", c->conf->whatsapp_api_url,
            (int) j->phone_number_id.len, j->phone_number_id.data);
    }

    PT_FAULT("courier.claimed");

    if (err == PT_OK) {
        err = courier_http_post(c->http, url.data, j->token, body,
                                courier_job_answer, j);
    }

    j->called_ms = c->loop->ops->now_ms(c->loop);

    if (err != PT_OK) { /* the call was not even begun */
        courier_job_release(j, COURIER_LOCAL_MS);
        return;
    }

    OPENSSL_cleanse((void *) (uintptr_t) j->token.data, j->token.len);
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


/* Sets the outcome of a message that is not called. */

static void
courier_job_refuse(courier_job_t *j, courier_verdict_t verdict, pt_str_t title,
                   pt_str_t detail)
{
    assert(verdict != COURIER_SENT);

    memset(&j->outcome, 0, sizeof(j->outcome));
    j->outcome.verdict = verdict;
    j->outcome.title = title;
    j->outcome.detail = detail;
}


/* Tells the pace what the outcome means for the number, then stores it. */

static void
courier_job_done(courier_job_t *j)
{
    int64_t    now_ms;
    courier_t *c;

    c = j->courier;
    now_ms = c->loop->ops->now_ms(c->loop);

    if (j->outcome.verdict == COURIER_RETRY_NUMBER) {
        courier_job_refused(j, now_ms);

    } else if (j->outcome.verdict == COURIER_SENT) {
        courier_pace_accept(c->pace, &j->config, j->called_ms, now_ms);
    }

    j->outcome.after_ms = courier_jitter(c, j->outcome.after_ms);
    courier_store(j);
}


/* The number is at fault, so it pauses and the message waits with it, for a
 * day at most.  The day is counted from when the message came into the outbox,
 * or from the last change of the number if that was later. */

static void
courier_job_refused(courier_job_t *j, int64_t now_ms)
{
    int64_t    since_us, now_us;
    courier_t *c;

    c = j->courier;
    now_us = c->loop->ops->wall_us(c->loop);
    since_us = j->since_us > j->config_us ? j->since_us : j->config_us;
    j->outcome.after_ms = courier_pace_strike(c->pace, &j->config, j->called_ms,
                                              now_ms, j->outcome.after_ms);

    if (now_us - since_us >= (int64_t) COURIER_GIVE_UP_S * 1000000) {
        j->outcome.verdict = COURIER_FAILED;
        j->outcome.code = 0; /* then the error's code is "not_sent" */
    }
}


/* Makes a wait up to a quarter longer, so that messages which failed together
 * are not all tried again together. */

static uint32_t
courier_jitter(courier_t *c, uint32_t ms)
{
    uint8_t rnd;

    if (ms < 4 || pt_rand_get(&c->rand, &rnd, 1) != PT_OK) {
        return ms;
    }

    return ms + ms / 4 * rnd / 255;
}
