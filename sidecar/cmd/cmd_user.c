/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pytake user add|list|deactivate|activate|password.
 */

#include "cmd.h"

#include <stdio.h>

#define USER_PASSWORD_MIN 10 /* bytes */

typedef struct {
    cmd_t      *cmd;
    const char *tenant;
    const char *email;
    const char *name;
    const char *role;
    bool        from_stdin;
} user_args_t;

static int user_add(const user_args_t *u);
static int user_add_checked(const user_args_t *u, pt_str_t password, bool made);
static int user_list(const user_args_t *u);
static int user_deactivate(const user_args_t *u);
static int user_activate(const user_args_t *u);
static int user_active_set(const user_args_t *u, bool active);
static int user_password(const user_args_t *u);
static int user_password_get(const user_args_t *u, pt_str_t *out, bool *made);
static int user_change(const user_args_t *u, db_t *db, const char *action);
static bool user_role_is(const char *role);
static int  user_email_get(user_args_t *u);
static bool user_email_is(const char *email);

static const struct {
    const char *name;
    int (*run)(const user_args_t *u);
    bool needs_email;
} user_commands[] = {
    { "add", user_add, true },
    { "list", user_list, false },
    { "deactivate", user_deactivate, true },
    { "activate", user_activate, true },
    { "password", user_password, true },
};


int
cmd_user(cmd_t *c, int argc, char **argv)
{
    int         rc;
    size_t      i;
    const char *word = NULL;
    user_args_t u;

    const cmd_option_t options[] = {
        { "tenant", &u.tenant, NULL },
        { "email", &u.email, NULL },
        { "name", &u.name, NULL },
        { "role", &u.role, NULL },
        { "password-stdin", NULL, &u.from_stdin },
    };

    memset(&u, 0, sizeof(u));
    u.cmd = c;

    rc = cmd_options(c, argc, argv, options, PT_COUNT(options), &word, 1);
    if (rc != 0) {
        return rc;
    }

    for (i = 0; word != NULL && i < PT_COUNT(user_commands); i++) {
        if (strcmp(word, user_commands[i].name) == 0) {
            rc = user_commands[i].needs_email ? user_email_get(&u) : 0;
            return rc != 0 ? rc : user_commands[i].run(&u);
        }
    }

    cmd_error("say \"pytake user add\", \"list\", \"deactivate\", "
              "\"activate\" or \"password\"");

    return CMD_USAGE;
}


static int
user_add(const user_args_t *u)
{
    int      rc;
    bool     made;
    pt_str_t password;

    if ((rc = cmd_need(u->tenant, "tenant")) != 0
        || (rc = cmd_need(u->name, "name")) != 0
        || (rc = cmd_need(u->role, "role")) != 0)
    {
        return rc;
    }

    if (!user_role_is(u->role)) {
        cmd_error("--role is not owner, admin, supervisor, agent or viewer");
        return CMD_USAGE;
    }

    if (!user_email_is(u->email)) {
        cmd_error("--email \"%s\" is not an e-mail address", u->email);
        return CMD_USAGE;
    }

    if ((rc = cmd_name_check(u->email, "email")) != 0
        || (rc = cmd_name_check(u->name, "name")) != 0)
    {
        return rc;
    }

    rc = user_password_get(u, &password, &made);

    return rc != 0 ? rc : user_add_checked(u, password, made);
}


