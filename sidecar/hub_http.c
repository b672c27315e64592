/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "hub_http.h"

#include <stdio.h>

#define HTTP_WS_PATH "/api/v1/conversations/ws"
#define HTTP_PROTOCOL "pytake.v1"
#define HTTP_SPREAD_MS 8000u
#define HTTP_SPREAD_MAX_MS 600000

typedef struct {
    pt_str_t method;
    pt_str_t path;
    pt_str_t query;
    pt_str_t upgrade;
    pt_str_t connection;
    pt_str_t key;
    pt_str_t version;
    pt_str_t protocol;
    pt_str_t user;
    pt_str_t tenant;
    pt_str_t session;
    pt_str_t exp;
    pt_str_t role;
    pt_str_t addr;
    pt_str_t worker;
} hub_http_raw_t;

typedef struct {
    const char *name; /* lower case */
    size_t      at;   /* in hub_http_raw_t */
} hub_http_header_t;

typedef struct {
    int         status;
    const char *code;
    const char *title;
    const char *header; /* with CRLF */
} hub_http_refusal_t;

static int  hub_http_lines(pt_str_t head, hub_http_raw_t *raw);
static bool hub_http_line(pt_str_t *rest, pt_str_t *line);
static int  hub_http_request(pt_str_t line, hub_http_raw_t *raw);
static int  hub_http_field(pt_str_t line, hub_http_raw_t *raw);
static bool hub_http_word(pt_str_t *rest, char end, pt_str_t *out);
static bool hub_http_is(pt_str_t s, const char *lower);
static bool hub_http_list_has(pt_str_t list, const char *lower);
static bool hub_http_item(pt_str_t *rest, pt_str_t *item);
static int  hub_http_route(const hub_http_raw_t *raw, hub_http_t *out);
static int  hub_http_upgrade(const hub_http_raw_t *raw, hub_http_t *out);
static void hub_http_protocol(pt_str_t offered, hub_http_t *out);
static bool hub_http_claims(const hub_http_raw_t *raw, hub_http_t *out);
static bool hub_http_since(pt_str_t query, hub_http_t *out);
static bool hub_http_arg(pt_str_t query, const char *name, pt_str_t *out);
static bool hub_http_number(pt_str_t s, int64_t max, int64_t *out);

static const hub_http_header_t hub_http_headers[] = {
    { "upgrade", offsetof(hub_http_raw_t, upgrade) },
    { "connection", offsetof(hub_http_raw_t, connection) },
    { "sec-websocket-key", offsetof(hub_http_raw_t, key) },
    { "sec-websocket-version", offsetof(hub_http_raw_t, version) },
    { "sec-websocket-protocol", offsetof(hub_http_raw_t, protocol) },
    { "x-pytake-user", offsetof(hub_http_raw_t, user) },
    { "x-pytake-tenant", offsetof(hub_http_raw_t, tenant) },
    { "x-pytake-session", offsetof(hub_http_raw_t, session) },
    { "x-pytake-exp", offsetof(hub_http_raw_t, exp) },
    { "x-pytake-role", offsetof(hub_http_raw_t, role) },
    { "x-pytake-addr", offsetof(hub_http_raw_t, addr) },
    { "x-pytake-worker", offsetof(hub_http_raw_t, worker) },
};

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


