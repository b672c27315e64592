/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"
#include "core/trust/pt_gate.h"

#define NOW INT64_C(600000000)
#define SETS 64u

typedef struct {
    void      *memory;
    pt_gate_t *g;
    int64_t    now_ms;
} gate_t;


static void
gate_init(gate_t *x)
{
    x->memory = malloc(pt_gate_size(SETS));
    ck_assert_ptr_nonnull(x->memory);
    x->g = pt_gate_init(x->memory, SETS);
    x->now_ms = NOW;
}


/* 0: tried in vain, else how long it waits. */
static int64_t
gate_fail(gate_t *x, uint64_t account, uint64_t network, bool calm)
{
    pt_gate_pass_t pass;
    pytake_login_t who = { account, network, account * 1000 + network, calm };

    return pt_gate_enter(x->g, &who, x->now_ms, &pass);
}


static int64_t
gate_right(gate_t *x, uint64_t account, uint64_t network, bool calm)
{
    int64_t        wait;
    pt_gate_pass_t pass;
    pytake_login_t who = { account, network, account * 1000 + network, calm };

    wait = pt_gate_enter(x->g, &who, x->now_ms, &pass);
    if (wait == 0) {
        pt_gate_right(x->g, &who, &pass);
    }

    return wait;
}


START_TEST(one_account_from_many_networks)
{
    gate_t   x;
    uint64_t i, in = 0;

    gate_init(&x);
    for (i = 1; i <= 200; i++) {
        in += gate_fail(&x, 7, i, false) == 0;
    }
    ck_assert_uint_eq(in, PT_GATE_ACCOUNT_FREE);

    /* the right password tells a stranger nothing, and nobody else waits */
    ck_assert_int_eq(gate_right(&x, 7, 900, false), 1000);
    ck_assert_int_eq(gate_right(&x, 8, 900, false), 0);
    free(x.memory);
}
END_TEST


START_TEST(many_accounts_from_one_network)
{
    gate_t   x;
    uint64_t i, in = 0;

    gate_init(&x);
    for (i = 1; i <= 200; i++) {
        in += gate_fail(&x, i, 7, false) == 0;
    }
    ck_assert_uint_eq(in, PT_GATE_NETWORK_FREE);
    ck_assert_int_eq(gate_right(&x, 900, 7, false), 1000);
    ck_assert_int_eq(gate_right(&x, 900, 8, false), 0);
    free(x.memory);
}
END_TEST


START_TEST(calm_visitors_do_not_wait_for_strangers)
{
    int    i;
    gate_t x;

    gate_init(&x);
    for (i = 0; i < 40; i++) {
        x.now_ms += 1000;
        (void) gate_fail(&x, 7, 1, false);
    }
    ck_assert_int_gt(gate_right(&x, 7, 2, false), 0);
    ck_assert_int_eq(gate_right(&x, 7, 2, true), 0);
    ck_assert_int_eq(gate_right(&x, 7, 1, true), 0);

    /* but for themselves */
    for (i = 0; i < 5; i++) {
        ck_assert_int_eq(gate_fail(&x, 7, 2, true), 0);
    }
    ck_assert_int_eq(gate_right(&x, 7, 2, true), 1000);
    ck_assert_int_eq(gate_right(&x, 7, 3, true), 0);
    ck_assert_int_eq(gate_right(&x, 8, 2, true), 0);
    x.now_ms += 1000;

    /* the right one: all five are free again here, and here alone */
    ck_assert_int_eq(gate_right(&x, 7, 2, true), 0);
    for (i = 0; i < 5; i++) {
        ck_assert_int_eq(gate_fail(&x, 7, 2, true), 0);
    }
    ck_assert_int_gt(gate_fail(&x, 7, 2, true), 0);
    ck_assert_int_gt(gate_fail(&x, 7, 9, false), 0);
    free(x.memory);
}
END_TEST


START_TEST(quiet_ones)
{
    gate_t         x;
    pt_gate_pass_t pass;
    pytake_login_t who = { 7, 8, 9, false };

    gate_init(&x);
    ck_assert_int_eq(pt_gate_enter(x.g, &who, x.now_ms, &pass), 0);
    ck_assert(pass.quiet);

    /* not a second one at once, nor after a wrong password */
    ck_assert_int_eq(gate_fail(&x, 10, 8, false), 0);
    pt_gate_leave(x.g, &pass);
    who.account = 11;
    ck_assert_int_eq(pt_gate_enter(x.g, &who, x.now_ms, &pass), 0);
    ck_assert(!pass.quiet);
    pt_gate_right(x.g, &who, &pass);

    who.calm = true;
    ck_assert_int_eq(pt_gate_enter(x.g, &who, x.now_ms, &pass), 0);
    ck_assert(pass.quiet);

    /* after a while it is one again */
    who.calm = false;
    x.now_ms += 18 * 60000;
    ck_assert_int_eq(pt_gate_enter(x.g, &who, x.now_ms, &pass), 0);
    ck_assert(pass.quiet);
    free(x.memory);
}
END_TEST


START_TEST(not_looked_at_is_not_counted)
{
    int            i;
    gate_t         x;
    pt_gate_pass_t pass;
    pytake_login_t who = { 7, 8, 9, false };

    gate_init(&x);
    for (i = 0; i < 100; i++) {
        who.calm = i % 2 != 0;
        ck_assert_int_eq(pt_gate_enter(x.g, &who, x.now_ms, &pass), 0);
        pt_gate_leave(x.g, &pass);
    }
    free(x.memory);
}
END_TEST


START_TEST(longest_wait)
{
    int    i;
    gate_t x;

    gate_init(&x);
    for (i = 0; i < 20; i++) {
        (void) gate_fail(&x, (uint64_t) i + 100, 7, false);
    }
    x.now_ms += 500;
    for (i = 0; i < 5; i++) {
        (void) gate_fail(&x, 7, (uint64_t) i + 100, false);
    }
    ck_assert_int_eq(gate_fail(&x, 9, 7, false), 500);
    ck_assert_int_eq(gate_fail(&x, 7, 9, false), 1000);
    ck_assert_int_eq(gate_fail(&x, 7, 7, false), 1000);
    free(x.memory);
}
END_TEST


START_TEST(sets_of_a_size)
{
    size_t   size;
    uint32_t sets;

    ck_assert_uint_eq(pt_gate_sets(0), 0);
    for (size = 100; size < 1000000; size += 977) {
        sets = pt_gate_sets(size);
        ck_assert_uint_eq(sets & (sets - 1), 0);
        ck_assert(sets == 0 || pt_gate_size(sets) <= size);
        ck_assert(pt_gate_size(sets == 0 ? 1 : 2 * sets) > size);
    }
    ck_assert_uint_eq(pt_gate_sets(SIZE_MAX), PT_TRIES_SETS_MAX);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, one_account_from_many_networks);
    PT_TEST_CASE(s, many_accounts_from_one_network);
    PT_TEST_CASE(s, calm_visitors_do_not_wait_for_strangers);
    PT_TEST_CASE(s, quiet_ones);
    PT_TEST_CASE(s, not_looked_at_is_not_counted);
    PT_TEST_CASE(s, longest_wait);
    PT_TEST_CASE(s, sets_of_a_size);
}


PT_TEST_MAIN(gate);
