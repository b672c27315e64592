/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The route table: one row an endpoint.
 */

#include "pt_op_parts.h"

#include <assert.h>

/*
 * method, path, operation: its definition is pt_<operation>, its name in
 * logs and metrics <operation>.  A "{...}" segment is a UUID.
 */
#define PT_ROUTE_TABLE(ROW)                                                    \
    ROW(POST, "/api/v1/auth/login", auth_login)                                \
    ROW(POST, "/api/v1/auth/refresh", auth_refresh)                            \
    ROW(POST, "/api/v1/auth/logout", auth_logout)                              \
    ROW(GET, "/api/v1/auth/me", auth_me)                                       \
    ROW(GET, "/api/v1/conversations", conv_list)                               \
    ROW(POST, "/api/v1/conversations", conv_create)                            \
    ROW(GET, "/api/v1/conversations/{id}", conv_get)                           \
    ROW(GET, "/api/v1/conversations/{id}/messages", msg_list)                  \
    ROW(POST, "/api/v1/conversations/{id}/messages", msg_send)                 \
    ROW(UPGRADE, PYTAKE_WS_PATH, ws_admit)                                     \
    ROW(GET, "/api/v1/webhooks/whatsapp", webhook_verify)                      \
    ROW(POST, "/api/v1/webhooks/whatsapp", webhook_ingest)

#define PT_ROUTE_DECLARE(m, p, op) extern const pt_op_def_t pt_##op;
#define PT_ROUTE_ROW(m, p, op) { PYTAKE_##m, p, &pt_##op },
#define PT_ROUTE_NAME(m, p, op) #op,

#define PT_ROUTE_ALLOW_MAX 64u


static bool pt_route_fits(const char *route, pt_str_t path, pt_match_t *out);
static pytake_method_t pt_route_method(pytake_method_t method);
static void            pt_route_allow(pt_buf_t *b, pytake_method_t method);


PT_ROUTE_TABLE(PT_ROUTE_DECLARE)

const pt_route_t pt_routes[] = { PT_ROUTE_TABLE(PT_ROUTE_ROW) };

const size_t pt_routes_count = PT_COUNT(pt_routes);

const char *const pytake_route_names[] = { "none",
                                           PT_ROUTE_TABLE(PT_ROUTE_NAME) };

const uint16_t pytake_routes_count = PT_COUNT(pytake_route_names);


pt_err_t
pt_route_match(pytake_method_t method, pt_str_t path, pt_match_t *out)
{
    size_t     i;
    bool       known = false;
    pt_match_t m = { 0 };

    memset(out, 0, sizeof(*out));

    if (path.len == 0 || path.len > PT_PATH_MAX) {
        return PT_ENOROUTE;
    }

    method = pt_route_method(method);

    for (i = 0; i < pt_routes_count; i++) {
        if (!pt_route_fits(pt_routes[i].path, path, &m)) {
            continue;
        }

        if (pt_routes[i].method == method) {
            *out = m;
            out->def = pt_routes[i].def;
            out->index = (uint16_t) (i + 1);
            return PT_OK;
        }

        /* the driver's question is no verb of the path's */
        known = known || pt_routes[i].method != PYTAKE_UPGRADE;
    }

    return known ? PT_EMETHOD : PT_ENOROUTE;
}


pt_err_t
pt_route_find(pt_arena_t *a, pytake_method_t method, pt_str_t path,
              pt_match_t *out)
{
    size_t     i;
    pt_buf_t   b;
    pt_err_t   err;
    pt_match_t m = { 0 };

    err = pt_route_match(method, path, out);
    if (err != PT_EMETHOD) {
        return err;
    }

    pt_buf_init(&b, a, PT_ROUTE_ALLOW_MAX);

    for (i = 0; i < pt_routes_count; i++) {
        if (pt_routes[i].method != PYTAKE_UPGRADE
            && pt_route_fits(pt_routes[i].path, path, &m))
        {
            pt_route_allow(&b, pt_routes[i].method);
        }
    }

    err = pt_buf_get(&b, &out->allow);

    return err == PT_OK ? PT_EMETHOD : err;
}


void
pytake_route_info(pytake_method_t method, pt_str_t path,
                  pytake_route_info_t *out)
{
    pt_match_t m = { 0 };

    memset(out, 0, sizeof(*out));
    out->body_max = PT_BODY_MAX;

    if (pt_route_match(method, path, &m) != PT_OK) {
        return;
    }

    out->timeout_ms = m.def->timeout_ms;
    out->login = (m.def->flags & PT_OP_LOGIN) != 0;
    out->webhook = (m.def->flags & PT_OP_WEBHOOK) != 0;

    if (out->webhook) {
        out->body_max = PT_WEBHOOK_BODY_MAX;
    }
}


static bool
pt_route_fits(const char *route, pt_str_t path, pt_match_t *out)
{
    size_t      i = 0;
    const char *r = route;

    out->nparams = 0;
    out->allow = PT_STR_NULL;

    while (*r != '\0') {
        if (*r != '{') {
            if (i == path.len || path.data[i] != *r) {
                return false;
            }
            i++;
            r++;
            continue;
        }

        assert(out->nparams < PT_ROUTE_PARAMS_MAX);

        if (path.len - i < PT_UUID_LEN
            || !pt_uuid_parse((pt_str_t){ path.data + i, PT_UUID_LEN },
                              &out->params[out->nparams]))
        {
            return false;
        }

        out->nparams++;
        i += PT_UUID_LEN;

        while (*r++ != '}') { /* void */
        }
    }

    return i == path.len;
}


static pytake_method_t
pt_route_method(pytake_method_t method)
{
    return method == PYTAKE_HEAD ? PYTAKE_GET : method;
}


static void
pt_route_allow(pt_buf_t *b, pytake_method_t method)
{
    static const char *const names[] = { [PYTAKE_GET] = "GET, HEAD",
                                         [PYTAKE_POST] = "POST",
                                         [PYTAKE_PATCH] = "PATCH",
                                         [PYTAKE_PUT] = "PUT",
                                         [PYTAKE_DELETE] = "DELETE" };

    assert(method < PT_COUNT(names));

    if (b->len != 0) {
        pt_buf_lit(b, ", ");
    }

    pt_buf_add(b, names[method], strlen(names[method]));
}
