/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_admission.h: places for sockets that have not authenticated ("guests"),
 * counted by the network they come from, without IO.
 *
 * There are max places.  A client whose Authorization header NGINX has checked
 * needs none.  As long as fewer than half of the places are taken, every guest
 * gets one.  From then on admission is under pressure: a network gets no more
 * than HUB_ADMISSION_NET_MAX places, and when all are taken the oldest guest of
 * the network that has the most makes room.
 */

#ifndef HUB_ADMISSION_H
#define HUB_ADMISSION_H

#include "core/base/pt_util.h"

#define HUB_ADMISSION_NET_MAX 20u /* guests of a network, under pressure */
/* A guest keeps its place for this time when another one of its own network
 * wants it, so that it can send its first frame. */
#define HUB_ADMISSION_PATIENCE_MS 1000
#define HUB_ADMISSION_BUCKETS 1024u
/* Networks are listed by their number of guests; the last list is for all that
 * have as many as that, or more. */
#define HUB_ADMISSION_LEVELS 64u

typedef struct hub_admission_s hub_admission_t;
typedef struct hub_guest_s     hub_guest_t;
typedef struct hub_net_s       hub_net_t;

/* A network: one IPv4 address, or the first 64 bits of an IPv6 address, since
 * whoever has one IPv6 address usually has 2^64. */
typedef struct {
    uint64_t hi; /* 1: IPv4, 2: IPv6, 3: no address, lo is its hash */
    uint64_t lo;
} hub_admission_key_t;

/* A guest.  hub_admission_leave() frees it. */
struct hub_guest_s {
    hub_guest_t *next; /* the next younger one of its network */
    hub_guest_t *prev;
    hub_net_t   *net;
    void        *owner; /* of hub_admission_enter() */
    int64_t      since_ms;
};

/* A network that has guests; it is freed with the last of them. */
struct hub_net_s {
    hub_net_t          *next;       /* in its bucket */
    hub_net_t          *level_next; /* in the list of its level */
    hub_net_t          *level_prev;
    hub_guest_t        *oldest;
    hub_guest_t        *youngest;
    hub_admission_key_t key;
    uint32_t            count; /* its guests, at least 1 */
};

struct hub_admission_s {
    pt_mem_t   mem;
    uint64_t   odd[2]; /* random odd factors of the hash */
    uint32_t   max;    /* places */
    uint32_t   count;  /* guests */
    hub_net_t *nets[HUB_ADMISSION_BUCKETS];
    /* levels[n] are the networks that have n guests, in the order in which
     * they came to have them; levels[0] is empty. */
    hub_net_t *levels[HUB_ADMISSION_LEVELS];
    hub_net_t *levels_last[HUB_ADMISSION_LEVELS];
};

/* Makes d empty, with max places.  mem is copied and must outlive d; seed is 16
 * random bytes that keep clients from choosing the buckets of their networks.
 * It needs no freeing once the last guest has left. */
void hub_admission_init(hub_admission_t *d, const pt_mem_t *mem, uint32_t max,
                        const uint8_t seed[16]);

/* Writes the network of addr, an address as NGINX writes it, to *key.  Any
 * other text is hashed and is a network of its own. */
void hub_admission_key(pt_str_t addr, hub_admission_key_t *key);

/* Returns whether one more guest of that network gets a place.  If *leaves is
 * not NULL then, this guest must hub_admission_leave() first. */
bool hub_admission_ask(const hub_admission_t *d, const hub_admission_key_t *key,
                       int64_t now_ms, hub_guest_t **leaves);

/* Gives a guest its place; owner is whatever the caller knows it by.  NULL:
 * out of memory. */
hub_guest_t *hub_admission_enter(hub_admission_t           *d,
                                 const hub_admission_key_t *key, void *owner,
                                 int64_t now_ms);

/* Takes the place back and frees guest. */
void hub_admission_leave(hub_admission_t *d, hub_guest_t *guest);

/* Returns whether half of the places are taken. */
bool hub_admission_is_pressed(const hub_admission_t *d);

#endif
