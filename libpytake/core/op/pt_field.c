/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_field_parts.h"

#include <assert.h>

#define PT_FIELD_JSON_MAX (64u * 1024) /* bytes of a list */


static pt_err_t pt_field_object(pytake_op_t *op, const pt_json_t *obj,
                                pt_fields_t fields, bool partial,
                                pt_str_t prefix, pt_value_t *out);
static pt_err_t pt_field_value(pytake_op_t *op, const pt_field_t *f,
                               pt_str_t path, const pt_json_t *v,
                               pt_value_t *out);
static void pt_field_string(pytake_op_t *op, const pt_field_t *f, pt_str_t path,
                            const pt_json_t *v, pt_value_t *out);
static bool pt_field_clean(pytake_op_t *op, pt_str_t path, const pt_json_t *v);
static pt_err_t pt_field_json(pytake_op_t *op, const pt_field_t *f,
                              pt_str_t path, const pt_json_t *v,
                              pt_value_t *out);
static pt_err_t pt_field_members(pytake_op_t *op, const pt_field_t *f,
                                 pt_str_t path, const pt_json_t *v,
                                 pt_value_t *out);
static pt_err_t pt_field_uuids(pytake_op_t *op, const pt_field_t *f,
                               pt_str_t path, const pt_json_t *v,
                               pt_value_t *out);
static pt_err_t pt_field_list(pytake_op_t *op, const pt_field_t *f,
                              pt_str_t path, const pt_json_t *v,
                              pt_value_t *out);
static bool pt_field_count(pytake_op_t *op, const pt_field_t *f, pt_str_t path,
                           const pt_json_t *v);
static pt_err_t pt_field_path(pytake_op_t *op, pt_str_t prefix, pt_str_t name,
                              pt_str_t *out);
static pt_err_t pt_field_item(pytake_op_t *op, pt_str_t list, uint32_t i,
                              const char *end, pt_str_t *out);


pt_err_t
pt_field_read(pytake_op_t *op, pt_fields_t fields, bool partial,
              pt_value_t *out)
{
    assert(pt_json_is(op->body, PT_JSON_OBJECT));

    return pt_field_object(op, op->body, fields, partial, PT_STR(""), out);
}


/* out NULL: what it holds is checked, and not kept. */
static pt_err_t
pt_field_object(pytake_op_t *op, const pt_json_t *obj, pt_fields_t fields,
                bool partial, pt_str_t prefix, pt_value_t *out)
{
    uint16_t         i;
    pt_err_t         err;
    pt_str_t         path;
    pt_value_t       value;
    const pt_json_t *v;

    assert(fields.n <= PT_FIELDS_MAX);

    for (v = obj->first; v != NULL; v = v->next) {
        for (i = 0; i < fields.n; i++) {
            if (pt_str_is(v->key, fields.v[i].name)) {
                break;
            }
        }

        if (i == fields.n) {
            err = pt_field_path(op, prefix, v->key, &path);
            if (err != PT_OK) {
                return err;
            }
            pt_op_fault(op, path, "unknown", "Unknown field");
        }
    }

    for (i = 0; i < fields.n; i++) {
        err = pt_field_path(
            op, prefix,
            (pt_str_t){ fields.v[i].name, strlen(fields.v[i].name) }, &path);
        if (err != PT_OK) {
            return err;
        }

        memset(&value, 0, sizeof(value));
        v = pt_json_find(obj, fields.v[i].name);

        if (v != NULL) {
            err = pt_field_value(op, &fields.v[i], path, v, &value);
        } else if ((fields.v[i].flags & PT_FIELD_REQUIRED) != 0 && !partial) {
            pt_op_fault(op, path, "required", "Is required");
        }
        if (err != PT_OK) {
            return err;
        }

        if (out != NULL) {
            out[i] = value;
        }
    }

    return PT_OK;
}


