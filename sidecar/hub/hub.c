/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub.c: a hub as a whole: it is made and freed, hands news to the tenant they
 * are about, and does what is due with every tick and every turn of the loop.
 */

#include <assert.h>

#include "hub_int.h"

#define HUB_INDEX_MIN 64u

static void hub_flush_tenants(hub_t *h);
static void hub_flush_conns(hub_t *h);
static void hub_flush_dead(hub_t *h);
static void hub_tick_tenants(hub_t *h);


pt_err_t
hub_new(const hub_conf_t *conf, hub_t **out)
{
    size_t n;
    hub_t *h;

    assert(conf->ops != NULL && conf->mem.alloc != NULL);

    h = conf->mem.alloc(conf->mem.user, sizeof(hub_t));

    if (h == NULL) {
        return PT_ENOMEM;
    }

    memset(h, 0, sizeof(*h));
    h->conf = *conf;
    memcpy(h->rand.seed, conf->seed, sizeof(h->rand.seed));
    h->now_s = (uint32_t) (hub_now_ms(h) / 1000);
    h->ping = hub_frame_new(&h->conf.mem, HUB_WS_OP_PING, 0, NULL, PT_STR(""));

    for (n = HUB_INDEX_MIN; n < conf->conns_max / 4; n *= 2) {
        /* at full load there are about four connections an entry */
    }

    assert((n & (n - 1)) == 0);
    h->index = hub_alloc(h, n * sizeof(hub_conn_t *));

    if (h->ping == NULL || h->index == NULL) {
        hub_del(h);
        return PT_ENOMEM;
    }

    memset(h->index, 0, n * sizeof(hub_conn_t *));
    h->index_mask = n - 1;

    *out = h;

    return PT_OK;
}


void
hub_del(hub_t *h)
{
    size_t i;

    if (h == NULL) {
        return;
    }

    hub_flush(h);
    assert(h->nconns == 0);

    for (i = 0; i < HUB_TENANTS_BUCKETS; i++) {
        while (h->tenants[i] != NULL) {
            hub_tenant_del(h->tenants[i]);
        }
    }

    assert(h->ntenants == 0 && h->nlabelled == 0 && h->idle == NULL);
    assert(h->npages == 0 && h->page_bytes == 0 && h->ring_bytes == 0);
    hub_frame_unref(&h->conf.mem, h->ping);
    hub_free(h, h->index);
    h->conf.mem.free(h->conf.mem.user, h);
}


void
hub_on_tenant(hub_t *h, const pt_uuid_t *tenant, pt_err_t err, int64_t head,
              const pt_uuid_t *head_id, const hub_row_t *rows, size_t n)
{
    hub_tenant_t *t;

    t = hub_tenant_find(h, tenant);

    if (t != NULL) {
        hub_tenant_loaded(t, err, head, head_id, rows, n);
    }
}


void
hub_on_events(hub_t *h, const pt_uuid_t *tenant, pt_err_t err, int64_t first,
              int64_t last, const hub_row_t *rows, size_t n)
{
    hub_page_t   *p;
    hub_tenant_t *t;

    t = hub_tenant_find(h, tenant);

    if (t == NULL) {
        return;
    }

    if (last - first == (int64_t) HUB_PAGE_EVENTS) {
        if (t->filling) {
            hub_gap_filled(t, err, rows, n);
        }

        return;
    }

    p = hub_page_find(t, first);

    if (p == NULL || !p->loading) {
        return;
    }

    hub_page_fill(p, err, rows, n);

    if (err == PT_OK) {
        hub_log_dirty(t);

    } else {
        t->behind = true;
    }
}


void
hub_on_reach(hub_t *h, const pt_uuid_t *tenant, pt_err_t err, int64_t seq)
{
    hub_tenant_t *t;

    t = hub_tenant_find(h, tenant);

    if (t != NULL && t->reaching) {
        hub_resume_reached(t, err, seq);
    }
}


