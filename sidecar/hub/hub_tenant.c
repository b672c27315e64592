/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_tenant.c: a tenant in memory: it is made and freed, sockets join and
 * leave it, and doorbells and polls announce its events.
 */

#include <assert.h>

#include "hub_int.h"

static uint32_t hub_tenant_bucket(const pt_uuid_t *id);
static void     hub_tenant_users_free(hub_tenant_t *t);


hub_tenant_t *
hub_tenant_find(hub_t *h, const pt_uuid_t *id)
{
    hub_tenant_t *t;

    for (t = h->tenants[hub_tenant_bucket(id)]; t != NULL; t = t->next) {
        if (pt_uuid_eq(&t->id, id)) {
            return t;
        }
    }

    return NULL;
}


hub_tenant_t *
hub_tenant_get(hub_t *h, const pt_uuid_t *id)
{
    uint32_t      b;
    hub_tenant_t *t;

    t = hub_tenant_find(h, id);

    if (t != NULL) {
        return t;
    }

    t = hub_alloc(h, sizeof(hub_tenant_t));

    if (t == NULL) {
        return NULL;
    }

    memset(t, 0, sizeof(*t));
    t->hub = h;
    t->id = *id;
    hub_memory_idle(t);
    t->labelled = h->nlabelled < HUB_LABELS_MAX;
    h->nlabelled += t->labelled ? 1 : 0;
    hub_ring_init(&t->ring, 0, NULL);

    b = hub_tenant_bucket(id);
    t->next = h->tenants[b];
    h->tenants[b] = t;
    h->ntenants++;
    h->conf.ops->tenant_on(h->conf.env, id);

    return t;
}


bool
hub_tenant_is_idle(const hub_tenant_t *t)
{
    return t->nconns == 0 && !t->dirty && t->state != HUB_TENANT_LOADING
           && !t->filling && !t->reaching;
}


void
hub_tenant_del(hub_tenant_t *t)
{
    hub_t         *h;
    hub_tenant_t **at;

    h = t->hub;
    assert(t->conns == NULL && t->nconns == 0 && !t->dirty);

    for (at = &h->tenants[hub_tenant_bucket(&t->id)]; *at != t;
         at = &(*at)->next) {
        assert(*at != NULL);
    }

    h->conf.ops->tenant_off(h->conf.env, &t->id);
    *at = t->next;
    h->ntenants--;
    hub_memory_busy(t);
    h->nlabelled -= t->labelled ? 1 : 0;

    hub_page_drop_all(t);
    hub_log_stash_free(t);
    hub_tenant_users_free(t);
    hub_memory_free(t);
    hub_frame_unref(&h->conf.mem, t->sync);
    hub_frame_unref(&h->conf.mem, t->list);
    hub_free(h, t);
}


void
hub_tenant_loaded(hub_tenant_t *t, pt_err_t err, int64_t head,
                  const pt_uuid_t *head_id, const hub_row_t *rows, size_t n)
{
    size_t i;

    if (t->state != HUB_TENANT_LOADING) {
        return;
    }

    t->state = HUB_TENANT_NEW;
    t->retry_ms = hub_now_ms(t->hub) + HUB_RETRY_MS;

    if (err != PT_OK) {
        return;
    }

    hub_memory_free(t);
    hub_ring_init(&t->ring, head, head_id);

    if (n > 0) {
        hub_ring_init(&t->ring, rows[0].seq - 1, NULL);
    }

    for (i = 0; i < n; i++) {
        if (rows[i].seq != t->ring.head + 1
            || hub_log_add(t, rows[i].seq, &rows[i].id, rows[i].frame) != PT_OK)
        {
            return; /* Out of memory, or a hole in the log: later again. */
        }
    }

    t->state = HUB_TENANT_READY;
    t->retry_ms = 0;
    t->hole_ms = 0;
    t->poll_seq = 0; /* A poll under way was about the former ring. */
    t->epoch++;
    hub_log_dirty(t);

    if (t->known > t->ring.head) {
        hub_gap_open(t, t->known);
    }
}


