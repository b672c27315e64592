/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "conf_int.h"

#include <assert.h>

#include "core/trust/pt_jwt.h"
#include "core/base/pt_util.h"

static pt_err_t conf_secrets(conf_reader_t *r);
static pt_err_t conf_rest(conf_reader_t *r);
static pt_err_t conf_bool(conf_reader_t *r, const char *name, bool *out);
static pt_err_t conf_duration(conf_reader_t *r, const char *name, int64_t *out);
static pt_err_t conf_log_level(conf_reader_t *r);
static pt_err_t conf_key(conf_reader_t *r);


pt_err_t
conf_load(conf_t *conf, pt_arena_t *a, unsigned needs, const char *database_url,
          char error[CONF_ERROR_MAX])
{
    pt_err_t      err;
    conf_reader_t r = { conf, a, error };

    assert(conf != NULL && a != NULL && error != NULL);
    memset(conf, 0, sizeof(*conf));
    error[0] = '\0';
    conf->jwt_expiry_s = 24 * 3600;
    conf->jwt_refresh_expiry_s = 168 * 3600;
    conf->websocket_enabled = true;
    conf->websocket_ping_s = 30;
    conf->websocket_pong_s = 60;
    conf->log_level = PT_LOG_INFO;

    if (database_url != NULL) {
        if (!conf_conninfo_is(database_url)) {
            return conf_fault(&r, "--database-url is not a PostgreSQL "
                                  "connection string");
        }
        conf->database_url = database_url;
    } else if ((err = conf_database(&r)) != PT_OK) {
        return err;
    }

    if ((err = conf_roles(&r)) != PT_OK || (err = conf_redis(&r)) != PT_OK
        || (err = conf_secrets(&r)) != PT_OK || (err = conf_rest(&r)) != PT_OK)
    {
        return err;
    }

    if ((needs & CONF_NEED_DATABASE) && conf->database_url == NULL) {
        return conf_fault(&r, "DATABASE_URL (or DB_HOST, DB_NAME, DB_USER, "
                              "DB_PASSWORD) is not set");
    }

    if ((needs & CONF_NEED_REDIS) && conf->redis_url == NULL) {
        return conf_fault(&r, "REDIS_URL (or REDIS_HOST) is not set");
    }

    if ((needs & CONF_NEED_JWT) && conf->jwt_secret.data == NULL) {
        return conf_fault(&r, "JWT_SECRET (or JWT_SECRET_FILE) is not set: "
                              "the hub checks tokens by it");
    }

    if ((needs & CONF_NEED_KEY) && !conf->has_key) {
        return conf_fault(&r,
                          "PYTAKE_ENCRYPTION_KEY (or "
                          "PYTAKE_ENCRYPTION_KEY_FILE) is not set: make one "
                          "with \"openssl rand -hex 32\"");
    }

    return PT_OK;
}


pt_err_t
conf_fingerprints(const conf_t *conf, const char *identity,
                  pt_fingerprints_t *out)
{
    pt_str_t v[PT_FINGERPRINTS];

    memset(v, 0, sizeof(v));
    v[PT_FINGERPRINT_JWT_SECRET] = conf->jwt_secret;
    v[PT_FINGERPRINT_APP_SECRET] = conf->app_secret;
    v[PT_FINGERPRINT_VERIFY_TOKEN] = conf->webhook_verify_token;

    if (conf->has_key) {
        v[PT_FINGERPRINT_ENCRYPTION_KEY] =
            (pt_str_t){ (const char *) conf->key, sizeof(conf->key) };
    }
    if (conf->database_url != NULL) {
        v[PT_FINGERPRINT_DATABASE] = conf_str(conf->database_url);
    }
    if (conf->redis_url != NULL) {
        v[PT_FINGERPRINT_REDIS] = conf_str(conf->redis_url);
    }
    if (identity != NULL) {
        v[PT_FINGERPRINT_IDENTITY] = conf_str(identity);
    }

    return pt_fingerprint_make(v, out);
}


static pt_err_t
conf_secrets(conf_reader_t *r)
{
    pt_err_t err;
    conf_t  *c = r->conf;

    if ((err = conf_secret(r, "JWT_SECRET", &c->jwt_secret)) != PT_OK
        || (err = conf_secret(r, "WHATSAPP_WEBHOOK_VERIFY_TOKEN",
                              &c->webhook_verify_token))
               != PT_OK
        || (err = conf_secret(r, "WHATSAPP_APP_SECRET", &c->app_secret))
               != PT_OK
        || (err = conf_key(r)) != PT_OK)
    {
        return err;
    }

    if (c->jwt_secret.data != NULL && c->jwt_secret.len < PT_JWT_SECRET_MIN) {
        return conf_fault(r,
                          "JWT_SECRET has %zu bytes, at least %d are "
                          "needed",
                          c->jwt_secret.len, PT_JWT_SECRET_MIN);
    }

    return PT_OK;
}


