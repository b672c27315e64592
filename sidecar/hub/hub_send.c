/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_send.c: the control frames (docs/hub.md) that clients are sent, and
 * typing.
 */

#include <assert.h>

#include "hub_int.h"

#define HUB_SCRATCH_MAX (64u * 1024)
#define HUB_NUMBER_MAX 16

static void        hub_send_since(pt_jw_t *w, const hub_tenant_t *t);
static void        hub_send_head(pt_jw_t *w, const hub_tenant_t *t);
static pt_arena_t *hub_send_scratch(hub_t *h, pt_buf_t *b, pt_jw_t *w);
static pt_arena_t *hub_send_begin(hub_t *h, pt_buf_t *b, pt_jw_t *w,
                                  const char *type);
static void        hub_send_end(pt_jw_t *w);
static void        hub_send_done(hub_conn_t *c, pt_arena_t *a, pt_buf_t *b,
                                 pt_jw_t *w);


void
hub_send_success(hub_conn_t *c, bool resumed, int64_t from)
{
    char        number[32];
    size_t      n;
    hub_t      *h;
    pt_buf_t    b;
    pt_jw_t     w;
    pt_arena_t *a;

    h = c->hub;
    assert(c->tenant != NULL && c->user != NULL);
    a = hub_send_begin(h, &b, &w, "auth_success");

    if (a == NULL) {
        hub_conn_drop(c);
        return;
    }

    n = 0;

    for (uint64_t v = c->ticket; v != 0 && n < sizeof(number); v /= 36) {
        number[n++] = "0123456789abcdefghijklmnopqrstuvwxyz"[v % 36];
    }

    pt_jw_key(&w, "connection_id");
    pt_jw_str(&w, (pt_str_t){ number, n });
    pt_jw_key(&w, "user_id");
    pt_jw_uuid(&w, &c->user->id);
    pt_jw_key(&w, "tenant_id");
    pt_jw_uuid(&w, &c->tenant->id);
    hub_send_since(&w, c->tenant);
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
    hub_send_done(c, a, &b, &w);
}


void
hub_send_resync(hub_conn_t *c, const char *reason)
{
    pt_buf_t    b;
    pt_jw_t     w;
    pt_arena_t *a;

    assert(c->tenant != NULL);
    a = hub_send_begin(c->hub, &b, &w, "resync");

    if (a == NULL) {
        hub_conn_drop(c);
        return;
    }

    pt_jw_key(&w, "reason");
    pt_jw_str(&w, (pt_str_t){ reason, strlen(reason) });
    hub_send_since(&w, c->tenant);

    c->cursor = c->tenant->ring.head + 1;
    c->hub->resyncs++;
    hub_send_done(c, a, &b, &w);
}


void
hub_send_expiring(hub_conn_t *c, int64_t left_s)
{
    pt_buf_t    b;
    pt_jw_t     w;
    pt_arena_t *a;

    a = hub_send_begin(c->hub, &b, &w, "token_expiring");

    if (a == NULL) {
        return;
    }

    pt_jw_key(&w, "expires_in");
    pt_jw_i64(&w, left_s > 0 ? left_s : 0);
    hub_send_done(c, a, &b, &w);
}


void
hub_send_reconnect(hub_conn_t *c, uint32_t spread_ms)
{
    pt_buf_t    b;
    pt_jw_t     w;
    pt_arena_t *a;

    a = hub_send_begin(c->hub, &b, &w, "reconnect");

    if (a == NULL) {
        return;
    }

    pt_jw_key(&w, "after_ms");
    pt_jw_i64(&w, 0);
    pt_jw_key(&w, "spread_ms");
    pt_jw_i64(&w, spread_ms);
    hub_send_done(c, a, &b, &w);
}


/* A sync tells a client that it has had everything up to this event.  It is the
 * same for all sockets of a tenant, so it is made once for each head. */

hub_frame_t *
hub_send_sync(hub_tenant_t *t)
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

    a = hub_send_begin(h, &b, &w, "sync");

    if (a == NULL) {
        return NULL;
    }

    hub_send_head(&w, t);
    hub_send_end(&w);

    hub_frame_unref(&h->conf.mem, t->sync);
    t->sync = NULL;

    if (pt_buf_get(&b, &json) == PT_OK) {
        t->sync = hub_frame_new(&h->conf.mem, HUB_WS_OP_TEXT, 0, NULL, json);
        t->sync_seq = t->ring.head;
    }

    pt_arena_del(a);

    return t->sync;
}


