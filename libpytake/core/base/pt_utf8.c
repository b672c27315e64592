/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_util.h"

#include <assert.h>

#define PT_TEXT_HIGH UINT64_C(0x8080808080808080)
#define PT_TEXT_FFFD "\xef\xbf\xbd"
#define PT_TEXT_FFFD_LEN 3


/*
 * The characters that show nothing, as ascending ranges: those with the
 * properties White_Space and Default_Ignorable_Code_Point of Unicode 15
 * (PropList.txt and DerivedCoreProperties.txt), the control characters (general
 * category Cc), and the blanks that these leave out: U+2800 (a cell of Braille
 * without dots) and U+1D159 (the head of a note, which is not drawn).
 * t/unit/core/base/utf8_test.c says how to make the table again.
 */
static const uint32_t pt_text_blanks[][2] = {
    { 0x0000, 0x0020 },   { 0x007f, 0x00a0 },   { 0x00ad, 0x00ad },
    { 0x034f, 0x034f },   { 0x061c, 0x061c },   { 0x115f, 0x1160 },
    { 0x1680, 0x1680 },   { 0x17b4, 0x17b5 },   { 0x180b, 0x180f },
    { 0x2000, 0x200f },   { 0x2028, 0x202f },   { 0x205f, 0x206f },
    { 0x2800, 0x2800 },   { 0x3000, 0x3000 },   { 0x3164, 0x3164 },
    { 0xfe00, 0xfe0f },   { 0xfeff, 0xfeff },   { 0xffa0, 0xffa0 },
    { 0xfff0, 0xfff8 },   { 0x1bca0, 0x1bca3 }, { 0x1d159, 0x1d159 },
    { 0x1d173, 0x1d17a }, { 0xe0000, 0xe0fff },
};

/* Those of them that a name may have: the blanks between its words, and what
 * joins or varies its neighbours (emoji, Arabic, Mongolian, flags). */
static const uint32_t pt_text_shown[][2] = {
    { 0x0020, 0x0020 },   { 0x00a0, 0x00a0 },   { 0x034f, 0x034f },
    { 0x1680, 0x1680 },   { 0x180b, 0x180d },   { 0x180f, 0x180f },
    { 0x2000, 0x200a },   { 0x200c, 0x200d },   { 0x202f, 0x202f },
    { 0x205f, 0x205f },   { 0x3000, 0x3000 },   { 0xfe00, 0xfe0f },
    { 0xe0020, 0xe007f }, { 0xe0100, 0xe01ef },
};

static bool   pt_char_find(uint32_t c, const uint32_t (*ranges)[2], size_t n);
static size_t pt_utf8_ascii(const unsigned char *p, size_t len);
static size_t pt_utf8_char(const unsigned char *p, size_t len, bool *valid);


pt_str_t
pt_utf8_trim(pt_str_t s)
{
    while (s.len != 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s.data++;
        s.len--;
    }

    while (s.len != 0
           && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t')) {
        s.len--;
    }

    return s;
}


bool
pt_utf8_is(pt_str_t s)
{
    bool                 valid = true;
    size_t               i = 0;
    const unsigned char *p = (const unsigned char *) s.data;

    if (s.len == 0) {
        return true;
    }

    for (;;) {
        i += pt_utf8_ascii(p + i, s.len - i);
        if (i == s.len) {
            return true;
        }

        i += pt_utf8_char(p + i, s.len - i, &valid);
        if (!valid) {
            return false;
        }
    }
}


pt_str_t
pt_utf8_prefix(pt_str_t s, size_t n)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if (((unsigned char) s.data[i] & 0xc0) != 0x80) {
            if (n == 0) {
                break;
            }
            n--;
        }
    }

    s.len = i;

    return s;
}


size_t
pt_utf8_count(pt_str_t s)
{
    size_t i, n;

    for (i = 0, n = 0; i < s.len; i++) {
        n += ((unsigned char) s.data[i] & 0xc0) != 0x80;
    }

    return n;
}


uint32_t
pt_utf8_next(pt_str_t *rest)
{
    bool                 valid;
    size_t               i, n;
    uint32_t             c;
    const unsigned char *p = (const unsigned char *) rest->data;

    assert(rest->len != 0);

    n = pt_utf8_char(p, rest->len, &valid);
    c = n == 1 ? p[0] : p[0] & (0x7fu >> n);
    for (i = 1; i < n; i++) {
        c = c << 6 | (p[i] & 0x3f);
    }

    rest->data += n;
    rest->len -= n;

    return valid ? c : 0xfffd;
}


