/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The operations that change one conversation: read, assign, close and reopen.
 * Each answers with the conversation as it is afterwards, and announces the
 * change by one event.  If nothing changed there is no event, so that doing it
 * twice is as doing it once.
 */

#include "pt_conv.h"
#include "pt_event.h"

#include <assert.h>

#define PT_CHANGE_BODY_MAX (256u * 1024)

/* The places of the results that are read: in the batch of read, close and
 * reopen, and in that of assign. */
#define PT_CHANGE_EVENT 1
#define PT_CHANGE_NOW 2
#define PT_ASSIGN_EVENT 0
#define PT_ASSIGN_NOW 1

typedef struct {
    pt_uuid_t event_id;
    int64_t   now_us;
    bool      has_user; /* assign: user_id is set; else nobody */
    pt_uuid_t user_id;
} pt_change_t;


static pt_err_t pt_conv_read_write(pytake_op_t *op);
static pt_err_t pt_conv_close_write(pytake_op_t *op);
static pt_err_t pt_conv_reopen_write(pytake_op_t *op);
static pt_err_t pt_conv_change_answer(pytake_op_t *op);
static pt_err_t pt_conv_reopen_answer(pytake_op_t *op);
static pt_err_t pt_conv_assign_read(pytake_op_t *op);
static pt_err_t pt_conv_assign_write(pytake_op_t *op);
static pt_err_t pt_conv_assign_answer(pytake_op_t *op);
static pt_err_t pt_conv_change_new(pytake_op_t *op, pt_change_t **out);
static pt_err_t pt_conv_change_updated(pytake_op_t *op, uint16_t stmt,
                                       const char *change);
static pt_err_t pt_conv_change_batch(pytake_op_t *op, const pt_change_t *ch,
                                     uint16_t stmt, pt_str_t event,
                                     pt_str_t frame);
static pt_err_t pt_conv_change_reply(pytake_op_t *op, uint16_t event,
                                     uint16_t now);


const pt_op_def_t pt_conv_read = { .name = "conv_read",
                                   .perm = PT_PERM_CONVERSATION_WRITE,
                                   .rate = PT_RATE_WRITE,
                                   .status = 200,
                                   .steps = { pt_conv_read_write,
                                              pt_conv_change_answer } };

const pt_op_def_t pt_conv_close = { .name = "conv_close",
                                    .perm = PT_PERM_CONVERSATION_WRITE,
                                    .rate = PT_RATE_WRITE,
                                    .status = 200,
                                    .steps = { pt_conv_close_write,
                                               pt_conv_change_answer } };

const pt_op_def_t pt_conv_reopen = { .name = "conv_reopen",
                                     .perm = PT_PERM_CONVERSATION_WRITE,
                                     .rate = PT_RATE_WRITE,
                                     .status = 200,
                                     .steps = { pt_conv_reopen_write,
                                                pt_conv_reopen_answer } };

static const pt_field_t pt_conv_assign_fields[] = {
    { .name = "user_id",
      .type = PT_FIELD_UUID,
      .flags = PT_FIELD_REQUIRED | PT_FIELD_NULLABLE }
};

const pt_op_def_t pt_conv_assign = { .name = "conv_assign",
                                     .perm = PT_PERM_CONVERSATION_WRITE,
                                     .rate = PT_RATE_WRITE,
                                     .flags = PT_OP_BODY,
                                     .status = 200,
                                     .body = PT_FIELDS(pt_conv_assign_fields),
                                     .steps = { pt_conv_assign_read,
                                                pt_conv_assign_write,
                                                pt_conv_assign_answer } };


static pt_err_t
pt_conv_read_write(pytake_op_t *op)
{
    return pt_conv_change_updated(op, PT_STMT_CONV_READ, "unread_count");
}


static pt_err_t
pt_conv_reopen_write(pytake_op_t *op)
{
    return pt_conv_change_updated(op, PT_STMT_CONV_REOPEN, "status");
}


static pt_err_t
pt_conv_close_write(pytake_op_t *op)
{
    pt_err_t     err;
    pt_str_t     frame;
    pt_change_t *ch;

    err = pt_conv_change_new(op, &ch);
    if (err == PT_OK) {
        err =
            pt_event_closed(op->arena, &ch->event_id, &op->claims.sub, &frame);
    }

    return err == PT_OK ? pt_conv_change_batch(
               op, ch, PT_STMT_CONV_CLOSE, PT_STR("conversation_closed"), frame)
                        : err;
}


static pt_err_t
pt_conv_change_updated(pytake_op_t *op, uint16_t stmt, const char *change)
{
    pt_err_t     err;
    pt_str_t     frame;
    pt_change_t *ch;

    err = pt_conv_change_new(op, &ch);
    if (err == PT_OK) {
        err = pt_event_conv(op->arena, &ch->event_id, &change, 1, &frame);
    }

    return err == PT_OK ? pt_conv_change_batch(
               op, ch, stmt, PT_STR("conversation_updated"), frame)
                        : err;
}


