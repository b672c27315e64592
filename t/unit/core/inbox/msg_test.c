/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "core/pt_op_test.h"
#include "core/inbox/pt_msg.h"

#define CONV "01a20610-653f-7d50-8b45-4e4151820c4c"
#define MSGS "/api/v1/conversations/" CONV "/messages"
#define FRAME "{\"event\":\"message_sent\"}"


static pt_uuid_t
msg_conv(void)
{
    pt_uuid_t id;

    ck_assert(pt_uuid_parse(PT_STR(CONV), &id));

    return id;
}


static void
msg_row(fx_t *f, uint16_t i, uint8_t n)
{
    pt_uuid_t id = fx_id(n), conv = msg_conv();

    fx_row(f, i, "uutnttttjnjmm", &id, &conv, "contact", "oi \"x\"", "text",
           "wamid.1", "failed", "{\"code\": 131026}", "{\"a\": 1}", FX_NOW,
           FX_NOW);
}


static void
msg_list(fx_t *f)
{
    pt_str_t  body;
    pt_uuid_t top, head = fx_id(50);

    memset(&top, 0xff, sizeof(top));

    fx_start(f, PYTAKE_GET, MSGS "?limit=2", NULL);
    if (!fx_sql(f, PYTAKE_SQL_READ,
                "session_enter head_get conv_exists msg_list")) {
        return;
    }
    ck_assert_param_uuid(f, 2, 0, msg_conv());
    ck_assert_param_uuid(f, 3, 0, msg_conv());
    ck_assert_param_uuid(f, 3, 1, top);
    ck_assert_int_eq(fx_param_int(f, 3, 2), 3);

    fx_row(f, 1, "lu", INT64_C(4711), &head);
    fx_row(f, 2, "u", &head);
    msg_row(f, 3, 30);
    msg_row(f, 3, 29);
    msg_row(f, 3, 28);
    fx_feed(f);

    body = fx_done(f, 200);
    if (fx_is_starved(f)) {
        return;
    }
    ck_assert_has(
        body, "{\"data\":[{\"id\":\"01a20610-653f-7000-8000-00000000001e\","
              "\"conversation_id\":\"" CONV "\",\"sender_type\":\"contact\","
              "\"sender_id\":null,\"content\":\"oi \\\"x\\\"\","
              "\"message_type\":\"text\",\"whatsapp_message_id\":\"wamid.1\","
              "\"status\":\"failed\",\"error\":{\"code\": 131026},"
              "\"reply_to\":null,\"metadata\":{\"a\": 1},"
              "\"created_at\":\"2026-11-23T01:41:07.519Z\","
              "\"received_at\":\"2026-11-23T01:41:07.519Z\"},{");
    ck_assert_has(body, "00001d\",\"conversation_id\"");
    ck_assert(!fx_has(body, "00001c\""));
    ck_assert_has(body, "],\"next_cursor\":\"AQI");
    ck_assert_has(body, "\"since\":{\"seq\":4711,\"id\":\"01a20610-653f-7000-"
                        "8000-000000000032\"}}");
}


START_TEST(list)
{
    fx_t             f;
    char             target[512];
    pt_str_t         cursor;
    pt_json_t       *body;
    pytake_op_info_t info;

    fx_init(&f);
    msg_list(&f);
    pytake_op_info(f.op, &info);
    ck_assert_slice_lit(info.conversation_id, CONV);

    /* the next page begins below the last row that was shown */
    ck_assert_ok(
        pt_json_parse(f.arena, f.eff.u.done.body, &pt_json_limits_api, &body));
    ck_assert(pt_json_find_str(body, "next_cursor", &cursor));
    snprintf(target, sizeof(target), MSGS "?cursor=%.*s", (int) cursor.len,
             cursor.data);
    fx_start(&f, PYTAKE_GET, target, NULL);
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ,
                     "session_enter head_get conv_exists msg_list"));
    ck_assert_param_uuid(&f, 3, 1, fx_id(29));
    ck_assert_int_eq(fx_param_int(&f, 3, 2), 21);

    /* no such conversation, or another tenant's */
    fx_feed(&f);
    fx_problem(&f, 404, "not_found");

    /* a cursor goes with its conversation and its tenant */
    snprintf(target, sizeof(target),
             "/api/v1/conversations/01a20610-653f-"
             "7d50-8b45-4e4151820c4d/messages?cursor=%.*s",
             (int) cursor.len, cursor.data);
    fx_start(&f, PYTAKE_GET, target, NULL);
    fx_problem(&f, 400, "invalid_cursor");
    fx_free(&f);
}
END_TEST


