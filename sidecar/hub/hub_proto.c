/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_proto.c: the control frames (docs/hub.md) that clients send.
 */

#include <assert.h>

#include "hub_int.h"

#define HUB_SCRATCH_MAX (256u * 1024)

static void hub_proto_frame(hub_conn_t *c, pt_arena_t *a,
                            const pt_json_t *root);
static void hub_proto_malformed(hub_conn_t *c);
static void hub_proto_lives(hub_conn_t *c, int64_t exp_s);
static void hub_proto_auth(hub_conn_t *c, pt_arena_t *a, const pt_json_t *root);
static void hub_proto_refresh(hub_conn_t *c, const pt_claims_t *claims);
static bool hub_proto_since(hub_conn_t *c, const pt_json_t *root);
static void hub_proto_watch(hub_conn_t *c, const pt_json_t *root, bool on);
static void hub_proto_type(hub_conn_t *c, const pt_json_t *root, bool start);
static hub_typing_t *hub_proto_typing(hub_conn_t *c);
static bool          hub_proto_typing_may(hub_typing_t *t, const pt_uuid_t *id,
                                          int64_t now);
static void          hub_proto_ack(hub_conn_t *c, const pt_json_t *root);
static void          hub_proto_presence(hub_conn_t *c, const pt_json_t *root);

static const pt_json_limits_t hub_proto_limits = { 8, 256, 64 };


void
hub_proto_text(hub_conn_t *c, pt_str_t text)
{
    pt_err_t    err;
    pt_arena_t *a;
    pt_json_t  *root;

    assert(c->state < HUB_CONN_CLOSING);
    a = pt_arena_new(&c->hub->conf.mem, HUB_SCRATCH_MAX);

    if (a == NULL) {
        hub_conn_close(c, 1013, "out of memory");
        return;
    }

    err = pt_json_parse(a, text, &hub_proto_limits, &root);

    if (err == PT_ENOMEM) {
        hub_conn_close(c, 1013, "out of memory");

    } else if (err != PT_OK || root->type != PT_JSON_OBJECT) {
        hub_proto_malformed(c);

    } else {
        hub_proto_frame(c, a, root);
    }

    pt_arena_del(a);
}


void
hub_proto_admit(hub_conn_t *c, const pt_claims_t *claims)
{
    assert(c->tenant == NULL && c->state == HUB_CONN_AUTH);
    c->session = claims->sid;
    hub_proto_lives(c, claims->exp);
    c->born_s = c->hub->now_s; /* From here on the client waits for us. */
    c->state = HUB_CONN_CHECK;
    c->hub->conf.ops->admitted(c->sock);

    if (c->hub->conf.ops->check_session(c->hub->conf.env, claims, c->ticket)
        != PT_OK)
    {
        hub_conn_close(c, HUB_CLOSE_BACKEND, "backend unavailable");
    }
}


void
hub_proto_refreshed(hub_conn_t *c, int64_t exp_s)
{
    hub_proto_lives(c, exp_s);
    hub_send_success(c, c->resumed, 0);
}


/* Notes when the token expires and when the client is warned: HUB_EXPIRING_S
 * before, but not in the first half of its life.  A client that was warned at
 * once would send a new token at once, and be warned at once again. */

static void
hub_proto_lives(hub_conn_t *c, int64_t exp_s)
{
    int64_t half;

    half = (exp_s - hub_wall_s(c->hub)) / 2;

    c->exp_s = exp_s;
    c->warned = false;
    c->warn_s = (uint8_t) (half < 0                ? 0
                           : half < HUB_EXPIRING_S ? half
                                                   : HUB_EXPIRING_S);
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
        hub_send_pong(c);

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

    } else if (pt_str_is(type, "presence")) {
        hub_proto_presence(c, root);

    } else if (pt_str_is(type, "ack")) {
        hub_proto_ack(c, root);

    } else {
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

    hub_send_error(c, "malformed", "not a JSON object with a type");
}


