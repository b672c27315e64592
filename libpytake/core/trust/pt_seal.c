/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "core/base/pt_util.h"

#include <assert.h>
#include <limits.h>

#include <openssl/evp.h>

#define PT_SEAL_NONCE 12
#define PT_SEAL_TAG 16


pt_err_t
pt_seal(pt_arena_t *a, const uint8_t key[32], const uint8_t nonce[12],
        pt_str_t aad, pt_str_t plain, pt_str_t *out)
{
    int             n = 0, ok;
    uint8_t        *p;
    EVP_CIPHER_CTX *ctx;

    if (plain.len > INT_MAX - PT_SEAL_NONCE - PT_SEAL_TAG || aad.len > INT_MAX)
    {
        return PT_ELIMIT;
    }

    p = pt_arena_alloc(a, PT_SEAL_NONCE + plain.len + PT_SEAL_TAG);
    if (p == NULL) {
        return PT_ENOMEM;
    }
    memcpy(p, nonce, PT_SEAL_NONCE);

    ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL) {
        return PT_ECRYPTO;
    }

    ok = EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1
         && EVP_EncryptUpdate(ctx, NULL, &n, (const unsigned char *) aad.data,
                              (int) aad.len)
                == 1
         && EVP_EncryptUpdate(ctx, p + PT_SEAL_NONCE, &n,
                              (const unsigned char *) plain.data,
                              (int) plain.len)
                == 1
         && EVP_EncryptFinal_ex(ctx, p + PT_SEAL_NONCE + plain.len, &n) == 1
         && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, PT_SEAL_TAG,
                                p + PT_SEAL_NONCE + plain.len)
                == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!ok) {
        return PT_ECRYPTO;
    }

    out->data = (const char *) p;
    out->len = PT_SEAL_NONCE + plain.len + PT_SEAL_TAG;

    return PT_OK;
}


pt_err_t
pt_seal_open(pt_arena_t *a, const uint8_t key[32], pt_str_t aad,
             pt_str_t sealed, pt_str_t *out)
{
    int             n = 0, ok;
    size_t          len;
    uint8_t        *p, tag[PT_SEAL_TAG];
    const uint8_t  *in = (const uint8_t *) sealed.data;
    EVP_CIPHER_CTX *ctx;

    if (sealed.len < PT_SEAL_NONCE + PT_SEAL_TAG || sealed.len > INT_MAX
        || aad.len > INT_MAX)
    {
        return PT_ECRYPTO;
    }

    len = sealed.len - PT_SEAL_NONCE - PT_SEAL_TAG;
    p = pt_arena_alloc(a, len + 1);
    if (p == NULL) {
        return PT_ENOMEM;
    }
    memcpy(tag, in + PT_SEAL_NONCE + len, PT_SEAL_TAG);

    ctx = EVP_CIPHER_CTX_new();
    if (ctx == NULL) {
        return PT_ECRYPTO;
    }

    ok = EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, in) == 1
         && EVP_DecryptUpdate(ctx, NULL, &n, (const unsigned char *) aad.data,
                              (int) aad.len)
                == 1
         && EVP_DecryptUpdate(ctx, p, &n, in + PT_SEAL_NONCE, (int) len) == 1
         && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, PT_SEAL_TAG, tag)
                == 1
         && EVP_DecryptFinal_ex(ctx, p + len, &n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (!ok) {
        /* What was decrypted but is not authentic must not be seen. */
        memset(p, 0, len);
        return PT_ECRYPTO;
    }

    p[len] = '\0';
    out->data = (const char *) p;
    out->len = len;

    return PT_OK;
}
