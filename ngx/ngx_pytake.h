/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * ngx_pytake.h: what the files of the module share.
 *
 * Lifetimes: a request points to its context (in r->pool); the context to an
 * operation (heap), which may outlive the request: after a client's abort a
 * write in flight goes on without it, so that its doorbell rings.  All that
 * belongs to a worker hangs off ngx_pytake_worker_t, made in init_process.
 */

#ifndef NGX_PYTAKE_H
#define NGX_PYTAKE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>
#include <ngx_thread_pool.h>

#include "pytake.h"
#include "core/trust/pt_gate.h"
#include "core/base/pt_turns.h"
#include "pt_fingerprint.h"
#include "pt_loop.h"
#include "pt_pg.h"
#include "pt_redis.h"
#include "core/base/pt_sql.h"
#include "core/base/pt_util.h"

#define NGX_PYTAKE_HEALTH_TIMEOUT 500   /* ms, of the probe query */
#define NGX_PYTAKE_HUB_TIMEOUT 200      /* ms, of a question to the hub */
#define NGX_PYTAKE_HUB_FRESH 1000       /* ms that its health is believed */
#define NGX_PYTAKE_GRACE 300            /* ms a pool may answer late */
#define NGX_PYTAKE_HOUSE_INTERVAL 1000  /* ms between gauge updates */
#define NGX_PYTAKE_SLOTS 128            /* workers with gauges in the zone */
#define NGX_PYTAKE_BUCKETS 14           /* of a latency histogram */
#define NGX_PYTAKE_SECRET_MAX 65536     /* bytes of a file: or env: value */
#define NGX_PYTAKE_ZONE_MIN 65536       /* bytes of pytake_zone */
#define NGX_PYTAKE_HASH_LATER 4         /* one turn of so many is the others' */
#define NGX_PYTAKE_GATE_SIZE 65536      /* bytes of a gate outside the zone */
#define NGX_PYTAKE_GATE_LOG_EVERY 10000 /* ms between log lines about waits */
#define NGX_PYTAKE_NETWORK_MAX 9        /* bytes, ngx_pytake_network() */
#define NGX_PYTAKE_LIMIT_BUCKETS 256    /* of networks, for pytake_requests */
#define NGX_PYTAKE_LIMIT_SIZES 2        /* any request, large ones apart */

/* Classes of pools are those of pytake_sql_class_t. */
#define NGX_PYTAKE_CLASSES 3

/* Routes of our own, behind the core's. */
#define NGX_PYTAKE_ROUTE_HEALTH ((ngx_uint_t) pytake_routes_count)
#define NGX_PYTAKE_ROUTE_METRICS ((ngx_uint_t) pytake_routes_count + 1)
#define NGX_PYTAKE_ROUTE_WS ((ngx_uint_t) pytake_routes_count + 2)
#define NGX_PYTAKE_ROUTE_STATUS ((ngx_uint_t) pytake_routes_count + 3)
#define NGX_PYTAKE_ROUTES ((ngx_uint_t) pytake_routes_count + 4)

typedef struct ngx_pytake_worker_s   ngx_pytake_worker_t;
typedef struct ngx_pytake_op_s       ngx_pytake_op_t;
typedef struct ngx_pytake_hash_s     ngx_pytake_hash_t;
typedef struct ngx_pytake_hub_call_s ngx_pytake_hub_call_t;


/* ---- configuration ---- */

typedef struct {
    ngx_str_t  database;
    ngx_str_t  database_role; /* data NULL: the database's; len 0: none */
    ngx_str_t  redis;
    ngx_str_t  jwt_secret;
    ngx_str_t  webhook_secret;
    ngx_str_t  webhook_verify_token;
    ngx_str_t  hub; /* path; NUL-terminated; len 0: none */
    ngx_msec_t hub_spread;
    time_t     jwt_lifetime;
    time_t     refresh_lifetime;

    ngx_shm_zone_t *zone;

    ngx_uint_t conns[NGX_PYTAKE_CLASSES];
    ngx_uint_t read_depth;
    ngx_uint_t write_tenant;
    ngx_uint_t queue;
    ngx_msec_t connect_timeout;
    ngx_msec_t statement_timeout;
    ngx_msec_t lock_timeout;

    ngx_uint_t         hashes_max;
    ngx_uint_t         hashes_queue;
    ngx_str_t          thread_pool_name;
    ngx_thread_pool_t *thread_pool;

    time_t               loaded; /* when this configuration was read */
    ngx_pytake_worker_t *worker; /* NULL in the master */

    unsigned api : 1;  /* some location has pytake on */
    unsigned used : 1; /* some location needs a database */
    unsigned metrics : 1;
    unsigned websocket : 1; /* some location has websockets */
} ngx_pytake_main_conf_t;