/* A page of long messages ends early and goes on from there. */
START_TEST(list_of_long_ones)
{
    fx_t       f;
    char      *long_one;
    int        i, n;
    pt_str_t   cursor;
    pt_uuid_t  conv = msg_conv(), id;
    pt_json_t *body;

    fx_init(&f);
    long_one = pt_arena_alloc(f.arena, 100001);
    ck_assert_ptr_nonnull(long_one);
    memset(long_one, '\x01', 100000);
    long_one[100000] = '\0';

    fx_start(&f, PYTAKE_GET, MSGS "?limit=100", NULL);
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ,
                     "session_enter head_get conv_exists msg_list"));
    fx_row(&f, 2, "u", &conv);
    for (i = 100; i > 60; i--) {
        id = fx_id((uint8_t) i);
        fx_row(&f, 3, "uutnttttnnjmm", &id, &conv, "contact", long_one, "text",
               "wamid.1", "delivered", "{}", FX_NOW, FX_NOW);
    }
    fx_feed(&f);

    ck_assert_ok(
        pt_json_parse(f.arena, fx_done(&f, 200), &pt_json_limits_api, &body));
    n = (int) pt_json_find(body, "data")->count;
    ck_assert_int_ge(n, 1);
    ck_assert_int_lt(n, 40);
    ck_assert(pt_json_find_str(body, "next_cursor", &cursor));
    fx_free(&f);
}
END_TEST


/* What does not fit is our answer, not the client's body. */
START_TEST(list_too_long)
{
    fx_t      f;
    char     *metadata;
    size_t    len = 3u * 1024 * 1024;
    pt_uuid_t conv = msg_conv(), id = fx_id(30);

    fx_init(&f);
    metadata = pt_arena_alloc(f.arena, len + 1);
    ck_assert_ptr_nonnull(metadata);
    memset(metadata, '1', len);
    metadata[len] = '\0';

    fx_start(&f, PYTAKE_GET, MSGS, NULL);
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ,
                     "session_enter head_get conv_exists msg_list"));
    fx_row(&f, 2, "u", &conv);
    fx_row(&f, 3, "uutnttttnnjmm", &id, &conv, "contact", "x", "text",
           "wamid.1", "delivered", metadata, FX_NOW, FX_NOW);
    fx_feed(&f);
    fx_problem(&f, 500, "internal_error");
    fx_free(&f);
}
END_TEST


START_TEST(list_starved)
{
    fx_starved(msg_list, 2);
}
END_TEST


static bool
msg_send_write(fx_t *f, const char *body)
{
    pt_str_t frame;

    fx_start(f, PYTAKE_POST, MSGS, body);
    if (!fx_sql(f, PYTAKE_SQL_WRITE, "session_enter msg_send")) {
        return false;
    }

    ck_assert_param_uuid(f, 1, 0, msg_conv());
    ck_assert_param_uuid(f, 1, 2, f->user);
    ck_assert_param_text(f, 1, 3, "hello");
    ck_assert_param_text(f, 1, 4, "text");
    ck_assert_param_text(f, 1, 5, "{}");
    ck_assert_int_eq(fx_param_time(f, 1, 6), FX_NOW_MS);
    ck_assert_int_eq(fx_param_time(f, 1, 7), FX_NOW_MS);
    ck_assert_param_text(f, 1, 8, "hello");
    ck_assert_param_text(f, 1, 11, "agent");
    ck_assert_param_null(f, 1, 12);
    ck_assert_param_null(f, 1, 13);
    ck_assert_param_null(f, 1, 14);

    /* the time inside both ids is the time that is stored */
    ck_assert_int_eq(
        pt_uuid_time_us((const pt_uuid_t *) fx_param(f, 1, 1).data), FX_NOW_MS);
    ck_assert_int_eq(
        pt_uuid_time_us((const pt_uuid_t *) fx_param(f, 1, 9).data), FX_NOW_MS);

    frame = fx_param(f, 1, 10);
    ck_assert_has(frame, "{\"event\":\"message_sent\",\"data\":{\"id\":\"");
    ck_assert_has(frame, "\"conversation\":\x03},\"timestamp\":\"2026-11-23T"
                         "01:41:07.519Z\",\"conversation_id\":\"\x01\","
                         "\"seq\":\x04,\"id\":\"");

    return true;
}