void
hub_tenant_bell(hub_tenant_t *t, int64_t seq, pt_str_t frame)
{
    bool               has_id;
    pt_uuid_t          id;
    const hub_frame_t *f;

    has_id = frame.data != NULL && hub_frame_id(frame, &id);

    if (t->state != HUB_TENANT_READY) {
        t->known = seq > t->known ? seq : t->known;
        return;
    }

    if (seq <= t->ring.head) {
        t->hub->duplicates++;
        f = hub_ring_find(&t->ring, seq);

        if (has_id && f != NULL && !pt_uuid_eq(&f->id, &id)) {
            hub_gap_verify(t); /* Was the log rewound?  It is asked. */
        }

        return;
    }

    if (seq > t->ring.head + 1 || !has_id) {
        if (has_id) {
            hub_log_stash(t, seq, &id, frame);
        }

        hub_gap_open(t, seq);
        return;
    }

    if (hub_log_add(t, seq, &id, frame) != PT_OK) {
        hub_gap_open(t, seq);
        return;
    }

    hub_log_unstash(t);
    hub_log_dirty(t);
}


/* The row is compared with the head that we had when the poll was asked.  If it
 * is older or another event, the log was rewound. */

void
hub_tenant_head(hub_tenant_t *t, int64_t seq, const pt_uuid_t *id)
{
    if (t->state != HUB_TENANT_READY) {
        return;
    }

    if (seq < t->poll_seq
        || (seq == t->poll_seq && seq > 0 && !pt_uuid_eq(id, &t->poll_id)))
    {
        hub_log_rewound(t);
        return;
    }

    if (seq > t->ring.head) {
        hub_gap_open(t, seq);
    }
}


void
hub_tenant_join(hub_conn_t *c)
{
    assert(c->tenant != NULL);
    c->state = HUB_CONN_TENANT;
    hub_log_load(c->tenant);
}


void
hub_tenant_leave(hub_conn_t *c)
{
    hub_tenant_t *t;

    t = c->tenant;
    assert(t != NULL && t->nconns > 0);

    if (c->typing != NULL && c->typing->active) {
        hub_send_typing(c, false);
    }

    hub_user_leave(c);
    hub_conn_unlink(c, &t->conns);
    t->nconns--;
    c->tenant = NULL;

    if (t->nconns == 0) {
        hub_memory_idle(t);
    }
}


/* What is tried again: loads and pages that failed, and holes that are older
 * than mere reordering would make them. */

void
hub_tenant_tick(hub_tenant_t *t)
{
    int64_t now;

    now = hub_now_ms(t->hub);

    if (t->state == HUB_TENANT_NEW && t->nconns > 0) {
        hub_log_load(t);
        t->hub->waiting = true;
        return;
    }

    if (t->hole_ms != 0) {
        t->hub->waiting = true;

        if (now - t->hole_ms >= (int64_t) HUB_REORDER_MS && now >= t->retry_ms)
        {
            hub_gap_fill(t);
        }
    }

    if (t->behind) {
        t->behind = false;
        hub_log_dirty(t);
    }
}


void
hub_tenant_forget(hub_t *h)
{
    size_t        enough;
    hub_tenant_t *t, *next;

    enough = hub_memory_enough(h);

    for (t = h->idle; t != NULL && h->ring_bytes > enough; t = next) {
        next = t->idle_next;

        if (hub_tenant_is_idle(t)) {
            hub_tenant_del(t);
        }
    }
}


static uint32_t
hub_tenant_bucket(const pt_uuid_t *id)
{
    uint32_t h;

    /* The end of a UUID version 7 is random. */
    memcpy(&h, id->b + 12, sizeof(h));

    return h % HUB_TENANTS_BUCKETS;
}


static void
hub_tenant_users_free(hub_tenant_t *t)
{
    hub_user_t *u;

    while (t->users != NULL) {
        u = t->users;
        t->users = u->next;
        hub_free(t->hub, u->name);
        hub_free(t->hub, u);
    }
}
