/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Who may connect, and as what.  Workers and sidecar have a login that may
 * enter the schema's roles and is nothing by itself: what RESET ROLE leaves
 * reaches no table.  Other databases' logins do not get in at all.
 */

#include "migrate.h"

#include <stdio.h>

static int  logins_doubt(migrate_t *m);
static int  logins_list(migrate_t *m, PGresult **out);
static bool login_wanted(const PGresult *res, int i);
static int  logins_told(const migrate_t *m, const PGresult *res);
static int  login_grant(migrate_t *m, const char *login, bool named,
                        pt_dbrole_e kind);
static int  login_plain(migrate_t *m, const char *login);
static int  login_under(migrate_t *m, const char *login);
static int  database_do(migrate_t *m, const char *what, const char *whom);

/* $1: names with commas, $2: our prefix, $3: that of before, $4: members of
 * the roles, too, which is when no login is named.  A member that may do
 * everything anyway is none of ours. */
#define LOGINS                                                                 \
    "WITH named AS (SELECT trim(n) AS name FROM"                               \
    " regexp_split_to_table($1, ',') n WHERE trim(n) <> ''),"                  \
    " has AS (SELECT r.oid, bool_or(k = 'app') AS app,"                        \
    " bool_or(k = 'service') AS service FROM pg_roles r,"                      \
    " unnest(ARRAY['app', 'service']) k JOIN pg_roles o"                       \
    " ON o.rolname IN ($2 || '_' || k, $3 || '_' || k)"                        \
    " WHERE r.rolcanlogin AND NOT r.rolsuper AND pg_has_role(r.oid, o.oid,"    \
    " 'MEMBER') AND $4::boolean GROUP BY r.oid), away AS (SELECT DISTINCT"     \
    " s.refobjid AS oid FROM pg_shdepend s JOIN pg_database d ON d.oid ="      \
    " s.dbid WHERE s.refclassid = 'pg_authid'::regclass AND d.datname <>"      \
    " current_database() UNION SELECT datdba FROM pg_database WHERE"           \
    " datname <> current_database())"                                          \
    " SELECT coalesce(r.rolname, n.name), n.name IS NOT NULL AS named,"        \
    " n.name IS NOT NULL OR h.app, n.name IS NOT NULL OR h.service,"           \
    " CASE WHEN r.oid IS NULL THEN 'is not there'"                             \
    " WHEN NOT r.rolcanlogin THEN 'may not log in'"                            \
    " WHEN r.rolsuper THEN 'is a superuser'"                                   \
    " WHEN r.rolbypassrls THEN 'passes row-level security by'"                 \
    " WHEN r.rolcreaterole THEN 'may make roles'"                              \
    " WHEN pg_has_role(r.oid, d.datdba, 'MEMBER') OR r.rolname ="              \
    " current_user THEN 'owns the database' END, r.rolinherit,"                \
    " n.name IS NULL AND EXISTS (SELECT 1 FROM away WHERE"                     \
    " pg_has_role(r.oid, away.oid, 'MEMBER'))"                                 \
    " FROM named n FULL JOIN (SELECT p.* FROM pg_roles p WHERE p.rolname"      \
    " IN (SELECT name FROM named) OR p.oid IN (SELECT oid FROM has)) r"        \
    " ON r.rolname = n.name LEFT JOIN has h ON h.oid = r.oid"                  \
    " CROSS JOIN pg_database d WHERE d.datname = current_database()"           \
    " AND (n.name IS NOT NULL OR NOT (pg_has_role(r.oid, d.datdba, 'MEMBER')"  \
    " OR r.rolname = current_user)) ORDER BY 1"


