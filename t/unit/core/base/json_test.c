/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"
#include "core/base/pt_json.h"
#include "core/base/pt_util.h"

#define FFFD "\xef\xbf\xbd"


static pt_err_t
json_parse(pt_arena_t *a, pt_str_t text, pt_json_t **out)
{
    char    *copy;
    pt_err_t err;

    /* a heap copy, overwritten: nothing may point into it, and ASan sees a
     * byte read too far */
    copy = malloc(text.len == 0 ? 1 : text.len);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, text.data, text.len);

    err = pt_json_parse(a, (pt_str_t){ copy, text.len }, &pt_json_limits_api,
                        out);

    memset(copy, 'Z', text.len);
    free(copy);

    return err;
}


static pt_json_t *
json_get(pt_arena_t *a, const char *text)
{
    pt_err_t   err;
    pt_json_t *v;

    err = json_parse(a, pt_test_str(text), &v);
    ck_assert_msg(err == PT_OK, "%d: %s", err, text);

    return v;
}


static pt_str_t
json_write(pt_arena_t *a, const pt_json_t *v)
{
    pt_jw_t  w;
    pt_buf_t b;
    pt_str_t s;

    pt_buf_init(&b, a, 16 * 1024 * 1024);
    pt_jw_init(&w, &b);
    pt_jw_value(&w, v);
    ck_assert_ok(pt_buf_get(&b, &s));
    ck_assert_uint_eq(w.depth, 0);

    return s;
}


static pt_str_t
json_repeat(pt_arena_t *a, const char *unit, size_t n)
{
    size_t i, len = strlen(unit);
    char  *p = pt_arena_alloc(a, n * len + 1);

    ck_assert_ptr_nonnull(p);
    for (i = 0; i < n; i++) {
        memcpy(p + i * len, unit, len);
    }

    return (pt_str_t){ p, n * len };
}


START_TEST(values_and_lookups)
{
    bool             flag;
    int64_t          n;
    pt_str_t         s;
    pt_json_t       *v;
    const pt_json_t *m;
    pt_arena_t      *a = pt_test_arena();

    v = json_get(a, " {\"s\":\"text\",\"n\":12345678901234567,\"f\":1.5e3,"
                    "\"t\":true,\"z\":null,\"a\":[1,\"b\",[],{}],"
                    "\"o\":{\"k\":false},\"big\":99999999999999999999} \n");
    ck_assert_int_eq(v->type, PT_JSON_OBJECT);
    ck_assert_uint_eq(v->count, 8);
    ck_assert(!v->cleaned && !v->duplicates);

    ck_assert(pt_json_find_str(v, "s", &s));
    ck_assert_slice_lit(s, "text");
    ck_assert(pt_json_find_i64(v, "n", &n));
    ck_assert_int_eq(n, 12345678901234567);
    ck_assert(!pt_json_find_i64(v, "f", &n));
    ck_assert_slice_lit(pt_json_find(v, "f")->str, "1.5e3");
    ck_assert(!pt_json_find_i64(v, "big", &n));
    ck_assert_slice_lit(pt_json_find(v, "big")->str, "99999999999999999999");
    ck_assert(pt_json_find_bool(v, "t", &flag) && flag);
    ck_assert(pt_json_is(pt_json_find(v, "z"), PT_JSON_NULL));
    ck_assert(pt_json_find_bool(pt_json_find(v, "o"), "k", &flag) && !flag);

    m = pt_json_find(v, "a");
    ck_assert(pt_json_is(m, PT_JSON_ARRAY) && m->count == 4);
    ck_assert(pt_json_i64(m->first, &n) && n == 1);
    ck_assert_slice_lit(m->first->next->str, "b");
    ck_assert_uint_eq(m->first->next->next->count, 0);
    ck_assert_ptr_null(m->first->next->next->next->next);

    ck_assert(!pt_json_find_str(v, "n", &s));
    ck_assert(!pt_json_find_bool(v, "s", &flag));
    ck_assert_ptr_null(pt_json_find(v, "nothing"));
    ck_assert_ptr_null(pt_json_find(m, "a"));
    ck_assert_ptr_null(pt_json_find(NULL, "a"));

    pt_arena_del(a);
}
END_TEST


