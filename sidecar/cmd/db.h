/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * db.h: one waiting PostgreSQL connection for the operator's commands.
 * Waits by poll() with deadlines of its own, so that a server which accepts
 * and never answers cannot hang a command.  Never used on the loop.
 *
 * Statements are those of schema/queries:
 *
 *     PT_SQL(db_sql(&db), cmd_tenant_add, .id = &id, .name = name);
 *     err = db_run(&db, &rows);
 *
 * They are not prepared: each is run once or twice.  Rows live until
 * db_close(); a cell is read by pt_cell.h, and ends in a NUL besides.
 */

#ifndef DB_H
#define DB_H

#include <libpq-fe.h>

#include "core/base/pt_arena.h"
#include "core/base/pt_cell.h"
#include "core/base/pt_sql.h"
#include "pt_stmt_table.h"

#define DB_ERROR_MAX 512
#define DB_CONNECT_TIMEOUT_MS 5000
#define DB_QUERY_TIMEOUT_MS 30000
#define DB_WAIT_FOREVER -1
#define DB_ARENA_MAX (1024u * 1024 * 1024) /* all parameters and rows */

typedef struct {
    PGconn     *pg;
    pt_arena_t *arena;
    pt_sql_t    sql;
    int         timeout_ms;          /* of one statement; DB_WAIT_FOREVER */
    char        error[DB_ERROR_MAX]; /* one line, after a failure */
    char        sqlstate[6];         /* "" when the server did not say */
    int         position; /* of the fault: characters, 1-based, or 0 */
    bool        shut;     /* the database does not let the login in */
} db_t;

/*
 * Connects; role, when not NULL, is entered (SET ROLE), also by a login that
 * is a superuser.  Sessions are UTC and UTF-8.  PT_EDBAWAY (not reachable),
 * PT_EDB (refused): db->error tells.  db_close() is legal in any case.
 */
pt_err_t db_open(db_t *db, const char *conninfo, const char *role,
                 int timeout_ms) PT_MUST_CHECK;
void     db_close(db_t *db);

/* A new batch, for one statement. */
pt_sql_t *db_sql(db_t *db);

/*
 * Runs the statement of db_sql(); out, which may be NULL, is what it gave.
 * PT_EDB: refused, error, sqlstate and position are set; PT_EDBAWAY: the
 * connection is lost or too slow, nothing more can be done with it; PT_ENOMEM,
 * PT_ELIMIT.
 */
pt_err_t db_run(db_t *db, pytake_rows_t *out) PT_MUST_CHECK;

/* The same of a statement that somebody else built. */
pt_err_t db_stmt(db_t *db, const pytake_stmt_t *stmt,
                 pytake_rows_t *out) PT_MUST_CHECK;

/* A statement's text: what begins and ends transactions, sets the session, or
 * has names in it that no parameter can carry.  Its result is in text. */
pt_err_t db_do(db_t *db, const char *sql) PT_MUST_CHECK;
pt_err_t db_ask(db_t *db, const char *sql, pytake_rows_t *out) PT_MUST_CHECK;

/* A cell of text as C has it; "" when NULL. */
static inline const char *
db_text(const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    pt_str_t s = pt_cell_text(r, row, col);

    return s.data == NULL ? "" : s.data;
}


/* A text of C's as a parameter; NULL: SQL NULL. */
static inline pt_str_t
db_str(const char *s)
{
    return s == NULL ? PT_STR_NULL : (pt_str_t){ s, strlen(s) };
}

#endif
