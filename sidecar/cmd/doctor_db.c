/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The part of "pytake doctor" that asks the database.
 */

#include "doctor.h"

#include <stdio.h>
#include <stdlib.h>

#include "migrate.h"
#include "core/trust/pt_jwt.h"
#include "pytake.h"

#define DOCTOR_DAYS_AHEAD 7
#define DOCTOR_CLOCK_WARN_US 1000000

static void doctor_settings(doctor_t *d);
static void doctor_identity(doctor_t *d);
static void doctor_collation(doctor_t *d);
static void doctor_clock(doctor_t *d);
static bool doctor_migrations(doctor_t *d);
static bool doctor_pending(doctor_t *d, long newest, size_t *pending);
static void doctor_security(doctor_t *d);
static void doctor_partitions(doctor_t *d);
static void doctor_days(doctor_t *d, const char *parent);
static void doctor_months(doctor_t *d);


void
doctor_database(doctor_t *d)
{
    doctor_settings(d);
    doctor_identity(d);
    doctor_collation(d);
    doctor_clock(d);

    /* A login of workers reads nothing by itself. */
    (void) doctor_role_enter(d, d->cmd->conf.role_service);
    if (!doctor_migrations(d)) {
        return; /* the rest would only say the same again */
    }
    if (db_do(&d->db, "RESET ROLE") != PT_OK) {
        doctor_report(d, DOCTOR_FAIL, "roles", "%s", d->db.error);
        return;
    }
    if (!doctor_roles(d)) {
        return;
    }

    doctor_security(d);
    doctor_partitions(d);

    if (!doctor_role_enter(d, d->cmd->conf.role_service)) {
        doctor_report(d, DOCTOR_FAIL, "roles", "%s", d->db.error);
        return;
    }
    doctor_courier(d);
    doctor_people(d);
}


static void
doctor_settings(doctor_t *d)
{
    int       i, version = PQserverVersion(d->db.pg);
    PGresult *res;

    if (version < 150000) {
        doctor_report(d, DOCTOR_FAIL, "database",
                      "PostgreSQL %d is too old - "
                      "15 or newer is needed",
                      version / 10000);
    } else {
        doctor_report(d, DOCTOR_OK, "database", "PostgreSQL %d.%d answers",
                      version / 10000, version % 10000);
    }

    if (!doctor_ask(d, "settings",
                    "SELECT name, setting FROM pg_settings"
                    " WHERE name IN ('fsync', 'full_page_writes',"
                    " 'synchronous_commit', 'server_encoding')",
                    &res))
    {
        return;
    }

    for (i = 0; i < PQntuples(res); i++) {
        const char *name = db_cell(res, i, 0), *is = db_cell(res, i, 1);

        if (strcmp(name, "server_encoding") == 0) {
            if (strcmp(is, "UTF8") != 0) {
                doctor_report(d, DOCTOR_FAIL, name,
                              "is %s - make the database "
                              "with ENCODING 'UTF8'",
                              is);
            }
        } else if (strcmp(is, "off") == 0 || strcmp(is, "local") == 0) {
            doctor_report(d, DOCTOR_FAIL, name,
                          "is %s, what was acknowledged "
                          "can be lost - set it on",
                          is);
        } else {
            doctor_report(d, DOCTOR_OK, name, "is %s", is);
        }
    }
    PQclear(res);
}


/* Which database it is, however its address is written: as NGINX asks. */
static void
doctor_identity(doctor_t *d)
{
    size_t    i;
    PGresult *res;

    for (i = 0; i < pytake_stmts_count; i++) {
        if (strcmp(pytake_stmts[i].name, "health_identity") == 0
            && doctor_ask(d, "identity", pytake_stmts[i].sql, &res))
        {
            snprintf(d->identity, sizeof(d->identity), "%s",
                     db_cell(res, 0, 0));
            PQclear(res);
        }
    }
}


