/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_proto.c: the frames with "type" (realtime.md, section 6), in and out.
 */

#include <stdlib.h>

#include "hub_int.h"

#define HUB_SCRATCH_MAX (256u * 1024)

static void hub_proto_frame(hub_conn_t *c, pt_arena_t *a,
    const pt_json_t *root);
static void hub_proto_malformed(hub_conn_t *c);
static void hub_proto_auth(hub_conn_t *c, pt_arena_t *a,
    const pt_json_t *root);
static void hub_proto_refresh(hub_conn_t *c, const pt_claims_t *claims);
static bool hub_proto_since(hub_conn_t *c, const pt_json_t *root);
static void hub_proto_watch(hub_conn_t *c, const pt_json_t *root, bool on);
static void hub_proto_type(hub_conn_t *c, const pt_json_t *root, bool start);
static void hub_proto_spread(hub_conn_t *c, pt_str_t json);
static void hub_proto_pong(hub_conn_t *c);
static void hub_proto_error(hub_conn_t *c, const char *code,
    const char *message);
static void hub_proto_since_write(pt_jw_t *w, int64_t seq,
    const pt_uuid_t *id);
static bool hub_proto_done(hub_conn_t *c, pt_arena_t *a, pt_buf_t *b);
static pt_arena_t *hub_proto_begin(hub_t *h, pt_buf_t *b, pt_jw_t *w);

static const pt_json_limits_t hub_json_limits = { 8, 256, 64 };


void
hub_proto_text(hub_conn_t *c, pt_str_t text)
{
    pt_err_t    err;
    pt_arena_t *a;
    pt_json_t  *root;

    a = pt_arena_new(&c->hub->conf.mem, HUB_SCRATCH_MAX);

    if (a == NULL) {
        hub_conn_close(c, 1013, "out of memory");
        return;
    }

    err = pt_json_parse(a, text, &hub_json_limits, &root);

    if (err == PT_ENOMEM) {
        hub_conn_close(c, 1013, "out of memory");

    } else if (err != PT_OK || root->type != PT_JSON_OBJECT) {
        hub_proto_malformed(c);

    } else {
        hub_proto_frame(c, a, root);
    }

    pt_arena_del(a);
}


static void
hub_proto_frame(hub_conn_t *c, pt_arena_t *a, const pt_json_t *root)
{
    pt_str_t type;

    if (!pt_json_find_str(root, "type", &type)
        && !pt_json_find_str(root, "event", &type))
    {
        hub_proto_malformed(c);
        return;
    }

    if (pt_str_is(type, "auth")) {
        hub_proto_auth(c, a, root);

    } else if (pt_str_is(type, "ping")) {
        hub_proto_pong(c);

    } else if (c->state == HUB_CONN_AUTH) {
        c->hub->auth_failures++;
        hub_conn_close(c, HUB_CLOSE_TOKEN, "authenticate first");

    } else if (pt_str_is(type, "watch")) {
        hub_proto_watch(c, root, true);

    } else if (pt_str_is(type, "unwatch")) {
        hub_proto_watch(c, root, false);

    } else if (pt_str_is(type, "typing_start")) {
        hub_proto_type(c, root, true);

    } else if (pt_str_is(type, "typing_stop")) {
        hub_proto_type(c, root, false);

    } else if (!pt_str_is(type, "ack")) { /* an ack needs no answer */
        hub_conn_close(c, HUB_CLOSE_UNKNOWN_TYPE, "unknown type");
    }
}


static void
hub_proto_malformed(hub_conn_t *c)
{
    if (++c->malformed >= HUB_MALFORMED_MAX) {
        hub_conn_close(c, HUB_CLOSE_MALFORMED, "malformed JSON");
        return;
    }

    hub_proto_error(c, "malformed", "not a JSON object with a type");
}


