/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_trust.h: which messages of Redis the hub believes, without IO.  Everybody
 * who reaches Redis can publish there, so messages are signed
 * (core/base/pt_bus.h).  Of an event without a good signature the number alone
 * is used, and its text is read from the database.  A message of another hub
 * without a good signature is dropped, and so is one that came before.
 */

#ifndef HUB_TRUST_H
#define HUB_TRUST_H

#include "core/base/pt_bus.h"

#define HUB_ID_LEN 16           /* characters of the random id of a hub */
#define HUB_TRUST_PEERS_MAX 32u /* other hubs remembered at once */
/* It follows the id of a hub, and says that the message is signed.  Hubs of a
 * version that knew no signatures do not understand what follows, and drop
 * it. */
#define HUB_TRUST_MARK " 2 "
#define HUB_TRUST_HEAD (HUB_ID_LEN + sizeof(HUB_TRUST_MARK) - 1)

/* Another hub, and the time of the last message that came of it. */
typedef struct {
    char    id[HUB_ID_LEN];
    int64_t at_us; /* Unix time; 0: the entry is free */
} hub_trust_peer_t;

typedef struct {
    uint8_t          key[PT_BUS_KEY];
    char             id[HUB_ID_LEN]; /* our own */
    int64_t          said_us;        /* Unix time of our last message */
    hub_trust_peer_t peers[HUB_TRUST_PEERS_MAX];
    uint64_t         unsigned_events; /* events used as a number alone */
    uint64_t         refused;         /* messages of other hubs dropped */
} hub_trust_t;

/* Returns the part of a doorbell that may be believed: "<seq> <frame>" when its
 * signature for this channel is good, otherwise the number alone.  The slice is
 * of payload.  now_us is Unix time, here and below. */
pt_str_t hub_trust_event(hub_trust_t *e, pt_str_t channel, pt_str_t payload,
                         int64_t now_us);

/* Checks a message of another hub; *said is then its text, a slice of payload.
 * Returns false when the message is our own, is not signed with our key, or is
 * not later than the last one of that hub. */
bool hub_trust_open(hub_trust_t *e, pt_str_t channel, pt_str_t payload,
                    int64_t now_us, pt_str_t *said);

/* Writes the signed message with the text said, for other hubs, to out, which
 * has size bytes.  Returns its length; 0: it does not fit, or cannot be
 * signed. */
size_t hub_trust_seal(hub_trust_t *e, pt_str_t channel, pt_str_t said,
                      int64_t now_us, char *out, size_t size);

#endif
