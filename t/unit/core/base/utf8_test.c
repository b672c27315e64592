/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"
#include "core/base/pt_util.h"


START_TEST(parse_i64)
{
    size_t  i;
    int64_t v;

    static const struct {
        const char *text;
        int64_t     value;
    } good[] = { { "0", 0 },
                 { "-0", 0 },
                 { "007", 7 },
                 { "-1", -1 },
                 { "9223372036854775807", INT64_MAX },
                 { "-9223372036854775808", INT64_MIN } };
    static const char *bad[] = { "",
                                 "-",
                                 "+1",
                                 " 1",
                                 "1 ",
                                 "1.0",
                                 "1e3",
                                 "0x1",
                                 "--1",
                                 "9223372036854775808",
                                 "-9223372036854775809",
                                 "99999999999999999999999999" };

    for (i = 0; i < PT_COUNT(good); i++) {
        ck_assert(pt_i64_parse(pt_test_str(good[i].text), &v));
        ck_assert_int_eq(v, good[i].value);
    }
    for (i = 0; i < PT_COUNT(bad); i++) {
        ck_assert_msg(!pt_i64_parse(pt_test_str(bad[i]), &v), "%s", bad[i]);
    }
    ck_assert(!pt_i64_parse(PT_STR_NULL, &v));
}
END_TEST


START_TEST(utf8_validity)
{
    size_t i;

    static const char *good[] = { "",
                                  "abc",
                                  "\xc2\x80",
                                  "\xdf\xbf",
                                  "\xe0\xa0\x80",
                                  "\xed\x9f\xbf",
                                  "\xee\x80\x80",
                                  "\xef\xbf\xbf",
                                  "\xf0\x90\x80\x80",
                                  "\xf4\x8f\xbf\xbf",
                                  "longer than a word \xc3\xa9 and on we go" };
    static const char *bad[] = { "\x80",
                                 "\xbf",
                                 "\xc0\x80",
                                 "\xc1\xbf",
                                 "\xc2",
                                 "\xc2"
                                 "a",
                                 "\xe0\x80\x80",
                                 "\xe0\x9f\xbf",
                                 "\xed\xa0\x80",
                                 "\xed\xbf\xbf",
                                 "\xe2\x82",
                                 "\xf0\x8f\xbf\xbf",
                                 "\xf4\x90\x80\x80",
                                 "\xf5\x80\x80\x80",
                                 "\xf0\x90\x80",
                                 "\xff",
                                 "\xfe",
                                 "abcdefgh\xff",
                                 "abcdefghijkl\xc2" };

    for (i = 0; i < PT_COUNT(good); i++) {
        ck_assert_msg(pt_utf8_is(pt_test_str(good[i])), "good %zu", i);
    }
    for (i = 0; i < PT_COUNT(bad); i++) {
        ck_assert_msg(!pt_utf8_is(pt_test_str(bad[i])), "bad %zu", i);
    }

    ck_assert(pt_utf8_is(PT_STR_NULL));
    ck_assert(pt_utf8_is((pt_str_t){ "a\0b", 3 }));
}
END_TEST


