/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_conv.h: conversations: their JSON, and the operations that list, get,
 * create and change them.
 */

#ifndef PT_CONV_H
#define PT_CONV_H

#include "core/op/pt_field.h"

/* Writes a conversation as JSON from a row of conv_list, conv_get or another
 * statement whose columns are the fragment @conv.  Errors stick to the writer's
 * buffer. */
void pt_conv_write(pt_jw_t *w, const pytake_rows_t *r, uint32_t row);

extern const pt_op_def_t pt_conv_list;
extern const pt_op_def_t pt_conv_get;
extern const pt_op_def_t pt_conv_create;
extern const pt_op_def_t pt_conv_read;
extern const pt_op_def_t pt_conv_assign;
extern const pt_op_def_t pt_conv_close;
extern const pt_op_def_t pt_conv_reopen;

#endif