static void
hub_proto_auth(hub_conn_t *c, pt_arena_t *a, const pt_json_t *root)
{
    pt_err_t    err;
    pt_str_t    token, user;
    pt_uuid_t   id;
    pt_claims_t claims;

    if (c->state != HUB_CONN_AUTH && c->state != HUB_CONN_LIVE) {
        hub_proto_error(c, "auth_in_progress", "wait for the answer");
        return;
    }

    if (!pt_json_find_str(root, "token", &token)) {
        if (c->state == HUB_CONN_LIVE && c->by_header) {
            hub_proto_error(c, "token_required", "no token given");
            return;
        }

        c->hub->auth_failures++;
        hub_conn_close(c, HUB_CLOSE_TOKEN, "no token");
        return;
    }

    if (token.len > HUB_TOKEN_MAX) {
        hub_conn_close(c, HUB_CLOSE_TOKEN, "token too long");
        return;
    }

    err = pt_jwt_verify(c->hub->conf.jwt, a, token, hub_wall_s(c->hub),
        &claims);

    if (err != PT_OK) {
        c->hub->auth_failures++;
        hub_conn_close(c,
            err == PT_EEXPIRED ? HUB_CLOSE_EXPIRED : HUB_CLOSE_TOKEN,
            err == PT_EEXPIRED ? "token expired" : "invalid token");
        return;
    }

    if (pt_json_find_str(root, "user_id", &user)
        && (!pt_uuid_parse(user, &id) || !pt_uuid_eq(&id, &claims.sub)))
    {
        hub_conn_close(c, HUB_CLOSE_FORBIDDEN, "another user's token");
        return;
    }

    if (c->state == HUB_CONN_LIVE) {
        hub_proto_refresh(c, &claims);
        return;
    }

    if (!hub_proto_since(c, root)) {
        hub_proto_malformed(c);
        return;
    }

    hub_proto_admit(c, &claims);
}


/* A new token on a live socket: the same person, a later end. */

static void
hub_proto_refresh(hub_conn_t *c, const pt_claims_t *claims)
{
    if (!pt_uuid_eq(&claims->tenant_id, &c->tenant->id)
        || !pt_uuid_eq(&claims->sub, &c->user->id))
    {
        hub_conn_close(c, HUB_CLOSE_FORBIDDEN, "another user's token");
        return;
    }

    c->session = claims->sid;
    c->exp_s = claims->exp;
    c->warned = false;
    hub_proto_success(c, c->resumed, 0);
}


/* "since": a number, or {"seq","id"}; absent: from now on. */

static bool
hub_proto_since(hub_conn_t *c, const pt_json_t *root)
{
    pt_str_t         id;
    const pt_json_t *since, *v;

    since = pt_json_find(root, "since");

    if (since == NULL || since->type == PT_JSON_NULL) {
        return true;
    }

    if (since->type == PT_JSON_OBJECT) {
        v = pt_json_find(since, "id");

        if (v != NULL && v->type != PT_JSON_NULL) {
            if (!pt_json_find_str(since, "id", &id)
                || !pt_uuid_parse(id, &c->since_id))
            {
                return false;
            }

            c->has_since_id = true;
        }

        since = pt_json_find(since, "seq");
    }

    if (since == NULL || !pt_json_i64(since, &c->since_seq)
        || c->since_seq < 0)
    {
        return false;
    }

    c->has_since = true;

    return true;
}


void
hub_proto_admit(hub_conn_t *c, const pt_claims_t *claims)
{
    c->session = claims->sid;
    c->exp_s = claims->exp;
    c->state = HUB_CONN_CHECK;

    if (c->hub->conf.ops->check_session(c->hub->conf.env, claims, c->ticket)
        != PT_OK)
    {
        hub_conn_close(c, HUB_CLOSE_BACKEND, "backend unavailable");
    }
}