static void
msg_send(fx_t *f)
{
    pt_str_t body;

    if (!msg_send_write(f, "{\"content\":\"hello\"}")) {
        return;
    }
    fx_row(f, 1, "ltu", INT64_C(7), FRAME, &(pt_uuid_t){ { 1 } });
    fx_feed(f);

    if (!fx_redis(f, "7 " FRAME) || !fx_bell(f)) {
        return;
    }
    body = fx_done(f, 201);
    ck_assert_has(body, "\"conversation_id\":\"" CONV "\"");
    ck_assert_has(body, "\"sender_type\":\"agent\",\"sender_id\":\"01a20610-"
                        "653f-7000-8000-000000000001\"");
    ck_assert_has(body, "\"content\":\"hello\",\"message_type\":\"text\","
                        "\"whatsapp_message_id\":null,"
                        "\"status\":\"pending\",\"error\":null,"
                        "\"reply_to\":null,\"metadata\":{},");
}


START_TEST(send)
{
    fx_t     f;
    pt_str_t frame, body;

    fx_init(&f);
    msg_send(&f);

    /* what POST answers is what the event carries */
    body = f.eff.u.done.body;
    frame = (pt_str_t){ f.op->batch.stmts[1].params[10].data,
                        (size_t) f.op->batch.stmts[1].params[10].len };
    body.len--; /* the brace */
    ck_assert_uint_gt(frame.len, 30 + body.len);
    ck_assert_slice(((pt_str_t){ frame.data + 31, body.len }), body);
    fx_free(&f);
}
END_TEST


START_TEST(send_starved)
{
    fx_starved(msg_send, 3);
}
END_TEST


START_TEST(send_to_nobody)
{
    fx_t f;

    fx_init(&f);
    ck_assert(msg_send_write(&f, "{\"content\":\"hello\"}"));
    fx_feed(&f);
    fx_problem(&f, 404, "not_found");
    fx_free(&f);
}
END_TEST


static void
msg_send_keyed(fx_t *f)
{
    f->req.idempotency_key = PT_STR("key 1");
    fx_start(f, PYTAKE_POST, MSGS, "{\"content\":\"hello\"}");
    if (!fx_sql(f, PYTAKE_SQL_WRITE,
                "session_enter idem_lock msg_send idem_store")) {
        return;
    }
    ck_assert_param_text(f, 1, 0,
                         "01a20610-653f-7000-8000-000000000001 msg_send " CONV);
    ck_assert_param_text(f, 1, 1, "key 1");
    ck_assert_int_eq(fx_param_time(f, 1, 2), FX_NOW - INT64_C(86400) * 1000000);
    ck_assert_param_text(f, 3, 1, "key 1");
    ck_assert_uint_eq(fx_param(f, 3, 2).len, 32);
    ck_assert_int_eq(fx_param_int(f, 3, 3), 201);
    ck_assert_param_null(f, 3, 4);
    ck_assert_slice(fx_param(f, 3, 7), fx_param(f, 2, 9));

    fx_row(f, 2, "ltu", INT64_C(7), FRAME, &(pt_uuid_t){ { 1 } });
    fx_feed(f);
    if (!fx_redis(f, "7 " FRAME) || !fx_bell(f)) {
        return;
    }

    /* what is kept is what is answered */
    fx_done(f, 201);
    ck_assert_slice(
        f->eff.u.done.body,
        ((pt_str_t){ f->op->batch.stmts[3].params[5].data,
                     (size_t) f->op->batch.stmts[3].params[5].len }));
}


