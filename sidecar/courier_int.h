/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier_int.h: what the courier's files share.  docs/courier.md explains.
 */

#ifndef COURIER_INT_H
#define COURIER_INT_H

#include "batch.h"
#include "courier_body.h"
#include "courier_class.h"
#include "courier_http.h"
#include "courier_pace.h"
#include "io/pt_backoff.h"
#include "io/pt_redis.h"
#include "serve.h"

#define COURIER_JOBS_MAX 128u     /* claimed and not settled */
#define COURIER_CLAIM_MAX 64      /* rows of one claim */
#define COURIER_POLL_MS 250u      /* without a doorbell */
#define COURIER_POLL_AWAY_MS 1000u
#define COURIER_SWEEP_MS 10000u
#define COURIER_SWEEP_MAX 100
#define COURIER_STALE_S 60        /* a claim whose courier is gone */
#define COURIER_LOST_S 86400      /* an outcome that no status ever told */
#define COURIER_DEADLINE_MS 5000
#define COURIER_JOB_MAX (256u * 1024)
#define COURIER_PAUSED_MAX 256u
#define COURIER_BACKENDS_S 5      /* a backend in ClientRead mid-batch */

typedef struct courier_s courier_t;
typedef struct courier_job_s courier_job_t;

/* One claimed message, until its outcome is committed. */
struct courier_job_s {
    courier_t      *courier;
    courier_job_t  *next;
    courier_job_t  *prev;
    pt_arena_t     *arena;
    pt_timer_t     *timer;  /* tries to keep the outcome again */
    pt_backoff_t    backoff;
    pt_uuid_t       tenant;
    pt_uuid_t       config;
    uint32_t        attempts;
    courier_msg_t   msg;
    pt_str_t        phone_number_id;
    pt_str_t        token; /* unsealed, wiped once the call is written */
    courier_class_t outcome;
    int64_t         release_us; /* not called: due again then; 0: called */
    bool            lost;       /* unknown for COURIER_LOST_S */
};

typedef struct {
    uint64_t claimed;
    uint64_t sent;
    uint64_t failed;
    uint64_t retried;
    uint64_t unknown;
    uint64_t stopped;
    uint64_t released;
} courier_stats_t;

struct courier_s {
    pt_loop_t      *loop;
    pt_mem_t        mem;
    const conf_t   *conf;
    pt_pool_t      *pool;
    pt_redis_t     *redis; /* NULL: none configured */
    courier_http_t *http;
    courier_pace_t *pace;
    pt_timer_t     *poll;
    pt_timer_t     *sweep;
    courier_job_t  *jobs;
    uint32_t        njobs;
    pt_uuid_t       id;    /* of this run */
    pt_rand_t       rand;
    bool            claiming;
    bool            again;  /* a doorbell rang during the claim */
    bool            sweeping;
    bool            stopping;
    bool            away;   /* said so already */
    courier_stats_t stats;
};

/* ---- courier_job.c ---- */

/* A row of outbox_claim, row-th.  NULL: out of memory (the claim gets stale
 * and is settled as unknown). */
courier_job_t *courier_job_new(courier_t *c, const pytake_rows_t *r,
    uint32_t row);
/* One without a call: its outcome is all there is. */
courier_job_t *courier_job_settle(courier_t *c, const pt_uuid_t *tenant,
    const pt_uuid_t *message);
void courier_job_call(courier_job_t *j);
/* Commits the outcome, however often it takes, then frees the job. */
void courier_job_keep(courier_job_t *j);
void courier_job_del(courier_job_t *j);

/* ---- courier.c ---- */

void courier_wake(courier_t *c);
bool courier_job_is(const courier_t *c, const pt_uuid_t *message);

#endif
