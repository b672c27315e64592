/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "jobs.h"

#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "base/batch.h"
#include "base/part.h"
#include "io/pt_backoff.h"
#include "io/pt_pg.h"
#include "pt_stmt_table.h"

#define JOBS_LOCK_NOT_AVAILABLE "55P03"
#define JOBS_BATCH_MAX 1024u /* bytes: one statement of two numbers */

typedef struct {
    pt_loop_t   *loop;
    pt_mem_t     mem;
    pt_pool_t   *pool;
    pt_timer_t  *timer;
    pt_backoff_t backoff;
    size_t       next; /* of jobs_list */
    uint32_t     due;  /* bit by bit */
    uint32_t     said; /* that they failed */
    char         said_state[6];
    int64_t      round_ms; /* when all are due again */
    int64_t      purge_ms; /* when the purge is */
    bool         purged;   /* something, since it was due */
    bool         stopped;
    bool         away;  /* said so already */
    batch_t     *batch; /* under way */
} jobs_t;

static pt_err_t jobs_start(const part_host_t *serve, void **part);
static void     jobs_stop(void *part);
static void     jobs_del(void *part);
static void     jobs_run(void *data);
static void     jobs_due(jobs_t *j, int64_t now_ms);
static bool     jobs_pick(jobs_t *j);
static void     jobs_submit(jobs_t *j);
static void     jobs_done(void *data, batch_t *b,
                          const pytake_sql_result_t *result);
static void     jobs_failed(jobs_t *j, pt_err_t err, const char *sqlstate);
static void     jobs_failed_say(jobs_t *j, pt_err_t err, const char *sqlstate);

const part_t jobs_part = { "jobs", jobs_start, jobs_stop, jobs_del, NULL, 0 };

/* Each statement runs in a transaction of its own. */
const job_t jobs_list[] = {
    { "days_make", PT_STMT_DAYS_MAKE, JOBS_MAKE, 0 },
    { "months_make", PT_STMT_MONTHS_MAKE, JOBS_MAKE, 0 },
    { "event_day_drop", PT_STMT_EVENT_DAY_DROP, JOBS_DROP, JOBS_EVENT_DAYS },
    { "raw_day_drop", PT_STMT_RAW_DAY_DROP, JOBS_DROP, JOBS_RAW_DAYS },
    { "idem_trim", PT_STMT_IDEM_TRIM, JOBS_TRIM, JOBS_IDEM_DAYS },
    { "session_trim", PT_STMT_SESSION_TRIM, JOBS_TRIM, JOBS_SESSION_DAYS },
    { "refresh_token_trim", PT_STMT_REFRESH_TOKEN_TRIM, JOBS_TRIM,
      JOBS_SESSION_DAYS },
    { "webhook_error_trim", PT_STMT_WEBHOOK_ERROR_TRIM, JOBS_TRIM,
      JOBS_WEBHOOK_ERROR_DAYS },
    { "audit_trim", PT_STMT_AUDIT_TRIM, JOBS_TRIM, JOBS_AUDIT_DAYS },
    { "purge", PT_STMT_PURGE, JOBS_PURGE, JOBS_PURGE_ROWS },
};

const size_t jobs_count = PT_COUNT(jobs_list);

static_assert(PT_COUNT(jobs_list) <= 32, "a bit each in due");