/* What lower() makes of letters beyond ASCII here. */
static void
doctor_collation(doctor_t *d)
{
    PGresult *res;

    if (!doctor_ask(d, "collation",
                    "SELECT datctype, lower(chr(201)) = chr(233)"
                    " FROM pg_database WHERE datname = current_database()",
                    &res))
    {
        return;
    }

    doctor_report(d, DOCTOR_OK, "collation",
                  db_cell(res, 0, 1)[0] == 't'
                      ? "%s folds letters"
                      : "%s folds ASCII alone, e-mail addresses are folded "
                        "without it",
                  db_cell(res, 0, 0));
    PQclear(res);
}


static void
doctor_clock(doctor_t *d)
{
    double    off_us;
    int64_t   before, after;
    PGresult *res;

    before = cmd_now_us();
    if (!doctor_ask(d, "clock",
                    "SELECT (extract(epoch FROM"
                    " clock_timestamp()) * 1000000)::bigint",
                    &res))
    {
        return;
    }
    after = cmd_now_us();

    off_us = strtod(db_cell(res, 0, 0), NULL)
             - (double) (before + (after - before) / 2);
    PQclear(res);
    if (off_us < 0) {
        off_us = -off_us;
    }

    if (off_us > PT_JWT_LEEWAY_S * 1e6) {
        doctor_report(d, DOCTOR_FAIL, "clock",
                      "%.1f s apart from the "
                      "database's, sessions and events suffer - run an NTP "
                      "client on both",
                      off_us / 1e6);
    } else if (off_us > DOCTOR_CLOCK_WARN_US) {
        doctor_report(d, DOCTOR_WARN, "clock",
                      "%.1f s apart from the "
                      "database's - run an NTP client on both",
                      off_us / 1e6);
    } else {
        doctor_report(d, DOCTOR_OK, "clock",
                      "%.0f ms apart from the "
                      "database's",
                      off_us / 1000);
    }
}


/* False when there is no schema to look at. */
static bool
doctor_migrations(doctor_t *d)
{
    long      newest = 0, ours = migrations[migrations_count - 1].version;
    size_t    n = 0;
    PGresult *res;

    if (!doctor_ask(d, "migrations",
                    "SELECT to_regclass("
                    "'public.schema_migrations') IS NOT NULL",
                    &res))
    {
        return false;
    }

    if (db_cell(res, 0, 0)[0] == 't') {
        PQclear(res);
        if (!doctor_ask(d, "migrations",
                        "SELECT coalesce(max(version), 0),"
                        " count(*) FROM public.schema_migrations",
                        &res))
        {
            return false;
        }
        newest = strtol(db_cell(res, 0, 0), NULL, 10);
        n = (size_t) strtol(db_cell(res, 0, 1), NULL, 10);
    }
    PQclear(res);

    if (n == 0) {
        doctor_report(d, DOCTOR_FAIL, "migrations",
                      "the database is empty - "
                      "run \"pytake migrate\"");
        return false;
    }

    if (newest > ours) {
        doctor_report(d, DOCTOR_FAIL, "migrations",
                      "the database (%ld) is newer "
                      "than this program (%ld) - use the newer pytake",
                      newest, ours);
        return true;
    }

    if (!doctor_pending(d, newest, &n)) {
        return false;
    }
    if (n > 0) {
        doctor_report(d, DOCTOR_FAIL, "migrations",
                      "%zu to apply - run "
                      "\"pytake migrate\"",
                      n);
    } else {
        doctor_report(d, DOCTOR_OK, "migrations",
                      "all applied, up to %04ld, with %zu files of functions",
                      newest, schema_functions_count);
    }

    return true;
}


/* Migrations that the database lacks, and files of functions that it has not
 * as they are now. */
