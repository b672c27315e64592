/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_json.h"
#include "pt_util.h"

#include <assert.h>


static void   pt_jw_begin(pt_jw_t *w);
static char  *pt_jw_room(pt_jw_t *w, size_t len);
static size_t pt_jw_plain(pt_str_t s);
static void   pt_jw_quoted(pt_buf_t *b, pt_str_t s);
static void   pt_jw_open(pt_jw_t *w, char c);
static void   pt_jw_close(pt_jw_t *w, char c);
static bool   pt_jw_scalar(pt_jw_t *w, const pt_json_t *v);


/* What stands behind the backslash; 'u' is the long form, 0 none at all
 * (RFC 8259, section 7). */
static const char pt_jw_escapes[256] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b',         't',          'n', 'u',
    'f', 'r', 'u', 'u', 'u', 'u', 'u', 'u', 'u',         'u',          'u', 'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', ['"'] = '"', ['\\'] = '\\'
};


void
pt_jw_init(pt_jw_t *w, pt_buf_t *buf)
{
    w->buf = buf;
    w->depth = 0;
    w->comma = false;
    w->after_key = false;
}


void
pt_jw_object(pt_jw_t *w)
{
    pt_jw_open(w, '{');
}


void
pt_jw_object_end(pt_jw_t *w)
{
    pt_jw_close(w, '}');
}


void
pt_jw_array(pt_jw_t *w)
{
    pt_jw_open(w, '[');
}


void
pt_jw_array_end(pt_jw_t *w)
{
    pt_jw_close(w, ']');
}


void
pt_jw_key(pt_jw_t *w, const char *key)
{
    char  *p;
    size_t len;

    assert(!w->after_key && w->depth != 0);

    len = strlen(key); /* a literal of ours */
    p = pt_buf_room(w->buf, len + 3 + w->comma);
    if (p != NULL) {
        if (w->comma) {
            *p++ = ',';
        }
        *p++ = '"';
        memcpy(p, key, len);
        p[len] = '"';
        p[len + 1] = ':';
    }

    w->after_key = true;
}


void
pt_jw_key_str(pt_jw_t *w, pt_str_t key)
{
    assert(!w->after_key && w->depth != 0);

    if (w->comma) {
        pt_buf_char(w->buf, ',');
    }
    pt_jw_quoted(w->buf, key);
    pt_buf_char(w->buf, ':');

    w->after_key = true;
}


void
pt_jw_str(pt_jw_t *w, pt_str_t s)
{
    if (s.data == NULL) {
        pt_jw_null(w);
        return;
    }

    pt_jw_begin(w);
    pt_jw_quoted(w->buf, s);
}


void
pt_jw_i64(pt_jw_t *w, int64_t v)
{
    pt_jw_begin(w);
    pt_buf_i64(w->buf, v);
}


void
pt_jw_bool(pt_jw_t *w, bool v)
{
    pt_jw_begin(w);
    if (v) {
        pt_buf_lit(w->buf, "true");
    } else {
        pt_buf_lit(w->buf, "false");
    }
}


void
pt_jw_null(pt_jw_t *w)
{
    pt_jw_begin(w);
    pt_buf_lit(w->buf, "null");
}


void
pt_jw_raw(pt_jw_t *w, pt_str_t json)
{
    if (json.data == NULL) {
        pt_jw_null(w);
        return;
    }

    pt_jw_begin(w);
    pt_buf_str_add(w->buf, json);
}


void
pt_jw_uuid(pt_jw_t *w, const pt_uuid_t *id)
{
    char *p;

    if (id == NULL) {
        pt_jw_null(w);
        return;
    }

    p = pt_jw_room(w, PT_UUID_LEN + 2);
    if (p != NULL) {
        p[0] = '"';
        pt_uuid_build(id, p + 1);
        p[PT_UUID_LEN + 1] = '"';
    }
}


void
pt_jw_time(pt_jw_t *w, int64_t unix_us)
{
    char *p = pt_jw_room(w, PT_TIME_LEN + 2);

    if (p != NULL) {
        p[0] = '"';
        pt_time_build(unix_us, p + 1);
        p[PT_TIME_LEN + 1] = '"';
    }
}


