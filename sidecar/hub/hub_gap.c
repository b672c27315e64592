/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_gap.c: events that a tenant has missed, and the query of the log for
 * them.
 */

#include <assert.h>

#include "hub_int.h"

static bool hub_gap_is_other(const hub_tenant_t *t, const hub_row_t *rows,
                             size_t n);
static void hub_gap_fill_add(hub_tenant_t *t, const hub_row_t *rows, size_t n);


void
hub_gap_filled(hub_tenant_t *t, pt_err_t err, const hub_row_t *rows, size_t n)
{
    bool old;

    assert(t->filling);
    old = t->fill_epoch != t->epoch;
    t->filling = false;

    if (t->state != HUB_TENANT_READY) {
        return;
    }

    if (err != PT_OK) {
        t->retry_ms = hub_now_ms(t->hub) + HUB_RETRY_MS;
        hub_gap_open(t, t->known);
        return;
    }

    if (!old && hub_gap_is_other(t, rows, n)) {
        hub_log_rewound(t);
        return;
    }

    if (!old) {
        hub_gap_fill_add(t, rows, n);
    }

    if (t->again || old) {
        t->again = false;
        hub_gap_fill(t);
    }

    hub_log_dirty(t);
}


/* A query under way may have read the log too early, so it does not count, and
 * another one follows it. */

uint32_t
hub_gap_verify(hub_tenant_t *t)
{
    uint32_t number;

    number = t->asked + 1;

    if (t->filling) {
        t->again = true;

    } else {
        hub_gap_fill(t);
    }

    return number;
}


bool
hub_gap_verified(const hub_tenant_t *t, uint32_t number)
{
    return (int32_t) (t->ended - number) >= 0;
}


/* Only one query is under way at a time.  It begins with our last event, whose
 * id shows whether the log is still the one that we know. */

void
hub_gap_fill(hub_tenant_t *t)
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
        hub_gap_open(t, t->known);
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
hub_gap_open(hub_tenant_t *t, int64_t seq)
{
    t->known = seq > t->known ? seq : t->known;

    if (t->hole_ms == 0) {
        t->hole_ms = hub_now_ms(t->hub);
        t->hub->holes++;
    }

    t->hub->waiting = true;
}


/* Returns whether the log is another one than that of our ring.  If it is the
 * same, the first row is the event that was our head when we asked, unless it
 * has expired. */

static bool
hub_gap_is_other(const hub_tenant_t *t, const hub_row_t *rows, size_t n)
{
    size_t             i;
    const hub_frame_t *f;

    if (t->fill_first == 0) {
        return false;
    }

    /* No row at all: the events may have expired.  But an event that is in our
     * ring is too young for that. */

    if (n == 0) {
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
hub_gap_fill_add(hub_tenant_t *t, const hub_row_t *rows, size_t n)
{
    size_t i;

    assert(!t->filling);

    for (i = 0; i < n; i++) {
        if (rows[i].seq <= t->ring.head) {
            continue; /* A doorbell has brought it, or it is our head. */
        }

        if (rows[i].seq != t->ring.head + 1
            || hub_log_add(t, rows[i].seq, &rows[i].id, rows[i].frame) != PT_OK)
        {
            t->retry_ms = hub_now_ms(t->hub) + HUB_RETRY_MS;
            hub_log_unstash(t);
            hub_gap_open(t, t->known);
            return; /* It is asked for again later. */
        }
    }

    hub_log_unstash(t);

    if (n > 0 && rows[n - 1].seq == t->fill_first + (int64_t) HUB_PAGE_EVENTS) {
        t->again = true; /* The page is full, so there may be more. */
        return;
    }

    t->ended = t->asked;

    if (t->known <= t->ring.head || t->known == t->fill_known) {
        /* Nothing was announced since we asked, so what the log has not is not
         * an event. */
        hub_log_stash_free(t);
        t->known = t->ring.head;
        t->hole_ms = 0;
    }
}
