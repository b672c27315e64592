/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub.h: the hub's logic, without sockets, SQL or clock: who is connected,
 * what each has had, what comes next.  The glue (hub_sock.c, hub_db.c)
 * performs hub_ops_t and calls the hub_on_*() functions; tests are another
 * glue.  docs/hub.md explains; rules are told where they act.
 *
 * One tenant's events are a ring in memory and pages of the log.  A
 * connection holds a cursor, not a queue: live, slow and resuming clients
 * are one code path.
 */

#ifndef HUB_H
#define HUB_H

#include "core/trust/pt_jwt.h"
#include "core/base/pt_buf.h"
#include "hub_ring.h"

#define HUB_PAGE_EVENTS 500u /* a page of the log, aligned */
#define HUB_PAGES_MAX 64u    /* pages in memory, all tenants */
#define HUB_PAGES_BYTES_MAX (32u * 1024 * 1024)
#define HUB_REPLAY_MAX 10000 /* events; then too_far */
#define HUB_REPLAY_BYTES (INT64_C(8) * 1024 * 1024)
#define HUB_IOV_MAX 64
#define HUB_WRITE_MAX (256u * 1024) /* a socket's share of one turn */
#define HUB_USER_CONNS_MAX 10u
#define HUB_AUTH_MS 10000u
#define HUB_AUTH_PRESSED_MS 2000u /* while many have not told who they are */
#define HUB_REORDER_MS 20u        /* a hole may be mere reordering */
#define HUB_SYNC_S 25u
#define HUB_EXPIRING_S 120
#define HUB_EXPIRED_GRACE_S 25
#define HUB_STALL_S 30u /* no byte accepted */
#define HUB_CLOSE_S 5u  /* for the peer's close frame */
/* After a codec error its bytes are eaten unseen; but a socket closed with
 * unread bytes is a reset, which may overtake our close frame: one second,
 * and what is left of the one that runs. */
#define HUB_CLOSE_FAILED_S 2u /* so it is for who never told who it is */
#define HUB_RATE 20u          /* messages a second from a client */
#define HUB_RATE_BURST 40u
#define HUB_RATE_STRIKES 200u /* dropped in a row: 4101 */
#define HUB_MALFORMED_MAX 3u
#define HUB_SESSION_CHECK_S 60u /* a row that has gone revokes nothing */
#define HUB_TYPING_EVERY_MS 3000u
#define HUB_TYPING_STOP_MS 6000u
#define HUB_TYPING_RECENT 4u /* starts of a socket in HUB_TYPING_EVERY_MS */
#define HUB_PRIVATE_MAX 64u  /* control frames waiting for one socket */
#define HUB_TOKEN_MAX 8192u
#define HUB_TENANTS_BUCKETS 1024u
#define HUB_RINGS_BYTES_MAX (256u * 1024 * 1024) /* all tenants' */
#define HUB_TENANT_IDLE_S 300u /* a ring without sockets is kept so long */

/* Close codes of ours (docs/hub.md): 40xx do not reconnect, 41xx
 * back off, 42xx reconnect now. */
#define HUB_CLOSE_UNKNOWN_TYPE 4000
#define HUB_CLOSE_MALFORMED 4001
#define HUB_CLOSE_TOKEN 4002
#define HUB_CLOSE_FORBIDDEN 4003
#define HUB_CLOSE_AUTH_TIMEOUT 4004
#define HUB_CLOSE_REVOKED 4005
#define HUB_CLOSE_TOO_MANY 4006
#define HUB_CLOSE_VERSION 4007
#define HUB_CLOSE_RATE 4101
#define HUB_CLOSE_SLOW 4102
#define HUB_CLOSE_BACKEND 4103
#define HUB_CLOSE_DRAIN 4200
#define HUB_CLOSE_PONG 4201
#define HUB_CLOSE_EXPIRED 4202

typedef struct hub_s        hub_t;
typedef struct hub_conn_s   hub_conn_t;
typedef struct hub_tenant_s hub_tenant_t;

typedef struct {
    const void *data;
    size_t      len;
} hub_iov_t;

/* What the glue does.  sock is the glue's own; env is conf.env. */
typedef struct {
    /* Bytes accepted (0: not now), or -1: the socket is dead. */
    ptrdiff_t (*write)(void *sock, const hub_iov_t *iov, int n);
    void (*want_write)(void *sock, bool on);
    /* It has told who it is: its token is good. */
    void (*admitted)(void *sock);
    /* The last call for this sock: nothing is sent any more. */
    void (*close)(void *sock);

    /* Asynchronous look-ups; each PT_OK is answered once, later, by the
     * named hub_on_*(); an error means "not now". */
    /* head, and the events above head - limit: hub_on_tenant() */
    pt_err_t (*load_tenant)(void *env, const pt_uuid_t *tenant, uint32_t limit);
    /* events first..last: hub_on_events() */
    pt_err_t (*load_events)(void *env, const pt_uuid_t *tenant, int64_t first,
                            int64_t last);
    /* of the events first..last the newest from which on more than bytes are
     * logged: hub_on_reach() */
    pt_err_t (*load_reach)(void *env, const pt_uuid_t *tenant, int64_t first,
                           int64_t last, int64_t bytes);
    /* hub_on_session() with the ticket */
    pt_err_t (*check_session)(void *env, const pt_claims_t *claims,
                              uint64_t ticket);
    /* other hubs get it: their hub_on_ephemeral() */
    void (*publish)(void *env, const pt_uuid_t *tenant, pt_str_t payload);
    /* listen to this tenant's doorbells from here on; and no more */
    void (*tenant_on)(void *env, const pt_uuid_t *tenant);
    void (*tenant_off)(void *env, const pt_uuid_t *tenant);

    int64_t (*now_ms)(void *env);  /* monotonic */
    int64_t (*wall_us)(void *env); /* unix time */
} hub_ops_t;

