/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_resolve.h: the addresses of a host, as numbers, looked up by the system
 * (/etc/hosts, DNS), in a thread or at once.
 */

#ifndef PT_RESOLVE_H
#define PT_RESOLVE_H

#include "pt_loop.h"
#include "core/base/pt_arena.h"

#define PT_RESOLVE_HOST_MAX 256
#define PT_RESOLVE_ADDR_MAX 64
#define PT_RESOLVE_ADDRS_MAX 32

typedef struct pt_resolve_s pt_resolve_t;

typedef struct {
    uint32_t n; /* 0: not found */
    char     addr[PT_RESOLVE_ADDRS_MAX][PT_RESOLVE_ADDR_MAX];
} pt_addrs_t;

/* found is borrowed until it returns; the pt_resolve_t is gone then. */
typedef void (*pt_resolve_pt)(void *data, const pt_addrs_t *found);

/* At once, blocking: at start and in threads only. */
void pt_resolve_host(const char *host, pt_addrs_t *out);

/* Whether host is an address already, and needs no look-up. */
bool pt_resolve_is_addr(const char *host);

/* In a thread; done runs on the loop.  NULL: no memory, no thread, or host
 * too long; done is not called then. */
pt_resolve_t *pt_resolve_new(pt_loop_t *loop, const pt_mem_t *mem,
                             const char *host, pt_resolve_pt done, void *data);

/* done will not be called; the thread ends by itself. */
void pt_resolve_drop(pt_resolve_t *p);

#endif
