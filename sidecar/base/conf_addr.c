/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "conf_int.h"

#include <stdio.h>

#include <curl/curl.h>

#include "mem.h"
#include "core/base/pt_buf.h"
#include "core/base/pt_util.h"
#include "io/pt_conninfo.h"
#include "io/pt_redis_url.h"

#define CONF_API_URL_DEFAULT "https://graph.facebook.com/v23.0"

static pt_err_t conf_database_parts(conf_reader_t *r);
static pt_err_t conf_ports(conf_reader_t *r, const char *name,
                           const char *value);
static void     conf_quoted(pt_buf_t *b, const char *key, pt_str_t value);
static pt_err_t conf_redis_parts(conf_reader_t *r);
static void     conf_escaped(pt_buf_t *b, pt_str_t s);
static bool     conf_url_is(const char *s);
static bool     conf_origin_is(pt_str_t s);
static bool     conf_split(pt_str_t *rest, char sep, pt_str_t *out);
static pt_err_t conf_dup(pt_arena_t *a, pt_str_t s, const char **out);


pt_err_t
conf_database(conf_reader_t *r)
{
    pt_err_t err;
    pt_str_t url;

    err = conf_address(r, "DATABASE_URL", &url);
    if (err != PT_OK) {
        return err;
    }

    if (url.data == NULL) {
        return conf_database_parts(r);
    }

    if (!conf_conninfo_is(url.data)) {
        return conf_fault(r, "DATABASE_URL is not a PostgreSQL connection "
                             "string");
    }
    r->conf->database_url = url.data;

    return PT_OK;
}


pt_err_t
conf_roles(conf_reader_t *r)
{
    conf_t     *c = r->conf;
    pt_err_t    err;
    const char *prefix;

    err = conf_text(r, "PYTAKE_ROLE_PREFIX", &prefix);
    if (err != PT_OK || c->database_url == NULL) {
        return err;
    }

    if (prefix == NULL) {
        err = pt_conninfo_role(c->database_url, PT_DBROLE_APP, c->role_app);
        if (err == PT_OK) {
            err = pt_conninfo_role(c->database_url, PT_DBROLE_SERVICE,
                                   c->role_service);
        }
        return err;
    }

    if (!pt_dbrole_prefix_is(conf_str(prefix))) {
        return conf_fault(r,
                          "PYTAKE_ROLE_PREFIX is not a-z, 0-9 and _, at most "
                          "%d of them",
                          PT_DBROLE_PREFIX_MAX);
    }
    snprintf(c->role_prefix, sizeof(c->role_prefix), "%s", prefix);
    pt_dbrole_build(prefix, PT_DBROLE_APP, c->role_app);
    pt_dbrole_build(prefix, PT_DBROLE_SERVICE, c->role_service);

    return PT_OK;
}


pt_err_t
conf_redis(conf_reader_t *r)
{
    pt_err_t       err;
    pt_str_t       url;
    pt_redis_url_t parts;

    err = conf_address(r, "REDIS_URL", &url);
    if (err != PT_OK) {
        return err;
    }

    if (url.data == NULL) {
        return conf_redis_parts(r);
    }

    if (pt_redis_url_parse(url.data, &parts) != PT_OK) {
        return conf_fault(r, "REDIS_URL is not redis://[user:password@]host"
                             "[:port][/db] or unix:///path");
    }
    r->conf->redis_url = url.data;

    return PT_OK;
}


pt_err_t
conf_api_url(conf_reader_t *r)
{
    pt_str_t    s;
    pt_err_t    err;
    const char *v;

    if ((err = conf_text(r, "WHATSAPP_API_URL", &v)) != PT_OK) {
        return err;
    }

    s = conf_str(v != NULL ? v : CONF_API_URL_DEFAULT);
    while (s.len > 0 && s.data[s.len - 1] == '/') {
        s.len--;
    }

    err = conf_dup(r->arena, s, &r->conf->whatsapp_api_url);
    if (err != PT_OK) {
        return err;
    }

    if (!conf_url_is(r->conf->whatsapp_api_url)
        || strpbrk(r->conf->whatsapp_api_url, "?#") != NULL)
    {
        return conf_fault(
            r, "WHATSAPP_API_URL is not a base URL like " CONF_API_URL_DEFAULT);
    }

    return PT_OK;
}


