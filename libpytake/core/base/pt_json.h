/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_json.h: JSON (RFC 8259) in and out.
 *
 * In: yajl's SAX parser builds a small tree on an arena, with caps on depth
 * and nodes, no recursion.  Keys that repeat are folded: the last one wins,
 * as jsonb and JSON.parse have it; the object remembers that it happened.
 * Strings come out cleaned of what PostgreSQL refuses: U+0000 and anything
 * that is not valid UTF-8 (lone surrogates) become U+FFFD, and the string
 * remembers that (cleaned).  So does a number that was too long: jsonb writes
 * every digit, so nine bytes like 1e131000 would come back as 131,001.  One of
 * more than PT_JSON_DIGITS_MAX digits becomes a string of its text.
 *
 * Out: a writer on pt_buf_t with comma bookkeeping (pt_jw_*), and what it puts
 * its bytes with (pt_jp_*), for objects whose shape is fixed.
 */

#ifndef PT_JSON_H
#define PT_JSON_H

#include "pt_buf.h"
#include "pt_util.h"

typedef enum {
    PT_JSON_NULL = 0,
    PT_JSON_BOOL,
    PT_JSON_NUMBER, /* kept as text: 64-bit ids stay exact */
    PT_JSON_STRING,
    PT_JSON_ARRAY,
    PT_JSON_OBJECT
} pt_json_type_t;

typedef struct pt_json_s pt_json_t;

struct pt_json_s {
    pt_json_type_t type;
    bool           boolean;
    bool           cleaned;    /* this was changed, or something below */
    bool           duplicates; /* this object, or something below,
                                  repeated a key */
    bool           repeated;   /* this member's key stood there more than
                                  once; this is the last one's value */
    uint32_t       count;      /* members of an array or object */
    pt_str_t       key;        /* within an object */
    pt_str_t       str;        /* string's bytes, or the number's text */
    pt_json_t     *first;      /* children, linked */
    pt_json_t     *next;
};

typedef struct {
    uint32_t depth_max;
    uint32_t nodes_max;
    uint32_t array_max; /* 0: no cap but nodes_max */
} pt_json_limits_t;

extern const pt_json_limits_t pt_json_limits_api;
extern const pt_json_limits_t pt_json_limits_webhook;

/*
 * Parses one JSON text (white space around it allowed).  The tree lives on
 * the arena and copies every string, so text need not outlive the call.
 * PT_EBADJSON: not JSON, or trailing bytes, or invalid UTF-8 in the bytes;
 * PT_ELIMIT: deeper or longer than the limits; PT_ENOMEM.
 */
pt_err_t pt_json_parse(pt_arena_t *a, pt_str_t text,
                       const pt_json_limits_t *limits,
                       pt_json_t             **out) PT_MUST_CHECK;

/* Member of an object, NULL when absent (or obj is NULL / no object). */
const pt_json_t *pt_json_find(const pt_json_t *obj, const char *key);

/* The string / integer / bool of a member; false when absent or of another
 * type.  pt_json_find_i64 takes integers in range only (no fraction). */
bool pt_json_find_str(const pt_json_t *obj, const char *key, pt_str_t *out);
bool pt_json_find_i64(const pt_json_t *obj, const char *key, int64_t *out);
bool pt_json_find_bool(const pt_json_t *obj, const char *key, bool *out);
bool pt_json_i64(const pt_json_t *v, int64_t *out);

#define pt_json_is(v, t) ((v) != NULL && (v)->type == (t))

/* Writer.  Commas are placed by the writer; keys go through pt_jw_key(). */
typedef struct {
    pt_buf_t *buf;
    uint32_t  depth;
    bool      comma; /* a value stands before, on this level */
    bool      after_key;
} pt_jw_t;

void pt_jw_init(pt_jw_t *w, pt_buf_t *buf);
void pt_jw_object(pt_jw_t *w);
void pt_jw_object_end(pt_jw_t *w);
void pt_jw_array(pt_jw_t *w);
void pt_jw_array_end(pt_jw_t *w);
void pt_jw_key(pt_jw_t *w, const char *key);  /* a literal, not escaped */
void pt_jw_key_str(pt_jw_t *w, pt_str_t key); /* escaped */
void pt_jw_str(pt_jw_t *w, pt_str_t s);       /* data == NULL: null */
void pt_jw_i64(pt_jw_t *w, int64_t v);
void pt_jw_bool(pt_jw_t *w, bool v);
void pt_jw_null(pt_jw_t *w);
void pt_jw_raw(pt_jw_t *w, pt_str_t json);        /* already JSON */
void pt_jw_uuid(pt_jw_t *w, const pt_uuid_t *id); /* NULL: null */
void pt_jw_time(pt_jw_t *w, int64_t unix_us);     /* RFC 3339 UTC, ms */
void pt_jw_value(pt_jw_t *w, const pt_json_t *v); /* a parsed tree */

/*
 * An object whose shape is fixed (a row of a list) takes the room for all of
 * it at once; its braces, commas and names are literals:
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

/* Room for one value of at most len bytes, behind its comma; NULL on the
 * buffer's error.  Borrowed until pt_jw_room_end(), which comes next and
 * gives back what was not used. */
char *pt_jw_room(pt_jw_t *w, size_t len);
void  pt_jw_room_end(pt_jw_t *w, const char *end);

/* Room that a value of each kind takes at most. */
#define PT_JP_I64 PT_I64_LEN
#define PT_JP_UUID (PT_UUID_LEN + 2u)
#define PT_JP_TIME (PT_TIME_LEN + 2u)

/* A string, measured: it takes size bytes. */
typedef struct {
    pt_str_t str; /* borrowed; data NULL: null */
    size_t   size;
} pt_jp_text_t;

pt_jp_text_t pt_jp_text(pt_str_t s);

/* Each puts a value at p and gives its end; data or pointer NULL: null. */
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
