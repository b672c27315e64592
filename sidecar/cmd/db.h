/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * db.h: one blocking PostgreSQL connection for the operator's commands.
 * Waits by poll() with deadlines of its own, so that a server which accepts
 * and never answers cannot hang a command.  Never used on the loop.
 */

#ifndef DB_H
#define DB_H

#include <libpq-fe.h>

#include "core/base/pt_arena.h"

#define DB_ERROR_MAX 512
#define DB_PARAMS_MAX 16
#define DB_CONNECT_TIMEOUT_MS 5000
#define DB_QUERY_TIMEOUT_MS 30000
#define DB_WAIT_FOREVER -1

typedef struct {
    PGconn *pg;
    int     timeout_ms;          /* of one statement; DB_WAIT_FOREVER */
    char    error[DB_ERROR_MAX]; /* one line, after a failure */
    char    sqlstate[6];         /* "" when the server did not say */
    int     position;            /* of the fault: characters, 1-based, or 0 */
    bool    shut;                /* the database does not let the login in */
} db_t;

/*
 * Connects; role, when not NULL, is entered (SET ROLE), also by a login that
 * is a superuser.  Sessions are UTC and UTF-8.  PT_EDBAWAY (not reachable),
 * PT_EDB (refused): db->error tells.  db_close() is legal in any case.
 */
pt_err_t db_open(db_t *db, const char *conninfo, const char *role,
                 int timeout_ms) PT_MUST_CHECK;
void     db_close(db_t *db);

/*
 * One statement with n text parameters (NULL: SQL NULL); the result in text.
 * *out may be NULL as an argument; else the caller clears it with PQclear().
 * PT_EDB: refused, error, sqlstate and position are set; PT_EDBAWAY: the
 * connection is lost or too slow, nothing more can be done with it.
 */
pt_err_t db_exec(db_t *db, const char *sql, int n, const char *const *params,
                 PGresult **out) PT_MUST_CHECK;

/* The same with parameters and result as PQsendQueryParams() takes them. */
typedef struct {
    int                n;
    const Oid         *types;
    const char *const *values;
    const int         *lengths;
    const int         *formats;
    int                result_format;
} db_params_t;

pt_err_t db_exec_params(db_t *db, const char *sql, const db_params_t *p,
                        PGresult **out) PT_MUST_CHECK;

/* A cell as text; "" when NULL.  Borrowed from res. */
const char *db_cell(const PGresult *res, int row, int col);

/* For statements without parameters and rows. */
pt_err_t db_do(db_t *db, const char *sql) PT_MUST_CHECK;

#endif
