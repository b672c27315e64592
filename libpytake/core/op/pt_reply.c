/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Builds answers with their bodies, headers and problems, and asks for the work
 * and the events that a step wants.
 */

#include "pt_op_parts.h"
#include "core/base/pt_bus.h"

#include <assert.h>

#define PT_REPLY_JSON "application/json"
#define PT_REPLY_PROBLEM "application/problem+json"
#define PT_REPLY_EV "ev:"
#define PT_REPLY_PROBLEM_MAX (64u * 1024)


static void pt_reply_problem_headers(pytake_op_t *op, const pt_err_row_t *row);
static pt_err_t pt_reply_retry_after(pytake_op_t *op, uint32_t seconds);
static void     pt_reply_constant(pytake_op_t *op);
static pt_err_t pt_publish(pytake_op_t *op, pt_str_t kind,
                           const pt_uuid_t *tenant, pt_str_t payload);
static pt_err_t pt_publish_reserve(pytake_op_t *op);


pt_err_t
pt_reply(pytake_op_t *op, int status, pt_str_t body)
{
    return pt_reply_type(op, status, PT_REPLY_JSON, body);
}


pt_err_t
pt_reply_type(pytake_op_t *op, int status, const char *type, pt_str_t body)
{
    assert(!op->replied && !op->has_effect);

    op->response.status = status;
    op->response.content_type = type;
    op->response.body = body;
    op->replied = true;

    return PT_OK;
}


pt_err_t
pt_header(pytake_op_t *op, const char *name, pt_str_t value)
{
    if (op->nheaders == PT_OP_HEADERS_MAX) {
        return PT_ELIMIT;
    }

    op->headers[op->nheaders].name = name;
    op->headers[op->nheaders].value = value;
    op->nheaders++;

    return PT_OK;
}


void
pt_fault(pytake_op_t *op, pt_str_t field, const char *code, const char *message)
{
    pt_field_error_t *e;

    if (op->nerrors == PT_FIELD_ERRORS_MAX) {
        return; /* these are enough for a client to work on */
    }

    if (op->errors == NULL) {
        op->errors =
            pt_alloc(op->arena, PT_FIELD_ERRORS_MAX * sizeof(*op->errors));
        if (op->errors == NULL) {
            op->fault_err = PT_ENOMEM;
            return;
        }
    }

    /* The field may be a key that the client made up, of any length, and the
     * problem must stay short. */
    e = &op->errors[op->nerrors++];
    e->field = pt_utf8_prefix(field, PT_FIELD_NAME_CHARS);
    e->code = code;
    e->message = (pt_str_t){ message, strlen(message) };
}


pt_err_t
pt_op_check(pytake_op_t *op)
{
    if (op->fault_err != PT_OK) {
        return op->fault_err;
    }

    return op->nerrors == 0 ? PT_OK : PT_EVALIDATION;
}


void
pt_op_problem(pytake_op_t *op, pt_err_t err)
{
    pt_buf_t            b;
    pt_str_t            body;
    const pt_err_row_t *row;

    assert(err != PT_OK && !op->replied);

    /* A 422 that does not say what is wrong is of no use, so the lack of memory
     * for its faults is told instead. */
    if (err == PT_EVALIDATION && op->fault_err != PT_OK) {
        err = op->fault_err;
    }

    row = pt_err_get(err);

    op->has_effect = false;
    op->code = row->code;

    pt_buf_init(&b, op->arena, PT_REPLY_PROBLEM_MAX);
    pt_problem_write(&b, row, op->detail, op->request_id, op->errors,
                     row->err == PT_EVALIDATION ? op->nerrors : 0);

    if (pt_buf_get(&b, &body) != PT_OK) {
        pt_reply_constant(op);
        return;
    }

    pt_reply_problem_headers(op, row);

    op->response.status = row->status;
    op->response.content_type = PT_REPLY_PROBLEM;
    op->response.body = body;
    op->replied = true;
}


pt_err_t
pt_work_verify(pytake_op_t *op, const pytake_login_t *login, pt_str_t password,
               pt_str_t phc)
{
    assert(!op->has_effect && !op->waiting);

    op->effect.type = PYTAKE_EFFECT_WORK;
    op->effect.u.work.type = PYTAKE_WORK_PASSWORD_VERIFY;
    op->effect.u.work.login = *login;
    op->effect.u.work.password = password;
    op->effect.u.work.phc = phc;
    op->has_effect = true;

    return PT_OK;
}


pt_err_t
pt_publish_event(pytake_op_t *op, const pt_uuid_t *tenant, int64_t seq,
                 pt_str_t frame)
{
    char     channel[sizeof(PT_REPLY_EV) - 1 + PT_UUID_LEN];
    char     seal[PT_BUS_SEAL];
    pt_buf_t b;
    pt_err_t err;
    pt_str_t payload;

    pt_buf_init(&b, op->arena, PT_PUBLISH_FRAME_MAX + 32 + PT_BUS_SEAL);
    pt_buf_i64(&b, seq);
    if (frame.len <= PT_PUBLISH_FRAME_MAX) {
        pt_buf_char(&b, ' ');
        pt_buf_str_add(&b, frame);

        err = pt_buf_get(&b, &payload);
        if (err != PT_OK) {
            return err;
        }

        memcpy(channel, PT_REPLY_EV, sizeof(PT_REPLY_EV) - 1);
        pt_uuid_build(tenant, channel + sizeof(PT_REPLY_EV) - 1);

        err =
            pt_bus_sign(op->pt->bus_key, (pt_str_t){ channel, sizeof(channel) },
                        payload, op->now_us, seal);
        if (err != PT_OK) {
            return err;
        }

        pt_buf_add(&b, seal, sizeof(seal));
    }

    err = pt_buf_get(&b, &payload);
    if (err != PT_OK) {
        return err;
    }

    return pt_publish(op, PT_STR(PT_REPLY_EV), tenant, payload);
}


