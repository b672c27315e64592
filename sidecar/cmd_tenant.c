/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pytake tenant add|list.
 */

#include "cmd.h"

#include <stdio.h>

#define TENANT_NAME_MAX 200 /* characters */

static int tenant_add(cmd_t *c, const char *name);
static int tenant_list(cmd_t *c);


int
cmd_tenant(cmd_t *c, int argc, char **argv)
{
    int         rc;
    const char *word = NULL, *name = NULL;

    const cmd_option_t options[] = { { "name", &name, NULL } };

    rc = cmd_options(c, argc, argv, options, PT_COUNT(options), &word, 1);
    if (rc != 0) {
        return rc;
    }

    if (word != NULL && strcmp(word, "add") == 0) {
        rc = cmd_need(name, "name");
        return rc != 0 ? rc : tenant_add(c, name);
    }

    if (word != NULL && strcmp(word, "list") == 0) {
        return tenant_list(c);
    }

    cmd_error("say \"pytake tenant add\" or \"pytake tenant list\"");

    return CMD_USAGE;
}


static int
tenant_add(cmd_t *c, const char *name)
{
    int         rc;
    char        id[PT_UUID_LEN + 1];
    db_t        db;
    pt_str_t    s = { name, strlen(name) };
    const char *params[] = { id, name };

    if (!pt_utf8_is(s) || pt_utf8_count(s) > TENANT_NAME_MAX) {
        cmd_error("--name is not UTF-8 of at most %d characters",
                  TENANT_NAME_MAX);
        return CMD_USAGE;
    }

    rc = cmd_connect(c, &db, 0, "pytake_service");
    if (rc != 0) {
        return rc;
    }
    cmd_uuid(id);

    if (db_do(&db, "BEGIN") != PT_OK
        || db_exec(&db, "INSERT INTO tenants (id, name) VALUES ($1, $2)", 2,
                   params, NULL)
               != PT_OK
        || cmd_audit(&db, id, "tenant.add", id) != PT_OK
        || db_do(&db, "COMMIT") != PT_OK)
    {
        rc = cmd_db_error(&db, "cannot add the tenant");
    } else {
        printf("%s %s\n", id, name);
    }
    db_close(&db);

    return rc;
}


static int
tenant_list(cmd_t *c)
{
    int       i, rc;
    db_t      db;
    PGresult *res;

    rc = cmd_connect(c, &db, 0, "pytake_service");
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
            printf("%s %-9s %s\n", db_cell(res, i, 0), db_cell(res, i, 1),
                   db_cell(res, i, 2));
        }
        PQclear(res);
    }
    db_close(&db);

    return rc;
}
