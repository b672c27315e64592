/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_field_parts.h: what the files of pt_field.h share.  Each function reads
 * one value into out and adds a fault of path when it is not what f allows.
 */

#ifndef PT_FIELD_PARTS_H
#define PT_FIELD_PARTS_H

#include "pt_field.h"

void pt_field_text(pytake_op_t *op, const pt_field_t *f, pt_str_t path,
                   pt_str_t text, pt_value_t *out);
void pt_field_enum(pytake_op_t *op, const pt_field_t *f, pt_str_t path,
                   pt_str_t text, pt_value_t *out);
void pt_field_uuid(pytake_op_t *op, const pt_field_t *f, pt_str_t path,
                   pt_str_t text, pt_value_t *out);

/* is_one: whether number was a whole number at all. */
void pt_field_number(pytake_op_t *op, const pt_field_t *f, pt_str_t path,
                     bool is_one, int64_t number, pt_value_t *out);

/* The sentence that a fault of f says: its own, or else this one. */
const char *pt_field_must(const pt_field_t *f, const char *otherwise);

#endif