int
migrate_logins_check(migrate_t *m)
{
    int       i, rc = 0;
    PGresult *res;

    if (m->other[0] != '\0' && m->open && m->logins == NULL) {
        rc = logins_doubt(m);
        if (rc != 0) {
            return rc;
        }
    }

    rc = logins_list(m, &res);
    if (rc != 0) {
        return rc;
    }

    for (i = 0; i < PQntuples(res) && rc == 0; i++) {
        if (db_cell(res, i, 1)[0] == 't' && !PQgetisnull(res, i, 4)
            && strcmp(db_cell(res, i, 4), "owns the database") != 0)
        {
            rc = cmd_error("--login: the login \"%s\" %s: workers and sidecar "
                           "need one that is NOSUPERUSER NOBYPASSRLS "
                           "NOCREATEROLE NOCREATEDB NOINHERIT",
                           db_cell(res, i, 0), db_cell(res, i, 4));
        }
    }
    PQclear(res);

    return rc;
}


int
migrate_logins_grant(migrate_t *m)
{
    int         i, rc;
    bool        named;
    PGresult   *res;
    const char *login;

    rc = logins_list(m, &res);
    if (rc != 0) {
        return rc;
    }

    if (db_do(&m->db, "BEGIN") != PT_OK) {
        rc = cmd_db_error(&m->db, "cannot begin");
    }

    for (i = 0; i < PQntuples(res) && rc == 0; i++) {
        if (!login_wanted(res, i)) {
            continue;
        }

        named = db_cell(res, i, 1)[0] == 't';
        login = migrate_quote(m, db_cell(res, i, 0), true);
        if (login == NULL) {
            rc = CMD_FAILED;
        } else if (named && !m->modern && db_cell(res, i, 5)[0] == 't') {
            rc = login_plain(m, login);
        }

        if (rc == 0 && db_cell(res, i, 2)[0] == 't') {
            rc = login_grant(m, login, named, PT_DBROLE_APP);
        }
        if (rc == 0 && db_cell(res, i, 3)[0] == 't') {
            rc = login_grant(m, login, named, PT_DBROLE_SERVICE);
        }
        if (rc == 0 && (named || m->open)) {
            rc = database_do(m, "GRANT CONNECT ON", login);
        }
    }

    if (rc == 0 && m->open) {
        rc = database_do(m, "REVOKE CONNECT, TEMPORARY ON", "PUBLIC");
    }
    if (rc == 0 && db_do(&m->db, "COMMIT") != PT_OK) {
        rc = cmd_db_error(&m->db, "cannot commit");
    }
    if (rc == 0) {
        rc = logins_told(m, res);
    }
    for (i = 0; i < PQntuples(res) && rc == 0; i++) {
        if (login_wanted(res, i) && (db_cell(res, i, 1)[0] == 't' || m->open)) {
            rc = login_under(m, db_cell(res, i, 0));
        }
    }
    PQclear(res);

    return rc;
}


int
migrate_finish(migrate_t *m)
{
    int         i, rc = 0;
    PGresult   *res;
    const char *params[] = { m->prefix, m->modern ? "t" : "f" };

    /* What the old roles have of ours goes first, then what our logins are of
     * the old ones.  From 16 on each grantor's grant is one of its own. */
    if (db_exec(&m->db,
                "WITH ours AS (SELECT oid FROM pg_roles WHERE rolname IN ($1"
                " || '_app', $1 || '_service', $1 || '_lookup')), old AS"
                " (SELECT oid FROM pg_roles WHERE rolname ~"
                " '^pytake_(app|service|lookup)$' AND oid NOT IN (SELECT oid"
                " FROM ours)), let AS (SELECT a.*, a.member IN (SELECT oid"
                " FROM old) AS bridge FROM pg_auth_members a WHERE"
                " a.roleid IN (SELECT oid FROM ours) AND a.member IN (SELECT"
                " oid FROM old) OR a.roleid IN (SELECT oid FROM old) AND"
                " a.member IN (SELECT b.member FROM pg_auth_members b JOIN"
                " ours ON ours.oid = b.roleid) AND a.member NOT IN (SELECT oid"
                " FROM old) AND a.member <> (SELECT datdba FROM pg_database"
                " WHERE datname = current_database()))"
                " SELECT format('REVOKE %I FROM %I', r.rolname, w.rolname)"
                " || CASE WHEN $2::boolean THEN format(' GRANTED BY %I',"
                " g.rolname) ELSE '' END, let.bridge FROM let"
                " JOIN pg_roles r ON r.oid = let.roleid"
                " JOIN pg_roles w ON w.oid = let.member"
                " LEFT JOIN pg_roles g ON g.oid = let.grantor"
                " ORDER BY let.bridge DESC, 1",
                2, params, &res)
        != PT_OK)
    {
        return cmd_db_error(&m->db, "cannot read the old roles");
    }

    for (i = 0; i < PQntuples(res) && rc == 0; i++) {
        if (db_do(&m->db, db_cell(res, i, 0)) == PT_OK) {
            printf("%s\n", db_cell(res, i, 0));
        } else if (db_cell(res, i, 1)[0] == 't') {
            rc = cmd_db_error(&m->db, db_cell(res, i, 0));
        } else {
            printf("note: let an administrator say \"%s\": %s\n",
                   db_cell(res, i, 0), m->db.error);
        }
    }
    if (PQntuples(res) == 0) {
        printf("there are no roles of before to leave\n");
    }
    PQclear(res);

    return rc;
}


