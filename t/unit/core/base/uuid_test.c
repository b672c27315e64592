/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"
#include "core/base/pt_util.h"

#define UUID_TEXT "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


static void
uuid_text_is(const pt_uuid_t *id, const char *want)
{
    char text[PT_UUID_LEN];

    pt_uuid_build(id, text);
    ck_assert_slice(((pt_str_t){ text, sizeof(text) }), pt_test_str(want));
}


START_TEST(parse_and_build)
{
    size_t    i;
    pt_uuid_t id, id2;

    static const char *bad[] = { "",
                                 "017f22e279b07cc398c4dc0c0c07398f",
                                 "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
                                 "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
                                 "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
                                 "017f22e2-79b0-7cc3-98c4.dc0c0c07398f",
                                 "017f22e-279b0-7cc3-98c4-dc0c0c07398f",
                                 "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}" };

    ck_assert(pt_uuid_parse(PT_STR(UUID_TEXT), &id));
    uuid_text_is(&id, UUID_TEXT);
    ck_assert(
        pt_uuid_parse(PT_STR("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), &id2));
    ck_assert(pt_uuid_eq(&id, &id2));
    ck_assert(!pt_uuid_is_nil(&id));

    memset(&id2, 0, sizeof(id2));
    ck_assert(pt_uuid_is_nil(&id2));
    ck_assert(!pt_uuid_eq(&id, &id2));

    for (i = 0; i < PT_COUNT(bad); i++) {
        ck_assert_msg(!pt_uuid_parse(pt_test_str(bad[i]), &id2), "%s", bad[i]);
    }
    ck_assert(pt_uuid_is_nil(&id2));
    ck_assert(!pt_uuid_parse(PT_STR_NULL, &id2));
}
END_TEST


/* RFC 9562, appendix A.6 */
START_TEST(v7_vector)
{
    pt_uuid_t id;

    static const uint8_t rnd[10] = { 0x0c, 0xc3, 0x18, 0xc4, 0xdc,
                                     0x0c, 0x0c, 0x07, 0x39, 0x8f };

    pt_uuid_v7(INT64_C(1645557742000) * 1000, rnd, &id);
    uuid_text_is(&id, UUID_TEXT);
    ck_assert_int_eq(pt_uuid_time_us(&id), INT64_C(1645557742000) * 1000);
}
END_TEST


START_TEST(v7_clamps)
{
    uint8_t   rnd[10];
    pt_uuid_t id;

    memset(rnd, 0xff, sizeof(rnd));
    pt_uuid_v7(-1, rnd, &id);
    uuid_text_is(&id, "00000000-0000-7fff-bfff-ffffffffffff");
    pt_uuid_v7(INT64_MAX, rnd, &id);
    uuid_text_is(&id, "ffffffff-ffff-7fff-bfff-ffffffffffff");
    ck_assert_int_eq(pt_uuid_time_us(&id), ((INT64_C(1) << 48) - 1) * 1000);
}
END_TEST


START_TEST(derived_is_a_function_of_its_input)
{
    uint8_t   hash[32];
    pt_uuid_t a, b, c;

    ck_assert_ok(
        pt_uuid_derive(1700000000, PT_STR("123"), PT_STR("wamid.X"), &a));
    ck_assert_ok(
        pt_uuid_derive(1700000000, PT_STR("123"), PT_STR("wamid.X"), &b));
    ck_assert(pt_uuid_eq(&a, &b));
    ck_assert_int_eq(pt_uuid_time_us(&a), INT64_C(1700000000000000));
    ck_assert_uint_eq(a.b[6] >> 4, 7);
    ck_assert_uint_eq(a.b[8] >> 6, 2);

    /* the documented bits */
    ck_assert_ok(pt_hash_sha256("123\0wamid.X", 11, hash));
    pt_uuid_v7(INT64_C(1700000000000000), hash, &c);
    ck_assert(pt_uuid_eq(&a, &c));

    /* the NUL keeps the two parts apart */
    ck_assert_ok(
        pt_uuid_derive(1700000000, PT_STR("12"), PT_STR("3wamid.X"), &b));
    ck_assert(!pt_uuid_eq(&a, &b));
    ck_assert_ok(
        pt_uuid_derive(1700000001, PT_STR("123"), PT_STR("wamid.X"), &b));
    ck_assert(!pt_uuid_eq(&a, &b));
}
END_TEST


START_TEST(derived_clamps_to_what_fits)
{
    pt_uuid_t id;
    int64_t   max = (INT64_C(1) << 48) - 1;

    ck_assert_ok(pt_uuid_derive(-5, PT_STR("1"), PT_STR("w"), &id));
    ck_assert_int_eq(pt_uuid_time_us(&id), 0);
    ck_assert_ok(pt_uuid_derive(INT64_MIN, PT_STR("1"), PT_STR("w"), &id));
    ck_assert_int_eq(pt_uuid_time_us(&id), 0);
    ck_assert_ok(pt_uuid_derive(INT64_MAX, PT_STR("1"), PT_STR("w"), &id));
    ck_assert_int_eq(pt_uuid_time_us(&id), max * 1000);
    ck_assert_ok(pt_uuid_derive(max / 1000, PT_STR("1"), PT_STR("w"), &id));
    ck_assert_int_eq(pt_uuid_time_us(&id), max / 1000 * 1000000);

    /* nothing else is judged: 1970 and 9999 are kept as sent */
    ck_assert_ok(pt_uuid_derive(1, PT_STR_NULL, PT_STR_NULL, &id));
    ck_assert_int_eq(pt_uuid_time_us(&id), 1000000);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, parse_and_build);
    PT_TEST_CASE(s, v7_vector);
    PT_TEST_CASE(s, v7_clamps);
    PT_TEST_CASE(s, derived_is_a_function_of_its_input);
    PT_TEST_CASE(s, derived_clamps_to_what_fits);
}


PT_TEST_MAIN(uuid);
