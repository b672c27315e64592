/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "core/pt_op_test.h"
#include "core/inbox/pt_conv.h"

#define CONVS "/api/v1/conversations"
#define CONTACT "01a20610-653f-7000-8000-000000000028"
#define CONFIG "01a20610-653f-7000-8000-000000000029"
#define FRAME "{\"event\":\"x\"}"
#define BODY "{\"contact_id\":\"" CONTACT "\"}"


static void
conv_row(fx_t *f, uint16_t i, uint8_t n)
{
    pt_uuid_t id = fx_id(n), contact = fx_id(40), config = fx_id(41);

    fx_row(f, i, "uutnutinnnajnmmm", &id, &contact, "Z\xc3\xa9", &config,
           "active", 3, "gold vip", "{\"a\": 1}", FX_NOW, FX_NOW, FX_NOW - 5);
}


static const char conv_json[] =
    "{\"id\":\"01a20610-653f-7000-8000-000000000014\",\"contact\":{\"id\":"
    "\"" CONTACT "\",\"name\":\"Z\xc3\xa9\",\"phone\":null},"
    "\"whatsapp_config_id\":\"" CONFIG "\",\"status\":\"active\","
    "\"unread_count\":3,\"last_message\":null,\"last_message_time\":null,"
    "\"assigned_to\":null,\"tags\":[\"gold\",\"vip\"],"
    "\"metadata\":{\"a\": 1},\"window_expires_at\":null,"
    "\"created_at\":\"2026-11-23T01:41:07.519Z\","
    "\"updated_at\":\"2026-11-23T01:41:07.519Z\"}";


/* The room that a row takes at once is enough when every value is as long as
 * it can be; the writer asserts it. */
START_TEST(longest_row)
{
    fx_t       f;
    pt_jw_t    w;
    pt_buf_t   b;
    pt_str_t   s;
    pt_json_t *v;
    pt_uuid_t  id = fx_id(9);

    static const char text[] = "\x01\x02\"\\\n\x1f\x7f \xc3\xa9";

    fx_init(&f);
    fx_row(&f, 0, "uuttutitmuajmmmm", &id, &id, text, text, &id, text,
           INT32_MIN, text, FX_NOW, &id, "a\x01 b\" c", "{\"a\": [1, 2]}",
           FX_NOW, FX_NOW, FX_NOW, FX_NOW);

    pt_buf_init(&b, f.arena, 4096);
    pt_jw_init(&w, &b);
    pt_jw_array(&w);
    pt_conv_write(&w, &f.rows[0], 0);
    pt_conv_write(&w, &f.rows[0], 0);
    pt_jw_array_end(&w);
    ck_assert_ok(pt_buf_get(&b, &s));
    ck_assert_ok(pt_json_parse(f.arena, s, &pt_json_limits_api, &v));
    ck_assert_uint_eq(v->count, 2);
    ck_assert_has(s, "\"unread_count\":-2147483648,\"last_message\":"
                     "\"\\u0001\\u0002\\\"\\\\\\n\\u001f\x7f \xc3\xa9\",");
    ck_assert_has(s, ",\"tags\":[\"a\\u0001\",\"b\\\"\",\"c\"],");

    /* a buffer that it does not fit into says so, and holds no half of it */
    pt_buf_init(&b, f.arena, 256);
    pt_jw_init(&w, &b);
    pt_conv_write(&w, &f.rows[0], 0);
    ck_assert_int_eq(pt_buf_get(&b, &s), PT_ELIMIT);
    ck_assert_uint_eq(b.len, 0);
    fx_free(&f);
}
END_TEST


static void
conv_list(fx_t *f)
{
    pt_str_t  body;
    pt_uuid_t top;

    memset(&top, 0xff, sizeof(top));

    fx_start(f, PYTAKE_GET, CONVS "?limit=1", NULL);
    if (!fx_sql(f, PYTAKE_SQL_READ, "session_enter head_get conv_list")) {
        return;
    }
    ck_assert_int_eq(fx_param_time(f, 2, 0), INT64_MAX);
    ck_assert_param_uuid(f, 2, 1, top);
    ck_assert_int_eq(fx_param_int(f, 2, 2), 2);

    fx_row(f, 1, "ln", INT64_C(0));
    conv_row(f, 2, 20);
    conv_row(f, 2, 19);
    fx_feed(f);

    body = fx_done(f, 200);
    if (!fx_is_starved(f)) {
        ck_assert_has(body, "{\"data\":[{");
        ck_assert_has(body, conv_json);
        ck_assert_has(body, "}],\"next_cursor\":\"AQE");
        ck_assert_has(body, ",\"since\":{\"seq\":0,\"id\":null}}");
    }
}


