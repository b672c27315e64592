/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The part of "pytake doctor" that asks the database.
 */

#include "doctor.h"

#include <stdio.h>

#include "migrate.h"
#include "core/trust/pt_jwt.h"

#define DOCTOR_DAYS_AHEAD 7
#define DOCTOR_CLOCK_WARN_US 1000000

static void doctor_settings(doctor_t *d);
static void doctor_identity(doctor_t *d);
static void doctor_collation(doctor_t *d);
static void doctor_clock(doctor_t *d);
static bool doctor_migrations(doctor_t *d);
static bool doctor_pending(doctor_t *d, int newest, size_t *pending);
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
    int           version = PQserverVersion(d->db.pg);
    uint32_t      i;
    pytake_rows_t rows;

    if (version < 150000) {
        doctor_report(d, DOCTOR_FAIL, "database",
                      "PostgreSQL %d is too old - "
                      "15 or newer is needed",
                      version / 10000);
    } else {
        doctor_report(d, DOCTOR_OK, "database", "PostgreSQL %d.%d answers",
                      version / 10000, version % 10000);
    }

    pt_q_doctor_settings(db_sql(&d->db));
    if (!doctor_ask(d, "settings", &rows)) {
        return;
    }

    for (i = 0; i < rows.nrows; i++) {
        const char *name = db_text(&rows, i, PT_COL_DOCTOR_SETTINGS_NAME);
        const char *is = db_text(&rows, i, PT_COL_DOCTOR_SETTINGS_SETTING);

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
}


/* Which database it is, however its address is written: as NGINX asks. */
static void
doctor_identity(doctor_t *d)
{
    pytake_rows_t rows;

    pt_q_health_identity(db_sql(&d->db));
    if (doctor_ask(d, "identity", &rows)) {
        snprintf(d->identity, sizeof(d->identity), "%s",
                 db_text(&rows, 0, PT_COL_HEALTH_IDENTITY_IDENTITY));
    }
}


/* What lower() makes of letters beyond ASCII here. */
static void
doctor_collation(doctor_t *d)
{
    pytake_rows_t rows;

    pt_q_doctor_collation(db_sql(&d->db));
    if (!doctor_ask(d, "collation", &rows)) {
        return;
    }

    doctor_report(d, DOCTOR_OK, "collation",
                  pt_cell_bool(&rows, 0, PT_COL_DOCTOR_COLLATION_FOLDS)
                      ? "%s folds letters"
                      : "%s folds ASCII alone, e-mail addresses are folded "
                        "without it",
                  db_text(&rows, 0, PT_COL_DOCTOR_COLLATION_CTYPE));
}


static void
doctor_clock(doctor_t *d)
{
    double        off_us;
    int64_t       before, after;
    pytake_rows_t rows;

    pt_q_doctor_clock(db_sql(&d->db));
    before = cmd_now_us();
    if (!doctor_ask(d, "clock", &rows)) {
        return;
    }
    after = cmd_now_us();

    off_us = (double) pt_cell_time(&rows, 0, PT_COL_DOCTOR_CLOCK_NOW)
             - (double) (before + (after - before) / 2);
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
    int           newest, ours = migrations[migrations_count - 1].version;
    bool          there;
    size_t        n;
    pytake_rows_t rows;

    if (migrate_table_is(&d->db, "public.schema_migrations", &there) != PT_OK) {
        doctor_report(d, DOCTOR_FAIL, "migrations", "%s", d->db.error);
        return false;
    }

    memset(&rows, 0, sizeof(rows));
    pt_q_doctor_migrations(db_sql(&d->db));
    if (there && !doctor_ask(d, "migrations", &rows)) {
        return false;
    }
    newest = pt_cell_i32(&rows, 0, PT_COL_DOCTOR_MIGRATIONS_NEWEST);
    n = (size_t) pt_cell_i64(&rows, 0, PT_COL_DOCTOR_MIGRATIONS_N);

    if (n == 0) {
        doctor_report(d, DOCTOR_FAIL, "migrations",
                      "the database is empty - "
                      "run \"pytake migrate\"");
        return false;
    }

    if (newest > ours) {
        doctor_report(d, DOCTOR_FAIL, "migrations",
                      "the database (%d) is newer "
                      "than this program (%d) - use the newer pytake",
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
                      "all applied, up to %04d, with %zu files of functions",
                      newest, schema_functions_count);
    }

    return true;
}


/* Migrations that the database lacks, and files of functions that it has not
 * as they are now. */
static bool
doctor_pending(doctor_t *d, int newest, size_t *pending)
{
    size_t        i;
    pytake_rows_t rows;

    if (migrate_functions_get(&d->db, &rows) != PT_OK) {
        doctor_report(d, DOCTOR_FAIL, "migrations", "%s", d->db.error);
        return false;
    }

    *pending = 0;
    for (i = 0; i < migrations_count; i++) {
        *pending += migrations[i].version > newest;
    }
    for (i = 0; i < schema_functions_count; i++) {
        *pending += migrate_functions_row(&rows, &schema_functions[i]) < 0;
    }

    return true;
}


static void
doctor_security(doctor_t *d)
{
    pt_q_doctor_security(db_sql(&d->db));
    doctor_list(d, "row-level security", "forced on every table",
                "without it - ALTER TABLE ... ENABLE and FORCE ROW LEVEL "
                "SECURITY");

    PT_SQL(db_sql(&d->db), doctor_partition_grants, .prefix = d->prefix);
    doctor_list(d, "partition grants", "none, as it must be",
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
    int64_t       days;
    pytake_rows_t rows;

    PT_SQL(db_sql(&d->db), doctor_days, .parent = db_str(parent));
    if (!doctor_ask(d, parent, &rows)) {
        return;
    }
    days = pt_cell_i64(&rows, 0, PT_COL_DOCTOR_DAYS_N) - 1;

    if (days < 0) {
        doctor_report(d, DOCTOR_FAIL, parent,
                      "has no partition for today, "
                      "the next write must make it - run \"pytake partitions\" "
                      "and keep \"pytake serve\" running");
    } else if (days < DOCTOR_DAYS_AHEAD) {
        doctor_report(d, DOCTOR_FAIL, parent,
                      "has partitions for %lld days "
                      "ahead, not %d - run \"pytake partitions\" and keep "
                      "\"pytake serve\" running",
                      (long long) days, DOCTOR_DAYS_AHEAD);
    } else {
        doctor_report(d, DOCTOR_OK, parent,
                      "has partitions for %lld days ahead", (long long) days);
    }
}


static void
doctor_months(doctor_t *d)
{
    pt_q_doctor_months(db_sql(&d->db));
    doctor_list(d, "messages", "has partitions for this month and the next",
                "is missing - run \"pytake partitions\" and keep \"pytake "
                "serve\" running");
}
