/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Our codec against wslay's: the same random frames, good and bad, in the
 * same pieces.  Each must say the same up to the first fault, and where one
 * sees a fault of the protocol the other does.
 */

#include <wslay/wslay.h>

#include <stdarg.h>

#include "pt_test.h"
#include "hub/hub_ws.h"

#define ROUNDS 20000
#define BUF 32768

typedef struct {
    char   text[2 * BUF];
    size_t len;
    bool   ended;
} says_t;

static uint8_t  stream[BUF];
static size_t   stream_len, stream_at;
static uint32_t seed;


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


static uint32_t
dice(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;

    return (seed >> 8) % n;
}


static void
said(says_t *s, char kind, unsigned code, const void *data, size_t len)
{
    ck_assert_uint_lt(s->len + len + 16, sizeof(s->text));
    s->len += fmt(s->text + s->len, "%c%u:", kind, code);

    if (len > 0) {
        memcpy(s->text + s->len, data, len);
        s->len += len;
    }

    s->text[s->len++] = '|';
    s->text[s->len] = '\0';
}


/* A frame that is right most of the time. */
static void
add(bool *in_message)
{
    size_t                   i, len, n;
    uint8_t                  op, *p = stream + stream_len;
    bool                     fin = dice(3) != 0;
    static const char *const texts[] = {
        "a",          "\xc3\xa9",     "\xe2\x82\xac", "\xf0\x9f\x98\x80",
        "plain text", "\xed\xa0\x80", "\xc3"
    };
    static const uint8_t ops[] = { 0, 1, 1, 1, 8, 9, 10, 10 };

    op = ops[dice(PT_COUNT(ops))];

    if (dice(12) != 0) { /* mend */
        if (op < 8) {
            op = *in_message ? 0 : 1;
        } else {
            fin = true;
        }
    }

    if (op == 8 && dice(4) != 0) {
        op = 9;
    }

    if (op < 2) {
        *in_message = !fin;
    }

    p[0] = (uint8_t) ((fin ? 0x80 : 0) | op);

    if (dice(60) == 0) {
        p[0] |= (uint8_t) (0x10 << dice(3));
    }

    if (dice(80) == 0) {
        p[0] = (uint8_t) (0x80 | (3 + dice(5)));
    }

    p[2] = (uint8_t) dice(256);
    memcpy(p + 2, "\x11\x22\x33\x44", 4);
    n = 6;
    len = 0;

    if (op == 8 && dice(5) != 0) {
        p[n] = 3;
        p[n + 1] = (uint8_t) (0xe8 + dice(12));
        len = 2;
    }

    /* A close has no reason here: what wslay makes of its UTF-8 depends on
     * the pieces it comes in. */
    for (i = dice(op > 8 ? 4 : 6); i > 0 && op != 8; i--) {
        const char *t = texts[dice(op < 8 && dice(15) == 0 ? 7 : 5)];

        memcpy(p + n + len, t, strlen(t));
        len += strlen(t);
    }

    p[1] = (uint8_t) (0x80 | len);

    for (i = 0; i < len; i++) {
        p[n + i] ^= p[2 + (i & 3)];
    }

    stream_len += n + len;
}


static void
ours(says_t *s)
{
    size_t      at, n, used;
    uint8_t     copy[BUF], *p;
    hub_ws_t    ws;
    hub_ws_in_t in;

    memset(&ws, 0, sizeof(ws));

    for (at = 0; at < stream_len && !s->ended; at += n) {
        n = 1 + dice(40);
        n = n < stream_len - at ? n : stream_len - at;
        memcpy(copy, stream + at, n);

        for (p = copy; p < copy + n && !s->ended; p += used) {
            hub_ws_feed(&ws, &pt_test_mem, p, (size_t) (copy + n - p), &used,
                        &in);

            switch (in.type) {
            case HUB_WS_MORE:
                break;
            case HUB_WS_ERROR:
                said(s, 'E', in.code, "", 0);
                s->ended = true;
                break;
            case HUB_WS_CLOSE:
                said(s, 'C', in.code, in.data.data, in.data.len);
                s->ended = true;
                break;
            default:
                said(s, "-TPQ"[in.type], 0, in.data.data, in.data.len);
            }
        }
    }

    hub_ws_free(&ws, &pt_test_mem);
}