START_TEST(list)
{
    fx_t       f;
    char       target[512];
    pt_str_t   cursor;
    pt_json_t *body;

    fx_init(&f);
    conv_list(&f);
    ck_assert_ok(
        pt_json_parse(f.arena, f.eff.u.done.body, &pt_json_limits_api, &body));
    ck_assert(pt_json_find_str(body, "next_cursor", &cursor));

    snprintf(target, sizeof(target), CONVS "?cursor=%.*s&limit=100",
             (int) cursor.len, cursor.data);
    fx_start(&f, PYTAKE_GET, target, NULL);
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ, "session_enter head_get conv_list"));
    ck_assert_int_eq(fx_param_time(&f, 2, 0), FX_NOW - 5);
    ck_assert_param_uuid(&f, 2, 1, fx_id(20));
    fx_feed(&f);
    ck_assert_has(fx_done(&f, 200), "{\"data\":[],\"next_cursor\":null,");

    /* other filters, another tenant */
    snprintf(target, sizeof(target), CONVS "?cursor=%.*s&status=closed",
             (int) cursor.len, cursor.data);
    fx_start(&f, PYTAKE_GET, target, NULL);
    fx_problem(&f, 400, "invalid_cursor");

    f.tenant = fx_id(99);
    f.req.authorization = PT_STR_NULL;
    snprintf(target, sizeof(target), CONVS "?cursor=%.*s", (int) cursor.len,
             cursor.data);
    fx_start(&f, PYTAKE_GET, target, NULL);
    fx_problem(&f, 400, "invalid_cursor");
    fx_free(&f);
}
END_TEST


START_TEST(list_starved)
{
    fx_starved(conv_list, 2);
}
END_TEST


/* The last of the n statuses that are asked for. */
static pt_str_t
conv_statuses(fx_t *f, uint32_t n)
{
    size_t              at = 0;
    uint32_t            i;
    pt_str_t            last, cell = fx_param(f, 2, 3);
    const pytake_rows_t r = { 1, 1, &cell };

    for (i = 0; i < n; i++) {
        ck_assert(pt_cell_array_next(&r, 0, 0, &at, &last));
    }
    ck_assert(!pt_cell_array_next(&r, 0, 0, &at, &cell));

    return last;
}


/* Each filter has its own statement, the most selective one first. */
START_TEST(list_filters)
{
    fx_t f;

    fx_init(&f);
    fx_start(&f, PYTAKE_GET, CONVS "?status=pending", NULL);
    ck_assert(
        fx_sql(&f, PYTAKE_SQL_READ, "session_enter head_get conv_list_status"));
    ck_assert_param_text(&f, 2, 3, "pending");

    fx_start(&f, PYTAKE_GET, CONVS "?status=pending&unassigned=true", NULL);
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ,
                     "session_enter head_get conv_list_unassigned"));
    ck_assert_slice_lit(conv_statuses(&f, 1), "pending");

    fx_start(&f, PYTAKE_GET, CONVS "?assigned_to=" CONTACT, NULL);
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ,
                     "session_enter head_get conv_list_assigned"));
    ck_assert_slice_lit(conv_statuses(&f, 4), "closed");
    ck_assert_param_uuid(&f, 2, 4, fx_id(40));

    fx_start(&f, PYTAKE_GET, CONVS "?status=pending&tag=a%20b&unassigned=true",
             NULL);
    ck_assert(
        fx_sql(&f, PYTAKE_SQL_READ, "session_enter head_get conv_list_tag"));
    ck_assert_slice_lit(conv_statuses(&f, 1), "pending");
    ck_assert_param_null(&f, 2, 4);
    ck_assert_int_eq(fx_param_int(&f, 2, 5), 1);
    ck_assert_param_text(&f, 2, 6, "a b");

    fx_start(&f, PYTAKE_GET,
             CONVS "?contact_id=" CONTACT "&assigned_to=" CONFIG
                   "&unassigned=false&status=active",
             NULL);
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ,
                     "session_enter head_get conv_list_of_contact"));
    ck_assert_slice_lit(conv_statuses(&f, 1), "active");
    ck_assert_param_uuid(&f, 2, 4, fx_id(41));
    ck_assert_int_eq(fx_param_int(&f, 2, 5), 0);
    ck_assert_param_null(&f, 2, 6);
    ck_assert_param_uuid(&f, 2, 7, fx_id(40));
    fx_free(&f);
}
END_TEST


