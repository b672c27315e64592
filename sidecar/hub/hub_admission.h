/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_admission.h: sockets that have not told who they are ("guests"), by the
 * network they come from, without IO.  There are max places for them; who
 * came with a good Authorization header needs none.  While places are
 * plentiful a guest has one for the asking.  When half are taken admission is
 * under pressure: a network gets no more than HUB_ADMISSION_NET_MAX, and when
 * all are taken the oldest guest of the network that has the most makes room.
 */

#ifndef HUB_ADMISSION_H
#define HUB_ADMISSION_H

#include "core/base/pt_util.h"

#define HUB_ADMISSION_NET_MAX 20u /* guests of a network, under pressure */
/* For so long no newcomer of its own network takes a guest's place. */
#define HUB_ADMISSION_PATIENCE_MS 1000
#define HUB_ADMISSION_BUCKETS 1024u
#define HUB_ADMISSION_LEVELS                                                   \
    64u /* networks by how many guests; the last: or more */

typedef struct hub_admission_s hub_admission_t;
typedef struct hub_guest_s     hub_guest_t;
typedef struct hub_net_s       hub_net_t;

/* An IPv4 address, or the first 64 bits of an IPv6 one: who has one IPv6
 * address has 2^64. */
typedef struct {
    uint64_t hi; /* 1: IPv4, 2: IPv6, 3: neither, hashed */
    uint64_t lo;
} hub_admission_key_t;

struct hub_guest_s {
    hub_guest_t *next; /* of its network, younger */
    hub_guest_t *prev;
    hub_net_t   *net;
    void        *owner;
    int64_t      since_ms;
};

struct hub_net_s {
    hub_net_t          *next; /* of the bucket */
    hub_net_t          *level_next;
    hub_net_t          *level_prev;
    hub_guest_t        *oldest;
    hub_guest_t        *youngest;
    hub_admission_key_t key;
    uint32_t            count;
};

struct hub_admission_s {
    pt_mem_t   mem;
    uint64_t   odd[2]; /* of the hash, random */
    uint32_t   max;
    uint32_t   count;
    hub_net_t *nets[HUB_ADMISSION_BUCKETS];
    hub_net_t *levels[HUB_ADMISSION_LEVELS];      /* longest at it first */
    hub_net_t *levels_last[HUB_ADMISSION_LEVELS]; /* no network has 0 */
};

void hub_admission_init(hub_admission_t *d, const pt_mem_t *mem, uint32_t max,
                        const uint8_t seed[16]);

/* The network of an address as NGINX writes it. */
void hub_admission_key(pt_str_t addr, hub_admission_key_t *key);

/* Whether there is a place for one more of that network; *leaves, when not
 * NULL, must hub_admission_leave() first. */
bool hub_admission_ask(const hub_admission_t *d, const hub_admission_key_t *key,
                       int64_t now_ms, hub_guest_t **leaves);

/* NULL: out of memory. */
hub_guest_t *hub_admission_enter(hub_admission_t           *d,
                                 const hub_admission_key_t *key, void *owner,
                                 int64_t now_ms);
void hub_admission_leave(hub_admission_t *d, hub_guest_t *guest); /* frees it */

bool hub_admission_is_pressed(const hub_admission_t *d);

#endif
