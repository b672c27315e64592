/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Password verification: argon2id costs tens of milliseconds and 19 MiB, so
 * it runs in nginx's thread pool, a few at a time, the rest waits in a
 * bounded queue of our own.  A job owns copies of all that its thread reads.
 */

#include "ngx_pytake.h"
#include <argon2.h>


static void ngx_pytake_hash_start(ngx_pytake_worker_t *w);
static void ngx_pytake_hash_run(void *data);
static void ngx_pytake_hash_done(void *data);
static void ngx_pytake_hash_free(ngx_pytake_hash_t *h);


pt_err_t
ngx_pytake_hash_new(ngx_pytake_op_t *op, const pytake_work_t *work,
                    ngx_pytake_hash_pt handler)
{
    u_char              *p;
    ngx_pytake_hash_t   *h;
    ngx_pytake_worker_t *w;

    w = op->worker;

    /* those that wait for a place in the thread pool count as well */

    if (work->type != PYTAKE_WORK_PASSWORD_VERIFY
        || (w->nhashes >= w->conf->hashes_queue
            && (w->hashing >= w->conf->hashes_max || w->nhashes != 0)))
    {
        return PT_EBUSY;
    }

    h = ngx_calloc(sizeof(ngx_pytake_hash_t) + work->phc.len + 1
                       + work->password.len + 1,
                   ngx_cycle->log);
    if (h == NULL) {
        return PT_ENOMEM;
    }

    p = (u_char *) h + sizeof(ngx_pytake_hash_t);

    h->phc = (char *) p;
    h->phc_len = work->phc.len;
    p = ngx_cpymem(p, work->phc.data, work->phc.len) + 1;

    h->password = (char *) p;
    h->password_len = work->password.len;
    ngx_memcpy(p, work->password.data, work->password.len);

    h->worker = w;
    h->op = op;
    h->handler = handler;

    op->hash = h;

    ngx_queue_insert_tail(&w->hashes, &h->queue);
    w->nhashes++;

    ngx_pytake_hash_start(w);

    return PT_OK;
}


void
ngx_pytake_hash_abandon(ngx_pytake_hash_t *h)
{
    h->op = NULL;

    if (!h->running) {
        ngx_queue_remove(&h->queue);
        h->worker->nhashes--;
        ngx_pytake_hash_free(h);
    }
}


void
ngx_pytake_hash_drop_all(ngx_pytake_worker_t *w)
{
    ngx_queue_t       *q;
    ngx_pytake_hash_t *h;

    while (!ngx_queue_empty(&w->hashes)) {
        q = ngx_queue_head(&w->hashes);
        h = ngx_queue_data(q, ngx_pytake_hash_t, queue);
        ngx_queue_remove(q);
        ngx_pytake_hash_free(h);
    }

    w->nhashes = 0;
}


static void
ngx_pytake_hash_start(ngx_pytake_worker_t *w)
{
    pt_loop_t         *l;
    ngx_queue_t       *q;
    ngx_pytake_hash_t *h;

    l = &w->loop.loop;

    while (w->nhashes && w->hashing < w->conf->hashes_max) {
        q = ngx_queue_head(&w->hashes);
        h = ngx_queue_data(q, ngx_pytake_hash_t, queue);

        if (l->ops->work(l, ngx_pytake_hash_run, ngx_pytake_hash_done, h)
            != PT_OK) {
            /* no place in the thread pool: the deadline decides */
            return;
        }

        ngx_queue_remove(q);
        w->nhashes--;
        w->hashing++;
        h->running = 1;
    }
}


/* In a thread: nothing but h's own memory */

static void
ngx_pytake_hash_run(void *data)
{
    int                rc;
    ngx_pytake_hash_t *h = data;

    rc = argon2id_verify(h->phc, h->password, h->password_len);

    h->match = (rc == ARGON2_OK);
    h->err = (rc == ARGON2_OK || rc == ARGON2_VERIFY_MISMATCH) ? PT_OK
                                                               : PT_EINTERNAL;
}


static void
ngx_pytake_hash_done(void *data)
{
    pt_err_t             err;
    ngx_uint_t           match;
    ngx_pytake_op_t     *op;
    ngx_pytake_hash_t   *h = data;
    ngx_pytake_hash_pt   handler;
    ngx_pytake_worker_t *w;

    w = h->worker;
    op = h->op;
    err = h->err;
    match = h->match;
    handler = h->handler;

    ngx_pytake_hash_free(h);

    w->hashing--;
    ngx_pytake_zone_add(w->zone, NGX_PYTAKE_C_HASHES, 1);

    ngx_pytake_hash_start(w);

    if (op) {
        handler(op, err, match);
    }
}


static void
ngx_pytake_hash_free(ngx_pytake_hash_t *h)
{
    ngx_explicit_memzero(h->password, h->password_len);
    ngx_free(h);
}
