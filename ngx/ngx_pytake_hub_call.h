/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * ngx_pytake_hub_call.h: one request to the hub's socket, on the heap.
 */

#ifndef NGX_PYTAKE_HUB_CALL_H
#define NGX_PYTAKE_HUB_CALL_H

#include "ngx_pytake.h"

#define NGX_PYTAKE_HUB_REQUEST_MAX 192 /* bytes of a request */


struct ngx_pytake_hub_call_s {
    ngx_queue_t          queue; /* in the worker's hub_calls */
    ngx_pytake_worker_t *worker;
    ngx_http_request_t  *request; /* NULL: nobody waits any more */
    ngx_pytake_hub_pt    handler; /* of request */
    void (*done)(ngx_pytake_hub_call_t *call);
    pt_io_t     *io;          /* NULL: not connected */
    pt_timer_t  *timer;       /* the deadline */
    ngx_socket_t fd;          /* -1: none; owned */
    size_t       sent;        /* bytes of text that are sent */
    size_t       request_len; /* bytes of text */
    u_char       text[NGX_PYTAKE_HUB_REQUEST_MAX];
    u_char      *buf;     /* the answer; owned */
    size_t       size;    /* bytes of buf */
    size_t       len;     /* bytes of buf that are filled */
    ngx_str_t    body;    /* in buf, of a 2xx; data NULL: there is none */
    ngx_queue_t  waiters; /* requests that wait for the hub's health */
};


/* Makes a call, into whose text the caller writes the request.  done runs
 * once, when the call has ended, and frees nothing: call->body is the answer
 * then.  It returns NULL when there is no memory. */
ngx_pytake_hub_call_t *
ngx_pytake_hub_call(ngx_pytake_worker_t *w,
                    void (*done)(ngx_pytake_hub_call_t *call));

/* Connects and sends, with timeout milliseconds for all of it.  done does not
 * run inside.  On NGX_ERROR the hub is away or there is no memory: done will
 * not run, and the caller frees the call. */
ngx_int_t ngx_pytake_hub_call_start(ngx_pytake_hub_call_t *call,
                                    ngx_msec_t             timeout);

/* Closes the connection and frees the call; done does not run. */
void ngx_pytake_hub_call_free(ngx_pytake_hub_call_t *call);

#endif
