/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier_int.h: what the courier's files share; docs/courier.md explains how
 * they work together.
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

#define COURIER_JOBS_MAX 512u      /* messages claimed and not settled */
#define COURIER_CLAIM_MAX 64u      /* rows of one claim */
#define COURIER_CHANNEL "outbox"   /* of Redis: a message was put in */
#define COURIER_POLL_MS 1000u      /* between claims, when nothing rings */
#define COURIER_POLL_AWAY_MS 1000u /* between claims, without a database */
#define COURIER_SWEEP_MS 10000u    /* between sweeps */
#define COURIER_SWEEP_MAX 100      /* rows of each kind in one sweep */
#define COURIER_COUNT_MAX 10000    /* waiting messages that are counted */
#define COURIER_ORPHAN_S 15        /* then an own claim without job is freed */
#define COURIER_STALE_S 60         /* then another courier's claim is settled */
#define COURIER_LOST_S 86400       /* then an unknown outcome is a failure */
#define COURIER_GIVE_UP_S 86400    /* then refused messages fail */
#define COURIER_LOCAL_MS 1000u     /* that a call waits for want of memory */
#define COURIER_KEY_MS 60000u      /* that a number waits for a good token */
#define COURIER_DEADLINE_MS 5000   /* of a batch */
#define COURIER_DAYLESS "23514"    /* SQLSTATE: no partition for the day */
#define COURIER_CALL_MS 30000u     /* of a call; well below COURIER_STALE_S */
#define COURIER_JOB_MAX (256u * 1024) /* bytes of memory for a job or a batch */
#define COURIER_PAUSED_MAX 256u       /* paused numbers that a claim names */
#define COURIER_BACKENDS_S 5 /* then a backend that waits in a batch is ended */

typedef struct courier_job_s courier_job_t;

/* What a job's timer is for. */
typedef enum {
    COURIER_JOB_CALL = 0, /* its turn comes, and it is called */
    COURIER_JOB_KEEP      /* its outcome is stored once more */
} courier_job_wait_t;

/* One claimed message, until its outcome is committed.  It lives on its own
 * arena, and so do its strings. */
struct courier_job_s {
    courier_t         *courier;
    courier_job_t     *next; /* in the courier's jobs */
    courier_job_t     *prev;
    pt_arena_t        *arena;
    pt_timer_t        *timer;
    courier_job_wait_t wait;    /* what the timer is for */
    bool               waiting; /* the timer is armed */
    pt_backoff_t       backoff; /* of storing the outcome */
    pt_uuid_t          tenant;
    pt_uuid_t          config;     /* the number that sends it */
    int64_t            config_us;  /* updated_at of config */
    int64_t            since_us;   /* when it came into the outbox */
    int64_t            called_ms;  /* when the call began, loop time */
    pt_uuid_t          claimed_by; /* run of a courier; names the claim ... */
    int64_t            claimed_us; /* ... together with this time */
    uint32_t           attempts;   /* calls, this one included */
    courier_msg_t      msg;
    pt_str_t           phone_number_id; /* Meta's id of config */
    pt_str_t           token; /* unsealed; wiped when the call has begun */
    courier_class_t    outcome;
    int64_t            release_us; /* when it is due again; 0: it was called */
    bool               lost;       /* unknown for COURIER_LOST_S */
    bool               orphan;     /* an own claim that had no job */
};

/* Totals of this run, and what the last sweep has counted. */
typedef struct {
    uint64_t claimed;                       /* messages */
    uint64_t verdicts[COURIER_UNKNOWN + 1]; /* stored, by courier_verdict_t */
    uint64_t released;        /* claims given back without a call */
    uint64_t stopped;         /* numbers stopped by this courier */
    uint64_t kept_late;       /* failed tries to store an outcome */
    uint64_t backends;        /* database backends ended */
    int64_t  waiting;         /* messages in the outbox, last sweep */
    int64_t  late_s;          /* how long the first is overdue, last sweep */
    int64_t  unknown;         /* messages without an outcome, last sweep */
    int64_t  numbers_stopped; /* last sweep */
} courier_stats_t;

struct courier_s {
    pt_loop_t      *loop;
    pt_mem_t        mem;
    const conf_t   *conf;
    pt_pool_t      *pool;
    pt_redis_t     *redis;               /* NULL: no Redis is configured */
    pt_redis_sub_t *sub;                 /* NULL: no Redis is configured */
    uint8_t         bus_key[PT_BUS_KEY]; /* signs what is published */
    bool            has_bus_key;         /* the JWT secret is known */
    courier_http_t *http;
    courier_pace_t *pace;
    pt_timer_t     *poll;  /* the next claim */
    pt_timer_t     *sweep; /* the next sweep */
    courier_job_t  *jobs;  /* owned; the newest first */
    uint32_t        njobs;
    pt_uuid_t       id; /* of this run; claims bear it */
    pt_rand_t       rand;
    int64_t         claim_us; /* time of the claim under way */
    bool            claiming; /* a claim is under way */
    bool            again;    /* a doorbell rang during the claim */
    bool            sweeping; /* the claims are being swept */
    bool            overdue;  /* the sweep waits for the end of the claim */
    bool            watching; /* stuck backends are being ended */
    bool            helping;  /* a day's partitions are being made */
    bool            stopping; /* nothing new is begun */
    bool            away;     /* it is logged that claims fail */
    bool            unable;   /* it is logged that backends cannot be ended */
    courier_stats_t stats;
};

/* ---- courier_flight.c ---- */

/* Claims soon, because a doorbell rang or a message is settled; after the
 * claim under way, if there is one. */
void courier_flight_wake(courier_t *c);

/* Whether the message has a job. */
bool courier_flight_has(const courier_t *c, const pt_uuid_t *message);

/* Takes a job off the courier's list, wipes its token and frees it. */
void courier_flight_del(courier_job_t *j);

/* ---- courier_sweep.c ---- */

/* Handler of the sweep timer; data is the courier_t.  It sets the timer
 * anew. */
void courier_sweep(void *data);

/* The part of the sweep that looks at claims and outcomes.  No claim may be
 * under way, for its rows would look like claims without a job. */
void courier_sweep_claims(courier_t *c);

/* ---- courier_job.c ---- */

/* Makes a job of a row of outbox_claim, which is copied.  It returns NULL when
 * there is no memory: the sweep then gives the claim back, which has no
 * job. */
courier_job_t *courier_job_new(courier_t *c, const pytake_rows_t *r,
                               uint32_t row);
/* Makes a job of a message that is not called: the caller fills its outcome
 * and stores it.  It returns NULL when there is no memory. */
courier_job_t *courier_job_settle(courier_t *c, const pt_uuid_t *tenant,
                                  const pt_uuid_t *message);
/* Calls WhatsApp when the number and the recipient have their turn, or gives
 * the claim back.  The job may be gone when it returns. */
void courier_job_begin(courier_job_t *j);
/* Gives the claim of a message back that was not called: it is due again after
 * after_ms milliseconds, and the attempt does not count.  Of an orphan that
 * happens only while its claim stands, since it may have been settled. */
void courier_job_release(courier_job_t *j, uint32_t after_ms);
/* Gives a job back that only waits for its turn, because the courier stops. */
void courier_job_stop(courier_job_t *j);

/* ---- courier_store.c ---- */

/* Commits the job's outcome, as often as it takes, then publishes it and frees
 * the job. */
void courier_store(courier_job_t *j);

#endif
