/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * batch.h: a batch of named statements, as the parts of the sidecar send it.
 * It is built with core/base/pt_sql.h, its answer is read with pt_cell.h, and
 * it has memory of its own.
 */

#ifndef BATCH_H
#define BATCH_H

#include "core/base/pt_arena.h"
#include "core/base/pt_cell.h"
#include "io/pt_pg.h"
#include "pt_stmt_table.h"

typedef struct batch_s batch_t;

/* Is called once with the answer.  data is that of batch_submit(); b and result
 * are borrowed, for b is freed when the handler returns. */
typedef void (*batch_handler_pt)(void *data, batch_t *b,
                                 const pytake_sql_result_t *result);

/* Makes an empty batch with room for size_max bytes of parameters, which the
 * caller owns until batch_submit() succeeds.  NULL: out of memory. */
batch_t *batch_new(const pt_mem_t *mem, size_t size_max);

/* Frees a batch that was not submitted.  NULL is allowed. */
void batch_del(batch_t *b);

/* Returns the arena of the batch, which lives as long as the batch. */
pt_arena_t *batch_arena(batch_t *b);

/* Returns what statements are added to (pt_sql.h), owned by the batch.  Texts
 * are copied.  An error sticks and is returned by batch_submit(). */
pt_sql_t *batch_sql(batch_t *b);

/*
 * Hands the batch to the pool, which owns it from here on.  The handler is
 * called once, never inside this call, and the batch is freed behind it.
 * tenant is the one whose rows it sees, NULL for those of all; it is copied.
 * deadline_ms is the time of the loop at which it is given up.
 *
 * On an error the batch is still the caller's: PT_EBUSY (the queue is full),
 * PT_EDBAWAY, PT_ENOMEM, PT_ELIMIT (too many statements or parameters),
 * PT_EINTERNAL (they do not fit the table of statements).
 */
pt_err_t batch_submit(batch_t *b, pt_pool_t *pool, pytake_sql_class_t class,
                      const pt_uuid_t *tenant, int64_t deadline_ms,
                      batch_handler_pt handler, void *data) PT_MUST_CHECK;

#endif
