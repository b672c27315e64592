/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"
#include "core/base/pt_bus.h"

#define BUS_SECRET "ultra_secure_jwt_secret_key_256_bits"
#define BUS_NOW INT64_C(1795398067519123)
#define BUS_EV PT_STR("ev:01a20635-5cd4-73c0-90f0-60302e7a4be8")
#define BUS_OTHER PT_STR("ev:01a20635-5cd4-73c0-90f0-60302e7a4be9")

static uint8_t bus_secret[PT_BUS_KEY];


static pt_str_t
bus_signed(char *out, pt_str_t channel, const char *text, int64_t at_us)
{
    size_t n = strlen(text);

    memcpy(out, text, n);
    ck_assert_ok(pt_bus_key(PT_STR(BUS_SECRET), bus_secret));
    ck_assert_ok(
        pt_bus_sign(bus_secret, channel, (pt_str_t){ out, n }, at_us, out + n));

    return (pt_str_t){ out, n + PT_BUS_SEAL };
}


static bool
bus_is_good(pt_str_t channel, pt_str_t payload)
{
    int64_t  at;
    pt_str_t text;

    return pt_bus_verify(bus_secret, channel, payload, BUS_NOW, &text, &at);
}


START_TEST(what_was_said)
{
    char     buf[200];
    int64_t  at;
    pt_str_t text, p = bus_signed(buf, BUS_EV, "7 {\"a\":1}", BUS_NOW - 5);

    /* as Python's hmac has it: other versions must agree */
    ck_assert_mem_eq(p.data + 9,
                     " 000660e7b00b7e8e eb4658dd35acbe19be267ab406757d76",
                     PT_BUS_SEAL);
    ck_assert(pt_bus_verify(bus_secret, BUS_EV, p, BUS_NOW, &text, &at));
    ck_assert(pt_str_is(text, "7 {\"a\":1}"));
    ck_assert_int_eq(at, BUS_NOW - 5);

    p = bus_signed(buf, BUS_EV, "", BUS_NOW);
    ck_assert(pt_bus_verify(bus_secret, BUS_EV, p, BUS_NOW, &text, &at));
    ck_assert_uint_eq(text.len, 0);
}
END_TEST


START_TEST(every_bit_counts)
{
    char     buf[200];
    size_t   i, bit;
    pt_str_t p = bus_signed(buf, BUS_EV, "7 {\"a\":1}", BUS_NOW);

    for (i = 0; i < p.len; i++) {
        for (bit = 0; bit < 8; bit++) {
            buf[i] = (char) (buf[i] ^ (1 << bit));
            /* hex digits of the other case are the same number */
            ck_assert(!bus_is_good(BUS_EV, p)
                      || (i >= p.len - 2 * PT_BUS_MAC && bit == 5));
            buf[i] = (char) (buf[i] ^ (1 << bit));
        }
    }

    for (i = 0; i < p.len; i++) {
        ck_assert(!bus_is_good(BUS_EV, (pt_str_t){ p.data, i }));
        ck_assert(
            !bus_is_good(BUS_EV, (pt_str_t){ p.data + i + 1, p.len - i - 1 }));
    }

    ck_assert(bus_is_good(BUS_EV, p));
    ck_assert(!bus_is_good(BUS_OTHER, p));
    ck_assert_ok(pt_bus_key(PT_STR(BUS_SECRET "s"), bus_secret));
    ck_assert(!bus_is_good(BUS_EV, p));
}
END_TEST


START_TEST(lately)
{
    char   buf[200];
    size_t i;

    static const struct {
        int64_t at;
        bool    good;
    } cases[] = { { BUS_NOW - PT_BUS_FRESH_US, true },
                  { BUS_NOW - PT_BUS_FRESH_US - 1, false },
                  { BUS_NOW + PT_BUS_FRESH_US, true },
                  { BUS_NOW + PT_BUS_FRESH_US + 1, false },
                  { 0, false },
                  { -1, false },
                  { INT64_MIN, false },
                  { INT64_MAX, false } };

    for (i = 0; i < PT_COUNT(cases); i++) {
        ck_assert_int_eq(
            bus_is_good(BUS_EV, bus_signed(buf, BUS_EV, "7 {}", cases[i].at)),
            cases[i].good);
    }
}
END_TEST


START_TEST(too_long)
{
    char        seal[PT_BUS_SEAL];
    static char text[PT_BUS_TEXT_MAX + 1 + PT_BUS_SEAL];

    memset(text, ' ', sizeof(text));
    ck_assert_ok(pt_bus_key(PT_STR(BUS_SECRET), bus_secret));
    ck_assert_ok(pt_bus_sign(bus_secret, BUS_EV,
                             (pt_str_t){ text, PT_BUS_TEXT_MAX }, BUS_NOW,
                             seal));
    ck_assert_int_eq(pt_bus_sign(bus_secret, BUS_EV,
                                 (pt_str_t){ text, PT_BUS_TEXT_MAX + 1 },
                                 BUS_NOW, seal),
                     PT_ELIMIT);
    ck_assert_int_eq(pt_bus_sign(bus_secret,
                                 (pt_str_t){ text, PT_BUS_CHANNEL_MAX + 1 },
                                 PT_STR("x"), BUS_NOW, seal),
                     PT_ELIMIT);
    ck_assert(!bus_is_good(BUS_EV, (pt_str_t){ text, sizeof(text) }));
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, what_was_said);
    PT_TEST_CASE(s, every_bit_counts);
    PT_TEST_CASE(s, lately);
    PT_TEST_CASE(s, too_long);
}


PT_TEST_MAIN(bus);
