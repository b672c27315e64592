/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "hub_ws.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#define HUB_WS_KEY_LEN 24u
#define HUB_WS_BUF_MIN 256u

static const char hub_ws_guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/* The UTF-8 decoder keeps its state in one word: bits 0 to 1 say how many
 * continuation bytes are still to come, bits 8 to 15 and 16 to 23 the lowest
 * and the highest value that the next one may have.  0 means that a character
 * begins. */
#define HUB_WS_UTF8(need, low, high)                                           \
    ((uint32_t) (need) | (uint32_t) (low) << 8 | (uint32_t) (high) << 16)

static void     hub_ws_fail(hub_ws_t *ws, hub_ws_in_t *in, uint16_t code);
static size_t   hub_ws_head(hub_ws_t *ws, const uint8_t *data, size_t len,
                            hub_ws_in_t *in);
static uint8_t  hub_ws_head_need(const hub_ws_t *ws);
static uint16_t hub_ws_head_check(const hub_ws_t *ws);
static void     hub_ws_frame_begin(hub_ws_t *ws, hub_ws_in_t *in);
static size_t   hub_ws_payload(hub_ws_t *ws, const pt_mem_t *mem, uint8_t *data,
                               size_t len, hub_ws_in_t *in);
static void     hub_ws_unmask(hub_ws_t *ws, uint8_t *data, size_t len);
static bool hub_ws_keep(hub_ws_t *ws, const pt_mem_t *mem, const uint8_t *data,
                        size_t len, hub_ws_in_t *in);
static bool hub_ws_grow(hub_ws_t *ws, const pt_mem_t *mem, size_t len);
static void hub_ws_frame_end(hub_ws_t *ws, hub_ws_in_t *in);
static void hub_ws_control_end(hub_ws_t *ws, hub_ws_in_t *in);
static bool hub_ws_utf8_feed(uint32_t *state, const uint8_t *s, size_t len);
static uint32_t hub_ws_utf8_lead(uint8_t c);


void
hub_ws_feed(hub_ws_t *ws, const pt_mem_t *mem, uint8_t *data, size_t len,
            size_t *used, hub_ws_in_t *in)
{
    size_t at;

    at = 0;
    in->type = HUB_WS_MORE;
    in->code = 0;
    in->data = PT_STR_NULL;

    if (ws->failed) {
        *used = len;
        return;
    }

    if (!ws->in_message && !ws->in_frame
        && (ws->buf != NULL || ws->control != NULL))
    {
        hub_ws_free(ws, mem); /* The last call has lent it to the caller. */
    }

    while (at < len && in->type == HUB_WS_MORE) {

        if (!ws->in_frame) {
            at += hub_ws_head(ws, data + at, len - at, in);

        } else {
            at += hub_ws_payload(ws, mem, data + at, len - at, in);
        }
    }

    *used = at;
}


void
hub_ws_free(hub_ws_t *ws, const pt_mem_t *mem)
{
    mem->free(mem->user, ws->buf);
    mem->free(mem->user, ws->control);
    ws->buf = NULL;
    ws->control = NULL;
    ws->buf_len = 0;
    ws->buf_cap = 0;
}


size_t
hub_ws_header(uint8_t out[HUB_WS_HEADER_MAX], hub_ws_opcode_t op,
              size_t payload_len)
{
    int i;

    out[0] = (uint8_t) (0x80 | (uint8_t) op);

    if (payload_len < 126) {
        out[1] = (uint8_t) payload_len;
        return 2;
    }

    if (payload_len <= 0xffff) {
        out[1] = 126;
        out[2] = (uint8_t) (payload_len >> 8);
        out[3] = (uint8_t) payload_len;
        return 4;
    }

    out[1] = 127;

    for (i = 0; i < 8; i++) {
        out[2 + i] = (uint8_t) ((uint64_t) payload_len >> (56 - 8 * i));
    }

    return 10;
}


