/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pytake number add|token|rename|list|remove: WhatsApp numbers.
 */

#include "cmd.h"

#include <stdio.h>

#define NUMBER_TOKEN_MAX 4096

typedef struct {
    cmd_t      *cmd;
    const char *tenant;
    const char *phone_number_id;
    const char *display;
    const char *waba;
    const char *name;
    const char *token_file;
    bool        yes;
} number_args_t;

static int  number_add(const number_args_t *a);
static int  number_insert(const number_args_t *a, db_t *db, const char *tenant);
static int  number_token(const number_args_t *a);
static int  number_list(const number_args_t *a);
static int  number_rename(const number_args_t *a);
static int  number_remove(const number_args_t *a);
static int  number_change(const number_args_t *a, const char *sql, int n,
                          const char *const *params, const char *action,
                          const char *told);
static int  number_texts(const number_args_t *a);
static int  number_sealed(const number_args_t *a, const char *tenant,
                          const char *config, const char **out);
static bool number_digits_is(const char *s);

static const struct {
    const char *name;
    int (*run)(const number_args_t *a);
} number_commands[] = {
    { "add", number_add },       { "token", number_token },
    { "rename", number_rename }, { "list", number_list },
    { "remove", number_remove },
};


int
cmd_number(cmd_t *c, int argc, char **argv)
{
    int           rc;
    size_t        i;
    const char   *word = NULL;
    number_args_t a;

    const cmd_option_t options[] = {
        { "tenant", &a.tenant, NULL },
        { "phone-number-id", &a.phone_number_id, NULL },
        { "display", &a.display, NULL },
        { "waba", &a.waba, NULL },
        { "name", &a.name, NULL },
        { "token-file", &a.token_file, NULL },
        { "yes", NULL, &a.yes },
    };

    memset(&a, 0, sizeof(a));
    a.cmd = c;

    rc = cmd_options(c, argc, argv, options, PT_COUNT(options), &word, 1);
    if (rc != 0) {
        return rc;
    }

    for (i = 0; word != NULL && i < PT_COUNT(number_commands); i++) {
        if (strcmp(word, number_commands[i].name) == 0) {
            return number_commands[i].run(&a);
        }
    }

    cmd_error("say \"pytake number add\", \"token\", \"rename\", "
              "\"list\" or \"remove\"");

    return CMD_USAGE;
}


static int
number_add(const number_args_t *a)
{
    int  rc;
    char tenant[PT_UUID_LEN + 1];
    db_t db;

    if ((rc = cmd_need(a->tenant, "tenant")) != 0
        || (rc = cmd_need(a->phone_number_id, "phone-number-id")) != 0
        || (rc = cmd_need(a->display, "display")) != 0)
    {
        return rc;
    }

    if (!number_digits_is(a->phone_number_id)
        || (a->waba != NULL && !number_digits_is(a->waba)))
    {
        cmd_error("--phone-number-id and --waba are Meta's ids: digits only "
                  "(the phone itself goes into --display)");
        return CMD_USAGE;
    }

    if ((rc = number_texts(a)) != 0) {
        return rc;
    }

    rc = cmd_connect(a->cmd, &db, a->token_file != NULL ? CONF_NEED_KEY : 0,
                     CMD_AS_SERVICE);
    if (rc != 0) {
        return rc;
    }

    rc = cmd_tenant_find(&db, a->tenant, tenant);
    if (rc == 0) {
        rc = number_insert(a, &db, tenant);
    }
    db_close(&db);

    return rc;
}


static int
number_insert(const number_args_t *a, db_t *db, const char *tenant)
{
    int         rc;
    char        id[PT_UUID_LEN + 1];
    const char *sealed = NULL;

    cmd_uuid(id);
    rc = number_sealed(a, tenant, id, &sealed);
    if (rc != 0) {
        return rc;
    }

    const char *params[] = { tenant,
                             id,
                             a->name != NULL ? a->name : a->display,
                             a->phone_number_id,
                             a->waba,
                             a->display,
                             sealed };

    if (db_do(db, "BEGIN") != PT_OK
        || db_exec(db,
                   "INSERT INTO whatsapp_configs (tenant_id, id, name,"
                   " phone_number_id, waba_id, display_phone_number,"
                   " access_token_sealed)"
                   " VALUES ($1, $2, $3, $4, $5, btrim($6), $7::bytea)",
                   7, params, NULL)
               != PT_OK
        || cmd_audit(db, tenant, "number.add", id) != PT_OK
        || db_do(db, "COMMIT") != PT_OK)
    {
        if (strcmp(db->sqlstate, "23505") == 0) {
            return cmd_error("the phone number id %s is there already, see "
                             "\"pytake number list\"",
                             a->phone_number_id);
        }
        return cmd_db_error(db, "cannot add the number");
    }
    cmd_print("%s %s", id, a->display);

    return CMD_OK;
}


