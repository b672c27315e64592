/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pytake migrate: forward-only, each migration in a transaction of its own,
 * one runner at a time.
 */

#include "migrate.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "migrations.h"

#define MIGRATE_LOCK "7305808"
#define MIGRATE_SERVER_MIN 150000 /* views with security_invoker */

static int migrate_with(migrate_t *m, int (*run)(migrate_t *m));
static int migrate_status(migrate_t *m);
static int migrate_dry_run(migrate_t *m);
static int migrate_run(migrate_t *m);
static int migrate_lock(migrate_t *m);
static int migrate_table_make(migrate_t *m);
static int migrate_applied_get(migrate_t *m);
static int migrate_check(migrate_t *m);
static int migrate_checksum(const migration_t *g, char out[65]);
static int migrate_apply(migrate_t *m, const migration_t *g);
static int migrate_statements(migrate_t *m, const migration_t *g);
static int migrate_record(migrate_t *m, const migration_t *g,
                          int64_t started_us);
static int migrate_failed(migrate_t *m, const migration_t *g,
                          const migration_stmt_t *s, const char *sql);


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
    PQclear(m->applied);
    db_close(&m->db);

    return rc;
}


static int
migrate_status(migrate_t *m)
{
    int    rc;
    size_t i;

    rc = migrate_applied_get(m);
    if (rc != 0) {
        return rc;
    }

    for (i = 0; i < migrations_count; i++) {
        if ((int) i < m->napplied) {
            printf("%04d %-24s applied %s (%s ms)\n", migrations[i].version,
                   migrations[i].name, db_cell(m->applied, (int) i, 2),
                   db_cell(m->applied, (int) i, 3));
        } else {
            printf("%04d %-24s pending\n", migrations[i].version,
                   migrations[i].name);
        }
    }

    rc = migrate_check(m);
    if (rc != 0) {
        return rc;
    }

    if ((size_t) m->napplied < migrations_count) {
        printf("%zu to apply: run \"pytake migrate\"\n",
               migrations_count - (size_t) m->napplied);
    } else {
        printf("the schema is current\n");
    }

    return CMD_OK;
}


static int
migrate_dry_run(migrate_t *m)
{
    int    rc;
    size_t i;

    if ((rc = migrate_applied_get(m)) != 0 || (rc = migrate_check(m)) != 0) {
        return rc;
    }

    for (i = (size_t) m->napplied; i < migrations_count; i++) {
        printf("would apply %s (%zu statements)\n", migrations[i].file,
               migrations[i].nstmts);
    }

    if ((size_t) m->napplied == migrations_count) {
        printf("the schema is current, nothing to do\n");
    }

    return CMD_OK;
}


static int
migrate_run(migrate_t *m)
{
    int    rc;
    size_t i;

    if ((rc = migrate_lock(m)) != 0 || (rc = migrate_roles_look(m)) != 0
        || (rc = migrate_table_make(m)) != 0
        || (rc = migrate_applied_get(m)) != 0 || (rc = migrate_check(m)) != 0
        || (rc = migrate_roles_bring(m)) != 0)
    {
        return rc;
    }

    for (i = (size_t) m->napplied;
         i < migrations_count && migrations[i].version <= m->to; i++)
    {
        rc = migrate_apply(m, &migrations[i]);
        if (rc != 0) {
            return rc;
        }
    }

    if (!m->folds && (size_t) m->napplied < migrations_count) {
        printf("the database's collation folds ASCII alone: e-mail addresses "
               "are folded without it\n");
    }

    rc = migrate_logins_grant(m);
    if (rc == 0 && m->finish) {
        rc = migrate_finish(m);
    }

    if (rc == 0 && (size_t) m->napplied == migrations_count) {
        cmd_print("the schema is current%s",
                  m->open || m->logins != NULL || m->finish
                          || strcmp(m->old, m->prefix) != 0
                      ? ""
                      : ", nothing to do");
    }

    return rc == 0 && i == migrations_count ? cmd_tenant_twins(&m->db) : rc;
}


