/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * What a worker asks the hub over its unix socket: how it is (kept for a
 * second), its metrics, and, when the worker leaves, to send the worker's
 * sockets away with pace.  One HTTP/1.1 request a connection, a deadline on
 * each; WebSockets themselves are proxied by nginx.
 */

#include "ngx_pytake.h"
#include <sys/un.h>

#define NGX_PYTAKE_HUB_BUF 4096
#define NGX_PYTAKE_HUB_REQUEST_MAX 192
#define NGX_PYTAKE_HUB_BODY_MAX (4 * 1024 * 1024)
#define NGX_PYTAKE_HUB_LEAVE_TIMEOUT 1000
#define NGX_PYTAKE_HUB_HEAD "Host: hub\r\nConnection: close\r\n\r\n"


struct ngx_pytake_hub_call_s {
    ngx_queue_t           queue;        /* of the worker's calls */
    ngx_pytake_worker_t  *worker;
    ngx_http_request_t   *request;      /* NULL: nobody waits any more */
    ngx_pytake_hub_pt     handler;
    void                (*done)(ngx_pytake_hub_call_t *call);
    pt_io_t              *io;
    pt_timer_t           *timer;
    ngx_socket_t          fd;
    size_t                sent;
    size_t                request_len;
    u_char                text[NGX_PYTAKE_HUB_REQUEST_MAX];
    u_char               *buf;
    size_t                size;
    size_t                len;
    ngx_str_t             body;         /* of a 2xx; data NULL: none came */
    ngx_queue_t           waiters;      /* for the answer about health */
};

typedef struct {
    ngx_queue_t           queue;
    ngx_http_request_t   *request;
    ngx_pytake_hub_pt     handler;
} ngx_pytake_hub_waiter_t;


static void ngx_pytake_hub_health_done(ngx_pytake_hub_call_t *call);
static void ngx_pytake_hub_unwait(void *data);
static void ngx_pytake_hub_metrics_done(ngx_pytake_hub_call_t *call);
static void ngx_pytake_hub_forget(void *data);
static void ngx_pytake_hub_leave_done(ngx_pytake_hub_call_t *call);
static void ngx_pytake_hub_answer(ngx_http_request_t *r,
    ngx_pytake_hub_pt handler, ngx_str_t *body);
static ngx_pytake_hub_call_t *ngx_pytake_hub_call(ngx_pytake_worker_t *w,
    void (*done)(ngx_pytake_hub_call_t *call));
static ngx_int_t ngx_pytake_hub_start(ngx_pytake_hub_call_t *call,
    ngx_msec_t timeout);
static ngx_int_t ngx_pytake_hub_connect(ngx_pytake_hub_call_t *call);
static void ngx_pytake_hub_event(void *data, int events);
static ngx_int_t ngx_pytake_hub_send(ngx_pytake_hub_call_t *call);
static ngx_int_t ngx_pytake_hub_recv(ngx_pytake_hub_call_t *call);
static ngx_int_t ngx_pytake_hub_grow(ngx_pytake_hub_call_t *call);
static void ngx_pytake_hub_parse(ngx_pytake_hub_call_t *call);
static void ngx_pytake_hub_timeout(void *data);
static void ngx_pytake_hub_close(ngx_pytake_hub_call_t *call);
static void ngx_pytake_hub_finish(ngx_pytake_hub_call_t *call);
static void ngx_pytake_hub_free(ngx_pytake_hub_call_t *call);


/* One question at a time, whoever wants to know */

