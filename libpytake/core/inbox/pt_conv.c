/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Conversations: their JSON, and the operations list and get.  Those that
 * create one are in pt_conv_create.c.
 */

#include "pt_conv.h"
#include "core/op/pt_page.h"

#include <assert.h>

#define PT_CONV_TAG_CHARS_MAX 100u
#define PT_CONV_BODY_MAX (256u * 1024)
#define PT_CONV_STATUSES 4u

/* The room that a row takes in JSON without its strings, tags and metadata. */
#define PT_CONV_SHAPE                                                          \
    "{\"id\":,\"contact\":{\"id\":,\"name\":,\"phone\":},"                     \
    "\"whatsapp_config_id\":,\"status\":,\"unread_count\":,"                   \
    "\"last_message\":,\"last_message_time\":,\"assigned_to\":,\"tags\":,"     \
    "\"metadata\":,\"window_expires_at\":,\"created_at\":,\"updated_at\":}"
#define PT_CONV_ROOM                                                           \
    (sizeof(PT_CONV_SHAPE) + 4 * PT_JP_UUID + 4 * PT_JP_TIME + PT_JP_I64)
/* How many bytes the strings, tags and metadata of a row usually take. */
#define PT_CONV_TYPICAL 192u

/* The arguments of the list.  Their order must stay, because the hash to which
 * cursors are bound depends on it (pt_declared_hash()). */
enum {
    PT_CONV_LIST_STATUS,
    PT_CONV_LIST_ASSIGNED,
    PT_CONV_LIST_UNASSIGNED,
    PT_CONV_LIST_TAG,
    PT_CONV_LIST_CONTACT
};


static pt_err_t pt_conv_list_read(pytake_op_t *op);
static void     pt_conv_list_check(pytake_op_t *op);
static void     pt_conv_list_add(pytake_op_t *op, const pt_cursor_t *from);
static size_t   pt_conv_list_statuses(const pytake_op_t *op, pt_str_t *out);
static pt_err_t pt_conv_list_answer(pytake_op_t *op);
static pt_err_t pt_conv_get_read(pytake_op_t *op);
static pt_err_t pt_conv_get_answer(pytake_op_t *op);
static char    *pt_conv_put_uuid(char *p, const pytake_rows_t *r, uint32_t row,
                                 uint32_t col);
static char    *pt_conv_put_time(char *p, const pytake_rows_t *r, uint32_t row,
                                 uint32_t col);


static const char pt_conv_statuses[] = "active pending snoozed closed";

static const pt_field_t pt_conv_list_args[] = {
    [PT_CONV_LIST_STATUS] = { .name = "status",
                              .type = PT_FIELD_WORDS,
                              .one_of = pt_conv_statuses,
                              .must = "Must be active, pending, snoozed or "
                                      "closed, or several of them with commas "
                                      "between" },
    [PT_CONV_LIST_ASSIGNED] = { .name = "assigned_to",
                                .type = PT_FIELD_UUID,
                                .flags = PT_FIELD_ME },
    [PT_CONV_LIST_UNASSIGNED] = { .name = "unassigned", .type = PT_FIELD_BOOL },
    [PT_CONV_LIST_TAG] = { .name = "tag",
                           .type = PT_FIELD_TEXT,
                           .min = 1,
                           .max = PT_CONV_TAG_CHARS_MAX,
                           .must = "Must have 1 to 100 characters" },
    [PT_CONV_LIST_CONTACT] = { .name = "contact_id", .type = PT_FIELD_UUID }
};

static const pt_page_t pt_conv_page = { .kind = PT_PAGE_CONV,
                                        .id = PT_COL_CONV_ID,
                                        .key = PT_COL_CONV_ACTIVITY_AT,
                                        .room = PT_CONV_ROOM + PT_CONV_TYPICAL,
                                        .write = pt_conv_write };

const pt_op_def_t pt_conv_list = { .name = "conv_list",
                                   .perm = PT_PERM_CONVERSATION_READ,
                                   .rate = PT_RATE_READ,
                                   .flags = PT_OP_PAGE,
                                   .status = 200,
                                   .query = PT_FIELDS(pt_conv_list_args),
                                   .check = pt_conv_list_check,
                                   .steps = { pt_conv_list_read,
                                              pt_conv_list_answer } };

