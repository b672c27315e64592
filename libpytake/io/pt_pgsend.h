/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_pgsend.h: a batch as libpq calls: lazy Prepares, parameters, Sync; and
 * the wording of the server's refusals.
 */

#ifndef PT_PGSEND_H
#define PT_PGSEND_H

#include "pt_pg_int.h"

/* Whether sql can be sent at all: known statements, as many parameters as
 * they declare. */
bool pt_pgsend_is_valid(const pytake_sql_t *sql);

/* Queues all of it and expects its answers.  false: the connection is
 * spent (reason in PQerrorMessage); the batch is expected nevertheless, so
 * that pt_pgconn_take() finds it. */
bool pt_pgsend_batch(pt_pgconn_t *c, pt_item_t *it);

/* The first place in the batch of a statement of the table. */
uint16_t pt_pgsend_position(const pt_item_t *it, uint16_t stmt);

/* stmt: of the table, or pytake_stmts_count: the commit itself. */
void pt_pgsend_log_error(pt_loop_t *loop, uint16_t stmt, const char *sqlstate,
                         const PGresult *res);

#endif
