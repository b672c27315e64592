/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The roles that a schema's grants and policies name.  They are the cluster's,
 * so every database has its own (core/pt_role.c).  A schema that has others,
 * as one that was restored or is of an older release, is brought over: the
 * new roles get all that the old ones have.  Roles of a release that had the
 * same in every database become members of the new, so that workers that
 * still enter those go on as before.
 */

#include "migrate.h"

#include <stdio.h>

#define MIGRATE_LEGACY "pytake" /* the roles of every database, before */

static int roles_wanted(migrate_t *m);
static int roles_owners(migrate_t *m);
static int roles_free(migrate_t *m);
static int roles_make(migrate_t *m, pt_dbrole_e kind);
static int roles_bridge(migrate_t *m, pt_dbrole_e kind, bool on);
static int roles_functions(migrate_t *m);
static int roles_move(migrate_t *m);
static int roles_refused(migrate_t *m, const char *role);


int
migrate_roles_look(migrate_t *m)
{
    int           rc;
    pytake_rows_t rows;

    m->modern = PQserverVersion(m->db.pg) >= 160000;

    rc = roles_wanted(m);
    if (rc != 0) {
        return rc;
    }

    pt_q_migrate_roles_old(db_sql(&m->db));
    if (db_run(&m->db, &rows) != PT_OK) {
        return cmd_db_error(&m->db, "cannot read the schema's roles");
    }
    snprintf(m->old, sizeof(m->old), "%s",
             db_text(&rows, 0, PT_COL_MIGRATE_ROLES_OLD_PREFIX));

    if ((rc = roles_owners(m)) != 0 || (rc = roles_free(m)) != 0) {
        return rc;
    }

    return migrate_logins_check(m);
}


int
migrate_roles_bring(migrate_t *m)
{
    int         rc;
    bool        legacy;
    pt_dbrole_e k;

    for (k = PT_DBROLE_APP; k <= PT_DBROLE_LOOKUP; k++) {
        rc = roles_make(m, k);
        if (rc != 0) {
            return rc;
        }
    }

    if (m->old[0] == '\0' || strcmp(m->old, m->prefix) == 0) {
        return 0;
    }

    legacy = strcmp(m->old, MIGRATE_LEGACY) == 0;
    printf("the roles %s_* take the place of %s_*\n", m->prefix, m->old);
    fflush(stdout);

    for (k = PT_DBROLE_APP; legacy && k <= PT_DBROLE_LOOKUP; k++) {
        rc = roles_bridge(m, k, true);
        if (rc != 0) {
            return rc;
        }
    }

    PT_SQL(db_sql(&m->db), migrate_move_grants, .prefix = db_str(m->prefix),
           .old = db_str(m->old));
    if ((rc = roles_move(m)) != 0 || (rc = roles_functions(m)) != 0) {
        return rc;
    }

    PT_SQL(db_sql(&m->db), migrate_move_revokes, .prefix = db_str(m->prefix),
           .old = db_str(m->old));
    rc = roles_move(m);
    if (rc != 0) {
        return rc;
    }

    PT_SQL(db_sql(&m->db), migrate_move_policies, .prefix = db_str(m->prefix),
           .old = db_str(m->old));
    rc = roles_move(m);
    if (rc != 0) {
        return rc;
    }

    return legacy ? roles_bridge(m, PT_DBROLE_LOOKUP, false) : 0;
}


const char *
migrate_quote(migrate_t *m, const char *s)
{
    char    *quoted;
    pt_str_t out = PT_STR_NULL;

    quoted = PQescapeIdentifier(m->db.pg, s, strlen(s));
    if (quoted == NULL
        || pt_arena_dup(m->cmd->arena, (pt_str_t){ quoted, strlen(quoted) },
                        &out)
               != PT_OK)
    {
        cmd_no_memory();
    }
    PQfreemem(quoted);

    return out.data;
}


/* The names come from the database's own: what a pooler calls it may be
 * something else, which those who connect are told. */
