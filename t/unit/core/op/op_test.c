/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* The engine: refusals in their order, and what it makes of outcomes. */

#include "core/pt_op_test.h"

#define ME "/api/v1/auth/me"
#define CONV "01a20610-653f-7d50-8b45-4e4151820c4c"
#define MSGS "/api/v1/conversations/" CONV "/messages"
#define HELLO "{\"content\":\"hello\"}"
#define KEYED "session_enter idem_lock msg_send idem_store"
#define LOOK "session_enter idem_get"
#define OP_DAY_US INT64_C(86400000000) /* how long a key is kept */


START_TEST(routes)
{
    fx_t             f;
    pytake_op_info_t info;

    fx_init(&f);
    f.anonymous = true;
    fx_start(&f, PYTAKE_GET, "/api/v1/nothing", NULL);
    fx_problem(&f, 404, "route_not_found");
    pytake_op_info(f.op, &info);
    ck_assert_slice_lit(info.op, "");
    ck_assert_uint_eq(info.route, 0);

    fx_start(&f, PYTAKE_DELETE, MSGS, NULL);
    fx_problem(&f, 405, "method_not_allowed");
    ck_assert_slice_lit(fx_header(&f, "Allow"), "GET, HEAD, POST");
    fx_free(&f);
}
END_TEST


START_TEST(request_ids)
{
    fx_t             f;
    pytake_op_info_t info;

    fx_init(&f);
    f.req.request_id = PT_STR("abc.DEF_1~2:3+4/5=-");
    fx_start(&f, PYTAKE_GET, "/", NULL);
    pytake_op_info(f.op, &info);
    ck_assert_slice_lit(info.request_id, "abc.DEF_1~2:3+4/5=-");
    ck_assert_has(fx_done(&f, 404), "\"request_id\":\"abc.DEF_1~2:3+4/5=-\"");

    f.req.request_id = PT_STR("with blank");
    fx_start(&f, PYTAKE_GET, "/", NULL);
    pytake_op_info(f.op, &info);
    ck_assert_uint_eq(info.request_id.len, PYTAKE_REQUEST_ID_LEN);
    ck_assert_mem_eq(info.request_id.data, "req_", 4);
    fx_free(&f);
}
END_TEST


START_TEST(credentials)
{
    fx_t   f;
    size_t i;
    char   bad[256];

    static const char *const missing[] = { "",           "Bearer",  "Bearer ",
                                           "Basic YTpi", "Bearerx", "token" };

    fx_init(&f);
    f.anonymous = true;
    for (i = 0; i < PT_COUNT(missing); i++) {
        f.req.authorization = pt_test_str(missing[i]);
        fx_start(&f, PYTAKE_GET, ME, NULL);
        fx_problem(&f, 401, "unauthorized");
        ck_assert_slice_lit(fx_header(&f, "WWW-Authenticate"), "Bearer");
    }

    f.req.authorization = PT_STR("Bearer pk_live_1");
    fx_start(&f, PYTAKE_GET, ME, NULL);
    fx_problem(&f, 401, "invalid_token");

    f.req.authorization = fx_token(&f, FX_NOW / 1000000 - 60);
    fx_start(&f, PYTAKE_GET, ME, NULL);
    fx_problem(&f, 401, "token_expired");

    memset(bad, 'a', sizeof(bad));
    memcpy(bad, "Bearer ", 7);
    f.req.authorization = (pt_str_t){ bad, sizeof(bad) };
    fx_start(&f, PYTAKE_GET, ME, NULL);
    fx_problem(&f, 401, "invalid_token");

    /* the scheme in any case, blanks around */
    f.req.authorization = fx_token(&f, FX_NOW / 1000000 + 60);
    memcpy((char *) (uintptr_t) f.req.authorization.data, "bEARER", 6);
    fx_start(&f, PYTAKE_GET, ME, NULL);
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ, "session_enter user_me"));
    fx_free(&f);
}
END_TEST