static pt_err_t
pt_field_value(pytake_op_t *op, const pt_field_t *f, pt_str_t path,
               const pt_json_t *v, pt_value_t *out)
{
    bool    is_one;
    int64_t number = 0;

    out->given = true;

    if (v->type == PT_JSON_NULL) {
        out->null = true;
        if ((f->flags & PT_FIELD_NULLABLE) == 0) {
            pt_op_fault(op, path, "required", "Must not be null");
        }
        return PT_OK;
    }

    /* Of an object each member is looked at by itself. */
    if (f->type == PT_FIELD_OBJECT) {
        return pt_field_members(op, f, path, v, out);
    }

    if (!pt_field_clean(op, path, v)) {
        return PT_OK;
    }

    switch (f->type) {

    case PT_FIELD_BOOL:
        if (v->type != PT_JSON_BOOL) {
            pt_op_fault(op, path, "type", "Must be true or false");
        }
        out->yes = v->boolean;
        return PT_OK;

    case PT_FIELD_INT:
        is_one = pt_json_i64(v, &number);
        pt_field_number(op, f, path, is_one, number, out);
        return PT_OK;

    case PT_FIELD_JSON:
        return pt_field_json(op, f, path, v, out);

    case PT_FIELD_UUIDS:
        return pt_field_uuids(op, f, path, v, out);

    case PT_FIELD_LIST:
        return pt_field_list(op, f, path, v, out);

    default:
        pt_field_string(op, f, path, v, out);
        return PT_OK;
    }
}


static void
pt_field_string(pytake_op_t *op, const pt_field_t *f, pt_str_t path,
                const pt_json_t *v, pt_value_t *out)
{
    if (v->type != PT_JSON_STRING) {
        pt_op_fault(op, path, "type", "Must be a string");

    } else if (f->type == PT_FIELD_UUID) {
        pt_field_uuid(op, f, path, v->str, out);

    } else if (f->type == PT_FIELD_ENUM) {
        pt_field_enum(op, f, path, v->str, out);

    } else {
        pt_field_text(op, f, path, v->str, out);
    }
}


/* A webhook's text is kept cleaned, for it would be lost.  Who asks us is
 * told instead. */
static bool
pt_field_clean(pytake_op_t *op, pt_str_t path, const pt_json_t *v)
{
    if (v->cleaned) {
        pt_op_fault(
            op, path, "invalid",
            "Has U+0000, a lone surrogate or a number of over 40 digits");
    }

    return !v->cleaned;
}


static pt_err_t
pt_field_json(pytake_op_t *op, const pt_field_t *f, pt_str_t path,
              const pt_json_t *v, pt_value_t *out)
{
    pt_jw_t  w;
    pt_buf_t b;
    pt_err_t err;

    if (v->type != PT_JSON_OBJECT) {
        pt_op_fault(op, path, "type", "Must be an object");
        return PT_OK;
    }

    pt_buf_init(&b, op->arena, f->max);
    pt_jw_init(&w, &b);
    pt_jw_value(&w, v);

    err = pt_buf_get(&b, &out->text);
    if (err == PT_ELIMIT) {
        pt_op_fault(op, path, "too_long", pt_field_must(f, "Too long"));
        return PT_OK;
    }

    return err;
}


static pt_err_t
pt_field_members(pytake_op_t *op, const pt_field_t *f, pt_str_t path,
                 const pt_json_t *v, pt_value_t *out)
{
    bool        or_text = (f->flags & PT_FIELD_OR_TEXT) != 0;
    pt_err_t    err;
    pt_str_t    prefix;
    pt_value_t *members;

    members = pt_arena_calloc(op->arena, f->of.n, sizeof(pt_value_t));
    if (members == NULL) {
        return PT_ENOMEM;
    }
    out->members = members;

    if (or_text && v->type == PT_JSON_STRING) {
        return pt_field_value(op, &f->of.v[0], path, v, &members[0]);
    }

    if (v->type != PT_JSON_OBJECT) {
        pt_op_fault(op, path, "type",
                    or_text ? "Must be a string or an object"
                            : "Must be an object");
        return PT_OK;
    }

    err = pt_arena_fmt(op->arena, &prefix, "%.*s.", (int) path.len, path.data);

    return err == PT_OK ? pt_field_object(op, v, f->of, false, prefix, members)
                        : err;
}


