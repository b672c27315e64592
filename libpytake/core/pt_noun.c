/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_noun.h"
#include "pt_event.h"
#include "pt_page.h"

#include <assert.h>

#define PT_NOUN_BODY_MAX (256u * 1024)
#define PT_NOUN_LIST_MAX (3u * 1024 * 1024)
#define PT_NOUN_FILTERS_MAX 8192u

/* Columns of a statement that "-- writes:" wraps. */
#define PT_NOUN_SEQ 0
#define PT_NOUN_FRAME 1
#define PT_NOUN_OBJECT 2
#define PT_NOUN_VERSION 3
#define PT_NOUN_JSON 4

/* Rows of patch and delete: the thing as it was, the write. */
#define PT_NOUN_WAS 0
#define PT_NOUN_DONE 1

typedef enum { PT_NOUN_ANY, PT_NOUN_EXACT, PT_NOUN_NEVER } pt_noun_match_t;

typedef struct {
    pt_value_t      values[PT_FIELDS_MAX];
    pt_fields_t     fields; /* whose values they are */
    pt_str_t        changes[PT_FIELDS_MAX];
    size_t          nchanges;
    pt_uuid_t       new_id;
    pt_uuid_t       event_id;
    pt_uuid_t       audit_id;
    int64_t         now_us;
    pt_noun_match_t match;
    int64_t         version; /* of PT_NOUN_EXACT */
    pt_cursor_t     from;
    uint32_t        limit;
    uint64_t        filters;
} pt_noun_state_t;


static pt_err_t pt_noun_begin(pytake_op_t *op, pt_fields_t fields,
                              pt_noun_state_t **out);
static pt_err_t pt_noun_filters(pytake_op_t *op, pt_noun_state_t *s);
static pt_err_t pt_noun_stamp(pytake_op_t *op, pt_noun_state_t *s);
static void     pt_noun_changes(pt_noun_state_t *s);
static void     pt_noun_match(pytake_op_t *op, pt_noun_state_t *s);
static bool     pt_noun_etag_parse(pt_str_t tag, int64_t *out);
static void     pt_noun_add(pytake_op_t *op, uint16_t stmt);
static void     pt_noun_bind(pytake_op_t *op, const pytake_field_t *p);
static bool     pt_noun_bind_path(pytake_op_t *op, const char *name);
static bool     pt_noun_bind_own(pytake_op_t *op, const char *name);
static bool     pt_noun_bind_idem(pytake_op_t *op, const char *name);
static void     pt_noun_bind_value(pt_sql_t *b, const pytake_field_t *p,
                                   const pt_value_t *v);
static pt_err_t pt_noun_refusal(pytake_op_t *op);
static pt_err_t pt_noun_written(pytake_op_t *op, const pytake_rows_t *r,
                                int status);
static pt_err_t pt_noun_etag(pytake_op_t *op, int64_t version, pt_str_t *out);
static bool     pt_noun_version(const pytake_op_t *op, uint16_t stmt,
                                const pytake_rows_t *r, int64_t *out);


pt_err_t
pt_noun_list_read(pytake_op_t *op)
{
    size_t           i;
    pt_err_t         err;
    const char      *names[PT_FIELDS_MAX + 2] = { "limit", "cursor" };
    pt_noun_state_t *s;
    const pt_noun_t *noun = op->def->noun;

    err = pt_noun_begin(op, noun->filters, &s);
    if (err != PT_OK) {
        return err;
    }

    for (i = 0; i < s->fields.n; i++) {
        names[i + 2] = s->fields.v[i].name;
    }
    pt_args_allow(op, names, i + 2);
    s->limit = pt_arg_limit(op);
    pt_fields_args(op, s->fields, s->values);

    err = pt_op_check(op);
    if (err == PT_OK) {
        err = pt_noun_filters(op, s);
    }
    if (err == PT_OK) {
        err = pt_page_begin(op, noun->page, s->filters, &s->from);
    }
    if (err != PT_OK) {
        return err;
    }

    /* The head is read first: an event that the rows do not show yet comes
     * after it. */
    pt_op_sql(op, PYTAKE_SQL_READ);
    pt_q_head_get(&op->batch);
    pt_noun_add(op, noun->list);

    return pt_op_sql_go(op);
}


