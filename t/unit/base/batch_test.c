/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"

#include "base/batch.h"
#include "pt_util.h"

/* In the pool's place: keeps what it is given. */
static const pytake_sql_t *given;
static pt_batch_handler_pt given_handler;
static void               *given_data;
static int64_t             given_deadline;
static pt_err_t            answer;
static int                 handled;

static void handler(void *data, batch_t *b, const pytake_sql_result_t *result);
static pt_err_t scenario(const pt_mem_t *mem, void *user);


pt_err_t
pt_pool_submit(pt_pool_t *p, const pytake_sql_t *sql, int64_t deadline_ms,
               pt_batch_handler_pt h, void *data, pt_batch_t *out)
{
    PT_UNUSED(p);
    memset(out, 0, sizeof(*out));
    given = sql;
    given_handler = h;
    given_data = data;
    given_deadline = deadline_ms;

    return answer;
}


static void
handler(void *data, batch_t *b, const pytake_sql_result_t *result)
{
    ck_assert_ptr_eq(data, &handled);
    ck_assert_ptr_nonnull(batch_arena(b));
    ck_assert_int_eq(result->err, PT_EOUTCOME);
    handled++;
}


static pt_err_t
scenario(const pt_mem_t *mem, void *user)
{
    batch_t            *b;
    pt_err_t            err;
    pt_uuid_t           ids[2] = { { { 1 } }, { { 2 } } };
    pytake_sql_result_t result;

    PT_UNUSED(user);
    b = batch_new(mem, 64u * 1024);

    if (b == NULL) {
        return PT_ENOMEM;
    }

    batch_stmt(b, 3);
    batch_uuid(b, &ids[1]);
    batch_uuid(b, NULL);
    batch_text(b, PT_STR("hello"));
    batch_text(b, PT_STR_NULL);
    batch_text(b, PT_STR(""));
    batch_i64(b, -2);
    batch_i32(b, -3);
    batch_time(b, INT64_C(946684800000001));
    batch_stmt(b, 4);
    batch_uuids(b, ids, 2);
    batch_uuids(b, NULL, 0);
    batch_text(b, (pt_str_t){ (char[20000]){ 0 }, 20000 });

    err =
        batch_submit(b, NULL, PYTAKE_SQL_WRITE, &ids[0], 77, handler, &handled);

    if (err != PT_OK) {
        batch_del(b);
        return err;
    }

    memset(&result, 0, sizeof(result));
    result.err = PT_EOUTCOME;
    given_handler(given_data, &result); /* frees it */

    return PT_OK;
}


START_TEST(starved)
{
    answer = PT_OK;
    pt_test_failmalloc(scenario, NULL);
    ck_assert_int_gt(handled, 0);
}
END_TEST


START_TEST(formats)
{
    batch_t              *b;
    pt_uuid_t             ids[2] = { { { 1 } }, { { 2 } } };
    const pytake_param_t *p;

    answer = PT_EDBAWAY; /* and it stays ours */
    b = batch_new(&pt_test_mem, 64u * 1024);
    batch_stmt(b, 3);
    batch_uuid(b, &ids[1]);
    batch_uuid(b, NULL);
    batch_text(b, PT_STR("hello"));
    batch_text(b, PT_STR_NULL);
    batch_text(b, PT_STR(""));
    batch_i64(b, -2);
    batch_i32(b, 258);
    batch_time(b, INT64_C(946684800000001));
    batch_uuids(b, ids, 2);
    batch_uuids(b, NULL, 0);
    ck_assert_int_eq(
        batch_submit(b, NULL, PYTAKE_SQL_WRITE, &ids[0], 77, handler, &handled),
        PT_EDBAWAY);

    ck_assert_int_eq(given->class, PYTAKE_SQL_WRITE);
    ck_assert(pt_uuid_eq(&given->tenant, &ids[0]));
    ck_assert_int_eq(given_deadline, 77);
    ck_assert_uint_eq(given->nstmts, 1);
    ck_assert_uint_eq(given->stmts[0].stmt, 3);
    ck_assert_uint_eq(given->stmts[0].nparams, 10);
    p = given->stmts[0].params;

    ck_assert(p[0].binary && p[0].len == 16);
    ck_assert_mem_eq(p[0].data, ids[1].b, 16);
    ck_assert_ptr_null(p[1].data);
    ck_assert(!p[2].binary && p[2].len == 5);
    ck_assert_str_eq(p[2].data, "hello"); /* libpq wants the NUL */
    ck_assert_ptr_null(p[3].data);
    ck_assert(p[4].data != NULL && p[4].len == 0);
    ck_assert_mem_eq(p[5].data, "\xff\xff\xff\xff\xff\xff\xff\xfe", 8);
    ck_assert_mem_eq(p[6].data, "\0\0\1\2", 4);
    ck_assert_mem_eq(p[7].data, "\0\0\0\0\0\0\0\1", 8);
    ck_assert_int_eq(p[8].len, 20 + 2 * 20);
    ck_assert_mem_eq(p[8].data,
                     "\0\0\0\1\0\0\0\0\0\0\x0b\x86\0\0\0\2\0\0\0\1\0\0\0\x10\1",
                     25);
    ck_assert_int_eq(p[9].len, 12);
    batch_del(b);
}
END_TEST


