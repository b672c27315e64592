/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pytake demo: two companies to try things with.  Run again it changes
 * nothing; passwords are made once and kept in the state file.
 */

#include "demo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define DEMO_STATE_MAX 65536
#define DEMO_PRINT_MAX (64u * 1024 * 1024)

static int  demo_state_read(cmd_t *c, const char *path,
                            demo_tenant_t tenants[DEMO_TENANTS]);
static void demo_secret(const pt_json_t *kept, const char *key, char *out,
                        size_t len);
static int  demo_state_write(cmd_t *c, const char *path,
                             const demo_tenant_t tenants[DEMO_TENANTS]);
static int  demo_file_write(const char *path, pt_str_t text);
static int demo_people(cmd_t *c, db_t *db, demo_tenant_t tenants[DEMO_TENANTS]);
static int demo_tenant(db_t *db, const demo_cast_t *cast, demo_tenant_t *t);
static int demo_number(cmd_t *c, db_t *db, const demo_cast_t *cast,
                       demo_tenant_t *t);
static int demo_user(db_t *db, const demo_cast_t *cast, demo_tenant_t *t,
                     int i);
static int demo_find(db_t *db, const char *email, pytake_rows_t *out);
static int demo_print(cmd_t *c, db_t *db,
                      const demo_tenant_t tenants[DEMO_TENANTS]);
static void demo_json_str(pt_jw_t *w, const char *key, const char *value);
static void demo_json_id(pt_jw_t *w, const char *key, const pt_uuid_t *id);


int
cmd_demo(cmd_t *c, int argc, char **argv)
{
    int           rc;
    db_t          db;
    const char   *state = NULL;
    demo_tenant_t tenants[DEMO_TENANTS];

    const cmd_option_t options[] = { { "state", &state, NULL } };

    rc = cmd_options(c, argc, argv, options, 1, NULL, 0);
    if (rc != 0 || (rc = cmd_need(state, "state")) != 0) {
        return rc;
    }

    memset(tenants, 0, sizeof(tenants));

    rc = cmd_connect(c, &db, CONF_NEED_KEY, CMD_AS_SERVICE);
    if (rc != 0) {
        return rc;
    }

    /* the state first: a password that is not kept helps nobody */
    if ((rc = demo_state_read(c, state, tenants)) != 0
        || (rc = demo_state_write(c, state, tenants)) != 0
        || (rc = demo_people(c, &db, tenants)) != 0
        || (rc = demo_play(c, &db, tenants)) != 0)
    {
        db_close(&db);
        return rc;
    }

    rc = demo_print(c, &db, tenants);
    db_close(&db);

    return rc;
}


/* What the file knows; the rest is made now. */
static int
demo_state_read(cmd_t *c, const char *path, demo_tenant_t tenants[DEMO_TENANTS])
{
    int            i, k, rc;
    pt_str_t       text;
    pt_json_t     *root = NULL;
    demo_tenant_t *t;

    if (access(path, F_OK) == 0) {
        rc = cmd_read_file(c, path, DEMO_STATE_MAX, &text);
        if (rc != 0) {
            return rc;
        }
        if (pt_json_parse(c->arena, text, &pt_json_limits_api, &root) != PT_OK)
        {
            return cmd_error("\"%s\" is not the state of a demo: remove it",
                             path);
        }
    }

    for (i = 0; i < DEMO_TENANTS; i++) {
        t = &tenants[i];
        demo_secret(pt_json_find(root, "access_tokens"),
                    demo_cast[i].phone_number_id, t->access_token,
                    DEMO_TOKEN_LEN);

        for (k = 0; k < DEMO_ROLES; k++) {
            snprintf(t->users[k].email, sizeof(t->users[k].email), "%s@%s",
                     demo_roles[k], demo_cast[i].domain);
            demo_secret(pt_json_find(root, "passwords"), t->users[k].email,
                        t->users[k].password, CMD_PASSWORD_LEN);
        }
    }

    return 0;
}


static void
demo_secret(const pt_json_t *kept, const char *key, char *out, size_t len)
{
    uint8_t  rnd[DEMO_TOKEN_LEN / 2];
    pt_str_t s;

    if (pt_json_find_str(kept, key, &s) && s.len == len
        && memchr(s.data, '\0', len) == NULL)
    {
        memcpy(out, s.data, len);
        out[len] = '\0';
    } else if (len == CMD_PASSWORD_LEN) {
        cmd_password_make(out);
    } else {
        cmd_random(rnd, sizeof(rnd));
        pt_hex_build(rnd, sizeof(rnd), out);
        out[len] = '\0';
    }
}