typedef enum {
    NGX_PYTAKE_NONE = 0,
    NGX_PYTAKE_API,
    NGX_PYTAKE_HEALTH,
    NGX_PYTAKE_LIVE,
    NGX_PYTAKE_READY,
    NGX_PYTAKE_METRICS,
    NGX_PYTAKE_METRICS_ANY,
    NGX_PYTAKE_STATUS,
    NGX_PYTAKE_PROBLEM,
    NGX_PYTAKE_TEST_ROWS
} ngx_pytake_role_e;

/* pytake_requests: limits (0: none), and what this worker has under way. */
typedef struct {
    ngx_uint_t large; /* bytes of a body; 0: none is large */
    ngx_uint_t max[NGX_PYTAKE_LIMIT_SIZES];
    ngx_uint_t net_max[NGX_PYTAKE_LIMIT_SIZES];
    ngx_uint_t count[NGX_PYTAKE_LIMIT_SIZES];

    struct ngx_pytake_net_s *net[NGX_PYTAKE_LIMIT_BUCKETS];
    ngx_queue_t              guests; /* the oldest first */
} ngx_pytake_limit_t;

typedef struct {
    ngx_uint_t   role; /* ngx_pytake_role_e */
    ngx_msec_t   timeout;
    ngx_msec_t   login_timeout;
    ngx_msec_t   body_timeout;
    size_t       body_max;
    size_t       webhook_body_max;
    ngx_uint_t   test_rows;
    ngx_array_t *origins; /* of ngx_str_t; NULL: our own */
    ngx_flag_t   websocket;

    ngx_pytake_limit_t *limit; /* NULL: no limits */
} ngx_pytake_loc_conf_t;


/* ---- the zone: fixed counters, no mutex ---- */

typedef enum {
    NGX_PYTAKE_C_ABORTS = 0,
    NGX_PYTAKE_C_DETACHED,
    NGX_PYTAKE_C_QUEUE_REJECTED,
    NGX_PYTAKE_C_HASH_REJECTED,
    NGX_PYTAKE_C_HASHES,
    NGX_PYTAKE_C_LOGIN_WAITS,
    NGX_PYTAKE_C_PUBLISHED,
    NGX_PYTAKE_C_DROPPED,
    NGX_PYTAKE_C_WEBHOOK_EVENTS,
    NGX_PYTAKE_C_REDIS_CONNECTS,
    NGX_PYTAKE_C_REDIS_FAILURES,
    NGX_PYTAKE_C_MAX
} ngx_pytake_counter_e;

typedef struct {
    ngx_atomic_t status[6]; /* 1..5: class; 0: none */
    ngx_atomic_t bucket[NGX_PYTAKE_BUCKETS];
    ngx_atomic_t sum_us;
} ngx_pytake_zone_route_t;

typedef struct {
    ngx_atomic_t time_count;
    ngx_atomic_t time_sum_us;
    ngx_atomic_t batches;
    ngx_atomic_t errors;
    ngx_atomic_t timeouts;
    ngx_atomic_t connects;
    ngx_atomic_t connect_failures;
} ngx_pytake_zone_class_t;

typedef struct {
    ngx_atomic_t conns;
    ngx_atomic_t connecting;
    ngx_atomic_t busy;
    ngx_atomic_t waiting;
    ngx_atomic_t away;
} ngx_pytake_gauges_t;

typedef struct {
    ngx_atomic_t        pid; /* 0: free */
    ngx_pytake_gauges_t pool[NGX_PYTAKE_CLASSES];
    ngx_atomic_t        redis_up;
    ngx_atomic_t        operations;
    ngx_atomic_t        hashes_waiting;
} ngx_pytake_slot_t;

