/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_noun_parts.h: what the files of pt_noun.h share.
 */

#ifndef PT_NOUN_PARTS_H
#define PT_NOUN_PARTS_H

#include "pt_noun.h"
#include "pt_page.h"

typedef enum { PT_NOUN_ANY, PT_NOUN_EXACT, PT_NOUN_NEVER } pt_noun_match_t;

typedef struct {
    const pt_value_t *values;
    pt_fields_t       fields; /* whose values they are */
    pt_str_t          changes[PT_FIELDS_MAX];
    size_t            nchanges;
    pt_uuid_t         new_id;
    pt_uuid_t         event_id;
    pt_uuid_t         audit_id;
    int64_t           now_us;
    pt_noun_match_t   match;
    int64_t           version; /* of PT_NOUN_EXACT */
    pt_cursor_t       from;
} pt_noun_state_t;

/* ---- pt_noun_bind.c ---- */

/* Adds the statement to the operation's batch, each parameter by its name;
 * op->data is the pt_noun_state_t.  Errors stick in the batch. */
void pt_noun_add(pytake_op_t *op, uint16_t stmt);

#endif