/* A new token also starts a number that was stopped for a dead one. */
static int
number_token(const number_args_t *a)
{
    int         rc;
    db_t        db;
    PGresult   *res;
    const char *sealed, *params[] = { a->phone_number_id, NULL };

    if ((rc = cmd_need(a->phone_number_id, "phone-number-id")) != 0
        || (rc = cmd_need(a->token_file, "token-file")) != 0)
    {
        return rc;
    }

    rc = cmd_connect(a->cmd, &db, CONF_NEED_KEY, CMD_AS_SERVICE);
    if (rc != 0) {
        return rc;
    }

    if (db_exec(&db,
                "SELECT tenant_id, id FROM whatsapp_configs"
                " WHERE phone_number_id = $1",
                1, params, &res)
        != PT_OK)
    {
        rc = cmd_db_error(&db, "cannot look up the number");
        db_close(&db);
        return rc;
    }

    if (PQntuples(res) == 0) {
        rc = cmd_error("there is no number %s, see \"pytake number list\"",
                       a->phone_number_id);
    } else {
        rc = number_sealed(a, db_cell(res, 0, 0), db_cell(res, 0, 1), &sealed);
    }

    if (rc == 0) {
        params[1] = sealed;
        if (db_do(&db, "BEGIN") != PT_OK
            || db_exec(&db,
                       "UPDATE whatsapp_configs SET access_token_sealed"
                       " = $2::bytea, updated_at = now(), status_reason ="
                       " NULL, status = CASE status WHEN 'stopped' THEN"
                       " 'active' ELSE status END WHERE phone_number_id = $1",
                       2, params, NULL)
                   != PT_OK
            || cmd_audit(&db, db_cell(res, 0, 0), "number.token",
                         db_cell(res, 0, 1))
                   != PT_OK
            || db_do(&db, "COMMIT") != PT_OK)
        {
            rc = cmd_db_error(&db, "cannot keep the token");
        } else {
            printf("%s has a new token\n", a->phone_number_id);
        }
    }
    PQclear(res);
    db_close(&db);

    return rc;
}


static int
number_list(const number_args_t *a)
{
    int         i, rc;
    char        tenant[PT_UUID_LEN + 1];
    db_t        db;
    PGresult   *res;
    const char *params[] = { NULL };

    rc = cmd_connect(a->cmd, &db, 0, CMD_AS_SERVICE);
    if (rc != 0) {
        return rc;
    }

    if (a->tenant != NULL) {
        rc = cmd_tenant_find(&db, a->tenant, tenant);
        if (rc != 0) {
            db_close(&db);
            return rc;
        }
        params[0] = tenant;
    }

    if (db_exec(&db,
                "SELECT c.id, split_part(c.phone_number_id, '/', 1), c.status,"
                " CASE WHEN c.access_token_sealed IS NULL THEN 'no token'"
                " ELSE 'token' END, c.display_phone_number, c.name, t.name"
                " FROM whatsapp_configs c JOIN tenants t"
                " ON t.id = c.tenant_id"
                " WHERE $1::uuid IS NULL OR c.tenant_id = $1"
                " ORDER BY c.tenant_id, c.id",
                1, params, &res)
        != PT_OK)
    {
        rc = cmd_db_error(&db, "cannot list the numbers");
    } else {
        for (i = 0; i < PQntuples(res); i++) {
            cmd_print("%s %s %-8s %-8s %s \"%s\" (%s)", db_cell(res, i, 0),
                      db_cell(res, i, 1), db_cell(res, i, 2),
                      db_cell(res, i, 3), db_cell(res, i, 4),
                      db_cell(res, i, 5), db_cell(res, i, 6));
        }
        PQclear(res);
    }
    db_close(&db);

    return rc;
}


