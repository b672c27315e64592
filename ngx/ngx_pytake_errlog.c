/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * NGINX ends a line of its error log with the request as it came.  Its
 * arguments may be a verify token or a cursor, which no log should hold; so in
 * the module's locations the request is shown up to its "?".
 */

#include "ngx_pytake.h"


static u_char *ngx_pytake_errlog(ngx_http_request_t *r, ngx_http_request_t *sr,
                                 u_char *buf, size_t len);
static void    ngx_pytake_errlog_cut(ngx_str_t *s);


static ngx_http_log_handler_pt ngx_pytake_errlog_next;


ngx_int_t
ngx_pytake_errlog_handler(ngx_http_request_t *r)
{
    ngx_pytake_loc_conf_t *plcf;

    plcf = ngx_pytake_loc_conf(r);

    if ((plcf->role != NGX_PYTAKE_NONE || plcf->websocket)
        && r->main->log_handler != ngx_pytake_errlog)
    {
        ngx_pytake_errlog_next = r->main->log_handler; /* one for all */
        r->main->log_handler = ngx_pytake_errlog;
    }

    return NGX_DECLINED;
}


static u_char *
ngx_pytake_errlog(ngx_http_request_t *r, ngx_http_request_t *sr, u_char *buf,
                  size_t len)
{
    u_char              *p;
    ngx_str_t            line, uri, referer;
    ngx_table_elt_t     *ref;
    ngx_http_upstream_t *u;

    assert(ngx_pytake_errlog_next != NULL
           && ngx_pytake_errlog_next != ngx_pytake_errlog);

    u = sr->upstream;
    ref = r->headers_in.referer;

    line = r->request_line;
    ngx_pytake_errlog_cut(&r->request_line);

    if (u) {
        uri = u->uri;
        ngx_pytake_errlog_cut(&u->uri);
    }

    if (ref) {
        referer = ref->value;
        ngx_pytake_errlog_cut(&ref->value);
    }

    p = ngx_pytake_errlog_next(r, sr, buf, len);

    r->request_line = line;

    if (u) {
        u->uri = uri;
    }

    if (ref) {
        ref->value = referer;
    }

    return p;
}


static void
ngx_pytake_errlog_cut(ngx_str_t *s)
{
    u_char *p;

    p = s->len ? ngx_strlchr(s->data, s->data + s->len, '?') : NULL;

    if (p) {
        s->len = p - s->data;
    }
}
