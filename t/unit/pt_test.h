/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_test.h: what every check suite uses.  A suite is one file with
 * PT_TEST_MAIN(noun) at its end, and pt_test_suite() that adds the cases.
 */

#ifndef PT_TEST_H
#define PT_TEST_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/pt_arena.h"

#define PT_TEST_ALLOCS_MAX 10000 /* a scenario that never ends is a bug */
#define PT_TEST_CAP_STEP 32


/* ---- an allocator that refuses the fail_at-th allocation (0-based) ---- */

typedef struct {
    pt_mem_t mem;
    size_t   calls;
    size_t   fail_at; /* SIZE_MAX: none */
    size_t   live;    /* given out and not yet freed */
    bool     failed;
} pt_test_mem_t;

static inline void *
pt_test_alloc(void *user, size_t size)
{
    pt_test_mem_t *m = user;

    if (m->calls++ == m->fail_at) {
        m->failed = true;
        return NULL;
    }

    m->live++;

    return malloc(size == 0 ? 1 : size);
}


static inline void
pt_test_free(void *user, void *ptr)
{
    pt_test_mem_t *m = user;

    if (ptr != NULL) {
        m->live--;
    }
    free(ptr);
}


static inline void
pt_test_mem_init(pt_test_mem_t *m, size_t fail_at)
{
    m->mem.alloc = pt_test_alloc;
    m->mem.free = pt_test_free;
    m->mem.user = m;
    m->calls = 0;
    m->fail_at = fail_at;
    m->live = 0;
    m->failed = false;
}


/*
 * Runs a scenario with no refusal, then with the 0th, the 1st, ... allocation
 * refused, until it needs no more of them.  The scenario frees what it took
 * and returns PT_OK, or PT_ENOMEM when something was refused to it.
 */
static inline void
pt_test_failmalloc(pt_err_t (*scenario)(const pt_mem_t *mem, void *user),
                   void *user)
{
    size_t        n;
    pt_err_t      err;
    pt_test_mem_t m;

    pt_test_mem_init(&m, SIZE_MAX);
    err = scenario(&m.mem, user);
    ck_assert_int_eq(err, PT_OK);
    ck_assert_uint_eq(m.live, 0);

    for (n = 0; n < PT_TEST_ALLOCS_MAX; n++) {
        pt_test_mem_init(&m, n);
        err = scenario(&m.mem, user);
        ck_assert_uint_eq(m.live, 0);

        if (!m.failed) {
            ck_assert_int_eq(err, PT_OK);
            return;
        }
        ck_assert_int_eq(err, PT_ENOMEM);
    }

    ck_abort_msg("the scenario never stops allocating");
}


/*
 * The same within an arena: its cap grows from nothing by small steps, so
 * that each piece in turn is the one that does not fit.
 */
static inline void
pt_test_arena_caps(pt_err_t (*scenario)(pt_arena_t *a, void *user), void *user)
{
    size_t        cap;
    pt_err_t      err;
    pt_arena_t   *a;
    pt_test_mem_t m;

    pt_test_mem_init(&m, SIZE_MAX);

    for (cap = 0; cap < PT_ARENA_WEBHOOK_MAX; cap += PT_TEST_CAP_STEP) {
        a = pt_arena_new(&m.mem, cap);
        if (a == NULL) {
            continue;
        }

        err = scenario(a, user);
        pt_arena_del(a);
        ck_assert_uint_eq(m.live, 0);

        if (err == PT_OK) {
            return;
        }
        ck_assert_int_eq(err, PT_ENOMEM);
    }

    ck_abort_msg("the scenario never fits");
}


/* ---- an arena for a case that does not care ---- */

static inline void *
pt_test_plain_alloc(void *user, size_t size)
{
    PT_UNUSED(user);
    return malloc(size);
}


static inline void
pt_test_plain_free(void *user, void *ptr)
{
    PT_UNUSED(user);
    free(ptr);
}


static const pt_mem_t pt_test_mem = { pt_test_plain_alloc, pt_test_plain_free,
                                      NULL };


static inline pt_arena_t *
pt_test_arena(void)
{
    pt_arena_t *a = pt_arena_new(&pt_test_mem, PT_ARENA_WEBHOOK_MAX);

    ck_assert_ptr_nonnull(a);

    return a;
}


/* ---- slices ---- */

static inline pt_str_t
pt_test_str(const char *s)
{
    return (pt_str_t){ s, strlen(s) };
}


#define ck_assert_slice(got, want)                                             \
    do {                                                                       \
        pt_str_t got_ = (got), want_ = (want);                                 \
        ck_assert_msg(pt_str_eq(got_, want_), "got \"%.*s\" want \"%.*s\"",    \
                      (int) got_.len, got_.data == NULL ? "" : got_.data,      \
                      (int) want_.len, want_.data == NULL ? "" : want_.data);  \
    } while (0)

#define ck_assert_slice_lit(got, lit) ck_assert_slice(got, PT_STR(lit))
#define ck_assert_ok(err) ck_assert_int_eq((err), PT_OK)


/* ---- the program ---- */

#define PT_TEST_CASE(suite, test)                                              \
    do {                                                                       \
        TCase *tc_ = tcase_create(#test);                                      \
                                                                               \
        tcase_set_timeout(tc_, 60);                                            \
        tcase_add_test(tc_, test);                                             \
        suite_add_tcase((suite), tc_);                                         \
    } while (0)

#define PT_TEST_MAIN(noun)                                                     \
    int main(void)                                                             \
    {                                                                          \
        int      failed;                                                       \
        Suite   *s = suite_create(#noun);                                      \
        SRunner *runner;                                                       \
                                                                               \
        pt_test_suite(s);                                                      \
        runner = srunner_create(s);                                            \
        srunner_run_all(runner, CK_ENV);                                       \
        failed = srunner_ntests_failed(runner);                                \
        srunner_free(runner);                                                  \
                                                                               \
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;                      \
    }                                                                          \
    struct pt_test_end_s

#endif
