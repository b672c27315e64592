/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * conf.h: reads and checks the environment once.  Names and defaults are those
 * of docs/operations.md.  Every secret may also be named by file:
 * NAME_FILE holds a path (one trailing newline of the file is dropped).
 */

#ifndef CONF_H
#define CONF_H

#include "core/base/pt_arena.h"
#include "core/base/pt_util.h"
#include "io/pt_fingerprint.h"
#include "io/pt_loop.h"

#define CONF_ERROR_MAX 512
#define CONF_SECRET_MAX 65536        /* bytes of a secret's file */
#define CONF_DURATION_MAX_S 31622400 /* 366 days */

#define CONF_HUB_SOCKET "/run/pytake/hub.sock" /* of PYTAKE_HUB_SOCKET */
#define CONF_STATUS_URL "http://127.0.0.1:8080/_pytake/status"

/* Parts of the configuration that a command needs, for conf_load(). */
#define CONF_NEED_DATABASE 0x01
#define CONF_NEED_REDIS 0x02
#define CONF_NEED_KEY 0x04 /* PYTAKE_ENCRYPTION_KEY */
#define CONF_NEED_JWT 0x08

/* Strings end with a NUL and lie on the arena or in the environment; NULL means
 * that the variable is not set. */
typedef struct {
    const char    *database_url; /* libpq's: URI or keyword/value */
    char           role_prefix[PT_DBROLE_PREFIX_MAX + 1]; /* "": derived */
    char           role_app[PT_DBROLE_MAX + 1];           /* of the database */
    char           role_service[PT_DBROLE_MAX + 1];
    const char    *redis_url;  /* redis://... or unix://... */
    pt_str_t       jwt_secret; /* raw bytes; data NULL: not set */
    int64_t        jwt_expiry_s;
    int64_t        jwt_refresh_expiry_s;
    const char    *whatsapp_api_url; /* never NULL; no trailing slash */
    pt_str_t       webhook_verify_token;
    pt_str_t       app_secret;
    const char    *business_account_id;
    bool           websocket_enabled;
    const char    *websocket_origins; /* comma-separated */
    int64_t        websocket_ping_s;
    int64_t        websocket_pong_s;
    bool           cors_enabled;
    const char    *hub_socket; /* PYTAKE_HUB_SOCKET; never NULL */
    const char    *hub_group;  /* PYTAKE_HUB_GROUP: may connect to it */
    const char    *status_url; /* PYTAKE_STATUS_URL; never NULL */
    pt_log_level_t log_level;
    bool           has_key;
    uint8_t        key[32]; /* seals WhatsApp tokens */
} conf_t;

/*
 * Reads the environment into *conf, whose strings live as long as a.
 * database_url, when it is not NULL, takes the place of DATABASE_URL and DB_*,
 * and is borrowed as long as conf is used.  needs are CONF_NEED_*.
 *
 * PT_EVALIDATION: a variable is missing or wrong; error is one line that names
 * it and never holds a secret.  PT_ENOMEM: out of memory, error is empty.
 */
pt_err_t conf_load(conf_t *conf, pt_arena_t *a, unsigned needs,
                   const char *database_url,
                   char        error[CONF_ERROR_MAX]) PT_MUST_CHECK;

/* Writes the fingerprints of conf to *out.  identity is that of the database
 * (docs/nginx.md), NULL when it is not known.  PT_ENOMEM; PT_ECRYPTO: OpenSSL
 * failed. */
pt_err_t conf_fingerprints(const conf_t *conf, const char *identity,
                           pt_fingerprints_t *out) PT_MUST_CHECK;

/* Returns whether s may be the address of NGINX's status: an http:// or
 * https:// URL, or "off". */
bool conf_status_is(const char *s);

#endif
