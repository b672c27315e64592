/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The handler of "pytake on": it lets the core judge the header, reads the
 * body, and makes an operation of the request.
 */

#include "ngx_pytake.h"


/* Headers of a request, borrowed from it; data NULL: it has none. */
typedef struct {
    ngx_str_t idempotency_key;
    ngx_str_t signature;
    uint32_t  seen;    /* PYTAKE_CONTENT_TYPE and others: there is one */
    uint32_t  doubled; /* the same bits: there are several */
} ngx_pytake_headers_t;


static void             ngx_pytake_api_post(ngx_http_request_t *r);
static ngx_int_t        ngx_pytake_api_judge(ngx_http_request_t *r,
                                             ngx_pytake_ctx_t   *ctx);
static ngx_int_t        ngx_pytake_api_start(ngx_http_request_t *r,
                                             ngx_pytake_ctx_t *ctx, size_t len);
static ngx_pytake_op_t *ngx_pytake_api_op(ngx_http_request_t *r,
                                          ngx_pytake_ctx_t   *ctx,
                                          size_t              body_len);
static ngx_int_t ngx_pytake_api_fill(ngx_http_request_t *r, ngx_pytake_op_t *op,
                                     ngx_pytake_headers_t *h,
                                     ngx_pytake_browser_t *b, size_t body_len);
static void      ngx_pytake_api_headers(ngx_http_request_t   *r,
                                        ngx_pytake_headers_t *h);
static void ngx_pytake_api_header(ngx_table_elt_t *e, ngx_pytake_headers_t *h);
static void ngx_pytake_route(ngx_http_request_t *r, ngx_pytake_ctx_t *ctx);
static pytake_method_t ngx_pytake_method(ngx_http_request_t *r);
static u_char *ngx_pytake_copy(u_char *p, pt_str_t *dst, ngx_str_t *src);


/* Headers that a request may have once: two of them may differ, and somebody
 * before us may have looked at the other one. */

static const struct {
    ngx_str_t name;
    uint32_t  bit;
} ngx_pytake_once[] = {
    { ngx_string("content-type"), PYTAKE_CONTENT_TYPE },
    { ngx_string("idempotency-key"), PYTAKE_IDEMPOTENCY_KEY },
    { ngx_string("x-hub-signature-256"), PYTAKE_SIGNATURE }
};


