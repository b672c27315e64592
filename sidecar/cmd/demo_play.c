/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * What is said in the demo: signed webhooks and agents' answers, given to
 * the core as a worker would.
 */

#include "demo_play.h"

#include <stdio.h>

#define DEMO_ARRIVES_US 1200000 /* after it was said */
#define DEMO_SENT_US 900000
#define DEMO_DELIVERED_US 2100000
#define DEMO_READ_US 40000000
#define DEMO_OLDEST_MIN 1435 /* days before yesterday have no partition */

static int     demo_play_is_there(demo_play_t *t, bool *there);
static int     demo_play_begin(demo_play_t *t);
static int     demo_play_tenant(demo_play_t *t);
static int64_t demo_play_time(const demo_play_t *t, int minutes_ago);
static int     demo_play_keep(demo_play_t *t);
static int     demo_play_bearer(demo_play_t *t, int role, int64_t now_us,
                                pt_str_t *out);
static int  demo_play_in(demo_play_t *t, const demo_line_t *l, int64_t now_us);
static bool demo_play_part(const demo_play_t *t, const demo_line_t *l,
                           pt_jw_t *w);
static int  demo_play_out(demo_play_t *t, const demo_line_t *l, int64_t now_us);
static int  demo_play_answer(demo_play_t *t, const demo_line_t *l,
                             pt_str_t *out);
static int  demo_play_fate(demo_play_t *t, const demo_line_t *l, pt_str_t id,
                           int64_t now_us);
static int  demo_play_leave(demo_play_t *t, const demo_contact_t *k);
static int  demo_play_conversation(demo_play_t *t, const demo_contact_t *k,
                                   pt_uuid_t *id);
static int  demo_play_retype(demo_play_t *t, pt_str_t id);
static void demo_play_template(pt_jw_t *w, const char *name);


int
demo_play(cmd_t *c, db_t *db, const demo_tenant_t tenants[DEMO_TENANTS])
{
    int         i, rc;
    bool        there = false;
    demo_play_t t;

    memset(&t, 0, sizeof(t));
    t.cmd = c;
    t.db = db;
    t.now_us = cmd_now_us();

    rc = demo_play_begin(&t);

    for (i = 0; rc == 0 && i < DEMO_TENANTS; i++) {
        t.which = i;
        t.cast = &demo_cast[i];
        t.tenant = &tenants[i];
        rc = demo_play_is_there(&t, &there);
        if (rc == 0 && !there) {
            rc = demo_play_tenant(&t);
        }
    }

    pytake_del(t.pt);
    db_close(&t.app);

    return rc;
}


static int
demo_play_is_there(demo_play_t *t, bool *there)
{
    pytake_rows_t rows;

    PT_SQL(db_sql(t->db), demo_is_there, .tenant_id = &t->tenant->id);
    if (db_run(t->db, &rows) != PT_OK) {
        return cmd_db_error(t->db, "cannot look at the demo");
    }
    *there = pt_cell_bool(&rows, 0, PT_COL_DEMO_IS_THERE_THERE);

    return 0;
}


/* Secrets of this run alone: nobody else's tokens or signatures are used. */
static int
demo_play_begin(demo_play_t *t)
{
    uint8_t       jwt[DEMO_SECRET_LEN];
    pytake_conf_t conf;

    if (db_open(&t->app, t->cmd->conf.database_url, t->cmd->conf.role_app,
                DB_QUERY_TIMEOUT_MS)
        != PT_OK)
    {
        return cmd_db_error(&t->app, "cannot use the database");
    }

    cmd_random(jwt, sizeof(jwt));
    cmd_random(t->secret, sizeof(t->secret));

    memset(&conf, 0, sizeof(conf));
    conf.mem = mem_heap;
    conf.jwt_secret = (pt_str_t){ (const char *) jwt, sizeof(jwt) };
    conf.webhook_secret =
        (pt_str_t){ (const char *) t->secret, sizeof(t->secret) };
    conf.access_lifetime_s = 86400;
    conf.refresh_lifetime_s = 2 * 86400;

    return pytake_new(&conf, &t->pt) == PT_OK ? 0 : cmd_no_memory();
}


