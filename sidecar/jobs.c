/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "jobs.h"

#include <assert.h>
#include <unistd.h>

#include "batch.h"
#include "serve.h"
#include "io/pt_backoff.h"
#include "io/pt_pg.h"
#include "pt_stmt_table.h"

typedef struct {
    pt_loop_t     *loop;
    pt_mem_t       mem;
    pt_pool_t     *pool;
    pt_timer_t    *timer;
    pt_backoff_t   backoff;
    size_t         next; /* of jobs_list */
    bool           stopped;
    bool           away; /* said so already */
    uint8_t        values[2][4];
    pytake_param_t params[2];
    pytake_stmt_t  stmt;
    pytake_sql_t   sql;
} jobs_t;

typedef struct {
    const char *name;
    uint16_t    stmt;
    uint16_t    nparams;
    uint32_t    params[2]; /* int4 */
    bool        steps;     /* again while it deletes JOBS_STEP_ROWS */
} job_t;

static pt_err_t jobs_start(const serve_t *serve, void **part);
static void     jobs_stop(void *part);
static void     jobs_del(void *part);
static void     jobs_run(void *data);
static void     jobs_done(void *data, const pytake_sql_result_t *result);
static bool     jobs_step(const job_t *job, const pytake_sql_result_t *result);
static void     jobs_failed(jobs_t *j, pt_err_t err, const char *sqlstate);
static void     jobs_int4(uint8_t out[4], uint32_t v);

const serve_part_t jobs_part = { "jobs",   jobs_start, jobs_stop,
                                 jobs_del, NULL,       0 };

/* In this order, each in a transaction of its own. */
static const job_t jobs_list[] = {
    { "partitions_make", PT_STMT_PARTITIONS_MAKE, 0, { 0, 0 }, false },
    { "partitions_drop",
      PT_STMT_PARTITIONS_DROP,
      2,
      { JOBS_EVENT_DAYS, JOBS_RAW_DAYS },
      false },
    { "idem_trim",
      PT_STMT_IDEM_TRIM,
      2,
      { JOBS_IDEM_DAYS, JOBS_STEP_ROWS },
      true },
    { "session_trim",
      PT_STMT_SESSION_TRIM,
      2,
      { JOBS_SESSION_DAYS, JOBS_STEP_ROWS },
      true },
    { "refresh_token_trim",
      PT_STMT_REFRESH_TOKEN_TRIM,
      2,
      { JOBS_SESSION_DAYS, JOBS_STEP_ROWS },
      true },
    { "webhook_error_trim",
      PT_STMT_WEBHOOK_ERROR_TRIM,
      2,
      { JOBS_WEBHOOK_ERROR_DAYS, JOBS_STEP_ROWS },
      true },
    { "audit_trim",
      PT_STMT_AUDIT_TRIM,
      2,
      { JOBS_AUDIT_DAYS, JOBS_STEP_ROWS },
      true },
};


static pt_err_t
jobs_start(const serve_t *serve, void **part)
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
    conf.role = "pytake_service";
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


/* Nothing here is worth waiting for: what is cut off rolls back and is done
 * at the next start. */
static void
jobs_stop(void *part)
{
    jobs_t *j = part;

    j->stopped = true;
    j->loop->ops->timer_stop(j->timer);
    pt_pool_del(j->pool);
    j->pool = NULL;
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
    }
    j->mem.free(j->mem.user, j);
}


static void
jobs_run(void *data)
{
    size_t       i;
    jobs_t      *j = data;
    pt_err_t     err;
    pt_batch_t   batch;
    const job_t *job = &jobs_list[j->next];

    assert(!j->stopped && j->next < PT_COUNT(jobs_list));

    for (i = 0; i < PT_COUNT(j->params); i++) {
        jobs_int4(j->values[i], job->params[i]);
        j->params[i] = (pytake_param_t){ (const char *) j->values[i], 4, true };
    }

    j->stmt = (pytake_stmt_t){ job->stmt, job->nparams, j->params };
    memset(&j->sql, 0, sizeof(j->sql));
    j->sql.class = PYTAKE_SQL_WRITE;
    j->sql.nstmts = 1;
    j->sql.stmts = &j->stmt;

    err = pt_pool_submit(j->pool, &j->sql,
                         j->loop->ops->now_ms(j->loop) + JOBS_DEADLINE_MS,
                         jobs_done, j, &batch);
    if (err != PT_OK) {
        jobs_failed(j, err, "");
    }
}


static void
jobs_done(void *data, const pytake_sql_result_t *result)
{
    jobs_t *j = data;

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

    if (jobs_step(&jobs_list[j->next], result)) {
        j->loop->ops->timer_set(j->timer, 0);
        return;
    }

    j->loop->ops->log(j->loop, PT_LOG_INFO, "pytake: jobs: %s done",
                      jobs_list[j->next].name);

    j->next = (j->next + 1) % PT_COUNT(jobs_list);
    j->loop->ops->timer_set(j->timer, j->next == 0 ? JOBS_EACH_MS : 0);
}


/* A full step: there is more.  A transaction each, so that no lock and no
 * snapshot is held for long. */
static bool
jobs_step(const job_t *job, const pytake_sql_result_t *result)
{
    return job->steps
           && batch_cell_i32(&result->rows[0], 0, 0) >= JOBS_STEP_ROWS;
}


/* Said once; tried again until it works. */
static void
jobs_failed(jobs_t *j, pt_err_t err, const char *sqlstate)
{
    if (!j->away) {
        j->away = true;
        if (err == PT_EDB) {
            j->loop->ops->log(j->loop, PT_LOG_ERR,
                              "pytake: jobs: \"%s\" failed (%.5s), trying "
                              "again: see \"pytake doctor\"",
                              jobs_list[j->next].name, sqlstate);
        } else {
            j->loop->ops->log(j->loop, PT_LOG_WARN,
                              "pytake: jobs: the database is away, trying "
                              "again");
        }
    }

    j->loop->ops->timer_set(j->timer, pt_backoff_next(&j->backoff));
}


static void
jobs_int4(uint8_t out[4], uint32_t v)
{
    out[0] = (uint8_t) (v >> 24);
    out[1] = (uint8_t) (v >> 16);
    out[2] = (uint8_t) (v >> 8);
    out[3] = (uint8_t) v;
}
