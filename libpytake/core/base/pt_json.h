/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_json.h: reads and writes JSON (RFC 8259).
 *
 * The reader: yajl's SAX parser builds a small tree on an arena, without
 * recursion and with caps on depth and nodes.  Keys that repeat within an
 * object are folded: the last one wins, as in jsonb and JSON.parse, and the
 * object remembers that it happened.  Strings come out without what PostgreSQL
 * refuses: U+0000 and what is not valid UTF-8 (lone surrogates) become U+FFFD,
 * and the string remembers it (cleaned).  A number that is too long is changed,
 * too: jsonb writes every digit, so that nine bytes like 1e131000 would come
 * back as 131,001.  A number of more than PT_JSON_DIGITS_MAX digits becomes a
 * string of its text.
 *
 * The writer: pt_jw_* puts values into a pt_buf_t and places the commas;
 * pt_jp_* puts bytes into room that was taken before, for objects whose shape
 * is fixed.
 */

#ifndef PT_JSON_H
#define PT_JSON_H

#include "pt_buf.h"
#include "pt_util.h"

typedef enum {
    PT_JSON_NULL = 0,
    PT_JSON_BOOL,
    PT_JSON_NUMBER, /* kept as text, so that 64-bit ids stay exact */
    PT_JSON_STRING,
    PT_JSON_ARRAY,
    PT_JSON_OBJECT
} pt_json_type_t;

typedef struct pt_json_s pt_json_t;

struct pt_json_s {
    pt_json_type_t type;
    bool           boolean;
    bool           cleaned;    /* it was changed, or something below it */
    bool           duplicates; /* this object, or one below it, repeats a key */
    bool           repeated;   /* its key stood there more than once, and
                                  this is the last one's value */
    uint32_t       count;      /* children of an array or object */
    pt_str_t       key;        /* of a member of an object, else absent */
    pt_str_t       str;        /* a string's bytes, or a number's text */
    pt_json_t     *first;      /* the first child; next links its siblings */
    pt_json_t     *next;
};

typedef struct {
    uint32_t depth_max;
    uint32_t nodes_max;
    uint32_t array_max; /* items of an array; 0: nodes_max alone */
} pt_json_limits_t;

/* The limits of an API body and of a webhook body (pt_base.h). */
extern const pt_json_limits_t pt_json_limits_api;
extern const pt_json_limits_t pt_json_limits_webhook;

/*
 * Parses one JSON text, which may have white space around it.  The tree lies on
 * the arena and has copies of all strings, so that text need not outlive the
 * call.  On an error *out is NULL.
 *
 * Errors: PT_EBADJSON when it is not JSON, has bytes behind it or is not valid
 * UTF-8; PT_ELIMIT when it is deeper or longer than the limits; PT_ENOMEM.
 */
pt_err_t pt_json_parse(pt_arena_t *a, pt_str_t text,
                       const pt_json_limits_t *limits,
                       pt_json_t             **out) PT_MUST_CHECK;

/* Gives the member of an object, borrowed from the tree.  NULL: there is none,
 * or obj is NULL or no object.  key is a string literal. */
const pt_json_t *pt_json_find(const pt_json_t *obj, const char *key);

/* These give the string, the integer or the bool of a member.  The result is
 * false, and *out unchanged, when the member is absent or of another type.  An
 * integer has no fraction and no exponent and fits into int64_t.  A string is
 * borrowed from the tree. */
bool pt_json_find_str(const pt_json_t *obj, const char *key, pt_str_t *out);
bool pt_json_find_i64(const pt_json_t *obj, const char *key, int64_t *out);
bool pt_json_find_bool(const pt_json_t *obj, const char *key, bool *out);
/* Gives the value of a number that is an integer, under the same rule.  v may
 * be NULL. */
bool pt_json_i64(const pt_json_t *v, int64_t *out);

#define pt_json_is(v, t) ((v) != NULL && (v)->type == (t))

/* A writer of JSON, which places the commas by itself. */
typedef struct {
    pt_buf_t *buf;
    uint32_t  depth;
    bool      comma; /* a value stands before, on this level: the next one
                        needs a comma */
    bool      after_key;
} pt_jw_t;

/* Begins to write to buf, which the writer borrows.  Errors stick to it
 * (pt_buf.h). */
void pt_jw_init(pt_jw_t *w, pt_buf_t *buf);
/* These open and close an object or an array.  Within an object each value
 * follows its key. */