void
pt_jw_value(pt_jw_t *w, const pt_json_t *v)
{
    uint32_t         n = 0;
    const pt_json_t *stack[PT_JSON_DEPTH_MAX]; /* open containers */

    if (v == NULL) {
        pt_jw_null(w);
        return;
    }

    for (;;) {
        if (!pt_jw_scalar(w, v)) {
            assert(n < PT_JSON_DEPTH_MAX); /* the parser's cap */
            stack[n++] = v;
            pt_jw_open(w, v->type == PT_JSON_OBJECT ? '{' : '[');

            v = v->first;

        } else {
            v = n == 0 ? NULL : v->next;
        }

        while (v == NULL) {
            if (n == 0) {
                return;
            }
            v = stack[--n];
            pt_jw_close(w, v->type == PT_JSON_OBJECT ? '}' : ']');

            /* the outermost one's neighbours are not part of the value */
            v = n == 0 ? NULL : v->next;
        }

        if (stack[n - 1]->type == PT_JSON_OBJECT) {
            pt_jw_key_str(w, v->key);
        }
    }
}


/* Before every value: the comma, unless a key stands before it. */
static void
pt_jw_begin(pt_jw_t *w)
{
    if (w->comma && !w->after_key) {
        pt_buf_char(w->buf, ',');
    }

    w->comma = true;
    w->after_key = false;
}


/* The same, and room for a value of len bytes; NULL on an error. */
static char *
pt_jw_room(pt_jw_t *w, size_t len)
{
    bool  comma = w->comma && !w->after_key;
    char *p = pt_buf_room(w->buf, len + comma);

    w->comma = true;
    w->after_key = false;

    if (p != NULL && comma) {
        *p++ = ',';
    }

    return p;
}


/* How many bytes at the beginning need no escape: all of them, mostly.
 * Eight at a time: a byte below 0x20, '"' or a backslash sets its high bit
 * (bytes from 0x80 on are left out, they are plain). */
static size_t
pt_jw_plain(pt_str_t s)
{
    size_t         i;
    uint64_t       v, quote, slash, bad;
    const uint64_t ones = UINT64_C(0x0101010101010101);

    for (i = 0; s.len - i >= sizeof(v); i += sizeof(v)) {
        memcpy(&v, s.data + i, sizeof(v));
        quote = v ^ (ones * '"');
        slash = v ^ (ones * '\\');
        bad = ((v - ones * 0x20) & ~v) | ((quote - ones) & ~quote)
              | ((slash - ones) & ~slash);
        if ((bad & (ones * 0x80)) != 0) {
            break;
        }
    }

    while (i < s.len && pt_jw_escapes[(unsigned char) s.data[i]] == 0) {
        i++;
    }

    return i;
}


static void
pt_jw_quoted(pt_buf_t *b, pt_str_t s)
{
    char          c, *p;
    size_t        i, run;
    unsigned char byte;

    i = pt_jw_plain(s);

    if (i == s.len) {
        p = pt_buf_room(b, s.len + 2);
        if (p != NULL) {
            p[0] = '"';
            if (s.len != 0) {
                memcpy(p + 1, s.data, s.len);
            }
            p[s.len + 1] = '"';
        }
        return;
    }

    pt_buf_char(b, '"');

    for (run = 0; i < s.len; i++) {
        byte = (unsigned char) s.data[i];
        c = pt_jw_escapes[byte];
        if (c == 0) {
            continue;
        }

        pt_buf_add(b, s.data + run, i - run);
        run = i + 1;

        pt_buf_char(b, '\\');
        pt_buf_char(b, c);
        if (c == 'u') {
            pt_buf_lit(b, "00");
            pt_buf_char(b, "0123456789abcdef"[byte >> 4]);
            pt_buf_char(b, "0123456789abcdef"[byte & 0x0f]);
        }
    }

    if (run < s.len) {
        pt_buf_add(b, s.data + run, s.len - run);
    }

    pt_buf_char(b, '"');
}


static void
pt_jw_open(pt_jw_t *w, char c)
{
    pt_jw_begin(w);
    pt_buf_char(w->buf, c);

    w->depth++;
    w->comma = false;
}


static void
pt_jw_close(pt_jw_t *w, char c)
{
    assert(w->depth != 0 && !w->after_key);

    pt_buf_char(w->buf, c);

    w->depth--;
    w->comma = true;
}


/* false: v is a container, and nothing was written. */
static bool
pt_jw_scalar(pt_jw_t *w, const pt_json_t *v)
{
    switch (v->type) {

    case PT_JSON_NULL:
        pt_jw_null(w);
        return true;

    case PT_JSON_BOOL:
        pt_jw_bool(w, v->boolean);
        return true;

    case PT_JSON_NUMBER:
        pt_jw_raw(w, v->str);
        return true;

    case PT_JSON_STRING:
        pt_jw_str(w, v->str);
        return true;

    case PT_JSON_ARRAY:
    case PT_JSON_OBJECT:
        break;
    }

    return false;
}