typedef struct {
    size_t       size;   /* bytes: another version's zone has others */
    ngx_uint_t   layout; /* routes the zone was made for */
    pt_gate_t   *gate;   /* under the zone's mutex */
    ngx_atomic_t counter[NGX_PYTAKE_C_MAX];
    ngx_pytake_zone_class_t class[NGX_PYTAKE_CLASSES];
    ngx_pytake_slot_t       slot[NGX_PYTAKE_SLOTS];
    ngx_pytake_zone_route_t route[1]; /* NGX_PYTAKE_ROUTES of them */
} ngx_pytake_zone_t;

extern const ngx_uint_t  ngx_pytake_zone_bucket_us[NGX_PYTAKE_BUCKETS - 1];
extern const char *const ngx_pytake_zone_class_names[NGX_PYTAKE_CLASSES];

ngx_int_t          ngx_pytake_zone_init(ngx_shm_zone_t *shm_zone, void *data);
ngx_pytake_slot_t *ngx_pytake_zone_claim(ngx_pytake_zone_t *z);
void               ngx_pytake_zone_release(ngx_pytake_slot_t *slot);
/* Of all workers alive; pid: how many. */
void ngx_pytake_zone_sum(ngx_pytake_zone_t *z, ngx_pytake_slot_t *sum);
/* z may be NULL: nothing is counted then. */
void ngx_pytake_zone_add(ngx_pytake_zone_t *z, ngx_uint_t counter,
                         ngx_uint_t n);
void ngx_pytake_zone_request(ngx_pytake_zone_t *z, ngx_uint_t route,
                             ngx_uint_t status, ngx_uint_t us);
void ngx_pytake_zone_batch(ngx_pytake_zone_t *z, ngx_uint_t class,
                           ngx_uint_t         us);


/* ---- the event loop (ngx_pytake_loop.c) ---- */

typedef struct {
    pt_loop_t            loop; /* first */
    ngx_pytake_worker_t *worker;
    ngx_thread_pool_t   *thread_pool;
    ngx_connection_t     dummy; /* data of timers, for debug logs */
    ngx_event_t          hold;  /* while threads are at work */
    ngx_uint_t           working;
} ngx_pytake_loop_t;

void    ngx_pytake_loop_init(ngx_pytake_loop_t *l, ngx_pytake_worker_t *w,
                             ngx_thread_pool_t *tp);
void    ngx_pytake_loop_free(ngx_pytake_loop_t *l);
int64_t ngx_pytake_clock_wall_us(void);
int64_t ngx_pytake_clock_mono_us(void);


/* ---- the worker ---- */

/* Kinds of lines about clients, see ngx_pytake_log.c. */
typedef enum {
    NGX_PYTAKE_LOG_SIGNATURE = 0,
    NGX_PYTAKE_LOG_VERIFY,
    NGX_PYTAKE_LOG_NUMBER,
    NGX_PYTAKE_LOG_ORIGIN,
    NGX_PYTAKE_LOG_LIMIT,
    NGX_PYTAKE_LOG_KINDS
} ngx_pytake_log_e;

typedef struct {
    ngx_msec_t at;
    ngx_uint_t missed; /* not logged since */
    unsigned   known : 1;
} ngx_pytake_logged_t;

struct ngx_pytake_worker_s {
    ngx_pytake_main_conf_t *conf;
    /* It was told to quit: lets go of what is idle.  Harmless again. */
    void (*drain)(ngx_pytake_worker_t *w);
    ngx_pytake_loop_t  loop;
    pytake_t          *pt;
    char               role[PT_DBROLE_MAX + 1]; /* "": none */
    pt_pool_t         *pool[NGX_PYTAKE_CLASSES];
    pt_redis_t        *redis; /* NULL: not configured */
    ngx_pytake_zone_t *zone;  /* NULL: not configured */
    ngx_pytake_slot_t *slot;  /* in the zone, or: */
    ngx_pytake_slot_t  alone;
    pt_fingerprints_t  prints;
    pt_timer_t        *house;
    pt_pool_stats_t    stats[NGX_PYTAKE_CLASSES]; /* last published */
    pt_redis_stats_t   redis_stats;
    /* waiting: those whose network is quiet, the others; NULL: no API here */
    pt_turns_t            *hashes[2];
    ngx_uint_t             hash_turn;
    ngx_queue_t            displaced;  /* hashes that had to make room */
    ngx_event_t            displace;   /* posted while there are any */
    ngx_uint_t             hashing;    /* in threads */
    pt_gate_t             *gate;       /* in the zone, or ours alone */
    ngx_shmtx_t           *gate_mutex; /* NULL: ours alone */
    ngx_msec_t             gate_logged;
    ngx_queue_t            ops; /* in flight */
    ngx_uint_t             nops;
    ngx_queue_t            hub_calls;
    ngx_pytake_hub_call_t *hub_health; /* under way */
    ngx_msec_t             hub_asked;
    uint8_t                rnd[1536]; /* randomness, bought in bulk */
    size_t                 rnd_used;
    ngx_pytake_logged_t    logged[NGX_PYTAKE_LOG_KINDS];
    unsigned               draining : 1;
    unsigned               hub_known : 1;
    unsigned               hub_up : 1;
    unsigned               hub_left : 1; /* it knows that we are leaving */
};

