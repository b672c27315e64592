/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Messages: their JSON, and the operations list and send.  pt_msg_read.c reads
 * what a body says.
 */

#include "pt_conv.h"
#include "pt_event.h"
#include "core/op/pt_page.h"

#include <assert.h>

#define PT_MSG_BODY_MAX (256u * 1024)

/* The room that the members take in JSON without their strings and what is JSON
 * already. */
#define PT_MSG_SHAPE                                                           \
    "\"id\":,\"conversation_id\":,\"sender_type\":,\"sender_id\":,"            \
    "\"content\":,\"message_type\":,\"whatsapp_message_id\":,\"status\":,"     \
    "\"error\":,\"reply_to\":,\"metadata\":,\"created_at\":,"                  \
    "\"received_at\":"
#define PT_MSG_ROOM (sizeof(PT_MSG_SHAPE) + 4 * PT_JP_UUID + 2 * PT_JP_TIME)
#define PT_MSG_TYPICAL 256u /* bytes of a row's strings and JSON, mostly */

static pt_err_t pt_msg_list_read(pytake_op_t *op);
static pt_err_t pt_msg_list_answer(pytake_op_t *op);
static void pt_msg_row_write(pt_jw_t *w, const pytake_rows_t *r, uint32_t row);
static pt_err_t pt_msg_send_read(pytake_op_t *op);
static pt_err_t pt_msg_send_write(pytake_op_t *op);
static pt_err_t pt_msg_send_answer(pytake_op_t *op);


static const pt_page_t pt_msg_page = { .kind = PT_PAGE_MSG,
                                       .id = PT_COL_MSG_LIST_ID,
                                       .key = -1,
                                       .room = PT_MSG_ROOM + PT_MSG_TYPICAL,
                                       .write = pt_msg_row_write };

const pt_op_def_t pt_msg_list = { .name = "msg_list",
                                  .perm = PT_PERM_MESSAGE_READ,
                                  .rate = PT_RATE_READ,
                                  .flags = PT_OP_PAGE,
                                  .status = 200,
                                  .steps = { pt_msg_list_read,
                                             pt_msg_list_answer } };

const pt_op_def_t pt_msg_send = {
    .name = "msg_send",
    .perm = PT_PERM_MESSAGE_SEND,
    .rate = PT_RATE_SEND,
    .flags = PT_OP_BODY | PT_OP_IDEMPOTENT | PT_OP_CLIENT_ID,
    .status = 201,
    .body = { pt_msg_fields, PT_MSG_FIELDS },
    .steps = { pt_msg_send_read, pt_msg_send_write, pt_msg_send_answer }
};


void
pt_msg_write(pt_jw_t *w, const pt_msg_t *m)
{
    pt_jw_object(w);
    pt_msg_members(w, m);
    pt_jw_object_end(w);
}


void
pt_msg_members(pt_jw_t *w, const pt_msg_t *m)
{
    char    *p;
    pt_str_t error = m->error.data == NULL ? PT_STR("null") : m->error;
    pt_str_t metadata = m->metadata.data == NULL ? PT_STR("{}") : m->metadata;

    pt_jp_text_t sender, content, type, wamid, status;

    sender = pt_jp_text(m->sender_type);
    content = pt_jp_text(m->content.data == NULL ? PT_STR("") : m->content);
    type = pt_jp_text(m->message_type);
    wamid = pt_jp_text(m->whatsapp_message_id);
    status = pt_jp_text(m->status);

    p = pt_jw_room(w, PT_MSG_ROOM + sender.size + content.size + type.size
                          + wamid.size + status.size + error.len
                          + metadata.len);
    if (p == NULL) {
        return;
    }

    p = pt_jp_lit(p, "\"id\":");
    p = pt_jp_uuid(p, &m->id);
    p = pt_jp_name(p, "conversation_id");
    if (m->conversation_id == NULL) {
        p = pt_jp_lit(p, "\"" PT_MARK_CONVERSATION "\"");
    } else {
        p = pt_jp_uuid(p, m->conversation_id);
    }
    p = pt_jp_name(p, "sender_type");
    p = pt_jp_str(p, &sender);
    p = pt_jp_name(p, "sender_id");
    p = pt_jp_uuid(p, m->sender_id);
    p = pt_jp_name(p, "content");
    p = pt_jp_str(p, &content);
    p = pt_jp_name(p, "message_type");
    p = pt_jp_str(p, &type);
    p = pt_jp_name(p, "whatsapp_message_id");
    p = pt_jp_str(p, &wamid);
    p = pt_jp_name(p, "status");
    p = pt_jp_str(p, &status);
    p = pt_jp_name(p, "error");
    p = pt_jp_raw(p, error);
    p = pt_jp_name(p, "reply_to");
    if (m->reply_to_mark) {
        p = pt_jp_lit(p, PT_MARK_REPLY_TO);
    } else {
        p = pt_jp_uuid(p, m->reply_to);
    }
    p = pt_jp_name(p, "metadata");
    p = pt_jp_raw(p, metadata);
    p = pt_jp_name(p, "created_at");
    p = pt_jp_time(p, m->created_at_us);
    p = pt_jp_name(p, "received_at");
    p = pt_jp_time(p, m->received_at_us);

    pt_jw_room_end(w, p);
}


