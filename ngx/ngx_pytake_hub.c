/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * What a worker asks the hub over its unix socket: its health, which is kept
 * for a second; its metrics; and, when the worker leaves, to send the worker's
 * WebSockets away little by little.  Each connection carries one HTTP/1.1
 * request with a deadline.  NGINX proxies the WebSockets themselves.
 */

#include "ngx_pytake_hub_call.h"

#define NGX_PYTAKE_HUB_LEAVE_TIMEOUT 1000 /* ms for the answer to a drain */
#define NGX_PYTAKE_HUB_HEAD "Host: hub\r\nConnection: close\r\n\r\n"


/* A request that waits for the answer about health, in its own r->pool. */
typedef struct {
    ngx_queue_t         queue;   /* in the waiters of the call */
    ngx_http_request_t *request; /* NULL: it has its answer, or has ended */
    ngx_pytake_hub_pt   handler;
} ngx_pytake_hub_waiter_t;


static ngx_int_t ngx_pytake_hub_health_ask(ngx_pytake_worker_t *w);
static void      ngx_pytake_hub_health_done(ngx_pytake_hub_call_t *call);
static void      ngx_pytake_hub_unwait(void *data);
static void      ngx_pytake_hub_metrics_done(ngx_pytake_hub_call_t *call);
static void      ngx_pytake_hub_forget(void *data);
static void      ngx_pytake_hub_leave_done(ngx_pytake_hub_call_t *call);
static void ngx_pytake_hub_say(ngx_http_request_t *r, ngx_pytake_hub_pt handler,
                               ngx_str_t *body);


void
ngx_pytake_hub_health(ngx_http_request_t *r, ngx_pytake_hub_pt handler)
{
    ngx_str_t                yes = ngx_string("ok");
    ngx_http_cleanup_t      *cln;
    ngx_pytake_worker_t     *w;
    ngx_pytake_hub_waiter_t *waiter;

    w = ngx_pytake_main_conf(r)->worker;

    if (w == NULL) {
        handler(r, NULL);
        return;
    }

    if (w->hub_known && ngx_current_msec - w->hub_asked < NGX_PYTAKE_HUB_FRESH)
    {
        handler(r, w->hub_up ? &yes : NULL);
        return;
    }

    cln = ngx_http_cleanup_add(r, sizeof(ngx_pytake_hub_waiter_t));

    if (cln == NULL) {
        handler(r, NULL);
        return;
    }

    /* a worker asks one question at a time: later requests wait for the answer
     * to it */

    if (w->hub_health == NULL && ngx_pytake_hub_health_ask(w) != NGX_OK) {
        handler(r, NULL);
        return;
    }

    assert(w->hub_health != NULL);

    waiter = cln->data;
    waiter->request = r;
    waiter->handler = handler;
    ngx_queue_insert_tail(&w->hub_health->waiters, &waiter->queue);

    cln->handler = ngx_pytake_hub_unwait;

    ngx_pytake_abort_watch(r);
}


void
ngx_pytake_hub_metrics(ngx_http_request_t *r, ngx_pytake_hub_pt handler)
{
    ngx_http_cleanup_t    *cln;
    ngx_pytake_worker_t   *w;
    ngx_pytake_hub_call_t *call;

    w = ngx_pytake_main_conf(r)->worker;
    cln = ngx_http_cleanup_add(r, 0);
    call =
        w && cln ? ngx_pytake_hub_call(w, ngx_pytake_hub_metrics_done) : NULL;

    if (call == NULL) {
        handler(r, NULL);
        return;
    }

    call->request_len =
        ngx_sprintf(call->text, "GET /metrics HTTP/1.1\r\n" NGX_PYTAKE_HUB_HEAD)
        - call->text;

    if (ngx_pytake_hub_call_start(call, NGX_PYTAKE_HUB_TIMEOUT) != NGX_OK) {
        ngx_pytake_hub_call_free(call);
        handler(r, NULL);
        return;
    }

    call->request = r;
    call->handler = handler;
    cln->handler = ngx_pytake_hub_forget;
    cln->data = call;

    ngx_pytake_abort_watch(r);
}


/* It is asked again until the hub has answered.  When the hub is away, so are
 * the WebSockets, and nothing is lost. */

