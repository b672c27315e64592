/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * ngx_pytake_hub_call.h: one request to the hub's socket.
 */

#ifndef NGX_PYTAKE_HUB_CALL_H
#define NGX_PYTAKE_HUB_CALL_H

#include "ngx_pytake.h"

#define NGX_PYTAKE_HUB_REQUEST_MAX 192


struct ngx_pytake_hub_call_s {
    ngx_queue_t          queue; /* of the worker's calls */
    ngx_pytake_worker_t *worker;
    ngx_http_request_t  *request; /* NULL: nobody waits any more */
    ngx_pytake_hub_pt    handler;
    void (*done)(ngx_pytake_hub_call_t *call);
    pt_io_t     *io;
    pt_timer_t  *timer;
    ngx_socket_t fd;
    size_t       sent;
    size_t       request_len;
    u_char       text[NGX_PYTAKE_HUB_REQUEST_MAX];
    u_char      *buf;
    size_t       size;
    size_t       len;
    ngx_str_t    body;    /* of a 2xx; data NULL: none came */
    ngx_queue_t  waiters; /* for the answer about health */
};


/* done runs once, when the call has ended, and frees nothing.  NULL: out of
 * memory.  The caller writes text and request_len, then starts it. */
ngx_pytake_hub_call_t *
ngx_pytake_hub_call(ngx_pytake_worker_t *w,
                    void (*done)(ngx_pytake_hub_call_t *call));
/* On NGX_ERROR the caller frees it; done does not run inside. */
ngx_int_t ngx_pytake_hub_call_start(ngx_pytake_hub_call_t *call,
                                    ngx_msec_t             timeout);
void      ngx_pytake_hub_call_free(ngx_pytake_hub_call_t *call);

#endif
