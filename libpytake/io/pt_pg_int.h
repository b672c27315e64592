/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_pg_int.h: what the files of the PostgreSQL driver share.
 *
 * pt_pool.c owns the batches, which are called items, and decides where they
 * go. pt_queue.c keeps those that wait, fair to tenants.  pt_poolitem.c
 * answers them, or their deadlines do.  pt_poolconn.c opens connections, loses
 * and probes them. pt_pgconn.c is one connection: pt_pgsend.c puts batches on
 * it, pt_pgexpect.c knows which answers the server owes, pt_pganswer.c matches
 * them with what comes, and pt_pgresult.c holds that.
 *
 * Calls go from the pool down.  A connection reports upwards by the functions
 * of its owner, always from the loop and never from within pt_pgconn_send(),
 * which at most asks for the kick timer.
 */

#ifndef PT_PG_INT_H
#define PT_PG_INT_H

#include <libpq-fe.h>

#include "pt_pg.h"
#include "pt_backoff.h"
#include "pt_breaker.h"
#include "pt_conninfo.h"

/* Limits of the driver. */
#define PT_PG_STALL_GRACE_MS 500     /* of silence after statement_timeout */
#define PT_PG_STALL_DEFAULT_MS 60000 /* of silence, without that timeout */
#define PT_PG_AGE_FACTOR 4           /* times that for a batch that drips */
#define PT_PG_RECONNECT_MS 100       /* between attempts that fail */
#define PT_PG_IDLE_PROBE_MS 250      /* between probes when nobody asks */
#define PT_PG_PROBE_TIMEOUT_MS 600   /* for a probe to connect; but ... */
#define PT_PG_PROBE_LONG_EACH 16     /* ... each 16th has the full time */
#define PT_PG_BREAKER_FAILURES 3     /* in a row that open the breaker */
#define PT_PG_REFRESH_MS 30000       /* between look-ups of a name */
#define PT_PG_CACHES_MAX 16          /* generations of prepared statements */
#define PT_PG_CONNS_MAX 256
#define PT_PG_DEPTH_MAX 256
#define PT_PG_ITEMS_CHUNK 64u     /* items that are allocated together */
#define PT_PG_STMT_NAME_MAX 64    /* bytes of a prepared statement's name */
#define PT_PG_TABLE_MAX 63        /* bytes of a refusal's table: NAMEDATALEN */
#define PT_PG_MESSAGE_MAX 255     /* bytes of a refusal's message */
#define PT_PG_TENANT_BUCKETS 256u /* a power of two */

typedef struct pt_item_s   pt_item_t;
typedef struct pt_pgconn_s pt_pgconn_t;
typedef struct pt_tenant_s pt_tenant_t;

/* ---- pt_pgresult.c ---- */

/* The result of one batch, on the heap. */
typedef struct {
    pytake_sql_result_t pub; /* what handlers see; points into the rest */
    pt_mem_t            mem;
    uint16_t            nstmts; /* statements of the batch */
    PGresult          **res;    /* by statement; owned */
    pytake_rows_t      *rows;   /* by statement; cells point into res */
    char                table[PT_PG_TABLE_MAX + 1];     /* of a refusal */
    char                message[PT_PG_MESSAGE_MAX + 1]; /* of a refusal */
} pt_pgresult_t;

/* Makes an empty result.  It returns NULL when there is no memory. */
pt_pgresult_t *pt_pgresult_new(const pt_mem_t *mem, uint16_t nstmts);

/* Takes res, which it owns from here on, as the rows of statement i;
 * statements come in order.  PT_ENOMEM: res is freed. */
pt_err_t pt_pgresult_add(pt_pgresult_t *r, uint16_t i,
                         PGresult *res) PT_MUST_CHECK;

/* Notes that statement stmt was refused, and copies from res what pub tells of
 * it: code, message and table. */
void pt_pgresult_refuse(pt_pgresult_t *r, uint16_t stmt, const PGresult *res);

/* Frees what came so far, because the batch is sent once more or nobody will
 * read it. */
void pt_pgresult_reset(pt_pgresult_t *r);

/* Frees the result; NULL is fine. */
void pt_pgresult_free(pt_pgresult_t *r);

/* ---- items ---- */

typedef enum {
    PT_ITEM_FREE = 0,
    PT_ITEM_WAITING,
    PT_ITEM_FLIGHT
} pt_item_state_t;

