/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * batch.h: a batch of named statements, as the sidecar's parts send it: built
 * with pt_sql.h, read with pt_cell.h, in memory of its own.
 */

#ifndef BATCH_H
#define BATCH_H

#include "core/base/pt_arena.h"
#include "core/base/pt_cell.h"
#include "io/pt_pg.h"
#include "pt_stmt_table.h"

typedef struct batch_s batch_t;

/* data: of batch_submit(); the batch is freed when the handler returns. */
typedef void (*batch_handler_pt)(void *data, batch_t *b,
                                 const pytake_sql_result_t *result);

/* size_max: bytes of parameters.  NULL: out of memory. */
batch_t *batch_new(const pt_mem_t *mem, size_t size_max);
void batch_del(batch_t *b); /* not after a successful submit; NULL is fine */
pt_arena_t *batch_arena(batch_t *b); /* lives as long as the batch */

/* What it is built with (pt_sql.h); texts are copied.  Errors stick and come
 * out of batch_submit(). */
pt_sql_t *batch_sql(batch_t *b);

/*
 * Hands the batch to the pool, which owns it from here on; the handler is
 * called once, never inside this call, and the batch is deleted behind it.
 * On an error nothing was handed over and the caller deletes it: PT_EBUSY,
 * PT_EDBAWAY, PT_ENOMEM, PT_ELIMIT (too many statements or parameters),
 * PT_EINTERNAL (they do not fit the table of statements).
 */
pt_err_t batch_submit(batch_t *b, pt_pool_t *pool, pytake_sql_class_t class,
                      const pt_uuid_t *tenant, int64_t deadline_ms,
                      batch_handler_pt handler, void *data) PT_MUST_CHECK;

#endif