void pt_jw_object(pt_jw_t *w);
void pt_jw_object_end(pt_jw_t *w);
void pt_jw_array(pt_jw_t *w);
void pt_jw_array_end(pt_jw_t *w);
/* Writes the key of the next value: pt_jw_key() a string literal that needs no
 * escapes, pt_jw_key_str() any string, escaped. */
void pt_jw_key(pt_jw_t *w, const char *key);
void pt_jw_key_str(pt_jw_t *w, pt_str_t key);
/* Each of the following writes one value.  A string with data NULL, and an id
 * that is NULL, are written as null. */
void pt_jw_str(pt_jw_t *w, pt_str_t s);
void pt_jw_i64(pt_jw_t *w, int64_t v);
void pt_jw_bool(pt_jw_t *w, bool v);
void pt_jw_null(pt_jw_t *w);
/* pt_jw_raw() writes a slice that is JSON already; data NULL is written as
 * null. */
void pt_jw_raw(pt_jw_t *w, pt_str_t json);
void pt_jw_uuid(pt_jw_t *w, const pt_uuid_t *id);
/* pt_jw_time() writes microseconds of Unix time as RFC 3339 in UTC, with
 * milliseconds. */
void pt_jw_time(pt_jw_t *w, int64_t unix_us);
/* pt_jw_value() writes a parsed tree; NULL is written as null. */
void pt_jw_value(pt_jw_t *w, const pt_json_t *v);

/*
 * An object whose shape is fixed, as a row of a list is, takes the room for all
 * of it at once.  Its braces, commas and names are string literals:
 *
 *     name = pt_jp_text(cell);
 *     p = pt_jw_room(w, PT_X_ROOM + name.size);
 *     if (p != NULL) {
 *         p = pt_jp_lit(p, "{\"id\":");
 *         p = pt_jp_uuid(p, &id);
 *         p = pt_jp_name(p, "name");
 *         p = pt_jp_str(p, &name);
 *         *p++ = '}';
 *         pt_jw_room_end(w, p);
 *     }
 */

/* pt_jw_room() gives room for one value of at most len bytes, behind the comma
 * that it needs; or NULL when the buffer has an error.  The room is borrowed
 * until pt_jw_room_end(), which must be the next call on the writer: end is
 * where the value ends, and the rest is given back. */
char *pt_jw_room(pt_jw_t *w, size_t len);
void  pt_jw_room_end(pt_jw_t *w, const char *end);

/* The room that a value of each kind takes at most, in bytes. */
#define PT_JP_I64 PT_I64_LEN
#define PT_JP_UUID (PT_UUID_LEN + 2u)
#define PT_JP_TIME (PT_TIME_LEN + 2u)

/* A string and the room that it takes in JSON, with its quotes and escapes. */
typedef struct {
    pt_str_t str; /* borrowed; data NULL is written as null */
    size_t   size;
} pt_jp_text_t;

/* Measures a string, which the result borrows. */
pt_jp_text_t pt_jp_text(pt_str_t s);

/* Each puts a value at p, where the caller has room for it, and gives the
 * value's end.  A pointer or data that is NULL is put as null. */
char *pt_jp_str(char *p, const pt_jp_text_t *t);

#define pt_jp_lit(p, lit) pt_jp_bytes((p), "" lit, sizeof(lit) - 1)
#define pt_jp_name(p, name) pt_jp_lit((p), ",\"" name "\":")


static inline char *
pt_jp_bytes(char *p, const char *data, size_t len)
{
    memcpy(p, data, len);

    return p + len;
}


static inline char *
pt_jp_raw(char *p, pt_str_t json)
{
    return json.data == NULL ? pt_jp_lit(p, "null")
                             : pt_jp_bytes(p, json.data, json.len);
}


static inline char *
pt_jp_i64(char *p, int64_t v)
{
    return pt_i64_build(v, p);
}


static inline char *
pt_jp_uuid(char *p, const pt_uuid_t *id)
{
    if (id == NULL) {
        return pt_jp_lit(p, "null");
    }

    p[0] = '"';
    pt_uuid_build(id, p + 1);
    p[PT_UUID_LEN + 1] = '"';

    return p + PT_JP_UUID;
}


static inline char *
pt_jp_time(char *p, int64_t unix_us)
{
    p[0] = '"';
    pt_time_build(unix_us, p + 1);
    p[PT_TIME_LEN + 1] = '"';

    return p + PT_JP_TIME;
}

#endif
