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
static int roles_move(migrate_t *m, const char *list);
static int roles_refused(migrate_t *m, const char *role);

/* The first finds the old roles' names, so tenants' policies go last. */
#define ROLES_OLD                                                              \
    "SELECT left(r.rolname, -8) FROM pg_policy p"                              \
    " JOIN pg_roles r ON r.oid = ANY (p.polroles)"                             \
    " WHERE p.polrelid = to_regclass('public.tenants')"                        \
    " AND p.polname = 'service_all' AND r.rolname LIKE '%\\_service'"

/* Old and new names side by side. */
#define ROLES_PAIRS                                                            \
    "WITH pair AS (SELECT r.oid, $2 || '_' || k AS name"                       \
    " FROM unnest(ARRAY['app', 'service', 'lookup']) k"                        \
    " JOIN pg_roles r ON r.rolname = $1 || '_' || k),"                         \
    " acl AS (SELECT pair.*, a.privilege_type || ' ON '"                       \
    " || CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE '' END"                 \
    " || c.oid::regclass AS what FROM pg_class c, aclexplode(c.relacl) a"      \
    " JOIN pair ON pair.oid = a.grantee"                                       \
    " WHERE c.relnamespace = 'public'::regnamespace"                           \
    " UNION ALL SELECT pair.*, format('%s (%I) ON %s', a.privilege_type,"      \
    " t.attname, c.oid::regclass) FROM pg_class c JOIN pg_attribute t"         \
    " ON t.attrelid = c.oid AND NOT t.attisdropped, aclexplode(t.attacl) a"    \
    " JOIN pair ON pair.oid = a.grantee"                                       \
    " WHERE c.relnamespace = 'public'::regnamespace"                           \
    " UNION ALL SELECT pair.*, 'EXECUTE ON FUNCTION '"                         \
    " || f.oid::regprocedure FROM pg_proc f, aclexplode(f.proacl) a"           \
    " JOIN pair ON pair.oid = a.grantee"                                       \
    " WHERE f.pronamespace = 'public'::regnamespace"                           \
    " AND a.grantee <> f.proowner"                                             \
    " UNION ALL SELECT pair.*, a.privilege_type || ' ON SCHEMA public'"        \
    " FROM pg_namespace n, aclexplode(n.nspacl) a"                             \
    " JOIN pair ON pair.oid = a.grantee WHERE n.nspname = 'public') "

#define ROLES_GRANT                                                            \
    ROLES_PAIRS "SELECT format('GRANT %s TO %I', what, name) FROM acl"

#define ROLES_OWN                                                              \
    "SELECT format('ALTER FUNCTION %s OWNER TO %I', f.oid::regprocedure,"      \
    " $2 || '_lookup') FROM pg_proc f JOIN pg_roles r ON r.oid = f.proowner"   \
    " WHERE f.pronamespace = 'public'::regnamespace"                           \
    " AND r.rolname = $1 || '_lookup'"

#define ROLES_REVOKE                                                           \
    ROLES_PAIRS "SELECT format('REVOKE %s FROM %s', what, oid::regrole)"       \
                " FROM acl"

#define ROLES_POLICY                                                           \
    ROLES_PAIRS "SELECT format('ALTER POLICY %I ON %s TO %s', p.polname,"      \
                " p.polrelid::regclass, string_agg(coalesce(quote_ident("      \
                "pair.name), CASE r.oid WHEN 0 THEN 'PUBLIC' ELSE"             \
                " r.oid::regrole::text END), ', '))"                           \
                " FROM pg_policy p CROSS JOIN unnest(p.polroles) r(oid)"       \
                " LEFT JOIN pair ON pair.oid = r.oid"                          \
                " GROUP BY p.oid, p.polname, p.polrelid"                       \
                " HAVING bool_or(pair.oid IS NOT NULL)"                        \
                " ORDER BY p.polrelid = to_regclass('public.tenants'),"        \
                " p.polname = 'service_all', p.polrelid"


int
migrate_roles_look(migrate_t *m)
{
    int       rc;
    PGresult *res;

    m->modern = PQserverVersion(m->db.pg) >= 160000;

    rc = roles_wanted(m);
    if (rc != 0) {
        return rc;
    }

    if (db_exec(&m->db, ROLES_OLD, 0, NULL, &res) != PT_OK) {
        return cmd_db_error(&m->db, "cannot read the schema's roles");
    }
    if (PQntuples(res) > 0) {
        snprintf(m->old, sizeof(m->old), "%s", db_cell(res, 0, 0));
    }
    PQclear(res);

    if ((rc = roles_owners(m)) != 0 || (rc = roles_free(m)) != 0) {
        return rc;
    }

    return migrate_logins_check(m);
}


