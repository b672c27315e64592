/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The two operations of WhatsApp's callback.  A POST is answered 200 only when
 * the bytes and every item were committed.  After any other answer WhatsApp
 * sends the body again, and derived ids make that harmless.
 */

#include "pt_webhook_parts.h"
#include "core/trust/pt_signature.h"

#include <assert.h>


static pt_err_t pt_webhook_verify_step(pytake_op_t *op);
static pt_err_t pt_webhook_read_step(pytake_op_t *op);
static pt_err_t pt_webhook_route_step(pytake_op_t *op);
static pt_err_t pt_webhook_job_step(pytake_op_t *op);
static pt_err_t pt_webhook_result_step(pytake_op_t *op);
static pt_err_t pt_webhook_read(pytake_op_t *op, pt_webhook_t *wh);
static void     pt_webhook_release(pytake_op_t *op, const pt_webhook_t *wh);
static bool     pt_webhook_printable(pt_str_t s);
static bool     pt_webhook_is_data_error(const pytake_op_t *op);
static pt_err_t pt_webhook_publish(pytake_op_t *op, const pt_webhook_t *wh);


const pt_op_def_t pt_webhook_verify = { .name = "webhook_verify",
                                        .perm = PT_PERM_NONE,
                                        .flags = PT_OP_PUBLIC | PT_OP_WEBHOOK
                                                 | PT_OP_ANY_ARGS,
                                        .steps = { pt_webhook_verify_step } };

const pt_op_def_t pt_webhook_ingest = {
    .name = "webhook_ingest",
    .perm = PT_PERM_NONE,
    .flags = PT_OP_PUBLIC | PT_OP_WEBHOOK | PT_OP_ANY_ARGS,
    .steps = { pt_webhook_read_step, pt_webhook_route_step, pt_webhook_job_step,
               pt_webhook_result_step }
};


static pt_err_t
pt_webhook_verify_step(pytake_op_t *op)
{
    pt_str_t mode, token, challenge;
    pt_str_t ours = op->pt->conf.webhook_verify_token;

    if (ours.len == 0 || !pt_arg_find(op, "hub.mode", &mode)
        || !pt_arg_find(op, "hub.verify_token", &token)
        || !pt_arg_find(op, "hub.challenge", &challenge)
        || !pt_str_is(mode, "subscribe") || token.len != ours.len
        || !pt_hash_equal(token.data, ours.data, ours.len)
        || !pt_webhook_printable(challenge))
    {
        return PT_EVERIFYTOKEN;
    }

    return pt_reply_type(op, 200, "text/plain", challenge);
}


static pt_err_t
pt_webhook_read_step(pytake_op_t *op)
{
    pt_err_t      err;
    pt_webhook_t *wh;

    err = pt_signature_check(op->pt->conf.webhook_secret, op->req->signature,
                             op->req->body);
    if (err != PT_OK) {
        return err;
    }

    wh = pt_arena_calloc(op->arena, 1, sizeof(pt_webhook_t));
    if (wh == NULL) {
        return PT_ENOMEM;
    }
    op->data = wh;

    err = pt_webhook_read(op, wh);
    if (err != PT_OK) {
        return err;
    }

    if (wh->wa.nnumbers == 0
        || wh->wa.nmessages + wh->wa.nstatuses + wh->wa.nerrors == 0)
    {
        return PT_OK;
    }

    wh->asked = true;

    pt_op_sql_bare(op, PYTAKE_SQL_READ);
    PT_SQL(&op->batch, wa_numbers_find,
           .numbers = { wh->wa.numbers, wh->wa.nnumbers });

    return pt_op_sql_go(op);
}


static pt_err_t
pt_webhook_route_step(pytake_op_t *op)
{
    pt_err_t      err;
    pt_webhook_t *wh = op->data;

    err = pt_webhook_route(op, wh, wh->asked ? pt_op_rows(op, 0) : NULL);
    if (err != PT_OK) {
        return err;
    }

    if (wh->unknown != 0) {
        op->note = PYTAKE_NOTE_NUMBER;
    }

    wh->raw_at_us = op->now_us;
    pt_arena_mark(op->arena, &wh->mark);

    return pt_rand_uuid(&op->rand, op->now_us, &wh->raw_id);
}


static pt_err_t
pt_webhook_job_step(pytake_op_t *op)
{
    pt_err_t        err;
    pt_webhook_t   *wh = op->data;
    pt_arena_mark_t mark;

    if (wh->njobs == 0) {
        return pt_reply(op, 200, PT_STR("{}"));
    }

    wh->job = wh->jobs[--wh->njobs];
    pt_arena_mark(op->arena, &mark);

    if (wh->job.type == PT_WEBHOOK_RAW) {
        pt_op_sql_bare(op, PYTAKE_SQL_WRITE);
    } else {
        pt_op_sql_tenant(op, PYTAKE_SQL_WRITE, &wh->tenants[wh->job.tenant].id);
    }

    err = pt_webhook_batch(op, wh);
    if (err == PT_OK) {
        err = pt_op_sql_go(op);
    }
    if (err == PT_ENOMEM && pt_arena_capped(op->arena)
        && pt_webhook_halve(wh) == PT_OK)
    {
        /* The items say too much for the arena, so half of them are tried. */
        pt_arena_release(op->arena, &mark);
        pt_op_goto(op, pt_webhook_job_step);
        return PT_OK;
    }

    op->want_errors = err == PT_OK;

    return err;
}


