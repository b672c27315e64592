/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include <stdarg.h>

#include "pt_test.h"
#include "hub/hub_ws.h"

#define OUT_MAX 262144

typedef struct {
    hub_ws_t ws;
    char     said[OUT_MAX]; /* "T:text|P:ping|C1000:bye|E1002:|" */
    size_t   len;
} peer_t;


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


/* A masked frame; returns its length. */
static size_t
frame(uint8_t *out, uint8_t first, const void *data, size_t len)
{
    size_t         i, n = 2;
    const uint8_t *p = data;

    out[0] = first;

    if (len < 126) {
        out[1] = (uint8_t) (0x80 | len);
    } else if (len < 65536) {
        out[1] = 0xfe;
        out[2] = (uint8_t) (len >> 8);
        out[3] = (uint8_t) len;
        n = 4;
    } else {
        memset(out + 1, 0, 9);
        out[1] = 0xff;
        out[7] = (uint8_t) (len >> 16);
        out[8] = (uint8_t) (len >> 8);
        out[9] = (uint8_t) len;
        n = 10;
    }

    memcpy(out + n, "\xa1\x02\x73\xf4", 4);

    for (i = 0; i < len; i++) {
        out[n + 4 + i] = p[i] ^ out[n + (i & 3)];
    }

    return n + 4 + len;
}


static void
feed(peer_t *p, const uint8_t *data, size_t len, size_t step)
{
    size_t      n, used;
    uint8_t     copy[OUT_MAX], *at;
    hub_ws_in_t in;

    for (; len > 0; data += n, len -= n) {
        n = step < len ? step : len;
        ck_assert_uint_le(n, sizeof(copy));
        memcpy(copy, data, n);

        for (at = copy; at < copy + n; at += used) {
            hub_ws_feed(&p->ws, &pt_test_mem, at, (size_t) (copy + n - at),
                        &used, &in);

            if (in.type != HUB_WS_MORE) {
                p->len += fmt(p->said + p->len, "%c", "-TPQCE"[in.type]);

                if (in.code != 0) {
                    p->len += fmt(p->said + p->len, "%u", in.code);
                }

                p->said[p->len++] = ':';

                if (in.data.len > 0) {
                    memcpy(p->said + p->len, in.data.data, in.data.len);
                    p->len += in.data.len;
                }

                p->said[p->len++] = '|';
            }
        }
    }

    p->said[p->len] = '\0';
}


static void
says(const uint8_t *data, size_t len, const char *want)
{
    size_t  step;
    peer_t *p;

    for (step = 1; step <= len; step = step < 8 ? step + 1 : step * 2) {
        p = calloc(1, sizeof(peer_t));
        feed(p, data, len, step);
        ck_assert_msg(strcmp(p->said, want) == 0, "step %zu: %s, not %s", step,
                      p->said, want);
        hub_ws_free(&p->ws, &pt_test_mem);
        free(p);
    }
}


static void
one(uint8_t first, const char *text, const char *want)
{
    uint8_t buf[1024];

    says(buf, frame(buf, first, text, strlen(text)), want);
}


START_TEST(messages)
{
    size_t  n = 0;
    uint8_t buf[4096];

    one(0x81, "", "T:|");
    one(0x81, "hello", "T:hello|");
    one(0x89, "x", "P:x|");
    one(0x8a, "x", "Q:x|");
    n += frame(buf + n, 0x01, "a\xe2", 2);
    n += frame(buf + n, 0x89, "in between", 10);
    n += frame(buf + n, 0x00, "\x82", 1);
    n += frame(buf + n, 0x00, "", 0);
    n += frame(buf + n, 0x80, "\xacz", 2);
    n += frame(buf + n, 0x81, "next", 4);
    n += frame(buf + n, 0x88,
               "\x03\xe8"
               "bye",
               5);
    n += frame(buf + n, 0x81, "ignored", 7);
    says(buf, n, "P:in between|T:a\xe2\x82\xacz|T:next|C1000:bye|");
}
END_TEST


