/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_glue.h: the hub on an event loop.  The logic (hub.h) is given its sockets
 * (hub_sock.c, hub_handshake.c), its statements for PostgreSQL (hub_db.c) and
 * its channels of Redis (hub_bus.c).  hub_part.c puts them together as a part
 * of "pytake serve".
 */

#ifndef HUB_GLUE_H
#define HUB_GLUE_H

#include "base/batch.h"
#include "hub.h"
#include "hub_admission.h"
#include "hub_trust.h"
#include "hub_http.h"
#include "io/pt_redis.h"
#include "io/pt_redis_sub.h"
#include "base/part.h"

#define HUB_READ_SIZE (64u * 1024) /* bytes read from a socket at once */
/* Places for sockets that have not authenticated: 5 % of capacity, but not
 * fewer than these. */
#define HUB_GUESTS_MIN 64u
/* Sockets whose request is being read: as many, but not fewer than these,
 * because NGINX sends a request at once and the place is soon free again. */
#define HUB_HANDSHAKES_MIN 512u
#define HUB_HANDSHAKE_MS 10000
#define HUB_DB_PARAMS_SIZE (64u * 1024) /* bytes of a batch's parameters */
#define HUB_POLL_MS 2000u
/* The poll looks back further than to the last one by so long, because a
 * revocation is committed later than the time that it carries. */
#define HUB_POLL_OVERLAP_S 10
#define HUB_PEERS_MAX 16   /* user ids that may connect */
#define HUB_PRINTS_MAX 256 /* bytes of the fingerprints in /health */

typedef struct hub_glue_s      hub_glue_t;
typedef struct hub_sock_s      hub_sock_t;
typedef struct hub_handshake_s hub_handshake_t;
typedef struct hub_job_s       hub_job_t;
typedef struct hub_asked_s     hub_asked_t;

/* What hub_sock.c calls for a socket before its upgrade; hub_handshake.c has
 * the functions, which hub_sock.c cannot name because it lies below. */
typedef struct {
    /* Begins the handshake of a new socket; NULL: out of memory. */
    hub_handshake_t *(*make)(hub_sock_t *s);
    /* Frees s->handshake, if there is one. */
    void (*del)(hub_sock_t *s);
    /* The socket has bytes, or accepts some.  Both may free s. */
    void (*read)(hub_sock_t *s);
    void (*write)(hub_sock_t *s);
} hub_handshake_ops_t;

/* One socket, from accept() to close().  Kept small, for there are many. */
struct hub_sock_s {
    hub_glue_t      *glue;
    pt_io_t         *io;
    hub_conn_t      *conn;      /* NULL until the upgrade was answered */
    hub_handshake_t *handshake; /* NULL from then on */
    hub_guest_t     *guest;     /* NULL: it has authenticated, or not asked */
    int              fd;
};

/* A session that is to be looked up, with the ticket of its connection. */
struct hub_asked_s {
    uint64_t  ticket;
    pt_uuid_t session;
    pt_uuid_t tenant;
    pt_uuid_t user;
};

/* A query that is under way.  It lies on the arena of its batch and is freed
 * with it. */
struct hub_job_s {
    hub_job_t         *next; /* in jobs */
    hub_job_t         *prev;
    hub_glue_t        *glue;
    batch_t           *batch;
    pt_uuid_t          tenant;
    int64_t            first; /* first event; of a poll: when it was asked */
    int64_t            last;  /* last event */
    const hub_asked_t *asked; /* sessions, on the arena */
    size_t             nasked;
};

struct hub_glue_s {
    const part_host_t *serve; /* borrowed, outlives the part */
    pt_loop_t         *loop;  /* serve->base */
    loop_t            *turns; /* serve->loop */
    pt_mem_t           mem;
    hub_t             *hub;
    pt_jwt_t          *jwt;
    bool               stopping; /* SIGTERM came: no new connections */
    pt_timer_t        *second;   /* PT_TIMER_HOUSE, for hub_tick() */
    pt_timer_t        *soon;     /* PT_TIMER_HOUSE, for an earlier hub_tick() */
    int64_t            soon_ms;  /* when it fires; 0: it is not set */
    pt_timer_t        *hold;     /* PT_TIMER_HOLD, while sockets are drained */

    /* hub_sock.c */
    const hub_handshake_ops_t *handshake;

    int         listen_fd;
    int         spare_fd; /* given up to accept and refuse one socket more */
    pt_io_t    *listen_io;
    pt_timer_t *accept_again;           /* when descriptors have run out */
    bool        enabled;                /* WEBSOCKET_ENABLED */
    char        prints[HUB_PRINTS_MAX]; /* JSON members, of the configuration */
    uint32_t    conns_max;              /* sockets there are descriptors for */
    uint32_t    handshakes_max;
    uint32_t    nyoung; /* handshakes under way */
    hub_handshake_t
        *young; /* the newest of them; the list goes to older ones */
    hub_handshake_t *young_last;
    hub_admission_t  admission;
    uint64_t         displaced; /* guests who made room for others */
    int              npeers;
    uint32_t         peers[HUB_PEERS_MAX]; /* user ids that may connect */
    uint32_t         peer_gid; /* group that may connect; (uint32_t) -1: none */
    uint64_t         refused;  /* sockets refused with 503 */
    uint8_t         *buf;      /* HUB_READ_SIZE bytes, for all sockets */

    /* hub_db.c */
    pt_pool_t   *pool; /* NULL: not started, or stopped */
    pt_timer_t  *poll;
    bool         polling;    /* a poll is under way */
    bool         poll_again; /* another one is wanted right after it */
    bool         db_away;    /* the last query failed, and that was logged */
    int64_t      polled_ms;  /* when the last good poll was asked */
    hub_job_t   *jobs;       /* queries under way */
    hub_asked_t *asked;      /* sessions that wait for a query */
    size_t       nasked;
    size_t       asked_cap;
    uint32_t     asking; /* queries about sessions under way */

