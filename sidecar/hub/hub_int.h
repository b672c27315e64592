/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_int.h: what the hub's own files share.  Not for the glue.
 */

#ifndef HUB_INT_H
#define HUB_INT_H

#include "core/base/pt_json.h"
#include "hub.h"

#define HUB_WHEEL_SLOTS 128u /* seconds a turn */
#define HUB_FRAME_JSON_MAX 4096u
#define HUB_STASH_MAX 64u
#define HUB_RETRY_MS 500
#define HUB_CLOSE_CODES 24u
#define HUB_PRESENCE_HEAD "presence" /* no uuid begins so */
#define HUB_PRESENCE_MAX 256u        /* people of a tenant that are told of */
#define HUB_EPHEMERAL_HEAD (2u * PT_UUID_LEN + 2) /* conversation, author */
/* In a ticket: asked for a live socket, of the session that it has. */
#define HUB_TICKET_CHECK (UINT64_C(1) << 63)
#define HUB_LABELS_MAX 1000u
#define HUB_LEAVING_MAX 64u
#define HUB_LEAVING_S 60u /* after its spread: a pid may come again */

typedef struct hub_out_s    hub_out_t;
typedef struct hub_user_s   hub_user_t;
typedef struct hub_page_s   hub_page_t;
typedef struct hub_typing_s hub_typing_t;

/* A control frame waiting for one socket. */
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
    pt_uuid_t viewing; /* nil: nothing, as for who is offline */
    uint8_t   status;  /* hub_presence_t */
} hub_presence_state_t;

/* One person, however many sockets: here, or on other hubs. */
struct hub_user_s {
    hub_user_t  *next;
    pt_uuid_t    id;
    char        *name;   /* NULL: no socket yet */
    hub_frame_t *others; /* while it is told of: for its own sockets */
    uint32_t     conns;
    uint32_t     remote_s;    /* when other hubs announced it */
    uint32_t     left_s;      /* since when nobody has it */
    uint32_t     announced_s; /* when sockets were told of it */
    uint16_t     name_len;
    bool         spread;            /* other hubs must be told */
    bool         fresh;             /* said in this second */
    bool         remote_last;       /* it did something there last, not here */
    hub_presence_state_t local;     /* on this hub */
    hub_presence_state_t remote;    /* on the others */
    hub_presence_state_t announced; /* what sockets know */
};

/* Events first..last of the log; frames may miss at the low end (expired). */
struct hub_page_s {
    hub_page_t   *next;
    hub_tenant_t *tenant;
    int64_t       first;
    int64_t       top; /* the head when it was asked for */
    int64_t       used_ms;
    uint32_t      count;
    bool          loading;
    hub_frame_t  *frames[HUB_PAGE_EVENTS];
};

/* Where and when this socket began to type, lately. */
typedef struct {
    pt_uuid_t conversation;
    int64_t   started_ms; /* 0: never */
} hub_typing_at_t;

struct hub_typing_s {
    pt_uuid_t       conversation;
    int64_t         started_ms;
    bool            active;
    hub_typing_at_t recent[HUB_TYPING_RECENT];
};

typedef enum {
    HUB_CONN_AUTH = 0, /* waits for the auth frame */
    HUB_CONN_CHECK,    /* the session is being looked up */
    HUB_CONN_TENANT,   /* the tenant is being loaded */
    HUB_CONN_RESUME,   /* the page with its cursor is being loaded */
    HUB_CONN_LIVE,
    HUB_CONN_CLOSING, /* close frame queued or sent */
    HUB_CONN_DEAD     /* to be freed at the end of the turn */
} hub_conn_state_t;