pt_err_t
pt_noun_list_answer(pytake_op_t *op)
{
    pt_jw_t              w;
    pt_buf_t             b;
    pt_err_t             err;
    pt_str_t             body;
    uint32_t             i, n;
    pt_cursor_t          last = { op->def->noun->page, 0, { { 0 } } };
    pt_noun_state_t     *s = op->data;
    const pytake_rows_t *r = pt_rows_get(op, 1);

    n = r->nrows > s->limit ? s->limit : r->nrows;

    pt_buf_init(&b, op->arena, PT_NOUN_LIST_MAX);
    pt_jw_init(&w, &b);
    pt_jw_object(&w);
    pt_jw_key(&w, "data");
    pt_jw_array(&w);
    for (i = 0; i < n && b.len < PT_LIST_BYTES_MAX; i++) {
        pt_row_write(&w, r, i, op->def->noun->list);
    }
    pt_jw_array_end(&w);
    n = i;

    if (n != 0) {
        (void) pt_cell_uuid(r, n - 1, 0, &last.id);
    }

    err = pt_page_end(op, &w, r->nrows > n ? &last : NULL, s->filters,
                      pt_rows_get(op, 0));
    if (err == PT_OK) {
        pt_jw_object_end(&w);
        err = pt_buf_get(&b, &body);
    }

    return err == PT_OK ? pt_reply(op, 200, body) : err;
}


pt_err_t
pt_noun_get_read(pytake_op_t *op)
{
    return pt_op_sql_path(op, PYTAKE_SQL_READ, op->def->noun->get);
}


pt_err_t
pt_noun_get_answer(pytake_op_t *op)
{
    int64_t              version;
    pt_err_t             err;
    pt_str_t             tag;
    uint16_t             stmt = op->def->noun->get;
    const pytake_rows_t *r = pt_rows_get(op, PT_NOUN_WAS);

    if (r->nrows == 0) {
        return PT_ENOTFOUND;
    }

    if (pt_noun_version(op, stmt, r, &version)) {
        err = pt_noun_etag(op, version, &tag);
        if (err != PT_OK) {
            return err;
        }

        if (pt_str_eq(pt_trim(op->req->if_none_match), tag)) {
            return pt_reply(op, 304, PT_STR(""));
        }
    }

    return pt_reply_row(op, 200);
}


pt_err_t
pt_noun_create_write(pytake_op_t *op)
{
    pt_err_t         err;
    pt_noun_state_t *s;
    const pt_noun_t *noun = op->def->noun;

    err = pt_noun_begin(op, noun->fields, &s);
    if (err != PT_OK) {
        return err;
    }

    pt_args_allow(op, NULL, 0);

    err = pt_fields_read(op, s->fields, false, s->values);
    if (err == PT_OK) {
        err = pt_op_check(op);
    }
    if (err == PT_OK) {
        err = pt_noun_stamp(op, s);
    }
    if (err != PT_OK) {
        return err;
    }

    pt_noun_changes(s);

    pt_op_sql(op, PYTAKE_SQL_WRITE);
    pt_noun_add(op, noun->create);

    return pt_op_sql_go(op);
}


pt_err_t
pt_noun_create_answer(pytake_op_t *op)
{
    pt_err_t             err;
    pt_str_t             id, location;
    const pytake_rows_t *r = pt_rows_get(op, 0);

    if (r->nrows == 0) {
        return PT_EINTERNAL;
    }

    id = pt_cell_text(r, 0, PT_NOUN_OBJECT);
    err = pt_fmt(op->arena, &location, "%s%.*s", op->def->noun->path,
                 (int) id.len, id.data);
    if (err == PT_OK) {
        err = pt_header(op, "Location", location);
    }

    return err == PT_OK ? pt_noun_written(op, r, 201) : err;
}


/* A body that changes nothing writes nothing, and tells nobody. */
pt_err_t
pt_noun_patch_write(pytake_op_t *op)
{
    pt_err_t         err;
    pt_noun_state_t *s;
    const pt_noun_t *noun = op->def->noun;

    err = pt_noun_begin(op, noun->fields, &s);
    if (err != PT_OK) {
        return err;
    }

    pt_args_allow(op, NULL, 0);
    pt_noun_match(op, s);

    err = pt_fields_read(op, s->fields, true, s->values);
    if (err == PT_OK) {
        err = pt_op_check(op);
    }
    if (err == PT_OK) {
        err = pt_noun_stamp(op, s);
    }
    if (err != PT_OK) {
        return err;
    }

    pt_noun_changes(s);

    pt_op_sql(op, s->nchanges != 0 ? PYTAKE_SQL_WRITE : PYTAKE_SQL_READ);
    pt_noun_add(op, noun->get);
    if (s->nchanges != 0) {
        pt_noun_add(op, noun->patch);
    }

    return pt_op_sql_go(op);
}


