/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"
#include "core/base/pt_buf.h"


START_TEST(pieces_add_up)
{
    int         i;
    pt_buf_t    b;
    pt_str_t    s;
    pt_arena_t *a = pt_test_arena();

    pt_buf_init(&b, a, 1000);
    ck_assert_ok(pt_buf_get(&b, &s));
    ck_assert_uint_eq(s.len, 0);
    ck_assert_ptr_nonnull(s.data);

    pt_buf_lit(&b, "a");
    pt_buf_str_add(&b, PT_STR("bc"));
    pt_buf_str_add(&b, PT_STR_NULL);
    pt_buf_char(&b, 'd');
    ck_assert_ok(pt_buf_get(&b, &s));
    ck_assert_slice_lit(s, "abcd");

    for (i = 0; i < 996; i++) {
        pt_buf_char(&b, 'x');
    }
    ck_assert_ok(pt_buf_get(&b, &s));
    ck_assert_uint_eq(s.len, 1000);
    ck_assert_int_eq(memcmp(s.data, "abcdxxxx", 8), 0);

    pt_arena_del(a);
}
END_TEST


START_TEST(integers)
{
    pt_buf_t    b;
    pt_str_t    s;
    pt_arena_t *a = pt_test_arena();

    pt_buf_init(&b, a, 1000);
    pt_buf_i64(&b, 0);
    pt_buf_char(&b, ' ');
    pt_buf_i64(&b, -7);
    pt_buf_char(&b, ' ');
    pt_buf_i64(&b, INT64_MAX);
    pt_buf_char(&b, ' ');
    pt_buf_i64(&b, INT64_MIN);
    ck_assert_ok(pt_buf_get(&b, &s));
    ck_assert_slice_lit(s, "0 -7 9223372036854775807 -9223372036854775808");

    pt_arena_del(a);
}
END_TEST


START_TEST(cap_sticks)
{
    pt_buf_t    b;
    pt_str_t    s;
    pt_arena_t *a = pt_test_arena();

    pt_buf_init(&b, a, 3);
    pt_buf_lit(&b, "abc");
    ck_assert_ok(pt_buf_get(&b, &s));
    pt_buf_char(&b, 'd');
    ck_assert_int_eq(pt_buf_get(&b, &s), PT_ELIMIT);
    pt_buf_lit(&b, "");
    pt_buf_i64(&b, 1);
    ck_assert_int_eq(pt_buf_get(&b, &s), PT_ELIMIT);

    pt_buf_init(&b, a, 0);
    ck_assert_ok(pt_buf_get(&b, &s));
    pt_buf_char(&b, 'd');
    ck_assert_int_eq(pt_buf_get(&b, &s), PT_ELIMIT);

    pt_arena_del(a);
}
END_TEST


START_TEST(two_buffers_take_turns)
{
    int         i;
    pt_buf_t    x, y;
    pt_str_t    s, t;
    pt_arena_t *a = pt_test_arena();

    pt_buf_init(&x, a, 100000);
    pt_buf_init(&y, a, 100000);
    for (i = 0; i < 5000; i++) {
        pt_buf_lit(&x, "xyz");
        pt_buf_lit(&y, "AB");
    }
    ck_assert_ok(pt_buf_get(&x, &s));
    ck_assert_ok(pt_buf_get(&y, &t));
    ck_assert_uint_eq(s.len, 15000);
    ck_assert_uint_eq(t.len, 10000);

    for (i = 0; i < 5000; i++) {
        ck_assert_int_eq(memcmp(s.data + 3 * i, "xyz", 3), 0);
        ck_assert_int_eq(memcmp(t.data + 2 * i, "AB", 2), 0);
    }

    pt_arena_del(a);
}
END_TEST


START_TEST(lone_buffer_grows_in_place)
{
    size_t      i, before;
    pt_buf_t    b;
    pt_arena_t *a = pt_test_arena();

    ck_assert_ptr_nonnull(pt_arena_alloc(a, 1));
    before = pt_arena_used(a);
    pt_buf_init(&b, a, 4096);
    for (i = 0; i < 4096; i++) {
        pt_buf_char(&b, 'x');
    }
    ck_assert_int_eq(b.err, PT_OK);
    ck_assert_uint_eq(pt_arena_used(a), before);

    pt_arena_del(a);
}
END_TEST


START_TEST(reserve)
{
    char       *p;
    size_t      used;
    pt_buf_t    b;
    pt_str_t    s;
    pt_arena_t *a = pt_test_arena();

    pt_buf_init(&b, a, 100000);
    ck_assert(pt_buf_reserve(&b, 90000));
    ck_assert_uint_eq(b.len, 0);
    used = pt_arena_used(a);
    p = pt_buf_room(&b, 90000);
    ck_assert_ptr_nonnull(p);
    memset(p, 'x', 90000);
    ck_assert_uint_eq(pt_arena_used(a), used);
    ck_assert_ok(pt_buf_get(&b, &s));
    ck_assert_uint_eq(s.len, 90000);

    ck_assert(!pt_buf_reserve(&b, 10001));
    ck_assert_int_eq(pt_buf_get(&b, &s), PT_ELIMIT);
    ck_assert(!pt_buf_reserve(&b, 1));

    pt_arena_del(a);
}
END_TEST


static pt_err_t
buf_scenario(pt_arena_t *a, void *user)
{
    int      i;
    pt_buf_t b;
    pt_str_t s;

    PT_UNUSED(user);

    pt_buf_init(&b, a, 100000);
    for (i = 0; i < 2000; i++) {
        pt_buf_i64(&b, i);
        if (i == 900 && pt_arena_alloc(a, 1) == NULL) {
            return PT_ENOMEM;
        }
    }

    return pt_buf_get(&b, &s);
}


START_TEST(refused_allocations)
{
    pt_test_arena_caps(buf_scenario, NULL);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, reserve);
    PT_TEST_CASE(s, pieces_add_up);
    PT_TEST_CASE(s, integers);
    PT_TEST_CASE(s, cap_sticks);
    PT_TEST_CASE(s, two_buffers_take_turns);
    PT_TEST_CASE(s, lone_buffer_grows_in_place);
    PT_TEST_CASE(s, refused_allocations);
}


PT_TEST_MAIN(buf);
