/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"
#include "core/base/pt_err.h"
#include "core/base/pt_json.h"


static const struct {
    pt_err_t    err;
    int         status;
    const char *code;
} err_rows[] = { { PT_EBADREQUEST, 400, "bad_request" },
                 { PT_EBADJSON, 400, "invalid_json" },
                 { PT_EVALIDATION, 422, "validation_failed" },
                 { PT_EUNAUTHORIZED, 401, "unauthorized" },
                 { PT_ETOKEN, 401, "invalid_token" },
                 { PT_EEXPIRED, 401, "token_expired" },
                 { PT_EREVOKED, 401, "session_revoked" },
                 { PT_ECREDENTIALS, 401, "invalid_credentials" },
                 { PT_EFORBIDDEN, 403, "forbidden" },
                 { PT_ENOTFOUND, 404, "not_found" },
                 { PT_ENOROUTE, 404, "route_not_found" },
                 { PT_EMETHOD, 405, "method_not_allowed" },
                 { PT_EMEDIATYPE, 415, "unsupported_media_type" },
                 { PT_ETOOLARGE, 413, "body_too_large" },
                 { PT_ECURSOR, 400, "invalid_cursor" },
                 { PT_ESIGNATURE, 401, "invalid_signature" },
                 { PT_EVERIFYTOKEN, 403, "verify_token_mismatch" },
                 { PT_EIDEMMISMATCH, 422, "idempotency_mismatch" },
                 { PT_EIDEMINPROGRESS, 409, "idempotency_in_progress" },
                 { PT_EREFRESH, 401, "refresh_invalid" },
                 { PT_EREFRESHREUSED, 401, "refresh_reused" },
                 { PT_ECONFIGREQUIRED, 422, "whatsapp_config_required" },
                 { PT_ECONFLICT, 409, "conflict" },
                 { PT_EIDEMKEY, 400, "invalid_idempotency_key" },
                 { PT_EATTEMPTS, 429, "too_many_attempts" },
                 { PT_EDOUBLED, 400, "duplicate_header" },
                 { PT_EAGAIN, 500, "internal_error" },
                 { PT_EBUSY, 503, "overloaded" },
                 { PT_EDEADLINE, 503, "deadline_exceeded" },
                 { PT_EDBAWAY, 503, "database_unavailable" },
                 { PT_EDB, 500, "internal_error" },
                 { PT_EOUTCOME, 503, "outcome_unknown" },
                 { PT_EREDISAWAY, 503, "redis_unavailable" },
                 { PT_EINTERNAL, 500, "internal_error" },
                 { PT_ECRYPTO, 500, "internal_error" },
                 { PT_ENOMEM, 503, "out_of_memory" },
                 { PT_ELIMIT, 500, "internal_error" } };


START_TEST(every_error_has_its_row)
{
    size_t              i;
    const pt_err_row_t *row;

    for (i = 0; i < PT_COUNT(err_rows); i++) {
        row = pt_err_get(err_rows[i].err);
        ck_assert_int_eq(row->err, err_rows[i].err);
        ck_assert_int_eq(row->status, err_rows[i].status);
        ck_assert_str_eq(row->code, err_rows[i].code);
        ck_assert_uint_gt(strlen(row->title), 0);
    }

    ck_assert_int_eq(pt_err_get((pt_err_t) -555)->err, PT_EINTERNAL);
    ck_assert_int_eq(pt_err_get((pt_err_t) 555)->status, 500);
    ck_assert_int_eq(pt_err_get(PT_OK)->status, 200);
}
END_TEST


/* The client's faults are 4xx, everybody else's 5xx. */
START_TEST(ranges_hold)
{
    size_t i;

    for (i = 0; i < PT_COUNT(err_rows); i++) {
        if (err_rows[i].err > -100) {
            ck_assert_int_eq(pt_err_get(err_rows[i].err)->status / 100, 4);
        } else {
            ck_assert_int_eq(pt_err_get(err_rows[i].err)->status / 100, 5);
        }
    }
}
END_TEST


