/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * yajl reads the text, and this file builds the tree.  Four things are not left
 * to yajl:
 *
 *   - memory: yajl never looks whether an allocation was refused, and would
 *     crash.  It therefore gets a slab on our stack that is always large
 *     enough.  For that the text must end outside of a token and hold no
 *     escapes, because those are what yajl buffers
 *   - escapes: it decodes lone surrogates to invalid UTF-8 or to '?'.  So every
 *     backslash of our copy of the text is turned into the byte 0xff, which
 *     valid UTF-8 never holds, and strings are decoded here, in place
 *   - UTF-8: its check lets overlong forms and surrogates pass
 *   - depth and size: the callbacks look at them
 */

#include "pt_json.h"
#include "pt_json_parts.h"
#include "pt_util.h"

#include <assert.h>

#include <yajl/yajl_parse.h>

#define PT_JSON_SLAB 6144u /* bytes, of which yajl uses half */


typedef struct {
    pt_json_t *node;
    pt_json_t *last; /* its newest child so far */
} pt_json_frame_t;

typedef struct {
    pt_arena_t             *arena;
    const pt_json_limits_t *limits;
    char                   *text; /* our own copy of the text */
    size_t                  len;
    pt_err_t                err;
    uint32_t                nodes;
    uint32_t                depth;
    pt_json_t              *root;
    pt_str_t                key;
    pt_json_members_t       scratch;
    pt_json_frame_t         frames[PT_JSON_DEPTH_MAX];
} pt_json_parser_t;

typedef struct {
    size_t used;
    _Alignas(max_align_t) char data[PT_JSON_SLAB];
} pt_json_slab_t;


static pt_err_t pt_json_run(pt_json_parser_t *ps);
static void    *pt_json_slab_alloc(void *ctx, size_t size);
static void    *pt_json_slab_realloc(void *ctx, void *ptr, size_t size);
static void     pt_json_slab_free(void *ctx, void *ptr);
static int      pt_json_on_null(void *ctx);
static int      pt_json_on_boolean(void *ctx, int value);
static int      pt_json_on_number(void *ctx, const char *s, size_t len);
static int  pt_json_on_string(void *ctx, const unsigned char *s, size_t len);
static void pt_json_cleaned(pt_json_parser_t *ps, pt_json_t *v);
static int  pt_json_on_key(void *ctx, const unsigned char *s, size_t len);
static int  pt_json_on_object(void *ctx);
static int  pt_json_on_object_end(void *ctx);
static int  pt_json_on_array(void *ctx);
static int  pt_json_on_end(void *ctx);
static pt_json_t *pt_json_add(pt_json_parser_t *ps, pt_json_type_t type);
static int        pt_json_open(pt_json_parser_t *ps, pt_json_type_t type);
static pt_str_t   pt_json_text(pt_json_parser_t *ps, const void *s, size_t len,
                               bool *cleaned);


const pt_json_limits_t pt_json_limits_api = { PT_JSON_DEPTH_MAX,
                                              PT_JSON_NODES_MAX,
                                              PT_JSON_ARRAY_MAX };

const pt_json_limits_t pt_json_limits_webhook = { PT_JSON_DEPTH_MAX,
                                                  PT_WEBHOOK_NODES_MAX, 0 };

static const yajl_callbacks pt_json_callbacks = {
    .yajl_null = pt_json_on_null,
    .yajl_boolean = pt_json_on_boolean,
    .yajl_number = pt_json_on_number,
    .yajl_string = pt_json_on_string,
    .yajl_start_map = pt_json_on_object,
    .yajl_map_key = pt_json_on_key,
    .yajl_end_map = pt_json_on_object_end,
    .yajl_start_array = pt_json_on_array,
    .yajl_end_array = pt_json_on_end
};


pt_err_t
pt_json_parse(pt_arena_t *a, pt_str_t text, const pt_json_limits_t *limits,
              pt_json_t **out)
{
    pt_err_t         err;
    pt_json_parser_t ps;

    assert(limits->depth_max <= PT_JSON_DEPTH_MAX);

    *out = NULL;

    /* yajl takes \v and \f for white space, but JSON allows them nowhere. */
    if (text.len == 0 || !pt_utf8_is(text)
        || memchr(text.data, '\v', text.len) != NULL
        || memchr(text.data, '\f', text.len) != NULL)
    {
        return PT_EBADJSON;
    }

    ps.arena = a;
    ps.limits = limits;
    ps.len = text.len;
    ps.err = PT_OK;
    ps.nodes = 0;
    ps.depth = 0;
    ps.root = NULL;
    ps.scratch = (pt_json_members_t){ NULL, 0 };

    /* A line feed behind the text ends a number, and makes a string that was
     * left open an error. */
    ps.text = pt_arena_alloc(a, text.len + 1);
    if (ps.text == NULL) {
        return PT_ENOMEM;
    }
    memcpy(ps.text, text.data, text.len);
    ps.text[text.len] = '\n';

    if (!pt_json_escapes(ps.text, text.len)) {
        return PT_EBADJSON;
    }

    err = pt_json_run(&ps);
    if (err == PT_OK) {
        *out = ps.root;
    }

    return err;
}


