/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Who may connect, and as what.  Workers and sidecar have a login that may
 * enter the schema's roles and is nothing by itself: what RESET ROLE leaves
 * reaches no table.  Other databases' logins do not get in at all.
 */

#include "migrate.h"

#include <stdio.h>

static int  logins_doubt(migrate_t *m);
static int  logins_list(migrate_t *m, pytake_rows_t *out);
static bool login_wanted(const pytake_rows_t *rows, uint32_t i);
static bool login_owns(const pytake_rows_t *rows, uint32_t i);
static void logins_told(const migrate_t *m, const pytake_rows_t *rows);
static int  login_let(migrate_t *m, const pytake_rows_t *rows, uint32_t i);
static int  login_grant(migrate_t *m, const char *login, bool named,
                        pt_dbrole_e kind);
static int  login_plain(migrate_t *m, const char *login);
static int  login_under(migrate_t *m, const char *login);
static int  database_do(migrate_t *m, const char *what, const char *whom);


int
migrate_logins_check(migrate_t *m)
{
    int           rc;
    uint32_t      i;
    pytake_rows_t rows;

    if (m->other[0] != '\0' && m->open && m->logins == NULL) {
        rc = logins_doubt(m);
        if (rc != 0) {
            return rc;
        }
    }

    rc = logins_list(m, &rows);
    if (rc != 0) {
        return rc;
    }

    for (i = 0; i < rows.nrows; i++) {
        if (pt_cell_bool(&rows, i, PT_COL_MIGRATE_LOGINS_NAMED)
            && !pt_cell_is_null(&rows, i, PT_COL_MIGRATE_LOGINS_FAULT)
            && !login_owns(&rows, i))
        {
            return cmd_error("--login: the login \"%s\" %s: workers and "
                             "sidecar need one that is NOSUPERUSER "
                             "NOBYPASSRLS NOCREATEROLE NOCREATEDB NOINHERIT",
                             db_text(&rows, i, PT_COL_MIGRATE_LOGINS_NAME),
                             db_text(&rows, i, PT_COL_MIGRATE_LOGINS_FAULT));
        }
    }

    return 0;
}


int
migrate_logins_grant(migrate_t *m)
{
    int           rc;
    uint32_t      i;
    pytake_rows_t rows;

    rc = logins_list(m, &rows);
    if (rc != 0) {
        return rc;
    }

    if (db_do(&m->db, "BEGIN") != PT_OK) {
        return cmd_db_error(&m->db, "cannot begin");
    }

    for (i = 0; i < rows.nrows; i++) {
        rc = login_wanted(&rows, i) ? login_let(m, &rows, i) : 0;
        if (rc != 0) {
            return rc;
        }
    }

    rc = m->open ? database_do(m, "REVOKE CONNECT, TEMPORARY ON", "PUBLIC") : 0;
    if (rc != 0) {
        return rc;
    }
    if (db_do(&m->db, "COMMIT") != PT_OK) {
        return cmd_db_error(&m->db, "cannot commit");
    }
    logins_told(m, &rows);

    for (i = 0; i < rows.nrows && rc == 0; i++) {
        if (login_wanted(&rows, i)
            && (pt_cell_bool(&rows, i, PT_COL_MIGRATE_LOGINS_NAMED) || m->open))
        {
            rc = login_under(m, db_text(&rows, i, PT_COL_MIGRATE_LOGINS_NAME));
        }
    }

    return rc;
}


int
migrate_finish(migrate_t *m)
{
    uint32_t      i;
    const char   *sql;
    pytake_rows_t rows;

    PT_SQL(db_sql(&m->db), migrate_finish, .prefix = db_str(m->prefix),
           .modern = m->modern);
    if (db_run(&m->db, &rows) != PT_OK) {
        return cmd_db_error(&m->db, "cannot read the old roles");
    }

    for (i = 0; i < rows.nrows; i++) {
        sql = db_text(&rows, i, PT_COL_MIGRATE_FINISH_SQL);
        if (db_do(&m->db, sql) == PT_OK) {
            printf("%s\n", sql);
        } else if (pt_cell_bool(&rows, i, PT_COL_MIGRATE_FINISH_BRIDGE)) {
            return cmd_db_error(&m->db, sql);
        } else {
            printf("note: let an administrator say \"%s\": %s\n", sql,
                   m->db.error);
        }
    }
    if (rows.nrows == 0) {
        printf("there are no roles of before to leave\n");
    }

    return 0;
}


/* Two databases have the same roles: whose are the members?  Owners of
 * either are no question. */
static int
logins_doubt(migrate_t *m)
{
    pytake_rows_t rows;

    PT_SQL(db_sql(&m->db), migrate_logins_doubt, .prefix = db_str(m->prefix),
           .old = db_str(m->old));
    if (db_run(&m->db, &rows) != PT_OK) {
        return cmd_db_error(&m->db, "cannot read the logins");
    }

    if (rows.nrows > 0) {
        return cmd_error("the database \"%s\" has the same roles, and nothing "
                         "tells whose \"%s\" is: name the logins of this "
                         "one's workers and sidecar, or its owner, by --login",
                         m->other,
                         db_text(&rows, 0, PT_COL_MIGRATE_LOGINS_DOUBT_NAME));
    }

    return 0;
}


