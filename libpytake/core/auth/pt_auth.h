/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_auth.h: what the files that make, renew and end sessions share.
 */

#ifndef PT_AUTH_H
#define PT_AUTH_H

#include "core/op/pt_field.h"

#define PT_AUTH_TOKEN_CHARS_MAX 128u
#define PT_AUTH_NETWORK_LEN 16 /* bytes of a network's hash that are kept */

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
    uint8_t        network[PT_AUTH_NETWORK_LEN]; /* a keyed hash of the
                                                    visitor's network */
    pt_auth_user_t user;
    pt_str_t       password;
    pt_str_t       phc;
    pt_uuid_t      session_id;
    pt_str_t       refresh_token; /* the new one, which the answer shows */
} pt_auth_t;


/* ---- pt_auth_token.c ---- */

/* Makes a new refresh token, or the one that follows another: that one is
 * derived from it with a key of ours.  *out is on the operation's arena.
 * Errors: PT_ECRYPTO, PT_ENOMEM. */
pt_err_t pt_auth_token_new(pytake_op_t *op, pt_str_t *out) PT_MUST_CHECK;
pt_err_t pt_auth_token_next(pytake_op_t *op, pt_str_t token,
                            pt_str_t *out) PT_MUST_CHECK;
/* Answers with a new access token and with au's refresh token: in a cookie to a
 * browser, else in the body.  Errors: PT_ECRYPTO, PT_ENOMEM, PT_ELIMIT. */
pt_err_t pt_auth_reply_tokens(pytake_op_t     *op,
                              const pt_auth_t *au) PT_MUST_CHECK;

/* ---- pt_auth_cookie.c ---- */

/*
 * Browsers keep the refresh token in a cookie that no script reads (HttpOnly)
 * and that no other site's page sends (SameSite=Strict).  A request must say
 * that it is a browser's by the header X-Pytake-Browser, for a page of another
 * origin cannot send that header without being allowed to (Fetch,
 * "CORS-safelisted request-header").
 */

/* Gives the refresh token of the request's cookie, borrowed from the request.
 * PT_EREFRESH: there is none. */
pt_err_t pt_auth_cookie_get(const pytake_op_t *op, pt_str_t *out) PT_MUST_CHECK;
/* Adds the header by which the browser keeps a token, or forgets the one that
 * it has when token's data is NULL.  Errors: PT_ELIMIT when the token is too
 * long for a cookie, PT_ENOMEM. */
pt_err_t pt_auth_cookie_set(pytake_op_t *op, pt_str_t token) PT_MUST_CHECK;

/* ---- pt_auth_who.c ---- */

/* Sets au's hashes of the request's network: the one that the database keeps,
 * and the one by which attempts are counted.  The only error is PT_ECRYPTO. */
pt_err_t pt_auth_who_network(pytake_op_t *op, pt_auth_t *au) PT_MUST_CHECK;
/* Sets au's hashes of the account, and of account and network together.
 * account is the address in the form in which the database compares it.
 * Errors: PT_ECRYPTO, PT_ENOMEM. */
pt_err_t pt_auth_who_account(pytake_op_t *op, pt_auth_t *au,
                             pt_str_t account) PT_MUST_CHECK;

#endif