struct pt_item_s {
    uint32_t            index;      /* of its place; never changes */
    uint32_t            generation; /* of its handle; never 0 */
    pt_item_state_t     state;
    bool                answered; /* its handler has run or will not: sql is
                                     not valid any more */
    bool                retried;  /* it was sent twice, which is enough */
    bool                synced;   /* its Sync is queued: it may commit */
    bool                failed;   /* a statement was refused */
    bool                nomem;    /* there was no memory for its rows */
    uint16_t            nresults; /* statements answered so far */
    uint32_t            cache;    /* the connection's when it was sent */
    int64_t             deadline_ms;
    int64_t             sent_ms;
    pytake_sql_t        sql;
    uint16_t            stmt_ids[PT_BATCH_STMTS_MAX]; /* outlive sql.stmts */
    pt_batch_handler_pt handler;
    void               *data;
    pt_pgresult_t      *result; /* owned */
    pt_tenant_t        *tenant; /* whose it is; NULL: it left the queue */
    pt_item_t          *next;   /* in the tenant's list, or the free list */
    pt_item_t          *prev;   /* in the tenant's list */
};

/* ---- pt_queue.c ---- */

/* A tenant with batches; nil stands for batches without one. */
struct pt_tenant_s {
    pt_uuid_t    id;
    uint32_t     waiting; /* batches that wait */
    uint32_t     flight;  /* batches in flight */
    bool         ringed;  /* it is in the ring */
    pt_item_t   *first;   /* of those that wait */
    pt_item_t   *last;
    pt_tenant_t *next_hash; /* in its bucket */
    pt_tenant_t *next_ring;
    pt_tenant_t *prev_ring;
};

typedef struct {
    pt_mem_t     mem;
    uint32_t     tenant_max; /* a tenant's batches in flight; 0: any */
    uint32_t     waiting;    /* batches of all tenants */
    pt_tenant_t *ring;       /* tenants that may send now, in turns */
    pt_tenant_t *spare;      /* kept for the next tenant, or NULL */
    pt_tenant_t *hash[PT_PG_TENANT_BUCKETS];
} pt_queue_t;

/* Prepares an empty queue. */
void pt_queue_init(pt_queue_t *q, const pt_mem_t *mem, uint32_t tenant_max);

/* Frees the tenants; the items are the pool's. */
void pt_queue_free(pt_queue_t *q);

/* Puts an item behind the others of its tenant; front puts it before them.
 * PT_ENOMEM, but never for an item that has a tenant already. */
pt_err_t pt_queue_add(pt_queue_t *q, pt_item_t *it, bool front) PT_MUST_CHECK;

/* Takes an item that waits out of the queue. */
void pt_queue_drop(pt_queue_t *q, pt_item_t *it);

/* Takes the next item that may be sent out, and counts it in flight.  NULL:
 * none may be sent. */
pt_item_t *pt_queue_take(pt_queue_t *q);

/* Whether an item may be sent. */
bool pt_queue_is_runnable(const pt_queue_t *q);

/* Counts an item in flight no more.  again says that it keeps its tenant,
 * because pt_queue_add() follows. */
void pt_queue_landed(pt_queue_t *q, pt_item_t *it, bool again);

/* ---- pt_pgconn.c ---- */

typedef enum {
    PT_PGCONN_CLOSED = 0,
    PT_PGCONN_CONNECTING,
    PT_PGCONN_READY,
    PT_PGCONN_BROKEN /* waits for the pool to reap it */
} pt_pgconn_state_t;

typedef enum { PT_EXP_PREPARE = 0, PT_EXP_STMT, PT_EXP_SYNC } pt_exp_kind_t;

/* One answer that the server owes; they come in order. */
typedef struct {
    uint8_t    kind; /* pt_exp_kind_t */
    bool       got;  /* its result came; PQgetResult() owes a NULL */
    uint16_t   stmt; /* PREPARE: in the table; STMT: in the batch */
    pt_item_t *item; /* NULL: it is the Sync behind a Prepare */
} pt_exp_t;

/* What a connection reports to its pool.  All but broken() and is_away() may
 * run handlers of batches, so they are called from the loop alone, never
 * inside pt_pgconn_send(). */
