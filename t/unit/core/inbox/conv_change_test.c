/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "core/pt_op_test.h"
#include "core/inbox/pt_conv.h"

#define CONV "/api/v1/conversations/01a20610-653f-7000-8000-000000000014"
#define USER "01a20610-653f-7000-8000-000000000032"
#define FRAME "{\"event\":\"x\"}"


static void
change_row(fx_t *f, uint16_t i, const char *status)
{
    pt_uuid_t id = fx_id(20), contact = fx_id(40), config = fx_id(41);

    fx_row(f, i, "uutnutinnnajnmmm", &id, &contact, "Ana", &config, status, 0,
           "", "{}", FX_NOW, FX_NOW, FX_NOW);
}


/* verb, its statement, what its event is called and says */
static void
change(fx_t *f, const char *verb, const char *names, const char *event,
       const char *says)
{
    char     target[128];
    pt_str_t body;

    snprintf(target, sizeof(target), CONV "/%s", verb);
    fx_start(f, PYTAKE_POST, target, NULL);
    if (!fx_sql(f, PYTAKE_SQL_WRITE, names)) {
        return;
    }
    ck_assert_param_uuid(f, 1, 0, fx_id(20));
    ck_assert_param_text(f, 2, 3, event);
    ck_assert_has(fx_param(f, 2, 4), says);

    fx_row(f, 1, "l", INT64_C(7));
    fx_row(f, 2, "lt", INT64_C(7), FRAME);
    change_row(f, 3, "active");
    fx_feed(f);
    if (!fx_redis(f, "7 " FRAME)) {
        return;
    }
    body = fx_done(f, 200);
    if (!fx_is_starved(f)) {
        ck_assert_has(body, "\"status\":\"active\"");
    }
}


static void
read_it(fx_t *f)
{
    change(f, "read", "session_enter conv_read conv_change_event conv_get",
           "conversation_updated", "\"changes\":[\"unread_count\"]");
}


static void
close_it(fx_t *f)
{
    change(f, "close", "session_enter conv_close conv_change_event conv_get",
           "conversation_closed", "\"by_user_id\":\"");
}


static void
reopen_it(fx_t *f)
{
    change(f, "reopen", "session_enter conv_reopen conv_change_event conv_get",
           "conversation_updated", "\"changes\":[\"status\"]");
}


START_TEST(changes)
{
    fx_t f;

    fx_init(&f);
    read_it(&f);
    fx_free(&f);
    fx_init(&f);
    close_it(&f);
    fx_free(&f);
    fx_init(&f);
    reopen_it(&f);
    fx_free(&f);
}
END_TEST


START_TEST(changes_starved)
{
    fx_starved(read_it, 3);
    fx_starved(close_it, 3);
}
END_TEST


/* Doing it twice is doing it once: the answer comes, nobody is told. */
START_TEST(nothing_changed)
{
    fx_t f;

    fx_init(&f);
    fx_start(&f, PYTAKE_POST, CONV "/close", NULL);
    ck_assert(fx_sql(&f, PYTAKE_SQL_WRITE,
                     "session_enter conv_close conv_change_event conv_get"));
    change_row(&f, 3, "closed");
    fx_feed(&f);
    ck_assert_has(fx_done(&f, 200), "\"status\":\"closed\"");

    /* another tenant's */
    fx_start(&f, PYTAKE_POST, CONV "/close", NULL);
    ck_assert(fx_sql(&f, PYTAKE_SQL_WRITE,
                     "session_enter conv_close conv_change_event conv_get"));
    fx_feed(&f);
    fx_problem(&f, 404, "not_found");
    fx_free(&f);
}
END_TEST


