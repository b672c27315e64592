/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"
#include "core/base/pt_util.h"


static const uint8_t seal_key[32] = "0123456789abcdef0123456789abcde";
static const uint8_t seal_nonce[12] = "nonce-nonce";


/* AES-256-GCM, test case 14 of its specification: all zeros. */
START_TEST(vector)
{
    char        hex[88];
    uint8_t     zero[32] = { 0 };
    pt_str_t    s;
    pt_arena_t *a = pt_test_arena();

    ck_assert_ok(pt_seal(a, zero, zero, PT_STR_NULL,
                         (pt_str_t){ (char *) zero, 16 }, &s));
    ck_assert_uint_eq(s.len, 44);
    pt_hex_build((const uint8_t *) s.data, s.len, hex);
    ck_assert_slice_lit(((pt_str_t){ hex, sizeof(hex) }),
                        "000000000000000000000000"
                        "cea7403d4d606b6e074ec5d3baf39d18"
                        "d0d1c8a799996bf0265b98b5d48ab919");

    pt_arena_del(a);
}
END_TEST


START_TEST(round_trip)
{
    size_t      n;
    char        plain[200];
    pt_str_t    s, p, in;
    pt_arena_t *a = pt_test_arena();

    memset(plain, 'p', sizeof(plain));
    for (n = 0; n <= sizeof(plain); n += 25) {
        in = (pt_str_t){ plain, n };
        ck_assert_ok(pt_seal(a, seal_key, seal_nonce, PT_STR("row"), in, &s));
        ck_assert_uint_eq(s.len, n + 28);
        ck_assert_ok(pt_seal_open(a, seal_key, PT_STR("row"), s, &p));
        ck_assert_slice(p, in);
    }

    ck_assert_ok(
        pt_seal(a, seal_key, seal_nonce, PT_STR_NULL, PT_STR_NULL, &s));
    ck_assert_ok(pt_seal_open(a, seal_key, PT_STR_NULL, s, &p));
    ck_assert_uint_eq(p.len, 0);

    pt_arena_del(a);
}
END_TEST


START_TEST(nothing_changed_opens)
{
    size_t      i;
    char        copy[64];
    uint8_t     key[32];
    pt_str_t    s, p;
    pt_arena_t *a = pt_test_arena();

    ck_assert_ok(
        pt_seal(a, seal_key, seal_nonce, PT_STR("row"), PT_STR("secret"), &s));

    for (i = 0; i < s.len; i++) {
        memcpy(copy, s.data, s.len);
        copy[i] = (char) (copy[i] ^ 1);
        ck_assert_int_eq(pt_seal_open(a, seal_key, PT_STR("row"),
                                      (pt_str_t){ copy, s.len }, &p),
                         PT_ECRYPTO);
        ck_assert_int_eq(pt_seal_open(a, seal_key, PT_STR("row"),
                                      (pt_str_t){ s.data, i }, &p),
                         PT_ECRYPTO);
    }

    ck_assert_int_eq(pt_seal_open(a, seal_key, PT_STR("other"), s, &p),
                     PT_ECRYPTO);
    memcpy(key, seal_key, sizeof(key));
    key[31] ^= 1;
    ck_assert_int_eq(pt_seal_open(a, key, PT_STR("row"), s, &p), PT_ECRYPTO);

    pt_arena_del(a);
}
END_TEST


static pt_err_t
seal_scenario(pt_arena_t *a, void *user)
{
    pt_str_t s;
    pt_err_t err;

    PT_UNUSED(user);

    err = pt_seal(a, seal_key, seal_nonce, PT_STR("row"), PT_STR("secret"), &s);
    if (err == PT_OK) {
        err = pt_seal_open(a, seal_key, PT_STR("row"), s, &s);
    }

    return err;
}


START_TEST(refused_allocations)
{
    pt_test_arena_caps(seal_scenario, NULL);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, vector);
    PT_TEST_CASE(s, round_trip);
    PT_TEST_CASE(s, nothing_changed_opens);
    PT_TEST_CASE(s, refused_allocations);
}


PT_TEST_MAIN(seal);
