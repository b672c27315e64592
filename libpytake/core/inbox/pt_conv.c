/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Conversations: JSON, list, get.  Creating one is pt_conv_create.c.
 */

#include "pt_conv.h"

#include <assert.h>

#define PT_CONV_TAG_CHARS_MAX 100u
#define PT_CONV_LIST_MAX (3u * 1024 * 1024)
#define PT_CONV_BODY_MAX (256u * 1024)
#define PT_CONV_FILTERS_MAX 1024u
#define PT_CONV_STATUSES 4u

/* Room of a row without its strings, tags and metadata. */
#define PT_CONV_SHAPE                                                          \
    "{\"id\":,\"contact\":{\"id\":,\"name\":,\"phone\":},"                     \
    "\"whatsapp_config_id\":,\"status\":,\"unread_count\":,"                   \
    "\"last_message\":,\"last_message_time\":,\"assigned_to\":,\"tags\":,"     \
    "\"metadata\":,\"window_expires_at\":,\"created_at\":,\"updated_at\":}"
#define PT_CONV_ROOM                                                           \
    (sizeof(PT_CONV_SHAPE) + 4 * PT_JP_UUID + 4 * PT_JP_TIME + PT_JP_I64)
#define PT_CONV_TYPICAL 192u /* bytes of the others in a list */

typedef struct {
    pt_str_t  statuses[PT_CONV_STATUSES]; /* none: any */
    size_t    nstatuses;
    pt_str_t  tag;
    bool      has_assigned;
    pt_uuid_t assigned_to;
    bool      unassigned;
    bool      has_contact;
    pt_uuid_t contact_id;
    uint32_t  limit;
    uint64_t  filters;
} pt_conv_page_t;


static pt_err_t pt_conv_list_read(pytake_op_t *op);
static void     pt_conv_list_args(pytake_op_t *op, pt_conv_page_t *page);
static pt_err_t pt_conv_list_filters(pytake_op_t *op, pt_conv_page_t *page);
static void     pt_conv_list_statuses(pytake_op_t *op, pt_conv_page_t *page);
static void     pt_conv_list_assigned(pytake_op_t *op, pt_conv_page_t *page);
static bool     pt_conv_status_is(pt_str_t s);
static void     pt_conv_list_add(pytake_op_t *op, const pt_conv_page_t *page,
                                 const pt_cursor_t *from);
static pt_err_t pt_conv_list_answer(pytake_op_t *op);
static pt_err_t pt_conv_get_read(pytake_op_t *op);
static pt_err_t pt_conv_get_answer(pytake_op_t *op);
static char    *pt_conv_put_uuid(char *p, const pytake_rows_t *r, uint32_t row,
                                 uint32_t col);
static char    *pt_conv_put_time(char *p, const pytake_rows_t *r, uint32_t row,
                                 uint32_t col);


static const pt_str_t pt_conv_statuses[PT_CONV_STATUSES] = {
    PT_STR("active"), PT_STR("pending"), PT_STR("snoozed"), PT_STR("closed")
};

const pt_op_def_t pt_conv_list = { .name = "conv_list",
                                   .perm = PT_PERM_CONVERSATION_READ,
                                   .steps = { pt_conv_list_read,
                                              pt_conv_list_answer } };

const pt_op_def_t pt_conv_get = { .name = "conv_get",
                                  .perm = PT_PERM_CONVERSATION_READ,
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
    pt_err_t        err;
    pt_cursor_t     from;
    pt_conv_page_t *page;

    page = pt_calloc(op->arena, 1, sizeof(pt_conv_page_t));
    if (page == NULL) {
        return PT_ENOMEM;
    }
    op->data = page;

    pt_conv_list_args(op, page);

    err = pt_op_check(op);
    if (err == PT_OK) {
        err = pt_conv_list_filters(op, page);
    }
    if (err == PT_OK) {
        err = pt_page_begin(op, PT_PAGE_CONV, page->filters, &from);
    }
    if (err != PT_OK) {
        return err;
    }

    pt_op_sql(op, PYTAKE_SQL_READ);
    /* The head is read first: an event that the rows do not show yet comes
     * after it. */
    pt_q_head_get(&op->batch);
    pt_conv_list_add(op, page, &from);

    return pt_op_sql_go(op);
}