/* Two databases have the same roles: whose are the members?  Owners of
 * either are no question. */
static int
logins_doubt(migrate_t *m)
{
    int         rc = 0;
    PGresult   *res;
    const char *params[] = { m->prefix, m->old };

    if (db_exec(&m->db,
                "WITH o AS (SELECT r.oid FROM unnest(ARRAY['app', 'service'])"
                " k JOIN pg_roles r ON r.rolname IN ($1 || '_' || k,"
                " $2 || '_' || k))"
                " SELECT r.rolname FROM pg_roles r WHERE r.rolcanlogin"
                " AND NOT r.rolsuper AND r.rolname <> current_user"
                " AND EXISTS (SELECT 1 FROM o"
                " WHERE pg_has_role(r.oid, o.oid, 'MEMBER')) AND NOT EXISTS"
                " (SELECT 1 FROM pg_database d WHERE d.datdba = r.oid AND"
                " (d.datname = current_database() OR EXISTS (SELECT 1 FROM"
                " pg_shdepend s JOIN o ON o.oid = s.refobjid WHERE"
                " s.refclassid = 'pg_authid'::regclass AND s.dbid = d.oid)))"
                " ORDER BY 1",
                2, params, &res)
        != PT_OK)
    {
        return cmd_db_error(&m->db, "cannot read the logins");
    }

    if (PQntuples(res) > 0) {
        rc = cmd_error("the database \"%s\" has the same roles, and nothing "
                       "tells whose \"%s\" is: name the logins of this one's "
                       "workers and sidecar, or its owner, by --login",
                       m->other, db_cell(res, 0, 0));
    }
    PQclear(res);

    return rc;
}


static int
logins_list(migrate_t *m, PGresult **out)
{
    const char *params[] = { m->logins == NULL ? "" : m->logins, m->prefix,
                             m->old[0] == '\0' ? m->prefix : m->old,
                             m->other[0] == '\0' && m->logins == NULL
                                 ? "true"
                                 : "false" };

    if (db_exec(&m->db, LOGINS, PT_COUNT(params), params, out) != PT_OK) {
        return cmd_db_error(&m->db, "cannot read the logins");
    }

    return 0;
}


/* Owners have all of it.  A member that is at home in another database, too,
 * is let in by name only. */
static bool
login_wanted(const PGresult *res, int i)
{
    return (PQgetisnull(res, i, 4)
            || strcmp(db_cell(res, i, 4), "owns the database") != 0)
           && db_cell(res, i, 6)[0] != 't';
}