static int
user_add_checked(const user_args_t *u, pt_str_t password, bool made)
{
    int           rc;
    char          text[PT_UUID_LEN + 1], phc[CMD_PHC_MAX];
    db_t          db;
    pt_uuid_t     id, tenant;
    pytake_rows_t rows;

    if (cmd_password_hash(password, phc) != PT_OK) {
        return cmd_no_memory();
    }
    cmd_uuid(&id);

    rc = cmd_connect(u->cmd, &db, 0, CMD_AS_SERVICE);
    if (rc != 0) {
        return rc;
    }

    rc = cmd_tenant_find(&db, u->tenant, &tenant);
    if (rc != 0) {
        db_close(&db);
        return rc;
    }

    PT_SQL(db_sql(&db), cmd_user_add, .tenant_id = &tenant, .id = &id,
           .email = db_str(u->email), .name = db_str(u->name),
           .role = db_str(u->role), .password_hash = db_str(phc));

    if (db_do(&db, "BEGIN") != PT_OK || db_run(&db, &rows) != PT_OK
        || cmd_audit(&db, &tenant, "user.add", &id) != PT_OK
        || db_do(&db, "COMMIT") != PT_OK)
    {
        rc = strcmp(db.sqlstate, "23505") == 0
                 ? cmd_error("the e-mail \"%s\" is taken", u->email)
                 : cmd_db_error(&db, "cannot add the user");
    } else {
        cmd_uuid_text(&id, text);
        cmd_print("%s %s", text, db_text(&rows, 0, PT_COL_CMD_USER_ADD_EMAIL));
        if (made) {
            printf("password: %s\n", password.data);
        }
    }
    db_close(&db);

    return rc;
}


static int
user_list(const user_args_t *u)
{
    int           rc;
    db_t          db;
    uint32_t      i;
    pt_uuid_t     tenant;
    pytake_rows_t rows;

    rc = cmd_connect(u->cmd, &db, 0, CMD_AS_SERVICE);
    if (rc != 0) {
        return rc;
    }

    rc = u->tenant == NULL ? 0 : cmd_tenant_find(&db, u->tenant, &tenant);
    if (rc != 0) {
        db_close(&db);
        return rc;
    }

    PT_SQL(db_sql(&db), cmd_user_list,
           .tenant_id = u->tenant == NULL ? NULL : &tenant);
    if (db_run(&db, &rows) != PT_OK) {
        rc = cmd_db_error(&db, "cannot list the users");
    }
    for (i = 0; rc == 0 && i < rows.nrows; i++) {
        cmd_print("%s %-10s %-8s %s \"%s\" (%s)",
                  db_text(&rows, i, PT_COL_CMD_USER_LIST_ID),
                  db_text(&rows, i, PT_COL_CMD_USER_LIST_ROLE),
                  pt_cell_bool(&rows, i, PT_COL_CMD_USER_LIST_ACTIVE)
                      ? "active"
                      : "inactive",
                  db_text(&rows, i, PT_COL_CMD_USER_LIST_EMAIL),
                  db_text(&rows, i, PT_COL_CMD_USER_LIST_NAME),
                  db_text(&rows, i, PT_COL_CMD_USER_LIST_TENANT));
    }
    db_close(&db);

    return rc;
}


static int
user_deactivate(const user_args_t *u)
{
    return user_active_set(u, false);
}


static int
user_activate(const user_args_t *u)
{
    return user_active_set(u, true);
}


static int
user_active_set(const user_args_t *u, bool active)
{
    int  rc;
    db_t db;

    rc = cmd_connect(u->cmd, &db, 0, CMD_AS_SERVICE);
    if (rc != 0) {
        return rc;
    }

    PT_SQL(db_sql(&db), cmd_user_active, .email = db_str(u->email),
           .active = active);
    rc = user_change(u, &db, active ? "user.activate" : "user.deactivate");
    if (rc == 0) {
        printf("%s is %s\n", u->email,
               active ? "active"
                      : "inactive, every session of theirs has ended");
    }
    db_close(&db);

    return rc;
}