void
ngx_pytake_hub_health(ngx_http_request_t *r, ngx_pytake_hub_pt handler)
{
    ngx_str_t                 yes = ngx_string("ok");
    ngx_http_cleanup_t       *cln;
    ngx_pytake_worker_t      *w;
    ngx_pytake_hub_call_t    *call;
    ngx_pytake_hub_waiter_t  *waiter;

    w = ngx_pytake_main_conf(r)->worker;

    if (w == NULL) {
        handler(r, NULL);
        return;
    }

    if (w->hub_known
        && ngx_current_msec - w->hub_asked < NGX_PYTAKE_HUB_FRESH)
    {
        handler(r, w->hub_up ? &yes : NULL);
        return;
    }

    cln = ngx_http_cleanup_add(r, sizeof(ngx_pytake_hub_waiter_t));

    if (cln == NULL) {
        handler(r, NULL);
        return;
    }

    if (w->hub_health == NULL) {
        call = ngx_pytake_hub_call(w, ngx_pytake_hub_health_done);

        if (call == NULL) {
            handler(r, NULL);
            return;
        }

        call->request_len = ngx_sprintf(call->text, "GET /health HTTP/1.1\r\n"
                                        NGX_PYTAKE_HUB_HEAD) - call->text;

        w->hub_known = 1;
        w->hub_up = 0;
        w->hub_asked = ngx_current_msec;

        if (ngx_pytake_hub_start(call, NGX_PYTAKE_HUB_TIMEOUT) != NGX_OK) {
            ngx_pytake_hub_free(call);
            handler(r, NULL);
            return;
        }

        w->hub_known = 0;
        w->hub_health = call;
    }

    waiter = cln->data;
    waiter->request = r;
    waiter->handler = handler;
    ngx_queue_insert_tail(&w->hub_health->waiters, &waiter->queue);

    cln->handler = ngx_pytake_hub_unwait;

    ngx_pytake_watch(r);
}


void
ngx_pytake_hub_metrics(ngx_http_request_t *r, ngx_pytake_hub_pt handler)
{
    ngx_http_cleanup_t     *cln;
    ngx_pytake_worker_t    *w;
    ngx_pytake_hub_call_t  *call;

    w = ngx_pytake_main_conf(r)->worker;
    cln = ngx_http_cleanup_add(r, 0);
    call = w && cln ? ngx_pytake_hub_call(w, ngx_pytake_hub_metrics_done)
                    : NULL;

    if (call == NULL) {
        handler(r, NULL);
        return;
    }

    call->request_len = ngx_sprintf(call->text, "GET /metrics HTTP/1.1\r\n"
                                    NGX_PYTAKE_HUB_HEAD) - call->text;

    if (ngx_pytake_hub_start(call, NGX_PYTAKE_HUB_TIMEOUT) != NGX_OK) {
        ngx_pytake_hub_free(call);
        handler(r, NULL);
        return;
    }

    call->request = r;
    call->handler = handler;
    cln->handler = ngx_pytake_hub_forget;
    cln->data = call;

    ngx_pytake_watch(r);
}


/* Said until it is heard; with the hub away there is nobody to drain */

void
ngx_pytake_hub_leave(ngx_pytake_worker_t *w)
{
    ngx_pytake_hub_call_t  *call;

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

    if (ngx_pytake_hub_start(call, NGX_PYTAKE_HUB_LEAVE_TIMEOUT) != NGX_OK) {
        w->hub_left = 0;
        ngx_pytake_hub_free(call);
    }
}


void
ngx_pytake_hub_drop_all(ngx_pytake_worker_t *w)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&w->hub_calls)) {
        q = ngx_queue_head(&w->hub_calls);
        ngx_pytake_hub_free(ngx_queue_data(q, ngx_pytake_hub_call_t, queue));
    }

    w->hub_health = NULL;
}


static void
ngx_pytake_hub_health_done(ngx_pytake_hub_call_t *call)
{
    ngx_queue_t              *q;
    ngx_http_request_t       *r;
    ngx_pytake_hub_pt         handler;
    ngx_pytake_worker_t      *w;
    ngx_pytake_hub_waiter_t  *waiter;

    w = call->worker;
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

        ngx_pytake_hub_answer(r, handler, w->hub_up ? &call->body : NULL);
    }
}


static void
ngx_pytake_hub_unwait(void *data)
{
    ngx_pytake_hub_waiter_t  *waiter = data;

    if (waiter->request) {
        ngx_queue_remove(&waiter->queue);
        waiter->request = NULL;
    }
}


static void
ngx_pytake_hub_metrics_done(ngx_pytake_hub_call_t *call)
{
    ngx_http_request_t  *r;
    ngx_http_cleanup_t  *cln;

    r = call->request;

    if (r == NULL) {
        return;
    }

    for (cln = r->main->cleanup; cln; cln = cln->next) {
        if (cln->data == call) {
            cln->handler = NULL;
        }
    }

    ngx_pytake_hub_answer(r, call->handler,
                          call->body.data ? &call->body : NULL);
}


