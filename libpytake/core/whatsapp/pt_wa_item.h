/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* pt_wa_item.h: what the files of the webhook parser share. */

#ifndef PT_WA_ITEM_H
#define PT_WA_ITEM_H

#include "pt_wa.h"

#define PT_WA_SECONDS_MAX 253402300799 /* 9999-12-31T23:59:59Z */

/* One identity of an entry of contacts[]. */
typedef struct {
    pt_str_t         bsuid; /* or absent: then it is a wa_id */
    pt_str_t         wa_id;
    const pt_json_t *json;
} pt_wa_contact_t;

typedef struct {
    pt_arena_t      *arena;
    pt_wa_t         *out;
    bool             fill; /* the second walk */
    size_t           changes;
    const pt_json_t *entry_json;
    const pt_json_t *contacts;
    pt_wa_contact_t *known; /* contacts[] by identity; NULL: not yet read */
    uint32_t        *order; /* of known, sorted */
    size_t           nknown;
    pt_wa_place_t    place;
    pt_str_t         number;
    const char      *fault_code; /* of the item under way, or NULL */
    const char      *fault_detail;
} pt_wa_walk_t;

/* Notes why the item under way cannot be stored.  Always false. */
bool pt_wa_fault(pt_wa_walk_t *wk, const char *code, const char *detail);

/* A member that names something: absent, null or "" give an absent slice,
 * a wrong type, unclean bytes or a repeated key a fault and false. */
bool pt_wa_ident_find(pt_wa_walk_t *wk, const pt_json_t *obj, const char *key,
                      const char *detail, pt_str_t *out);

/* "timestamp", else the entry's time, else 0; false with a fault. */
bool pt_wa_time_get(pt_wa_walk_t *wk, const pt_json_t *obj, int64_t *unix_s);

/* Seconds as a number or as a string, up to the year 9999. */
bool pt_wa_seconds(const pt_json_t *v, int64_t *unix_s);

/* Who wrote the message, or leaves a fault.  PT_ENOMEM. */
pt_err_t pt_wa_sender_get(pt_wa_walk_t *wk, const pt_json_t *item,
                          pt_wa_sender_t *s) PT_MUST_CHECK;

/* Reads a status (an object) to out->statuses, or leaves a fault.
 * PT_ENOMEM. */
pt_err_t pt_wa_status_parse(pt_wa_walk_t    *wk,
                            const pt_json_t *item) PT_MUST_CHECK;

/* Adds to out->errors; at most one an item, there is room for that. */
void pt_wa_error_put(pt_wa_walk_t *wk, const pt_json_t *item, const char *code,
                     const char *detail, bool fatal);

/* The same for a stored item that is not what was sent, if it is so. */
void pt_wa_altered(pt_wa_walk_t *wk, const pt_json_t *item, bool cut);

#endif
