/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * One statement through the read pool for a handler that needs no core
 * operation: health, and the test location.  A probe is an arena of its own:
 * its request may go first.
 */

#include "ngx_pytake.h"


struct ngx_pytake_probe_s {
    pt_arena_t          *arena; /* the probe's own memory */
    pt_sql_t             sql;
    ngx_http_request_t  *request;
    ngx_pytake_worker_t *worker;
    ngx_pytake_probe_pt  handler;
    pt_batch_t           batch;
    ngx_event_t          hold; /* an exiting worker waits for it */
};


static void ngx_pytake_probe_fail(ngx_pytake_probe_t *p, pt_err_t err);
static void ngx_pytake_probe_done(void                      *data,
                                  const pytake_sql_result_t *result);
static void ngx_pytake_probe_abort(void *data);
static void ngx_pytake_probe_hold(ngx_event_t *ev);
static void ngx_pytake_probe_free(ngx_pytake_probe_t *p);


ngx_pytake_probe_t *
ngx_pytake_probe_new(ngx_http_request_t *r)
{
    pt_arena_t         *arena;
    ngx_pytake_probe_t *p;

    arena = pt_arena_new(&ngx_pytake_mem,
                         sizeof(ngx_pytake_probe_t) + 2 * PT_ARENA_BLOCK);
    p = arena ? pt_arena_calloc(arena, 1, sizeof(ngx_pytake_probe_t)) : NULL;

    if (p == NULL) {
        pt_arena_del(arena);
        return NULL;
    }

    p->arena = arena;
    p->request = r;
    pt_sql_init(&p->sql, arena, PYTAKE_SQL_READ);

    return p;
}


pt_sql_t *
ngx_pytake_probe_sql(ngx_pytake_probe_t *p)
{
    return &p->sql;
}


void
ngx_pytake_probe_run(ngx_pytake_probe_t *p, ngx_msec_t timeout,
                     ngx_pytake_probe_pt handler)
{
    pt_err_t             err;
    ngx_http_request_t  *r;
    ngx_http_cleanup_t  *cln;
    ngx_pytake_worker_t *w;

    r = p->request;
    w = ngx_pytake_main_conf(r)->worker;

    p->worker = w;
    p->handler = handler;

    cln = ngx_http_cleanup_add(r, 0);

    if (w == NULL || w->pool[PYTAKE_SQL_READ] == NULL || cln == NULL) {
        ngx_pytake_probe_fail(p, PT_EDBAWAY);
        return;
    }

    err = pt_sql_end(&p->sql);

    if (err == PT_OK) {
        err = pt_pool_submit(w->pool[PYTAKE_SQL_READ], &p->sql.sql,
                             (int64_t) (ngx_current_msec + timeout),
                             ngx_pytake_probe_done, p, &p->batch);
    }

    if (err != PT_OK) {
        ngx_pytake_probe_fail(p, err);
        return;
    }

    p->hold.handler = ngx_pytake_probe_hold;
    p->hold.data = &w->loop.dummy;
    p->hold.log = ngx_cycle->log;
    ngx_add_timer(&p->hold, timeout + NGX_PYTAKE_GRACE);

    cln->handler = ngx_pytake_probe_abort;
    cln->data = p;

    ngx_pytake_abort_watch(r);
}


static void
ngx_pytake_probe_fail(ngx_pytake_probe_t *p, pt_err_t err)
{
    ngx_http_request_t *r;
    ngx_pytake_probe_pt handler;
    pytake_sql_result_t result;

    r = p->request;
    handler = p->handler;
    ngx_pytake_probe_free(p);

    ngx_memzero(&result, sizeof(pytake_sql_result_t));
    result.err = err;

    ngx_http_finalize_request(r, handler(r, &result));
}


static void
ngx_pytake_probe_done(void *data, const pytake_sql_result_t *result)
{
    ngx_int_t           rc;
    ngx_connection_t   *c;
    ngx_pytake_probe_t *p = data;
    ngx_http_request_t *r;
    ngx_pytake_probe_pt handler;
    ngx_http_cleanup_t *cln;

    r = p->request;
    handler = p->handler;

    for (cln = r->main->cleanup; cln; cln = cln->next) {
        if (cln->data == p) {
            cln->handler = NULL;
        }
    }

    ngx_pytake_probe_free(p);

    c = r->connection;
    ngx_http_set_log_request(c->log, r);

    rc = handler(r, result);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static void
ngx_pytake_probe_abort(void *data)
{
    ngx_pytake_probe_t *p = data;

    pt_pool_abandon(p->worker->pool[PYTAKE_SQL_READ], p->batch);
    ngx_pytake_probe_free(p);
}


/* The pool did not answer in time */

static void
ngx_pytake_probe_hold(ngx_event_t *ev)
{
    pytake_sql_result_t result;
    ngx_pytake_probe_t *p;

    p = (ngx_pytake_probe_t *) ((u_char *) ev
                                - offsetof(ngx_pytake_probe_t, hold));

    pt_pool_abandon(p->worker->pool[PYTAKE_SQL_READ], p->batch);

    ngx_memzero(&result, sizeof(pytake_sql_result_t));
    result.err = PT_EDEADLINE;

    ngx_pytake_probe_done(p, &result);
}


static void
ngx_pytake_probe_free(ngx_pytake_probe_t *p)
{
    if (p->hold.timer_set) {
        ngx_del_timer(&p->hold);
    }

    pt_arena_del(p->arena);
}
