/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_gate.h: who may try a password now.  Three tables of attempts: by
 * account, by network, and by both.  A stranger has to wait for the account's
 * and for the network's; a calm visitor (pytake_login_t) for what was tried
 * of this account from this very network alone.
 *
 * Like its tables: flat, fixed, to be locked around each call, cannot fail.
 */

#ifndef PT_GATE_H
#define PT_GATE_H

#include "pytake.h"
#include "pt_tries.h"

#define PT_GATE_ACCOUNT_FREE 5u
#define PT_GATE_NETWORK_FREE 20u
#define PT_GATE_VISITOR_FREE 5u

typedef struct pt_gate_s pt_gate_t;

/* One attempt that was let in. */
typedef struct {
    bool             calm;
    bool             quiet;   /* calm, or nothing is remembered of its
                                 network: it deserves to be looked at first */
    pt_tries_taken_t account; /* unless calm */
    pt_tries_taken_t network; /* unless calm */
    pt_tries_taken_t visitor; /* if calm */
} pt_gate_pass_t;

/* Bytes for so many sets of keys in each table. */
size_t pt_gate_size(uint32_t sets);
/* The most sets, a power of two, that fit into so many bytes; 0: none. */
uint32_t pt_gate_sets(size_t size);
/* Makes a gate of pt_gate_size(sets) bytes, aligned as by malloc. */
pt_gate_t *pt_gate_init(void *memory, uint32_t sets);

/* 0: let in, and counted as if the password were wrong.  Else the
 * milliseconds to wait; nothing is counted. */
int64_t pt_gate_enter(pt_gate_t *g, const pytake_login_t *who, int64_t now_ms,
                      pt_gate_pass_t *pass);
/* The password was not looked at: nothing is counted. */
void pt_gate_leave(pt_gate_t *g, const pt_gate_pass_t *pass);
/* It was the right one: nothing is counted, and what this visitor tried
 * before is forgotten.  What others tried is not. */
void pt_gate_right(pt_gate_t *g, const pytake_login_t *who,
                   const pt_gate_pass_t *pass);

#endif
