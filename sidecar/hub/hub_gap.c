/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_gap.c: what a tenant missed: events that came too early, and the
 * question to the log.
 */

#include "hub_int.h"

static bool hub_tenant_is_other(const hub_tenant_t *t, const hub_row_t *rows,
                                size_t n);
static void hub_tenant_fill_add(hub_tenant_t *t, const hub_row_t *rows,
                                size_t n);


void
hub_tenant_filled(hub_tenant_t *t, pt_err_t err, const hub_row_t *rows,
                  size_t n)
{
    bool old;

    old = t->fill_epoch != t->epoch;
    t->filling = false;

    if (t->state != HUB_TENANT_READY) {
        return;
    }

    if (err != PT_OK) {
        t->retry_ms = hub_now_ms(t->hub) + HUB_RETRY_MS;
        hub_tenant_hole(t, t->known);
        return;
    }

    if (!old && hub_tenant_is_other(t, rows, n)) {
        hub_tenant_rewound(t);
        return;
    }

    if (!old) {
        hub_tenant_fill_add(t, rows, n);
    }

    if (t->again || old) {
        t->again = false;
        hub_tenant_fill(t);
    }

    hub_tenant_dirty(t);
}


/* Looks at the log once more: the number of the query that will know.  What
 * was asked before may not. */

uint32_t
hub_tenant_verify(hub_tenant_t *t)
{
    uint32_t number;

    number = t->asked + 1;

    if (t->filling) {
        t->again = true;

    } else {
        hub_tenant_fill(t);
    }

    return number;
}


/* Whether that query, or a later one, has read up to the end. */

bool
hub_tenant_verified(const hub_tenant_t *t, uint32_t number)
{
    return (int32_t) (t->ended - number) >= 0;
}


/* One query at a time: from our last event (whose id must be ours) on. */

void
hub_tenant_fill(hub_tenant_t *t)
{
    hub_t *h;

    h = t->hub;

    if (t->filling) {
        return;
    }

    if (h->conf.ops->load_events(h->conf.env, &t->id, t->ring.head,
                                 t->ring.head + (int64_t) HUB_PAGE_EVENTS)
        != PT_OK)
    {
        t->retry_ms = hub_now_ms(h) + HUB_RETRY_MS;
        hub_tenant_hole(t, t->known);
        return;
    }

    h->queries++;
    t->asked++;
    t->filling = true;
    t->fill_epoch = t->epoch;
    t->fill_first = t->ring.head;
    t->fill_known = t->known;
}


void
hub_tenant_hole(hub_tenant_t *t, int64_t seq)
{
    t->known = seq > t->known ? seq : t->known;

    if (t->hole_ms == 0) {
        t->hole_ms = hub_now_ms(t->hub);
        t->hub->holes++;
    }

    t->hub->waiting = true;
}


void
hub_tenant_stash(hub_tenant_t *t, int64_t seq, const pt_uuid_t *id,
                 pt_str_t frame)
{
    hub_out_t *o;

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


/* Takes from the stash what is next now, drops what is past. */

void
hub_tenant_unstash(hub_tenant_t *t)
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

            *at = o->next;
            t->nstash--;

            if (o->frame->seq == t->ring.head + 1
                && hub_room_add(t, o->frame) == PT_OK) {
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
hub_tenant_stash_free(hub_tenant_t *t)
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


/* Whether the log is not the one our ring is of: the event that was our head
 * when we asked is the first row, unless it has expired. */

static bool
hub_tenant_is_other(const hub_tenant_t *t, const hub_row_t *rows, size_t n)
{
    size_t             i;
    const hub_frame_t *f;

    if (t->fill_first == 0) {
        return false;
    }

    if (n == 0) { /* all may have expired: if we never had it, it had */
        return hub_ring_find(&t->ring, t->fill_first) != NULL;
    }

    if (rows[0].seq > t->fill_first + 1) {
        return true;
    }

    if (rows[0].seq == t->ring.head
        && !pt_uuid_eq(&rows[0].id, &t->ring.head_id)) {
        return true;
    }

    for (i = 0; i < n && rows[i].seq <= t->ring.head; i++) {
        f = hub_ring_find(&t->ring, rows[i].seq);

        if (f != NULL && !pt_uuid_eq(&f->id, &rows[i].id)) {
            return true;
        }
    }

    return false;
}


static void
hub_tenant_fill_add(hub_tenant_t *t, const hub_row_t *rows, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (rows[i].seq <= t->ring.head) {
            continue; /* a doorbell was faster, or the first of them */
        }

        if (rows[i].seq != t->ring.head + 1
            || hub_tenant_add(t, rows[i].seq, &rows[i].id, rows[i].frame)
                   != PT_OK)
        {
            t->retry_ms = hub_now_ms(t->hub) + HUB_RETRY_MS;
            hub_tenant_unstash(t);
            hub_tenant_hole(t, t->known);
            return; /* again later */
        }
    }

    hub_tenant_unstash(t);

    if (n > 0 && rows[n - 1].seq == t->fill_first + (int64_t) HUB_PAGE_EVENTS) {
        t->again = true; /* there may be more */
        return;
    }

    t->ended = t->asked;

    if (t->known <= t->ring.head || t->known == t->fill_known) {
        hub_tenant_stash_free(t); /* whatever was said: this is the log */
        t->known = t->ring.head;
        t->hole_ms = 0;
    }
}