static void
pt_conv_list_args(pytake_op_t *op, pt_conv_page_t *page)
{
    pt_str_t                 v;
    static const char *const names[] = { "status", "assigned_to", "unassigned",
                                         "tag",    "contact_id",  "limit",
                                         "cursor" };

    pt_args_allow(op, names, PT_COUNT(names));
    page->limit = pt_arg_limit(op);
    page->has_contact = pt_arg_uuid(op, "contact_id", &page->contact_id);
    pt_conv_list_assigned(op, page);
    pt_conv_list_statuses(op, page);

    if (pt_arg_find(op, "unassigned", &v)) {
        page->unassigned = pt_str_is(v, "true");
        if (!page->unassigned && !pt_str_is(v, "false")) {
            pt_fault(op, PT_STR("unassigned"), "invalid",
                     "Must be true or false");
        }
    }

    if (page->unassigned && page->has_assigned) {
        pt_fault(op, PT_STR("unassigned"), "conflict", "Excludes assigned_to");
    }

    if (pt_arg_find(op, "tag", &page->tag)
        && (page->tag.len == 0
            || pt_utf8_count(page->tag) > PT_CONV_TAG_CHARS_MAX))
    {
        pt_fault(op, PT_STR("tag"), "invalid", "Must have 1 to 100 characters");
    }
}


/* "me" is whoever asks. */
static void
pt_conv_list_assigned(pytake_op_t *op, pt_conv_page_t *page)
{
    pt_str_t v;

    if (pt_arg_find(op, "assigned_to", &v) && pt_str_is(v, "me")) {
        page->has_assigned = true;
        page->assigned_to = op->claims.sub;
        return;
    }

    page->has_assigned = pt_arg_uuid(op, "assigned_to", &page->assigned_to);
}


/* One or several by commas, each once, kept in a fixed order: the same
 * filter in another order takes the same cursor. */
static void
pt_conv_list_statuses(pytake_op_t *op, pt_conv_page_t *page)
{
    bool     asked[PT_CONV_STATUSES] = { false };
    size_t   i, start, n;
    pt_str_t v, one;

    if (!pt_arg_find(op, "status", &v)) {
        return;
    }

    for (start = 0, i = 0; i <= v.len; i++) {
        if (i < v.len && v.data[i] != ',') {
            continue;
        }

        one = (pt_str_t){ v.data + start, i - start };
        start = i + 1;

        if (!pt_conv_status_is(one)) {
            pt_fault(op, PT_STR("status"), "invalid",
                     "Must be active, pending, snoozed or closed, or several "
                     "of them with commas between");
            return;
        }

        for (n = 0; n < PT_CONV_STATUSES; n++) {
            asked[n] = asked[n] || pt_str_eq(one, pt_conv_statuses[n]);
        }
    }

    for (n = 0; n < PT_CONV_STATUSES; n++) {
        if (asked[n]) {
            page->statuses[page->nstatuses++] = pt_conv_statuses[n];
        }
    }
}


static bool
pt_conv_status_is(pt_str_t s)
{
    size_t i;

    for (i = 0; i < PT_COUNT(pt_conv_statuses); i++) {
        if (pt_str_eq(s, pt_conv_statuses[i])) {
            return true;
        }
    }

    return false;
}


/* In a fixed order, so that arguments may come in any. */
static pt_err_t
pt_conv_list_filters(pytake_op_t *op, pt_conv_page_t *page)
{
    size_t   i;
    pt_jw_t  w;
    pt_buf_t b;
    pt_err_t err;
    pt_str_t text;

    pt_buf_init(&b, op->arena, PT_CONV_FILTERS_MAX);
    pt_jw_init(&w, &b);
    pt_jw_array(&w);
    if (page->nstatuses < 2) {
        pt_jw_str(&w, page->nstatuses == 0 ? PT_STR_NULL : page->statuses[0]);
    } else {
        pt_jw_array(&w);
        for (i = 0; i < page->nstatuses; i++) {
            pt_jw_str(&w, page->statuses[i]);
        }
        pt_jw_array_end(&w);
    }
    pt_jw_uuid(&w, page->has_assigned ? &page->assigned_to : NULL);
    pt_jw_bool(&w, page->unassigned);
    pt_jw_str(&w, page->tag);
    pt_jw_uuid(&w, page->has_contact ? &page->contact_id : NULL);
    pt_jw_array_end(&w);

    err = pt_buf_get(&b, &text);

    return err == PT_OK ? pt_page_filters(text, &page->filters) : err;
}


