/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Who may try a password now: the core's gate.  It lives in the zone, so that
 * all workers count together and a reload forgets nothing.
 *
 * It is memory of a fixed size without pointers, changed under the zone's
 * mutex by code that neither waits, nor allocates, nor fails.  When a worker
 * is killed in the middle, the master frees the mutex, and the counts are at
 * most one attempt wrong.
 *
 * Without a zone each worker has a gate of its own.
 */

#include "ngx_pytake.h"


static void ngx_pytake_gate_lock(ngx_pytake_worker_t *w);
static void ngx_pytake_gate_unlock(ngx_pytake_worker_t *w);
static void ngx_pytake_gate_say(ngx_pytake_op_t *op, ngx_uint_t wait_s);


pt_gate_t *
ngx_pytake_gate_new(ngx_slab_pool_t *shpool, size_t size)
{
    void    *p;
    uint32_t sets;

    sets = pt_gate_sets(size);
    if (sets == 0) {
        return NULL;
    }

    p = ngx_slab_alloc(shpool, pt_gate_size(sets));

    return p ? pt_gate_init(p, sets) : NULL;
}


ngx_int_t
ngx_pytake_gate_init(ngx_pytake_worker_t *w)
{
    void           *p;
    uint32_t        sets;
    ngx_shm_zone_t *zone;

    if (!w->conf->api) {
        return NGX_OK;
    }

    zone = w->conf->zone;

    if (zone) {
        assert(w->zone != NULL && w->zone->gate != NULL);

        w->gate = w->zone->gate;
        w->gate_mutex = &((ngx_slab_pool_t *) zone->shm.addr)->mutex;
        return NGX_OK;
    }

    sets = pt_gate_sets(NGX_PYTAKE_GATE_SIZE);

    p = ngx_palloc(ngx_cycle->pool, pt_gate_size(sets));
    if (p == NULL) {
        return NGX_ERROR;
    }

    w->gate = pt_gate_init(p, sets);

    return NGX_OK;
}


ngx_uint_t
ngx_pytake_gate_enter(ngx_pytake_op_t *op, pytake_login_t *who,
                      pt_gate_pass_t *pass)
{
    int64_t              wait_ms, now_ms;
    ngx_uint_t           wait_s;
    ngx_pytake_worker_t *w;

    w = op->worker;
    assert(w->gate != NULL);
    now_ms = ngx_pytake_clock_mono_us() / 1000;

    ngx_pytake_gate_lock(w);
    wait_ms = pt_gate_enter(w->gate, who, now_ms, pass);
    ngx_pytake_gate_unlock(w);

    assert(wait_ms >= 0);

    if (wait_ms == 0) {
        return 0;
    }

    wait_s = (ngx_uint_t) ((wait_ms + 999) / 1000);
    ngx_pytake_gate_say(op, wait_s);

    return wait_s;
}


void
ngx_pytake_gate_leave(ngx_pytake_worker_t *w, pt_gate_pass_t *pass)
{
    assert(w->gate != NULL);

    ngx_pytake_gate_lock(w);
    pt_gate_leave(w->gate, pass);
    ngx_pytake_gate_unlock(w);
}


void
ngx_pytake_gate_right(ngx_pytake_worker_t *w, pytake_login_t *who,
                      pt_gate_pass_t *pass)
{
    assert(w->gate != NULL);

    ngx_pytake_gate_lock(w);
    pt_gate_right(w->gate, who, pass);
    ngx_pytake_gate_unlock(w);
}


static void
ngx_pytake_gate_lock(ngx_pytake_worker_t *w)
{
    if (w->gate_mutex) {
        ngx_shmtx_lock(w->gate_mutex);
    }
}


static void
ngx_pytake_gate_unlock(ngx_pytake_worker_t *w)
{
    if (w->gate_mutex) {
        ngx_shmtx_unlock(w->gate_mutex);
    }
}


/* Logs that somebody has to wait, but not at every refusal: a flood of
 * attempts would fill the log. */

static void
ngx_pytake_gate_say(ngx_pytake_op_t *op, ngx_uint_t wait_s)
{
    ngx_pytake_worker_t *w;

    w = op->worker;

    if (op->request == NULL
        || (w->gate_logged
            && ngx_current_msec - w->gate_logged < NGX_PYTAKE_GATE_LOG_EVERY))
    {
        return;
    }

    w->gate_logged = ngx_current_msec;

    ngx_log_error(NGX_LOG_NOTICE, op->request->connection->log, 0,
                  "pytake: login has to wait %ui s after too many wrong "
                  "passwords",
                  wait_s);
}
