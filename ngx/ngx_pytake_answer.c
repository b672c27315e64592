/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * How answers are sent: an operation's, or any other body, with the headers
 * that belong to it.
 */

#include "ngx_pytake.h"


ngx_int_t
ngx_pytake_answer_response(ngx_http_request_t *r, pytake_response_t *resp)
{
    uint16_t          i;
    ngx_str_t         value, body;
    pytake_header_t  *h;
    ngx_pytake_ctx_t *ctx;

    assert(resp->status >= 200 && resp->status < 600);
    assert(resp->body.len == 0 || resp->body.data != NULL);

    ctx = ngx_pytake_ctx_find(r);

    if (ctx) {
        ngx_pytake_log_answer(r, ctx);
    }

    for (i = 0; i < resp->nheaders; i++) {
        h = &resp->headers[i];

        /* the value is copied, because the access log may ask for it when the
         * operation has gone */

        value.len = h->value.len;
        value.data = ngx_pnalloc(r->pool, value.len);
        if (value.data == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_memcpy(value.data, h->value.data, value.len);

        if (ngx_pytake_answer_header(r, h->name, &value) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        if (ngx_strcmp(h->name, "Cache-Control") == 0 && ctx) {
            ctx->cache_control = 1;
        }
    }

    /* the body is not copied: it belongs to the operation, which lives as long
     * as r->pool */

    body.len = resp->body.len;
    body.data = (u_char *) resp->body.data;

    return ngx_pytake_answer_send(r, (ngx_uint_t) resp->status,
                                  resp->content_type, &body);
}


ngx_int_t
ngx_pytake_answer_send(ngx_http_request_t *r, ngx_uint_t status,
                       const char *content_type, ngx_str_t *body)
{
    ngx_buf_t        *b;
    ngx_int_t         rc;
    ngx_str_t         no_store = ngx_string("no-store");
    ngx_chain_t       out;
    ngx_pytake_ctx_t *ctx;

    ctx = ngx_pytake_ctx_get(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->status = status;

    if (r->err_status == 0) {
        r->headers_out.status = status;
    }

    r->headers_out.content_length_n = (off_t) body->len;
    r->allow_ranges = 0;

    /* the core judges If-Match before it acts: a 412 would come too late */

    r->disable_not_modified = 1;

    if (content_type) {
        r->headers_out.content_type.data = (u_char *) content_type;
        r->headers_out.content_type.len = ngx_strlen(content_type);
        r->headers_out.content_type_len = r->headers_out.content_type.len;
        r->headers_out.content_type_lowcase = NULL;
    }

    if (!ctx->cache_control
        && ngx_pytake_answer_header(r, "Cache-Control", &no_store) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = body->data;
    b->last = body->data + body->len;
    b->memory = (body->len != 0);
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_pytake_answer_header(ngx_http_request_t *r, const char *name,
                         ngx_str_t *value)
{
    ngx_table_elt_t *h;

    assert(name != NULL && name[0] != '\0');

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.len = ngx_strlen(name);
    h->key.data = (u_char *) name;
    h->value = *value;

    return NGX_OK;
}