pt_str_t
pt_msg_preview(pt_str_t content)
{
    return pt_utf8_prefix(content, PT_LAST_MESSAGE_CHARS);
}


pt_err_t
pt_msg_stamp(pytake_op_t *op, pt_msg_out_t *out)
{
    pt_err_t err;

    out->now_us = pt_envelope_time(op->now_us);

    err = pt_rand_uuid(&op->rand, out->now_us, &out->id);
    if (err != PT_OK) {
        return err;
    }

    return pt_rand_uuid(&op->rand, out->now_us, &out->event_id);
}


void
pt_msg_of(const pytake_op_t *op, const pt_msg_out_t *in,
          const pt_uuid_t *conversation, pt_msg_t *out)
{
    memset(out, 0, sizeof(*out));

    out->id = in->id;
    out->conversation_id = conversation;
    out->sender_type = PT_STR("agent");
    out->sender_id = &op->claims.sub;
    out->content = in->content;
    out->message_type = PT_STR("text");
    out->status = PT_STR("pending");
    out->reply_to = in->has_reply_to ? &in->reply_to : NULL;
    out->metadata = in->metadata;
    out->created_at_us = in->now_us;
    out->received_at_us = in->now_us;
}


pt_err_t
pt_msg_send_add(pytake_op_t *op, const pt_msg_out_t *m,
                const pt_uuid_t *conversation, const pt_uuid_t *contact,
                const pt_uuid_t *config)
{
    pt_err_t err;
    pt_msg_t msg;
    pt_str_t frame;

    pt_msg_of(op, m, conversation, &msg);

    err =
        pt_event_message(op->arena, "message_sent", &m->event_id, &msg, &frame);
    if (err != PT_OK) {
        return err;
    }

    PT_SQL(&op->batch, msg_send, .conversation_id = conversation, .id = &m->id,
           .sender_id = &op->claims.sub, .content = m->content,
           .message_type = msg.message_type, .metadata = m->metadata,
           .created_at = m->now_us, .now = m->now_us,
           .preview = pt_msg_preview(m->content), .event_id = &m->event_id,
           .frame = frame, .sender_type = msg.sender_type,
           .reply_to = msg.reply_to, .contact_id = contact,
           .config_id = config);

    return PT_OK;
}


static pt_err_t
pt_msg_list_read(pytake_op_t *op)
{
    pt_err_t         err;
    pt_cursor_t      from;
    const pt_uuid_t *conv = &op->match.params[0];

    assert(op->match.nparams == 1);

    pt_op_conversation(op, conv);

    err = pt_page_begin(op, PT_PAGE_MSG, &from);
    if (err != PT_OK) {
        return err;
    }

    pt_op_sql(op, PYTAKE_SQL_READ);
    pt_q_head_get(&op->batch);
    PT_SQL(&op->batch, conv_exists, .id = conv);

    PT_SQL(&op->batch, msg_list, .conversation_id = conv, .below = &from.id,
           .most = (int32_t) op->limit + 1);

    return pt_op_sql_go(op);
}


static pt_err_t
pt_msg_list_answer(pytake_op_t *op)
{
    if (pt_op_rows(op, 1)->nrows == 0) {
        return PT_ENOTFOUND;
    }

    return pt_page_reply(op, &pt_msg_page, pt_op_rows(op, 0),
                         pt_op_rows(op, 2));
}