void
hub_on_bell(hub_t *h, const pt_uuid_t *tenant, pt_str_t payload)
{
    size_t        i;
    int64_t       seq;
    pt_str_t      frame;
    hub_tenant_t *t;

    t = hub_tenant_find(h, tenant);

    if (t == NULL) {
        return;
    }

    for (i = 0; i < payload.len && payload.data[i] != ' '; i++) {
        /* the number ends at the first blank */
    }

    if (!pt_i64_parse((pt_str_t){ payload.data, i }, &seq) || seq <= 0) {
        return;
    }

    frame = PT_STR_NULL;

    if (i + 1 < payload.len) {
        frame.data = payload.data + i + 1;
        frame.len = payload.len - i - 1;
    }

    hub_tenant_bell(t, seq, frame);
}


void
hub_on_ephemeral(hub_t *h, const pt_uuid_t *tenant, pt_str_t payload)
{
    pt_uuid_t     conversation, author;
    pt_str_t      json;
    hub_tenant_t *t;

    t = hub_tenant_find(h, tenant);

    if (t != NULL && payload.len > sizeof(HUB_PRESENCE_HEAD) - 1
        && memcmp(payload.data, HUB_PRESENCE_HEAD,
                  sizeof(HUB_PRESENCE_HEAD) - 1)
               == 0)
    {
        payload.data += sizeof(HUB_PRESENCE_HEAD) - 1;
        payload.len -= sizeof(HUB_PRESENCE_HEAD) - 1;
        hub_presence_received(t, payload);
        return;
    }

    if (t == NULL || t->nconns == 0 || payload.len <= HUB_EPHEMERAL_HEAD
        || !pt_uuid_parse((pt_str_t){ payload.data, PT_UUID_LEN },
                          &conversation)
        || !pt_uuid_parse(
            (pt_str_t){ payload.data + PT_UUID_LEN + 1, PT_UUID_LEN }, &author))
    {
        return;
    }

    json.data = payload.data + HUB_EPHEMERAL_HEAD;
    json.len = payload.len - HUB_EPHEMERAL_HEAD;

    if (pt_utf8_is(json)) {
        hub_send_ephemeral(t, &conversation, &author, json);
    }
}


void
hub_on_head(hub_t *h, const pt_uuid_t *tenant, int64_t seq, const pt_uuid_t *id)
{
    hub_tenant_t *t;

    t = hub_tenant_find(h, tenant);

    if (t != NULL) {
        hub_tenant_head(t, seq, id);
    }
}


void
hub_on_revoked(hub_t *h, const pt_uuid_t *tenant, const pt_uuid_t *session)
{
    hub_conn_t   *c;
    hub_tenant_t *t;

    t = hub_tenant_find(h, tenant);

    for (c = (t == NULL) ? NULL : t->conns; c != NULL; c = c->next) {

        if (pt_uuid_eq(&c->session, session)) {
            hub_conn_close(c, HUB_CLOSE_REVOKED, "session ended");
        }
    }
}


void
hub_on_doubt(hub_t *h, const pt_uuid_t *tenant, const pt_uuid_t *session)
{
    hub_conn_t   *c;
    hub_tenant_t *t;

    t = hub_tenant_find(h, tenant);

    for (c = (t == NULL) ? NULL : t->conns; c != NULL; c = c->next) {

        if (c->state < HUB_CONN_CLOSING && pt_uuid_eq(&c->session, session)) {
            /* A look-up under way may have read the row before it changed, so
             * another one follows it. */
            c->doubted = c->checking;
            hub_session_check(c);
        }
    }
}


void
hub_tenants_each(hub_t *h, void (*each)(void *data, const pt_uuid_t *tenant),
                 void  *data)
{
    size_t        i;
    hub_tenant_t *t;

    for (i = 0; i < HUB_TENANTS_BUCKETS; i++) {
        for (t = h->tenants[i]; t != NULL; t = t->next) {
            if (t->nconns > 0) {
                t->poll_seq = t->ring.head;
                t->poll_id = t->ring.head_id;
                each(data, &t->id);
            }
        }
    }
}


void
hub_press(hub_t *h, bool pressed)
{
    h->pressed = pressed;
}


void
hub_tick(hub_t *h)
{
    uint32_t now;

    now = (uint32_t) (hub_now_ms(h) / 1000);
    hub_timer_run(h, now);
    hub_tick_tenants(h);
    hub_flush(h);
}


