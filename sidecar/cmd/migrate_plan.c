/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * What of the schema a database has, and what is to do: migrations that it
 * lacks, and files of functions that were changed since they were applied.
 */

#include "migrate.h"

static int  plan_applied_get(migrate_t *m);
static int  plan_check(migrate_t *m);
static int  plan_check_newer(const migrate_t *m);
static int  plan_check_one(const migrate_t *m, uint32_t i);
static int  plan_check_replaced(const migrate_t *m);
static int  plan_version(const pytake_rows_t *rows, uint32_t i);
static bool plan_checksum_is(const pytake_rows_t *rows, uint32_t i,
                             const char *want);


int
migrate_checksum(const migration_t *g, char out[65])
{
    uint8_t hash[32];

    if (pt_hash_sha256(g->text, g->text_len, hash) != PT_OK) {
        return cmd_error("libcrypto failed");
    }
    pt_hex_build(hash, sizeof(hash), out);
    out[64] = '\0';

    return 0;
}


bool
migrate_is_replaced(const pytake_rows_t *rows)
{
    uint32_t i;

    if (migrations_replaced_count == 0
        || rows->nrows != migrations_replaced_count) {
        return false;
    }

    for (i = 0; i < rows->nrows; i++) {
        if (plan_version(rows, i) != migrations_replaced[i].version
            || !plan_checksum_is(rows, i, migrations_replaced[i].checksum))
        {
            return false;
        }
    }

    return true;
}


pt_err_t
migrate_table_is(db_t *db, const char *name, bool *there)
{
    pt_err_t      err;
    pytake_rows_t rows;

    PT_SQL(db_sql(db), migrate_table, .name = db_str(name));
    err = db_run(db, &rows);
    *there = err == PT_OK && pt_cell_bool(&rows, 0, PT_COL_MIGRATE_TABLE_THERE);

    return err;
}


pt_err_t
migrate_functions_get(db_t *db, pytake_rows_t *out)
{
    bool     there;
    pt_err_t err;

    memset(out, 0, sizeof(*out));

    err = migrate_table_is(db, "public.schema_functions", &there);
    if (err != PT_OK || !there) {
        return err;
    }
    pt_q_migrate_functions(db_sql(db));

    return db_run(db, out);
}


int
migrate_functions_row(const pytake_rows_t *rows, const migration_t *g)
{
    char     want[65];
    uint32_t i;

    for (i = 0; i < rows->nrows; i++) {
        if (strcmp(db_text(rows, i, PT_COL_MIGRATE_FUNCTIONS_FILE), g->file)
            == 0) {
            return migrate_checksum(g, want) == 0
                           && strcmp(db_text(rows, i,
                                             PT_COL_MIGRATE_FUNCTIONS_CHECKSUM),
                                     want)
                                  == 0
                       ? (int) i
                       : -1;
        }
    }

    return -1;
}


int
migrate_plan(migrate_t *m)
{
    int    rc;
    bool   moved = m->old[0] != '\0' && strcmp(m->old, m->prefix) != 0;
    size_t i, most = migrations_count + schema_functions_count;

    if ((rc = plan_applied_get(m)) != 0 || (rc = plan_check(m)) != 0) {
        return rc;
    }

    m->steps = pt_arena_alloc(m->cmd->arena, most * sizeof(m->steps[0]));
    if (m->steps == NULL) {
        return cmd_no_memory();
    }

    for (i = m->known; i < migrations_count && migrations[i].version <= m->to;
         i++) {
        m->steps[m->nsteps++] = (migrate_step_t){ &migrations[i], 0 };
    }

    /* Functions suit the newest tables alone. */
    for (i = 0; m->to >= migrations[migrations_count - 1].version
                && i < schema_functions_count;
         i++)
    {
        /* with other roles all of them: they may name one */
        if (moved
            || migrate_functions_row(&m->functions, &schema_functions[i]) < 0) {
            m->steps[m->nsteps++] = (migrate_step_t){ &schema_functions[i], 0 };
        }
    }

    return 0;
}


static int
plan_applied_get(migrate_t *m)
{
    bool     there;
    pt_err_t err;

    err = migrate_table_is(&m->db, "public.schema_migrations", &there);
    if (err == PT_OK && there) {
        pt_q_migrate_applied(db_sql(&m->db));
        err = db_run(&m->db, &m->applied);
    }
    if (err == PT_OK) {
        err = migrate_functions_get(&m->db, &m->functions);
    }

    return err == PT_OK ? 0
                        : cmd_db_error(&m->db, "cannot read what was migrated");
}


/* What is applied must be a beginning of what we have. */
static int
plan_check(migrate_t *m)
{
    int      rc;
    uint32_t i, n = m->applied.nrows;

    rc = plan_check_newer(m);
    if (rc != 0) {
        return rc;
    }

    m->replaces = migrate_is_replaced(&m->applied);
    if (m->replaces) {
        m->known = 1;
        return 0;
    }

    if (n > 0 && migrations_replaced_count > 0
        && plan_version(&m->applied, 0) == migrations_replaced[0].version)
    {
        return plan_check_replaced(m);
    }

    for (i = 0; i < n; i++) {
        rc = plan_check_one(m, i);
        if (rc != 0) {
            return rc;
        }
    }
    m->known = n;

    return 0;
}


static int
plan_check_newer(const migrate_t *m)
{
    int      ours, newest;
    uint32_t n = m->applied.nrows;

    ours = migrations[migrations_count - 1].version;
    newest = n == 0 ? 0 : plan_version(&m->applied, n - 1);
    if (newest > ours) {
        return cmd_error("the database's schema (%04d) is newer than this "
                         "program's (%04d): use the newer pytake",
                         newest, ours);
    }

    return 0;
}


static int
plan_check_one(const migrate_t *m, uint32_t i)
{
    int  rc, version = plan_version(&m->applied, i);
    char want[65];

    if (i >= migrations_count || version < migrations[i].version) {
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
    if (!plan_checksum_is(&m->applied, i, want)) {
        return cmd_error("%s was changed after it was applied: put the "
                         "file back and write a new migration",
                         migrations[i].file);
    }

    return 0;
}


/* It has some of those that were replaced, or others of that name. */
static int
plan_check_replaced(const migrate_t *m)
{
    int                         version;
    uint32_t                    i;
    const migration_replaced_t *r;

    for (i = 0; i < migrations_replaced_count; i++) {
        r = &migrations_replaced[i];
        version = plan_version(&m->applied, i); /* 0: there is none */

        if (version != r->version) {
            return cmd_error("the database lacks %04d, one of the migrations "
                             "that %s replaced: run \"pytake migrate\" of the "
                             "last PyTake that has them, then this one",
                             r->version, migrations[0].file);
        }
        if (!plan_checksum_is(&m->applied, i, r->checksum)) {
            return cmd_error("the database's %04d is another one than %s "
                             "replaced, its file was changed: use the pytake "
                             "that applied it, or begin with a new database",
                             version, migrations[0].file);
        }
    }

    return cmd_error("the database has migrations beside those that %s "
                     "replaced: use the pytake that applied them",
                     migrations[0].file);
}


static int
plan_version(const pytake_rows_t *rows, uint32_t i)
{
    return pt_cell_i32(rows, i, PT_COL_MIGRATION_VERSION);
}


static bool
plan_checksum_is(const pytake_rows_t *rows, uint32_t i, const char *want)
{
    return strcmp(db_text(rows, i, PT_COL_MIGRATION_CHECKSUM), want) == 0;
}