START_TEST(top_level_scalars)
{
    size_t      i;
    pt_arena_t *a = pt_test_arena();

    static const char *texts[] = { "0",    "-1",   "12",    "1.25", "1E+2",
                                   "-0",   "\"\"", "\"x\"", "true", "false",
                                   "null", "[]",   "{}" };

    for (i = 0; i < PT_COUNT(texts); i++) {
        ck_assert_slice(json_write(a, json_get(a, texts[i])),
                        pt_test_str(texts[i]));
    }

    pt_arena_del(a);
}
END_TEST


START_TEST(what_is_not_json)
{
    size_t      i;
    pt_json_t  *v;
    pt_arena_t *a = pt_test_arena();

    static const pt_str_t bad[] = { PT_STR(""),
                                    PT_STR(" "),
                                    PT_STR("{"),
                                    PT_STR("}"),
                                    PT_STR("["),
                                    PT_STR("]"),
                                    PT_STR("[1"),
                                    PT_STR("[1,"),
                                    PT_STR("[1,]"),
                                    PT_STR("[,1]"),
                                    PT_STR("[1 2]"),
                                    PT_STR("{\"a\"}"),
                                    PT_STR("{\"a\":}"),
                                    PT_STR("{\"a\":1,}"),
                                    PT_STR("{,}"),
                                    PT_STR("{a:1}"),
                                    PT_STR("{'a':1}"),
                                    PT_STR("{1:1}"),
                                    PT_STR("{\"a\" 1}"),
                                    PT_STR("{\"a\":1 \"b\":2}"),
                                    PT_STR("[1}"),
                                    PT_STR("{\"a\":1]"),
                                    PT_STR("1 2"),
                                    PT_STR("{}{}"),
                                    PT_STR("{} x"),
                                    PT_STR("{}]"),
                                    PT_STR("01"),
                                    PT_STR("-"),
                                    PT_STR("+1"),
                                    PT_STR(".5"),
                                    PT_STR("1."),
                                    PT_STR("1e"),
                                    PT_STR("1e+"),
                                    PT_STR("0x10"),
                                    PT_STR("NaN"),
                                    PT_STR("Infinity"),
                                    PT_STR("-Infinity"),
                                    PT_STR("tru"),
                                    PT_STR("TRUE"),
                                    PT_STR("nul"),
                                    PT_STR("truex"),
                                    PT_STR("\""),
                                    PT_STR("\"abc"),
                                    PT_STR("\"abc\\"),
                                    PT_STR("\"abc\\\""),
                                    PT_STR("\"a\nb\""),
                                    PT_STR("\"a\tb\""),
                                    PT_STR("\"a\0b\""),
                                    PT_STR("\0"),
                                    PT_STR("{}\0"),
                                    PT_STR("\"\\x41\""),
                                    PT_STR("\"\\u12\""),
                                    PT_STR("\"\\u12g4\""),
                                    PT_STR("\"\\u\""),
                                    PT_STR("\"\\U0041\""),
                                    PT_STR("\"\\'\""),
                                    PT_STR("\\"),
                                    PT_STR("\\n"),
                                    PT_STR("\\\"a\\\""),
                                    PT_STR("[1\\u0020]"),
                                    PT_STR("/* c */ 1"),
                                    PT_STR("1 // c"),
                                    PT_STR("\xef\xbb\xbf{}"),
                                    PT_STR("\"\xff\""),
                                    PT_STR("\xff"),
                                    PT_STR("\xffq"),
                                    PT_STR("\"\x80\""),
                                    PT_STR("\"\xc0\xaf\""),
                                    PT_STR("\"\xed\xa0\x80\""),
                                    PT_STR("\"\xf4\x90\x80\x80\""),
                                    PT_STR("\"\xe2\x82\""),
                                    PT_STR("{}\xff"),
                                    PT_STR("\"a\xffq\""),
                                    PT_STR("\f1"),
                                    PT_STR("[1,\v2]"),
                                    PT_STR("\"\f\""),
                                    PT_STR("\xc2\xa0"
                                           "1") };

    for (i = 0; i < PT_COUNT(bad); i++) {
        ck_assert_msg(json_parse(a, bad[i], &v) == PT_EBADJSON, "%zu: %.*s", i,
                      (int) bad[i].len, bad[i].data);
        ck_assert_ptr_null(v);
    }

    pt_arena_del(a);
}
END_TEST