void
hub_proto_success(hub_conn_t *c, bool resumed, int64_t from)
{
    char        number[32];
    size_t      n;
    hub_t      *h;
    pt_buf_t    b;
    pt_jw_t     w;
    pt_arena_t *a;

    h = c->hub;
    a = hub_proto_begin(h, &b, &w);

    if (a == NULL) {
        hub_conn_drop(c);
        return;
    }

    n = 0;

    for (uint64_t v = c->ticket; v != 0 && n < sizeof(number); v /= 36) {
        number[n++] = "0123456789abcdefghijklmnopqrstuvwxyz"[v % 36];
    }

    pt_jw_object(&w);
    pt_jw_key(&w, "type");
    pt_jw_str(&w, PT_STR("auth_success"));
    pt_jw_key(&w, "data");
    pt_jw_object(&w);
    pt_jw_key(&w, "connection_id");
    pt_jw_str(&w, (pt_str_t){ number, n });
    pt_jw_key(&w, "user_id");
    pt_jw_uuid(&w, &c->user->id);
    pt_jw_key(&w, "tenant_id");
    pt_jw_uuid(&w, &c->tenant->id);
    pt_jw_key(&w, "since");
    hub_proto_since_write(&w, c->tenant->ring.head,
        &c->tenant->ring.head_id);
    pt_jw_key(&w, "resumed");
    pt_jw_bool(&w, resumed);

    if (from > 0) {
        pt_jw_key(&w, "from");
        pt_jw_i64(&w, from);
    }

    pt_jw_key(&w, "ping_interval");
    pt_jw_i64(&w, h->conf.ping_s);
    pt_jw_key(&w, "pong_timeout");
    pt_jw_i64(&w, h->conf.pong_s);
    pt_jw_key(&w, "expires_at");
    pt_jw_time(&w, c->exp_s * 1000000);
    pt_jw_key(&w, "limits");
    pt_jw_object(&w);
    pt_jw_key(&w, "message_bytes");
    pt_jw_i64(&w, HUB_WS_MESSAGE_MAX);
    pt_jw_key(&w, "messages_per_second");
    pt_jw_i64(&w, HUB_RATE);
    pt_jw_key(&w, "replay_events");
    pt_jw_i64(&w, HUB_REPLAY_MAX);
    pt_jw_object_end(&w);
    pt_jw_object_end(&w);
    pt_jw_object_end(&w);

    (void) hub_proto_done(c, a, &b);
}


void
hub_proto_resync(hub_conn_t *c, const char *reason)
{
    pt_buf_t    b;
    pt_jw_t     w;
    pt_arena_t *a;

    a = hub_proto_begin(c->hub, &b, &w);

    if (a == NULL) {
        hub_conn_drop(c);
        return;
    }

    pt_jw_object(&w);
    pt_jw_key(&w, "type");
    pt_jw_str(&w, PT_STR("resync"));
    pt_jw_key(&w, "data");
    pt_jw_object(&w);
    pt_jw_key(&w, "reason");
    pt_jw_str(&w, (pt_str_t){ reason, strlen(reason) });
    pt_jw_key(&w, "since");
    hub_proto_since_write(&w, c->tenant->ring.head,
        &c->tenant->ring.head_id);
    pt_jw_object_end(&w);
    pt_jw_object_end(&w);

    c->cursor = c->tenant->ring.head + 1;
    c->hub->resyncs++;
    (void) hub_proto_done(c, a, &b);
}


void
hub_proto_expiring(hub_conn_t *c, int64_t left_s)
{
    pt_buf_t    b;
    pt_jw_t     w;
    pt_arena_t *a;

    a = hub_proto_begin(c->hub, &b, &w);

    if (a == NULL) {
        return;
    }

    pt_jw_object(&w);
    pt_jw_key(&w, "type");
    pt_jw_str(&w, PT_STR("token_expiring"));
    pt_jw_key(&w, "data");
    pt_jw_object(&w);
    pt_jw_key(&w, "expires_in");
    pt_jw_i64(&w, left_s > 0 ? left_s : 0);
    pt_jw_object_end(&w);
    pt_jw_object_end(&w);
    (void) hub_proto_done(c, a, &b);
}


void
hub_proto_reconnect(hub_conn_t *c, uint32_t spread_ms)
{
    pt_buf_t    b;
    pt_jw_t     w;
    pt_arena_t *a;

    a = hub_proto_begin(c->hub, &b, &w);

    if (a == NULL) {
        return;
    }

    pt_jw_object(&w);
    pt_jw_key(&w, "type");
    pt_jw_str(&w, PT_STR("reconnect"));
    pt_jw_key(&w, "data");
    pt_jw_object(&w);
    pt_jw_key(&w, "after_ms");
    pt_jw_i64(&w, 0);
    pt_jw_key(&w, "spread_ms");
    pt_jw_i64(&w, spread_ms);
    pt_jw_object_end(&w);
    pt_jw_object_end(&w);
    (void) hub_proto_done(c, a, &b);
}


