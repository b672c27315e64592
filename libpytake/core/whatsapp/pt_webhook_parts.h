/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* pt_webhook_parts.h: what the files share that ingest a webhook body. */

#ifndef PT_WEBHOOK_PARTS_H
#define PT_WEBHOOK_PARTS_H

#include "pt_webhook.h"
#include "pt_wa.h"

typedef struct {
    bool      known;
    uint32_t  tenant; /* its tenant's index into pt_webhook_t.tenants */
    pt_uuid_t config;
} pt_webhook_number_t;

typedef struct {
    pt_uuid_t id;
    size_t    nmessages;
    uint32_t *messages; /* indices into wa.messages, in the body's order */
    size_t    nstatuses;
    uint32_t *statuses;
    size_t    nerrors;
    uint32_t *errors;
} pt_webhook_tenant_t;

typedef enum {
    PT_WEBHOOK_RAW = 0, /* the bytes of the body, which belong to no tenant */
    PT_WEBHOOK_MESSAGES,
    PT_WEBHOOK_STATUSES,
    PT_WEBHOOK_ERRORS,
    PT_WEBHOOK_ASIDE /* one message or status that is stored as an error */
} pt_webhook_job_type_t;

/* One transaction, which stores the items [from, to) of a tenant's list. */
typedef struct {
    pt_webhook_job_type_t type;
    uint32_t              tenant;
    uint32_t              from;
    uint32_t              to;
} pt_webhook_job_t;

typedef struct {
    pt_wa_t               wa;
    bool                  over_limits; /* the body is too deep or too long to
                                          be read */
    bool                  repeated;    /* some object repeats a key */
    bool                  asked;       /* the database was asked whose the
                                          numbers are */
    uint32_t              unknown;     /* how many numbers belong to no
                                          tenant */
    uint32_t              unrouted;    /* how many items belong to no tenant */
    pt_webhook_number_t  *numbers;     /* one for each of wa.numbers, in its
                                          order */
    size_t                ntenants;
    pt_webhook_tenant_t  *tenants;
    pt_uuid_t             raw_id;
    int64_t               raw_at_us;
    bool                  raw_done; /* the bytes of the body were committed */
    bool                  hashed;
    uint8_t               hash[32]; /* SHA-256 of the body, once hashed is
                                       true */
    size_t                njobs;    /* how many lie on the stack of jobs */
    size_t                jobs_cap;
    pt_webhook_job_t     *jobs;
    pt_webhook_job_t      job;   /* the job whose batch was sent */
    pt_webhook_job_type_t aside; /* what an ASIDE item is, and the SQLSTATE */
    char                  aside_state[6];
    pt_arena_mark_t       mark; /* the place in the arena behind all that is
                                   above */
} pt_webhook_t;

/* ---- pt_webhook_route.c ---- */

/* Sorts the items by tenant and makes the jobs that store them.  rows is the
 * result of wa_numbers_find, or NULL when the body names no number.  The only
 * error is PT_ENOMEM. */
pt_err_t pt_webhook_route(pytake_op_t *op, pt_webhook_t *wh,
                          const pytake_rows_t *rows) PT_MUST_CHECK;
/* Puts a job on the stack.  PT_EINTERNAL: the stack is full. */
pt_err_t pt_webhook_job_add(pt_webhook_t *wh, pt_webhook_job_type_t type,
                            uint32_t tenant, size_t from,
                            size_t to) PT_MUST_CHECK;

/* Puts the job that failed back on the stack in two halves or, when it is one
 * item, as a job that stores the item as an error.  Errors: PT_EINTERNAL when
 * the stack is full, PT_EDBAWAY when the job stored the bytes of the body or an
 * error already, for which there is no other way. */
pt_err_t pt_webhook_split(pytake_op_t *op, pt_webhook_t *wh) PT_MUST_CHECK;

/* Puts the two halves of wh->job on the stack.  Errors: PT_ELIMIT when it is
 * one item, PT_EINTERNAL when the stack is full. */
pt_err_t pt_webhook_halve(pt_webhook_t *wh) PT_MUST_CHECK;

/* Finds whose a phone_number_id is; NULL: it belongs to no tenant. */
const pt_webhook_number_t *pt_webhook_number_find(const pt_webhook_t *wh,
                                                  pt_str_t            number);

/* Writes the counts of a body as JSON to the arena.  Errors: PT_ENOMEM,
 * PT_ELIMIT. */
pt_err_t pt_webhook_summary(pt_arena_t *a, const pt_webhook_t *wh,
                            pt_str_t *out) PT_MUST_CHECK;

/* ---- pt_webhook_messages.c ---- */

/* Adds the statement ingest_messages for wh->job.  Errors: PT_ENOMEM,
 * PT_ECRYPTO, PT_ELIMIT. */
pt_err_t pt_webhook_messages_add(pytake_op_t  *op,
                                 pt_webhook_t *wh) PT_MUST_CHECK;

/* ---- pt_webhook_batch.c ---- */

/* Adds the statements of wh->job to op->batch.  Errors: PT_ENOMEM, PT_ECRYPTO,
 * PT_ELIMIT. */
pt_err_t pt_webhook_batch(pytake_op_t *op, pt_webhook_t *wh) PT_MUST_CHECK;

#endif
