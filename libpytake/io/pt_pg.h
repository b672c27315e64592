/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_pg.h: PostgreSQL for operations: a bounded pool of libpq connections in
 * pipeline mode (libpq, "Pipeline Mode") behind one function that submits.
 *
 * A pool serves one class of batches (read, write, slow) on one loop.  A read
 * pool has up to depth batches in flight on each connection.  A write pool has
 * one batch in flight on each, and is fair to tenants: those that wait take
 * turns, and each has at most tenant_max batches in flight.
 */

#ifndef PT_PG_H
#define PT_PG_H

#include "pt_loop.h"
#include "pytake.h"

typedef struct pt_pool_s pt_pool_t;

typedef struct {
    const char      *conninfo; /* keywords and values, or a URI; copied */
    const pt_pool_t *like;     /* a pool with the same conninfo, whose addresses
                                  are taken; NULL: names are looked up */
    const char      *role;     /* of the sessions, copied; NULL: that of the
                                  login */
    const char      *app_name; /* application_name, copied */
    uint32_t         conns_max;  /* 1 to 256 */
    uint32_t         depth;      /* batches on a connection; 1 for writes */
    uint32_t         tenant_max; /* a tenant's batches in flight; 0: any */
    uint32_t         queue_max;  /* batches that wait; more are PT_EBUSY */
    uint32_t         connect_timeout_ms;
    uint32_t         statement_timeout_ms; /* of the server; 0: none */
    uint32_t         lock_timeout_ms;      /* of the server; 0: none */
    pt_mem_t         mem;                  /* has to outlive the pool */
} pt_pool_conf_t;

/* Makes *out and resolves the names of conninfo, which blocks, so it is called
 * when a worker starts; later look-ups run in a thread.  It connects to
 * nothing: the first batch does.  PT_ENOMEM; PT_EVALIDATION: conf is
 * impossible or its conninfo malformed, and the reason is logged. */
pt_err_t pt_pool_new(pt_loop_t *loop, const pt_pool_conf_t *conf,
                     pt_pool_t **out) PT_MUST_CHECK;

/* Closes every connection at once and forgets all batches; their handlers do
 * not run. */
void pt_pool_del(pt_pool_t *p);

/* Has the pool come to its end, when the worker exits: idle connections are
 * closed now, busy ones when they get idle. */
void pt_pool_drain(pt_pool_t *p);

/* Called exactly once for each batch that was accepted and not abandoned.
 * result and its rows are borrowed until the handler returns. */
typedef void (*pt_batch_handler_pt)(void                      *data,
                                    const pytake_sql_result_t *result);

/* The handle of a batch.  The generation makes it safe to abandon a batch
 * late, or twice. */
typedef struct {
    uint32_t index;
    uint32_t generation;
} pt_batch_t;

/*
 * Submits a batch.  sql's statements and parameters have to stay valid until
 * the handler runs or the batch is abandoned.  data is the handler's.
 *
 * deadline_ms is the loop's time after which the batch is answered without its
 * result: with PT_EOUTCOME when it is a write that has been sent, since nobody
 * knows whether it is committed; else with PT_EDEADLINE, for it wrote nothing.
 * The place on the connection stays taken until the server has answered, so
 * that no other batch gets its answers.
 *
 * The handler never runs inside this call.  It may submit and abandon batches,
 * but not delete the pool.  After an error it does not run at all.
 *
 * PT_EBUSY: queue_max batches wait; PT_EDBAWAY: the database is away;
 * PT_ENOMEM; PT_EINTERNAL: the batch does not fit the statement table, which
 * is a bug and logged as one.
 */
pt_err_t pt_pool_submit(pt_pool_t *p, const pytake_sql_t *sql,
                        int64_t deadline_ms, pt_batch_handler_pt handler,
                        void *data, pt_batch_t *out) PT_MUST_CHECK;

/* Forgets the caller of a batch: its handler will not run.  A batch that waits
 * is dropped; one in flight goes on to its end. */
void pt_pool_abandon(pt_pool_t *p, pt_batch_t b);

/* What is now, and totals of the pool. */
typedef struct {
    uint32_t conns;      /* connections that are ready */
    uint32_t connecting; /* connections that are being made */
    uint32_t busy;       /* batches in flight */
    uint32_t waiting;    /* batches that wait */
    bool     away;       /* the circuit breaker is open */
    uint64_t batches;    /* accepted so far */
    uint64_t errors;     /* batches answered with an error so far */
    uint64_t timeouts;   /* deadlines that have passed so far */
    uint64_t connects;   /* connections made so far */
    uint64_t connect_failures;
} pt_pool_stats_t;

/* Copies the pool's figures to *out. */
void pt_pool_stats(const pt_pool_t *p, pt_pool_stats_t *out);

#endif
