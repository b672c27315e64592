/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "hub_http_int.h"
#include "pytake.h"

#include <stdio.h>

#define HTTP_WS_PATH "/api/v1/conversations/ws"
#define HTTP_PROTOCOL "pytake.v1"
#define HTTP_SPREAD_MS 8000u
#define HTTP_SPREAD_MAX_MS 600000

typedef struct {
    int         status;
    const char *code;
    const char *title;
    const char *header; /* lines of their own, each with CRLF, or "" */
} hub_http_refusal_t;

static int  hub_http_route(const hub_http_raw_t *raw, hub_http_t *out);
static int  hub_http_upgrade(const hub_http_raw_t *raw, hub_http_t *out);
static void hub_http_protocol(pt_str_t offered, hub_http_t *out);
static bool hub_http_claims(const hub_http_raw_t *raw, hub_http_t *out);
static bool hub_http_since(pt_str_t query, hub_http_t *out);
static bool hub_http_arg(pt_str_t query, const char *name, pt_str_t *out);
static bool hub_http_number(pt_str_t s, int64_t max, int64_t *out);

static const hub_http_refusal_t hub_http_refusals[] = {
    { 400, "bad_request", "Bad request", "" },
    { 404, "not_found", "Not found", "" },
    { 405, "method_not_allowed", "Method not allowed", "" },
    { 408, "request_timeout", "The request did not come in time", "" },
    { 426, "upgrade_required", "This is a WebSocket",
      "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" },
    { 431, "headers_too_large", "Headers too large", "" },
    { 500, "internal_error", "Internal error", "" },
    { 503, "overloaded", "Too many connections, try again",
      "Retry-After: 2\r\n" },
};


int
hub_http_parse(pt_str_t head, hub_http_t *out)
{
    int            status;
    hub_http_raw_t raw;

    memset(&raw, 0, sizeof(raw));
    memset(out, 0, sizeof(*out));

    if (head.len > HUB_HTTP_MAX) {
        return 431;
    }

    status = hub_http_lines(head, &raw);

    return status != 0 ? status : hub_http_route(&raw, out);
}


size_t
hub_http_accept(const hub_http_t *r, char out[HUB_HTTP_REPLY_MAX])
{
    int n;

    n = snprintf(out, HUB_HTTP_REPLY_MAX,
                 "HTTP/1.1 101 Switching Protocols\r\n"
                 "Upgrade: websocket\r\n"
                 "Connection: Upgrade\r\n"
                 "Sec-WebSocket-Accept: %.*s\r\n"
                 "%s%.*s%s\r\n",
                 (int) HUB_WS_ACCEPT_LEN, r->accept,
                 r->protocol.len > 0 ? "Sec-WebSocket-Protocol: " : "",
                 (int) r->protocol.len,
                 r->protocol.len > 0 ? r->protocol.data : "",
                 r->protocol.len > 0 ? "\r\n" : "");

    return (n > 0 && (size_t) n < HUB_HTTP_REPLY_MAX) ? (size_t) n : 0;
}


size_t
hub_http_refuse(int status, pt_str_t head, char out[HUB_HTTP_REPLY_MAX])
{
    int                       n, len;
    size_t                    i;
    char                      body[512];
    hub_http_raw_t            raw;
    const hub_http_refusal_t *r;

    r = &hub_http_refusals[0];
    memset(&raw, 0, sizeof(raw));

    /* The request id may have come whatever else is wrong with the head. */
    (void) hub_http_lines(head, &raw);

    if (!pytake_request_id_is(raw.request_id)) {
        raw.request_id = PT_STR("");
    }

    for (i = 0; i < PT_COUNT(hub_http_refusals); i++) {
        if (hub_http_refusals[i].status == status) {
            r = &hub_http_refusals[i];
        }
    }

    len = snprintf(
        body, sizeof(body),
        "{\"type\":\"https://pytake.net/problems/%s\",\"title\":\"%s\","
        "\"status\":%d,\"detail\":\"%s\",\"code\":\"%s\","
        "\"request_id\":\"%.*s\"}",
        r->code, r->title, r->status, r->title, r->code,
        (int) raw.request_id.len, raw.request_id.data);

    n = snprintf(out, HUB_HTTP_REPLY_MAX,
                 "HTTP/1.1 %d %s\r\n"
                 "Content-Type: application/problem+json\r\n"
                 "Content-Length: %d\r\n"
                 "%s"
                 "Connection: close\r\n"
                 "\r\n"
                 "%s",
                 r->status, r->title, len, r->header, body);

    return (n > 0 && (size_t) n < HUB_HTTP_REPLY_MAX) ? (size_t) n : 0;
}


size_t
hub_http_head(const char *type, size_t len, char out[HUB_HTTP_REPLY_MAX])
{
    int n;

    n = snprintf(out, HUB_HTTP_REPLY_MAX,
                 "HTTP/1.1 200 OK\r\n"
                 "Content-Type: %s\r\n"
                 "Content-Length: %zu\r\n"
                 "Connection: close\r\n"
                 "\r\n",
                 type, len);

    return (n > 0 && (size_t) n < HUB_HTTP_REPLY_MAX) ? (size_t) n : 0;
}