typedef struct {
    pt_mem_t         mem;
    const hub_ops_t *ops;
    void            *env;
    const pt_jwt_t  *jwt;
    uint32_t         ping_s; /* WEBSOCKET_PING_INTERVAL */
    uint32_t         pong_s; /* WEBSOCKET_PONG_TIMEOUT */
    uint32_t         conns_max;
    size_t           rings_max; /* bytes of events in memory */
    uint8_t          seed[32];  /* connection ids, jitter */
} hub_conf_t;

/* PT_ENOMEM. */
pt_err_t hub_new(const hub_conf_t *conf, hub_t **out) PT_MUST_CHECK;
void     hub_del(hub_t *h); /* every connection must be gone */

/* ---- connections ---- */

/* Where a client goes on; id nil: it did not say. */
typedef struct {
    int64_t   seq;
    pt_uuid_t id;
} hub_since_t;

/* A socket whose upgrade is answered.  claims: who it is when NGINX checked
 * the Authorization header, NULL: the first frame tells.  since: with
 * claims only; may be NULL.  worker: pid of the
 * NGINX worker in between, 0: none.  NULL: out of memory (or over conns_max):
 * the caller closes. */
hub_conn_t *hub_conn_new(hub_t *h, void *sock, const pt_claims_t *claims,
                         const hub_since_t *since, int32_t worker);

/* Ends it with a close frame (4007 and the like). */
void hub_conn_close(hub_conn_t *c, uint16_t code, const char *reason);

/* Ends one that has not told who it is, at once, for others' sake: 1013. */
void hub_conn_displace(hub_conn_t *c);

/* Whether many have not told who they are: HUB_AUTH_PRESSED_MS. */
void hub_press(hub_t *h, bool pressed);

/* Bytes came (unmasked in place). */
void hub_on_read(hub_conn_t *c, uint8_t *data, size_t len);
void hub_on_writable(hub_conn_t *c);
/* The peer is gone; ops.close() follows with the next hub_flush(). */
void hub_on_eof(hub_conn_t *c);

/* ---- answers of the look-ups ---- */

typedef struct {
    int64_t   seq;
    pt_uuid_t id;
    pt_str_t  frame;
} hub_row_t;

/* err: PT_OK, or the look-up failed.  head 0: no event yet. */
void hub_on_tenant(hub_t *h, const pt_uuid_t *tenant, pt_err_t err,
                   int64_t head, const pt_uuid_t *head_id,
                   const hub_row_t *rows, size_t n);
void hub_on_events(hub_t *h, const pt_uuid_t *tenant, pt_err_t err,
                   int64_t first, int64_t last, const hub_row_t *rows,
                   size_t n);
/* seq 0: there is none. */
void hub_on_reach(hub_t *h, const pt_uuid_t *tenant, pt_err_t err, int64_t seq);
/* alive: the session lives; tenant and user are the claims', name and
 * role are the user's. */
void hub_on_session(hub_t *h, uint64_t ticket, pt_err_t err, bool alive,
                    const pt_uuid_t *tenant, const pt_uuid_t *user,
                    pt_str_t name, pt_str_t role);

/* ---- the world speaks ---- */

/* A doorbell: "<seq> <frame>" or "<seq>". */
void hub_on_bell(hub_t *h, const pt_uuid_t *tenant, pt_str_t payload);
/* What another hub's ops.publish() was given. */
void hub_on_ephemeral(hub_t *h, const pt_uuid_t *tenant, pt_str_t payload);
/* From here on what other hubs publish for this tenant is heard. */
void hub_on_listening(hub_t *h, const pt_uuid_t *tenant);
/* One row of the head poll (one poll at a time: see hub_tenants_each). */
void hub_on_head(hub_t *h, const pt_uuid_t *tenant, int64_t seq,
                 const pt_uuid_t *id);
/* The database says that this session has ended. */
void hub_on_revoked(hub_t *h, const pt_uuid_t *tenant,
                    const pt_uuid_t *session);
/* Somebody says so: its sockets' session is looked up. */
void hub_on_doubt(hub_t *h, const pt_uuid_t *tenant, const pt_uuid_t *session);

/* Drops every connection at once. */
void hub_abort(hub_t *h);

/* All tenants in memory, with sockets or not; how many. */
void     hub_tenants_all(hub_t *h,
                         void (*each)(void *data, const pt_uuid_t *tenant),
                         void *data);
uint32_t hub_tenants(const hub_t *h);

/* Begins a head poll: calls each for all tenants that have sockets. */
void hub_tenants_each(hub_t *h,
                      void (*each)(void *data, const pt_uuid_t *tenant),
                      void *data);

/* Timers: call every second; and flush after every turn of the loop. */
void hub_tick(hub_t *h);
void hub_flush(hub_t *h);

/* Paced farewell: a reconnect frame now, close 4200 at random within spread.
 * worker: only sockets of that NGINX worker, those that come later as well;
 * 0: all. */
void hub_drain(hub_t *h, int32_t worker, uint32_t spread_ms);
/* Whether a hole is being waited for (HUB_REORDER_MS): tick sooner. */
bool hub_is_waiting(const hub_t *h);
/* Whether a socket has more to write: flush again without waiting. */
bool hub_is_dirty(const hub_t *h);

/* ---- numbers ---- */

uint32_t hub_conns(const hub_t *h);
uint32_t hub_conns_waiting(const hub_t *h); /* not authenticated yet */

/* Prometheus text into out (size_max bounded by the buffer). */
void hub_metrics_write(const hub_t *h, pt_buf_t *out);

#endif
