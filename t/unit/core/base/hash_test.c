/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"
#include "core/base/pt_util.h"


static void
hash_is(const uint8_t *got, const char *hex)
{
    uint8_t want[32];

    ck_assert(pt_hex_parse(pt_test_str(hex), want, sizeof(want)));
    ck_assert(pt_hash_equal(got, want, sizeof(want)));
}


START_TEST(sha256_vectors)
{
    uint8_t h[32];

    ck_assert_ok(pt_hash_sha256("abc", 3, h));
    hash_is(h, "ba7816bf8f01cfea414140de5dae2223"
               "b00361a396177a9cb410ff61f20015ad");
    ck_assert_ok(pt_hash_sha256("", 0, h));
    hash_is(h, "e3b0c44298fc1c149afbf4c8996fb924"
               "27ae41e4649b934ca495991b7852b855");
    ck_assert_ok(pt_hash_sha256(NULL, 0, h));
    hash_is(h, "e3b0c44298fc1c149afbf4c8996fb924"
               "27ae41e4649b934ca495991b7852b855");
}
END_TEST


START_TEST(hmac_vectors)
{
    char    key[131];
    uint8_t h[32];

    /* RFC 4231, cases 2 and 6, and the empty ones */
    ck_assert_ok(pt_hash_hmac_sha256(
        PT_STR("Jefe"), PT_STR("what do ya want for nothing?"), h));
    hash_is(h, "5bdcc146bf60754e6a042426089575c7"
               "5a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    ck_assert_ok(pt_hash_hmac_sha256((pt_str_t){ key, sizeof(key) },
                                     PT_STR("Test Using Larger Than Block-Size "
                                            "Key - Hash Key First"),
                                     h));
    hash_is(h, "60e431591ee0b67f0d8a26aacbf5b77f"
               "8e0bc6213728c5140546040f0ee37f54");
    ck_assert_ok(pt_hash_hmac_sha256(PT_STR_NULL, PT_STR_NULL, h));
    hash_is(h, "b613679a0814d9ec772f95d778c35fc5"
               "ff1697c493715653c6c712144292c5ad");
}
END_TEST


START_TEST(const_time_equality)
{
    ck_assert(pt_hash_equal("abc", "abc", 3));
    ck_assert(!pt_hash_equal("abc", "abd", 3));
    ck_assert(pt_hash_equal("abc", "abd", 2));
    ck_assert(pt_hash_equal("a", "b", 0));
}
END_TEST


START_TEST(random_is_a_function_of_its_seed)
{
    uint8_t   a[100], b[100], first[32];
    pt_rand_t r, s;
    pt_uuid_t id, id2;

    memset(&r, 0, sizeof(r));
    memset(&s, 0, sizeof(s));
    ck_assert_ok(pt_rand_get(&r, a, sizeof(a)));
    ck_assert_ok(pt_rand_get(&s, b, sizeof(b)));
    ck_assert_int_eq(memcmp(a, b, sizeof(a)), 0);
    ck_assert_int_ne(memcmp(a, a + 32, 32), 0);
    memcpy(first, a, sizeof(first));

    ck_assert_ok(pt_rand_get(&r, a, sizeof(a)));
    ck_assert_int_ne(memcmp(a, b, sizeof(a)), 0);

    s.counter = 0;
    s.seed[0] = 1;
    ck_assert_ok(pt_rand_get(&s, a, sizeof(a)));
    ck_assert_int_ne(memcmp(a, first, sizeof(first)), 0);

    ck_assert_ok(pt_rand_uuid(&r, 1000000, &id));
    ck_assert_ok(pt_rand_uuid(&r, 1000000, &id2));
    ck_assert(!pt_uuid_eq(&id, &id2));
    ck_assert_int_eq(pt_uuid_time_us(&id), 1000000);
    ck_assert_ok(pt_rand_get(&r, NULL, 0));
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, sha256_vectors);
    PT_TEST_CASE(s, hmac_vectors);
    PT_TEST_CASE(s, const_time_equality);
    PT_TEST_CASE(s, random_is_a_function_of_its_seed);
}


PT_TEST_MAIN(hash);