pt_err_t
pt_noun_patch_answer(pytake_op_t *op)
{
    pt_err_t         err;
    pt_noun_state_t *s = op->data;

    err = pt_noun_refusal(op);
    if (err != PT_OK) {
        return err;
    }

    return s->nchanges == 0
               ? pt_noun_get_answer(op)
               : pt_noun_written(op, pt_rows_get(op, PT_NOUN_DONE), 200);
}


pt_err_t
pt_noun_delete_write(pytake_op_t *op)
{
    pt_err_t         err;
    pt_noun_state_t *s;
    const pt_noun_t *noun = op->def->noun;

    err = pt_noun_begin(op, PT_FIELDS_NONE, &s);
    if (err != PT_OK) {
        return err;
    }

    pt_args_allow(op, NULL, 0);
    pt_noun_match(op, s);

    err = pt_op_check(op);
    if (err == PT_OK) {
        err = pt_noun_stamp(op, s);
    }
    if (err != PT_OK) {
        return err;
    }

    pt_op_sql(op, PYTAKE_SQL_WRITE);
    pt_noun_add(op, noun->get);
    pt_noun_add(op, noun->remove);

    return pt_op_sql_go(op);
}


pt_err_t
pt_noun_delete_answer(pytake_op_t *op)
{
    pt_err_t             err;
    const pytake_rows_t *r = pt_rows_get(op, PT_NOUN_DONE);

    err = pt_noun_refusal(op);
    if (err == PT_OK) {
        err = pt_publish_rows(op, &op->claims.tenant_id, r);
    }

    return err == PT_OK ? pt_reply(op, 204, PT_STR("")) : err;
}


static pt_err_t
pt_noun_begin(pytake_op_t *op, pt_fields_t fields, pt_noun_state_t **out)
{
    pt_noun_state_t *s;

    assert(op->def->noun != NULL && fields.n <= PT_FIELDS_MAX);

    s = pt_calloc(op->arena, 1, sizeof(pt_noun_state_t));
    if (s == NULL) {
        return PT_ENOMEM;
    }

    s->fields = fields;
    op->data = s;
    *out = s;

    return PT_OK;
}


/* In the order of their declaration, so that arguments may come in any. */
static pt_err_t
pt_noun_filters(pytake_op_t *op, pt_noun_state_t *s)
{
    pt_jw_t  w;
    pt_buf_t b;
    uint16_t i;
    pt_err_t err;
    pt_str_t text;

    if (s->fields.n == 0) {
        return PT_OK;
    }

    pt_buf_init(&b, op->arena, PT_NOUN_FILTERS_MAX);
    pt_jw_init(&w, &b);
    pt_jw_array(&w);
    for (i = 0; i < s->fields.n; i++) {
        text = PT_STR_NULL;
        (void) pt_arg_find(op, s->fields.v[i].name, &text);
        pt_jw_str(&w, text);
    }
    pt_jw_array_end(&w);

    err = pt_buf_get(&b, &text);

    return err == PT_OK ? pt_page_filters(text, &s->filters) : err;
}


static pt_err_t
pt_noun_stamp(pytake_op_t *op, pt_noun_state_t *s)
{
    pt_err_t err;

    s->now_us = pt_event_time(op->now_us);

    err = pt_rand_uuid(&op->rand, s->now_us, &s->new_id);
    if (err == PT_OK) {
        err = pt_rand_uuid(&op->rand, s->now_us, &s->event_id);
    }
    if (err == PT_OK) {
        err = pt_rand_uuid(&op->rand, s->now_us, &s->audit_id);
    }

    return err;
}


static void
pt_noun_changes(pt_noun_state_t *s)
{
    uint16_t    i;
    const char *name;

    for (i = 0; i < s->fields.n; i++) {
        if (s->values[i].given) {
            name = s->fields.v[i].name;
            s->changes[s->nchanges++] = (pt_str_t){ name, strlen(name) };
        }
    }
}


