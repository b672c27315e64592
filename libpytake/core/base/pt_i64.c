/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_util.h"

#include <assert.h>

bool
pt_i64_parse(pt_str_t s, int64_t *out)
{
    bool     minus;
    size_t   i = 0;
    uint64_t v = 0, digit, max;

    minus = s.len != 0 && s.data[0] == '-';
    if (minus) {
        i = 1;
    }
    if (i == s.len) {
        return false;
    }

    max = minus ? (uint64_t) INT64_MAX + 1 : (uint64_t) INT64_MAX;

    for (; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') {
            return false;
        }
        digit = (uint64_t) (s.data[i] - '0');
        if (v > (max - digit) / 10) {
            return false;
        }
        v = v * 10 + digit;
    }

    if (minus) {
        /* INT64_MIN has no positive counterpart, so v - 1 is negated. */
        *out = v == 0 ? 0 : -(int64_t) (v - 1) - 1;
    } else {
        *out = (int64_t) v;
    }

    return true;
}


char *
pt_i64_build(int64_t v, char out[PT_I64_LEN])
{
    char     digits[PT_I64_LEN];
    size_t   i = sizeof(digits);
    uint64_t u;

    if (v >= 0 && v < 10) {
        *out = (char) ('0' + v);
        return out + 1;
    }

    /* The subtraction is unsigned, because INT64_MIN has no positive
     * counterpart. */
    u = v < 0 ? 0 - (uint64_t) v : (uint64_t) v;

    do {
        digits[--i] = (char) ('0' + u % 10);
        u /= 10;
    } while (u != 0);

    if (v < 0) {
        digits[--i] = '-';
    }

    memcpy(out, digits + i, sizeof(digits) - i);

    return out + (sizeof(digits) - i);
}