const pt_op_def_t pt_conv_get = { .name = "conv_get",
                                  .perm = PT_PERM_CONVERSATION_READ,
                                  .rate = PT_RATE_READ,
                                  .status = 200,
                                  .steps = { pt_conv_get_read,
                                             pt_conv_get_answer } };


void
pt_conv_write(pt_jw_t *w, const pytake_rows_t *r, uint32_t row)
{
    char        *p;
    pt_str_t     metadata = pt_cell_jsonb(r, row, PT_COL_CONV_METADATA);
    pt_jp_text_t name, phone, status, last;

    name = pt_jp_text(pt_cell_text(r, row, PT_COL_CONV_CONTACT_NAME));
    phone = pt_jp_text(pt_cell_text(r, row, PT_COL_CONV_CONTACT_PHONE));
    status = pt_jp_text(pt_cell_text(r, row, PT_COL_CONV_STATUS));
    last = pt_jp_text(pt_cell_text(r, row, PT_COL_CONV_LAST_MESSAGE));

    if (metadata.data == NULL) {
        metadata = PT_STR("{}");
    }

    p = pt_jw_room(w, PT_CONV_ROOM + name.size + phone.size + status.size
                          + last.size + metadata.len
                          + pt_row_texts_size(r, row, PT_COL_CONV_TAGS));
    if (p == NULL) {
        return;
    }

    p = pt_jp_lit(p, "{\"id\":");
    p = pt_conv_put_uuid(p, r, row, PT_COL_CONV_ID);
    p = pt_jp_lit(p, ",\"contact\":{\"id\":");
    p = pt_conv_put_uuid(p, r, row, PT_COL_CONV_CONTACT_ID);
    p = pt_jp_name(p, "name");
    p = pt_jp_str(p, &name);
    p = pt_jp_name(p, "phone");
    p = pt_jp_str(p, &phone);
    p = pt_jp_lit(p, "},\"whatsapp_config_id\":");
    p = pt_conv_put_uuid(p, r, row, PT_COL_CONV_WHATSAPP_CONFIG_ID);
    p = pt_jp_name(p, "status");
    p = pt_jp_str(p, &status);
    p = pt_jp_name(p, "unread_count");
    p = pt_jp_i64(p, pt_cell_i32(r, row, PT_COL_CONV_UNREAD_COUNT));
    p = pt_jp_name(p, "last_message");
    p = pt_jp_str(p, &last);
    p = pt_jp_name(p, "last_message_time");
    p = pt_conv_put_time(p, r, row, PT_COL_CONV_LAST_MESSAGE_TIME);
    p = pt_jp_name(p, "assigned_to");
    p = pt_conv_put_uuid(p, r, row, PT_COL_CONV_ASSIGNED_TO);
    p = pt_jp_name(p, "tags");
    p = pt_row_texts(p, r, row, PT_COL_CONV_TAGS);
    p = pt_jp_name(p, "metadata");
    p = pt_jp_raw(p, metadata);
    p = pt_jp_name(p, "window_expires_at");
    p = pt_conv_put_time(p, r, row, PT_COL_CONV_WINDOW_EXPIRES_AT);
    p = pt_jp_name(p, "created_at");
    p = pt_conv_put_time(p, r, row, PT_COL_CONV_CREATED_AT);
    p = pt_jp_name(p, "updated_at");
    p = pt_conv_put_time(p, r, row, PT_COL_CONV_UPDATED_AT);
    *p++ = '}';

    pt_jw_room_end(w, p);
}


static pt_err_t
pt_conv_list_read(pytake_op_t *op)
{
    pt_err_t    err;
    pt_cursor_t from;

    err = pt_page_begin(op, PT_PAGE_CONV, &from);
    if (err != PT_OK) {
        return err;
    }

    pt_op_sql(op, PYTAKE_SQL_READ);
    /* The newest event is read first.  An event that the rows do not show yet
     * then comes after it, and the client gets it at the socket. */
    pt_q_head_get(&op->batch);
    pt_conv_list_add(op, &from);

    return pt_op_sql_go(op);
}


static void
pt_conv_list_check(pytake_op_t *op)
{
    if (op->query[PT_CONV_LIST_UNASSIGNED].yes
        && op->query[PT_CONV_LIST_ASSIGNED].given)
    {
        pt_op_fault(op, PT_STR("unassigned"), "conflict",
                    "Excludes assigned_to");
    }
}


/* Adds the statement of the most selective filter, because each statement has
 * an index of its own. */
