/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pytake_websocket: who may have a WebSocket (RFC 6455).  A request is judged
 * before NGINX proxies it to the hub: whether it is an upgrade, its Origin,
 * and its token when it has one.  The hub relies on variables, which a
 * verified token alone fills; headers X-Pytake-* that a client sends are
 * emptied.
 *
 * The handler stands in the precontent phase.  There it comes after allow,
 * deny and the limits, and "satisfy any" cannot skip it.
 */

#include "ngx_pytake.h"

#define NGX_PYTAKE_UPGRADE_REQUIRED 426
#define NGX_PYTAKE_KEY_LEN 24 /* bytes of 16 in base64 (RFC 6455, 4.1) */


/* Headers of an upgrade, borrowed from the request. */
typedef struct {
    ngx_str_t origin; /* the last one */
    ngx_str_t key;
    ngx_str_t version;
    unsigned  norigins : 2;   /* how many there are; 2: two or more */
    unsigned  upgrade : 1;    /* Upgrade has "websocket" */
    unsigned  connection : 1; /* Connection has "upgrade" */
} ngx_pytake_ws_headers_t;


static void       ngx_pytake_ws_headers(ngx_http_request_t      *r,
                                        ngx_pytake_ws_headers_t *h);
static void       ngx_pytake_ws_header(ngx_table_elt_t         *e,
                                       ngx_pytake_ws_headers_t *h);
static ngx_uint_t ngx_pytake_ws_name(ngx_table_elt_t *e, const char *lower);
static ngx_uint_t ngx_pytake_ws_list(ngx_str_t *list, const char *lower);
static ngx_uint_t ngx_pytake_ws_judge(ngx_http_request_t      *r,
                                      ngx_pytake_ws_headers_t *h);
static ngx_int_t ngx_pytake_ws_refuse(ngx_http_request_t *r, ngx_uint_t status);
static ngx_int_t ngx_pytake_ws_verify(ngx_http_request_t *r,
                                      ngx_pytake_ctx_t   *ctx);
static void ngx_pytake_ws_done(ngx_http_request_t *r, pytake_response_t *resp);
static ngx_int_t ngx_pytake_ws_admit(ngx_http_request_t *r,
                                     pytake_response_t  *resp);


/* Names of the headers by which the core tells the fields, in the order of
 * ngx_pytake_ws_field_e. */

static const char *const ngx_pytake_ws_fields[NGX_PYTAKE_WS_FIELDS] = {
    PYTAKE_WS_USER, PYTAKE_WS_TENANT, PYTAKE_WS_SESSION, PYTAKE_WS_EXP
};


ngx_int_t
ngx_pytake_ws_handler(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_uint_t              status;
    ngx_pytake_ctx_t       *ctx;
    ngx_pytake_ws_headers_t h;

    if (!ngx_pytake_loc_conf(r)->websocket) {
        return NGX_DECLINED;
    }

    ctx = ngx_pytake_ctx_get(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->ws) {
        return NGX_DECLINED; /* its token has been verified */
    }

    ctx->route = NGX_PYTAKE_ROUTE_WS;

    ngx_pytake_ws_headers(r, &h);

    status = ngx_pytake_ws_judge(r, &h);

    if (status) {
        rc = ngx_pytake_ws_refuse(r, status);

    } else if (r->headers_in.authorization) {
        rc = ngx_pytake_ws_verify(r, ctx);

    } else {
        ctx->ws = ngx_pcalloc(r->pool, sizeof(ngx_pytake_ws_t));
        ctx->handed_us = ngx_pytake_clock_mono_us();
        return ctx->ws ? NGX_DECLINED : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc != NGX_AGAIN) {
        ngx_http_finalize_request(r, rc);
    }

    return NGX_DONE;
}


/* Reads the headers, and empties those by which a client could tell the hub
 * what this module alone may tell it. */

static void
ngx_pytake_ws_headers(ngx_http_request_t *r, ngx_pytake_ws_headers_t *h)
{
    ngx_uint_t       i;
    ngx_list_part_t *part;
    ngx_table_elt_t *e;

    ngx_memzero(h, sizeof(ngx_pytake_ws_headers_t));

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        e = part->elts;

        for (i = 0; i < part->nelts; i++) {
            ngx_pytake_ws_header(&e[i], h);
        }
    }
}


