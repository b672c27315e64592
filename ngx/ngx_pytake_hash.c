/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Password verification: argon2id costs tens of milliseconds and 19 MiB, so
 * it runs in nginx's thread pool, a few at a time.  The rest waits in a
 * bounded queue in which the clients' networks take turns.  Whoever may not
 * try now does not get as far.  A job owns copies of all that its thread
 * reads.
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


/* Every operation has abandoned its own before */

void
ngx_pytake_hash_drop_all(ngx_pytake_worker_t *w)
{
    ngx_uint_t i;

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

        if (l->ops->work(l, ngx_pytake_hash_run, ngx_pytake_hash_done, h)
            != PT_OK) {
            /* no place in the thread pool: the deadline decides */
            return;
        }

        pt_turns_drop(w->hashes[h->later], turn);
        w->hash_turn++;
        w->hashing++;
        h->running = 1;
    }
}


/*
 * Whoever's network is quiet goes first: of those who flood, each network's
 * first attempt at most.  The others have every fourth turn for certain.
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

    /* a wrong one was counted when it was let in */

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


/* Its request is answered by an event: here another one is under way */

static void
ngx_pytake_hash_displace(ngx_pytake_hash_t *h)
{
    ngx_pytake_worker_t *w;

    w = h->worker;

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
