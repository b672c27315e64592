/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Builds answers with their bodies, headers and problems, and asks for the work
 * and the events that a step wants.
 */

#include "pt_op_parts.h"

#include <assert.h>

#define PT_REPLY_JSON "application/json"
#define PT_REPLY_PROBLEM "application/problem+json"
#define PT_REPLY_PROBLEM_MAX (64u * 1024)


static void pt_reply_problem_headers(pytake_op_t *op, const pt_err_row_t *row);
static pt_err_t pt_reply_retry_after(pytake_op_t *op, uint32_t seconds);
static void     pt_reply_constant(pytake_op_t *op);


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
pt_reply_header(pytake_op_t *op, const char *name, pt_str_t value)
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
pt_reply_problem(pytake_op_t *op, pt_err_t err)
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
    pt_err_problem(&b, row, op->detail, op->request_id, op->errors,
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
                  ? pt_reply_header(op, "WWW-Authenticate",
                                    PT_STR("Bearer error=\"invalid_token\""))
                  : pt_reply_header(op, "WWW-Authenticate", PT_STR("Bearer"));
        break;

    case 409:
        if (row->err == PT_EIDEMINPROGRESS) {
            err = pt_reply_header(op, "Retry-After", PT_STR("1"));
        }
        break;

    case 429:
        err = pt_reply_retry_after(op, op->wait_s);
        break;

    case 503:
        err = pt_reply_header(op, "Retry-After", PT_STR("1"));
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

    err = pt_arena_dup(op->arena, value, &value);

    return err == PT_OK ? pt_reply_header(op, "Retry-After", value) : err;
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