START_TEST(media_types)
{
    fx_t   f;
    size_t i;

    static const char *const good[] = { "application/json",
                                        "Application/JSON ; Charset=UTF-8",
                                        "application/json;charset=\"utf-8\"",
                                        "application/json; v=1" };
    static const char *const bad[] = { "text/plain", "application/jsonx",
                                       "application/problem+json",
                                       "application/json; charset=latin1", "" };

    fx_init(&f);
    for (i = 0; i < PT_COUNT(good); i++) {
        f.req.content_type = pt_test_str(good[i]);
        fx_start(&f, PYTAKE_POST, MSGS, HELLO);
        ck_assert(fx_sql(&f, PYTAKE_SQL_WRITE, "session_enter msg_send"));
    }
    for (i = 0; i < PT_COUNT(bad); i++) {
        f.req.content_type = pt_test_str(bad[i]);
        fx_start(&f, PYTAKE_POST, MSGS, HELLO);
        fx_problem(&f, 415, "unsupported_media_type");
    }
    fx_free(&f);
}
END_TEST


/* Each request has every later fault as well. */
START_TEST(order_of_refusals)
{
    fx_t f;

    fx_init(&f);
    f.anonymous = true;
    f.req.content_type = PT_STR("text/plain");
    f.req.body_too_large = true;
    f.req.idempotency_key = PT_STR("");

    fx_start(&f, PYTAKE_POST, "/x?%zz", "{");
    fx_problem(&f, 404, "route_not_found");
    fx_start(&f, PYTAKE_PUT, MSGS "?%zz", "{");
    fx_problem(&f, 405, "method_not_allowed");
    fx_start(&f, PYTAKE_POST, MSGS "?%zz", "{");
    fx_problem(&f, 401, "unauthorized");
    f.anonymous = false;
    fx_start(&f, PYTAKE_POST, MSGS "?%zz", "{");
    fx_problem(&f, 415, "unsupported_media_type");
    f.req.content_type = PT_STR("application/json");
    fx_start(&f, PYTAKE_POST, MSGS "?%zz", "{");
    fx_problem(&f, 413, "body_too_large");
    f.req.body_too_large = false;
    fx_start(&f, PYTAKE_POST, MSGS "?%zz", "{");
    fx_problem(&f, 400, "invalid_json");
    fx_start(&f, PYTAKE_POST, MSGS "?%zz", "{}");
    fx_problem(&f, 400, "bad_request");
    fx_start(&f, PYTAKE_POST, MSGS, "{}");
    fx_problem(&f, 400, "invalid_idempotency_key");
    f.req.idempotency_key = PT_STR("k");
    fx_start(&f, PYTAKE_POST, MSGS, "{}");
    fx_problem(&f, 422, "validation_failed");
    fx_free(&f);
}
END_TEST


/* As large as the limits let it be: refused for what it says, not for the
 * room that it takes. */
START_TEST(largest_bodies)
{
    fx_t     f;
    char    *key;
    size_t   i, k;
    pt_buf_t b;
    pt_str_t body;

    fx_init(&f);
    pt_buf_init(&b, f.arena, PT_BODY_MAX);
    pt_buf_lit(&b, "{\"content\":\"x\",\"metadata\":{");
    for (i = 0; i < 65; i++) {
        if (i != 0) {
            pt_buf_char(&b, ',');
        }
        pt_buf_char(&b, '"');
        pt_buf_i64(&b, (int64_t) i);
        pt_buf_lit(&b, "\":[0");
        for (k = 1; k < PT_JSON_ARRAY_MAX; k++) {
            pt_buf_lit(&b, ",0");
        }
        pt_buf_char(&b, ']');
    }
    pt_buf_lit(&b, "}}");
    pt_buf_add(&b, "", 1);
    ck_assert_ok(pt_buf_get(&b, &body));
    fx_start(&f, PYTAKE_POST, MSGS, body.data);
    fx_problem(&f, 422, "validation_failed");

    /* every member a fault, every name as long as it can be */
    key = pt_arena_alloc(f.arena, PT_BODY_MAX);
    ck_assert_ptr_nonnull(key);
    for (i = 0, k = 0; i < 64; i++) {
        key[k++] = i == 0 ? '{' : ',';
        key[k++] = '"';
        key[k++] = (char) ('0' + i / 8);
        key[k++] = (char) ('0' + i % 8);
        for (; k < (i + 1) * 16000; k += 6) {
            memcpy(key + k, "\\u0001", 6);
        }
        memcpy(key + k, "\":0", 3);
        k += 3;
    }
    key[k++] = '}';
    key[k] = '\0';
    fx_start(&f, PYTAKE_POST, MSGS, key);
    fx_problem(&f, 422, "validation_failed");
    ck_assert_uint_eq(f.op->nerrors, PT_FIELD_ERRORS_MAX);
    fx_free(&f);
}
END_TEST


