/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Faults of fields, collected so that one answer has them all.
 */

#include "pt_op_parts.h"

void
pt_op_fault(pytake_op_t *op, pt_str_t field, const char *code,
            const char *message)
{
    pt_field_error_t *e;

    if (op->nerrors == PT_FIELD_ERRORS_MAX) {
        return; /* these are enough for a client to work on */
    }

    if (op->errors == NULL) {
        op->errors = pt_arena_alloc(op->arena,
                                    PT_FIELD_ERRORS_MAX * sizeof(*op->errors));
        if (op->errors == NULL) {
            op->fault_err = PT_ENOMEM;
            return;
        }
    }

    /* The field may be a key that the client made up, of any length, and the
     * problem must stay short. */
    e = &op->errors[op->nerrors++];
    e->field = pt_utf8_prefix(field, PT_FIELD_NAME_CHARS);
    e->code = code;
    e->message = (pt_str_t){ message, strlen(message) };
}


pt_err_t
pt_op_check(pytake_op_t *op)
{
    if (op->fault_err != PT_OK) {
        return op->fault_err;
    }

    return op->nerrors == 0 ? PT_OK : PT_EVALIDATION;
}