static int
number_rename(const number_args_t *a)
{
    int         rc;
    const char *params[] = { a->phone_number_id, a->name, a->display };

    if (a->name == NULL && a->display == NULL) {
        cmd_error("--name or --display is missing, see \"pytake help\"");
        return CMD_USAGE;
    }

    if ((rc = number_texts(a)) != 0) {
        return rc;
    }

    return number_change(a,
                         "UPDATE whatsapp_configs SET name = coalesce($2,"
                         " name), display_phone_number = coalesce(btrim($3),"
                         " display_phone_number), updated_at = now()"
                         " WHERE phone_number_id = $1"
                         " RETURNING tenant_id, id",
                         3, params, "number.rename", "is renamed");
}


/* Gone at once: its webhooks are an unknown number's, nothing is sent, its id
 * is free.  The purge of jobs.h deletes its conversations. */
static int
number_remove(const number_args_t *a)
{
    const char *params[] = { a->phone_number_id };

    if (a->phone_number_id != NULL && !a->yes) {
        cmd_error("the number %s would be deleted with its conversations and "
                  "their messages, and nothing brings them back but a backup "
                  "- say --yes if that is what you want",
                  a->phone_number_id);
        return CMD_USAGE;
    }

    return number_change(a,
                         "UPDATE whatsapp_configs SET status = 'removed',"
                         " status_reason = NULL, access_token_sealed = NULL,"
                         " phone_number_id = phone_number_id || '/' || id,"
                         " updated_at = now() WHERE phone_number_id = $1"
                         " AND status <> 'removed' RETURNING tenant_id, id",
                         1, params, "number.remove",
                         "is removed: nothing is taken or sent any more; "
                         "\"pytake serve\" deletes its conversations, step "
                         "by step");
}


/* sql gives (tenant_id, id) of the number. */
static int
number_change(const number_args_t *a, const char *sql, int n,
              const char *const *params, const char *action, const char *told)
{
    int       rc;
    db_t      db;
    PGresult *res = NULL;

    if ((rc = cmd_need(a->phone_number_id, "phone-number-id")) != 0
        || (rc = cmd_connect(a->cmd, &db, 0, CMD_AS_SERVICE)) != 0)
    {
        return rc;
    }

    if (db_do(&db, "BEGIN") != PT_OK
        || db_exec(&db, sql, n, params, &res) != PT_OK) {
        rc = cmd_db_error(&db, "cannot change the number");
    } else if (PQntuples(res) == 0) {
        rc = cmd_error("there is no number %s, see \"pytake number list\"",
                       a->phone_number_id);
    } else if (cmd_audit(&db, db_cell(res, 0, 0), action, db_cell(res, 0, 1))
                   != PT_OK
               || db_do(&db, "COMMIT") != PT_OK)
    {
        rc = cmd_db_error(&db, "cannot change the number");
    } else {
        cmd_print("%s %s", a->phone_number_id, told);
    }
    PQclear(res);
    db_close(&db);

    return rc;
}


static int
number_texts(const number_args_t *a)
{
    if (a->display != NULL && !cmd_phone_is(a->display)) {
        cmd_error("--display \"%s\" is not a phone number like "
                  "\"+55 11 98765-4321\"",
                  a->display);
        return CMD_USAGE;
    }

    return a->name != NULL ? cmd_name_check(a->name, "name") : 0;
}


/* The token of --token-file; *out is untouched when there is none. */
static int
number_sealed(const number_args_t *a, const char *tenant, const char *config,
              const char **out)
{
    int      rc;
    pt_str_t token;

    if (a->token_file == NULL) {
        return 0;
    }

    rc = cmd_read_file(a->cmd, a->token_file, NUMBER_TOKEN_MAX, &token);
    if (rc != 0) {
        return rc;
    }

    if (token.len == 0 || strcspn(token.data, " \t\r\n") != token.len) {
        return cmd_error("\"%s\" holds no token: one line without blanks is "
                         "expected",
                         a->token_file);
    }

    if (cmd_token_seal(a->cmd, tenant, config, token, out) != PT_OK) {
        return cmd_error("the token cannot be sealed");
    }

    return 0;
}


static bool
number_digits_is(const char *s)
{
    size_t n = strspn(s, "0123456789");

    return n > 0 && n <= 32 && s[n] == '\0';
}