pt_err_t
pt_publish_revoke(pytake_op_t *op, const pt_uuid_t *tenant,
                  const pt_uuid_t *session)
{
    char     text[sizeof("revoke ") - 1 + PT_UUID_LEN];
    pt_err_t err;
    pt_str_t payload;

    memcpy(text, "revoke ", sizeof("revoke ") - 1);
    pt_uuid_build(session, text + sizeof("revoke ") - 1);

    err = pt_dup(op->arena, (pt_str_t){ text, sizeof(text) }, &payload);
    if (err != PT_OK) {
        return err;
    }

    return pt_publish(op, PT_STR("ctl:"), tenant, payload);
}


pt_err_t
pt_publish_outbox(pytake_op_t *op)
{
    pt_err_t err;

    err = pt_publish_reserve(op);
    if (err != PT_OK) {
        return err;
    }

    op->publish[op->npublish].channel = PT_STR("outbox");
    op->publish[op->npublish].payload = PT_STR("");
    op->npublish++;

    return PT_OK;
}


pt_err_t
pt_publish_rows(pytake_op_t *op, const pt_uuid_t *tenant,
                const pytake_rows_t *rows)
{
    uint32_t i;
    pt_err_t err;

    for (i = 0; i < rows->nrows; i++) {
        err = pt_publish_event(op, tenant, pt_cell_i64(rows, i, 0),
                               pt_cell_text(rows, i, 1));
        if (err != PT_OK) {
            return err;
        }
    }

    return PT_OK;
}


static pt_err_t
pt_publish(pytake_op_t *op, pt_str_t kind, const pt_uuid_t *tenant,
           pt_str_t payload)
{
    char    *channel;
    pt_err_t err;

    err = pt_publish_reserve(op);
    if (err != PT_OK) {
        return err;
    }

    channel = pt_alloc(op->arena, kind.len + PT_UUID_LEN);
    if (channel == NULL) {
        return PT_ENOMEM;
    }
    memcpy(channel, kind.data, kind.len);
    pt_uuid_build(tenant, channel + kind.len);

    op->publish[op->npublish].channel =
        (pt_str_t){ channel, kind.len + PT_UUID_LEN };
    op->publish[op->npublish].payload = payload;
    op->npublish++;

    return PT_OK;
}


/* Adds the headers that go with a status.  One that cannot be added is left
 * out, because the status says the most of it. */
static void
pt_reply_problem_headers(pytake_op_t *op, const pt_err_row_t *row)
{
    pt_err_t err = PT_OK;

    switch (row->status) {

    case 401:
        err = row->err == PT_ETOKEN || row->err == PT_EEXPIRED
                      || row->err == PT_EREVOKED
                  ? pt_header(op, "WWW-Authenticate",
                              PT_STR("Bearer error=\"invalid_token\""))
                  : pt_header(op, "WWW-Authenticate", PT_STR("Bearer"));
        break;

    case 409:
        if (row->err == PT_EIDEMINPROGRESS) {
            err = pt_header(op, "Retry-After", PT_STR("1"));
        }
        break;

    case 429:
        err = pt_reply_retry_after(op, op->wait_s);
        break;

    case 503:
        err = pt_header(op, "Retry-After", PT_STR("1"));
        break;

    default:
        break;
    }

    PT_UNUSED(err);
}


static pt_err_t
pt_reply_retry_after(pytake_op_t *op, uint32_t seconds)
{
    char     text[PT_I64_LEN];
    pt_err_t err;
    pt_str_t value;

    value.data = text;
    value.len = (size_t) (pt_i64_build((int64_t) seconds, text) - text);

    err = pt_dup(op->arena, value, &value);

    return err == PT_OK ? pt_header(op, "Retry-After", value) : err;
}


static void
pt_reply_constant(pytake_op_t *op)
{
    static const char body[] =
        "{\"type\":\"https://pytake.net/problems/out_of_memory\","
        "\"title\":\"Out of memory, try again\",\"status\":503,"
        "\"detail\":\"Out of memory, try again\","
        "\"code\":\"out_of_memory\",\"request_id\":\"\"}";

    op->code = "out_of_memory";
    op->nheaders = 0;
    op->headers[op->nheaders].name = "Retry-After";
    op->headers[op->nheaders].value = PT_STR("1");
    op->nheaders++;

    op->response.status = 503;
    op->response.content_type = PT_REPLY_PROBLEM;
    op->response.body = (pt_str_t){ body, sizeof(body) - 1 };
    op->replied = true;
}


static pt_err_t
pt_publish_reserve(pytake_op_t *op)
{
    uint32_t        cap;
    pytake_redis_t *p;

    /* What is queued is of the batch before, and was published. */
    if (op->published == op->npublish) {
        op->published = 0;
        op->npublish = 0;
    }

    if (op->npublish < op->publish_cap) {
        return PT_OK;
    }

    if (op->npublish == PT_OP_PUBLISH_MAX) {
        return PT_ELIMIT;
    }

    cap = op->publish_cap == 0 ? 2 : op->publish_cap * 2;
    if (cap > PT_OP_PUBLISH_MAX) {
        cap = PT_OP_PUBLISH_MAX;
    }

    p = pt_calloc(op->arena, cap, sizeof(pytake_redis_t));
    if (p == NULL) {
        return PT_ENOMEM;
    }

    if (op->npublish != 0) {
        memcpy(p, op->publish, op->npublish * sizeof(pytake_redis_t));
    }

    op->publish = p;
    op->publish_cap = cap;

    return PT_OK;
}
