/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_int.h: what the files of the hub's logic share.  The glue (hub_glue.h)
 * does not include it.
 *
 * A time that ends in _s counts hub seconds: h->now_s, which hub_tick() sets
 * from the monotonic clock.  A time that ends in _ms is that clock itself.
 * exp_s alone is Unix time, in seconds.
 */

#ifndef HUB_INT_H
#define HUB_INT_H

#include "core/base/pt_json.h"
#include "hub.h"

#define HUB_WHEEL_SLOTS 128u     /* slots of the timing wheel, a second each */
#define HUB_FRAME_JSON_MAX 4096u /* bytes of a control frame's JSON */
#define HUB_STASH_MAX 64u        /* events of a tenant that came too early */
#define HUB_RETRY_MS 500         /* time between two look-ups when one failed */
#define HUB_CLOSE_CODES 24u      /* entries of hub_conn_close_codes */
/* First word of what hubs publish about presence.  What they publish about
 * typing begins with a UUID, and no UUID begins like this word. */
#define HUB_PRESENCE_HEAD "presence"
#define HUB_PRESENCE_MAX 256u /* users of a tenant whose presence is sent */
/* Bytes in front of the JSON of a published typing event: the UUID of the
 * conversation and that of the author, each with a blank behind it. */
#define HUB_EPHEMERAL_HEAD (2u * PT_UUID_LEN + 2)
/* The bit of a ticket which says that the session of a live socket was looked
 * up again, and not another session by which it is to be replaced. */
#define HUB_TICKET_CHECK (UINT64_C(1) << 63)
#define HUB_LABELS_MAX 1000u /* tenants with metrics of their own */
#define HUB_LEAVING_MAX 64u  /* workers of NGINX that end, remembered at once */
/* A worker is forgotten so long after its spread, because its pid may be given
 * to another process. */
#define HUB_LEAVING_S 60u

typedef struct hub_out_s    hub_out_t;
typedef struct hub_user_s   hub_user_t;
typedef struct hub_page_s   hub_page_t;
typedef struct hub_typing_s hub_typing_t;

/* A frame in a queue: a control frame that waits for one socket, or an event
 * that came before its turn.  The queue owns one reference to the frame. */
struct hub_out_s {
    hub_out_t   *next;
    hub_frame_t *frame;
};

typedef enum {
    HUB_PRESENCE_OFFLINE = 0,
    HUB_PRESENCE_ONLINE,
    HUB_PRESENCE_AWAY
} hub_presence_t;

typedef struct {
    pt_uuid_t viewing; /* conversation; nil: none, or the user is offline */
    uint8_t   status;  /* hub_presence_t */
} hub_presence_state_t;

/* One user of a tenant, who has sockets on this hub or is announced by
 * others.  The tenant owns it. */
struct hub_user_s {
    hub_user_t  *next;
    pt_uuid_t    id;
    char        *name;          /* owned; NULL: not known, no socket came yet */
    hub_frame_t *others;        /* changes of the others, while they are sent */
    uint32_t     conns;         /* sockets that count, on this hub */
    uint32_t     remote_s;      /* when another hub last announced it */
    uint32_t     left_s;        /* when its last socket was lost */
    uint32_t     announced_s;   /* when announced was last sent */
    uint16_t     name_len;      /* bytes of name */
    bool         spread;        /* its local state must be published */
    bool         fresh;         /* its state is sent in this second */
    bool         remote_last;   /* remote is newer than local */
    hub_presence_state_t local; /* state on this hub */
    hub_presence_state_t remote;    /* state on the other hubs */
    hub_presence_state_t announced; /* state that clients were sent last */
};

/* The events first to first + HUB_PAGE_EVENTS - 1 of the log.  A frame is NULL
 * when its event has expired, or was not logged yet when the page was read. */
struct hub_page_s {
    hub_page_t   *next;
    hub_tenant_t *tenant;
    int64_t       first;
    int64_t       top;     /* head of the log when the page was asked for */
    int64_t       used_ms; /* when it was last looked at */
    uint32_t      count;   /* frames that are there */
    bool          loading; /* its answer is awaited */
    hub_frame_t  *frames[HUB_PAGE_EVENTS]; /* one reference each */
};

/* A conversation in which a socket has begun to type, and when. */
typedef struct {
    pt_uuid_t conversation;
    int64_t   started_ms; /* 0: the entry is free */
} hub_typing_at_t;