static void
ngx_pytake_ws_header(ngx_table_elt_t *e, ngx_pytake_ws_headers_t *h)
{
    if ((e->key.len > 9 && ngx_memcmp(e->lowcase_key, "x-pytake-", 9) == 0)
        || (e->key.len > 5 && ngx_memcmp(e->lowcase_key, "x-pt-", 5) == 0))
    {
        e->value.len = 0;

    } else if (ngx_pytake_ws_name(e, "origin")) {
        h->origin = e->value;
        h->norigins += (h->norigins < 2);

    } else if (ngx_pytake_ws_name(e, "upgrade")) {
        h->upgrade |= ngx_pytake_ws_list(&e->value, "websocket");

    } else if (ngx_pytake_ws_name(e, "connection")) {
        h->connection |= ngx_pytake_ws_list(&e->value, "upgrade");

    } else if (ngx_pytake_ws_name(e, "sec-websocket-key")) {
        h->key = e->value;

    } else if (ngx_pytake_ws_name(e, "sec-websocket-version")) {
        h->version = e->value;
    }
}


static ngx_uint_t
ngx_pytake_ws_name(ngx_table_elt_t *e, const char *lower)
{
    size_t len;

    len = ngx_strlen(lower);

    return e->key.len == len && ngx_memcmp(e->lowcase_key, lower, len) == 0;
}


/* 1 when a comma-separated list has this token, in any case. */