ngx_int_t
ngx_pytake_request_handler(ngx_http_request_t *r)
{
    ngx_int_t            rc;
    ngx_uint_t           awaited;
    ngx_pytake_ctx_t    *ctx;
    ngx_pytake_worker_t *w;

    ctx = ngx_pytake_ctx_get(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    w = ngx_pytake_main_conf(r)->worker;

    if (w == NULL || w->pt == NULL) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    ngx_pytake_route(r, ctx);

    ctx->body_large =
        (r == r->main
         && r->headers_in.content_length_n > (off_t) ctx->found.body_max);

    awaited = ngx_pytake_body_awaited(r);

    if (awaited) {
        rc = ngx_pytake_api_judge(r, ctx);
        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    rc = ngx_pytake_limit_enter(r, ctx);
    if (rc != NGX_OK) {
        return ngx_pytake_problem_send(r, rc);
    }

    if (!ctx->found.body) {
        return ngx_pytake_body_skip(r, ngx_pytake_api_post);
    }

    if (awaited && ngx_pytake_body_begin(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_read_client_request_body(r, ngx_pytake_api_post);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


/* Called by NGINX when the body has been read or discarded.  NGINX has added
 * one to the request's count, which ngx_http_finalize_request() takes back. */

static void
ngx_pytake_api_post(ngx_http_request_t *r)
{
    size_t            len;
    ngx_int_t         rc;
    ngx_pytake_ctx_t *ctx;

    ctx = ngx_pytake_ctx_find(r);
    assert(ctx != NULL);

    ngx_pytake_body_end(ctx);

    len = ngx_pytake_body_len(r);

    if (len > ctx->found.body_max) {
        ctx->body_large = 1;
        len = 0;
    }

    rc = ngx_pytake_api_start(r, ctx, len);

    if (rc == NGX_DONE) {
        ngx_pytake_abort_watch(r);
        return;
    }

    ngx_http_finalize_request(r, rc);
}


/*
 * Refuses a request whose header says enough, before a byte of its body is
 * read.  Discarding the body may take its time, and the request lives as long;
 * so the answer is copied and the operation freed at once.  NGX_DECLINED means
 * that the body may be read.
 */

static ngx_int_t
ngx_pytake_api_judge(ngx_http_request_t *r, ngx_pytake_ctx_t *ctx)
{
    u_char            *p;
    ngx_int_t          rc;
    ngx_pytake_op_t   *op;
    pytake_response_t *resp;

    op = ngx_pytake_api_op(r, ctx, 0);
    if (op == NULL) {
        return ngx_pytake_problem_send(r, NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    rc = ngx_pytake_op_judge(op);

    if (rc != NGX_OK) {
        ngx_pytake_op_release(op, r);

        return rc == NGX_DECLINED
                   ? NGX_DECLINED
                   : ngx_pytake_problem_send(r, NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    resp = &op->effect.u.done;
    p = ngx_pnalloc(r->pool, resp->body.len);

    if (p == NULL || ngx_pytake_ctx_keep(r, ctx) != NGX_OK
        || ngx_pytake_body_discard(r) != NGX_OK)
    {
        ngx_pytake_op_release(op, r);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(p, resp->body.data, resp->body.len);
    resp->body.data = (char *) p;

    rc = ngx_pytake_answer_response(r, resp);

    ngx_pytake_op_release(op, r);

    return rc;
}


void
ngx_pytake_request_uri(ngx_http_request_t *r, ngx_str_t *path, ngx_str_t *query)
{
    u_char *p, *last;

    *path = r->unparsed_uri;
    ngx_str_null(query);

    last = path->data + path->len;
    p = ngx_strlchr(path->data, last, '?');

    if (p) {
        path->len = p - path->data;
        query->data = p + 1;
        query->len = last - query->data;
    }
}


/* Starts the operation.  It returns what a content handler returns; NGX_DONE
 * means that the operation answers the request by itself. */

static ngx_int_t
ngx_pytake_api_start(ngx_http_request_t *r, ngx_pytake_ctx_t *ctx, size_t len)
{
    ngx_int_t        rc;
    ngx_pytake_op_t *op;

    op = ngx_pytake_api_op(r, ctx, len);
    if (op == NULL) {
        return ngx_pytake_problem_send(r, NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    rc = ngx_pytake_op_start(op, ctx->found.timeout_ms);

    if (rc == NGX_AGAIN) {
        r->connection->log->action = "processing a pytake operation";
        return NGX_DONE;
    }

    if (rc != NGX_OK) {
        ctx->op = NULL;
        return ngx_pytake_problem_send(r, NGX_HTTP_SERVICE_UNAVAILABLE);
    }

    return ngx_pytake_answer_response(r, &op->effect.u.done);
}


/* Makes the request's operation and copies the request into it.  NULL means
 * that there is no memory, or that the body could not be read from its
 * file. */

static ngx_pytake_op_t *
ngx_pytake_api_op(ngx_http_request_t *r, ngx_pytake_ctx_t *ctx, size_t body_len)
{
    ngx_pytake_op_t     *op;
    ngx_pytake_headers_t h;
    ngx_pytake_browser_t b;

    ngx_pytake_api_headers(r, &h);
    ngx_pytake_browser_read(r, &b);

    op = ngx_pytake_op_new(
        r, ngx_pytake_main_conf(r)->worker,
        ctx->path.len + ctx->query.len + ctx->request_id.len
            + h.idempotency_key.len + h.signature.len + b.cookie.len
            + (r->headers_in.authorization
                   ? r->headers_in.authorization->value.len
                   : 0)
            + (r->headers_in.content_type
                   ? r->headers_in.content_type->value.len
                   : 0)
            + (r->headers_in.user_agent ? r->headers_in.user_agent->value.len
                                        : 0)
            + (r->headers_in.if_match ? r->headers_in.if_match->value.len : 0)
            + (r->headers_in.if_none_match
                   ? r->headers_in.if_none_match->value.len
                   : 0)
            + r->connection->addr_text.len + NGX_PYTAKE_NETWORK_MAX + body_len
            + 1);
    if (op == NULL) {
        return NULL;
    }

    ctx->op = op;
    op->ctx = ctx;
    op->webhook = ctx->found.webhook;
    op->req.body_too_large = ctx->body_large;
    op->req.doubled = h.doubled;

    if (ngx_pytake_api_fill(r, op, &h, &b, body_len) != NGX_OK) {
        op->state = NGX_PYTAKE_OP_DONE;
        ngx_pytake_op_release(op, r);
        return NULL;
    }

    return op;
}


/* Fills op->req with copies, which lie behind the operation and outlive the
 * request.  ngx_pytake_api_op() has counted their bytes. */

static ngx_int_t
ngx_pytake_api_fill(ngx_http_request_t *r, ngx_pytake_op_t *op,
                    ngx_pytake_headers_t *h, ngx_pytake_browser_t *b,
                    size_t body_len)
{
    u_char           *p;
    ngx_pytake_ctx_t *ctx;
    pytake_request_t *req;

    ctx = op->ctx;
    req = &op->req;
    p = (u_char *) op + sizeof(ngx_pytake_op_t);

    req->method = ngx_pytake_method(r);
    req->route = &ctx->found;

    p = ngx_pytake_copy(p, &req->path, &ctx->path);
    p = ngx_pytake_copy(p, &req->query, &ctx->query);
    p = ngx_pytake_copy(p, &req->request_id, &ctx->request_id);
    p = ngx_pytake_copy(p, &req->idempotency_key, &h->idempotency_key);
    p = ngx_pytake_copy(p, &req->signature, &h->signature);
    p = ngx_pytake_copy(p, &req->cookie, &b->cookie);
    req->browser = (b->browser != 0);
    req->secure = (b->secure != 0);
    p = ngx_pytake_copy(p, &req->remote_addr, &r->connection->addr_text);

    req->network.data = (char *) p;
    req->network.len = ngx_pytake_network(r, p);
    p += req->network.len;

    if (r->headers_in.authorization) {
        p = ngx_pytake_copy(p, &req->authorization,
                            &r->headers_in.authorization->value);
    }

    if (r->headers_in.content_type) {
        p = ngx_pytake_copy(p, &req->content_type,
                            &r->headers_in.content_type->value);
    }

    if (r->headers_in.user_agent) {
        p = ngx_pytake_copy(p, &req->user_agent,
                            &r->headers_in.user_agent->value);
    }

    if (r->headers_in.if_match) {
        p = ngx_pytake_copy(p, &req->if_match, &r->headers_in.if_match->value);
    }

    if (r->headers_in.if_none_match) {
        p = ngx_pytake_copy(p, &req->if_none_match,
                            &r->headers_in.if_none_match->value);
    }

    req->body.data = (char *) p;
    req->body.len = body_len;

    return body_len ? ngx_pytake_body_copy(r, p, body_len) : NGX_OK;
}


static void
ngx_pytake_api_headers(ngx_http_request_t *r, ngx_pytake_headers_t *h)
{
    ngx_uint_t       i;
    ngx_list_part_t *part;
    ngx_table_elt_t *e;

    ngx_memzero(h, sizeof(ngx_pytake_headers_t));

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        e = part->elts;

        for (i = 0; i < part->nelts; i++) {
            ngx_pytake_api_header(&e[i], h);
        }
    }
}


static void
ngx_pytake_api_header(ngx_table_elt_t *e, ngx_pytake_headers_t *h)
{
    uint32_t   bit;
    ngx_str_t *value;
    ngx_uint_t i;

    for (i = 0; i < sizeof(ngx_pytake_once) / sizeof(ngx_pytake_once[0]); i++) {

        if (e->key.len == ngx_pytake_once[i].name.len
            && ngx_memcmp(e->lowcase_key, ngx_pytake_once[i].name.data,
                          e->key.len)
                   == 0)
        {
            break;
        }
    }

    if (i == sizeof(ngx_pytake_once) / sizeof(ngx_pytake_once[0])) {
        return;
    }

    bit = ngx_pytake_once[i].bit;
    h->doubled |= h->seen & bit;
    h->seen |= bit;

    value = bit == PYTAKE_IDEMPOTENCY_KEY ? &h->idempotency_key
            : bit == PYTAKE_SIGNATURE     ? &h->signature
                                          : NULL;

    if (value && value->data == NULL) {
        *value = e->value;
    }
}


/* Finds the route in the core's table, and narrows its limits to those of the
 * location. */

static void
ngx_pytake_route(ngx_http_request_t *r, ngx_pytake_ctx_t *ctx)
{
    size_t                 body_max;
    pt_str_t               path;
    pytake_route_t        *route;
    ngx_pytake_loc_conf_t *plcf;

    plcf = ngx_pytake_loc_conf(r);
    route = &ctx->found;

    /* the URI of a rewritten request or of a subrequest is not the one that
     * the client has sent */

    if (r->internal) {
        ctx->path = r->uri;
        ctx->query = r->args;

    } else {
        ngx_pytake_request_uri(r, &ctx->path, &ctx->query);
    }

    path.data = (char *) ctx->path.data;
    path.len = ctx->path.len;

    pytake_route_find(ngx_pytake_method(r), path, route);

    body_max = route->webhook ? plcf->webhook_body_max : plcf->body_max;

    if (body_max < route->body_max) {
        route->body_max = body_max;
    }

    if (route->login) {
        route->timeout_ms = (uint32_t) plcf->login_timeout;

    } else if (route->timeout_ms == 0) {
        route->timeout_ms = (uint32_t) plcf->timeout;
    }

    assert(route->timeout_ms > 0);
}


static pytake_method_t
ngx_pytake_method(ngx_http_request_t *r)
{
    switch (r->method) {
    case NGX_HTTP_GET:
        return PYTAKE_GET;
    case NGX_HTTP_HEAD:
        return PYTAKE_HEAD;
    case NGX_HTTP_POST:
        return PYTAKE_POST;
    case NGX_HTTP_PUT:
        return PYTAKE_PUT;
    case NGX_HTTP_PATCH:
        return PYTAKE_PATCH;
    case NGX_HTTP_DELETE:
        return PYTAKE_DELETE;
    case NGX_HTTP_OPTIONS:
        return PYTAKE_OPTIONS;
    default:
        return PYTAKE_METHOD_OTHER;
    }
}


/* Copies src to p and has *dst point to it.  It returns where the next copy
 * may go.  A slice without data stays one. */

static u_char *
ngx_pytake_copy(u_char *p, pt_str_t *dst, ngx_str_t *src)
{
    if (src->data == NULL) {
        return p;
    }

    assert(dst->data == NULL);

    dst->data = (char *) p;
    dst->len = src->len;

    return ngx_cpymem(p, src->data, src->len);
}
