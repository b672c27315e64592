/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * jobs.h: the part "jobs", which keeps house in the database at the start of
 * "pytake serve" and every hour.  Several sidecars may do so at the same time.
 */

#ifndef JOBS_H
#define JOBS_H

#include <stddef.h>
#include <stdint.h>

#include "base/part.h"
#include "core/base/pt_sql.h"

#define JOBS_EVENT_DAYS 8 /* 7 promised to clients, and the running one */
#define JOBS_RAW_DAYS 30  /* of webhooks' bytes */
#define JOBS_IDEM_DAYS 1
#define JOBS_SESSION_DAYS 30 /* after its end; refresh tokens, too */
#define JOBS_WEBHOOK_ERROR_DAYS 30
#define JOBS_AUDIT_DAYS 365
#define JOBS_STEP_ROWS 1000 /* deleted in one transaction */
#define JOBS_EACH_MS (3600u * 1000u)
#define JOBS_PURGE_ROWS 500              /* of a step, more or less */
#define JOBS_PURGE_EACH_MS (30u * 1000u) /* somebody waits for it */
#define JOBS_PURGE_PAUSE_MS 100u /* behind a step: live traffic goes first */
#define JOBS_RETRY_MIN_MS 500u
#define JOBS_RETRY_MAX_MS 5000u
#define JOBS_DEADLINE_MS 60000
#define JOBS_LOCK_MS 2000u /* of rows; for tables the functions have less */

typedef enum { JOBS_MAKE, JOBS_DROP, JOBS_TRIM, JOBS_PURGE } jobs_kind_t;

/* A statement of one number, run again at once until that is less than a step
 * (JOBS_STEP_ROWS of a trim, else 1). */
typedef struct {
    const char *name;
    uint16_t    stmt;
    jobs_kind_t kind;
    int32_t     days; /* $1, of what is kept (of a purge the rows of a step);
                         $2 of a trim is the step */
} job_t;

/* The statements, in the order in which they run: without partitions for the
 * days every webhook is refused, so those are made first. */
extern const job_t  jobs_list[];
extern const size_t jobs_count; /* at most 32 */

extern const part_t jobs_part;

/* Returns the result of the statement from which on it is run again at once:
 * JOBS_STEP_ROWS rows of a trim, otherwise 1. */
int32_t jobs_step(const job_t *job);

/* Adds its statement to a batch. */
void jobs_bind(const job_t *job, pt_sql_t *b);

#endif
