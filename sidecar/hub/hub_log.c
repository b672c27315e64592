/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_log.c: the end of the event log of a tenant: new events are appended,
 * those that came before their turn are kept for later, and a log that is
 * another one than before is loaded anew.
 */

#include <assert.h>

#include "hub_int.h"


void
hub_log_load(hub_tenant_t *t)
{
    hub_t *h;

    h = t->hub;

    if (t->state != HUB_TENANT_NEW || hub_now_ms(h) < t->retry_ms) {
        return;
    }

    if (h->conf.ops->load_tenant(h->conf.env, &t->id, HUB_RING_EVENTS_MAX)
        != PT_OK) {
        t->retry_ms = hub_now_ms(h) + HUB_RETRY_MS;
        return;
    }

    h->queries++;
    t->state = HUB_TENANT_LOADING;
}


pt_err_t
hub_log_add(hub_tenant_t *t, int64_t seq, const pt_uuid_t *id, pt_str_t frame)
{
    pt_err_t     err;
    hub_frame_t *f;

    assert(seq == t->ring.head + 1);
    f = hub_frame_new(&t->hub->conf.mem, HUB_WS_OP_TEXT, seq, id, frame);

    if (f == NULL) {
        return PT_ENOMEM;
    }

    f->owner = t;

    err = hub_memory_add(t, f);

    if (err != PT_OK) {
        hub_frame_unref(&t->hub->conf.mem, f);
        return err;
    }

    t->known = seq > t->known ? seq : t->known;

    return PT_OK;
}


void
hub_log_dirty(hub_tenant_t *t)
{
    if (!t->dirty) {
        t->dirty = true;
        t->dirty_next = t->hub->dirty_tenants;
        t->hub->dirty_tenants = t;
    }
}


void
hub_log_rewound(hub_tenant_t *t)
{
    hub_conn_t *c;

    hub_page_drop_all(t);
    hub_log_stash_free(t);
    hub_memory_free(t);
    hub_ring_init(&t->ring, 0, NULL);
    hub_frame_unref(&t->hub->conf.mem, t->sync);
    t->sync = NULL;
    t->known = 0;
    t->hole_ms = 0;
    t->retry_ms = 0;
    t->again = false;
    t->poll_seq = 0;
    t->reach_head = 0;
    t->epoch++;
    t->state = HUB_TENANT_NEW;
    t->hub->rewinds++;

    for (c = t->conns; c != NULL; c = c->next) {
        if (c->state == HUB_CONN_LIVE) {
            c->state = HUB_CONN_TENANT;
            c->rewound = true;
        }

        c->verify = 0; /* It asks again, about the new log. */
    }

    hub_log_load(t);
}


void
hub_log_stash(hub_tenant_t *t, int64_t seq, const pt_uuid_t *id, pt_str_t frame)
{
    hub_out_t *o;

    assert(seq > t->ring.head + 1);

    if (t->nstash >= HUB_STASH_MAX) {
        return;
    }

    o = hub_alloc(t->hub, sizeof(hub_out_t));

    if (o == NULL) {
        return;
    }

    o->frame = hub_frame_new(&t->hub->conf.mem, HUB_WS_OP_TEXT, seq, id, frame);

    if (o->frame == NULL) {
        hub_free(t->hub, o);
        return;
    }

    o->frame->owner = t;
    o->next = t->stash;
    t->stash = o;
    t->nstash++;
}


void
hub_log_unstash(hub_tenant_t *t)
{
    bool        again;
    hub_out_t **at, *o;

    do {
        again = false;

        for (at = &t->stash; *at != NULL; /* void */) {
            o = *at;

            if (o->frame->seq > t->ring.head + 1) {
                at = &o->next;
                continue;
            }

            assert(t->nstash > 0);
            *at = o->next;
            t->nstash--;

            if (o->frame->seq == t->ring.head + 1
                && hub_memory_add(t, o->frame) == PT_OK) {
                again = true;

            } else {
                hub_frame_unref(&t->hub->conf.mem, o->frame);
            }

            hub_free(t->hub, o);
        }

    } while (again && t->stash != NULL);

    if (t->known <= t->ring.head) {
        t->hole_ms = 0;
    }
}


void
hub_log_stash_free(hub_tenant_t *t)
{
    hub_out_t *o;

    while (t->stash != NULL) {
        o = t->stash;
        t->stash = o->next;
        hub_frame_unref(&t->hub->conf.mem, o->frame);
        hub_free(t->hub, o);
    }

    t->nstash = 0;
}
