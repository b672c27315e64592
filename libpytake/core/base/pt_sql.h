/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_sql.h: builds a batch of named statements.  Everybody who sends SQL builds
 * it here: the operations, and the sidecar's hub, courier and jobs.
 *
 * The usual way in are the generated binders (pt_stmt_table.h).  Each adds its
 * statement and all of its parameters, by name:
 *
 *     PT_SQL(b, conv_get, .id = &id);
 *
 * Neither a binder nor a function below returns an error: the first one sticks
 * to the batch, what is added after it is left out, and pt_sql_end() returns
 * it.
 */

#ifndef PT_SQL_H
#define PT_SQL_H

#include "pytake.h"
#include "pt_arena.h"
#include "pt_util.h"

/* The values of a parameter that is an array: n of them from v on.  They are
 * borrowed until the statement was added; the bytes of texts as pt_sql_init()
 * says.  A text with data NULL is an element that is NULL. */
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
    pt_err_t      err;     /* the first error: PT_ENOMEM, PT_ELIMIT */
    bool          copying; /* texts and bytes are copied, too, because the
                              batch is sent later */
    uint16_t      nparams; /* of the newest statement, so far */
    pytake_sql_t  sql;
    pytake_stmt_t stmts[PT_BATCH_STMTS_MAX];
} pt_sql_t;

/* Adds a statement with its parameters, by their names; one that is left out is
 * 0, empty or SQL NULL.  b is a pt_sql_t *, name the statement's name. */
#define PT_SQL(b, name, ...) pt_q_##name((b), &(pt_q_##name##_t){ __VA_ARGS__ })

/* Begins an empty batch, which borrows the arena.  What is added is copied to
 * the arena, but for texts and bytes, which are borrowed until the batch was
 * sent (unless b->copying is set). */
void pt_sql_init(pt_sql_t *b, pt_arena_t *arena, pytake_sql_class_t class);

/* Adds a statement, an index into pytake_stmts.  Its parameters follow in
 * order, one call of the functions below each.  More than PT_BATCH_STMTS_MAX
 * statements make the batch's error PT_ELIMIT. */
void pt_sql_stmt(pt_sql_t *b, uint16_t stmt);

/* Each adds the next parameter of the newest statement, in PostgreSQL's binary
 * format.  An id that is NULL and a slice with data NULL are SQL NULL.  Without
 * memory the batch's error becomes PT_ENOMEM. */
void pt_sql_null(pt_sql_t *b);
void pt_sql_uuid(pt_sql_t *b, const pt_uuid_t *v);
void pt_sql_text(pt_sql_t *b, pt_str_t v);
void pt_sql_bytes(pt_sql_t *b, pt_str_t v);
void pt_sql_i32(pt_sql_t *b, int32_t v);
void pt_sql_i64(pt_sql_t *b, int64_t v);
void pt_sql_bool(pt_sql_t *b, bool v);
/* A time is in microseconds of Unix time; INT64_MAX and INT64_MIN are
 * 'infinity' and '-infinity'. */
void pt_sql_time(pt_sql_t *b, int64_t unix_us);
void pt_sql_uuids(pt_sql_t *b, pt_uuids_t v);
void pt_sql_texts(pt_sql_t *b, pt_texts_t v);
void pt_sql_i32s(pt_sql_t *b, pt_i32s_t v);
void pt_sql_times(pt_sql_t *b, pt_times_t v);

/* Says whether the batch can be sent: the first error that stuck to it
 * (PT_ENOMEM or PT_ELIMIT), else PT_OK.  It asserts that there is a statement
 * and that the last one has all of its parameters. */
pt_err_t pt_sql_end(const pt_sql_t *b) PT_MUST_CHECK;

/* Gives what a statement declares of an SQLSTATE ("-- refuses:"), which is
 * constant; NULL: nothing.  stmt may be any number, sqlstate has at least five
 * characters. */
const pytake_refusal_t *pt_sql_refusal(uint16_t stmt, const char *sqlstate);

#endif