static int
demo_state_write(cmd_t *c, const char *path,
                 const demo_tenant_t tenants[DEMO_TENANTS])
{
    int      i, k;
    pt_jw_t  w;
    pt_buf_t b;
    pt_str_t text;

    pt_buf_init(&b, c->arena, DEMO_STATE_MAX);
    pt_jw_init(&w, &b);
    pt_jw_object(&w);

    pt_jw_key(&w, "passwords");
    pt_jw_object(&w);
    for (i = 0; i < DEMO_TENANTS; i++) {
        for (k = 0; k < DEMO_ROLES; k++) {
            demo_json_str(&w, tenants[i].users[k].email,
                          tenants[i].users[k].password);
        }
    }
    pt_jw_object_end(&w);

    pt_jw_key(&w, "access_tokens");
    pt_jw_object(&w);
    for (i = 0; i < DEMO_TENANTS; i++) {
        demo_json_str(&w, demo_cast[i].phone_number_id,
                      tenants[i].access_token);
    }
    pt_jw_object_end(&w);

    pt_jw_object_end(&w);
    pt_buf_char(&b, '\n');

    if (pt_buf_get(&b, &text) != PT_OK) {
        return cmd_no_memory();
    }

    return demo_file_write(path, text);
}


/* Whole or not at all, for the owner's eyes. */
static int
demo_file_write(const char *path, pt_str_t text)
{
    int  fd;
    char tmp[4096];

    if (snprintf(tmp, sizeof(tmp), "%s.new", path) >= (int) sizeof(tmp)) {
        return cmd_error("the path \"%.60s...\" is too long", path);
    }

    fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return cmd_error("cannot write \"%s\": %s", tmp, strerror(errno));
    }

    if (write(fd, text.data, text.len) != (ssize_t) text.len || fsync(fd) != 0)
    {
        close(fd);
        unlink(tmp);
        return cmd_error("cannot write \"%s\": %s", tmp, strerror(errno));
    }
    close(fd);

    if (rename(tmp, path) != 0) {
        unlink(tmp);
        return cmd_error("cannot write \"%s\": %s", path, strerror(errno));
    }

    return 0;
}


static int
demo_people(cmd_t *c, db_t *db, demo_tenant_t tenants[DEMO_TENANTS])
{
    int i, k, rc;

    pt_q_demo_lock(db_sql(db));
    if (db_do(db, "BEGIN") != PT_OK || db_run(db, NULL) != PT_OK) {
        return cmd_db_error(db, "cannot begin");
    }

    for (i = 0; i < DEMO_TENANTS; i++) {
        if ((rc = demo_tenant(db, &demo_cast[i], &tenants[i])) != 0
            || (rc = demo_number(c, db, &demo_cast[i], &tenants[i])) != 0)
        {
            return rc;
        }

        for (k = 0; k < DEMO_ROLES; k++) {
            rc = demo_user(db, &demo_cast[i], &tenants[i], k);
            if (rc != 0) {
                return rc;
            }
        }
    }

    if (db_do(db, "COMMIT") != PT_OK) {
        return cmd_db_error(db, "cannot keep the demo's people");
    }

    return 0;
}


/* A demo's tenant is known by its owner's address. */
static int
demo_tenant(db_t *db, const demo_cast_t *cast, demo_tenant_t *t)
{
    int           rc;
    pytake_rows_t rows;

    rc = demo_find(db, t->users[0].email, &rows);
    if (rc != 0
        || pt_cell_uuid(&rows, 0, PT_COL_DEMO_USER_FIND_TENANT_ID, &t->id)) {
        return rc;
    }

    cmd_uuid(&t->id);
    PT_SQL(db_sql(db), cmd_tenant_add, .id = &t->id,
           .name = db_str(cast->name));
    if (db_run(db, NULL) != PT_OK) {
        return cmd_db_error(db, "cannot add the demo's tenant");
    }

    return 0;
}


