/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pytake tenant add|list|rename|suspend|resume|remove.
 */

#include "cmd.h"

#include <stdio.h>

typedef struct {
    cmd_t      *cmd;
    const char *tenant;
    const char *name;
    bool        yes;
} tenant_args_t;

static int tenant_add(const tenant_args_t *a);
static int tenant_list(const tenant_args_t *a);
static int tenant_rename(const tenant_args_t *a);
static int tenant_suspend(const tenant_args_t *a);
static int tenant_resume(const tenant_args_t *a);
static int tenant_remove(const tenant_args_t *a);
static int tenant_change(const tenant_args_t *a, const char *sql,
                         const char *value, const char *action,
                         const char *told);
static int tenant_failed(const db_t *db, const char *name, const char *doing);

static const struct {
    const char *name;
    int (*run)(const tenant_args_t *a);
    bool needs_tenant;
} tenant_commands[] = {
    { "add", tenant_add, false },      { "list", tenant_list, false },
    { "rename", tenant_rename, true }, { "suspend", tenant_suspend, true },
    { "resume", tenant_resume, true }, { "remove", tenant_remove, true },
};


int
cmd_tenant(cmd_t *c, int argc, char **argv)
{
    int           rc;
    size_t        i;
    const char   *word = NULL;
    tenant_args_t a = { c, NULL, NULL, false };

    const cmd_option_t options[] = {
        { "tenant", &a.tenant, NULL },
        { "name", &a.name, NULL },
        { "yes", NULL, &a.yes },
    };

    rc = cmd_options(c, argc, argv, options, PT_COUNT(options), &word, 1);
    if (rc != 0) {
        return rc;
    }

    for (i = 0; word != NULL && i < PT_COUNT(tenant_commands); i++) {
        if (strcmp(word, tenant_commands[i].name) == 0) {
            rc = tenant_commands[i].needs_tenant ? cmd_need(a.tenant, "tenant")
                                                 : 0;
            return rc != 0 ? rc : tenant_commands[i].run(&a);
        }
    }

    cmd_error("say \"pytake tenant add\", \"list\", \"rename\", \"suspend\", "
              "\"resume\" or \"remove\"");

    return CMD_USAGE;
}


static int
tenant_add(const tenant_args_t *a)
{
    int         rc;
    char        id[PT_UUID_LEN + 1];
    db_t        db;
    const char *params[] = { id, a->name };

    if ((rc = cmd_need(a->name, "name")) != 0
        || (rc = cmd_name_check(a->name, "name")) != 0
        || (rc = cmd_connect(a->cmd, &db, 0, CMD_AS_SERVICE)) != 0)
    {
        return rc;
    }
    cmd_uuid(id);

    if (db_do(&db, "BEGIN") != PT_OK
        || db_exec(&db,
                   "INSERT INTO tenants (id, name) VALUES ($1,"
                   " btrim($2))",
                   2, params, NULL)
               != PT_OK
        || cmd_audit(&db, id, "tenant.add", id) != PT_OK
        || db_do(&db, "COMMIT") != PT_OK)
    {
        rc = tenant_failed(&db, a->name, "cannot add the tenant");
    } else {
        cmd_print("%s %s", id, a->name);
    }
    db_close(&db);

    return rc;
}


static int
tenant_list(const tenant_args_t *a)
{
    int       i, rc;
    db_t      db;
    PGresult *res;

    rc = cmd_connect(a->cmd, &db, 0, CMD_AS_SERVICE);
    if (rc != 0) {
        return rc;
    }

    if (db_exec(&db, "SELECT id, status, name FROM tenants ORDER BY id", 0,
                NULL, &res)
        != PT_OK)
    {
        rc = cmd_db_error(&db, "cannot list the tenants");
    } else {
        for (i = 0; i < PQntuples(res); i++) {
            cmd_print("%s %-9s %s", db_cell(res, i, 0), db_cell(res, i, 1),
                      db_cell(res, i, 2));
        }
        PQclear(res);
    }
    db_close(&db);

    return rc;
}


static int
tenant_rename(const tenant_args_t *a)
{
    int rc;

    if ((rc = cmd_need(a->name, "name")) != 0
        || (rc = cmd_name_check(a->name, "name")) != 0)
    {
        return rc;
    }

    return tenant_change(a,
                         "UPDATE tenants SET name = btrim($2),"
                         " updated_at = now(), version = version + 1"
                         " WHERE id = $1"
                         " AND status <> 'removed'",
                         a->name, "tenant.rename", "has a new name");
}


