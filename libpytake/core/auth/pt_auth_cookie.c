/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Keeps the refresh token in a browser's cookie (RFC 6265).  Over TLS its name
 * has the prefix "__Host-": browsers take such a cookie only from this very
 * host, over TLS and for all of its paths, so that no page of a sibling domain
 * can put one of its own in its place (RFC 6265bis, section 4.1.3.2).  Without
 * TLS they refuse that name, and a plain name is used.
 */

#include "pt_auth.h"

#define PT_AUTH_COOKIE "pytake_refresh"
#define PT_AUTH_COOKIE_PATH "/api/v1/auth"
#define PT_AUTH_COOKIE_TLS "__Host-" PT_AUTH_COOKIE
#define PT_AUTH_COOKIE_TLS_PATH "/"
#define PT_AUTH_COOKIE_MAX 512u


static pt_str_t pt_auth_cookie_find(pt_str_t all, pt_str_t name);
static pt_err_t pt_auth_cookie_say(pytake_op_t *op, const char *name,
                                   const char *path, pt_str_t token);


/* Over TLS the plain name is looked for, too, so that sessions which began
 * without TLS go on. */
pt_err_t
pt_auth_cookie_get(const pytake_op_t *op, pt_str_t *out)
{
    *out = PT_STR_NULL;

    if (op->req->secure) {
        *out = pt_auth_cookie_find(op->req->cookie, PT_STR(PT_AUTH_COOKIE_TLS));
    }
    if (out->len == 0) {
        *out = pt_auth_cookie_find(op->req->cookie, PT_STR(PT_AUTH_COOKIE));
    }

    return out->len == 0 || out->len > PT_AUTH_TOKEN_CHARS_MAX ? PT_EREFRESH
                                                               : PT_OK;
}


pt_err_t
pt_auth_cookie_set(pytake_op_t *op, pt_str_t token)
{
    pt_err_t err;
    pt_str_t plain;

    if (token.len > PT_AUTH_COOKIE_MAX) {
        return PT_ELIMIT;
    }

    if (!op->req->secure) {
        return pt_auth_cookie_say(op, PT_AUTH_COOKIE, PT_AUTH_COOKIE_PATH,
                                  token);
    }

    err = pt_auth_cookie_say(op, PT_AUTH_COOKIE_TLS, PT_AUTH_COOKIE_TLS_PATH,
                             token);
    plain = pt_auth_cookie_find(op->req->cookie, PT_STR(PT_AUTH_COOKIE));

    return err == PT_OK && plain.data != NULL ? pt_auth_cookie_say(
               op, PT_AUTH_COOKIE, PT_AUTH_COOKIE_PATH, PT_STR_NULL)
                                              : err;
}


/* Finds the first cookie of a name; data NULL: there is none. */
static pt_str_t
pt_auth_cookie_find(pt_str_t all, pt_str_t name)
{
    size_t   i, start;
    pt_str_t pair;

    for (start = 0, i = 0; i <= all.len; i++) {
        if (i < all.len && all.data[i] != ';') {
            continue;
        }

        pair = pt_utf8_trim((pt_str_t){ all.data + start, i - start });
        start = i + 1;

        if (pair.len > name.len + 1 && pair.data[name.len] == '='
            && memcmp(pair.data, name.data, name.len) == 0)
        {
            return (pt_str_t){ pair.data + name.len + 1,
                               pair.len - name.len - 1 };
        }
    }

    return PT_STR_NULL;
}


static pt_err_t
pt_auth_cookie_say(pytake_op_t *op, const char *name, const char *path,
                   pt_str_t token)
{
    pt_err_t  err;
    pt_str_t  value;
    long long age = op->pt->conf.refresh_lifetime_s;

    if (token.data == NULL) {
        token = PT_STR("");
        age = 0;
    }

    err = pt_arena_fmt(
        op->arena, &value,
        "%s=%.*s; Path=%s; Max-Age=%lld; HttpOnly; SameSite=Strict%s", name,
        (int) token.len, token.data, path, age,
        op->req->secure ? "; Secure" : "");

    return err == PT_OK ? pt_reply_header(op, "Set-Cookie", value) : err;
}