START_TEST(send_keyed)
{
    fx_t f;

    fx_init(&f);
    msg_send_keyed(&f);
    fx_free(&f);
}
END_TEST


START_TEST(send_keyed_starved)
{
    fx_starved(msg_send_keyed, 3);
}
END_TEST


/* A client that sends no key names its request in the body. */
static void
msg_send_client_id(fx_t *f)
{
    fx_start(f, PYTAKE_POST, MSGS,
             "{\"content\":\"hello\",\"metadata\":{\"a\":1},"
             "\"client_id\":\"01A20610-653F-7000-8000-00000000000C\"}");
    if (!fx_sql(f, PYTAKE_SQL_WRITE,
                "session_enter idem_lock msg_send idem_store")) {
        return;
    }
    ck_assert_param_text(f, 1, 1, "01a20610-653f-7000-8000-00000000000c");
    ck_assert_param_text(
        f, 2, 5,
        "{\"client_id\":\"01a20610-653f-7000-8000-00000000000c\",\"a\":1}");
    ck_assert_param_text(f, 3, 1, "01a20610-653f-7000-8000-00000000000c");
    ck_assert_has(fx_param(f, 2, 10), "\"metadata\":{\"client_id\":\"01a2");

    fx_row(f, 2, "ltu", INT64_C(7), FRAME, &(pt_uuid_t){ { 1 } });
    fx_feed(f);
    if (!fx_redis(f, "7 " FRAME) || !fx_bell(f)) {
        return;
    }
    fx_done(f, 201);
}


START_TEST(send_client_id)
{
    fx_t f;

    fx_init(&f);
    msg_send_client_id(&f);
    fx_free(&f);

    /* The header's key goes before it. */
    fx_init(&f);
    f.req.idempotency_key = PT_STR("key 1");
    fx_start(&f, PYTAKE_POST, MSGS,
             "{\"content\":\"hello\","
             "\"client_id\":\"01a20610-653f-7000-8000-00000000000c\"}");
    ck_assert(fx_sql(&f, PYTAKE_SQL_WRITE,
                     "session_enter idem_lock msg_send idem_store"));
    ck_assert_param_text(&f, 1, 1, "key 1");
    ck_assert_param_text(
        &f, 2, 5, "{\"client_id\":\"01a20610-653f-7000-8000-00000000000c\"}");
    fx_free(&f);
}
END_TEST


START_TEST(send_client_id_starved)
{
    fx_starved(msg_send_client_id, 3);
}
END_TEST


static void
msg_send_quoting(fx_t *f)
{
    pt_uuid_t quoted = fx_id(20);

    fx_start(f, PYTAKE_POST, MSGS,
             "{\"message_type\":\"text\",\"content\":\"x\",\"reply_to\":"
             "\"01a20610-653f-7000-8000-000000000014\","
             "\"metadata\":{\"k\":[1,null]}}");
    if (!fx_sql(f, PYTAKE_SQL_READ, "session_enter conv_exists msg_in_conv")) {
        return;
    }
    ck_assert_param_uuid(f, 1, 0, msg_conv());
    ck_assert_param_uuid(f, 2, 0, quoted);
    ck_assert_param_uuid(f, 2, 1, msg_conv());
    fx_row(f, 1, "u", &quoted);
    fx_row(f, 2, "u", &quoted);
    fx_feed(f);

    if (!fx_sql(f, PYTAKE_SQL_WRITE, "session_enter msg_send")) {
        return;
    }
    ck_assert_param_uuid(f, 1, 12, quoted);
    ck_assert_param_text(f, 1, 5, "{\"k\":[1,null]}");
    fx_row(f, 1, "ltu", INT64_C(8), FRAME, &quoted);
    fx_feed(f);
    if (fx_redis(f, "8 " FRAME) && fx_bell(f)) {
        ck_assert_has(fx_done(f, 201), "\"reply_to\":\"01a20610-653f-7000-"
                                       "8000-000000000014\"");
    }
}


