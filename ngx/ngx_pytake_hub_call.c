/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * One request to the hub over its unix socket: it connects, sends, and reads
 * until the hub closes the connection, all within one deadline.
 */

#include "ngx_pytake_hub_call.h"
#include <sys/un.h>

#define NGX_PYTAKE_HUB_BUF 4096 /* bytes of the first buffer */
#define NGX_PYTAKE_HUB_BODY_MAX (4 * 1024 * 1024) /* bytes of an answer */


static ngx_int_t ngx_pytake_hub_connect(ngx_pytake_hub_call_t *call);
static void      ngx_pytake_hub_event(void *data, int events);
static ngx_int_t ngx_pytake_hub_send(ngx_pytake_hub_call_t *call);
static ngx_int_t ngx_pytake_hub_recv(ngx_pytake_hub_call_t *call);
static ngx_int_t ngx_pytake_hub_grow(ngx_pytake_hub_call_t *call);
static void      ngx_pytake_hub_parse(ngx_pytake_hub_call_t *call);
static void      ngx_pytake_hub_timeout(void *data);
static void      ngx_pytake_hub_close(ngx_pytake_hub_call_t *call);
static void      ngx_pytake_hub_finish(ngx_pytake_hub_call_t *call);


ngx_pytake_hub_call_t *
ngx_pytake_hub_call(ngx_pytake_worker_t *w,
                    void (*done)(ngx_pytake_hub_call_t *call))
{
    ngx_pytake_hub_call_t *call;

    assert(w != NULL && done != NULL);

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


ngx_int_t
ngx_pytake_hub_call_start(ngx_pytake_hub_call_t *call, ngx_msec_t timeout)
{
    pt_loop_t *loop;

    loop = &call->worker->loop.loop;

    assert(call->request_len > 0
           && call->request_len <= NGX_PYTAKE_HUB_REQUEST_MAX);
    assert(call->buf == NULL && call->fd == (ngx_socket_t) -1);

    call->buf = ngx_alloc(NGX_PYTAKE_HUB_BUF, ngx_cycle->log);
    call->size = NGX_PYTAKE_HUB_BUF;

    if (call->buf == NULL || ngx_pytake_hub_connect(call) != NGX_OK) {
        return NGX_ERROR;
    }

    call->io = loop->ops->io_new(loop, call->fd, ngx_pytake_hub_event, call);
    call->timer =
        loop->ops->timer_new(loop, PT_TIMER_HOLD, ngx_pytake_hub_timeout, call);

    if (call->io == NULL || call->timer == NULL
        || loop->ops->io_want(call->io, PT_IO_READ | PT_IO_WRITE) != PT_OK)
    {
        return NGX_ERROR;
    }

    loop->ops->timer_set(call->timer, (uint32_t) timeout);

    return NGX_OK;
}


/* connect() of a unix socket never takes its time: it succeeds at once, or it
 * fails with EAGAIN when the queue of the hub is full (unix(7)). */

static ngx_int_t
ngx_pytake_hub_connect(ngx_pytake_hub_call_t *call)
{
    ngx_str_t         *path;
    struct sockaddr_un sun;

    path = &call->worker->conf->hub;

    assert(path->len > 0 && path->len < sizeof(sun.sun_path));

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
                   sizeof(struct sockaddr_un))
               == -1)
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
    ngx_int_t              rc;
    pt_loop_t             *loop;
    ngx_pytake_hub_call_t *call = data;

    loop = &call->worker->loop.loop;
    rc = NGX_AGAIN;

    assert(call->sent <= call->request_len);

    if (call->sent < call->request_len) {
        rc = ngx_pytake_hub_send(call);

        if (rc == NGX_OK) {
            rc = loop->ops->io_want(call->io, PT_IO_READ) == PT_OK ? NGX_AGAIN
                                                                   : NGX_ERROR;
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
    ssize_t n;

    n = send(call->fd, call->text + call->sent, call->request_len - call->sent,
             MSG_NOSIGNAL);

    if (n == -1) {
        return (ngx_socket_errno == NGX_EAGAIN || ngx_socket_errno == NGX_EINTR)
                   ? NGX_AGAIN
                   : NGX_ERROR;
    }

    call->sent += (size_t) n;

    return call->sent == call->request_len ? NGX_OK : NGX_AGAIN;
}


/* Reads what is there.  NGX_OK means that the hub has closed the connection,
 * which is the end of its answer. */

static ngx_int_t
ngx_pytake_hub_recv(ngx_pytake_hub_call_t *call)
{
    ssize_t n;

    for (;;) {

        assert(call->len <= call->size);

        if (call->len == call->size && ngx_pytake_hub_grow(call) != NGX_OK) {
            return NGX_ERROR;
        }

        n = recv(call->fd, call->buf + call->len, call->size - call->len, 0);

        if (n == 0) {
            return NGX_OK;
        }

        if (n == -1) {
            return (ngx_socket_errno == NGX_EAGAIN
                    || ngx_socket_errno == NGX_EINTR)
                       ? NGX_AGAIN
                       : NGX_ERROR;
        }

        call->len += (size_t) n;
    }
}


static ngx_int_t
ngx_pytake_hub_grow(ngx_pytake_hub_call_t *call)
{
    u_char *p;

    if (call->size >= NGX_PYTAKE_HUB_BODY_MAX) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "pytake: hub sent an answer of more than 4 MB, which "
                      "is dropped");
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


/* Finds the body of a 2xx.  An answer that was cut off, with fewer bytes than
 * its Content-Length says, counts as none. */

static void
ngx_pytake_hub_parse(ngx_pytake_hub_call_t *call)
{
    u_char   *p, *last, *body;
    ngx_int_t n;

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
    ngx_pytake_hub_call_t *call = data;

    ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                  "pytake: hub did not answer in time: is \"pytake serve\" "
                  "running?");

    ngx_pytake_hub_finish(call);
}


static void
ngx_pytake_hub_close(ngx_pytake_hub_call_t *call)
{
    pt_loop_t *loop;

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
    ngx_pytake_hub_call_free(call);
}


void
ngx_pytake_hub_call_free(ngx_pytake_hub_call_t *call)
{
    ngx_pytake_hub_close(call);
    ngx_queue_remove(&call->queue);
    ngx_free(call->buf);
    ngx_free(call);
}
