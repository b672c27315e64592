/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "db.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

#include "base/mem.h"

static pt_err_t db_connect(db_t *db, int64_t deadline_ms);
static pt_err_t db_setup(db_t *db, const char *role);
static pt_err_t db_answer(db_t *db, int sent, pytake_rows_t *out);
static pt_err_t db_rows(db_t *db, const PGresult *res, pytake_rows_t *out);
static pt_err_t db_short(db_t *db, pt_err_t err);
static pt_err_t db_flush(db_t *db, int64_t deadline_ms);
static pt_err_t db_result(db_t *db, int64_t deadline_ms, PGresult **out);
static pt_err_t db_next(db_t *db, int64_t deadline_ms, PGresult **out);
static pt_err_t db_wait(db_t *db, short events, int64_t deadline_ms,
                        const char *what);
static pt_err_t db_refused(db_t *db, const PGresult *res);
static pt_err_t db_lost(db_t *db);
static pt_err_t db_unmade(db_t *db);
static void     db_line(char *dst, const char *src);
static int64_t  db_now_ms(void);
static int64_t  db_deadline(int timeout_ms);


pt_err_t
db_open(db_t *db, const char *conninfo, const char *role, int timeout_ms)
{
    pt_err_t err;

    static const char *const keys[] = { "fallback_application_name",
                                        "client_encoding", "dbname", NULL };
    const char              *values[] = { "pytake", "UTF8", conninfo, NULL };

    memset(db, 0, sizeof(*db));
    db->timeout_ms = timeout_ms;

    db->arena = pt_arena_new(&mem_heap, DB_ARENA_MAX);
    db->pg = PQconnectStartParams(keys, values, 1);
    if (db->arena == NULL || db->pg == NULL) {
        return db_short(db, PT_ENOMEM);
    }

    err = db_connect(db, db_deadline(DB_CONNECT_TIMEOUT_MS));
    if (err != PT_OK) {
        return err;
    }

    return db_setup(db, role);
}


void
db_close(db_t *db)
{
    PQfinish(db->pg);
    db->pg = NULL;
    pt_arena_del(db->arena);
    db->arena = NULL;
}


pt_sql_t *
db_sql(db_t *db)
{
    pt_sql_init(&db->sql, db->arena, PYTAKE_SQL_WRITE);

    return &db->sql;
}


pt_err_t
db_run(db_t *db, pytake_rows_t *out)
{
    pt_err_t err = pt_sql_end(&db->sql);

    assert(err != PT_OK || db->sql.sql.nstmts == 1);

    return err == PT_OK ? db_stmt(db, &db->sql.stmts[0], out)
                        : db_short(db, err);
}


pt_err_t
db_stmt(db_t *db, const pytake_stmt_t *stmt, pytake_rows_t *out)
{
    int                      lengths[PT_STMT_PARAMS_MAX];
    int                      formats[PT_STMT_PARAMS_MAX];
    uint16_t                 i;
    const char              *values[PT_STMT_PARAMS_MAX];
    const pytake_stmt_def_t *def = &pytake_stmts[stmt->stmt];

    assert(stmt->nparams == def->nparams
           && stmt->nparams <= PT_STMT_PARAMS_MAX);

    for (i = 0; i < stmt->nparams; i++) {
        values[i] = stmt->params[i].data;
        lengths[i] = stmt->params[i].len;
        formats[i] = 1;
    }

    return db_answer(db,
                     PQsendQueryParams(db->pg, def->sql, stmt->nparams,
                                       def->param_oids, values, lengths,
                                       formats, 1),
                     out);
}


pt_err_t
db_do(db_t *db, const char *sql)
{
    return db_ask(db, sql, NULL);
}


pt_err_t
db_ask(db_t *db, const char *sql, pytake_rows_t *out)
{
    return db_answer(
        db, PQsendQueryParams(db->pg, sql, 0, NULL, NULL, NULL, NULL, 0), out);
}


