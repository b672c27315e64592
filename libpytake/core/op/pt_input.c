/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Reads query arguments and body fields.  Faults are collected, so that the
 * answer lists every one.
 */

#include "pt_op_parts.h"

#include <assert.h>


static bool pt_input_is_known(pt_str_t name, const char *const *names,
                              size_t n);
static const pt_json_t *pt_body_find(pytake_op_t *op, const char *name,
                                     bool required, pt_json_type_t type);
static pt_str_t         pt_input_name(const char *name);


pt_err_t
pt_args_parse(pytake_op_t *op)
{
    size_t    i, start, eq;
    pt_arg_t *arg;
    pt_err_t  err;
    pt_str_t  q = op->req->query, name, value;

    if (q.len > PT_QUERY_MAX) {
        return PT_EBADREQUEST;
    }

    for (start = 0, i = 0; q.len != 0 && i <= q.len; i++) {
        if (i < q.len && q.data[i] != '&') {
            continue;
        }

        for (eq = start; eq < i && q.data[eq] != '='; eq++) { /* void */
        }

        name = (pt_str_t){ q.data + start, eq - start };
        value = eq < i ? (pt_str_t){ q.data + eq + 1, i - eq - 1 } : PT_STR("");
        start = i + 1;

        if (name.len == 0 && value.len == 0) {
            continue;
        }

        if (op->nargs == PT_QUERY_ARGS_MAX) {
            return PT_EBADREQUEST;
        }

        arg = &op->args[op->nargs];

        err = pt_url_decode(op->arena, name, &arg->name);
        if (err == PT_OK) {
            err = pt_url_decode(op->arena, value, &arg->value);
        }
        if (err != PT_OK) {
            return err;
        }

        if (!pt_utf8_is(arg->name) || !pt_utf8_is(arg->value)) {
            return PT_EBADREQUEST;
        }

        op->nargs++;
    }

    return PT_OK;
}


void
pt_args_allow(pytake_op_t *op, const char *const *names, size_t n)
{
    uint16_t i, k;

    for (i = 0; i < op->nargs; i++) {
        if (!pt_input_is_known(op->args[i].name, names, n)) {
            pt_fault(op, op->args[i].name, "unknown", "Unknown argument");
            continue;
        }

        for (k = 0; k < i; k++) {
            if (pt_str_eq(op->args[k].name, op->args[i].name)) {
                pt_fault(op, op->args[i].name, "repeated",
                         "Given more than once");
                break;
            }
        }
    }
}


bool
pt_arg_find(pytake_op_t *op, const char *name, pt_str_t *out)
{
    uint16_t i;

    for (i = 0; i < op->nargs; i++) {
        if (pt_str_is(op->args[i].name, name)) {
            *out = op->args[i].value;
            return true;
        }
    }

    return false;
}


bool
pt_arg_uuid(pytake_op_t *op, const char *name, pt_uuid_t *out)
{
    pt_str_t value;

    if (!pt_arg_find(op, name, &value)) {
        return false;
    }

    if (!pt_uuid_parse(value, out)) {
        pt_fault(op, pt_input_name(name), "invalid", "Must be a UUID");
        return false;
    }

    return true;
}


uint32_t
pt_arg_limit(pytake_op_t *op)
{
    int64_t  n;
    pt_str_t value;

    if (!pt_arg_find(op, "limit", &value)) {
        return PT_LIST_LIMIT_DEFAULT;
    }

    if (!pt_parse_i64(value, &n) || n < 1 || n > PT_LIST_LIMIT_MAX) {
        pt_fault(op, PT_STR("limit"), "invalid",
                 "Must be a number from 1 to 100");
        return PT_LIST_LIMIT_DEFAULT;
    }

    return (uint32_t) n;
}


void
pt_body_allow(pytake_op_t *op, const char *const *names, size_t n)
{
    const pt_json_t *m;

    assert(pt_json_is(op->body, PT_JSON_OBJECT));

    for (m = op->body->first; m != NULL; m = m->next) {
        if (!pt_input_is_known(m->key, names, n)) {
            pt_fault(op, m->key, "unknown", "Unknown field");
        }
    }
}


bool
pt_body_text(pytake_op_t *op, const char *name, bool required, size_t chars_max,
             pt_str_t *out)
{
    const pt_json_t *v;

    v = pt_body_find(op, name, required, PT_JSON_STRING);
    if (v == NULL) {
        return false;
    }

    if (required && v->str.len == 0) {
        pt_fault(op, pt_input_name(name), "required", "Must not be empty");
        return false;
    }

    if (pt_utf8_count(v->str) > chars_max) {
        pt_fault(op, pt_input_name(name), "too_long", "Too long");
        return false;
    }

    *out = v->str;

    return true;
}


bool
pt_body_uuid(pytake_op_t *op, const char *name, bool required, pt_uuid_t *out)
{
    const pt_json_t *v;

    v = pt_body_find(op, name, required, PT_JSON_STRING);
    if (v == NULL) {
        return false;
    }

    if (!pt_uuid_parse(v->str, out)) {
        pt_fault(op, pt_input_name(name), "invalid", "Must be a UUID");
        return false;
    }

    return true;
}


/* A webhook's text is kept cleaned, for it would be lost.  Who asks us is
 * told instead. */
bool
pt_body_clean(pytake_op_t *op, pt_str_t field, const pt_json_t *v)
{
    if (v->cleaned) {
        pt_fault(op, field, "invalid",
                 "Has U+0000, a lone surrogate or a number of over 40 digits");
    }

    return !v->cleaned;
}


static bool
pt_input_is_known(pt_str_t name, const char *const *names, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (pt_str_is(name, names[i])) {
            return true;
        }
    }

    return false;
}


/* A clean member of this type; null counts as absent. */
static const pt_json_t *
pt_body_find(pytake_op_t *op, const char *name, bool required,
             pt_json_type_t type)
{
    const pt_json_t *v = pt_json_find(op->body, name);

    if (v == NULL || v->type == PT_JSON_NULL) {
        if (required) {
            pt_fault(op, pt_input_name(name), "required", "Is required");
        }
        return NULL;
    }

    if (v->type != type) {
        pt_fault(op, pt_input_name(name), "type", "Must be a string");
        return NULL;
    }

    return pt_body_clean(op, pt_input_name(name), v) ? v : NULL;
}


static pt_str_t
pt_input_name(const char *name)
{
    return (pt_str_t){ name, strlen(name) }; /* a literal */
}
