/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "hub_admission.h"

#include <arpa/inet.h>
#include <assert.h>

static hub_net_t *hub_admission_find(const hub_admission_t     *d,
                                     const hub_admission_key_t *key);
static size_t     hub_admission_bucket(const hub_admission_t     *d,
                                       const hub_admission_key_t *key);
static hub_net_t *hub_admission_most(const hub_admission_t *d);
static size_t     hub_admission_level(const hub_net_t *n);
static void       hub_admission_level_add(hub_admission_t *d, hub_net_t *n);
static void       hub_admission_level_drop(hub_admission_t *d, hub_net_t *n);
static void       hub_admission_free(hub_admission_t *d, hub_net_t *n);


void
hub_admission_init(hub_admission_t *d, const pt_mem_t *mem, uint32_t max,
                   const uint8_t seed[16])
{
    memset(d, 0, sizeof(*d));
    d->mem = *mem;
    d->max = max;
    memcpy(d->odd, seed, sizeof(d->odd));
    d->odd[0] |= 1;
    d->odd[1] |= 1;
}


void
hub_admission_key(pt_str_t addr, hub_admission_key_t *key)
{
    char    text[INET6_ADDRSTRLEN];
    size_t  i;
    uint8_t b[16];

    static const uint8_t mapped[12] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
    };

    memset(b, 0, sizeof(b));
    key->hi = 3;
    key->lo = 0;

    if (addr.len < sizeof(text)) {
        memcpy(text, addr.data, addr.len);
        text[addr.len] = '\0';

        if (inet_pton(AF_INET, text, b + 12) == 1) {
            memcpy(b, mapped, sizeof(mapped));
            key->hi = 1;

        } else if (inet_pton(AF_INET6, text, b) == 1) {
            key->hi = (memcmp(b, mapped, sizeof(mapped)) == 0) ? 1 : 2;
        }
    }

    if (key->hi == 3) {
        for (i = 0; i < addr.len; i++) {
            key->lo = (key->lo ^ (uint8_t) addr.data[i]) * 1099511628211u;
        }

        return;
    }

    memcpy(&key->lo, (key->hi == 1) ? b + 8 : b, sizeof(key->lo));
}


bool
hub_admission_ask(const hub_admission_t *d, const hub_admission_key_t *key,
                  int64_t now_ms, hub_guest_t **leaves)
{
    uint32_t   own;
    hub_net_t *n, *most;

    *leaves = NULL;
    n = hub_admission_find(d, key);
    own = (n == NULL) ? 0 : n->count;

    if (d->count < d->max
        && (own < HUB_ADMISSION_NET_MAX || !hub_admission_is_pressed(d)))
    {
        return true;
    }

    most = hub_admission_most(d);

    if (most != NULL && most->count > own && own < HUB_ADMISSION_NET_MAX) {
        *leaves = most->oldest;
        return true;
    }

    /* No network has more guests than this one, so a guest of its own makes
     * room.  But each keeps its place for some time to authenticate: if a
     * crowd came back at once, they would otherwise displace each other and
     * nobody would ever get in. */

    if (n == NULL || now_ms - n->oldest->since_ms < HUB_ADMISSION_PATIENCE_MS) {
        return false;
    }

    *leaves = n->oldest;

    return true;
}


hub_guest_t *
hub_admission_enter(hub_admission_t *d, const hub_admission_key_t *key,
                    void *owner, int64_t now_ms)
{
    size_t       b;
    hub_net_t   *n;
    hub_guest_t *g;

    g = d->mem.alloc(d->mem.user, sizeof(hub_guest_t));

    if (g == NULL) {
        return NULL;
    }

    n = hub_admission_find(d, key);

    if (n == NULL) {
        n = d->mem.alloc(d->mem.user, sizeof(hub_net_t));

        if (n == NULL) {
            d->mem.free(d->mem.user, g);
            return NULL;
        }

        memset(n, 0, sizeof(*n));
        n->key = *key;
        b = hub_admission_bucket(d, key);
        n->next = d->nets[b];
        d->nets[b] = n;

    } else {
        hub_admission_level_drop(d, n);
    }

    g->net = n;
    g->owner = owner;
    g->since_ms = now_ms;
    g->next = NULL;
    g->prev = n->youngest;

    if (n->youngest != NULL) {
        n->youngest->next = g;

    } else {
        n->oldest = g;
    }

    n->youngest = g;
    n->count++;
    d->count++;
    hub_admission_level_add(d, n);

    return g;
}


