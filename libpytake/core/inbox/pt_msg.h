/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_msg.h: the one definition of a message's JSON: what REST lists, what a
 * POST answers and what the events carry is written here; and the message
 * endpoints.
 */

#ifndef PT_MSG_H
#define PT_MSG_H

#include "core/op/pt_field.h"

/*
 * Slices and pointers are borrowed during the write.  Where only SQL knows a
 * value, a mark stands in the JSON (pt_event.h).
 */
typedef struct {
    pt_uuid_t        id;
    const pt_uuid_t *conversation_id; /* NULL: the mark */
    pt_str_t         sender_type;     /* contact agent system bot */
    const pt_uuid_t *sender_id;       /* NULL: null */
    pt_str_t         content;         /* "" if none */
    pt_str_t         message_type;
    pt_str_t         whatsapp_message_id; /* data NULL: null */
    pt_str_t         status;
    pt_str_t         error;         /* JSON; data NULL: null */
    const pt_uuid_t *reply_to;      /* NULL: null ... */
    bool             reply_to_mark; /* ... or the mark */
    pt_str_t         metadata;      /* JSON; data NULL: {} */
    int64_t          created_at_us;
    int64_t          received_at_us;
} pt_msg_t;

/* The whole object; errors stick in the writer's buffer. */
void pt_msg_write(pt_jw_t *w, const pt_msg_t *m);

/* Its members alone, within an object that the caller opened. */
void pt_msg_members(pt_jw_t *w, const pt_msg_t *m);

/* The first 200 characters: a conversation's last_message.  Borrows. */
pt_str_t pt_msg_preview(pt_str_t content);

/*
 * A text that an agent sends.  Slices live on the op's arena.
 */
typedef struct {
    pt_uuid_t id;       /* ours, version 7 */
    pt_uuid_t event_id; /* of its message_sent */
    int64_t   now_us;   /* the time inside both: when it was said */
    pt_str_t  content;
    pt_str_t  metadata; /* JSON */
    bool      has_reply_to;
    pt_uuid_t reply_to;
    pt_str_t  answer; /* the JSON that POST answers */
} pt_msg_out_t;

/* What a body may say of a message that is sent; where a string stands for
 * it, that is its content. */
enum {
    PT_MSG_CONTENT,
    PT_MSG_TYPE,
    PT_MSG_REPLY_TO,
    PT_MSG_CLIENT_ID,
    PT_MSG_METADATA,
    PT_MSG_FIELDS
};

extern const pt_field_t pt_msg_fields[PT_MSG_FIELDS];

/* Takes the values of pt_msg_fields over; a client_id becomes a part of the
 * metadata, where the answer and the events echo it.  PT_ENOMEM, PT_ELIMIT. */
pt_err_t pt_msg_take(pytake_op_t *op, const pt_value_t *values,
                     pt_msg_out_t *out) PT_MUST_CHECK;

/* Gives it its ids.  PT_ECRYPTO, PT_ENOMEM. */
pt_err_t pt_msg_stamp(pytake_op_t *op, pt_msg_out_t *out) PT_MUST_CHECK;

/* As the object that REST and events show. */
void pt_msg_of(const pytake_op_t *op, const pt_msg_out_t *in,
               const pt_uuid_t *conversation, pt_msg_t *out);

/* Adds msg_send for a conversation, or, when that is NULL, for the open one
 * of contact and number.  PT_ENOMEM, PT_ELIMIT. */
pt_err_t pt_msg_send_add(pytake_op_t *op, const pt_msg_out_t *m,
                         const pt_uuid_t *conversation,
                         const pt_uuid_t *contact,
                         const pt_uuid_t *config) PT_MUST_CHECK;

extern const pt_op_def_t pt_msg_list;
extern const pt_op_def_t pt_msg_send;

#endif