static void
ngx_pytake_hub_forget(void *data)
{
    ngx_pytake_hub_call_t  *call = data;

    call->request = NULL;
}


static void
ngx_pytake_hub_leave_done(ngx_pytake_hub_call_t *call)
{
    if (call->body.data == NULL) {
        call->worker->hub_left = 0;
    }
}


/* From an event that is not the request's own */

static void
ngx_pytake_hub_answer(ngx_http_request_t *r, ngx_pytake_hub_pt handler,
    ngx_str_t *body)
{
    ngx_connection_t  *c;

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    handler(r, body);

    ngx_http_run_posted_requests(c);
}


static ngx_pytake_hub_call_t *
ngx_pytake_hub_call(ngx_pytake_worker_t *w,
    void (*done)(ngx_pytake_hub_call_t *call))
{
    ngx_pytake_hub_call_t  *call;

    call = ngx_calloc(sizeof(ngx_pytake_hub_call_t), ngx_cycle->log);
    if (call == NULL) {
        return NULL;
    }

    call->worker = w;
    call->done = done;
    call->fd = (ngx_socket_t) -1;

    ngx_queue_init(&call->waiters);
    ngx_queue_insert_tail(&w->hub_calls, &call->queue);

    return call;
}


/* Its handler does not run inside this call */

static ngx_int_t
ngx_pytake_hub_start(ngx_pytake_hub_call_t *call, ngx_msec_t timeout)
{
    pt_loop_t  *loop;

    loop = &call->worker->loop.loop;

    call->buf = ngx_alloc(NGX_PYTAKE_HUB_BUF, ngx_cycle->log);
    call->size = NGX_PYTAKE_HUB_BUF;

    if (call->buf == NULL || ngx_pytake_hub_connect(call) != NGX_OK) {
        return NGX_ERROR;
    }

    call->io = loop->ops->io_new(loop, call->fd, ngx_pytake_hub_event, call);
    call->timer = loop->ops->timer_new(loop, PT_TIMER_HOLD,
                                       ngx_pytake_hub_timeout, call);

    if (call->io == NULL || call->timer == NULL
        || loop->ops->io_want(call->io, PT_IO_READ|PT_IO_WRITE) != PT_OK)
    {
        return NGX_ERROR;
    }

    loop->ops->timer_set(call->timer, (uint32_t) timeout);

    return NGX_OK;
}


/* A unix socket connects at once, or not at all (its queue is full) */

static ngx_int_t
ngx_pytake_hub_connect(ngx_pytake_hub_call_t *call)
{
    ngx_str_t           *path;
    struct sockaddr_un   sun;

    path = &call->worker->conf->hub;

    ngx_memzero(&sun, sizeof(struct sockaddr_un));
    sun.sun_family = AF_UNIX;
    ngx_memcpy(sun.sun_path, path->data, path->len);

    call->fd = ngx_socket(AF_UNIX, SOCK_STREAM, 0);

    if (call->fd == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_socket_errno,
                      "pytake: " ngx_socket_n " failed");
        return NGX_ERROR;
    }

    if (ngx_nonblocking(call->fd) == -1
        || connect(call->fd, (struct sockaddr *) &sun,
                   sizeof(struct sockaddr_un)) == -1)
    {
        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, ngx_socket_errno,
                      "pytake: connect() to hub \"%V\" failed", path);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_pytake_hub_event(void *data, int events)
{
    ngx_int_t               rc;
    pt_loop_t              *loop;
    ngx_pytake_hub_call_t  *call = data;

    loop = &call->worker->loop.loop;
    rc = NGX_AGAIN;

    if (call->sent < call->request_len) {
        rc = ngx_pytake_hub_send(call);

        if (rc == NGX_OK) {
            rc = loop->ops->io_want(call->io, PT_IO_READ) == PT_OK
                 ? NGX_AGAIN : NGX_ERROR;
        }
    }

    if (rc == NGX_AGAIN && (events & PT_IO_READ)) {
        rc = ngx_pytake_hub_recv(call);
    }

    if (rc == NGX_AGAIN) {
        return;
    }

    if (rc == NGX_OK) {
        ngx_pytake_hub_parse(call);
    }

    ngx_pytake_hub_finish(call);
}