START_TEST(escapes)
{
    size_t      i;
    pt_json_t  *v;
    pt_arena_t *a = pt_test_arena();

    static const struct {
        const char *text;
        const char *want;
    } cases[] = { { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
                  { "\"\\u0041\\u00e9\\u20AC\"", "A\xc3\xa9\xe2\x82\xac" },
                  { "\"\\ud83d\\ude00!\"", "\xf0\x9f\x98\x80!" },
                  { "\"\\uDBFF\\uDFFF\"", "\xf4\x8f\xbf\xbf" },
                  { "\"qs\\\\u0041\\\\\"", "qs\\u0041\\" },
                  { "\"\\u007f\\uffff\\ufffd\"", "\x7f\xef\xbf\xbf" FFFD },
                  { "\"\\\\\\\"\\\\\"", "\\\"\\" },
                  { "\"\\\\n\"", "\\n" } };

    for (i = 0; i < PT_COUNT(cases); i++) {
        v = json_get(a, cases[i].text);
        ck_assert_slice(v->str, pt_test_str(cases[i].want));
        ck_assert(!v->cleaned);
    }

    pt_arena_del(a);
}
END_TEST


START_TEST(nul_and_lone_surrogates_are_cleaned)
{
    size_t      i;
    pt_json_t  *v;
    pt_arena_t *a = pt_test_arena();

    static const struct {
        const char *text;
        const char *want;
    } cases[] = { { "\"a\\u0000b\"", "a" FFFD "b" },
                  { "\"\\ud800\"", FFFD },
                  { "\"\\udc00\"", FFFD },
                  { "\"\\ud83dx\"", FFFD "x" },
                  { "\"\\ud83d\\n\"", FFFD "\n" },
                  { "\"\\ud83d\\u0041\"", FFFD "A" },
                  { "\"\\ud83d\\ud83d\\ude00\"", FFFD "\xf0\x9f\x98\x80" },
                  { "\"\\ude00\\ud83d\"", FFFD FFFD },
                  { "\"\\ud83d\\\\ude00\"", FFFD "\\ude00" },
                  { "\"\\ud83d\\u0000\"", FFFD FFFD } };

    for (i = 0; i < PT_COUNT(cases); i++) {
        v = json_get(a, cases[i].text);
        ck_assert_slice(v->str, pt_test_str(cases[i].want));
        ck_assert_msg(v->cleaned, "%s", cases[i].text);
        ck_assert(pt_utf8_is(v->str));
    }

    pt_arena_del(a);
}
END_TEST


START_TEST(cleaned_tells_where)
{
    pt_json_t       *v;
    const pt_json_t *items;
    pt_arena_t      *a = pt_test_arena();

    v = json_get(a, "{\"items\":[{\"t\":\"ok\"},{\"t\":[\"\\u0000\"]},"
                    "{\"k\\ud800\":1},\"ok\"],\"x\":\"ok\"}");
    ck_assert(v->cleaned);
    items = pt_json_find(v, "items");
    ck_assert(items->cleaned);
    ck_assert(!items->first->cleaned);
    ck_assert(items->first->next->cleaned);
    ck_assert(pt_json_find(items->first->next, "t")->cleaned);
    ck_assert(items->first->next->next->cleaned);
    ck_assert_slice_lit(items->first->next->next->first->key, "k" FFFD);
    ck_assert(!items->first->next->next->next->cleaned);
    ck_assert(!pt_json_find(v, "x")->cleaned);

    pt_arena_del(a);
}
END_TEST


/* jsonb has no exponents: it writes 1e131000 in 131,001 digits. */
START_TEST(long_numbers_become_strings)
{
    size_t      i;
    pt_json_t  *v;
    pt_arena_t *a = pt_test_arena();

    static const char *const kept[] = {
        "0",
        "-1.50",
        "1e39",
        "-1E+39",
        "1e-39",
        "123.456e-30",
        "1234567890123456789012345678901234567890",
        "0.123456789012345678901234567890123456789",
        "1e00000000000000000000000000000000000000000000000005"
    };
    static const char *const changed[] = {
        "1e40",
        "-1e40",
        "1e-40",
        "0e40",
        "12e39",
        "0.1e41",
        "1.5e-39",
        "1e131000",
        "1e-131000",
        "1E+99999999999999999999999999",
        "1e-99999999999999999999999999",
        "12345678901234567890123456789012345678901",
        "0.1234567890123456789012345678901234567890"
    };

    for (i = 0; i < PT_COUNT(kept); i++) {
        v = json_get(a, kept[i]);
        ck_assert_msg(pt_json_is(v, PT_JSON_NUMBER) && !v->cleaned, "%s",
                      kept[i]);
        ck_assert_slice(v->str, pt_test_str(kept[i]));
    }

    for (i = 0; i < PT_COUNT(changed); i++) {
        v = json_get(a, changed[i]);
        ck_assert_msg(pt_json_is(v, PT_JSON_STRING) && v->cleaned, "%s",
                      changed[i]);
        ck_assert_slice(v->str, pt_test_str(changed[i]));
    }

    v = json_get(a, "{\"a\":[1,{\"b\":-1e999}],\"c\":1}");
    ck_assert(v->cleaned && pt_json_find(v, "a")->cleaned);
    ck_assert(!pt_json_find(v, "c")->cleaned);
    ck_assert_slice_lit(json_write(a, v),
                        "{\"a\":[1,{\"b\":\"-1e999\"}],\"c\":1}");

    pt_arena_del(a);
}
END_TEST


START_TEST(duplicate_keys_fold)
{
    pt_json_t  *v;
    pt_arena_t *a = pt_test_arena();

    v = json_get(a, "{\"a\":1,\"b\":2,\"a\":[3],\"c\":4,\"\":5,\"a\":6,"
                    "\"\":7}");
    ck_assert(v->duplicates);
    ck_assert_uint_eq(v->count, 4);
    ck_assert_slice_lit(json_write(a, v), "{\"a\":6,\"b\":2,\"c\":4,\"\":7}");

    /* spelled otherwise, and the same only after cleaning */
    v = json_get(a, "{\"a\":1,\"\\u0061\":2,\"\\u0000\":3,\"\\ud800\":4}");
    ck_assert_slice_lit(json_write(a, v), "{\"a\":2,\"" FFFD "\":4}");

    /* the object and those above it, not its neighbours */
    v = json_get(a, "[{\"x\":[{\"k\":1,\"k\":{\"y\":1}}]},{\"k\":1}]");
    ck_assert(v->duplicates && v->first->duplicates);
    ck_assert(pt_json_find(v->first, "x")->first->duplicates);
    ck_assert(!v->first->next->duplicates);
    ck_assert_slice_lit(json_write(a, v),
                        "[{\"x\":[{\"k\":{\"y\":1}}]},{\"k\":1}]");

    pt_arena_del(a);
}
END_TEST


/* Both ways of folding, against the plain definition. */
START_TEST(folding_agrees_with_its_definition)
{
    int         n, i, k, order[64], last[64], count;
    uint32_t    x = 1;
    pt_buf_t    b, want;
    pt_str_t    s, t;
    pt_json_t  *v;
    pt_arena_t *a = pt_test_arena();

    for (n = 1; n < 60; n++) {
        count = 0;
        pt_buf_init(&b, a, 100000);
        pt_buf_init(&want, a, 100000);
        for (k = 0; k < 64; k++) {
            last[k] = -1;
        }

        for (i = 0; i < n; i++) {
            x = x * 1664525 + 1013904223;
            k = (int) (x >> 16) % (n / 2 + 1);
            if (last[k] < 0) {
                order[count++] = k;
            }
            last[k] = i;
            pt_buf_char(&b, i == 0 ? '{' : ',');
            pt_buf_lit(&b, "\"k");
            pt_buf_i64(&b, k);
            pt_buf_lit(&b, "\":");
            pt_buf_i64(&b, i);
        }
        pt_buf_char(&b, '}');

        for (i = 0; i < count; i++) {
            pt_buf_char(&want, i == 0 ? '{' : ',');
            pt_buf_lit(&want, "\"k");
            pt_buf_i64(&want, order[i]);
            pt_buf_lit(&want, "\":");
            pt_buf_i64(&want, last[order[i]]);
        }
        pt_buf_char(&want, '}');

        ck_assert_ok(pt_buf_get(&b, &s));
        ck_assert_ok(pt_buf_get(&want, &t));
        ck_assert_ok(json_parse(a, s, &v));
        ck_assert_slice(json_write(a, v), t);
        ck_assert_int_eq(v->duplicates, count < n);
        ck_assert_uint_eq(v->count, (uint32_t) count);
    }

    pt_arena_del(a);
}
END_TEST


START_TEST(caps)
{
    pt_str_t         s;
    pt_json_t       *v;
    pt_json_limits_t limits = { 3, 5, 2 };
    pt_arena_t      *a = pt_test_arena();

#define CAPS(text) pt_json_parse(a, PT_STR(text), &limits, &v)
    ck_assert_ok(CAPS("[[[1]]]"));
    ck_assert_int_eq(CAPS("[[[[]]]]"), PT_ELIMIT);
    ck_assert_int_eq(CAPS("[{\"a\":{\"b\":{}}}]"), PT_ELIMIT);
    ck_assert_ok(CAPS("[1,2]"));
    ck_assert_int_eq(CAPS("[1,2,3]"), PT_ELIMIT);
    ck_assert_ok(CAPS("{\"a\":1,\"b\":2,\"c\":3,\"d\":4}"));
    ck_assert_int_eq(CAPS("{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5}"),
                     PT_ELIMIT);
#undef CAPS

    s = json_repeat(a, "[", PT_JSON_DEPTH_MAX);
    ck_assert_int_eq(json_parse(a, s, &v), PT_EBADJSON);
    s = json_repeat(a, "[", PT_JSON_DEPTH_MAX + 1);
    ck_assert_int_eq(json_parse(a, s, &v), PT_ELIMIT);
    s = json_repeat(a, "{\"a\":", 100000);
    ck_assert_int_eq(json_parse(a, s, &v), PT_ELIMIT);

    pt_arena_del(a);
}
END_TEST


START_TEST(deepest_tree_is_written_again)
{
    size_t      i;
    pt_buf_t    b;
    pt_str_t    s;
    pt_json_t  *v;
    pt_arena_t *a = pt_test_arena();

    pt_buf_init(&b, a, 100000);
    for (i = 0; i < PT_JSON_DEPTH_MAX / 2; i++) {
        pt_buf_lit(&b, "[0,{\"k\":null,\"o\":");
    }
    pt_buf_char(&b, '1');
    for (i = 0; i < PT_JSON_DEPTH_MAX / 2; i++) {
        pt_buf_lit(&b, ",\"z\":0},[]]");
    }
    ck_assert_ok(pt_buf_get(&b, &s));
    ck_assert_ok(json_parse(a, s, &v));
    ck_assert_slice(json_write(a, v), s);

    pt_arena_del(a);
}
END_TEST


/* A hostile megabyte costs no more than it should: the limit of time is
 * the case's, of memory the arena's. */
START_TEST(hostile_megabytes)
{
    size_t      i;
    pt_str_t    s;
    pt_buf_t    b;
    pt_json_t  *v;
    pt_arena_t *a, *in = pt_test_arena();

    static const char *units[] = {
        "\"",  "\\",   "\\\"",   "\"\\",      "[",       "{",        "]",
        "}",   ",",    "1",      "-",         "e",       " ",        "\n",
        "\"a", "[\"",  "{\"\":", "\"\\u0000", "\\ud800", "\xc3\xa9", "\xff",
        "tru", "true", "[1,",    "/*",        "//"
    };

    for (i = 0; i < PT_COUNT(units); i++) {
        s = json_repeat(in, units[i], 1024 * 1024 / strlen(units[i]));
        a = pt_arena_new(&pt_test_mem, PT_ARENA_MAX);
        (void) !json_parse(a, s, &v);
        pt_arena_del(a);
    }

    /* 100,000 keys, one of them repeated: folded, in n log n */
    pt_buf_init(&b, in, 4 * 1024 * 1024);
    pt_buf_char(&b, '{');
    for (i = 0; i < 100000; i++) {
        pt_buf_lit(&b, "\"k");
        pt_buf_i64(&b, (int64_t) (i * 7919 % 99999));
        pt_buf_lit(&b, "\":0,");
    }
    pt_buf_lit(&b, "\"\":0}");
    ck_assert_ok(pt_buf_get(&b, &s));
    ck_assert_ok(pt_json_parse(in, s, &pt_json_limits_webhook, &v));
    ck_assert(v->duplicates);
    ck_assert_uint_eq(v->count, 100000);

    pt_arena_del(in);
}
END_TEST


START_TEST(long_number_and_string)
{
    pt_str_t    s;
    pt_json_t  *v;
    pt_arena_t *a = pt_test_arena();

    s = json_repeat(a, "1", 500000);
    ck_assert_ok(json_parse(a, s, &v));
    ck_assert_slice(v->str, s);

    s = json_repeat(a, "\\n", 200000);
    ((char *) (uintptr_t) s.data)[0] = '"';
    ((char *) (uintptr_t) s.data)[1] = ' ';
    ((char *) (uintptr_t) s.data)[s.len - 2] = ' ';
    ((char *) (uintptr_t) s.data)[s.len - 1] = '"';
    ck_assert_ok(json_parse(a, s, &v));
    ck_assert_uint_eq(v->str.len, 200000);

    pt_arena_del(a);
}
END_TEST


static pt_err_t
json_scenario(pt_arena_t *a, void *user)
{
    pt_jw_t    w;
    pt_err_t   err;
    pt_str_t   s;
    pt_buf_t   b;
    pt_json_t *v;

    err = json_parse(a, pt_test_str(user), &v);
    if (err != PT_OK) {
        return err;
    }

    pt_buf_init(&b, a, 100000);
    pt_jw_init(&w, &b);
    pt_jw_value(&w, v);

    return pt_buf_get(&b, &s);
}


START_TEST(refused_allocations)
{
    pt_test_arena_caps(json_scenario,
                       "{\"a\":[1,2,{\"b\":\"\\u0000\"}],\"c\":{\"d\":[]},"
                       "\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,"
                       "\"k\":1,\"l\":1,\"m\":1,\"n\":1,\"o\":1,\"o\":2}");
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, values_and_lookups);
    PT_TEST_CASE(s, top_level_scalars);
    PT_TEST_CASE(s, what_is_not_json);
    PT_TEST_CASE(s, escapes);
    PT_TEST_CASE(s, nul_and_lone_surrogates_are_cleaned);
    PT_TEST_CASE(s, cleaned_tells_where);
    PT_TEST_CASE(s, long_numbers_become_strings);
    PT_TEST_CASE(s, duplicate_keys_fold);
    PT_TEST_CASE(s, folding_agrees_with_its_definition);
    PT_TEST_CASE(s, caps);
    PT_TEST_CASE(s, deepest_tree_is_written_again);
    PT_TEST_CASE(s, hostile_megabytes);
    PT_TEST_CASE(s, long_number_and_string);
    PT_TEST_CASE(s, refused_allocations);
}


PT_TEST_MAIN(json);
