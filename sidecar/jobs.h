/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * jobs.h: housekeeping of the database: at the start of "pytake serve" and
 * every hour, safe beside another sidecar that does the same.
 */

#ifndef JOBS_H
#define JOBS_H

#define JOBS_EVENT_DAYS 8 /* 7 promised to clients, and the running one */
#define JOBS_RAW_DAYS 30  /* of webhooks' bytes */
#define JOBS_IDEM_DAYS 1
#define JOBS_SESSION_DAYS 30 /* after its end; refresh tokens, too */
#define JOBS_WEBHOOK_ERROR_DAYS 30
#define JOBS_AUDIT_DAYS 365
#define JOBS_STEP_ROWS 1000 /* deleted in one transaction */
#define JOBS_EACH_MS (3600u * 1000u)
#define JOBS_RETRY_MIN_MS 500u
#define JOBS_RETRY_MAX_MS 5000u
#define JOBS_DEADLINE_MS 60000
#define JOBS_LOCK_MS 2000u /* a DROP must not hold up the webhooks for long */

#endif
