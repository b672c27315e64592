/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include <assert.h>

#include "pt_redis_url.h"


static pt_err_t pt_redis_url_tcp(const char *p, pt_redis_url_t *out);
static pt_err_t pt_redis_url_unix(const char *p, pt_redis_url_t *out);
static pt_err_t pt_redis_url_host(const char *p, size_t len,
                                  pt_redis_url_t *out);
static bool pt_redis_url_number(const char *p, size_t len, int max, int *out);
static bool pt_redis_url_decode(const char *p, size_t len, char *out,
                                size_t size);
static int  pt_redis_url_hex(char c);


pt_err_t
pt_redis_url_parse(const char *url, pt_redis_url_t *out)
{
    assert(url != NULL && out != NULL);
    memset(out, 0, sizeof(*out));
    out->port = PT_REDIS_PORT_DEFAULT;
    if (strncmp(url, "redis://", 8) == 0) {
        return pt_redis_url_tcp(url + 8, out);
    }
    if (strncmp(url, "unix://", 7) == 0) {
        return pt_redis_url_unix(url + 7, out);
    }
    return PT_EVALIDATION;
}


static pt_err_t
pt_redis_url_tcp(const char *p, pt_redis_url_t *out)
{
    size_t      len, user;
    const char *at, *colon, *slash;

    slash = strchr(p, '/');
    len = (slash == NULL) ? strlen(p) : (size_t) (slash - p);
    at = memchr(p, '@', len);
    if (at != NULL) {
        colon = memchr(p, ':', (size_t) (at - p));
        if (colon == NULL) {
            return PT_EVALIDATION;
        }
        user = (size_t) (colon - p);
        if (!pt_redis_url_decode(p, user, out->user, sizeof(out->user))
            || !pt_redis_url_decode(colon + 1, (size_t) (at - colon - 1),
                                    out->password, sizeof(out->password)))
        {
            return PT_EVALIDATION;
        }
        len -= (size_t) (at + 1 - p);
        p = at + 1;
    }
    if (slash != NULL && slash[1] != '\0'
        && !pt_redis_url_number(slash + 1, strlen(slash + 1), PT_REDIS_DB_MAX,
                                &out->db))
    {
        return PT_EVALIDATION;
    }
    return pt_redis_url_host(p, len, out);
}


static pt_err_t
pt_redis_url_unix(const char *p, pt_redis_url_t *out)
{
    bool        ok;
    size_t      len;
    const char *query;

    out->is_unix = true;
    query = strchr(p, '?');
    len = (query == NULL) ? strlen(p) : (size_t) (query - p);
    if (len < 2 || p[0] != '/'
        || !pt_redis_url_decode(p, len, out->host, PT_REDIS_PATH_MAX + 1))
    {
        return PT_EVALIDATION;
    }
    while (query != NULL) {
        p = query + 1;
        query = strchr(p, '&');
        len = (query == NULL) ? strlen(p) : (size_t) (query - p);
        if (len > 9 && memcmp(p, "password=", 9) == 0) {
            ok = pt_redis_url_decode(p + 9, len - 9, out->password,
                                     sizeof(out->password));
        } else if (len > 3 && memcmp(p, "db=", 3) == 0) {
            ok = pt_redis_url_number(p + 3, len - 3, PT_REDIS_DB_MAX, &out->db);
        } else {
            ok = false;
        }
        if (!ok) {
            return PT_EVALIDATION;
        }
    }
    return PT_OK;
}


static pt_err_t
pt_redis_url_host(const char *p, size_t len, pt_redis_url_t *out)
{
    size_t      host;
    const char *end, *colon;

    if (len > 0 && p[0] == '[') {
        end = memchr(p, ']', len);
        if (end == NULL) {
            return PT_EVALIDATION;
        }
        host = (size_t) (end - p - 1);
        colon = end + 1;
        len -= host + 2;
        p++;
    } else {
        colon = memchr(p, ':', len);
        host = (colon == NULL) ? len : (size_t) (colon - p);
        colon = p + host;
        len -= host;
    }
    if (host == 0 || host >= sizeof(out->host) || memchr(p, '@', host)) {
        return PT_EVALIDATION;
    }
    memcpy(out->host, p, host);
    out->host[host] = '\0';
    if (len > 0
        && (colon[0] != ':'
            || !pt_redis_url_number(colon + 1, len - 1, 65535, &out->port)
            || out->port == 0))
    {
        return PT_EVALIDATION;
    }
    return PT_OK;
}


static bool
pt_redis_url_number(const char *p, size_t len, int max, int *out)
{
    int    n = 0;
    size_t i;

    for (i = 0; i < len; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return false;
        }
        n = n * 10 + (p[i] - '0');
        if (n > max) {
            return false;
        }
    }
    *out = n;
    return len > 0;
}


static bool
pt_redis_url_decode(const char *p, size_t len, char *out, size_t size)
{
    int    high, low;
    char   c;
    size_t i, n = 0;

    for (i = 0; i < len; i++) {
        c = p[i];
        if (c == '%') {
            if (len - i < 3) {
                return false;
            }
            high = pt_redis_url_hex(p[i + 1]);
            low = pt_redis_url_hex(p[i + 2]);
            if (high < 0 || low < 0 || (high == 0 && low == 0)) {
                return false;
            }
            c = (char) (high * 16 + low);
            i += 2;
        }
        if (n + 1 >= size) {
            return false;
        }
        out[n++] = c;
    }
    out[n] = '\0';
    return true;
}


static int
pt_redis_url_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char) (c | 0x20);
    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}
