/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* The functions of SHA-256 itself are used, because the way through libcrypto's
 * EVP costs more than the hash of a short text.  They are deprecated since
 * OpenSSL 3.0 and still there in 3.5. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "pt_util.h"

#include <assert.h>

#include <openssl/sha.h>

#define PT_UUID_MS_MAX ((INT64_C(1) << 48) - 1)


static void pt_uuid_fill(int64_t unix_ms, const uint8_t rnd[10],
                         pt_uuid_t *out);
static void pt_uuid_hex(const uint8_t b[4], char out[8]);


void
pt_uuid_v7(int64_t unix_us, const uint8_t rnd[10], pt_uuid_t *out)
{
    pt_uuid_fill(unix_us / 1000, rnd, out);
}


int64_t
pt_uuid_time_us(const pt_uuid_t *id)
{
    int      i;
    uint64_t ms = 0;

    for (i = 0; i < 6; i++) {
        ms = ms << 8 | id->b[i];
    }

    return (int64_t) ms * 1000;
}


pt_err_t
pt_uuid_derive(int64_t unix_s, pt_str_t phone_number_id, pt_str_t wamid,
               pt_uuid_t *out)
{
    uint8_t    hash[32];
    int64_t    ms;
    SHA256_CTX ctx;

    if (unix_s < 0) {
        ms = 0;
    } else if (unix_s > PT_UUID_MS_MAX / 1000) {
        ms = PT_UUID_MS_MAX;
    } else {
        ms = unix_s * 1000;
    }

    if (SHA256_Init(&ctx) != 1
        || SHA256_Update(&ctx, phone_number_id.data, phone_number_id.len) != 1
        || SHA256_Update(&ctx, "", 1) != 1
        || SHA256_Update(&ctx, wamid.data, wamid.len) != 1
        || SHA256_Final(hash, &ctx) != 1)
    {
        return PT_ECRYPTO;
    }

    pt_uuid_fill(ms, hash, out);

    return PT_OK;
}


bool
pt_uuid_parse(pt_str_t s, pt_uuid_t *out)
{
    size_t    i;
    uint8_t   hi, lo, seen = 0;
    pt_uuid_t id;

    /* The place at which the digits of each byte begin. */
    static const uint8_t at[16] = { 0,  2,  4,  6,  9,  11, 14, 16,
                                    19, 21, 24, 26, 28, 30, 32, 34 };

    if (s.len != PT_UUID_LEN || s.data == NULL || s.data[8] != '-'
        || s.data[13] != '-' || s.data[18] != '-' || s.data[23] != '-')
    {
        return false;
    }

    for (i = 0; i < sizeof(id.b); i++) {
        hi = pt_hex_values[(unsigned char) s.data[at[i]]];
        lo = pt_hex_values[(unsigned char) s.data[at[i] + 1]];
        seen |= hi | lo;
        id.b[i] = (uint8_t) (hi << 4 | lo);
    }

    if ((seen & PT_HEX_BAD) != 0) {
        return false;
    }

    *out = id;

    return true;
}


void
pt_uuid_build(const pt_uuid_t *id, char out[PT_UUID_LEN])
{
    char eight[8];

    pt_uuid_hex(id->b, out);
    out[8] = '-';
    pt_uuid_hex(id->b + 4, eight);
    memcpy(out + 9, eight, 4);
    out[13] = '-';
    memcpy(out + 14, eight + 4, 4);
    out[18] = '-';
    pt_uuid_hex(id->b + 8, eight);
    memcpy(out + 19, eight, 4);
    out[23] = '-';
    memcpy(out + 24, eight + 4, 4);
    pt_uuid_hex(id->b + 12, out + 28);
}


bool
pt_uuid_eq(const pt_uuid_t *a, const pt_uuid_t *b)
{
    return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}


bool
pt_uuid_is_nil(const pt_uuid_t *id)
{
    static const pt_uuid_t nil = { { 0 } };

    return pt_uuid_eq(id, &nil);
}


static void
pt_uuid_fill(int64_t unix_ms, const uint8_t rnd[10], pt_uuid_t *out)
{
    int      i;
    uint64_t ms;

    if (unix_ms < 0) {
        unix_ms = 0;
    } else if (unix_ms > PT_UUID_MS_MAX) {
        unix_ms = PT_UUID_MS_MAX;
    }

    ms = (uint64_t) unix_ms;
    for (i = 5; i >= 0; i--) {
        out->b[i] = (uint8_t) (ms & 0xff);
        ms >>= 8;
    }

    memcpy(out->b + 6, rnd, 10);
    out->b[6] = (uint8_t) (0x70 | (out->b[6] & 0x0f)); /* version 7 */
    out->b[8] = (uint8_t) (0x80 | (out->b[8] & 0x3f)); /* variant 10 */
}


/* Writes four bytes as eight hex digits, all at once.  Each nibble goes into a
 * byte of its own, the first one into the lowest; then '0' is added, and 'a' -
 * 10 instead where the nibble is above nine.  Compilers make one store of the
 * eight. */
static void
pt_uuid_hex(const uint8_t b[4], char out[8])
{
    uint64_t       v, above;
    const uint64_t nibbles = UINT64_C(0x000f000f000f000f);

    v = b[0] | (uint64_t) b[1] << 16 | (uint64_t) b[2] << 32
        | (uint64_t) b[3] << 48;
    v = (v >> 4 & nibbles) | (v & nibbles) << 8;

    above =
        (v + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101);
    v += UINT64_C(0x3030303030303030) + above * ('a' - '0' - 10);

    out[0] = (char) (v & 0xff);
    out[1] = (char) (v >> 8 & 0xff);
    out[2] = (char) (v >> 16 & 0xff);
    out[3] = (char) (v >> 24 & 0xff);
    out[4] = (char) (v >> 32 & 0xff);
    out[5] = (char) (v >> 40 & 0xff);
    out[6] = (char) (v >> 48 & 0xff);
    out[7] = (char) (v >> 56);
}
