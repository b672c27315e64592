/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_presence.c: which users are present, and which conversation each of them
 * looks at.  Nothing of it is stored: a hub knows its own sockets, and what
 * other hubs publish on eph:, which is "presence" and lines of
 * "<user> <o|a|-> <conversation>", or the question "presence?".  Changes are
 * sent once a second, so that many sockets that come and go make few frames.
 */

#include <assert.h>

#include "hub_int.h"

#define HUB_PRESENCE_LINE (2u * PT_UUID_LEN + 4)
#define HUB_PRESENCE_LINES_MAX 100u /* lines of a message to other hubs */
/* Users whose changes are sent in one second, and the limit of sockets times
 * users in that time, which counts in a large tenant. */
#define HERE_TICK_MAX 16u
#define HERE_TOLD_MAX 4096u
#define HERE_EVERY_S 3u /* between two changes of one user */
/* A user is offline after this time without a socket, so that one who was sent
 * away by a drain and reconnects never seems to leave. */
#define HERE_GRACE_S 15u
#define HERE_BEAT_S 30u /* between two messages with the state of all users */
#define HERE_FAR_S 75u  /* without such a message the other hub has ended */
#define HERE_SCRATCH_MAX (1024u * 1024)
#define HERE_JSON_MAX 512u

static uint32_t hub_presence_limit(const hub_tenant_t *t);
static void hub_presence_user(hub_tenant_t *t, hub_user_t *u, uint32_t limit);
static void hub_presence_send(hub_tenant_t *t);
static void hub_presence_json(const hub_t *h, const pt_uuid_t *user,
                              const hub_presence_state_t *s, pt_buf_t *b);
static void hub_presence_all(hub_tenant_t *t);
static void hub_presence_publish(hub_tenant_t *t);
static hub_frame_t *hub_presence_list(hub_tenant_t *t, bool fresh,
                                      const hub_user_t *but);
static void         hub_presence_line(hub_tenant_t *t, pt_str_t line);

static const pt_str_t hub_presence_names[] = { { "offline", 7 },
                                               { "online", 6 },
                                               { "away", 4 } };
static const char     hub_presence_marks[] = "-oa";


void
hub_presence_join(hub_conn_t *c)
{
    hub_user_t *u;

    u = c->user;
    assert(c->counted && u->conns > 0);

    if (u->conns == 1) {
        u->local.status = HUB_PRESENCE_ONLINE;

    } else if (pt_uuid_is_nil(&c->watch)) {
        return;
    }

    u->local.viewing = c->watch;
    u->remote_last =
        pt_uuid_is_nil(&c->watch) && u->remote.status != HUB_PRESENCE_OFFLINE;
    u->spread = true;
    c->tenant->restless = true;
}


void
hub_presence_watch(hub_conn_t *c, const pt_uuid_t *before)
{
    hub_user_t *u;

    if (!c->counted) {
        return; /* It has not joined yet, or has left. */
    }

    u = c->user;

    if ((pt_uuid_is_nil(&c->watch) && !pt_uuid_eq(&u->local.viewing, before))) {
        return; /* Another socket of the user shows something else since. */
    }

    u->local.viewing = c->watch;
    u->remote_last = false;
    u->spread = true;
    c->tenant->restless = true;
}


bool
hub_presence_set(hub_conn_t *c, pt_str_t name)
{
    uint8_t status;

    assert(c->user != NULL && c->tenant != NULL);

    for (status = HUB_PRESENCE_ONLINE; status < PT_COUNT(hub_presence_names);
         status++)
    {
        if (pt_str_eq(name, hub_presence_names[status])) {
            c->user->local.status = status;
            c->user->remote_last = false;
            c->user->spread = true;
            c->tenant->restless = true;
            return true;
        }
    }

    return false;
}


void
hub_presence_tick(hub_tenant_t *t)
{
    uint32_t    now, limit;
    hub_user_t *u;

    now = t->hub->now_s;
    limit = hub_presence_limit(t);

    if (t->looked_s == now) {
        return;
    }

    t->looked_s = now;
    hub_frame_unref(&t->hub->conf.mem, t->list);
    t->list = NULL;

    if (t->remote_s != 0 && now - t->remote_s < HERE_FAR_S
        && (now + t->id.b[sizeof(t->id.b) - 1]) % HERE_BEAT_S == 0)
    {
        hub_presence_all(t);
    }

    if (!t->restless) {
        return;
    }

    t->restless = false;
    t->told = 0;

    for (u = t->users; u != NULL; u = u->next) {
        hub_presence_user(t, u, limit);
    }

    if (t->told > 0) {
        hub_presence_send(t);
    }

    hub_presence_publish(t);
}


void
hub_presence_announce(hub_conn_t *c)
{
    hub_tenant_t *t;

    t = c->tenant;

    if (t->nsaid == 0) {
        return;
    }

    if (t->list == NULL) {
        t->list = hub_presence_list(t, false, NULL);
    }

    /* When out of memory the list is NULL, and c learns of changes only. */
    hub_conn_push(c, t->list);
}


