/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_glue.h: the hub on a loop: its sockets (hub_sock.c, hub_handshake.c), its
 * statements (hub_db.c), its channels (hub_bus.c).  hub_part.c puts them
 * together for "pytake serve".
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

#define HUB_READ_SIZE (64u * 1024)
#define HUB_GUESTS_MIN 64u      /* unauthenticated: 5 % of capacity, or this */
#define HUB_HANDSHAKES_MIN 512u /* handshakes: NGINX sends a head at once */
#define HUB_HANDSHAKE_MS 10000
#define HUB_DB_PARAMS_SIZE (64u * 1024)
#define HUB_POLL_MS 2000u
#define HUB_POLL_OVERLAP_S 10 /* a revocation's commit comes after its time */
#define HUB_PEERS_MAX 16
#define HUB_PRINTS_MAX 256

typedef struct hub_glue_s      hub_glue_t;
typedef struct hub_sock_s      hub_sock_t;
typedef struct hub_handshake_s hub_handshake_t;
typedef struct hub_job_s       hub_job_t;
typedef struct hub_asked_s     hub_asked_t;

/* What a socket does before its upgrade. */
typedef struct {
    /* A new socket: NULL when out of memory. */
    hub_handshake_t *(*make)(hub_sock_t *s);
    void (*del)(hub_sock_t *s);
    void (*read)(hub_sock_t *s);
    void (*write)(hub_sock_t *s);
} hub_handshake_ops_t;

/* Kept small: one a socket, for its whole life. */
struct hub_sock_s {
    hub_glue_t      *glue;
    pt_io_t         *io;
    hub_conn_t      *conn; /* NULL: its request is being read or answered */
    hub_handshake_t *handshake; /* until the upgrade */
    hub_guest_t     *guest;     /* NULL: it has told who it is */
    int              fd;
};

/* A session that was asked for. */
struct hub_asked_s {
    uint64_t  ticket;
    pt_uuid_t session;
    pt_uuid_t tenant;
    pt_uuid_t user;
};

/* A question under way, on its batch's arena. */
struct hub_job_s {
    hub_job_t         *next;
    hub_job_t         *prev;
    hub_glue_t        *glue;
    batch_t           *batch;
    pt_uuid_t          tenant;
    int64_t            first;
    int64_t            last;
    const hub_asked_t *asked;
    size_t             nasked;
};

struct hub_glue_s {
    const part_host_t *serve;
    pt_loop_t         *loop;
    loop_t            *turns;
    pt_mem_t           mem;
    hub_t             *hub;
    pt_jwt_t          *jwt;
    bool               stopping;
    pt_timer_t        *second;  /* HOUSE: hub_tick() */
    pt_timer_t        *soon;    /* HOUSE: holes, and sockets that have more */
    int64_t            soon_ms; /* when; 0: not set */
    pt_timer_t        *hold;    /* HOLD: sockets that say goodbye */

    /* hub_sock.c */
    const hub_handshake_ops_t *handshake;

    int         listen_fd;
    int         spare_fd; /* so that even the last socket gets an answer */
    pt_io_t    *listen_io;
    pt_timer_t *accept_again;
    bool        enabled;
    char        prints[HUB_PRINTS_MAX]; /* JSON: what it was started with */
    uint32_t    conns_max;
    uint32_t    handshakes_max;
    uint32_t    nyoung;
    hub_handshake_t *young; /* handshakes, newest first */
    hub_handshake_t *young_last;
    hub_admission_t  admission;
    uint64_t         displaced; /* guests who made room */
    int              npeers;
    uint32_t         peers[HUB_PEERS_MAX]; /* uids that may connect */
    uint32_t         peer_gid;
    uint64_t         refused;
    uint8_t         *buf; /* HUB_READ_SIZE, shared by all sockets */

