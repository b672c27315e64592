/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier_int.h: what the courier's files share.  docs/courier.md explains.
 */

#ifndef COURIER_INT_H
#define COURIER_INT_H

#include "base/batch.h"
#include "courier.h"
#include "courier_body.h"
#include "courier_class.h"
#include "courier_http.h"
#include "courier_pace.h"
#include "core/base/pt_bus.h"
#include "io/pt_backoff.h"
#include "io/pt_redis.h"
#include "io/pt_redis_sub.h"
#include "base/part.h"

#define COURIER_JOBS_MAX 512u    /* claimed and not settled */
#define COURIER_CLAIM_MAX 64u    /* rows of one claim */
#define COURIER_CHANNEL "outbox" /* the doorbell: something was put in */
#define COURIER_POLL_MS 1000u    /* a doorbell may be lost, time passes */
#define COURIER_POLL_AWAY_MS 1000u
#define COURIER_SWEEP_MS 10000u
#define COURIER_SWEEP_MAX 100
#define COURIER_COUNT_MAX 10000 /* more waiting messages are not counted */
#define COURIER_ORPHAN_S 15     /* a claim of ours that made no job */
#define COURIER_STALE_S 60      /* a claim whose courier is gone */
#define COURIER_LOST_S 86400    /* an outcome that no status ever told */
#define COURIER_GIVE_UP_S 86400 /* refused, but not for the message's fault */
#define COURIER_LOCAL_MS 1000u  /* out of memory: the call waits */
#define COURIER_KEY_MS 60000u   /* a token does not open: the number waits */
#define COURIER_DEADLINE_MS 5000
#define COURIER_DAYLESS "23514" /* of an event: its day has no partition */
#define COURIER_CALL_MS 30000u  /* well below COURIER_STALE_S */
#define COURIER_JOB_MAX (256u * 1024)
#define COURIER_PAUSED_MAX 256u
#define COURIER_BACKENDS_S 5 /* a backend in ClientRead mid-batch */

typedef struct courier_job_s courier_job_t;

/* What a job's timer is for. */
typedef enum {
    COURIER_JOB_CALL = 0, /* its turn comes: call */
    COURIER_JOB_KEEP      /* the outcome could not be kept: try again */
} courier_job_wait_t;

/* One claimed message, until its outcome is committed. */
struct courier_job_s {
    courier_t         *courier;
    courier_job_t     *next;
    courier_job_t     *prev;
    pt_arena_t        *arena;
    pt_timer_t        *timer;
    courier_job_wait_t wait;
    bool               waiting; /* the timer is armed */
    pt_backoff_t       backoff;
    pt_uuid_t          tenant;
    pt_uuid_t          config;
    int64_t            config_us; /* its updated_at */
    int64_t            since_us;  /* in the outbox */
    int64_t            called_ms;
    pt_uuid_t          claimed_by; /* with claimed_us: the claim */
    int64_t            claimed_us;
    uint32_t           attempts;
    courier_msg_t      msg;
    pt_str_t           phone_number_id;
    pt_str_t           token; /* unsealed, wiped once the call is begun */
    courier_class_t    outcome;
    int64_t            release_us; /* not called: due again then; 0: called */
    bool               lost;       /* unknown for COURIER_LOST_S */
    bool               orphan;     /* a claim of ours that made no job */
};

typedef struct {
    uint64_t claimed;
    uint64_t verdicts[COURIER_UNKNOWN + 1]; /* kept, by courier_verdict_t */
    uint64_t released;                      /* claimed, but not called */
    uint64_t stopped;                       /* numbers */
    uint64_t kept_late; /* results that took more than one try */
    uint64_t backends;  /* ended by the watchdog */
    int64_t  waiting;   /* rows, at the last sweep */
    int64_t  late_s;
    int64_t  unknown;
    int64_t  numbers_stopped;
} courier_stats_t;

struct courier_s {
    pt_loop_t      *loop;
    pt_mem_t        mem;
    const conf_t   *conf;
    pt_pool_t      *pool;
    pt_redis_t     *redis; /* NULL: none configured; so is sub */
    pt_redis_sub_t *sub;
    uint8_t         bus_key[PT_BUS_KEY];
    bool            has_bus_key; /* the JWT secret is known */
    courier_http_t *http;
    courier_pace_t *pace;
    pt_timer_t     *poll;
    pt_timer_t     *sweep;
    courier_job_t  *jobs;
    uint32_t        njobs;
    pt_uuid_t       id; /* of this run */
    pt_rand_t       rand;
    int64_t         claim_us; /* of the claim under way */
    bool            claiming;
    bool            again; /* a doorbell rang during the claim */
    bool            sweeping;
    bool            overdue; /* the sweep waits for the end of the claim */
    bool            watching;
    bool            helping; /* a day is being made */
    bool            stopping;
    bool            away;   /* said so already */
    bool            unable; /* said that backends cannot be ended */
    courier_stats_t stats;
};

/* ---- courier_flight.c ---- */

/* A doorbell rang, or a message is settled: others may be claimed. */
void courier_flight_wake(courier_t *c);
bool courier_flight_has(const courier_t *c, const pt_uuid_t *message);
void courier_flight_del(courier_job_t *j);

/* ---- courier_sweep.c ---- */

void courier_sweep(void *data); /* timer of courier_t */
void courier_sweep_claims(courier_t *c);

/* ---- courier_job.c ---- */

/* A row of outbox_claim.  NULL: out of memory (the claim becomes an orphan
 * and is released later). */
courier_job_t *courier_job_new(courier_t *c, const pytake_rows_t *r,
                               uint32_t row);
/* One without a call: its outcome is all there is. */
courier_job_t *courier_job_settle(courier_t *c, const pt_uuid_t *tenant,
                                  const pt_uuid_t *message);
/* Paces, then calls; or gives the claim back. */
void courier_job_begin(courier_job_t *j);
/* Claimed, not called: due again after that, the attempt does not count.
 * orphan: only while the claim stands; it may be settled by now. */
void courier_job_release(courier_job_t *j, uint32_t after_ms);
/* The courier stops: what only waits for its turn is given back. */
void courier_job_stop(courier_job_t *j);

/* ---- courier_store.c ---- */

/* Commits the outcome, however often it takes, then frees the job. */
void courier_store(courier_job_t *j);

#endif
