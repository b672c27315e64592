/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_redis_url.h: it parses redis://[user:password@]host[:port][/db] and
 * unix:///path[?password=...&db=n].
 */

#ifndef PT_REDIS_URL_H
#define PT_REDIS_URL_H

#include "core/base/pt_base.h"

#define PT_REDIS_HOST_MAX 256   /* bytes, the NUL included */
#define PT_REDIS_PATH_MAX 107   /* bytes of a unix socket's path */
#define PT_REDIS_SECRET_MAX 512 /* bytes, the NUL included */
#define PT_REDIS_PORT_DEFAULT 6379
#define PT_REDIS_DB_MAX 1023

typedef struct {
    bool is_unix;
    char host[PT_REDIS_HOST_MAX]; /* or the path of the unix socket */
    int  port;
    int  db;
    char user[PT_REDIS_SECRET_MAX];     /* "": the default user */
    char password[PT_REDIS_SECRET_MAX]; /* "": no AUTH is sent */
} pt_redis_url_t;

/* Parses url, which is NUL-terminated, to *out.  %xx is decoded in user,
 * password and path (RFC 3986, 2.1); an IPv6 host stands in brackets.
 * PT_EVALIDATION: it is malformed, or a part of it is too long. */
pt_err_t pt_redis_url_parse(const char *url, pt_redis_url_t *out) PT_MUST_CHECK;

#endif