extern const pt_mem_t ngx_pytake_mem;

ngx_int_t ngx_pytake_worker_init(ngx_cycle_t            *cycle,
                                 ngx_pytake_main_conf_t *pmcf);
void      ngx_pytake_worker_exit(ngx_pytake_main_conf_t *pmcf);
/* Writes this worker's gauges and counter deltas to the zone. */
void      ngx_pytake_worker_publish(ngx_pytake_worker_t *w);
ngx_int_t ngx_pytake_random(ngx_pytake_worker_t *w, uint8_t *out, size_t len);


/* ---- requests ---- */

typedef enum {
    NGX_PYTAKE_WS_USER = 0,
    NGX_PYTAKE_WS_TENANT,
    NGX_PYTAKE_WS_SESSION,
    NGX_PYTAKE_WS_EXP,
    NGX_PYTAKE_WS_FIELDS,
    NGX_PYTAKE_WS_ADDR, /* these two are always there */
    NGX_PYTAKE_WS_WORKER
} ngx_pytake_ws_field_e;

/* Of an admitted upgrade, in r->pool. */
typedef struct {
    ngx_str_t field[NGX_PYTAKE_WS_FIELDS]; /* len 0: no token */
} ngx_pytake_ws_t;

typedef struct {
    ngx_str_t         request_id;
    ngx_str_t         path; /* these three: of an API request */
    ngx_str_t         query;
    pytake_route_t    found;
    ngx_pytake_op_t  *op;         /* NULL: no core operation */
    pytake_op_info_t *info;       /* of one that is gone already */
    ngx_event_t      *body_timer; /* NULL: the body is not waited for */
    size_t            body_got;
    ngx_uint_t        route;    /* metric label without an op */
    ngx_uint_t        status;   /* as our handler answered, or 0 */
    int64_t           start_us; /* monotonic */
    int64_t           db_us;
    int64_t           handed_us;         /* when it was left to the hub, or 0 */
    ngx_pytake_ws_t  *ws;                /* admitted */
    unsigned          cache_control : 1; /* the core has said it */
    unsigned          hub_up : 1;
    unsigned          body_large : 1; /* over the route's limit */
    unsigned          counted : 1;    /* in its location's limit */
} ngx_pytake_ctx_t;

/* The request's context, which survives internal redirects; find: NULL when
 * there is none yet; get makes it (NULL: out of memory). */
ngx_pytake_ctx_t *ngx_pytake_ctx_find(ngx_http_request_t *r);
ngx_pytake_ctx_t *ngx_pytake_ctx_get(ngx_http_request_t *r);
/* Counts a request, until its end, in what its location has under way; where
 * all places are taken another one may have to leave for it.
 * NGX_OK, or the status to refuse it with: nothing is counted then. */
ngx_int_t ngx_pytake_limit_enter(ngx_http_request_t *r, ngx_pytake_ctx_t *ctx);
/* What is known of its operation.  NGX_DECLINED: it has none. */
ngx_int_t ngx_pytake_ctx_info(ngx_pytake_ctx_t *ctx, pytake_op_info_t *info);
/* Keeps that in r->pool, for an operation that goes before the request. */
ngx_int_t ngx_pytake_ctx_keep(ngx_http_request_t *r, ngx_pytake_ctx_t *ctx);