static bool
doctor_pending(doctor_t *d, long newest, size_t *pending)
{
    size_t    i;
    PGresult *rows;

    if (migrate_functions_get(&d->db, &rows) != PT_OK) {
        doctor_report(d, DOCTOR_FAIL, "migrations", "%s", d->db.error);
        return false;
    }

    *pending = 0;
    for (i = 0; i < migrations_count; i++) {
        *pending += migrations[i].version > newest;
    }
    for (i = 0; i < schema_functions_count; i++) {
        *pending += migrate_functions_row(rows, &schema_functions[i]) < 0;
    }
    PQclear(rows);

    return true;
}


static void
doctor_security(doctor_t *d)
{
    doctor_list(d, "row-level security",
                "SELECT relname FROM pg_class"
                " WHERE relnamespace = 'public'::regnamespace"
                " AND relkind IN ('r', 'p') AND NOT relispartition"
                " AND relname NOT IN ('schema_migrations',"
                " 'schema_functions')"
                " AND NOT (relrowsecurity AND relforcerowsecurity)",
                "forced on every table",
                "without it - ALTER TABLE ... ENABLE and FORCE ROW LEVEL "
                "SECURITY");
    doctor_list(d, "partition grants",
                "SELECT DISTINCT c.relname FROM pg_class c,"
                " unnest(ARRAY['pytake_app', 'pytake_service',"
                " 'pytake_lookup']) AS r(role)"
                " WHERE c.relnamespace = 'public'::regnamespace"
                " AND c.relispartition AND c.relkind IN ('r', 'p')"
                " AND has_table_privilege(r.role, c.oid,"
                " 'SELECT, INSERT, UPDATE, DELETE')",
                "none, as it must be",
                "can be used directly, past the parent's policies - REVOKE "
                "ALL ON ... FROM pytake_app, pytake_service, pytake_lookup, "
                "PUBLIC");
}


static void
doctor_partitions(doctor_t *d)
{
    doctor_days(d, "event_log");
    doctor_days(d, "webhook_raw");
    doctor_months(d);
}


/* A write whose day has no partition makes it, while its sender waits. */
static void
doctor_days(doctor_t *d, const char *parent)
{
    long        days;
    PGresult   *res;
    const char *params[] = { parent };

    if (db_exec(&d->db,
                "SELECT count(*) FROM generate_series(0, 30) n"
                " WHERE NOT EXISTS (SELECT 1 FROM generate_series(0, n) k"
                " WHERE to_regclass('public.' || $1 || to_char((now() AT TIME"
                " ZONE 'UTC')::date + k, '_YYYY_MM_DD')) IS NULL)",
                1, params, &res)
        != PT_OK)
    {
        doctor_report(d, DOCTOR_FAIL, parent, "%s", d->db.error);
        return;
    }
    days = strtol(db_cell(res, 0, 0), NULL, 10) - 1;
    PQclear(res);

    if (days < 0) {
        doctor_report(d, DOCTOR_FAIL, parent,
                      "has no partition for today, "
                      "the next write must make it - run \"pytake partitions\" "
                      "and keep \"pytake serve\" running");
    } else if (days < DOCTOR_DAYS_AHEAD) {
        doctor_report(d, DOCTOR_FAIL, parent,
                      "has partitions for %ld days "
                      "ahead, not %d - run \"pytake partitions\" and keep "
                      "\"pytake serve\" running",
                      days, DOCTOR_DAYS_AHEAD);
    } else {
        doctor_report(d, DOCTOR_OK, parent, "has partitions for %ld days ahead",
                      days);
    }
}


static void
doctor_months(doctor_t *d)
{
    doctor_list(d, "messages",
                "SELECT 'messages' || to_char(date_trunc('month', now() AT"
                " TIME ZONE 'UTC') + make_interval(months => n), '_YYYY_MM')"
                " FROM generate_series(0, 1) n WHERE to_regclass('public."
                "messages' || to_char(date_trunc('month', now() AT TIME ZONE"
                " 'UTC') + make_interval(months => n), '_YYYY_MM')) IS NULL",
                "has partitions for this month and the next",
                "is missing - run \"pytake partitions\" and keep \"pytake "
                "serve\" running");
}