/* Kept small: an idle authenticated socket costs this and the glue's own. */
struct hub_conn_s {
    hub_t        *hub;
    void         *sock;
    hub_tenant_t *tenant;
    hub_user_t   *user;
    hub_conn_t   *next; /* of the tenant's, or of those without tenant */
    hub_conn_t   *prev;
    hub_conn_t   *wheel_next; /* of the wheel, or of the dead */
    hub_conn_t   *wheel_prev;
    hub_conn_t   *dirty_next;
    hub_conn_t   *index_next; /* of those with tickets alike */
    hub_out_t    *out;
    hub_frame_t  *current; /* partly written */
    hub_typing_t *typing;
    uint64_t      ticket; /* and connection number */
    int64_t       cursor; /* next seq */
    int64_t       since_seq;
    pt_uuid_t     since_id;
    pt_uuid_t     session;
    pt_uuid_t     watch; /* nil: everything */
    int64_t       exp_s;
    uint32_t      sent;     /* of current */
    uint32_t      born_s;   /* hub seconds, as all below */
    uint32_t      seen_s;   /* last byte from the peer */
    uint32_t      taken_s;  /* last byte accepted by the socket */
    uint32_t      ping_s;   /* last ping to the peer */
    uint32_t      synced_s; /* last sync or event to the peer */
    uint32_t      close_s;  /* when a drain closes it; 0: not */
    uint32_t      check_s;  /* when its session was last asked for */
    int32_t       worker;
    uint32_t      verify; /* since is ahead: see hub_resume.c */
    uint32_t      rate_s; /* when the bucket was last filled */
    uint16_t      tokens; /* rate bucket */
    uint16_t      strikes;
    uint16_t      slot; /* of the wheel */
    uint16_t      nout;
    uint8_t       state;
    uint8_t       malformed;
    uint8_t       warn_s;      /* token_expiring comes so long before the end */
    bool          blocked : 1; /* the socket takes nothing now */
    bool          resumed : 1;
    bool          has_since : 1;
    bool          has_since_id : 1;
    bool          by_header : 1;
    bool          warned : 1; /* token_expiring said */
    bool          close_sent : 1;
    bool          want_sync : 1;
    bool          rewound : 1; /* resync follows the tenant's load */
    bool          dirty : 1;
    bool          counted : 1;    /* among its user's */
    bool          refreshing : 1; /* another session is looked up */
    bool          checking : 1;   /* its own is, once more */
    bool          doubted : 1;    /* and is to be again */
    bool          peer_closed : 1;
    bool          may_type : 1; /* its user's role has that permission */
    hub_ws_t      ws;
};

typedef enum {
    HUB_TENANT_NEW = 0, /* to be loaded */
    HUB_TENANT_LOADING,
    HUB_TENANT_READY
} hub_tenant_state_t;

struct hub_tenant_s {
    hub_tenant_t *next; /* of the bucket */
    hub_tenant_t *dirty_next;
    hub_tenant_t *idle_next; /* of those without sockets, youngest last */
    hub_tenant_t *idle_prev;
    hub_out_t    *stash; /* frames that came before their turn */
    hub_t        *hub;
    pt_uuid_t     id;
    hub_conn_t   *conns;
    hub_user_t   *users;
    hub_ring_t    ring;
    hub_frame_t  *sync; /* for ring.head, made when first needed */
    hub_frame_t  *list; /* who is there, for one second */
    int64_t       sync_seq;
    int64_t       known;      /* highest seq heard of */
    int64_t       hole_ms;    /* since when a hole is there; 0: none */
    int64_t       retry_ms;   /* no look-up before */
    int64_t       fill_first; /* the head when the log was asked */
    int64_t       fill_known;
    int64_t       reach;      /* from here down it is too many bytes to head, */
    int64_t       reach_head; /* which was this; 0: not known */
    int64_t       poll_seq;   /* head when the poll was asked */
    pt_uuid_t     poll_id;
    uint32_t      nconns;
    uint32_t      nstash;
    uint32_t      looked_s; /* when hub_presence_tick() looked */
    uint32_t      remote_s; /* when another hub was heard of; 0: never */
    uint32_t      nsaid;    /* people who are there, as sockets were told */
    uint32_t      told;     /* in this second */
    uint32_t      idle_s;   /* since when without sockets */
    uint32_t      asked;    /* fills: number of the last */
    uint32_t      ended;    /* and of the last that has seen the log's end */
    uint32_t      epoch;    /* of the ring: changes when it begins anew */
    uint32_t      fill_epoch;
    uint32_t      reach_epoch;
    uint8_t       state;
    bool          filling;  /* the log is being asked */
    bool          again;    /* and must be once more */
    bool          reaching; /* reach is being asked for */
    bool          behind;   /* a page could not be asked for: try again */
    bool          dirty;
    bool          restless; /* presence must be looked at */
    bool          labelled; /* has metrics of its own, in sent */
    uint64_t      sent[HUB_EVENT_COUNT];
};

/* A worker of NGINX that leaves: who still comes by way of it goes, too. */
typedef struct {
    int32_t  worker; /* 0: none */
    uint32_t until_s;
    uint32_t spread_ms;
} hub_leaving_t;

struct hub_s {
    hub_conf_t    conf;
    hub_tenant_t *tenants[HUB_TENANTS_BUCKETS];
    hub_conn_t   *strangers; /* no tenant yet */
    hub_conn_t   *dead;
    hub_conn_t   *dirty_conns;
    hub_tenant_t *dirty_tenants;
    hub_tenant_t *idle; /* without sockets, longest first */
    hub_tenant_t *idle_last;
    hub_page_t   *pages;
    uint32_t      npages;
    size_t        page_bytes;
    size_t        ring_bytes; /* of all tenants' */
    uint32_t      nconns;
    uint32_t      nstrangers;
    uint32_t      ntenants;
    uint32_t      now_s;   /* hub seconds, from hub_tick() */
    bool          waiting; /* a tenant has a hole */
    bool          pressed; /* many have not told who they are */
    uint64_t      tickets;
    hub_conn_t  **index; /* by ticket */
    uint64_t      index_mask;
    pt_rand_t     rand;
    hub_conn_t   *wheel[HUB_WHEEL_SLOTS];
    hub_frame_t  *ping; /* the shared protocol ping */
    uint32_t      nleaving;
    hub_leaving_t leaving[HUB_LEAVING_MAX]; /* the latest of them */

