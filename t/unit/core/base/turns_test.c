/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"
#include "core/base/pt_turns.h"

#define TURNS 512

typedef struct {
    pt_test_mem_t mem;
    pt_turns_t   *q;
    pt_turn_t     turn[TURNS];
    uint64_t      key[TURNS];
    int           used;
    pt_turn_t    *displaced;
} turns_t;


static void
turns_init(turns_t *x, uint32_t waiting_max, uint32_t share)
{
    memset(x, 0, sizeof(*x));
    pt_test_mem_init(&x->mem, SIZE_MAX);
    ck_assert_ok(pt_turns_new(&x->mem.mem, waiting_max, share, &x->q));
}


static void
turns_free(turns_t *x)
{
    pt_turns_del(x->q);
    ck_assert_uint_eq(x->mem.live, 0);
}


static pt_err_t
turns_add(turns_t *x, uint64_t key)
{
    ck_assert_int_lt(x->used, TURNS);
    x->key[x->used] = key;

    return pt_turns_add(x->q, &x->turn[x->used++], key, &x->displaced);
}


/* The key whose turn it was, 0: none. */
static uint64_t
turns_next(turns_t *x)
{
    pt_turn_t *turn = pt_turns_find(x->q);

    if (turn == NULL) {
        return 0;
    }
    pt_turns_drop(x->q, turn);
    ck_assert_ptr_null(turn->lane);

    return x->key[turn - x->turn];
}


START_TEST(round_robin)
{
    int     i;
    turns_t x;

    static const uint64_t want[] = { 1, 2, 3, 1, 2, 1, 1, 0 };

    turns_init(&x, 64, 32);
    for (i = 0; i < 4; i++) {
        ck_assert_ok(turns_add(&x, 1));
    }
    ck_assert_ok(turns_add(&x, 2));
    ck_assert_ok(turns_add(&x, 2));
    ck_assert_ok(turns_add(&x, 3));
    ck_assert_uint_eq(pt_turns_count(x.q), 7);
    for (i = 0; i < (int) PT_COUNT(want); i++) {
        ck_assert_uint_eq(turns_next(&x), want[i]);
    }
    ck_assert_uint_eq(pt_turns_count(x.q), 0);
    turns_free(&x);
}
END_TEST


START_TEST(first_come_first_served_in_a_lane)
{
    int     i;
    turns_t x;

    turns_init(&x, 8, 8);
    for (i = 0; i < 8; i++) {
        ck_assert_ok(turns_add(&x, 1));
    }
    for (i = 0; i < 8; i++) {
        ck_assert_ptr_eq(pt_turns_find(x.q), &x.turn[i]);
        ck_assert_uint_eq(turns_next(&x), 1);
    }
    turns_free(&x);
}
END_TEST


START_TEST(a_newcomer_waits_for_one_round)
{
    int     i;
    turns_t x;

    turns_init(&x, 64, 32);
    for (i = 0; i < 200; i++) {
        (void) turns_add(&x, (uint64_t) i % 10 + 1);
        if (i % 3 == 0) {
            (void) turns_next(&x);
        }
    }
    ck_assert_ok(turns_add(&x, 99));
    for (i = 0; turns_next(&x) != 99; i++) {
        ck_assert_int_lt(i, 10);
    }
    turns_free(&x);
}
END_TEST


START_TEST(a_share_is_all_that_one_gets)
{
    int      i;
    turns_t  x;
    uint32_t in = 0;

    turns_init(&x, 64, 32);
    for (i = 0; i < 200; i++) {
        in += turns_add(&x, 1) == PT_OK;
        ck_assert_ptr_null(x.displaced);
    }
    ck_assert_uint_eq(in, 32);
    ck_assert_uint_eq(pt_turns_count(x.q), 32);
    (void) turns_next(&x);
    ck_assert_ok(turns_add(&x, 1));
    turns_free(&x);
}
END_TEST


START_TEST(the_longest_lane_makes_room)
{
    int     i;
    turns_t x;

    turns_init(&x, 8, 8);
    for (i = 0; i < 5; i++) {
        ck_assert_ok(turns_add(&x, 1));
    }
    for (i = 0; i < 3; i++) {
        ck_assert_ok(turns_add(&x, 2));
    }

    /* its newest goes, from the longest each time */
    ck_assert_ok(turns_add(&x, 3));
    ck_assert_ptr_eq(x.displaced, &x.turn[4]);
    ck_assert_ptr_null(x.turn[4].lane);
    ck_assert_ok(turns_add(&x, 3));
    ck_assert_ptr_eq(x.displaced, &x.turn[3]);
    ck_assert_uint_eq(pt_turns_count(x.q), 8);

    /* 3, 3, 2 and a newcomer; then nobody has two more than it would */
    ck_assert_ok(turns_add(&x, 4));
    ck_assert_uint_eq(x.key[x.displaced - x.turn], 2);
    ck_assert_ok(turns_add(&x, 4));
    ck_assert_uint_eq(x.key[x.displaced - x.turn], 1);
    ck_assert_int_eq(turns_add(&x, 4), PT_EBUSY);
    ck_assert_int_eq(turns_add(&x, 1), PT_EBUSY);
    ck_assert_ptr_null(x.displaced);
    ck_assert_uint_eq(pt_turns_count(x.q), 8);
    turns_free(&x);
}
END_TEST