/* A trigger ends the sessions; refresh and login look at the status. */
static int
tenant_suspend(const tenant_args_t *a)
{
    return tenant_change(
        a,
        "UPDATE tenants SET status = $2, updated_at = now(),"
        " version = version + 1 WHERE id = $1 AND status <> 'removed'",
        "suspended", "tenant.suspend",
        "is suspended, every session of theirs has ended; "
        "what customers write is kept");
}


static int
tenant_resume(const tenant_args_t *a)
{
    return tenant_change(
        a,
        "UPDATE tenants SET status = $2, updated_at = now(),"
        " version = version + 1 WHERE id = $1 AND status <> 'removed'",
        "active", "tenant.resume", "is active");
}


/* Gone at once for everybody: sessions end, numbers and e-mail addresses are
 * free.  The rows are deleted by the purge of jobs.h. */
static int
tenant_remove(const tenant_args_t *a)
{
    if (!a->yes) {
        cmd_error("everything of \"%s\" would be deleted, its conversations "
                  "and messages, too, and nothing brings it back but a "
                  "backup - say --yes if that is what you want",
                  a->tenant);
        return CMD_USAGE;
    }

    return tenant_change(
        a,
        "WITH w AS (UPDATE whatsapp_configs SET status = 'removed',"
        " status_reason = NULL, access_token_sealed = NULL,"
        " phone_number_id = phone_number_id || '/' || id,"
        " updated_at = now() WHERE tenant_id = $1 AND status <> 'removed'),"
        " u AS (UPDATE users SET active = false, password_hash = '-',"
        " email = id || '/' || email, updated_at = now()"
        " WHERE tenant_id = $1)"
        " UPDATE tenants SET status = $2, updated_at = now() WHERE id = $1"
        " AND status <> 'removed'",
        "removed", "tenant.remove",
        "is removed: nobody is let in and nothing is taken any more; "
        "\"pytake serve\" deletes what it had, step by step");
}


/* sql takes (id, value). */
static int
tenant_change(const tenant_args_t *a, const char *sql, const char *value,
              const char *action, const char *told)
{
    int         rc;
    char        id[PT_UUID_LEN + 1];
    db_t        db;
    PGresult   *res = NULL;
    const char *params[] = { id, value };

    rc = cmd_connect(a->cmd, &db, 0, CMD_AS_SERVICE);
    if (rc != 0) {
        return rc;
    }

    rc = cmd_tenant_find(&db, a->tenant, id);
    if (rc == 0) {
        if (db_do(&db, "BEGIN") != PT_OK
            || db_exec(&db, sql, 2, params, &res) != PT_OK) {
            rc = tenant_failed(&db, value, "cannot change the tenant");
        } else if (strcmp(PQcmdTuples(res), "1") != 0) {
            rc =
                cmd_error("the tenant \"%s\" was removed meanwhile", a->tenant);
        } else if (cmd_audit(&db, id, action, id) != PT_OK
                   || db_do(&db, "COMMIT") != PT_OK)
        {
            rc = cmd_db_error(&db, "cannot change the tenant");
        } else {
            cmd_print("%s %s", id, told);
        }
        PQclear(res);
    }
    db_close(&db);

    return rc;
}


static int
tenant_failed(const db_t *db, const char *name, const char *doing)
{
    if (strcmp(db->sqlstate, "23505") == 0) {
        return cmd_error("a tenant is called \"%s\" already, see \"pytake "
                         "tenant list\"",
                         name);
    }

    return cmd_db_error(db, doing);
}


int
cmd_tenant_twins(db_t *db)
{
    int       i;
    PGresult *res;

    if (db_exec(db,
                "SELECT min(name), count(*) FROM public.tenants"
                " WHERE status <> 'removed'"
                " GROUP BY public.pytake_name_fold(name) HAVING count(*) > 1"
                " ORDER BY 1",
                0, NULL, &res)
        != PT_OK)
    {
        return cmd_db_error(db, "cannot look at the tenants' names");
    }

    for (i = 0; i < PQntuples(res); i++) {
        cmd_error("%s tenants are called \"%s\" - tell them apart: \"pytake "
                  "tenant rename --tenant ID\"",
                  db_cell(res, i, 1), db_cell(res, i, 0));
    }
    PQclear(res);

    return 0;
}
