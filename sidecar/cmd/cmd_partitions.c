/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pytake partitions: what "pytake serve" does every hour, once and now.
 */

#include "cmd.h"

#include <stdio.h>
#include <time.h>

#include "serve/jobs.h"
#include "pytake.h"

static pt_err_t partitions_job(db_t *db, const job_t *job, int *total);


int
cmd_partitions(cmd_t *c, int argc, char **argv)
{
    int      rc, totals[] = { [JOBS_PURGE] = 0 };
    db_t     db;
    size_t   i;
    pt_err_t err = PT_OK;

    rc = cmd_options(c, argc, argv, NULL, 0, NULL, 0);
    if (rc != 0) {
        return rc;
    }

    rc = cmd_connect(c, &db, 0, CMD_AS_SERVICE);
    if (rc != 0) {
        return rc;
    }

    /* One that the database refuses does not keep the others from it. */
    for (i = 0; i < jobs_count && err != PT_EDBAWAY; i++) {
        err = partitions_job(&db, &jobs_list[i], &totals[jobs_list[i].kind]);
        if (err != PT_OK) {
            rc = cmd_db_error(&db, jobs_list[i].name);
        }
    }
    printf("%d made, %d dropped\n", totals[JOBS_MAKE], totals[JOBS_DROP]);
    db_close(&db);

    return rc;
}


static pt_err_t
partitions_job(db_t *db, const job_t *job, int *total)
{
    int32_t               n;
    pt_err_t              err;
    pytake_rows_t         rows;
    const struct timespec pause = { 0, JOBS_PURGE_PAUSE_MS * 1000000L };

    do {
        jobs_bind(job, db_sql(db));
        err = db_run(db, &rows);
        if (err != PT_OK) {
            return err;
        }
        n = pt_cell_i32(&rows, 0, 0);
        *total += n;
        if (n > 0 && job->kind == JOBS_PURGE) {
            nanosleep(&pause, NULL);
        }
    } while (n >= jobs_step(job));

    return PT_OK;
}
