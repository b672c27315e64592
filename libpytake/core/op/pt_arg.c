/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Takes the query apart.  Faults are collected, so that the answer lists all of
 * them.
 */

#include "pt_op_parts.h"

#include <assert.h>


static bool pt_input_is_known(pt_str_t name, const char *const *names,
                              size_t n);


pt_err_t
pt_arg_parse(pytake_op_t *op)
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
pt_arg_allow(pytake_op_t *op, const char *const *names, size_t n)
{
    uint16_t i, k;

    for (i = 0; i < op->nargs; i++) {
        if (!pt_input_is_known(op->args[i].name, names, n)) {
            pt_op_fault(op, op->args[i].name, "unknown", "Unknown argument");
            continue;
        }

        for (k = 0; k < i; k++) {
            if (pt_str_eq(op->args[k].name, op->args[i].name)) {
                pt_op_fault(op, op->args[i].name, "repeated",
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


uint32_t
pt_arg_limit(pytake_op_t *op)
{
    int64_t  n;
    pt_str_t value;

    if (!pt_arg_find(op, "limit", &value)) {
        return PT_LIST_LIMIT_DEFAULT;
    }

    if (!pt_i64_parse(value, &n) || n < 1 || n > PT_LIST_LIMIT_MAX) {
        pt_op_fault(op, PT_STR("limit"), "invalid",
                    "Must be a number from 1 to 100");
        return PT_LIST_LIMIT_DEFAULT;
    }

    return (uint32_t) n;
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