pt_err_t
hub_ws_accept(pt_str_t key, char out[HUB_WS_ACCEPT_LEN])
{
    unsigned char text[HUB_WS_KEY_LEN + sizeof(hub_ws_guid) - 1];
    unsigned char digest[SHA_DIGEST_LENGTH], raw[HUB_WS_KEY_LEN];
    unsigned char encoded[HUB_WS_ACCEPT_LEN + 1];

    if (key.len != HUB_WS_KEY_LEN || key.data[22] != '=' || key.data[23] != '='
        || EVP_DecodeBlock(raw, (const unsigned char *) key.data,
                           HUB_WS_KEY_LEN)
               != 18)
    {
        return PT_EBADREQUEST;
    }

    memcpy(text, key.data, HUB_WS_KEY_LEN);
    memcpy(text + HUB_WS_KEY_LEN, hub_ws_guid, sizeof(hub_ws_guid) - 1);

    if (SHA1(text, sizeof(text), digest) == NULL) {
        return PT_ECRYPTO;
    }

    EVP_EncodeBlock(encoded, digest, SHA_DIGEST_LENGTH);
    memcpy(out, encoded, HUB_WS_ACCEPT_LEN);

    return PT_OK;
}


bool
hub_ws_close_code_is(uint16_t code)
{
    if (code >= 3000 && code <= 4999) {
        return true;
    }

    return code >= 1000 && code <= 1014 && code != 1004 && code != 1005
           && code != 1006;
}


static void
hub_ws_fail(hub_ws_t *ws, hub_ws_in_t *in, uint16_t code)
{
    ws->failed = true;
    in->type = HUB_WS_ERROR;
    in->code = code;
    in->data = PT_STR_NULL;
}


/* Collects the header of a frame, which may come byte by byte.  Returns how
 * many bytes were used. */

static size_t
hub_ws_head(hub_ws_t *ws, const uint8_t *data, size_t len, hub_ws_in_t *in)
{
    size_t   n;
    uint16_t code;

    if (ws->head_need == 0) {
        ws->head_need = 2;
        ws->head_len = 0;
    }

    assert(ws->head_need <= sizeof(ws->head) && ws->head_len < ws->head_need);
    n = (size_t) (ws->head_need - ws->head_len);
    n = (n < len) ? n : len;

    memcpy(ws->head + ws->head_len, data, n);
    ws->head_len = (uint8_t) (ws->head_len + n);

    if (ws->head_len < ws->head_need) {
        return n;
    }

    if (ws->head_len == 2) {
        code = hub_ws_head_check(ws);

        if (code != 0) {
            hub_ws_fail(ws, in, code);
            return n;
        }

        ws->head_need = hub_ws_head_need(ws);
        return n;
    }

    ws->head_need = 0;
    hub_ws_frame_begin(ws, in);

    return n;
}


static uint8_t
hub_ws_head_need(const hub_ws_t *ws)
{
    uint8_t len7;

    len7 = ws->head[1] & 0x7f;

    return (uint8_t) (2 + 4 + (len7 == 126 ? 2 : (len7 == 127 ? 8 : 0)));
}


/* Checks the first two bytes of a header (RFC 6455, section 5.2).  Returns 0,
 * or the close code of the fault. */

static uint16_t
hub_ws_head_check(const hub_ws_t *ws)
{
    uint8_t op, len7;
    bool    fin;

    fin = (ws->head[0] & 0x80) != 0;
    op = ws->head[0] & 0x0f;
    len7 = ws->head[1] & 0x7f;

    if ((ws->head[0] & 0x70) != 0 || (ws->head[1] & 0x80) == 0) {
        return 1002; /* An RSV bit is set, or it is not masked (section 5.1). */
    }

    if (op >= 0x8) {
        if (op > HUB_WS_OP_PONG || !fin || len7 > HUB_WS_CONTROL_MAX) {
            return 1002;
        }

        return 0;
    }

    if (op > HUB_WS_OP_BINARY || (op == HUB_WS_OP_CONT) != ws->in_message) {
        return 1002;
    }

    return op == HUB_WS_OP_BINARY ? 1003 : 0;
}


