/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_page.c: pages of the log, for sockets whose cursor is below the ring.
 * Pages are aligned, so that many clients that resume in one range cost one
 * query a page.  Only few pages are kept, because a slow client reads one after
 * the other at its own pace.
 */

#include <assert.h>

#include "hub_int.h"

#define HUB_PAGE_START(seq)                                                    \
    (((seq) -1) / (int64_t) HUB_PAGE_EVENTS * (int64_t) HUB_PAGE_EVENTS + 1)

static bool hub_page_evict(hub_t *h);


hub_page_t *
hub_page_find(hub_tenant_t *t, int64_t seq)
{
    int64_t     first;
    hub_page_t *p;

    first = HUB_PAGE_START(seq);

    for (p = t->hub->pages; p != NULL; p = p->next) {
        if (p->tenant == t && p->first == first) {
            p->used_ms = hub_now_ms(t->hub);
            return p;
        }
    }

    return NULL;
}


bool
hub_page_load(hub_tenant_t *t, int64_t seq)
{
    hub_t      *h;
    hub_page_t *p;

    h = t->hub;
    assert(seq > 0);

    if (h->npages >= HUB_PAGES_MAX && !hub_page_evict(h)) {
        return false;
    }

    p = hub_alloc(h, sizeof(hub_page_t));

    if (p == NULL) {
        return false;
    }

    memset(p, 0, sizeof(*p));
    p->tenant = t;
    p->first = HUB_PAGE_START(seq);
    p->top = t->ring.head;
    p->used_ms = hub_now_ms(h);
    p->loading = true;

    if (h->conf.ops->load_events(h->conf.env, &t->id, p->first,
                                 p->first + (int64_t) HUB_PAGE_EVENTS - 1)
        != PT_OK)
    {
        hub_free(h, p);
        return false;
    }

    h->queries++;
    p->next = h->pages;
    h->pages = p;
    h->npages++;

    return true;
}


/* A page that could not be loaded is freed: the next socket that needs it asks
 * again. */

void
hub_page_fill(hub_page_t *p, pt_err_t err, const hub_row_t *rows, size_t n)
{
    size_t       i;
    int64_t      at;
    hub_t       *h;
    hub_frame_t *f;

    h = p->tenant->hub;
    assert(p->loading && p->count == 0);
    p->loading = false;

    for (i = 0; err == PT_OK && i < n; i++) {
        at = rows[i].seq - p->first;

        if (at < 0 || at >= (int64_t) HUB_PAGE_EVENTS || p->frames[at] != NULL)
        {
            continue;
        }

        f = hub_frame_new(&h->conf.mem, HUB_WS_OP_TEXT, rows[i].seq,
                          &rows[i].id, rows[i].frame);

        if (f == NULL) {
            err = PT_ENOMEM;
            break;
        }

        f->owner = p->tenant;
        p->frames[at] = f;
        h->page_bytes += f->len;
        p->count++;
    }

    if (err != PT_OK) {
        hub_page_del(p);
        return;
    }

    p->loading = true; /* hub_page_evict() must not choose this page. */

    while (h->page_bytes > HUB_PAGES_BYTES_MAX && hub_page_evict(h)) {
        /* until few enough bytes or only this page are left */
    }

    p->loading = false;
}


void
hub_page_drop_all(hub_tenant_t *t)
{
    hub_page_t *p, *next;

    for (p = t->hub->pages; p != NULL; p = next) {
        next = p->next;

        if (p->tenant == t) {
            hub_page_del(p);
        }
    }
}


void
hub_page_del(hub_page_t *p)
{
    size_t       i;
    hub_t       *h;
    hub_page_t **at;

    h = p->tenant->hub;

    for (at = &h->pages; *at != p; at = &(*at)->next) {
        assert(*at != NULL);
    }

    assert(h->npages > 0);
    *at = p->next;
    h->npages--;

    for (i = 0; i < HUB_PAGE_EVENTS; i++) {
        h->page_bytes -= (p->frames[i] != NULL) ? p->frames[i]->len : 0;
        hub_frame_unref(&h->conf.mem, p->frames[i]);
    }

    hub_free(h, p);
}


/* Frees the page that was not used for the longest time.  false: there is none
 * but those being loaded, whose answer would find no page. */

static bool
hub_page_evict(hub_t *h)
{
    hub_page_t *p, *old;

    old = NULL;

    for (p = h->pages; p != NULL; p = p->next) {
        if (!p->loading && (old == NULL || p->used_ms < old->used_ms)) {
            old = p;
        }
    }

    if (old == NULL) {
        return false;
    }

    hub_page_del(old);

    return true;
}