static int
demo_play_tenant(demo_play_t *t)
{
    int                   i, rc;
    int64_t               op_us;
    const demo_line_t    *l = demo_script_lines[t->which];
    const demo_contact_t *k = demo_script_contacts[t->which];

    memset(t->bearers, 0, sizeof(t->bearers));

    rc = demo_play_keep(t);

    for (i = 0; rc == 0 && i < DEMO_LINES_MAX && l[i].text != NULL; i++) {
        op_us = demo_play_time(t, l[i].minutes_ago < DEMO_OLDEST_MIN
                                      ? l[i].minutes_ago
                                      : DEMO_OLDEST_MIN);
        rc = l[i].kind == DEMO_IN ? demo_play_in(t, &l[i], op_us)
                                  : demo_play_out(t, &l[i], op_us);
    }

    for (i = 0; rc == 0 && i < DEMO_CONTACTS_MAX && k[i].name != NULL; i++) {
        rc = demo_play_leave(t, &k[i]);
    }

    for (i = 0; rc == 0 && i < DEMO_ROLES; i++) {
        if (t->bearers[i].data != NULL) {
            rc = demo_send_post(t, "/api/v1/auth/logout", PT_STR_NULL,
                                t->bearers[i], 204, t->now_us, NULL);
        }
    }

    return rc;
}


static int64_t
demo_play_time(const demo_play_t *t, int minutes_ago)
{
    return t->now_us - (int64_t) minutes_ago * 60000000;
}


/* Tags and quick replies, which were there before the first customer. */
static int
demo_play_keep(demo_play_t *t)
{
    int                i, rc;
    int64_t            now_us = demo_play_time(t, DEMO_OLDEST_MIN);
    pt_str_t           bearer;
    const demo_post_t *p = demo_script_posts[t->which];

    rc = demo_play_bearer(t, DEMO_ADMIN, now_us, &bearer);

    for (i = 0; rc == 0 && i < DEMO_POSTS_MAX && p[i].path != NULL; i++) {
        rc = demo_send_post(t, p[i].path,
                            (pt_str_t){ p[i].body, strlen(p[i].body) }, bearer,
                            201, now_us, NULL);
    }

    return rc;
}


/* Somebody of this role, logged in when they are first needed. */
static int
demo_play_bearer(demo_play_t *t, int role, int64_t now_us, pt_str_t *out)
{
    int                rc;
    pt_jw_t            w;
    pt_buf_t           b;
    pt_str_t           body, token;
    pt_json_t         *answer;
    const demo_user_t *u = &t->tenant->users[role];

    *out = t->bearers[role];
    if (out->data != NULL) {
        return 0;
    }

    pt_buf_init(&b, t->cmd->arena, DEMO_BODY_MAX);
    pt_jw_init(&w, &b);
    pt_jw_object(&w);
    demo_send_str(&w, "email", u->email);
    demo_send_str(&w, "password", u->password);
    pt_jw_object_end(&w);

    if (pt_buf_get(&b, &body) != PT_OK) {
        return cmd_no_memory();
    }

    rc = demo_send_post(t, "/api/v1/auth/login", body, PT_STR_NULL, 200, now_us,
                        &answer);
    if (rc != 0) {
        return rc;
    }

    if (!pt_json_find_str(answer, "access_token", &token)
        || pt_arena_fmt(t->cmd->arena, out, "Bearer %.*s", (int) token.len,
                        token.data)
               != PT_OK)
    {
        return cmd_error("the demo's %s cannot log in", demo_roles[role]);
    }
    t->bearers[role] = *out;

    return 0;
}