void
ngx_pytake_hub_leave(ngx_pytake_worker_t *w)
{
    ngx_pytake_hub_call_t *call;

    if (w->conf->hub.len == 0 || !w->conf->websocket || w->hub_left) {
        return;
    }

    call = ngx_pytake_hub_call(w, ngx_pytake_hub_leave_done);

    if (call == NULL) {
        return;
    }

    call->request_len = ngx_sprintf(call->text,
                                    "POST /drain?pid=%P&spread_ms=%M "
                                    "HTTP/1.1\r\n" NGX_PYTAKE_HUB_HEAD,
                                    ngx_pid, w->conf->hub_spread)
                        - call->text;

    w->hub_left = 1;

    if (ngx_pytake_hub_call_start(call, NGX_PYTAKE_HUB_LEAVE_TIMEOUT) != NGX_OK)
    {
        w->hub_left = 0;
        ngx_pytake_hub_call_free(call);
    }
}


void
ngx_pytake_hub_drop_all(ngx_pytake_worker_t *w)
{
    ngx_queue_t *q;

    while (!ngx_queue_empty(&w->hub_calls)) {
        q = ngx_queue_head(&w->hub_calls);
        ngx_pytake_hub_call_free(
            ngx_queue_data(q, ngx_pytake_hub_call_t, queue));
    }

    w->hub_health = NULL;
}


/* Asks the hub for its health.  When it cannot even be connected to, it is
 * known to be away. */

static ngx_int_t
ngx_pytake_hub_health_ask(ngx_pytake_worker_t *w)
{
    ngx_pytake_hub_call_t *call;

    call = ngx_pytake_hub_call(w, ngx_pytake_hub_health_done);
    if (call == NULL) {
        return NGX_ERROR;
    }

    call->request_len =
        ngx_sprintf(call->text, "GET /health HTTP/1.1\r\n" NGX_PYTAKE_HUB_HEAD)
        - call->text;

    if (ngx_pytake_hub_call_start(call, NGX_PYTAKE_HUB_TIMEOUT) != NGX_OK) {
        ngx_pytake_hub_call_free(call);
        w->hub_known = 1;
        w->hub_up = 0;
        w->hub_asked = ngx_current_msec;
        return NGX_ERROR;
    }

    w->hub_health = call;

    return NGX_OK;
}


static void
ngx_pytake_hub_health_done(ngx_pytake_hub_call_t *call)
{
    ngx_queue_t             *q;
    ngx_http_request_t      *r;
    ngx_pytake_hub_pt        handler;
    ngx_pytake_worker_t     *w;
    ngx_pytake_hub_waiter_t *waiter;

    w = call->worker;
    assert(w->hub_health == call);
    w->hub_health = NULL;
    w->hub_known = 1;
    w->hub_up = (call->body.data != NULL);
    w->hub_asked = ngx_current_msec;

    while (!ngx_queue_empty(&call->waiters)) {
        q = ngx_queue_head(&call->waiters);
        ngx_queue_remove(q);

        waiter = ngx_queue_data(q, ngx_pytake_hub_waiter_t, queue);
        r = waiter->request;
        handler = waiter->handler;
        waiter->request = NULL;

        ngx_pytake_hub_say(r, handler, w->hub_up ? &call->body : NULL);
    }
}


static void
ngx_pytake_hub_unwait(void *data)
{
    ngx_pytake_hub_waiter_t *waiter = data;

    if (waiter->request) {
        ngx_queue_remove(&waiter->queue);
        waiter->request = NULL;
    }
}


static void
ngx_pytake_hub_metrics_done(ngx_pytake_hub_call_t *call)
{
    ngx_http_request_t *r;
    ngx_http_cleanup_t *cln;

    r = call->request;

    if (r == NULL) {
        return;
    }

    for (cln = r->main->cleanup; cln; cln = cln->next) {
        if (cln->data == call) {
            cln->handler = NULL;
        }
    }

    ngx_pytake_hub_say(r, call->handler, call->body.data ? &call->body : NULL);
}


static void
ngx_pytake_hub_forget(void *data)
{
    ngx_pytake_hub_call_t *call = data;

    call->request = NULL;
}


static void
ngx_pytake_hub_leave_done(ngx_pytake_hub_call_t *call)
{
    if (call->body.data == NULL) {
        call->worker->hub_left = 0;
    }
}


/* Calls the handler from an event of the hub's connection, so the log has to
 * be given the request, and what the handler posted has to be run. */

static void
ngx_pytake_hub_say(ngx_http_request_t *r, ngx_pytake_hub_pt handler,
                   ngx_str_t *body)
{
    ngx_connection_t *c;

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    handler(r, body);

    ngx_http_run_posted_requests(c);
}
