/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "core/pt_op_test.h"

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


/* The columns of a statement are the members of its object. */
START_TEST(every_type)
{
    fx_t      f;
    pt_jw_t   w;
    pt_buf_t  b;
    pt_str_t  s;
    pt_uuid_t id = fx_id(7);

    fx_init(&f);
    fx_row(&f, 0, "uutnutinnuajnmmm", &id, &id, "a\"b", &id, "active", -1, &id,
           "x y", "{\"k\": 1}", FX_NOW, FX_NOW, FX_NOW);
    fx_row(&f, 1, "utnb", &id, "A", 1);
    fx_row(&f, 2, "ln", INT64_C(1) << 40);

    pt_buf_init(&b, f.arena, 4096);
    pt_jw_init(&w, &b);
    pt_jw_array(&w);
    pt_row_write(&w, &f.rows[0], 0, PT_STMT_CONV_GET);
    pt_row_write(&w, &f.rows[2], 0, PT_STMT_HEAD_GET);
    pt_row_write(&w, &f.rows[1], 0, PT_STMT_USER_LIST);
    pt_jw_array_end(&w);
    ck_assert_ok(pt_buf_get(&b, &s));
    ck_assert_has(s, "[{\"id\":\"" ID "\",\"contact_id\":\"" ID "\","
                     "\"contact_name\":\"a\\\"b\",\"contact_phone\":null,");
    ck_assert_has(s, "\"unread_count\":-1,\"last_message\":null,");
    ck_assert_has(s, "\"tags\":[\"x\",\"y\"],\"metadata\":{\"k\": 1},"
                     "\"window_expires_at\":null,"
                     "\"created_at\":\"2026-11-23T01:41:07.519Z\",");
    ck_assert_has(s, "{\"seq\":1099511627776,\"id\":null}");
    ck_assert_has(s, "\"name\":\"A\",\"role\":null,\"active\":true}");
    fx_free(&f);
}
END_TEST


START_TEST(no_row)
{
    fx_t f;

    row_read(&f, "/api/v1/conversations/" ID, "session_enter conv_get");
    fx_feed(&f);
    fx_problem(&f, 404, "not_found");
    ck_assert_int_eq(pt_row_reply(f.op, 200), PT_ENOTFOUND);
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