/* What a socket has typed; made when it types for the first time. */
struct hub_typing_s {
    pt_uuid_t       conversation; /* the one it typed in last */
    int64_t         started_ms;
    bool            active; /* typing_start was sent, typing_stop was not */
    hub_typing_at_t recent[HUB_TYPING_RECENT];
};

/* The order counts: what is below LIVE is not live yet, what is above ends. */
typedef enum {
    HUB_CONN_AUTH = 0, /* the client has not authenticated yet */
    HUB_CONN_CHECK,    /* its session is being looked up */
    HUB_CONN_TENANT,   /* its tenant is being loaded */
    HUB_CONN_RESUME,   /* it is being found out where it goes on */
    HUB_CONN_LIVE,     /* it is sent events */
    HUB_CONN_CLOSING,  /* its close frame is queued or sent */
    HUB_CONN_DEAD      /* it is freed at the end of the turn */
} hub_conn_state_t;

/* One connection.  Kept small, because there are very many: an idle one costs
 * this and what the glue has for it. */
struct hub_conn_s {
    hub_t        *hub;
    void         *sock;   /* the glue's, for hub_ops_t */
    hub_tenant_t *tenant; /* NULL until the session was looked up */
    hub_user_t   *user;   /* NULL as long as tenant is */
    hub_conn_t   *next;   /* in the tenant's list, or in strangers */
    hub_conn_t   *prev;
    hub_conn_t   *wheel_next; /* in a slot of the wheel, or in dead */
    hub_conn_t   *wheel_prev;
    hub_conn_t   *dirty_next; /* in dirty_conns */
    hub_conn_t   *index_next; /* in its entry of the index by ticket */
    hub_out_t    *out;        /* queued control frames, oldest first */
    hub_frame_t  *current;    /* frame written in part, one reference */
    hub_typing_t *typing;     /* owned; NULL: it never typed */
    uint64_t      ticket;     /* number of the connection, from 1 */
    int64_t       cursor;     /* seq of the next event to send */
    int64_t       since_seq;  /* where it resumes; exp_s while refreshing */
    pt_uuid_t     since_id;   /* where it resumes; session while refreshing */
    pt_uuid_t     session;
    pt_uuid_t     watch;       /* conversation on its screen; nil: none */
    int64_t       exp_s;       /* Unix time at which its token expires */
    uint32_t      sent;        /* bytes of current that were written */
    uint32_t      born_s;      /* when the state began that may take too long */
    uint32_t      seen_s;      /* last byte from the peer */
    uint32_t      taken_s;     /* last byte accepted by the socket */
    uint32_t      ping_s;      /* last ping to the peer */
    uint32_t      synced_s;    /* last sync or event to the peer */
    uint32_t      close_s;     /* when hub_drain() closes it; 0: it does not */
    uint32_t      check_s;     /* when its session was last looked up */
    int32_t       worker;      /* pid of the worker of NGINX; 0: not known */
    uint32_t      verify;      /* query of the log it waits for; 0: none */
    uint32_t      rate_s;      /* when tokens was last filled up */
    uint16_t      tokens;      /* messages that it may send now */
    uint16_t      strikes;     /* messages dropped in a row */
    uint16_t      slot;        /* of the wheel */
    uint16_t      nout;        /* frames in out */
    uint8_t       state;       /* hub_conn_state_t */
    uint8_t       malformed;   /* messages that could not be parsed */
    uint8_t       warn_s;      /* time between token_expiring and exp_s */
    bool          blocked : 1; /* the socket accepts no bytes now */
    bool          resumed : 1; /* it went on where it was */
    bool          has_since : 1;    /* since_seq is given */
    bool          has_since_id : 1; /* since_id is given, too */
    bool          by_header : 1;    /* NGINX has checked its token */
    bool          warned : 1;       /* token_expiring was sent */
    bool          close_sent : 1;   /* nothing may be queued any more */
    bool          want_sync : 1;    /* a sync is due when it has caught up */
    bool          rewound : 1;      /* a resync is due with the tenant's load */
    bool          dirty : 1;        /* in dirty_conns */
    bool          counted : 1;      /* in conns of its user */
    bool          refreshing : 1;   /* another session is being looked up */
    bool          checking : 1;     /* its own one is, again */
    bool          doubted : 1;      /* and must be once more, after that */
    bool          peer_closed : 1;  /* the peer's close frame came */
    bool          may_type : 1;     /* its role has the permission typing */
    hub_ws_t      ws;
};