const pt_json_t *
pt_json_find(const pt_json_t *obj, const char *key)
{
    size_t           len;
    const pt_json_t *m;

    if (!pt_json_is(obj, PT_JSON_OBJECT)) {
        return NULL;
    }

    len = strlen(key); /* key is a string literal of ours */

    for (m = obj->first; m != NULL; m = m->next) {
        if (m->key.len == len
            && (len == 0
                || (m->key.data[0] == key[0]
                    && memcmp(m->key.data, key, len) == 0)))
        {
            return m;
        }
    }

    return NULL;
}


bool
pt_json_find_str(const pt_json_t *obj, const char *key, pt_str_t *out)
{
    const pt_json_t *v = pt_json_find(obj, key);

    if (!pt_json_is(v, PT_JSON_STRING)) {
        return false;
    }

    *out = v->str;

    return true;
}


bool
pt_json_find_i64(const pt_json_t *obj, const char *key, int64_t *out)
{
    return pt_json_i64(pt_json_find(obj, key), out);
}


bool
pt_json_find_bool(const pt_json_t *obj, const char *key, bool *out)
{
    const pt_json_t *v = pt_json_find(obj, key);

    if (!pt_json_is(v, PT_JSON_BOOL)) {
        return false;
    }

    *out = v->boolean;

    return true;
}


bool
pt_json_i64(const pt_json_t *v, int64_t *out)
{
    return pt_json_is(v, PT_JSON_NUMBER) && pt_i64_parse(v->str, out);
}


static pt_err_t
pt_json_run(pt_json_parser_t *ps)
{
    yajl_handle      h;
    yajl_status      status;
    pt_json_slab_t   slab;
    yajl_alloc_funcs mem = { pt_json_slab_alloc, pt_json_slab_realloc,
                             pt_json_slab_free, &slab };

    slab.used = 0;
    h = yajl_alloc(&pt_json_callbacks, &mem, ps);
    if (h == NULL) {
        return PT_ENOMEM;
    }

    /* All other options of yajl stay off, for each of them lets more pass. */
    (void) yajl_config(h, yajl_dont_validate_strings, 1);

    status = yajl_parse(h, (const unsigned char *) ps->text, ps->len + 1);
    if (status == yajl_status_ok) {
        status = yajl_complete_parse(h);
    }
    yajl_free(h);

    if (ps->err != PT_OK) {
        return ps->err;
    }
    if (status != yajl_status_ok || ps->root == NULL) {
        return PT_EBADJSON;
    }

    assert(ps->depth == 0);

    return PT_OK;
}


static void *
pt_json_slab_alloc(void *ctx, size_t size)
{
    char           *p;
    size_t          need;
    pt_json_slab_t *slab = ctx;
    const size_t    align = _Alignof(max_align_t);

    /* The size stands before each piece, because realloc needs it. */
    need = align + ((size + align - 1) & ~(align - 1));

    assert(size <= PT_JSON_SLAB && need <= PT_JSON_SLAB - slab->used);

    p = slab->data + slab->used;
    slab->used += need;
    memcpy(p, &size, sizeof(size));

    return p + align;
}


static void *
pt_json_slab_realloc(void *ctx, void *ptr, size_t size)
{
    void  *p;
    size_t old;

    p = pt_json_slab_alloc(ctx, size);
    if (ptr != NULL) {
        memcpy(&old, (char *) ptr - _Alignof(max_align_t), sizeof(old));
        memcpy(p, ptr, old < size ? old : size);
    }

    return p;
}


static void
pt_json_slab_free(void *ctx, void *ptr)
{
    PT_UNUSED(ctx);
    PT_UNUSED(ptr);
}


static int
pt_json_on_null(void *ctx)
{
    return pt_json_add(ctx, PT_JSON_NULL) != NULL;
}


static int
pt_json_on_boolean(void *ctx, int value)
{
    pt_json_t *v = pt_json_add(ctx, PT_JSON_BOOL);

    if (v == NULL) {
        return 0;
    }

    v->boolean = value != 0;

    return 1;
}