START_TEST(more_keys_than_places)
{
    int     i;
    turns_t x;

    turns_init(&x, 8, 4);
    for (i = 1; i <= 8; i++) {
        ck_assert_ok(turns_add(&x, (uint64_t) i));
    }
    ck_assert_int_eq(turns_add(&x, 9), PT_EBUSY);
    ck_assert_uint_eq(turns_next(&x), 1);
    ck_assert_ok(turns_add(&x, 9));
    turns_free(&x);
}
END_TEST


START_TEST(whoever_leaves)
{
    turns_t x;

    turns_init(&x, 8, 8);
    ck_assert_ok(turns_add(&x, 1)); /* 0 */
    ck_assert_ok(turns_add(&x, 1));
    ck_assert_ok(turns_add(&x, 1));
    ck_assert_ok(turns_add(&x, 2)); /* 3 */
    ck_assert_ok(turns_add(&x, 3));
    pt_turns_drop(x.q, &x.turn[1]);
    pt_turns_drop(x.q, &x.turn[3]);
    ck_assert_uint_eq(turns_next(&x), 1);
    ck_assert_uint_eq(turns_next(&x), 3);
    ck_assert_ptr_eq(pt_turns_find(x.q), &x.turn[2]);
    pt_turns_drop(x.q, &x.turn[2]);
    ck_assert_ptr_null(pt_turns_find(x.q));

    /* again, by the same memory */
    ck_assert_ok(pt_turns_add(x.q, &x.turn[1], 1, &x.displaced));
    ck_assert_ptr_eq(pt_turns_find(x.q), &x.turn[1]);
    pt_turns_drop(x.q, &x.turn[1]);
    turns_free(&x);
}
END_TEST


/* Against a model: an array in which the same is looked for. */
START_TEST(as_a_model)
{
    int        i, k, n, longest;
    turns_t    x;
    uint32_t   seed = 12345;
    uint64_t   key;
    pt_turn_t *turn;
    int        lane[17] = { 0 };

    turns_init(&x, 16, 6);
    for (i = 0; i < 20000; i++) {
        seed = seed * 1103515245u + 12345u;
        if (seed >> 30 != 0) {
            for (k = 0; k < TURNS && x.turn[k].lane != NULL; k++) {
            }
            key = (seed >> 8) % 16 + 1;
            for (n = longest = 0, turn = NULL; n < 17; n++) {
                longest = lane[n] > longest ? lane[n] : longest;
            }
            n = (int) pt_turns_count(x.q);
            x.key[k] = key;
            if (pt_turns_add(x.q, &x.turn[k], key, &turn) != PT_OK) {
                ck_assert(lane[key] == 6
                          || (n == 16 && longest <= lane[key] + 1));
                continue;
            }
            ck_assert_int_lt(lane[key], 6);
            ck_assert((turn != NULL) == (n == 16));
            lane[key]++;
            if (turn != NULL) {
                ck_assert_int_eq(lane[x.key[turn - x.turn]], longest);
                lane[x.key[turn - x.turn]]--;
            }
        } else {
            turn = pt_turns_find(x.q);
            if (turn != NULL) {
                lane[x.key[turn - x.turn]]--;
                pt_turns_drop(x.q, turn);
            }
        }
    }
    turns_free(&x);
}
END_TEST


START_TEST(no_memory)
{
    pt_test_mem_t m;
    pt_turns_t   *q;

    pt_test_mem_init(&m, 0);
    ck_assert_int_eq(pt_turns_new(&m.mem, 64, 32, &q), PT_ENOMEM);
    ck_assert_ptr_null(q);
    pt_turns_del(q);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, round_robin);
    PT_TEST_CASE(s, first_come_first_served_in_a_lane);
    PT_TEST_CASE(s, a_newcomer_waits_for_one_round);
    PT_TEST_CASE(s, a_share_is_all_that_one_gets);
    PT_TEST_CASE(s, the_longest_lane_makes_room);
    PT_TEST_CASE(s, more_keys_than_places);
    PT_TEST_CASE(s, whoever_leaves);
    PT_TEST_CASE(s, as_a_model);
    PT_TEST_CASE(s, no_memory);
}


PT_TEST_MAIN(turns);
