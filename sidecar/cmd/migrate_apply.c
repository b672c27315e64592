/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * What "pytake migrate" does to a database: pending migrations and then the
 * functions that were changed, in one transaction.  Who is in the way is
 * waited for a moment only, for everybody else would queue behind us; then all
 * is taken back and tried again.
 */

#include "migrate.h"

#include <stdio.h>
#include <time.h>

/* Shorter than PostgreSQL's deadlock_timeout: it is us who give way. */
#define APPLY_LOCK_TIMEOUT "500ms"
#define APPLY_TRIES 20
#define APPLY_PAUSE_MS 500

typedef struct {
    migrate_t *m;

    bool told; /* the failure was told already */

    /* where it failed; sql NULL: in no file */
    const migration_t      *file;
    const migration_stmt_t *stmt;
    const char             *sql;
} apply_t;

static int  apply_try(apply_t *a);
static int  apply_step(apply_t *a, migrate_step_t *step);
static int  apply_replace(apply_t *a);
static int  apply_record(apply_t *a, const migrate_step_t *step);
static int  apply_forget(apply_t *a);
static int  apply_put(apply_t *a, pt_str_t sql, const char **out);
static int  apply_do(apply_t *a, const char *sql);
static bool apply_busy(const migrate_t *m);
static int  apply_failed(const apply_t *a);
static int  apply_line(const apply_t *a);


int
migrate_apply(migrate_t *m)
{
    int             rc, tries = 1;
    size_t          i;
    apply_t         a = { m, false, NULL, NULL, NULL };
    struct timespec pause = { 0, APPLY_PAUSE_MS * 1000000L };

    if (m->nsteps == 0 && !m->replaces) {
        return 0;
    }

    while ((rc = apply_try(&a)) != 0 && !a.told && apply_busy(m)
           && tries < APPLY_TRIES)
    {
        if (db_do(&m->db, "ROLLBACK") != PT_OK) {
            return cmd_db_error(&m->db, "cannot begin again");
        }
        if (tries == 1) {
            fputs("pytake: a table is in use, waiting for it\n", stderr);
        }
        tries++;
        nanosleep(&pause, NULL);
    }

    if (rc != 0) { /* the connection's end takes all back */
        return a.told ? rc : apply_failed(&a);
    }

    if (m->replaces) {
        printf("%s is there: it replaced the %zu migrations that made this "
               "schema\n",
               migrations[0].file, migrations_replaced_count);
    }
    for (i = 0; i < m->nsteps; i++) {
        printf("applied %s (%lld ms)\n", m->steps[i].file->file,
               (long long) m->steps[i].ms);
    }
    fflush(stdout);

    return 0;
}


static int
apply_try(apply_t *a)
{
    size_t      i;
    migrate_t  *m = a->m;
    const char *grant;

    a->sql = NULL;

    if (apply_put(a,
                  PT_STR("GRANT SELECT ON public.schema_migrations,"
                         " public.schema_functions TO pytake_service"),
                  &grant)
            != 0
        || apply_do(a, "BEGIN") != 0
        || apply_do(a, "SET LOCAL lock_timeout = '" APPLY_LOCK_TIMEOUT "'") != 0
        || apply_replace(a) != 0)
    {
        return CMD_FAILED;
    }

    for (i = 0; i < m->nsteps; i++) {
        if (apply_step(a, &m->steps[i]) != 0) {
            return CMD_FAILED;
        }
    }

    return apply_forget(a) != 0 || apply_do(a, grant) != 0
                   || apply_do(a, "COMMIT") != 0
               ? CMD_FAILED
               : 0;
}


static int
apply_step(apply_t *a, migrate_step_t *step)
{
    size_t             i;
    int64_t            started_us = cmd_now_us();
    const migration_t *g = step->file;

    for (i = 0; i < g->nstmts; i++) {
        a->file = g;
        a->stmt = &g->stmts[i];

        if (apply_put(a, (pt_str_t){ g->text + a->stmt->offset, a->stmt->len },
                      &a->sql)
                != 0
            || apply_do(a, a->sql) != 0)
        {
            return CMD_FAILED;
        }
    }

    a->sql = NULL;
    step->ms = (cmd_now_us() - started_us) / 1000;

    return apply_record(a, step);
}