static void
op_me(fx_t *f)
{
    fx_start(f, PYTAKE_GET, ME, NULL);
    ck_assert(fx_sql(f, PYTAKE_SQL_READ, "session_enter user_me"));
}


START_TEST(retries)
{
    fx_t   f;
    size_t i, n;

    static const char *const states[] = { "40001", "40P01", "55P03" };

    for (i = 0; i < PT_COUNT(states); i++) {
        fx_init(&f);
        op_me(&f);
        for (n = 0; n < PT_SQL_RETRIES_MAX; n++) {
            fx_refuse(&f, states[i], 1, "");
            ck_assert(fx_sql(&f, PYTAKE_SQL_READ, "session_enter user_me"));
            ck_assert_param_uuid(&f, 1, 0, f.user);
        }
        fx_refuse(&f, states[i], 1, "");
        fx_problem(&f, 503, "overloaded");
        ck_assert_slice_lit(fx_header(&f, "Retry-After"), "1");
        fx_free(&f);
    }
}
END_TEST


START_TEST(sqlstates)
{
    fx_t   f;
    size_t i;

    static const struct {
        const char *state;
        int         status;
        const char *code;
    } cases[] = { { "PT404", 404, "not_found" },
                  { "PT409", 409, "conflict" },
                  { "PT422", 422, "validation_failed" },
                  { "PT403", 403, "forbidden" },
                  { "PT401", 401, "session_revoked" },
                  { "57014", 503, "deadline_exceeded" },
                  { "57P01", 503, "database_unavailable" },
                  { "53300", 503, "overloaded" },
                  { "58P01", 503, "database_unavailable" },
                  { "58030", 503, "database_unavailable" },
                  { "22P05", 422, "validation_failed" },
                  { "23505", 500, "internal_error" },
                  { "42P01", 500, "internal_error" },
                  { "XX000", 500, "internal_error" } };

    for (i = 0; i < PT_COUNT(cases); i++) {
        fx_init(&f);
        op_me(&f);
        fx_refuse(&f, cases[i].state, 1, "told \"so\"");
        ck_assert(fx_has(fx_problem(&f, cases[i].status, cases[i].code),
                         "\"detail\":\"told \\\"so\\\"\"")
                  == (cases[i].state[0] == 'P'));
        fx_free(&f);
    }
}
END_TEST


/* A row that no day is there for. */
static void
op_dayless(fx_t *f)
{
    f->result.table = PT_STR("event_log");
    fx_refuse(f, "23514", 1, "");
}


/* The day is made and the batch sent again, whatever came of that, once. */
START_TEST(a_day_is_made)
{
    fx_t   f;
    size_t i;

    static const char *const came[] = { "", "55P03", "58P01" };

    for (i = 0; i < PT_COUNT(came); i++) {
        fx_init(&f);
        op_me(&f);
        op_dayless(&f);
        ck_assert(fx_sql(&f, PYTAKE_SQL_WRITE, "days_help"));
        if (came[i][0] == '\0') {
            fx_row(&f, 0, "i", 6);
            fx_feed(&f);
        } else {
            fx_refuse(&f, came[i], 0, "");
        }
        ck_assert(fx_sql(&f, PYTAKE_SQL_READ, "session_enter user_me"));
        ck_assert_param_uuid(&f, 1, 0, f.user);
        op_dayless(&f);
        fx_problem(&f, 503, "database_unavailable");
        ck_assert_slice_lit(fx_header(&f, "Retry-After"), "1");
        fx_free(&f);
    }

    fx_init(&f);
    op_me(&f);
    op_dayless(&f);
    ck_assert(fx_sql(&f, PYTAKE_SQL_WRITE, "days_help"));
    fx_lost(&f, PT_EBUSY);
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ, "session_enter user_me"));
    fx_lost(&f, PT_EDBAWAY);
    fx_problem(&f, 503, "database_unavailable");
    fx_free(&f);

    /* a check of another table is no missing day */
    fx_init(&f);
    op_me(&f);
    f.result.table = PT_STR("messages");
    fx_refuse(&f, "23514", 1, "");
    fx_problem(&f, 500, "internal_error");
    fx_free(&f);
}
END_TEST