static int
hub_http_route(const hub_http_raw_t *raw, hub_http_t *out)
{
    bool     get;
    int64_t  n;
    pt_str_t arg;

    get = pt_str_is(raw->method, "GET");

    if (pt_str_is(raw->path, "/health") || pt_str_is(raw->path, "/metrics")) {
        out->type = pt_str_is(raw->path, "/health") ? HUB_HTTP_HEALTH
                                                    : HUB_HTTP_METRICS;
        return get ? 0 : 405;
    }

    if (pt_str_is(raw->path, "/drain")) {
        if (!pt_str_is(raw->method, "POST")) {
            return 405;
        }

        out->type = HUB_HTTP_DRAIN;
        out->spread_ms = HTTP_SPREAD_MS;

        if (!hub_http_arg(raw->query, "pid", &arg)
            || !hub_http_number(arg, INT32_MAX, &n) || n == 0)
        {
            return 400;
        }

        out->worker = (int32_t) n;

        if (hub_http_arg(raw->query, "spread_ms", &arg)) {
            if (!hub_http_number(arg, HTTP_SPREAD_MAX_MS, &n)) {
                return 400;
            }

            out->spread_ms = (uint32_t) n;
        }

        return 0;
    }

    if (!pt_str_is(raw->path, HTTP_WS_PATH)) {
        return 404;
    }

    return get ? hub_http_upgrade(raw, out) : 405;
}


static int
hub_http_upgrade(const hub_http_raw_t *raw, hub_http_t *out)
{
    int64_t n;

    out->type = HUB_HTTP_UPGRADE;

    if (!hub_http_list_has(raw->upgrade, "websocket")
        || !hub_http_list_has(raw->connection, "upgrade")
        || !pt_str_is(raw->version, "13"))
    {
        return 426;
    }

    if (raw->key.data == NULL || hub_ws_accept(raw->key, out->accept) != PT_OK)
    {
        return 400;
    }

    if (raw->worker.data != NULL) {
        if (!hub_http_number(raw->worker, INT32_MAX, &n)) {
            return 400;
        }

        out->worker = (int32_t) n;
    }

    hub_http_protocol(raw->protocol, out);
    out->addr = raw->addr;

    if (!hub_http_claims(raw, out) || !hub_http_since(raw->query, out)) {
        return 400;
    }

    return 0;
}


/* Chooses the subprotocol (RFC 6455, section 4.2.2).  pytake.v1 is the one that
 * the hub speaks.  If only other versions are offered, the first is echoed,
 * because browsers fail a connection without an echo and would not see the
 * close code 4007. */

static void
hub_http_protocol(pt_str_t offered, hub_http_t *out)
{
    pt_str_t item;

    while (hub_http_item(&offered, &item)) {
        if (pt_str_is(item, HTTP_PROTOCOL)) {
            out->protocol = item;
            out->unsupported = false;
            return;
        }

        if (item.len > 8 && item.len < 32 && out->protocol.len == 0
            && memcmp(item.data, "pytake.v", 8) == 0
            && hub_http_number((pt_str_t){ item.data + 8, item.len - 8 },
                               INT32_MAX, &(int64_t){ 0 }))
        {
            out->protocol = item;
            out->unsupported = true;
        }
    }
}


/* Reads who the client is.  NGINX sends all four headers, or none when the
 * client is to authenticate by its first frame; false: some are missing. */

static bool
hub_http_claims(const hub_http_raw_t *raw, hub_http_t *out)
{
    pt_claims_t *c;

    c = &out->claims;

    if (raw->user.len == 0 && raw->tenant.len == 0 && raw->session.len == 0
        && raw->exp.len == 0)
    {
        return true;
    }

    out->has_claims = true;

    return pt_uuid_parse(raw->user, &c->sub)
           && pt_uuid_parse(raw->tenant, &c->tenant_id)
           && pt_uuid_parse(raw->session, &c->sid)
           && hub_http_number(raw->exp, INT64_MAX / 1000000, &c->exp);
}


/* Reads ?since=4711&id=<uuid>, by which a client resumes that authenticates by
 * header. */

static bool
hub_http_since(pt_str_t query, hub_http_t *out)
{
    pt_str_t v;

    if (!hub_http_arg(query, "since", &v)) {
        return true;
    }

    out->has_since = true;

    if (!hub_http_number(v, INT64_MAX, &out->since.seq)) {
        return false;
    }

    return !hub_http_arg(query, "id", &v) || pt_uuid_parse(v, &out->since.id);
}


static bool
hub_http_arg(pt_str_t query, const char *name, pt_str_t *out)
{
    pt_str_t pair, key;

    while (query.len > 0) {
        if (!hub_http_word(&query, '&', &pair)) {
            pair = query;
            query.len = 0;
        }

        if (hub_http_word(&pair, '=', &key) && pt_str_is(key, name)) {
            *out = pair;
            return true;
        }
    }

    return false;
}


static bool
hub_http_number(pt_str_t s, int64_t max, int64_t *out)
{
    return s.len > 0 && pt_i64_parse(s, out) && *out >= 0 && *out <= max;
}