void
hub_presence_received(hub_tenant_t *t, pt_str_t text)
{
    size_t i;

    t->remote_s = t->hub->now_s;
    t->restless = true;

    if (pt_str_is(text, "?")) {
        hub_presence_all(t);
        return;
    }

    for (i = 1; i + HUB_PRESENCE_LINE <= text.len + 1; i += HUB_PRESENCE_LINE) {
        hub_presence_line(t,
                          (pt_str_t){ text.data + i, HUB_PRESENCE_LINE - 1 });
    }
}


void
hub_on_listening(hub_t *h, const pt_uuid_t *tenant)
{
    h->conf.ops->publish(h->conf.env, tenant, PT_STR(HUB_PRESENCE_HEAD "?"));
}


/* Returns how many users' changes may be sent in this second.  It is limited
 * because all sockets of a large tenant reconnect when a hub starts, and each
 * change is a frame for each of them. */

static uint32_t
hub_presence_limit(const hub_tenant_t *t)
{
    uint32_t n;

    n = HERE_TOLD_MAX / (t->nconns + 1) + 1;

    return n < HERE_TICK_MAX ? n : HERE_TICK_MAX;
}


static void
hub_presence_user(hub_tenant_t *t, hub_user_t *u, uint32_t limit)
{
    uint32_t                    now;
    const hub_presence_state_t *s;

    now = t->hub->now_s;

    if (u->remote.status != HUB_PRESENCE_OFFLINE
        && now - u->remote_s >= HERE_FAR_S) {
        memset(&u->remote, 0, sizeof(u->remote));
        u->left_s = now;
    }

    s = (u->conns > 0) ? &u->local : &u->remote;

    if (u->remote.status != HUB_PRESENCE_OFFLINE) {
        s = u->remote_last ? &u->remote : s;
        t->restless = true; /* The other hub may end without a message. */
    }

    if (s->status == u->announced.status
        && pt_uuid_eq(&s->viewing, &u->announced.viewing))
    {
        return;
    }

    if (u->announced.status == HUB_PRESENCE_OFFLINE
        && t->nsaid >= HUB_PRESENCE_MAX) {
        return; /* Presence has a limit of users, see docs/hub.md. */
    }

    if ((u->announced.status != HUB_PRESENCE_OFFLINE
         && now - u->announced_s < HERE_EVERY_S)
        || (s->status == HUB_PRESENCE_OFFLINE && now - u->left_s < HERE_GRACE_S)
        || t->told >= limit)
    {
        t->restless = true; /* It is sent in a later second. */
        return;
    }

    t->told++;
    t->nsaid += (u->announced.status == HUB_PRESENCE_OFFLINE) ? 1 : 0;
    t->nsaid -= (s->status == HUB_PRESENCE_OFFLINE) ? 1 : 0;
    u->announced = *s;
    u->announced_s = now;
    u->fresh = true;
}


/* Sends all changes of this second as one frame to each socket, without those
 * of its own user.  They are no logged events: a socket that accepts nothing
 * now misses them. */

static void
hub_presence_send(hub_tenant_t *t)
{
    hub_conn_t     *c;
    hub_user_t     *u;
    hub_frame_t    *f, *all;
    const pt_mem_t *mem;

    mem = &t->hub->conf.mem;
    all = hub_presence_list(t, true, NULL);

    for (u = t->users; u != NULL; u = u->next) {
        u->others = u->fresh ? hub_presence_list(t, true, u) : NULL;
    }

    for (c = t->conns; c != NULL; c = c->next) {
        f = c->user->fresh ? c->user->others : all;

        if (f != NULL && hub_send_is_open(c)) {
            hub_conn_push(c, f);
        }
    }

    for (u = t->users; u != NULL; u = u->next) {
        hub_frame_unref(mem, u->others);
        u->others = NULL;
        u->fresh = false;
    }

    hub_frame_unref(mem, all);
}


static void
hub_presence_json(const hub_t *h, const pt_uuid_t *user,
                  const hub_presence_state_t *s, pt_buf_t *b)
{
    pt_jw_t w;

    assert(s->status < PT_COUNT(hub_presence_names));
    pt_jw_init(&w, b);
    pt_jw_object(&w);
    pt_jw_key(&w, "event");
    pt_jw_str(&w, PT_STR("presence_updated"));
    pt_jw_key(&w, "data");
    pt_jw_object(&w);
    pt_jw_key(&w, "user_id");
    pt_jw_uuid(&w, user);
    pt_jw_key(&w, "status");
    pt_jw_str(&w, hub_presence_names[s->status]);
    pt_jw_key(&w, "viewing");
    pt_jw_uuid(&w, pt_uuid_is_nil(&s->viewing) ? NULL : &s->viewing);
    pt_jw_object_end(&w);
    pt_jw_key(&w, "timestamp");
    pt_jw_time(&w, h->conf.ops->wall_us(h->conf.env));
    pt_jw_object_end(&w);
}


/* Has the state of all users with sockets here published. */