/* A server that is frozen leaves PQconnectPoll() waiting for ever. */
static pt_err_t
db_connect(db_t *db, int64_t deadline_ms)
{
    pt_err_t                  err;
    PostgresPollingStatusType s = PGRES_POLLING_WRITING;

    if (PQstatus(db->pg) == CONNECTION_BAD) {
        return db_lost(db);
    }
    (void) PQsetErrorVerbosity(db->pg, PQERRORS_VERBOSE);

    while (s != PGRES_POLLING_OK) {
        err = db_wait(db, s == PGRES_POLLING_READING ? POLLIN : POLLOUT,
                      deadline_ms, "to connect");
        if (err != PT_OK) {
            return err;
        }

        s = PQconnectPoll(db->pg);
        if (s == PGRES_POLLING_FAILED) {
            return db_unmade(db);
        }
    }
    (void) PQsetErrorVerbosity(db->pg, PQERRORS_DEFAULT);

    if (PQsetnonblocking(db->pg, 1) != 0) {
        return db_lost(db);
    }

    return PT_OK;
}


static pt_err_t
db_setup(db_t *db, const char *role)
{
    char     sql[128];
    pt_err_t err;

    if ((err = db_do(db, "SET timezone = 'UTC'")) != PT_OK
        || (err = db_do(db, "SET client_min_messages = warning")) != PT_OK
        || (err = db_do(db, "SET search_path = public")) != PT_OK)
    {
        return err;
    }

    if (role == NULL) {
        return PT_OK;
    }

    snprintf(sql, sizeof(sql), "SET ROLE %s", role); /* our own literals */

    return db_do(db, sql);
}


/* sent: libpq has taken the statement. */
static pt_err_t
db_answer(db_t *db, int sent, pytake_rows_t *out)
{
    int64_t        deadline_ms = db_deadline(db->timeout_ms);
    pt_err_t       err;
    PGresult      *res = NULL;
    ExecStatusType status;

    if (out != NULL) {
        memset(out, 0, sizeof(*out));
    }

    db->sqlstate[0] = '\0';
    db->position = 0;

    if (sent != 1) {
        return db_lost(db);
    }

    if ((err = db_flush(db, deadline_ms)) != PT_OK
        || (err = db_result(db, deadline_ms, &res)) != PT_OK)
    {
        return err;
    }

    status = PQresultStatus(res);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        err = db_refused(db, res);
    } else if (out != NULL) {
        err = db_rows(db, res, out);
    }
    PQclear(res);

    return err;
}


static pt_err_t
db_rows(db_t *db, const PGresult *res, pytake_rows_t *out)
{
    int       row, col, nrows = PQntuples(res), ncols = PQnfields(res);
    pt_str_t *cells, cell;

    cells = pt_arena_calloc(db->arena, (size_t) nrows * (size_t) ncols + 1,
                            sizeof(pt_str_t));
    if (cells == NULL) {
        return db_short(db, PT_ENOMEM);
    }

    out->nrows = (uint32_t) nrows;
    out->ncols = (uint32_t) ncols;
    out->cells = cells;

    for (row = 0; row < nrows; row++) {
        for (col = 0; col < ncols; col++, cells++) {
            if (PQgetisnull(res, row, col)) {
                continue;
            }
            cell = (pt_str_t){ PQgetvalue(res, row, col),
                               (size_t) PQgetlength(res, row, col) };
            if (pt_arena_dup(db->arena, cell, cells) != PT_OK) {
                return db_short(db, PT_ENOMEM);
            }
        }
    }

    return PT_OK;
}


/* Of memory: nothing was sent, or what came does not fit. */
static pt_err_t
db_short(db_t *db, pt_err_t err)
{
    snprintf(db->error, sizeof(db->error), "out of memory");
    db->sqlstate[0] = '\0';

    return err;
}


static pt_err_t
db_flush(db_t *db, int64_t deadline_ms)
{
    int      rc;
    pt_err_t err;

    while ((rc = PQflush(db->pg)) == 1) {
        err = db_wait(db, POLLIN | POLLOUT, deadline_ms, "to send");
        if (err != PT_OK) {
            return err;
        }
        if (PQconsumeInput(db->pg) != 1) {
            return db_lost(db);
        }
    }

    return rc == 0 ? PT_OK : db_lost(db);
}