pt_err_t
conf_status(conf_reader_t *r)
{
    pt_err_t    err;
    const char *v;

    if ((err = conf_text(r, "PYTAKE_STATUS_URL", &v)) != PT_OK) {
        return err;
    }

    if (v != NULL && !conf_status_is(v)) {
        return conf_fault(r, "PYTAKE_STATUS_URL is neither \"off\" nor an "
                             "address like " CONF_STATUS_URL);
    }
    r->conf->status_url = v != NULL ? v : CONF_STATUS_URL;

    return PT_OK;
}


bool
conf_status_is(const char *s)
{
    return strcmp(s, "off") == 0 || conf_url_is(s);
}


pt_err_t
conf_origins(conf_reader_t *r)
{
    pt_str_t    rest, one;
    pt_err_t    err;
    const char *v;

    if ((err = conf_text(r, "WEBSOCKET_ALLOWED_ORIGINS", &v)) != PT_OK
        || v == NULL) {
        return err;
    }

    rest = conf_str(v);

    while (conf_split(&rest, ',', &one)) {
        if (!conf_origin_is(one)) {
            return conf_fault(r,
                              "WEBSOCKET_ALLOWED_ORIGINS: \"%.*s\" is not "
                              "scheme://host[:port]",
                              (int) (one.len > 100 ? 100 : one.len), one.data);
        }
    }
    r->conf->websocket_origins = v;

    return PT_OK;
}


bool
conf_conninfo_is(const char *s)
{
    bool        password;
    const char *why;

    return pt_conninfo_check(&mem_heap, s, &why, &password) == PT_OK;
}


static pt_err_t
conf_database_parts(conf_reader_t *r)
{
    pt_buf_t    b;
    pt_err_t    err;
    pt_str_t    password, out;
    const char *host, *port, *name, *user;

    if ((err = conf_text(r, "DB_HOST", &host)) != PT_OK
        || (err = conf_text(r, "DB_PORT", &port)) != PT_OK
        || (err = conf_text(r, "DB_NAME", &name)) != PT_OK
        || (err = conf_text(r, "DB_USER", &user)) != PT_OK
        || (err = conf_secret(r, "DB_PASSWORD", &password)) != PT_OK)
    {
        return err;
    }

    if (port != NULL && (err = conf_ports(r, "DB_PORT", port)) != PT_OK) {
        return err;
    }

    if (host == NULL) {
        if (name != NULL || user != NULL || port != NULL) {
            return conf_fault(r, "DB_HOST is not set, but other DB_* are");
        }
        return PT_OK;
    }

    pt_buf_init(&b, r->arena, CONF_VALUE_MAX * 8);
    conf_quoted(&b, "host", conf_str(host));
    conf_quoted(&b, "port", conf_str(port != NULL ? port : "5432"));
    conf_quoted(&b, "dbname", conf_str(name != NULL ? name : "pytake"));
    conf_quoted(&b, "user", conf_str(user != NULL ? user : "pytake"));
    if (password.data != NULL) {
        conf_quoted(&b, "password", password);
    }
    pt_buf_char(&b, '\0');

    err = pt_buf_get(&b, &out);
    r->conf->database_url = out.data;

    return err;
}


/* Checks ports: one, or one for each host, separated by commas. */
static pt_err_t
conf_ports(conf_reader_t *r, const char *name, const char *value)
{
    int64_t  n;
    pt_str_t rest = conf_str(value), one;

    while (conf_split(&rest, ',', &one)) {
        if (!pt_i64_parse(one, &n) || n < 1 || n > 65535) {
            return conf_fault(r, "%s: \"%.60s\" is not a port", name, value);
        }
    }

    return PT_OK;
}


static void
conf_quoted(pt_buf_t *b, const char *key, pt_str_t value)
{
    size_t i;

    pt_buf_add(b, key, strlen(key));
    pt_buf_lit(b, "='");
    for (i = 0; i < value.len; i++) {
        if (value.data[i] == '\'' || value.data[i] == '\\') {
            pt_buf_char(b, '\\');
        }
        pt_buf_char(b, value.data[i]);
    }
    pt_buf_lit(b, "' ");
}


