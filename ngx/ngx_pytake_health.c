/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * /health, /health/live and /health/ready.  The database is well when a
 * function of the schema answers now, Redis when it answered a PING lately,
 * the hub when it answered within the last second.
 */

#include "ngx_pytake.h"
#include "core/base/pt_cell.h"
#include "pt_stmt_table.h"

/* Days with partitions that have to lie ahead.  The sidecar makes 14: when
 * there are fewer than 7, it has been away for a week. */
#define NGX_PYTAKE_HEALTH_DAYS 7


static void       ngx_pytake_health_post(ngx_http_request_t *r);
static void       ngx_pytake_health_hub(ngx_http_request_t *r, ngx_str_t *body);
static ngx_int_t  ngx_pytake_health_answer(ngx_http_request_t        *r,
                                           const pytake_sql_result_t *result);
static ngx_uint_t ngx_pytake_health_database(ngx_pytake_worker_t       *w,
                                             const pytake_sql_result_t *result);
static ngx_uint_t ngx_pytake_health_late(const pytake_sql_result_t *result);
static ngx_int_t  ngx_pytake_live_answer(ngx_http_request_t *r);
static u_char    *ngx_pytake_health_time(u_char *p);


ngx_int_t
ngx_pytake_health_handler(ngx_http_request_t *r)
{
    ngx_pytake_ctx_t *ctx;

    ctx = ngx_pytake_ctx_get(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->route = NGX_PYTAKE_ROUTE_HEALTH;

    if (!(r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD))) {
        return ngx_pytake_problem_not_allowed(r);
    }

    return ngx_pytake_body_skip(r, ngx_pytake_health_post);
}


static void
ngx_pytake_health_post(ngx_http_request_t *r)
{
    if (ngx_pytake_loc_conf(r)->role == NGX_PYTAKE_LIVE) {
        ngx_http_finalize_request(r, ngx_pytake_live_answer(r));
        return;
    }

    if (ngx_pytake_main_conf(r)->hub.len) {
        ngx_pytake_hub_health(r, ngx_pytake_health_hub);
        return;
    }

    ngx_pytake_health_hub(r, NULL);
}


static void
ngx_pytake_health_hub(ngx_http_request_t *r, ngx_str_t *body)
{
    ngx_pytake_probe_t *p;

    ngx_pytake_ctx_find(r)->hub_up = (body != NULL);

    p = ngx_pytake_probe_new(r);
    if (p == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    pt_q_health_ping(ngx_pytake_probe_sql(p));
    ngx_pytake_probe_run(p, NGX_PYTAKE_HEALTH_TIMEOUT,
                         ngx_pytake_health_answer);
}


static ngx_int_t
ngx_pytake_health_answer(ngx_http_request_t        *r,
                         const pytake_sql_result_t *result)
{
    u_char              *p;
    ngx_str_t            body;
    ngx_uint_t           database, redis, hub, late, degraded;
    ngx_pytake_worker_t *w;

    w = ngx_pytake_main_conf(r)->worker;

    database = ngx_pytake_health_database(w, result);
    redis = w && w->redis && pt_redis_is_up(w->redis);
    hub = ngx_pytake_ctx_find(r)->hub_up;
    late = ngx_pytake_health_late(result);
    degraded = (w && w->redis && !redis)
               || (ngx_pytake_main_conf(r)->hub.len && !hub) || late;

    body.data = ngx_pnalloc(r->pool, 256);
    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_sprintf(body.data, "{\"status\":\"%s\",\"timestamp\":\"",
                    !database  ? "unhealthy"
                    : degraded ? "degraded"
                               : "healthy");
    p = ngx_pytake_health_time(p);
    p = ngx_sprintf(p,
                    "\",\"services\":{\"database\":%s,\"redis\":%s,"
                    "\"websocket\":%s}%s}",
                    database ? "true" : "false", redis ? "true" : "false",
                    hub ? "true" : "false",
                    late ? ",\"reasons\":[\"partitions\"]" : "");

    body.len = p - body.data;
    assert(body.len <= 256);

    return ngx_pytake_answer_send(
        r, database ? NGX_HTTP_OK : NGX_HTTP_SERVICE_UNAVAILABLE,
        "application/json", &body);
}


/* 1 when the database is well.  A full queue is this worker's load and no
 * illness: a balancer that took the node away for it would only load the other
 * nodes. */

static ngx_uint_t
ngx_pytake_health_database(ngx_pytake_worker_t       *w,
                           const pytake_sql_result_t *result)
{
    pt_pool_stats_t stats;

    if (result->err != PT_EBUSY) {
        return result->err == PT_OK;
    }

    assert(w != NULL && w->pool[PYTAKE_SQL_READ] != NULL);

    pt_pool_stats(w->pool[PYTAKE_SQL_READ], &stats);

    return !stats.away;
}


/* 1 when few days with partitions lie ahead.  Writes still work, so this makes
 * the answer "degraded" and no more. */

static ngx_uint_t
ngx_pytake_health_late(const pytake_sql_result_t *result)
{
    return result->err == PT_OK
           && pt_cell_i32(&result->rows[0], 0, PT_COL_HEALTH_PING_DAYS)
                  < NGX_PYTAKE_HEALTH_DAYS;
}


static ngx_int_t
ngx_pytake_live_answer(ngx_http_request_t *r)
{
    u_char   *p;
    ngx_str_t body;

    body.data = ngx_pnalloc(r->pool, 128);
    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_cpymem(body.data, "{\"status\":\"healthy\",\"timestamp\":\"",
                   sizeof("{\"status\":\"healthy\",\"timestamp\":\"") - 1);
    p = ngx_pytake_health_time(p);
    *p++ = '"';
    *p++ = '}';

    body.len = p - body.data;
    assert(body.len <= 128);

    return ngx_pytake_answer_send(r, NGX_HTTP_OK, "application/json", &body);
}


static u_char *
ngx_pytake_health_time(u_char *p)
{
    ngx_tm_t    tm;
    ngx_time_t *tp;

    tp = ngx_timeofday();
    ngx_gmtime(tp->sec, &tm);

    return ngx_sprintf(p, "%4d-%02d-%02dT%02d:%02d:%02d.%03MZ", tm.ngx_tm_year,
                       tm.ngx_tm_mon, tm.ngx_tm_mday, tm.ngx_tm_hour,
                       tm.ngx_tm_min, tm.ngx_tm_sec, tp->msec);
}
