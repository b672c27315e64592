/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_fingerprint.h: what NGINX and the sidecar tell of their secrets, so that
 * "pytake doctor" can compare them without seeing one.  It is 64 bits of
 *
 *     HMAC(HMAC(HMAC(jwt_secret, "pytake fingerprint 1"), name), value)
 *
 * in hex, with HMAC-SHA256 (RFC 2104).  Some secrets are made up by people,
 * such as a verify token; without the JWT secret nobody can try guesses at them
 * with a fingerprint.  With another JWT secret every fingerprint differs.  That
 * of an address says where the server is and who logs in there, and nothing of
 * the password.
 */

#ifndef PT_FINGERPRINT_H
#define PT_FINGERPRINT_H

#include "core/base/pt_util.h"

#define PT_FINGERPRINT_LEN 16           /* bytes of hex */
#define PT_FINGERPRINT_ADDRESS_MAX 9216 /* bytes; 32 hosts of 255 and more */

typedef enum {
    PT_FINGERPRINT_JWT_SECRET = 0,
    PT_FINGERPRINT_APP_SECRET,
    PT_FINGERPRINT_VERIFY_TOKEN,
    PT_FINGERPRINT_ENCRYPTION_KEY,
    PT_FINGERPRINT_DATABASE, /* an address */
    PT_FINGERPRINT_REDIS,    /* an address */
    PT_FINGERPRINT_IDENTITY, /* the answer of health_identity */
    PT_FINGERPRINTS
} pt_fingerprint_e;

/* By pt_fingerprint_e, as "pytake doctor" and /status call them. */
extern const char *const pt_fingerprint_names[PT_FINGERPRINTS];

/* Fingerprints, NUL-terminated; "": there is none. */
typedef struct {
    char of[PT_FINGERPRINTS][PT_FINGERPRINT_LEN + 1];
} pt_fingerprints_t;

/* Makes the fingerprints of values, of which value[PT_FINGERPRINT_JWT_SECRET]
 * is the key.  A value with len 0 is not set; the two addresses are
 * NUL-terminated.  There is no fingerprint at all without a JWT secret, and
 * none of an address that cannot be parsed or is too long.  PT_ENOMEM;
 * PT_ECRYPTO. */
pt_err_t pt_fingerprint_make(const pt_str_t     value[PT_FINGERPRINTS],
                             pt_fingerprints_t *out) PT_MUST_CHECK;

#endif