static int
roles_wanted(migrate_t *m)
{
    char          service[PT_DBROLE_MAX + 1];
    pt_str_t      name;
    pytake_rows_t rows;

    pt_q_migrate_database(db_sql(&m->db));
    if (db_run(&m->db, &rows) != PT_OK) {
        return cmd_db_error(&m->db, "cannot read the database's name");
    }

    if (strcmp(db_text(&rows, 0, PT_COL_MIGRATE_DATABASE_ENCODING), "UTF8")
        != 0) {
        return cmd_error("the database's encoding is %s: make one with "
                         "ENCODING 'UTF8' TEMPLATE template0",
                         db_text(&rows, 0, PT_COL_MIGRATE_DATABASE_ENCODING));
    }

    m->open = pt_cell_bool(&rows, 0, PT_COL_MIGRATE_DATABASE_OPEN);
    m->folds = pt_cell_bool(&rows, 0, PT_COL_MIGRATE_DATABASE_FOLDS);
    name = pt_cell_text(&rows, 0, PT_COL_MIGRATE_DATABASE_NAME);

    if (m->cmd->conf.role_prefix[0] != '\0') {
        snprintf(m->prefix, sizeof(m->prefix), "%s", m->cmd->conf.role_prefix);
    } else if (pt_dbrole_prefix(name, m->prefix) != PT_OK) {
        return cmd_error("libcrypto failed");
    }

    pt_dbrole_build(m->prefix, PT_DBROLE_SERVICE, service);
    if (strcmp(service, m->cmd->conf.role_service) != 0) {
        fprintf(stderr,
                "pytake: the database calls itself something else than the "
                "connection string does: set PYTAKE_ROLE_PREFIX to %s, and "
                "\"pytake_database_role %s_app;\" in nginx.conf\n",
                m->prefix, m->prefix);
    }

    return 0;
}


/* Another database that has the roles of before, or those that shall be. */
static int
roles_owners(migrate_t *m)
{
    pytake_rows_t rows;

    PT_SQL(db_sql(&m->db), migrate_roles_owners, .prefix = db_str(m->prefix),
           .old = db_str(m->old));
    if (db_run(&m->db, &rows) != PT_OK) {
        return cmd_db_error(&m->db, "cannot read the roles");
    }
    snprintf(m->other, sizeof(m->other), "%s",
             db_text(&rows, 0, PT_COL_MIGRATE_ROLES_OWNERS_DATABASE));

    return 0;
}


/* New roles must be nobody's: no login, and in no other database. */
static int
roles_free(migrate_t *m)
{
    pytake_rows_t rows;

    if (strcmp(m->old, m->prefix) == 0) {
        return 0;
    }

    PT_SQL(db_sql(&m->db), migrate_roles_taken, .prefix = db_str(m->prefix));
    if (db_run(&m->db, &rows) != PT_OK) {
        return cmd_db_error(&m->db, "cannot read the roles");
    }

    if (rows.nrows == 0) {
        return 0;
    }
    if (!pt_cell_is_null(&rows, 0, PT_COL_MIGRATE_ROLES_TAKEN_DATABASE)) {
        return cmd_error(
            "the role %s belongs to the database \"%s\": choose "
            "another name by PYTAKE_ROLE_PREFIX",
            db_text(&rows, 0, PT_COL_MIGRATE_ROLES_TAKEN_ROLE),
            db_text(&rows, 0, PT_COL_MIGRATE_ROLES_TAKEN_DATABASE));
    }

    return cmd_error("the role %s may log in, or passes row-level security "
                     "by: choose another name by PYTAKE_ROLE_PREFIX",
                     db_text(&rows, 0, PT_COL_MIGRATE_ROLES_TAKEN_ROLE));
}


/* We must be able to become it: functions are given to it.  From 16 on its
 * maker has that only when granted with SET. */
