/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"
#include "core/trust/pt_tries.h"

#define SETS 16u
#define FREE 5u
#define MINUTE INT64_C(60000)
#define START (INT64_C(7) * 24 * 60 * MINUTE)

typedef struct {
    pt_tries_t      *t;
    int64_t          now_ms;
    pt_tries_taken_t last;
} tries_t;


static void
tries_init(tries_t *x, uint32_t sets)
{
    x->t = malloc(pt_tries_size(sets));
    ck_assert_ptr_nonnull(x->t);
    pt_tries_init(x->t, sets, FREE);
    x->now_ms = START;
}


static int64_t
tries_wait(tries_t *x, uint64_t key)
{
    return pt_tries_wait(x->t, key, x->now_ms);
}


/* Waits as long as it has to, then tries in vain. */
static void
tries_fail(tries_t *x, uint64_t key)
{
    x->now_ms += tries_wait(x, key);
    pt_tries_take(x->t, key, x->now_ms, &x->last);
}


static void
tries_fail_times(tries_t *x, uint64_t key, int n)
{
    while (n-- != 0) {
        tries_fail(x, key);
    }
}


START_TEST(waits_as_written)
{
    int     i;
    tries_t x;

    static const int seconds[] = { 0,  0,  0,   0,   1,   2,   4,   8,  16,
                                   32, 64, 128, 256, 512, 900, 900, 900 };

    tries_init(&x, SETS);
    ck_assert_int_eq(tries_wait(&x, 7), 0);
    for (i = 0; i < (int) PT_COUNT(seconds); i++) {
        tries_fail(&x, 7);
        ck_assert_int_eq(tries_wait(&x, 7), seconds[i] * 1000);
        ck_assert_int_eq(tries_wait(&x, 8), 0);
    }

    /* and stays there, whatever number of them */
    tries_fail_times(&x, 7, 600);
    ck_assert_int_eq(tries_wait(&x, 7), 900000);
    x.now_ms += 899999;
    ck_assert_int_eq(tries_wait(&x, 7), 1);
    free(x.t);
}
END_TEST


START_TEST(never_more_than_the_free_ones_in_a_window)
{
    int     i, step, tried;
    int64_t at[FREE];
    tries_t x;

    /* whatever moment the window begins at */
    for (step = 1; step <= 14; step++) {
        tries_init(&x, SETS);
        memset(at, 0, sizeof(at));
        for (i = tried = 0; i < 200; i++) {
            if (tries_wait(&x, 7) != 0) {
                break;
            }
            /* the one that began a wait is the last free one */
            tries_fail(&x, 7);
            ck_assert(tried < (int) FREE
                      || x.now_ms - at[tried % (int) FREE] >= 15 * MINUTE);
            at[tried++ % (int) FREE] = x.now_ms;
            x.now_ms += step * MINUTE;
            if (x.last.waits) {
                break;
            }
        }
        ck_assert_int_ge(tried, (int) FREE);
        free(x.t);
    }
}
END_TEST


START_TEST(slow_failures_are_free)
{
    int     i;
    tries_t x;

    tries_init(&x, SETS);
    for (i = 0; i < 100; i++) {
        tries_fail(&x, 7);
        ck_assert_int_eq(tries_wait(&x, 7), 0);
        x.now_ms += 5 * MINUTE;
    }
    free(x.t);
}
END_TEST


START_TEST(forgets)
{
    tries_t x;

    /* the free ones, when their slices are over */
    tries_init(&x, SETS);
    tries_fail_times(&x, 7, 4);
    x.now_ms += 18 * MINUTE;
    tries_fail_times(&x, 7, 4);
    ck_assert_int_eq(tries_wait(&x, 7), 0);

    /* waits: not before a quarter of an hour is over without an attempt */
    tries_fail_times(&x, 7, 6);
    ck_assert_int_eq(tries_wait(&x, 7), 32000);
    x.now_ms += 32000 + 15 * MINUTE - 1;
    ck_assert_int_eq(tries_wait(&x, 7), 0);
    tries_fail(&x, 7);
    ck_assert_int_eq(tries_wait(&x, 7), 64000);
    x.now_ms += 64000 + 18 * MINUTE;
    tries_fail_times(&x, 7, 4);
    ck_assert_int_eq(tries_wait(&x, 7), 0);
    free(x.t);
}
END_TEST


START_TEST(many_at_once_are_the_free_ones)
{
    int              i, in;
    tries_t          x;
    pt_tries_taken_t taken[FREE];

    tries_init(&x, SETS);
    for (i = in = 0; i < 200; i++) {
        if (tries_wait(&x, 7) == 0) {
            ck_assert_int_lt(in, (int) FREE);
            pt_tries_take(x.t, 7, x.now_ms, &taken[in++]);
        }
    }
    ck_assert_int_eq(in, FREE);

    /* all of them were good ones: as if nothing had been */
    for (i = 0; i < in; i++) {
        pt_tries_give_back(x.t, &taken[i]);
    }
    ck_assert_int_eq(tries_wait(&x, 7), 0);
    tries_fail_times(&x, 7, 4);
    ck_assert_int_eq(tries_wait(&x, 7), 0);
    free(x.t);
}
END_TEST


