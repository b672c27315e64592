/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_jwt.h: the access token.  HS256 pinned (RFC 7519, RFC 8725): a token's
 * own alg is compared, never obeyed.  The HMAC context is keyed once; a
 * verification copies it.
 */

#ifndef PT_JWT_H
#define PT_JWT_H

#include "core/base/pt_util.h"

#define PT_JWT_ISS "pytake"
#define PT_JWT_AUD "pytake"
#define PT_JWT_LEEWAY_S 5    /* clock skew between our own machines */
#define PT_JWT_SECRET_MIN 16 /* bytes */
#define PT_ROLE_MAX 16

typedef struct {
    pt_uuid_t sub;
    pt_uuid_t tenant_id;
    pt_uuid_t sid;
    pt_uuid_t jti;
    char      role[PT_ROLE_MAX]; /* NUL-terminated */
    int64_t   iat;               /* unix seconds */
    int64_t   exp;
} pt_claims_t;

typedef struct pt_jwt_s pt_jwt_t;

/* secret: the raw bytes of JWT_SECRET; copied into libcrypto's context.
 * NULL when it is shorter than PT_JWT_SECRET_MIN, or a public key or
 * certificate in PEM (which everybody knows), or memory is out. */
pt_jwt_t *pt_jwt_new(const pt_mem_t *mem, pt_str_t secret);
void      pt_jwt_del(pt_jwt_t *j);

/* The signed token, on the arena. */
pt_err_t pt_jwt_build(const pt_jwt_t *j, pt_arena_t *a,
                      const pt_claims_t *claims, pt_str_t *out) PT_MUST_CHECK;

/*
 * Verifies signature, alg, typ, exp, nbf, iat (not in the future), iss, aud
 * (string or array) and the shape of every claim we use.
 * PT_ETOKEN: malformed, wrong alg, signature, issuer or audience, not yet
 * valid; PT_EEXPIRED; PT_ENOMEM.  Scratch memory comes from the arena.
 */
pt_err_t pt_jwt_verify(const pt_jwt_t *j, pt_arena_t *a, pt_str_t token,
                       int64_t now_s, pt_claims_t *out) PT_MUST_CHECK;

#endif
