/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * ngx_pytake.h: what the files of the module share.
 *
 * Lifetimes: a request points to its context, which lives in r->pool.  The
 * context points to an operation, which lives on the heap and may outlive the
 * request: when the client goes away, a write in flight goes on, so that the
 * hub still learns what it committed.  All that belongs to a worker hangs off
 * ngx_pytake_worker_t, which is made in init_process.
 */

#ifndef NGX_PYTAKE_H
#define NGX_PYTAKE_H

#include "ngx_pytake_base.h"
#include "ngx_pytake_conf.h"
#include "ngx_pytake_op.h"
#include "ngx_pytake_request.h"
#include "ngx_pytake_worker.h"
#include "ngx_pytake_zone.h"

/* ---- one read statement without a core operation (ngx_pytake_probe.c)
 * ---- */

typedef struct ngx_pytake_probe_s ngx_pytake_probe_t;

/* Called once with the result, which is borrowed until it returns.  It returns
 * what a content handler returns. */
typedef ngx_int_t (*ngx_pytake_probe_pt)(ngx_http_request_t        *r,
                                         const pytake_sql_result_t *result);

/* Makes a probe, in memory of its own, because the pool may need its
 * parameters when the request has gone.  The caller fills it with one
 * statement, by PT_SQL(ngx_pytake_probe_sql(p), ...), and runs it, which frees
 * it.  It returns NULL when there is no memory. */
ngx_pytake_probe_t *ngx_pytake_probe_new(ngx_http_request_t *r);

/* The batch of the probe, to be filled. */
pt_sql_t *ngx_pytake_probe_sql(ngx_pytake_probe_t *p);

/* Runs the probe in the read pool, with timeout milliseconds for it.  The
 * request's body has been read before; the request is finalized with what
 * handler returns. */
void ngx_pytake_probe_run(ngx_pytake_probe_t *p, ngx_msec_t timeout,
                          ngx_pytake_probe_pt handler);


/* ---- the hub (ngx_pytake_hub.c) ---- */

/* Called once with the body of the hub's answer, which is borrowed until it
 * returns; NULL means that the hub is away.  It finalizes the request, and may
 * run inside the call that asked. */
typedef void (*ngx_pytake_hub_pt)(ngx_http_request_t *r, ngx_str_t *body);

/* Ask the hub for its health, or for its metrics.  Both need pytake_hub, and a
 * request whose body has been read; neither takes longer than
 * NGX_PYTAKE_HUB_TIMEOUT. */
void ngx_pytake_hub_health(ngx_http_request_t *r, ngx_pytake_hub_pt handler);
void ngx_pytake_hub_metrics(ngx_http_request_t *r, ngx_pytake_hub_pt handler);

/* Has the hub send this worker's sockets away, in pytake_hub's spread.  It may
 * be called any number of times. */
void ngx_pytake_hub_leave(ngx_pytake_worker_t *w);

/* Ends all requests to the hub, of a worker that exits; no handler runs. */
void ngx_pytake_hub_drop_all(ngx_pytake_worker_t *w);

#endif
