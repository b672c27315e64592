/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * ngx_pytake_request.h: a request of the module's locations, from its context
 * to its answer.
 *
 * A handler of content returns what NGINX's development guide says ("HTTP
 * phases"): NGX_OK, NGX_ERROR, NGX_DONE when the answer follows by itself, or
 * a status for NGINX to answer with.
 */

#ifndef NGX_PYTAKE_REQUEST_H
#define NGX_PYTAKE_REQUEST_H

#include "ngx_pytake_worker.h"

/* What the hub learns of an upgrade, by the variables $pytake_ws_*. */
typedef enum {
    NGX_PYTAKE_WS_USER = 0, /* up to FIELDS they come from a verified token */
    NGX_PYTAKE_WS_TENANT,
    NGX_PYTAKE_WS_SESSION,
    NGX_PYTAKE_WS_EXP,
    NGX_PYTAKE_WS_FIELDS,
    NGX_PYTAKE_WS_ADDR, /* this and the next are known of every request */
    NGX_PYTAKE_WS_WORKER
} ngx_pytake_ws_field_e;

/* An upgrade that was admitted, in r->pool. */
typedef struct {
    ngx_str_t field[NGX_PYTAKE_WS_FIELDS]; /* len 0: it brought no token */
} ngx_pytake_ws_t;

/* A request's context, in r->pool. */
typedef struct {
    ngx_str_t         request_id;
    ngx_str_t         path;       /* as it was sent; of an API request */
    ngx_str_t         query;      /* without "?"; of an API request */
    pytake_route_t    found;      /* of an API request */
    ngx_pytake_op_t  *op;         /* NULL: no operation of the core */
    pytake_op_info_t *info;       /* of an operation that has gone, or NULL */
    ngx_event_t      *body_timer; /* NULL: the body is not waited for */
    size_t            body_got;   /* bytes of the body so far */
    ngx_uint_t        route;      /* for metrics, when op does not say it */
    ngx_uint_t        status;     /* that the module answered with, or 0 */
    int64_t           start_us;   /* monotonic */
    int64_t           db_us;      /* time of all batches */
    int64_t           handed_us;  /* when the hub took it, monotonic; or 0 */
    ngx_pytake_ws_t  *ws;         /* NULL: no upgrade was admitted */
    unsigned          cache_control : 1; /* the core sets Cache-Control */
    unsigned          hub_up : 1;
    unsigned          body_large : 1; /* over the route's limit */
    unsigned          counted : 1;    /* in its location's pytake_requests */
} ngx_pytake_ctx_t;

/* What a browser's session needs of a request. */
typedef struct {
    ngx_str_t  cookie;  /* Cookie, borrowed from r; of browsers alone */
    ngx_uint_t browser; /* 1: it has "X-PyTake-Browser: 1" */
    ngx_uint_t secure;  /* 1: it came over TLS */
} ngx_pytake_browser_t;


/* ---- contexts (ngx_pytake_ctx.c) ---- */

/* The request's context, also after an internal redirect, which makes NGINX
 * forget the contexts of modules.  It returns NULL when there is none yet. */
ngx_pytake_ctx_t *ngx_pytake_ctx_find(ngx_http_request_t *r);

/* The same, and makes the context when there is none.  It returns NULL when
 * there is no memory, or no randomness for a request id. */
ngx_pytake_ctx_t *ngx_pytake_ctx_get(ngx_http_request_t *r);

/* Copies what is known of the request's operation to *info; its strings belong
 * to the operation or to r->pool.  ctx may be NULL.  NGX_DECLINED means that
 * there is no operation. */
ngx_int_t ngx_pytake_ctx_info(ngx_pytake_ctx_t *ctx, pytake_op_info_t *info);

/* Keeps that in r->pool, for an operation that ends before its request does.
 * NGX_ERROR means that there is no memory, or no operation. */
ngx_int_t ngx_pytake_ctx_keep(ngx_http_request_t *r, ngx_pytake_ctx_t *ctx);


/* ---- what a request says of itself ---- */

/* Counts a request of a location with pytake_requests among those under way,
 * until it ends.  When all places are taken, another request may have to leave
 * for it (ngx_pytake_limit.c).  It returns NGX_OK; or 429, of a webhook 503,
 * or 503 when there is no memory, and then nothing is counted. */
ngx_int_t ngx_pytake_limit_enter(ngx_http_request_t *r, ngx_pytake_ctx_t *ctx);

/* 1 when the request comes from this machine and no proxy has passed it on for
 * somebody else (ngx_pytake_local.c). */
ngx_uint_t ngx_pytake_local_is(ngx_http_request_t *r);

/* Reads *b from the headers (ngx_pytake_browser.c). */
void ngx_pytake_browser_read(ngx_http_request_t *r, ngx_pytake_browser_t *b);

/* Writes the client's network to out: a byte for its kind, and an IPv4 address
 * or the first 64 bits of an IPv6 address, which is what a household has
 * (RFC 6177).  It returns how many bytes that are (ngx_pytake_network.c). */
size_t ngx_pytake_network(ngx_http_request_t *r,
                          u_char              out[NGX_PYTAKE_NETWORK_MAX]);

/* 1 when a page of this origin may open a WebSocket here
 * (ngx_pytake_origin.c).  The module compares origins, for browsers let every
 * page open WebSockets anywhere (RFC 6455, 10.2). */
ngx_uint_t ngx_pytake_origin_is(ngx_http_request_t *r, ngx_str_t *origin);

/* The path and the arguments as they were sent: r->uri is decoded and has its
 * slashes merged.  Both are borrowed from r (ngx_pytake_request.c). */
