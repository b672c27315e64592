/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include <arpa/inet.h>
#include <assert.h>
#include <netdb.h>
#include <sys/socket.h>

#include "pt_resolve.h"


/* A look-up, which frees itself when its thread has ended.  done is NULL when
 * nobody waits for it any more. */
struct pt_resolve_s {
    pt_mem_t      mem;
    pt_resolve_pt done;
    void         *data;
    char          host[PT_RESOLVE_HOST_MAX];
    pt_addrs_t    found;
};


static void pt_resolve_work(void *data);
static void pt_resolve_done(void *data);


void
pt_resolve_host(const char *host, pt_addrs_t *out)
{
    struct addrinfo hints, *list, *ai;

    out->n = 0;
    memset(&hints, 0, sizeof(hints));
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(host, NULL, &hints, &list) != 0) {
        return;
    }
    for (ai = list; ai != NULL && out->n < PT_RESOLVE_ADDRS_MAX;
         ai = ai->ai_next) {
        if (getnameinfo(ai->ai_addr, ai->ai_addrlen, out->addr[out->n],
                        PT_RESOLVE_ADDR_MAX, NULL, 0, NI_NUMERICHOST)
            == 0)
        {
            out->n++;
        }
    }
    freeaddrinfo(list);
}


bool
pt_resolve_is_addr(const char *host)
{
    struct in6_addr ip; /* it is large enough for both families */

    return inet_pton(AF_INET, host, &ip) == 1
           || inet_pton(AF_INET6, host, &ip) == 1;
}


pt_resolve_t *
pt_resolve_new(pt_loop_t *loop, const pt_mem_t *mem, const char *host,
               pt_resolve_pt done, void *data)
{
    size_t        len = strlen(host);
    pt_resolve_t *p;

    assert(done != NULL);
    if (len >= PT_RESOLVE_HOST_MAX) {
        return NULL;
    }
    p = mem->alloc(mem->user, sizeof(pt_resolve_t));
    if (p == NULL) {
        return NULL;
    }
    p->mem = *mem;
    p->done = done;
    p->data = data;
    memcpy(p->host, host, len + 1);
    p->found.n = 0;
    if (loop->ops->work(loop, pt_resolve_work, pt_resolve_done, p) != PT_OK) {
        mem->free(mem->user, p);
        return NULL;
    }
    return p;
}


void
pt_resolve_drop(pt_resolve_t *p)
{
    assert(p->done != NULL);
    p->done = NULL;
}


static void
pt_resolve_work(void *data)
{
    pt_resolve_t *p = data;

    pt_resolve_host(p->host, &p->found);
}


static void
pt_resolve_done(void *data)
{
    pt_resolve_t *p = data;

    if (p->done != NULL) {
        assert(p->found.n <= PT_RESOLVE_ADDRS_MAX);
        p->done(p->data, &p->found);
    }
    p->mem.free(p->mem.user, p);
}
