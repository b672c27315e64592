/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Makes the names of a database's roles.  Roles belong to PostgreSQL's whole
 * cluster, so each database has roles of its own, which are named after it.
 * Whatever the database is called, the names consist of a-z, 0-9 and _, so that
 * nobody has to quote them.
 */

#include "pt_util.h"

#include <assert.h>

#define PT_DBROLE_FIRST "pytake" /* the whole prefix of the database "pytake" */
#define PT_DBROLE_HASH 16        /* digits of a hashed name */
#define PT_DBROLE_PLAIN_MAX                                                    \
    (PT_DBROLE_PREFIX_MAX - sizeof(PT_DBROLE_FIRST)) /* bytes after "pytake_" */


static bool pt_dbrole_char_is(char c);
static bool pt_dbrole_plain_is(pt_str_t database);


static const char *const pt_dbrole_kinds[] = { "app", "service", "lookup" };


bool
pt_dbrole_prefix_is(pt_str_t s)
{
    size_t i;

    if (s.len == 0 || s.len > PT_DBROLE_PREFIX_MAX
        || (s.data[0] >= '0' && s.data[0] <= '9'))
    {
        return false;
    }

    for (i = 0; i < s.len; i++) {
        if (!pt_dbrole_char_is(s.data[i])) {
            return false;
        }
    }

    /* PostgreSQL keeps such names for itself. */
    return s.len < 3 || memcmp(s.data, "pg_", 3) != 0;
}


pt_err_t
pt_dbrole_prefix(pt_str_t database, char out[PT_DBROLE_PREFIX_MAX + 1])
{
    char     c, *p = out;
    size_t   i, n = database.len;
    uint8_t  hash[32];
    pt_err_t err;

    memcpy(p, PT_DBROLE_FIRST, sizeof(PT_DBROLE_FIRST));
    if (pt_str_is(database, PT_DBROLE_FIRST)) {
        return PT_OK;
    }
    p += sizeof(PT_DBROLE_FIRST) - 1;
    *p++ = '_';

    if (pt_dbrole_plain_is(database)) {
        memcpy(p, database.data, n);
        p[n] = '\0';
        return PT_OK;
    }

    err = pt_hash_sha256(database.data, n, hash);
    if (err != PT_OK) {
        return err;
    }

    for (i = 0; i < n && i < PT_DBROLE_PLAIN_MAX - 1 - PT_DBROLE_HASH; i++) {
        c = database.data[i];
        c = (char) (c >= 'A' && c <= 'Z' ? c | 0x20 : c);
        *p++ = (char) (pt_dbrole_char_is(c) ? c : '_');
    }
    *p++ = '_';
    pt_hex_build(hash, PT_DBROLE_HASH / 2, p);
    p[PT_DBROLE_HASH] = '\0';
    assert(strlen(out) <= PT_DBROLE_PREFIX_MAX);

    return PT_OK;
}


void
pt_dbrole_build(const char *prefix, pt_dbrole_e kind,
                char out[PT_DBROLE_MAX + 1])
{
    size_t len = strlen(prefix);

    assert(len <= PT_DBROLE_PREFIX_MAX);
    assert((size_t) kind < PT_COUNT(pt_dbrole_kinds));

    memcpy(out, prefix, len);
    out[len++] = '_';
    memcpy(out + len, pt_dbrole_kinds[kind], strlen(pt_dbrole_kinds[kind]) + 1);
}


static bool
pt_dbrole_char_is(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}


/* Whether a database's name may stand in a role's name as it is.  A name
 * that ends as hashed ones do may not, so that no two databases get the same
 * roles. */
static bool
pt_dbrole_plain_is(pt_str_t database)
{
    size_t i, hex = 0;

    for (i = 0; i < database.len; i++) {
        if (!pt_dbrole_char_is(database.data[i])) {
            return false;
        }
        hex = pt_hex_values[(uint8_t) database.data[i]] == PT_HEX_BAD ? 0
                                                                      : hex + 1;
    }

    return database.len > 0 && database.len <= PT_DBROLE_PLAIN_MAX
           && !(hex >= PT_DBROLE_HASH && database.len > PT_DBROLE_HASH
                && database.data[database.len - PT_DBROLE_HASH - 1] == '_');
}
