/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * POST /api/v1/conversations.  It opens a conversation or takes the one that is
 * open already, and sends the first message in either case.
 */

#include "pt_conv.h"
#include "pt_event.h"
#include "core/op/pt_op_parts.h"

#include <assert.h>

#define PT_CONV_PATH "/api/v1/conversations/"
#define PT_CONV_CREATE_BODY_MAX (256u * 1024)

typedef struct {
    pt_uuid_t    contact_id;
    bool         has_config;
    pt_uuid_t    config_id;
    bool         has_message;
    pt_msg_out_t message;
    pt_uuid_t    id;       /* of the conversation, if it is new */
    pt_uuid_t    event_id; /* of conversation_updated, "created" */
} pt_conv_create_t;

/* The places of the statements in the batch that writes.  The message is
 * optional, so the places behind it are counted from pt_conv_create_get(). */
#define PT_CREATE_OPEN 0
#define PT_CREATE_EVENT 1
#define PT_CREATE_MESSAGE 2

enum { PT_CREATE_CONTACT_ID, PT_CREATE_CONFIG_ID, PT_CREATE_INITIAL };


static pt_err_t pt_conv_create_read(pytake_op_t *op);
static void     pt_conv_create_check(pytake_op_t *op);
static pt_err_t pt_conv_create_open(pytake_op_t *op);
static pt_err_t pt_conv_create_refs(pytake_op_t *op, pt_conv_create_t *cc);
static pt_err_t pt_conv_create_event(pytake_op_t            *op,
                                     const pt_conv_create_t *cc,
                                     int64_t                 now_us);
static void pt_conv_create_keep(pytake_op_t *op, const pt_conv_create_t *cc);
static pt_err_t pt_conv_create_answer(pytake_op_t *op);
static pt_err_t pt_conv_create_body(pytake_op_t *op, const pt_conv_create_t *cc,
                                    pt_str_t *out);
static uint16_t pt_conv_create_get(const pt_conv_create_t *cc);


static const pt_field_t pt_conv_create_fields[] = {
    [PT_CREATE_CONTACT_ID] = { .name = "contact_id",
                               .type = PT_FIELD_UUID,
                               .flags = PT_FIELD_REQUIRED },
    [PT_CREATE_CONFIG_ID] = { .name = "whatsapp_config_id",
                              .type = PT_FIELD_UUID,
                              .flags = PT_FIELD_NULLABLE },
    [PT_CREATE_INITIAL] = { .name = "initial_message",
                            .type = PT_FIELD_OBJECT,
                            .flags = PT_FIELD_NULLABLE | PT_FIELD_OR_TEXT,
                            .of = { pt_msg_fields, PT_MSG_FIELDS } }
};

const pt_op_def_t pt_conv_create = {
    .name = "conv_create",
    .perm = PT_PERM_CONVERSATION_WRITE,
    .rate = PT_RATE_SEND,
    .flags = PT_OP_BODY | PT_OP_IDEMPOTENT,
    .body = PT_FIELDS(pt_conv_create_fields),
    .check = pt_conv_create_check,
    .steps = { pt_conv_create_read, pt_conv_create_open, pt_conv_create_answer }
};


static void
pt_conv_create_check(pytake_op_t *op)
{
    const pt_value_t *first = &op->input[PT_CREATE_INITIAL];

    if (first->members != NULL && pt_value_is(&first->members[PT_MSG_REPLY_TO]))
    {
        pt_op_fault(op, PT_STR("initial_message.reply_to"), "invalid",
                    "A first message quotes nothing");
    }
}


static pt_err_t
pt_conv_create_read(pytake_op_t *op)
{
    pt_err_t          err = PT_OK;
    pt_conv_create_t *cc;
    const pt_value_t *first = &op->input[PT_CREATE_INITIAL];

    cc = pt_arena_calloc(op->arena, 1, sizeof(pt_conv_create_t));
    if (cc == NULL) {
        return PT_ENOMEM;
    }
    op->data = cc;

    cc->contact_id = op->input[PT_CREATE_CONTACT_ID].uuid;
    cc->has_config = pt_value_is(&op->input[PT_CREATE_CONFIG_ID]);
    cc->config_id = op->input[PT_CREATE_CONFIG_ID].uuid;
    cc->has_message = pt_value_is(first);
    if (cc->has_message) {
        err = pt_msg_take(op, first->members, &cc->message);
    }
    if (err != PT_OK) {
        return err;
    }

    pt_op_sql(op, PYTAKE_SQL_READ);
    PT_SQL(&op->batch, conv_create_contact, .id = &cc->contact_id);

    PT_SQL(&op->batch, conv_create_configs,
           .id = cc->has_config ? &cc->config_id : NULL);

    return pt_op_sql_go(op);
}


static pt_err_t
pt_conv_create_open(pytake_op_t *op)
{
    int64_t           now_us = pt_envelope_time(op->now_us);
    pt_err_t          err;
    pt_conv_create_t *cc = op->data;

    err = pt_conv_create_refs(op, cc);
    if (err == PT_OK) {
        err = pt_rand_uuid(&op->rand, now_us, &cc->id);
    }
    if (err == PT_OK) {
        err = pt_rand_uuid(&op->rand, now_us, &cc->event_id);
    }
    if (err == PT_OK && cc->has_message) {
        err = pt_msg_stamp(op, &cc->message);
    }
    if (err != PT_OK) {
        return err;
    }

    pt_op_sql(op, PYTAKE_SQL_WRITE);
    PT_SQL(&op->batch, conv_open, .id = &cc->id, .contact_id = &cc->contact_id,
           .config_id = &cc->config_id, .now = now_us);

    err = pt_conv_create_event(op, cc, now_us);
    if (err == PT_OK && cc->has_message) {
        err = pt_msg_send_add(op, &cc->message, NULL, &cc->contact_id,
                              &cc->config_id);
    }
    if (err != PT_OK) {
        return err;
    }

    PT_SQL(&op->batch, conv_get_open, .contact_id = &cc->contact_id,
           .config_id = &cc->config_id);

    pt_conv_create_keep(op, cc);

    return pt_op_sql_go(op);
}


