/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_gate.h: decides who may try a password now, by three tables of attempts:
 * by account, by network, and by both together (a visitor).  A stranger waits
 * for what was tried of the account and for what was tried from the network.  A
 * calm visitor (pytake_login_t) waits only for what was tried of this account
 * from this very network, so that strangers cannot delay it.
 *
 * A gate is one flat piece of memory of a fixed size, as its tables are
 * (pt_tries.h).  Whoever shares it between processes locks it around each call;
 * no call can fail.
 */

#ifndef PT_GATE_H
#define PT_GATE_H

#include "pytake.h"
#include "pt_tries.h"

/* How many attempts in vain cost no wait, in each of the tables. */
#define PT_GATE_ACCOUNT_FREE 5u
#define PT_GATE_NETWORK_FREE 20u
#define PT_GATE_VISITOR_FREE 5u

typedef struct pt_gate_s pt_gate_t;

/* One attempt that was let in, for pt_gate_leave() or pt_gate_right(). */
typedef struct {
    bool calm;
    /* The attempt is calm, or no attempt is remembered of its network: it
     * deserves to be served before others. */
    bool             quiet;
    pt_tries_taken_t account; /* what it changed there, unless calm */
    pt_tries_taken_t network; /* what it changed there, unless calm */
    pt_tries_taken_t visitor; /* what it changed, if calm */
} pt_gate_pass_t;

/* Says how many bytes a gate takes that has so many sets of keys in each of its
 * tables. */
size_t pt_gate_size(uint32_t sets);
/* Says how many sets, a power of two, fit into so many bytes; 0: not even
 * one. */
uint32_t pt_gate_sets(size_t size);
/* Makes a gate in the caller's memory, which has pt_gate_size(sets) bytes and
 * is aligned as by malloc().  The result points into it. */
pt_gate_t *pt_gate_init(void *memory, uint32_t sets);

/* Lets an attempt in or refuses it.  0: it is let in and counted as if the
 * password were wrong, and *pass, the caller's, says what was counted.  Else
 * the result is the milliseconds that it has to wait, and nothing is counted.
 * now_ms is a clock in milliseconds that never goes back. */
int64_t pt_gate_enter(pt_gate_t *g, const pytake_login_t *who, int64_t now_ms,
                      pt_gate_pass_t *pass);
/* Takes the count of an attempt back, because nobody looked at its password. */
void pt_gate_leave(pt_gate_t *g, const pt_gate_pass_t *pass);
/* Takes the count of an attempt back, because its password was the right
 * one, and forgets what this visitor tried before.  What others tried stays
 * counted. */
void pt_gate_right(pt_gate_t *g, const pytake_login_t *who,
                   const pt_gate_pass_t *pass);

#endif
