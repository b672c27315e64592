/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_noun_parts.h"
#include "pt_envelope.h"

#include <assert.h>

#define PT_NOUN_BODY_MAX (256u * 1024)
#define PT_NOUN_ROOM 256u /* bytes that a row of a list mostly takes */

/* Columns of a statement that "-- writes:" wraps, behind seq and frame. */
#define PT_NOUN_OBJECT 2
#define PT_NOUN_VERSION 3
#define PT_NOUN_VERSION_FIRST 1 /* the column's default */
#define PT_NOUN_JSON 4

/* Rows of patch and delete: the thing as it was, the write. */
#define PT_NOUN_WAS 0
#define PT_NOUN_DONE 1

static pt_err_t pt_noun_begin(pytake_op_t *op, pt_noun_state_t **out);
static pt_err_t pt_noun_stamp(pytake_op_t *op, pt_noun_state_t *s);
static void     pt_noun_changes(pytake_op_t *op, pt_noun_state_t *s);
static void     pt_noun_match(pytake_op_t *op, pt_noun_state_t *s);
static bool     pt_noun_has_tag(pt_str_t header, pt_str_t tag);
static bool     pt_noun_etag_parse(pt_str_t tag, int64_t *out);
static pt_err_t pt_noun_refusal(pytake_op_t *op);
static pt_err_t pt_noun_written(pytake_op_t *op, const pytake_rows_t *r,
                                int status);
static pt_err_t pt_noun_etag(pytake_op_t *op, int64_t version, pt_str_t *out);
static bool     pt_noun_version(uint16_t stmt, const pytake_rows_t *r,
                                int64_t *out);


pt_err_t
pt_noun_list_read(pytake_op_t *op)
{
    pt_err_t         err;
    pt_noun_state_t *s;
    const pt_noun_t *noun = op->def->noun;

    err = pt_noun_begin(op, &s);
    if (err == PT_OK) {
        err = pt_page_begin(op, noun->page, &s->from);
    }
    if (err != PT_OK) {
        return err;
    }

    s->fields = noun->filters;
    s->values = op->query;

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
    const pt_page_t page = { .kind = op->def->noun->page,
                             .key = -1,
                             .room = PT_NOUN_ROOM,
                             .stmt = op->def->noun->list };

    return pt_page_reply(op, &page, pt_op_rows(op, 0), pt_op_rows(op, 1));
}


pt_err_t
pt_noun_get_read(pytake_op_t *op)
{
    return pt_row_read(op, PYTAKE_SQL_READ, op->def->noun->get);
}


pt_err_t
pt_noun_get_answer(pytake_op_t *op)
{
    int64_t              version;
    pt_err_t             err;
    pt_str_t             tag;
    uint16_t             stmt = op->def->noun->get;
    const pytake_rows_t *r = pt_op_rows(op, PT_NOUN_WAS);

    if (r->nrows == 0) {
        return PT_ENOTFOUND;
    }

    if (pt_noun_version(stmt, r, &version)) {
        err = pt_noun_etag(op, version, &tag);
        if (err != PT_OK) {
            return err;
        }

        if (pt_noun_has_tag(op->req->if_none_match, tag)) {
            return pt_reply(op, 304, PT_STR(""));
        }
    }

    return pt_row_reply(op, 200);
}


pt_err_t
pt_noun_create_write(pytake_op_t *op)
{
    pt_err_t         err;
    pt_noun_state_t *s;
    const pt_noun_t *noun = op->def->noun;

    err = pt_noun_begin(op, &s);
    if (err == PT_OK) {
        err = pt_noun_stamp(op, s);
    }
    if (err != PT_OK) {
        return err;
    }

    pt_noun_changes(op, s);

    pt_op_sql(op, PYTAKE_SQL_WRITE);
    pt_noun_add(op, noun->create);

    return pt_op_sql_go(op);
}