START_TEST(faults)
{
    int                      i;
    size_t                   n;
    static uint8_t           buf[200000], big[70000];
    static const char *const text[] = {
        "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff",        "\x80",
        "\xe2\x82", "a\xc3",        "\xf0\x80\x80\x80", "\xe0\x9f\xbf"
    };

    for (i = 0; i < (int) PT_COUNT(text); i++) {
        one(0x81, text[i], "E1007:|");
    }

    one(0xc1, "rsv", "E1002:|");
    one(0xa1, "rsv", "E1002:|");
    one(0x82, "binary", "E1003:|");
    one(0x83, "reserved", "E1002:|");
    one(0x8b, "reserved", "E1002:|");
    one(0x80, "continues nothing", "E1002:|");
    one(0x09, "fragmented ping", "E1002:|");
    one(0x88, "\x03", "E1002:|");
    one(0x88, "\x03\xec", "E1002:|"); /* 1004 */
    one(0x88, "\x03\xee", "E1002:|"); /* 1006 */
    one(0x88, "\x07\xd0", "E1002:|"); /* 2000 */
    one(0x88, "\x0f\xa0", "C4000:|");
    one(0x88, "\x03\xe8\xff", "E1007:|");
    one(0x88, "", "C1005:|");
    says((const uint8_t *) "\x81\x02hi", 4, "E1002:|"); /* not masked */

    n = frame(buf, 0x01, "a", 1);
    n += frame(buf + n, 0x81, "b", 1);
    says(buf, n, "E1002:|");

    /* not the shortest form */
    says((const uint8_t *) "\x81\xfe\x00\x05\1\2\3\4hello", 13, "E1002:|");
    says((const uint8_t *) "\x81\xff\0\0\0\0\0\0\xff\xff\1\2\3\4", 14,
         "E1002:|");

    /* sizes: 16 KB and not a byte more, in one or in many */
    memset(big, 'x', sizeof(big));
    n = frame(buf, 0x81, big, HUB_WS_MESSAGE_MAX + 1);
    says(buf, n, "E1009:|");
    n = frame(buf, 0x81, big, 70000);
    says(buf, n, "E1009:|");
    n = frame(buf, 0x01, big, 9000);
    n += frame(buf + n, 0x80, big, HUB_WS_MESSAGE_MAX - 9000 + 1);
    says(buf, n, "E1009:|");

    /* fragments without end */
    for (i = 0, n = 0; i < 10000; i++) {
        n += frame(buf + n, i == 0 ? 0x01 : 0x00, "", 0);
    }

    says(buf, n, "E1008:|");

    n = frame(buf, 0x89, big, 126);
    says(buf, n, "E1002:|");
}
END_TEST


START_TEST(whole)
{
    static char    big[HUB_WS_MESSAGE_MAX + 1];
    static uint8_t buf[HUB_WS_MESSAGE_MAX + 64];
    size_t         n, used;
    hub_ws_t       ws;
    hub_ws_in_t    in;

    memset(big, 'y', HUB_WS_MESSAGE_MAX);
    memset(&ws, 0, sizeof(ws));
    n = frame(buf, 0x81, big, HUB_WS_MESSAGE_MAX);
    hub_ws_feed(&ws, &pt_test_mem, buf, n, &used, &in);
    ck_assert_int_eq(in.type, HUB_WS_TEXT);
    ck_assert_uint_eq(used, n);
    ck_assert_slice(in.data, pt_test_str(big));
    hub_ws_free(&ws, &pt_test_mem);
}
END_TEST


START_TEST(headers)
{
    char    out[HUB_WS_ACCEPT_LEN];
    uint8_t h[HUB_WS_HEADER_MAX];

    /* RFC 6455, section 1.3 */
    ck_assert_ok(hub_ws_accept(PT_STR("dGhlIHNhbXBsZSBub25jZQ=="), out));
    ck_assert_mem_eq(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 28);
    ck_assert_int_eq(hub_ws_accept(PT_STR(""), out), PT_EBADREQUEST);
    ck_assert_int_eq(hub_ws_accept(PT_STR("dGhlIHNhbXBsZSBub25jZQ"), out),
                     PT_EBADREQUEST);
    ck_assert_int_eq(hub_ws_accept(PT_STR("!!hlIHNhbXBsZSBub25jZQ=="), out),
                     PT_EBADREQUEST);
    ck_assert_uint_eq(hub_ws_header(h, HUB_WS_OP_TEXT, 125), 2);
    ck_assert_uint_eq(hub_ws_header(h, HUB_WS_OP_TEXT, 126), 4);
    ck_assert_uint_eq(hub_ws_header(h, HUB_WS_OP_TEXT, 65535), 4);
    ck_assert_uint_eq(hub_ws_header(h, HUB_WS_OP_TEXT, 65536), 10);
    ck_assert_mem_eq(h, "\x81\x7f\0\0\0\0\0\1\0\0", 10);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, messages);
    PT_TEST_CASE(s, faults);
    PT_TEST_CASE(s, whole);
    PT_TEST_CASE(s, headers);
}


PT_TEST_MAIN(hub_ws);