static void
hub_ws_frame_begin(hub_ws_t *ws, hub_ws_in_t *in)
{
    int      i, n;
    uint64_t len;

    n = (ws->head_len == 8) ? 2 : ((ws->head_len == 14) ? 8 : 0);
    len = (n == 0) ? (uint64_t) (ws->head[1] & 0x7f) : 0;

    for (i = 0; i < n; i++) {
        len = len << 8 | ws->head[2 + i];
    }

    if ((n == 8 && (len >> 63) != 0) || (n == 8 && len <= 0xffff)
        || (n == 2 && len < 126))
    {
        hub_ws_fail(ws, in, 1002); /* The length is not in its shortest form. */
        return;
    }

    ws->opcode = ws->head[0] & 0x0f;
    ws->fin = (ws->head[0] & 0x80) != 0;
    memcpy(ws->mask, ws->head + ws->head_len - 4, 4);
    ws->mask_at = 0;

    if (ws->opcode < 0x8) {
        if (!ws->in_message) {
            ws->in_message = true;
            ws->fragments = 0;
            ws->utf8 = 0;
            ws->buf_len = 0;
        }

        if (++ws->fragments > HUB_WS_FRAGMENTS_MAX) {
            hub_ws_fail(ws, in, 1008);
            return;
        }

        if (len > HUB_WS_MESSAGE_MAX - ws->buf_len) {
            hub_ws_fail(ws, in, 1009);
            return;
        }

    } else {
        ws->control_len = 0;
    }

    ws->remaining = (uint32_t) len;
    ws->in_frame = true;

    if (len == 0) {
        hub_ws_frame_end(ws, in);
    }
}


static size_t
hub_ws_payload(hub_ws_t *ws, const pt_mem_t *mem, uint8_t *data, size_t len,
               hub_ws_in_t *in)
{
    size_t n;

    assert(ws->in_frame && ws->remaining > 0);
    n = (len < ws->remaining) ? len : ws->remaining;
    hub_ws_unmask(ws, data, n);

    if (!hub_ws_keep(ws, mem, data, n, in)) {
        return n;
    }

    ws->remaining -= (uint32_t) n;

    if (ws->remaining == 0) {
        hub_ws_frame_end(ws, in);
    }

    return n;
}


static void
hub_ws_unmask(hub_ws_t *ws, uint8_t *data, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++) {
        data[i] ^= ws->mask[(ws->mask_at + i) & 3];
    }

    ws->mask_at = (uint8_t) ((ws->mask_at + len) & 3);
}


static bool
hub_ws_keep(hub_ws_t *ws, const pt_mem_t *mem, const uint8_t *data, size_t len,
            hub_ws_in_t *in)
{
    if (ws->opcode >= 0x8) {
        if (ws->control == NULL) {
            ws->control = mem->alloc(mem->user, HUB_WS_CONTROL_MAX);
        }

        if (ws->control == NULL) {
            hub_ws_fail(ws, in, 1011);
            return false;
        }

        assert(ws->control_len + len <= HUB_WS_CONTROL_MAX);
        memcpy(ws->control + ws->control_len, data, len);
        ws->control_len = (uint8_t) (ws->control_len + len);
        return true;
    }

    if (!hub_ws_utf8_feed(&ws->utf8, data, len)) {
        hub_ws_fail(ws, in, 1007);
        return false;
    }

    if (!hub_ws_grow(ws, mem, len)) {
        hub_ws_fail(ws, in, 1011);
        return false;
    }

    memcpy(ws->buf + ws->buf_len, data, len);
    ws->buf_len += (uint32_t) len;

    return true;
}


/* Makes room in the buffer for len bytes more.  false: out of memory. */

