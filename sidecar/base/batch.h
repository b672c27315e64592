/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * batch.h: a batch of named statements, as the sidecar's parts send it.
 * Parameters in PostgreSQL's binary formats, memory of the batch's own.
 */

#ifndef BATCH_H
#define BATCH_H

#include "core/pt_arena.h"
#include "io/pt_pg.h"
#include "pt_stmt_table.h"

#define BATCH_STMTS_MAX 8
#define BATCH_PARAMS_MAX 16

typedef struct batch_s batch_t;

/* data: of batch_submit(); the batch is freed when the handler returns. */
typedef void (*batch_handler_pt)(void *data, batch_t *b,
                                 const pytake_sql_result_t *result);

/* size_max: bytes of parameters.  NULL: out of memory. */
batch_t *batch_new(const pt_mem_t *mem, size_t size_max);
void batch_del(batch_t *b); /* not after a successful submit; NULL is fine */
pt_arena_t *batch_arena(batch_t *b); /* lives as long as the batch */

/* Errors stick and come out of batch_submit(). */
void batch_stmt(batch_t *b, uint16_t stmt);
void batch_uuid(batch_t *b, const pt_uuid_t *v); /* NULL: SQL NULL */
void batch_text(batch_t *b, pt_str_t v);         /* data NULL: SQL NULL */
void batch_i64(batch_t *b, int64_t v);
void batch_i32(batch_t *b, int32_t v);
void batch_time(batch_t *b, int64_t unix_us);
void batch_uuids(batch_t *b, const pt_uuid_t *v, size_t n);

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

/* Cells of a result, as pt_op.h has them for operations; NULL is 0.  They
 * live until the handler returns. */
int64_t  batch_cell_i64(const pytake_rows_t *r, uint32_t row, uint32_t col);
int32_t  batch_cell_i32(const pytake_rows_t *r, uint32_t row, uint32_t col);
pt_str_t batch_cell(const pytake_rows_t *r, uint32_t row, uint32_t col);
int64_t  batch_cell_time(const pytake_rows_t *r, uint32_t row, uint32_t col);
bool     batch_cell_uuid(const pytake_rows_t *r, uint32_t row, uint32_t col,
                         pt_uuid_t *out); /* false and nil: NULL */

#endif
