/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_pgsend.h: how a batch becomes calls of libpq: statements are prepared
 * when they are first needed, then come parameters and a Sync.  It also words
 * what is logged of the server's refusals.
 */

#ifndef PT_PGSEND_H
#define PT_PGSEND_H

#include "pt_pg_int.h"

/* Whether sql can be sent: it has statements of the table, with as many
 * parameters as they declare. */
bool pt_pgsend_is_valid(const pytake_sql_t *sql);

/* Gives the whole batch to libpq and expects its answers.  false: the
 * connection is of no more use, for a reason that PQerrorMessage() tells.  The
 * batch is expected all the same, so that pt_pgconn_take() finds it. */
bool pt_pgsend_batch(pt_pgconn_t *c, pt_item_t *it);

/* The first place in the batch of statement stmt of the table. */
uint16_t pt_pgsend_position(const pt_item_t *it, uint16_t stmt);

/* Logs the refusal res of statement stmt of the table; pytake_stmts_count
 * stands for the commit.  The line quotes no row and no value. */
void pt_pgsend_log_error(pt_loop_t *loop, uint16_t stmt, const char *sqlstate,
                         const PGresult *res);

#endif