static int
roles_make(migrate_t *m, pt_dbrole_e kind)
{
    char          name[PT_DBROLE_MAX + 1], sql[256];
    pytake_rows_t rows;

    pt_dbrole_build(m->prefix, kind, name);

    PT_SQL(db_sql(&m->db), migrate_role, .name = db_str(name));
    if (db_run(&m->db, &rows) != PT_OK) {
        return cmd_db_error(&m->db, "cannot read the roles");
    }
    snprintf(sql, sizeof(sql), "CREATE ROLE %s NOLOGIN", name);
    if (!pt_cell_bool(&rows, 0, PT_COL_MIGRATE_ROLE_THERE)
        && db_do(&m->db, sql) != PT_OK && strcmp(m->db.sqlstate, "42710") != 0
        && strcmp(m->db.sqlstate, "23505") != 0)
    {
        return roles_refused(m, name);
    }

    PT_SQL(db_sql(&m->db), migrate_role_ours, .name = db_str(name),
           .modern = m->modern);
    if (db_run(&m->db, &rows) != PT_OK) {
        return cmd_db_error(&m->db, "cannot read the roles");
    }
    snprintf(sql, sizeof(sql), "GRANT %s TO CURRENT_USER%s", name,
             m->modern ? " WITH INHERIT TRUE, SET TRUE" : "");
    if (!pt_cell_bool(&rows, 0, PT_COL_MIGRATE_ROLE_OURS_OURS)
        && db_do(&m->db, sql) != PT_OK)
    {
        return roles_refused(m, name);
    }

    return 0;
}


/* on: who enters the old role has what the new one has. */
static int
roles_bridge(migrate_t *m, pt_dbrole_e kind, bool on)
{
    char name[PT_DBROLE_MAX + 1], old[PT_DBROLE_MAX + 1], sql[256];

    pt_dbrole_build(m->prefix, kind, name);
    pt_dbrole_build(m->old, kind, old);

    if (on) {
        snprintf(sql, sizeof(sql), "GRANT %s TO %s%s", name, old,
                 m->modern ? " WITH INHERIT TRUE, SET FALSE" : "");
    } else {
        snprintf(sql, sizeof(sql), "REVOKE %s FROM %s", name, old);
    }

    if (db_do(&m->db, sql) != PT_OK) {
        return cmd_db_error(&m->db, on ? "cannot let the old roles go on"
                                       : "cannot leave the old roles");
    }

    return 0;
}


/* A function's new owner must be able to make one here, for this moment. */
static int
roles_functions(migrate_t *m)
{
    int  rc;
    char lookup[PT_DBROLE_MAX + 1], sql[256];

    pt_dbrole_build(m->prefix, PT_DBROLE_LOOKUP, lookup);
    snprintf(sql, sizeof(sql), "GRANT CREATE ON SCHEMA public TO %s", lookup);
    if (db_do(&m->db, sql) != PT_OK) {
        return cmd_db_error(&m->db, "cannot give the functions away");
    }

    PT_SQL(db_sql(&m->db), migrate_move_owners, .prefix = db_str(m->prefix),
           .old = db_str(m->old));
    rc = roles_move(m);

    snprintf(sql, sizeof(sql), "REVOKE CREATE ON SCHEMA public FROM %s",
             lookup);
    if (db_do(&m->db, sql) != PT_OK && rc == 0) {
        rc = cmd_db_error(&m->db, "cannot give the functions away");
    }

    return rc;
}


/* The question of db_sql() gives statements.  Each is run alone: no more than
 * one table is locked at a time.  What waits too long for one is done when it
 * is run again. */
static int
roles_move(migrate_t *m)
{
    uint32_t      i;
    const char   *sql;
    pytake_rows_t rows;

    if (db_run(&m->db, &rows) != PT_OK) {
        return cmd_db_error(&m->db, "cannot read the old roles' rights");
    }

    for (i = 0; i < rows.nrows; i++) {
        sql = db_text(&rows, i, 0);
        if (db_do(&m->db, sql) != PT_OK) {
            return cmd_db_error(&m->db, sql);
        }
    }

    return 0;
}


static int
roles_refused(migrate_t *m, const char *role)
{
    if (strcmp(m->db.sqlstate, "42501") != 0) {
        return cmd_db_error(&m->db, "cannot make the roles");
    }

    return cmd_error("%s (%s): let an administrator make %s_app, %s_service "
                     "and %s_lookup NOLOGIN and grant them to this login%s",
                     m->db.error, role, m->prefix, m->prefix, m->prefix,
                     m->modern ? " WITH ADMIN TRUE, INHERIT TRUE, SET TRUE"
                               : " WITH ADMIN OPTION");
}