START_TEST(list_faults)
{
    fx_t     f;
    pt_str_t body;

    fx_init(&f);
    fx_start(&f, PYTAKE_GET,
             CONVS "?status=new&limit=101&assigned_to=x&"
                   "unassigned=1&tag=&q=a&limit=2",
             NULL);
    body = fx_problem(&f, 422, "validation_failed");
    ck_assert_has(body, "\"field\":\"status\",\"code\":\"invalid\"");
    ck_assert_has(body, "\"field\":\"limit\",\"code\":\"invalid\"");
    ck_assert_has(body, "\"field\":\"limit\",\"code\":\"repeated\"");
    ck_assert_has(body, "\"field\":\"assigned_to\",\"code\":\"invalid\"");
    ck_assert_has(body, "\"field\":\"unassigned\",\"code\":\"invalid\"");
    ck_assert_has(body, "\"field\":\"tag\",\"code\":\"invalid\"");
    ck_assert_has(body, "\"field\":\"q\",\"code\":\"unknown\"");

    fx_start(&f, PYTAKE_GET, CONVS "?unassigned=true&assigned_to=" CONTACT,
             NULL);
    ck_assert_has(fx_problem(&f, 422, "validation_failed"),
                  "\"code\":\"conflict\"");
    fx_start(&f, PYTAKE_GET, CONVS "?cursor=AAAA", NULL);
    fx_problem(&f, 400, "invalid_cursor");
    fx_free(&f);
}
END_TEST


static void
conv_get(fx_t *f)
{
    pt_str_t body;

    fx_start(f, PYTAKE_HEAD, CONVS "/" CONTACT, NULL);
    if (!fx_sql(f, PYTAKE_SQL_READ, "session_enter conv_get")) {
        return;
    }
    ck_assert_param_uuid(f, 1, 0, fx_id(40));
    conv_row(f, 1, 20);
    fx_feed(f);
    body = fx_done(f, 200);
    if (!fx_is_starved(f)) {
        ck_assert_slice(body, pt_test_str(conv_json));
    }
}


START_TEST(get)
{
    fx_t f;

    fx_init(&f);
    conv_get(&f);

    fx_start(&f, PYTAKE_GET, CONVS "/" CONTACT, NULL);
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ, "session_enter conv_get"));
    fx_feed(&f);
    fx_problem(&f, 404, "not_found");
    fx_free(&f);
}
END_TEST


START_TEST(get_starved)
{
    fx_starved(conv_get, 2);
}
END_TEST


/* Up to the write batch: the contact is there, one number is active. */
static bool
conv_create(fx_t *f, const char *body, const char *batch)
{
    pt_uuid_t contact = fx_id(40), config = fx_id(41);

    fx_start(f, PYTAKE_POST, CONVS, body);
    if (!fx_sql(f, PYTAKE_SQL_READ,
                "session_enter conv_create_contact conv_create_configs"))
    {
        return false;
    }
    ck_assert_param_uuid(f, 1, 0, contact);
    fx_row(f, 1, "u", &contact);
    fx_row(f, 2, "u", &config);
    fx_feed(f);

    return fx_sql(f, PYTAKE_SQL_WRITE, batch);
}


