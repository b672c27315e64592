/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "hub_trust.h"

#include <assert.h>

/* A clock that was set back by more than this is obeyed; by less, messages are
 * dated later than it says. */
#define HUB_TRUST_STEP_US 1000000

static bool hub_trust_is_new(hub_trust_t *e, const char *id, int64_t at_us,
                             int64_t now_us);
static hub_trust_peer_t *hub_trust_peer(hub_trust_t *e, const char *id);


pt_str_t
hub_trust_event(hub_trust_t *e, pt_str_t channel, pt_str_t payload,
                int64_t now_us)
{
    size_t   i;
    int64_t  at_us;
    pt_str_t text;

    if (pt_bus_verify(e->key, channel, payload, now_us, &text, &at_us)) {
        return text;
    }

    for (i = 0; i < payload.len && payload.data[i] != ' '; i++) {
        /* the number ends at the first blank */
    }

    if (i < payload.len) {
        e->unsigned_events++;
        payload.len = i;
    }

    return payload;
}


bool
hub_trust_open(hub_trust_t *e, pt_str_t channel, pt_str_t payload,
               int64_t now_us, pt_str_t *said)
{
    int64_t  at_us;
    pt_str_t text;

    if (payload.len > HUB_ID_LEN
        && memcmp(payload.data, e->id, HUB_ID_LEN) == 0) {
        return false; /* Redis sends us our own messages, too. */
    }

    if (!pt_bus_verify(e->key, channel, payload, now_us, &text, &at_us)
        || text.len <= HUB_TRUST_HEAD
        || memcmp(text.data + HUB_ID_LEN, HUB_TRUST_MARK,
                  sizeof(HUB_TRUST_MARK) - 1)
               != 0
        || !hub_trust_is_new(e, text.data, at_us, now_us))
    {
        e->refused++;
        return false;
    }

    said->data = text.data + HUB_TRUST_HEAD;
    said->len = text.len - HUB_TRUST_HEAD;

    return true;
}


size_t
hub_trust_seal(hub_trust_t *e, pt_str_t channel, pt_str_t said, int64_t now_us,
               char *out, size_t size)
{
    char   seal[PT_BUS_SEAL];
    size_t n;

    n = HUB_TRUST_HEAD + said.len;

    if (n + PT_BUS_SEAL > size) {
        return 0;
    }

    /* No two messages may have the same time, because the receiver takes the
     * second for a repetition of the first. */
    if (now_us <= e->said_us && e->said_us - now_us < HUB_TRUST_STEP_US) {
        now_us = e->said_us + 1;
    }

    memcpy(out, e->id, HUB_ID_LEN);
    memcpy(out + HUB_ID_LEN, HUB_TRUST_MARK, sizeof(HUB_TRUST_MARK) - 1);
    memcpy(out + HUB_TRUST_HEAD, said.data, said.len);

    if (pt_bus_sign(e->key, channel, (pt_str_t){ out, n }, now_us, seal)
        != PT_OK) {
        return 0;
    }

    memcpy(out + n, seal, sizeof(seal));
    e->said_us = now_us;

    return n + sizeof(seal);
}


/* Returns whether a message of the hub id is later than the last one that came
 * of it.  Redis keeps their order, so an earlier one was recorded and is sent
 * again by somebody. */

static bool
hub_trust_is_new(hub_trust_t *e, const char *id, int64_t at_us, int64_t now_us)
{
    hub_trust_peer_t *p;

    p = hub_trust_peer(e, id);

    if (p->at_us > now_us + PT_BUS_FRESH_US) {
        p->at_us = 0; /* Our clock was set back. */
    }

    if (at_us <= p->at_us) {
        return false;
    }

    memcpy(p->id, id, HUB_ID_LEN);
    p->at_us = at_us;

    return true;
}


/* Returns the entry of the hub id, or, emptied, that of the hub that has been
 * silent for the longest time. */

static hub_trust_peer_t *
hub_trust_peer(hub_trust_t *e, const char *id)
{
    size_t            i;
    hub_trust_peer_t *oldest;

    oldest = &e->peers[0];

    for (i = 0; i < HUB_TRUST_PEERS_MAX; i++) {
        if (e->peers[i].at_us != 0
            && memcmp(e->peers[i].id, id, HUB_ID_LEN) == 0) {
            return &e->peers[i];
        }

        if (e->peers[i].at_us < oldest->at_us) {
            oldest = &e->peers[i];
        }
    }

    assert(oldest >= e->peers && oldest < e->peers + HUB_TRUST_PEERS_MAX);
    memset(oldest, 0, sizeof(*oldest));

    return oldest;
}
