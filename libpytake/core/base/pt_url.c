/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* Percent-encoding (RFC 3986, section 2.1), as forms use it. */

#include "pt_util.h"

#define PT_URL_HEX(c) pt_hex_values[(unsigned char) (c)]


pt_err_t
pt_url_decode(pt_arena_t *a, pt_str_t s, pt_str_t *out)
{
    char   *dst, c;
    size_t  i, n;
    uint8_t hi, lo;

    dst = pt_arena_alloc(a, s.len + 1);
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
            hi = PT_URL_HEX(s.data[i + 1]);
            lo = PT_URL_HEX(s.data[i + 2]);
            if (((hi | lo) & PT_HEX_BAD) != 0) {
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
