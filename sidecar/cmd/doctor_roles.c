/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The part of "pytake doctor" that looks at roles and logins: who else gets
 * in, and what is left of a worker's rights when its role is reset.
 */

#include "doctor.h"

#include <stdio.h>

static void doctor_login(doctor_t *d);
static void doctor_members(doctor_t *d);
static void doctor_granters(doctor_t *d);
static void doctor_bridges(doctor_t *d);

#define DOCTOR_OURS                                                            \
    "WITH ours AS (SELECT oid FROM pg_roles WHERE rolname IN"                  \
    " ('pytake_app', 'pytake_service', 'pytake_lookup')),"                     \
    " logins AS (SELECT r.* FROM pg_roles r WHERE r.rolcanlogin AND NOT"       \
    " r.rolsuper AND EXISTS (SELECT 1 FROM ours WHERE"                         \
    " pg_has_role(r.oid, ours.oid, 'MEMBER'))),"                               \
    " strange AS (SELECT l.* FROM logins l, pg_class c WHERE"                  \
    " c.oid = to_regclass('public.tenants') AND NOT pg_has_role(l.oid,"        \
    " c.relowner, 'MEMBER')) "


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
    PGresult *res;

    if (!doctor_ask(d, "login",
                    DOCTOR_OURS
                    "SELECT r.rolname, CASE WHEN r.rolsuper THEN 'is a"
                    " superuser' WHEN r.rolbypassrls THEN 'passes row-level"
                    " security by' WHEN pg_has_role(r.oid, c.relowner,"
                    " 'MEMBER') THEN 'owns the tables' WHEN r.rolcreaterole"
                    " THEN 'may make roles' WHEN r.rolcreatedb THEN 'may make"
                    " databases' END, r.rolsuper OR r.rolbypassrls"
                    " FROM pg_roles r, pg_class c WHERE r.rolname ="
                    " session_user AND c.oid = to_regclass('public.tenants')",
                    &res))
    {
        return;
    }

    if (PQntuples(res) == 1 && PQgetisnull(res, 0, 1)) {
        doctor_report(d, DOCTOR_OK, "login", "%s is nothing without a role",
                      db_cell(res, 0, 0));
    } else if (PQntuples(res) == 1) {
        doctor_report(
            d, db_cell(res, 0, 2)[0] == 't' ? DOCTOR_FAIL : DOCTOR_WARN,
            "login",
            "%s %s, and so does who takes a worker over - make a login "
            "for workers and sidecar, NOSUPERUSER NOINHERIT, and run "
            "\"pytake migrate --login\" with its name",
            db_cell(res, 0, 0), db_cell(res, 0, 1));
    }
    PQclear(res);
}


static void
doctor_members(doctor_t *d)
{
    doctor_list(d, "role attributes",
                "SELECT rolname FROM pg_roles WHERE rolname IN ('pytake_app',"
                " 'pytake_service', 'pytake_lookup')"
                " AND (rolsuper OR rolbypassrls OR rolcanlogin)",
                "no role passes row-level security by",
                "may log in, or pass row-level security by - ALTER ROLE ... "
                "NOLOGIN NOSUPERUSER NOBYPASSRLS");
    doctor_list(d, "connect",
                "SELECT 'PUBLIC' FROM pg_database d, aclexplode(coalesce("
                "d.datacl, acldefault('d', d.datdba))) a WHERE d.datname ="
                " current_database() AND a.grantee = 0 AND a.privilege_type"
                " IN ('CONNECT', 'TEMPORARY') LIMIT 1",
                "closed to logins of other databases",
                "may connect, and so may every login of other databases - "
                "run \"pytake migrate\" as the database's owner");
    doctor_list(d, "members",
                DOCTOR_OURS
                "SELECT rolname FROM strange WHERE NOT"
                " has_database_privilege(oid, current_database(), 'CONNECT')"
                " ORDER BY 1",
                "no login of another database is in the roles",
                "may not connect here, but is a member of the roles - REVOKE "
                "them FROM it, or let it in by \"pytake migrate --login\"");
    doctor_list(
        d, "inherits",
        DOCTOR_OURS "SELECT rolname FROM strange WHERE rolbypassrls OR"
                    " rolcreaterole OR EXISTS (SELECT 1 FROM ours WHERE"
                    " pg_has_role(strange.oid, ours.oid, 'USAGE')) ORDER BY 1",
        "no login has the roles' rights without entering one",
        "has rights that RESET ROLE does not take - run \"pytake migrate "
        "--login\" with its name; what somebody else granted from "
        "PostgreSQL 16 on, he grants anew WITH INHERIT FALSE");
    doctor_list(d, "shared roles",
                DOCTOR_OURS
                "SELECT DISTINCT d.datname FROM ours JOIN pg_shdepend s"
                " ON s.refobjid = ours.oid AND s.refclassid ="
                " 'pg_authid'::regclass JOIN pg_database d ON d.oid = s.dbid"
                " WHERE d.datname <> current_database() ORDER BY 1",
                "the roles are this database's alone",
                "has the same roles in this server - run \"pytake migrate\" "
                "of this release there, too");
}


