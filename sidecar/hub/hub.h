/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub.h: the logic of the hub, without sockets, SQL or clock: which clients
 * are connected, which events each of them has received, and what each is
 * sent next.
 *
 * The glue (hub_sock.c, hub_db.c, hub_bus.c) performs the functions of
 * hub_ops_t and calls the hub_on_*() functions when something has happened;
 * the unit tests are another glue.  docs/hub.md describes the protocol.
 *
 * The hub keeps the last events of a tenant in a ring in memory (hub_ring.h)
 * and reads older ones from the event log, a page at a time.  A connection
 * holds a cursor into that sequence and no queue of its own, so that live,
 * slow and resuming clients are one code path.
 *
 * Everything here runs on one thread.  No function blocks.  A connection is
 * never freed inside a call that was given it, but at the end of the turn, by
 * hub_flush().
 */

#ifndef HUB_H
#define HUB_H

#include "core/trust/pt_jwt.h"
#include "core/base/pt_buf.h"
#include "hub_ring.h"

/* Events of one page of the log; a page begins at a multiple of it, plus 1. */
#define HUB_PAGE_EVENTS 500u
/* Pages that are kept in memory for all tenants together, and their bytes. */
#define HUB_PAGES_MAX 64u
#define HUB_PAGES_BYTES_MAX (32u * 1024 * 1024)
/* Events and bytes that a client may have missed; with more it is told to
 * reload ("too_far"). */
#define HUB_REPLAY_MAX 10000
#define HUB_REPLAY_BYTES (INT64_C(8) * 1024 * 1024)
/* Frames of one write to a socket. */
#define HUB_IOV_MAX 64
/* Bytes after which a socket waits, so that others get their turn. */
#define HUB_WRITE_MAX (256u * 1024)
#define HUB_USER_CONNS_MAX 10u
/* Time that a client has to authenticate, and the shorter one that it has
 * while many others have not authenticated either (hub_press()). */
#define HUB_AUTH_MS 10000u
#define HUB_AUTH_PRESSED_MS 2000u
/* A missing event is asked for after this time, because Redis may only have
 * delivered two doorbells in the wrong order. */
#define HUB_REORDER_MS 20u
#define HUB_SYNC_S 25u
/* The client is told so long before its token expires, and is disconnected
 * when it has expired for the grace time. */
#define HUB_EXPIRING_S 120
#define HUB_EXPIRED_GRACE_S 25
/* A socket that accepts no byte for this time is closed. */
#define HUB_STALL_S 30u
/* How long the hub waits for the close frame of the peer (RFC 6455, section
 * 7.1.1). */
#define HUB_CLOSE_S 5u
/* The wait after a protocol error, and for a client that has not
 * authenticated.  What the peer still sends is read and dropped in that time:
 * a socket that is closed with unread bytes is reset, and the reset may
 * overtake our close frame.  It is one second, and the rest of the current
 * one. */
#define HUB_CLOSE_FAILED_S 2u
/* Messages that a client may send in a second, and at once. */
#define HUB_RATE 20u
#define HUB_RATE_BURST 40u
/* Messages dropped in a row after which the client is closed with 4101. */
#define HUB_RATE_STRIKES 200u
#define HUB_MALFORMED_MAX 3u
/* How often the session of a live socket is looked up again: a session whose
 * row is missing (a restored database) is not announced as revoked. */
#define HUB_SESSION_CHECK_S 60u
#define HUB_TYPING_EVERY_MS 3000u
#define HUB_TYPING_STOP_MS 6000u
/* Conversations in which a socket may begin to type in HUB_TYPING_EVERY_MS. */
#define HUB_TYPING_RECENT 4u
/* Control frames that may wait for one socket. */
#define HUB_PRIVATE_MAX 64u
#define HUB_TOKEN_MAX 8192u
#define HUB_TENANTS_BUCKETS 1024u
/* Bytes of the rings of all tenants together. */
#define HUB_RINGS_BYTES_MAX (256u * 1024 * 1024)
/* A tenant without sockets stays in memory for this time. */
#define HUB_TENANT_IDLE_S 300u

/* The close codes that PyTake adds to those of RFC 6455 (docs/hub.md).  After
 * 40xx a client does not reconnect, after 41xx it backs off first, after 42xx
 * it reconnects at once. */
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

/* A piece of what is written to a socket, borrowed during the call. */
typedef struct {
    const void *data;
    size_t      len;
} hub_iov_t;

/*
 * What the glue performs for the hub.  sock is the pointer that hub_conn_new()
 * was given, env is that of hub_conf_t.  All arguments are borrowed during the
 * call.
 */
