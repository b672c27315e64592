/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"

#include "courier/courier_pace.h"

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


/* How many go now, the one that is booked for its turn included. */

static uint32_t
burst_of(courier_pace_t *p, const pt_uuid_t *number, int64_t now)
{
    char     who[32];
    uint32_t wait, n;

    wait = 0;

    for (n = 0; wait == 0; n++) {
        snprintf(who, sizeof(who), "%lld.%u", (long long) now, n);

        if (!courier_pace_take(p, number, pt_test_str(who), now, &wait)) {
            break;
        }
    }

    return n;
}


/* Refusals: longer pauses in a row, half the rate, which rises again. */

START_TEST(strikes)
{
    int64_t               now, t;
    size_t                i;
    uint32_t              sent;
    courier_pace_t       *p;
    static const uint32_t pauses[] = { 1000, 3000, 9000, 27000, 60000, 60000 };

    p = courier_pace_new(&pt_test_mem);
    now = 1000;

    for (i = 0; i < PT_COUNT(pauses); i++) {
        ck_assert_uint_eq(courier_pace_strike(p, &one, now, now + 10, 0),
                          pauses[i]);
        /* what was under way with it does not count */
        ck_assert_uint_eq(courier_pace_strike(p, &one, now + 5, now + 20, 0),
                          pauses[i] - 10);
        ck_assert_uint_eq(courier_pace_pausing(p, &two, now), 0);
        now += 11 + pauses[i];
    }

    /* the error may want more, and never shortens it */
    ck_assert_uint_eq(courier_pace_strike(p, &one, now, now, 600000), 600000);
    now += 600000;
    ck_assert_uint_eq(courier_pace_pausing(p, &one, now), 0);

    /* the bucket is empty, its rate the least, and rises by one a second */
    sent = burst_of(p, &one, now);
    ck_assert_uint_eq(sent, 1);

    for (t = 0; t < 1000; t += 10) {
        sent += burst_of(p, &one, now + t);
    }

    ck_assert_uint_le(sent, 2 * COURIER_RATE_MIN + 1); /* a second ahead */

    for (i = 1; i <= 80; i++) {
        for (sent = 0; t < (int64_t) i * 1000 + 1000; t += 10) {
            sent += burst_of(p, &one, now + t);
        }
        ck_assert_uint_le(sent, COURIER_RATE_MIN + i + 2);
    }

    ck_assert_uint_ge(sent, COURIER_NUMBER_RATE - 2);

    /* accepted since: the next one is the first again */
    now += t;
    courier_pace_accept(p, &one, 500, now); /* began before them */
    ck_assert_uint_eq(courier_pace_strike(p, &one, now, now, 0), 60000);
    now += 60001;
    courier_pace_accept(p, &one, now, now + 1);
    ck_assert_uint_eq(courier_pace_strike(p, &one, now, now + 1, 0), 1000);
    now += 1002;
    courier_pace_strike(p, &one, now, now, 0);
    ck_assert_uint_eq(courier_pace_strike(p, &one, now + COURIER_CALM_MS * 2,
                                          now + COURIER_CALM_MS * 2, 0),
                      1000);
    courier_pace_del(p);
}
END_TEST


/* A number that may send 20 a second finds it out, and does not starve. */

START_TEST(coexistence)
{
    int64_t         now, second;
    uint32_t        took, sent, refused, n;
    courier_pace_t *p;

    p = courier_pace_new(&pt_test_mem);
    sent = refused = took = 0;
    second = 0;

    for (now = 10000; now < 130000; now += 50) {
        if (now / 1000 != second) {
            second = now / 1000;
            took = 0;
        }

        for (n = burst_of(p, &one, now); n > 0; n--) {
            if (took++ < 20) {
                sent++;
                courier_pace_accept(p, &one, now, now + 10);

            } else {
                refused++;
                courier_pace_strike(p, &one, now, now + 10, 0);
            }
        }
    }

    ck_assert_msg(sent >= 120 * 10 && refused * 10 < sent,
                  "%u sent, %u refused in 120 s", sent, refused);
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
            ck_assert_uint_ge(courier_pace_strike(p, &one, 1, 1, 50), 50);
            courier_pace_accept(p, &one, 2, 2);
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
    PT_TEST_CASE(s, strikes);
    PT_TEST_CASE(s, coexistence);
    PT_TEST_CASE(s, full);
    PT_TEST_CASE(s, starved);
}


PT_TEST_MAIN(courier_pace);
