/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"

#include "base/batch.h"
#include "core/base/pt_util.h"

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

    PT_SQL(batch_sql(b), courier_address, .tenant_id = &ids[1],
           .message_id = &ids[0], .used = PT_STR("hello"),
           .wa_id = { (char[20000]){ 0 }, 20000 }, .now = 1);
    PT_SQL(batch_sql(b), hub_heads, .tenants = { ids, 2 });

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


/* What is given may go before the batch is sent. */

START_TEST(copies)
{
    char                  text[] = "hello";
    batch_t              *b;
    pt_uuid_t             id = { { 1 } };
    const pytake_param_t *p;

    answer = PT_EDBAWAY; /* and it stays ours */
    b = batch_new(&pt_test_mem, 64u * 1024);
    PT_SQL(batch_sql(b), courier_address, .tenant_id = &id, .message_id = &id,
           .used = { text, 5 }, .wa_id = PT_STR_NULL,
           .now = INT64_C(946684800000001));
    memset(text, 'x', sizeof(text));
    memset(&id, 0xff, sizeof(id));
    ck_assert_int_eq(
        batch_submit(b, NULL, PYTAKE_SQL_WRITE, &id, 77, handler, &handled),
        PT_EDBAWAY);

    ck_assert_int_eq(given->class, PYTAKE_SQL_WRITE);
    ck_assert(pt_uuid_eq(&given->tenant, &id));
    ck_assert_int_eq(given_deadline, 77);
    ck_assert_uint_eq(given->nstmts, 1);
    ck_assert_uint_eq(given->stmts[0].stmt, PT_STMT_COURIER_ADDRESS);
    ck_assert_uint_eq(given->stmts[0].nparams, 5);
    p = given->stmts[0].params;

    ck_assert_int_eq(p[0].len, 16);
    ck_assert_int_eq(p[0].data[0], 1);
    ck_assert_int_eq(p[2].len, 5);
    ck_assert_mem_eq(p[2].data, "hello", 5);
    ck_assert_ptr_null(p[3].data);
    ck_assert_mem_eq(p[4].data, "\0\0\0\0\0\0\0\1", 8);
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

    for (i = 0; i <= PT_BATCH_STMTS_MAX; i++) {
        PT_SQL(batch_sql(b), backends_end, .seconds = i);
    }

    ck_assert_int_eq(
        batch_submit(b, NULL, PYTAKE_SQL_WRITE, NULL, 1, handler, &handled),
        PT_ELIMIT);
    batch_del(b);

    b = batch_new(&pt_test_mem, 1024);
    PT_SQL(batch_sql(b), courier_address, .tenant_id = &(pt_uuid_t){ { 1 } },
           .message_id = &(pt_uuid_t){ { 1 } },
           .used = { (char[60000]){ 0 }, 60000 });
    ck_assert_int_eq(
        batch_submit(b, NULL, PYTAKE_SQL_WRITE, NULL, 1, handler, &handled),
        PT_ENOMEM);
    batch_del(b);
    batch_del(NULL);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, starved);
    PT_TEST_CASE(s, copies);
    PT_TEST_CASE(s, limits);
}


PT_TEST_MAIN(batch);
