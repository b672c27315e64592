/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* What is said before a body is read, and headers that came twice. */

#include "core/pt_op_test.h"

#define MSGS                                                                   \
    "/api/v1/conversations/01a20610-653f-7d50-8b45-4e4151820c4c/messages"
#define HELLO "{\"content\":\"hello\"}"


/* What the header has against a request before its body is there: the code,
 * or "" when it is to be read. */
static const char *
judge(fx_t *f, pytake_method_t method, const char *path)
{
    uint8_t         seed[32] = { 1 };
    pytake_effect_t eff;

    pytake_op_del(f->op);
    f->op = NULL;
    f->req.method = method;
    f->req.path = pt_test_str(path);

    ck_assert_ok(pytake_op_judge(f->pt, &f->req, seed, f->now_us, &f->op));

    if (f->op == NULL) {
        return "";
    }

    ck_assert_int_eq(pytake_op_next(f->op, &eff), PYTAKE_EFFECT_DONE);
    ck_assert_int_ge(eff.u.done.status, 400);

    return f->op->code;
}


START_TEST(judged_by_the_header)
{
    fx_t f;

    fx_init(&f);
    ck_assert_str_eq(judge(&f, PYTAKE_POST, "/nope"), "route_not_found");
    ck_assert_str_eq(judge(&f, PYTAKE_PUT, MSGS), "method_not_allowed");
    ck_assert_str_eq(judge(&f, PYTAKE_POST, MSGS), "unauthorized");

    f.req.authorization = fx_token(&f, f.now_us / 1000000 - 60);
    ck_assert_str_eq(judge(&f, PYTAKE_POST, MSGS), "token_expired");

    f.role = "viewer";
    f.req.authorization = fx_token(&f, f.now_us / 1000000 + 60);
    ck_assert_str_eq(judge(&f, PYTAKE_POST, MSGS), "forbidden");

    f.role = "agent";
    f.req.authorization = fx_token(&f, f.now_us / 1000000 + 60);
    f.req.body_too_large = true;
    ck_assert_str_eq(judge(&f, PYTAKE_POST, MSGS), "unsupported_media_type");
    f.req.content_type = PT_STR("application/json");
    ck_assert_str_eq(judge(&f, PYTAKE_POST, MSGS), "body_too_large");
    f.req.body_too_large = false;
    ck_assert_str_eq(judge(&f, PYTAKE_POST, MSGS), "");
    f.req.doubled = PYTAKE_CONTENT_TYPE;
    ck_assert_str_eq(judge(&f, PYTAKE_POST, MSGS), "duplicate_header");
    f.req.doubled = 0;

    /* public: the body will tell */
    f.req.authorization = PT_STR_NULL;
    ck_assert_str_eq(judge(&f, PYTAKE_POST, "/api/v1/auth/login"), "");
    fx_free(&f);
}
END_TEST


START_TEST(webhook_judged_by_the_header)
{
    fx_t        f;
    const char *hook = "/api/v1/webhooks/whatsapp";

    fx_init(&f);
    ck_assert_str_eq(judge(&f, PYTAKE_POST, hook), "invalid_signature");
    f.req.body_too_large = true;
    ck_assert_str_eq(judge(&f, PYTAKE_POST, hook), "body_too_large");
    f.req.body_too_large = false;
    f.req.signature = PT_STR("sha256=00");
    ck_assert_str_eq(judge(&f, PYTAKE_POST, hook), "invalid_signature");
    f.req.signature = PT_STR("sha256=0123456789abcdef0123456789abcdef"
                             "0123456789abcdef0123456789abcdef");
    ck_assert_str_eq(judge(&f, PYTAKE_POST, hook), "");
    f.req.doubled = PYTAKE_SIGNATURE;
    ck_assert_str_eq(judge(&f, PYTAKE_POST, hook), "duplicate_header");
    fx_free(&f);
}
END_TEST


/* No memory is an error, and an answer all the same. */
START_TEST(judged_without_memory)
{
    fx_t         f;
    uint8_t      seed[32] = { 1 };
    pytake_op_t *op;

    fx_init(&f);
    f.req.method = PYTAKE_POST;
    f.req.path = PT_STR(MSGS);
    f.refuse = true;
    ck_assert_int_eq(pytake_op_judge(f.pt, &f.req, seed, f.now_us, &op),
                     PT_ENOMEM);
    ck_assert_ptr_null(op);
    f.refuse = false;
    fx_free(&f);
}
END_TEST


START_TEST(a_key_twice)
{
    fx_t f;

    fx_init(&f);
    f.req.idempotency_key = PT_STR("a");
    f.req.doubled = PYTAKE_IDEMPOTENCY_KEY;
    fx_start(&f, PYTAKE_POST, MSGS, HELLO);
    ck_assert_has(fx_problem(&f, 400, "duplicate_header"),
                  "\"detail\":\"Idempotency-Key was sent more than once\"");
    fx_start(&f, PYTAKE_POST, MSGS, "{");
    fx_problem(&f, 400, "invalid_json");
    fx_free(&f);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, judged_by_the_header);
    PT_TEST_CASE(s, webhook_judged_by_the_header);
    PT_TEST_CASE(s, judged_without_memory);
    PT_TEST_CASE(s, a_key_twice);
}


PT_TEST_MAIN(admit);
