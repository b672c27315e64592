/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Request bodies: whether one is still to come, how long it may take, and how
 * it is copied or thrown away.
 *
 * NGINX reads a body into one buffer of client_body_buffer_size and then into
 * a temporary file, so that a connection's memory is bounded.  Its
 * client_body_timeout is the time between two reads (its documentation,
 * "client_body_timeout"); the time of the whole body is bounded here.
 */

#include "ngx_pytake.h"

#define NGX_PYTAKE_LINGER 5 /* s that a refused body may go on */


static ngx_int_t ngx_pytake_body_filter(ngx_http_request_t *r, ngx_chain_t *in);
static void      ngx_pytake_body_timeout(ngx_event_t *ev);
static void      ngx_pytake_body_cleanup(void *data);


static ngx_http_request_body_filter_pt ngx_http_next_request_body_filter;


void
ngx_pytake_body_filter_init(void)
{
    assert(ngx_http_top_request_body_filter != NULL);

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

    r->main->count++; /* the handler gives it back: it finalizes the request */

    handler(r);

    return NGX_DONE;
}


ngx_int_t
ngx_pytake_body_begin(ngx_http_request_t *r, ngx_pytake_ctx_t *ctx)
{
    ngx_event_t        *ev;
    ngx_http_cleanup_t *cln;

    assert(r == r->main);
    assert(ngx_pytake_loc_conf(r)->body_timeout > 0);

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
    assert(ctx != NULL);

    if (ctx->body_timer) {
        ngx_pytake_body_cleanup(ctx->body_timer);
    }
}


ngx_int_t
ngx_pytake_body_discard(ngx_http_request_t *r)
{
    ngx_int_t rc;

    /* a client that waits for "100 Continue" need not send the body at all, so
     * NGINX is told that it has looked at Expect already */

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


ngx_int_t
ngx_pytake_body_copy(ngx_http_request_t *r, u_char *p, size_t len)
{
    size_t       size;
    ssize_t      n;
    u_char      *last;
    ngx_buf_t   *b;
    ngx_chain_t *cl;

    assert(p != NULL && r->request_body != NULL);

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
                          "pytake: request body file \"%V\" is too short: "
                          "is its disk full?",
                          &b->file->name);
            return NGX_ERROR;
        }

        p += size;
    }

    assert(p <= last);

    return NGX_OK;
}


/* A body in chunks has no Content-Length: it is refused as soon as what has
 * come is more than its route allows, although the location allows more. */

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


/* A body that is late is refused as NGINX refuses one whose read takes too
 * long, with 408. */

static void
ngx_pytake_body_timeout(ngx_event_t *ev)
{
    ngx_connection_t   *c;
    ngx_http_request_t *r;

    r = ev->data;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                  "pytake: client did not send its request body in time");

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