static pt_err_t
pt_field_uuids(pytake_op_t *op, const pt_field_t *f, pt_str_t path,
               const pt_json_t *v, pt_value_t *out)
{
    uint32_t         i;
    pt_err_t         err;
    pt_str_t         item;
    pt_uuid_t       *ids;
    const pt_json_t *e;

    if (!pt_field_count(op, f, path, v)) {
        return PT_OK;
    }

    ids = pt_arena_calloc(op->arena, v->count + 1, sizeof(pt_uuid_t));
    if (ids == NULL) {
        return PT_ENOMEM;
    }

    for (e = v->first, i = 0; e != NULL; e = e->next, i++) {
        if (e->type == PT_JSON_STRING && pt_uuid_parse(e->str, &ids[i])) {
            continue;
        }

        err = pt_field_item(op, path, i, "", &item);
        if (err != PT_OK) {
            return err;
        }
        pt_op_fault(op, item, e->type == PT_JSON_STRING ? "invalid" : "type",
                    "Must be a UUID");
    }

    out->uuids = ids;
    out->nuuids = v->count;

    return PT_OK;
}


static pt_err_t
pt_field_list(pytake_op_t *op, const pt_field_t *f, pt_str_t path,
              const pt_json_t *v, pt_value_t *out)
{
    pt_jw_t          w;
    pt_buf_t         b;
    uint32_t         i;
    pt_err_t         err;
    pt_str_t         item;
    const pt_json_t *e;

    if (!pt_field_count(op, f, path, v)) {
        return PT_OK;
    }

    for (e = v->first, i = 0; e != NULL; e = e->next, i++) {
        err = pt_field_item(op, path, i, e->type == PT_JSON_OBJECT ? "." : "",
                            &item);
        if (err == PT_OK && e->type == PT_JSON_OBJECT) {
            err = pt_field_object(op, e, f->of, false, item, NULL);
        } else if (err == PT_OK) {
            pt_op_fault(op, item, "type", "Must be an object");
        }
        if (err != PT_OK) {
            return err;
        }
    }

    pt_buf_init(&b, op->arena, PT_FIELD_JSON_MAX);
    pt_jw_init(&w, &b);
    pt_jw_value(&w, v);

    return pt_buf_get(&b, &out->text);
}


/* Whether it is an array of as many items as it may have. */
static bool
pt_field_count(pytake_op_t *op, const pt_field_t *f, pt_str_t path,
               const pt_json_t *v)
{
    assert(f->max <= PT_FIELD_ITEMS);

    if (v->type != PT_JSON_ARRAY) {
        pt_op_fault(op, path, "type", "Must be an array");
        return false;
    }

    if (v->count < f->min || v->count > f->max) {
        pt_op_fault(op, path, v->count < f->min ? "too_short" : "too_long",
                    pt_field_must(f, "Too few or too many"));
        return false;
    }

    return true;
}


/* A name at the top is its own path. */
static pt_err_t
pt_field_path(pytake_op_t *op, pt_str_t prefix, pt_str_t name, pt_str_t *out)
{
    if (prefix.len == 0) {
        *out = name;
        return PT_OK;
    }

    name = pt_utf8_prefix(name, PT_FIELD_NAME_CHARS);

    return pt_arena_fmt(op->arena, out, "%.*s%.*s", (int) prefix.len,
                        prefix.data, (int) name.len, name.data);
}


static pt_err_t
pt_field_item(pytake_op_t *op, pt_str_t list, uint32_t i, const char *end,
              pt_str_t *out)
{
    return pt_arena_fmt(op->arena, out, "%.*s[%u]%s", (int) list.len, list.data,
                        i, end);
}
