/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"
#include "pt_fingerprint.h"

#define PRINT_SECRET "ultra_secure_jwt_secret_key_256_bits"


static const char *
print_of(pt_fingerprint_e which, const char *secret, const char *text)
{
    pt_str_t                 value[PT_FINGERPRINTS];
    static pt_fingerprints_t out[4];
    static unsigned          next;
    pt_fingerprints_t       *p = &out[next++ % 4];

    memset(value, 0, sizeof(value));
    value[PT_FINGERPRINT_JWT_SECRET] = (pt_str_t){ secret, strlen(secret) };
    value[which] = (pt_str_t){ text, strlen(text) };
    ck_assert_ok(pt_fingerprint_make(value, p));

    return p->of[which];
}


static const char *
print_database(const char *address)
{
    return print_of(PT_FINGERPRINT_DATABASE, PRINT_SECRET, address);
}


static const char *
print_redis(const char *address)
{
    return print_of(PT_FINGERPRINT_REDIS, PRINT_SECRET, address);
}


/* As Python's hmac has it: module and sidecar of two versions must agree. */
START_TEST(known)
{
    ck_assert_str_eq(
        print_of(PT_FINGERPRINT_JWT_SECRET, PRINT_SECRET, PRINT_SECRET),
        "615e16b00cd9c7ce");
    ck_assert_str_eq(
        print_of(PT_FINGERPRINT_VERIFY_TOKEN, PRINT_SECRET, "guess me"),
        "3db6780696024bfd");
}
END_TEST


START_TEST(keyed)
{
    const char *one, *other;

    one = print_of(PT_FINGERPRINT_VERIFY_TOKEN, PRINT_SECRET, "guess me");
    other = print_of(PT_FINGERPRINT_VERIFY_TOKEN, PRINT_SECRET "x", "guess me");
    ck_assert_str_ne(one, other);
    other = print_of(PT_FINGERPRINT_APP_SECRET, PRINT_SECRET, "guess me");
    ck_assert_str_ne(one, other);
    ck_assert_str_eq(print_of(PT_FINGERPRINT_VERIFY_TOKEN, "", "guess me"), "");
    ck_assert_str_eq(print_of(PT_FINGERPRINT_VERIFY_TOKEN, PRINT_SECRET, ""),
                     "");
}
END_TEST


START_TEST(databases)
{
    size_t      i;
    const char *one;

    static const char *const other[] = {
        "postgresql://u:p@b/d", "postgresql://u:p@a:5433/d",
        "postgresql://v:p@a/d", "postgresql://u:p@a/e", "postgresql://u:p@a,b/d"
    };

    one = print_database("postgresql://u:p@a/d");
    ck_assert_uint_eq(strlen(one), PT_FINGERPRINT_LEN);
    ck_assert_str_eq(one, print_database("host=a dbname=d user=u port=5432"));
    ck_assert_str_eq(
        one, print_database("postgresql://u:q@a:5432/d?connect_timeout=3"));

    for (i = 0; i < PT_COUNT(other); i++) {
        one = print_database("postgresql://u:p@a/d");
        ck_assert_str_ne(one, print_database(other[i]));
    }

    ck_assert_str_eq(print_database("postgresql://["), "");
}
END_TEST


/* Who asks may be root, or NGINX's user, or the sidecar's. */
START_TEST(no_login_of_the_process)
{
    pt_fingerprints_t one;
    pt_str_t          value[PT_FINGERPRINTS];

    memset(value, 0, sizeof(value));
    value[PT_FINGERPRINT_JWT_SECRET] = PT_STR(PRINT_SECRET);
    value[PT_FINGERPRINT_DATABASE] = PT_STR("host=a");
    ck_assert_int_eq(setenv("PGUSER", "somebody", 1), 0);
    ck_assert_ok(pt_fingerprint_make(value, &one));
    ck_assert_int_eq(setenv("PGUSER", "another", 1), 0);
    ck_assert_str_eq(print_database("host=a"), one.of[PT_FINGERPRINT_DATABASE]);
    ck_assert_int_eq(unsetenv("PGUSER"), 0);
}
END_TEST


START_TEST(a_long_address)
{
    char   text[PT_FINGERPRINT_ADDRESS_MAX + 64];
    size_t n;

    n = (size_t) snprintf(text, sizeof(text), "user=u dbname=d host=");
    memset(text + n, 'a', PT_FINGERPRINT_ADDRESS_MAX);
    text[n + PT_FINGERPRINT_ADDRESS_MAX] = '\0';
    ck_assert_str_eq(print_database(text), "");
}
END_TEST


START_TEST(redis)
{
    const char *one;

    one = print_redis("redis://:p@a");
    ck_assert_uint_eq(strlen(one), PT_FINGERPRINT_LEN);
    ck_assert_str_eq(one, print_redis("redis://:q@a:6379/0"));
    ck_assert_str_ne(one, print_redis("redis://:p@a/1"));
    ck_assert_str_ne(one, print_redis("redis://u:p@a"));
    one = print_redis("unix:///run/redis.sock?password=p");
    ck_assert_str_eq(one, print_redis("unix:///run/redis.sock"));
    ck_assert_str_eq(print_redis("http://a"), "");
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, known);
    PT_TEST_CASE(s, keyed);
    PT_TEST_CASE(s, databases);
    PT_TEST_CASE(s, no_login_of_the_process);
    PT_TEST_CASE(s, a_long_address);
    PT_TEST_CASE(s, redis);
}


PT_TEST_MAIN(fingerprint);
