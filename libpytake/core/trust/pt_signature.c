/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_signature.h"
#include "core/base/pt_util.h"

#define PT_SIGNATURE_PREFIX "sha256="
#define PT_SIGNATURE_PREFIX_LEN (sizeof(PT_SIGNATURE_PREFIX) - 1)
#define PT_SIGNATURE_BYTES 32u


static bool pt_signature_parse(pt_str_t header,
                               uint8_t  out[PT_SIGNATURE_BYTES]);


bool
pt_signature_is(pt_str_t header)
{
    uint8_t mac[PT_SIGNATURE_BYTES];

    return pt_signature_parse(header, mac);
}


pt_err_t
pt_signature_check(pt_str_t secret, pt_str_t header, pt_str_t body)
{
    pt_err_t err;
    uint8_t  want[PT_SIGNATURE_BYTES], got[PT_SIGNATURE_BYTES];

    if (secret.len == 0 || !pt_signature_parse(header, got)) {
        return PT_ESIGNATURE;
    }

    err = pt_hash_hmac_sha256(secret, body, want);
    if (err != PT_OK) {
        return err;
    }

    return pt_hash_equal(want, got, sizeof(want)) ? PT_OK : PT_ESIGNATURE;
}


static bool
pt_signature_parse(pt_str_t header, uint8_t out[PT_SIGNATURE_BYTES])
{
    pt_str_t hex;

    if (header.data == NULL
        || header.len != PT_SIGNATURE_PREFIX_LEN + 2 * PT_SIGNATURE_BYTES
        || memcmp(header.data, PT_SIGNATURE_PREFIX, PT_SIGNATURE_PREFIX_LEN)
               != 0)
    {
        return false;
    }

    hex.data = header.data + PT_SIGNATURE_PREFIX_LEN;
    hex.len = header.len - PT_SIGNATURE_PREFIX_LEN;

    return pt_hex_parse(hex, out, PT_SIGNATURE_BYTES);
}
