/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_buf.h: a growing byte buffer on an arena, with a cap.  Errors stick: a
 * writer may append many pieces and look once, at the end (pt_buf_get).
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
    pt_err_t    err; /* sticky: PT_ENOMEM, PT_ELIMIT */
} pt_buf_t;

void pt_buf_init(pt_buf_t *b, pt_arena_t *a, size_t size_max);
void pt_buf_add(pt_buf_t *b, const void *data, size_t len);
void pt_buf_str_add(pt_buf_t *b, pt_str_t s);
void pt_buf_char(pt_buf_t *b, char c);
/* len bytes at the end, to be written whole by the caller before anything
 * else; NULL on the sticky error.  Borrowed until the next call. */
char *pt_buf_room(pt_buf_t *b, size_t len);
/* Takes the memory for len bytes to come at once, where a writer knows about
 * how many they are.  false: the sticky error. */
bool pt_buf_reserve(pt_buf_t *b, size_t len);
void pt_buf_i64(pt_buf_t *b, int64_t v);
#define pt_buf_lit(b, lit) pt_buf_add((b), "" lit, sizeof(lit) - 1)

/* What was written; PT_OK or the sticky error. */
pt_err_t pt_buf_get(const pt_buf_t *b, pt_str_t *out) PT_MUST_CHECK;

#endif
