/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* pt_webhook_parts.h: what the files of the ingest share. */

#ifndef PT_WEBHOOK_PARTS_H
#define PT_WEBHOOK_PARTS_H

#include "pt_webhook.h"
#include "pt_wa.h"

typedef struct {
    bool      known;
    uint32_t  tenant; /* index into tenants */
    pt_uuid_t config;
} pt_webhook_number_t;

typedef struct {
    pt_uuid_t id;
    size_t    nmessages;
    uint32_t *messages; /* indices into wa.messages, in body order */
    size_t    nstatuses;
    uint32_t *statuses;
    size_t    nerrors;
    uint32_t *errors;
} pt_webhook_tenant_t;

typedef enum {
    PT_WEBHOOK_RAW = 0, /* nobody's: the bytes alone */
    PT_WEBHOOK_MESSAGES,
    PT_WEBHOOK_STATUSES,
    PT_WEBHOOK_ERRORS,
    PT_WEBHOOK_ASIDE /* one message or status, as an error */
} pt_webhook_job_type_t;

/* One transaction: items [from, to) of a tenant's list. */
typedef struct {
    pt_webhook_job_type_t type;
    uint32_t              tenant;
    uint32_t              from;
    uint32_t              to;
} pt_webhook_job_t;

typedef struct {
    pt_wa_t               wa;
    bool                  over_limits; /* too deep or too long to read */
    bool                  repeated;    /* some object repeated a key */
    bool                  asked;       /* for the numbers */
    uint32_t              unknown;     /* numbers that nobody has */
    uint32_t              unrouted;    /* items of theirs, or of none */
    pt_webhook_number_t  *numbers;     /* parallel to wa.numbers */
    size_t                ntenants;
    pt_webhook_tenant_t  *tenants;
    pt_uuid_t             raw_id;
    int64_t               raw_at_us;
    bool                  raw_done; /* committed */
    bool                  hashed;
    uint8_t               hash[32]; /* of the bytes, once hashed */
    size_t                njobs;    /* a stack */
    size_t                jobs_cap;
    pt_webhook_job_t     *jobs;
    pt_webhook_job_t      job;   /* under way */
    pt_webhook_job_type_t aside; /* what an ASIDE was, and why */
    char                  aside_state[6];
    pt_arena_mark_t       mark; /* all above lies before it */
} pt_webhook_t;

/* ---- pt_webhook_route.c ---- */

/* Sorts the items by tenant (rows: wa_numbers_find's, or NULL) and makes the
 * jobs.  PT_ENOMEM. */
pt_err_t pt_webhook_route(pytake_op_t *op, pt_webhook_t *wh,
                          const pytake_rows_t *rows) PT_MUST_CHECK;
pt_err_t pt_webhook_job_add(pt_webhook_t *wh, pt_webhook_job_type_t type,
                            uint32_t tenant, size_t from,
                            size_t to) PT_MUST_CHECK;

/* Puts what failed in halves back on the stack, or, when it is one item,
 * that item as an error.  PT_EINTERNAL: the stack is full; PT_EDBAWAY: an
 * error could not be stored either. */
pt_err_t pt_webhook_split(pytake_op_t *op, pt_webhook_t *wh) PT_MUST_CHECK;

/* Puts the two halves of wh->job on the stack.  PT_ELIMIT: it is one item;
 * PT_EINTERNAL: the stack is full. */
pt_err_t pt_webhook_halve(pt_webhook_t *wh) PT_MUST_CHECK;

/* NULL when nobody has it. */
const pt_webhook_number_t *pt_webhook_number_find(const pt_webhook_t *wh,
                                                  pt_str_t            number);

/* The counts as JSON.  PT_ENOMEM. */
pt_err_t pt_webhook_summary(pt_arena_t *a, const pt_webhook_t *wh,
                            pt_str_t *out) PT_MUST_CHECK;

/* ---- pt_webhook_messages.c ---- */

/* Adds ingest_messages for wh->job. */
pt_err_t pt_webhook_messages_add(pytake_op_t  *op,
                                 pt_webhook_t *wh) PT_MUST_CHECK;

/* ---- pt_webhook_batch.c ---- */

/* Adds the statements of wh->job to the op's batch. */
pt_err_t pt_webhook_batch(pytake_op_t *op, pt_webhook_t *wh) PT_MUST_CHECK;

#endif