static pt_err_t
pt_conv_create_refs(pytake_op_t *op, pt_conv_create_t *cc)
{
    pt_err_t             err;
    const pytake_rows_t *contact = pt_op_rows(op, 0);
    const pytake_rows_t *configs = pt_op_rows(op, 1);

    if (contact->nrows == 0) {
        pt_op_fault(op, PT_STR("contact_id"), "not_found", "No such contact");
    }

    if (cc->has_config && configs->nrows == 0) {
        pt_op_fault(op, PT_STR("whatsapp_config_id"), "not_found",
                    "No such active number");
    }

    err = pt_op_check(op);
    if (err != PT_OK) {
        return err;
    }

    if (configs->nrows != 1) {
        op->detail = configs->nrows == 0
                         ? PT_STR("No WhatsApp configuration is active")
                         : PT_STR("Several WhatsApp configurations are active: "
                                  "whatsapp_config_id says which");
        return PT_ECONFIGREQUIRED;
    }

    (void) pt_cell_uuid(configs, 0, PT_COL_CONV_CREATE_CONFIGS_ID,
                        &cc->config_id);

    return PT_OK;
}


/* Adds the event of a new conversation.  Only a new one has the id that was
 * made here, so that the statement does nothing for one that was open
 * already. */
static pt_err_t
pt_conv_create_event(pytake_op_t *op, const pt_conv_create_t *cc,
                     int64_t now_us)
{
    pt_err_t                 err;
    pt_str_t                 frame;
    static const char *const changes[] = { "created" };

    err = pt_event_conv(op->arena, &cc->event_id, changes, 1, &frame);
    if (err != PT_OK) {
        return err;
    }

    PT_SQL(&op->batch, conv_event, .id = &cc->id, .event_id = &cc->event_id,
           .now = now_us, .event = PT_STR("conversation_updated"),
           .frame = frame);

    return PT_OK;
}


static void
pt_conv_create_keep(pytake_op_t *op, const pt_conv_create_t *cc)
{
    if (!op->idem) {
        return;
    }

    PT_SQL(&op->batch, idem_store_conv, .scope = op->idem_scope,
           .key = op->idem_key,
           .body_hash = (pt_str_t){ (const char *) op->idem_hash,
                                    sizeof(op->idem_hash) },
           .id = &cc->id, .path = PT_STR(PT_CONV_PATH), .now = op->now_us,
           .contact_id = &cc->contact_id, .config_id = &cc->config_id);
}


static pt_err_t
pt_conv_create_answer(pytake_op_t *op)
{
    bool                 created;
    char                 id[PT_UUID_LEN];
    pt_err_t             err;
    pt_str_t             body, location;
    pt_uuid_t            conversation;
    pt_conv_create_t    *cc = op->data;
    const pytake_rows_t *opened = pt_op_rows(op, PT_CREATE_OPEN);
    const pt_uuid_t     *tenant = &op->claims.tenant_id;

    if (!pt_cell_uuid(opened, 0, PT_COL_CONV_OPEN_ID, &conversation)) {
        return PT_EINTERNAL;
    }

    pt_op_conversation(op, &conversation);
    created = pt_cell_bool(opened, 0, PT_COL_CONV_OPEN_CREATED);

    err = pt_publish_rows(op, tenant, pt_op_rows(op, PT_CREATE_EVENT));
    if (err == PT_OK && cc->has_message) {
        err = pt_publish_rows(op, tenant, pt_op_rows(op, PT_CREATE_MESSAGE));
    }
    if (err == PT_OK && cc->has_message
        && pt_op_rows(op, PT_CREATE_MESSAGE)->nrows != 0)
    {
        err = pt_publish_outbox(op);
    }
    if (err == PT_OK) {
        err = pt_conv_create_body(op, cc, &body);
    }
    if (err != PT_OK || !created) {
        return err == PT_OK ? pt_reply(op, 200, body) : err;
    }

    pt_uuid_build(&conversation, id);
    err = pt_arena_fmt(op->arena, &location, PT_CONV_PATH "%.*s",
                       (int) sizeof(id), id);
    if (err == PT_OK) {
        err = pt_reply_header(op, "Location", location);
    }

    return err == PT_OK ? pt_reply(op, 201, body) : err;
}


/* Gives the body of the answer.  With an Idempotency-Key it is the very bytes
 * that were kept. */
static pt_err_t
pt_conv_create_body(pytake_op_t *op, const pt_conv_create_t *cc, pt_str_t *out)
{
    pt_jw_t              w;
    pt_buf_t             b;
    uint16_t             at = pt_conv_create_get(cc);
    const pytake_rows_t *kept = pt_op_rows(op, (uint16_t) (at + 1));

    if (op->idem && kept->nrows != 0) {
        return pt_arena_dup(
            op->arena, pt_cell_text(kept, 0, PT_COL_IDEM_STORE_CONV_RESPONSE),
            out);
    }

    pt_buf_init(&b, op->arena, PT_CONV_CREATE_BODY_MAX);
    pt_jw_init(&w, &b);
    pt_conv_write(&w, pt_op_rows(op, at), 0);

    return pt_buf_get(&b, out);
}


static uint16_t
pt_conv_create_get(const pt_conv_create_t *cc)
{
    return cc->has_message ? PT_CREATE_MESSAGE + 1 : PT_CREATE_EVENT + 1;
}