static pt_err_t
conf_rest(conf_reader_t *r)
{
    pt_err_t err;
    conf_t  *c = r->conf;

    if ((err = conf_duration(r, "JWT_EXPIRY", &c->jwt_expiry_s)) != PT_OK
        || (err = conf_duration(r, "JWT_REFRESH_EXPIRY",
                                &c->jwt_refresh_expiry_s))
               != PT_OK
        || (err = conf_api_url(r)) != PT_OK
        || (err = conf_text(r, "WHATSAPP_BUSINESS_ACCOUNT_ID",
                            &c->business_account_id))
               != PT_OK
        || (err = conf_bool(r, "WEBSOCKET_ENABLED", &c->websocket_enabled))
               != PT_OK
        || (err = conf_origins(r)) != PT_OK
        || (err = conf_duration(r, "WEBSOCKET_PING_INTERVAL",
                                &c->websocket_ping_s))
               != PT_OK
        || (err = conf_duration(r, "WEBSOCKET_PONG_TIMEOUT",
                                &c->websocket_pong_s))
               != PT_OK
        || (err = conf_text(r, "PYTAKE_HUB_SOCKET", &c->hub_socket)) != PT_OK
        || (err = conf_text(r, "PYTAKE_HUB_GROUP", &c->hub_group)) != PT_OK
        || (err = conf_status(r)) != PT_OK
        || (err = conf_bool(r, "CORS_ENABLED", &c->cors_enabled)) != PT_OK)
    {
        return err;
    }

    if (c->hub_socket == NULL) {
        c->hub_socket = CONF_HUB_SOCKET;
    }

    if (c->jwt_refresh_expiry_s < c->jwt_expiry_s) {
        return conf_fault(r, "JWT_REFRESH_EXPIRY is shorter than JWT_EXPIRY");
    }

    if (c->websocket_pong_s <= c->websocket_ping_s) {
        return conf_fault(r, "WEBSOCKET_PONG_TIMEOUT is not longer than "
                             "WEBSOCKET_PING_INTERVAL");
    }

    return conf_log_level(r);
}


static pt_err_t
conf_bool(conf_reader_t *r, const char *name, bool *out)
{
    size_t      i;
    pt_err_t    err;
    const char *v;

    static const char *const yes[] = { "true", "1", "on", "yes" };
    static const char *const no[] = { "false", "0", "off", "no" };

    if ((err = conf_text(r, name, &v)) != PT_OK || v == NULL) {
        return err;
    }

    for (i = 0; i < PT_COUNT(yes); i++) {
        if (strcmp(v, yes[i]) == 0) {
            *out = true;
            return PT_OK;
        }
        if (strcmp(v, no[i]) == 0) {
            *out = false;
            return PT_OK;
        }
    }

    return conf_fault(r, "%s: \"%.60s\" is not true or false", name, v);
}


/* Reads a duration of one number and one unit, 90s, 15m, 24h or 7d, in
 * seconds. */
static pt_err_t
conf_duration(conf_reader_t *r, const char *name, int64_t *out)
{
    size_t      len;
    int64_t     n, unit;
    pt_err_t    err;
    const char *v;

    if ((err = conf_text(r, name, &v)) != PT_OK || v == NULL) {
        return err;
    }

    len = strlen(v);
    assert(len > 0);

    switch (v[len - 1]) {
    case 's':
        unit = 1;
        break;
    case 'm':
        unit = 60;
        break;
    case 'h':
        unit = 3600;
        break;
    case 'd':
        unit = 86400;
        break;
    default:
        unit = 0;
    }

    if (unit == 0 || !pt_i64_parse((pt_str_t){ v, len - 1 }, &n)) {
        return conf_fault(r,
                          "%s: \"%.60s\" is not a duration like 90s, 15m, "
                          "24h or 7d",
                          name, v);
    }

    if (n < 1 || n > CONF_DURATION_MAX_S / unit) {
        return conf_fault(r, "%s: \"%.60s\" is not between 1s and 366d", name,
                          v);
    }
    *out = n * unit;

    return PT_OK;
}


static pt_err_t
conf_log_level(conf_reader_t *r)
{
    size_t      i;
    pt_err_t    err;
    const char *v;

    static const struct {
        const char    *name;
        pt_log_level_t level;
    } levels[] = {
        { "debug", PT_LOG_DEBUG },   { "info", PT_LOG_INFO },
        { "notice", PT_LOG_NOTICE }, { "warn", PT_LOG_WARN },
        { "warning", PT_LOG_WARN },  { "error", PT_LOG_ERR },
    };

    if ((err = conf_text(r, "LOG_LEVEL", &v)) != PT_OK || v == NULL) {
        return err;
    }

    for (i = 0; i < PT_COUNT(levels); i++) {
        if (strcmp(v, levels[i].name) == 0) {
            r->conf->log_level = levels[i].level;
            return PT_OK;
        }
    }

    return conf_fault(r,
                      "LOG_LEVEL: \"%.60s\" is not debug, info, notice, "
                      "warn or error",
                      v);
}


/* Reads the key: 64 hex digits, or 32 bytes in either alphabet of base64. */
static pt_err_t
conf_key(conf_reader_t *r)
{
    char     text[64];
    size_t   i, len;
    uint8_t  raw[64];
    pt_err_t err;
    pt_str_t v;

    err = conf_secret(r, "PYTAKE_ENCRYPTION_KEY", &v);
    if (err != PT_OK || v.data == NULL) {
        return err;
    }

    if (v.len == 64 && pt_hex_parse(v, r->conf->key, 32)) {
        r->conf->has_key = true;
        return PT_OK;
    }

    if (v.len == 44 && v.data[43] == '=') {
        v.len = 43;
    }

    if (v.len == 43) {
        for (i = 0; i < 43; i++) {
            text[i] = v.data[i] == '+'   ? '-'
                      : v.data[i] == '/' ? '_'
                                         : v.data[i];
        }
        if (pt_base64url_parse((pt_str_t){ text, 43 }, raw, &len) && len == 32)
        {
            memcpy(r->conf->key, raw, 32);
            r->conf->has_key = true;
            return PT_OK;
        }
    }

    return conf_fault(r, "PYTAKE_ENCRYPTION_KEY is neither 64 hex digits nor "
                         "32 bytes in base64");
}