static ngx_int_t
ngx_pytake_hub_send(ngx_pytake_hub_call_t *call)
{
    ssize_t  n;

    n = send(call->fd, call->text + call->sent,
             call->request_len - call->sent, MSG_NOSIGNAL);

    if (n == -1) {
        return (ngx_socket_errno == NGX_EAGAIN
                || ngx_socket_errno == NGX_EINTR) ? NGX_AGAIN : NGX_ERROR;
    }

    call->sent += (size_t) n;

    return call->sent == call->request_len ? NGX_OK : NGX_AGAIN;
}


/* NGX_OK: all of it */

static ngx_int_t
ngx_pytake_hub_recv(ngx_pytake_hub_call_t *call)
{
    ssize_t  n;

    for ( ;; ) {

        if (call->len == call->size && ngx_pytake_hub_grow(call) != NGX_OK) {
            return NGX_ERROR;
        }

        n = recv(call->fd, call->buf + call->len,
                 call->size - call->len, 0);

        if (n == 0) {
            return NGX_OK;
        }

        if (n == -1) {
            return (ngx_socket_errno == NGX_EAGAIN
                    || ngx_socket_errno == NGX_EINTR) ? NGX_AGAIN
                                                      : NGX_ERROR;
        }

        call->len += (size_t) n;
    }
}


static ngx_int_t
ngx_pytake_hub_grow(ngx_pytake_hub_call_t *call)
{
    u_char  *p;

    if (call->size >= NGX_PYTAKE_HUB_BODY_MAX) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "pytake: hub sent too large an answer");
        return NGX_ERROR;
    }

    p = ngx_alloc(call->size * 4, ngx_cycle->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, call->buf, call->len);
    ngx_free(call->buf);

    call->buf = p;
    call->size *= 4;

    return NGX_OK;
}


/* A 2xx whose body is as long as it said */

static void
ngx_pytake_hub_parse(ngx_pytake_hub_call_t *call)
{
    u_char     *p, *last, *body;
    ngx_int_t   n;

    last = call->buf + call->len;

    if (call->len < sizeof("HTTP/1.1 200") - 1
        || ngx_strncmp(call->buf, "HTTP/1.1 2", 10) != 0)
    {
        return;
    }

    for (body = call->buf; body + 4 <= last; body++) {
        if (ngx_memcmp(body, "\r\n\r\n", 4) == 0) {
            break;
        }
    }

    if (body + 4 > last) {
        return;
    }

    p = ngx_strlcasestrn(call->buf, body, (u_char *) "content-length:",
                         sizeof("content-length:") - 2);
    body += 4;

    if (p) {
        for (p += sizeof("content-length:") - 1; *p == ' '; p++) {
            /* void */
        }

        for (n = 0; *p >= '0' && *p <= '9' && n < NGX_PYTAKE_HUB_BODY_MAX; p++)
        {
            n = n * 10 + (*p - '0');
        }

        if (n != last - body) {
            return;
        }
    }

    call->body.data = body;
    call->body.len = last - body;
}


static void
ngx_pytake_hub_timeout(void *data)
{
    ngx_pytake_hub_call_t  *call = data;

    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                  "pytake: hub did not answer in time");

    ngx_pytake_hub_finish(call);
}


static void
ngx_pytake_hub_close(ngx_pytake_hub_call_t *call)
{
    pt_loop_t  *loop;

    loop = &call->worker->loop.loop;

    if (call->io) {
        loop->ops->io_del(call->io);
        call->io = NULL;
    }

    loop->ops->timer_del(call->timer);
    call->timer = NULL;

    if (call->fd != (ngx_socket_t) -1) {
        (void) ngx_close_socket(call->fd);
        call->fd = (ngx_socket_t) -1;
    }
}


static void
ngx_pytake_hub_finish(ngx_pytake_hub_call_t *call)
{
    ngx_pytake_hub_close(call);
    call->done(call);
    ngx_pytake_hub_free(call);
}


static void
ngx_pytake_hub_free(ngx_pytake_hub_call_t *call)
{
    ngx_pytake_hub_close(call);
    ngx_queue_remove(&call->queue);
    ngx_free(call->buf);
    ngx_free(call);
}
