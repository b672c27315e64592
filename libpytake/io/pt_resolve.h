/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_resolve.h: the addresses of a host in digits, as the system finds them in
 * /etc/hosts or DNS.  It looks them up in a thread, or at once and blocking.
 */

#ifndef PT_RESOLVE_H
#define PT_RESOLVE_H

#include "pt_loop.h"
#include "core/base/pt_arena.h"

#define PT_RESOLVE_HOST_MAX 256 /* bytes of a name, the NUL included */
#define PT_RESOLVE_ADDR_MAX 64  /* bytes of an address, the NUL included */
#define PT_RESOLVE_ADDRS_MAX 32 /* addresses of a host; more are left out */

typedef struct pt_resolve_s pt_resolve_t;

typedef struct {
    uint32_t n; /* how many; 0: the host is not found */
    char     addr[PT_RESOLVE_ADDRS_MAX][PT_RESOLVE_ADDR_MAX];
} pt_addrs_t;

/* Called with what was found, borrowed until it returns.  The pt_resolve_t is
 * freed then. */
typedef void (*pt_resolve_pt)(void *data, const pt_addrs_t *found);

/* Looks host up at once.  It blocks, so it is for threads, and for the start
 * of a program. */
void pt_resolve_host(const char *host, pt_addrs_t *out);

/* Whether host is an IPv4 or IPv6 address, which needs no look-up. */
bool pt_resolve_is_addr(const char *host);

/* Looks host up, which is copied, in a thread; done then runs on the loop.  It
 * returns NULL when there is no memory, no thread is free, or host is too
 * long; done does not run then. */
pt_resolve_t *pt_resolve_new(pt_loop_t *loop, const pt_mem_t *mem,
                             const char *host, pt_resolve_pt done, void *data);

/* Has done not run; the thread ends by itself and frees p. */
void pt_resolve_drop(pt_resolve_t *p);

#endif
