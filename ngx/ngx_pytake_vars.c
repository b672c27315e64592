/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The variables of the module.  $pytake_request_id, $pytake_path,
 * $pytake_user, $pytake_tenant, $pytake_conversation, $pytake_op,
 * $pytake_status, $pytake_code and $pytake_db_time are for log_format;
 * $pytake_network is for limit_req_zone; $pytake_ws_* are for the hub.
 *
 * The access log is written after the request's clean-ups have run.  The
 * values are still valid there, because the operation lives as long as
 * r->pool.
 */

#include "ngx_pytake.h"

/* Bytes that log formats do not escape, or that they escape in different
 * ways. */
#define ngx_pytake_var_is_odd(c)                                               \
    ((c) <= ' ' || (c) >= 0x7f || (c) == '"' || (c) == '\\')


static ngx_int_t ngx_pytake_var_request_id(ngx_http_request_t        *r,
                                           ngx_http_variable_value_t *v,
                                           uintptr_t                  data);
static ngx_int_t ngx_pytake_var_path(ngx_http_request_t        *r,
                                     ngx_http_variable_value_t *v,
                                     uintptr_t                  data);
static ngx_int_t ngx_pytake_var_network(ngx_http_request_t        *r,
                                        ngx_http_variable_value_t *v,
                                        uintptr_t                  data);
static ngx_int_t ngx_pytake_var_info(ngx_http_request_t        *r,
                                     ngx_http_variable_value_t *v,
                                     uintptr_t                  data);
static ngx_int_t ngx_pytake_var_op(ngx_http_request_t        *r,
                                   ngx_http_variable_value_t *v,
                                   uintptr_t                  data);
static ngx_int_t ngx_pytake_var_status(ngx_http_request_t        *r,
                                       ngx_http_variable_value_t *v,
                                       uintptr_t                  data);
static ngx_int_t ngx_pytake_var_db_time(ngx_http_request_t        *r,
                                        ngx_http_variable_value_t *v,
                                        uintptr_t                  data);
static ngx_int_t ngx_pytake_var_ws(ngx_http_request_t        *r,
                                   ngx_http_variable_value_t *v,
                                   uintptr_t                  data);
static ngx_int_t ngx_pytake_var_set(ngx_http_variable_value_t *v, u_char *data,
                                    size_t len);


