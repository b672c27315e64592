/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"


START_TEST(pieces_are_aligned_and_apart)
{
    size_t      i, k;
    uint8_t    *p[200];
    pt_arena_t *a = pt_test_arena();

    for (i = 0; i < PT_COUNT(p); i++) {
        p[i] = pt_arena_alloc(a, i);
        ck_assert_ptr_nonnull(p[i]);
        ck_assert_uint_eq((uintptr_t) p[i] % _Alignof(max_align_t), 0);
        memset(p[i], (int) i, i);
    }

    for (i = 0; i < PT_COUNT(p); i++) {
        for (k = 0; k < i; k++) {
            ck_assert_uint_eq(p[i][k], i);
        }
    }

    pt_arena_del(a);
}
END_TEST


START_TEST(cap_counts_blocks)
{
    size_t        n;
    pt_arena_t   *a;
    pt_test_mem_t m;

    pt_test_mem_init(&m, SIZE_MAX);
    a = pt_arena_new(&m.mem, 100000);
    ck_assert_ptr_nonnull(a);

    for (n = 0; pt_arena_alloc(a, 100) != NULL; n++) {
        ck_assert_uint_le(pt_arena_used(a), 100000);
    }

    /* most of the cap was of use (ASan's red zones are part of it) */
    ck_assert_uint_ge(n * 100, 70000);
    ck_assert_uint_le(n * 100, 100000);
    ck_assert_ptr_null(pt_arena_alloc(a, 5000));

    pt_arena_del(a);
    ck_assert_uint_eq(m.live, 0);
}
END_TEST


START_TEST(large_piece_takes_its_own_block)
{
    char       *p;
    pt_arena_t *a = pt_arena_new(&pt_test_mem, 4 * 1024 * 1024);

    p = pt_arena_alloc(a, 3 * 1024 * 1024);
    ck_assert_ptr_nonnull(p);
    memset(p, 1, 3 * 1024 * 1024);
    ck_assert_ptr_null(pt_arena_alloc(a, 2 * 1024 * 1024));
    ck_assert_ptr_nonnull(pt_arena_alloc(a, 1000));

    pt_arena_del(a);
}
END_TEST


START_TEST(absurd_sizes_are_refused)
{
    pt_arena_t *a = pt_test_arena();

    ck_assert_ptr_null(pt_arena_alloc(a, SIZE_MAX));
    ck_assert_ptr_null(pt_arena_alloc(a, SIZE_MAX - 15));
    ck_assert_ptr_null(pt_arena_alloc(a, SIZE_MAX / 2));
    ck_assert_ptr_null(pt_arena_calloc(a, SIZE_MAX / 2, 3));
    ck_assert_ptr_nonnull(pt_arena_alloc(a, 0));
    ck_assert_ptr_nonnull(pt_arena_calloc(a, 0, 8));

    pt_arena_del(a);
}
END_TEST


START_TEST(calloc_is_zero)
{
    size_t      i;
    uint8_t    *p;
    pt_arena_t *a = pt_test_arena();

    p = pt_arena_calloc(a, 100, 7);
    ck_assert_ptr_nonnull(p);
    for (i = 0; i < 700; i++) {
        ck_assert_uint_eq(p[i], 0);
    }

    pt_arena_del(a);
}
END_TEST


START_TEST(release_goes_back_to_the_mark)
{
    int             i;
    char           *kept, *p, *again = NULL;
    size_t          used;
    pt_arena_t     *a;
    pt_test_mem_t   m;
    pt_arena_mark_t mark;

    pt_test_mem_init(&m, SIZE_MAX);
    a = pt_arena_new(&m.mem, 4 * 1024 * 1024);
    kept = pt_arena_alloc(a, 100);
    ck_assert_ptr_nonnull(kept);
    memset(kept, 'k', 100);
    pt_arena_mark(a, &mark);
    used = pt_arena_used(a);

    for (i = 0; i < 10; i++) { /* more than the cap, all in all */
        p = pt_arena_alloc(a, 200);
        ck_assert(again == NULL || p == again);
        again = p;
        ck_assert_ptr_nonnull(p);
        memset(p, i, 200);
        p = pt_arena_alloc(a, 1024 * 1024);
        ck_assert_ptr_nonnull(p);
        memset(p, i, 1024 * 1024);
        pt_arena_release(a, &mark);
        ck_assert_uint_eq(pt_arena_used(a), used);
    }

    /* what is the newest again may grow again */
    ck_assert(pt_arena_grow(a, kept, 100, 150));
    ck_assert_int_eq(kept[99], 'k');

    pt_arena_del(a);
    ck_assert_uint_eq(m.live, 0);
}
END_TEST