/* If-Match of one strong tag or "*" (RFC 9110, section 13.1.1); what is no
 * tag of ours matches nothing. */
static void
pt_noun_match(pytake_op_t *op, pt_noun_state_t *s)
{
    pt_str_t tag = pt_trim(op->req->if_match);

    if (op->req->if_match.data == NULL || pt_str_is(tag, "*")) {
        s->match = PT_NOUN_ANY;
    } else {
        s->match = pt_noun_etag_parse(tag, &s->version) ? PT_NOUN_EXACT
                                                        : PT_NOUN_NEVER;
    }
}


static bool
pt_noun_etag_parse(pt_str_t tag, int64_t *out)
{
    return tag.len > 2 && tag.data[0] == '"' && tag.data[tag.len - 1] == '"'
           && pt_parse_i64((pt_str_t){ tag.data + 1, tag.len - 2 }, out)
           && *out > 0 && *out <= INT32_MAX;
}


/* Adds the statement, each parameter by its name. */
static void
pt_noun_add(pytake_op_t *op, uint16_t stmt)
{
    uint16_t i;

    pt_sql_stmt(&op->batch, stmt);

    for (i = 0; i < pytake_stmts[stmt].nparams; i++) {
        pt_noun_bind(op, &pytake_stmts[stmt].params[i]);
    }
}


static void
pt_noun_bind(pytake_op_t *op, const pytake_field_t *p)
{
    bool             has = strncmp(p->name, "has_", 4) == 0;
    uint16_t         i;
    pt_noun_state_t *s = op->data;

    if (pt_noun_bind_path(op, p->name) || pt_noun_bind_own(op, p->name)
        || pt_noun_bind_idem(op, p->name))
    {
        return;
    }

    for (i = 0; i < s->fields.n; i++) {
        if (has && strcmp(p->name + 4, s->fields.v[i].name) == 0) {
            pt_sql_bool(&op->batch, s->values[i].given);
            return;
        }
        if (strcmp(p->name, s->fields.v[i].name) == 0) {
            pt_noun_bind_value(&op->batch, p, &s->values[i]);
            return;
        }
    }

    assert(0); /* no field, and none of the names above */
}


/* The ids of the path, by the names in the route's braces. */
static bool
pt_noun_bind_path(pytake_op_t *op, const char *name)
{
    size_t      len;
    uint16_t    i = 0;
    const char *at = pt_routes[op->match.index - 1].path;

    while ((at = strchr(at, '{')) != NULL) {
        at++;
        len = strcspn(at, "}");

        if (strlen(name) == len && memcmp(name, at, len) == 0) {
            pt_sql_uuid(&op->batch, &op->match.params[i]);
            return true;
        }
        i++;
    }

    return false;
}


static bool
pt_noun_bind_own(pytake_op_t *op, const char *name)
{
    pt_sql_t        *b = &op->batch;
    pt_noun_state_t *s = op->data;

    if (strcmp(name, "new_id") == 0) {
        pt_sql_uuid(b, &s->new_id);
    } else if (strcmp(name, "event_id") == 0) {
        pt_sql_uuid(b, &s->event_id);
    } else if (strcmp(name, "audit_id") == 0) {
        pt_sql_uuid(b, &s->audit_id);
    } else if (strcmp(name, "user_id") == 0) {
        pt_sql_uuid(b, &op->claims.sub);
    } else if (strcmp(name, "now") == 0) {
        pt_sql_time(b, s->now_us);
    } else if (strcmp(name, "request_id") == 0) {
        pt_sql_text(b, op->request_id);
    } else if (strcmp(name, "changes") == 0) {
        pt_sql_texts(b, (pt_texts_t){ s->changes, s->nchanges });
    } else if (strcmp(name, "below") == 0) {
        pt_sql_uuid(b, &s->from.id);
    } else if (strcmp(name, "most") == 0) {
        pt_sql_i32(b, (int32_t) s->limit + 1);
    } else if (strcmp(name, "if_match") != 0) {
        return false;
    } else if (s->match == PT_NOUN_ANY) {
        pt_sql_null(b);
    } else {
        /* versions begin with 1 */
        pt_sql_i32(b, s->match == PT_NOUN_EXACT ? (int32_t) s->version : 0);
    }

    return true;
}