typedef enum {
    HUB_TENANT_NEW = 0, /* its log must be loaded */
    HUB_TENANT_LOADING, /* the answer is awaited */
    HUB_TENANT_READY    /* ring and head are those of the log */
} hub_tenant_state_t;

/* A tenant in memory: its sockets, its users and the end of its event log. */
struct hub_tenant_s {
    hub_tenant_t *next;       /* in its bucket */
    hub_tenant_t *dirty_next; /* in dirty_tenants */
    hub_tenant_t *idle_next;  /* in idle, while nconns is 0 */
    hub_tenant_t *idle_prev;
    hub_out_t    *stash; /* events that came before their turn */
    hub_t        *hub;
    pt_uuid_t     id;
    hub_conn_t   *conns;
    hub_user_t   *users;
    hub_ring_t    ring;
    hub_frame_t  *sync;       /* frame for sync_seq; NULL: made when needed */
    hub_frame_t  *list;       /* presence of all users, for one second */
    int64_t       sync_seq;   /* head that sync tells */
    int64_t       known;      /* highest seq that was announced */
    int64_t       hole_ms;    /* when an event was first missed; 0: none is */
    int64_t       retry_ms;   /* no look-up before this time */
    int64_t       fill_first; /* head when the log was asked for what follows */
    int64_t       fill_known; /* known at that time */
    int64_t       reach;      /* below it more is missed than is replayed */
    int64_t       reach_head; /* head that reach is for; 0: reach is unknown */
    int64_t       poll_seq;   /* head when the head poll was asked */
    pt_uuid_t     poll_id;
    uint32_t      nconns;
    uint32_t      nstash;
    uint32_t      looked_s; /* when hub_presence_tick() last ran */
    uint32_t      remote_s; /* when another hub last published; 0: never */
    uint32_t      nsaid;    /* users whom clients were told to be present */
    uint32_t      told;     /* users whose change is sent in this second */
    uint32_t      idle_s;   /* when the last socket left */
    uint32_t      asked;    /* number of the last query of the log's end */
    uint32_t      ended;    /* number of the last one that has read it all */
    uint32_t      epoch;    /* number of the log's history, for old answers */
    uint32_t      fill_epoch;
    uint32_t      reach_epoch;
    uint8_t       state;    /* hub_tenant_state_t */
    bool          filling;  /* the log is being asked for what follows */
    bool          again;    /* and must be asked once more after that */
    bool          reaching; /* reach is being asked for */
    bool          behind;   /* a page could not be asked for: try again */
    bool          dirty;    /* in dirty_tenants */
    bool          restless; /* hub_presence_tick() has something to do */
    bool          labelled; /* it has metrics of its own, in sent */
    uint64_t      sent[HUB_EVENT_COUNT]; /* frames, by event */
};

/* A worker of NGINX that ends.  Connections that it still opens are sent away
 * like those it had. */
typedef struct {
    int32_t  worker;  /* pid; 0: the entry is free */
    uint32_t until_s; /* when it is forgotten */
    uint32_t spread_ms;
} hub_leaving_t;

struct hub_s {
    hub_conf_t    conf;
    hub_tenant_t *tenants[HUB_TENANTS_BUCKETS];
    hub_conn_t   *strangers; /* connections without a tenant yet */
    hub_conn_t   *dead;      /* connections to be freed */
    hub_conn_t   *dirty_conns;
    hub_tenant_t *dirty_tenants;
    hub_tenant_t *idle; /* tenants without sockets, longest idle first */
    hub_tenant_t *idle_last;
    hub_page_t   *pages;
    uint32_t      npages;
    size_t        page_bytes; /* bytes of the frames in pages */
    size_t        ring_bytes; /* bytes of the frames in all rings */
    uint32_t      nconns;     /* all connections, the dead ones included */
    uint32_t      nstrangers;
    uint32_t      ntenants;
    uint32_t      now_s;      /* seconds, set by hub_tick() */
    bool          waiting;    /* see hub_is_waiting() */
    bool          pressed;    /* see hub_press() */
    uint64_t      tickets;    /* the last one that was given */
    hub_conn_t  **index;      /* connections by ticket, index_mask + 1 lists */
    uint64_t      index_mask; /* a power of two, less 1 */
    pt_rand_t     rand;
    hub_conn_t   *wheel[HUB_WHEEL_SLOTS];
    hub_frame_t  *ping;                     /* one for all connections */
    uint32_t      nleaving;                 /* workers ever noted in leaving */
    hub_leaving_t leaving[HUB_LEAVING_MAX]; /* the latest of them */

