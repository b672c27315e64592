/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * ngx_pytake_worker.h: what a worker process owns, and the loop, the clocks
 * and the randomness on which it runs.
 */

#ifndef NGX_PYTAKE_WORKER_H
#define NGX_PYTAKE_WORKER_H

#include "ngx_pytake_conf.h"
#include "ngx_pytake_zone.h"

/* NGINX's events as the loop of libpytake/io. */
typedef struct {
    pt_loop_t            loop; /* first: drivers see this alone */
    ngx_pytake_worker_t *worker;
    ngx_thread_pool_t   *thread_pool; /* NGINX's; NULL: no work in threads */
    ngx_connection_t     dummy; /* data of timers, which debug logs look at */
    ngx_event_t          hold;  /* keeps the worker while threads work for it */
    ngx_uint_t           working; /* jobs in threads */
} ngx_pytake_loop_t;

/* Kinds of lines about clients; ngx_pytake_log.c has their texts. */
typedef enum {
    NGX_PYTAKE_LOG_SIGNATURE = 0,
    NGX_PYTAKE_LOG_VERIFY,
    NGX_PYTAKE_LOG_NUMBER,
    NGX_PYTAKE_LOG_ORIGIN,
    NGX_PYTAKE_LOG_LIMIT,
    NGX_PYTAKE_LOG_KINDS
} ngx_pytake_log_e;

/* When a kind of line was logged last. */
typedef struct {
    ngx_msec_t at;        /* time of the last line, ngx_current_msec */
    ngx_uint_t missed;    /* lines that were left out since */
    unsigned   known : 1; /* there has been a line */
} ngx_pytake_logged_t;

struct ngx_pytake_worker_s {
    ngx_pytake_main_conf_t *conf;
    /* Closes what is idle, once the worker has been told to quit.  It may be
     * called any number of times. */
    void (*drain)(ngx_pytake_worker_t *w);
    ngx_pytake_loop_t  loop;
    pytake_t          *pt;                      /* the core; NULL: no API */
    char               role[PT_DBROLE_MAX + 1]; /* "": none */
    pt_pool_t         *pool[NGX_PYTAKE_CLASSES];
    pt_redis_t        *redis;  /* NULL: not configured */
    ngx_pytake_zone_t *zone;   /* NULL: not configured */
    ngx_pytake_slot_t *slot;   /* in the zone, or alone below */
    ngx_pytake_slot_t  alone;  /* gauges of a worker without a zone */
    pt_fingerprints_t  prints; /* of the configuration's secrets */
    pt_timer_t        *house;  /* every NGX_PYTAKE_HOUSE_INTERVAL */
    pt_pool_stats_t    stats[NGX_PYTAKE_CLASSES]; /* as last published */
    pt_redis_stats_t   redis_stats;               /* as last published */
    /* Hashes that wait: [0] those whose network is quiet, [1] the others; NULL
     * without an API. */
    pt_turns_t            *hashes[2];
    ngx_uint_t             hash_turn;  /* hashes begun so far */
    ngx_queue_t            displaced;  /* hashes that lost their places */
    ngx_event_t            displace;   /* posted while there are any */
    ngx_uint_t             hashing;    /* hashes in threads */
    pt_gate_t             *gate;       /* in the zone, or the worker's own */
    ngx_shmtx_t           *gate_mutex; /* the zone's; NULL: a gate of its own */
    ngx_msec_t             gate_logged; /* time of the last line; 0: none yet */
    ngx_queue_t            ops;         /* operations in flight */
    ngx_uint_t             nops;        /* how many of them there are */
    ngx_queue_t            hub_calls;   /* requests to the hub */
    ngx_pytake_hub_call_t *hub_health;  /* the one about its health, or NULL */
    ngx_msec_t             hub_asked;   /* when its health was answered last */
    uint8_t                rnd[1536];   /* random bytes, got in bulk */
    size_t                 rnd_used;    /* bytes of rnd that are spent */
    ngx_pytake_logged_t    logged[NGX_PYTAKE_LOG_KINDS];
    unsigned               draining : 1;
    unsigned               hub_known : 1; /* hub_up has a meaning */
    unsigned               hub_up : 1;
    unsigned               hub_left : 1; /* the hub knows that we leave */
};


/* ---- the event loop (ngx_pytake_loop.c) ---- */

/* Prepares *l, which is zeroed, for the drivers of worker w.  tp may be NULL:
 * loop->work() then answers PT_EBUSY. */
void ngx_pytake_loop_init(ngx_pytake_loop_t *l, ngx_pytake_worker_t *w,
                          ngx_thread_pool_t *tp);

/* Ends the loop's own timer.  Drivers have to be gone before. */
void ngx_pytake_loop_free(ngx_pytake_loop_t *l);

/* Microseconds of the system's clocks: since 1970, and of one that no change
 * of the time moves.  NGINX's own clocks are cached for a turn of its loop. */
int64_t ngx_pytake_clock_wall_us(void);
int64_t ngx_pytake_clock_mono_us(void);


/* ---- the worker (ngx_pytake_worker.c) ---- */

/* NGINX's allocator for the core and the drivers. */
extern const pt_mem_t ngx_pytake_mem;

/* Makes pmcf->worker and all that it owns, in init_process: what the master
 * opened would be shared by every worker.  It connects to nothing; the first
 * request does.  NGX_ERROR, logged: there is no memory, or a driver refuses
 * its configuration. */
ngx_int_t ngx_pytake_worker_init(ngx_cycle_t            *cycle,
                                 ngx_pytake_main_conf_t *pmcf);

/* Ends pmcf->worker and all that it owns.  NULL there is fine. */
void ngx_pytake_worker_exit(ngx_pytake_main_conf_t *pmcf);

/* Writes the worker's gauges to its slot, and adds to the zone's counters what
 * the drivers have counted since the last call. */
void ngx_pytake_worker_publish(ngx_pytake_worker_t *w);

/* Writes len random bytes of OpenSSL to out; no byte is given out twice.  w
 * may be NULL: there is no stock then.  NGX_ERROR means that OpenSSL has
 * none. */
ngx_int_t ngx_pytake_random(ngx_pytake_worker_t *w, uint8_t *out, size_t len);

#endif
