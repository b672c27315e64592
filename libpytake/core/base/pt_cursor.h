/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_cursor.h: the cursors of lists, which clients can neither read nor change.
 * A cursor is the base64url (RFC 4648, section 5) of version(1) || kind(1) ||
 * i64 key || uuid id || HMAC-SHA256 cut to 16 bytes.  The HMAC also covers the
 * tenant, so that a cursor is of no use to another one, and a 64-bit hash of
 * the list's filters, so that it is of no use in another list.
 */

#ifndef PT_CURSOR_H
#define PT_CURSOR_H

#include "pt_util.h"

typedef struct {
    uint8_t   kind; /* which list it is of (PT_PAGE_*) */
    int64_t   key;  /* the sort key of the page's last row */
    pt_uuid_t id;   /* that row's id, which orders equal keys */
} pt_cursor_t;

/* Writes a cursor as text to the arena.  key is the HMAC's key; it and tenant
 * are borrowed during the call.  Errors: PT_ENOMEM, PT_ECRYPTO. */
pt_err_t pt_cursor_build(pt_arena_t *a, pt_str_t key, const pt_uuid_t *tenant,
                         uint64_t filters, const pt_cursor_t *c,
                         pt_str_t *out) PT_MUST_CHECK;

/* Reads a cursor of this kind, tenant and hash of filters from text to *out,
 * which is the caller's.  Errors: PT_ECURSOR when it is malformed or forged, or
 * of another tenant, kind or list; PT_ECRYPTO. */
pt_err_t pt_cursor_parse(pt_str_t key, const pt_uuid_t *tenant,
                         uint64_t filters, uint8_t kind, pt_str_t text,
                         pt_cursor_t *out) PT_MUST_CHECK;

#endif
