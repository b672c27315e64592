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
    char               checksum[65];
    db_t              *db = &a->m->db;
    const migration_t *g = &migrations[0];

    if (!a->m->replaces) {
        return 0;
    }

    a->told = migrate_checksum(g, checksum) != 0;
    if (a->told) {
        return CMD_FAILED;
    }

    PT_SQL(db_sql(db), migrate_replaced, .version = g->version);
    if (db_run(db, NULL) != PT_OK) {
        return CMD_FAILED;
    }
    PT_SQL(db_sql(db), migrate_replace, .version = g->version,
           .name = db_str(g->name), .checksum = db_str(checksum));

    return db_run(db, NULL) == PT_OK ? 0 : CMD_FAILED;
}


static int
apply_record(apply_t *a, const migrate_step_t *step)
{
    char               checksum[65];
    db_t              *db = &a->m->db;
    int32_t            ms;
    const migration_t *g = step->file;

    a->told = migrate_checksum(g, checksum) != 0;
    if (a->told) {
        return CMD_FAILED;
    }
    ms = step->ms < INT32_MAX ? (int32_t) step->ms : INT32_MAX;

    if (g->version != 0) {
        PT_SQL(db_sql(db), migrate_record, .version = g->version,
               .name = db_str(g->name), .checksum = db_str(checksum), .ms = ms);
    } else {
        PT_SQL(db_sql(db), migrate_record_functions, .file = db_str(g->file),
               .checksum = db_str(checksum), .ms = ms);
    }

    return db_run(db, NULL) == PT_OK ? 0 : CMD_FAILED;
}


/* A file that is gone: should it come back, it is applied again. */
static int
apply_forget(apply_t *a)
{
    size_t    i;
    pt_str_t *files;

    files = pt_arena_calloc(a->m->cmd->arena, schema_functions_count,
                            sizeof(*files));
    if (files == NULL) {
        a->told = true;
        return cmd_no_memory();
    }

    for (i = 0; i < schema_functions_count; i++) {
        files[i] = db_str(schema_functions[i].file);
    }
    PT_SQL(db_sql(&a->m->db), migrate_forget,
           .files = { files, schema_functions_count });

    return db_run(&a->m->db, NULL) == PT_OK ? 0 : CMD_FAILED;
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
