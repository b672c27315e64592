/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* The network of a client, for counts that one client must not escape by
 * taking another address of its own. */

#include "ngx_pytake.h"


size_t
ngx_pytake_network(ngx_http_request_t *r, u_char out[NGX_PYTAKE_NETWORK_MAX])
{
    struct sockaddr    *sa;
    struct sockaddr_in *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6 *sin6;
#endif

    /* behind a proxy NGINX's realip module has put the client's address
     * here */

    sa = r->connection->sockaddr;

    switch (sa->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        out[0] = '4';
        ngx_memcpy(out + 1, &sin->sin_addr, 4);
        return 5;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            out[0] = '4';
            ngx_memcpy(out + 1, sin6->sin6_addr.s6_addr + 12, 4);
            return 5;
        }

        out[0] = '6';
        ngx_memcpy(out + 1, sin6->sin6_addr.s6_addr, 8);
        return 9;
#endif

    default:
        out[0] = 'u';
        return 1;
    }
}
