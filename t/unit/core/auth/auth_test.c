/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "core/pt_op_test.h"

#define LOGIN "/api/v1/auth/login"
#define REFRESH "/api/v1/auth/refresh"
#define LOGOUT "/api/v1/auth/logout"
#define ME "/api/v1/auth/me"
#define GOOD "{\"email\":\"ana@x.example\",\"password\":\"secret\"}"


static void
auth_user_row(fx_t *f)
{
    fx_row(f, 0, "tuuttttb", "ana@x.example", &f->tenant, &f->user,
           "ana@x.example", "Ana", "agent", "$argon2id$v=19$m=1,t=1,p=1$x$y",
           false);
}


static void
auth_no_user_row(fx_t *f)
{
    fx_row(f, 0, "tnnnnnnb", "ana@x.example", false);
}


static void
auth_login(fx_t *f)
{
    pt_str_t  body;
    pt_uuid_t sid = fx_id(9);

    f->anonymous = true;
    f->req.user_agent = PT_STR("curl/8 \xff");
    f->req.remote_addr = PT_STR("192.0.2.1");
    fx_start(f, PYTAKE_POST, LOGIN, GOOD);

    if (!fx_sql(f, PYTAKE_SQL_READ, "login_find")) {
        return;
    }
    ck_assert_param_text(f, 0, 0, "ana@x.example");
    auth_user_row(f);
    fx_feed(f);

    if (fx_next(f) != PYTAKE_EFFECT_WORK) {
        ck_assert(fx_is_starved(f));
        return;
    }
    ck_assert_slice_lit(f->eff.u.work.password, "secret");
    ck_assert_slice_lit(f->eff.u.work.phc, "$argon2id$v=19$m=1,t=1,p=1$x$y");
    pytake_op_feed_work(f->op, f->now_us, PT_OK, true);

    if (!fx_sql(f, PYTAKE_SQL_WRITE,
                "tenant_enter session_add login_network_add")) {
        return;
    }
    ck_assert_param_uuid(f, 0, 0, f->tenant);
    ck_assert(pt_uuid_eq(&f->eff.u.sql.tenant, &f->tenant));
    ck_assert_param_uuid(f, 1, 1, f->user);
    ck_assert_int_eq(fx_param_time(f, 1, 2), FX_NOW);
    ck_assert_int_eq(fx_param_time(f, 1, 3),
                     FX_NOW + INT64_C(604800) * 1000000);
    ck_assert_param_text(f, 1, 4, "curl/8 \xef\xbf\xbd");
    ck_assert_param_text(f, 1, 5, "192.0.2.1");
    ck_assert_uint_eq(fx_param(f, 1, 6).len, 32);
    ck_assert_param_uuid(f, 2, 0, f->user);
    ck_assert_uint_eq(fx_param(f, 2, 1).len, 16);
    fx_row(f, 1, "u", &sid);
    fx_feed(f);

    body = fx_done(f, 200);
    if (!fx_is_starved(f)) {
        ck_assert_has(body, "\"token_type\":\"Bearer\"");
        ck_assert_has(body, "\"expires_in\":86400");
        ck_assert_has(body, "\"refresh_token\":\"rt_");
        ck_assert_has(body, "\"email\":\"ana@x.example\",\"name\":\"Ana\","
                            "\"role\":\"agent\"}}");
        ck_assert_slice_lit(fx_header(f, "Cache-Control"), "no-store");
    }
}


START_TEST(login)
{
    fx_t             f;
    uint8_t          hash[32];
    pt_str_t         token, access;
    pt_json_t       *body;
    pt_claims_t      c;
    pytake_op_info_t info;

    fx_init(&f);
    auth_login(&f);

    /* the token that was stored is the one that was given */
    ck_assert_ok(
        pt_json_parse(f.arena, f.eff.u.done.body, &pt_json_limits_api, &body));
    ck_assert(pt_json_find_str(body, "refresh_token", &token));
    ck_assert_ok(pt_hash_sha256(token.data, token.len, hash));
    ck_assert_mem_eq(f.op->batch.stmts[1].params[6].data, hash, 32);

    ck_assert(pt_json_find_str(body, "access_token", &access));
    ck_assert_ok(
        pt_jwt_verify(f.pt->jwt, f.arena, access, FX_NOW / 1000000, &c));
    ck_assert(pt_uuid_eq(&c.sub, &f.user));
    ck_assert(pt_uuid_eq(&c.tenant_id, &f.tenant));
    ck_assert_mem_eq(c.sid.b, f.op->batch.stmts[1].params[0].data, 16);
    ck_assert_int_eq(c.exp, FX_NOW / 1000000 + 86400);
    ck_assert_str_eq(c.role, "agent");

    pytake_op_info(f.op, &info);
    ck_assert_slice_lit(info.op, "auth_login");
    ck_assert_uint_eq(info.user_id.len, PT_UUID_LEN);
    ck_assert_slice_lit(info.code, "");
    fx_free(&f);
}
END_TEST