START_TEST(who_refused)
{
    pt_arena_t   *a;
    pt_test_mem_t m;

    pt_test_mem_init(&m, 1); /* the second block is refused */
    a = pt_arena_new(&m.mem, 1024 * 1024);
    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_null(pt_arena_alloc(a, 100000));
    ck_assert(!pt_arena_capped(a));
    ck_assert_uint_ge(pt_arena_left(a), 1000000);
    ck_assert_ptr_null(pt_arena_alloc(a, 2000000));
    ck_assert(pt_arena_capped(a));
    pt_arena_del(a);
}
END_TEST


START_TEST(only_the_newest_piece_grows)
{
    char       *p, *q;
    pt_arena_t *a = pt_test_arena();

    p = pt_arena_alloc(a, 10);
    ck_assert(pt_arena_grow(a, p, 10, 1000));
    memset(p, 'x', 1000);

    q = pt_arena_alloc(a, 10);
    ck_assert(q >= p + 1000);
    ck_assert(!pt_arena_grow(a, p, 1000, 1001));
    ck_assert(!pt_arena_grow(a, q, 10, 1024 * 1024));
    ck_assert(!pt_arena_grow(a, q, 10, SIZE_MAX));
    ck_assert(pt_arena_grow(a, q, 10, 10));

    pt_arena_del(a);
}
END_TEST


START_TEST(dup_and_fmt)
{
    pt_str_t    s;
    pt_arena_t *a = pt_test_arena();

    ck_assert_ok(pt_arena_dup(a, PT_STR("abc"), &s));
    ck_assert_slice_lit(s, "abc");
    ck_assert_int_eq(s.data[3], '\0');

    ck_assert_ok(pt_arena_dup(a, PT_STR_NULL, &s));
    ck_assert_uint_eq(s.len, 0);
    ck_assert_ptr_nonnull(s.data);

    ck_assert_ok(pt_arena_fmt(a, &s, "%d-%.*s", 42, 2, "xyz"));
    ck_assert_slice_lit(s, "42-xy");

    pt_arena_del(a);
    pt_arena_del(NULL);
}
END_TEST


static pt_err_t
arena_scenario(const pt_mem_t *mem, void *user)
{
    int         i;
    pt_str_t    s;
    pt_err_t    err = PT_OK;
    pt_arena_t *a;

    PT_UNUSED(user);

    a = pt_arena_new(mem, 1024 * 1024);
    if (a == NULL) {
        return PT_ENOMEM;
    }

    for (i = 0; i < 40 && err == PT_OK; i++) {
        err = pt_arena_fmt(a, &s, "%04000d", i);
    }
    if (err == PT_OK && pt_arena_alloc(a, 100000) == NULL) {
        err = PT_ENOMEM;
    }

    pt_arena_del(a);

    return err;
}


START_TEST(refused_allocations)
{
    pt_test_failmalloc(arena_scenario, NULL);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, pieces_are_aligned_and_apart);
    PT_TEST_CASE(s, cap_counts_blocks);
    PT_TEST_CASE(s, large_piece_takes_its_own_block);
    PT_TEST_CASE(s, absurd_sizes_are_refused);
    PT_TEST_CASE(s, calloc_is_zero);
    PT_TEST_CASE(s, release_goes_back_to_the_mark);
    PT_TEST_CASE(s, who_refused);
    PT_TEST_CASE(s, only_the_newest_piece_grows);
    PT_TEST_CASE(s, dup_and_fmt);
    PT_TEST_CASE(s, refused_allocations);
}


PT_TEST_MAIN(arena);