/* The first migration stands for those that it replaced from now on. */
static int
apply_replace(apply_t *a)
{
    char               version[12], checksum[65];
    migrate_t         *m = a->m;
    const migration_t *g = &migrations[0];
    const char        *params[] = { version, g->name, checksum };

    if (!m->replaces) {
        return 0;
    }

    snprintf(version, sizeof(version), "%d", g->version);

    a->told = migrate_checksum(g, checksum) != 0;

    return a->told
                   || db_exec(&m->db,
                              "DELETE FROM public.schema_migrations"
                              " WHERE version < $1",
                              1, params, NULL)
                          != PT_OK
                   || db_exec(&m->db,
                              "UPDATE public.schema_migrations"
                              " SET name = $2, checksum = $3"
                              " WHERE version = $1",
                              3, params, NULL)
                          != PT_OK
               ? CMD_FAILED
               : 0;
}


static int
apply_record(apply_t *a, const migrate_step_t *step)
{
    char               version[12], checksum[65], ms[24];
    const migration_t *g = step->file;
    const char        *migration[] = { version, g->name, checksum, ms };
    const char        *functions[] = { g->file, checksum, ms };
    pt_err_t           err;

    a->told = migrate_checksum(g, checksum) != 0;
    if (a->told) {
        return CMD_FAILED;
    }
    snprintf(version, sizeof(version), "%d", g->version);
    snprintf(ms, sizeof(ms), "%lld", (long long) step->ms);

    if (g->version != 0) {
        err = db_exec(&a->m->db,
                      "INSERT INTO public.schema_migrations"
                      " (version, name, checksum, duration_ms)"
                      " VALUES ($1, $2, $3, $4)",
                      4, migration, NULL);
    } else {
        err = db_exec(&a->m->db,
                      "INSERT INTO public.schema_functions AS f"
                      " (file, checksum, duration_ms) VALUES ($1, $2, $3)"
                      " ON CONFLICT (file) DO UPDATE SET checksum ="
                      " excluded.checksum, applied_at = now(),"
                      " duration_ms = excluded.duration_ms",
                      3, functions, NULL);
    }

    return err == PT_OK ? 0 : CMD_FAILED;
}


/* A file that is gone: should it come back, it is applied again. */
static int
apply_forget(apply_t *a)
{
    size_t      i;
    PGresult   *rows = a->m->functions;
    int         row;
    const char *params[1];

    for (row = 0; row < PQntuples(rows); row++) {
        params[0] = db_cell(rows, row, 0);
        for (i = 0; i < schema_functions_count
                    && strcmp(params[0], schema_functions[i].file) != 0;
             i++)
        {
            /* look on */
        }
        if (i == schema_functions_count
            && db_exec(&a->m->db,
                       "DELETE FROM public.schema_functions WHERE file = $1", 1,
                       params, NULL)
                   != PT_OK)
        {
            return CMD_FAILED;
        }
    }

    return 0;
}


static int
apply_put(apply_t *a, pt_str_t sql, const char **out)
{
    a->told = cmd_roles_put(a->m->cmd, a->m->prefix, sql, out) != 0;

    return a->told ? CMD_FAILED : 0;
}


static int
apply_do(apply_t *a, const char *sql)
{
    return db_do(&a->m->db, sql) == PT_OK ? 0 : CMD_FAILED;
}


/* A lock that was not to be had, or a deadlock of which we were a part. */
static bool
apply_busy(const migrate_t *m)
{
    return strcmp(m->db.sqlstate, "55P03") == 0
           || strcmp(m->db.sqlstate, "40P01") == 0;
}


static int
apply_failed(const apply_t *a)
{
    const db_t *db = &a->m->db;

    if (a->sql == NULL) {
        return cmd_db_error(db, "cannot migrate");
    }

    if (db->sqlstate[0] == '\0') {
        return cmd_error("%s:%d: the connection was lost: %s - nothing was "
                         "kept, run it again",
                         a->file->file, apply_line(a), db->error);
    }

    if (apply_busy(a->m)) {
        return cmd_error("%s:%d: %s (%s) - somebody uses a table for long, "
                         "nothing was kept: run it again",
                         a->file->file, apply_line(a), db->error, db->sqlstate);
    }

    return cmd_error("%s:%d: %s (%s) - nothing was kept", a->file->file,
                     apply_line(a), db->error, db->sqlstate);
}


static int
apply_line(const apply_t *a)
{
    int         line = a->stmt->line, left = a->m->db.position;
    const char *p = a->sql, *end = a->sql + strlen(a->sql);

    /* the server counts characters */
    for (/* void */; p < end && left > 1; p++) {
        if (((unsigned char) p[0] & 0xc0) != 0x80) {
            left--;
        }
        if (*p == '\n') {
            line++;
        }
    }

    return line;
}
