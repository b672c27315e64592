/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_util.h"

#include <assert.h>
#include <limits.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>


pt_err_t
pt_sha256(const void *data, size_t len, uint8_t out[32])
{
    if (EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) != 1) {
        return PT_ECRYPTO;
    }

    return PT_OK;
}


pt_err_t
pt_hmac_sha256(pt_str_t key, pt_str_t msg, uint8_t out[32])
{
    if (key.len > INT_MAX) {
        return PT_ECRYPTO;
    }

    /* a NULL key would mean "the key of last time" to libcrypto */
    if (HMAC(EVP_sha256(), key.data == NULL ? "" : key.data,
             (int) key.len, (const unsigned char *) msg.data, msg.len, out,
             NULL)
        == NULL)
    {
        return PT_ECRYPTO;
    }

    return PT_OK;
}


bool
pt_equal_const_time(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}


pt_err_t
pt_rand_get(pt_rand_t *r, uint8_t *out, size_t len)
{
    int     i;
    size_t  n;
    uint8_t in[sizeof(r->seed) + 8], hash[32];

    assert(r != NULL && (out != NULL || len == 0));

    memcpy(in, r->seed, sizeof(r->seed));

    while (len != 0) {
        for (i = 0; i < 8; i++) {
            in[sizeof(r->seed) + (size_t) i]
                = (uint8_t) (r->counter >> (56 - 8 * i));
        }
        r->counter++;

        if (pt_sha256(in, sizeof(in), hash) != PT_OK) {
            return PT_ECRYPTO;
        }

        n = len < sizeof(hash) ? len : sizeof(hash);
        memcpy(out, hash, n);
        out += n;
        len -= n;
    }

    return PT_OK;
}


pt_err_t
pt_rand_uuid(pt_rand_t *r, int64_t unix_us, pt_uuid_t *out)
{
    pt_err_t err;
    uint8_t  rnd[10];

    err = pt_rand_get(r, rnd, sizeof(rnd));
    if (err != PT_OK) {
        return err;
    }

    pt_uuid_v7(unix_us, rnd, out);

    return PT_OK;
}