void
hub_flush(hub_t *h)
{
    do {
        hub_flush_tenants(h);
        hub_flush_conns(h);
        hub_flush_dead(h);
    } while (h->dirty_tenants != NULL);

    if (hub_memory_is_over(h)) {
        hub_tenant_forget(h);
        hub_memory_halve(h);
    }
}


bool
hub_is_waiting(const hub_t *h)
{
    return h->waiting;
}


bool
hub_is_dirty(const hub_t *h)
{
    return h->dirty_conns != NULL;
}


void
hub_abort(hub_t *h)
{
    size_t        i;
    hub_conn_t   *c;
    hub_tenant_t *t;

    for (c = h->strangers; c != NULL; c = c->next) {
        hub_conn_drop(c);
    }

    for (i = 0; i < HUB_TENANTS_BUCKETS; i++) {
        for (t = h->tenants[i]; t != NULL; t = t->next) {
            for (c = t->conns; c != NULL; c = c->next) {
                hub_conn_drop(c);
            }
        }
    }

    hub_flush(h);
}


void
hub_tenants_all(hub_t *h, void (*each)(void *data, const pt_uuid_t *tenant),
                void  *data)
{
    size_t        i;
    hub_tenant_t *t;

    for (i = 0; i < HUB_TENANTS_BUCKETS; i++) {
        for (t = h->tenants[i]; t != NULL; t = t->next) {
            each(data, &t->id);
        }
    }
}


uint32_t
hub_tenants(const hub_t *h)
{
    return h->ntenants;
}


uint32_t
hub_conns(const hub_t *h)
{
    return h->nconns;
}


uint32_t
hub_conns_waiting(const hub_t *h)
{
    return h->nstrangers;
}


/* Writes what is new for a tenant to all of its sockets.  It is done once a
 * turn, however many events came in it. */

static void
hub_flush_tenants(hub_t *h)
{
    hub_conn_t   *c, *next;
    hub_tenant_t *t;

    while (h->dirty_tenants != NULL) {
        t = h->dirty_tenants;
        assert(t->dirty);
        h->dirty_tenants = t->dirty_next;
        t->dirty = false;

        for (c = t->conns; c != NULL; c = next) {
            next = c->next;

            if (t->state == HUB_TENANT_READY
                && (c->state == HUB_CONN_TENANT || c->state == HUB_CONN_RESUME))
            {
                hub_resume(c);
            }

            if (!c->blocked) {
                hub_write_conn(c);
            }
        }
    }
}


static void
hub_flush_conns(hub_t *h)
{
    hub_conn_t *c, *list;

    list = h->dirty_conns;
    h->dirty_conns = NULL;

    while (list != NULL) {
        c = list;
        list = c->dirty_next;
        assert(c->dirty);
        c->dirty = false;

        if (c->state != HUB_CONN_DEAD && !c->blocked) {
            hub_write_conn(c);
        }
    }
}


/* Frees the connections that have ended.  It is the only place that does so,
 * because here no list of connections is being walked. */

static void
hub_flush_dead(hub_t *h)
{
    hub_conn_t *c, *list, **at;

    while (h->dead != NULL) {
        list = h->dead;
        h->dead = NULL;

        for (at = &h->dirty_conns; *at != NULL; /* void */) {
            c = *at;

            if (c->state == HUB_CONN_DEAD) {
                *at = c->dirty_next;
                c->dirty = false;

            } else {
                at = &c->dirty_next;
            }
        }

        while (list != NULL) {
            c = list;
            list = c->wheel_next;
            /* It may send a typing_stop to others, and one of them that has no
             * room for it is dropped: so h->dead is looked at again. */
            hub_client_free(c);
        }
    }
}


static void
hub_tick_tenants(hub_t *h)
{
    size_t        i;
    hub_tenant_t *t, *next;

    h->waiting = false;

    for (i = 0; i < HUB_TENANTS_BUCKETS; i++) {
        for (t = h->tenants[i]; t != NULL; t = next) {
            next = t->next;
            hub_tenant_tick(t);
            hub_presence_tick(t);

            if (hub_tenant_is_idle(t)
                && h->now_s - t->idle_s > HUB_TENANT_IDLE_S) {
                hub_tenant_del(t);
            }
        }
    }
}
