/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * ngx_pytake_zone.h: the shared memory of pytake_zone, as it is laid out.  All
 * of it but the gate are counters that are added to atomically, so that no
 * worker can leave a lock behind.
 */

#ifndef NGX_PYTAKE_ZONE_H
#define NGX_PYTAKE_ZONE_H

#include "ngx_pytake_base.h"

/* Counters of the module; ngx_pytake_metrics.c has their names and what each
 * one counts. */
typedef enum {
    NGX_PYTAKE_C_ABORTS = 0,
    NGX_PYTAKE_C_DETACHED,
    NGX_PYTAKE_C_QUEUE_REJECTED,
    NGX_PYTAKE_C_HASH_REJECTED,
    NGX_PYTAKE_C_HASHES,
    NGX_PYTAKE_C_LOGIN_WAITS,
    NGX_PYTAKE_C_PUBLISHED,
    NGX_PYTAKE_C_DROPPED,
    NGX_PYTAKE_C_WEBHOOK_EVENTS,
    NGX_PYTAKE_C_REDIS_CONNECTS,
    NGX_PYTAKE_C_REDIS_FAILURES,
    NGX_PYTAKE_C_MAX
} ngx_pytake_counter_e;

/* The requests of one route. */
typedef struct {
    ngx_atomic_t status[6]; /* by class of status: 1 to 5; 0: no status */
    ngx_atomic_t bucket[NGX_PYTAKE_BUCKETS]; /* of ngx_pytake_zone_bucket_us */
    ngx_atomic_t sum_us;                     /* time of all of them */
} ngx_pytake_zone_route_t;

/* The batches of one class, of all workers that ever were. */
typedef struct {
    ngx_atomic_t time_count;
    ngx_atomic_t time_sum_us;
    ngx_atomic_t batches;
    ngx_atomic_t errors;
    ngx_atomic_t timeouts;
    ngx_atomic_t connects;
    ngx_atomic_t connect_failures;
} ngx_pytake_zone_class_t;

/* One pool of one worker, as it was at the last update. */
typedef struct {
    ngx_atomic_t conns;
    ngx_atomic_t connecting;
    ngx_atomic_t busy;
    ngx_atomic_t waiting;
    ngx_atomic_t away; /* 1: the circuit breaker is open */
} ngx_pytake_gauges_t;

/* One worker's gauges, which that worker alone writes. */
typedef struct {
    ngx_atomic_t        pid; /* of the worker that has the slot; 0: free */
    ngx_pytake_gauges_t pool[NGX_PYTAKE_CLASSES];
    ngx_atomic_t        redis_up;
    ngx_atomic_t        operations; /* in flight */
    ngx_atomic_t        hashes_waiting;
} ngx_pytake_slot_t;

typedef struct {
    size_t       size;   /* bytes; differs between versions of the module */
    ngx_uint_t   layout; /* routes that the zone was made for */
    pt_gate_t   *gate;   /* in the zone; changed under the zone's mutex */
    ngx_atomic_t counter[NGX_PYTAKE_C_MAX];
    ngx_pytake_zone_class_t class[NGX_PYTAKE_CLASSES];
    ngx_pytake_slot_t       slot[NGX_PYTAKE_SLOTS];
    ngx_pytake_zone_route_t route[1]; /* NGX_PYTAKE_ROUTES of them */
} ngx_pytake_zone_t;

/* Upper bounds in microseconds of all buckets but the last, which has none. */
extern const ngx_uint_t ngx_pytake_zone_bucket_us[NGX_PYTAKE_BUCKETS - 1];

/* "read", "write" and "slow", by pytake_sql_class_t. */
extern const char *const ngx_pytake_zone_class_names[NGX_PYTAKE_CLASSES];

/* Lays the zone out, or takes over the one from before a reload, which is
 * data.  NGINX calls it in the master.  NGX_ERROR, logged: the zone is too
 * small, or it was made by another version of the module. */
ngx_int_t ngx_pytake_zone_init(ngx_shm_zone_t *shm_zone, void *data);

/* Takes a slot for this worker's gauges: a free one, or that of a worker which
 * has died.  It returns NULL when z is NULL or living workers have them
 * all. */
ngx_pytake_slot_t *ngx_pytake_zone_claim(ngx_pytake_zone_t *z);

/* Clears a slot and gives it back.  slot may be NULL. */
void ngx_pytake_zone_release(ngx_pytake_slot_t *slot);

/* Adds the gauges of all living workers up in *sum; sum->pid is how many
 * workers there are. */
void ngx_pytake_zone_sum(ngx_pytake_zone_t *z, ngx_pytake_slot_t *sum);

/* Adds n to a counter (ngx_pytake_counter_e).  Here and in the next two z may
 * be NULL, when there is no pytake_zone: nothing is counted then. */
void ngx_pytake_zone_add(ngx_pytake_zone_t *z, ngx_uint_t counter,
                         ngx_uint_t n);

/* Counts a request that has ended, with its time in microseconds.  A route
 * that is not in the zone is not counted. */
void ngx_pytake_zone_request(ngx_pytake_zone_t *z, ngx_uint_t route,
                             ngx_uint_t status, ngx_uint_t us);

/* Counts a batch of a class and its time in microseconds. */
void ngx_pytake_zone_batch(ngx_pytake_zone_t *z, ngx_uint_t class,
                           ngx_uint_t         us);

#endif