static void
hub_proto_auth(hub_conn_t *c, pt_arena_t *a, const pt_json_t *root)
{
    pt_err_t    err;
    pt_str_t    token, user;
    pt_uuid_t   id;
    pt_claims_t claims;

    if (c->state != HUB_CONN_AUTH && c->state != HUB_CONN_LIVE) {
        hub_send_error(c, "auth_in_progress", "wait for the answer");
        return;
    }

    if (!pt_json_find_str(root, "token", &token)) {
        if (c->state == HUB_CONN_LIVE && c->by_header) {
            hub_send_error(c, "token_required", "no token given");
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

    err =
        pt_jwt_verify(c->hub->conf.jwt, a, token, hub_wall_s(c->hub), &claims);

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


/* A live socket has sent a new token.  It must be of the same user.  If it is
 * of another session, that is looked up first. */

static void
hub_proto_refresh(hub_conn_t *c, const pt_claims_t *claims)
{
    assert(c->tenant != NULL && c->user != NULL);

    if (!pt_uuid_eq(&claims->tenant_id, &c->tenant->id)
        || !pt_uuid_eq(&claims->sub, &c->user->id))
    {
        hub_conn_close(c, HUB_CLOSE_FORBIDDEN, "another user's token");
        return;
    }

    if (pt_uuid_eq(&claims->sid, &c->session)) {
        hub_proto_refreshed(c, claims->exp);
        return;
    }

    if (c->refreshing
        || c->hub->conf.ops->check_session(c->hub->conf.env, claims, c->ticket)
               != PT_OK)
    {
        hub_send_error(c, "auth_in_progress", "try again");
        return;
    }

    /* A live socket does not need since any more, so it holds the new session
     * until the answer comes. */
    c->refreshing = true;
    c->since_id = claims->sid;
    c->since_seq = claims->exp;
}


/* Reads "since": a number, or {"seq","id"}.  Without it the client begins with
 * the next event.  false: it is malformed. */

static bool
hub_proto_since(hub_conn_t *c, const pt_json_t *root)
{
    pt_str_t         id;
    const pt_json_t *since, *v;

    c->has_since = false;
    c->has_since_id = false;
    since = pt_json_find(root, "since");

    if (since == NULL || since->type == PT_JSON_NULL) {
        return true;
    }

    if (since->type == PT_JSON_OBJECT) {
        v = pt_json_find(since, "id");

        if (v != NULL && v->type != PT_JSON_NULL) {
            if (!pt_json_find_str(since, "id", &id)
                || !pt_uuid_parse(id, &c->since_id)) {
                return false;
            }

            c->has_since_id = true;
        }

        since = pt_json_find(since, "seq");
    }

    if (since == NULL || !pt_json_i64(since, &c->since_seq) || c->since_seq < 0)
    {
        return false;
    }

    c->has_since = true;

    return true;
}


static void
hub_proto_watch(hub_conn_t *c, const pt_json_t *root, bool on)
{
    pt_str_t  text;
    pt_uuid_t id, before;

    if (!pt_json_find_str(root, "conversation_id", &text)
        || !pt_uuid_parse(text, &id))
    {
        hub_send_error(c, "invalid", "conversation_id is not an id");
        return;
    }

    before = c->watch;

    if (on) {
        c->watch = id;

    } else {
        memset(&c->watch, 0, sizeof(c->watch));
    }

    hub_presence_watch(c, &before);
}


static void
hub_proto_type(hub_conn_t *c, const pt_json_t *root, bool start)
{
    int64_t       now;
    pt_str_t      text;
    pt_uuid_t     id;
    hub_typing_t *t;

    if (!pt_json_find_str(root, "conversation_id", &text)
        || !pt_uuid_parse(text, &id))
    {
        hub_send_error(c, "invalid", "conversation_id is not an id");
        return;
    }

    if (c->state == HUB_CONN_LIVE && !c->may_type) {
        hub_send_error(c, "forbidden", "this needs the permission typing");
        return;
    }

    t = (c->state == HUB_CONN_LIVE) ? hub_proto_typing(c) : NULL;

    if (t == NULL) {
        return;
    }

    now = hub_now_ms(c->hub);

    if (!start) {
        if (t->active && pt_uuid_eq(&t->conversation, &id)) {
            hub_send_typing(c, false);
        }

        return;
    }

    if (!hub_proto_typing_may(t, &id, now)) {
        return;
    }

    if (t->active && !pt_uuid_eq(&t->conversation, &id)) {
        hub_send_typing(c, false);
    }

    t->conversation = id;
    t->started_ms = now;
    hub_send_typing(c, true);

    if (c->state == HUB_CONN_LIVE) {
        hub_wheel_drop(c);
        hub_wheel_add(c, 1);
    }
}


static hub_typing_t *
hub_proto_typing(hub_conn_t *c)
{
    if (c->typing == NULL) {
        c->typing = hub_alloc(c->hub, sizeof(hub_typing_t));

        if (c->typing != NULL) {
            memset(c->typing, 0, sizeof(hub_typing_t));
        }
    }

    return c->typing;
}


/* Returns whether a typing_start may be sent, and notes it if so: one in
 * HUB_TYPING_EVERY_MS for a conversation, and for HUB_TYPING_RECENT
 * conversations in that time. */

static bool
hub_proto_typing_may(hub_typing_t *t, const pt_uuid_t *id, int64_t now)
{
    size_t           i;
    hub_typing_at_t *at, *old;

    old = &t->recent[0];

    for (i = 0; i < HUB_TYPING_RECENT; i++) {
        at = &t->recent[i];

        if (pt_uuid_eq(&at->conversation, id)) {
            old = at;
            break;
        }

        old = (at->started_ms < old->started_ms) ? at : old;
    }

    if (old->started_ms != 0 && now - old->started_ms < HUB_TYPING_EVERY_MS) {
        return false;
    }

    old->conversation = *id;
    old->started_ms = now;

    return true;
}


static void
hub_proto_presence(hub_conn_t *c, const pt_json_t *root)
{
    pt_str_t status;

    if (c->state == HUB_CONN_LIVE
        && (!pt_json_find_str(root, "status", &status)
            || !hub_presence_set(c, status)))
    {
        hub_send_error(c, "invalid", "status is online or away");
    }
}


/* An acknowledgement only counts into the metrics, which show how far the
 * clients lag behind what they are sent. */

static void
hub_proto_ack(hub_conn_t *c, const pt_json_t *root)
{
    int64_t          seq;
    const pt_json_t *v;

    if (c->state != HUB_CONN_LIVE) {
        return;
    }

    v = pt_json_find(root, "seq");

    if (v == NULL || !pt_json_i64(v, &seq) || seq < 0 || seq >= c->cursor) {
        hub_send_error(c, "invalid", "seq is not that of an event you had");
        return;
    }

    c->hub->acks++;
    c->hub->acks_lag += (uint64_t) (c->cursor - 1 - seq);
}
