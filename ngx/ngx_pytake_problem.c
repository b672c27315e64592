/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pytake_problem: what NGINX refuses by itself (400, 404, 405, 413, 414, 5xx)
 * as problem+json under the original status.  It is for
 *     error_page 400 404 ... /_pytake/problem;
 * A named location would not do, because NGINX cannot send a request there that
 * has no URI, and one that it did not understand has none.
 */

#include "ngx_pytake.h"

#define NGX_PYTAKE_PROBLEM_MAX 65536 /* bytes of memory for one body */

/* The first and the last of the statuses by which NGINX tells its own handlers
 * why it answers 400 (ngx_http_request.h). */
#define NGX_PYTAKE_HEADER_TOO_LARGE 494
#define NGX_PYTAKE_TO_HTTPS 497


static ngx_uint_t ngx_pytake_problem_status(ngx_uint_t status);


ngx_int_t
ngx_pytake_problem_handler(ngx_http_request_t *r)
{
    ngx_uint_t status;

    status = ngx_pytake_problem_status(r->err_status);

    if (r->err_status) {
        r->err_status = status;
    }

    return ngx_pytake_problem_send(r, status);
}


ngx_int_t
ngx_pytake_problem_send(ngx_http_request_t *r, ngx_uint_t status)
{
    pt_str_t          id, out;
    ngx_int_t         rc;
    ngx_str_t         body, one = ngx_string("1");
    pt_arena_t       *arena;
    ngx_pytake_ctx_t *ctx;

    assert(status >= 400 && status < 600);

    if (ngx_pytake_body_discard(r) != NGX_OK) {
        r->keepalive = 0;
    }

    ctx = ngx_pytake_ctx_get(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    arena = pt_arena_new(&ngx_pytake_mem, NGX_PYTAKE_PROBLEM_MAX);
    if (arena == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    id.data = (char *) ctx->request_id.data;
    id.len = ctx->request_id.len;

    if (pytake_problem(arena, (int) status, id, &out) == PT_OK) {

        body.len = out.len;
        body.data = ngx_pnalloc(r->pool, out.len);

        if (body.data) {
            ngx_memcpy(body.data, out.data, out.len);
            rc = NGX_OK;
        }
    }

    pt_arena_del(arena);

    if (rc != NGX_OK
        || ((status == NGX_HTTP_SERVICE_UNAVAILABLE
             || status == NGX_HTTP_TOO_MANY_REQUESTS)
            && ngx_pytake_answer_header(r, "Retry-After", &one) != NGX_OK))
    {
        return NGX_ERROR;
    }

    return ngx_pytake_answer_send(r, status, "application/problem+json", &body);
}


ngx_int_t
ngx_pytake_problem_not_allowed(ngx_http_request_t *r)
{
    ngx_str_t allow = ngx_string("GET, HEAD");

    if (ngx_pytake_answer_header(r, "Allow", &allow) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_pytake_problem_send(r, NGX_HTTP_NOT_ALLOWED);
}


/* The status that goes out for one of r->err_status. */

static ngx_uint_t
ngx_pytake_problem_status(ngx_uint_t status)
{
    if (status == 0) {
        return NGX_HTTP_NOT_FOUND;
    }

    if (status >= NGX_PYTAKE_HEADER_TOO_LARGE && status <= NGX_PYTAKE_TO_HTTPS)
    {
        return NGX_HTTP_BAD_REQUEST;
    }

    if (status < NGX_HTTP_BAD_REQUEST || status > 599) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return status;
}