    /* hub_db.c */
    pt_pool_t   *pool;
    pt_timer_t  *poll;
    bool         polling;
    bool         poll_again;
    bool         db_away; /* said so */
    int64_t      polled_ms;
    hub_job_t   *jobs;
    hub_asked_t *asked;
    size_t       nasked;
    size_t       asked_cap;
    uint32_t     asking; /* queries under way */

    /* hub_bus.c */
    pt_redis_t     *pub;
    pt_redis_sub_t *sub;
    hub_trust_t     trust;
    uint64_t        doubted; /* of its frames, when it was last said */
};

/* ---- hub_listen.c ---- */

pt_err_t hub_listen_start(hub_glue_t *g, const char *path,
                          const char *group) PT_MUST_CHECK;
void     hub_listen_stop(hub_glue_t *g); /* idempotent */

/* ---- hub_sock.c ---- */

void     hub_sock_accept(void *data, int events);
void     hub_sock_accept_again(void *data);
void     hub_sock_del(hub_sock_t *s);
void     hub_sock_read(hub_sock_t *s);
pt_err_t hub_sock_want(hub_sock_t *s, int events) PT_MUST_CHECK;
/* hub_ops_t's */
ptrdiff_t hub_sock_write(void *sock, const hub_iov_t *iov, int n);
void      hub_sock_want_write(void *sock, bool on);
void      hub_sock_admitted(void *sock);
void      hub_sock_close(void *sock);
/* It has not told who it is; false: there is no place for one more. */
bool hub_sock_guest(hub_sock_t *s, pt_str_t addr);

/* ---- hub_handshake.c ---- */

extern const hub_handshake_ops_t hub_handshake_ops;
void hub_handshake_tick(hub_glue_t *g);  /* slow ones */
void hub_handshake_abort(hub_glue_t *g); /* all of them */

/* ---- hub_db.c ---- */

pt_err_t hub_db_start(hub_glue_t *g, const part_host_t *serve) PT_MUST_CHECK;
void     hub_db_stop(hub_glue_t *g);
/* A new one, size bytes for parameters and the answer's own; NULL: out of
 * memory, or stopped. */
hub_job_t *hub_db_job(hub_glue_t *g, size_t size);
/* Hands it over (tenant NULL: of all), or frees it. */
pt_err_t hub_db_submit(hub_job_t *j, const pt_uuid_t *tenant,
                       batch_handler_pt handler) PT_MUST_CHECK;
/* First of a handler: it is under way no more, the batch frees itself. */
void hub_db_end(hub_job_t *j);
/* Says that the database is away, once, and that it is back. */
void hub_db_report(hub_glue_t *g, const pytake_sql_result_t *result);
/* hub_ops_t's */
pt_err_t hub_db_load_tenant(void *env, const pt_uuid_t *tenant, uint32_t limit);
pt_err_t hub_db_load_events(void *env, const pt_uuid_t *tenant, int64_t first,
                            int64_t last);
pt_err_t hub_db_load_reach(void *env, const pt_uuid_t *tenant, int64_t first,
                           int64_t last, int64_t bytes);

/* ---- hub_db_session.c ---- */

void hub_db_session_turn(hub_glue_t *g); /* sends what was asked in this turn */
/* hub_ops_t's */
pt_err_t hub_db_session_check(void *env, const pt_claims_t *claims,
                              uint64_t ticket);

/* ---- hub_db_poll.c ---- */

pt_err_t hub_db_poll_start(hub_glue_t *g) PT_MUST_CHECK;
void     hub_db_poll_stop(hub_glue_t *g); /* idempotent */
void     hub_db_poll_now(hub_glue_t *g);

/* ---- hub_bus.c ---- */

pt_err_t hub_bus_start(hub_glue_t *g, const part_host_t *serve) PT_MUST_CHECK;
void     hub_bus_stop(hub_glue_t *g);
/* hub_ops_t's */
void hub_bus_publish(void *env, const pt_uuid_t *tenant, pt_str_t payload);
void hub_bus_tenant_on(void *env, const pt_uuid_t *tenant);
void hub_bus_tenant_off(void *env, const pt_uuid_t *tenant);

#endif