ngx_int_t ngx_pytake_request_handler(ngx_http_request_t *r);
ngx_int_t ngx_pytake_health_handler(ngx_http_request_t *r);
ngx_int_t ngx_pytake_metrics_handler(ngx_http_request_t *r);
ngx_int_t ngx_pytake_status_handler(ngx_http_request_t *r);
ngx_int_t ngx_pytake_problem_handler(ngx_http_request_t *r);
ngx_int_t ngx_pytake_ws_handler(ngx_http_request_t *r);
#if (PYTAKE_FAULTS)
ngx_int_t ngx_pytake_test_handler(ngx_http_request_t *r);
#endif
/* It comes from this machine, and nobody else's it was that was passed on. */
ngx_uint_t ngx_pytake_local_is(ngx_http_request_t *r);
/* The metric label of a route, the module's own included. */
const char *ngx_pytake_metrics_route_name(ngx_uint_t route);
ngx_int_t   ngx_pytake_metrics_log(ngx_http_request_t *r);
/* The path and the arguments as sent: nginx's r->uri is decoded and merged.
 * Borrowed from r. */
void ngx_pytake_request_uri(ngx_http_request_t *r, ngx_str_t *path,
                            ngx_str_t *query);

/* Sends a whole answer; body must live as long as r->pool.  What a content
 * handler returns. */
ngx_int_t ngx_pytake_answer_send(ngx_http_request_t *r, ngx_uint_t status,
                                 const char *content_type, ngx_str_t *body);
ngx_int_t ngx_pytake_answer_header(ngx_http_request_t *r, const char *name,
                                   ngx_str_t *value);
/* 405 with Allow: GET, HEAD. */
ngx_int_t ngx_pytake_problem_not_allowed(ngx_http_request_t *r);
/* The problem+json of a status, sent. */
ngx_int_t ngx_pytake_problem_send(ngx_http_request_t *r, ngx_uint_t status);
ngx_int_t ngx_pytake_answer_response(ngx_http_request_t *r,
                                     pytake_response_t  *resp);
/* Aborts are noticed from here on. */
void ngx_pytake_abort_watch(ngx_http_request_t *r);


/* ---- request bodies (ngx_pytake_body.c) ---- */

void ngx_pytake_body_filter_init(void);
/* Whether some of it has not come yet. */
ngx_uint_t ngx_pytake_body_awaited(ngx_http_request_t *r);
/* For a handler that reads none: calls back as
 * ngx_http_read_client_request_body() does, without a body. */
ngx_int_t ngx_pytake_body_skip(ngx_http_request_t             *r,
                               ngx_http_client_body_handler_pt handler);
/* The time of a body that is read: begin before the first read of it. */
ngx_int_t ngx_pytake_body_begin(ngx_http_request_t *r, ngx_pytake_ctx_t *ctx);
void      ngx_pytake_body_end(ngx_pytake_ctx_t *ctx);
/* Throws it away, for a bounded time. */
ngx_int_t ngx_pytake_body_discard(ngx_http_request_t *r);
size_t    ngx_pytake_body_len(ngx_http_request_t *r);
/* Several buffers, or a temporary file, into one piece. */
ngx_int_t ngx_pytake_body_copy(ngx_http_request_t *r, u_char *p, size_t len);


/* ---- lines for the operator (ngx_pytake_log.c, _errlog.c) ---- */

/* Of the preaccess phase: no arguments in the error log. */
ngx_int_t ngx_pytake_errlog_handler(ngx_http_request_t *r);

void ngx_pytake_log(ngx_http_request_t *r, ngx_uint_t what, ngx_str_t *origin);
void ngx_pytake_log_answer(ngx_http_request_t *r, ngx_pytake_ctx_t *ctx);


/* ---- operations (ngx_pytake_op.c) ---- */

typedef enum {
    NGX_PYTAKE_OP_NEW = 0,
    NGX_PYTAKE_OP_SQL,
    NGX_PYTAKE_OP_WORK,
    NGX_PYTAKE_OP_DONE
} ngx_pytake_op_state_e;

/* Answers the request; the operation may be released in it. */
typedef void (*ngx_pytake_op_pt)(ngx_http_request_t *r,
                                 pytake_response_t  *resp);

