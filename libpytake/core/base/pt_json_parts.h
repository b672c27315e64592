/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_json_parts.h: what pt_json.c's parser is made of.  Nobody else includes
 * it.
 */

#ifndef PT_JSON_PARTS_H
#define PT_JSON_PARTS_H

#include "pt_json.h"

/* ---- pt_json_text.c ---- */

/*
 * Takes the escapes out of a whole JSON text, in place and without moving a
 * byte: each backslash becomes the byte 0xff, which valid UTF-8 never holds,
 * and the quote or backslash behind it becomes a letter.  It needs no notion
 * of strings: outside of them a backslash is an error, and so is 0xff.
 * false: a bad escape.
 */
bool pt_json_escapes(char *p, size_t len) PT_MUST_CHECK;

/* Decodes one string of such a text in place, gives its new length (never
 * more).  *cleaned: it held U+0000 or a lone surrogate, now U+FFFD. */
size_t pt_json_decode(char *p, size_t len, bool *cleaned);

/* How many digits jsonb writes for this number (or more: zeros in front are
 * counted). */
size_t pt_json_digits(const char *p, size_t len);

/* ---- pt_json_fold.c ---- */

typedef struct {
    pt_json_t *node;
    uint32_t   index; /* position within the object */
} pt_json_member_t;

/* Scratch on the arena, reused from object to object of one text. */
typedef struct {
    pt_json_member_t *list;
    uint32_t          cap;
} pt_json_members_t;

/* Folds the repeated keys of one complete object: the last value at the
 * place of the first.  n log n whatever the keys are.  PT_ENOMEM. */
pt_err_t pt_json_fold(pt_arena_t *a, pt_json_t *obj,
                      pt_json_members_t *scratch) PT_MUST_CHECK;

#endif