typedef struct {
    void (*ready)(pt_pool_t *p, pt_pgconn_t *c); /* it is connected */
    void (*broken)(pt_pool_t *p); /* some connection needs to be looked at */
    bool (*is_away)(const pt_pool_t *p); /* it is logged that all are lost */
    void (*done)(pt_pool_t *p, pt_pgconn_t *c, pt_item_t *it); /* answered */
    void (*idle)(pt_pool_t *p, pt_pgconn_t *c); /* nothing is in flight */
} pt_pgconn_owner_t;

struct pt_pgconn_s {
    pt_pool_t               *pool;
    const pt_pgconn_owner_t *owner;
    pt_loop_t               *loop;
    PGconn                  *pg;    /* owned; NULL: closed */
    pt_io_t                 *io;    /* NULL: not registered */
    pt_timer_t              *timer; /* time to connect, then to answer */
    bool                     timer_armed;
    pt_pgconn_state_t        state;
    bool                     probe;     /* made while the breaker is open */
    bool                     unread;    /* answers are in libpq's buffer */
    bool                     retire;    /* it is closed when idle */
    bool                     was_ready; /* it was ready before it broke */
    bool                     stalled;   /* it broke because it hung */
    bool                     fatal;     /* a FATAL error has ended it ... */
    bool                     hearsay;   /* ... of a proxy, class 08 */
    uint32_t                 inflight;  /* batches */
    uint32_t                 stall_ms;  /* of silence that break it */
    uint32_t                 cache;     /* generation of prepared statements */
    uint32_t *prepared;    /* by statement: its generation; 0: not prepared */
    int64_t   progress_ms; /* when the last bytes came */
    pt_exp_t *exp;         /* ring of what the server owes; owned */
    uint32_t  exp_size;    /* places of the ring, a power of two */
    uint32_t  exp_head;    /* index of the foremost one */
    uint32_t  exp_count;
    pt_mem_t  mem;
};

/* Prepares a closed connection.  PT_ENOMEM: pt_pgconn_free() has to be called
 * all the same. */
pt_err_t pt_pgconn_init(pt_pgconn_t *c, pt_pool_t *pool,
                        const pt_pgconn_owner_t *owner, pt_loop_t *loop,
                        const pt_mem_t *mem, uint32_t stall_ms) PT_MUST_CHECK;

/* Closes the connection and frees what it owns. */
void pt_pgconn_free(pt_pgconn_t *c);

/* Begins to connect a closed connection, with timeout_ms milliseconds for it.
 * The owner's ready() or broken() tells the outcome. */
void pt_pgconn_start(pt_pgconn_t *c, pt_conninfo_t *ci, uint32_t timeout_ms);

/* Sends a whole batch and its Sync on a ready connection.  When that fails, c
 * is broken and still has the batch. */
void pt_pgconn_send(pt_pgconn_t *c, pt_item_t *it);

/* Takes answers that libpq has read while it was sending. */
void pt_pgconn_resume(pt_pgconn_t *c);

/* Closes the connection, in any state, and forgets what the server owes.  The
 * pool has taken the items before. */
void pt_pgconn_close(pt_pgconn_t *c);

/* Takes the next item in flight off a connection that is not ready any more;
 * NULL: none is left. */
pt_item_t *pt_pgconn_take(pt_pgconn_t *c);

/* Marks a connection as broken and logs why; NULL: libpq knows.  It is
 * deregistered at once, and the pool reaps it on the next turn of the loop. */
void pt_pgconn_break(pt_pgconn_t *c, const char *why);

/* Has all statements of c prepared anew, because it failed for one that is not
 * valid any more. */
void pt_pgconn_forget(pt_pgconn_t *c, const pt_item_t *it);

/* ---- pt_pgexpect.c ---- */

/* Makes room for n more answers.  false: there is no memory; one place is free
 * all the same. */
bool pt_pgexpect_reserve(pt_pgconn_t *c, uint32_t n);

/* Puts an answer behind those that the server owes; there has to be room. */
void pt_pgexpect_add(pt_pgconn_t *c, pt_exp_kind_t kind, uint16_t stmt,
                     pt_item_t *it);

/* Takes the foremost answer off the ring, which is not empty. */
void pt_pgexpect_pop(pt_pgconn_t *c);

/* ---- pt_pganswer.c ---- */

/* Deals with all answers that have come as a whole, and runs handlers.  false:
 * one of them is not what was expected, and the connection cannot be
 * trusted. */
bool pt_pganswer_take(pt_pgconn_t *c) PT_MUST_CHECK;

#endif