    uint32_t nlabelled;                   /* tenants with series of their own */
    uint64_t other_sent[HUB_EVENT_COUNT]; /* of all others, ever */
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
    uint64_t acks_lag; /* events not covered by them */
    uint64_t pings_late;
    uint64_t closes[HUB_CLOSE_CODES]; /* by hub_conn_close_index() */
};

#define hub_alloc(h, n) ((h)->conf.mem.alloc((h)->conf.mem.user, (n)))
#define hub_free(h, p) ((h)->conf.mem.free((h)->conf.mem.user, (p)))
#define hub_now_ms(h) ((h)->conf.ops->now_ms((h)->conf.env))
#define hub_wall_s(h) ((h)->conf.ops->wall_us((h)->conf.env) / 1000000)

/* ---- hub_conn.c ---- */

extern const uint16_t hub_conn_close_codes[HUB_CLOSE_CODES];

/* Queues a frame for one socket (takes no reference of its own from f). */
void hub_conn_push(hub_conn_t *c, hub_frame_t *f);
/* Queues JSON text as a frame. */
void hub_conn_send(hub_conn_t *c, pt_str_t json);
/* The socket is of no use: freed at the end of the turn. */
void   hub_conn_drop(hub_conn_t *c);
void   hub_conn_dirty(hub_conn_t *c);
void   hub_conn_link(hub_conn_t *c, hub_conn_t **list);
void   hub_conn_unlink(hub_conn_t *c, hub_conn_t **list);
size_t hub_conn_close_index(uint16_t code);
/* Who asked for a session: may be NULL by now. */
hub_conn_t *hub_conn_find(hub_t *h, uint64_t ticket);

/* ---- hub_write.c ---- */

void hub_write_conn(hub_conn_t *c);
/* Its close frame, and no more. */
void hub_write_end(hub_conn_t *c, uint16_t code, const char *reason);

/* ---- hub_client.c ---- */

void hub_client_free(hub_conn_t *c);

/* ---- hub_drain.c ---- */

/* Goes, too, if its worker has said that it leaves. */
void hub_drain_late(hub_conn_t *c);

/* ---- hub_wheel.c ---- */

void     hub_wheel_add(hub_conn_t *c, uint32_t after_s);
void     hub_wheel_drop(hub_conn_t *c);
uint32_t hub_wheel_close_s(const hub_conn_t *c);

/* ---- hub_timer.c ---- */

/* Looks at the sockets of every second up to now. */
void hub_timer_run(hub_t *h, uint32_t now);

/* ---- hub_proto.c ---- */

void hub_proto_text(hub_conn_t *c, pt_str_t text);
/* Claims were verified: looks the session up. */
void hub_proto_admit(hub_conn_t *c, const pt_claims_t *claims);
/* A live socket's new token is good. */
void hub_proto_refreshed(hub_conn_t *c, int64_t exp_s);

/* ---- hub_session.c ---- */

/* Asks whether a live socket's session still lives. */
void hub_session_check(hub_conn_t *c);

/* ---- hub_user.c ---- */

hub_user_t *hub_user_find(const hub_tenant_t *t, const pt_uuid_t *id);
/* Finds or makes it; name data NULL: not known.  NULL: out of memory. */
hub_user_t *hub_user_get(hub_tenant_t *t, const pt_uuid_t *id, pt_str_t name);
/* A socket that ends takes no place among its user's. */
void hub_user_leave(hub_conn_t *c);

/* ---- hub_presence.c ---- */

/* A socket is counted among its user's; no more after hub_user_leave(). */
void hub_presence_join(hub_conn_t *c);
/* Its watch was before. */
void hub_presence_watch(hub_conn_t *c, const pt_uuid_t *before);
/* false: name is none that a client may say. */
bool hub_presence_set(hub_conn_t *c, pt_str_t name);
/* Sends it the list of who is there. */
void hub_presence_announce(hub_conn_t *c);
/* What another hub published, behind HUB_PRESENCE_HEAD. */
void hub_presence_received(hub_tenant_t *t, pt_str_t text);
/* Once a second: what has changed goes to the sockets and to other hubs. */
void hub_presence_tick(hub_tenant_t *t);

/* ---- hub_send.c ---- */

