/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Whether a request comes from this machine itself, for locations that nobody
 * else may ask: metrics and status.
 */

#include "ngx_pytake.h"


static ngx_uint_t ngx_pytake_local_address(ngx_http_request_t *r);
static ngx_uint_t ngx_pytake_local_forwarded(ngx_http_request_t *r);
static ngx_uint_t ngx_pytake_local_header(ngx_table_elt_t *e,
                                          const char *lowcase, size_t len);


ngx_uint_t
ngx_pytake_local_is(ngx_http_request_t *r)
{
    return ngx_pytake_local_address(r) && !ngx_pytake_local_forwarded(r);
}


static ngx_uint_t
ngx_pytake_local_address(ngx_http_request_t *r)
{
    struct sockaddr_in *sin;
#if (NGX_HAVE_INET6)
    u_char              *p;
    struct sockaddr_in6 *sin6;
#endif

    switch (r->connection->sockaddr->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) r->connection->sockaddr;
        return (ntohl(sin->sin_addr.s_addr) >> 24) == 127;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) r->connection->sockaddr;
        p = sin6->sin6_addr.s6_addr;

        return IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr)
               || (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr) && p[12] == 127);
#endif

    case AF_UNIX:
        return 1;

    default:
        return 0;
    }
}


/* A proxy on this machine has a loopback address as well.  What it passes on
 * for somebody else has one of the headers by which proxies say so (RFC
 * 7239). */

static ngx_uint_t
ngx_pytake_local_forwarded(ngx_http_request_t *r)
{
    ngx_uint_t       i;
    ngx_list_part_t *part;
    ngx_table_elt_t *e;

    part = &r->headers_in.headers.part;
    e = part->elts;

    for (i = 0; /* void */; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return 0;
            }

            part = part->next;
            e = part->elts;
            i = 0;
        }

        if (ngx_pytake_local_header(&e[i], "x-forwarded-for",
                                    sizeof("x-forwarded-for") - 1)
            || ngx_pytake_local_header(&e[i], "x-real-ip",
                                       sizeof("x-real-ip") - 1)
            || ngx_pytake_local_header(&e[i], "forwarded",
                                       sizeof("forwarded") - 1))
        {
            return 1;
        }
    }
}


static ngx_uint_t
ngx_pytake_local_header(ngx_table_elt_t *e, const char *lowcase, size_t len)
{
    return e->key.len == len && ngx_strncmp(e->lowcase_key, lowcase, len) == 0;
}