static pt_err_t
pt_webhook_result_step(pytake_op_t *op)
{
    pt_err_t      err;
    pt_webhook_t *wh = op->data;

    pt_webhook_release(op, wh);

    if (op->result->err == PT_OK) {
        wh->raw_done = true;
        err = pt_webhook_publish(op, wh);

    } else if (op->result->err != PT_EDB) {
        return op->result->err;

    } else if (pt_webhook_is_data_error(op)) {
        err = pt_webhook_split(op, wh);

    } else {
        /* WhatsApp sends the body again, so nothing is lost whatever the reason
         * was. */
        return PT_EDBAWAY;
    }

    if (err != PT_OK) {
        return err;
    }

    pt_op_goto(op, pt_webhook_job_step);

    return PT_OK;
}


/* Reads the body.  It is signed and therefore WhatsApp's, so that what cannot
 * be read is kept. */
static pt_err_t
pt_webhook_read(pytake_op_t *op, pt_webhook_t *wh)
{
    bool            full;
    pt_err_t        err;
    pt_json_t      *body = NULL;
    pt_arena_mark_t mark;

    pt_arena_mark(op->arena, &mark);

    err =
        pt_json_parse(op->arena, op->req->body, &pt_json_limits_webhook, &body);
    if (err == PT_OK) {
        wh->repeated = body->duplicates;
        err = pt_wa_parse(op->arena, body, &wh->wa);
    }

    full = err == PT_OK ? pt_arena_left(op->arena) < PT_WEBHOOK_ROOM
                        : err == PT_ENOMEM && pt_arena_capped(op->arena);
    if (full) {
        memset(&wh->wa, 0, sizeof(wh->wa));
        pt_arena_release(op->arena, &mark);
        err = PT_ELIMIT;
    }
    if (err == PT_ELIMIT) {
        wh->over_limits = true;
        err = PT_OK;
    }

    return err;
}


/* Frees what the last batch was built of, and the events of the one before it.
 * Both were sent. */
static void
pt_webhook_release(pytake_op_t *op, const pt_webhook_t *wh)
{
    assert(op->published == op->npublish);

    op->publish = NULL;
    op->publish_cap = 0;
    op->npublish = 0;
    op->published = 0;

    pt_arena_release(op->arena, &wh->mark);
}


static bool
pt_webhook_printable(pt_str_t s)
{
    size_t i;

    if (s.len == 0 || s.len > PT_WEBHOOK_CHALLENGE_MAX) {
        return false;
    }

    for (i = 0; i < s.len; i++) {
        if (s.data[i] < 0x20 || s.data[i] > 0x7e) {
            return false;
        }
    }

    return true;
}


/*
 * Whether the database refused an item's own content: SQLSTATE classes 21
 * (cardinality), 22 (data), 23 (constraint) and 54 (too large for an index).
 * It is false when the partition of a day is missing or the bytes themselves
 * were refused, because no item is to blame for that.
 */
static bool
pt_webhook_is_data_error(const pytake_op_t *op)
{
    size_t                     i;
    const char                *s;
    const pytake_sql_result_t *r = op->result;

    static const char *const ours[] = { "event_log", "webhook_raw",
                                        "tenant_event_head" };

    s = r->sqlstate;

    if (memcmp(s, "21", 2) != 0 && memcmp(s, "22", 2) != 0
        && memcmp(s, "23", 2) != 0 && memcmp(s, "54", 2) != 0)
    {
        return false;
    }

    if (r->failed_stmt >= op->batch.sql.nstmts
        || op->batch.stmts[r->failed_stmt].stmt == PT_STMT_RAW_ADD
        || op->batch.stmts[r->failed_stmt].stmt == PT_STMT_TENANT_ENTER)
    {
        return false;
    }

    for (i = 0; i < PT_COUNT(ours); i++) {
        if (r->table.len >= strlen(ours[i])
            && memcmp(r->table.data, ours[i], strlen(ours[i])) == 0)
        {
            return false;
        }
    }

    return true;
}


/* Publishes the events, which are the rows of the batch's last statement. */
static pt_err_t
pt_webhook_publish(pytake_op_t *op, const pt_webhook_t *wh)
{
    uint16_t last;

    if (wh->job.type != PT_WEBHOOK_MESSAGES
        && wh->job.type != PT_WEBHOOK_STATUSES) {
        return PT_OK;
    }

    assert(op->batch.sql.nstmts > op->first);
    last = (uint16_t) (op->batch.sql.nstmts - op->first - 1);

    return pt_publish_rows(op, &wh->tenants[wh->job.tenant].id,
                           pt_op_rows(op, last));
}