static bool
pt_noun_bind_idem(pytake_op_t *op, const char *name)
{
    pt_sql_t *b = &op->batch;

    if (strcmp(name, "path") == 0) {
        pt_sql_text(
            b, (pt_str_t){ op->def->noun->path, strlen(op->def->noun->path) });
    } else if (strncmp(name, "idem_", 5) != 0) {
        return false;
    } else if (!op->idem) {
        pt_sql_null(b);
    } else if (strcmp(name, "idem_scope") == 0) {
        pt_sql_text(b, op->idem_scope);
    } else if (strcmp(name, "idem_key") == 0) {
        pt_sql_text(b, op->req->idempotency_key);
    } else {
        assert(strcmp(name, "idem_hash") == 0);
        pt_sql_bytes(b, (pt_str_t){ (const char *) op->idem_hash,
                                    sizeof(op->idem_hash) });
    }

    return true;
}


static void
pt_noun_bind_value(pt_sql_t *b, const pytake_field_t *p, const pt_value_t *v)
{
    if (p->array) {
        assert(p->type == PYTAKE_TYPE_UUID);
        pt_sql_uuids(b, (pt_uuids_t){ v->uuids, v->nuuids });
        return;
    }

    if (!v->given || v->null) {
        pt_sql_null(b);
        return;
    }

    switch (p->type) {

    case PYTAKE_TYPE_UUID:
        pt_sql_uuid(b, &v->uuid);
        break;

    case PYTAKE_TYPE_TEXT:
        pt_sql_text(b, v->text);
        break;

    case PYTAKE_TYPE_INT:
        pt_sql_i32(b, (int32_t) v->number);
        break;

    case PYTAKE_TYPE_BIG:
        pt_sql_i64(b, v->number);
        break;

    case PYTAKE_TYPE_BOOL:
        pt_sql_bool(b, v->yes);
        break;

    default:
        assert(0); /* a field is none of these */
    }
}


/* Why nothing was written: it is not there, or another one than was meant. */
static pt_err_t
pt_noun_refusal(pytake_op_t *op)
{
    int64_t              version;
    pt_noun_state_t     *s = op->data;
    const pytake_rows_t *was = pt_rows_get(op, PT_NOUN_WAS);

    if (was->nrows == 0) {
        return PT_ENOTFOUND;
    }

    if (s->match != PT_NOUN_ANY
        && (s->match == PT_NOUN_NEVER
            || !pt_noun_version(op, op->def->noun->get, was, &version)
            || version != s->version))
    {
        return PT_EPRECONDITION;
    }

    /* changed between the two statements */
    if (op->batch.sql.nstmts - op->first > PT_NOUN_DONE
        && pt_rows_get(op, PT_NOUN_DONE)->nrows == 0)
    {
        return s->match == PT_NOUN_ANY ? PT_ENOTFOUND : PT_EPRECONDITION;
    }

    return PT_OK;
}


/* Tells the others, and answers with what was written. */
static pt_err_t
pt_noun_written(pytake_op_t *op, const pytake_rows_t *r, int status)
{
    pt_err_t err;
    pt_str_t body, tag;

    err = pt_publish_rows(op, &op->claims.tenant_id, r);
    if (err == PT_OK && !pt_cell_is_null(r, 0, PT_NOUN_VERSION)) {
        err = pt_noun_etag(op, pt_cell_i32(r, 0, PT_NOUN_VERSION), &tag);
    }
    if (err == PT_OK) {
        err = pt_dup(op->arena, pt_cell_text(r, 0, PT_NOUN_JSON), &body);
    }

    return err == PT_OK ? pt_reply(op, status, body) : err;
}


static pt_err_t
pt_noun_etag(pytake_op_t *op, int64_t version, pt_str_t *out)
{
    pt_err_t err;

    err = pt_fmt(op->arena, out, "\"%lld\"", (long long) version);

    return err == PT_OK ? pt_header(op, "ETag", *out) : err;
}


/* The version of a row of that statement, if it has one: it is hidden. */
static bool
pt_noun_version(const pytake_op_t *op, uint16_t stmt, const pytake_rows_t *r,
                int64_t *out)
{
    uint16_t i;

    PT_UNUSED(op);

    for (i = 0; i < pytake_stmts[stmt].ncols; i++) {
        if (pytake_stmts[stmt].columns[i].hidden) {
            *out = pt_cell_i64(r, 0, i);
            return true;
        }
    }

    return false;
}