START_TEST(quote)
{
    fx_t f;

    fx_init(&f);
    msg_send_quoting(&f);
    fx_free(&f);
}
END_TEST


START_TEST(quote_starved)
{
    fx_starved(msg_send_quoting, 4);
}
END_TEST


START_TEST(quote_of_another_conversation)
{
    fx_t      f;
    uint16_t  conv;
    pt_uuid_t id = fx_id(20);

    for (conv = 0; conv < 2; conv++) {
        fx_init(&f);
        fx_start(&f, PYTAKE_POST, MSGS,
                 "{\"content\":\"x\",\"reply_to\":"
                 "\"01a20610-653f-7000-8000-000000000014\"}");
        ck_assert(fx_sql(&f, PYTAKE_SQL_READ,
                         "session_enter conv_exists msg_in_conv"));
        if (conv) {
            fx_row(&f, 1, "u", &id);
        }
        fx_feed(&f);
        if (conv) {
            ck_assert_has(fx_problem(&f, 422, "validation_failed"),
                          "\"field\":\"reply_to\",\"code\":\"not_found\"");
        } else {
            fx_problem(&f, 404, "not_found");
        }
        fx_free(&f);
    }
}
END_TEST


START_TEST(send_faults)
{
    fx_t   f;
    size_t i;

    static const char *const cases[][3] = {
        { "{}", "content", "required" },
        { "{\"content\":null}", "content", "required" },
        { "{\"content\":7}", "content", "type" },
        { "{\"content\":\"\"}", "content", "required" },
        { "{\"content\":\" \\n\\t\\u00a0\\u2003\\u3000\\u200b\"}", "content",
          "required" },
        { "{\"content\":\"\\u2060\"}", "content", "required" },
        { "{\"content\":\"\\u3164\\uffa0\\u115f\"}", "content", "required" },
        { "{\"content\":\"\\u00ad\\u034f\"}", "content", "required" },
        { "{\"content\":\"\\u202e\\u2066\"}", "content", "required" },
        { "{\"content\":\"\\u2800\\u1680\\u180e\"}", "content", "required" },
        { "{\"content\":\"\\ufe0f\\u200d\"}", "content", "required" },
        { "{\"content\":\"\\udb40\\udc20\"}", "content", "required" },
        { "{\"content\":\"\\u0007\\u009b\"}", "content", "required" },
        { "{\"content\":\"x\",\"message_type\":\"image\"}", "message_type",
          "unsupported" },
        { "{\"content\":\"x\",\"message_type\":1}", "message_type", "type" },
        { "{\"content\":\"x\",\"reply_to\":\"no\"}", "reply_to", "invalid" },
        { "{\"content\":\"x\",\"reply_to\":{}}", "reply_to", "type" },
        { "{\"content\":\"x\",\"client_id\":\"1\"}", "client_id", "invalid" },
        { "{\"content\":\"x\",\"metadata\":[]}", "metadata", "type" },
        { "{\"content\":\"x\",\"to\":\"y\"}", "to", "unknown" },
        { "{\"content\":\"a\\u0000b\"}", "content", "invalid" },
        { "{\"content\":\"a\\ud83d\"}", "content", "invalid" },
        { "{\"content\":\"x\",\"metadata\":{\"a\":[1,{\"b\":\"\\ud800\"}]}}",
          "metadata", "invalid" },
        { "{\"content\":\"x\",\"metadata\":{\"a\\u0000\":1}}", "metadata",
          "invalid" },
        { "{\"content\":\"x\",\"metadata\":{\"a\":[1,1e131000]}}", "metadata",
          "invalid" },
        { "{\"content\":\"x\",\"metadata\":{\"a\":0.00000000000000000000000000"
          "0000000000000001}}",
          "metadata", "invalid" },
        { "[]", "", "type" }
    };

    for (i = 0; i < PT_COUNT(cases); i++) {
        char want[128];

        fx_init(&f);
        fx_start(&f, PYTAKE_POST, MSGS, cases[i][0]);
        snprintf(want, sizeof(want), "{\"field\":\"%s\",\"code\":\"%s\"",
                 cases[i][1], cases[i][2]);
        ck_assert_has(fx_problem(&f, 422, "validation_failed"), want);
        fx_free(&f);
    }
}
END_TEST


