/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"
#include "core/base/pt_json.h"
#include "core/base/pt_util.h"


typedef struct {
    pt_arena_t *arena;
    pt_buf_t    buf;
    pt_jw_t     w;
} writer_t;


static void
writer_begin(writer_t *t)
{
    t->arena = pt_test_arena();
    pt_buf_init(&t->buf, t->arena, 1024 * 1024);
    pt_jw_init(&t->w, &t->buf);
}


static void
writer_is(writer_t *t, pt_str_t want)
{
    pt_str_t got;

    ck_assert_ok(pt_buf_get(&t->buf, &got));
    ck_assert_slice(got, want);
    ck_assert_uint_eq(t->w.depth, 0);
    pt_arena_del(t->arena);
}


START_TEST(every_kind_and_its_commas)
{
    writer_t  t;
    pt_uuid_t id = { { 0x01, 0x7f } };

    writer_begin(&t);
    pt_jw_object(&t.w);
    pt_jw_key(&t.w, "s");
    pt_jw_str(&t.w, PT_STR("x"));
    pt_jw_key(&t.w, "absent");
    pt_jw_str(&t.w, PT_STR_NULL);
    pt_jw_key(&t.w, "empty");
    pt_jw_str(&t.w, PT_STR(""));
    pt_jw_key(&t.w, "list");
    pt_jw_array(&t.w);
    pt_jw_i64(&t.w, 1);
    pt_jw_bool(&t.w, true);
    pt_jw_bool(&t.w, false);
    pt_jw_null(&t.w);
    pt_jw_array(&t.w);
    pt_jw_array_end(&t.w);
    pt_jw_object(&t.w);
    pt_jw_object_end(&t.w);
    pt_jw_raw(&t.w, PT_STR("{\"r\":1}"));
    pt_jw_raw(&t.w, PT_STR_NULL);
    pt_jw_array_end(&t.w);
    pt_jw_key_str(&t.w, PT_STR("k\"\n"));
    pt_jw_uuid(&t.w, &id);
    pt_jw_key(&t.w, "no");
    pt_jw_uuid(&t.w, NULL);
    pt_jw_key(&t.w, "at");
    pt_jw_time(&t.w, 1795340880123456);
    pt_jw_object_end(&t.w);

    writer_is(&t, PT_STR("{\"s\":\"x\",\"absent\":null,\"empty\":\"\","
                         "\"list\":[1,true,false,null,[],{},{\"r\":1},null],"
                         "\"k\\\"\\n\":"
                         "\"017f0000-0000-0000-0000-000000000000\","
                         "\"no\":null,"
                         "\"at\":\"2026-11-22T09:48:00.123Z\"}"));
}
END_TEST


START_TEST(escapes_are_the_least)
{
    writer_t t;

    writer_begin(&t);
    pt_jw_str(&t.w, PT_STR("\"\\/\b\f\n\r\t\x01\x1f\x7f"
                           "\xc3\xa9\xe2\x80\xa8\0."));
    writer_is(&t, PT_STR("\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f"
                         "\xc3\xa9\xe2\x80\xa8\\u0000.\""));
}
END_TEST


/* Whatever the bytes of a string are, the reader gives them back. */
START_TEST(round_trip_of_every_character)
{
    int        c;
    char       text[128];
    writer_t   t;
    pt_str_t   s;
    pt_json_t *v;

    for (c = 1; c < 128; c++) {
        text[c - 1] = (char) c;
    }

    writer_begin(&t);
    pt_jw_str(&t.w, (pt_str_t){ text, 127 });
    ck_assert_ok(pt_buf_get(&t.buf, &s));
    ck_assert_ok(pt_json_parse(t.arena, s, &pt_json_limits_api, &v));
    ck_assert_slice(v->str, ((pt_str_t){ text, 127 }));
    ck_assert(!v->cleaned);
    pt_arena_del(t.arena);
}
END_TEST


START_TEST(values_among_others)
{
    writer_t   t;
    pt_json_t *v;

    writer_begin(&t);
    ck_assert_ok(pt_json_parse(t.arena,
                               PT_STR("{\"a\":[1,{\"b\":\"c\"}],\"d\":{}}"),
                               &pt_json_limits_api, &v));
    pt_jw_array(&t.w);
    pt_jw_value(&t.w, v);
    pt_jw_value(&t.w, pt_json_find(v, "a"));
    pt_jw_value(&t.w, pt_json_find(v, "a")->first);
    pt_jw_value(&t.w, NULL);
    pt_jw_object(&t.w);
    pt_jw_key(&t.w, "k");
    pt_jw_value(&t.w, pt_json_find(v, "d"));
    pt_jw_key(&t.w, "l");
    pt_jw_value(&t.w, pt_json_find(v, "a")->first);
    pt_jw_object_end(&t.w);
    pt_jw_array_end(&t.w);

    writer_is(&t, PT_STR("[{\"a\":[1,{\"b\":\"c\"}],\"d\":{}},"
                         "[1,{\"b\":\"c\"}],1,null,"
                         "{\"k\":{},\"l\":1}]"));
}
END_TEST


START_TEST(cap_of_the_buffer_sticks)
{
    int      i;
    writer_t t;
    pt_str_t s;

    writer_begin(&t);
    pt_buf_init(&t.buf, t.arena, 20);
    pt_jw_array(&t.w);
    for (i = 0; i < 100; i++) {
        pt_jw_str(&t.w, PT_STR("abc"));
    }
    pt_jw_array_end(&t.w);
    ck_assert_int_eq(pt_buf_get(&t.buf, &s), PT_ELIMIT);
    pt_arena_del(t.arena);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, every_kind_and_its_commas);
    PT_TEST_CASE(s, escapes_are_the_least);
    PT_TEST_CASE(s, round_trip_of_every_character);
    PT_TEST_CASE(s, values_among_others);
    PT_TEST_CASE(s, cap_of_the_buffer_sticks);
}


PT_TEST_MAIN(jw);
