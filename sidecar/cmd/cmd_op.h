/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * cmd_op.h: the core's operations driven by a command, one at a time, over
 * a blocking connection.  What is written is what a worker would write.
 */

#ifndef CMD_OP_H
#define CMD_OP_H

#include "cmd.h"
#include "pytake.h"

typedef struct {
    int      status;
    pt_str_t body; /* on c->arena */
} cmd_reply_t;

/*
 * Runs req to its answer; now_us is the operation's time.  db: entered as
 * pytake_app.  Redis is left out: a doorbell, the hub looks for itself.
 * PT_ENOMEM, PT_EINTERNAL (more effects than any operation has).
 */
pt_err_t cmd_op_run(cmd_t *c, pytake_t *pt, db_t *db,
                    const pytake_request_t *req, int64_t now_us,
                    cmd_reply_t *out) PT_MUST_CHECK;

#endif