START_TEST(login_starved)
{
    fx_starved(auth_login, 4);
}
END_TEST


static void
auth_login_until_work(fx_t *f, bool known)
{
    fx_init(f);
    f->anonymous = true;
    fx_start(f, PYTAKE_POST, LOGIN, GOOD);
    ck_assert(fx_sql(f, PYTAKE_SQL_READ, "login_find"));
    if (known) {
        auth_user_row(f);
    } else {
        auth_no_user_row(f);
    }
    fx_feed(f);
    ck_assert_int_eq(fx_next(f), PYTAKE_EFFECT_WORK);
}


START_TEST(unknown_email_costs_a_hash_too)
{
    fx_t f;

    auth_login_until_work(&f, false);
    ck_assert_has(f.eff.u.work.phc, "$argon2id$v=19$m=19456,t=2,p=1$");
    /* even if the nobody's hash were to match */
    pytake_op_feed_work(f.op, f.now_us, PT_OK, true);
    fx_problem(&f, 401, "invalid_credentials");
    fx_free(&f);
}
END_TEST


START_TEST(wrong_password)
{
    fx_t             f;
    pytake_op_info_t info;

    auth_login_until_work(&f, true);
    pytake_op_feed_work(f.op, f.now_us, PT_OK, false);
    fx_problem(&f, 401, "invalid_credentials");
    ck_assert_slice_lit(fx_header(&f, "WWW-Authenticate"), "Bearer");
    pytake_op_info(f.op, &info);
    ck_assert_slice_lit(info.user_id, "");
    ck_assert_slice_lit(info.code, "invalid_credentials");
    fx_free(&f);
}
END_TEST


START_TEST(too_many_hashes)
{
    fx_t f;

    auth_login_until_work(&f, true);
    pytake_op_feed_work(f.op, f.now_us, PT_EBUSY, false);
    fx_problem(&f, 503, "overloaded");
    ck_assert_slice_lit(fx_header(&f, "Retry-After"), "1");
    fx_free(&f);
}
END_TEST


START_TEST(too_many_attempts)
{
    fx_t     f;
    int      known;
    pt_str_t body[2];

    /* known or not, the same answer */
    for (known = 0; known < 2; known++) {
        auth_login_until_work(&f, known);
        pytake_op_feed_wait(f.op, f.now_us, 512);
        body[known] =
            pt_test_str(strndup(fx_problem(&f, 429, "too_many_attempts").data,
                                f.eff.u.done.body.len));
        ck_assert_slice_lit(fx_header(&f, "Retry-After"), "512");
        fx_free(&f);
    }

    /* but for the request's id */
    ck_assert_uint_eq(body[0].len, body[1].len);
    ck_assert_mem_eq(body[0].data, body[1].data, 150);
    free((void *) (uintptr_t) body[0].data);
    free((void *) (uintptr_t) body[1].data);
}
END_TEST


/* What the driver is told of an attempt by such an address. */
static pytake_login_t
auth_who(const char *network, const char *account, bool known, bool calm,
         char stored[16])
{
    fx_t           f;
    pytake_login_t who;

    fx_init(&f);
    f.anonymous = true;
    f.req.network = pt_test_str(network);
    fx_start(&f, PYTAKE_POST, LOGIN, GOOD);
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ, "login_find"));
    ck_assert_uint_eq(fx_param(&f, 0, 1).len, 16);
    memcpy(stored, fx_param(&f, 0, 1).data, 16);
    if (known) {
        fx_row(&f, 0, "tuuttttb", account, &f.tenant, &f.user, "x", "y",
               "agent", "z", calm);
    } else {
        fx_row(&f, 0, "tnnnnnnb", account, calm);
    }
    fx_feed(&f);
    ck_assert_int_eq(fx_next(&f), PYTAKE_EFFECT_WORK);
    who = f.eff.u.work.login;
    fx_free(&f);

    return who;
}


START_TEST(whose_attempt)
{
    char           n[2][16];
    pytake_login_t a, b;

    /* the e-mail counts as the database compares it, known or not */
    a = auth_who("one", "ana", true, true, n[0]);
    b = auth_who("one", "ana", false, true, n[1]);
    ck_assert_uint_eq(a.account, b.account);
    ck_assert_uint_eq(a.network, b.network);
    ck_assert_uint_eq(a.visitor, b.visitor);
    ck_assert_mem_eq(n[0], n[1], 16);
    ck_assert(a.calm && !b.calm);

    b = auth_who("two", "ana", true, false, n[1]);
    ck_assert_uint_eq(a.account, b.account);
    ck_assert_uint_ne(a.network, b.network);
    ck_assert_uint_ne(a.visitor, b.visitor);
    ck_assert_mem_ne(n[0], n[1], 16);
    ck_assert(!b.calm);

    b = auth_who("one", "bob", true, false, n[1]);
    ck_assert_uint_ne(a.account, b.account);
    ck_assert_uint_eq(a.network, b.network);
    ck_assert_uint_ne(a.visitor, b.visitor);
    ck_assert(a.account != a.network && a.account != a.visitor);
}
END_TEST


