/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pytake migrate: forward-only, one runner at a time, all of it in one
 * transaction.
 */

#include "migrate.h"

#include <limits.h>
#include <stdio.h>

#define MIGRATE_SERVER_MIN 150000 /* views with security_invoker */

static int  migrate_with(migrate_t *m, int (*run)(migrate_t *m));
static int  migrate_status(migrate_t *m);
static void migrate_applied_print(const pytake_rows_t *rows, uint32_t i,
                                  uint32_t at, uint32_t ms);
static int  migrate_dry_run(migrate_t *m);
static int  migrate_run(migrate_t *m);
static int  migrate_lock(migrate_t *m);
static int  migrate_tables_make(migrate_t *m);


int
cmd_migrate(cmd_t *c, int argc, char **argv)
{
    int         rc;
    bool        dry = false;
    migrate_t   m;
    const char *words[1] = { NULL };

    const cmd_option_t options[] = { { "dry-run", NULL, &dry },
                                     { "finish", NULL, &m.finish },
                                     { "login", &m.logins, NULL } };

    memset(&m, 0, sizeof(m));
    m.cmd = c;

    rc = cmd_options(c, argc, argv, options, PT_COUNT(options), words, 1);
    if (rc != 0) {
        return rc;
    }
    if (words[0] != NULL && strcmp(words[0], "status") != 0) {
        cmd_error("\"%s\" is not expected here, see \"pytake help\"", words[0]);
        return CMD_USAGE;
    }

    m.to = INT_MAX;

    return migrate_with(&m, words[0] != NULL ? migrate_status
                            : dry            ? migrate_dry_run
                                             : migrate_run);
}


int
cmd_migrate_to(cmd_t *c, int version)
{
    migrate_t m;

    memset(&m, 0, sizeof(m));
    m.cmd = c;
    m.to = version;

    return migrate_with(&m, migrate_run);
}


static int
migrate_with(migrate_t *m, int (*run)(migrate_t *m))
{
    int rc;

    rc = cmd_connect(m->cmd, &m->db, 0, CMD_AS_LOGIN);
    if (rc != 0) {
        return rc;
    }

    if (PQserverVersion(m->db.pg) < MIGRATE_SERVER_MIN) {
        rc = cmd_error("PostgreSQL %d is too old, 15 or newer is needed",
                       PQserverVersion(m->db.pg) / 10000);
    } else {
        rc = run(m);
    }
    db_close(&m->db);

    return rc;
}


static int
migrate_status(migrate_t *m)
{
    int      rc, row;
    size_t   n;
    uint32_t i;

    rc = migrate_plan(m);
    if (rc != 0) {
        return rc;
    }

    for (i = 0; i < migrations_count; i++) {
        printf("%04d %-24s ", migrations[i].version, migrations[i].name);

        if (i < m->known) {
            migrate_applied_print(
                &m->applied, m->replaces ? m->applied.nrows - 1 : i,
                PT_COL_MIGRATE_APPLIED_APPLIED_AT, PT_COL_MIGRATE_APPLIED_MS);
        } else {
            printf("pending\n");
        }
    }

    for (n = 0; n < schema_functions_count; n++) {
        row = migrate_functions_row(&m->functions, &schema_functions[n]);
        printf("%-29s ", schema_functions[n].file);

        if (row >= 0) {
            migrate_applied_print(&m->functions, (uint32_t) row,
                                  PT_COL_MIGRATE_FUNCTIONS_APPLIED_AT,
                                  PT_COL_MIGRATE_FUNCTIONS_MS);
        } else {
            printf("pending\n");
        }
    }

    if (m->nsteps > 0) {
        printf("%zu to apply: run \"pytake migrate\"\n", m->nsteps);
    } else {
        printf("the schema is current\n");
    }

    return CMD_OK;
}


static void
migrate_applied_print(const pytake_rows_t *rows, uint32_t i, uint32_t at,
                      uint32_t ms)
{
    printf("applied %s (%d ms)\n", db_text(rows, i, at),
           (int) pt_cell_i32(rows, i, ms));
}


