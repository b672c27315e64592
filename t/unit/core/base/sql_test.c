/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* Parameters, and cells read back: PostgreSQL's binary formats. */

#include "core/pt_op_test.h"


static pt_str_t
sql_param(const pt_sql_t *b, uint16_t i)
{
    const pytake_param_t *p = &b->stmts[b->sql.nstmts - 1].params[i];

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
    pt_sql_t      b;
    pt_str_t      s;
    pt_str_t      texts[3] = { { "ab", 2 }, { NULL, 0 }, { "", 0 } };
    pt_uuid_t     ids[2] = { fx_id(1), fx_id(2) };
    pytake_rows_t r;

    static const char want[] = "\0\0\0\1\0\0\0\1\0\0\0\x19\0\0\0\3\0\0\0\1"
                               "\0\0\0\2ab\xff\xff\xff\xff\0\0\0\0";
    static const char none[] = "\0\0\0\0\0\0\0\0\0\0\0\x19";
    static const char uuids[] = "\0\0\0\1\0\0\0\0\0\0\x0b\x86\0\0\0\2\0\0\0\1"
                                "\0\0\0\x10";

    fx_init(&f);
    pt_sql_init(&b, f.arena, PYTAKE_SQL_READ);
    pt_sql_stmt(&b, sql_stmt_of(1009));
    pt_sql_texts(&b, (pt_texts_t){ texts, 3 });
    ck_assert_slice(sql_param(&b, 0), ((pt_str_t){ want, sizeof(want) - 1 }));

    /* what is written can be read */
    texts[0] = sql_param(&b, 0);
    r = (pytake_rows_t){ 1, 1, texts };
    ck_assert(pt_cell_array_next(&r, 0, 0, &at, &s));
    ck_assert_slice_lit(s, "ab");
    ck_assert(pt_cell_array_next(&r, 0, 0, &at, &s));
    ck_assert_ptr_null(s.data);
    ck_assert(pt_cell_array_next(&r, 0, 0, &at, &s));
    ck_assert_slice_lit(s, "");
    ck_assert(!pt_cell_array_next(&r, 0, 0, &at, &s));
    ck_assert(!pt_cell_array_next(&r, 0, 0, &at, &s));

    pt_sql_init(&b, f.arena, PYTAKE_SQL_READ);
    PT_SQL(&b, wa_numbers_find, .numbers = { NULL, 0 });
    ck_assert_ok(pt_sql_end(&b));
    ck_assert_slice(sql_param(&b, 0), ((pt_str_t){ none, sizeof(none) - 1 }));

    pt_sql_init(&b, f.arena, PYTAKE_SQL_READ);
    PT_SQL(&b, hub_heads, .tenants = { ids, 2 });
    ck_assert_ok(pt_sql_end(&b));
    ck_assert_uint_eq(sql_param(&b, 0).len, 20 + 2 * 20);
    ck_assert_mem_eq(sql_param(&b, 0).data, uuids, sizeof(uuids) - 1);
    ck_assert_mem_eq(sql_param(&b, 0).data + 24, ids[0].b, 16);
    fx_free(&f);
}
END_TEST


START_TEST(scalars)
{
    fx_t      f;
    pt_sql_t  b;
    pt_uuid_t id = fx_id(7);

    fx_init(&f);
    pt_sql_init(&b, f.arena, PYTAKE_SQL_READ);
    PT_SQL(&b, conv_list_tag, .activity_at = INT64_MAX /* 'infinity' */,
           .below = &id, .most = -2, .unassigned = true);
    ck_assert_ok(pt_sql_end(&b));
    ck_assert_int_eq(fx_be(sql_param(&b, 0).data, 8), INT64_MAX);
    ck_assert_mem_eq(sql_param(&b, 1).data, id.b, 16);
    ck_assert_int_eq(fx_be(sql_param(&b, 2).data, 4), -2);
    ck_assert_ptr_null(sql_param(&b, 4).data);
    ck_assert_int_eq(sql_param(&b, 5).data[0], 1);
    ck_assert_ptr_null(sql_param(&b, 6).data);

    pt_sql_init(&b, f.arena, PYTAKE_SQL_READ);
    PT_SQL(&b, conv_list, .activity_at = INT64_C(946684800000001),
           .below = &id);
    ck_assert_int_eq(fx_be(sql_param(&b, 0).data, 8), 1);

    PT_SQL(&b, hub_reach, .tenant_id = &id, .first = -2);
    ck_assert_int_eq(fx_be(sql_param(&b, 1).data, 8), -2);

    pt_sql_stmt(&b, PT_STMT_CONV_GET);
    pt_sql_null(&b);
    ck_assert_ptr_null(sql_param(&b, 0).data);
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
        cut.data = len == 0
                       ? NULL
                       : memcpy(pt_arena_alloc(f.arena, len), whole.data, len);
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
    fx_t     f;
    int      i;
    pt_sql_t b;

    fx_init(&f);
    pt_sql_init(&b, f.arena, PYTAKE_SQL_WRITE);
    for (i = 0; i < PT_BATCH_STMTS_MAX; i++) {
        pt_q_head_get(&b);
    }
    ck_assert_ok(pt_sql_end(&b));

    /* errors stick: these write nowhere, and the batch does not go */
    PT_SQL(&b, conv_exists, .id = &f.tenant);
    ck_assert_int_eq(pt_sql_end(&b), PT_ELIMIT);
    pt_sql_text(&b, PT_STR("x"));
    pt_sql_texts(&b, (pt_texts_t){ NULL, 0 });
    ck_assert_uint_eq(b.sql.nstmts, PT_BATCH_STMTS_MAX);

    fx_start(&f, PYTAKE_GET, "/api/v1/auth/me", NULL);
    f.op->batch = b;
    ck_assert_int_eq(pt_op_sql_go(f.op), PT_ELIMIT);
    ck_assert(!f.op->has_effect);
    fx_free(&f);
}
END_TEST


/* Every statement's types are ones that pt_sql.c writes, and its parameters
 * and columns have names. */
START_TEST(table)
{
    uint16_t i, k;

    ck_assert_uint_eq(pytake_stmts_count, PT_STMT_COUNT);
    for (i = 0; i < pytake_stmts_count; i++) {
        ck_assert_uint_le(pytake_stmts[i].nparams, PT_STMT_PARAMS_MAX);
        for (k = 0; k < pytake_stmts[i].nparams; k++) {
            ck_assert_uint_ne(pytake_stmts[i].param_oids[k], 0);
            ck_assert_ptr_nonnull(pytake_stmts[i].params[k].name);
        }
        for (k = 0; k < pytake_stmts[i].ncols; k++) {
            ck_assert_ptr_nonnull(pytake_stmts[i].columns[k].name);
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