    uint32_t nlabelled; /* tenants with metrics of their own */
    uint64_t other_sent[HUB_EVENT_COUNT]; /* frames of all others, ever */
    uint64_t accepted;
    uint64_t auth_failures;
    uint64_t resumed;
    uint64_t resyncs;
    uint64_t rewinds;
    uint64_t holes;
    uint64_t queries;
    uint64_t duplicates;
    uint64_t bytes_out;
    uint64_t messages_in;
    uint64_t acks;
    uint64_t acks_lag; /* events that these did not cover, summed */
    uint64_t pings_late;
    uint64_t closes[HUB_CLOSE_CODES]; /* by hub_conn_close_index() */
};

#define hub_alloc(h, n) ((h)->conf.mem.alloc((h)->conf.mem.user, (n)))
#define hub_free(h, p) ((h)->conf.mem.free((h)->conf.mem.user, (p)))
#define hub_now_ms(h) ((h)->conf.ops->now_ms((h)->conf.env))
#define hub_wall_s(h) ((h)->conf.ops->wall_us((h)->conf.env) / 1000000)

/* ---- hub_conn.c ---- */

/* The close codes that are counted one by one; the last entry, 0, stands for
 * all others. */
extern const uint16_t hub_conn_close_codes[HUB_CLOSE_CODES];

/* Queues f for one socket, with a reference of its own; the caller keeps his.
 * f may be NULL, which queues nothing.  A connection with HUB_PRIVATE_MAX
 * frames, or without memory for one more, is dropped. */
void hub_conn_push(hub_conn_t *c, hub_frame_t *f);

/* Queues a copy of JSON text as a text frame; drops c when out of memory. */
void hub_conn_send(hub_conn_t *c, pt_str_t json);

/* Marks c as dead: hub_flush() frees it at the end of the turn, so lists that
 * are being walked stay as they are.  Idempotent. */
void hub_conn_drop(hub_conn_t *c);

/* Has hub_flush() write to this socket at the end of the turn.  Idempotent. */
void hub_conn_dirty(hub_conn_t *c);

/* Puts c in front of the list, and takes it out of the list that it is in. */
void hub_conn_link(hub_conn_t *c, hub_conn_t **list);
void hub_conn_unlink(hub_conn_t *c, hub_conn_t **list);

/* Returns the index of code in hub_conn_close_codes, the last one when the
 * code is not there. */
size_t hub_conn_close_index(uint16_t code);

/* Returns the connection with this ticket, without HUB_TICKET_CHECK, or NULL
 * when it has gone. */
hub_conn_t *hub_conn_find(hub_t *h, uint64_t ticket);

/* ---- hub_write.c ---- */

/* Writes to the socket what it accepts, HUB_WRITE_MAX bytes at most. */
void hub_write_conn(hub_conn_t *c);

/* Sends a close frame of this code and reason and drops c at once. */
void hub_write_end(hub_conn_t *c, uint16_t code, const char *reason);

/* ---- hub_client.c ---- */

/* Closes the socket of a dead connection and frees it with all it owns. */
void hub_client_free(hub_conn_t *c);

/* ---- hub_drain.c ---- */

/* Sends a new connection away if its worker of NGINX is about to end. */
void hub_drain_late(hub_conn_t *c);

/* ---- hub_wheel.c ---- */

/* Has hub_timer_run() look at c after after_s seconds, which are bounded to 1
 * and HUB_WHEEL_SLOTS - 1.  c must not be in the wheel, nor dead. */
void hub_wheel_add(hub_conn_t *c, uint32_t after_s);

/* Takes c out of the wheel, if it is there. */
void hub_wheel_drop(hub_conn_t *c);

/* Returns how many seconds the close frame of the peer is waited for. */
uint32_t hub_wheel_close_s(const hub_conn_t *c);

/* ---- hub_timer.c ---- */

/* Sets h->now_s to now, second by second, and does what is due at the sockets
 * in the wheel's slot of each. */
void hub_timer_run(hub_t *h, uint32_t now);

/* ---- hub_proto.c ---- */

/* A text message of a client came; text is borrowed during the call. */
void hub_proto_text(hub_conn_t *c, pt_str_t text);

/* The token of c is good: looks its session up. */
void hub_proto_admit(hub_conn_t *c, const pt_claims_t *claims);

/* The new token of a live socket is good until exp_s (Unix time). */
void hub_proto_refreshed(hub_conn_t *c, int64_t exp_s);

/* ---- hub_session.c ---- */