static void
msg_send_long(size_t chars, size_t metadata, const char *fault)
{
    fx_t     f;
    size_t   i;
    pt_buf_t b;
    pt_str_t body;

    fx_init(&f);
    pt_buf_init(&b, f.arena, 1024 * 1024);
    pt_buf_lit(&b, "{\"content\":\"");
    for (i = 0; i < chars; i++) {
        pt_buf_lit(&b, "\xc3\xa9");
    }
    pt_buf_lit(&b, "\",\"metadata\":{\"k\":\"");
    for (i = 0; i < metadata; i++) {
        pt_buf_char(&b, 'x');
    }
    pt_buf_lit(&b, "\"}}");
    pt_buf_char(&b, '\0');
    ck_assert_ok(pt_buf_get(&b, &body));

    fx_start(&f, PYTAKE_POST, MSGS, body.data);
    if (fault == NULL) {
        ck_assert(fx_sql(&f, PYTAKE_SQL_WRITE, "session_enter msg_send"));
        ck_assert_uint_eq(fx_param(&f, 1, 3).len, 2 * chars);
        ck_assert_uint_eq(fx_param(&f, 1, 8).len,
                          2 * (chars > 200 ? 200 : chars));
    } else {
        ck_assert_has(fx_problem(&f, 422, "validation_failed"), fault);
    }
    fx_free(&f);
}


START_TEST(send_lengths)
{
    msg_send_long(4096, 16384 - 8, NULL);
    msg_send_long(4097, 1, "\"field\":\"content\",\"code\":\"too_long\"");
    msg_send_long(1, 16385 - 8, "\"field\":\"metadata\",\"code\":\"too_long\"");
}
END_TEST


START_TEST(marks)
{
    pt_jw_t     w;
    pt_buf_t    b;
    pt_str_t    s;
    pt_msg_t    m;
    pt_arena_t *a = pt_test_arena();

    memset(&m, 0, sizeof(m));
    m.sender_type = PT_STR("contact");
    m.content = PT_STR("\x01\x02\x03\x04 raw");
    m.message_type = PT_STR("text");
    m.status = PT_STR("delivered");
    m.reply_to_mark = true;

    pt_buf_init(&b, a, 4096);
    pt_jw_init(&w, &b);
    pt_msg_write(&w, &m);
    ck_assert_ok(pt_buf_get(&b, &s));
    ck_assert_has(s, "\"conversation_id\":\"\x01\"");
    ck_assert_has(s, "\"reply_to\":\x02,");
    /* the text cannot be taken for a mark */
    ck_assert_has(s, "\"content\":\"\\u0001\\u0002\\u0003\\u0004 raw\"");
    pt_arena_del(a);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, list);
    PT_TEST_CASE(s, list_of_long_ones);
    PT_TEST_CASE(s, list_too_long);
    PT_TEST_CASE(s, list_starved);
    PT_TEST_CASE(s, send);
    PT_TEST_CASE(s, send_starved);
    PT_TEST_CASE(s, send_to_nobody);
    PT_TEST_CASE(s, send_keyed);
    PT_TEST_CASE(s, send_keyed_starved);
    PT_TEST_CASE(s, send_client_id);
    PT_TEST_CASE(s, send_client_id_starved);
    PT_TEST_CASE(s, quote);
    PT_TEST_CASE(s, quote_starved);
    PT_TEST_CASE(s, quote_of_another_conversation);
    PT_TEST_CASE(s, send_faults);
    PT_TEST_CASE(s, send_lengths);
    PT_TEST_CASE(s, marks);
}


PT_TEST_MAIN(msg);
