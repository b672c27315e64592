/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Bytes as text: hex, base64url (RFC 4648 section 5, no padding),
 * application/x-www-form-urlencoded.
 */

#include "pt_util.h"

#include <assert.h>


static int pt_hex_nibble(char c);
static int pt_base64url_value(char c);


pt_err_t
pt_url_decode(pt_arena_t *a, pt_str_t s, pt_str_t *out)
{
    int    hi, lo;
    char  *dst, c;
    size_t i, n;

    dst = pt_alloc(a, s.len + 1);
    if (dst == NULL) {
        return PT_ENOMEM;
    }

    for (i = 0, n = 0; i < s.len; i++) {
        c = s.data[i];

        if (c == '+') {
            c = ' ';

        } else if (c == '%') {
            if (s.len - i < 3) {
                return PT_EBADREQUEST;
            }
            hi = pt_hex_nibble(s.data[i + 1]);
            lo = pt_hex_nibble(s.data[i + 2]);
            if (hi < 0 || lo < 0) {
                return PT_EBADREQUEST;
            }
            c = (char) (hi << 4 | lo);
            i += 2;
        }

        if (c == '\0') {
            return PT_EBADREQUEST;
        }
        dst[n++] = c;
    }

    dst[n] = '\0';
    out->data = dst;
    out->len = n;

    return PT_OK;
}


pt_err_t
pt_base64url_build(pt_arena_t *a, const uint8_t *in, size_t len,
    pt_str_t *out)
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

    dst = pt_alloc(a, len / 3 * 4 + 5);
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
    int      v;
    size_t   i, n;
    uint32_t bits;

    if (s.len % 4 == 1) {
        return false;
    }

    for (i = 0, n = 0, bits = 0; i < s.len; i++) {
        v = pt_base64url_value(s.data[i]);
        if (v < 0) {
            return false;
        }

        bits = bits << 6 | (uint32_t) v;
        if (i % 4 == 3) {
            dst[n++] = (uint8_t) (bits >> 16 & 0xff);
            dst[n++] = (uint8_t) (bits >> 8 & 0xff);
            dst[n++] = (uint8_t) (bits & 0xff);
            bits = 0;
        }
    }

    /* one spelling for each value: bits that say nothing must be zero */
    if (s.len % 4 == 2) {
        if ((bits & 0x0f) != 0) {
            return false;
        }
        dst[n++] = (uint8_t) (bits >> 4 & 0xff);

    } else if (s.len % 4 == 3) {
        if ((bits & 0x03) != 0) {
            return false;
        }
        dst[n++] = (uint8_t) (bits >> 10 & 0xff);
        dst[n++] = (uint8_t) (bits >> 2 & 0xff);
    }

    *len = n;

    return true;
}


void
pt_hex_build(const uint8_t *in, size_t len, char *out)
{
    size_t i;

    for (i = 0; i < len; i++) {
        *out++ = "0123456789abcdef"[in[i] >> 4];
        *out++ = "0123456789abcdef"[in[i] & 0x0f];
    }
}


bool
pt_hex_parse(pt_str_t s, uint8_t *out, size_t out_len)
{
    int    hi, lo;
    size_t i;

    if (out_len > SIZE_MAX / 2 || s.len != out_len * 2) {
        return false;
    }

    for (i = 0; i < out_len; i++) {
        hi = pt_hex_nibble(s.data[2 * i]);
        lo = pt_hex_nibble(s.data[2 * i + 1]);
        if (hi < 0 || lo < 0) {
            return false;
        }
        out[i] = (uint8_t) (hi << 4 | lo);
    }

    return true;
}


static int
pt_hex_nibble(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c = (char) (c | 0x20);
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }

    return -1;
}


static int
pt_base64url_value(char c)
{
    /* value + 1; 0 is "not of the alphabet" */
    static const uint8_t values[128] = {
        ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,
        ['F'] = 6,  ['G'] = 7,  ['H'] = 8,  ['I'] = 9,  ['J'] = 10,
        ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15,
        ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20,
        ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25,
        ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30,
        ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35,
        ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
        ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45,
        ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50,
        ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55,
        ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60,
        ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64
    };

    if ((unsigned char) c >= sizeof(values)) {
        return -1;
    }

    return values[(unsigned char) c] - 1;
}