/* Asks whether the session of a live socket is still alive, unless that is
 * being asked already. */
void hub_session_check(hub_conn_t *c);

/* ---- hub_user.c ---- */

/* Returns the user of this id, or NULL. */
hub_user_t *hub_user_find(const hub_tenant_t *t, const pt_uuid_t *id);

/* Returns the user of this id and makes it when it is not there.  name is
 * copied the first time it is known; its data is NULL when it is not.  NULL:
 * out of memory. */
hub_user_t *hub_user_get(hub_tenant_t *t, const pt_uuid_t *id, pt_str_t name);

/* Stops counting c among the sockets of its user.  Idempotent. */
void hub_user_leave(hub_conn_t *c);

/* ---- hub_presence.c ---- */

/* c has become one of its user's sockets, which may change his presence. */
void hub_presence_join(hub_conn_t *c);

/* The conversation that c watches has changed; before is the former one. */
void hub_presence_watch(hub_conn_t *c, const pt_uuid_t *before);

/* Sets the presence of the user of c to name.  Returns false when name is
 * not one that a client may choose. */
bool hub_presence_set(hub_conn_t *c, pt_str_t name);

/* Sends c the presence of all users who are present. */
void hub_presence_announce(hub_conn_t *c);

/* Another hub has published text, which is what follows HUB_PRESENCE_HEAD. */
void hub_presence_received(hub_tenant_t *t, pt_str_t text);

/* Sends what has changed to the sockets and to the other hubs.  It does so
 * once a second, however often it is called. */
void hub_presence_tick(hub_tenant_t *t);

/* ---- hub_send.c ---- */

/* Each of these queues one frame of docs/hub.md for c.  When out of memory
 * success and resync drop c, which could not go on without them; of the others
 * c misses one, or is dropped. */
void hub_send_success(hub_conn_t *c, bool resumed, int64_t from);
void hub_send_resync(hub_conn_t *c, const char *reason);
void hub_send_expiring(hub_conn_t *c, int64_t left_s);
void hub_send_reconnect(hub_conn_t *c, uint32_t spread_ms);
void hub_send_pong(hub_conn_t *c);
void hub_send_error(hub_conn_t *c, const char *code, const char *message);

/* Notes that c begins or ends to type in c->typing->conversation, and tells
 * the other clients of the tenant, here and on other hubs. */
void hub_send_typing(hub_conn_t *c, bool start);

/* Returns whether c is sent frames that may be lost (typing, presence): it
 * must be live, and must not lag behind. */
bool hub_send_is_open(const hub_conn_t *c);

/* Queues json, which may be lost, for the sockets of t that watch this
 * conversation or none, except those of its author. */
void hub_send_ephemeral(hub_tenant_t *t, const pt_uuid_t *conversation,
                        const pt_uuid_t *author, pt_str_t json);

/* Returns the sync frame for the present head of t, which t owns; NULL: out of
 * memory. */
hub_frame_t *hub_send_sync(hub_tenant_t *t);

/* ---- hub_tenant.c ---- */

/* Returns the tenant of this id: get makes it when it is not in memory, and
 * returns NULL when out of memory; find returns NULL when it is not there. */
hub_tenant_t *hub_tenant_get(hub_t *h, const pt_uuid_t *id);
hub_tenant_t *hub_tenant_find(hub_t *h, const pt_uuid_t *id);

/* c->tenant was set: c waits until it is loaded, in state TENANT. */
void hub_tenant_join(hub_conn_t *c);

/* c leaves its tenant: the counterpart of hub_tenant_join(). */
void hub_tenant_leave(hub_conn_t *c);

/* Frees idle tenants, longest idle first, until the rings have few enough
 * bytes. */
void hub_tenant_forget(hub_t *h);

/* Asks the log again for what is missing, when it is time. */
void hub_tenant_tick(hub_tenant_t *t);

/* Frees a tenant, which must have no connections. */
void hub_tenant_del(hub_tenant_t *t);

/* Returns whether t has no sockets and awaits no answer. */
bool hub_tenant_is_idle(const hub_tenant_t *t);

/* See hub_on_tenant(). */
void hub_tenant_loaded(hub_tenant_t *t, pt_err_t err, int64_t head,
                       const pt_uuid_t *head_id, const hub_row_t *rows,
                       size_t n);

/* A doorbell announced the event seq.  frame is its text, with data NULL when
 * the doorbell had only the number. */
void hub_tenant_bell(hub_tenant_t *t, int64_t seq, pt_str_t frame);

