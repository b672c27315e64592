/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * /metrics: the zone as Prometheus text.  Requests are counted here, too, in
 * the log phase, where their final status is known.
 */

#include "ngx_pytake.h"

#define NGX_PYTAKE_LINE_MAX 160           /* bytes of a line of a route */
#define NGX_PYTAKE_METRICS_HEAD_MAX 16384 /* bytes of all other lines */


static void      ngx_pytake_metrics_post(ngx_http_request_t *r);
static void      ngx_pytake_metrics_hub(ngx_http_request_t *r, ngx_str_t *hub);
static ngx_int_t ngx_pytake_metrics_answer(ngx_http_request_t *r,
                                           ngx_str_t          *hub);
static ngx_int_t ngx_pytake_metrics_text(ngx_http_request_t *r,
                                         ngx_pytake_zone_t *z, ngx_str_t *hub,
                                         ngx_str_t *body);
static u_char   *ngx_pytake_metrics_requests(u_char *p, u_char *last,
                                             ngx_pytake_zone_t *z);
static u_char   *ngx_pytake_metrics_latency(u_char *p, u_char *last,
                                            ngx_pytake_zone_t *z);
static u_char   *ngx_pytake_metrics_counters(u_char *p, u_char *last,
                                             ngx_pytake_zone_t *z);
static u_char   *ngx_pytake_metrics_database(u_char *p, u_char *last,
                                             ngx_pytake_zone_t *z);
static u_char   *ngx_pytake_metrics_gauges(u_char *p, u_char *last,
                                           ngx_pytake_zone_t *z);
static u_char   *ngx_pytake_metrics_pools(u_char *p, u_char *last,
                                          ngx_pytake_gauges_t *sum);


static const struct {
    const char *name;
    const char *help;
} ngx_pytake_counters[NGX_PYTAKE_C_MAX] = {
    { "pytake_client_aborts_total",
      "Requests whose client left before the answer." },
    { "pytake_detached_writes_total",
      "Writes that went on after their client had left." },
    { "pytake_queue_rejections_total",
      "Batches refused because a wait queue was full." },
    { "pytake_hash_rejections_total",
      "Logins refused because the hash queue was full." },
    { "pytake_hashes_total", "Password hashes verified." },
    { "pytake_login_waits_total",
      "Logins refused because of earlier wrong passwords." },
    { "pytake_events_published_total", "Events handed to Redis." },
    { "pytake_events_dropped_total",
      "Events not handed to Redis, found by polling later." },
    { "pytake_webhook_events_total", "Events that webhooks made." },
    { "pytake_redis_connects_total", "Connections made to Redis." },
    { "pytake_redis_failures_total", "Failed connections to Redis." }
};

/* Prometheus wants the lines of one metric together, so gauges of one name
 * stand beside each other. */

static const struct {
    const char *name;
    const char *label;
    const char *help;
    size_t      offset;
} ngx_pytake_gauges[] = {
    { "pytake_pool_connections", ",state=\"ready\"",
      "Database connections by state.", offsetof(ngx_pytake_gauges_t, conns) },
    { "pytake_pool_connections", ",state=\"connecting\"", "",
      offsetof(ngx_pytake_gauges_t, connecting) },
    { "pytake_pool_batches", ",state=\"busy\"", "Batches by state.",
      offsetof(ngx_pytake_gauges_t, busy) },
    { "pytake_pool_batches", ",state=\"waiting\"", "",
      offsetof(ngx_pytake_gauges_t, waiting) },
    { "pytake_pool_away", "", "Workers whose circuit breaker is open.",
      offsetof(ngx_pytake_gauges_t, away) }
};


