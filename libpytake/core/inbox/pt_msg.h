/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_msg.h: the one definition of a message's JSON, which REST lists, a POST
 * answers and the events carry; and the operations of messages.
 */

#ifndef PT_MSG_H
#define PT_MSG_H

#include "core/op/pt_field.h"

/*
 * A message to be written.  Slices and pointers are borrowed during the write.
 * Where only SQL knows a value, a mark stands in the JSON (pt_envelope.h).
 */
typedef struct {
    pt_uuid_t        id;
    const pt_uuid_t *conversation_id; /* NULL: the mark stands for it */
    pt_str_t         sender_type;     /* contact, agent, system or bot */
    const pt_uuid_t *sender_id;       /* NULL is written as null */
    pt_str_t         content;         /* "" if there is none */
    pt_str_t         message_type;
    pt_str_t         whatsapp_message_id; /* data NULL is written as null */
    pt_str_t         status;
    pt_str_t         error;         /* JSON; data NULL is written as null */
    const pt_uuid_t *reply_to;      /* NULL is written as null ... */
    bool             reply_to_mark; /* ... or as the mark, if this is true */
    pt_str_t         metadata;      /* JSON; data NULL is written as {} */
    int64_t          created_at_us;
    int64_t          received_at_us;
} pt_msg_t;

/* Writes a message as an object.  Errors stick to the writer's buffer. */
void pt_msg_write(pt_jw_t *w, const pt_msg_t *m);

/* Writes the members of a message into an object that the caller opened. */
void pt_msg_members(pt_jw_t *w, const pt_msg_t *m);

/* Gives the first PT_LAST_MESSAGE_CHARS characters of a content, which a
 * conversation shows as its last_message; borrowed from content. */
pt_str_t pt_msg_preview(pt_str_t content);

/*
 * A text that an agent sends.  Its slices lie on the operation's arena.
 */
typedef struct {
    pt_uuid_t id;       /* the message's id, of version 7 */
    pt_uuid_t event_id; /* the id of its event, message_sent */
    int64_t   now_us;   /* the time inside both ids, when the agent sent it */
    pt_str_t  content;
    pt_str_t  metadata; /* JSON */
    bool      has_reply_to;
    pt_uuid_t reply_to;
    pt_str_t  answer; /* the JSON with which POST answers */
} pt_msg_out_t;

/* The fields of a body that sends a message.  Where a body has a string instead
 * of an object, the string is the message's content. */
enum {
    PT_MSG_CONTENT,
    PT_MSG_TYPE,
    PT_MSG_REPLY_TO,
    PT_MSG_CLIENT_ID,
    PT_MSG_METADATA,
    PT_MSG_FIELDS
};

extern const pt_field_t pt_msg_fields[PT_MSG_FIELDS];

/* Takes the values of pt_msg_fields over to *out.  A client_id becomes a member
 * of the metadata, in which the answer and the events show it.  Errors:
 * PT_ENOMEM, PT_ELIMIT. */
pt_err_t pt_msg_take(pytake_op_t *op, const pt_value_t *values,
                     pt_msg_out_t *out) PT_MUST_CHECK;

/* Gives a message its ids and its time, which is the operation's.  The only
 * error is PT_ECRYPTO. */
pt_err_t pt_msg_stamp(pytake_op_t *op, pt_msg_out_t *out) PT_MUST_CHECK;

/* Fills *out with a message that is sent, as REST and the events show it. */
void pt_msg_of(const pytake_op_t *op, const pt_msg_out_t *in,
               const pt_uuid_t *conversation, pt_msg_t *out);

/* Adds the statement msg_send to op->batch: for a conversation or, when that is
 * NULL, for the open conversation of a contact and a number.  Errors:
 * PT_ENOMEM, PT_ELIMIT. */
pt_err_t pt_msg_send_add(pytake_op_t *op, const pt_msg_out_t *m,
                         const pt_uuid_t *conversation,
                         const pt_uuid_t *contact,
                         const pt_uuid_t *config) PT_MUST_CHECK;

extern const pt_op_def_t pt_msg_list;
extern const pt_op_def_t pt_msg_send;

#endif