pt_err_t
pt_noun_create_answer(pytake_op_t *op)
{
    pt_err_t             err;
    pt_str_t             id, location;
    const pytake_rows_t *r = pt_op_rows(op, 0);

    if (r->nrows == 0) {
        return PT_EINTERNAL;
    }

    id = pt_cell_text(r, 0, PT_NOUN_OBJECT);
    err = pt_arena_fmt(op->arena, &location, "%s%.*s", op->def->noun->path,
                       (int) id.len, id.data);
    if (err == PT_OK) {
        err = pt_reply_header(op, "Location", location);
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

    err = pt_noun_begin(op, &s);
    if (err == PT_OK) {
        err = pt_noun_stamp(op, s);
    }
    if (err != PT_OK) {
        return err;
    }

    pt_noun_match(op, s);
    pt_noun_changes(op, s);

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
               : pt_noun_written(op, pt_op_rows(op, PT_NOUN_DONE), 200);
}


pt_err_t
pt_noun_delete_write(pytake_op_t *op)
{
    pt_err_t         err;
    pt_noun_state_t *s;
    const pt_noun_t *noun = op->def->noun;

    err = pt_noun_begin(op, &s);
    if (err == PT_OK) {
        err = pt_noun_stamp(op, s);
    }
    if (err != PT_OK) {
        return err;
    }

    pt_noun_match(op, s);

    pt_op_sql(op, PYTAKE_SQL_WRITE);
    pt_noun_add(op, noun->get);
    pt_noun_add(op, noun->remove);

    return pt_op_sql_go(op);
}


pt_err_t
pt_noun_delete_answer(pytake_op_t *op)
{
    pt_err_t             err;
    const pytake_rows_t *r = pt_op_rows(op, PT_NOUN_DONE);

    err = pt_noun_refusal(op);
    if (err == PT_OK) {
        err = pt_publish_rows(op, &op->claims.tenant_id, r);
    }

    return err == PT_OK ? pt_reply(op, 204, PT_STR("")) : err;
}


static pt_err_t
pt_noun_begin(pytake_op_t *op, pt_noun_state_t **out)
{
    pt_noun_state_t *s;

    assert(op->def->noun != NULL);

    s = pt_arena_calloc(op->arena, 1, sizeof(pt_noun_state_t));
    if (s == NULL) {
        return PT_ENOMEM;
    }

    op->data = s;
    *out = s;

    return PT_OK;
}


static pt_err_t
pt_noun_stamp(pytake_op_t *op, pt_noun_state_t *s)
{
    pt_err_t err;

    s->now_us = pt_envelope_time(op->now_us);

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
pt_noun_changes(pytake_op_t *op, pt_noun_state_t *s)
{
    uint16_t    i;
    const char *name;

    s->fields = op->def->noun->fields;
    s->values = op->input;

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
    pt_str_t tag = pt_utf8_trim(op->req->if_match);

    if (op->req->if_match.data == NULL || pt_str_is(tag, "*")) {
        s->match = PT_NOUN_ANY;
    } else {
        s->match = pt_noun_etag_parse(tag, &s->version) ? PT_NOUN_EXACT
                                                        : PT_NOUN_NEVER;
    }
}


/* Whether If-None-Match names this tag, by the weak comparison (RFC 9110,
 * section 13.1.2): a cache on the way may have made it a weak one. */
static bool
pt_noun_has_tag(pt_str_t header, pt_str_t tag)
{
    size_t   i, start;
    pt_str_t one;

    for (start = 0, i = 0; header.data != NULL && i <= header.len; i++) {
        if (i < header.len && header.data[i] != ',') {
            continue;
        }

        one = pt_utf8_trim((pt_str_t){ header.data + start, i - start });
        start = i + 1;

        if (one.len > 2 && memcmp(one.data, "W/", 2) == 0) {
            one = (pt_str_t){ one.data + 2, one.len - 2 };
        }
        if (pt_str_eq(one, tag) || pt_str_is(one, "*")) {
            return true;
        }
    }

    return false;
}


static bool
pt_noun_etag_parse(pt_str_t tag, int64_t *out)
{
    return tag.len > 2 && tag.data[0] == '"' && tag.data[tag.len - 1] == '"'
           && pt_i64_parse((pt_str_t){ tag.data + 1, tag.len - 2 }, out)
           && *out > 0 && *out <= INT32_MAX;
}


/* Why nothing was written: it is not there, or another one than was meant. */
static pt_err_t
pt_noun_refusal(pytake_op_t *op)
{
    int64_t              version;
    pt_noun_state_t     *s = op->data;
    const pytake_rows_t *was = pt_op_rows(op, PT_NOUN_WAS);

    if (was->nrows == 0) {
        return PT_ENOTFOUND;
    }

    if (s->match != PT_NOUN_ANY
        && (s->match == PT_NOUN_NEVER
            || !pt_noun_version(op->def->noun->get, was, &version)
            || version != s->version))
    {
        return PT_EPRECONDITION;
    }

    /* changed between the two statements */
    if (op->batch.sql.nstmts - op->first > PT_NOUN_DONE
        && pt_op_rows(op, PT_NOUN_DONE)->nrows == 0)
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
        err = pt_arena_dup(op->arena, pt_cell_text(r, 0, PT_NOUN_JSON), &body);
    }

    return err == PT_OK ? pt_reply(op, status, body) : err;
}


pt_err_t
pt_noun_etag_first(pytake_op_t *op)
{
    pt_str_t tag;

    return pt_noun_etag(op, PT_NOUN_VERSION_FIRST, &tag);
}


static pt_err_t
pt_noun_etag(pytake_op_t *op, int64_t version, pt_str_t *out)
{
    pt_err_t err;

    err = pt_arena_fmt(op->arena, out, "\"%lld\"", (long long) version);

    return err == PT_OK ? pt_reply_header(op, "ETag", *out) : err;
}


/* The version of a row of that statement, if it has one: it is hidden. */
static bool
pt_noun_version(uint16_t stmt, const pytake_rows_t *r, int64_t *out)
{
    uint16_t i;

    for (i = 0; i < pytake_stmts[stmt].ncols; i++) {
        if (pytake_stmts[stmt].columns[i].hidden) {
            *out = pt_cell_i64(r, 0, i);
            return true;
        }
    }

    return false;
}
