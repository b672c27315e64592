/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Reads a message that somebody wants to send.
 */

#include "pt_msg.h"

#include <assert.h>

#define PT_MSG_METADATA_MAX 16384u


static void     pt_msg_read_known(pytake_op_t *op, const pt_json_t *obj,
                                  const char *prefix);
static void     pt_msg_read_reply_to(pytake_op_t *op, const pt_json_t *obj,
                                     const char *prefix, pt_msg_out_t *out);
static void     pt_msg_read_metadata(pytake_op_t *op, const pt_json_t *obj,
                                     const char *prefix, pt_msg_out_t *out);
static pt_str_t pt_msg_field(pytake_op_t *op, const char *prefix,
                             pt_str_t name);


void
pt_msg_read(pytake_op_t *op, const pt_json_t *obj, const char *prefix,
            pt_msg_out_t *out)
{
    const pt_json_t *v;

    assert(pt_json_is(obj, PT_JSON_OBJECT));

    memset(out, 0, sizeof(*out));
    out->metadata = PT_STR("{}");

    pt_msg_read_known(op, obj, prefix);

    v = pt_json_find(obj, "message_type");
    if (v != NULL && v->type != PT_JSON_STRING) {
        pt_fault(op, pt_msg_field(op, prefix, PT_STR("message_type")), "type",
                 "Must be a string");

    } else if (v != NULL && !pt_str_is(v->str, "text")) {
        pt_fault(op, pt_msg_field(op, prefix, PT_STR("message_type")),
                 "unsupported", "Only text can be sent");
    }

    v = pt_json_find(obj, "content");
    if (v == NULL || v->type == PT_JSON_NULL) {
        pt_fault(op, pt_msg_field(op, prefix, PT_STR("content")), "required",
                 "Is required");

    } else if (v->type != PT_JSON_STRING) {
        pt_fault(op, pt_msg_field(op, prefix, PT_STR("content")), "type",
                 "Must be a string");

    } else {
        out->content = v->str;
        pt_msg_check_text(op, pt_msg_field(op, prefix, PT_STR("content")), v);
    }

    pt_msg_read_reply_to(op, obj, prefix, out);
    pt_msg_read_metadata(op, obj, prefix, out);
}


void
pt_msg_check_text(pytake_op_t *op, pt_str_t field, const pt_json_t *text)
{
    if (!pt_body_clean(op, field, text)) {
        return;
    }

    if (pt_utf8_is_blank(text->str)) {
        pt_fault(op, field, "required", "Must not be empty");
        return;
    }

    if (pt_utf8_count(text->str) > PT_CONTENT_MAX) {
        pt_fault(op, field, "too_long", "At most 4096 characters");
    }
}


static void
pt_msg_read_known(pytake_op_t *op, const pt_json_t *obj, const char *prefix)
{
    size_t                   i;
    const pt_json_t         *v;
    static const char *const names[] = { "content", "message_type", "reply_to",
                                         "metadata" };

    for (v = obj->first; v != NULL; v = v->next) {
        for (i = 0; i < PT_COUNT(names); i++) {
            if (pt_str_is(v->key, names[i])) {
                break;
            }
        }

        if (i == PT_COUNT(names)) {
            pt_fault(op, pt_msg_field(op, prefix, v->key), "unknown",
                     "Unknown field");
        }
    }
}


static void
pt_msg_read_reply_to(pytake_op_t *op, const pt_json_t *obj, const char *prefix,
                     pt_msg_out_t *out)
{
    const pt_json_t *v = pt_json_find(obj, "reply_to");

    if (v == NULL || v->type == PT_JSON_NULL) {
        return;
    }

    if (v->type != PT_JSON_STRING || !pt_uuid_parse(v->str, &out->reply_to)) {
        pt_fault(op, pt_msg_field(op, prefix, PT_STR("reply_to")),
                 v->type == PT_JSON_STRING ? "invalid" : "type",
                 "Must be a message's id");
        return;
    }

    out->has_reply_to = true;
}


static void
pt_msg_read_metadata(pytake_op_t *op, const pt_json_t *obj, const char *prefix,
                     pt_msg_out_t *out)
{
    pt_jw_t          w;
    pt_buf_t         b;
    pt_err_t         err;
    const pt_json_t *v = pt_json_find(obj, "metadata");

    if (v == NULL || v->type == PT_JSON_NULL) {
        return;
    }

    if (v->type != PT_JSON_OBJECT) {
        pt_fault(op, pt_msg_field(op, prefix, PT_STR("metadata")), "type",
                 "Must be an object");
        return;
    }

    if (!pt_body_clean(op, pt_msg_field(op, prefix, PT_STR("metadata")), v)) {
        return;
    }

    pt_buf_init(&b, op->arena, PT_MSG_METADATA_MAX);
    pt_jw_init(&w, &b);
    pt_jw_value(&w, v);

    err = pt_buf_get(&b, &out->metadata);
    if (err != PT_OK) {
        pt_fault(op, pt_msg_field(op, prefix, PT_STR("metadata")), "too_long",
                 "At most 16384 bytes");
    }
}


/* Without memory the field's own name must do. */
static pt_str_t
pt_msg_field(pytake_op_t *op, const char *prefix, pt_str_t name)
{
    pt_str_t s;

    if (*prefix == '\0'
        || pt_fmt(op->arena, &s, "%s%.*s", prefix, (int) name.len, name.data)
               != PT_OK)
    {
        return name;
    }

    return s;
}
