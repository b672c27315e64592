/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_pg.h: PostgreSQL for operations: a bounded pool of pipelined libpq
 * connections behind one submit call.
 *
 * A pool serves one class (read, write, slow) of one loop.  Read pools
 * pipeline: up to depth batches are in flight on one connection.  Write
 * pools have one batch in flight a connection, fair by tenant: round robin
 * over the tenants that wait, at most tenant_max batches of one tenant in
 * flight.
 */

#ifndef PT_PG_H
#define PT_PG_H

#include "pt_loop.h"
#include "pytake.h"

typedef struct pt_pool_s pt_pool_t;

typedef struct {
    const char      *conninfo; /* keyword/value or URI; copied */
    const pt_pool_t *like;     /* of the same conninfo: its addresses are
                                  taken over; NULL: names are looked up */
    const char      *role;     /* SET ROLE at connect (options); NULL: none */
    const char      *app_name; /* application_name */
    uint32_t         conns_max;
    uint32_t         depth;      /* batches in flight a connection; 1: writes */
    uint32_t         tenant_max; /* of one tenant in flight; 0: no limit */
    uint32_t         queue_max;  /* waiting batches; then PT_EBUSY */
    uint32_t         connect_timeout_ms;
    uint32_t         statement_timeout_ms; /* at the server; 0: none */
    uint32_t         lock_timeout_ms;
    pt_mem_t         mem;
} pt_pool_conf_t;

/* Resolves names in conninfo once, blocking (called at worker start only);
 * later refreshes run in a thread.  Opens nothing: the first batch does.
 * PT_ENOMEM, PT_EVALIDATION (conninfo malformed; reason logged). */
pt_err_t pt_pool_new(pt_loop_t *loop, const pt_pool_conf_t *conf,
                     pt_pool_t **out) PT_MUST_CHECK;

/* Closes every connection at once and fails what is in flight
 * (PT_EDBAWAY/PT_EOUTCOME) without running handlers. */
void pt_pool_del(pt_pool_t *p);

/* Worker exit: idle connections close now, busy ones when they get idle. */
void pt_pool_drain(pt_pool_t *p);

/* Called exactly once per accepted batch unless it was abandoned.  result
 * and its rows live until the handler returns. */
typedef void (*pt_batch_handler_pt)(void                      *data,
                                    const pytake_sql_result_t *result);

/* {index, generation}: safe to abandon late or twice. */
typedef struct {
    uint32_t index;
    uint32_t generation;
} pt_batch_t;

/*
 * Submits a batch: sql's statements and parameters must stay valid until
 * the handler runs or the batch is abandoned.  deadline_ms: loop time after
 * which it is answered PT_EDEADLINE (never sent) or PT_EOUTCOME (sent, the
 * connection is then drained or closed, never handed on dirty).
 * A read in flight past its deadline is PT_EDEADLINE too: it wrote nothing.
 * The handler never runs inside this call, and may submit and abandon, but
 * not delete the pool.
 * PT_EBUSY queue full; PT_EDBAWAY breaker open; PT_ENOMEM; PT_EINTERNAL a
 * batch that does not fit the statement table (logged as our bug).
 */
pt_err_t pt_pool_submit(pt_pool_t *p, const pytake_sql_t *sql,
                        int64_t deadline_ms, pt_batch_handler_pt handler,
                        void *data, pt_batch_t *out) PT_MUST_CHECK;

/* The caller is gone: no handler call.  A waiting batch is dropped; one in
 * flight drains. */
void pt_pool_abandon(pt_pool_t *p, pt_batch_t b);

typedef struct {
    uint32_t conns; /* open and ready */
    uint32_t connecting;
    uint32_t busy; /* batches in flight */
    uint32_t waiting;
    bool     away;    /* breaker open */
    uint64_t batches; /* totals */
    uint64_t errors;
    uint64_t timeouts;
    uint64_t connects;
    uint64_t connect_failures;
} pt_pool_stats_t;

void pt_pool_stats(const pt_pool_t *p, pt_pool_stats_t *out);

#endif