static int
migrate_dry_run(migrate_t *m)
{
    int    rc;
    size_t i;

    rc = migrate_plan(m);
    if (rc != 0) {
        return rc;
    }

    for (i = 0; i < m->nsteps; i++) {
        printf("would apply %s (%zu statements)\n", m->steps[i].file->file,
               m->steps[i].file->nstmts);
    }

    if (m->nsteps == 0) {
        printf("the schema is current, nothing to do\n");
    }

    return CMD_OK;
}


static int
migrate_run(migrate_t *m)
{
    int rc;

    if ((rc = migrate_lock(m)) != 0 || (rc = migrate_roles_look(m)) != 0
        || (rc = migrate_tables_make(m)) != 0 || (rc = migrate_plan(m)) != 0
        || (rc = migrate_roles_bring(m)) != 0 || (rc = migrate_apply(m)) != 0)
    {
        return rc;
    }

    if (!m->folds && m->known == 0) {
        printf("the database's collation folds ASCII alone: e-mail addresses "
               "are folded without it\n");
    }

    rc = migrate_logins_grant(m);
    if (rc == 0 && m->finish) {
        rc = migrate_finish(m);
    }

    if (rc == 0 && m->nsteps == 0) {
        cmd_print(
            "the schema is current%s",
            m->open || m->logins != NULL || m->finish ? "" : ", nothing to do");
    }

    return rc == 0 && m->to == INT_MAX ? cmd_tenant_twins(&m->db) : rc;
}


/* The session's lock: ends with the connection, however we end. */
static int
migrate_lock(migrate_t *m)
{
    pytake_rows_t rows;

    m->db.timeout_ms = DB_WAIT_FOREVER;

    pt_q_migrate_lock_try(db_sql(&m->db));
    if (db_do(&m->db, "SET statement_timeout = 0") != PT_OK
        || db_do(&m->db, "SET lock_timeout = 0") != PT_OK
        || db_run(&m->db, &rows) != PT_OK)
    {
        return cmd_db_error(&m->db, "cannot lock the schema");
    }

    if (!pt_cell_bool(&rows, 0, PT_COL_MIGRATE_LOCK_TRY_LOCKED)) {
        fputs("pytake: another migration is under way, waiting for it\n",
              stderr);
        pt_q_migrate_lock_wait(db_sql(&m->db));
        if (db_run(&m->db, NULL) != PT_OK) {
            return cmd_db_error(&m->db, "cannot lock the schema");
        }
    }

    /* Never queue for long behind a reader: everybody else would wait
     * behind us. */
    if (db_do(&m->db, "SET lock_timeout = '10s'") != PT_OK) {
        return cmd_db_error(&m->db, "cannot lock the schema");
    }

    return 0;
}


/* What was applied: a line for each migration, and for each file of
 * functions as it was applied last. */
static int
migrate_tables_make(migrate_t *m)
{
    if (db_do(&m->db, "CREATE TABLE IF NOT EXISTS public.schema_migrations ("
                      " version integer PRIMARY KEY, name text NOT NULL,"
                      " checksum text NOT NULL,"
                      " applied_at timestamptz NOT NULL DEFAULT now(),"
                      " duration_ms integer NOT NULL)")
            != PT_OK
        || db_do(&m->db, "CREATE TABLE IF NOT EXISTS public.schema_functions ("
                         " file text PRIMARY KEY, checksum text NOT NULL,"
                         " applied_at timestamptz NOT NULL DEFAULT now(),"
                         " duration_ms integer NOT NULL)")
               != PT_OK)
    {
        if (strcmp(m->db.sqlstate, "42501") == 0) {
            return cmd_error("cannot make schema_migrations: %s - give the "
                             "owner's address: --database-url-file",
                             m->db.error);
        }
        return cmd_db_error(&m->db, "cannot make schema_migrations");
    }

    return 0;
}
