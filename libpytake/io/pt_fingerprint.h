/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_fingerprint.h: what NGINX and the sidecar tell of their secrets, so that
 * "pytake doctor" can compare: 64 bits of
 *
 *     HMAC(HMAC(HMAC(jwt_secret, "pytake fingerprint 1"), name), value)
 *
 * as hex (HMAC-SHA256).  Whoever reads one cannot try guesses at a secret
 * that people make up, a verify token, without the JWT secret; with another
 * JWT secret every fingerprint is another one.  Of an address it is where the
 * server is and who logs in there, never the password.
 */

#ifndef PT_FINGERPRINT_H
#define PT_FINGERPRINT_H

#include "core/base/pt_util.h"

#define PT_FINGERPRINT_LEN 16
#define PT_FINGERPRINT_ADDRESS_MAX 9216 /* 32 hosts of 255 bytes, and more */

typedef enum {
    PT_FINGERPRINT_JWT_SECRET = 0,
    PT_FINGERPRINT_APP_SECRET,
    PT_FINGERPRINT_VERIFY_TOKEN,
    PT_FINGERPRINT_ENCRYPTION_KEY,
    PT_FINGERPRINT_DATABASE, /* an address */
    PT_FINGERPRINT_REDIS,    /* an address */
    PT_FINGERPRINT_IDENTITY, /* health_identity's */
    PT_FINGERPRINTS
} pt_fingerprint_e;

extern const char *const pt_fingerprint_names[PT_FINGERPRINTS];

/* NUL-terminated; "": there is none. */
typedef struct {
    char of[PT_FINGERPRINTS][PT_FINGERPRINT_LEN + 1];
} pt_fingerprints_t;

/* value[PT_FINGERPRINT_JWT_SECRET] is the key.  data NULL or len 0: not set;
 * both addresses are NUL-terminated.  Without a JWT secret there is none of
 * any; none either of an address that is none, or too long.  PT_ENOMEM,
 * PT_ECRYPTO. */
pt_err_t pt_fingerprint_make(const pt_str_t     value[PT_FINGERPRINTS],
                             pt_fingerprints_t *out) PT_MUST_CHECK;

#endif