/* The most selective filter chooses the statement, and so the index. */
static void
pt_conv_list_add(pytake_op_t *op, const pt_conv_page_t *page,
                 const pt_cursor_t *from)
{
    int32_t          most = (int32_t) page->limit + 1;
    pt_sql_t        *b = &op->batch;
    pt_texts_t       statuses = { page->statuses, page->nstatuses };
    const pt_uuid_t *assigned = page->has_assigned ? &page->assigned_to : NULL;

    if (page->nstatuses == 0) {
        statuses = (pt_texts_t){ pt_conv_statuses, PT_COUNT(pt_conv_statuses) };
    }

    if (page->has_contact) {
        PT_SQL(b, conv_list_of_contact, .activity_at = from->key,
               .below = &from->id, .most = most, .statuses = statuses,
               .assigned_to = assigned, .unassigned = page->unassigned,
               .tag = page->tag, .contact_id = &page->contact_id);

    } else if (page->tag.data != NULL) {
        PT_SQL(b, conv_list_tag, .activity_at = from->key, .below = &from->id,
               .most = most, .statuses = statuses, .assigned_to = assigned,
               .unassigned = page->unassigned, .tag = page->tag);

    } else if (page->has_assigned) {
        PT_SQL(b, conv_list_assigned, .activity_at = from->key,
               .below = &from->id, .most = most, .statuses = statuses,
               .assigned_to = assigned);

    } else if (page->unassigned) {
        PT_SQL(b, conv_list_unassigned, .activity_at = from->key,
               .below = &from->id, .most = most, .statuses = statuses);

    } else if (page->nstatuses > 1) {
        PT_SQL(b, conv_list_statuses, .activity_at = from->key,
               .below = &from->id, .most = most, .statuses = statuses);

    } else if (page->nstatuses == 1) {
        PT_SQL(b, conv_list_status, .activity_at = from->key,
               .below = &from->id, .most = most, .status = page->statuses[0]);

    } else {
        PT_SQL(b, conv_list, .activity_at = from->key, .below = &from->id,
               .most = most);
    }
}


static pt_err_t
pt_conv_list_answer(pytake_op_t *op)
{
    pt_jw_t              w;
    pt_buf_t             b;
    pt_err_t             err;
    pt_str_t             body;
    uint32_t             i, n;
    pt_cursor_t          last = { PT_PAGE_CONV, 0, { { 0 } } };
    pt_conv_page_t      *page = op->data;
    const pytake_rows_t *r = pt_rows_get(op, 1);

    n = r->nrows > page->limit ? page->limit : r->nrows;

    pt_buf_init(&b, op->arena, PT_CONV_LIST_MAX);
    (void) pt_buf_reserve(&b, n * (PT_CONV_ROOM + PT_CONV_TYPICAL) + 512);
    pt_jw_init(&w, &b);
    pt_jw_object(&w);
    pt_jw_key(&w, "data");
    pt_jw_array(&w);
    for (i = 0; i < n && b.len < PT_LIST_BYTES_MAX; i++) {
        pt_conv_write(&w, r, i);
    }
    pt_jw_array_end(&w);
    n = i;

    if (n != 0) {
        last.key = pt_cell_time(r, n - 1, PT_COL_CONV_ACTIVITY_AT);
        (void) pt_cell_uuid(r, n - 1, PT_COL_CONV_ID, &last.id);
    }

    err = pt_page_end(op, &w, r->nrows > n ? &last : NULL, page->filters,
                      pt_rows_get(op, 0));
    if (err == PT_OK) {
        pt_jw_object_end(&w);
        err = pt_buf_get(&b, &body);
    }

    return err == PT_OK ? pt_reply(op, 200, body) : err;
}


static pt_err_t
pt_conv_get_read(pytake_op_t *op)
{
    pt_op_conversation(op, &op->match.params[0]);

    return pt_op_sql_path(op, PYTAKE_SQL_READ, PT_STMT_CONV_GET);
}


static pt_err_t
pt_conv_get_answer(pytake_op_t *op)
{
    pt_jw_t              w;
    pt_buf_t             b;
    pt_err_t             err;
    pt_str_t             body;
    const pytake_rows_t *r = pt_rows_get(op, 0);

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
