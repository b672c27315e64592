/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Looks a path up in the route table (core/pt_routes.c).
 */

#include "pt_op_parts.h"

#include <assert.h>

#define PT_ROUTE_ALLOW_MAX 64u


static bool        pt_route_fits(const char *route, pt_str_t path,
                                 pytake_route_t *out);
static bool        pt_route_is_like(const char *route, pt_str_t path);
static const char *pt_route_verbs(pytake_method_t method);


void
pytake_route_find(pytake_method_t method, pt_str_t path, pytake_route_t *out)
{
    size_t             i;
    const pt_op_def_t *def;

    memset(out, 0, sizeof(*out));
    out->body_max = PT_BODY_MAX;
    out->err = PT_ENOROUTE;

    if (path.len == 0 || path.len > PT_PATH_MAX) {
        return;
    }

    if (method == PYTAKE_HEAD) {
        method = PYTAKE_GET;
    }

    for (i = 0; i < pt_routes_count; i++) {
        if (!pt_route_fits(pt_routes[i].path, path, out)) {
            continue;
        }

        if (pt_routes[i].method == method) {
            break;
        }

        /* The driver's question about an upgrade is no method of the path. */
        if (pt_routes[i].method != PYTAKE_UPGRADE) {
            out->err = PT_EMETHOD;
        }
    }

    if (i == pt_routes_count) {
        out->nparams = 0;
        return;
    }

    def = pt_routes[i].def;

    out->err = PT_OK;
    out->index = (uint16_t) (i + 1);
    out->timeout_ms = def->timeout_ms;
    out->login = (def->flags & PT_OP_LOGIN) != 0;
    out->webhook = (def->flags & PT_OP_WEBHOOK) != 0;
    out->body = (def->flags & PT_OP_BODY) != 0;

    if (out->webhook) {
        out->body = method == PYTAKE_POST;
        out->body_max = PT_WEBHOOK_BODY_MAX;

    } else if ((def->flags & PT_OP_PUBLIC) != 0) {
        out->body_max = PT_PUBLIC_BODY_MAX;
    }
}


const pt_op_def_t *
pt_route_def(const pytake_route_t *route)
{
    assert(route->index <= pt_routes_count);

    return route->index == 0 ? NULL : pt_routes[route->index - 1].def;
}


pt_err_t
pt_route_allow(pt_arena_t *a, pt_str_t path, pt_str_t *out)
{
    size_t         i;
    pt_buf_t       b;
    const char    *verbs;
    pytake_route_t r;

    pt_buf_init(&b, a, PT_ROUTE_ALLOW_MAX);

    for (i = 0; i < pt_routes_count; i++) {
        if (pt_routes[i].method == PYTAKE_UPGRADE
            || !pt_route_fits(pt_routes[i].path, path, &r))
        {
            continue;
        }

        if (b.len != 0) {
            pt_buf_lit(&b, ", ");
        }
        verbs = pt_route_verbs(pt_routes[i].method);
        pt_buf_add(&b, verbs, strlen(verbs));
    }

    return pt_buf_get(&b, out);
}


/* Whether a path is that of a route; if so, it takes the path's ids. */
static bool
pt_route_fits(const char *route, pt_str_t path, pytake_route_t *out)
{
    const char *r, *p = path.data;

    if (!pt_route_is_like(route, path)) {
        return false;
    }

    out->nparams = 0;

    for (r = route; *r != '\0'; r++, p++) {
        if (*r != '{') {
            continue;
        }

        assert(out->nparams < PT_ROUTE_PARAMS_MAX);

        if (!pt_uuid_parse((pt_str_t){ p, PT_UUID_LEN },
                           &out->params[out->nparams])) {
            return false;
        }

        out->nparams++;
        r = strchr(r, '}');
        p += PT_UUID_LEN - 1;
    }

    return true;
}


/* Compares the literal parts of a route alone, because they tell most routes
 * apart and cost little. */
static bool
pt_route_is_like(const char *route, pt_str_t path)
{
    size_t      i = 0;
    const char *r;

    for (r = route; *r != '\0'; r++) {
        if (*r == '{') {
            i += PT_UUID_LEN;
            r = strchr(r, '}');

        } else if (i >= path.len || path.data[i++] != *r) {
            return false;
        }
    }

    return i == path.len;
}


static const char *
pt_route_verbs(pytake_method_t method)
{
    static const char *const names[] = { [PYTAKE_GET] = "GET, HEAD",
                                         [PYTAKE_POST] = "POST",
                                         [PYTAKE_PATCH] = "PATCH",
                                         [PYTAKE_PUT] = "PUT",
                                         [PYTAKE_DELETE] = "DELETE" };

    assert(method < PT_COUNT(names));

    return names[method];
}
