/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Makes the keys of phone numbers.  Some countries write one mobile number in
 * two ways, and WhatsApp uses both:
 *
 *   Brazil     55 AA 9XXXXXXX  without, 55 AA 9 9XXXXXXX with the ninth digit
 *   Mexico     52 1 NNNNNNNNNN  with the old mobile 1, 52 NNNNNNNNNN without
 *   Argentina  54 9 NNNNNNNNNN  as WhatsApp has it, 54 NNNNNNNNNN as dialled
 *
 * The key only finds the contact; messages are sent to the wa_id that was
 * received.
 */

#include "pt_wa.h"

#include <assert.h>


static bool   pt_wa_digits(pt_str_t s, char *out, size_t *n);
static size_t pt_wa_gap(pt_str_t s, size_t at);


pt_err_t
pt_wa_digits_build(pt_arena_t *a, pt_str_t wa_id, pt_str_t *out)
{
    char   d[PT_WA_PHONE_MAX + 1];
    size_t n;

    assert(out != NULL);

    *out = wa_id;

    if (!pt_wa_digits(wa_id, d, &n) || n == wa_id.len) {
        return PT_OK;
    }

    return pt_arena_dup(a, (pt_str_t){ d, n }, out);
}


bool
pt_wa_digits_is(pt_str_t s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') {
            return false;
        }
    }

    return s.len != 0 && s.len <= PT_WA_PHONE_MAX;
}


pt_err_t
pt_wa_phone_build(pt_arena_t *a, pt_str_t wa_id, pt_str_t *out)
{
    char   d[PT_WA_PHONE_MAX + 1];
    size_t n;

    assert(out != NULL);

    if (!pt_wa_digits(wa_id, d, &n)) {
        return pt_arena_dup(a, wa_id, out);
    }

    if (n == 12 && d[0] == '5' && d[1] == '5' && d[4] >= '6') {
        /* Mobile numbers begin with 6 to 9; landlines kept their eight
         * digits. */
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

    return pt_arena_dup(a, (pt_str_t){ d, n }, out);
}


/* Whether s is a phone number, of digits and what people put between them; if
 * so, its digits are written to out. */
static bool
pt_wa_digits(pt_str_t s, char *out, size_t *n)
{
    char   c;
    size_t i, len;

    for (i = 0, *n = 0; i < s.len; i += len) {
        c = s.data[i];
        len = 1;

        if (c >= '0' && c <= '9') {
            if (*n == PT_WA_PHONE_MAX) {
                return false;
            }
            out[(*n)++] = c;
            continue;
        }

        len = pt_wa_gap(s, i);
        if (len == 0) {
            return false;
        }
    }

    return *n != 0;
}


/* Says how many bytes a blank, a dash or a mark of direction takes at a
 * place; 0: there is none.  Numbers that were copied out of a text bring
 * them along. */
static size_t
pt_wa_gap(pt_str_t s, size_t at)
{
    size_t   before;
    uint32_t c;
    pt_str_t rest = { s.data + at, s.len - at };

    before = rest.len;
    c = pt_utf8_next(&rest);

    if ((c < 0x80 && c != 0 && strchr("+-. /()", (int) c) != NULL)
        || (c >= 0x2010 && c <= 0x2015) || c == 0x2212
        || (c >= 0x80 && pt_utf8_char_is_blank(c)))
    {
        return before - rest.len;
    }

    return 0;
}
