/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Password verification.  argon2id costs tens of milliseconds and 19 MiB, so
 * it runs in NGINX's thread pool, a few hashes at a time.  The others wait in
 * bounded queues in which the clients' networks take turns.  An attempt that
 * the gate refuses does not get into a queue.
 */

#include "ngx_pytake.h"
#include <argon2.h>


static ngx_pytake_hash_t *ngx_pytake_hash_copy(const pytake_work_t *work);
static void               ngx_pytake_hash_start(ngx_pytake_worker_t *w);
static pt_turn_t         *ngx_pytake_hash_find(ngx_pytake_worker_t *w);
static void               ngx_pytake_hash_run(void *data);
static void               ngx_pytake_hash_done(void *data);
static void               ngx_pytake_hash_displace(ngx_pytake_hash_t *h);
static void               ngx_pytake_hash_displaced(ngx_event_t *ev);
static void               ngx_pytake_hash_free(ngx_pytake_hash_t *h);


ngx_int_t
ngx_pytake_hash_init(ngx_pytake_worker_t *w)
{
    uint32_t   n;
    ngx_uint_t i;

    if (!w->conf->api) {
        return NGX_OK;
    }

    n = (uint32_t) w->conf->hashes_queue;

    for (i = 0; i < 2; i++) {
        if (pt_turns_new(&ngx_pytake_mem, n, n > 1 ? n / 2 : 1, &w->hashes[i])
            != PT_OK) {
            return NGX_ERROR;
        }
    }

    w->displace.handler = ngx_pytake_hash_displaced;
    w->displace.data = w;
    w->displace.log = ngx_cycle->log;

    return NGX_OK;
}


pt_err_t
ngx_pytake_hash_new(ngx_pytake_op_t *op, const pytake_work_t *work,
                    ngx_pytake_hash_pt handler, ngx_uint_t *wait_s)
{
    pt_turn_t           *displaced;
    ngx_pytake_hash_t   *h;
    ngx_pytake_worker_t *w;

    w = op->worker;

    assert(op->hash == NULL && handler != NULL);
    assert(w->hashes[0] != NULL && w->hashes[1] != NULL);

    if (work->type != PYTAKE_WORK_PASSWORD_VERIFY) {
        return PT_EBUSY;
    }

    h = ngx_pytake_hash_copy(work);
    if (h == NULL) {
        return PT_ENOMEM;
    }

    h->worker = w;
    h->op = op;
    h->handler = handler;

    *wait_s = ngx_pytake_gate_enter(op, &h->who, &h->pass);
    h->later = !h->pass.quiet;

    if (*wait_s) {
        ngx_pytake_hash_free(h);
        return PT_EATTEMPTS;
    }

    if (pt_turns_add(w->hashes[h->later], &h->turn, h->who.network, &displaced)
        != PT_OK)
    {
        ngx_pytake_gate_leave(w, &h->pass);
        ngx_pytake_hash_free(h);
        return PT_EBUSY;
    }

    if (displaced) {
        ngx_pytake_hash_displace((ngx_pytake_hash_t *) displaced);
    }

    op->hash = h;

    ngx_pytake_hash_start(w);

    return PT_OK;
}


void
ngx_pytake_hash_abandon(ngx_pytake_hash_t *h)
{
    assert(h->op != NULL);

    h->op = NULL;

    if (h->running) {
        return;
    }

    if (h->displaced) {
        ngx_queue_remove(&h->queue);

    } else {
        pt_turns_drop(h->worker->hashes[h->later], &h->turn);
        ngx_pytake_gate_leave(h->worker, &h->pass);
    }

    ngx_pytake_hash_free(h);
}


void
ngx_pytake_hash_drop_all(ngx_pytake_worker_t *w)
{
    ngx_uint_t i;

    /* every operation has abandoned its hash before */

    assert(ngx_queue_empty(&w->displaced));

    if (w->displace.posted) {
        ngx_delete_posted_event(&w->displace);
    }

    for (i = 0; i < 2; i++) {
        pt_turns_del(w->hashes[i]);
        w->hashes[i] = NULL;
    }
}


ngx_uint_t
ngx_pytake_hash_waiting(ngx_pytake_worker_t *w)
{
    if (w->hashes[0] == NULL) {
        return 0;
    }

    return pt_turns_count(w->hashes[0]) + pt_turns_count(w->hashes[1]);
}