void
hub_admission_leave(hub_admission_t *d, hub_guest_t *guest)
{
    hub_net_t *n;

    n = guest->net;
    assert(d->count > 0 && n->count > 0);
    hub_admission_level_drop(d, n);

    if (guest->prev != NULL) {
        guest->prev->next = guest->next;

    } else {
        n->oldest = guest->next;
    }

    if (guest->next != NULL) {
        guest->next->prev = guest->prev;

    } else {
        n->youngest = guest->prev;
    }

    d->mem.free(d->mem.user, guest);
    d->count--;

    if (--n->count == 0) {
        hub_admission_free(d, n);

    } else {
        hub_admission_level_add(d, n);
    }
}


bool
hub_admission_is_pressed(const hub_admission_t *d)
{
    return d->count >= d->max / 2;
}


static hub_net_t *
hub_admission_find(const hub_admission_t *d, const hub_admission_key_t *key)
{
    hub_net_t *n;

    for (n = d->nets[hub_admission_bucket(d, key)];
         n != NULL && (n->key.hi != key->hi || n->key.lo != key->lo);
         n = n->next)
    {
        /* up to the network that is looked for, or the end */
    }

    return n;
}


/* The random factors keep clients from choosing networks that all fall into
 * one bucket. */

static size_t
hub_admission_bucket(const hub_admission_t *d, const hub_admission_key_t *key)
{
    return (size_t) ((key->hi * d->odd[0] + key->lo * d->odd[1]) >> 54)
           % HUB_ADMISSION_BUCKETS;
}


/* Returns the network with the most guests; of several, the one that has had so
 * many for the longest time.  NULL: there are no guests. */

static hub_net_t *
hub_admission_most(const hub_admission_t *d)
{
    size_t i;

    for (i = HUB_ADMISSION_LEVELS; i > 0; i--) {
        if (d->levels[i - 1] != NULL) {
            return d->levels[i - 1];
        }
    }

    return NULL;
}


static size_t
hub_admission_level(const hub_net_t *n)
{
    return (n->count < HUB_ADMISSION_LEVELS) ? n->count
                                             : HUB_ADMISSION_LEVELS - 1;
}


static void
hub_admission_level_add(hub_admission_t *d, hub_net_t *n)
{
    size_t i;

    assert(n->count > 0);
    i = hub_admission_level(n);
    n->level_next = NULL;
    n->level_prev = d->levels_last[i];

    if (d->levels_last[i] != NULL) {
        d->levels_last[i]->level_next = n;

    } else {
        d->levels[i] = n;
    }

    d->levels_last[i] = n;
}


static void
hub_admission_level_drop(hub_admission_t *d, hub_net_t *n)
{
    size_t i;

    i = hub_admission_level(n);

    if (n->level_prev != NULL) {
        n->level_prev->level_next = n->level_next;

    } else {
        assert(d->levels[i] == n);
        d->levels[i] = n->level_next;
    }

    if (n->level_next != NULL) {
        n->level_next->level_prev = n->level_prev;

    } else {
        assert(d->levels_last[i] == n);
        d->levels_last[i] = n->level_prev;
    }
}


static void
hub_admission_free(hub_admission_t *d, hub_net_t *n)
{
    hub_net_t **at;

    assert(n->count == 0 && n->oldest == NULL && n->youngest == NULL);

    for (at = &d->nets[hub_admission_bucket(d, &n->key)]; *at != n;
         at = &(*at)->next)
    {
        assert(*at != NULL);
    }

    *at = n->next;
    d->mem.free(d->mem.user, n);
}
