/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Quick replies, and the operation that renders their text as a customer would
 * read it.
 */

#include "core/op/pt_noun.h"
#include "core/op/pt_page.h"

/* The size of a rendered text at most, in bytes. */
#define PT_QUICK_REPLY_TEXT_MAX (4u * PT_CONTENT_MAX * 4u)


static pt_err_t pt_quick_reply_render_read(pytake_op_t *op);
static pt_err_t pt_quick_reply_render_answer(pytake_op_t *op);
static void     pt_quick_reply_fill(pt_buf_t *b, pt_str_t content,
                                    const pytake_rows_t *r);
static size_t   pt_quick_reply_name(pt_str_t rest, pt_str_t *name);
static bool     pt_quick_reply_value(const pytake_rows_t *r, pt_str_t name,
                                     pt_str_t *value);


/* The fields of a button, with WhatsApp's limits of a reply button. */
static const pt_field_t pt_quick_reply_button[] = {
    { "id", PT_FIELD_LINE, PT_FIELD_REQUIRED, 1, 256,
      "Must have 1 to 256 characters", NULL, PT_FIELDS_NONE },
    { "title", PT_FIELD_LINE, PT_FIELD_REQUIRED, 1, 20,
      "Must have 1 to 20 characters", NULL, PT_FIELDS_NONE }
};

static const pt_field_t pt_quick_reply_fields[] = {
    { "shortcut", PT_FIELD_LINE, PT_FIELD_REQUIRED, 1, 50,
      "Must have 1 to 50 characters", NULL, PT_FIELDS_NONE },
    { "content", PT_FIELD_TEXT, PT_FIELD_REQUIRED, 1, PT_CONTENT_MAX,
      "Must have 1 to 4096 characters", NULL, PT_FIELDS_NONE },
    { "attachments", PT_FIELD_UUIDS, 0, 0, 10, "At most 10 attachments", NULL,
      PT_FIELDS_NONE },
    { "buttons",
      PT_FIELD_LIST,
      0,
      0,
      3,
      "At most 3 buttons",
      NULL,
      { pt_quick_reply_button, PT_COUNT(pt_quick_reply_button) } },
    { "team_ids", PT_FIELD_UUIDS, 0, 0, 50, "At most 50 teams", NULL,
      PT_FIELDS_NONE }
};

static const pt_field_t pt_quick_reply_filters[] = {
    { "q", PT_FIELD_LINE, 0, 1, 50, "Must have 1 to 50 characters", NULL,
      PT_FIELDS_NONE }
};

static const pt_noun_t pt_noun_quick_reply = {
    "/api/v1/quick-replies/",          PT_FIELDS(pt_quick_reply_fields),
    PT_FIELDS(pt_quick_reply_filters), PT_PAGE_QUICK_REPLY,
    PT_STMT_QUICK_REPLY_LIST,          PT_STMT_QUICK_REPLY_GET,
    PT_STMT_QUICK_REPLY_CREATE,        PT_STMT_QUICK_REPLY_PATCH,
    PT_STMT_QUICK_REPLY_DELETE
};

PT_NOUN_OPS(quick_reply, PT_PERM_QUICK_REPLY_READ, PT_PERM_QUICK_REPLY_WRITE);

static const pt_field_t pt_quick_reply_render_fields[] = {
    { .name = "conversation_id",
      .type = PT_FIELD_UUID,
      .flags = PT_FIELD_REQUIRED }
};

const pt_op_def_t pt_quick_reply_render = {
    .name = "quick_reply_render",
    .perm = PT_PERM_QUICK_REPLY_READ,
    .rate = PT_RATE_READ,
    .flags = PT_OP_BODY,
    .status = 200,
    .body = PT_FIELDS(pt_quick_reply_render_fields),
    .steps = { pt_quick_reply_render_read, pt_quick_reply_render_answer }
};


