/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * What the running NGINX works with, for "pytake doctor": versions, workers,
 * pools, and fingerprints of its secrets (io/pt_fingerprint.h), never a secret
 * itself.  It answers requests from this machine alone.
 */

#include "ngx_pytake.h"
#include "core/base/pt_cell.h"
#include "pt_stmt_table.h"

#define NGX_PYTAKE_STATUS_MAX 4096 /* bytes, without the hub's path */


static void       ngx_pytake_status_post(ngx_http_request_t *r);
static void       ngx_pytake_status_hub(ngx_http_request_t *r, ngx_str_t *body);
static ngx_int_t  ngx_pytake_status_answer(ngx_http_request_t        *r,
                                           const pytake_sql_result_t *result);
static ngx_int_t  ngx_pytake_status_text(ngx_http_request_t *r,
                                         pt_fingerprints_t  *prints,
                                         ngx_str_t          *body);
static pt_err_t   ngx_pytake_status_identity(ngx_http_request_t        *r,
                                             const pytake_sql_result_t *result,
                                             pt_fingerprints_t         *prints);
static ngx_uint_t ngx_pytake_status_workers(void);
static u_char    *ngx_pytake_status_prints(u_char *p, u_char *last,
                                           pt_fingerprints_t *prints);
static u_char    *ngx_pytake_status_pools(u_char *p, u_char *last,
                                          ngx_pytake_main_conf_t *pmcf);
static u_char    *ngx_pytake_status_where(u_char *p, u_char *last,
                                          ngx_http_request_t *r);


ngx_int_t
ngx_pytake_status_handler(ngx_http_request_t *r)
{
    ngx_pytake_ctx_t *ctx;

    ctx = ngx_pytake_ctx_get(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->route = NGX_PYTAKE_ROUTE_STATUS;

    if (!(r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD))) {
        return ngx_pytake_problem_not_allowed(r);
    }

    if (!ngx_pytake_local_is(r)) {
        return ngx_pytake_problem_send(r, NGX_HTTP_FORBIDDEN);
    }

    return ngx_pytake_body_skip(r, ngx_pytake_status_post);
}


