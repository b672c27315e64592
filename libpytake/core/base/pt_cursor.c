/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_cursor.h"

#include <assert.h>

#define PT_CURSOR_VERSION 1
#define PT_CURSOR_HEAD 26 /* version, kind, key, id */
#define PT_CURSOR_MAC 16
#define PT_CURSOR_BYTES (PT_CURSOR_HEAD + PT_CURSOR_MAC)
/* The length divides by 3, so the text has no padding. */
#define PT_CURSOR_CHARS (PT_CURSOR_BYTES / 3 * 4)
/* The label sets cursors apart from whatever else the key may sign. */
#define PT_CURSOR_LABEL "pt_cursor"


static pt_err_t pt_cursor_mac(pt_str_t key, const pt_uuid_t *tenant,
                              uint64_t      filters,
                              const uint8_t head[PT_CURSOR_HEAD],
                              uint8_t       mac[32]);
static void     pt_cursor_put64(uint8_t *dst, uint64_t v);


pt_err_t
pt_cursor_build(pt_arena_t *a, pt_str_t key, const pt_uuid_t *tenant,
                uint64_t filters, const pt_cursor_t *c, pt_str_t *out)
{
    pt_err_t err;
    uint8_t  raw[PT_CURSOR_BYTES], mac[32];

    assert(tenant != NULL && c != NULL);

    raw[0] = PT_CURSOR_VERSION;
    raw[1] = c->kind;
    pt_cursor_put64(raw + 2, (uint64_t) c->key);
    memcpy(raw + 10, c->id.b, sizeof(c->id.b));

    err = pt_cursor_mac(key, tenant, filters, raw, mac);
    if (err != PT_OK) {
        return err;
    }
    memcpy(raw + PT_CURSOR_HEAD, mac, PT_CURSOR_MAC);

    return pt_base64url_build(a, raw, sizeof(raw), out);
}


pt_err_t
pt_cursor_parse(pt_str_t key, const pt_uuid_t *tenant, uint64_t filters,
                uint8_t kind, pt_str_t text, pt_cursor_t *out)
{
    int      i;
    size_t   len;
    uint8_t  raw[PT_CURSOR_BYTES + 3], mac[32];
    uint64_t v;
    pt_err_t err;

    assert(tenant != NULL && out != NULL);

    if (text.len != PT_CURSOR_CHARS || !pt_base64url_parse(text, raw, &len)) {
        return PT_ECURSOR;
    }
    assert(len == PT_CURSOR_BYTES);

    err = pt_cursor_mac(key, tenant, filters, raw, mac);
    if (err != PT_OK) {
        return err;
    }

    if (!pt_hash_equal(raw + PT_CURSOR_HEAD, mac, PT_CURSOR_MAC)
        || raw[0] != PT_CURSOR_VERSION || raw[1] != kind)
    {
        return PT_ECURSOR;
    }

    for (v = 0, i = 2; i < 10; i++) {
        v = v << 8 | raw[i];
    }

    out->kind = raw[1];
    out->key = (int64_t) v;
    memcpy(out->id.b, raw + 10, sizeof(out->id.b));

    return PT_OK;
}


static pt_err_t
pt_cursor_mac(pt_str_t key, const pt_uuid_t *tenant, uint64_t filters,
              const uint8_t head[PT_CURSOR_HEAD], uint8_t mac[32])
{
    uint8_t msg[sizeof(PT_CURSOR_LABEL) + 16 + 8 + PT_CURSOR_HEAD], *p;

    p = msg;
    memcpy(p, PT_CURSOR_LABEL, sizeof(PT_CURSOR_LABEL));
    p += sizeof(PT_CURSOR_LABEL);
    memcpy(p, tenant->b, sizeof(tenant->b));
    p += sizeof(tenant->b);
    pt_cursor_put64(p, filters);
    p += 8;
    memcpy(p, head, PT_CURSOR_HEAD);
    p += PT_CURSOR_HEAD;

    assert(p == msg + sizeof(msg));

    return pt_hash_hmac_sha256(
        key, (pt_str_t){ (const char *) msg, sizeof(msg) }, mac);
}


static void
pt_cursor_put64(uint8_t *dst, uint64_t v)
{
    int i;

    for (i = 7; i >= 0; i--) {
        dst[i] = (uint8_t) (v & 0xff);
        v >>= 8;
    }
}
