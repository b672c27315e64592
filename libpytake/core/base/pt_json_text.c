/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_json_parts.h"

#include <assert.h>

#define PT_JSON_ESCAPE '\xff'
#define PT_JSON_QUOTE 'q'     /* stands for '"' behind PT_JSON_ESCAPE */
#define PT_JSON_BACKSLASH 's' /* stands for '\\' behind it */
#define PT_JSON_FFFD 0xfffdu
#define PT_JSON_EXPONENT_MAX 1000000 /* it is counted no further than this */


static size_t   pt_json_digits_run(const char *p, const char *end);
static bool     pt_json_is_hex(char c);
static char    *pt_json_decode_unicode(char *dst, const char **src,
                                       const char *end, bool *cleaned);
static uint32_t pt_json_hex4(const char *p);
static char    *pt_json_utf8(char *dst, uint32_t c);


bool
pt_json_escapes(char *p, size_t len)
{
    int   i;
    char *end = p + len;

    while ((p = memchr(p, '\\', (size_t) (end - p))) != NULL) {
        *p++ = PT_JSON_ESCAPE;
        if (p == end) {
            return false;
        }

        switch (*p) {

        case '"':
            *p++ = PT_JSON_QUOTE;
            break;

        case '\\':
            *p++ = PT_JSON_BACKSLASH;
            break;

        case '/':
        case 'b':
        case 'f':
        case 'n':
        case 'r':
        case 't':
            p++;
            break;

        case 'u':
            p++;
            if (end - p < 4) {
                return false;
            }
            for (i = 0; i < 4; i++) {
                if (!pt_json_is_hex(*p++)) {
                    return false;
                }
            }
            break;

        default:
            return false;
        }
    }

    return true;
}


size_t
pt_json_decode(char *p, size_t len, bool *cleaned)
{
    char       *dst;
    const char *src, *end = p + len;

    *cleaned = false;

    dst = memchr(p, PT_JSON_ESCAPE & 0xff, len);
    if (dst == NULL) {
        return len;
    }

    for (src = dst; src < end; /* void */) {
        if (*src != PT_JSON_ESCAPE) {
            *dst++ = *src++;
            continue;
        }

        src += 2;
        switch (src[-1]) {
        case PT_JSON_QUOTE:
            *dst++ = '"';
            break;
        case PT_JSON_BACKSLASH:
            *dst++ = '\\';
            break;
        case '/':
            *dst++ = '/';
            break;
        case 'b':
            *dst++ = '\b';
            break;
        case 'f':
            *dst++ = '\f';
            break;
        case 'n':
            *dst++ = '\n';
            break;
        case 'r':
            *dst++ = '\r';
            break;
        case 't':
            *dst++ = '\t';
            break;
        default:
            assert(src[-1] == 'u');
            dst = pt_json_decode_unicode(dst, &src, end, cleaned);
            break;
        }
    }

    return (size_t) (dst - p);
}


size_t
pt_json_digits(const char *p, size_t len)
{
    bool        minus;
    size_t      whole, fraction = 0, exponent = 0;
    const char *end = p + len;

    p += *p == '-';
    whole = pt_json_digits_run(p, end);
    p += whole;

    if (p < end && *p == '.') {
        fraction = pt_json_digits_run(++p, end);
        p += fraction;
    }

    if (p == end) {
        return whole + fraction;
    }

    p++; /* *p was 'e' or 'E' */
    minus = *p == '-';
    for (p += minus || *p == '+'; p < end; p++) {
        if (exponent < PT_JSON_EXPONENT_MAX) {
            exponent = exponent * 10 + (size_t) (*p - '0');
        }
    }

    /* The exponent moves digits from one side of the point to the other, and
     * adds zeros where there are no digits.  The whole part keeps one digit at
     * least. */
    if (minus) {
        return (whole > exponent ? whole - exponent : 1) + fraction + exponent;
    }

    return whole + exponent + (fraction > exponent ? fraction - exponent : 0);
}


static size_t
pt_json_digits_run(const char *p, const char *end)
{
    const char *start = p;

    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }

    return (size_t) (p - start);
}


static bool
pt_json_is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')
           || (c >= 'A' && c <= 'F');
}


/* Decodes one \u escape, or a pair of them, to dst and gives the end.  *src
 * stands behind the 'u' and is moved behind what was used. */
static char *
pt_json_decode_unicode(char *dst, const char **src, const char *end,
                       bool *cleaned)
{
    uint32_t    c, low;
    const char *p = *src;

    c = pt_json_hex4(p);
    p += 4;

    if (c >= 0xd800 && c <= 0xdbff && end - p >= 6 && p[0] == PT_JSON_ESCAPE
        && p[1] == 'u')
    {
        low = pt_json_hex4(p + 2);
        if (low >= 0xdc00 && low <= 0xdfff) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            p += 6;
        }
    }

    if (c == 0 || (c >= 0xd800 && c <= 0xdfff)) {
        c = PT_JSON_FFFD;
        *cleaned = true;
    }

    *src = p;

    return pt_json_utf8(dst, c);
}


static uint32_t
pt_json_hex4(const char *p)
{
    int      i;
    uint32_t v = 0, digit;

    for (i = 0; i < 4; i++) {
        digit = (uint32_t) p[i];
        v = v << 4 | (p[i] <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
    }

    return v;
}


static char *
pt_json_utf8(char *dst, uint32_t c)
{
    assert(c <= 0x10ffff);

    if (c < 0x80) {
        *dst++ = (char) c;

    } else if (c < 0x800) {
        *dst++ = (char) (0xc0 | c >> 6);
        *dst++ = (char) (0x80 | (c & 0x3f));

    } else if (c < 0x10000) {
        *dst++ = (char) (0xe0 | c >> 12);
        *dst++ = (char) (0x80 | (c >> 6 & 0x3f));
        *dst++ = (char) (0x80 | (c & 0x3f));

    } else {
        *dst++ = (char) (0xf0 | c >> 18);
        *dst++ = (char) (0x80 | (c >> 12 & 0x3f));
        *dst++ = (char) (0x80 | (c >> 6 & 0x3f));
        *dst++ = (char) (0x80 | (c & 0x3f));
    }

    return dst;
}
