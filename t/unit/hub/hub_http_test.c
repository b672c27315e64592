/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include <stdarg.h>

#include "pt_test.h"
#include "hub/hub_http.h"

#define WS "GET /api/v1/conversations/ws HTTP/1.1\r\nHost: hub\r\n"
#define UP                                                                     \
    "Upgrade: websocket\r\nConnection: Upgrade\r\n"                            \
    "Sec-WebSocket-Version: 13\r\n"                                            \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define ID "01a20635-5cd4-73c0-90f0-60302e7a4be8"


/* printf into a buffer that is large enough: the test says so. */
static size_t
fmt(char *out, const char *how, ...)
{
    int     n;
    va_list ap;

    va_start(ap, how);
    n = vsnprintf(out, 8192, how, ap);
    va_end(ap);
    ck_assert_int_ge(n, 0);

    return (size_t) n;
}


static int
parse(const char *text, hub_http_t *out)
{
    size_t i, end = 0, from = 0, len = strlen(text);

    /* byte by byte, the end is found where it is */
    for (i = 1; i <= len && end == 0; i++) {
        end = hub_http_end(text, i, &from);
    }

    ck_assert_uint_eq(end, len);

    return hub_http_parse((pt_str_t){ text, len }, out);
}


START_TEST(upgrade)
{
    char       reply[HUB_HTTP_REPLY_MAX];
    size_t     n;
    hub_http_t r;

    ck_assert_int_eq(parse(WS UP "\r\n", &r), 0);
    ck_assert_int_eq(r.type, HUB_HTTP_UPGRADE);
    ck_assert(!r.has_claims && !r.has_since);
    n = hub_http_accept(&r, reply);
    ck_assert(memmem(reply, n, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", 32));

    ck_assert_int_eq(parse(WS UP "sec-websocket-protocol: a, pytake.v9 ,"
                                 "pytake.v1\r\n\r\n",
                           &r),
                     0);
    ck_assert(!r.unsupported);
    ck_assert_slice_lit(r.protocol, "pytake.v1");
    n = hub_http_accept(&r, reply);
    ck_assert(memmem(reply, n, "Protocol: pytake.v1\r\n\r\n", 23));
    ck_assert_int_eq(
        parse(WS UP "Sec-WebSocket-Protocol: pytake.v2\r\n\r\n", &r), 0);
    ck_assert(r.unsupported);
    ck_assert_int_eq(parse(WS UP "Sec-WebSocket-Protocol: soap\r\n\r\n", &r),
                     0);
    ck_assert(!r.unsupported);
    ck_assert_uint_eq(r.protocol.len, 0);

    ck_assert_int_eq(
        parse("GET /api/v1/conversations/ws?since=47&id=" ID " HTTP/1.1\n" UP
              "X-PyTake-User: " ID "\r\nX-Pytake-Tenant: " ID
              "\r\nX-Pytake-Session: " ID "\r\nX-Pytake-Exp: 1790000000\r\n"
              "X-Pytake-Role: agent\r\nX-Pytake-Worker: 17\r\n"
              "X-Pytake-Addr: 192.0.2.1\r\n\r\n",
              &r),
        0);
    ck_assert(r.has_claims && r.has_since);
    ck_assert_int_eq(r.since.seq, 47);
    ck_assert_int_eq(r.claims.exp, 1790000000);
    ck_assert_int_eq(r.worker, 17);
    ck_assert_str_eq(r.claims.role, ""); /* no header of ours */
    ck_assert_slice_lit(r.addr, "192.0.2.1");
}
END_TEST


static void
refused_with(const char *head, const char *end)
{
    char   reply[HUB_HTTP_REPLY_MAX];
    size_t n;

    n = hub_http_refuse(503, (pt_str_t){ head, strlen(head) }, reply);
    ck_assert_uint_gt(n, strlen(end));
    ck_assert_mem_eq(reply + n - strlen(end), end, strlen(end));
    ck_assert(memmem(reply, n, "\"detail\":\"Too many", 18) != NULL);
}


START_TEST(refused)
{
    int        i;
    char       text[9000], reply[HUB_HTTP_REPLY_MAX];
    size_t     n;
    hub_http_t r;

    ck_assert_int_eq(parse(WS "\r\n", &r), 426);
    ck_assert_int_eq(parse(WS "Upgrade: h2c\r\n\r\n", &r), 426);
    ck_assert_int_eq(parse(WS "Upgrade: websocket\r\nConnection: close\r\n"
                              "\r\n",
                           &r),
                     426);
    ck_assert_int_eq(parse(WS UP "X-Pytake-User: " ID "\r\n\r\n", &r), 400);
    ck_assert_int_eq(parse(WS UP UP "\r\n", &r), 400);
    ck_assert_int_eq(parse(WS UP "X-Pytake-Worker: -1\r\n\r\n", &r), 400);
    ck_assert_int_eq(parse(WS UP "X-Pytake-Worker: 1x\r\n\r\n", &r), 400);
    ck_assert_int_eq(parse(WS UP ": x\r\n\r\n", &r), 400);
    ck_assert_int_eq(parse(WS UP "no colon\r\n\r\n", &r), 400);
    ck_assert_int_eq(parse(WS UP " folded: x\r\n\r\n", &r), 400);
    ck_assert_int_eq(parse("GET / HTTP/1.0\r\n\r\n", &r), 400);
    ck_assert_int_eq(parse("GET\r\n\r\n", &r), 400);
    ck_assert_int_eq(parse("GET / HTTP/1.1\r\n\r\n", &r), 404);
    ck_assert_int_eq(
        parse("POST /api/v1/conversations/ws HTTP/1.1\r\n\r\n", &r), 405);
    ck_assert_int_eq(parse("POST /health HTTP/1.1\r\n\r\n", &r), 405);
    ck_assert_int_eq(parse("GET /drain?pid=1 HTTP/1.1\r\n\r\n", &r), 405);
    ck_assert_int_eq(parse("POST /drain HTTP/1.1\r\n\r\n", &r), 400);
    ck_assert_int_eq(parse("POST /drain?pid=0 HTTP/1.1\r\n\r\n", &r), 400);

    n = fmt(text, "%s", WS UP);

    for (i = 0; i < 64; i++) {
        n += fmt(text + n, "X-%d: y\r\n", i);
    }

    fmt(text + n, "\r\n");
    ck_assert_int_eq(parse(text, &r), 431);

    for (i = 400; i < 600; i++) { /* every answer is whole */
        n = hub_http_refuse(i, PT_STR(""), reply);
        ck_assert_uint_gt(n, 0);
        ck_assert(memmem(reply, n, "\r\n\r\n{", 5) != NULL);
    }

    refused_with(WS "X-Request-Id: a-1\r\n\r\n", "\"request_id\":\"a-1\"}");
    refused_with(WS "X-Request-Id: a-1\r\nno colon", "\"request_id\":\"a-1\"}");
    refused_with(WS "X-Request-Id: \"\r\n\r\n", "\"request_id\":\"\"}");

    /* the longest id fits */
    n = (size_t) snprintf(text, sizeof(text), WS "X-Request-Id: %0128d\r\n\r\n",
                          0);
    ck_assert_uint_gt(hub_http_refuse(408, (pt_str_t){ text, n }, reply), 128);
}
END_TEST


START_TEST(others)
{
    hub_http_t r;

    ck_assert_int_eq(parse("GET /health HTTP/1.1\r\n\r\n", &r), 0);
    ck_assert_int_eq(r.type, HUB_HTTP_HEALTH);
    ck_assert_int_eq(parse("GET /metrics HTTP/1.1\r\n\r\n", &r), 0);
    ck_assert_int_eq(r.type, HUB_HTTP_METRICS);
    ck_assert_int_eq(parse("POST /drain?pid=42&spread_ms=100 HTTP/1.1\r\n"
                           "\r\n",
                           &r),
                     0);
    ck_assert_int_eq(r.type, HUB_HTTP_DRAIN);
    ck_assert_int_eq(r.worker, 42);
    ck_assert_uint_eq(r.spread_ms, 100);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, upgrade);
    PT_TEST_CASE(s, refused);
    PT_TEST_CASE(s, others);
}


PT_TEST_MAIN(hub_http);
