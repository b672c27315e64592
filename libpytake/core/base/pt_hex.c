/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Writes and reads bytes as text: in hex, in base64url (RFC 4648, section 5,
 * without padding), and as application/x-www-form-urlencoded.
 */

#include "pt_util.h"

#define PT_HEX_VALUE(c) pt_hex_values[(unsigned char) (c)]


/* clang-format off */
const uint8_t pt_hex_values[256] = {
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
     0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 64, 64, 64, 64, 64, 64,
    64, 10, 11, 12, 13, 14, 15, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 10, 11, 12, 13, 14, 15, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64
};

/* clang-format on */


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
    size_t  i;
    uint8_t hi, lo;

    if (out_len > SIZE_MAX / 2 || s.len != out_len * 2) {
        return false;
    }

    for (i = 0; i < out_len; i++) {
        hi = PT_HEX_VALUE(s.data[2 * i]);
        lo = PT_HEX_VALUE(s.data[2 * i + 1]);
        if (((hi | lo) & PT_HEX_BAD) != 0) {
            return false;
        }
        out[i] = (uint8_t) (hi << 4 | lo);
    }

    return true;
}
