/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The shared zone: counters of a fixed layout that are added to atomically and
 * without a mutex, so that a worker which is killed leaves nothing locked and
 * nothing half done.  Half of the zone is the gate's (ngx_pytake_gate.c).  The
 * zone survives a reload.
 */

#include "ngx_pytake.h"


const ngx_uint_t ngx_pytake_zone_bucket_us[NGX_PYTAKE_BUCKETS - 1] = {
    500,    1000,   2500,   5000,    10000,   25000,  50000,
    100000, 250000, 500000, 1000000, 2500000, 5000000
};

const char *const ngx_pytake_zone_class_names[NGX_PYTAKE_CLASSES] = { "read",
                                                                      "write",
                                                                      "slow" };


ngx_int_t
ngx_pytake_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    size_t             size;
    ngx_slab_pool_t   *shpool;
    ngx_pytake_zone_t *z;

    z = data;
    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    size = sizeof(ngx_pytake_zone_t)
           + NGX_PYTAKE_ROUTES * sizeof(ngx_pytake_zone_route_t);

    assert(shpool != NULL);

    if (z == NULL && shm_zone->shm.exists) {
        z = shpool->data;
    }

    if (z) {
        if (z->size != size || z->layout != NGX_PYTAKE_ROUTES) {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "pytake_zone \"%V\" has another version's layout, "
                          "restart nginx",
                          &shm_zone->shm.name);
            return NGX_ERROR;
        }

        shm_zone->data = z;
        return NGX_OK;
    }

    shpool->log_nomem = 0;

    z = ngx_slab_calloc(shpool, size);
    if (z == NULL) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "pytake_zone \"%V\" is too small, %uz bytes are needed",
                      &shm_zone->shm.name, size + NGX_PYTAKE_ZONE_MIN);
        return NGX_ERROR;
    }

    z->gate = ngx_pytake_gate_new(
        shpool, (shm_zone->shm.size - size - NGX_PYTAKE_ZONE_MIN / 2) / 2);

    if (z->gate == NULL) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "pytake_zone \"%V\" has no room for login attempts, "
                      "make it larger",
                      &shm_zone->shm.name);
        return NGX_ERROR;
    }

    z->size = size;
    z->layout = NGX_PYTAKE_ROUTES;

    shpool->data = z;
    shm_zone->data = z;

    return NGX_OK;
}


ngx_pytake_slot_t *
ngx_pytake_zone_claim(ngx_pytake_zone_t *z)
{
    ngx_uint_t         i;
    ngx_atomic_uint_t  pid;
    ngx_pytake_slot_t *slot;

    if (z == NULL) {
        return NULL;
    }

    for (i = 0; i < NGX_PYTAKE_SLOTS; i++) {
        slot = &z->slot[i];
        pid = slot->pid;

        if (pid != 0
            && (kill((ngx_pid_t) pid, 0) == 0 || ngx_errno != NGX_ESRCH)) {
            continue;
        }

        if (ngx_atomic_cmp_set(&slot->pid, pid, (ngx_atomic_uint_t) ngx_pid)) {
            return slot;
        }
    }

    return NULL;
}


void
ngx_pytake_zone_release(ngx_pytake_slot_t *slot)
{
    if (slot == NULL) {
        return;
    }

    ngx_memzero(slot->pool, sizeof(slot->pool));
    slot->redis_up = 0;
    slot->operations = 0;
    slot->hashes_waiting = 0;

    ngx_memory_barrier();

    slot->pid = 0;
}


void
ngx_pytake_zone_sum(ngx_pytake_zone_t *z, ngx_pytake_slot_t *sum)
{
    ngx_uint_t           i, c;
    ngx_pytake_slot_t   *slot;
    ngx_pytake_gauges_t *to, *from;

    assert(z != NULL);

    ngx_memzero(sum, sizeof(ngx_pytake_slot_t));

    for (i = 0; i < NGX_PYTAKE_SLOTS; i++) {
        slot = &z->slot[i];

        if (slot->pid == 0
            || (kill((ngx_pid_t) slot->pid, 0) == -1 && ngx_errno == NGX_ESRCH))
        {
            continue;
        }

        sum->pid++;
        sum->redis_up += slot->redis_up;
        sum->operations += slot->operations;
        sum->hashes_waiting += slot->hashes_waiting;

        for (c = 0; c < NGX_PYTAKE_CLASSES; c++) {
            to = &sum->pool[c];
            from = &slot->pool[c];

            to->conns += from->conns;
            to->connecting += from->connecting;
            to->busy += from->busy;
            to->waiting += from->waiting;
            to->away += from->away;
        }
    }
}


void
ngx_pytake_zone_add(ngx_pytake_zone_t *z, ngx_uint_t counter, ngx_uint_t n)
{
    assert(counter < NGX_PYTAKE_C_MAX);

    if (z) {
        (void) ngx_atomic_fetch_add(&z->counter[counter], n);
    }
}


void
ngx_pytake_zone_request(ngx_pytake_zone_t *z, ngx_uint_t route,
                        ngx_uint_t status, ngx_uint_t us)
{
    ngx_uint_t               i, class;
    ngx_pytake_zone_route_t *zr;

    if (z == NULL || route >= z->layout) {
        return;
    }

    zr = &z->route[route];
    class = status / 100;

    for (i = 0; i < NGX_PYTAKE_BUCKETS - 1; i++) {
        if (us <= ngx_pytake_zone_bucket_us[i]) {
            break;
        }
    }

    (void) ngx_atomic_fetch_add(&zr->status[class < 6 ? class : 0], 1);
    (void) ngx_atomic_fetch_add(&zr->bucket[i], 1);
    (void) ngx_atomic_fetch_add(&zr->sum_us, us);
}


void
ngx_pytake_zone_batch(ngx_pytake_zone_t *z, ngx_uint_t class, ngx_uint_t us)
{
    assert(class < NGX_PYTAKE_CLASSES);

    if (z == NULL) {
        return;
    }

    (void) ngx_atomic_fetch_add(&z->class[class].time_count, 1);
    (void) ngx_atomic_fetch_add(&z->class[class].time_sum_us, us);
}
