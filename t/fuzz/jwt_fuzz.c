/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * First as a token that nobody signed: never good.  Then as header and
 * payload, apart by a line feed, that we sign: read without harm, the same
 * with a blank before the payload (which keeps it from being read in place),
 * and what is taken can be built again.
 */

#include "pt_fuzz.h"
#include "core/trust/pt_jwt.h"

#define FUZZ_NOW 1795340880
#define FUZZ_SECRET "ultra_secure_jwt_secret_key_256_bits"


static pt_str_t
fuzz_sign(pt_arena_t *a, pt_str_t header, pt_str_t payload)
{
    uint8_t  mac[32];
    pt_str_t h, p, s, m;

    PT_FUZZ_CHECK(
        pt_base64url_build(a, (const uint8_t *) header.data, header.len, &h)
        == PT_OK);
    PT_FUZZ_CHECK(
        pt_base64url_build(a, (const uint8_t *) payload.data, payload.len, &p)
        == PT_OK);
    PT_FUZZ_CHECK(pt_arena_fmt(a, &s, "%s.%s", h.data, p.data) == PT_OK);
    PT_FUZZ_CHECK(pt_hash_hmac_sha256(PT_STR(FUZZ_SECRET), s, mac) == PT_OK);
    PT_FUZZ_CHECK(pt_base64url_build(a, mac, sizeof(mac), &m) == PT_OK);
    PT_FUZZ_CHECK(pt_arena_fmt(a, &s, "%s.%s", s.data, m.data) == PT_OK);

    return s;
}


static bool
fuzz_same(const pt_claims_t *a, const pt_claims_t *b)
{
    return pt_uuid_eq(&a->sub, &b->sub) && pt_uuid_eq(&a->sid, &b->sid)
           && pt_uuid_eq(&a->tenant_id, &b->tenant_id)
           && pt_uuid_eq(&a->jti, &b->jti) && a->iat == b->iat
           && a->exp == b->exp && strcmp(a->role, b->role) == 0;
}


static void
fuzz_signed(const pt_jwt_t *j, pt_arena_t *a, pt_str_t header, pt_str_t payload)
{
    pt_err_t    err;
    pt_str_t    s;
    pt_claims_t c, again;

    err = pt_jwt_verify(j, a, fuzz_sign(a, header, payload), FUZZ_NOW, &c);
    PT_FUZZ_CHECK(err == PT_OK || err == PT_ETOKEN || err == PT_EEXPIRED);

    PT_FUZZ_CHECK(pt_arena_fmt(a, &s, " %.*s", (int) payload.len, payload.data)
                  == PT_OK);
    if (s.len == payload.len + 1) { /* no NUL in it */
        s = fuzz_sign(a, header, s);
        PT_FUZZ_CHECK(s.len > PT_TOKEN_MAX
                      || pt_jwt_verify(j, a, s, FUZZ_NOW, &again) == err);
        PT_FUZZ_CHECK(s.len > PT_TOKEN_MAX || err != PT_OK
                      || fuzz_same(&c, &again));
    }

    if (err == PT_OK) {
        PT_FUZZ_CHECK(pt_jwt_build(j, a, &c, &s) == PT_OK);
        PT_FUZZ_CHECK(pt_jwt_verify(j, a, s, FUZZ_NOW, &again) == PT_OK);
        PT_FUZZ_CHECK(fuzz_same(&c, &again));
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pt_str_t    text = { (const char *) data, size };
    pt_jwt_t   *j;
    const char *lf;
    pt_arena_t *a = pt_fuzz_arena();
    pt_claims_t c;

    j = pt_jwt_new(&pt_fuzz_mem, PT_STR(FUZZ_SECRET));
    PT_FUZZ_CHECK(j != NULL);

    PT_FUZZ_CHECK(pt_jwt_verify(j, a, text, FUZZ_NOW, &c) == PT_ETOKEN);

    lf = size == 0 ? NULL : memchr(data, '\n', size);
    if (lf != NULL) {
        fuzz_signed(j, a, (pt_str_t){ text.data, (size_t) (lf - text.data) },
                    (pt_str_t){ lf + 1, size - (size_t) (lf - text.data) - 1 });
    }

    pt_jwt_del(j);
    pt_arena_del(a);

    return 0;
}
