/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Which pages may open a WebSocket: those whose origin (RFC 6454) is in the
 * operator's list, or, without a list, those of the host that the request is
 * sent to.
 */

#include "ngx_pytake.h"

#define NGX_PYTAKE_ORIGIN_MAX 261 /* bytes: "https://", a name, a port */


static ngx_int_t  ngx_pytake_origin_add(ngx_conf_t *cf, ngx_array_t *origins,
                                        u_char *p, u_char *last);
static ngx_uint_t ngx_pytake_origin_valid(u_char *p, u_char *last);
static ngx_uint_t ngx_pytake_origin_own(ngx_http_request_t *r,
                                        ngx_str_t          *origin);
static void       ngx_pytake_origin_cut(ngx_str_t *host, ngx_uint_t https);


char *
ngx_pytake_origin_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_pytake_loc_conf_t *plcf = conf;

    char      *rv;
    u_char    *p, *last, *start;
    ngx_str_t *value, list;
    ngx_uint_t is_inline;

    value = cf->args->elts;

    if (plcf->origins != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    rv = ngx_pytake_value_read(cf, &value[0], &value[1], &list, &is_inline);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    plcf->origins = ngx_array_create(cf->pool, 4, sizeof(ngx_str_t));
    if (plcf->origins == NULL) {
        return NGX_CONF_ERROR;
    }

    p = list.data;
    last = p + list.len;

    while (p < last) {
        start = p;

        while (p < last && *p != ',') {
            p++;
        }

        if (ngx_pytake_origin_add(cf, plcf->origins, start, p) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        p++;
    }

    return NGX_CONF_OK;
}


ngx_uint_t
ngx_pytake_origin_is(ngx_http_request_t *r, ngx_str_t *origin)
{
    ngx_str_t   *o;
    ngx_uint_t   i;
    ngx_array_t *origins;

    origins = ngx_pytake_loc_conf(r)->origins;

    if (origins == NULL) {
        return ngx_pytake_origin_own(r, origin);
    }

    assert(origins->size == sizeof(ngx_str_t));

    o = origins->elts;

    for (i = 0; i < origins->nelts; i++) {
        if (o[i].len == origin->len
            && ngx_memcmp(o[i].data, origin->data, origin->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_pytake_origin_add(ngx_conf_t *cf, ngx_array_t *origins, u_char *p,
                      u_char *last)
{
    ngx_str_t *o, s;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    while (last > p && (last[-1] == ' ' || last[-1] == '\t')) {
        last--;
    }

    if (!ngx_pytake_origin_valid(p, last)) {
        s.data = p;
        s.len = last - p;

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not an origin as browsers send it, "
                           "scheme://host[:port] in lower case",
                           &s);
        return NGX_ERROR;
    }

    o = ngx_array_push(origins);
    if (o == NULL) {
        return NGX_ERROR;
    }

    o->data = p;
    o->len = last - p;

    return NGX_OK;
}


static ngx_uint_t
ngx_pytake_origin_valid(u_char *p, u_char *last)
{
    u_char   *host;
    ngx_int_t port;

    if (last - p > NGX_PYTAKE_ORIGIN_MAX) {
        return 0;
    }

    host = p;

    while (p < last
           && ((*p >= 'a' && *p <= 'z') || *p == '-' || *p == '+' || *p == '.'
               || (*p >= '0' && *p <= '9')))
    {
        p++;
    }

    if (p == host || last - p < 4 || ngx_strncmp(p, "://", 3) != 0) {
        return 0;
    }

    p += 3;
    host = p;

    if (*p == '[') {
        while (p < last && *p != ']') {
            p++;
        }

        if (p++ == last) {
            return 0;
        }

    } else {
        while (p < last && *p != ':') {
            if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')
                  || *p == '.' || *p == '-' || *p == '_'))
            {
                return 0;
            }

            p++;
        }
    }

    if (p == host) {
        return 0;
    }

    if (p == last) {
        return 1;
    }

    port = (*p == ':') ? ngx_atoi(p + 1, last - p - 1) : NGX_ERROR;

    return port > 0 && port < 65536;
}


/* 1 when the page came from the host, the scheme and the port that its
 * WebSocket goes to. */

static ngx_uint_t
ngx_pytake_origin_own(ngx_http_request_t *r, ngx_str_t *origin)
{
    ngx_str_t  host, own;
    ngx_uint_t https;

    if (r->headers_in.host == NULL) {
        return 0;
    }

    https = 0;

#if (NGX_HTTP_SSL)
    https = (r->connection->ssl != NULL);
#endif

    host = *origin;

    if (https && host.len > 8 && ngx_strncmp(host.data, "https://", 8) == 0) {
        host.data += 8;
        host.len -= 8;

    } else if (!https && host.len > 7
               && ngx_strncmp(host.data, "http://", 7) == 0) {
        host.data += 7;
        host.len -= 7;

    } else {
        return 0;
    }

    own = r->headers_in.host->value;

    ngx_pytake_origin_cut(&host, https);
    ngx_pytake_origin_cut(&own, https);

    return host.len == own.len
           && ngx_strncasecmp(host.data, own.data, own.len) == 0;
}


/* Cuts the default port of the scheme off: browsers leave it away in an origin
 * (RFC 6454, 6.2), other clients may write it. */

static void
ngx_pytake_origin_cut(ngx_str_t *host, ngx_uint_t https)
{
    size_t      len;
    const char *port;

    port = https ? ":443" : ":80";
    len = ngx_strlen(port);

    if (host->len > len
        && ngx_memcmp(host->data + host->len - len, port, len) == 0) {
        host->len -= len;
    }
}
