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
static int tenant_status(const tenant_args_t *a, const char *status,
                         const char *action, const char *told);
static int tenant_open(const tenant_args_t *a, db_t *db, pt_uuid_t *id);
static int tenant_change(const tenant_args_t *a, db_t *db, const pt_uuid_t *id,
                         const char *action, const char *told);
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
    int       rc;
    char      text[PT_UUID_LEN + 1];
    db_t      db;
    pt_uuid_t id;

    if ((rc = cmd_need(a->name, "name")) != 0
        || (rc = cmd_name_check(a->name, "name")) != 0
        || (rc = cmd_connect(a->cmd, &db, 0, CMD_AS_SERVICE)) != 0)
    {
        return rc;
    }
    cmd_uuid(&id);
    PT_SQL(db_sql(&db), cmd_tenant_add, .id = &id, .name = db_str(a->name));

    if (db_do(&db, "BEGIN") != PT_OK || db_run(&db, NULL) != PT_OK
        || cmd_audit(&db, &id, "tenant.add", &id) != PT_OK
        || db_do(&db, "COMMIT") != PT_OK)
    {
        rc = tenant_failed(&db, a->name, "cannot add the tenant");
    } else {
        cmd_uuid_text(&id, text);
        cmd_print("%s %s", text, a->name);
    }
    db_close(&db);

    return rc;
}


static int
tenant_list(const tenant_args_t *a)
{
    int           rc;
    db_t          db;
    uint32_t      i;
    pytake_rows_t rows;

    rc = cmd_connect(a->cmd, &db, 0, CMD_AS_SERVICE);
    if (rc != 0) {
        return rc;
    }

    pt_q_cmd_tenant_list(db_sql(&db));
    if (db_run(&db, &rows) != PT_OK) {
        rc = cmd_db_error(&db, "cannot list the tenants");
    }
    for (i = 0; rc == 0 && i < rows.nrows; i++) {
        cmd_print("%s %-9s %s", db_text(&rows, i, PT_COL_CMD_TENANT_LIST_ID),
                  db_text(&rows, i, PT_COL_CMD_TENANT_LIST_STATUS),
                  db_text(&rows, i, PT_COL_CMD_TENANT_LIST_NAME));
    }
    db_close(&db);

    return rc;
}


static int
tenant_rename(const tenant_args_t *a)
{
    int       rc;
    db_t      db;
    pt_uuid_t id;

    if ((rc = cmd_need(a->name, "name")) != 0
        || (rc = cmd_name_check(a->name, "name")) != 0
        || (rc = tenant_open(a, &db, &id)) != 0)
    {
        return rc;
    }
    PT_SQL(db_sql(&db), cmd_tenant_rename, .id = &id, .name = db_str(a->name));

    return tenant_change(a, &db, &id, "tenant.rename", "has a new name");
}


static int
tenant_suspend(const tenant_args_t *a)
{
    return tenant_status(a, "suspended", "tenant.suspend",
                         "is suspended, every session of theirs has ended; "
                         "what customers write is kept");
}


static int
tenant_resume(const tenant_args_t *a)
{
    return tenant_status(a, "active", "tenant.resume", "is active");
}


static int
tenant_status(const tenant_args_t *a, const char *status, const char *action,
              const char *told)
{
    int       rc;
    db_t      db;
    pt_uuid_t id;

    rc = tenant_open(a, &db, &id);
    if (rc != 0) {
        return rc;
    }
    PT_SQL(db_sql(&db), cmd_tenant_status, .id = &id, .status = db_str(status));

    return tenant_change(a, &db, &id, action, told);
}


/* Gone at once for everybody.  The rows are deleted by the purge of jobs.h. */
static int
tenant_remove(const tenant_args_t *a)
{
    int       rc;
    db_t      db;
    pt_uuid_t id;

    if (!a->yes) {
        cmd_error("everything of \"%s\" would be deleted, its conversations "
                  "and messages, too, and nothing brings it back but a "
                  "backup - say --yes if that is what you want",
                  a->tenant);
        return CMD_USAGE;
    }

    rc = tenant_open(a, &db, &id);
    if (rc != 0) {
        return rc;
    }
    PT_SQL(db_sql(&db), cmd_tenant_remove, .id = &id);

    return tenant_change(
        a, &db, &id, "tenant.remove",
        "is removed: nobody is let in and nothing is taken any more; "
        "\"pytake serve\" deletes what it had, step by step");
}


/* A connection, and the tenant that is meant: 0, or the exit status and no
 * connection. */
static int
tenant_open(const tenant_args_t *a, db_t *db, pt_uuid_t *id)
{
    int rc;

    rc = cmd_connect(a->cmd, db, 0, CMD_AS_SERVICE);
    if (rc != 0) {
        return rc;
    }

    rc = cmd_tenant_find(db, a->tenant, id);
    if (rc != 0) {
        db_close(db);
    }

    return rc;
}


/* Runs the change of db_sql(), which gives no row when the tenant is gone, and
 * closes the connection. */
static int
tenant_change(const tenant_args_t *a, db_t *db, const pt_uuid_t *id,
              const char *action, const char *told)
{
    int           rc = 0;
    char          text[PT_UUID_LEN + 1];
    pytake_rows_t rows;

    if (db_do(db, "BEGIN") != PT_OK || db_run(db, &rows) != PT_OK) {
        rc = tenant_failed(db, a->name != NULL ? a->name : a->tenant,
                           "cannot change the tenant");
    } else if (rows.nrows == 0) {
        rc = cmd_error("the tenant \"%s\" was removed meanwhile", a->tenant);
    } else if (cmd_audit(db, id, action, id) != PT_OK
               || db_do(db, "COMMIT") != PT_OK)
    {
        rc = cmd_db_error(db, "cannot change the tenant");
    } else {
        cmd_uuid_text(id, text);
        cmd_print("%s %s", text, told);
    }
    db_close(db);

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
    uint32_t      i;
    pytake_rows_t rows;

    pt_q_cmd_tenant_twins(db_sql(db));
    if (db_run(db, &rows) != PT_OK) {
        return cmd_db_error(db, "cannot look at the tenants' names");
    }

    for (i = 0; i < rows.nrows; i++) {
        cmd_error("%lld tenants are called \"%s\" - tell them apart: \"pytake "
                  "tenant rename --tenant ID\"",
                  (long long) pt_cell_i64(&rows, i, PT_COL_CMD_TENANT_TWINS_N),
                  db_text(&rows, i, PT_COL_CMD_TENANT_TWINS_NAME));
    }

    return 0;
}