START_TEST(utf8_prefix_and_count)
{
    pt_str_t s = PT_STR("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z");

    ck_assert_uint_eq(pt_utf8_count(s), 5);
    ck_assert_slice_lit(pt_utf8_prefix(s, 0), "");
    ck_assert_slice_lit(pt_utf8_prefix(s, 1), "a");
    ck_assert_slice_lit(pt_utf8_prefix(s, 2), "a\xc3\xa9");
    ck_assert_slice_lit(pt_utf8_prefix(s, 3), "a\xc3\xa9\xe2\x82\xac");
    ck_assert_slice_lit(pt_utf8_prefix(s, 4),
                        "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    ck_assert_slice(pt_utf8_prefix(s, 5), s);
    ck_assert_slice(pt_utf8_prefix(s, SIZE_MAX), s);
    ck_assert_uint_eq(pt_utf8_prefix(PT_STR_NULL, 3).len, 0);
}
END_TEST


START_TEST(utf8_clean)
{
    bool        changed;
    size_t      i;
    pt_str_t    s;
    pt_arena_t *a = pt_test_arena();

    /* the table of Unicode 15, section 3.9, and PostgreSQL's NUL */
    static const struct {
        pt_str_t in;
        pt_str_t out;
    } cases[] = { { PT_STR("a\0b"), PT_STR("a\xef\xbf\xbd"
                                           "b") },
                  { PT_STR("\xff"), PT_STR("\xef\xbf\xbd") },
                  { PT_STR("\xc0\xaf"), PT_STR("\xef\xbf\xbd\xef\xbf\xbd") },
                  { PT_STR("\xe1\x80\xe2"),
                    PT_STR("\xef\xbf\xbd\xef\xbf\xbd") },
                  { PT_STR("\xf0\x91\x92"
                           "A"),
                    PT_STR("\xef\xbf\xbd"
                           "A") },
                  { PT_STR("\xed\xa0\x80"),
                    PT_STR("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") } };

    for (i = 0; i < PT_COUNT(cases); i++) {
        ck_assert_ok(pt_utf8_clean(a, cases[i].in, &s, &changed));
        ck_assert(changed);
        ck_assert_slice(s, cases[i].out);
        ck_assert(pt_utf8_is(s));
    }

    ck_assert_ok(pt_utf8_clean(a, PT_STR("clean \xc3\xa9"), &s, &changed));
    ck_assert(!changed);
    ck_assert_slice_lit(s, "clean \xc3\xa9");
    ck_assert_ok(pt_utf8_clean(a, PT_STR_NULL, &s, &changed));
    ck_assert(!changed);
    ck_assert_uint_eq(s.len, 0);

    pt_arena_del(a);
}
END_TEST


/*
 * The whole of Unicode is asked; the sums change when a range does.  How many
 * there are: perl -e 'for (0 .. 0x10ffff) { $n++ if chr($_) =~
 * /\p{White_Space}|\p{Default_Ignorable_Code_Point}|\p{Cc}|[\x{2800}
 * \x{1d159}]/x } print $n'
 */
START_TEST(utf8_blank)
{
    size_t   i, n;
    uint32_t c;

    static const char *const nothing[] = { "",
                                           " \t\r\n",
                                           "\xe2\x81\xa0",
                                           "\xe3\x85\xa4",
                                           "\xc2\xad",
                                           "\xe2\x80\xae",
                                           "\xe2\xa0\x80",
                                           "\xef\xb8\x8f",
                                           "\xe2\x80\x8d",
                                           "\xf3\xa0\x81\xbf",
                                           "\xf0\x9d\x85\x99" };
    static const char *const something[] = {
        "a", "\xe2\x81\xa0.", ". ", "\xe2\xa0\x81", "\xef\xbf\xbd",
        /* a heart, a family, a keycap, a flag of tags */
        "\xe2\x9d\xa4\xef\xb8\x8f",
        "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa6",
        "1\xef\xb8\x8f\xe2\x83\xa3",
        "\xf0\x9f\x8f\xb4\xf3\xa0\x81\xa7\xf3\xa0\x81\xbf"
    };

    for (i = 0; i < PT_COUNT(nothing); i++) {
        ck_assert(
            pt_utf8_is_blank((pt_str_t){ nothing[i], strlen(nothing[i]) }));
    }
    for (i = 0; i < PT_COUNT(something); i++) {
        ck_assert(!pt_utf8_is_blank(
            (pt_str_t){ something[i], strlen(something[i]) }));
    }

    for (c = 0, n = 0; c <= 0x10ffff; c++) {
        n += pt_utf8_char_is_blank(c);
    }
    ck_assert_uint_eq(n, 4260);
}
END_TEST


START_TEST(utf8_next)
{
    pt_str_t s = PT_STR("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xff");

    ck_assert_uint_eq(pt_utf8_next(&s), 'a');
    ck_assert_uint_eq(pt_utf8_next(&s), 0xe9);
    ck_assert_uint_eq(pt_utf8_next(&s), 0x20ac);
    ck_assert_uint_eq(pt_utf8_next(&s), 0x1f600);
    ck_assert_uint_eq(pt_utf8_next(&s), 0xfffd);
    ck_assert_uint_eq(s.len, 0);
}
END_TEST


/* A name keeps what shapes it, and nothing that moves or hides it. */
START_TEST(hidden)
{
    size_t i;

    static const uint32_t bad[] = { 0,      '\n',   0x1b,   0x7f,   0x85,
                                    0xad,   0x61c,  0x200b, 0x200e, 0x2028,
                                    0x202e, 0x2060, 0x2066, 0x2800, 0x3164,
                                    0xfeff, 0xfff9, 0xe0001 };
    static const uint32_t good[] = { ' ',    'a',    0xa0,    0x200c, 0x200d,
                                     0x3000, 0xfe0f, 0x1f600, 0xe0067 };

    for (i = 0; i < PT_COUNT(bad); i++) {
        ck_assert(pt_utf8_char_is_hidden(bad[i]));
    }
    for (i = 0; i < PT_COUNT(good); i++) {
        ck_assert(!pt_utf8_char_is_hidden(good[i]));
    }
}
END_TEST


static pt_err_t
text_scenario(pt_arena_t *a, void *user)
{
    bool     changed;
    pt_str_t s;
    pt_err_t err;

    PT_UNUSED(user);

    err = pt_utf8_clean(a, PT_STR("\xff\xff\xff"), &s, &changed);
    if (err == PT_OK) {
        err = pt_utf8_clean(a, PT_STR("fine"), &s, &changed);
    }

    return err;
}


START_TEST(trim)
{
    pt_str_t s;

    ck_assert(pt_str_is(pt_utf8_trim(PT_STR(" \t a \t b\t ")), "a \t b"));
    ck_assert(pt_str_is(pt_utf8_trim(PT_STR("\na\r")), "\na\r"));
    ck_assert_uint_eq(pt_utf8_trim(PT_STR(" \t ")).len, 0);
    ck_assert_uint_eq(pt_utf8_trim(PT_STR("")).len, 0);

    s = pt_utf8_trim(PT_STR_NULL);
    ck_assert(s.data == NULL && s.len == 0);
}
END_TEST


START_TEST(refused_allocations)
{
    pt_test_arena_caps(text_scenario, NULL);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, parse_i64);
    PT_TEST_CASE(s, utf8_validity);
    PT_TEST_CASE(s, utf8_prefix_and_count);
    PT_TEST_CASE(s, utf8_clean);
    PT_TEST_CASE(s, utf8_blank);
    PT_TEST_CASE(s, utf8_next);
    PT_TEST_CASE(s, hidden);
    PT_TEST_CASE(s, trim);
    PT_TEST_CASE(s, refused_allocations);
}


PT_TEST_MAIN(utf8);