static bool
hub_ws_grow(hub_ws_t *ws, const pt_mem_t *mem, size_t len)
{
    uint8_t *p;
    uint32_t cap;

    assert(ws->buf_len + len <= HUB_WS_MESSAGE_MAX);

    if (ws->buf_len + len <= ws->buf_cap) {
        return true;
    }

    cap = (ws->buf_cap == 0) ? HUB_WS_BUF_MIN : ws->buf_cap;

    while (cap < ws->buf_len + len) {
        cap *= 2;
    }

    p = mem->alloc(mem->user, cap);

    if (p == NULL) {
        return false;
    }

    if (ws->buf_len > 0) {
        memcpy(p, ws->buf, ws->buf_len);
    }

    mem->free(mem->user, ws->buf);
    ws->buf = p;
    ws->buf_cap = cap;

    return true;
}


static void
hub_ws_frame_end(hub_ws_t *ws, hub_ws_in_t *in)
{
    ws->in_frame = false;

    if (ws->opcode >= 0x8) {
        hub_ws_control_end(ws, in);
        return;
    }

    if (!ws->fin) {
        return;
    }

    if (ws->utf8 != 0) {
        hub_ws_fail(ws, in, 1007); /* It ends inside a character. */
        return;
    }

    ws->in_message = false;
    in->type = HUB_WS_TEXT;
    in->data.data = (ws->buf_len == 0) ? "" : (const char *) ws->buf;
    in->data.len = ws->buf_len;
}


static void
hub_ws_control_end(hub_ws_t *ws, hub_ws_in_t *in)
{
    uint32_t utf8;

    in->data.data = (ws->control_len == 0) ? "" : (char *) ws->control;
    in->data.len = ws->control_len;

    if (ws->opcode != HUB_WS_OP_CLOSE) {
        in->type = (ws->opcode == HUB_WS_OP_PING) ? HUB_WS_PING : HUB_WS_PONG;
        return;
    }

    in->code = 1005;

    if (in->data.len == 1) {
        hub_ws_fail(ws, in, 1002);
        return;
    }

    if (in->data.len >= 2) {
        in->code = (uint16_t) (ws->control[0] << 8 | ws->control[1]);
        in->data.data += 2;
        in->data.len -= 2;
        utf8 = 0;

        if (!hub_ws_close_code_is(in->code)) {
            hub_ws_fail(ws, in, 1002);
            return;
        }

        if (!hub_ws_utf8_feed(&utf8, (const uint8_t *) in->data.data,
                              in->data.len)
            || utf8 != 0)
        {
            hub_ws_fail(ws, in, 1007);
            return;
        }
    }

    ws->failed = true;
    in->type = HUB_WS_CLOSE;
}


/* Checks UTF-8 (RFC 3629) byte by byte: only shortest forms are allowed, no
 * surrogates, nothing above U+10FFFF. */

static bool
hub_ws_utf8_feed(uint32_t *state, const uint8_t *s, size_t len)
{
    size_t   i;
    uint32_t st, need;

    st = *state;

    for (i = 0; i < len; i++) {

        if (st == 0) {
            if (s[i] < 0x80) {
                continue;
            }

            st = hub_ws_utf8_lead(s[i]);

            if (st == 0) {
                return false;
            }

            continue;
        }

        if (s[i] < (st >> 8 & 0xff) || s[i] > (st >> 16 & 0xff)) {
            return false;
        }

        need = (st & 3) - 1;
        st = (need == 0) ? 0 : HUB_WS_UTF8(need, 0x80, 0xbf);
    }

    *state = st;

    return true;
}


static uint32_t
hub_ws_utf8_lead(uint8_t c)
{
    if (c >= 0xc2 && c <= 0xdf) {
        return HUB_WS_UTF8(1, 0x80, 0xbf);
    }

    if (c >= 0xe0 && c <= 0xef) {
        return HUB_WS_UTF8(2, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf);
    }

    if (c >= 0xf0 && c <= 0xf4) {
        return HUB_WS_UTF8(3, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf);
    }

    return 0;
}