static void
conv_create_new(fx_t *f)
{
    pt_str_t  body, frame;
    pt_uuid_t id = fx_id(20);

    if (!conv_create(f,
                     "{\"contact_id\":\"" CONTACT "\","
                     "\"initial_message\":\"hi\"}",
                     "session_enter conv_open conv_event msg_send "
                     "conv_get_open"))
    {
        return;
    }
    ck_assert_param_uuid(f, 1, 1, fx_id(40));
    ck_assert_param_uuid(f, 1, 2, fx_id(41));
    ck_assert_int_eq(fx_param_time(f, 1, 3), FX_NOW_MS);
    ck_assert_slice(fx_param(f, 2, 0), fx_param(f, 1, 0));
    frame = fx_param(f, 2, 4);
    ck_assert_has(frame, "{\"event\":\"conversation_updated\",\"data\":{"
                         "\x06,\"changes\":[\"created\"]},");
    ck_assert_param_null(f, 3, 0);
    ck_assert_param_text(f, 3, 3, "hi");
    ck_assert_param_uuid(f, 3, 13, fx_id(40));
    ck_assert_param_uuid(f, 3, 14, fx_id(41));
    ck_assert_has(fx_param(f, 3, 10), "\"conversation_id\":\"\x01\"");
    ck_assert_param_uuid(f, 4, 0, fx_id(40));

    fx_row(f, 1, "ub", &id, 1);
    fx_row(f, 2, "lt", INT64_C(5), FRAME);
    fx_row(f, 3, "ltu", INT64_C(6), FRAME, &id);
    conv_row(f, 4, 20);
    fx_feed(f);

    if (!fx_redis(f, "5 " FRAME)) {
        return;
    }
    if (f->op->npublish == 1) { /* starved between the two */
        fx_done(f, 201);
        return;
    }
    if (!fx_redis(f, "6 " FRAME) || !fx_bell(f)) {
        return;
    }
    body = fx_done(f, 201);
    if (!fx_is_starved(f)) {
        ck_assert_slice(body, pt_test_str(conv_json));
        ck_assert_slice_lit(fx_header(f, "Location"),
                            CONVS "/01a20610-653f-7000-8000-000000000014");
    }
}


START_TEST(create)
{
    fx_t             f;
    pytake_op_info_t info;

    fx_init(&f);
    conv_create_new(&f);
    pytake_op_info(f.op, &info);
    ck_assert_slice_lit(info.conversation_id,
                        "01a20610-653f-7000-8000-000000000014");
    fx_free(&f);
}
END_TEST


START_TEST(create_starved)
{
    fx_starved(conv_create_new, 4);
}
END_TEST


START_TEST(create_takes_the_open_one)
{
    fx_t      f;
    pt_uuid_t id = fx_id(20);

    fx_init(&f);
    ck_assert(conv_create(&f, BODY,
                          "session_enter conv_open conv_event "
                          "conv_get_open"));
    fx_row(&f, 1, "ub", &id, 0);
    conv_row(&f, 3, 20);
    fx_feed(&f);
    ck_assert_slice(fx_done(&f, 200), pt_test_str(conv_json));
    ck_assert_ptr_null(fx_header(&f, "Location").data);
    fx_free(&f);
}
END_TEST


START_TEST(create_keyed)
{
    fx_t      f;
    pt_uuid_t id = fx_id(20);

    fx_init(&f);
    f.req.idempotency_key = PT_STR("k");
    ck_assert(conv_create(&f,
                          "{\"contact_id\":\"" CONTACT "\","
                          "\"initial_message\":{\"content\":\"hi\"}}",
                          "session_enter idem_lock conv_open conv_event "
                          "msg_send conv_get_open idem_store_conv"));
    ck_assert_slice(fx_param(&f, 6, 3), fx_param(&f, 2, 0));
    ck_assert_param_text(&f, 6, 4, CONVS "/");
    fx_row(&f, 1, "b", 0);
    fx_row(&f, 2, "ub", &id, 1);
    conv_row(&f, 5, 20);
    fx_row(&f, 6, "t", "{\"the\":\"kept bytes\"}");
    fx_feed(&f);
    ck_assert_slice_lit(fx_done(&f, 201), "{\"the\":\"kept bytes\"}");
    fx_free(&f);
}
END_TEST