    /* hub_bus.c */
    pt_redis_t     *pub;
    pt_redis_sub_t *sub;
    hub_trust_t     trust;
    uint64_t        doubted; /* frames without a good signature, as logged */
};

/* ---- hub_listen.c ---- */

/* Listens on the unix socket path; root, this user and the members of group
 * (NULL: no group) may connect.  PT_EINTERNAL: it cannot listen, and the log
 * says why; PT_ENOMEM; PT_ELIMIT: epoll does not take the socket. */
pt_err_t hub_listen_start(hub_glue_t *g, const char *path,
                          const char *group) PT_MUST_CHECK;

/* Accepts nobody any more.  Idempotent. */
void hub_listen_stop(hub_glue_t *g);

/* ---- hub_sock.c ---- */

/* Handlers of the loop: accepts the sockets that wait, and begins to accept
 * again when descriptors had run out. */
void hub_sock_accept(void *data, int events);
void hub_sock_accept_again(void *data);

/* Closes and frees a socket, with its handshake and its place as a guest. */
void hub_sock_del(hub_sock_t *s);

/* Reads from an upgraded socket. */
void hub_sock_read(hub_sock_t *s);

/* Waits for these events (PT_IO_*).  PT_ELIMIT: epoll does not take it. */
pt_err_t hub_sock_want(hub_sock_t *s, int events) PT_MUST_CHECK;

/* Functions of hub_ops_t; sock is a hub_sock_t. */
ptrdiff_t hub_sock_write(void *sock, const hub_iov_t *iov, int n);
void      hub_sock_want_write(void *sock, bool on);
void      hub_sock_admitted(void *sock);
void      hub_sock_close(void *sock);

/* Gives a socket that has not authenticated a place, if need be that of
 * another one, which is displaced.  addr is the client's address.  false:
 * there is no place, or no memory. */
bool hub_sock_guest(hub_sock_t *s, pt_str_t addr);

/* ---- hub_handshake.c ---- */

extern const hub_handshake_ops_t hub_handshake_ops;

/* Ends the handshakes that take longer than HUB_HANDSHAKE_MS. */
void hub_handshake_tick(hub_glue_t *g);

/* Closes the sockets of all handshakes. */
void hub_handshake_abort(hub_glue_t *g);

/* ---- hub_db.c ---- */

/* Makes the pool of connections to PostgreSQL.  Errors: those of
 * pt_pool_new(). */
pt_err_t hub_db_start(hub_glue_t *g, const part_host_t *serve) PT_MUST_CHECK;

/* Ends the pool and frees the queries under way, which are not answered.
 * Idempotent. */
void hub_db_stop(hub_glue_t *g);

/* Makes a query whose arena has size bytes for its parameters and for what its
 * handler needs.  It belongs to the caller until hub_db_submit().  NULL: out
 * of memory, or the hub has stopped. */
hub_job_t *hub_db_job(hub_glue_t *g, size_t size);

/* Hands j to the pool, which calls handler(j) once, later.  tenant is the one
 * it asks about, NULL when it asks about several.  On an error, those of
 * batch_submit(), j was freed. */
pt_err_t hub_db_submit(hub_job_t *j, const pt_uuid_t *tenant,
                       batch_handler_pt handler) PT_MUST_CHECK;

/* Takes j out of the list of queries under way.  Every handler calls it first;
 * the batch is freed behind the handler. */
void hub_db_end(hub_job_t *j);

/* Logs when the database begins to fail, and when it is back. */
void hub_db_report(hub_glue_t *g, const pytake_sql_result_t *result);

/* Functions of hub_ops_t; env is the hub_glue_t.  PT_ENOMEM, and the errors of
 * batch_submit(). */
pt_err_t hub_db_load_tenant(void *env, const pt_uuid_t *tenant, uint32_t limit);
pt_err_t hub_db_load_events(void *env, const pt_uuid_t *tenant, int64_t first,
                            int64_t last);
pt_err_t hub_db_load_reach(void *env, const pt_uuid_t *tenant, int64_t first,
                           int64_t last, int64_t bytes);

/* ---- hub_db_session.c ---- */

/* Sends the look-ups that were collected in this turn of the loop. */
void hub_db_session_turn(hub_glue_t *g);

/* Function of hub_ops_t: collects a look-up.  PT_EBUSY: too many wait, or out
 * of memory. */
pt_err_t hub_db_session_check(void *env, const pt_claims_t *claims,
                              uint64_t ticket);

/* ---- hub_db_poll.c ---- */

/* Begins to poll every HUB_POLL_MS.  PT_ENOMEM. */
pt_err_t hub_db_poll_start(hub_glue_t *g) PT_MUST_CHECK;

/* Ends it.  Idempotent. */
void hub_db_poll_stop(hub_glue_t *g);

/* Polls at once, or once more after the poll that is under way. */
void hub_db_poll_now(hub_glue_t *g);

/* ---- hub_bus.c ---- */

/* Begins to connect to Redis, once to publish and once to listen.  Errors:
 * those of pt_redis_new() and pt_redis_sub_new(). */
pt_err_t hub_bus_start(hub_glue_t *g, const part_host_t *serve) PT_MUST_CHECK;

/* Ends both connections.  Idempotent. */
void hub_bus_stop(hub_glue_t *g);

/* Functions of hub_ops_t; env is the hub_glue_t. */
void hub_bus_publish(void *env, const pt_uuid_t *tenant, pt_str_t payload);
void hub_bus_tenant_on(void *env, const pt_uuid_t *tenant);
void hub_bus_tenant_off(void *env, const pt_uuid_t *tenant);

#endif