START_TEST(statuses_of_nginx)
{
    size_t i;

    static const struct {
        int         in;
        int         status;
        const char *code;
    } cases[] = { { 400, 400, "bad_request" },
                  { 401, 401, "unauthorized" },
                  { 403, 403, "forbidden" },
                  { 404, 404, "route_not_found" },
                  { 405, 405, "method_not_allowed" },
                  { 408, 408, "request_timeout" },
                  { 413, 413, "body_too_large" },
                  { 414, 414, "uri_too_long" },
                  { 422, 422, "validation_failed" },
                  { 429, 429, "too_many_requests" },
                  { 431, 400, "header_too_large" },
                  { 494, 400, "header_too_large" },
                  { 495, 400, "tls_certificate_error" },
                  { 496, 400, "tls_certificate_required" },
                  { 497, 400, "tls_required" },
                  { 500, 500, "internal_error" },
                  { 502, 502, "bad_gateway" },
                  { 503, 503, "service_unavailable" },
                  { 504, 504, "gateway_timeout" },
                  { 418, 400, "bad_request" },
                  { 599, 500, "internal_error" },
                  { 0, 500, "internal_error" } };

    for (i = 0; i < PT_COUNT(cases); i++) {
        ck_assert_int_eq(pt_err_status_get(cases[i].in)->status,
                         cases[i].status);
        ck_assert_str_eq(pt_err_status_get(cases[i].in)->code, cases[i].code);
    }
}
END_TEST


START_TEST(problem)
{
    pt_buf_t    b;
    pt_str_t    s;
    pt_arena_t *a = pt_test_arena();

    pt_field_error_t errors[2] = {
        { PT_STR("a.b[0]"), "required", PT_STR("is required") },
        { PT_STR("\"x\""), "type", PT_STR("must be text") }
    };

    pt_buf_init(&b, a, 10000);
    pt_err_problem(&b, pt_err_get(PT_ENOTFOUND), PT_STR_NULL, PT_STR("req-1"),
                   NULL, 0);
    ck_assert_ok(pt_buf_get(&b, &s));
    ck_assert_slice_lit(
        s, "{\"type\":\"https://pytake.net/problems/not_found\","
           "\"title\":\"Not found\",\"status\":404,\"detail\":\"Not found\","
           "\"code\":\"not_found\",\"request_id\":\"req-1\"}");

    pt_buf_init(&b, a, 10000);
    pt_err_problem(&b, pt_err_get(PT_EVALIDATION), PT_STR("Two faults"),
                   PT_STR_NULL, errors, 2);
    ck_assert_ok(pt_buf_get(&b, &s));
    ck_assert_slice_lit(
        s, "{\"type\":\"https://pytake.net/problems/validation_failed\","
           "\"title\":\"Validation failed\",\"status\":422,"
           "\"detail\":\"Two faults\",\"code\":\"validation_failed\","
           "\"request_id\":null,\"errors\":["
           "{\"field\":\"a.b[0]\",\"code\":\"required\","
           "\"message\":\"is required\"},"
           "{\"field\":\"\\\"x\\\"\",\"code\":\"type\","
           "\"message\":\"must be text\"}]}");

    pt_arena_del(a);
}
END_TEST


/* Whatever the row, the problem is JSON and says so itself. */
START_TEST(every_problem_parses)
{
    size_t      i;
    int64_t     status;
    pt_buf_t    b;
    pt_str_t    s;
    pt_json_t  *v;
    pt_arena_t *a = pt_test_arena();

    for (i = 0; i < PT_COUNT(err_rows); i++) {
        pt_buf_init(&b, a, 10000);
        pt_err_problem(&b, pt_err_get(err_rows[i].err), PT_STR_NULL,
                       PT_STR("id"), NULL, 0);
        ck_assert_ok(pt_buf_get(&b, &s));
        ck_assert_ok(pt_json_parse(a, s, &pt_json_limits_api, &v));
        ck_assert(pt_json_find_i64(v, "status", &status));
        ck_assert_int_eq(status, err_rows[i].status);
        ck_assert(pt_json_find_str(v, "code", &s));
        ck_assert_slice(s, pt_test_str(err_rows[i].code));
    }

    pt_arena_del(a);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, every_error_has_its_row);
    PT_TEST_CASE(s, ranges_hold);
    PT_TEST_CASE(s, statuses_of_nginx);
    PT_TEST_CASE(s, problem);
    PT_TEST_CASE(s, every_problem_parses);
}


PT_TEST_MAIN(err);
