/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_json.h"

#include <assert.h>


static void pt_jw_begin(pt_jw_t *w);
static void pt_jw_open(pt_jw_t *w, char c);
static void pt_jw_close(pt_jw_t *w, char c);
static bool pt_jw_scalar(pt_jw_t *w, const pt_json_t *v);


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

    len = strlen(key); /* key is a string literal of ours */
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
    char        *p;
    pt_jp_text_t t = pt_jp_text(key);

    assert(!w->after_key && w->depth != 0 && key.data != NULL);

    p = pt_jw_room(w, t.size + 1);
    if (p != NULL) {
        p = pt_jp_str(p, &t);
        *p = ':';
    }

    w->after_key = true;
}


void
pt_jw_str(pt_jw_t *w, pt_str_t s)
{
    char        *p;
    pt_jp_text_t t = pt_jp_text(s);

    p = pt_jw_room(w, t.size);
    if (p != NULL) {
        (void) pt_jp_str(p, &t);
    }
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

    p = pt_jw_room(w, PT_JP_UUID);
    if (p != NULL) {
        (void) pt_jp_uuid(p, id);
    }
}


void
pt_jw_time(pt_jw_t *w, int64_t unix_us)
{
    char *p = pt_jw_room(w, PT_JP_TIME);

    if (p != NULL) {
        (void) pt_jp_time(p, unix_us);
    }
}


void
pt_jw_value(pt_jw_t *w, const pt_json_t *v)
{
    uint32_t         n = 0;
    const pt_json_t *stack[PT_JSON_DEPTH_MAX]; /* the containers that are
                                                  open */

    if (v == NULL) {
        pt_jw_null(w);
        return;
    }

    for (;;) {
        if (!pt_jw_scalar(w, v)) {
            assert(n < PT_JSON_DEPTH_MAX); /* the parser allows no more */
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

            /* The neighbours of the outermost container are not part of the
             * value. */
            v = n == 0 ? NULL : v->next;
        }

        if (stack[n - 1]->type == PT_JSON_OBJECT) {
            pt_jw_key_str(w, v->key);
        }
    }
}


char *
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


void
pt_jw_room_end(pt_jw_t *w, const char *end)
{
    pt_buf_t *b = w->buf;

    assert(b->err == PT_OK && end > b->data && end <= b->data + b->len);

    b->len = (size_t) (end - b->data);
}


/* Writes the comma that a value needs, unless a key stands before it. */
static void
pt_jw_begin(pt_jw_t *w)
{
    if (w->comma && !w->after_key) {
        pt_buf_char(w->buf, ',');
    }

    w->comma = true;
    w->after_key = false;
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


/* Writes a value that is no container.  false: v is one, and nothing was
 * written. */
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