ngx_int_t
ngx_pytake_metrics_handler(ngx_http_request_t *r)
{
    ngx_pytake_ctx_t       *ctx;
    ngx_pytake_main_conf_t *pmcf;

    ctx = ngx_pytake_ctx_get(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->route = NGX_PYTAKE_ROUTE_METRICS;

    if (!(r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD))) {
        return ngx_pytake_problem_not_allowed(r);
    }

    if (ngx_pytake_loc_conf(r)->role == NGX_PYTAKE_METRICS
        && !ngx_pytake_local_is(r))
    {
        return ngx_pytake_problem_send(r, NGX_HTTP_FORBIDDEN);
    }

    pmcf = ngx_pytake_main_conf(r);

    if (pmcf->zone == NULL || pmcf->zone->data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_pytake_body_skip(r, ngx_pytake_metrics_post);
}


ngx_int_t
ngx_pytake_metrics_log(ngx_http_request_t *r)
{
    int64_t                 us;
    ngx_uint_t              route, status;
    pytake_op_info_t        info;
    ngx_pytake_ctx_t       *ctx;
    ngx_pytake_main_conf_t *pmcf;

    pmcf = ngx_pytake_main_conf(r);
    ctx = ngx_pytake_ctx_find(r);

    if (ctx == NULL || pmcf->worker == NULL || r != r->main) {
        return NGX_OK;
    }

    route = ctx->route;

    if (route == 0 && ngx_pytake_ctx_info(ctx, &info) == NGX_OK) {
        route = info.route;
    }

    /* the time of a WebSocket is that of its admission, not that of its
     * life */

    status = r->err_status ? r->err_status : r->headers_out.status;
    us = (ctx->handed_us ? ctx->handed_us : ngx_pytake_clock_mono_us())
         - ctx->start_us;

    ngx_pytake_zone_request(pmcf->worker->zone, route, status,
                            (ngx_uint_t) (us > 0 ? us : 0));

    return NGX_OK;
}


const char *
ngx_pytake_metrics_route_name(ngx_uint_t route)
{
    assert(route < NGX_PYTAKE_ROUTES);

    if (route < pytake_routes_count) {
        return pytake_routes_names[route];
    }

    return route == NGX_PYTAKE_ROUTE_HEALTH    ? "health"
           : route == NGX_PYTAKE_ROUTE_METRICS ? "metrics"
           : route == NGX_PYTAKE_ROUTE_STATUS  ? "status"
                                               : "websocket";
}


static void
ngx_pytake_metrics_post(ngx_http_request_t *r)
{
    ngx_pytake_main_conf_t *pmcf;

    pmcf = ngx_pytake_main_conf(r);

    if (pmcf->worker && pmcf->used) {
        ngx_pytake_worker_publish(pmcf->worker);
    }

    if (pmcf->hub.len) {
        ngx_pytake_hub_metrics(r, ngx_pytake_metrics_hub);
        return;
    }

    ngx_pytake_metrics_hub(r, NULL);
}


static void
ngx_pytake_metrics_hub(ngx_http_request_t *r, ngx_str_t *hub)
{
    ngx_http_finalize_request(r, ngx_pytake_metrics_answer(r, hub));
}


static ngx_int_t
ngx_pytake_metrics_answer(ngx_http_request_t *r, ngx_str_t *hub)
{
    ngx_str_t               body;
    ngx_pytake_main_conf_t *pmcf;

    pmcf = ngx_pytake_main_conf(r);
    assert(pmcf->zone != NULL && pmcf->zone->data != NULL);

    if (ngx_pytake_metrics_text(r, pmcf->zone->data, hub, &body) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_pytake_answer_send(
        r, NGX_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", &body);
}


static ngx_int_t
ngx_pytake_metrics_text(ngx_http_request_t *r, ngx_pytake_zone_t *z,
                        ngx_str_t *hub, ngx_str_t *body)
{
    size_t  size;
    u_char *p, *last;

    size = NGX_PYTAKE_METRICS_HEAD_MAX
           + NGX_PYTAKE_ROUTES * (NGX_PYTAKE_BUCKETS + 8) * NGX_PYTAKE_LINE_MAX
           + (hub ? hub->len : 0);

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;
    last = p + size;

    p = ngx_pytake_metrics_requests(p, last, z);
    p = ngx_pytake_metrics_latency(p, last, z);
    p = ngx_pytake_metrics_counters(p, last, z);
    p = ngx_pytake_metrics_database(p, last, z);
    p = ngx_pytake_metrics_gauges(p, last, z);

    if (ngx_pytake_main_conf(r)->hub.len) {
        p = ngx_slprintf(p, last,
                         "# HELP pytake_hub_up Whether the hub answers.\n"
                         "# TYPE pytake_hub_up gauge\npytake_hub_up %d\n",
                         hub != NULL);
    }

    if (hub) {
        p = ngx_cpymem(p, hub->data, ngx_min(hub->len, (size_t) (last - p)));
    }

    assert(p <= last);
    body->len = p - body->data;

    return NGX_OK;
}


static u_char *
ngx_pytake_metrics_requests(u_char *p, u_char *last, ngx_pytake_zone_t *z)
{
    ngx_uint_t               i, c;
    ngx_pytake_zone_route_t *zr;

    p = ngx_slprintf(p, last,
                     "# HELP pytake_requests_total Requests by operation and "
                     "class of status.\n"
                     "# TYPE pytake_requests_total counter\n");

    for (i = 0; i < z->layout; i++) {
        zr = &z->route[i];

        for (c = 0; c < 6; c++) {
            if (zr->status[c] == 0) {
                continue;
            }

            p = ngx_slprintf(p, last,
                             "pytake_requests_total{op=\"%s\","
                             "status=\"%uixx\"} %uA\n",
                             ngx_pytake_metrics_route_name(i), c,
                             zr->status[c]);
        }
    }

    return p;
}


static u_char *
ngx_pytake_metrics_latency(u_char *p, u_char *last, ngx_pytake_zone_t *z)
{
    ngx_uint_t               i, b, us;
    const char              *name;
    ngx_atomic_uint_t        sum;
    ngx_pytake_zone_route_t *zr;

    p = ngx_slprintf(p, last,
                     "# HELP pytake_request_seconds Time from the request's "
                     "header to its end.\n"
                     "# TYPE pytake_request_seconds histogram\n");

    for (i = 0; i < z->layout; i++) {
        zr = &z->route[i];
        name = ngx_pytake_metrics_route_name(i);
        sum = 0;

        for (b = 0; b < NGX_PYTAKE_BUCKETS; b++) {
            sum += zr->bucket[b];
        }

        if (sum == 0) {
            continue;
        }

        sum = 0;

        for (b = 0; b < NGX_PYTAKE_BUCKETS - 1; b++) {
            sum += zr->bucket[b];
            us = ngx_pytake_zone_bucket_us[b];

            p = ngx_slprintf(p, last,
                             "pytake_request_seconds_bucket{op="
                             "\"%s\",le=\"%ui.%04ui\"} %uA\n",
                             name, us / 1000000, us % 1000000 / 100, sum);
        }

        sum += zr->bucket[b];

        p = ngx_slprintf(p, last,
                         "pytake_request_seconds_bucket{op=\"%s\","
                         "le=\"+Inf\"} %uA\n"
                         "pytake_request_seconds_sum{op=\"%s\"} %uA.%06uA\n"
                         "pytake_request_seconds_count{op=\"%s\"} %uA\n",
                         name, sum, name, zr->sum_us / 1000000,
                         zr->sum_us % 1000000, name, sum);
    }

    return p;
}


static u_char *
ngx_pytake_metrics_counters(u_char *p, u_char *last, ngx_pytake_zone_t *z)
{
    ngx_uint_t i;

    for (i = 0; i < NGX_PYTAKE_C_MAX; i++) {
        p = ngx_slprintf(p, last, "# HELP %s %s\n# TYPE %s counter\n%s %uA\n",
                         ngx_pytake_counters[i].name,
                         ngx_pytake_counters[i].help,
                         ngx_pytake_counters[i].name,
                         ngx_pytake_counters[i].name, z->counter[i]);
    }

    return p;
}


static u_char *
ngx_pytake_metrics_database(u_char *p, u_char *last, ngx_pytake_zone_t *z)
{
    ngx_uint_t               i, c;
    ngx_atomic_uint_t        v;
    ngx_pytake_zone_class_t *zc;
    static const char *const names[] = { "batches", "errors", "timeouts",
                                         "connects", "connect_failures" };

    p = ngx_slprintf(p, last,
                     "# HELP pytake_database_seconds Time of batches, wait "
                     "for a connection included.\n"
                     "# TYPE pytake_database_seconds summary\n");

    for (c = 0; c < NGX_PYTAKE_CLASSES; c++) {
        zc = &z->class[c];

        p = ngx_slprintf(p, last,
                         "pytake_database_seconds_sum{pool=\"%s\"} "
                         "%uA.%06uA\n"
                         "pytake_database_seconds_count{pool=\"%s\"} %uA\n",
                         ngx_pytake_zone_class_names[c],
                         zc->time_sum_us / 1000000, zc->time_sum_us % 1000000,
                         ngx_pytake_zone_class_names[c], zc->time_count);
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        p = ngx_slprintf(p, last,
                         "# TYPE pytake_database_%s_total "
                         "counter\n",
                         names[i]);

        for (c = 0; c < NGX_PYTAKE_CLASSES; c++) {
            zc = &z->class[c];

            v = i == 0   ? zc->batches
                : i == 1 ? zc->errors
                : i == 2 ? zc->timeouts
                : i == 3 ? zc->connects
                         : zc->connect_failures;

            p = ngx_slprintf(p, last,
                             "pytake_database_%s_total{pool=\"%s\"} %uA\n",
                             names[i], ngx_pytake_zone_class_names[c], v);
        }
    }

    return p;
}


static u_char *
ngx_pytake_metrics_gauges(u_char *p, u_char *last, ngx_pytake_zone_t *z)
{
    ngx_pytake_slot_t sum;

    ngx_pytake_zone_sum(z, &sum);

    p = ngx_slprintf(p, last,
                     "# TYPE pytake_build_info gauge\n"
                     "pytake_build_info{version=\"" PYTAKE_VERSION "\"} 1\n"
                     "# HELP pytake_workers Workers that report gauges.\n"
                     "# TYPE pytake_workers gauge\npytake_workers %uA\n"
                     "# HELP pytake_redis_up Workers whose Redis answers.\n"
                     "# TYPE pytake_redis_up gauge\npytake_redis_up %uA\n"
                     "# TYPE pytake_operations gauge\n"
                     "pytake_operations %uA\n"
                     "# TYPE pytake_hashes_waiting gauge\n"
                     "pytake_hashes_waiting %uA\n",
                     sum.pid, sum.redis_up, sum.operations, sum.hashes_waiting);

    return ngx_pytake_metrics_pools(p, last, sum.pool);
}


static u_char *
ngx_pytake_metrics_pools(u_char *p, u_char *last, ngx_pytake_gauges_t *sum)
{
    u_char     *g;
    ngx_uint_t  i, c;
    const char *name;

    name = "";

    for (i = 0; i < sizeof(ngx_pytake_gauges) / sizeof(ngx_pytake_gauges[0]);
         i++) {
        if (ngx_strcmp(name, ngx_pytake_gauges[i].name) != 0) {
            name = ngx_pytake_gauges[i].name;
            p = ngx_slprintf(p, last, "# HELP %s %s\n# TYPE %s gauge\n", name,
                             ngx_pytake_gauges[i].help, name);
        }

        for (c = 0; c < NGX_PYTAKE_CLASSES; c++) {
            g = (u_char *) &sum[c] + ngx_pytake_gauges[i].offset;

            p = ngx_slprintf(p, last, "%s{pool=\"%s\"%s} %uA\n", name,
                             ngx_pytake_zone_class_names[c],
                             ngx_pytake_gauges[i].label, *(ngx_atomic_t *) g);
        }
    }

    return p;
}