START_TEST(create_references)
{
    fx_t      f;
    uint16_t  n;
    pt_str_t  body;
    pt_uuid_t id = fx_id(40);

    /* neither is there: both are told */
    fx_init(&f);
    fx_start(&f, PYTAKE_POST, CONVS,
             "{\"contact_id\":\"" CONTACT "\","
             "\"whatsapp_config_id\":\"" CONFIG "\"}");
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ,
                     "session_enter conv_create_contact "
                     "conv_create_configs"));
    ck_assert_param_uuid(&f, 2, 0, fx_id(41));
    fx_feed(&f);
    body = fx_problem(&f, 422, "validation_failed");
    ck_assert_has(body, "\"field\":\"contact_id\",\"code\":\"not_found\"");
    ck_assert_has(body, "\"field\":\"whatsapp_config_id\","
                        "\"code\":\"not_found\"");

    /* no number, or two of them */
    for (n = 0; n <= 2; n += 2) {
        fx_start(&f, PYTAKE_POST, CONVS, BODY);
        ck_assert(fx_sql(&f, PYTAKE_SQL_READ,
                         "session_enter conv_create_contact "
                         "conv_create_configs"));
        ck_assert_param_null(&f, 2, 0);
        fx_row(&f, 1, "u", &id);
        if (n != 0) {
            fx_row(&f, 2, "u", &id);
            fx_row(&f, 2, "u", &id);
        }
        fx_feed(&f);
        ck_assert_has(fx_problem(&f, 422, "whatsapp_config_required"),
                      n == 0 ? "\"detail\":\"No " : "\"detail\":\"Several ");
    }
    fx_free(&f);
}
END_TEST


START_TEST(create_faults)
{
    fx_t   f;
    size_t i;

    static const char *const cases[][2] = {
        { "{}", "\"field\":\"contact_id\",\"code\":\"required\"" },
        { "{\"contact_id\":\"x\"}", "\"code\":\"invalid\"" },
        { "{\"contact_id\":\"" CONTACT "\",\"initial_message\":\" \"}",
          "\"field\":\"initial_message\",\"code\":\"required\"" },
        { "{\"contact_id\":\"" CONTACT "\",\"initial_message\":7}",
          "\"field\":\"initial_message\",\"code\":\"type\"" },
        { "{\"contact_id\":\"" CONTACT "\",\"initial_message\":{\"x\":1}}",
          "\"field\":\"initial_message.x\",\"code\":\"unknown\"" },
        { "{\"contact_id\":\"" CONTACT "\",\"initial_message\":"
          "{\"content\":\"a\",\"reply_to\":\"" CONTACT "\"}}",
          "\"field\":\"initial_message.reply_to\",\"code\":\"invalid\"" },
        { "{\"contact_id\":\"" CONTACT "\",\"initial_message\":\"\\u0000\"}",
          "\"field\":\"initial_message\",\"code\":\"invalid\"" },
        { "{\"contact_id\":\"" CONTACT "\",\"initial_message\":"
          "{\"content\":\"a\\udfffb\"}}",
          "\"field\":\"initial_message.content\",\"code\":\"invalid\"" },
        { "{\"contact_id\":\"" CONTACT "\",\"initial_message\":"
          "{\"content\":\"a\",\"metadata\":{\"n\":-1e400}}}",
          "\"field\":\"initial_message.metadata\",\"code\":\"invalid\"" },
        { "{\"contact_id\":\"" CONTACT "\",\"z\":null}",
          "\"field\":\"z\",\"code\":\"unknown\"" }
    };

    for (i = 0; i < PT_COUNT(cases); i++) {
        fx_init(&f);
        fx_start(&f, PYTAKE_POST, CONVS, cases[i][0]);
        ck_assert_has(fx_problem(&f, 422, "validation_failed"), cases[i][1]);
        fx_free(&f);
    }
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, longest_row);
    PT_TEST_CASE(s, list);
    PT_TEST_CASE(s, list_starved);
    PT_TEST_CASE(s, list_filters);
    PT_TEST_CASE(s, list_faults);
    PT_TEST_CASE(s, get);
    PT_TEST_CASE(s, get_starved);
    PT_TEST_CASE(s, create);
    PT_TEST_CASE(s, create_starved);
    PT_TEST_CASE(s, create_takes_the_open_one);
    PT_TEST_CASE(s, create_keyed);
    PT_TEST_CASE(s, create_references);
    PT_TEST_CASE(s, create_faults);
}


PT_TEST_MAIN(conv);