static pt_err_t
conf_redis_parts(conf_reader_t *r)
{
    bool        v6;
    pt_buf_t    b;
    pt_err_t    err;
    pt_str_t    password, out;
    const char *host, *port;

    if ((err = conf_text(r, "REDIS_HOST", &host)) != PT_OK
        || (err = conf_text(r, "REDIS_PORT", &port)) != PT_OK
        || (err = conf_secret(r, "REDIS_PASSWORD", &password)) != PT_OK)
    {
        return err;
    }

    if (port != NULL
        && (strchr(port, ',') != NULL
            || conf_ports(r, "REDIS_PORT", port) != PT_OK))
    {
        return conf_fault(r, "REDIS_PORT: \"%.60s\" is not a port", port);
    }

    if (host == NULL) {
        if (port != NULL) {
            return conf_fault(r, "REDIS_HOST is not set, but REDIS_PORT is");
        }
        return PT_OK;
    }

    if (strpbrk(host, "/@ ") != NULL) {
        return conf_fault(r, "REDIS_HOST: \"%.60s\" is not a host", host);
    }
    v6 = strchr(host, ':') != NULL && host[0] != '[';

    pt_buf_init(&b, r->arena, CONF_VALUE_MAX * 8);
    pt_buf_lit(&b, "redis://");
    if (password.data != NULL) {
        pt_buf_char(&b, ':');
        conf_escaped(&b, password);
        pt_buf_char(&b, '@');
    }
    pt_buf_add(&b, "[", v6 ? 1 : 0);
    pt_buf_add(&b, host, strlen(host));
    pt_buf_add(&b, "]", v6 ? 1 : 0);
    pt_buf_char(&b, ':');
    pt_buf_str_add(&b, conf_str(port != NULL ? port : "6379"));
    pt_buf_char(&b, '\0');

    err = pt_buf_get(&b, &out);
    r->conf->redis_url = out.data;

    return err;
}


static void
conf_escaped(pt_buf_t *b, pt_str_t s)
{
    char   hex[3];
    size_t i;

    for (i = 0; i < s.len; i++) {
        hex[0] = '%';
        pt_hex_build((const uint8_t *) s.data + i, 1, hex + 1);
        pt_buf_add(b, hex, 3);
    }
}


/* Returns whether s is an http:// or https:// URL; false, too, when out of
 * memory. */
static bool
conf_url_is(const char *s)
{
    CURLU    *u;
    CURLUcode rc;

    if (strncmp(s, "http://", 7) != 0 && strncmp(s, "https://", 8) != 0) {
        return false;
    }

    u = curl_url();
    if (u == NULL) {
        return false;
    }
    rc = curl_url_set(u, CURLUPART_URL, s, 0);
    curl_url_cleanup(u);

    return rc == CURLUE_OK;
}


static bool
conf_origin_is(pt_str_t s)
{
    size_t i, n;

    while (s.len > 0 && s.data[0] == ' ') {
        s.data++;
        s.len--;
    }
    while (s.len > 0 && s.data[s.len - 1] == ' ') {
        s.len--;
    }

    n = s.len > 7 && memcmp(s.data, "http://", 7) == 0    ? 7
        : s.len > 8 && memcmp(s.data, "https://", 8) == 0 ? 8
                                                          : 0;

    for (i = n; i < s.len; i++) {
        if (s.data[i] <= ' ' || s.data[i] == '/' || s.data[i] == '@'
            || s.data[i] == '?' || s.data[i] == '#' || s.data[i] == 127)
        {
            return false;
        }
    }

    return n != 0;
}


/* Cuts the next piece off *rest, up to sep.  false: nothing is left. */
static bool
conf_split(pt_str_t *rest, char sep, pt_str_t *out)
{
    const char *p;

    if (rest->data == NULL) {
        return false;
    }

    p = memchr(rest->data, sep, rest->len);
    *out = *rest;

    if (p == NULL) {
        *rest = PT_STR_NULL;
        return true;
    }

    out->len = (size_t) (p - rest->data);
    rest->data = p + 1;
    rest->len -= out->len + 1;

    return true;
}


static pt_err_t
conf_dup(pt_arena_t *a, pt_str_t s, const char **out)
{
    pt_err_t err;
    pt_str_t copy;

    err = pt_arena_dup(a, s, &copy);
    *out = copy.data;

    return err;
}
