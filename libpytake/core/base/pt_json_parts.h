/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_json_parts.h: the pieces of which the parser in pt_json.c is made.  Only
 * pt_json.c, pt_json_text.c and pt_json_fold.c include it.
 */

#ifndef PT_JSON_PARTS_H
#define PT_JSON_PARTS_H

#include "pt_json.h"

/* ---- pt_json_text.c ---- */

/*
 * Takes the escapes out of a whole JSON text, in place and without moving a
 * byte: each backslash becomes the byte 0xff, which valid UTF-8 never holds,
 * and a quote or backslash behind it becomes a letter.  The function need not
 * know where strings begin: outside of them a backslash is an error, and so is
 * 0xff.  false: an escape is none of RFC 8259, section 7.
 */
bool pt_json_escapes(char *p, size_t len) PT_MUST_CHECK;

/* Decodes one string of such a text in place and gives its new length, which is
 * never larger.  *cleaned becomes true when the string held U+0000 or a lone
 * surrogate; each is U+FFFD now. */
size_t pt_json_decode(char *p, size_t len, bool *cleaned);

/* Says how many digits jsonb would write for this number.  It may say too many,
 * because zeros at the front are counted. */
size_t pt_json_digits(const char *p, size_t len);

/* ---- pt_json_fold.c ---- */

typedef struct {
    pt_json_t *node;
    uint32_t   index; /* the member's place in its object, from 0 */
} pt_json_member_t;

/* Memory on the arena for sorting members, used again for each object of one
 * text. */
typedef struct {
    pt_json_member_t *list;
    uint32_t          cap;
} pt_json_members_t;

/* Folds the repeated keys of one complete object: the last value moves to the
 * place of the first.  It takes n log n steps whatever the keys are.  The only
 * error is PT_ENOMEM. */
pt_err_t pt_json_fold(pt_arena_t *a, pt_json_t *obj,
                      pt_json_members_t *scratch) PT_MUST_CHECK;

#endif
