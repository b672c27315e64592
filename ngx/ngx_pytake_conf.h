/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * ngx_pytake_conf.h: what the directives make: the main configuration, that of
 * a location, and the functions that read them.  docs/directives.md describes
 * the directives themselves.
 *
 * A function that reads a directive has the shape of ngx_command_t.set
 * (NGINX's development guide, "Configuration directives").  It returns
 * NGX_CONF_OK; or a text that NGINX puts behind the directive's name, such as
 * "is duplicate"; or NGX_CONF_ERROR after it has logged the reason itself.
 * Strings that it keeps live in cf->pool, as long as the configuration does.
 */

#ifndef NGX_PYTAKE_CONF_H
#define NGX_PYTAKE_CONF_H

#include "ngx_pytake_base.h"

/* One per http{} block.  It lives in the pool of the cycle; each worker has a
 * copy of its own after fork(). */
typedef struct {
    ngx_str_t  database;      /* connection string, NUL-terminated */
    ngx_str_t  database_role; /* data NULL: named after the database; len 0:
                                 no SET ROLE */
    ngx_str_t  redis;         /* URL, NUL-terminated; len 0: no Redis */
    ngx_str_t  jwt_secret;
    ngx_str_t  webhook_secret;
    ngx_str_t  webhook_verify_token;
    ngx_str_t  hub;          /* socket's path, NUL-terminated; len 0: no hub */
    ngx_msec_t hub_spread;   /* ms in which the hub sends sockets away */
    time_t     jwt_lifetime; /* s */
    time_t     refresh_lifetime; /* s */

    ngx_shm_zone_t *zone; /* NULL: no pytake_zone */

    ngx_uint_t conns[NGX_PYTAKE_CLASSES]; /* connections of each pool */
    ngx_uint_t read_depth;                /* batches on one read connection */
    ngx_uint_t write_tenant;              /* a tenant's writes in flight */
    ngx_uint_t queue;                     /* batches that wait in a pool */
    ngx_msec_t connect_timeout;
    ngx_msec_t statement_timeout;
    ngx_msec_t lock_timeout;

    ngx_uint_t         hashes_max;   /* password hashes at once in a worker */
    ngx_uint_t         hashes_queue; /* that wait, of quiet and other each */
    ngx_str_t          thread_pool_name;
    ngx_thread_pool_t *thread_pool; /* NGINX's; NULL without an API */

    time_t               loaded; /* unix s, when this configuration was read */
    ngx_pytake_worker_t *worker; /* NULL in the master */

    unsigned api : 1;       /* some location has pytake or pytake_websocket */
    unsigned used : 1;      /* some location needs a database */
    unsigned metrics : 1;   /* some location has pytake_metrics */
    unsigned websocket : 1; /* some location has pytake_websocket */
} ngx_pytake_main_conf_t;

/* What a location's content handler does. */
typedef enum {
    NGX_PYTAKE_NONE = 0,    /* nothing: the location is not the module's */
    NGX_PYTAKE_API,         /* pytake on */
    NGX_PYTAKE_HEALTH,      /* pytake_health */
    NGX_PYTAKE_LIVE,        /* pytake_health live */
    NGX_PYTAKE_READY,       /* pytake_health ready */
    NGX_PYTAKE_METRICS,     /* pytake_metrics: for this machine alone */
    NGX_PYTAKE_METRICS_ANY, /* pytake_metrics any: for everybody */
    NGX_PYTAKE_STATUS,      /* pytake_status */
    NGX_PYTAKE_PROBLEM,     /* pytake_problem */
    NGX_PYTAKE_TEST_ROWS    /* pytake_test_rows, in builds for tests */
} ngx_pytake_role_e;

/* pytake_requests: its limits (0: none), and the requests that this worker has
 * under way.  Index 0 is of all requests, 1 of large ones alone. */
typedef struct {
    ngx_uint_t large; /* bytes of a body that is large; 0: none is */
    ngx_uint_t max[NGX_PYTAKE_LIMIT_SIZES];     /* of all networks together */
    ngx_uint_t net_max[NGX_PYTAKE_LIMIT_SIZES]; /* of one network */
    ngx_uint_t count[NGX_PYTAKE_LIMIT_SIZES];   /* under way now */

    struct ngx_pytake_net_s *net[NGX_PYTAKE_LIMIT_BUCKETS]; /* owned */
    ngx_queue_t              guests; /* requests under way, oldest first */
} ngx_pytake_limit_t;

/* One per location, in the pool of the cycle. */
typedef struct {
    ngx_uint_t   role;          /* ngx_pytake_role_e */
    ngx_msec_t   timeout;       /* of an operation */
    ngx_msec_t   login_timeout; /* of an operation that verifies a password */
    ngx_msec_t   body_timeout;  /* of a whole request body */
    size_t       body_max;      /* bytes */
    size_t       webhook_body_max; /* bytes */
    ngx_uint_t   test_rows;
    ngx_array_t *origins; /* of ngx_str_t; NULL: the request's own host */
    ngx_flag_t   websocket;

    ngx_pytake_limit_t *limit; /* NULL: no limits; shared by inheritance */
} ngx_pytake_loc_conf_t;

/* cmd->post of a directive with a number, and perhaps with one more number
 * behind it: "pytake_pool_read 2 depth=8". */
typedef struct {
    ngx_uint_t  min;
    ngx_uint_t  max;
    const char *option;        /* "depth=", with the sign; NULL: none */
    size_t      option_offset; /* of its ngx_uint_t in the main configuration */
    ngx_uint_t  option_min;
    ngx_uint_t  option_max;
} ngx_pytake_count_t;


/* ---- directives of http{} (ngx_pytake_conf.c) ---- */

/* pytake_database: a connection string of libpq.  One with a password is
 * refused unless it comes from a file or the environment. */
char *ngx_pytake_conf_database(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* pytake_database_role: "off", or a role of a-z, 0-9 and _, at most 63 bytes,
 * which is PostgreSQL's own limit of a name. */
char *ngx_pytake_conf_role(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* pytake_redis: a URL as pt_redis_url_parse() takes it.  One with a password
 * is refused unless it comes from a file or the environment. */
char *ngx_pytake_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* A secret in the ngx_str_t at cmd->offset.  It has to come from a file or the
 * environment: nginx.conf may be read by everybody. */
char *ngx_pytake_conf_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* pytake_zone name:size.  The memory is shared by all workers and survives a
 * reload. */
char *ngx_pytake_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* A number in the ngx_uint_t at cmd->offset, within the bounds of the
 * ngx_pytake_count_t in cmd->post, and perhaps its option behind it. */
char *ngx_pytake_conf_count(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* pytake_thread_pool: the name of a thread_pool of NGINX. */
char *ngx_pytake_conf_thread_pool(ngx_conf_t *cf, ngx_command_t *cmd,
                                  void *conf);

/* pytake_hub unix:/path [spread=time].  The path has at most 107 bytes, for it
 * has to fit sockaddr_un, and the spread at most 10 minutes. */
char *ngx_pytake_conf_hub(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* Checks of ngx_conf_post_t, run by NGINX after it has read a time into data:
 * an ngx_msec_t from 50 ms to 60 s; a time_t from one minute to 400 days. */
char *ngx_pytake_conf_msec(ngx_conf_t *cf, void *post, void *data);
char *ngx_pytake_conf_sec(ngx_conf_t *cf, void *post, void *data);


/* ---- values that may be secrets (ngx_pytake_value.c) ---- */

/*
 * Reads the value of the directive name: "file:path", "env:NAME", or arg as it
 * stands.  out is NUL-terminated and never empty; it is arg's own memory when
 * *is_inline is 1, else a copy in cf->pool of at most NGX_PYTAKE_SECRET_MAX
 * bytes, without the newline at the end of a file.
 *
 * It returns NGX_CONF_OK, or NGX_CONF_ERROR after it has logged why: the value
 * is empty or too large, the file cannot be read or is no regular file, the
 * variable is not set.
 */
char *ngx_pytake_value_read(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *arg,
                            ngx_str_t *out, ngx_uint_t *is_inline);


/* ---- locations (ngx_pytake_location.c) ---- */

/* Makes an ngx_pytake_loc_conf_t in cf->pool whose members are unset.  It
 * returns NULL when there is no memory. */
void *ngx_pytake_location_create(ngx_conf_t *cf);

/* Gives the location child what it does not set from parent, or the defaults.
 * NGX_CONF_ERROR means that pytake_websocket stands where no proxy_pass is. */
char *ngx_pytake_location_merge(ngx_conf_t *cf, void *parent, void *child);

/* pytake on | off: the location answers API requests. */
char *ngx_pytake_location_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* pytake_health [live | ready], pytake_metrics [any], pytake_status,
 * pytake_problem and pytake_test_rows N.  cmd->offset is the role. */
char *ngx_pytake_location_role(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* pytake_body_max and pytake_webhook_body_max: from 1 kB to what the core
 * takes at most (PT_BODY_MAX, PT_WEBHOOK_BODY_MAX). */
char *ngx_pytake_location_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* pytake_websocket: the location proxies WebSockets to the hub. */
char *ngx_pytake_location_websocket(ngx_conf_t *cf, ngx_command_t *cmd,
                                    void *conf);

/* pytake_websocket_origins "https://a,https://b:8443": pages of other hosts
 * that may open a WebSocket (ngx_pytake_origin.c). */
char *ngx_pytake_origin_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* pytake_requests off, or its parameters in any order (ngx_pytake_limit.c). */
char *ngx_pytake_limit_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* Registers the $pytake_ variables (ngx_pytake_vars.c).  NGX_ERROR means that
 * there is no memory, or that a name is taken. */
ngx_int_t ngx_pytake_vars_add(ngx_conf_t *cf);


extern ngx_module_t ngx_http_pytake_module;

#define ngx_pytake_main_conf(r)                                                \
    ((ngx_pytake_main_conf_t *) ngx_http_get_module_main_conf(                 \
        r, ngx_http_pytake_module))

#define ngx_pytake_loc_conf(r)                                                 \
    ((ngx_pytake_loc_conf_t *) ngx_http_get_module_loc_conf(                   \
        r, ngx_http_pytake_module))

#endif
