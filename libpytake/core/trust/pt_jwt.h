/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_jwt.h: the access token, a JWT (RFC 7519) that is signed with HS256 and
 * nothing else: the alg that a token names is compared and never obeyed (RFC
 * 8725, section 3.1).  The HMAC's state is computed once for the key, and each
 * verification begins with a copy of it.
 */

#ifndef PT_JWT_H
#define PT_JWT_H

#include "core/base/pt_util.h"

#define PT_JWT_ISS "pytake"
#define PT_JWT_AUD "pytake"
#define PT_JWT_LEEWAY_S 5    /* clock skew between our own machines */
#define PT_JWT_SECRET_MIN 16 /* bytes */
#define PT_ROLE_MAX 16

/* The claims of a token.  sid is the session, jti the token itself. */
typedef struct {
    pt_uuid_t sub;
    pt_uuid_t tenant_id;
    pt_uuid_t sid;
    pt_uuid_t jti;
    char      role[PT_ROLE_MAX]; /* with a NUL behind */
    int64_t   iat;               /* when it was issued, in Unix seconds */
    /* When it expires, in Unix seconds. */
    int64_t exp;
} pt_claims_t;

typedef struct pt_jwt_s pt_jwt_t;

/* Makes a signer and verifier.  secret is the raw bytes of JWT_SECRET; they go
 * into libcrypto's state and are not kept otherwise.  *mem is copied.  The
 * caller owns the result and frees it with pt_jwt_del().  It is NULL when
 * memory is out, when secret is shorter than PT_JWT_SECRET_MIN, or when secret
 * is a public key or certificate in PEM, which everybody may know. */
pt_jwt_t *pt_jwt_new(const pt_mem_t *mem, pt_str_t secret);
/* Frees it, and wipes the key's state. */
void pt_jwt_del(pt_jwt_t *j);

/* Writes the signed token of these claims to the arena.  Errors: PT_ENOMEM,
 * PT_ELIMIT, PT_ECRYPTO. */
pt_err_t pt_jwt_build(const pt_jwt_t *j, pt_arena_t *a,
                      const pt_claims_t *claims, pt_str_t *out) PT_MUST_CHECK;

/*
 * Verifies a token at now_s, in Unix seconds: its signature, alg and typ; exp,
 * nbf and iat (which may not lie in the future); iss and aud (a string or an
 * array); and the shape of every claim that we use.  *out, the caller's, gets
 * the claims.  Scratch memory comes from the arena.
 *
 * Errors: PT_ETOKEN when it is malformed, not valid yet, or has a wrong alg,
 * signature, issuer or audience; PT_EEXPIRED; PT_ENOMEM.
 */
pt_err_t pt_jwt_verify(const pt_jwt_t *j, pt_arena_t *a, pt_str_t token,
                       int64_t now_s, pt_claims_t *out) PT_MUST_CHECK;

#endif