void ngx_pytake_request_uri(ngx_http_request_t *r, ngx_str_t *path,
                            ngx_str_t *query);


/* ---- handlers of content and of phases ---- */

/* pytake on: an operation of the core. */
ngx_int_t ngx_pytake_request_handler(ngx_http_request_t *r);

/* pytake_health, with its variants live and ready. */
ngx_int_t ngx_pytake_health_handler(ngx_http_request_t *r);

/* pytake_metrics: the zone as Prometheus text. */
ngx_int_t ngx_pytake_metrics_handler(ngx_http_request_t *r);

/* pytake_status: what NGINX works with, for "pytake doctor". */
ngx_int_t ngx_pytake_status_handler(ngx_http_request_t *r);

/* pytake_problem: problem+json (RFC 9457) for what NGINX itself refuses. */
ngx_int_t ngx_pytake_problem_handler(ngx_http_request_t *r);

/* pytake_websocket, in the precontent phase.  NGX_DECLINED means that the
 * upgrade is admitted, or that the location has no WebSockets. */
ngx_int_t ngx_pytake_ws_handler(ngx_http_request_t *r);

#if (PYTAKE_FAULTS)
/* pytake_test_rows: a large result, in builds for tests alone. */
ngx_int_t ngx_pytake_test_handler(ngx_http_request_t *r);
#endif

/* The log phase: counts a request in the zone.  It always returns NGX_OK. */
ngx_int_t ngx_pytake_metrics_log(ngx_http_request_t *r);

/* The name of a route in metrics, those of the module included. */
const char *ngx_pytake_metrics_route_name(ngx_uint_t route);

/* The preaccess phase, which is the first that knows the location: from here
 * on the error log shows the request without its arguments.  It always returns
 * NGX_DECLINED. */
ngx_int_t ngx_pytake_errlog_handler(ngx_http_request_t *r);


/* ---- answers (ngx_pytake_answer.c, ngx_pytake_problem.c) ---- */

/* Sends a whole answer, with "Cache-Control: no-store" unless the core has set
 * one.  content_type is a constant, or NULL for none; body has to live as long
 * as r->pool.  It returns what a content handler returns. */
ngx_int_t ngx_pytake_answer_send(ngx_http_request_t *r, ngx_uint_t status,
                                 const char *content_type, ngx_str_t *body);

/* Adds a header to the answer.  name is a constant; the bytes of value have to
 * live as long as r->pool.  NGX_ERROR means that there is no memory. */
ngx_int_t ngx_pytake_answer_header(ngx_http_request_t *r, const char *name,
                                   ngx_str_t *value);

/* Sends the answer of an operation.  The headers are copied; the body belongs
 * to the operation, which has to live as long as r->pool. */
ngx_int_t ngx_pytake_answer_response(ngx_http_request_t *r,
                                     pytake_response_t  *resp);

/* Sends the problem+json of a status, and throws the request's body away.  429
 * and 503 say "Retry-After: 1". */
ngx_int_t ngx_pytake_problem_send(ngx_http_request_t *r, ngx_uint_t status);

/* Sends 405 with "Allow: GET, HEAD". */
ngx_int_t ngx_pytake_problem_not_allowed(ngx_http_request_t *r);

/* From here on NGINX notices a client that goes away, and ends the request
 * (ngx_pytake_abort.c). */
void ngx_pytake_abort_watch(ngx_http_request_t *r);


/* ---- request bodies (ngx_pytake_body.c) ---- */

/* Puts the filter in place that holds a chunked body to its route's limit. */
void ngx_pytake_body_filter_init(void);

/* 1 when a part of the body has not come yet. */
ngx_uint_t ngx_pytake_body_awaited(ngx_http_request_t *r);

/* Throws the body away and calls handler, as
 * ngx_http_read_client_request_body() does when it has read one.  It returns
 * NGX_DONE, or the status or NGX_ERROR of the discarding; handler is not
 * called then. */
ngx_int_t ngx_pytake_body_skip(ngx_http_request_t             *r,
                               ngx_http_client_body_handler_pt handler);

/* Starts the time of a body (pytake_body_timeout), before the first read of
 * it; a body that is late is refused with 408.  NGX_ERROR means that there is
 * no memory. */
ngx_int_t ngx_pytake_body_begin(ngx_http_request_t *r, ngx_pytake_ctx_t *ctx);

/* Stops that time; it may be called when it never began. */
void ngx_pytake_body_end(ngx_pytake_ctx_t *ctx);

/* Throws away what is left of the body, for a few seconds at most.  It returns
 * NGX_OK or a status, as ngx_http_discard_request_body() does. */
ngx_int_t ngx_pytake_body_discard(ngx_http_request_t *r);

/* Bytes of a body that has been read; 0 when there is none. */
size_t ngx_pytake_body_len(ngx_http_request_t *r);

/* Copies a body that has been read, from its buffers or its temporary file, to
 * p, which has room for len bytes.  NGX_ERROR means that the body is longer,
 * or that the file could not be read. */
ngx_int_t ngx_pytake_body_copy(ngx_http_request_t *r, u_char *p, size_t len);


/* ---- lines for the operator (ngx_pytake_log.c) ---- */

/* Logs a line of the kind what (ngx_pytake_log_e), unless there has been one
 * in the last ten seconds.  origin is shown behind it, or NULL. */
void ngx_pytake_log(ngx_http_request_t *r, ngx_uint_t what, ngx_str_t *origin);

/* Logs such a line when an operation's answer, which is about to be sent, is
 * one that the operator should know of. */
void ngx_pytake_log_answer(ngx_http_request_t *r, ngx_pytake_ctx_t *ctx);

#endif
