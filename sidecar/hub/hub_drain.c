/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_drain.c: sends clients away at a pace, because the hub ends, or the
 * worker of NGINX that their connection passes.
 */

#include <assert.h>

#include "hub_int.h"

static void hub_drain_note(hub_t *h, int32_t worker, uint32_t spread_ms);
static void hub_drain_one(hub_conn_t *c, int32_t worker, uint32_t spread_ms);


void
hub_drain(hub_t *h, int32_t worker, uint32_t spread_ms)
{
    size_t        i;
    hub_conn_t   *c, *next;
    hub_tenant_t *t;

    if (worker != 0) {
        hub_drain_note(h, worker, spread_ms);
    }

    for (c = h->strangers; c != NULL; c = next) {
        next = c->next;
        hub_drain_one(c, worker, spread_ms);
    }

    for (i = 0; i < HUB_TENANTS_BUCKETS; i++) {
        for (t = h->tenants[i]; t != NULL; t = t->next) {
            for (c = t->conns; c != NULL; c = next) {
                next = c->next;
                hub_drain_one(c, worker, spread_ms);
            }
        }
    }
}


/* A worker announces once that it ends, and may still pass on a request that it
 * had accepted before.  Without this the socket of that request would keep the
 * worker alive until NGINX cuts it off. */

void
hub_drain_late(hub_conn_t *c)
{
    uint32_t             i;
    const hub_leaving_t *l;

    for (i = 0; c->worker != 0 && i < HUB_LEAVING_MAX; i++) {
        l = &c->hub->leaving[i];

        if (l->worker == c->worker && c->hub->now_s < l->until_s) {
            hub_drain_one(c, c->worker, l->spread_ms);
            return;
        }
    }
}


static void
hub_drain_note(hub_t *h, int32_t worker, uint32_t spread_ms)
{
    hub_leaving_t *l;

    assert(worker != 0);
    l = &h->leaving[h->nleaving++ % HUB_LEAVING_MAX];
    l->worker = worker;
    l->until_s = h->now_s + spread_ms / 1000 + HUB_LEAVING_S;
    l->spread_ms = spread_ms;
}


static void
hub_drain_one(hub_conn_t *c, int32_t worker, uint32_t spread_ms)
{
    uint8_t  r[4];
    uint32_t n, at;

    if ((worker != 0 && c->worker != worker) || c->state >= HUB_CONN_CLOSING) {
        return;
    }

    if (pt_rand_get(&c->hub->rand, r, sizeof(r)) != PT_OK) {
        memset(r, 0, sizeof(r));
    }

    memcpy(&n, r, sizeof(n));
    at = c->hub->now_s + 1 + n % (spread_ms / 1000 + 1);

    if (c->close_s != 0 && c->close_s <= at) {
        return; /* An earlier drain, of the worker or the hub, is sooner. */
    }

    c->close_s = at;

    if (c->state == HUB_CONN_LIVE) {
        hub_send_reconnect(c, spread_ms);
    }

    if (c->state >= HUB_CONN_CLOSING) {
        return; /* Its queue had no room for the reconnect frame. */
    }

    hub_wheel_drop(c);
    hub_wheel_add(c, 1);
}