/* Those that are named, or else the members of roles that are ours alone. */
static int
logins_list(migrate_t *m, pytake_rows_t *out)
{
    PT_SQL(db_sql(&m->db), migrate_logins,
           .names = db_str(m->logins == NULL ? "" : m->logins),
           .prefix = db_str(m->prefix),
           .old = db_str(m->old[0] == '\0' ? m->prefix : m->old),
           .members = m->other[0] == '\0' && m->logins == NULL);
    if (db_run(&m->db, out) != PT_OK) {
        return cmd_db_error(&m->db, "cannot read the logins");
    }

    return 0;
}


/* Owners have all of it.  A member that is at home in another database, too,
 * is let in by name only. */
static bool
login_wanted(const pytake_rows_t *rows, uint32_t i)
{
    return !login_owns(rows, i)
           && !pt_cell_bool(rows, i, PT_COL_MIGRATE_LOGINS_AWAY);
}


static bool
login_owns(const pytake_rows_t *rows, uint32_t i)
{
    return strcmp(db_text(rows, i, PT_COL_MIGRATE_LOGINS_FAULT),
                  "owns the database")
           == 0;
}


static void
logins_told(const migrate_t *m, const pytake_rows_t *rows)
{
    uint32_t i;

    for (i = 0; i < rows->nrows; i++) {
        if (login_wanted(rows, i)
            && pt_cell_bool(rows, i, PT_COL_MIGRATE_LOGINS_NAMED)) {
            cmd_print("let in: %s",
                      db_text(rows, i, PT_COL_MIGRATE_LOGINS_NAME));
        }
    }

    if (!m->open) {
        return;
    }

    printf("closed to PUBLIC: who may connect is the database's owner");
    for (i = 0; i < rows->nrows; i++) {
        if (login_wanted(rows, i)) {
            printf(", %s", db_text(rows, i, PT_COL_MIGRATE_LOGINS_NAME));
        }
    }
    printf("\n");

    for (i = 0; i < rows->nrows; i++) {
        if (pt_cell_bool(rows, i, PT_COL_MIGRATE_LOGINS_AWAY)) {
            printf("note: %s may not, it is at home in another database: "
                   "say --login if it serves this one\n",
                   db_text(rows, i, PT_COL_MIGRATE_LOGINS_NAME));
        }
    }
}


/* The roles that it is to have, and the database. */
static int
login_let(migrate_t *m, const pytake_rows_t *rows, uint32_t i)
{
    int         rc = 0;
    bool        named = pt_cell_bool(rows, i, PT_COL_MIGRATE_LOGINS_NAMED);
    const char *login;

    login = migrate_quote(m, db_text(rows, i, PT_COL_MIGRATE_LOGINS_NAME));
    if (login == NULL) {
        return CMD_FAILED;
    }

    if (named && !m->modern
        && pt_cell_bool(rows, i, PT_COL_MIGRATE_LOGINS_INHERITS))
    {
        rc = login_plain(m, login);
    }
    if (rc == 0 && pt_cell_bool(rows, i, PT_COL_MIGRATE_LOGINS_APP)) {
        rc = login_grant(m, login, named, PT_DBROLE_APP);
    }
    if (rc == 0 && pt_cell_bool(rows, i, PT_COL_MIGRATE_LOGINS_SERVICE)) {
        rc = login_grant(m, login, named, PT_DBROLE_SERVICE);
    }
    if (rc == 0 && (named || m->open)) {
        rc = database_do(m, "GRANT CONNECT ON", login);
    }

    return rc;
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
    char          sql[256];
    const char   *name;
    pytake_rows_t rows;

    name = migrate_quote(m, login);
    if (name == NULL) {
        return CMD_FAILED;
    }
    snprintf(sql, sizeof(sql), "GRANT %s TO CURRENT_USER%s", name,
             m->modern ? " WITH INHERIT TRUE, SET FALSE" : "");

    PT_SQL(db_sql(&m->db), migrate_login_ours, .name = db_str(login));
    if (db_run(&m->db, &rows) != PT_OK) {
        return cmd_db_error(&m->db, "cannot read the logins");
    }

    if (pt_cell_bool(&rows, 0, PT_COL_MIGRATE_LOGIN_OURS_OURS)
        || db_do(&m->db, sql) == PT_OK)
    {
        return 0;
    }
    if (strcmp(m->db.sqlstate, "42501") != 0) {
        return cmd_db_error(&m->db, "cannot look after the logins");
    }
    printf("note: a backend of %s that hangs cannot be ended: let an "
           "administrator say \"%s\"\n",
           login, sql);

    return 0;
}


static int
database_do(migrate_t *m, const char *what, const char *whom)
{
    char        sql[512];
    const char *name = migrate_quote(m, PQdb(m->db.pg));

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
