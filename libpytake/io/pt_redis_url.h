/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_redis_url.h: redis://[user:password@]host[:port][/db] and
 * unix:///path[?password=...&db=n], taken apart.
 */

#ifndef PT_REDIS_URL_H
#define PT_REDIS_URL_H

#include "core/base/pt_base.h"

#define PT_REDIS_HOST_MAX 256
#define PT_REDIS_PATH_MAX 107 /* bytes of a unix socket's path */
#define PT_REDIS_SECRET_MAX 512
#define PT_REDIS_PORT_DEFAULT 6379
#define PT_REDIS_DB_MAX 1023

typedef struct {
    bool is_unix;
    char host[PT_REDIS_HOST_MAX]; /* or the path of the socket */
    int  port;
    int  db;
    char user[PT_REDIS_SECRET_MAX];     /* "": none */
    char password[PT_REDIS_SECRET_MAX]; /* "": no AUTH */
} pt_redis_url_t;

/* PT_EVALIDATION: malformed, or a part too long.  %xx is decoded in user,
 * password and path; an IPv6 host stands in brackets. */
pt_err_t pt_redis_url_parse(const char *url, pt_redis_url_t *out) PT_MUST_CHECK;

#endif