static ngx_pytake_hash_t *
ngx_pytake_hash_copy(const pytake_work_t *work)
{
    u_char            *p;
    ngx_pytake_hash_t *h;

    h = ngx_calloc(sizeof(ngx_pytake_hash_t) + work->phc.len + 1
                       + work->password.len + 1,
                   ngx_cycle->log);
    if (h == NULL) {
        return NULL;
    }

    p = (u_char *) h + sizeof(ngx_pytake_hash_t);

    h->phc = (char *) p;
    h->phc_len = work->phc.len;
    p = ngx_cpymem(p, work->phc.data, work->phc.len) + 1;

    h->password = (char *) p;
    h->password_len = work->password.len;
    ngx_memcpy(p, work->password.data, work->password.len);

    h->who = work->login;

    return h;
}


static void
ngx_pytake_hash_start(ngx_pytake_worker_t *w)
{
    pt_loop_t         *l;
    pt_turn_t         *turn;
    ngx_pytake_hash_t *h;

    l = &w->loop.loop;

    while (w->hashing < w->conf->hashes_max) {

        turn = ngx_pytake_hash_find(w);
        if (turn == NULL) {
            return;
        }

        h = (ngx_pytake_hash_t *) turn;
        assert(!h->running && !h->displaced);

        if (l->ops->work(l, ngx_pytake_hash_run, ngx_pytake_hash_done, h)
            != PT_OK) {
            /* the thread pool is full: the hash keeps its place, and is tried
             * again when another one ends, or ends at its deadline */
            return;
        }

        pt_turns_drop(w->hashes[h->later], turn);
        w->hash_turn++;
        w->hashing++;
        h->running = 1;
    }
}


/*
 * Finds the next hash to run.  Networks that are quiet go first; of a network
 * that floods this is its first attempt at most.  Every fourth turn belongs to
 * the others, so that they are not kept out for ever.
 */

static pt_turn_t *
ngx_pytake_hash_find(ngx_pytake_worker_t *w)
{
    pt_turn_t *quiet, *other;

    quiet = pt_turns_find(w->hashes[0]);
    other = pt_turns_find(w->hashes[1]);

    if (quiet == NULL || (other && w->hash_turn % NGX_PYTAKE_HASH_LATER == 0)) {
        return other;
    }

    return quiet;
}


/* Runs in a thread, and so reads and writes h's own memory alone. */

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
    assert(w->hashing > 0);
    op = h->op;
    err = h->err;
    match = h->match;
    handler = h->handler;

    /* the gate counted the attempt as a wrong one when it let it in, so a
     * wrong password needs no call */

    if (match) {
        ngx_pytake_gate_right(w, &h->who, &h->pass);

    } else if (err != PT_OK) {
        ngx_pytake_gate_leave(w, &h->pass);
    }

    ngx_pytake_hash_free(h);

    w->hashing--;
    ngx_pytake_zone_add(w->zone, NGX_PYTAKE_C_HASHES, 1);

    if (w->hashes[0]) {
        ngx_pytake_hash_start(w);
    }

    if (op) {
        handler(op, err, match);
    }
}


/* Takes a hash out for one of another network.  Its request is answered from
 * an event, because here another request is being handled. */

static void
ngx_pytake_hash_displace(ngx_pytake_hash_t *h)
{
    ngx_pytake_worker_t *w;

    w = h->worker;

    assert(!h->running && !h->displaced);

    h->displaced = 1;
    ngx_queue_insert_tail(&w->displaced, &h->queue);

    ngx_pytake_gate_leave(w, &h->pass);
    ngx_pytake_zone_add(w->zone, NGX_PYTAKE_C_HASH_REJECTED, 1);

    ngx_post_event(&w->displace, &ngx_posted_events);
}


static void
ngx_pytake_hash_displaced(ngx_event_t *ev)
{
    ngx_queue_t         *q;
    ngx_pytake_op_t     *op;
    ngx_pytake_hash_t   *h;
    ngx_pytake_hash_pt   handler;
    ngx_pytake_worker_t *w = ev->data;

    while (!ngx_queue_empty(&w->displaced)) {
        q = ngx_queue_head(&w->displaced);
        h = ngx_queue_data(q, ngx_pytake_hash_t, queue);

        op = h->op;
        handler = h->handler;

        assert(op != NULL && h->displaced);

        ngx_queue_remove(q);
        ngx_pytake_hash_free(h);

        handler(op, PT_EBUSY, 0);
    }
}


static void
ngx_pytake_hash_free(ngx_pytake_hash_t *h)
{
    ngx_explicit_memzero(h->password, h->password_len);
    ngx_free(h);
}
