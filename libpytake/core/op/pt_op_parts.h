/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_op_parts.h: what the engine's files need of each other.  Endpoints include
 * pt_op.h and not this file.
 */

#ifndef PT_OP_PARTS_H
#define PT_OP_PARTS_H

#include "pt_op.h"

/* ---- pt_admit.c ---- */
/* Does everything that comes before the first step, in the contract's order of
 * refusals; an error is the refusal. */
pt_err_t pt_admit(pytake_op_t *op) PT_MUST_CHECK;
/* Does as much of pt_admit() as needs no body. */
pt_err_t pt_admit_header(pytake_op_t *op) PT_MUST_CHECK;

/* ---- pt_reply.c ---- */

/* Answers with the problem of err, which is not PT_OK.  Without memory for it
 * the answer is a constant 503. */
void pt_reply_problem(pytake_op_t *op, pt_err_t err);

/* ---- pt_input.c ---- */

/* Splits the query and decodes it to op->args.  Errors: PT_EBADREQUEST when it
 * is too long, has too many arguments, an escape is malformed or the text is
 * not UTF-8; PT_ENOMEM. */
pt_err_t pt_arg_parse(pytake_op_t *op) PT_MUST_CHECK;

/* Adds a fault for each argument that is none of names or came twice. */
void pt_arg_allow(pytake_op_t *op, const char *const *names, size_t n);
/* Gives the argument "limit", a number from 1 to PT_LIST_LIMIT_MAX; without
 * it PT_LIST_LIMIT_DEFAULT, and the same with a fault added for any other
 * value. */
uint32_t pt_arg_limit(pytake_op_t *op);

/* ---- pt_declared.c ---- */

/* Reads query and body by the operation's tables, to op->query and
 * op->input.  Errors: PT_EVALIDATION, with all faults in op->errors;
 * PT_ENOMEM, PT_ELIMIT. */
pt_err_t pt_declared_read(pytake_op_t *op) PT_MUST_CHECK;

/* ---- pt_idem.c ---- */

/* Puts a key in force, which is borrowed from the request; an absent one is
 * none.  Errors: PT_EIDEMKEY when it is malformed or too long, PT_ENOMEM,
 * PT_ELIMIT, PT_ECRYPTO. */
pt_err_t pt_idem_init(pytake_op_t *op, pt_str_t key) PT_MUST_CHECK;
/* Adds idem_lock to op->batch. */
void pt_idem_lock_add(pytake_op_t *op);
/* Asks for the answer that is kept of the key.  Errors: PT_ENOMEM,
 * PT_ELIMIT. */
pt_err_t pt_idem_look(pytake_op_t *op) PT_MUST_CHECK;
/* Answers with the kept answer that pt_idem_look() found.  Errors: PT_ENOTFOUND
 * when there is none, PT_EIDEMMISMATCH when it was given to another body,
 * PT_ENOMEM, PT_ELIMIT. */
pt_err_t pt_idem_replay(pytake_op_t *op) PT_MUST_CHECK;
/* Whether the statement at this place of the last batch is one that keeps an
 * answer. */
bool pt_idem_is_store(const pytake_op_t *op, uint16_t stmt);

#endif
