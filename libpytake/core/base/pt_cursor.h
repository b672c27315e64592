/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_cursor.h: opaque, tamper-proof keyset cursors.  base64url of
 * version(1) || kind(1) || i64 key || uuid id || HMAC-SHA256 cut to 16 bytes;
 * the MAC covers the tenant, so that a cursor is of no use elsewhere, and a
 * 64-bit hash of the list's filters, so that a cursor goes with its list.
 */

#ifndef PT_CURSOR_H
#define PT_CURSOR_H

#include "pt_util.h"

typedef struct {
    uint8_t   kind; /* which list */
    int64_t   key;  /* sort key of the last row */
    pt_uuid_t id;   /* its id, the tie-breaker */
} pt_cursor_t;

pt_err_t pt_cursor_build(pt_arena_t *a, pt_str_t key, const pt_uuid_t *tenant,
                         uint64_t filters, const pt_cursor_t *c,
                         pt_str_t *out) PT_MUST_CHECK;

/* PT_ECURSOR: malformed, forged, of another tenant, kind or filter. */
pt_err_t pt_cursor_parse(pt_str_t key, const pt_uuid_t *tenant,
                         uint64_t filters, uint8_t kind, pt_str_t text,
                         pt_cursor_t *out) PT_MUST_CHECK;

#endif