START_TEST(connection_trouble)
{
    fx_t   f;
    size_t i;

    static const struct {
        pt_err_t    err;
        const char *read, *write;
    } cases[] = { { PT_EBUSY, "overloaded", "overloaded" },
                  { PT_EDBAWAY, "database_unavailable",
                    "database_unavailable" },
                  { PT_EDEADLINE, "deadline_exceeded", "deadline_exceeded" },
                  { PT_EOUTCOME, "database_unavailable", "outcome_unknown" } };

    for (i = 0; i < PT_COUNT(cases); i++) {
        fx_init(&f);
        op_me(&f);
        fx_lost(&f, cases[i].err);
        fx_problem(&f, 503, cases[i].read);
        ck_assert_slice_lit(fx_header(&f, "Retry-After"), "1");

        fx_start(&f, PYTAKE_POST, MSGS, HELLO);
        ck_assert(fx_sql(&f, PYTAKE_SQL_WRITE, "session_enter msg_send"));
        fx_lost(&f, cases[i].err);
        fx_problem(&f, 503, cases[i].write);
        fx_free(&f);
    }
}
END_TEST


/* What came behind a session that ended may have failed for that very
 * reason: no tenant was entered. */
START_TEST(revoked_and_refused)
{
    fx_t f;

    fx_init(&f);
    fx_start(&f, PYTAKE_POST, MSGS, HELLO);
    ck_assert(fx_sql(&f, PYTAKE_SQL_WRITE, "session_enter msg_send"));
    fx_row(&f, 0, "b", 0);
    fx_refuse(&f, "42501", 1, "");
    fx_problem(&f, 401, "session_revoked");
    fx_free(&f);
}
END_TEST


START_TEST(driver_gives_up)
{
    fx_t f;

    fx_init(&f);
    op_me(&f);
    pytake_op_fail(f.op, f.now_us, PT_EDEADLINE);
    fx_problem(&f, 503, "deadline_exceeded");

    /* what is answered stays answered */
    pytake_op_fail(f.op, f.now_us, PT_EINTERNAL);
    fx_problem(&f, 503, "deadline_exceeded");

    /* an operation may end at any time */
    op_me(&f);
    fx_free(&f);
}
END_TEST


static bool
op_keyed(fx_t *f)
{
    f->req.idempotency_key = PT_STR("k");
    fx_start(f, PYTAKE_POST, MSGS, HELLO);

    return fx_sql(f, PYTAKE_SQL_WRITE, KEYED);
}


static void
op_replay(fx_t *f)
{
    uint8_t hash[32];

    if (!op_keyed(f)) {
        return;
    }
    ck_assert_ok(pt_hash_sha256(HELLO, sizeof(HELLO) - 1, hash));
    ck_assert_mem_eq(fx_param(f, 3, 2).data, hash, 32);
    ck_assert_int_eq(fx_param_time(f, 1, 2), f->now_us - OP_DAY_US);
    fx_refuse(f, "23505", 3, "");

    if (!fx_sql(f, PYTAKE_SQL_READ, LOOK)) {
        return;
    }
    ck_assert_param_text(f, 1, 1, "k");
    ck_assert_int_eq(fx_param_time(f, 1, 2), f->now_us - OP_DAY_US);
    fx_row(f, 1, "yitt", hash, 201, "/there", "{\"first\":1}");
    fx_feed(f);
    if (fx_done(f, 201).len != 0 && !fx_is_starved(f)) {
        ck_assert_slice_lit(f->eff.u.done.body, "{\"first\":1}");
        ck_assert_slice_lit(fx_header(f, "Location"), "/there");
        ck_assert_slice_lit(fx_header(f, "Idempotent-Replayed"), "true");
    }
}


START_TEST(replay)
{
    fx_t f;

    fx_init(&f);
    op_replay(&f);
    fx_free(&f);
}
END_TEST


START_TEST(replay_starved)
{
    fx_starved(op_replay, 3);
}
END_TEST