/* What a customer wrote; now_us: when it came in. */
static int
demo_play_in(demo_play_t *t, const demo_line_t *l, int64_t now_us)
{
    char                  seconds[24];
    pt_jw_t               w;
    pt_buf_t              b;
    pt_str_t              wamid;
    const demo_contact_t *k = &demo_script_contacts[t->which][l->contact];

    if (demo_send_wamid(t, l, &wamid) != PT_OK) {
        return cmd_no_memory();
    }
    snprintf(seconds, sizeof(seconds), "%lld",
             (long long) (demo_play_time(t, l->minutes_ago) / 1000000));

    demo_send_body_begin(t, &b, &w);

    pt_jw_key(&w, "contacts");
    pt_jw_array(&w);
    pt_jw_object(&w);
    pt_jw_key(&w, "profile");
    pt_jw_object(&w);
    demo_send_str(&w, "name", k->name);
    demo_send_str(&w, "username", k->username);
    pt_jw_object_end(&w);
    demo_send_str(&w, "wa_id", k->wa_id);
    demo_send_str(&w, "user_id", k->user_id);
    pt_jw_object_end(&w);
    pt_jw_array_end(&w);

    pt_jw_key(&w, "messages");
    pt_jw_array(&w);
    pt_jw_object(&w);
    demo_send_str(&w, "from", k->wa_id);
    demo_send_str(&w, "from_user_id", k->user_id);
    pt_jw_key(&w, "id");
    pt_jw_str(&w, wamid);
    demo_send_str(&w, "timestamp", seconds);
    if (!demo_play_part(t, l, &w)) {
        return cmd_no_memory();
    }
    pt_jw_object_end(&w);
    pt_jw_array_end(&w);

    return demo_send_webhook(t, &b, &w, now_us + DEMO_ARRIVES_US);
}


/* The object of its type, and what it quotes. */
static bool
demo_play_part(const demo_play_t *t, const demo_line_t *l, pt_jw_t *w)
{
    pt_str_t    quoted = PT_STR_NULL;
    const char *type = l->type == NULL ? "text" : l->type;
    bool        reacts = strcmp(type, "reaction") == 0;

    if (l->quotes != 0 && demo_send_wamid(t, l - l->quotes, &quoted) != PT_OK) {
        return false;
    }

    demo_send_str(w, "type", type);
    pt_jw_key(w, type);

    if (l->type == NULL || reacts) {
        pt_jw_object(w);
        demo_send_str(w, reacts ? "emoji" : "body", l->text);
        if (reacts) {
            pt_jw_key(w, "message_id");
            pt_jw_str(w, quoted);
        }
        pt_jw_object_end(w);
    } else {
        pt_jw_raw(w, (pt_str_t){ l->text, strlen(l->text) });
    }

    if (quoted.data != NULL && !reacts) {
        pt_jw_key(w, "context");
        pt_jw_object(w);
        pt_jw_key(w, "id");
        pt_jw_str(w, quoted);
        pt_jw_object_end(w);
    }

    return true;
}


/* An answer, and what WhatsApp then says of it. */
static int
demo_play_out(demo_play_t *t, const demo_line_t *l, int64_t now_us)
{
    int                   rc;
    char                  text[PT_UUID_LEN + 1], path[128];
    pt_str_t              bearer, body, id;
    pt_json_t            *answer;
    pt_uuid_t             conv;
    const demo_contact_t *k = &demo_script_contacts[t->which][l->contact];

    rc = demo_play_conversation(t, k, &conv);
    if (rc == 0) {
        rc = demo_play_bearer(t, k->assigned < 0 ? DEMO_AGENT : k->assigned,
                              now_us, &bearer);
    }
    if (rc == 0) {
        rc = demo_play_answer(t, l, &body);
    }
    if (rc != 0) {
        return rc;
    }
    cmd_uuid_text(&conv, text);
    snprintf(path, sizeof(path), "/api/v1/conversations/%s/messages", text);

    rc = demo_send_post(t, path, body, bearer, 201, now_us, &answer);
    if (rc != 0) {
        return rc;
    }
    if (!pt_json_find_str(answer, "id", &id)) {
        return cmd_error("the demo's answer has no id");
    }

    if (l->type != NULL) {
        rc = demo_play_retype(t, id);
    }

    return rc == 0 ? demo_play_fate(t, l, id, now_us) : rc;
}