typedef struct {
    /* Writes the n pieces of iov (1 to HUB_IOV_MAX).  Returns how many bytes
     * the socket accepted, 0 when it accepts none now, and -1 when it is
     * broken. */
    ptrdiff_t (*write)(void *sock, const hub_iov_t *iov, int n);
    /* Whether hub_on_writable() is wanted when the socket accepts bytes. */
    void (*want_write)(void *sock, bool on);
    /* The token of this client is good: it needs no place among those who
     * have not authenticated any more. */
    void (*admitted)(void *sock);
    /* Closes the socket.  It is the last call for this sock. */
    void (*close)(void *sock);

    /* Look-ups.  PT_OK means that the named hub_on_*() is called once, later
     * and never inside this call.  Any error means that nothing was asked;
     * the hub tries again later. */

    /* Reads the head of the log and at most limit events up to it:
     * hub_on_tenant(). */
    pt_err_t (*load_tenant)(void *env, const pt_uuid_t *tenant, uint32_t limit);
    /* Reads the events first to last, both included: hub_on_events(). */
    pt_err_t (*load_events)(void *env, const pt_uuid_t *tenant, int64_t first,
                            int64_t last);
    /* Finds, among the events first to last, the newest one from which on
     * more than bytes bytes are logged: hub_on_reach(). */
    pt_err_t (*load_reach)(void *env, const pt_uuid_t *tenant, int64_t first,
                           int64_t last, int64_t bytes);
    /* Looks up whether the session of these claims is alive:
     * hub_on_session() with the same ticket. */
    pt_err_t (*check_session)(void *env, const pt_claims_t *claims,
                              uint64_t ticket);

    /* Sends payload to the other hubs, which receive it by
     * hub_on_ephemeral().  It may be lost. */
    void (*publish)(void *env, const pt_uuid_t *tenant, pt_str_t payload);
    /* Begins and ends listening to the channels of this tenant. */
    void (*tenant_on)(void *env, const pt_uuid_t *tenant);
    void (*tenant_off)(void *env, const pt_uuid_t *tenant);

    int64_t (*now_ms)(void *env);  /* monotonic time in milliseconds */
    int64_t (*wall_us)(void *env); /* Unix time in microseconds */
} hub_ops_t;

/* ops, env and jwt are borrowed until hub_del(); the rest is copied. */
typedef struct {
    pt_mem_t         mem; /* allocator of everything the hub keeps */
    const hub_ops_t *ops;
    void            *env;       /* first argument of the functions in ops */
    const pt_jwt_t  *jwt;       /* key that tokens are verified with */
    uint32_t         ping_s;    /* WEBSOCKET_PING_INTERVAL */
    uint32_t         pong_s;    /* WEBSOCKET_PONG_TIMEOUT */
    uint32_t         conns_max; /* connections at once */
    size_t           rings_max; /* bytes of all rings together */
    uint8_t          seed[32];  /* random bytes, for the pace of hub_drain() */
} hub_conf_t;

/* Makes a hub without connections in *out; the caller owns it and frees it
 * with hub_del().  conf is borrowed during the call.  PT_ENOMEM: out of memory,
 * *out is unchanged. */
pt_err_t hub_new(const hub_conf_t *conf, hub_t **out) PT_MUST_CHECK;

/* Frees h and all tenants.  Every connection must have ended (hub_abort()).
 * NULL is allowed. */
void hub_del(hub_t *h);

/* ---- connections ---- */

/* The last event that a resuming client has had.  id is the nil UUID when the
 * client gave the number alone. */
typedef struct {
    int64_t   seq;
    pt_uuid_t id;
} hub_since_t;

/*
 * Adds a socket whose upgrade was answered.  sock is handed to hub_ops_t until
 * ops.close(), which is called for every connection made here.  claims says
 * who the client is when NGINX has checked its Authorization header; with NULL
 * the client authenticates by its first frame.  since is where it goes on, or
 * NULL; it counts with claims only.  worker is the pid of the worker of NGINX
 * in between, 0 when it is not known.  claims and since are borrowed during
 * the call.
 *
 * The connection belongs to h.  NULL: out of memory, or conns_max is reached;
 * the caller closes the socket then.
 */
hub_conn_t *hub_conn_new(hub_t *h, void *sock, const pt_claims_t *claims,
                         const hub_since_t *since, int32_t worker);

/* Ends the connection with a close frame of this code and reason (a literal of
 * at most 123 bytes; more is cut off) and waits HUB_CLOSE_S for the peer's.
 * A connection that already ends is left as it is. */
void hub_conn_close(hub_conn_t *c, uint16_t code, const char *reason);

/* Ends a connection that has not authenticated, without waiting for its close
 * frame, because another needs its place.  The code is 1013 (try again). */
void hub_conn_displace(hub_conn_t *c);

/* Says whether many clients have not authenticated: if so, each has only
 * HUB_AUTH_PRESSED_MS for it. */
void hub_press(hub_t *h, bool pressed);

/* len bytes came from the peer.  They are unmasked in place (RFC 6455, section
 * 5.3), so the caller's buffer is changed; it is borrowed during the call. */
void hub_on_read(hub_conn_t *c, uint8_t *data, size_t len);

/* The socket accepts bytes again, as ops.want_write() asked for. */
void hub_on_writable(hub_conn_t *c);

/* The peer has closed the socket, or it is broken.  ops.close() follows with
 * the next hub_flush(). */
void hub_on_eof(hub_conn_t *c);

/* ---- answers of the look-ups ---- */

/* One event of the log: its number, its id and the JSON text that clients are
 * sent. */
