/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "core/pt_op_test.h"
#include "core/op/pt_field.h"

#define LIST "/api/v1/conversations"


static bool
input_is_bad(const char *query)
{
    fx_t f;
    bool bad;
    char target[8192];

    snprintf(target, sizeof(target), LIST "?%s", query);
    fx_init(&f);
    fx_start(&f, PYTAKE_GET, target, NULL);
    fx_next(&f);
    bad = strcmp(f.op->code, "bad_request") == 0;
    fx_free(&f);

    return bad;
}


START_TEST(queries)
{
    int  i, n = 0;
    char many[8192];

    ck_assert(!input_is_bad(""));
    ck_assert(!input_is_bad("&&"));
    ck_assert(!input_is_bad("tag=a%2Bb+c"));
    ck_assert(!input_is_bad("tag"));
    ck_assert(!input_is_bad("=x"));
    ck_assert(input_is_bad("tag=%"));
    ck_assert(input_is_bad("tag=%0"));
    ck_assert(input_is_bad("tag=%00"));
    ck_assert(input_is_bad("tag=%ff"));
    ck_assert(input_is_bad("%80=1"));

    for (i = 0; i < PT_QUERY_ARGS_MAX; i++) {
        n += snprintf(many + n, sizeof(many) - (size_t) n, "a%d=&", i);
    }
    ck_assert(!input_is_bad(many));
    snprintf(many + n, sizeof(many) - (size_t) n, "b=");
    ck_assert(input_is_bad(many));

    memset(many, 'a', PT_QUERY_MAX + 1);
    many[PT_QUERY_MAX] = '\0';
    ck_assert(!input_is_bad(many));
    many[PT_QUERY_MAX] = 'a';
    many[PT_QUERY_MAX + 1] = '\0';
    ck_assert(input_is_bad(many));
}
END_TEST


START_TEST(arguments)
{
    fx_t              f;
    pt_str_t          v;
    const pt_value_t *q;

    fx_init(&f);
    fx_start(&f, PYTAKE_GET,
             LIST "?tag=x%3d%C3%A9+y&status=closed,active,closed&limit=100&"
                  "contact_id=01A20610-653F-7000-8000-000000000007",
             NULL);
    ck_assert_uint_eq(f.op->nerrors, 0);
    ck_assert(pt_arg_find(f.op, "tag", &v));
    ck_assert_slice_lit(v, "x=\xc3\xa9 y");
    ck_assert(!pt_arg_find(f.op, "cursor", &v));
    ck_assert_uint_eq(f.op->limit, 100);

    /* In the order of the list's table. */
    q = f.op->query;
    ck_assert_uint_eq(q[0].words, 0x9);
    ck_assert(!q[1].given && !q[2].given);
    ck_assert_slice_lit(q[3].text, "x=\xc3\xa9 y");
    ck_assert(q[4].given);
    ck_assert_uint_eq(q[4].uuid.b[15], 7);

    fx_start(&f, PYTAKE_GET, LIST "?contact_id=1=2&b&unassigned=yes", NULL);
    v = fx_problem(&f, 422, "validation_failed");
    ck_assert_has(v, "\"field\":\"b\",\"code\":\"unknown\"");
    ck_assert_has(v, "\"field\":\"unassigned\",\"code\":\"invalid\"");
    ck_assert_has(v, "\"field\":\"contact_id\",\"code\":\"invalid\"");

    fx_start(&f, PYTAKE_GET, LIST "?assigned_to=me", NULL);
    ck_assert_uint_eq(f.op->limit, PT_LIST_LIMIT_DEFAULT);
    ck_assert_mem_eq(f.op->query[1].uuid.b, f.op->claims.sub.b, 16);
    fx_free(&f);
}
END_TEST


START_TEST(limits)
{
    fx_t   f;
    size_t i;
    char   target[128];

    static const char *const bad[] = {
        "0", "101", "-1", "1.5", "", "ten", "99999999999999999999"
    };

    fx_init(&f);
    for (i = 0; i < PT_COUNT(bad); i++) {
        snprintf(target, sizeof(target), LIST "?limit=%s", bad[i]);
        fx_start(&f, PYTAKE_GET, target, NULL);
        fx_problem(&f, 422, "validation_failed");
    }
    fx_free(&f);
}
END_TEST


/* More faults than there is room for are cut, not written past. */
START_TEST(many_faults)
{
    fx_t     f;
    int      i;
    pt_buf_t b;
    pt_str_t body;

    fx_init(&f);
    pt_buf_init(&b, f.arena, 65536);
    pt_buf_char(&b, '{');
    for (i = 0; i < 2 * PT_FIELD_ERRORS_MAX; i++) {
        pt_buf_lit(&b, "\"f");
        pt_buf_i64(&b, i);
        pt_buf_lit(&b, "\":1,");
    }
    pt_buf_lit(&b, "\"last\":1}");
    pt_buf_char(&b, '\0');
    ck_assert_ok(pt_buf_get(&b, &body));

    fx_start(&f, PYTAKE_POST, LIST, body.data);
    body = fx_problem(&f, 422, "validation_failed");
    ck_assert_has(body, "\"field\":\"f63\"");
    ck_assert(!fx_has(body, "\"field\":\"f64\""));
    fx_free(&f);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, queries);
    PT_TEST_CASE(s, arguments);
    PT_TEST_CASE(s, limits);
    PT_TEST_CASE(s, many_faults);
}


PT_TEST_MAIN(arg);