static int
user_password(const user_args_t *u)
{
    int      rc;
    bool     made;
    char     phc[CMD_PHC_MAX];
    db_t     db;
    pt_str_t password;

    rc = user_password_get(u, &password, &made);
    if (rc != 0) {
        return rc;
    }

    if (cmd_password_hash(password, phc) != PT_OK) {
        return cmd_no_memory();
    }

    rc = cmd_connect(u->cmd, &db, 0, CMD_AS_SERVICE);
    if (rc != 0) {
        return rc;
    }

    PT_SQL(db_sql(&db), cmd_user_password, .email = db_str(u->email),
           .password_hash = db_str(phc));
    rc = user_change(u, &db, "user.password");
    if (rc == 0 && made) {
        printf("password: %s\n", password.data);
    } else if (rc == 0) {
        printf("%s has a new password, every session of theirs has ended\n",
               u->email);
    }
    db_close(&db);

    return rc;
}


static int
user_password_get(const user_args_t *u, pt_str_t *out, bool *made)
{
    int   rc;
    char *p;

    *made = !u->from_stdin;

    if (u->from_stdin) {
        rc = cmd_read_file(u->cmd, "-", PT_PASSWORD_MAX, out);
        if (rc == 0 && (out->len < USER_PASSWORD_MIN || !pt_utf8_is(*out))) {
            return cmd_error("the password is not UTF-8 of %d bytes or more",
                             USER_PASSWORD_MIN);
        }
        return rc;
    }

    p = pt_arena_alloc(u->cmd->arena, CMD_PASSWORD_LEN + 1);
    if (p == NULL) {
        return cmd_no_memory();
    }
    cmd_password_make(p);
    *out = (pt_str_t){ p, CMD_PASSWORD_LEN };

    return 0;
}


/* Runs the change of db_sql(), which gives whom it changed. */
static int
user_change(const user_args_t *u, db_t *db, const char *action)
{
    pt_uuid_t     tenant, id;
    pytake_rows_t rows;

    if (db_do(db, "BEGIN") != PT_OK || db_run(db, &rows) != PT_OK) {
        return cmd_db_error(db, "cannot change the user");
    }

    if (!pt_cell_uuid(&rows, 0, PT_COL_CMD_USER_TENANT_ID, &tenant)
        || !pt_cell_uuid(&rows, 0, PT_COL_CMD_USER_ID, &id))
    {
        return cmd_error("there is no user \"%s\", see \"pytake user list\"",
                         u->email);
    }

    if (cmd_audit(db, &tenant, action, &id) != PT_OK
        || db_do(db, "COMMIT") != PT_OK)
    {
        return cmd_db_error(db, "cannot change the user");
    }

    return 0;
}


static bool
user_role_is(const char *role)
{
    size_t i;

    static const char *const roles[] = { "owner", "admin", "supervisor",
                                         "agent", "viewer" };

    for (i = 0; i < PT_COUNT(roles); i++) {
        if (strcmp(role, roles[i]) == 0) {
            return true;
        }
    }

    return false;
}


/* Without the blanks around it; others than ASCII's the database takes off. */
static int
user_email_get(user_args_t *u)
{
    int      rc;
    pt_str_t s, trimmed;

    rc = cmd_need(u->email, "email");
    if (rc != 0) {
        return rc;
    }

    s = (pt_str_t){ u->email, strlen(u->email) };
    while (s.len > 0 && (unsigned char) s.data[s.len - 1] <= ' ') {
        s.len--;
    }
    while (s.len > 0 && (unsigned char) s.data[0] <= ' ') {
        s.data++;
        s.len--;
    }
    if (pt_arena_dup(u->cmd->arena, s, &trimmed) != PT_OK) {
        return cmd_no_memory();
    }
    u->email = trimmed.data;

    return 0;
}


/* One "@" between something and something, no blanks. */
static bool
user_email_is(const char *email)
{
    size_t      i, len = strlen(email);
    const char *at = strchr(email, '@');

    for (i = 0; i < len; i++) {
        if ((unsigned char) email[i] <= ' ' || email[i] == 127) {
            return false;
        }
    }

    return len <= PT_EMAIL_MAX && at != NULL && at != email && at[1] != '\0'
           && strchr(at + 1, '@') == NULL
           && pt_utf8_is((pt_str_t){ email, len });
}