/* "You have had everything up to here": one frame a tenant and head. */

hub_frame_t *
hub_proto_sync(hub_tenant_t *t)
{
    hub_t      *h;
    pt_str_t    json;
    pt_buf_t    b;
    pt_jw_t     w;
    pt_arena_t *a;

    h = t->hub;

    if (t->sync != NULL && t->sync_seq == t->ring.head) {
        return t->sync;
    }

    a = hub_proto_begin(h, &b, &w);

    if (a == NULL) {
        return NULL;
    }

    pt_jw_object(&w);
    pt_jw_key(&w, "type");
    pt_jw_str(&w, PT_STR("sync"));
    pt_jw_key(&w, "data");
    hub_proto_since_write(&w, t->ring.head, &t->ring.head_id);
    pt_jw_object_end(&w);

    hub_frame_unref(&h->conf.mem, t->sync);
    t->sync = NULL;

    if (pt_buf_get(&b, &json) == PT_OK) {
        t->sync = hub_frame_new(&h->conf.mem, HUB_WS_OP_TEXT, 0, NULL, json);
        t->sync_seq = t->ring.head;
    }

    pt_arena_del(a);

    return t->sync;
}


/* Ends (or begins) this socket's typing, and tells the others. */

void
hub_proto_typing(hub_conn_t *c, const char *event)
{
    hub_t      *h;
    pt_str_t    json;
    pt_buf_t    b;
    pt_jw_t     w;
    pt_arena_t *a;

    h = c->hub;
    c->typing->active = (strcmp(event, "typing_start") == 0);
    a = hub_proto_begin(h, &b, &w);

    if (a == NULL) {
        return;
    }

    pt_jw_object(&w);
    pt_jw_key(&w, "event");
    pt_jw_str(&w, (pt_str_t){ event, strlen(event) });
    pt_jw_key(&w, "data");
    pt_jw_object(&w);
    pt_jw_key(&w, "conversation_id");
    pt_jw_uuid(&w, &c->typing->conversation);
    pt_jw_key(&w, "user_id");
    pt_jw_uuid(&w, &c->user->id);
    pt_jw_key(&w, "name");
    pt_jw_str(&w, (pt_str_t){ c->user->name, c->user->name_len });
    pt_jw_object_end(&w);
    pt_jw_key(&w, "timestamp");
    pt_jw_time(&w, h->conf.ops->wall_us(h->conf.env));
    pt_jw_key(&w, "conversation_id");
    pt_jw_uuid(&w, &c->typing->conversation);
    pt_jw_object_end(&w);

    if (pt_buf_get(&b, &json) == PT_OK) {
        hub_proto_spread(c, json);
        h->conf.ops->publish(h->conf.env, &c->tenant->id, json);
    }

    pt_arena_del(a);
}


/* To everybody of the tenant who looks at it, the typist's own sockets
 * excepted. */

static void
hub_proto_spread(hub_conn_t *c, pt_str_t json)
{
    hub_conn_t  *o, *next;
    hub_frame_t *f;

    f = hub_frame_new(&c->hub->conf.mem, HUB_WS_OP_TEXT, 0, NULL, json);

    for (o = c->tenant->conns; f != NULL && o != NULL; o = next) {
        next = o->next;

        if (o->user != c->user && o->state == HUB_CONN_LIVE
            && (pt_uuid_is_nil(&o->watch)
                || pt_uuid_eq(&o->watch, &c->typing->conversation)))
        {
            hub_conn_push(o, f);
        }
    }

    hub_frame_unref(&c->hub->conf.mem, f);
}


static void
hub_proto_watch(hub_conn_t *c, const pt_json_t *root, bool on)
{
    pt_str_t  text;
    pt_uuid_t id;

    if (!pt_json_find_str(root, "conversation_id", &text)
        || !pt_uuid_parse(text, &id))
    {
        hub_proto_error(c, "invalid", "conversation_id is not an id");
        return;
    }

    if (on) {
        c->watch = id;

    } else {
        memset(&c->watch, 0, sizeof(c->watch));
    }
}