static void
ngx_pytake_status_post(ngx_http_request_t *r)
{
    ngx_pytake_main_conf_t *pmcf;

    pmcf = ngx_pytake_main_conf(r);

    if (pmcf->worker == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    if (pmcf->hub.len) {
        ngx_pytake_hub_health(r, ngx_pytake_status_hub);
        return;
    }

    ngx_pytake_status_hub(r, NULL);
}


static void
ngx_pytake_status_hub(ngx_http_request_t *r, ngx_str_t *body)
{
    ngx_pytake_probe_t *p;

    ngx_pytake_ctx_find(r)->hub_up = (body != NULL);

    p = ngx_pytake_probe_new(r);
    if (p == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    pt_q_health_identity(ngx_pytake_probe_sql(p));
    ngx_pytake_probe_run(p, NGX_PYTAKE_HEALTH_TIMEOUT,
                         ngx_pytake_status_answer);
}


/* The pools are looked at after the probe, which has tried to connect one of
 * them. */

static ngx_int_t
ngx_pytake_status_answer(ngx_http_request_t        *r,
                         const pytake_sql_result_t *result)
{
    ngx_str_t         body;
    pt_fingerprints_t prints;

    if (ngx_pytake_status_identity(r, result, &prints) != PT_OK
        || ngx_pytake_status_text(r, &prints, &body) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_pytake_answer_send(r, NGX_HTTP_OK, "application/json", &body);
}


static ngx_int_t
ngx_pytake_status_text(ngx_http_request_t *r, pt_fingerprints_t *prints,
                       ngx_str_t *body)
{
    size_t                  size;
    u_char                 *p, *last;
    ngx_pytake_main_conf_t *pmcf;

    pmcf = ngx_pytake_main_conf(r);

    /* ngx_escape_json() makes six bytes of one at most */

    size = NGX_PYTAKE_STATUS_MAX + 6 * pmcf->hub.len;

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;
    last = p + size;

    p = ngx_slprintf(p, last,
                     "{\"version\":\"" PYTAKE_VERSION "\",\"schema\":%d,"
                     "\"nginx\":\"" NGINX_VERSION "\",\"pid\":%P,"
                     "\"workers\":%ui,\"loaded_s\":%T",
                     pytake_schema, ngx_pid, ngx_pytake_status_workers(),
                     ngx_max(ngx_time() - pmcf->loaded, 0));
    p = ngx_pytake_status_prints(p, last, prints);
    p = ngx_pytake_status_pools(p, last, pmcf);
    p = ngx_pytake_status_where(p, last, r);
    p = ngx_slprintf(p, last, "}");

    assert(p <= last);

    body->len = p - body->data;

    return NGX_OK;
}


static pt_err_t
ngx_pytake_status_identity(ngx_http_request_t        *r,
                           const pytake_sql_result_t *result,
                           pt_fingerprints_t         *prints)
{
    pt_err_t                err;
    pt_str_t                value[PT_FINGERPRINTS];
    pt_fingerprints_t       only;
    ngx_pytake_main_conf_t *pmcf;

    pmcf = ngx_pytake_main_conf(r);
    assert(pmcf->worker != NULL);
    *prints = pmcf->worker->prints;

    if (result->err != PT_OK) {
        return PT_OK;
    }

    ngx_memzero(value, sizeof(value));

    value[PT_FINGERPRINT_JWT_SECRET].data = (char *) pmcf->jwt_secret.data;
    value[PT_FINGERPRINT_JWT_SECRET].len = pmcf->jwt_secret.len;
    value[PT_FINGERPRINT_IDENTITY] =
        pt_cell_text(&result->rows[0], 0, PT_COL_HEALTH_IDENTITY_IDENTITY);

    err = pt_fingerprint_make(value, &only);

    ngx_memcpy(prints->of[PT_FINGERPRINT_IDENTITY],
               only.of[PT_FINGERPRINT_IDENTITY],
               sizeof(only.of[PT_FINGERPRINT_IDENTITY]));

    return err;
}


static ngx_uint_t
ngx_pytake_status_workers(void)
{
    ngx_core_conf_t *ccf;

    ccf =
        (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx, ngx_core_module);

    return (ngx_uint_t) ccf->worker_processes;
}


static u_char *
ngx_pytake_status_prints(u_char *p, u_char *last, pt_fingerprints_t *prints)
{
    ngx_uint_t  i;
    const char *sep;

    p = ngx_slprintf(p, last, ",\"fingerprints\":{");
    sep = "";

    for (i = 0; i < PT_FINGERPRINTS; i++) {

        if (i == PT_FINGERPRINT_ENCRYPTION_KEY) {
            continue; /* the sidecar alone has one */
        }

        p = ngx_slprintf(p, last, "%s\"%s\":", sep, pt_fingerprint_names[i]);
        p = prints->of[i][0] ? ngx_slprintf(p, last, "\"%s\"", prints->of[i])
                             : ngx_slprintf(p, last, "null");
        sep = ",";
    }

    return ngx_slprintf(p, last, "}");
}


static u_char *
ngx_pytake_status_pools(u_char *p, u_char *last, ngx_pytake_main_conf_t *pmcf)
{
    ngx_uint_t           c;
    ngx_pytake_slot_t    sum;
    ngx_pytake_gauges_t *g;
    ngx_pytake_worker_t *w;

    w = pmcf->worker;
    assert(w != NULL && w->slot != NULL);
    ngx_pytake_worker_publish(w);

    if (w->zone) {
        ngx_pytake_zone_sum(w->zone, &sum);

    } else {
        sum = *w->slot;
    }

    p = ngx_slprintf(p, last, ",\"reporting\":%uA,\"pools\":{", sum.pid);

    for (c = 0; c < NGX_PYTAKE_CLASSES; c++) {
        g = &sum.pool[c];

        p = ngx_slprintf(p, last,
                         "%s\"%s\":{\"max\":%ui,\"ready\":%uA,"
                         "\"connecting\":%uA,\"busy\":%uA,\"waiting\":%uA,"
                         "\"away\":%uA}",
                         c ? "," : "", ngx_pytake_zone_class_names[c],
                         pmcf->conns[c], g->conns, g->connecting, g->busy,
                         g->waiting, g->away);
    }

    if (w->redis == NULL) {
        return ngx_slprintf(p, last, "},\"redis\":null");
    }

    return ngx_slprintf(p, last, "},\"redis\":{\"up\":%uA}", sum.redis_up);
}


static u_char *
ngx_pytake_status_where(u_char *p, u_char *last, ngx_http_request_t *r)
{
    ngx_str_t *hub;

    hub = &ngx_pytake_main_conf(r)->hub;

    if (hub->len == 0) {
        return ngx_slprintf(p, last, ",\"hub\":null");
    }

    p = ngx_slprintf(p, last, ",\"hub\":{\"path\":\"");
    p = (u_char *) ngx_escape_json(p, hub->data, hub->len);

    return ngx_slprintf(p, last, "\",\"up\":%s}",
                        ngx_pytake_ctx_find(r)->hub_up ? "true" : "false");
}