static pt_err_t
jobs_start(const part_host_t *serve, void **part)
{
    jobs_t        *j;
    pt_err_t       err;
    pt_pool_conf_t conf;

    j = serve->mem.alloc(serve->mem.user, sizeof(jobs_t));
    if (j == NULL) {
        return PT_ENOMEM;
    }
    memset(j, 0, sizeof(jobs_t));
    j->loop = serve->base;
    j->mem = serve->mem;
    pt_backoff_init(&j->backoff, JOBS_RETRY_MIN_MS, JOBS_RETRY_MAX_MS,
                    (uint64_t) getpid());

    memset(&conf, 0, sizeof(conf));
    conf.conninfo = serve->conf->database_url;
    conf.role = serve->conf->role_service;
    conf.app_name = "pytake jobs";
    conf.conns_max = 1;
    conf.depth = 1;
    conf.queue_max = 4;
    conf.connect_timeout_ms = 5000;
    conf.statement_timeout_ms = JOBS_DEADLINE_MS;
    conf.lock_timeout_ms = JOBS_LOCK_MS;
    conf.mem = serve->mem;

    err = pt_pool_new(serve->base, &conf, &j->pool);
    if (err == PT_OK) {
        j->timer =
            j->loop->ops->timer_new(j->loop, PT_TIMER_HOUSE, jobs_run, j);
        err = j->timer == NULL ? PT_ENOMEM : PT_OK;
    }

    if (err != PT_OK) {
        jobs_del(j);
        return err;
    }

    j->loop->ops->timer_set(j->timer, 0);
    *part = j;

    return PT_OK;
}


/* The program does not wait for a job: one that is cut off is rolled back, and
 * is done at the next start. */
static void
jobs_stop(void *part)
{
    jobs_t *j = part;

    j->stopped = true;
    j->loop->ops->timer_stop(j->timer);
    pt_pool_del(j->pool); /* no handler runs any more */
    j->pool = NULL;
    batch_del(j->batch);
    j->batch = NULL;
}


static void
jobs_del(void *part)
{
    jobs_t *j = part;

    if (j->timer != NULL) {
        j->loop->ops->timer_del(j->timer);
    }
    if (j->pool != NULL) {
        pt_pool_del(j->pool);
        batch_del(j->batch);
    }
    j->mem.free(j->mem.user, j);
}


static void
jobs_run(void *data)
{
    jobs_t *j = data;
    int64_t now_ms = j->loop->ops->now_ms(j->loop), next_ms;

    assert(!j->stopped);

    jobs_due(j, now_ms);

    if (jobs_pick(j)) {
        jobs_submit(j);
    } else {
        next_ms = j->purge_ms < j->round_ms ? j->purge_ms : j->round_ms;
        j->loop->ops->timer_set(j->timer, (uint32_t) (next_ms - now_ms));
    }
}


static void
jobs_due(jobs_t *j, int64_t now_ms)
{
    size_t i;

    if (now_ms >= j->round_ms) {
        j->due = (uint32_t) ((1ull << jobs_count) - 1);
        j->round_ms = now_ms + JOBS_EACH_MS;
        j->purge_ms = now_ms + JOBS_PURGE_EACH_MS;
        j->next = 0;
        return;
    }

    if (now_ms >= j->purge_ms) {
        j->purge_ms = now_ms + JOBS_PURGE_EACH_MS;
        for (i = 0; i < jobs_count; i++) {
            j->due |= (uint32_t) (jobs_list[i].kind == JOBS_PURGE) << i;
        }
    }
}


/* Chooses the next job that is due, in turn, so that one which fails does not
 * keep the others waiting.  false: none is due. */
static bool
jobs_pick(jobs_t *j)
{
    size_t i, k;

    for (i = 0; i < jobs_count; i++) {
        k = (j->next + i) % jobs_count;
        if ((j->due & 1u << k) != 0) {
            j->next = k;
            return true;
        }
    }

    return false;
}


static void
jobs_submit(jobs_t *j)
{
    batch_t     *b;
    pt_err_t     err = PT_ENOMEM;
    const job_t *job = &jobs_list[j->next];

    assert(j->batch == NULL && j->pool != NULL);

    b = batch_new(&j->mem, JOBS_BATCH_MAX);

    if (b != NULL) {
        jobs_bind(job, batch_sql(b));
        err = batch_submit(b, j->pool, PYTAKE_SQL_WRITE, NULL,
                           j->loop->ops->now_ms(j->loop) + JOBS_DEADLINE_MS,
                           jobs_done, j);
    }

    if (err != PT_OK) {
        batch_del(b);
        jobs_failed(j, err, "");
        return;
    }

    j->batch = b;
}