bool
pt_utf8_char_is_blank(uint32_t c)
{
    return pt_char_find(c, pt_text_blanks, PT_COUNT(pt_text_blanks));
}


bool
pt_utf8_char_is_hidden(uint32_t c)
{
    return (pt_utf8_char_is_blank(c)
            && !pt_char_find(c, pt_text_shown, PT_COUNT(pt_text_shown)))
           || (c >= 0xfff9 && c <= 0xfffb); /* marks of annotations */
}


bool
pt_utf8_is_blank(pt_str_t s)
{
    while (s.len != 0) {
        if (!pt_utf8_char_is_blank(pt_utf8_next(&s))) {
            return false;
        }
    }

    return true;
}


pt_err_t
pt_utf8_clean(pt_arena_t *a, pt_str_t s, pt_str_t *out, bool *changed)
{
    bool                 valid;
    char                *dst;
    size_t               i, n, len, bad;
    const unsigned char *p = (const unsigned char *) s.data;

    /* The text is measured before it is written, because mostly there is
     * nothing to replace. */
    for (i = 0, bad = 0; i < s.len; i += len) {
        len = pt_utf8_char(p + i, s.len - i, &valid);
        if (!valid || p[i] == 0) {
            bad++;
        }
    }

    *changed = bad != 0;
    if (bad == 0) {
        return pt_arena_dup(a, s, out);
    }

    if (bad > (SIZE_MAX - s.len - 1) / PT_TEXT_FFFD_LEN) {
        return PT_ENOMEM;
    }
    dst = pt_arena_alloc(a, s.len + bad * PT_TEXT_FFFD_LEN + 1);
    if (dst == NULL) {
        return PT_ENOMEM;
    }

    for (i = 0, n = 0; i < s.len; i += len) {
        len = pt_utf8_char(p + i, s.len - i, &valid);
        if (!valid || p[i] == 0) {
            memcpy(dst + n, PT_TEXT_FFFD, PT_TEXT_FFFD_LEN);
            n += PT_TEXT_FFFD_LEN;
        } else {
            memcpy(dst + n, p + i, len);
            n += len;
        }
    }

    dst[n] = '\0';
    out->data = dst;
    out->len = n;

    return PT_OK;
}


static bool
pt_char_find(uint32_t c, const uint32_t (*ranges)[2], size_t n)
{
    size_t lo = 0, hi = n, mid;

    while (lo < hi) {
        mid = lo + (hi - lo) / 2;
        if (ranges[mid][1] < c) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }

    return lo < n && ranges[lo][0] <= c;
}


/* Says how many bytes at p are ASCII.  It looks at eight at a time. */
static size_t
pt_utf8_ascii(const unsigned char *p, size_t len)
{
    size_t   i = 0;
    uint64_t word;

    while (len - i >= sizeof(word)) {
        memcpy(&word, p + i, sizeof(word));
        if ((word & PT_TEXT_HIGH) != 0) {
            break;
        }
        i += sizeof(word);
    }

    while (i < len && p[i] < 0x80) {
        i++;
    }

    return i;
}


/*
 * Gives the length of the character at p (len >= 1).  When it is not valid,
 * that is the length of the "maximal subpart" for which one U+FFFD stands
 * (Unicode 15, section 3.9), at least 1.
 */
static size_t
pt_utf8_char(const unsigned char *p, size_t len, bool *valid)
{
    size_t        i, n;
    unsigned char lo = 0x80, hi = 0xbf;

    assert(len != 0);

    *valid = true;
    if (p[0] < 0x80) {
        return 1;
    }

    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        n = 2;

    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        n = 3;
        lo = p[0] == 0xe0 ? 0xa0 : 0x80; /* below it, the form is overlong */
        hi = p[0] == 0xed ? 0x9f : 0xbf; /* above it are surrogates */

    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        lo = p[0] == 0xf0 ? 0x90 : 0x80; /* below it, the form is overlong */
        hi = p[0] == 0xf4 ? 0x8f : 0xbf; /* above it is no character */

    } else {
        *valid = false;
        return 1;
    }

    for (i = 1; i < n; i++) {
        if (i == len || p[i] < lo || p[i] > hi) {
            *valid = false;
            return i;
        }
        lo = 0x80;
        hi = 0xbf;
    }

    return n;
}
