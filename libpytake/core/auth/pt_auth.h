/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_auth.h: what the files of the sessions share.
 */

#ifndef PT_AUTH_H
#define PT_AUTH_H

#include "core/op/pt_field.h"

#define PT_AUTH_TOKEN_CHARS_MAX 128u
#define PT_AUTH_NETWORK_LEN 16 /* bytes that are kept of a network's hash */

typedef struct {
    pt_uuid_t id;
    pt_uuid_t tenant_id;
    pt_str_t  email;
    pt_str_t  name;
    pt_str_t  role;
} pt_auth_user_t;

typedef struct {
    bool           found;
    pytake_login_t login;
    uint8_t        network[PT_AUTH_NETWORK_LEN]; /* keyed hash */
    pt_auth_user_t user;
    pt_str_t       password;
    pt_str_t       phc;
    pt_uuid_t      session_id;
    pt_str_t       refresh_token; /* the one to give out */
} pt_auth_t;


/* ---- pt_auth_token.c ---- */

/* A new refresh token, and the one that follows another. */
pt_err_t pt_auth_token_new(pytake_op_t *op, pt_str_t *out) PT_MUST_CHECK;
pt_err_t pt_auth_token_next(pytake_op_t *op, pt_str_t token,
                            pt_str_t *out) PT_MUST_CHECK;
/* Answers with an access token and au's refresh token. */
pt_err_t pt_auth_reply_tokens(pytake_op_t     *op,
                              const pt_auth_t *au) PT_MUST_CHECK;

/* ---- pt_auth_cookie.c ---- */

/*
 * Browsers keep the refresh token in a cookie that no script reads
 * (HttpOnly) and no other site's page sends (SameSite=Strict).  A request must
 * say that it is a browser's by X-Pytake-Browser: a page of another origin
 * cannot send that header unasked (Fetch, "CORS-safelisted request-header").
 */

/* The refresh token of the request's cookie, borrowed from the request.
 * PT_EREFRESH: there is none. */
pt_err_t pt_auth_cookie_get(const pytake_op_t *op, pt_str_t *out) PT_MUST_CHECK;
/* Has the browser keep a token, or, when its data is NULL, forget it.
 * PT_ELIMIT: it is too long for a cookie; PT_ENOMEM. */
pt_err_t pt_auth_cookie_set(pytake_op_t *op, pt_str_t token) PT_MUST_CHECK;

/* ---- pt_auth_who.c ---- */

/* The request's network, as the database remembers it and as it is counted.
 * PT_ECRYPTO. */
pt_err_t pt_auth_who_network(pytake_op_t *op, pt_auth_t *au) PT_MUST_CHECK;
/* Whose attempt it is.  account: as the database compares it.  PT_ECRYPTO,
 * PT_ENOMEM. */
pt_err_t pt_auth_who_account(pytake_op_t *op, pt_auth_t *au,
                             pt_str_t account) PT_MUST_CHECK;

#endif