static void
hub_presence_all(hub_tenant_t *t)
{
    hub_user_t *u;

    t->restless = true;

    for (u = t->users; u != NULL; u = u->next) {
        u->spread = u->spread || u->conns > 0;
    }
}


/* Publishes, for the other hubs, the users whose state changed here. */

static void
hub_presence_publish(hub_tenant_t *t)
{
    char text[sizeof(HUB_PRESENCE_HEAD)
              + HUB_PRESENCE_LINES_MAX * HUB_PRESENCE_LINE],
        *at;
    size_t      n;
    hub_user_t *u;

    memcpy(text, HUB_PRESENCE_HEAD, sizeof(HUB_PRESENCE_HEAD) - 1);
    at = text + sizeof(HUB_PRESENCE_HEAD) - 1;
    *at++ = '\n';
    n = 0;

    for (u = t->users; u != NULL && n < HUB_PRESENCE_LINES_MAX; u = u->next) {
        if (!u->spread) {
            continue;
        }

        assert(u->local.status <= HUB_PRESENCE_AWAY);
        u->spread = false;
        pt_uuid_build(&u->id, at);
        at[PT_UUID_LEN] = ' ';
        at[PT_UUID_LEN + 1] = hub_presence_marks[u->local.status];
        at[PT_UUID_LEN + 2] = ' ';
        pt_uuid_build(&u->local.viewing, at + PT_UUID_LEN + 3);
        at[HUB_PRESENCE_LINE - 1] = '\n';
        at += HUB_PRESENCE_LINE;
        n++;
    }

    if (n > 0) {
        t->restless = t->restless || u != NULL; /* the rest in a second */
        t->hub->conf.ops->publish(t->hub->conf.env, &t->id,
                                  (pt_str_t){ text, (size_t) (at - text) });
    }
}


/* Makes one frame of many with what clients are sent about users: about all who
 * are present, or (fresh) about those whose state has changed.  The user but is
 * left out; it may be NULL.  NULL: there are none, or out of memory. */

static hub_frame_t *
hub_presence_list(hub_tenant_t *t, bool fresh, const hub_user_t *but)
{
    uint8_t      head[HUB_WS_HEADER_MAX];
    uint16_t     n;
    pt_str_t     json;
    pt_buf_t     b, all;
    hub_user_t  *u;
    pt_arena_t  *a;
    hub_frame_t *f;

    a = pt_arena_new(&t->hub->conf.mem, HERE_SCRATCH_MAX);

    if (a == NULL) {
        return NULL;
    }

    n = 0;
    f = NULL;
    pt_buf_init(&all, a, HERE_SCRATCH_MAX / 2);

    for (u = t->users; u != NULL; u = u->next) {
        if (u == but
            || !(fresh ? u->fresh
                       : u->announced.status != HUB_PRESENCE_OFFLINE))
        {
            continue;
        }

        pt_buf_init(&b, a, HERE_JSON_MAX);
        hub_presence_json(t->hub, &u->id, &u->announced, &b);

        if (pt_buf_get(&b, &json) != PT_OK) {
            n = 0;
            break;
        }

        pt_buf_add(&all, head, hub_ws_header(head, HUB_WS_OP_TEXT, json.len));
        pt_buf_str_add(&all, json);
        n++;
    }

    if (n > 0 && pt_buf_get(&all, &json) == PT_OK) {
        f = hub_frame_many(&t->hub->conf.mem, HUB_EVENT_PRESENCE_UPDATED, n,
                           json);
    }

    pt_arena_del(a);

    return f;
}


static void
hub_presence_line(hub_tenant_t *t, pt_str_t line)
{
    pt_uuid_t            id, viewing;
    hub_presence_state_t was;
    hub_user_t          *u;
    const char          *mark;

    mark = strchr(hub_presence_marks, line.data[PT_UUID_LEN + 1]);

    if (mark == NULL || *mark == '\0'
        || !pt_uuid_parse((pt_str_t){ line.data, PT_UUID_LEN }, &id)
        || !pt_uuid_parse(
            (pt_str_t){ line.data + PT_UUID_LEN + 3, PT_UUID_LEN }, &viewing))
    {
        return;
    }

    u = (*mark == '-') ? hub_user_find(t, &id)
                       : hub_user_get(t, &id, PT_STR_NULL);

    if (u == NULL) {
        return; /* Out of memory, or a user whom we do not know left. */
    }

    if (*mark == '-') {
        u->left_s = (u->remote.status != HUB_PRESENCE_OFFLINE) ? t->hub->now_s
                                                               : u->left_s;
        u->spread = u->spread || u->conns > 0; /* It has not left here. */
    }

    was = u->remote;
    u->remote.status = (uint8_t) (mark - hub_presence_marks);
    u->remote.viewing = viewing;
    u->remote_s = t->hub->now_s;

    if ((was.status != u->remote.status && was.status != HUB_PRESENCE_OFFLINE)
        || !pt_uuid_eq(&was.viewing, &viewing))
    {
        u->remote_last = true; /* The user did something there. */
    }
}