/*
 * Who is no member, and can become one without asking anybody.  Up to
 * PostgreSQL 15 that is whoever can enter a role with CREATEROLE: such a role
 * grants every role that is no superuser's.  From 16 on it takes the ADMIN
 * OPTION on the role that is granted.
 */
static void
doctor_granters(doctor_t *d)
{
    bool      more;
    PGresult *res;

    if (!doctor_ask(
            d, "grants",
            DOCTOR_OURS
            "SELECT string_agg(rolname, ', ' ORDER BY n) FILTER (WHERE n <="
            " 16), count(*) - 16, count(*) > 16 FROM (SELECT l.rolname,"
            " row_number() OVER (ORDER BY l.rolname) AS n"
            " FROM pg_roles l, pg_class c, pg_database b"
            " WHERE l.rolcanlogin AND NOT l.rolsuper"
            " AND c.oid = to_regclass('public.tenants')"
            " AND b.datname = current_database()"
            " AND NOT pg_has_role(l.oid, c.relowner, 'MEMBER')"
            " AND NOT pg_has_role(l.oid, b.datdba, 'MEMBER')"
            " AND (EXISTS (SELECT 1 FROM ours WHERE pg_has_role(l.oid,"
            " ours.oid, 'MEMBER WITH ADMIN OPTION'))"
            " OR current_setting('server_version_num')::int < 160000"
            " AND EXISTS (SELECT 1 FROM pg_roles m WHERE m.rolcreaterole"
            " AND pg_has_role(l.oid, m.oid, 'MEMBER')))) x",
            &res))
    {
        return;
    }

    if (PQgetisnull(res, 0, 0)) {
        doctor_report(d, DOCTOR_OK, "grants",
                      "only the owner can let logins into the roles");
    } else {
        more = db_cell(res, 0, 2)[0] == 't';
        doctor_report(
            d, DOCTOR_WARN, "grants",
            "%s%s%s%s may give the roles, to itself, too - up to PostgreSQL "
            "15 ALTER ROLE ... NOCREATEROLE (an administrator then "
            "makes its own roles by hand); in every version REVOKE "
            "ADMIN OPTION FOR the roles FROM it",
            db_cell(res, 0, 0), more ? " and " : "",
            more ? db_cell(res, 0, 1) : "", more ? " more" : "");
    }
    PQclear(res);
}


/* What an upgrade leaves for workers of the release before. */
static void
doctor_bridges(doctor_t *d)
{
    PGresult *res;

    if (!doctor_ask(d, "old roles",
                    DOCTOR_OURS
                    "SELECT r.rolname FROM pg_auth_members m JOIN ours ON"
                    " ours.oid = m.roleid JOIN pg_roles r ON r.oid = m.member"
                    " WHERE NOT r.rolcanlogin AND r.rolname ~"
                    " '_(app|service|lookup)$' ORDER BY 1",
                    &res))
    {
        return;
    }

    if (PQntuples(res) > 0) {
        doctor_report(d, DOCTOR_WARN, "old roles",
                      "%s still has the roles' rights, for workers of the "
                      "release before - when none is left run \"pytake migrate "
                      "--finish\"",
                      db_cell(res, 0, 0));
    }
    PQclear(res);
}
