/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_json.h"

#include <assert.h>

static char  *pt_jp_escaped(char *p, unsigned char c);
static size_t pt_jp_plain(pt_str_t s);
static bool   pt_jp_plain8(const char *p);


/* The character that stands behind the backslash in the escape of each byte
 * (RFC 8259, section 7).  'u' is the long form, and 0 means that the byte needs
 * no escape. */
static const char pt_jp_escapes[256] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b',         't',          'n', 'u',
    'f', 'r', 'u', 'u', 'u', 'u', 'u', 'u', 'u',         'u',          'u', 'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', ['"'] = '"', ['\\'] = '\\'
};


pt_jp_text_t
pt_jp_text(pt_str_t s)
{
    char         c;
    size_t       i;
    pt_jp_text_t t = { s, s.len + 2 };

    if (s.data == NULL) {
        t.size = sizeof("null") - 1;
        return t;
    }

    for (i = pt_jp_plain(s); i < s.len;
         i += pt_jp_plain((pt_str_t){ s.data + i, s.len - i }))
    {
        c = pt_jp_escapes[(unsigned char) s.data[i++]];
        t.size += c == 'u' ? 5 : 1; /* the byte itself is counted already */
    }

    return t;
}


char *
pt_jp_str(char *p, const pt_jp_text_t *t)
{
    size_t   n;
    pt_str_t s = t->str;

    if (s.data == NULL) {
        return pt_jp_lit(p, "null");
    }

    *p++ = '"';

    for (;;) {
        /* Most strings have no escape, as their size shows, and need not be
         * looked at again. */
        n = t->size == t->str.len + 2 ? s.len : pt_jp_plain(s);
        if (n != 0) {
            p = pt_jp_bytes(p, s.data, n);
        }
        if (n == s.len) {
            break;
        }

        p = pt_jp_escaped(p, (unsigned char) s.data[n]);
        s.data += n + 1;
        s.len -= n + 1;
    }

    *p++ = '"';

    return p;
}


static char *
pt_jp_escaped(char *p, unsigned char c)
{
    *p++ = '\\';
    *p++ = pt_jp_escapes[c];

    if (pt_jp_escapes[c] == 'u') {
        p = pt_jp_lit(p, "00");
        *p++ = "0123456789abcdef"[c >> 4];
        *p++ = "0123456789abcdef"[c & 0x0f];
    }

    return p;
}


/* Says how many bytes at the beginning of s need no escape, which mostly are
 * all of them.  It looks at eight at a time, and the last eight may overlap
 * those before. */
static size_t
pt_jp_plain(pt_str_t s)
{
    size_t i;

    for (i = 0; s.len - i >= 8 && pt_jp_plain8(s.data + i); i += 8) { /* void */
    }

    if (i < s.len && s.len - i < 8 && s.len >= 8
        && pt_jp_plain8(s.data + s.len - 8))
    {
        return s.len;
    }

    while (i < s.len && pt_jp_escapes[(unsigned char) s.data[i]] == 0) {
        i++;
    }

    return i;
}


/* Whether none of eight bytes needs an escape: in `bad`, a byte below 0x20, a
 * '"' or a backslash sets its high bit.  Bytes from 0x80 on need no escape and
 * are left out. */
static bool
pt_jp_plain8(const char *p)
{
    uint64_t       v, quote, slash, bad;
    const uint64_t ones = UINT64_C(0x0101010101010101);

    memcpy(&v, p, sizeof(v));
    quote = v ^ (ones * '"');
    slash = v ^ (ones * '\\');
    bad = ((v - ones * 0x20) & ~v) | ((quote - ones) & ~quote)
          | ((slash - ones) & ~slash);

    return (bad & (ones * 0x80)) == 0;
}
