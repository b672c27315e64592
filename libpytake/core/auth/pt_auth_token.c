/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Makes the tokens of a session, and the answer that shows them.
 */

#include "pt_auth.h"

#define PT_AUTH_TOKEN_PREFIX "rt_"
#define PT_AUTH_BODY_MAX 16384u


static pt_err_t pt_auth_token_text(pytake_op_t *op, const uint8_t raw[32],
                                   pt_str_t *out);
static void     pt_auth_user_write(pt_jw_t *w, const pt_auth_user_t *u);


pt_err_t
pt_auth_token_new(pytake_op_t *op, pt_str_t *out)
{
    uint8_t  raw[32];
    pt_err_t err;

    err = pt_rand_get(&op->rand, raw, sizeof(raw));

    return err == PT_OK ? pt_auth_token_text(op, raw, out) : err;
}


pt_err_t
pt_auth_token_next(pytake_op_t *op, pt_str_t token, pt_str_t *out)
{
    uint8_t  raw[32];
    pt_err_t err;
    pt_str_t key;

    key.data = (const char *) op->pt->refresh_key;
    key.len = sizeof(op->pt->refresh_key);

    err = pt_hash_hmac_sha256(key, token, raw);

    return err == PT_OK ? pt_auth_token_text(op, raw, out) : err;
}


pt_err_t
pt_auth_reply_tokens(pytake_op_t *op, const pt_auth_t *au)
{
    pt_jw_t     w;
    pt_buf_t    b;
    pt_err_t    err;
    pt_str_t    access, body;
    pt_claims_t claims = { 0 };

    if (au->user.role.len >= sizeof(claims.role)) {
        return PT_EINTERNAL;
    }

    claims.sub = au->user.id;
    claims.tenant_id = au->user.tenant_id;
    claims.sid = au->session_id;
    claims.iat = op->now_us / 1000000;
    claims.exp = claims.iat + op->pt->conf.access_lifetime_s;
    memcpy(claims.role, au->user.role.data, au->user.role.len);

    err = pt_rand_uuid(&op->rand, op->now_us, &claims.jti);
    if (err == PT_OK) {
        err = pt_jwt_build(op->pt->jwt, op->arena, &claims, &access);
    }
    if (err != PT_OK) {
        return err;
    }

    pt_buf_init(&b, op->arena, PT_AUTH_BODY_MAX);
    pt_jw_init(&w, &b);
    pt_jw_object(&w);
    pt_jw_key(&w, "access_token");
    pt_jw_str(&w, access);
    pt_jw_key(&w, "token_type");
    pt_jw_str(&w, PT_STR("Bearer"));
    pt_jw_key(&w, "expires_in");
    pt_jw_i64(&w, op->pt->conf.access_lifetime_s);
    pt_jw_key(&w, "refresh_token");
    pt_jw_str(&w, op->req->browser ? PT_STR_NULL : au->refresh_token);
    pt_jw_key(&w, "user");
    pt_auth_user_write(&w, &au->user);
    pt_jw_object_end(&w);

    err = pt_reply_header(op, "Cache-Control", PT_STR("no-store"));
    if (err == PT_OK && op->req->browser) {
        err = pt_auth_cookie_set(op, au->refresh_token);
    }
    if (err == PT_OK) {
        err = pt_buf_get(&b, &body);
    }

    return err == PT_OK ? pt_reply(op, 200, body) : err;
}


static pt_err_t
pt_auth_token_text(pytake_op_t *op, const uint8_t raw[32], pt_str_t *out)
{
    pt_buf_t b;
    pt_err_t err;
    pt_str_t text;

    err = pt_base64url_build(op->arena, raw, 32, &text);
    if (err != PT_OK) {
        return err;
    }

    pt_buf_init(&b, op->arena, PT_AUTH_TOKEN_CHARS_MAX);
    pt_buf_lit(&b, PT_AUTH_TOKEN_PREFIX);
    pt_buf_str_add(&b, text);

    return pt_buf_get(&b, out);
}


static void
pt_auth_user_write(pt_jw_t *w, const pt_auth_user_t *u)
{
    pt_jw_object(w);
    pt_jw_key(w, "id");
    pt_jw_uuid(w, &u->id);
    pt_jw_key(w, "tenant_id");
    pt_jw_uuid(w, &u->tenant_id);
    pt_jw_key(w, "email");
    pt_jw_str(w, u->email);
    pt_jw_key(w, "name");
    pt_jw_str(w, u->name);
    pt_jw_key(w, "role");
    pt_jw_str(w, u->role);
    pt_jw_object_end(w);
}