START_TEST(replay_of_another_body)
{
    fx_t    f;
    uint8_t hash[32] = { 0 };

    fx_init(&f);
    ck_assert(op_keyed(&f));
    fx_refuse(&f, "23505", 3, "");
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ, LOOK));
    fx_row(&f, 1, "yint", hash, 201, "{}");
    fx_feed(&f);
    fx_problem(&f, 422, "idempotency_mismatch");

    /* gone meanwhile: nothing was done, nothing can be said */
    ck_assert(op_keyed(&f));
    fx_refuse(&f, "23505", 3, "");
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ, LOOK));
    fx_feed(&f);
    fx_problem(&f, 503, "overloaded");

    /* another constraint is none of it */
    ck_assert(op_keyed(&f));
    fx_refuse(&f, "23505", 2, "");
    fx_problem(&f, 500, "internal_error");
    fx_free(&f);
}
END_TEST


START_TEST(twin_still_at_work)
{
    fx_t f;

    fx_init(&f);
    ck_assert(op_keyed(&f));
    fx_refuse(&f, "55P03", 1, "");
    fx_problem(&f, 409, "idempotency_in_progress");
    ck_assert_slice_lit(fx_header(&f, "Retry-After"), "1");

    /* a lock elsewhere is tried again */
    ck_assert(op_keyed(&f));
    fx_refuse(&f, "55P03", 2, "");
    ck_assert(fx_sql(&f, PYTAKE_SQL_WRITE, KEYED));
    fx_free(&f);
}
END_TEST


/* A refusal may be newer than the answer that was given once. */
START_TEST(kept_answer_comes_before_a_refusal)
{
    fx_t    f;
    uint8_t hash[32];

    ck_assert_ok(pt_hash_sha256(HELLO, sizeof(HELLO) - 1, hash));

    fx_init(&f);
    ck_assert(op_keyed(&f));
    fx_feed(&f); /* no such conversation */
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ, LOOK));
    fx_row(&f, 1, "yint", hash, 201, "{\"once\":1}");
    fx_feed(&f);
    ck_assert_slice_lit(fx_done(&f, 201), "{\"once\":1}");

    ck_assert(op_keyed(&f));
    fx_feed(&f);
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ, LOOK));
    fx_feed(&f);
    fx_problem(&f, 404, "not_found");

    ck_assert(op_keyed(&f));
    fx_feed(&f);
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ, LOOK));
    fx_lost(&f, PT_EDBAWAY);
    fx_problem(&f, 503, "database_unavailable");

    /* without SQL there is nothing to look for */
    f.req.idempotency_key = PT_STR("k");
    fx_start(&f, PYTAKE_POST, MSGS, "{}");
    fx_problem(&f, 422, "validation_failed");
    fx_free(&f);
}
END_TEST


START_TEST(keys)
{
    fx_t f;
    char key[PT_IDEM_KEY_MAX + 1];

    memset(key, 'k', sizeof(key));
    fx_init(&f);
    f.req.idempotency_key = (pt_str_t){ key, PT_IDEM_KEY_MAX };
    fx_start(&f, PYTAKE_POST, MSGS, HELLO);
    ck_assert(fx_sql(&f, PYTAKE_SQL_WRITE, KEYED));
    f.req.idempotency_key.len++;
    fx_start(&f, PYTAKE_POST, MSGS, HELLO);
    fx_problem(&f, 400, "invalid_idempotency_key");
    f.req.idempotency_key = PT_STR("caf\xc3\xa9");
    fx_start(&f, PYTAKE_POST, MSGS, HELLO);
    fx_problem(&f, 400, "invalid_idempotency_key");
    fx_free(&f);
}
END_TEST


START_TEST(published_frames)
{
    fx_t     f;
    char     frame[PT_PUBLISH_FRAME_MAX + 1];
    int64_t  at;
    pt_str_t text;
    uint32_t i;

    memset(frame, 'x', sizeof(frame));
    fx_init(&f);
    fx_start(&f, PYTAKE_GET, "/", NULL);

    /* a frame over the cap goes as its number alone */
    ck_assert_ok(pt_publish_event(f.op, &f.tenant, 9,
                                  (pt_str_t){ frame, sizeof(frame) }));
    ck_assert(fx_redis(&f, "9"));
    ck_assert_ok(pt_publish_event(f.op, &f.tenant, 10,
                                  (pt_str_t){ frame, sizeof(frame) - 1 }));
    ck_assert_int_eq(fx_next(&f), PYTAKE_EFFECT_REDIS);
    ck_assert_uint_eq(f.eff.u.redis.payload.len,
                      3 + sizeof(frame) - 1 + PT_BUS_SEAL);
    ck_assert(pt_bus_verify(f.pt->bus_key, f.eff.u.redis.channel,
                            f.eff.u.redis.payload, f.now_us, &text, &at));
    ck_assert_uint_eq(text.len, 3 + sizeof(frame) - 1);
    ck_assert_mem_eq(text.data, "10 xxxx", 7);

    /* those that went out do not count any more */
    for (i = 0; i < PT_OP_PUBLISH_MAX; i++) {
        ck_assert_ok(pt_publish_event(f.op, &f.tenant, i, PT_STR("f")));
    }
    ck_assert_int_eq(pt_publish_event(f.op, &f.tenant, 1, PT_STR("f")),
                     PT_ELIMIT);
    fx_free(&f);
}
END_TEST


