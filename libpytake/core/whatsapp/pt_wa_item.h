/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* pt_wa_item.h: what the files share that read a webhook body. */

#ifndef PT_WA_ITEM_H
#define PT_WA_ITEM_H

#include "pt_wa.h"

#define PT_WA_SECONDS_MAX 253402300799 /* 9999-12-31T23:59:59Z */

/* One identity of an entry of contacts[], which may have two. */
typedef struct {
    pt_str_t         bsuid; /* absent when the identity is the wa_id */
    pt_str_t         wa_id;
    const pt_json_t *json;
} pt_wa_contact_t;

typedef struct {
    pt_arena_t      *arena;
    pt_wa_t         *out;
    bool             fill; /* this is the second walk, which fills the arrays */
    size_t           changes;
    const pt_json_t *entry_json;
    const pt_json_t *contacts;
    pt_wa_contact_t *known; /* contacts[] by identity; NULL before it was
                               read */
    uint32_t        *order; /* indices into known, sorted by identity */
    size_t           nknown;
    pt_wa_place_t    place;
    pt_str_t         number;
    const char      *fault_code; /* why the present item cannot be stored, or
                                    NULL */
    const char      *fault_detail;
} pt_wa_walk_t;

/* Remembers why the present item cannot be stored; code and detail are
 * string literals.  It always returns false, so that a reader can return its
 * result. */
bool pt_wa_fault(pt_wa_walk_t *wk, const char *code, const char *detail);

/* Gives a member that is an identifier, borrowed from the tree.  When it is
 * absent, null or "", *out is an absent slice.  When it has a wrong type, is
 * too long, had to be cleaned or its key is repeated, the result is false, and
 * detail says why the item cannot be stored. */
bool pt_wa_ident_find(pt_wa_walk_t *wk, const pt_json_t *obj, const char *key,
                      const char *detail, pt_str_t *out);

/* Gives the item's "timestamp", else the entry's time, else 0, in Unix seconds.
 * false: it has a wrong form, and the item cannot be stored. */
bool pt_wa_time_get(pt_wa_walk_t *wk, const pt_json_t *obj, int64_t *unix_s);

/* Reads Unix seconds, which may be a number or a string, from 0 to
 * PT_WA_SECONDS_MAX.  false: they are neither. */
bool pt_wa_seconds(const pt_json_t *v, int64_t *unix_s);

/* Finds out who wrote a message, or remembers why the item cannot be stored.
 * The only error is PT_ENOMEM. */
pt_err_t pt_wa_sender_get(pt_wa_walk_t *wk, const pt_json_t *item,
                          pt_wa_sender_t *s) PT_MUST_CHECK;

/* Reads a status, which is an object, to wk->out->statuses, or remembers why it
 * cannot be stored.  The only error is PT_ENOMEM. */
pt_err_t pt_wa_status_parse(pt_wa_walk_t    *wk,
                            const pt_json_t *item) PT_MUST_CHECK;

/* Adds the present item to wk->out->errors, which has room for one entry of
 * each item. */
void pt_wa_error_put(pt_wa_walk_t *wk, const pt_json_t *item, const char *code,
                     const char *detail, bool fatal);

/* Does the same for an item that is stored but altered: because it was cut, or
 * because its text was cleaned or repeats a key.  It does nothing for any other
 * item. */
void pt_wa_altered(pt_wa_walk_t *wk, const pt_json_t *item, bool cut);

#endif