int
migrate_roles_bring(migrate_t *m)
{
    int         rc;
    char        lookup[PT_DBROLE_MAX + 1], sql[256];
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

    pt_dbrole_build(m->prefix, PT_DBROLE_LOOKUP, lookup);
    snprintf(sql, sizeof(sql), "GRANT CREATE ON SCHEMA public TO %s", lookup);

    if ((rc = roles_move(m, ROLES_GRANT)) != 0) {
        return rc;
    }
    if (db_do(&m->db, sql) != PT_OK) {
        return cmd_db_error(&m->db, "cannot give the functions away");
    }
    rc = roles_move(m, ROLES_OWN);
    snprintf(sql, sizeof(sql), "REVOKE CREATE ON SCHEMA public FROM %s",
             lookup);
    if (db_do(&m->db, sql) != PT_OK && rc == 0) {
        rc = cmd_db_error(&m->db, "cannot give the functions away");
    }

    if (rc != 0 || (rc = roles_move(m, ROLES_REVOKE)) != 0
        || (rc = roles_move(m, ROLES_POLICY)) != 0)
    {
        return rc;
    }

    return legacy ? roles_bridge(m, PT_DBROLE_LOOKUP, false) : 0;
}


const char *
migrate_quote(migrate_t *m, const char *s, bool identifier)
{
    char    *quoted;
    pt_str_t out = PT_STR_NULL;

    quoted = identifier ? PQescapeIdentifier(m->db.pg, s, strlen(s))
                        : PQescapeLiteral(m->db.pg, s, strlen(s));
    if (quoted == NULL
        || pt_dup(m->cmd->arena, (pt_str_t){ quoted, strlen(quoted) }, &out)
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
    char        service[PT_DBROLE_MAX + 1];
    PGresult   *res;
    const char *name;

    if (db_exec(&m->db,
                "SELECT current_database(), getdatabaseencoding(),"
                " EXISTS (SELECT 1 FROM pg_database d, aclexplode(coalesce("
                "d.datacl, acldefault('d', d.datdba))) a WHERE d.datname"
                " = current_database() AND a.grantee = 0 AND a.privilege_type"
                " IN ('CONNECT', 'TEMPORARY')), lower(chr(201)) = chr(233)",
                0, NULL, &res)
        != PT_OK)
    {
        return cmd_db_error(&m->db, "cannot read the database's name");
    }

    if (strcmp(db_cell(res, 0, 1), "UTF8") != 0) {
        cmd_error("the database's encoding is %s: make one with ENCODING "
                  "'UTF8' TEMPLATE template0",
                  db_cell(res, 0, 1));
        PQclear(res);
        return CMD_FAILED;
    }

    m->open = db_cell(res, 0, 2)[0] == 't';
    m->folds = db_cell(res, 0, 3)[0] == 't';
    name = db_cell(res, 0, 0);

    if (m->cmd->conf.role_prefix[0] != '\0') {
        snprintf(m->prefix, sizeof(m->prefix), "%s", m->cmd->conf.role_prefix);
    } else if (pt_dbrole_prefix((pt_str_t){ name, strlen(name) }, m->prefix)
               != PT_OK)
    {
        PQclear(res);
        return cmd_error("libcrypto failed");
    }
    PQclear(res);

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
    PGresult   *res;
    const char *params[] = { m->prefix, m->old };

    if (db_exec(&m->db,
                "SELECT d.datname FROM unnest(ARRAY['app', 'service',"
                " 'lookup']) k JOIN pg_roles r ON r.rolname IN ($1 || '_' ||"
                " k, $2 || '_' || k) JOIN pg_shdepend s ON s.refclassid ="
                " 'pg_authid'::regclass AND s.refobjid = r.oid"
                " JOIN pg_database d ON d.oid = s.dbid WHERE d.datname <>"
                " current_database()"
                " ORDER BY left(r.rolname, length($1)) = $1 DESC LIMIT 1",
                2, params, &res)
        != PT_OK)
    {
        return cmd_db_error(&m->db, "cannot read the roles");
    }
    if (PQntuples(res) > 0) {
        snprintf(m->other, sizeof(m->other), "%s", db_cell(res, 0, 0));
    }
    PQclear(res);

    return 0;
}


/* New roles must be nobody's: no login, and in no other database. */
static int
roles_free(migrate_t *m)
{
    int         rc = 0;
    PGresult   *res;
    const char *params[] = { m->prefix };

    if (strcmp(m->old, m->prefix) == 0) {
        return 0;
    }

    if (db_exec(&m->db,
                "SELECT r.rolname, (SELECT min(d.datname) FROM pg_shdepend s"
                " JOIN pg_database d ON d.oid = s.dbid WHERE s.refclassid ="
                " 'pg_authid'::regclass AND s.refobjid = r.oid AND d.datname"
                " <> current_database()) AS used FROM pg_roles r"
                " WHERE r.rolname IN ($1 || '_app', $1 || '_service',"
                " $1 || '_lookup') AND (rolcanlogin OR rolsuper OR"
                " rolbypassrls OR EXISTS (SELECT 1 FROM pg_shdepend s"
                " WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid ="
                " r.oid AND s.dbid NOT IN (0, (SELECT oid FROM pg_database"
                " WHERE datname = current_database()))))",
                1, params, &res)
        != PT_OK)
    {
        return cmd_db_error(&m->db, "cannot read the roles");
    }

    if (PQntuples(res) > 0 && !PQgetisnull(res, 0, 1)) {
        rc = cmd_error("the role %s belongs to the database \"%s\": choose "
                       "another name by PYTAKE_ROLE_PREFIX",
                       db_cell(res, 0, 0), db_cell(res, 0, 1));
    } else if (PQntuples(res) > 0) {
        rc = cmd_error("the role %s may log in, or passes row-level security "
                       "by: choose another name by PYTAKE_ROLE_PREFIX",
                       db_cell(res, 0, 0));
    }
    PQclear(res);

    return rc;
}


/* We must be able to become it: functions are given to it.  From 16 on its
 * maker has that only when granted with SET. */
static int
roles_make(migrate_t *m, pt_dbrole_e kind)
{
    char        name[PT_DBROLE_MAX + 1], sql[256];
    PGresult   *res;
    const char *params[] = { name, m->modern ? "t" : "f" };

    pt_dbrole_build(m->prefix, kind, name);

    if (db_exec(&m->db, "SELECT 1 FROM pg_roles WHERE rolname = $1", 1, params,
                &res)
        != PT_OK)
    {
        return cmd_db_error(&m->db, "cannot read the roles");
    }
    snprintf(sql, sizeof(sql), "CREATE ROLE %s NOLOGIN", name);
    if (PQntuples(res) == 0 && db_do(&m->db, sql) != PT_OK
        && strcmp(m->db.sqlstate, "42710") != 0
        && strcmp(m->db.sqlstate, "23505") != 0)
    {
        PQclear(res);
        return roles_refused(m, name);
    }
    PQclear(res);

    if (db_exec(&m->db,
                "SELECT CASE WHEN $2::boolean THEN pg_has_role(current_user,"
                " $1, 'SET') AND pg_has_role(current_user, $1, 'USAGE')"
                " ELSE pg_has_role(current_user, $1, 'MEMBER') END",
                2, params, &res)
        != PT_OK)
    {
        return cmd_db_error(&m->db, "cannot read the roles");
    }
    snprintf(sql, sizeof(sql), "GRANT %s TO CURRENT_USER%s", name,
             m->modern ? " WITH INHERIT TRUE, SET TRUE" : "");
    if (db_cell(res, 0, 0)[0] != 't' && db_do(&m->db, sql) != PT_OK) {
        PQclear(res);
        return roles_refused(m, name);
    }
    PQclear(res);

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


/* Each statement of the list alone: no more than one table is locked at a
 * time.  What waits too long for one is done when it is run again. */
static int
roles_move(migrate_t *m, const char *list)
{
    int         i, rc = 0;
    PGresult   *res;
    const char *params[] = { m->old, m->prefix };

    if (db_exec(&m->db, list, 2, params, &res) != PT_OK) {
        return cmd_db_error(&m->db, "cannot read the old roles' rights");
    }

    for (i = 0; i < PQntuples(res) && rc == 0; i++) {
        if (db_do(&m->db, db_cell(res, i, 0)) != PT_OK) {
            rc = cmd_db_error(&m->db, db_cell(res, i, 0));
        }
    }
    PQclear(res);

    return rc;
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