static ngx_http_variable_t ngx_pytake_vars[] = {

    { ngx_string("pytake_request_id"), NULL, ngx_pytake_var_request_id, 0, 0,
      0 },

    /* It is changeable, so that a "map" of the same name in nginx.conf files
     * of older versions still works. */
    { ngx_string("pytake_path"), NULL, ngx_pytake_var_path, 0,
      NGX_HTTP_VAR_CHANGEABLE, 0 },

    { ngx_string("pytake_network"), NULL, ngx_pytake_var_network, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("pytake_user"), NULL, ngx_pytake_var_info,
      offsetof(pytake_op_info_t, user_id), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("pytake_tenant"), NULL, ngx_pytake_var_info,
      offsetof(pytake_op_info_t, tenant_id), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("pytake_conversation"), NULL, ngx_pytake_var_info,
      offsetof(pytake_op_info_t, conversation_id), NGX_HTTP_VAR_NOCACHEABLE,
      0 },

    { ngx_string("pytake_op"), NULL, ngx_pytake_var_op, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("pytake_code"), NULL, ngx_pytake_var_info,
      offsetof(pytake_op_info_t, code), NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("pytake_status"), NULL, ngx_pytake_var_status, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("pytake_db_time"), NULL, ngx_pytake_var_db_time, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("pytake_ws_user"), NULL, ngx_pytake_var_ws, NGX_PYTAKE_WS_USER,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("pytake_ws_tenant"), NULL, ngx_pytake_var_ws,
      NGX_PYTAKE_WS_TENANT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("pytake_ws_session"), NULL, ngx_pytake_var_ws,
      NGX_PYTAKE_WS_SESSION, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("pytake_ws_exp"), NULL, ngx_pytake_var_ws, NGX_PYTAKE_WS_EXP,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("pytake_ws_addr"), NULL, ngx_pytake_var_ws, NGX_PYTAKE_WS_ADDR,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("pytake_ws_worker"), NULL, ngx_pytake_var_ws,
      NGX_PYTAKE_WS_WORKER, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    ngx_http_null_variable
};


ngx_int_t
ngx_pytake_vars_add(ngx_conf_t *cf)
{
    ngx_http_variable_t *var, *v;

    for (v = ngx_pytake_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_pytake_var_request_id(ngx_http_request_t *r, ngx_http_variable_value_t *v,
                          uintptr_t data)
{
    ngx_pytake_ctx_t *ctx;

    ctx = ngx_pytake_ctx_get(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    return ngx_pytake_var_set(v, ctx->request_id.data, ctx->request_id.len);
}


/*
 * $pytake_path has no arguments, which may hold what no log should.  It is the
 * path as it was sent, but for bytes that would break a line or its UTF-8:
 * those are escaped as the client should have done it (RFC 3986, 2.1).
 */

static ngx_int_t
ngx_pytake_var_path(ngx_http_request_t *r, ngx_http_variable_value_t *v,
                    uintptr_t data)
{
    u_char   *p, *last, *start;
    size_t    i, n;
    ngx_str_t path, query;

    ngx_pytake_request_uri(r, &path, &query);

    n = 0;

    for (i = 0; i < path.len; i++) {
        n += ngx_pytake_var_is_odd(path.data[i]);
    }

    if (n == 0) {
        return ngx_pytake_var_set(v, path.data, path.len);
    }

    start = ngx_pnalloc(r->pool, path.len + 2 * n);
    if (start == NULL) {
        return NGX_ERROR;
    }

    last = start;

    for (p = path.data; p < path.data + path.len; p++) {
        last = ngx_pytake_var_is_odd(*p) ? ngx_sprintf(last, "%%%02Xd", *p)
                                         : ngx_cpymem(last, p, 1);
    }

    assert((size_t) (last - start) == path.len + 2 * n);

    return ngx_pytake_var_set(v, start, last - start);
}


/* $pytake_network holds raw bytes: it is good as a key and not for logs. */

static ngx_int_t
ngx_pytake_var_network(ngx_http_request_t *r, ngx_http_variable_value_t *v,
                       uintptr_t data)
{
    u_char *p;

    p = ngx_pnalloc(r->pool, NGX_PYTAKE_NETWORK_MAX);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_pytake_var_set(v, p, ngx_pytake_network(r, p));
}


static ngx_int_t
ngx_pytake_var_info(ngx_http_request_t *r, ngx_http_variable_value_t *v,
                    uintptr_t data)
{
    pt_str_t         *s;
    pytake_op_info_t  info;
    ngx_pytake_ctx_t *ctx;

    ctx = ngx_pytake_ctx_find(r);

    if (ctx && ctx->ws && data == offsetof(pytake_op_info_t, user_id)) {
        return ngx_pytake_var_ws(r, v, NGX_PYTAKE_WS_USER);
    }

    if (ctx && ctx->ws && data == offsetof(pytake_op_info_t, tenant_id)) {
        return ngx_pytake_var_ws(r, v, NGX_PYTAKE_WS_TENANT);
    }

    if (ngx_pytake_ctx_info(ctx, &info) != NGX_OK) {
        v->not_found = 1;
        return NGX_OK;
    }

    s = (pt_str_t *) ((u_char *) &info + data);

    return ngx_pytake_var_set(v, (u_char *) s->data, s->len);
}


static ngx_int_t
ngx_pytake_var_op(ngx_http_request_t *r, ngx_http_variable_value_t *v,
                  uintptr_t data)
{
    u_char           *name;
    ngx_pytake_ctx_t *ctx;

    ctx = ngx_pytake_ctx_find(r);

    if (ctx == NULL || ctx->route == 0) {
        return ngx_pytake_var_info(r, v, offsetof(pytake_op_info_t, op));
    }

    name = (u_char *) ngx_pytake_metrics_route_name(ctx->route);

    return ngx_pytake_var_set(v, name, ngx_strlen(name));
}


static ngx_int_t
ngx_pytake_var_status(ngx_http_request_t *r, ngx_http_variable_value_t *v,
                      uintptr_t data)
{
    u_char           *p;
    ngx_pytake_ctx_t *ctx;

    ctx = ngx_pytake_ctx_find(r);

    if (ctx == NULL || ctx->status == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_pytake_var_set(v, p, ngx_sprintf(p, "%ui", ctx->status) - p);
}


static ngx_int_t
ngx_pytake_var_db_time(ngx_http_request_t *r, ngx_http_variable_value_t *v,
                       uintptr_t data)
{
    u_char           *p, *last;
    ngx_pytake_ctx_t *ctx;

    ctx = ngx_pytake_ctx_find(r);

    if (ctx == NULL || ctx->db_us == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN + 8);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last =
        ngx_sprintf(p, "%L.%06L", ctx->db_us / 1000000, ctx->db_us % 1000000);

    return ngx_pytake_var_set(v, p, last - p);
}


/* The variables that a location passes to the hub.  A verified token alone
 * fills the first four. */

static ngx_int_t
ngx_pytake_var_ws(ngx_http_request_t *r, ngx_http_variable_value_t *v,
                  uintptr_t data)
{
    u_char           *p;
    ngx_str_t        *s;
    ngx_pytake_ctx_t *ctx;

    assert(data <= NGX_PYTAKE_WS_WORKER && data != NGX_PYTAKE_WS_FIELDS);

    if (data == NGX_PYTAKE_WS_WORKER) {
        p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
        if (p == NULL) {
            return NGX_ERROR;
        }

        return ngx_pytake_var_set(v, p, ngx_sprintf(p, "%P", ngx_pid) - p);
    }

    ctx = ngx_pytake_ctx_find(r);

    s = data == NGX_PYTAKE_WS_ADDR ? &r->connection->addr_text
        : ctx && ctx->ws           ? &ctx->ws->field[data]
                                   : NULL;

    return s ? ngx_pytake_var_set(v, s->data, s->len)
             : ngx_pytake_var_set(v, NULL, 0);
}


static ngx_int_t
ngx_pytake_var_set(ngx_http_variable_value_t *v, u_char *data, size_t len)
{
    if (len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    assert(data != NULL);

    v->len = (unsigned) len;
    v->data = data;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}
