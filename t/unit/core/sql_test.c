/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* Parameters, and cells read back: PostgreSQL's binary formats. */

#include "pt_op_test.h"


/* An operation in whose place the case builds batches. */
static pytake_op_t *
sql_op(fx_t *f)
{
    fx_init(f);
    fx_start(f, PYTAKE_GET, "/api/v1/auth/me", NULL);

    return f->op;
}


static pt_str_t
sql_param(const pytake_op_t *op, uint16_t i)
{
    const pytake_param_t *p = &op->stmts[op->sql.nstmts - 1].params[i];

    return (pt_str_t){ p->data, (size_t) p->len };
}


/* A statement whose first parameter has this type. */
static uint16_t
sql_stmt_of(uint32_t oid)
{
    uint16_t i;

    for (i = 0; i < pytake_stmts_count; i++) {
        if (pytake_stmts[i].nparams != 0
            && pytake_stmts[i].param_oids[0] == oid) {
            return i;
        }
    }

    ck_abort_msg("no statement begins with type %u", oid);
}


START_TEST(arrays)
{
    fx_t          f;
    size_t        at = 0;
    pt_str_t      s;
    pt_str_t      texts[3] = { { "ab", 2 }, { NULL, 0 }, { "", 0 } };
    pt_uuid_t     ids[2] = { fx_id(1), fx_id(2) };
    pytake_rows_t r;
    pytake_op_t  *op = sql_op(&f);

    static const char want[] = "\0\0\0\1\0\0\0\1\0\0\0\x19\0\0\0\3\0\0\0\1"
                               "\0\0\0\2ab\xff\xff\xff\xff\0\0\0\0";
    static const char none[] = "\0\0\0\0\0\0\0\0\0\0\0\x19";
    static const char uuids[] = "\0\0\0\1\0\0\0\0\0\0\x0b\x86\0\0\0\2\0\0\0\1"
                                "\0\0\0\x10";

    ck_assert_ok(pt_sql_begin_bare(op, PYTAKE_SQL_READ));
    ck_assert_ok(pt_sql_add(op, sql_stmt_of(1009)));
    pt_p_texts(op, texts, 3);
    ck_assert_ok(pt_sql_go(op));
    ck_assert_slice(sql_param(op, 0), ((pt_str_t){ want, sizeof(want) - 1 }));

    /* what is written can be read */
    texts[0] = sql_param(op, 0);
    r = (pytake_rows_t){ 1, 1, texts };
    ck_assert(pt_cell_array_next(&r, 0, 0, &at, &s));
    ck_assert_slice_lit(s, "ab");
    ck_assert(pt_cell_array_next(&r, 0, 0, &at, &s));
    ck_assert_ptr_null(s.data);
    ck_assert(pt_cell_array_next(&r, 0, 0, &at, &s));
    ck_assert_slice_lit(s, "");
    ck_assert(!pt_cell_array_next(&r, 0, 0, &at, &s));
    ck_assert(!pt_cell_array_next(&r, 0, 0, &at, &s));

    op->has_effect = false;
    ck_assert_ok(pt_sql_begin_bare(op, PYTAKE_SQL_READ));
    ck_assert_ok(pt_sql_add(op, sql_stmt_of(1009)));
    pt_p_texts(op, NULL, 0);
    ck_assert_slice(sql_param(op, 0), ((pt_str_t){ none, sizeof(none) - 1 }));

    ck_assert_ok(pt_sql_begin_bare(op, PYTAKE_SQL_READ));
    ck_assert_ok(pt_sql_add(op, sql_stmt_of(2951)));
    pt_p_uuids(op, ids, 2);
    ck_assert_uint_eq(sql_param(op, 0).len, 20 + 2 * 20);
    ck_assert_mem_eq(sql_param(op, 0).data, uuids, sizeof(uuids) - 1);
    ck_assert_mem_eq(sql_param(op, 0).data + 24, ids[0].b, 16);
    fx_free(&f);
}
END_TEST


START_TEST(scalars)
{
    fx_t         f;
    pt_uuid_t    id = fx_id(7);
    pytake_op_t *op = sql_op(&f);

    ck_assert_ok(pt_sql_begin_bare(op, PYTAKE_SQL_READ));
    ck_assert_ok(pt_sql_add(op, PT_STMT_CONV_LIST_TAG));
    pt_p_time(op, INT64_MAX); /* 'infinity' */
    pt_p_uuid(op, &id);
    pt_p_i32(op, -2);
    pt_p_texts(op, NULL, 0);
    pt_p_uuid(op, NULL);
    pt_p_bool(op, true);
    pt_p_text(op, PT_STR_NULL);
    ck_assert_ok(pt_sql_go(op));
    ck_assert_int_eq(fx_be(sql_param(op, 0).data, 8), INT64_MAX);
    ck_assert_mem_eq(sql_param(op, 1).data, id.b, 16);
    ck_assert_int_eq(fx_be(sql_param(op, 2).data, 4), -2);
    ck_assert_ptr_null(sql_param(op, 4).data);
    ck_assert_int_eq(sql_param(op, 5).data[0], 1);
    ck_assert_ptr_null(sql_param(op, 6).data);

    op->has_effect = false;
    ck_assert_ok(pt_sql_begin_bare(op, PYTAKE_SQL_READ));
    ck_assert_ok(pt_sql_add(op, PT_STMT_CONV_LIST));
    pt_p_time(op, INT64_C(946684800000001));
    ck_assert_int_eq(fx_be(sql_param(op, 0).data, 8), 1);
    fx_free(&f);
}
END_TEST