START_TEST(deactivated_meanwhile)
{
    fx_t f;

    auth_login_until_work(&f, true);
    pytake_op_feed_work(f.op, f.now_us, PT_OK, true);
    ck_assert(fx_sql(&f, PYTAKE_SQL_WRITE,
                     "tenant_enter session_add login_network_add"));
    fx_feed(&f);
    fx_problem(&f, 401, "invalid_credentials");
    fx_free(&f);
}
END_TEST


START_TEST(login_faults)
{
    fx_t     f;
    size_t   i;
    pt_str_t body;

    static const char *const cases[][2] = {
        { "{}", "\"errors\":[{\"field\":\"email\",\"code\":\"required\"" },
        { "{\"email\":1,\"password\":\"x\"}", "\"code\":\"type\"" },
        { "{\"email\":\"a\",\"password\":\"\"}", "\"field\":\"password\"" },
        { "{\"email\":\"a\",\"password\":null}", "\"code\":\"required\"" },
        { "{\"email\":\"a\",\"password\":\"x\",\"z\":1}",
          "\"field\":\"z\",\"code\":\"unknown\"" },
        { "{\"email\":\"a\",\"password\":\"x\\u0000y\"}",
          "\"field\":\"password\",\"code\":\"invalid\"" },
        { "{\"email\":\"\\udc00\",\"password\":\"x\"}",
          "\"field\":\"email\",\"code\":\"invalid\"" }
    };

    for (i = 0; i < PT_COUNT(cases); i++) {
        fx_init(&f);
        f.anonymous = true;
        fx_start(&f, PYTAKE_POST, LOGIN, cases[i][0]);
        body = fx_problem(&f, 422, "validation_failed");
        ck_assert_has(body, cases[i][1]);
        fx_free(&f);
    }

    /* both at once */
    fx_init(&f);
    f.anonymous = true;
    fx_start(&f, PYTAKE_POST, LOGIN, "{}");
    ck_assert_has(fx_done(&f, 422), "\"field\":\"password\"");
    fx_free(&f);
}
END_TEST


static bool
auth_rotate(fx_t *f)
{
    f->anonymous = true;
    fx_start(f, PYTAKE_POST, REFRESH, "{\"refresh_token\":\"rt_abc\"}");

    return fx_sql(f, PYTAKE_SQL_WRITE, "refresh_rotate");
}


static void
auth_rotated(fx_t *f, const char *outcome)
{
    fx_row(f, 0, "tuuuttt", outcome, &f->tenant, &f->session, &f->user,
           "ana@x.example", "Ana", "agent");
    fx_feed(f);
}


static void
auth_refresh(fx_t *f)
{
    pt_str_t body;

    if (!auth_rotate(f)) {
        return;
    }
    ck_assert(pt_uuid_is_nil(&f->eff.u.sql.tenant));
    ck_assert_int_eq(fx_param_int(f, 0, 3), PT_SESSION_GRACE_S);
    auth_rotated(f, "rotated");
    body = fx_done(f, 200);
    if (!fx_is_starved(f)) {
        ck_assert_has(body, "\"refresh_token\":\"rt_");
    }
}


START_TEST(refresh)
{
    fx_t       f;
    uint8_t    hash[32];
    pt_str_t   first, again;
    pt_json_t *body;

    fx_init(&f);
    auth_refresh(&f);
    ck_assert_ok(
        pt_json_parse(f.arena, f.eff.u.done.body, &pt_json_limits_api, &body));
    ck_assert(pt_json_find_str(body, "refresh_token", &first));
    ck_assert_ok(pt_hash_sha256(PT_STR("rt_abc").data, 6, hash));
    ck_assert_mem_eq(f.op->batch.stmts[0].params[0].data, hash, 32);
    ck_assert_ok(pt_hash_sha256(first.data, first.len, hash));
    ck_assert_mem_eq(f.op->batch.stmts[0].params[1].data, hash, 32);

    /* within the grace: the same successor, told by nothing but the first */
    ck_assert(auth_rotate(&f));
    auth_rotated(&f, "again");
    ck_assert_ok(
        pt_json_parse(f.arena, fx_done(&f, 200), &pt_json_limits_api, &body));
    ck_assert(pt_json_find_str(body, "refresh_token", &again));
    ck_assert_slice(again, first);
    fx_free(&f);
}
END_TEST