static pt_err_t
pt_quick_reply_render_read(pytake_op_t *op)
{
    const pt_uuid_t *conversation = &op->input[0].uuid;

    pt_op_conversation(op, conversation);

    pt_op_sql(op, PYTAKE_SQL_READ);
    PT_SQL(&op->batch, quick_reply_get, .id = &op->match.params[0]);
    PT_SQL(&op->batch, quick_reply_variables, .conversation_id = conversation,
           .user_id = &op->claims.sub);

    return pt_op_sql_go(op);
}


static pt_err_t
pt_quick_reply_render_answer(pytake_op_t *op)
{
    pt_jw_t              w;
    pt_buf_t             text, b;
    pt_err_t             err;
    pt_str_t             content, body;
    const pytake_rows_t *reply = pt_op_rows(op, 0);
    const pytake_rows_t *variables = pt_op_rows(op, 1);

    if (reply->nrows == 0) {
        return PT_ENOTFOUND;
    }

    if (variables->nrows == 0) {
        pt_op_fault(op, PT_STR("conversation_id"), "not_found",
                    "No such conversation");
        return PT_EVALIDATION;
    }

    pt_buf_init(&text, op->arena, PT_QUICK_REPLY_TEXT_MAX);
    pt_quick_reply_fill(
        &text, pt_cell_text(reply, 0, PT_COL_QUICK_REPLY_CONTENT), variables);

    err = pt_buf_get(&text, &content);
    if (err != PT_OK) {
        return err;
    }

    pt_buf_init(&b, op->arena, 6 * PT_QUICK_REPLY_TEXT_MAX + 64);
    pt_jw_init(&w, &b);
    pt_jw_object(&w);
    pt_jw_key(&w, "content");
    pt_jw_str(&w, content);
    pt_jw_object_end(&w);

    err = pt_buf_get(&b, &body);

    return err == PT_OK ? pt_reply(op, 200, body) : err;
}


/* Writes a text with each "{{contact.name}}" and the like replaced by its
 * value.  An unknown name stays as it is, so that whoever reads the text sees
 * the mistake. */
static void
pt_quick_reply_fill(pt_buf_t *b, pt_str_t content, const pytake_rows_t *r)
{
    size_t   i = 0, len;
    pt_str_t name, value;

    while (i < content.len) {
        len = pt_quick_reply_name(
            (pt_str_t){ content.data + i, content.len - i }, &name);

        if (len != 0 && pt_quick_reply_value(r, name, &value)) {
            pt_buf_str_add(b, value);
            i += len;
        } else {
            pt_buf_char(b, content.data[i++]);
        }
    }
}


/* Says how many bytes a "{{ name }}" at the beginning of rest takes; 0: there
 * is none. */
static size_t
pt_quick_reply_name(pt_str_t rest, pt_str_t *name)
{
    size_t i;

    if (rest.len < 4 || memcmp(rest.data, "{{", 2) != 0) {
        return 0;
    }

    for (i = 2; i + 1 < rest.len && rest.data[i] != '{'; i++) {
        if (rest.data[i] == '}' && rest.data[i + 1] == '}') {
            *name = pt_utf8_trim((pt_str_t){ rest.data + 2, i - 2 });
            return i + 2;
        }
    }

    return 0;
}


static bool
pt_quick_reply_value(const pytake_rows_t *r, pt_str_t name, pt_str_t *value)
{
    size_t i;

    static const struct {
        const char *name;
        uint32_t    col;
    } known[] = {
        { "contact.name", PT_COL_QUICK_REPLY_VARIABLES_CONTACT_NAME },
        { "contact.phone", PT_COL_QUICK_REPLY_VARIABLES_CONTACT_PHONE },
        { "agent.name", PT_COL_QUICK_REPLY_VARIABLES_AGENT_NAME },
        { "company.name", PT_COL_QUICK_REPLY_VARIABLES_COMPANY_NAME }
    };

    for (i = 0; i < PT_COUNT(known); i++) {
        if (pt_str_is(name, known[i].name)) {
            *value = pt_cell_text(r, 0, known[i].col);
            return true;
        }
    }

    return false;
}
