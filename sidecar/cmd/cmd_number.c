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
static int  number_insert(const number_args_t *a, db_t *db,
                          const pt_uuid_t *tenant);
static int  number_token(const number_args_t *a);
static int  number_token_keep(const number_args_t *a, db_t *db);
static int  number_list(const number_args_t *a);
static int  number_rename(const number_args_t *a);
static int  number_remove(const number_args_t *a);
static int  number_open(const number_args_t *a, db_t *db);
static int  number_change(const number_args_t *a, db_t *db, const char *action,
                          const char *told);
static bool number_is_there(const number_args_t *a, const pytake_rows_t *rows,
                            pt_uuid_t *tenant, pt_uuid_t *id);
static int  number_texts(const number_args_t *a);
static int  number_sealed(const number_args_t *a, const pt_uuid_t *tenant,
                          const pt_uuid_t *config, pt_str_t *out);
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
    int       rc;
    db_t      db;
    pt_uuid_t tenant;

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

    rc = cmd_tenant_find(&db, a->tenant, &tenant);
    if (rc == 0) {
        rc = number_insert(a, &db, &tenant);
    }
    db_close(&db);

    return rc;
}


static int
number_insert(const number_args_t *a, db_t *db, const pt_uuid_t *tenant)
{
    int       rc;
    char      text[PT_UUID_LEN + 1];
    pt_str_t  sealed = PT_STR_NULL;
    pt_uuid_t id;

    cmd_uuid(&id);
    rc = number_sealed(a, tenant, &id, &sealed);
    if (rc != 0) {
        return rc;
    }

    PT_SQL(db_sql(db), cmd_number_add, .tenant_id = tenant, .id = &id,
           .name = db_str(a->name != NULL ? a->name : a->display),
           .phone_number_id = db_str(a->phone_number_id),
           .waba_id = db_str(a->waba), .display = db_str(a->display),
           .token = sealed);

    if (db_do(db, "BEGIN") != PT_OK || db_run(db, NULL) != PT_OK
        || cmd_audit(db, tenant, "number.add", &id) != PT_OK
        || db_do(db, "COMMIT") != PT_OK)
    {
        if (strcmp(db->sqlstate, "23505") == 0) {
            return cmd_error("the phone number id %s is there already, see "
                             "\"pytake number list\"",
                             a->phone_number_id);
        }
        return cmd_db_error(db, "cannot add the number");
    }
    cmd_uuid_text(&id, text);
    cmd_print("%s %s", text, a->display);

    return CMD_OK;
}


/* A new token also starts a number that was stopped for a dead one. */
static int
number_token(const number_args_t *a)
{
    int  rc;
    db_t db;

    if ((rc = cmd_need(a->phone_number_id, "phone-number-id")) != 0
        || (rc = cmd_need(a->token_file, "token-file")) != 0
        || (rc = cmd_connect(a->cmd, &db, CONF_NEED_KEY, CMD_AS_SERVICE)) != 0)
    {
        return rc;
    }

    rc = number_token_keep(a, &db);
    db_close(&db);

    return rc;
}


static int
number_token_keep(const number_args_t *a, db_t *db)
{
    int           rc;
    pt_str_t      sealed;
    pt_uuid_t     tenant, id;
    pytake_rows_t rows;

    PT_SQL(db_sql(db), cmd_number_find,
           .phone_number_id = db_str(a->phone_number_id));
    if (db_run(db, &rows) != PT_OK) {
        return cmd_db_error(db, "cannot look up the number");
    }
    if (!number_is_there(a, &rows, &tenant, &id)) {
        return CMD_FAILED;
    }

    rc = number_sealed(a, &tenant, &id, &sealed);
    if (rc != 0) {
        return rc;
    }

    PT_SQL(db_sql(db), cmd_number_token, .tenant_id = &tenant, .id = &id,
           .token = sealed);
    if (db_do(db, "BEGIN") != PT_OK || db_run(db, NULL) != PT_OK
        || cmd_audit(db, &tenant, "number.token", &id) != PT_OK
        || db_do(db, "COMMIT") != PT_OK)
    {
        return cmd_db_error(db, "cannot keep the token");
    }
    printf("%s has a new token\n", a->phone_number_id);

    return CMD_OK;
}


