/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * A request's context: its id, its operation, what was measured.  It lives in
 * r->pool, in the data of a clean-up, where it is found again after an
 * internal redirect has cleared the contexts of all modules.
 */

#include "ngx_pytake.h"


static void      ngx_pytake_ctx_cleanup(void *data);
static ngx_int_t ngx_pytake_ctx_request_id(ngx_http_request_t *r,
                                           ngx_pytake_ctx_t   *ctx);


ngx_pytake_ctx_t *
ngx_pytake_ctx_find(ngx_http_request_t *r)
{
    ngx_pytake_ctx_t   *ctx;
    ngx_pool_cleanup_t *cln;

    ctx = ngx_http_get_module_ctx(r->main, ngx_http_pytake_module);

    if (ctx || r->pool == NULL) {
        return ctx;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_pytake_ctx_cleanup) {
            ctx = cln->data;
            ngx_http_set_ctx(r->main, ctx, ngx_http_pytake_module);
            return ctx;
        }
    }

    return NULL;
}


ngx_pytake_ctx_t *
ngx_pytake_ctx_get(ngx_http_request_t *r)
{
    ngx_pytake_ctx_t   *ctx;
    ngx_pool_cleanup_t *cln;

    ctx = ngx_pytake_ctx_find(r);
    if (ctx) {
        return ctx;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_pytake_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_pytake_ctx_t));
    ctx->start_us = ngx_pytake_clock_mono_us();

    if (ngx_pytake_ctx_request_id(r, ctx) != NGX_OK) {
        return NULL;
    }

    assert(ctx->request_id.len > 0);

    cln->handler = ngx_pytake_ctx_cleanup;
    ngx_http_set_ctx(r->main, ctx, ngx_http_pytake_module);

    return ctx;
}


ngx_int_t
ngx_pytake_ctx_info(ngx_pytake_ctx_t *ctx, pytake_op_info_t *info)
{
    if (ctx && ctx->op && ctx->op->op) {
        pytake_op_info(ctx->op->op, info);
        return NGX_OK;
    }

    if (ctx && ctx->info) {
        *info = *ctx->info;
        return NGX_OK;
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_pytake_ctx_keep(ngx_http_request_t *r, ngx_pytake_ctx_t *ctx)
{
    u_char           *p;
    pytake_op_info_t *info;

    assert(ctx != NULL && r->pool != NULL);

    info = ngx_palloc(r->pool, sizeof(pytake_op_info_t));
    if (info == NULL || ngx_pytake_ctx_info(ctx, info) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, info->user_id.len + info->tenant_id.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    /* user and tenant are copied; the request id is the context's, a request
     * that is refused has found no conversation, and the other strings are
     * constants */

    ngx_memcpy(p, info->user_id.data, info->user_id.len);
    info->user_id.data = (char *) p;
    p += info->user_id.len;

    ngx_memcpy(p, info->tenant_id.data, info->tenant_id.len);
    info->tenant_id.data = (char *) p;

    info->conversation_id.len = 0;
    info->request_id.data = (char *) ctx->request_id.data;
    info->request_id.len = ctx->request_id.len;

    ctx->info = info;

    return NGX_OK;
}


static void
ngx_pytake_ctx_cleanup(void *data)
{
    /* It frees nothing: its address alone marks the clean-up whose data is the
     * context. */
}


static ngx_int_t
ngx_pytake_ctx_request_id(ngx_http_request_t *r, ngx_pytake_ctx_t *ctx)
{
    uint8_t          rnd[16];
    pt_str_t         id;
    ngx_uint_t       i;
    ngx_list_part_t *part;
    ngx_table_elt_t *e;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        e = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (e[i].key.len != sizeof("X-Request-Id") - 1
                || ngx_strncmp(e[i].lowcase_key, "x-request-id",
                               sizeof("x-request-id") - 1)
                       != 0)
            {
                continue;
            }

            id.data = (char *) e[i].value.data;
            id.len = e[i].value.len;

            if (pytake_request_id_is(id)) {
                ctx->request_id = e[i].value;
                return NGX_OK;
            }
        }
    }

    if (ngx_pytake_random(ngx_pytake_main_conf(r)->worker, rnd, sizeof(rnd))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->request_id.len = PYTAKE_REQUEST_ID_LEN;
    ctx->request_id.data = ngx_pnalloc(r->pool, PYTAKE_REQUEST_ID_LEN);
    if (ctx->request_id.data == NULL) {
        return NGX_ERROR;
    }

    pytake_request_id_build(rnd, (char *) ctx->request_id.data);

    return NGX_OK;
}
