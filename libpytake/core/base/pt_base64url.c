/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* base64url without padding (RFC 4648, section 5). */

#include "pt_util.h"

#define PT_BASE64URL_BAD PT_HEX_BAD


static const uint8_t pt_base64url_values[256] = {
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 62, 64, 64, 52, 53, 54, 55, 56, 57, 58, 59, 60,
    61, 64, 64, 64, 64, 64, 64, 64, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
    11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64,
    63, 64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42,
    43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64
};

pt_err_t
pt_base64url_build(pt_arena_t *a, const uint8_t *in, size_t len, pt_str_t *out)
{
    char    *dst;
    size_t   i, n;
    uint32_t v;

    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz"
                                   "0123456789-_";

    if (len > SIZE_MAX / 2) {
        return PT_ENOMEM;
    }

    dst = pt_arena_alloc(a, len / 3 * 4 + 5);
    if (dst == NULL) {
        return PT_ENOMEM;
    }

    for (i = 0, n = 0; len - i >= 3; i += 3) {
        v = (uint32_t) in[i] << 16 | (uint32_t) in[i + 1] << 8 | in[i + 2];
        dst[n++] = alphabet[v >> 18];
        dst[n++] = alphabet[v >> 12 & 0x3f];
        dst[n++] = alphabet[v >> 6 & 0x3f];
        dst[n++] = alphabet[v & 0x3f];
    }

    if (len - i == 1) {
        dst[n++] = alphabet[in[i] >> 2];
        dst[n++] = alphabet[(in[i] & 0x03) << 4];

    } else if (len - i == 2) {
        dst[n++] = alphabet[in[i] >> 2];
        dst[n++] = alphabet[(in[i] & 0x03) << 4 | in[i + 1] >> 4];
        dst[n++] = alphabet[(in[i + 1] & 0x0f) << 2];
    }

    dst[n] = '\0';
    out->data = dst;
    out->len = n;

    return PT_OK;
}


bool
pt_base64url_parse(pt_str_t s, uint8_t *dst, size_t *len)
{
    size_t               rest;
    uint8_t             *out = dst;
    uint32_t             v0, v1, v2, v3;
    const unsigned char *p = (const unsigned char *) s.data, *end;

    rest = s.len % 4;
    if (rest == 1) {
        return false;
    }

    if (s.len == 0) {
        *len = 0;
        return true;
    }

    for (end = p + (s.len - rest); p < end; p += 4) {
        v0 = pt_base64url_values[p[0]];
        v1 = pt_base64url_values[p[1]];
        v2 = pt_base64url_values[p[2]];
        v3 = pt_base64url_values[p[3]];
        if (((v0 | v1 | v2 | v3) & PT_BASE64URL_BAD) != 0) {
            return false;
        }

        *out++ = (uint8_t) ((v0 << 2 | v1 >> 4) & 0xff);
        *out++ = (uint8_t) ((v1 << 4 | v2 >> 2) & 0xff);
        *out++ = (uint8_t) ((v2 << 6 | v3) & 0xff);
    }

    /* Each value has one spelling only, so the bits of the last character that
     * stand for nothing must be zero. */
    if (rest != 0) {
        v0 = pt_base64url_values[p[0]];
        v1 = pt_base64url_values[p[1]];
        v2 = rest == 3 ? pt_base64url_values[p[2]] : 0;
        if (((v0 | v1 | v2) & PT_BASE64URL_BAD) != 0
            || (rest == 2 ? v1 & 0x0f : v2 & 0x03) != 0)
        {
            return false;
        }

        *out++ = (uint8_t) ((v0 << 2 | v1 >> 4) & 0xff);
        if (rest == 3) {
            *out++ = (uint8_t) ((v1 << 4 | v2 >> 2) & 0xff);
        }
    }

    *len = (size_t) (out - dst);

    return true;
}
