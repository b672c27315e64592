/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"

#include "courier_pace.h"

static const pt_uuid_t one = { { 1 } };
static const pt_uuid_t two = { { 2 } };


/* 45 at once to one recipient, then one in six seconds. */

START_TEST(pair)
{
    int64_t         now;
    uint32_t        wait, i, sent;
    courier_pace_t *p;

    p = courier_pace_new(&pt_test_mem);
    now = 1000;

    for (i = 0; i < COURIER_PAIR_BURST; i++) {
        ck_assert(courier_pace_take(p, &one, PT_STR("5511"), now, &wait));
        ck_assert_uint_eq(wait, 0);
    }

    ck_assert(!courier_pace_take(p, &one, PT_STR("5511"), now, &wait));
    ck_assert_uint_eq(wait, COURIER_PAIR_EVERY_MS);
    ck_assert(courier_pace_take(p, &one, PT_STR("5512"), now, &wait));
    ck_assert(courier_pace_take(p, &two, PT_STR("5511"), now, &wait));

    /* asked every 7 ms for an hour, it loses nothing to rounding */
    for (sent = 0, i = 0; i < 3600000; i += 7) {
        sent += courier_pace_take(p, &one, PT_STR("5511"), now + i, &wait);
    }

    ck_assert_uint_ge(sent, 3600000 / COURIER_PAIR_EVERY_MS - 1);
    ck_assert_uint_le(sent, 3600000 / COURIER_PAIR_EVERY_MS);
    courier_pace_del(p);
}
END_TEST


/* 80 a second; the next second's are booked here, more wait outside. */

START_TEST(number)
{
    char            who[16];
    int64_t         now, last;
    uint32_t        wait, i;
    pt_uuid_t       out[4];
    courier_pace_t *p;

    p = courier_pace_new(&pt_test_mem);
    now = 5000;
    last = 0;

    for (i = 0; i < 2 * COURIER_NUMBER_RATE; i++) {
        snprintf(who, sizeof(who), "%u", i);
        ck_assert(courier_pace_take(p, &one, pt_test_str(who), now, &wait));
        ck_assert_uint_ge(wait, last);
        ck_assert_uint_le(wait, COURIER_BOOK_MAX_MS);
        ck_assert(i < COURIER_NUMBER_RATE ? wait == 0 : wait > 0);
        last = wait;
    }

    ck_assert_uint_eq(last, 1000);
    ck_assert(!courier_pace_take(p, &one, PT_STR("x"), now, &wait));
    ck_assert_uint_gt(wait, COURIER_BOOK_MAX_MS);

    /* not claimed for while it is booked out; the refused pair lost nothing */
    ck_assert_uint_eq(courier_pace_paused(p, now, out, 4), 1);
    ck_assert(pt_uuid_eq(&out[0], &one));
    ck_assert_uint_eq(courier_pace_paused(p, now + 1000, out, 4), 1);
    ck_assert_uint_eq(courier_pace_paused(p, now + 1013, out, 4), 0);

    for (i = 0; i < COURIER_PAIR_BURST; i++) {
        now += 2000;
        ck_assert(courier_pace_take(p, &one, PT_STR("x"), now, &wait));
    }

    courier_pace_del(p);
}
END_TEST


START_TEST(pauses)
{
    uint32_t        wait;
    pt_uuid_t       out[2];
    courier_pace_t *p;

    p = courier_pace_new(&pt_test_mem);
    courier_pace_pause(p, &one, 100, 500);
    courier_pace_pause(p, &one, 100, 300); /* never shorter */
    ck_assert_uint_eq(courier_pace_pausing(p, &one, 200), 400);
    ck_assert_uint_eq(courier_pace_pausing(p, &two, 200), 0);
    ck_assert(!courier_pace_take(p, &one, PT_STR("1"), 200, &wait));
    ck_assert_uint_eq(wait, 400);
    ck_assert(courier_pace_take(p, &two, PT_STR("1"), 200, &wait));
    ck_assert_uint_eq(courier_pace_paused(p, 200, out, 2), 1);
    ck_assert_uint_eq(courier_pace_paused(p, 200, out, 0), 0);
    ck_assert_uint_eq(courier_pace_paused(p, 600, out, 2), 0);
    ck_assert(courier_pace_take(p, &one, PT_STR("1"), 700, &wait));

    /* a clock that goes back gives nothing away */
    ck_assert(courier_pace_take(p, &one, PT_STR("1"), 650, &wait));
    courier_pace_del(p);
}
END_TEST


/* A table of busy pairs: the new one is not paced, the old ones stay so. */

START_TEST(full)
{
    char            who[16];
    uint32_t        wait, i;
    pt_uuid_t       number;
    courier_pace_t *p;

    p = courier_pace_new(&pt_test_mem);
    number = one;

    for (i = 0; i < COURIER_PACE_MAX + 100; i++) {
        snprintf(who, sizeof(who), "%u", i);
        number.b[14] = (uint8_t) (i / 40 >> 8); /* fresh numbers: no limit */
        number.b[15] = (uint8_t) (i / 40);
        ck_assert(courier_pace_take(p, &number, pt_test_str(who), 1, &wait));
        ck_assert_uint_eq(wait, 0);
    }

    /* all full again after a while: they are forgotten for the new ones */
    ck_assert(courier_pace_take(p, &two, PT_STR("new"), 1000000, &wait));

    for (i = 1; i < COURIER_PAIR_BURST; i++) {
        ck_assert(courier_pace_take(p, &two, PT_STR("new"), 1000000, &wait));
    }

    ck_assert(!courier_pace_take(p, &two, PT_STR("new"), 1000000, &wait));
    courier_pace_del(p);
}
END_TEST


/* No memory for a bucket: unpaced, never stuck. */

START_TEST(starved)
{
    size_t          n;
    uint32_t        wait;
    pt_test_mem_t   m;
    courier_pace_t *p;

    for (n = 0; n < 4; n++) {
        pt_test_mem_init(&m, n);
        p = courier_pace_new(&m.mem);

        if (p != NULL) {
            ck_assert(courier_pace_take(p, &one, PT_STR("1"), 1, &wait));
            courier_pace_pause(p, &one, 1, 100);
            courier_pace_del(p);
        }

        ck_assert_uint_eq(m.live, 0);
    }
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, pair);
    PT_TEST_CASE(s, number);
    PT_TEST_CASE(s, pauses);
    PT_TEST_CASE(s, full);
    PT_TEST_CASE(s, starved);
}


PT_TEST_MAIN(courier_pace);