typedef struct {
    int64_t   seq;
    pt_uuid_t id;
    pt_str_t  frame;
} hub_row_t;

/* Answers ops.load_tenant().  head and head_id are the number and id of the
 * newest event, 0 when there is none; rows are n events in ascending order,
 * borrowed during the call.  err is PT_OK, or the error of the look-up, which
 * is repeated later. */
void hub_on_tenant(hub_t *h, const pt_uuid_t *tenant, pt_err_t err,
                   int64_t head, const pt_uuid_t *head_id,
                   const hub_row_t *rows, size_t n);

/* Answers ops.load_events() with the same first and last.  rows are the n
 * events of that range that the log still has, in ascending order, borrowed
 * during the call.  err is PT_OK, or the error of the look-up. */
void hub_on_events(hub_t *h, const pt_uuid_t *tenant, pt_err_t err,
                   int64_t first, int64_t last, const hub_row_t *rows,
                   size_t n);

/* Answers ops.load_reach() with the number of that event, 0 when all events
 * asked for together are not more bytes than that. */
void hub_on_reach(hub_t *h, const pt_uuid_t *tenant, pt_err_t err, int64_t seq);

/* Answers ops.check_session().  alive: the session exists and has not ended.
 * tenant and user are those of the claims, name and role are those of the
 * user; all are borrowed during the call.  The connection may have gone. */
void hub_on_session(hub_t *h, uint64_t ticket, pt_err_t err, bool alive,
                    const pt_uuid_t *tenant, const pt_uuid_t *user,
                    pt_str_t name, pt_str_t role);

/* ---- news of Redis and of the polls ---- */

/* A doorbell came: "<seq> <frame>" announces an event with its text, "<seq>"
 * one that is read from the log.  Anything else is dropped. */
void hub_on_bell(hub_t *h, const pt_uuid_t *tenant, pt_str_t payload);

/* Another hub has published payload by its ops.publish(). */
void hub_on_ephemeral(hub_t *h, const pt_uuid_t *tenant, pt_str_t payload);

/* Redis confirmed the subscription: from here on the hub receives what other
 * hubs publish for this tenant, and asks them for their presence. */
void hub_on_listening(hub_t *h, const pt_uuid_t *tenant);

/* One row of the head poll: the newest event of a tenant that was named by
 * hub_tenants_each().  Only one poll may be under way at a time. */
void hub_on_head(hub_t *h, const pt_uuid_t *tenant, int64_t seq,
                 const pt_uuid_t *id);

/* The database says that this session has ended: its sockets are closed with
 * 4005. */
void hub_on_revoked(hub_t *h, const pt_uuid_t *tenant,
                    const pt_uuid_t *session);

/* A message of Redis says that this session has ended.  Anybody could have
 * sent it, so the session is looked up before its sockets are closed. */
void hub_on_doubt(hub_t *h, const pt_uuid_t *tenant, const pt_uuid_t *session);

/* Ends every connection at once, without close frames.  ops.close() has been
 * called for all of them when this returns. */
void hub_abort(hub_t *h);

/* Calls each(data, tenant) for all tenants in memory, with sockets or without.
 * tenant is borrowed during the call; each must not add or end connections. */
void hub_tenants_all(hub_t *h,
                     void (*each)(void *data, const pt_uuid_t *tenant),
                     void *data);

/* Returns how many tenants are in memory. */
uint32_t hub_tenants(const hub_t *h);

/* Begins a head poll: remembers the present head of every tenant that has
 * sockets, for hub_on_head(), and calls each(data, tenant) for it. */
void hub_tenants_each(hub_t *h,
                      void (*each)(void *data, const pt_uuid_t *tenant),
                      void *data);

/* ---- time ---- */

/* Does what is due by time.  The glue calls it every second, and after
 * HUB_REORDER_MS while hub_is_waiting(). */
void hub_tick(hub_t *h);

/* Writes what is new to the sockets and frees connections that have ended.
 * The glue calls it at the end of every turn of its loop. */
void hub_flush(hub_t *h);

/* Sends clients away at a pace, before this hub or a worker of NGINX ends:
 * each is sent a reconnect frame now and is closed with 4200 at a random
 * moment within spread_ms.  worker is the pid of a worker of NGINX, whose
 * later connections are sent away, too; 0 means all connections. */
void hub_drain(hub_t *h, int32_t worker, uint32_t spread_ms);

/* Returns whether a tenant waits for a missing event or for its first load, so
 * that hub_tick() is wanted after HUB_REORDER_MS. */
bool hub_is_waiting(const hub_t *h);

/* Returns whether a socket has more to write, so that hub_flush() is wanted
 * without delay. */
bool hub_is_dirty(const hub_t *h);

/* ---- numbers ---- */

/* Returns how many connections there are, authenticated or not. */
uint32_t hub_conns(const hub_t *h);

/* Returns how many of them have not authenticated yet. */
uint32_t hub_conns_waiting(const hub_t *h);

/* Appends the metrics of the hub to out, in the text format of Prometheus.
 * An error of out sticks to it: the caller sees it in pt_buf_get(). */
void hub_metrics_write(const hub_t *h, pt_buf_t *out);

#endif
