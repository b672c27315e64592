/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_resume.c: finds out whether a connection can go on where it was.
 */

#include <assert.h>

#include "hub_int.h"

static const char *hub_resume_check(hub_conn_t *c, bool *wait);
static const char *hub_resume_ahead(hub_conn_t *c, bool *wait);
static bool        hub_resume_is_far(hub_conn_t *c, bool *wait);
static bool        hub_resume_id(const hub_conn_t *c, const pt_uuid_t *id);


void
hub_resume(hub_conn_t *c)
{
    bool          wait;
    const char   *why;
    hub_tenant_t *t;

    t = c->tenant;
    assert(t != NULL && t->state == HUB_TENANT_READY);
    wait = false;
    why = NULL;

    if (c->rewound) {
        c->rewound = false;
        c->state = HUB_CONN_LIVE;
        hub_send_resync(c, "rewound");
        return;
    }

    if (c->has_since) {
        why = hub_resume_check(c, &wait);
    }

    if (wait) {
        c->state = HUB_CONN_RESUME;
        return;
    }

    c->state = HUB_CONN_LIVE;
    c->resumed = c->has_since && why == NULL;
    c->want_sync = c->resumed;
    c->cursor = c->resumed ? c->since_seq + 1 : t->ring.head + 1;
    hub_send_success(c, c->resumed,
                     (c->resumed && c->cursor <= t->ring.head) ? c->cursor : 0);

    if (c->resumed) {
        t->hub->resumed++;
    }

    if (why != NULL) {
        hub_send_resync(c, why);
    }

    hub_presence_announce(c);
    hub_conn_dirty(c);
}


hub_frame_t *
hub_resume_frame(hub_tenant_t *t, int64_t seq, bool *gone)
{
    hub_page_t  *p;
    hub_frame_t *f;

    assert(seq > 0 && seq <= t->ring.head);
    *gone = false;
    f = hub_ring_find(&t->ring, seq);

    if (f != NULL) {
        return f;
    }

    p = hub_page_find(t, seq);

    if (p != NULL && p->loading) {
        return NULL;
    }

    if (p != NULL) {
        f = p->frames[seq - p->first];

        if (f != NULL || seq <= p->top) {
            *gone = (f == NULL);
            return f;
        }

        hub_page_del(p); /* It was read before that event was logged. */
    }

    if (!hub_page_load(t, seq)) {
        t->behind = true;
    }

    return NULL;
}


/* Returns why the client cannot resume, which it is told with the resync.
 * NULL: it can, or, with *wait, that is not known yet. */

static const char *
hub_resume_check(hub_conn_t *c, bool *wait)
{
    bool               gone;
    int64_t            seq;
    hub_ring_t        *r;
    const hub_frame_t *f;

    r = &c->tenant->ring;
    seq = c->since_seq;

    if (seq > r->head) {
        return hub_resume_ahead(c, wait);
    }

    if (r->head - seq > HUB_REPLAY_MAX) {
        return "too_far";
    }

    if (seq == r->head) {
        return hub_resume_id(c, &r->head_id) ? NULL : "rewound";
    }

    if (seq > 0 && seq == r->low - 1 && !pt_uuid_is_nil(&r->below_id)) {
        return hub_resume_id(c, &r->below_id) ? NULL : "rewound";
    }

    if (seq < r->low - 1 && hub_resume_is_far(c, wait)) {
        return "too_far";
    }

    if (*wait) {
        return NULL;
    }

    if (seq > 0) {
        f = hub_resume_frame(c->tenant, seq, &gone);

        if (f != NULL) {
            return hub_resume_id(c, &f->id) ? NULL : "rewound";
        }

        if (!gone) {
            *wait = true;
            return NULL;
        }
    }

    /* The event that the client had last has expired, or it had none: it can
     * resume if the one that follows is still there. */

    f = hub_resume_frame(c->tenant, seq + 1, &gone);
    *wait = (f == NULL && !gone);

    return gone ? "expired" : NULL;
}


/* The client has had more events than our ring.  Either a doorbell was lost and
 * we do not know them yet, or the log was rewound: so the log is asked. */

static const char *
hub_resume_ahead(hub_conn_t *c, bool *wait)
{
    hub_tenant_t *t;

    t = c->tenant;

    if (c->verify == 0) {
        c->verify = hub_gap_verify(t);
        *wait = true;
        return NULL;
    }

    *wait = !hub_gap_verified(t, c->verify);

    return *wait ? NULL : "rewound";
}


/* Returns whether the client has missed more than HUB_REPLAY_BYTES; with *wait
 * that is not known yet.  The ring is never as large.  For what lies below it
 * the log is asked where that many bytes begin; the answer serves all clients
 * until a page of events has been added. */

static bool
hub_resume_is_far(hub_conn_t *c, bool *wait)
{
    hub_t        *h;
    hub_ring_t   *r;
    hub_tenant_t *t;

    t = c->tenant;
    h = t->hub;
    r = &t->ring;

    if (!t->reaching && t->reach_head != 0
        && r->head - t->reach_head < (int64_t) HUB_PAGE_EVENTS)
    {
        return c->since_seq < t->reach;
    }

    *wait = true;

    if (t->reaching) {
        return false;
    }

    if (h->conf.ops->load_reach(h->conf.env, &t->id,
                                r->head - HUB_REPLAY_MAX + 1, r->low - 1,
                                HUB_REPLAY_BYTES - (int64_t) r->bytes)
        != PT_OK)
    {
        t->behind = true;
        return false;
    }

    h->queries++;
    t->reaching = true;
    t->reach_head = r->head; /* It counts once the answer has come. */
    t->reach_epoch = t->epoch;

    return false;
}


void
hub_resume_reached(hub_tenant_t *t, pt_err_t err, int64_t seq)
{
    assert(t->reaching);
    t->reaching = false;

    if (err != PT_OK || t->reach_epoch != t->epoch) {
        t->reach_head = 0;
        t->behind = true; /* The next tick asks again. */
        return;
    }

    t->reach = seq;
    hub_log_dirty(t);
}


static bool
hub_resume_id(const hub_conn_t *c, const pt_uuid_t *id)
{
    return !c->has_since_id || pt_uuid_is_nil(id)
           || pt_uuid_eq(&c->since_id, id);
}
