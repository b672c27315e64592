/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"
#include "core/base/pt_util.h"


static const char *
prefix_of(const char *database)
{
    static char out[PT_DBROLE_PREFIX_MAX + 1];

    ck_assert_ok(pt_dbrole_prefix(pt_test_str(database), out));
    ck_assert(pt_dbrole_prefix_is(pt_test_str(out)));

    return out;
}


START_TEST(names_of_databases)
{
    char role[PT_DBROLE_MAX + 1];

    ck_assert_str_eq(prefix_of("pytake"), "pytake");
    ck_assert_str_eq(prefix_of("acme"), "pytake_acme");
    ck_assert_str_eq(prefix_of("app"), "pytake_app");
    ck_assert_str_eq(prefix_of("2nd"), "pytake_2nd");

    pt_dbrole_build("pytake_acme", PT_DBROLE_APP, role);
    ck_assert_str_eq(role, "pytake_acme_app");
    pt_dbrole_build("pytake", PT_DBROLE_SERVICE, role);
    ck_assert_str_eq(role, "pytake_service");
    pt_dbrole_build("pytake", PT_DBROLE_LOOKUP, role);
    ck_assert_str_eq(role, "pytake_lookup");
}
END_TEST


START_TEST(names_that_would_be_quoted)
{
    ck_assert_str_eq(prefix_of("Acme"), "pytake_acme_37036cd8f9746d33");
    ck_assert_str_eq(prefix_of("a\"b"), "pytake_a_b_39a012772dd5c3ac");
    ck_assert_str_ne(prefix_of("a-b"), "pytake_a_b");
    ck_assert_int_eq(strncmp(prefix_of(""), "pytake__", 8), 0);
    ck_assert_int_eq(strncmp(prefix_of("\xc3\x89"), "pytake____", 10), 0);
}
END_TEST


START_TEST(long_names)
{
    char name[64], last[PT_DBROLE_PREFIX_MAX + 1], role[PT_DBROLE_MAX + 1];

    memset(name, 'a', sizeof(name));

    name[48] = '\0'; /* "pytake_", it and "_service" are 63 bytes */
    ck_assert_uint_eq(strlen(prefix_of(name)), PT_DBROLE_PREFIX_MAX);
    ck_assert_str_eq(prefix_of(name) + 7, name);

    name[48] = 'a';
    name[63] = '\0';
    ck_assert_uint_eq(strlen(prefix_of(name)), PT_DBROLE_PREFIX_MAX);
    strncpy(last, prefix_of(name), sizeof(last));
    pt_dbrole_build(last, PT_DBROLE_SERVICE, role);
    ck_assert_uint_eq(strlen(role), PT_DBROLE_MAX);

    name[62] = 'b';
    ck_assert_str_ne(prefix_of(name), last);
}
END_TEST


/* A database called as another one's hash would be is hashed, too. */
START_TEST(names_never_meet)
{
    char hashed[PT_DBROLE_PREFIX_MAX + 1];

    strncpy(hashed, prefix_of("Acme"), sizeof(hashed));
    ck_assert_str_ne(prefix_of(hashed + strlen("pytake_")), hashed);
}
END_TEST


START_TEST(prefixes)
{
    char        name[PT_DBROLE_PREFIX_MAX + 1];
    size_t      i;
    const char *good[] = { "a", "_", "pytake", "x_1" };
    const char *bad[] = {
        "", "1a", "A", "a-b", "a b", "a\"", "pg_x", "\xc3\xa9"
    };

    for (i = 0; i < PT_COUNT(good); i++) {
        ck_assert(pt_dbrole_prefix_is(pt_test_str(good[i])));
    }
    for (i = 0; i < PT_COUNT(bad); i++) {
        ck_assert(!pt_dbrole_prefix_is(pt_test_str(bad[i])));
    }

    memset(name, 'a', sizeof(name));
    ck_assert(pt_dbrole_prefix_is((pt_str_t){ name, sizeof(name) - 1 }));
    ck_assert(!pt_dbrole_prefix_is((pt_str_t){ name, sizeof(name) }));
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, names_of_databases);
    PT_TEST_CASE(s, names_that_would_be_quoted);
    PT_TEST_CASE(s, long_names);
    PT_TEST_CASE(s, names_never_meet);
    PT_TEST_CASE(s, prefixes);
}


PT_TEST_MAIN(dbrole);
