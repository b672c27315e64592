/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * ngx_pytake_base.h: the headers of NGINX, of the core and of the drivers that
 * the module uses, its limits, and the names of its structures.  Every other
 * header of the module includes this one.
 *
 * An assert() of the module states what the module itself guarantees, and ends
 * the worker when that does not hold, because nothing good can follow; the
 * master then starts another worker.  What a client, a server or the operator
 * said is checked and answered, never asserted.
 */

#ifndef NGX_PYTAKE_BASE_H
#define NGX_PYTAKE_BASE_H

/* ngx_config.h is first: it says which of the system's names are to be seen. */
#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>
#include <ngx_thread_pool.h>

#include <assert.h>

#include "pytake.h"
#include "core/trust/pt_gate.h"
#include "core/base/pt_turns.h"
#include "pt_fingerprint.h"
#include "pt_loop.h"
#include "pt_pg.h"
#include "pt_redis.h"
#include "core/base/pt_sql.h"
#include "core/base/pt_util.h"

#define NGX_PYTAKE_HEALTH_TIMEOUT 500   /* ms that a probe's query may take */
#define NGX_PYTAKE_HUB_TIMEOUT 200      /* ms that the hub has for an answer */
#define NGX_PYTAKE_HUB_FRESH 1000       /* ms that the hub's health is valid */
#define NGX_PYTAKE_GRACE 300            /* ms after a deadline for the pool */
#define NGX_PYTAKE_HOUSE_INTERVAL 1000  /* ms between updates of the gauges */
#define NGX_PYTAKE_SLOTS 128            /* workers with gauges in the zone */
#define NGX_PYTAKE_BUCKETS 14           /* buckets of a latency histogram */
#define NGX_PYTAKE_SECRET_MAX 65536     /* bytes of a file: or env: value */
#define NGX_PYTAKE_ZONE_MIN 65536       /* bytes of a zone beyond counters */
#define NGX_PYTAKE_HASH_LATER 4         /* every 4th turn is a busy network's */
#define NGX_PYTAKE_GATE_SIZE 65536      /* bytes of a gate without a zone */
#define NGX_PYTAKE_GATE_LOG_EVERY 10000 /* ms between lines about waits */
#define NGX_PYTAKE_NETWORK_MAX 9        /* bytes of ngx_pytake_network() */
#define NGX_PYTAKE_LIMIT_BUCKETS 256    /* hash buckets of pytake_requests */
#define NGX_PYTAKE_LIMIT_SIZES 2        /* counts: all requests, large ones */

/* A worker has one pool for each class of pytake_sql_class_t: read, write and
 * slow. */
#define NGX_PYTAKE_CLASSES 3

/* Routes of the module itself are numbered behind those of the core. */
#define NGX_PYTAKE_ROUTE_HEALTH ((ngx_uint_t) pytake_routes_count)
#define NGX_PYTAKE_ROUTE_METRICS ((ngx_uint_t) pytake_routes_count + 1)
#define NGX_PYTAKE_ROUTE_WS ((ngx_uint_t) pytake_routes_count + 2)
#define NGX_PYTAKE_ROUTE_STATUS ((ngx_uint_t) pytake_routes_count + 3)
#define NGX_PYTAKE_ROUTES ((ngx_uint_t) pytake_routes_count + 4)

typedef struct ngx_pytake_worker_s   ngx_pytake_worker_t;
typedef struct ngx_pytake_op_s       ngx_pytake_op_t;
typedef struct ngx_pytake_hash_s     ngx_pytake_hash_t;
typedef struct ngx_pytake_hub_call_s ngx_pytake_hub_call_t;

#endif
