/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Reads what an operation declares of its query and its body, so that its
 * first step finds values, and the answer to a bad request has every fault.
 */

#include "pt_op_parts.h"
#include "pt_noun.h"

#include <assert.h>

#define PT_DECLARED_HASH_MAX 16384u


static pt_err_t pt_declared_args(pytake_op_t *op);
static pt_err_t pt_declared_input(pytake_op_t *op);
static pt_err_t pt_declared_client_id(pytake_op_t *op);
static void     pt_declared_hash_value(pt_jw_t *w, const pt_field_t *f,
                                       const pt_value_t *v);
static void     pt_declared_hash_words(pt_jw_t *w, const pt_field_t *f,
                                       uint32_t words);


pt_fields_t
pt_declared_query(const pt_op_def_t *def)
{
    return def->noun != NULL && (def->flags & PT_OP_PAGE) != 0
               ? def->noun->filters
               : def->query;
}


pt_fields_t
pt_declared_body(const pt_op_def_t *def)
{
    return def->noun != NULL && (def->flags & PT_OP_BODY) != 0
               ? def->noun->fields
               : def->body;
}


pt_err_t
pt_declared_read(pytake_op_t *op)
{
    pt_err_t err = PT_OK;

    if ((op->def->flags & PT_OP_ANY_ARGS) == 0) {
        err = pt_declared_args(op);
    }
    if (err == PT_OK && (op->def->flags & PT_OP_BODY) != 0) {
        err = pt_declared_input(op);
    }
    if (err != PT_OK) {
        return err;
    }

    if (op->def->check != NULL) {
        op->def->check(op);
    }

    err = pt_op_check(op);
    if (err == PT_OK && (op->def->flags & PT_OP_CLIENT_ID) != 0) {
        err = pt_declared_client_id(op);
    }

    return err;
}


static pt_err_t
pt_declared_args(pytake_op_t *op)
{
    bool        page = (op->def->flags & PT_OP_PAGE) != 0;
    size_t      n = 0;
    uint16_t    i;
    pt_value_t *values;
    pt_fields_t fields = pt_declared_query(op->def);
    const char *names[PT_FIELDS_MAX + 2] = { NULL };

    assert(fields.n <= PT_FIELDS_MAX);

    for (i = 0; i < fields.n; i++) {
        names[n++] = fields.v[i].name;
    }
    if (page) {
        names[n++] = "limit";
        names[n++] = "cursor";
    }

    pt_arg_allow(op, names, n);
    if (page) {
        op->limit = pt_arg_limit(op);
    }
    if (fields.n == 0) {
        return PT_OK;
    }

    values = pt_arena_calloc(op->arena, fields.n, sizeof(pt_value_t));
    if (values == NULL) {
        return PT_ENOMEM;
    }

    pt_field_args(op, fields, values);
    op->query = values;

    return PT_OK;
}


static pt_err_t
pt_declared_input(pytake_op_t *op)
{
    pt_value_t *values;
    pt_fields_t fields = pt_declared_body(op->def);

    assert(fields.n != 0);

    values = pt_arena_calloc(op->arena, fields.n, sizeof(pt_value_t));
    if (values == NULL) {
        return PT_ENOMEM;
    }
    op->input = values;

    return pt_field_read(op, fields, (op->def->flags & PT_OP_PATCH) != 0,
                         values);
}


/* A client that sends no Idempotency-Key may name its request in the body. */
static pt_err_t
pt_declared_client_id(pytake_op_t *op)
{
    char        id[PT_UUID_LEN];
    uint16_t    i;
    pt_err_t    err;
    pt_str_t    key;
    pt_fields_t fields = pt_declared_body(op->def);

    for (i = 0; strcmp(fields.v[i].name, "client_id") != 0; i++) {
        assert(i + 1 < fields.n);
    }

    if (op->idem || !pt_value_is(&op->input[i])) {
        return PT_OK;
    }

    pt_uuid_build(&op->input[i].uuid, id);
    err = pt_arena_dup(op->arena, (pt_str_t){ id, sizeof(id) }, &key);

    return err == PT_OK ? pt_idem_init(op, key) : err;
}


pt_err_t
pt_declared_hash(pytake_op_t *op, uint64_t *out)
{
    pt_jw_t     w;
    pt_buf_t    b;
    uint16_t    i;
    uint8_t     hash[32];
    pt_err_t    err;
    pt_str_t    text;
    pt_fields_t fields = pt_declared_query(op->def);

    *out = 0;

    pt_buf_init(&b, op->arena, PT_DECLARED_HASH_MAX);
    for (i = 0; i < op->match.nparams; i++) {
        pt_buf_add(&b, (const char *) op->match.params[i].b, 16);
    }

    if (fields.n != 0) {
        pt_jw_init(&w, &b);
        pt_jw_array(&w);
        for (i = 0; i < fields.n; i++) {
            pt_declared_hash_value(&w, &fields.v[i], &op->query[i]);
        }
        pt_jw_array_end(&w);
    }

    err = pt_buf_get(&b, &text);
    if (err != PT_OK || text.len == 0) {
        return err;
    }

    err = pt_hash_sha256(text.data, text.len, hash);
    if (err == PT_OK) {
        memcpy(out, hash, sizeof(*out));
    }

    return err;
}


static void
pt_declared_hash_value(pt_jw_t *w, const pt_field_t *f, const pt_value_t *v)
{
    switch (f->type) {

    case PT_FIELD_UUID:
        pt_jw_uuid(w, v->given ? &v->uuid : NULL);
        break;

    case PT_FIELD_BOOL:
        pt_jw_bool(w, v->yes);
        break;

    case PT_FIELD_INT:
        pt_jw_i64(w, v->number);
        break;

    case PT_FIELD_WORDS:
        pt_declared_hash_words(w, f, v->words);
        break;

    default:
        pt_jw_str(w, v->text);
    }
}


/* In the order of the table: the same words in another order take the same
 * cursor. */
static void
pt_declared_hash_words(pt_jw_t *w, const pt_field_t *f, uint32_t words)
{
    bool     several = (words & (words - 1)) != 0;
    uint32_t i;
    pt_str_t word;

    if (words == 0) {
        pt_jw_null(w);
        return;
    }

    if (several) {
        pt_jw_array(w);
    }
    for (i = 0; pt_field_word(f->one_of, i, &word); i++) {
        if ((words >> i & 1) != 0) {
            pt_jw_str(w, word);
        }
    }
    if (several) {
        pt_jw_array_end(w);
    }
}