struct ngx_pytake_op_s {
    ngx_pytake_worker_t *worker;
    ngx_http_request_t  *request; /* NULL: detached or answered */
    ngx_pytake_ctx_t    *ctx;     /* NULL: as above */
    pytake_op_t         *op;
    pytake_request_t     req; /* slices into this allocation */
    ngx_queue_t          queue;
    ngx_event_t          timer; /* the deadline; holds the worker */
    int64_t              deadline_ms;
    int64_t              submitted_us;
    pt_pool_t           *pool;
    pt_batch_t           batch;
    ngx_pytake_hash_t   *hash;
    ngx_pytake_op_pt     done;   /* NULL: the answer is sent */
    pytake_effect_t      effect; /* of DONE: the answer */
    ngx_uint_t           state;
    ngx_uint_t class;
    unsigned held : 1;  /* r->pool still refers to it */
    unsigned wrote : 1; /* a write was handed over */
    unsigned late : 1;  /* the grace is running */
    unsigned webhook : 1;
};

/* extra: bytes behind the structure for copies.  NULL: out of memory. */
ngx_pytake_op_t *ngx_pytake_op_new(ngx_http_request_t  *r,
                                   ngx_pytake_worker_t *w, size_t extra);
/* NGX_OK: done, op->effect has the answer; NGX_AGAIN: it will answer by
 * itself; NGX_ERROR: out of memory. */
ngx_int_t ngx_pytake_op_start(ngx_pytake_op_t *op, ngx_msec_t timeout);
/* The same before the body is read; NGX_DECLINED: it may be read. */
ngx_int_t ngx_pytake_op_judge(ngx_pytake_op_t *op);
/* Frees an operation that is DONE before its request's end. */
void ngx_pytake_op_release(ngx_pytake_op_t *op, ngx_http_request_t *r);
/* Frees what init_process' successor must not find. */
void ngx_pytake_op_drop_all(ngx_pytake_worker_t *w);


/* ---- who may try a password (ngx_pytake_gate.c) ---- */

/* In the zone's memory, within size bytes.  NULL: there is no room. */
pt_gate_t *ngx_pytake_gate_new(ngx_slab_pool_t *shpool, size_t size);
ngx_int_t  ngx_pytake_gate_init(ngx_pytake_worker_t *w);
/* 0: let in, and to be ended by one of the others, or by neither if the
 * password was wrong.  Else the seconds to wait. */
ngx_uint_t ngx_pytake_gate_enter(ngx_pytake_op_t *op, pytake_login_t *who,
                                 pt_gate_pass_t *pass);
void       ngx_pytake_gate_leave(ngx_pytake_worker_t *w, pt_gate_pass_t *pass);
void       ngx_pytake_gate_right(ngx_pytake_worker_t *w, pytake_login_t *who,
                                 pt_gate_pass_t *pass);
/* What a browser's session needs of a request; cookie: of browsers alone. */
typedef struct {
    ngx_str_t  cookie;
    ngx_uint_t browser;
    ngx_uint_t secure;
} ngx_pytake_browser_t;

void ngx_pytake_browser_read(ngx_http_request_t *r, ngx_pytake_browser_t *b);

/* The client's network: an IPv4 address, or the /64 of an IPv6 one, behind a
 * byte for its kind.  Gives the number of bytes. */
size_t ngx_pytake_network(ngx_http_request_t *r,
                          u_char              out[NGX_PYTAKE_NETWORK_MAX]);


/* ---- password hashes (ngx_pytake_hash.c) ---- */

typedef void (*ngx_pytake_hash_pt)(ngx_pytake_op_t *op, pt_err_t err,
                                   ngx_uint_t match);

struct ngx_pytake_hash_s {
    pt_turn_t            turn;  /* first */
    ngx_queue_t          queue; /* of those displaced */
    pytake_login_t       who;
    pt_gate_pass_t       pass;
    ngx_pytake_worker_t *worker;
    ngx_pytake_op_t     *op; /* NULL: abandoned */
    ngx_pytake_hash_pt   handler;
    char                *phc;
    char                *password;
    size_t               phc_len;
    size_t               password_len;
    pt_err_t             err;
    unsigned             match : 1;
    unsigned             running : 1;
    unsigned             displaced : 1;
    unsigned             later : 1; /* index of the worker's hashes */
};

ngx_int_t  ngx_pytake_hash_init(ngx_pytake_worker_t *w);
ngx_uint_t ngx_pytake_hash_waiting(ngx_pytake_worker_t *w);
/* handler never runs inside this call.  PT_EBUSY, PT_ENOMEM; PT_EATTEMPTS:
 * not before *wait_s seconds are over. */