/* One open conversation a contact and number. */
START_TEST(reopen_beside_an_open_one)
{
    fx_t f;

    fx_init(&f);
    fx_start(&f, PYTAKE_POST, CONV "/reopen", NULL);
    ck_assert(fx_sql(&f, PYTAKE_SQL_WRITE,
                     "session_enter conv_reopen conv_change_event conv_get"));
    change_row(&f, 3, "closed");
    fx_feed(&f);
    fx_problem(&f, 409, "conversation_open");

    /* or one that comes at this very moment */
    fx_start(&f, PYTAKE_POST, CONV "/reopen", NULL);
    ck_assert(fx_sql(&f, PYTAKE_SQL_WRITE,
                     "session_enter conv_reopen conv_change_event conv_get"));
    fx_refuse(&f, "23505", 1, "twice");
    fx_problem(&f, 409, "conversation_open");
    fx_free(&f);
}
END_TEST


static void
assign(fx_t *f)
{
    pt_str_t  body;
    pt_uuid_t id = fx_id(50);

    fx_start(f, PYTAKE_POST, CONV "/assign", "{\"user_id\":\"" USER "\"}");
    if (!fx_sql(f, PYTAKE_SQL_READ,
                "session_enter conv_exists user_assignable")) {
        return;
    }
    ck_assert_param_uuid(f, 2, 0, fx_id(50));
    fx_row(f, 1, "u", &id);
    fx_row(f, 2, "u", &id);
    fx_feed(f);

    if (!fx_sql(f, PYTAKE_SQL_WRITE, "session_enter conv_assign conv_get")) {
        return;
    }
    ck_assert_param_uuid(f, 1, 0, fx_id(20));
    ck_assert_param_uuid(f, 1, 1, fx_id(50));
    ck_assert_has(fx_param(f, 1, 4), "\"user_id\":\"" USER "\"");
    fx_row(f, 1, "lt", INT64_C(8), FRAME);
    change_row(f, 2, "active");
    fx_feed(f);
    if (!fx_redis(f, "8 " FRAME)) {
        return;
    }
    body = fx_done(f, 200);
    if (!fx_is_starved(f)) {
        ck_assert_has(body, "\"status\":\"active\"");
    }
}


START_TEST(assign_somebody)
{
    fx_t f;

    fx_init(&f);
    assign(&f);
    fx_free(&f);
    fx_starved(assign, 4);
}
END_TEST


START_TEST(assign_nobody)
{
    fx_t f;

    fx_init(&f);
    fx_start(&f, PYTAKE_POST, CONV "/assign", "{\"user_id\":null}");
    ck_assert(
        fx_sql(&f, PYTAKE_SQL_WRITE, "session_enter conv_assign conv_get"));
    ck_assert_param_null(&f, 1, 1);
    ck_assert_has(fx_param(&f, 1, 4), "\"user_id\":null");
    change_row(&f, 2, "active");
    fx_feed(&f);
    ck_assert_has(fx_done(&f, 200), "\"assigned_to\":null");
    fx_free(&f);
}
END_TEST


START_TEST(assign_faults)
{
    fx_t      f;
    pt_uuid_t id = fx_id(20);

    fx_init(&f);
    fx_start(&f, PYTAKE_POST, CONV "/assign", "{\"x\":1}");
    ck_assert_has(fx_problem(&f, 422, "validation_failed"),
                  "\"field\":\"user_id\",\"code\":\"required\"");

    /* no such user, or one who may not answer */
    fx_start(&f, PYTAKE_POST, CONV "/assign", "{\"user_id\":\"" USER "\"}");
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ,
                     "session_enter conv_exists user_assignable"));
    fx_row(&f, 1, "u", &id);
    fx_feed(&f);
    ck_assert_has(fx_problem(&f, 422, "validation_failed"),
                  "\"field\":\"user_id\",\"code\":\"not_found\"");

    fx_start(&f, PYTAKE_POST, CONV "/assign", "{\"user_id\":\"" USER "\"}");
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ,
                     "session_enter conv_exists user_assignable"));
    fx_feed(&f);
    fx_problem(&f, 404, "not_found");
    fx_free(&f);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, changes);
    PT_TEST_CASE(s, changes_starved);
    PT_TEST_CASE(s, nothing_changed);
    PT_TEST_CASE(s, reopen_beside_an_open_one);
    PT_TEST_CASE(s, assign_somebody);
    PT_TEST_CASE(s, assign_nobody);
    PT_TEST_CASE(s, assign_faults);
}


PT_TEST_MAIN(conv_change);