START_TEST(refresh_starved)
{
    fx_starved(auth_refresh, 2);
}
END_TEST


START_TEST(refresh_refused)
{
    fx_t f;

    fx_init(&f);
    ck_assert(auth_rotate(&f));
    fx_row(&f, 0, "tnnnnnn", "unknown");
    fx_feed(&f);
    fx_problem(&f, 401, "refresh_invalid");

    ck_assert(auth_rotate(&f));
    auth_rotated(&f, "reused");
    ck_assert_int_eq(fx_next(&f), PYTAKE_EFFECT_REDIS); /* its sockets end */
    ck_assert_mem_eq(f.eff.u.redis.channel.data, "ctl:", 4);
    fx_problem(&f, 401, "refresh_reused");

    ck_assert(auth_rotate(&f));
    auth_rotated(&f, "what");
    fx_problem(&f, 500, "internal_error");
    fx_free(&f);
}
END_TEST


static void
auth_logout(fx_t *f)
{
    char said[7 + PT_UUID_LEN];

    fx_start(f, PYTAKE_POST, LOGOUT, NULL);
    if (!fx_sql(f, PYTAKE_SQL_WRITE, "session_enter session_revoke audit_add"))
    {
        return;
    }
    ck_assert_param_uuid(f, 0, 0, f->tenant);
    ck_assert_param_uuid(f, 0, 1, f->session);
    ck_assert_param_uuid(f, 0, 2, f->user);
    ck_assert_param_uuid(f, 1, 0, f->session);
    ck_assert_param_text(f, 2, 2, "session.logout");
    fx_feed(f);

    if (fx_next(f) == PYTAKE_EFFECT_REDIS) {
        memcpy(said, "revoke ", 7);
        pt_uuid_build(&f->op->claims.sid, said + 7);
        ck_assert_mem_eq(f->eff.u.redis.channel.data, "ctl:", 4);
        ck_assert_slice(f->eff.u.redis.payload,
                        ((pt_str_t){ said, sizeof(said) }));
    } else {
        ck_assert(f->starve_at != UINT32_MAX);
    }
    ck_assert_uint_eq(fx_done(f, 204).len, 0);
}


START_TEST(logout)
{
    fx_t f;

    fx_init(&f);
    auth_logout(&f);
    fx_free(&f);
}
END_TEST


START_TEST(logout_starved)
{
    fx_starved(auth_logout, 2);
}
END_TEST


static void
auth_me(fx_t *f)
{
    pt_str_t body;

    fx_start(f, PYTAKE_GET, ME, NULL);
    if (!fx_sql(f, PYTAKE_SQL_READ, "session_enter user_me")) {
        return;
    }
    ck_assert_param_uuid(f, 1, 0, f->user);
    fx_row(f, 1, "uuttt", &f->user, &f->tenant, "ana@x.example", "Ana \"A\"",
           "agent");
    fx_feed(f);
    body = fx_done(f, 200);
    if (!fx_is_starved(f)) {
        ck_assert_has(body, "\"name\":\"Ana \\\"A\\\"\",\"role\":\"agent\"}");
    }
}


START_TEST(me)
{
    fx_t f;

    fx_init(&f);
    auth_me(&f);
    fx_free(&f);
}
END_TEST


START_TEST(me_starved)
{
    fx_starved(auth_me, 2);
}
END_TEST


START_TEST(me_revoked)
{
    fx_t f;

    fx_init(&f);
    fx_start(&f, PYTAKE_GET, ME, NULL);
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ, "session_enter user_me"));
    fx_row(&f, 0, "b", 0);
    fx_feed(&f);
    fx_problem(&f, 401, "session_revoked");
    ck_assert_slice_lit(fx_header(&f, "WWW-Authenticate"),
                        "Bearer error=\"invalid_token\"");

    fx_start(&f, PYTAKE_GET, ME "?x=1", NULL);
    fx_problem(&f, 422, "validation_failed");
    fx_free(&f);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, login);
    PT_TEST_CASE(s, login_starved);
    PT_TEST_CASE(s, unknown_email_costs_a_hash_too);
    PT_TEST_CASE(s, wrong_password);
    PT_TEST_CASE(s, too_many_hashes);
    PT_TEST_CASE(s, too_many_attempts);
    PT_TEST_CASE(s, whose_attempt);
    PT_TEST_CASE(s, deactivated_meanwhile);
    PT_TEST_CASE(s, login_faults);
    PT_TEST_CASE(s, refresh);
    PT_TEST_CASE(s, refresh_starved);
    PT_TEST_CASE(s, refresh_refused);
    PT_TEST_CASE(s, logout);
    PT_TEST_CASE(s, logout_starved);
    PT_TEST_CASE(s, me);
    PT_TEST_CASE(s, me_starved);
    PT_TEST_CASE(s, me_revoked);
}


PT_TEST_MAIN(auth);
