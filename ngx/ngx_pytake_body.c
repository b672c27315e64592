/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Request bodies: whether one is still to come, how long it may take, what
 * is read and what is thrown away.
 *
 * nginx reads into one buffer of client_body_buffer_size and then into a
 * temporary file, so that a connection's memory has a bound whatever it
 * sends.  Its client_body_timeout is between two reads; the time of the whole
 * body is bounded here.
 */

#include "ngx_pytake.h"

#define NGX_PYTAKE_LINGER 5 /* s that a body may go on after its refusal */


static ngx_int_t ngx_pytake_body_filter(ngx_http_request_t *r, ngx_chain_t *in);
static void      ngx_pytake_body_timeout(ngx_event_t *ev);
static void      ngx_pytake_body_cleanup(void *data);


static ngx_http_request_body_filter_pt ngx_http_next_request_body_filter;


void
ngx_pytake_body_filter_init(void)
{
    ngx_http_next_request_body_filter = ngx_http_top_request_body_filter;
    ngx_http_top_request_body_filter = ngx_pytake_body_filter;
}


ngx_uint_t
ngx_pytake_body_awaited(ngx_http_request_t *r)
{
    if (r != r->main || r->request_body || r->discard_body) {
        return 0;
    }

#if (NGX_HTTP_V2)
    if (r->stream) {
        return !r->stream->in_closed;
    }
#endif

    return r->headers_in.chunked
           || r->headers_in.content_length_n
                  > (off_t) (r->header_in->last - r->header_in->pos);
}


ngx_int_t
ngx_pytake_body_skip(ngx_http_request_t             *r,
                     ngx_http_client_body_handler_pt handler)
{
    ngx_int_t rc;

    rc = ngx_pytake_body_discard(r);
    if (rc != NGX_OK) {
        return rc;
    }

    r->main->count++; /* the handler finalizes the request */

    handler(r);

    return NGX_DONE;
}


ngx_int_t
ngx_pytake_body_begin(ngx_http_request_t *r, ngx_pytake_ctx_t *ctx)
{
    ngx_event_t        *ev;
    ngx_http_cleanup_t *cln;

    cln = ngx_http_cleanup_add(r, sizeof(ngx_event_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    ev = cln->data;
    ngx_memzero(ev, sizeof(ngx_event_t));

    ev->handler = ngx_pytake_body_timeout;
    ev->data = r;
    ev->log = r->connection->log;

    cln->handler = ngx_pytake_body_cleanup;

    ctx->body_timer = ev;
    ngx_add_timer(ev, ngx_pytake_loc_conf(r)->body_timeout);

    return NGX_OK;
}


void
ngx_pytake_body_end(ngx_pytake_ctx_t *ctx)
{
    if (ctx->body_timer) {
        ngx_pytake_body_cleanup(ctx->body_timer);
    }
}


ngx_int_t
ngx_pytake_body_discard(ngx_http_request_t *r)
{
    ngx_int_t rc;

    /* whoever waits for "100 Continue" need not send it at all */

    r->expect_tested = 1;

    rc = ngx_http_discard_request_body(r);

    if (r->discard_body && r->lingering_time == 0) {
        r->lingering_time = ngx_time() + NGX_PYTAKE_LINGER;
    }

    return rc;
}


size_t
ngx_pytake_body_len(ngx_http_request_t *r)
{
    size_t       len;
    ngx_chain_t *cl;

    if (r->request_body == NULL) {
        return 0;
    }

    len = 0;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        len += (size_t) ngx_buf_size(cl->buf);
    }

    return len;
}


/* Several buffers, or a temporary file, into one piece */

ngx_int_t
ngx_pytake_body_copy(ngx_http_request_t *r, u_char *p, size_t len)
{
    size_t       size;
    ssize_t      n;
    u_char      *last;
    ngx_buf_t   *b;
    ngx_chain_t *cl;

    last = p + len;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;
        size = (size_t) ngx_buf_size(b);

        if (size > (size_t) (last - p)) {
            return NGX_ERROR;
        }

        if (ngx_buf_in_memory(b)) {
            p = ngx_cpymem(p, b->pos, size);
            continue;
        }

        if (size == 0) {
            continue;
        }

        n = ngx_read_file(b->file, p, size, b->file_pos);

        if (n != (ssize_t) size) {
            ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                          "pytake: request body file \"%V\" is short",
                          &b->file->name);
            return NGX_ERROR;
        }

        p += size;
    }

    return NGX_OK;
}


/* In chunks, the route's limit holds before the location's roof does */

static ngx_int_t
ngx_pytake_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_chain_t      *cl;
    ngx_pytake_ctx_t *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_pytake_module);

    if (ctx && ctx->body_timer) {

        for (cl = in; cl; cl = cl->next) {
            ctx->body_got += (size_t) ngx_buf_size(cl->buf);
        }

        if (ctx->body_got > ctx->found.body_max) {
            ngx_pytake_body_end(ctx);
            return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
        }
    }

    return ngx_http_next_request_body_filter(r, in);
}


/* As nginx does it when a read takes too long */

static void
ngx_pytake_body_timeout(ngx_event_t *ev)
{
    ngx_connection_t   *c;
    ngx_http_request_t *r;

    r = ev->data;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                  "pytake: request body not sent in time");

    c->timedout = 1;
    ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);

    ngx_http_run_posted_requests(c);
}


static void
ngx_pytake_body_cleanup(void *data)
{
    ngx_event_t *ev = data;

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    if (ev->posted) {
        ngx_delete_posted_event(ev);
    }
}
