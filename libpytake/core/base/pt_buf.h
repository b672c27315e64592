/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_buf.h: a growing buffer of bytes on an arena, with a cap.  An error sticks
 * to the buffer, and what is added after it is left out: a writer may add many
 * pieces and look for an error once, in pt_buf_get().
 */

#ifndef PT_BUF_H
#define PT_BUF_H

#include "pt_arena.h"

typedef struct {
    pt_arena_t *arena;
    char       *data;
    size_t      len;
    size_t      cap;
    size_t      size_max;
    pt_err_t    err; /* the first error: PT_ENOMEM, PT_ELIMIT */
} pt_buf_t;

/* Begins an empty buffer of at most size_max bytes.  It borrows the arena, on
 * which its bytes will lie. */
void pt_buf_init(pt_buf_t *b, pt_arena_t *a, size_t size_max);
/* These add a copy of their argument at the end: bytes, a slice, one character.
 * Beyond size_max the error PT_ELIMIT sticks, and without memory PT_ENOMEM, as
 * it does with all that follows. */
void pt_buf_add(pt_buf_t *b, const void *data, size_t len);
void pt_buf_str_add(pt_buf_t *b, pt_str_t s);
void pt_buf_char(pt_buf_t *b, char c);
/* Gives len bytes at the buffer's end, which the caller writes whole before it
 * adds anything else; or NULL once an error sticks.  They are borrowed until
 * the next call on the buffer. */
char *pt_buf_room(pt_buf_t *b, size_t len);
/* Takes the memory for len bytes at once, where a writer knows about how many
 * it will add.  false: an error sticks. */
bool pt_buf_reserve(pt_buf_t *b, size_t len);
/* Adds a number in decimal digits. */
void pt_buf_i64(pt_buf_t *b, int64_t v);
/* Adds a string literal without its NUL. */
#define pt_buf_lit(b, lit) pt_buf_add((b), "" lit, sizeof(lit) - 1)

/* Gives what was written, borrowed until the next call that adds, or the error
 * that sticks: PT_ENOMEM or PT_ELIMIT. */
pt_err_t pt_buf_get(const pt_buf_t *b, pt_str_t *out) PT_MUST_CHECK;

#endif