void
hub_send_typing(hub_conn_t *c, bool start)
{
    char          head[HUB_EPHEMERAL_HEAD];
    hub_t        *h;
    pt_str_t      json;
    pt_buf_t      b;
    pt_jw_t       w;
    pt_arena_t   *a;
    hub_typing_t *t;

    h = c->hub;
    t = c->typing;
    assert(t != NULL && c->user != NULL && c->tenant != NULL);
    t->active = start;
    a = hub_send_scratch(h, &b, &w);

    if (a == NULL) {
        return;
    }

    pt_uuid_build(&t->conversation, head);
    head[PT_UUID_LEN] = ' ';
    pt_uuid_build(&c->user->id, head + PT_UUID_LEN + 1);
    head[HUB_EPHEMERAL_HEAD - 1] = ' ';
    pt_buf_add(&b, head, sizeof(head));

    pt_jw_object(&w);
    pt_jw_key(&w, "event");
    pt_jw_str(&w, start ? PT_STR("typing_start") : PT_STR("typing_stop"));
    pt_jw_key(&w, "data");
    pt_jw_object(&w);
    pt_jw_key(&w, "conversation_id");
    pt_jw_uuid(&w, &t->conversation);
    pt_jw_key(&w, "user_id");
    pt_jw_uuid(&w, &c->user->id);
    pt_jw_key(&w, "name");
    pt_jw_str(&w, (pt_str_t){ c->user->name, c->user->name_len });
    pt_jw_object_end(&w);
    pt_jw_key(&w, "timestamp");
    pt_jw_time(&w, h->conf.ops->wall_us(h->conf.env));
    pt_jw_key(&w, "conversation_id");
    pt_jw_uuid(&w, &t->conversation);
    pt_jw_object_end(&w);

    if (pt_buf_get(&b, &json) == PT_OK) {
        hub_send_ephemeral(c->tenant, &t->conversation, &c->user->id,
                           (pt_str_t){ json.data + HUB_EPHEMERAL_HEAD,
                                       json.len - HUB_EPHEMERAL_HEAD });
        h->conf.ops->publish(h->conf.env, &c->tenant->id, json);
    }

    pt_arena_del(a);
}


void
hub_send_ephemeral(hub_tenant_t *t, const pt_uuid_t *conversation,
                   const pt_uuid_t *author, pt_str_t json)
{
    hub_conn_t  *c;
    hub_frame_t *f;

    f = hub_frame_new(&t->hub->conf.mem, HUB_WS_OP_TEXT, 0, NULL, json);

    for (c = t->conns; f != NULL && c != NULL; c = c->next) {
        if (hub_send_is_open(c) && !pt_uuid_eq(&c->user->id, author)
            && (pt_uuid_is_nil(&c->watch)
                || pt_uuid_eq(&c->watch, conversation)))
        {
            hub_conn_push(c, f);
        }
    }

    hub_frame_unref(&t->hub->conf.mem, f);
}


bool
hub_send_is_open(const hub_conn_t *c)
{
    return c->state == HUB_CONN_LIVE && !c->blocked
           && c->nout < HUB_PRIVATE_MAX / 2;
}


void
hub_send_pong(hub_conn_t *c)
{
    pt_buf_t    b;
    pt_jw_t     w;
    pt_arena_t *a;

    a = hub_send_begin(c->hub, &b, &w, "pong");

    if (a == NULL) {
        return;
    }


    if (c->state == HUB_CONN_LIVE) {
        pt_jw_key(&w, "seq");
        pt_jw_i64(&w, c->cursor - 1);
    }

    hub_send_done(c, a, &b, &w);
}


void
hub_send_error(hub_conn_t *c, const char *code, const char *message)
{
    pt_buf_t    b;
    pt_jw_t     w;
    pt_arena_t *a;

    a = hub_send_begin(c->hub, &b, &w, "error");

    if (a == NULL) {
        return;
    }

    pt_jw_key(&w, "code");
    pt_jw_str(&w, (pt_str_t){ code, strlen(code) });
    pt_jw_key(&w, "message");
    pt_jw_str(&w, (pt_str_t){ message, strlen(message) });
    hub_send_done(c, a, &b, &w);
}


static void
hub_send_since(pt_jw_t *w, const hub_tenant_t *t)
{
    pt_jw_key(w, "since");
    pt_jw_object(w);
    hub_send_head(w, t);
    pt_jw_object_end(w);
}


static void
hub_send_head(pt_jw_t *w, const hub_tenant_t *t)
{
    const pt_uuid_t *id;

    id = &t->ring.head_id;
    pt_jw_key(w, "seq");
    pt_jw_i64(w, t->ring.head);
    pt_jw_key(w, "id");
    pt_jw_uuid(w, pt_uuid_is_nil(id) ? NULL : id);
}


static pt_arena_t *
hub_send_scratch(hub_t *h, pt_buf_t *b, pt_jw_t *w)
{
    pt_arena_t *a;

    a = pt_arena_new(&h->conf.mem, HUB_SCRATCH_MAX);

    if (a != NULL) {
        pt_buf_init(b, a, HUB_FRAME_JSON_MAX);
        pt_jw_init(w, b);
    }

    return a;
}


/* Begins the JSON of a control frame: {"type":"...","data":{.  Returns the
 * arena that it is written on, or NULL when out of memory. */

static pt_arena_t *
hub_send_begin(hub_t *h, pt_buf_t *b, pt_jw_t *w, const char *type)
{
    pt_arena_t *a;

    a = hub_send_scratch(h, b, w);

    if (a != NULL) {
        pt_jw_object(w);
        pt_jw_key(w, "type");
        pt_jw_str(w, (pt_str_t){ type, strlen(type) });
        pt_jw_key(w, "data");
        pt_jw_object(w);
    }

    return a;
}


static void
hub_send_end(pt_jw_t *w)
{
    pt_jw_object_end(w);
    pt_jw_object_end(w);
}


static void
hub_send_done(hub_conn_t *c, pt_arena_t *a, pt_buf_t *b, pt_jw_t *w)
{
    pt_str_t json;

    hub_send_end(w);

    if (pt_buf_get(b, &json) == PT_OK) {
        hub_conn_send(c, json);

    } else {
        hub_conn_drop(c);
    }

    pt_arena_del(a);
}