void hub_send_success(hub_conn_t *c, bool resumed, int64_t from);
void hub_send_resync(hub_conn_t *c, const char *reason);
void hub_send_expiring(hub_conn_t *c, int64_t left_s);
void hub_send_reconnect(hub_conn_t *c, uint32_t spread_ms);
void hub_send_pong(hub_conn_t *c);
void hub_send_error(hub_conn_t *c, const char *code, const char *message);
void hub_send_typing(hub_conn_t *c, bool start);
/* Whether a frame that may be lost (typing, presence) is sent to it now: it is
 * live, and not behind. */
bool hub_send_is_open(const hub_conn_t *c);
void hub_send_ephemeral(hub_tenant_t *t, const pt_uuid_t *conversation,
                        const pt_uuid_t *author, pt_str_t json);
/* One frame a tenant and head; NULL: out of memory. */
hub_frame_t *hub_send_sync(hub_tenant_t *t);

/* ---- hub_tenant.c ---- */

hub_tenant_t *hub_tenant_get(hub_t *h, const pt_uuid_t *id); /* or NULL */
hub_tenant_t *hub_tenant_find(hub_t *h, const pt_uuid_t *id);
void hub_tenant_join(hub_conn_t *c); /* state TENANT: then it can resume */
/* Tenants without sockets go, least recently used first. */
void hub_tenant_forget(hub_t *h);
void hub_tenant_leave(hub_conn_t *c);
void hub_tenant_tick(hub_tenant_t *t);
void hub_tenant_del(hub_tenant_t *t);
bool hub_tenant_is_idle(const hub_tenant_t *t);
void hub_tenant_loaded(hub_tenant_t *t, pt_err_t err, int64_t head,
                       const pt_uuid_t *head_id, const hub_row_t *rows,
                       size_t n);
/* A doorbell with a frame (data NULL: seq alone). */
void hub_tenant_bell(hub_tenant_t *t, int64_t seq, pt_str_t frame);
void hub_tenant_head(hub_tenant_t *t, int64_t seq, const pt_uuid_t *id);

/* ---- hub_memory.c ---- */

/* hub_ring_add() and hub_ring_free() of a tenant's ring, counted. */
pt_err_t hub_memory_add(hub_tenant_t *t, hub_frame_t *f) PT_MUST_CHECK;
void     hub_memory_free(hub_tenant_t *t);
/* It has no sockets from here on; and has again (or is deleted). */
void hub_memory_idle(hub_tenant_t *t);
void hub_memory_busy(hub_tenant_t *t);

bool   hub_memory_is_over(const hub_t *h);
size_t hub_memory_enough(const hub_t *h); /* bytes that may stay then */
void   hub_memory_halve(hub_t *h);        /* the largest rings */

/* ---- hub_log.c ---- */

void hub_log_load(hub_tenant_t *t);
/* Its sockets are looked at at the end of the turn. */
void hub_log_dirty(hub_tenant_t *t);
/* The log is not the one its sockets know. */
void hub_log_rewound(hub_tenant_t *t);
/* Appends the event head + 1. */
pt_err_t hub_log_add(hub_tenant_t *t, int64_t seq, const pt_uuid_t *id,
                     pt_str_t frame) PT_MUST_CHECK;
/* Keeps an event that came too early; takes what is next now. */
void hub_log_stash(hub_tenant_t *t, int64_t seq, const pt_uuid_t *id,
                   pt_str_t frame);
void hub_log_unstash(hub_tenant_t *t);
void hub_log_stash_free(hub_tenant_t *t);

/* ---- hub_gap.c ---- */

void hub_gap_filled(hub_tenant_t *t, pt_err_t err, const hub_row_t *rows,
                    size_t n);
/* The log is asked once more; done when hub_gap_verified(). */
uint32_t hub_gap_verify(hub_tenant_t *t);
bool     hub_gap_verified(const hub_tenant_t *t, uint32_t number);
void     hub_gap_fill(hub_tenant_t *t);
/* Somebody knows of seq, which we do not have. */
void hub_gap_open(hub_tenant_t *t, int64_t seq);

/* ---- hub_resume.c ---- */

/* A frame for a cursor: of the ring or of a page.  NULL: it is being loaded
 * (*gone: it has expired). */
hub_frame_t *hub_resume_frame(hub_tenant_t *t, int64_t seq, bool *gone);
void         hub_resume(hub_conn_t *c);
void         hub_resume_reached(hub_tenant_t *t, pt_err_t err, int64_t seq);

/* ---- hub_page.c ---- */

hub_page_t *hub_page_find(hub_tenant_t *t, int64_t seq);
void        hub_page_del(hub_page_t *p);
/* Starts loading the page of seq; false: not now. */
bool hub_page_load(hub_tenant_t *t, int64_t seq);
void hub_page_fill(hub_page_t *p, pt_err_t err, const hub_row_t *rows,
                   size_t n);
void hub_page_drop_all(hub_tenant_t *t);

#endif
