/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_op_parts.h: what the engine's files need of each other.  Endpoints
 * include pt_op.h alone.
 */

#ifndef PT_OP_PARTS_H
#define PT_OP_PARTS_H

#include "pt_op.h"

/* ---- pt_admit.c: everything before the first step, in the order of
 * refusals ---- */
pt_err_t pt_op_admit(pytake_op_t *op) PT_MUST_CHECK;
/* As much of it as needs no body. */
pt_err_t pt_op_admit_header(pytake_op_t *op) PT_MUST_CHECK;

/* ---- pt_reply.c ---- */

/* Answers with the problem of err; without memory with a constant one. */
void pt_op_problem(pytake_op_t *op, pt_err_t err);

/* ---- pt_input.c ---- */

/* Splits and decodes the query.  PT_EBADREQUEST: bad escapes, not UTF-8,
 * too long; PT_ENOMEM. */
pt_err_t pt_args_parse(pytake_op_t *op) PT_MUST_CHECK;

/* A fault for each argument that is none of names, or came twice. */
void pt_args_allow(pytake_op_t *op, const char *const *names, size_t n);
/* "limit": 1 to 100, else a fault; without it 20. */
uint32_t pt_arg_limit(pytake_op_t *op);

/* ---- pt_declared.c ---- */

/* Reads query and body by the operation's tables, and refuses with all their
 * faults.  PT_EVALIDATION, PT_ENOMEM, PT_ELIMIT. */
pt_err_t pt_declared_read(pytake_op_t *op) PT_MUST_CHECK;

/* ---- pt_idem.c ---- */

/* Puts this key in force.  PT_EIDEMKEY, PT_ENOMEM, PT_ECRYPTO. */
pt_err_t pt_idem_init(pytake_op_t *op, pt_str_t key) PT_MUST_CHECK;
/* Adds idem_lock to the batch. */
void pt_idem_lock_add(pytake_op_t *op);
/* Asks for the kept answer. */
pt_err_t pt_idem_look(pytake_op_t *op) PT_MUST_CHECK;
/* Replays it; PT_ENOTFOUND: there is none; PT_EIDEMMISMATCH. */
pt_err_t pt_idem_replay(pytake_op_t *op) PT_MUST_CHECK;
/* Whether this statement is one that keeps an answer. */
bool pt_idem_is_store(const pytake_op_t *op, uint16_t stmt);

#endif