static int
pt_json_on_number(void *ctx, const char *s, size_t len)
{
    bool              fits = pt_json_digits(s, len) <= PT_JSON_DIGITS_MAX;
    pt_json_t        *v;
    pt_json_parser_t *ps = ctx;

    assert(s >= ps->text && s + len <= ps->text + ps->len);

    v = pt_json_add(ps, fits ? PT_JSON_NUMBER : PT_JSON_STRING);
    if (v == NULL) {
        return 0;
    }

    v->str.data = s;
    v->str.len = len;
    if (!fits) {
        pt_json_cleaned(ps, v);
    }

    return 1;
}


static int
pt_json_on_string(void *ctx, const unsigned char *s, size_t len)
{
    bool              cleaned;
    pt_json_t        *v;
    pt_json_parser_t *ps = ctx;

    v = pt_json_add(ps, PT_JSON_STRING);
    if (v == NULL) {
        return 0;
    }

    v->str = pt_json_text(ps, s, len, &cleaned);
    if (cleaned) {
        pt_json_cleaned(ps, v);
    }

    return 1;
}


/* Marks a value as changed, and the container around it.  That one hands the
 * mark on when it ends. */
static void
pt_json_cleaned(pt_json_parser_t *ps, pt_json_t *v)
{
    v->cleaned = true;
    if (ps->depth != 0) {
        ps->frames[ps->depth - 1].node->cleaned = true;
    }
}


static int
pt_json_on_key(void *ctx, const unsigned char *s, size_t len)
{
    bool              cleaned;
    pt_json_parser_t *ps = ctx;

    assert(ps->depth != 0);

    ps->key = pt_json_text(ps, s, len, &cleaned);
    if (cleaned) {
        ps->frames[ps->depth - 1].node->cleaned = true;
    }

    return 1;
}


static int
pt_json_on_object(void *ctx)
{
    return pt_json_open(ctx, PT_JSON_OBJECT);
}


static int
pt_json_on_object_end(void *ctx)
{
    pt_json_parser_t *ps = ctx;

    assert(ps->depth != 0);

    ps->err =
        pt_json_fold(ps->arena, ps->frames[ps->depth - 1].node, &ps->scratch);
    if (ps->err != PT_OK) {
        return 0;
    }

    return pt_json_on_end(ps);
}


static int
pt_json_on_array(void *ctx)
{
    return pt_json_open(ctx, PT_JSON_ARRAY);
}


static int
pt_json_on_end(void *ctx)
{
    pt_json_t        *v, *parent;
    pt_json_parser_t *ps = ctx;

    assert(ps->depth != 0);

    v = ps->frames[--ps->depth].node;
    if (ps->depth != 0) {
        parent = ps->frames[ps->depth - 1].node;
        parent->cleaned |= v->cleaned;
        parent->duplicates |= v->duplicates;
    }

    return 1;
}


static pt_json_t *
pt_json_add(pt_json_parser_t *ps, pt_json_type_t type)
{
    pt_json_t       *v;
    pt_json_frame_t *frame;

    if (ps->nodes == ps->limits->nodes_max) {
        ps->err = PT_ELIMIT;
        return NULL;
    }

    v = pt_arena_calloc(ps->arena, 1, sizeof(pt_json_t));
    if (v == NULL) {
        ps->err = PT_ENOMEM;
        return NULL;
    }

    ps->nodes++;
    v->type = type;

    if (ps->depth == 0) {
        assert(ps->root == NULL);
        ps->root = v;
        return v;
    }

    frame = &ps->frames[ps->depth - 1];

    if (frame->node->type == PT_JSON_OBJECT) {
        v->key = ps->key;

    } else if (ps->limits->array_max != 0
               && frame->node->count == ps->limits->array_max)
    {
        ps->err = PT_ELIMIT;
        return NULL;
    }

    if (frame->last == NULL) {
        frame->node->first = v;
    } else {
        frame->last->next = v;
    }
    frame->last = v;
    frame->node->count++;

    return v;
}


static int
pt_json_open(pt_json_parser_t *ps, pt_json_type_t type)
{
    pt_json_t *v;

    if (ps->depth == ps->limits->depth_max) {
        ps->err = PT_ELIMIT;
        return 0;
    }

    v = pt_json_add(ps, type);
    if (v == NULL) {
        return 0;
    }

    ps->frames[ps->depth].node = v;
    ps->frames[ps->depth].last = NULL;
    ps->depth++;

    return 1;
}


static pt_str_t
pt_json_text(pt_json_parser_t *ps, const void *s, size_t len, bool *cleaned)
{
    char *p;

    assert((const char *) s >= ps->text
           && (const char *) s + len <= ps->text + ps->len);

    /* yajl hands out const pointers, but they point into our own copy of the
     * text. */
    p = ps->text + ((const char *) s - ps->text);

    return (pt_str_t){ p, pt_json_decode(p, len, cleaned) };
}
