/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_http_field.c: splits the head of a request into lines, fields and words
 * (RFC 9112, sections 3 and 5).
 */

#include "hub_http_int.h"

#include <assert.h>

typedef struct {
    const char *name; /* lower case */
    size_t      at;   /* offset in hub_http_raw_t */
} hub_http_header_t;

static bool hub_http_line(pt_str_t *rest, pt_str_t *line);
static int  hub_http_request(pt_str_t line, hub_http_raw_t *raw);
static int  hub_http_field(pt_str_t line, hub_http_raw_t *raw);
static bool hub_http_is(pt_str_t s, const char *lower);

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
    { "x-pytake-addr", offsetof(hub_http_raw_t, addr) },
    { "x-pytake-worker", offsetof(hub_http_raw_t, worker) },
    { "x-request-id", offsetof(hub_http_raw_t, request_id) },
};


size_t
hub_http_end(const char *text, size_t len, size_t *from)
{
    size_t i;

    assert(*from <= len);

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


bool
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


bool
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


bool
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


/* A field that comes twice is refused, because it is not clear which of the two
 * NGINX has checked. */

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


static bool
hub_http_is(pt_str_t s, const char *lower)
{
    size_t i;
    char   c;

    for (i = 0; i < s.len; i++) {
        c = s.data[i];
        c = (c >= 'A' && c <= 'Z') ? (char) (c + 32) : c;

        if (c != lower[i]) {
            return false; /* This is so, too, when lower is shorter. */
        }
    }

    return lower[i] == '\0';
}
