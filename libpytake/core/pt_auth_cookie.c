/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The refresh token as a browser's cookie (RFC 6265).
 */

#include "pt_auth.h"

#define PT_AUTH_COOKIE "pytake_refresh"
#define PT_AUTH_COOKIE_MAX 512u


pt_err_t
pt_auth_cookie_get(const pytake_op_t *op, pt_str_t *out)
{
    size_t         i, start;
    pt_str_t       all = op->req->cookie, pair;
    const pt_str_t name = PT_STR(PT_AUTH_COOKIE "=");

    for (start = 0, i = 0; i <= all.len; i++) {
        if (i < all.len && all.data[i] != ';') {
            continue;
        }

        pair = pt_trim((pt_str_t){ all.data + start, i - start });
        start = i + 1;

        if (pair.len > name.len && memcmp(pair.data, name.data, name.len) == 0)
        {
            *out = (pt_str_t){ pair.data + name.len, pair.len - name.len };
            return out->len > PT_AUTH_TOKEN_CHARS_MAX ? PT_EREFRESH : PT_OK;
        }
    }

    return PT_EREFRESH;
}


pt_err_t
pt_auth_cookie_set(pytake_op_t *op, pt_str_t token)
{
    pt_err_t    err;
    pt_str_t    value;
    const char *secure = op->req->secure ? "; Secure" : "";
    long long   age = op->pt->conf.refresh_lifetime_s;

    if (token.data == NULL) {
        token = PT_STR("");
        age = 0;
    }

    if (token.len > PT_AUTH_COOKIE_MAX) {
        return PT_ELIMIT;
    }

    err = pt_fmt(op->arena, &value,
                 PT_AUTH_COOKIE "=%.*s; Path=/api/v1/auth; Max-Age=%lld"
                                "; HttpOnly; SameSite=Strict%s",
                 (int) token.len, token.data, age, secure);

    return err == PT_OK ? pt_header(op, "Set-Cookie", value) : err;
}
