/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "core/pt_op_test.h"


static void
ws_admit(fx_t *f)
{
    fx_start(f, PYTAKE_UPGRADE, PYTAKE_WS_PATH, NULL);

    if (!fx_sql(f, PYTAKE_SQL_READ, "session_enter user_me")) {
        return;
    }
    ck_assert_param_uuid(f, 1, 0, f->user);
    fx_row(f, 0, "b", 1);
    fx_row(f, 1, "uuttt", &f->user, &f->tenant, "ana@x.example", "Ana",
           "admin");
    fx_feed(f);

    if (fx_next(f) != PYTAKE_EFFECT_DONE || f->eff.u.done.status != 204) {
        ck_assert(fx_is_starved(f));
        return;
    }
    ck_assert_uint_eq(f->eff.u.done.body.len, 0);
    ck_assert_uint_eq(fx_header(f, PYTAKE_WS_USER).len, PT_UUID_LEN);
    ck_assert_uint_eq(fx_header(f, PYTAKE_WS_TENANT).len, PT_UUID_LEN);
    ck_assert_uint_eq(fx_header(f, PYTAKE_WS_SESSION).len, PT_UUID_LEN);
    ck_assert(fx_header(f, PYTAKE_WS_EXP).len > 9);
}


START_TEST(admit)
{
    fx_t f;

    fx_init(&f);
    ws_admit(&f);
    fx_free(&f);
}
END_TEST


START_TEST(admit_starved)
{
    fx_starved(ws_admit, 2);
}
END_TEST


START_TEST(revoked)
{
    fx_t f;

    fx_init(&f);
    fx_start(&f, PYTAKE_UPGRADE, PYTAKE_WS_PATH, NULL);
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ, "session_enter user_me"));
    fx_row(&f, 0, "b", 0);
    fx_feed(&f);
    fx_problem(&f, 401, "session_revoked");
    fx_free(&f);
}
END_TEST


START_TEST(no_token)
{
    fx_t f;

    fx_init(&f);
    f.anonymous = true;
    fx_start(&f, PYTAKE_UPGRADE, PYTAKE_WS_PATH, NULL);
    fx_problem(&f, 401, "unauthorized");
    fx_free(&f);
}
END_TEST


/* Without the module's WebSocket location nothing is there. */
START_TEST(not_for_clients)
{
    fx_t f;

    fx_init(&f);
    fx_start(&f, PYTAKE_GET, PYTAKE_WS_PATH, NULL);
    fx_problem(&f, 404, "route_not_found");
    fx_start(&f, PYTAKE_POST, PYTAKE_WS_PATH, NULL);
    fx_problem(&f, 404, "route_not_found");
    fx_free(&f);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, admit);
    PT_TEST_CASE(s, admit_starved);
    PT_TEST_CASE(s, revoked);
    PT_TEST_CASE(s, no_token);
    PT_TEST_CASE(s, not_for_clients);
}


PT_TEST_MAIN(ws);
