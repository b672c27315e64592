/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pytake partitions: what "pytake serve" does every hour, once and now.
 */

#include "cmd.h"

#include <stdio.h>

#include "jobs.h"


int
cmd_partitions(cmd_t *c, int argc, char **argv)
{
    int         rc;
    char        event_days[12], raw_days[12];
    db_t        db;
    PGresult   *made = NULL, *dropped = NULL;
    const char *params[] = { event_days, raw_days };

    rc = cmd_options(c, argc, argv, NULL, 0, NULL, 0);
    if (rc != 0) {
        return rc;
    }

    rc = cmd_connect(c, &db, 0, "pytake_service");
    if (rc != 0) {
        return rc;
    }
    snprintf(event_days, sizeof(event_days), "%d", JOBS_EVENT_DAYS);
    snprintf(raw_days, sizeof(raw_days), "%d", JOBS_RAW_DAYS);

    if (db_exec(&db, "SELECT pytake_partitions_make()", 0, NULL, &made) != PT_OK
        || db_exec(&db, "SELECT pytake_partitions_drop($1, $2)", 2, params,
                   &dropped)
               != PT_OK)
    {
        rc = cmd_db_error(&db, "cannot bring the partitions up to date");
    } else {
        printf("%s made, %s dropped\n", db_cell(made, 0, 0),
               db_cell(dropped, 0, 0));
    }
    PQclear(made);
    PQclear(dropped);
    db_close(&db);

    return rc;
}