static int
demo_number(cmd_t *c, db_t *db, const demo_cast_t *cast, demo_tenant_t *t)
{
    pt_str_t      sealed;
    pytake_rows_t rows;

    PT_SQL(db_sql(db), cmd_number_find,
           .phone_number_id = db_str(cast->phone_number_id));
    if (db_run(db, &rows) != PT_OK) {
        return cmd_db_error(db, "cannot read the demo's people");
    }

    if (!pt_cell_uuid(&rows, 0, PT_COL_CMD_NUMBER_ID, &t->config_id)) {
        cmd_uuid(&t->config_id);
    }

    if (cmd_token_seal(c, &t->id, &t->config_id,
                       (pt_str_t){ t->access_token, DEMO_TOKEN_LEN }, &sealed)
        != PT_OK)
    {
        return cmd_error("the demo's token cannot be sealed");
    }

    PT_SQL(db_sql(db), demo_number_put, .tenant_id = &t->id,
           .id = &t->config_id, .name = db_str(cast->name),
           .phone_number_id = db_str(cast->phone_number_id),
           .waba_id = db_str(cast->waba_id), .display = db_str(cast->display),
           .token = sealed);
    if (db_run(db, NULL) != PT_OK) {
        return cmd_db_error(db, "cannot add the demo's number");
    }

    return 0;
}


static int
demo_user(db_t *db, const demo_cast_t *cast, demo_tenant_t *t, int i)
{
    int           rc;
    char          phc[CMD_PHC_MAX];
    demo_user_t  *u = &t->users[i];
    pt_str_t      password = { u->password, CMD_PASSWORD_LEN };
    pytake_rows_t rows;

    rc = demo_find(db, u->email, &rows);
    if (rc != 0) {
        return rc;
    }

    if (!pt_cell_uuid(&rows, 0, PT_COL_DEMO_USER_FIND_ID, &u->id)) {
        cmd_uuid(&u->id);
    } else if (cmd_password_is(
                   password,
                   db_text(&rows, 0, PT_COL_DEMO_USER_FIND_PASSWORD_HASH)))
    {
        return 0;
    }

    if (cmd_password_hash(password, phc) != PT_OK) {
        return cmd_no_memory();
    }

    PT_SQL(db_sql(db), demo_user_put, .tenant_id = &t->id, .id = &u->id,
           .email = db_str(u->email), .name = db_str(cast->people[i]),
           .role = db_str(demo_roles[i]), .password_hash = db_str(phc));
    if (db_run(db, NULL) != PT_OK) {
        return cmd_db_error(db, "cannot add the demo's user");
    }

    return 0;
}


static int
demo_find(db_t *db, const char *email, pytake_rows_t *out)
{
    PT_SQL(db_sql(db), demo_user_find, .email = db_str(email));
    if (db_run(db, out) != PT_OK) {
        return cmd_db_error(db, "cannot read the demo's people");
    }

    return 0;
}


/* demo.json's "tenants", and their customers for the simulator. */
static int
demo_print(cmd_t *c, db_t *db, const demo_tenant_t tenants[DEMO_TENANTS])
{
    int                  i, k, rc;
    pt_jw_t              w;
    pt_buf_t             b;
    pt_str_t             text;
    const demo_tenant_t *t;

    pt_buf_init(&b, c->arena, DEMO_PRINT_MAX);
    pt_jw_init(&w, &b);
    pt_jw_array(&w);

    for (i = 0; i < DEMO_TENANTS; i++) {
        t = &tenants[i];
        pt_jw_object(&w);
        demo_json_id(&w, "id", &t->id);
        demo_json_str(&w, "name", demo_cast[i].name);
        demo_json_id(&w, "whatsapp_config_id", &t->config_id);
        demo_json_str(&w, "phone_number_id", demo_cast[i].phone_number_id);
        demo_json_str(&w, "display_phone_number", demo_cast[i].display);

        pt_jw_key(&w, "users");
        pt_jw_array(&w);
        for (k = 0; k < DEMO_ROLES; k++) {
            pt_jw_object(&w);
            demo_json_id(&w, "id", &t->users[k].id);
            demo_json_str(&w, "email", t->users[k].email);
            demo_json_str(&w, "password", t->users[k].password);
            demo_json_str(&w, "role", demo_roles[k]);
            pt_jw_object_end(&w);
        }
        pt_jw_array_end(&w);
        rc = demo_phones(db, t, &w);
        if (rc != 0) {
            return rc;
        }
        pt_jw_object_end(&w);
    }
    pt_jw_array_end(&w);

    if (pt_buf_get(&b, &text) != PT_OK) {
        return cmd_no_memory();
    }
    printf("%.*s\n", (int) text.len, text.data);

    return CMD_OK;
}


static void
demo_json_str(pt_jw_t *w, const char *key, const char *value)
{
    pt_jw_key(w, key);
    pt_jw_str(w, (pt_str_t){ value, strlen(value) });
}


static void
demo_json_id(pt_jw_t *w, const char *key, const pt_uuid_t *id)
{
    pt_jw_key(w, key);
    pt_jw_uuid(w, id);
}
