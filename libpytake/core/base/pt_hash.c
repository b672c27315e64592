/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* The functions of SHA-256 itself are used, because the way through libcrypto's
 * EVP costs more than the hash of a short text.  They are deprecated since
 * OpenSSL 3.0 and still there in 3.5. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "pt_util.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#define PT_HASH_BLOCK 64 /* bytes of SHA-256's block */


static bool pt_hash_keyed(const uint8_t key[PT_HASH_BLOCK], uint8_t pad,
                          const void *data, size_t len, uint8_t out[32]);


pt_err_t
pt_hash_sha256(const void *data, size_t len, uint8_t out[32])
{
    SHA256_CTX ctx;

    if (SHA256_Init(&ctx) != 1 || SHA256_Update(&ctx, data, len) != 1
        || SHA256_Final(out, &ctx) != 1)
    {
        return PT_ECRYPTO;
    }

    return PT_OK;
}


/* This is the HMAC of RFC 2104. */
pt_err_t
pt_hash_hmac_sha256(pt_str_t key, pt_str_t msg, uint8_t out[32])
{
    bool     ok;
    uint8_t  block[PT_HASH_BLOCK] = { 0 }, inner[32];
    pt_err_t err = PT_OK;

    if (key.len > sizeof(block)) {
        err = pt_hash_sha256(key.data, key.len, block);
    } else if (key.len != 0) {
        memcpy(block, key.data, key.len);
    }

    ok = err == PT_OK && pt_hash_keyed(block, 0x36, msg.data, msg.len, inner)
         && pt_hash_keyed(block, 0x5c, inner, sizeof(inner), out);
    OPENSSL_cleanse(block, sizeof(block));

    return ok ? PT_OK : PT_ECRYPTO;
}


bool
pt_hash_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}


static bool
pt_hash_keyed(const uint8_t key[PT_HASH_BLOCK], uint8_t pad, const void *data,
              size_t len, uint8_t out[32])
{
    bool       ok;
    size_t     i;
    uint8_t    block[PT_HASH_BLOCK];
    SHA256_CTX ctx;

    for (i = 0; i < sizeof(block); i++) {
        block[i] = key[i] ^ pad;
    }

    ok = SHA256_Init(&ctx) == 1
         && SHA256_Update(&ctx, block, sizeof(block)) == 1
         && SHA256_Update(&ctx, data, len) == 1 && SHA256_Final(out, &ctx) == 1;
    OPENSSL_cleanse(block, sizeof(block));
    OPENSSL_cleanse(&ctx, sizeof(ctx));

    return ok;
}
