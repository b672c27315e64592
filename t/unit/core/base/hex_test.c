/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"
#include "core/base/pt_util.h"


START_TEST(url_decode)
{
    size_t      i;
    pt_str_t    s;
    pt_arena_t *a = pt_test_arena();

    static const struct {
        const char *in;
        const char *out;
    } good[] = { { "", "" },
                 { "abc", "abc" },
                 { "a+b%20c", "a b c" },
                 { "%41%6a%6A", "Ajj" },
                 { "%2B%25", "+%" },
                 { "%C3%A9", "\xc3\xa9" } };
    static const char *bad[] = { "%",   "%4",   "abc%", "%4g",
                                 "%g4", "%%41", "%00",  "a%00b" };

    for (i = 0; i < PT_COUNT(good); i++) {
        ck_assert_ok(pt_url_decode(a, pt_test_str(good[i].in), &s));
        ck_assert_slice(s, pt_test_str(good[i].out));
    }
    for (i = 0; i < PT_COUNT(bad); i++) {
        ck_assert_int_eq(pt_url_decode(a, pt_test_str(bad[i]), &s),
                         PT_EBADREQUEST);
    }
    ck_assert_int_eq(pt_url_decode(a, PT_STR("a\0b"), &s), PT_EBADREQUEST);
    ck_assert_ok(pt_url_decode(a, PT_STR_NULL, &s));

    pt_arena_del(a);
}
END_TEST


START_TEST(base64url_vectors)
{
    size_t      i, len;
    uint8_t     raw[64];
    pt_str_t    s;
    pt_arena_t *a = pt_test_arena();

    /* RFC 4648, section 10, without the padding */
    static const char *vectors[][2] = { { "", "" },
                                        { "f", "Zg" },
                                        { "fo", "Zm8" },
                                        { "foo", "Zm9v" },
                                        { "foob", "Zm9vYg" },
                                        { "fooba", "Zm9vYmE" },
                                        { "foobar", "Zm9vYmFy" },
                                        { "\xfb\xff\xfe", "-__-" } };

    for (i = 0; i < PT_COUNT(vectors); i++) {
        ck_assert_ok(pt_base64url_build(a, (const uint8_t *) vectors[i][0],
                                        strlen(vectors[i][0]), &s));
        ck_assert_slice(s, pt_test_str(vectors[i][1]));
        ck_assert(pt_base64url_parse(s, raw, &len));
        ck_assert_slice(((pt_str_t){ (char *) raw, len }),
                        pt_test_str(vectors[i][0]));
    }

    pt_arena_del(a);
}
END_TEST


START_TEST(base64url_refuses_other_spellings)
{
    size_t  i, len;
    uint8_t raw[64];

    static const char *bad[] = {
        "Z",    "Zm9vY", "Zg==",   "Zm8=",    "Zh",   "Zm9",     "Zm+v",
        "Zm/v", "Zm v",  "Zm9v\n", "Zm\x80v", "====", "Zm9vYmF."
    };

    for (i = 0; i < PT_COUNT(bad); i++) {
        ck_assert_msg(!pt_base64url_parse(pt_test_str(bad[i]), raw, &len), "%s",
                      bad[i]);
    }
}
END_TEST


START_TEST(base64url_round_trip)
{
    size_t      n, i, len;
    uint8_t     raw[257], back[260];
    pt_str_t    s;
    pt_arena_t *a = pt_test_arena();

    for (i = 0; i < sizeof(raw); i++) {
        raw[i] = (uint8_t) (i * 167 + 13);
    }
    for (n = 0; n <= sizeof(raw); n++) {
        ck_assert_ok(pt_base64url_build(a, raw, n, &s));
        ck_assert(pt_base64url_parse(s, back, &len));
        ck_assert_uint_eq(len, n);
        ck_assert_int_eq(memcmp(raw, back, n), 0);
    }

    pt_arena_del(a);
}
END_TEST


START_TEST(hex)
{
    char    text[8];
    uint8_t raw[4];

    pt_hex_build((const uint8_t *) "\x00\x9f\xa0\xff", 4, text);
    ck_assert_slice_lit(((pt_str_t){ text, 8 }), "009fa0ff");

    ck_assert(pt_hex_parse(PT_STR("009Fa0fF"), raw, 4));
    ck_assert_int_eq(memcmp(raw, "\x00\x9f\xa0\xff", 4), 0);
    ck_assert(!pt_hex_parse(PT_STR("009fa0f"), raw, 4));
    ck_assert(!pt_hex_parse(PT_STR("009fa0ff0"), raw, 4));
    ck_assert(!pt_hex_parse(PT_STR("009fa0fg"), raw, 4));
    ck_assert(!pt_hex_parse(PT_STR("009fa0f@"), raw, 4));
    ck_assert(!pt_hex_parse(PT_STR_NULL, raw, 4));
    ck_assert(!pt_hex_parse(PT_STR("00"), raw, SIZE_MAX));
}
END_TEST


static pt_err_t
code_scenario(pt_arena_t *a, void *user)
{
    pt_str_t s;
    pt_err_t err;

    PT_UNUSED(user);

    err = pt_url_decode(a, PT_STR("a%20b"), &s);
    if (err == PT_OK) {
        err = pt_base64url_build(a, (const uint8_t *) "abc", 3, &s);
    }

    return err;
}


START_TEST(refused_allocations)
{
    pt_test_arena_caps(code_scenario, NULL);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, url_decode);
    PT_TEST_CASE(s, base64url_vectors);
    PT_TEST_CASE(s, base64url_refuses_other_spellings);
    PT_TEST_CASE(s, base64url_round_trip);
    PT_TEST_CASE(s, hex);
    PT_TEST_CASE(s, refused_allocations);
}


PT_TEST_MAIN(hex);