/* The session's lock: ends with the connection, however we end. */
static int
migrate_lock(migrate_t *m)
{
    bool      got;
    PGresult *res;

    m->db.timeout_ms = DB_WAIT_FOREVER;

    if (db_do(&m->db, "SET statement_timeout = 0") != PT_OK
        || db_do(&m->db, "SET lock_timeout = 0") != PT_OK
        || db_exec(&m->db, "SELECT pg_try_advisory_lock(" MIGRATE_LOCK ")", 0,
                   NULL, &res)
               != PT_OK)
    {
        return cmd_db_error(&m->db, "cannot lock the schema");
    }

    got = db_cell(res, 0, 0)[0] == 't';
    PQclear(res);

    if (!got) {
        fputs("pytake: another migration is under way, waiting for it\n",
              stderr);
        if (db_do(&m->db, "SELECT pg_advisory_lock(" MIGRATE_LOCK ")") != PT_OK)
        {
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


static int
migrate_table_make(migrate_t *m)
{
    if (db_do(&m->db, "CREATE TABLE IF NOT EXISTS public.schema_migrations ("
                      " version integer PRIMARY KEY, name text NOT NULL,"
                      " checksum text NOT NULL,"
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


static int
migrate_applied_get(migrate_t *m)
{
    bool      there;
    PGresult *res;

    if (db_exec(&m->db,
                "SELECT to_regclass('public.schema_migrations')"
                " IS NOT NULL",
                0, NULL, &res)
        != PT_OK)
    {
        return cmd_db_error(&m->db, "cannot read schema_migrations");
    }
    there = db_cell(res, 0, 0)[0] == 't';
    PQclear(res);

    if (!there) {
        m->napplied = 0;
        return 0;
    }

    if (db_exec(&m->db,
                "SELECT version, checksum,"
                " to_char(applied_at, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
                " duration_ms FROM public.schema_migrations ORDER BY version",
                0, NULL, &m->applied)
        != PT_OK)
    {
        return cmd_db_error(&m->db, "cannot read schema_migrations");
    }
    m->napplied = PQntuples(m->applied);

    return 0;
}


/* What is applied must be a beginning of what we have. */
static int
migrate_check(migrate_t *m)
{
    int    i, rc, version;
    char   want[65];
    size_t n = migrations_count;

    i = m->napplied - 1;
    version = i < 0 ? 0 : (int) strtol(db_cell(m->applied, i, 0), NULL, 10);
    if (version > migrations[n - 1].version) {
        return cmd_error("the database's schema (%04d) is newer than this "
                         "program's (%04d): use the newer pytake",
                         version, migrations[n - 1].version);
    }

    for (i = 0; i < m->napplied; i++) {
        version = (int) strtol(db_cell(m->applied, i, 0), NULL, 10);

        if ((size_t) i >= n || version < migrations[i].version) {
            return cmd_error("the database has a migration %04d that this "
                             "program does not know: use the pytake that "
                             "applied it",
                             version);
        }

        if (version > migrations[i].version) {
            return cmd_error("%s was never applied, though %04d was: "
                             "migrations go in order",
                             migrations[i].file, version);
        }

        rc = migrate_checksum(&migrations[i], want);
        if (rc != 0) {
            return rc;
        }
        if (strcmp(db_cell(m->applied, i, 1), want) != 0) {
            return cmd_error("%s was changed after it was applied: put the "
                             "file back and write a new migration",
                             migrations[i].file);
        }
    }

    return 0;
}


static int
migrate_checksum(const migration_t *g, char out[65])
{
    uint8_t hash[32];

    if (pt_sha256(g->text, g->text_len, hash) != PT_OK) {
        return cmd_error("libcrypto failed");
    }
    pt_hex_build(hash, sizeof(hash), out);
    out[64] = '\0';

    return 0;
}


static int
migrate_apply(migrate_t *m, const migration_t *g)
{
    int     rc;
    int64_t started_us = cmd_now_us();

    if (db_do(&m->db, "BEGIN") != PT_OK) {
        return cmd_db_error(&m->db, "cannot begin");
    }

    if ((rc = migrate_statements(m, g)) != 0
        || (rc = migrate_record(m, g, started_us)) != 0)
    {
        return rc; /* the connection's end rolls back */
    }

    if (db_do(&m->db, "COMMIT") != PT_OK) {
        return cmd_db_error(&m->db, "cannot commit");
    }

    printf("applied %s (%lld ms)\n", g->file,
           (long long) ((cmd_now_us() - started_us) / 1000));
    fflush(stdout);

    return 0;
}


static int
migrate_statements(migrate_t *m, const migration_t *g)
{
    int                     rc;
    size_t                  i;
    const char             *sql;
    const migration_stmt_t *s;

    for (i = 0; i < g->nstmts; i++) {
        s = &g->stmts[i];

        rc = cmd_roles_put(m->cmd, m->prefix,
                           (pt_str_t){ g->text + s->offset, s->len }, &sql);
        if (rc != 0) {
            return rc;
        }

        if (db_do(&m->db, sql) != PT_OK) {
            return migrate_failed(m, g, s, sql);
        }
    }

    return 0;
}


static int
migrate_record(migrate_t *m, const migration_t *g, int64_t started_us)
{
    char        version[12], checksum[65], ms[24];
    int         rc;
    const char *grant;
    const char *params[] = { version, g->name, checksum, ms };

    rc = cmd_roles_put(m->cmd, m->prefix,
                       PT_STR("GRANT SELECT ON public.schema_migrations"
                              " TO pytake_service"),
                       &grant);
    if (rc != 0 || (rc = migrate_checksum(g, checksum)) != 0) {
        return rc;
    }
    snprintf(version, sizeof(version), "%d", g->version);
    snprintf(ms, sizeof(ms), "%lld",
             (long long) ((cmd_now_us() - started_us) / 1000));

    if (db_exec(&m->db,
                "INSERT INTO public.schema_migrations"
                " (version, name, checksum, duration_ms)"
                " VALUES ($1, $2, $3, $4)",
                4, params, NULL)
            != PT_OK
        || db_do(&m->db, grant) != PT_OK)
    {
        return cmd_db_error(&m->db, "cannot record the migration");
    }

    return 0;
}


static int
migrate_failed(migrate_t *m, const migration_t *g, const migration_stmt_t *s,
               const char *sql)
{
    int         line = s->line, left = m->db.position;
    const char *p = sql, *end = sql + strlen(sql);

    /* the server counts characters */
    for (/* void */; p < end && left > 1; p++) {
        if (((unsigned char) p[0] & 0xc0) != 0x80) {
            left--;
        }
        if (*p == '\n') {
            line++;
        }
    }

    if (m->db.sqlstate[0] == '\0') {
        return cmd_error("%s:%d: the connection was lost: %s - nothing of "
                         "this file was kept, run it again",
                         g->file, line, m->db.error);
    }

    return cmd_error("%s:%d: %s (%s) - nothing of this file was kept", g->file,
                     line, m->db.error, m->db.sqlstate);
}
