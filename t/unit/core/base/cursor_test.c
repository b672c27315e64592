/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"
#include "core/base/pt_cursor.h"

#define CURSOR_FILTERS UINT64_C(0x0123456789abcdef)


static const pt_uuid_t cursor_tenant = { { 1, 2, 3 } };
static const pt_uuid_t cursor_other = { { 1, 2, 4 } };


static pt_str_t
cursor_key(void)
{
    return PT_STR("0123456789abcdef0123456789abcdef");
}


static pt_str_t
cursor_get(pt_arena_t *a, int64_t key)
{
    pt_str_t    s;
    pt_cursor_t c = { 3, key, { { 9, 8, 7 } } };

    ck_assert_ok(pt_cursor_build(a, cursor_key(), &cursor_tenant,
                                 CURSOR_FILTERS, &c, &s));

    return s;
}


static pt_err_t
cursor_parse(pt_str_t text, pt_cursor_t *c)
{
    return pt_cursor_parse(cursor_key(), &cursor_tenant, CURSOR_FILTERS, 3,
                           text, c);
}


START_TEST(round_trip)
{
    size_t      i;
    pt_str_t    s;
    pt_uuid_t   id = { { 9, 8, 7 } };
    pt_cursor_t c;
    pt_arena_t *a = pt_test_arena();

    static const int64_t keys[] = { 0,         1,         -1,
                                    INT64_MAX, INT64_MIN, 1795340880123456 };

    for (i = 0; i < PT_COUNT(keys); i++) {
        s = cursor_get(a, keys[i]);
        ck_assert_uint_le(s.len, PT_CURSOR_MAX);
        ck_assert_ok(cursor_parse(s, &c));
        ck_assert_uint_eq(c.kind, 3);
        ck_assert_int_eq(c.key, keys[i]);
        ck_assert(pt_uuid_eq(&c.id, &id));
    }

    pt_arena_del(a);
}
END_TEST


/* The form is kept by clients across releases: it must not drift. */
START_TEST(form_is_stable)
{
    pt_arena_t *a = pt_test_arena();

    ck_assert_slice_lit(cursor_get(a, 42), "AQMAAAAAAAAAKgkIBwAAAAAAAAAAAAAA"
                                           "AABjwvvBjGo2rkd8wID0jz-2");

    pt_arena_del(a);
}
END_TEST


START_TEST(tampered)
{
    char        copy[128];
    size_t      i, bit;
    pt_str_t    s;
    pt_cursor_t c;
    pt_arena_t *a = pt_test_arena();

    s = cursor_get(a, 42);

    for (i = 0; i < s.len; i++) {
        for (bit = 0; bit < 8; bit++) {
            memcpy(copy, s.data, s.len);
            copy[i] = (char) (copy[i] ^ 1 << bit);
            ck_assert_int_eq(cursor_parse((pt_str_t){ copy, s.len }, &c),
                             PT_ECURSOR);
        }
        ck_assert_int_eq(cursor_parse((pt_str_t){ s.data, i }, &c), PT_ECURSOR);
    }

    memcpy(copy, s.data, s.len);
    memcpy(copy + s.len, "AAAA", 4);
    ck_assert_int_eq(cursor_parse((pt_str_t){ copy, s.len + 4 }, &c),
                     PT_ECURSOR);
    ck_assert_int_eq(cursor_parse(PT_STR_NULL, &c), PT_ECURSOR);
    ck_assert_int_eq(cursor_parse(PT_STR("null"), &c), PT_ECURSOR);

    pt_arena_del(a);
}
END_TEST


START_TEST(of_another_list)
{
    pt_str_t    s;
    pt_cursor_t c;
    pt_arena_t *a = pt_test_arena();

    s = cursor_get(a, 42);
    ck_assert_int_eq(
        pt_cursor_parse(cursor_key(), &cursor_other, CURSOR_FILTERS, 3, s, &c),
        PT_ECURSOR);
    ck_assert_int_eq(pt_cursor_parse(cursor_key(), &cursor_tenant,
                                     CURSOR_FILTERS + 1, 3, s, &c),
                     PT_ECURSOR);
    ck_assert_int_eq(
        pt_cursor_parse(cursor_key(), &cursor_tenant, CURSOR_FILTERS, 4, s, &c),
        PT_ECURSOR);
    ck_assert_int_eq(pt_cursor_parse(PT_STR("another key"), &cursor_tenant,
                                     CURSOR_FILTERS, 3, s, &c),
                     PT_ECURSOR);
    ck_assert_ok(cursor_parse(s, &c));

    pt_arena_del(a);
}
END_TEST


static pt_err_t
cursor_scenario(pt_arena_t *a, void *user)
{
    pt_str_t    s;
    pt_err_t    err;
    pt_cursor_t c = { 3, 42, { { 9, 8, 7 } } };

    PT_UNUSED(user);

    err = pt_cursor_build(a, cursor_key(), &cursor_tenant, CURSOR_FILTERS, &c,
                          &s);
    if (err == PT_OK) {
        err = cursor_parse(s, &c);
    }

    return err;
}


START_TEST(refused_allocations)
{
    pt_test_arena_caps(cursor_scenario, NULL);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, round_trip);
    PT_TEST_CASE(s, form_is_stable);
    PT_TEST_CASE(s, tampered);
    PT_TEST_CASE(s, of_another_list);
    PT_TEST_CASE(s, refused_allocations);
}


PT_TEST_MAIN(cursor);