static int
demo_play_answer(demo_play_t *t, const demo_line_t *l, pt_str_t *out)
{
    pt_jw_t       w;
    pt_buf_t      b;
    pt_str_t      wamid;
    pt_uuid_t     id;
    pytake_rows_t rows;

    pt_buf_init(&b, t->cmd->arena, DEMO_BODY_MAX);
    pt_jw_init(&w, &b);
    pt_jw_object(&w);
    demo_send_str(&w, "content", l->text);
    if (l->type != NULL) {
        demo_play_template(&w, l->type);
    }

    if (l->quotes != 0) {
        if (demo_send_wamid(t, l - l->quotes, &wamid) != PT_OK) {
            return cmd_no_memory();
        }
        PT_SQL(db_sql(t->db), demo_message, .tenant_id = &t->tenant->id,
               .wamid = wamid);
        if (db_run(t->db, &rows) != PT_OK) {
            return cmd_db_error(t->db, "cannot find what the demo quotes");
        }
        (void) pt_cell_uuid(&rows, 0, PT_COL_DEMO_MESSAGE_ID, &id);
        pt_jw_key(&w, "reply_to");
        pt_jw_uuid(&w, &id);
    }
    pt_jw_object_end(&w);

    return pt_buf_get(&b, out) == PT_OK ? 0 : cmd_no_memory();
}


static void
demo_play_template(pt_jw_t *w, const char *name)
{
    pt_jw_key(w, "metadata");
    pt_jw_object(w);
    pt_jw_key(w, "template");
    pt_jw_object(w);
    demo_send_str(w, "name", name);
    pt_jw_key(w, "language");
    pt_jw_object(w);
    demo_send_str(w, "code", "pt_BR");
    pt_jw_object_end(w);
    pt_jw_object_end(w);
    pt_jw_object_end(w);
}


static int
demo_play_retype(demo_play_t *t, pt_str_t id)
{
    pt_uuid_t uuid;

    if (!pt_uuid_parse(id, &uuid)) {
        return cmd_error("the demo's answer has no id");
    }

    PT_SQL(db_sql(t->db), demo_retype, .tenant_id = &t->tenant->id,
           .id = &uuid);
    if (db_run(t->db, NULL) != PT_OK) {
        return cmd_db_error(t->db, "cannot keep the demo's template");
    }

    return 0;
}


/* What WhatsApp says of an answer, in order. */
static int
demo_play_fate(demo_play_t *t, const demo_line_t *l, pt_str_t id,
               int64_t now_us)
{
    int rc;

    if (l->kind == DEMO_UNDELIVERABLE || l->kind == DEMO_REENGAGE) {
        return demo_send_status(t, l, "failed", id, now_us + DEMO_SENT_US);
    }

    rc = demo_send_status(t, l, "sent", id, now_us + DEMO_SENT_US);
    if (rc == 0 && l->kind >= DEMO_DELIVERED) {
        rc =
            demo_send_status(t, l, "delivered", id, now_us + DEMO_DELIVERED_US);
    }
    if (rc == 0 && l->kind >= DEMO_READ) {
        rc = demo_send_status(t, l, "read", id, now_us + DEMO_READ_US);
    }

    return rc;
}


/* Assigned, read, tagged, closed: for the API has no such operations yet. */
static int
demo_play_leave(demo_play_t *t, const demo_contact_t *k)
{
    int       rc;
    pt_uuid_t conv;

    rc = demo_play_conversation(t, k, &conv);
    if (rc != 0) {
        return rc;
    }

    PT_SQL(db_sql(t->db), demo_leave, .tenant_id = &t->tenant->id, .id = &conv,
           .closed = k->closed, .seen = k->seen,
           .assigned_to =
               k->assigned < 0 ? NULL : &t->tenant->users[k->assigned].id,
           .tags = db_str(k->tags));
    if (db_run(t->db, NULL) != PT_OK) {
        return cmd_db_error(t->db, "cannot leave the demo's conversation");
    }

    return 0;
}


static int
demo_play_conversation(demo_play_t *t, const demo_contact_t *k, pt_uuid_t *id)
{
    pytake_rows_t rows;

    PT_SQL(db_sql(t->db), demo_conversation, .tenant_id = &t->tenant->id,
           .kind = db_str(k->wa_id != NULL ? "phone" : "bsuid"),
           .value = db_str(k->wa_id != NULL ? k->wa_id : k->user_id));
    if (db_run(t->db, &rows) != PT_OK) {
        return cmd_db_error(t->db, "cannot find the demo's conversation");
    }

    if (rows.nrows != 1) {
        return cmd_error("the demo's conversation is not there");
    }
    (void) pt_cell_uuid(&rows, 0, PT_COL_DEMO_CONVERSATION_ID, id);

    return 0;
}