size_t
hub_http_end(const char *text, size_t len, size_t *from)
{
    size_t i;

    for (i = *from; i < len; i++) {
        if (text[i] == '\n'
            && ((i >= 1 && text[i - 1] == '\n')
                || (i >= 3 && text[i - 1] == '\r' && text[i - 2] == '\n')))
        {
            *from = i;
            return i + 1;
        }
    }

    *from = len;

    return 0;
}


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
hub_http_refuse(int status, char out[HUB_HTTP_REPLY_MAX])
{
    int                       n, len;
    size_t                    i;
    char                      body[256];
    const hub_http_refusal_t *r;

    r = &hub_http_refusals[0];

    for (i = 0; i < PT_COUNT(hub_http_refusals); i++) {
        if (hub_http_refusals[i].status == status) {
            r = &hub_http_refusals[i];
        }
    }

    len = snprintf(
        body, sizeof(body),
        "{\"type\":\"https://pytake.net/problems/%s\",\"title\":\"%s\","
        "\"status\":%d,\"code\":\"%s\"}",
        r->code, r->title, r->status, r->code);

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
hub_http_lines(pt_str_t head, hub_http_raw_t *raw)
{
    int      status;
    size_t   n;
    pt_str_t rest, line;

    rest = head;

    if (!hub_http_line(&rest, &line)) {
        return 400;
    }

    status = hub_http_request(line, raw);

    for (n = 0; status == 0; n++) {
        if (!hub_http_line(&rest, &line)) {
            return 400;
        }

        if (line.len == 0) {
            return 0;
        }

        if (n == HUB_HTTP_HEADERS_MAX) {
            return 431;
        }

        status = hub_http_field(line, raw);
    }

    return status;
}


static bool
hub_http_line(pt_str_t *rest, pt_str_t *line)
{
    const char *nl;

    nl = (rest->len == 0) ? NULL : memchr(rest->data, '\n', rest->len);

    if (nl == NULL) {
        return false;
    }

    line->data = rest->data;
    line->len = (size_t) (nl - rest->data);
    rest->data = nl + 1;
    rest->len -= line->len + 1;

    if (line->len > 0 && line->data[line->len - 1] == '\r') {
        line->len--;
    }

    return memchr(line->data, '\0', line->len) == NULL;
}


static int
hub_http_request(pt_str_t line, hub_http_raw_t *raw)
{
    pt_str_t    target, rest;
    const char *q;

    rest = line;

    if (!hub_http_word(&rest, ' ', &raw->method)
        || !hub_http_word(&rest, ' ', &target) || !pt_str_is(rest, "HTTP/1.1")
        || target.len == 0 || target.data[0] != '/')
    {
        return 400;
    }

    raw->path = target;
    q = memchr(target.data, '?', target.len);

    if (q != NULL) {
        raw->path.len = (size_t) (q - target.data);
        raw->query.data = q + 1;
        raw->query.len = target.len - raw->path.len - 1;
    }

    return 0;
}


/* A name that comes twice is refused: which of them did NGINX mean? */

static int
hub_http_field(pt_str_t line, hub_http_raw_t *raw)
{
    size_t   i;
    pt_str_t name, value, *slot;

    value = line;

    if (!hub_http_word(&value, ':', &name) || name.len == 0
        || name.data[0] == ' ' || name.data[0] == '\t'
        || name.data[name.len - 1] == ' ')
    {
        return 400;
    }

    while (value.len > 0 && (value.data[0] == ' ' || value.data[0] == '\t')) {
        value.data++;
        value.len--;
    }

    while (value.len > 0
           && (value.data[value.len - 1] == ' '
               || value.data[value.len - 1] == '\t'))
    {
        value.len--;
    }

    for (i = 0; i < PT_COUNT(hub_http_headers); i++) {
        if (!hub_http_is(name, hub_http_headers[i].name)) {
            continue;
        }

        slot = (pt_str_t *) (void *) ((char *) raw + hub_http_headers[i].at);

        if (slot->data != NULL) {
            return 400;
        }

        *slot = value;
        break;
    }

    return 0;
}


/* Up to, and without, end, which is eaten. */

static bool
hub_http_word(pt_str_t *rest, char end, pt_str_t *out)
{
    const char *at;

    at = (rest->len == 0) ? NULL : memchr(rest->data, end, rest->len);

    if (at == NULL) {
        return false;
    }

    out->data = rest->data;
    out->len = (size_t) (at - rest->data);
    rest->data = at + 1;
    rest->len -= out->len + 1;

    return true;
}


static bool
hub_http_is(pt_str_t s, const char *lower)
{
    size_t i;
    char   c;

    for (i = 0; i < s.len; i++) {
        c = s.data[i];
        c = (c >= 'A' && c <= 'Z') ? (char) (c + 32) : c;

        if (c != lower[i]) {
            return false; /* also at lower's end */
        }
    }

    return lower[i] == '\0';
}


static bool
hub_http_list_has(pt_str_t list, const char *lower)
{
    pt_str_t item;

    while (hub_http_item(&list, &item)) {
        if (hub_http_is(item, lower)) {
            return true;
        }
    }

    return false;
}


/* The next item of a comma-separated list, trimmed. */

static bool
hub_http_item(pt_str_t *rest, pt_str_t *item)
{
    if (rest->len == 0) {
        return false;
    }

    if (!hub_http_word(rest, ',', item)) {
        *item = *rest;
        rest->len = 0;
    }

    while (item->len > 0 && (item->data[0] == ' ' || item->data[0] == '\t')) {
        item->data++;
        item->len--;
    }

    while (item->len > 0
           && (item->data[item->len - 1] == ' '
               || item->data[item->len - 1] == '\t'))
    {
        item->len--;
    }

    return true;
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


/* pytake.v1 is ours.  Of other versions the first is echoed, because browsers
 * drop a connection without an echo and would never see close 4007. */

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


/* All of them, or none (the first frame will tell). */

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

    if (raw->role.len > 0) {
        if (raw->role.len >= sizeof(c->role)) {
            return false;
        }

        memcpy(c->role, raw->role.data, raw->role.len);
    }

    return pt_uuid_parse(raw->user, &c->sub)
           && pt_uuid_parse(raw->tenant, &c->tenant_id)
           && pt_uuid_parse(raw->session, &c->sid)
           && hub_http_number(raw->exp, INT64_MAX / 1000000, &c->exp);
}


/* ?since=4711&id=<uuid>, for those who authenticate by header. */

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
    return s.len > 0 && pt_parse_i64(s, out) && *out >= 0 && *out <= max;
}