/* See hub_on_head(). */
void hub_tenant_head(hub_tenant_t *t, int64_t seq, const pt_uuid_t *id);

/* ---- hub_memory.c ---- */

/* hub_ring_add() and hub_ring_free() for the ring of t, with h->ring_bytes
 * kept up to date.  PT_ENOMEM: f is not taken. */
pt_err_t hub_memory_add(hub_tenant_t *t, hub_frame_t *f) PT_MUST_CHECK;
void     hub_memory_free(hub_tenant_t *t);

/* Puts t into the list of idle tenants, and takes it out again. */
void hub_memory_idle(hub_tenant_t *t);
void hub_memory_busy(hub_tenant_t *t);

/* Returns whether the rings have more bytes than conf.rings_max. */
bool hub_memory_is_over(const hub_t *h);

/* Returns the bytes that rings may keep once they had to be cut. */
size_t hub_memory_enough(const hub_t *h);

/* Drops the older halves of the largest rings until few enough bytes are
 * left. */
void hub_memory_halve(hub_t *h);

/* ---- hub_log.c ---- */

/* Asks for the end of the log of a tenant in state NEW, unless it is too early
 * after a failure. */
void hub_log_load(hub_tenant_t *t);

/* Has hub_flush() look at the sockets of t at the end of the turn. */
void hub_log_dirty(hub_tenant_t *t);

/* The log is not the one that the sockets of t know (a restored database):
 * loads it anew and has each of them resync. */
void hub_log_rewound(hub_tenant_t *t);

/* Copies frame and appends it to the ring; seq must be that of the head, plus
 * 1.  PT_ENOMEM: nothing has changed. */
pt_err_t hub_log_add(hub_tenant_t *t, int64_t seq, const pt_uuid_t *id,
                     pt_str_t frame) PT_MUST_CHECK;

/* Keeps a copy of an event that came before its turn.  It is dropped when
 * there is no room or no memory, and read from the log later. */
void hub_log_stash(hub_tenant_t *t, int64_t seq, const pt_uuid_t *id,
                   pt_str_t frame);

/* Moves the stashed events whose turn has come to the ring, and drops those
 * that the ring has already. */
void hub_log_unstash(hub_tenant_t *t);

/* Drops all stashed events. */
void hub_log_stash_free(hub_tenant_t *t);

/* ---- hub_gap.c ---- */

/* The log answered hub_gap_fill(): see hub_on_events(). */
void hub_gap_filled(hub_tenant_t *t, pt_err_t err, const hub_row_t *rows,
                    size_t n);

/* Has the log asked once more and returns the number of that query, for
 * hub_gap_verified(). */
uint32_t hub_gap_verify(hub_tenant_t *t);

/* Returns whether that query, or a later one, has read the log to its end. */
bool hub_gap_verified(const hub_tenant_t *t, uint32_t number);

/* Asks the log for the events from the head of the ring on, unless that is
 * being asked already. */
void hub_gap_fill(hub_tenant_t *t);

/* The event seq is known to exist and is not in the ring: the log is asked
 * for it after HUB_REORDER_MS. */
void hub_gap_open(hub_tenant_t *t, int64_t seq);

/* ---- hub_resume.c ---- */

/* Returns the event seq, at most the head, of the ring or of a page, which
 * owns it.  NULL with *gone: it has expired.  NULL without: its page is being
 * loaded, and the tenant becomes dirty when that is there. */
hub_frame_t *hub_resume_frame(hub_tenant_t *t, int64_t seq, bool *gone);

/* Finds out where c goes on, which makes it live, or lets it wait. */
void hub_resume(hub_conn_t *c);

/* See hub_on_reach(). */
void hub_resume_reached(hub_tenant_t *t, pt_err_t err, int64_t seq);

/* ---- hub_page.c ---- */

/* Returns the page that seq belongs to, perhaps one that is being loaded, or
 * NULL. */
hub_page_t *hub_page_find(hub_tenant_t *t, int64_t seq);

/* Frees a page. */
void hub_page_del(hub_page_t *p);

/* Begins to load the page of seq.  false: there is no room, no memory or no
 * database now. */
bool hub_page_load(hub_tenant_t *t, int64_t seq);

/* The log answered hub_page_load(): see hub_on_events().  p is freed on an
 * error. */
void hub_page_fill(hub_page_t *p, pt_err_t err, const hub_row_t *rows,
                   size_t n);

/* Frees all pages of a tenant. */
void hub_page_drop_all(hub_tenant_t *t);

#endif
