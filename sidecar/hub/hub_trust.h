/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_trust.h: what the hub believes of what Redis says, without IO.  An event
 * that is not signed (core/base/pt_bus.h) is no more than a number; what other
 * hubs say is not heard without a signature, and never twice.
 */

#ifndef HUB_TRUST_H
#define HUB_TRUST_H

#include "core/base/pt_bus.h"

#define HUB_ID_LEN 16
#define HUB_TRUST_PEERS_MAX 32u /* other hubs that are remembered */
/* Behind the id of a hub: hubs that knew no signatures take the rest for
 * nothing they know. */
#define HUB_TRUST_MARK " 2 "
#define HUB_TRUST_HEAD (HUB_ID_LEN + sizeof(HUB_TRUST_MARK) - 1)

/* Another hub, and the time of the last that it said. */
typedef struct {
    char    id[HUB_ID_LEN];
    int64_t at_us; /* 0: nobody */
} hub_trust_peer_t;

typedef struct {
    uint8_t          key[PT_BUS_KEY];
    char             id[HUB_ID_LEN]; /* our own */
    int64_t          said_us;        /* the time of the last that we said */
    hub_trust_peer_t peers[HUB_TRUST_PEERS_MAX];
    uint64_t         unsigned_events; /* taken for a number */
    uint64_t         refused;         /* other hubs' words */
} hub_trust_t;

/* Of an event's doorbell what may be believed: "<seq> <frame>", or the number
 * alone. */
pt_str_t hub_trust_event(hub_trust_t *e, pt_str_t channel, pt_str_t payload,
                         int64_t now_us);

/* Another hub's words; false: they are our own, or nobody's. */
bool hub_trust_open(hub_trust_t *e, pt_str_t channel, pt_str_t payload,
                    int64_t now_us, pt_str_t *said);

/* Our own words for other hubs into out; their length, 0: too long. */
size_t hub_trust_seal(hub_trust_t *e, pt_str_t channel, pt_str_t said,
                      int64_t now_us, char *out, size_t size);

#endif