START_TEST(a_good_one_shortens_no_wait_of_others)
{
    int     i;
    tries_t x;

    /* whoever knows one good password mixes it in */
    tries_init(&x, SETS);
    tries_fail_times(&x, 7, 8);
    for (i = 0; i < 5; i++) {
        x.now_ms += tries_wait(&x, 7);
        pt_tries_take(x.t, 7, x.now_ms, &x.last);
        pt_tries_give_back(x.t, &x.last);
        ck_assert_int_eq(tries_wait(&x, 7), 0);
        tries_fail(&x, 7);
        ck_assert_int_eq(tries_wait(&x, 7), 16000 << i);
    }
    free(x.t);
}
END_TEST


START_TEST(given_back_late)
{
    tries_t          x;
    pt_tries_taken_t taken;

    /* another one failed meanwhile: its wait stands */
    tries_init(&x, SETS);
    tries_fail_times(&x, 7, 5);
    x.now_ms += 1000;
    pt_tries_take(x.t, 7, x.now_ms, &taken);
    x.now_ms += 2000;
    tries_fail(&x, 7);
    ck_assert_int_eq(tries_wait(&x, 7), 4000);
    pt_tries_give_back(x.t, &taken);
    ck_assert_int_eq(tries_wait(&x, 7), 4000);
    x.now_ms += 4000;
    tries_fail(&x, 7);
    ck_assert_int_eq(tries_wait(&x, 7), 4000);

    /* its slice is over, or its place is another's */
    x.now_ms += 60 * MINUTE;
    tries_fail(&x, 7);
    pt_tries_give_back(x.t, &taken);
    pt_tries_forget(x.t, 7);
    pt_tries_give_back(x.t, &taken);
    tries_fail_times(&x, 7, 4);
    ck_assert_int_eq(tries_wait(&x, 7), 0);
    free(x.t);
}
END_TEST


START_TEST(a_flood_of_keys_displaces_its_own_kind)
{
    uint64_t key;
    tries_t  x;

    /* one set, so that all meet */
    tries_init(&x, 1);
    tries_fail_times(&x, 7, 4);
    tries_fail_times(&x, 8, 9);

    for (key = 100; key < 5000; key++) {
        tries_fail(&x, key);
        x.now_ms += 10;
        if (key % 3 == 0) {
            tries_fail_times(&x, key, 2);
        }
    }

    ck_assert_int_eq(tries_wait(&x, 7), 0);
    tries_fail(&x, 7);
    ck_assert_int_eq(tries_wait(&x, 7), 1000);
    tries_fail(&x, 8);
    ck_assert_int_eq(tries_wait(&x, 8), 32000);
    free(x.t);
}
END_TEST


START_TEST(what_displaces_a_key)
{
    uint64_t key;
    tries_t  x;

    /* as many attempts at each of the others of its set */
    tries_init(&x, 1);
    tries_fail_times(&x, 7, 4);
    x.now_ms += 3 * MINUTE;
    for (key = 100; key < 100 + PT_TRIES_WAYS - 1; key++) {
        tries_fail_times(&x, key, 4);
    }
    tries_fail(&x, 200);
    tries_fail(&x, 7);
    ck_assert_int_eq(tries_wait(&x, 7), 0);
    free(x.t);

    /* what is over makes room at once */
    tries_init(&x, 1);
    for (key = 100; key < 100 + PT_TRIES_WAYS; key++) {
        tries_fail_times(&x, key, 7);
    }
    x.now_ms += 40 * MINUTE;
    for (key = 200; key < 200 + PT_TRIES_WAYS; key++) {
        tries_fail_times(&x, key, 5);
    }
    for (key = 200; key < 200 + PT_TRIES_WAYS; key++) {
        ck_assert_int_gt(tries_wait(&x, key), 0);
    }
    free(x.t);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, waits_as_written);
    PT_TEST_CASE(s, never_more_than_the_free_ones_in_a_window);
    PT_TEST_CASE(s, slow_failures_are_free);
    PT_TEST_CASE(s, forgets);
    PT_TEST_CASE(s, many_at_once_are_the_free_ones);
    PT_TEST_CASE(s, a_good_one_shortens_no_wait_of_others);
    PT_TEST_CASE(s, given_back_late);
    PT_TEST_CASE(s, a_flood_of_keys_displaces_its_own_kind);
    PT_TEST_CASE(s, what_displaces_a_key);
}


PT_TEST_MAIN(tries);