static ngx_uint_t
ngx_pytake_ws_list(ngx_str_t *list, const char *lower)
{
    size_t  len;
    u_char *p, *last, *start, *end;

    len = ngx_strlen(lower);
    p = list->data;
    last = p + list->len;

    while (p < last) {
        start = p;

        while (p < last && *p != ',') {
            p++;
        }

        end = p++;

        while (start < end && (*start == ' ' || *start == '\t')) {
            start++;
        }

        while (end > start && (end[-1] == ' ' || end[-1] == '\t')) {
            end--;
        }

        if ((size_t) (end - start) == len
            && ngx_strncasecmp(start, (u_char *) lower, len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* The status to refuse the upgrade with; 0: it may go on. */

static ngx_uint_t
ngx_pytake_ws_judge(ngx_http_request_t *r, ngx_pytake_ws_headers_t *h)
{
    if (r->method != NGX_HTTP_GET) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    if (r->http_version != NGX_HTTP_VERSION_11 || !h->upgrade || !h->connection
        || h->version.len != 2 || ngx_strncmp(h->version.data, "13", 2) != 0)
    {
        return NGX_PYTAKE_UPGRADE_REQUIRED;
    }

    if (h->key.len != NGX_PYTAKE_KEY_LEN || r->headers_in.content_length_n > 0
        || r->headers_in.chunked)
    {
        return NGX_HTTP_BAD_REQUEST;
    }

    if (h->norigins == 0) {
        return 0; /* browsers always send an Origin (RFC 6455, 4.1) */
    }

    if (h->norigins > 1 || !ngx_pytake_origin_is(r, &h->origin)) {
        ngx_pytake_log(r, NGX_PYTAKE_LOG_ORIGIN, &h->origin);
        return NGX_HTTP_FORBIDDEN;
    }

    return 0;
}


static ngx_int_t
ngx_pytake_ws_refuse(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_str_t get = ngx_string("GET");
    ngx_str_t websocket = ngx_string("websocket");
    ngx_str_t version = ngx_string("13");

    if (status == NGX_HTTP_NOT_ALLOWED
        && ngx_pytake_answer_header(r, "Allow", &get) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (status == NGX_PYTAKE_UPGRADE_REQUIRED) {
        ngx_str_set(&r->headers_out.status_line, "426 Upgrade Required");

        if (r->http_version <= NGX_HTTP_VERSION_11
            && (ngx_pytake_answer_header(r, "Upgrade", &websocket) != NGX_OK
                || ngx_pytake_answer_header(r, "Sec-WebSocket-Version",
                                            &version)
                       != NGX_OK))
        {
            return NGX_ERROR;
        }
    }

    return ngx_pytake_problem_send(r, status);
}


/* Has the core verify the token.  NGX_AGAIN means that ngx_pytake_ws_done()
 * follows; else the answer has been sent. */

static ngx_int_t
ngx_pytake_ws_verify(ngx_http_request_t *r, ngx_pytake_ctx_t *ctx)
{
    u_char              *p;
    ngx_int_t            rc;
    ngx_str_t            path = ngx_string(PYTAKE_WS_PATH);
    ngx_str_t           *token;
    ngx_pytake_op_t     *op;
    ngx_pytake_worker_t *w;

    w = ngx_pytake_main_conf(r)->worker;
    token = &r->headers_in.authorization->value;

    op = w && w->pt ? ngx_pytake_op_new(
             r, w, path.len + token->len + ctx->request_id.len)
                    : NULL;
    if (op == NULL) {
        return ngx_pytake_problem_send(r, NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    ctx->op = op;
    op->ctx = ctx;
    op->done = ngx_pytake_ws_done;

    p = (u_char *) op + sizeof(ngx_pytake_op_t);

    op->req.method = PYTAKE_UPGRADE;
    op->req.path.data = (char *) p;
    op->req.path.len = path.len;
    p = ngx_cpymem(p, path.data, path.len);
    op->req.authorization.data = (char *) p;
    op->req.authorization.len = token->len;
    p = ngx_cpymem(p, token->data, token->len);
    op->req.request_id.data = (char *) p;
    op->req.request_id.len = ctx->request_id.len;
    ngx_memcpy(p, ctx->request_id.data, ctx->request_id.len);

    rc = ngx_pytake_op_start(op, ngx_pytake_loc_conf(r)->timeout);

    if (rc == NGX_AGAIN) {
        r->connection->log->action = "admitting a websocket";
        ngx_pytake_abort_watch(r);
        return NGX_AGAIN;
    }

    if (rc != NGX_OK) {
        ctx->op = NULL;
        return ngx_pytake_problem_send(r, NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    /* the core admits nobody before it has asked the database, so an answer
     * that is here already is a refusal */

    return ngx_pytake_answer_response(r, &op->effect.u.done);
}


static void
ngx_pytake_ws_done(ngx_http_request_t *r, pytake_response_t *resp)
{
    ngx_int_t rc;

    if (resp->status != NGX_HTTP_NO_CONTENT) {
        ngx_http_finalize_request(r, ngx_pytake_answer_response(r, resp));
        return;
    }

    rc = ngx_pytake_ws_admit(r, resp);

    if (rc != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;

    ngx_http_core_run_phases(r);
}


/* Keeps what the core says of the user, and frees the operation: a WebSocket
 * may live for days, and would hold its memory as long. */

static ngx_int_t
ngx_pytake_ws_admit(ngx_http_request_t *r, pytake_response_t *resp)
{
    uint16_t          i;
    ngx_str_t        *v;
    ngx_uint_t        k;
    ngx_pytake_ws_t  *ws;
    ngx_pytake_ctx_t *ctx;

    ctx = ngx_pytake_ctx_find(r);
    ws = ngx_pcalloc(r->pool, sizeof(ngx_pytake_ws_t));

    if (ctx == NULL || ws == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < resp->nheaders; i++) {
        for (k = 0; k < NGX_PYTAKE_WS_FIELDS; k++) {

            if (ngx_strcmp(resp->headers[i].name, ngx_pytake_ws_fields[k]) != 0)
            {
                continue;
            }

            v = &ws->field[k];
            v->len = resp->headers[i].value.len;
            v->data = ngx_pnalloc(r->pool, v->len);

            if (v->data == NULL) {
                return NGX_ERROR;
            }

            ngx_memcpy(v->data, resp->headers[i].value.data, v->len);
        }
    }

    assert(ctx->op != NULL);

    ctx->ws = ws;
    ctx->handed_us = ngx_pytake_clock_mono_us();

    ngx_pytake_op_release(ctx->op, r);

    return NGX_OK;
}