static pt_err_t
pt_conv_change_new(pytake_op_t *op, pt_change_t **out)
{
    pt_change_t *ch;

    assert(op->match.nparams == 1);

    pt_op_conversation(op, &op->match.params[0]);

    ch = pt_arena_calloc(op->arena, 1, sizeof(pt_change_t));
    if (ch == NULL) {
        return PT_ENOMEM;
    }

    ch->now_us = pt_envelope_time(op->now_us);
    op->data = ch;
    *out = ch;

    return pt_rand_uuid(&op->rand, ch->now_us, &ch->event_id);
}


/* Builds the batch: the change, its event, and behind both the conversation. */
static pt_err_t
pt_conv_change_batch(pytake_op_t *op, const pt_change_t *ch, uint16_t stmt,
                     pt_str_t event, pt_str_t frame)
{
    const pt_uuid_t *id = &op->match.params[0];

    /* The statements of the three changes have the same parameters. */
    pt_op_sql(op, PYTAKE_SQL_WRITE);
    pt_sql_stmt(&op->batch, stmt);
    pt_sql_uuid(&op->batch, id);
    pt_sql_time(&op->batch, ch->now_us);
    pt_sql_uuid(&op->batch, &ch->event_id);

    PT_SQL(&op->batch, conv_change_event, .id = id, .event_id = &ch->event_id,
           .now = ch->now_us, .event = event, .frame = frame);

    PT_SQL(&op->batch, conv_get, .id = id);

    return pt_op_sql_go(op);
}


static pt_err_t
pt_conv_change_answer(pytake_op_t *op)
{
    return pt_conv_change_reply(op, PT_CHANGE_EVENT, PT_CHANGE_NOW);
}


/* Answers a reopen.  If the conversation is still closed, another one of the
 * same contact and number is open, and only one may be. */
static pt_err_t
pt_conv_reopen_answer(pytake_op_t *op)
{
    const pytake_rows_t *r = pt_op_rows(op, PT_CHANGE_NOW);

    if (r->nrows != 0
        && pt_str_is(pt_cell_text(r, 0, PT_COL_CONV_GET_STATUS), "closed"))
    {
        return PT_EOPENALREADY;
    }

    return pt_conv_change_reply(op, PT_CHANGE_EVENT, PT_CHANGE_NOW);
}


/* Reads {"user_id": id or null}, and asks whether that user may be given a
 * conversation: viewers cannot answer. */
static pt_err_t
pt_conv_assign_read(pytake_op_t *op)
{
    pt_err_t     err;
    pt_change_t *ch;

    err = pt_conv_change_new(op, &ch);
    if (err != PT_OK) {
        return err;
    }

    ch->has_user = !op->input[0].null;
    ch->user_id = op->input[0].uuid;
    if (!ch->has_user) {
        return PT_OK;
    }

    pt_op_sql(op, PYTAKE_SQL_READ);
    PT_SQL(&op->batch, conv_exists, .id = &op->match.params[0]);

    PT_SQL(&op->batch, user_assignable, .id = &ch->user_id);

    return pt_op_sql_go(op);
}


static pt_err_t
pt_conv_assign_write(pytake_op_t *op)
{
    pt_err_t         err;
    pt_str_t         frame;
    pt_change_t     *ch = op->data;
    const pt_uuid_t *user = ch->has_user ? &ch->user_id : NULL;

    if (ch->has_user && pt_op_rows(op, 0)->nrows == 0) {
        return PT_ENOTFOUND;
    }

    if (ch->has_user && pt_op_rows(op, 1)->nrows == 0) {
        pt_op_fault(op, PT_STR("user_id"), "not_found",
                    "No active user who may answer");
        return PT_EVALIDATION;
    }

    err = pt_event_assigned(op->arena, &ch->event_id, user, &op->claims.sub,
                            &frame);
    if (err != PT_OK) {
        return err;
    }

    pt_op_sql(op, PYTAKE_SQL_WRITE);
    PT_SQL(&op->batch, conv_assign, .id = &op->match.params[0], .user_id = user,
           .now = ch->now_us, .event_id = &ch->event_id, .frame = frame);

    PT_SQL(&op->batch, conv_get, .id = &op->match.params[0]);

    return pt_op_sql_go(op);
}


static pt_err_t
pt_conv_assign_answer(pytake_op_t *op)
{
    return pt_conv_change_reply(op, PT_ASSIGN_EVENT, PT_ASSIGN_NOW);
}


static pt_err_t
pt_conv_change_reply(pytake_op_t *op, uint16_t event, uint16_t now)
{
    pt_jw_t              w;
    pt_buf_t             b;
    pt_err_t             err;
    pt_str_t             body;
    const pytake_rows_t *r = pt_op_rows(op, now);

    if (r->nrows == 0) {
        return PT_ENOTFOUND;
    }

    err = pt_publish_rows(op, &op->claims.tenant_id, pt_op_rows(op, event));
    if (err != PT_OK) {
        return err;
    }

    pt_buf_init(&b, op->arena, PT_CHANGE_BODY_MAX);
    pt_jw_init(&w, &b);
    pt_conv_write(&w, r, 0);

    err = pt_buf_get(&b, &body);

    return err == PT_OK ? pt_reply(op, 200, body) : err;
}