static void
pt_msg_row_write(pt_jw_t *w, const pytake_rows_t *r, uint32_t row)
{
    pt_msg_t  m;
    pt_uuid_t conversation, sender, reply_to;

    memset(&m, 0, sizeof(m));

    (void) pt_cell_uuid(r, row, PT_COL_MSG_LIST_ID, &m.id);
    (void) pt_cell_uuid(r, row, PT_COL_MSG_LIST_CONVERSATION_ID, &conversation);
    m.conversation_id = &conversation;
    m.sender_type = pt_cell_text(r, row, PT_COL_MSG_LIST_SENDER_TYPE);
    if (pt_cell_uuid(r, row, PT_COL_MSG_LIST_SENDER_ID, &sender)) {
        m.sender_id = &sender;
    }
    m.content = pt_cell_text(r, row, PT_COL_MSG_LIST_CONTENT);
    m.message_type = pt_cell_text(r, row, PT_COL_MSG_LIST_MESSAGE_TYPE);
    m.whatsapp_message_id =
        pt_cell_text(r, row, PT_COL_MSG_LIST_WHATSAPP_MESSAGE_ID);
    m.status = pt_cell_text(r, row, PT_COL_MSG_LIST_STATUS);
    m.error = pt_cell_jsonb(r, row, PT_COL_MSG_LIST_ERROR);
    if (pt_cell_uuid(r, row, PT_COL_MSG_LIST_REPLY_TO, &reply_to)) {
        m.reply_to = &reply_to;
    }
    m.metadata = pt_cell_jsonb(r, row, PT_COL_MSG_LIST_METADATA);
    m.created_at_us = pt_cell_time(r, row, PT_COL_MSG_LIST_CREATED_AT);
    m.received_at_us = pt_cell_time(r, row, PT_COL_MSG_LIST_RECEIVED_AT);

    pt_msg_write(w, &m);
}


/* Reads a message to be sent.  If it quotes another one, that must be of the
 * same conversation. */
static pt_err_t
pt_msg_send_read(pytake_op_t *op)
{
    pt_err_t      err;
    pt_msg_out_t *m;

    pt_op_conversation(op, &op->match.params[0]);

    m = pt_arena_calloc(op->arena, 1, sizeof(pt_msg_out_t));
    if (m == NULL) {
        return PT_ENOMEM;
    }
    op->data = m;

    err = pt_msg_take(op, op->input, m);
    if (err != PT_OK || !m->has_reply_to) {
        return err;
    }

    pt_op_sql(op, PYTAKE_SQL_READ);
    PT_SQL(&op->batch, conv_exists, .id = &op->match.params[0]);

    PT_SQL(&op->batch, msg_in_conv, .id = &m->reply_to,
           .conversation_id = &op->match.params[0]);

    return pt_op_sql_go(op);
}


static pt_err_t
pt_msg_send_write(pytake_op_t *op)
{
    pt_jw_t       w;
    pt_buf_t      b;
    pt_err_t      err;
    pt_msg_t      msg;
    pt_msg_out_t *m = op->data;

    if (m->has_reply_to) {
        if (pt_op_rows(op, 0)->nrows == 0) {
            return PT_ENOTFOUND;
        }

        if (pt_op_rows(op, 1)->nrows == 0) {
            pt_op_fault(op, PT_STR("reply_to"), "not_found",
                        "No such message in this conversation");
            return PT_EVALIDATION;
        }
    }

    err = pt_msg_stamp(op, m);
    if (err != PT_OK) {
        return err;
    }

    pt_msg_of(op, m, &op->match.params[0], &msg);
    pt_buf_init(&b, op->arena, PT_MSG_BODY_MAX);
    pt_jw_init(&w, &b);
    pt_msg_write(&w, &msg);

    err = pt_buf_get(&b, &m->answer);
    if (err != PT_OK) {
        return err;
    }

    pt_op_sql(op, PYTAKE_SQL_WRITE);

    err = pt_msg_send_add(op, m, &op->match.params[0], NULL, NULL);
    if (err != PT_OK) {
        return err;
    }

    pt_idem_store(op, 201, PT_STR_NULL, m->answer, &m->event_id);

    return pt_op_sql_go(op);
}


static pt_err_t
pt_msg_send_answer(pytake_op_t *op)
{
    pt_err_t             err;
    pt_msg_out_t        *m = op->data;
    const pytake_rows_t *r = pt_op_rows(op, 0);

    if (r->nrows == 0) {
        return PT_ENOTFOUND;
    }

    err = pt_publish_rows(op, &op->claims.tenant_id, r);
    if (err == PT_OK) {
        err = pt_publish_outbox(op);
    }

    return err == PT_OK ? pt_reply(op, 201, m->answer) : err;
}