static pt_err_t
op_new_scenario(const pt_mem_t *mem, void *user)
{
    uint8_t          seed[32] = { 0 };
    pytake_t        *pt;
    pt_err_t         err;
    pytake_op_t     *op;
    pytake_conf_t    conf;
    pytake_effect_t  eff;
    pytake_request_t req;

    PT_UNUSED(user);
    memset(&conf, 0, sizeof(conf));
    memset(&req, 0, sizeof(req));
    conf.mem = *mem;
    conf.jwt_secret = PT_STR(FX_SECRET);
    conf.webhook_secret = PT_STR("s");
    conf.webhook_verify_token = PT_STR("v");
    conf.access_lifetime_s = conf.refresh_lifetime_s = 1;

    err = pytake_new(&conf, &pt);
    if (err != PT_OK) {
        return err;
    }

    req.method = PYTAKE_PUT;
    req.path = PT_STR(MSGS);
    err = pytake_op_new(pt, &req, seed, 0, &op);
    if (err == PT_OK) {
        ck_assert_int_eq(pytake_op_next(op, &eff), PYTAKE_EFFECT_DONE);
        err = eff.u.done.status == 405 ? PT_OK : PT_ENOMEM;
        pytake_op_del(op);
    }
    pytake_del(pt);

    return err;
}


START_TEST(blocks_refused)
{
    pt_test_failmalloc(op_new_scenario, NULL);
}
END_TEST


START_TEST(instance)
{
    fx_t          f;
    pt_str_t      body;
    pytake_t     *pt;
    pytake_conf_t conf;

    memset(&conf, 0, sizeof(conf));
    conf.mem = pt_test_mem;
    conf.jwt_secret = PT_STR("too short");
    ck_assert_int_eq(pytake_new(&conf, &pt), PT_EVALIDATION);
    ck_assert_ptr_null(pt);
    pytake_del(NULL);

    fx_init(&f);
    ck_assert_mem_ne(f.pt->cursor_key, f.pt->refresh_key, 32);
    ck_assert_mem_ne(f.pt->bus_key, f.pt->refresh_key, 32);
    ck_assert_mem_ne(f.pt->bus_key, f.pt->cursor_key, 32);
    ck_assert_ok(pytake_problem(f.arena, 413, PT_STR("r1"), &body));
    ck_assert_has(body, "\"status\":413");
    ck_assert_has(body, "\"request_id\":\"r1\"");
    fx_free(&f);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, routes);
    PT_TEST_CASE(s, request_ids);
    PT_TEST_CASE(s, credentials);
    PT_TEST_CASE(s, media_types);
    PT_TEST_CASE(s, order_of_refusals);
    PT_TEST_CASE(s, largest_bodies);
    PT_TEST_CASE(s, retries);
    PT_TEST_CASE(s, sqlstates);
    PT_TEST_CASE(s, a_day_is_made);
    PT_TEST_CASE(s, connection_trouble);
    PT_TEST_CASE(s, revoked_and_refused);
    PT_TEST_CASE(s, driver_gives_up);
    PT_TEST_CASE(s, replay);
    PT_TEST_CASE(s, replay_starved);
    PT_TEST_CASE(s, replay_of_another_body);
    PT_TEST_CASE(s, twin_still_at_work);
    PT_TEST_CASE(s, kept_answer_comes_before_a_refusal);
    PT_TEST_CASE(s, keys);
    PT_TEST_CASE(s, published_frames);
    PT_TEST_CASE(s, blocks_refused);
    PT_TEST_CASE(s, instance);
}


PT_TEST_MAIN(op);