static void
hub_proto_type(hub_conn_t *c, const pt_json_t *root, bool start)
{
    int64_t       now;
    pt_str_t      text;
    pt_uuid_t     id;
    hub_typing_t *t;

    if (c->state != HUB_CONN_LIVE) {
        return;
    }

    if (!pt_json_find_str(root, "conversation_id", &text)
        || !pt_uuid_parse(text, &id))
    {
        hub_proto_error(c, "invalid", "conversation_id is not an id");
        return;
    }

    t = c->typing;

    if (t == NULL) {
        t = hub_alloc(c->hub, sizeof(hub_typing_t));

        if (t == NULL) {
            return;
        }

        memset(t, 0, sizeof(*t));
        c->typing = t;
    }

    now = hub_now_ms(c->hub);

    if (!start) {
        if (t->active && pt_uuid_eq(&t->conversation, &id)) {
            hub_proto_typing(c, "typing_stop");
        }

        return;
    }

    if (t->active && !pt_uuid_eq(&t->conversation, &id)) {
        hub_proto_typing(c, "typing_stop");

    } else if (t->active && now - t->started_ms < HUB_TYPING_EVERY_MS) {
        return;
    }

    t->conversation = id;
    t->started_ms = now;
    hub_proto_typing(c, "typing_start");
    hub_wheel_drop(c);
    hub_wheel_add(c, 1);
}


static void
hub_proto_pong(hub_conn_t *c)
{
    pt_buf_t    b;
    pt_jw_t     w;
    pt_arena_t *a;

    a = hub_proto_begin(c->hub, &b, &w);

    if (a == NULL) {
        return;
    }

    pt_jw_object(&w);
    pt_jw_key(&w, "type");
    pt_jw_str(&w, PT_STR("pong"));
    pt_jw_key(&w, "data");
    pt_jw_object(&w);

    if (c->state == HUB_CONN_LIVE) {
        pt_jw_key(&w, "seq");
        pt_jw_i64(&w, c->cursor - 1);
    }

    pt_jw_object_end(&w);
    pt_jw_object_end(&w);
    (void) hub_proto_done(c, a, &b);
}


static void
hub_proto_error(hub_conn_t *c, const char *code, const char *message)
{
    pt_buf_t    b;
    pt_jw_t     w;
    pt_arena_t *a;

    a = hub_proto_begin(c->hub, &b, &w);

    if (a == NULL) {
        return;
    }

    pt_jw_object(&w);
    pt_jw_key(&w, "type");
    pt_jw_str(&w, PT_STR("error"));
    pt_jw_key(&w, "data");
    pt_jw_object(&w);
    pt_jw_key(&w, "code");
    pt_jw_str(&w, (pt_str_t){ code, strlen(code) });
    pt_jw_key(&w, "message");
    pt_jw_str(&w, (pt_str_t){ message, strlen(message) });
    pt_jw_object_end(&w);
    pt_jw_object_end(&w);
    (void) hub_proto_done(c, a, &b);
}


static void
hub_proto_since_write(pt_jw_t *w, int64_t seq, const pt_uuid_t *id)
{
    pt_jw_object(w);
    pt_jw_key(w, "seq");
    pt_jw_i64(w, seq);
    pt_jw_key(w, "id");
    pt_jw_uuid(w, pt_uuid_is_nil(id) ? NULL : id);
    pt_jw_object_end(w);
}


static pt_arena_t *
hub_proto_begin(hub_t *h, pt_buf_t *b, pt_jw_t *w)
{
    pt_arena_t *a;

    a = pt_arena_new(&h->conf.mem, HUB_SCRATCH_MAX);

    if (a != NULL) {
        pt_buf_init(b, a, HUB_FRAME_JSON_MAX);
        pt_jw_init(w, b);
    }

    return a;
}


static bool
hub_proto_done(hub_conn_t *c, pt_arena_t *a, pt_buf_t *b)
{
    bool     ok;
    pt_str_t json;

    ok = (pt_buf_get(b, &json) == PT_OK);

    if (ok) {
        hub_conn_say(c, json);

    } else {
        hub_conn_drop(c);
    }

    pt_arena_del(a);

    return ok;
}