static void
pt_conv_list_add(pytake_op_t *op, const pt_cursor_t *from)
{
    bool              unassigned = op->query[PT_CONV_LIST_UNASSIGNED].yes;
    size_t            n;
    int32_t           most = (int32_t) op->limit + 1;
    pt_str_t          list[PT_CONV_STATUSES];
    pt_sql_t         *b = &op->batch;
    pt_texts_t        statuses;
    const pt_uuid_t  *assigned;
    const pt_value_t *a = &op->query[PT_CONV_LIST_ASSIGNED];
    const pt_value_t *tag = &op->query[PT_CONV_LIST_TAG];
    const pt_value_t *contact = &op->query[PT_CONV_LIST_CONTACT];

    n = pt_conv_list_statuses(op, list);
    statuses = (pt_texts_t){ list, n };
    assigned = a->given ? &a->uuid : NULL;

    if (contact->given) {
        PT_SQL(b, conv_list_of_contact, .activity_at = from->key,
               .below = &from->id, .most = most, .statuses = statuses,
               .assigned_to = assigned, .unassigned = unassigned,
               .tag = tag->text, .contact_id = &contact->uuid);

    } else if (tag->given) {
        PT_SQL(b, conv_list_tag, .activity_at = from->key, .below = &from->id,
               .most = most, .statuses = statuses, .assigned_to = assigned,
               .unassigned = unassigned, .tag = tag->text);

    } else if (a->given) {
        PT_SQL(b, conv_list_assigned, .activity_at = from->key,
               .below = &from->id, .most = most, .statuses = statuses,
               .assigned_to = assigned);

    } else if (unassigned) {
        PT_SQL(b, conv_list_unassigned, .activity_at = from->key,
               .below = &from->id, .most = most, .statuses = statuses);

    } else if (!op->query[PT_CONV_LIST_STATUS].given) {
        PT_SQL(b, conv_list, .activity_at = from->key, .below = &from->id,
               .most = most);

    } else if (n > 1) {
        PT_SQL(b, conv_list_statuses, .activity_at = from->key,
               .below = &from->id, .most = most, .statuses = statuses);

    } else {
        PT_SQL(b, conv_list_status, .activity_at = from->key,
               .below = &from->id, .most = most, .status = list[0]);
    }
}


/* Gives the statuses that were asked for, or all of them, and how many they
 * are. */
static size_t
pt_conv_list_statuses(const pytake_op_t *op, pt_str_t *out)
{
    size_t   n = 0;
    uint32_t i, asked = op->query[PT_CONV_LIST_STATUS].words;
    pt_str_t word;

    for (i = 0; pt_field_word(pt_conv_statuses, i, &word); i++) {
        if (asked == 0 || (asked >> i & 1) != 0) {
            assert(n < PT_CONV_STATUSES);
            out[n++] = word;
        }
    }

    return n;
}


static pt_err_t
pt_conv_list_answer(pytake_op_t *op)
{
    return pt_page_reply(op, &pt_conv_page, pt_op_rows(op, 0),
                         pt_op_rows(op, 1));
}


static pt_err_t
pt_conv_get_read(pytake_op_t *op)
{
    pt_op_conversation(op, &op->match.params[0]);

    return pt_row_read(op, PYTAKE_SQL_READ, PT_STMT_CONV_GET);
}


static pt_err_t
pt_conv_get_answer(pytake_op_t *op)
{
    pt_jw_t              w;
    pt_buf_t             b;
    pt_err_t             err;
    pt_str_t             body;
    const pytake_rows_t *r = pt_op_rows(op, 0);

    if (r->nrows == 0) {
        return PT_ENOTFOUND;
    }

    pt_buf_init(&b, op->arena, PT_CONV_BODY_MAX);
    pt_jw_init(&w, &b);
    pt_conv_write(&w, r, 0);

    err = pt_buf_get(&b, &body);

    return err == PT_OK ? pt_reply(op, 200, body) : err;
}


static char *
pt_conv_put_uuid(char *p, const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    pt_uuid_t id;

    return pt_jp_uuid(p, pt_cell_uuid(r, row, col, &id) ? &id : NULL);
}


static char *
pt_conv_put_time(char *p, const pytake_rows_t *r, uint32_t row, uint32_t col)
{
    if (pt_cell_is_null(r, row, col)) {
        return pt_jp_lit(p, "null");
    }

    return pt_jp_time(p, pt_cell_time(r, row, col));
}