static int
number_list(const number_args_t *a)
{
    int           rc;
    db_t          db;
    uint32_t      i;
    pt_uuid_t     tenant;
    pytake_rows_t rows;

    rc = cmd_connect(a->cmd, &db, 0, CMD_AS_SERVICE);
    if (rc != 0) {
        return rc;
    }

    rc = a->tenant == NULL ? 0 : cmd_tenant_find(&db, a->tenant, &tenant);
    if (rc != 0) {
        db_close(&db);
        return rc;
    }

    PT_SQL(db_sql(&db), cmd_number_list,
           .tenant_id = a->tenant == NULL ? NULL : &tenant);
    if (db_run(&db, &rows) != PT_OK) {
        rc = cmd_db_error(&db, "cannot list the numbers");
    }
    for (i = 0; rc == 0 && i < rows.nrows; i++) {
        cmd_print("%s %s %-8s %-8s %s \"%s\" (%s)",
                  db_text(&rows, i, PT_COL_CMD_NUMBER_LIST_ID),
                  db_text(&rows, i, PT_COL_CMD_NUMBER_LIST_PHONE_NUMBER_ID),
                  db_text(&rows, i, PT_COL_CMD_NUMBER_LIST_STATUS),
                  pt_cell_bool(&rows, i, PT_COL_CMD_NUMBER_LIST_TOKEN)
                      ? "token"
                      : "no token",
                  db_text(&rows, i, PT_COL_CMD_NUMBER_LIST_DISPLAY),
                  db_text(&rows, i, PT_COL_CMD_NUMBER_LIST_NAME),
                  db_text(&rows, i, PT_COL_CMD_NUMBER_LIST_TENANT));
    }
    db_close(&db);

    return rc;
}


static int
number_rename(const number_args_t *a)
{
    int  rc;
    db_t db;

    if (a->name == NULL && a->display == NULL) {
        cmd_error("--name or --display is missing, see \"pytake help\"");
        return CMD_USAGE;
    }

    if ((rc = number_texts(a)) != 0 || (rc = number_open(a, &db)) != 0) {
        return rc;
    }
    PT_SQL(db_sql(&db), cmd_number_rename,
           .phone_number_id = db_str(a->phone_number_id),
           .name = db_str(a->name), .display = db_str(a->display));

    return number_change(a, &db, "number.rename", "is renamed");
}


/* Gone at once.  The purge of jobs.h deletes its conversations. */
static int
number_remove(const number_args_t *a)
{
    int  rc;
    db_t db;

    if (a->phone_number_id != NULL && !a->yes) {
        cmd_error("the number %s would be deleted with its conversations and "
                  "their messages, and nothing brings them back but a backup "
                  "- say --yes if that is what you want",
                  a->phone_number_id);
        return CMD_USAGE;
    }

    rc = number_open(a, &db);
    if (rc != 0) {
        return rc;
    }
    PT_SQL(db_sql(&db), cmd_number_remove,
           .phone_number_id = db_str(a->phone_number_id));

    return number_change(a, &db, "number.remove",
                         "is removed: nothing is taken or sent any more; "
                         "\"pytake serve\" deletes its conversations, step "
                         "by step");
}


static int
number_open(const number_args_t *a, db_t *db)
{
    int rc = cmd_need(a->phone_number_id, "phone-number-id");

    return rc != 0 ? rc : cmd_connect(a->cmd, db, 0, CMD_AS_SERVICE);
}


/* Runs the change of db_sql(), which gives the number, and closes the
 * connection. */
static int
number_change(const number_args_t *a, db_t *db, const char *action,
              const char *told)
{
    int           rc = 0;
    pt_uuid_t     tenant, id;
    pytake_rows_t rows;

    if (db_do(db, "BEGIN") != PT_OK || db_run(db, &rows) != PT_OK) {
        rc = cmd_db_error(db, "cannot change the number");
    } else if (!number_is_there(a, &rows, &tenant, &id)) {
        rc = CMD_FAILED;
    } else if (cmd_audit(db, &tenant, action, &id) != PT_OK
               || db_do(db, "COMMIT") != PT_OK)
    {
        rc = cmd_db_error(db, "cannot change the number");
    } else {
        cmd_print("%s %s", a->phone_number_id, told);
    }
    db_close(db);

    return rc;
}


/* False after a message. */
static bool
number_is_there(const number_args_t *a, const pytake_rows_t *rows,
                pt_uuid_t *tenant, pt_uuid_t *id)
{
    if (pt_cell_uuid(rows, 0, PT_COL_CMD_NUMBER_TENANT_ID, tenant)
        && pt_cell_uuid(rows, 0, PT_COL_CMD_NUMBER_ID, id))
    {
        return true;
    }
    cmd_error("there is no number %s, see \"pytake number list\"",
              a->phone_number_id);

    return false;
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
number_sealed(const number_args_t *a, const pt_uuid_t *tenant,
              const pt_uuid_t *config, pt_str_t *out)
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
