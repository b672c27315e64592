/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_sql.h: builds a batch of named statements.  Everybody who sends SQL
 * builds it here: operations, the sidecar's hub, courier and jobs.
 *
 * The generated binders (pt_stmt_table.h) are the usual way in.  Each adds
 * its statement and all of its parameters, by name:
 *
 *     PT_SQL(b, conv_get, .id = &id);
 *
 * A binder and the functions below give no error: the first one sticks in the
 * batch, what follows it is left out, and pt_sql_end() tells it.
 */

#ifndef PT_SQL_H
#define PT_SQL_H

#include "pytake.h"
#include "pt_arena.h"
#include "pt_util.h"

/* Arrays of parameters: borrowed until the batch was bound.  A text with
 * data NULL is an element NULL. */
typedef struct {
    const pt_uuid_t *v;
    size_t           n;
} pt_uuids_t;

typedef struct {
    const pt_str_t *v;
    size_t          n;
} pt_texts_t;

typedef struct {
    const int32_t *v;
    size_t         n;
} pt_i32s_t;

typedef struct {
    const int64_t *v; /* microseconds of Unix time */
    size_t         n;
} pt_times_t;

typedef struct {
    pt_arena_t   *arena;
    pt_err_t      err;     /* sticky: PT_ENOMEM, PT_ELIMIT */
    bool          copying; /* texts and bytes, too: it is sent later */
    uint16_t      nparams; /* of the newest statement, so far */
    pytake_sql_t  sql;
    pytake_stmt_t stmts[PT_BATCH_STMTS_MAX];
} pt_sql_t;

/* Adds a statement with its parameters, by their names; one that is left out
 * is 0, empty or SQL NULL.  b: a pt_sql_t *; name: the statement's. */
#define PT_SQL(b, name, ...) pt_q_##name((b), &(pt_q_##name##_t){ __VA_ARGS__ })

/* An empty batch; what is added is copied to the arena, texts and bytes apart:
 * they are borrowed until the batch was sent. */
void pt_sql_init(pt_sql_t *b, pt_arena_t *arena, pytake_sql_class_t class);

/* The next statement; its parameters follow in order, one call each.  More
 * than PT_BATCH_STMTS_MAX: PT_ELIMIT. */
void pt_sql_stmt(pt_sql_t *b, uint16_t stmt);

void pt_sql_null(pt_sql_t *b);
void pt_sql_uuid(pt_sql_t *b, const pt_uuid_t *v); /* NULL: SQL NULL */
void pt_sql_text(pt_sql_t *b, pt_str_t v);         /* data NULL: SQL NULL */
void pt_sql_bytes(pt_sql_t *b, pt_str_t v);        /* data NULL: SQL NULL */
void pt_sql_i32(pt_sql_t *b, int32_t v);
void pt_sql_i64(pt_sql_t *b, int64_t v);
void pt_sql_bool(pt_sql_t *b, bool v);
/* INT64_MAX and INT64_MIN are 'infinity' and '-infinity'. */
void pt_sql_time(pt_sql_t *b, int64_t unix_us);
void pt_sql_uuids(pt_sql_t *b, pt_uuids_t v);
void pt_sql_texts(pt_sql_t *b, pt_texts_t v);
void pt_sql_i32s(pt_sql_t *b, pt_i32s_t v);
void pt_sql_times(pt_sql_t *b, pt_times_t v);

/* Whether the batch can be sent: the first error, else PT_OK.  Asserts that
 * there is a statement and that the last one has all of its parameters. */
pt_err_t pt_sql_end(const pt_sql_t *b) PT_MUST_CHECK;

/* What a statement says of an SQLSTATE ("-- refuses:"), or NULL.  stmt: any
 * number; sqlstate: at least five characters. */
const pytake_refusal_t *pt_sql_refusal(uint16_t stmt, const char *sqlstate);

#endif
