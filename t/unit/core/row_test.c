/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_op_test.h"

#define ID "01a20610-653f-7000-8000-000000000007"


/* Up to the batch that reads the one thing. */
static void
row_read(fx_t *f, const char *path, const char *batch)
{
    fx_init(f);
    fx_start(f, PYTAKE_GET, path, NULL);
    ck_assert(fx_sql(f, PYTAKE_SQL_READ, batch));
    ck_assert_param_uuid(f, 1, 0, fx_id(7));
}


START_TEST(every_type)
{
    fx_t      f;
    pt_jw_t   w;
    pt_buf_t  b;
    pt_str_t  s;
    pt_uuid_t id = fx_id(7);

    fx_init(&f);
    fx_row(&f, 0, "utilbmjan", &id, "a\"b", -1, INT64_C(1) << 40, 1, FX_NOW,
           "{\"k\": 1}", "x y");

    pt_buf_init(&b, f.arena, 4096);
    pt_jw_init(&w, &b);
    pt_jw_object(&w);
    pt_row_write(&w, &f.rows[0], 0,
                 "id:u text:t small:i big:i yes:b time:m json:j words:a "
                 "none:t");
    pt_jw_object_end(&w);
    ck_assert_ok(pt_buf_get(&b, &s));
    ck_assert_slice_lit(
        s, "{\"id\":\"" ID "\","
           "\"text\":\"a\\\"b\",\"small\":-1,\"big\":1099511627776,"
           "\"yes\":true,\"time\":\"2026-11-23T01:41:07.519Z\","
           "\"json\":{\"k\": 1},\"words\":[\"x\",\"y\"],\"none\":null}");
    fx_free(&f);
}
END_TEST


START_TEST(no_row)
{
    fx_t f;

    row_read(&f, "/api/v1/conversations/" ID, "session_enter conv_get");
    fx_feed(&f);
    fx_problem(&f, 404, "not_found");
    ck_assert_int_eq(pt_reply_row(f.op, 200, "id:u"), PT_ENOTFOUND);
    fx_free(&f);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, every_type);
    PT_TEST_CASE(s, no_row);
}


PT_TEST_MAIN(row);