static void
jobs_done(void *data, batch_t *b, const pytake_sql_result_t *result)
{
    jobs_t      *j = data;
    uint32_t     bit = 1u << j->next;
    const job_t *job = &jobs_list[j->next];

    assert(b == j->batch);
    PT_UNUSED(b);
    j->batch = NULL; /* its owner frees it behind this call */

    if (result->err != PT_OK) {
        jobs_failed(j, result->err, result->sqlstate);
        return;
    }

    if (j->away) {
        j->away = false;
        j->loop->ops->log(j->loop, PT_LOG_NOTICE,
                          "pytake: jobs: the database is back");
    }
    pt_backoff_reset(&j->backoff);
    j->said &= ~bit;
    if (j->said == 0) {
        j->said_state[0] = '\0';
    }

    if (pt_cell_i32(&result->rows[0], 0, 0) >= jobs_step(job)) {
        j->purged |= job->kind == JOBS_PURGE;
        j->loop->ops->timer_set(
            j->timer, job->kind == JOBS_PURGE ? JOBS_PURGE_PAUSE_MS : 0);
        return;
    }

    if (job->kind != JOBS_PURGE || j->purged) {
        j->loop->ops->log(j->loop, PT_LOG_INFO, "pytake: jobs: %s done",
                          job->name);
    }
    if (job->kind == JOBS_PURGE) {
        j->purged = false;
    }
    j->due &= ~bit;
    j->next = (j->next + 1) % jobs_count;
    j->loop->ops->timer_set(j->timer, 0);
}


static void
jobs_failed(jobs_t *j, pt_err_t err, const char *sqlstate)
{
    jobs_failed_say(j, err, sqlstate);

    j->next = (j->next + 1) % jobs_count;
    j->loop->ops->timer_set(j->timer, pt_backoff_next(&j->backoff));
}


/* Logs the failure of a job once, until it has worked again.  One cause often
 * fails all jobs (a database that is not migrated), so a SQLSTATE that was
 * logged for one of them is not logged again for the next. */
static void
jobs_failed_say(jobs_t *j, pt_err_t err, const char *sqlstate)
{
    uint32_t    bit = 1u << j->next;
    const char *name = jobs_list[j->next].name;

    if (err != PT_EDB) {
        if (!j->away) {
            j->away = true;
            j->loop->ops->log(j->loop, PT_LOG_WARN,
                              "pytake: jobs: the database is away, trying "
                              "again");
        }
        return;
    }

    if ((j->said & bit) != 0) {
        return;
    }
    j->said |= bit;

    if (strcmp(sqlstate, JOBS_LOCK_NOT_AVAILABLE) == 0) {
        j->loop->ops->log(j->loop, PT_LOG_NOTICE,
                          "pytake: jobs: \"%s\" waits for a table that is "
                          "in use, trying again",
                          name);
    } else if (strcmp(sqlstate, j->said_state) != 0) {
        snprintf(j->said_state, sizeof(j->said_state), "%.5s", sqlstate);
        j->loop->ops->log(j->loop, PT_LOG_ERR,
                          "pytake: jobs: \"%s\" failed (%.5s), trying "
                          "again: see \"pytake doctor\"",
                          name, sqlstate);
    }
}


int32_t
jobs_step(const job_t *job)
{
    return job->kind == JOBS_TRIM ? JOBS_STEP_ROWS : 1;
}


void
jobs_bind(const job_t *job, pt_sql_t *b)
{
    uint16_t nparams = pytake_stmts[job->stmt].nparams;

    assert(nparams <= 2);
    pt_sql_stmt(b, job->stmt);
    if (nparams > 0) {
        pt_sql_i32(b, job->days);
    }
    if (nparams > 1) {
        pt_sql_i32(b, jobs_step(job));
    }
}