/* The first result; the rest of the statement's answer is read off. */
static pt_err_t
db_result(db_t *db, int64_t deadline_ms, PGresult **out)
{
    pt_err_t  err;
    PGresult *res = NULL, *first = NULL;

    for (;;) {
        err = db_next(db, deadline_ms, &res);
        if (err != PT_OK) {
            PQclear(first);
            return err;
        }
        if (res == NULL) {
            break;
        }
        if (first == NULL) {
            first = res;
        } else {
            PQclear(res);
        }
        if (PQstatus(db->pg) == CONNECTION_BAD) {
            break;
        }
    }

    if (first == NULL) {
        return db_lost(db);
    }
    *out = first;

    return PT_OK;
}


static pt_err_t
db_next(db_t *db, int64_t deadline_ms, PGresult **out)
{
    pt_err_t err;

    while (PQisBusy(db->pg)) {
        err = db_wait(db, POLLIN, deadline_ms, "for an answer");
        if (err != PT_OK) {
            return err;
        }
        if (PQconsumeInput(db->pg) != 1) {
            return db_lost(db);
        }
    }

    *out = PQgetResult(db->pg);

    return PT_OK;
}


static pt_err_t
db_wait(db_t *db, short events, int64_t deadline_ms, const char *what)
{
    int           rc;
    int64_t       left;
    struct pollfd p;

    for (;;) {
        left =
            deadline_ms == DB_WAIT_FOREVER ? 60000 : deadline_ms - db_now_ms();
        if (left <= 0) {
            snprintf(db->error, sizeof(db->error),
                     "PostgreSQL accepts but does not answer (gave up "
                     "waiting %s)",
                     what);
            return PT_EDBAWAY;
        }

        p.fd = PQsocket(db->pg);
        p.events = events;
        p.revents = 0;
        rc = poll(&p, 1, left > 60000 ? 60000 : (int) left);

        if (rc > 0) {
            return PT_OK;
        }
        if (rc < 0 && errno != EINTR) {
            snprintf(db->error, sizeof(db->error), "poll() failed: %s",
                     strerror(errno));
            return PT_EDBAWAY;
        }
    }
}


static pt_err_t
db_refused(db_t *db, const PGresult *res)
{
    const char *message, *state, *position;

    message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    position = PQresultErrorField(res, PG_DIAG_STATEMENT_POSITION);

    if (message == NULL || PQstatus(db->pg) == CONNECTION_BAD) {
        return db_lost(db);
    }

    db_line(db->error, message);
    snprintf(db->sqlstate, sizeof(db->sqlstate), "%s",
             state == NULL ? "" : state);

    for (db->position = 0; position != NULL && *position >= '0'
                           && *position <= '9' && db->position < 100000000;
         position++)
    {
        db->position = db->position * 10 + (*position - '0');
    }

    return PT_EDB;
}


static pt_err_t
db_lost(db_t *db)
{
    db_line(db->error, PQerrorMessage(db->pg));

    return PT_EDBAWAY;
}


/* The server's refusal of a connection.  libpq tells its SQLSTATE within the
 * text alone, after the severity: it is taken out of there. */
static pt_err_t
db_unmade(db_t *db)
{
    char  *p;
    size_t n;

    (void) db_lost(db);

    p = strstr(db->error, ":  ");
    if (p != NULL) {
        p += 3;
        n = strspn(p, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (n == 5 && strncmp(p + n, ": ", 2) == 0) {
            db->shut = strncmp(p, "42501", n) == 0;
            memmove(p, p + n + 2, strlen(p + n + 2) + 1);
        }
    }

    return PT_EDBAWAY;
}


/* The first line, without the tail that libpq hangs on. */
static void
db_line(char *dst, const char *src)
{
    size_t n = strcspn(src, "\n");

    if (n == 0) {
        src = "the connection failed";
        n = strlen(src);
    }

    snprintf(dst, DB_ERROR_MAX, "%.*s", (int) (n > 400 ? 400 : n), src);
}


static int64_t
db_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


static int64_t
db_deadline(int timeout_ms)
{
    return timeout_ms == DB_WAIT_FOREVER ? DB_WAIT_FOREVER
                                         : db_now_ms() + timeout_ms;
}
