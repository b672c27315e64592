/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * jobs.h: housekeeping of the database, run by "pytake serve".
 */

#ifndef JOBS_H
#define JOBS_H

#define JOBS_EVENT_DAYS 8 /* 7 promised to clients, and the running one */
#define JOBS_RAW_DAYS 30
#define JOBS_EACH_MS (3600 * 1000)
#define JOBS_RETRY_MIN_MS 500
#define JOBS_RETRY_MAX_MS 30000
#define JOBS_DEADLINE_MS 60000

#endif
