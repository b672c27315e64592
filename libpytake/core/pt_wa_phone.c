/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Some countries write one mobile number in two ways, and WhatsApp uses both:
 *
 *   Brazil     55 AA 9XXXXXXX  without, 55 AA 9 9XXXXXXX with the ninth digit
 *   Mexico     52 1 NNNNNNNNNN  with the old mobile 1, 52 NNNNNNNNNN without
 *   Argentina  54 9 NNNNNNNNNN  as WhatsApp has it, 54 NNNNNNNNNN as dialled
 *
 * The key only finds the contact; what is sent goes to the wa_id received.
 */

#include "pt_wa.h"

#include <assert.h>


static bool pt_wa_digits(pt_str_t s, char *out, size_t *n);


pt_err_t
pt_wa_phone_build(pt_arena_t *a, pt_str_t wa_id, pt_str_t *out)
{
    char   d[PT_WA_PHONE_MAX + 1];
    size_t n;

    assert(out != NULL);

    if (!pt_wa_digits(wa_id, d, &n)) {
        return pt_dup(a, wa_id, out);
    }

    if (n == 12 && d[0] == '5' && d[1] == '5' && d[4] >= '6') {
        /* mobile numbers begin with 6 to 9; landlines kept eight digits */
        memmove(d + 5, d + 4, n - 4);
        d[4] = '9';
        n++;

    } else if (n == 13 && memcmp(d, "521", 3) == 0) {
        memmove(d + 2, d + 3, n - 3);
        n--;

    } else if (n == 13 && memcmp(d, "549", 3) == 0) {
        memmove(d + 2, d + 3, n - 3);
        n--;
    }

    return pt_dup(a, (pt_str_t){ d, n }, out);
}


/* Digits, and what people put between them, make a number. */
static bool
pt_wa_digits(pt_str_t s, char *out, size_t *n)
{
    char   c;
    size_t i;

    for (i = 0, *n = 0; i < s.len; i++) {
        c = s.data[i];

        if (c >= '0' && c <= '9') {
            if (*n == PT_WA_PHONE_MAX) {
                return false;
            }
            out[(*n)++] = c;

        } else if (c != '+' && c != '-' && c != ' ' && c != '(' && c != ')') {
            return false;
        }
    }

    return *n != 0;
}