static ssize_t
on_recv(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, int flags,
        void *user)
{
    size_t n = stream_len - stream_at;

    (void) flags;
    (void) user;

    if (n == 0) {
        wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }

    n = n < len ? n : len;
    n = n < 1 + dice(40) ? n : 1;
    memcpy(buf, stream + stream_at, n);
    stream_at += n;

    return (ssize_t) n;
}


static void
on_msg(wslay_event_context_ptr                   ctx,
       const struct wslay_event_on_msg_recv_arg *arg, void *user)
{
    says_t *s = user;

    (void) ctx;

    switch (arg->opcode) {
    case WSLAY_TEXT_FRAME:
        said(s, 'T', 0, arg->msg, arg->msg_length);
        break;
    case WSLAY_PING:
        said(s, 'P', 0, arg->msg, arg->msg_length);
        break;
    case WSLAY_PONG:
        said(s, 'Q', 0, arg->msg, arg->msg_length);
        break;
    case WSLAY_CONNECTION_CLOSE:
        if (arg->msg_length == 1) { /* a fault that it reports as well */
            said(s, 'E', 1002, "", 0);
            s->ended = true;
            break;
        }

        said(s, 'C', arg->status_code == 0 ? 1005 : arg->status_code,
             arg->msg + (arg->msg_length ? 2 : 0),
             arg->msg_length - (arg->msg_length ? 2 : 0));
        s->ended = true;
        break;
    default:
        said(s, '?', arg->opcode, "", 0);
    }
}


static void
theirs(says_t *s)
{
    unsigned                     code;
    wslay_event_context_ptr      ctx;
    struct wslay_event_callbacks cb;

    memset(&cb, 0, sizeof(cb));
    cb.recv_callback = on_recv;
    cb.on_msg_recv_callback = on_msg;
    ck_assert_int_eq(wslay_event_context_server_init(&ctx, &cb, s), 0);
    stream_at = 0;

    while (wslay_event_recv(ctx) == 0 && !s->ended
           && wslay_event_get_read_enabled(ctx) && stream_at < stream_len)
    {
        /* a short read ends a call */
    }

    /* a fault is a close that it wants to send by itself */
    if (!s->ended && !wslay_event_get_read_enabled(ctx)) {
        code = wslay_event_get_status_code_sent(ctx);
        said(s, 'E', code, "", 0);
        s->ended = true;
    }

    wslay_event_context_free(ctx);
}


/* "...E1002:|" and "...E0:|": the same fault (wslay names the code only when
 * it has sent it). */
static void
strip(says_t *s)
{
    char *e = NULL, *p;

    for (p = s->text; (p = strstr(p, "|E")) != NULL; p++) {
        e = p + 1;
    }

    if (e == NULL && s->text[0] == 'E') {
        e = s->text;
    }

    if (e != NULL) {
        memcpy(e, "E", 2);
    }
}


START_TEST(differential)
{
    int           i, k, faults = 0, closes = 0;
    bool          in_message;
    static says_t a, b;

    for (i = 0; i < ROUNDS; i++) {
        seed = (uint32_t) i * 2654435761u + 1;
        stream_len = 0;
        in_message = false;

        for (k = (int) (1 + dice(20)); k > 0; k--) {
            add(&in_message);
        }

        a.len = b.len = 0;
        a.text[0] = b.text[0] = '\0';
        a.ended = b.ended = false;
        ours(&a);
        theirs(&b);
        closes += strchr(a.text, 'C') != NULL;
        strip(&a);
        strip(&b);
        faults += a.len > 0 && a.text[strlen(a.text) - 1] == 'E';
        ck_assert_msg(strcmp(a.text, b.text) == 0, "round %d: %s and %s", i,
                      a.text, b.text);
    }

    ck_assert_int_gt(faults, ROUNDS / 20);
    ck_assert_int_gt(closes, ROUNDS / 20);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, differential);
}


PT_TEST_MAIN(hub_wslay);
