/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_conv.h: conversations: their JSON, list, get, create.
 */

#ifndef PT_CONV_H
#define PT_CONV_H

#include "core/op/pt_field.h"

/* One row of conv_list, conv_get ... (they have the same columns); errors
 * stick in the writer's buffer. */
void pt_conv_write(pt_jw_t *w, const pytake_rows_t *r, uint32_t row);

extern const pt_op_def_t pt_conv_list;
extern const pt_op_def_t pt_conv_get;
extern const pt_op_def_t pt_conv_create;
extern const pt_op_def_t pt_conv_read;
extern const pt_op_def_t pt_conv_assign;
extern const pt_op_def_t pt_conv_close;
extern const pt_op_def_t pt_conv_reopen;

#endif
