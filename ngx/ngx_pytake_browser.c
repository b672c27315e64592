/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * What a browser's session needs of a request: the header by which a client
 * says that it is a browser, its cookies, and whether it came over TLS.
 */

#include "ngx_pytake.h"

#define NGX_PYTAKE_COOKIES_MAX 8192 /* bytes; longer ones are ignored */


static ngx_uint_t ngx_pytake_browser_is(ngx_table_elt_t *e, const char *name,
                                        size_t len);


void
ngx_pytake_browser_read(ngx_http_request_t *r, ngx_pytake_browser_t *b)
{
    ngx_uint_t       i;
    ngx_list_part_t *part;
    ngx_table_elt_t *e, *cookie;

    assert(r != NULL && b != NULL);

    ngx_memzero(b, sizeof(ngx_pytake_browser_t));
    cookie = NULL;

#if (NGX_HTTP_SSL)
    b->secure = (r->connection->ssl != NULL);
#endif

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        e = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (ngx_pytake_browser_is(&e[i], "x-pytake-browser",
                                      sizeof("x-pytake-browser") - 1))
            {
                b->browser = (e[i].value.len == 1 && e[i].value.data[0] == '1');

            } else if (ngx_pytake_browser_is(&e[i], "x-forwarded-proto",
                                             sizeof("x-forwarded-proto") - 1))
            {
                b->secure |=
                    (e[i].value.len == 5
                     && ngx_strncasecmp(e[i].value.data, (u_char *) "https", 5)
                            == 0);

            } else if (cookie == NULL
                       && ngx_pytake_browser_is(&e[i], "cookie",
                                                sizeof("cookie") - 1))
            {
                /* HTTP/1.1 has at most one (RFC 6265, 5.4), and NGINX joins
                 * those of HTTP/2 into one */
                cookie = &e[i];
            }
        }
    }

    if (b->browser && cookie && cookie->value.len <= NGX_PYTAKE_COOKIES_MAX) {
        b->cookie = cookie->value;
    }
}


static ngx_uint_t
ngx_pytake_browser_is(ngx_table_elt_t *e, const char *name, size_t len)
{
    return e->key.len == len && ngx_memcmp(e->lowcase_key, name, len) == 0;
}
