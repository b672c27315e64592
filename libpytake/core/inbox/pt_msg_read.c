/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Reads a message that somebody wants to send.
 */

#include "pt_msg.h"

#define PT_MSG_METADATA_MAX 16384u
#define PT_MSG_CLIENT_ID_ROOM 64u /* bytes of the client_id's member */


static pt_err_t pt_msg_echo(pytake_op_t *op, const pt_uuid_t *client_id,
                            pt_msg_out_t *out);


const pt_field_t pt_msg_fields[PT_MSG_FIELDS] = {
    [PT_MSG_CONTENT] = { .name = "content",
                         .type = PT_FIELD_TEXT,
                         .flags = PT_FIELD_REQUIRED,
                         .min = 1,
                         .max = PT_CONTENT_MAX,
                         .must = "At most 4096 characters" },
    [PT_MSG_TYPE] = { .name = "message_type",
                      .type = PT_FIELD_ENUM,
                      .flags = PT_FIELD_GROWS,
                      .one_of = "text",
                      .must = "Only text can be sent" },
    [PT_MSG_REPLY_TO] = { .name = "reply_to",
                          .type = PT_FIELD_UUID,
                          .flags = PT_FIELD_NULLABLE,
                          .must = "Must be a message's id" },
    [PT_MSG_CLIENT_ID] = { .name = "client_id",
                           .type = PT_FIELD_UUID,
                           .flags = PT_FIELD_NULLABLE },
    [PT_MSG_METADATA] = { .name = "metadata",
                          .type = PT_FIELD_JSON,
                          .flags = PT_FIELD_NULLABLE,
                          .max = PT_MSG_METADATA_MAX,
                          .must = "At most 16384 bytes" }
};


pt_err_t
pt_msg_take(pytake_op_t *op, const pt_value_t *values, pt_msg_out_t *out)
{
    memset(out, 0, sizeof(*out));

    out->content = values[PT_MSG_CONTENT].text;
    out->metadata = pt_value_is(&values[PT_MSG_METADATA])
                        ? values[PT_MSG_METADATA].text
                        : PT_STR("{}");
    out->has_reply_to = pt_value_is(&values[PT_MSG_REPLY_TO]);
    out->reply_to = values[PT_MSG_REPLY_TO].uuid;

    return pt_value_is(&values[PT_MSG_CLIENT_ID])
               ? pt_msg_echo(op, &values[PT_MSG_CLIENT_ID].uuid, out)
               : PT_OK;
}


/* Puts the client_id into the metadata as the first member.  If the metadata
 * has such a member already, that one stands behind and counts. */
static pt_err_t
pt_msg_echo(pytake_op_t *op, const pt_uuid_t *client_id, pt_msg_out_t *out)
{
    pt_jw_t  w;
    pt_buf_t b;
    pt_str_t rest = { out->metadata.data + 1, out->metadata.len - 1 };

    pt_buf_init(&b, op->arena, PT_MSG_METADATA_MAX + PT_MSG_CLIENT_ID_ROOM);
    pt_jw_init(&w, &b);
    pt_buf_lit(&b, "{\"client_id\":");
    pt_jw_uuid(&w, client_id);
    if (rest.len > 1) {
        pt_buf_char(&b, ',');
    }
    pt_buf_add(&b, rest.data, rest.len);

    return pt_buf_get(&b, &out->metadata);
}