/* Errors stick, and nothing is handed over. */

START_TEST(limits)
{
    int      i;
    batch_t *b;

    answer = PT_OK;
    b = batch_new(&pt_test_mem, 64u * 1024);

    for (i = 0; i <= BATCH_STMTS_MAX; i++) {
        batch_stmt(b, 1);
    }

    batch_i32(b, 1);
    ck_assert_int_eq(
        batch_submit(b, NULL, PYTAKE_SQL_WRITE, NULL, 1, handler, &handled),
        PT_ELIMIT);
    batch_del(b);

    b = batch_new(&pt_test_mem, 64u * 1024);
    batch_stmt(b, 1);

    for (i = 0; i <= BATCH_PARAMS_MAX; i++) {
        batch_i32(b, i);
    }

    batch_stmt(b, 1);
    ck_assert_int_eq(
        batch_submit(b, NULL, PYTAKE_SQL_WRITE, NULL, 1, handler, &handled),
        PT_ELIMIT);
    batch_del(b);

    b = batch_new(&pt_test_mem, 1024);
    batch_stmt(b, 1);
    batch_text(b, (pt_str_t){ (char[60000]){ 0 }, 60000 });
    ck_assert_int_eq(
        batch_submit(b, NULL, PYTAKE_SQL_WRITE, NULL, 1, handler, &handled),
        PT_ENOMEM);
    batch_del(b);
    batch_del(NULL);
}
END_TEST


START_TEST(cells)
{
    pt_uuid_t     id;
    pytake_rows_t r;
    pt_str_t      cells[6] = { { "\0\0\0\0\0\0\1\0", 8 },
                               { NULL, 0 },
                               { "\0\0\0\7", 4 },
                               { "0123456789abcdef", 16 },
                               { "text", 4 },
                               { "\xff\xff\xff\xff\xff\xff\xff\xff", 8 } };

    r.nrows = 1;
    r.ncols = 6;
    r.cells = cells;
    ck_assert_int_eq(batch_cell_i64(&r, 0, 0), 256);
    ck_assert_int_eq(batch_cell_i64(&r, 0, 1), 0);
    ck_assert_int_eq(batch_cell_i64(&r, 0, 5), -1);
    ck_assert_int_eq(batch_cell_i32(&r, 0, 2), 7);
    ck_assert_int_eq(batch_cell_i32(&r, 0, 1), 0);
    ck_assert(batch_cell_uuid(&r, 0, 3, &id));
    ck_assert_mem_eq(id.b, "0123456789abcdef", 16);
    ck_assert(!batch_cell_uuid(&r, 0, 1, &id) && pt_uuid_is_nil(&id));
    ck_assert_slice_lit(batch_cell(&r, 0, 4), "text");
    ck_assert_int_eq(batch_cell_time(&r, 0, 0), INT64_C(946684800000256));
    ck_assert_int_eq(batch_cell_time(&r, 0, 1), 0);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, starved);
    PT_TEST_CASE(s, formats);
    PT_TEST_CASE(s, limits);
    PT_TEST_CASE(s, cells);
}


PT_TEST_MAIN(batch);