pt_err_t ngx_pytake_hash_new(ngx_pytake_op_t *op, const pytake_work_t *work,
                             ngx_pytake_hash_pt handler, ngx_uint_t *wait_s);
void     ngx_pytake_hash_abandon(ngx_pytake_hash_t *h);
void     ngx_pytake_hash_drop_all(ngx_pytake_worker_t *w);


/* ---- one read statement without a core operation ---- */

typedef struct ngx_pytake_probe_s ngx_pytake_probe_t;

/* Answers the request: what a content handler would return. */
typedef ngx_int_t (*ngx_pytake_probe_pt)(ngx_http_request_t        *r,
                                         const pytake_sql_result_t *result);

/* A probe, to be filled by PT_SQL(ngx_pytake_probe_sql(p), ...) and run; NULL:
 * out of memory. */
ngx_pytake_probe_t *ngx_pytake_probe_new(ngx_http_request_t *r);
pt_sql_t           *ngx_pytake_probe_sql(ngx_pytake_probe_t *p);

/* To be called where the body has been read; finalizes the request. */
void ngx_pytake_probe_run(ngx_pytake_probe_t *p, ngx_msec_t timeout,
                          ngx_pytake_probe_pt handler);


/* ---- the hub (ngx_pytake_hub.c) ---- */

/* body: NULL when the hub is away; until the handler returns.  The handler
 * finalizes the request; it may run inside the call that asked. */
typedef void (*ngx_pytake_hub_pt)(ngx_http_request_t *r, ngx_str_t *body);

/* Both: with pytake_hub only, and where the body has been read. */
void ngx_pytake_hub_health(ngx_http_request_t *r, ngx_pytake_hub_pt handler);
void ngx_pytake_hub_metrics(ngx_http_request_t *r, ngx_pytake_hub_pt handler);
/* Has the hub send this worker's sockets away; harmless again. */
void ngx_pytake_hub_leave(ngx_pytake_worker_t *w);
void ngx_pytake_hub_drop_all(ngx_pytake_worker_t *w);

/* Whether a page of this origin may open a WebSocket here. */
ngx_uint_t ngx_pytake_origin_is(ngx_http_request_t *r, ngx_str_t *origin);


/* ---- configuration helpers (ngx_pytake_conf.c) ---- */

char *ngx_pytake_conf_database(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_pytake_conf_role(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_pytake_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_pytake_conf_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_pytake_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_pytake_conf_count(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_pytake_conf_thread_pool(ngx_conf_t *cf, ngx_command_t *cmd,
                                  void *conf);
char *ngx_pytake_conf_hub(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_pytake_origin_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_pytake_conf_msec(ngx_conf_t *cf, void *post, void *data);
char *ngx_pytake_conf_sec(ngx_conf_t *cf, void *post, void *data);
/* out: the NUL-terminated value of "file:...", "env:..." or arg itself. */
char *ngx_pytake_value_read(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *arg,
                            ngx_str_t *out, ngx_uint_t *is_inline);

/* One more counter after the first argument: "depth=8". */
typedef struct {
    ngx_uint_t  min;
    ngx_uint_t  max;
    const char *option; /* NULL: none */
    size_t      option_offset;
    ngx_uint_t  option_min;
    ngx_uint_t  option_max;
} ngx_pytake_count_t;

/* The configuration of locations (ngx_pytake_location.c). */
void *ngx_pytake_location_create(ngx_conf_t *cf);
char *ngx_pytake_location_merge(ngx_conf_t *cf, void *parent, void *child);
char *ngx_pytake_location_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_pytake_location_role(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_pytake_location_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_pytake_location_websocket(ngx_conf_t *cf, ngx_command_t *cmd,
                                    void *conf);
char *ngx_pytake_limit_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


/* ---- variables ---- */

ngx_int_t ngx_pytake_vars_add(ngx_conf_t *cf);


extern ngx_module_t ngx_http_pytake_module;

#define ngx_pytake_main_conf(r)                                                \
    ((ngx_pytake_main_conf_t *) ngx_http_get_module_main_conf(                 \
        r, ngx_http_pytake_module))

#define ngx_pytake_loc_conf(r)                                                 \
    ((ngx_pytake_loc_conf_t *) ngx_http_get_module_loc_conf(                   \
        r, ngx_http_pytake_module))

#endif