START_TEST(cells)
{
    fx_t          f;
    size_t        at = 0;
    pt_str_t      text;
    pt_uuid_t     id = fx_id(7), got;
    pytake_rows_t r;

    fx_init(&f);
    fx_row(&f, 0, "utilbjmn", &id, "text", -5, INT64_MIN, 1, "{}", FX_NOW);
    r = f.rows[0];
    ck_assert(pt_cell_uuid(&r, 0, 0, &got));
    ck_assert(pt_uuid_eq(&got, &id));
    ck_assert_slice_lit(pt_cell_text(&r, 0, 1), "text");
    ck_assert_int_eq(pt_cell_i32(&r, 0, 2), -5);
    ck_assert_int_eq(pt_cell_i64(&r, 0, 2), -5);
    ck_assert(pt_cell_i64(&r, 0, 3) == INT64_MIN);
    ck_assert(pt_cell_bool(&r, 0, 4));
    ck_assert_slice_lit(pt_cell_jsonb(&r, 0, 5), "{}");
    ck_assert_int_eq(pt_cell_time(&r, 0, 6), FX_NOW);
    ck_assert(pt_cell_is_null(&r, 0, 7));

    /* NULL, another type, no such cell: the type's zero */
    ck_assert(!pt_cell_uuid(&r, 0, 7, &got) && pt_uuid_is_nil(&got));
    ck_assert(!pt_cell_uuid(&r, 0, 1, &got));
    ck_assert_int_eq(pt_cell_i32(&r, 0, 3), 0);
    ck_assert_int_eq(pt_cell_i64(&r, 0, 7), 0);
    ck_assert_int_eq(pt_cell_time(&r, 0, 1), 0);
    ck_assert(!pt_cell_bool(&r, 0, 7));
    ck_assert_ptr_null(pt_cell_jsonb(&r, 0, 1).data);
    ck_assert(!pt_cell_array_next(&r, 0, 1, &at, &text));
    ck_assert(pt_cell_is_null(&r, 0, 8));
    ck_assert(pt_cell_is_null(&r, 1, 0));
    fx_free(&f);
}
END_TEST


START_TEST(infinite_times)
{
    pt_str_t      cells[2] = { { "\x7f\xff\xff\xff\xff\xff\xff\xff", 8 },
                               { "\x80\0\0\0\0\0\0\0", 8 } };
    pytake_rows_t r = { 1, 2, cells };

    ck_assert(pt_cell_time(&r, 0, 0) == INT64_MAX);
    ck_assert(pt_cell_time(&r, 0, 1) == INT64_MIN);
}
END_TEST


/* Cut arrays are read as far as they go. */
START_TEST(broken_arrays)
{
    fx_t          f;
    size_t        len, at;
    pt_str_t      whole, cut, s;
    uint32_t      i;
    pytake_rows_t r = { 1, 1, &cut };

    fx_init(&f);
    whole = fx_array(&f, "one two");
    for (len = 0; len < whole.len; len++) {
        cut = fx_bytes(&f, whole.data, len);
        cut.data =
            len == 0 ? NULL : memcpy(pt_alloc(f.arena, len), whole.data, len);
        for (at = 0, i = 0; pt_cell_array_next(&r, 0, 0, &at, &s); i++) {
            ck_assert_uint_eq(s.len, 3);
        }
        ck_assert_uint_eq(i, len < 27 ? 0 : 1);
    }
    fx_free(&f);
}
END_TEST


START_TEST(too_many_statements)
{
    fx_t         f;
    int          i;
    pytake_op_t *op = sql_op(&f);

    ck_assert_ok(pt_sql_begin_tenant(op, PYTAKE_SQL_WRITE, &f.tenant));
    for (i = 1; i < PT_BATCH_STMTS_MAX; i++) {
        ck_assert_ok(pt_sql_add(op, PT_STMT_HEAD_GET));
    }
    ck_assert_int_eq(pt_sql_add(op, PT_STMT_CONV_EXISTS), PT_ELIMIT);
    /* errors stick: these write nowhere, and the batch does not go */
    pt_p_uuid(op, &f.tenant);
    pt_p_text(op, PT_STR("x"));
    pt_p_texts(op, NULL, 0);
    ck_assert_int_eq(pt_sql_add(op, PT_STMT_HEAD_GET), PT_ELIMIT);
    ck_assert_int_eq(pt_sql_go(op), PT_ELIMIT);
    ck_assert(!op->has_effect);
    fx_free(&f);
}
END_TEST


/* Every statement's types are ones that this file writes. */
START_TEST(table)
{
    uint16_t i, k;

    ck_assert_uint_eq(pytake_stmts_count, PT_STMT_COUNT);
    for (i = 0; i < pytake_stmts_count; i++) {
        ck_assert_uint_le(pytake_stmts[i].nparams, PT_STMT_PARAMS_MAX);
        for (k = 0; k < pytake_stmts[i].nparams; k++) {
            ck_assert_uint_ne(pytake_stmts[i].param_oids[k], 0);
        }
    }
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, arrays);
    PT_TEST_CASE(s, scalars);
    PT_TEST_CASE(s, cells);
    PT_TEST_CASE(s, infinite_times);
    PT_TEST_CASE(s, broken_arrays);
    PT_TEST_CASE(s, too_many_statements);
    PT_TEST_CASE(s, table);
}


PT_TEST_MAIN(sql);
