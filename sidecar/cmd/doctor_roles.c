/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The part of "pytake doctor" that looks at roles and logins: who else gets
 * in, and what is left of a worker's rights when its role is reset.
 */

#include "doctor.h"

#include <stdio.h>

#define DOCTOR_GRANTERS 16 /* that doctor_granters names */

static void doctor_login(doctor_t *d);
static void doctor_members(doctor_t *d);
static void doctor_granters(doctor_t *d);
static void doctor_bridges(doctor_t *d);


bool
doctor_roles(doctor_t *d)
{
    bool   good = true;
    size_t i;

    const char *roles[] = { d->cmd->conf.role_app, d->cmd->conf.role_service };

    for (i = 0; i < PT_COUNT(roles); i++) {
        if (doctor_role_enter(d, roles[i])) {
            doctor_report(d, DOCTOR_OK, roles[i], "can be entered");
        } else if (strcmp(d->db.sqlstate, "22023") == 0) {
            doctor_report(d, DOCTOR_FAIL, roles[i],
                          "%s - run \"pytake migrate\"", d->db.error);
            good = false;
        } else {
            doctor_report(d, DOCTOR_FAIL, roles[i],
                          "%s - run \"pytake migrate --login\" and the login's "
                          "name as the schema's owner",
                          d->db.error);
            good = false;
        }
        if (db_do(&d->db, "RESET ROLE") != PT_OK) {
            doctor_report(d, DOCTOR_FAIL, "roles", "%s", d->db.error);
            return false;
        }
    }

    doctor_login(d);
    doctor_members(d);
    doctor_granters(d);
    doctor_bridges(d);

    return good;
}


bool
doctor_role_enter(doctor_t *d, const char *role)
{
    char sql[128];

    snprintf(sql, sizeof(sql), "SET ROLE %s", role);

    return db_do(&d->db, sql) == PT_OK;
}


/* What whoever takes a worker over has: the login of DATABASE_URL. */
static void
doctor_login(doctor_t *d)
{
    pytake_rows_t rows;

    pt_q_doctor_login(db_sql(&d->db));
    if (!doctor_ask(d, "login", &rows) || rows.nrows != 1) {
        return;
    }

    if (pt_cell_is_null(&rows, 0, PT_COL_DOCTOR_LOGIN_HARM)) {
        doctor_report(d, DOCTOR_OK, "login", "%s is nothing without a role",
                      db_text(&rows, 0, PT_COL_DOCTOR_LOGIN_NAME));
    } else {
        doctor_report(
            d,
            pt_cell_bool(&rows, 0, PT_COL_DOCTOR_LOGIN_PASSES) ? DOCTOR_FAIL
                                                               : DOCTOR_WARN,
            "login",
            "%s %s, and so does who takes a worker over - make a login "
            "for workers and sidecar, NOSUPERUSER NOINHERIT, and run "
            "\"pytake migrate --login\" with its name",
            db_text(&rows, 0, PT_COL_DOCTOR_LOGIN_NAME),
            db_text(&rows, 0, PT_COL_DOCTOR_LOGIN_HARM));
    }
}


static void
doctor_members(doctor_t *d)
{
    PT_SQL(db_sql(&d->db), doctor_attributes, .prefix = d->prefix);
    doctor_list(d, "role attributes", "no role passes row-level security by",
                "may log in, or pass row-level security by - ALTER ROLE ... "
                "NOLOGIN NOSUPERUSER NOBYPASSRLS");

    pt_q_doctor_public(db_sql(&d->db));
    doctor_list(d, "connect", "closed to logins of other databases",
                "may connect, and so may every login of other databases - "
                "run \"pytake migrate\" as the database's owner");

    PT_SQL(db_sql(&d->db), doctor_members, .prefix = d->prefix);
    doctor_list(d, "members", "no login of another database is in the roles",
                "may not connect here, but is a member of the roles - REVOKE "
                "them FROM it, or let it in by \"pytake migrate --login\"");

    PT_SQL(db_sql(&d->db), doctor_inherits, .prefix = d->prefix);
    doctor_list(d, "inherits",
                "no login has the roles' rights without entering one",
                "has rights that RESET ROLE does not take - run \"pytake "
                "migrate --login\" with its name; what somebody else granted "
                "from PostgreSQL 16 on, he grants anew WITH INHERIT FALSE");

    PT_SQL(db_sql(&d->db), doctor_shared, .prefix = d->prefix);
    doctor_list(d, "shared roles", "the roles are this database's alone",
                "has the same roles in this server - run \"pytake migrate\" "
                "of this release there, too");
}


/* Who is no member, and can become one without asking anybody. */
static void
doctor_granters(doctor_t *d)
{
    char          more[64] = "";
    int64_t       n;
    pytake_rows_t rows;

    PT_SQL(db_sql(&d->db), doctor_granters, .prefix = d->prefix);
    if (!doctor_ask(d, "grants", &rows)) {
        return;
    }

    n = pt_cell_i64(&rows, 0, PT_COL_DOCTOR_GRANTERS_N);
    if (n == 0) {
        doctor_report(d, DOCTOR_OK, "grants",
                      "only the owner can let logins into the roles");
        return;
    }

    if (n > DOCTOR_GRANTERS) {
        snprintf(more, sizeof(more), " and %lld more",
                 (long long) n - DOCTOR_GRANTERS);
    }
    doctor_report(d, DOCTOR_WARN, "grants",
                  "%s%s may give the roles, to itself, too - up to PostgreSQL "
                  "15 ALTER ROLE ... NOCREATEROLE (an administrator then "
                  "makes its own roles by hand); in every version REVOKE "
                  "ADMIN OPTION FOR the roles FROM it",
                  db_text(&rows, 0, PT_COL_DOCTOR_GRANTERS_NAMES), more);
}


/* What an upgrade leaves for workers of the release before. */
static void
doctor_bridges(doctor_t *d)
{
    pytake_rows_t rows;

    PT_SQL(db_sql(&d->db), doctor_bridges, .prefix = d->prefix);
    if (!doctor_ask(d, "old roles", &rows) || rows.nrows == 0) {
        return;
    }

    doctor_report(d, DOCTOR_WARN, "old roles",
                  "%s still has the roles' rights, for workers of the "
                  "release before - when none is left run \"pytake migrate "
                  "--finish\"",
                  db_text(&rows, 0, PT_COL_DOCTOR_BRIDGES_NAME));
}