static int
logins_told(const migrate_t *m, const PGresult *res)
{
    int i;

    for (i = 0; i < PQntuples(res); i++) {
        if (login_wanted(res, i) && db_cell(res, i, 1)[0] == 't') {
            cmd_print("let in: %s", db_cell(res, i, 0));
        }
    }

    if (!m->open) {
        return 0;
    }

    printf("closed to PUBLIC: who may connect is the database's owner");
    for (i = 0; i < PQntuples(res); i++) {
        if (login_wanted(res, i)) {
            printf(", %s", db_cell(res, i, 0));
        }
    }
    printf("\n");

    for (i = 0; i < PQntuples(res); i++) {
        if (db_cell(res, i, 6)[0] == 't') {
            printf("note: %s may not, it is at home in another database: "
                   "say --login if it serves this one\n",
                   db_cell(res, i, 0));
        }
    }

    return 0;
}


/* Enters the role, and has nothing of it without doing so. */
static int
login_grant(migrate_t *m, const char *login, bool named, pt_dbrole_e kind)
{
    char        sql[512], role[PT_DBROLE_MAX + 1];
    const char *more = "";

    pt_dbrole_build(m->prefix, kind, role);
    if (m->modern) {
        more = " WITH INHERIT FALSE, SET TRUE";
    }
    if (!named && strcmp(m->old, m->prefix) == 0) {
        return 0; /* has it */
    }

    snprintf(sql, sizeof(sql), "GRANT %s TO %s%s", role, login, more);

    if (db_do(&m->db, sql) == PT_OK) {
        return 0;
    }

    if (strcmp(m->db.sqlstate, "42501") == 0) {
        return cmd_error("%s: let an administrator say \"%s\"", m->db.error,
                         sql);
    }

    return cmd_db_error(&m->db, "cannot grant the roles");
}


/* Up to 15 the login's own attribute decides whether it inherits. */
static int
login_plain(migrate_t *m, const char *login)
{
    char sql[256];

    snprintf(sql, sizeof(sql), "ALTER ROLE %s NOINHERIT", login);

    return db_do(&m->db, sql) == PT_OK
               ? 0
               : cmd_error("%s: let an administrator say \"%s\"", m->db.error,
                           sql);
}


/* pytake_backends_end() runs as us: what we are no member of it neither sees
 * nor ends. */
static int
login_under(migrate_t *m, const char *login)
{
    int         rc = 0;
    char        sql[256];
    PGresult   *res;
    const char *name, *params[] = { login };

    name = migrate_quote(m, login, true);
    if (name == NULL) {
        return CMD_FAILED;
    }
    snprintf(sql, sizeof(sql), "GRANT %s TO CURRENT_USER%s", name,
             m->modern ? " WITH INHERIT TRUE, SET FALSE" : "");

    if (db_exec(&m->db,
                "SELECT pg_has_role(current_user, $1, 'USAGE') OR"
                " pg_has_role(current_user, 'pg_signal_backend', 'USAGE') AND"
                " pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')",
                1, params, &res)
        != PT_OK)
    {
        return cmd_db_error(&m->db, "cannot read the logins");
    }

    if (db_cell(res, 0, 0)[0] != 't' && db_do(&m->db, sql) != PT_OK) {
        if (strcmp(m->db.sqlstate, "42501") == 0) {
            printf("note: a backend of %s that hangs cannot be ended: let an "
                   "administrator say \"%s\"\n",
                   login, sql);
        } else {
            rc = cmd_db_error(&m->db, "cannot look after the logins");
        }
    }
    PQclear(res);

    return rc;
}


static int
database_do(migrate_t *m, const char *what, const char *whom)
{
    char        sql[512];
    const char *name = migrate_quote(m, PQdb(m->db.pg), true);

    if (name == NULL) {
        return CMD_FAILED;
    }

    snprintf(sql, sizeof(sql), "%s DATABASE %s %s %s", what, name,
             what[0] == 'G' ? "TO" : "FROM", whom);

    if (db_do(&m->db, sql) != PT_OK) {
        return cmd_error("%s: let the database's owner say \"%s\"", m->db.error,
                         sql);
    }

    return 0;
}
