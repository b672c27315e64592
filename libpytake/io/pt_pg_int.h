/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_pg_int.h: what the files of the PostgreSQL driver share.
 *
 * pt_pool.c owns items (batches) and decides; pt_queue.c keeps the waiting
 * ones, fair by tenant; pt_poolitem.c answers them, or their deadlines do;
 * pt_poolconn.c opens, loses and probes; pt_pgconn.c speaks to one server
 * connection, pt_pgsend.c puts batches on it, pt_pgexpect.c knows what is owed
 * for them, pt_pganswer.c matches it with what comes back, pt_pgresult.c holds
 * that.  Calls go from the pool down; a connection reports upwards by the
 * functions of its owner, always from the loop, never from within
 * pt_pgconn_send(), which at most asks for the kick timer.
 */

#ifndef PT_PG_INT_H
#define PT_PG_INT_H

#include <libpq-fe.h>

#include "pt_pg.h"
#include "pt_backoff.h"
#include "pt_breaker.h"
#include "pt_conninfo.h"

/* Limits of the driver. */
#define PT_PG_STALL_GRACE_MS 500     /* after statement_timeout: it is dead */
#define PT_PG_STALL_DEFAULT_MS 60000 /* with no statement_timeout */
#define PT_PG_AGE_FACTOR 4           /* a batch that only drips, x stall */
#define PT_PG_RECONNECT_MS 100       /* between attempts that fail */
#define PT_PG_IDLE_PROBE_MS 250      /* breaker open and nobody asks */
#define PT_PG_PROBE_TIMEOUT_MS 600   /* of a probe ... */
#define PT_PG_PROBE_LONG_EACH 16     /* ... but each 16th has the full time */
#define PT_PG_BREAKER_FAILURES 3
#define PT_PG_REFRESH_MS 30000 /* name look-ups */
#define PT_PG_CACHES_MAX 16    /* cache drops, then a fresh connection */
#define PT_PG_CONNS_MAX 256
#define PT_PG_DEPTH_MAX 256
#define PT_PG_ITEMS_CHUNK 64u
#define PT_PG_STMT_NAME_MAX 64
#define PT_PG_TABLE_MAX 63        /* bytes of a refusal's table: NAMEDATALEN */
#define PT_PG_MESSAGE_MAX 255     /* bytes of a refusal's message */
#define PT_PG_TENANT_BUCKETS 256u /* a power of two */

typedef struct pt_item_s   pt_item_t;
typedef struct pt_pgconn_s pt_pgconn_t;
typedef struct pt_tenant_s pt_tenant_t;

/* ---- pt_pgresult.c ---- */

typedef struct {
    pytake_sql_result_t pub;
    pt_mem_t            mem;
    uint16_t            nstmts;
    PGresult          **res;
    pytake_rows_t      *rows;
    char                table[PT_PG_TABLE_MAX + 1]; /* pub's, when it has */
    char                message[PT_PG_MESSAGE_MAX + 1];
} pt_pgresult_t;

pt_pgresult_t *pt_pgresult_new(const pt_mem_t *mem, uint16_t nstmts);

/* Takes res as the rows of statement i.  PT_ENOMEM: res is freed. */
pt_err_t pt_pgresult_add(pt_pgresult_t *r, uint16_t i,
                         PGresult *res) PT_MUST_CHECK;

/* The refusal of statement stmt: what pub tells of it, copied from res. */
void pt_pgresult_refuse(pt_pgresult_t *r, uint16_t stmt, const PGresult *res);

/* Frees what came so far; for a retry, and for what nobody will read. */
void pt_pgresult_reset(pt_pgresult_t *r);
void pt_pgresult_free(pt_pgresult_t *r); /* NULL is fine */

/* ---- items ---- */

typedef enum {
    PT_ITEM_FREE = 0,
    PT_ITEM_WAITING,
    PT_ITEM_FLIGHT
} pt_item_state_t;

struct pt_item_s {
    uint32_t            index;
    uint32_t            generation;
    pt_item_state_t     state;
    bool                answered; /* by deadline or abandoned: no handler,
                                     sql is gone */
    bool                retried;
    bool                synced;   /* its Sync was queued: it may commit */
    bool                failed;   /* sqlstate of result is set */
    bool                nomem;    /* rows could not be kept */
    uint16_t            nresults; /* statements answered so far */
    uint32_t            cache;    /* the connection's at the send */
    int64_t             deadline_ms;
    int64_t             sent_ms;
    pytake_sql_t        sql;
    uint16_t            stmt_ids[PT_BATCH_STMTS_MAX]; /* outlive sql.stmts */
    pt_batch_handler_pt handler;
    void               *data;
    pt_pgresult_t      *result;
    pt_tenant_t        *tenant;
    pt_item_t          *next; /* waiting of the tenant, or free */
    pt_item_t          *prev;
};

/* ---- pt_queue.c ---- */

struct pt_tenant_s {
    pt_uuid_t    id;
    uint32_t     waiting;
    uint32_t     flight;
    bool         ringed;
    pt_item_t   *first;
    pt_item_t   *last;
    pt_tenant_t *next_hash;
    pt_tenant_t *next_ring;
    pt_tenant_t *prev_ring;
};

typedef struct {
    pt_mem_t     mem;
    uint32_t     tenant_max;
    uint32_t     waiting;
    pt_tenant_t *ring;  /* round robin: tenants that may send now */
    pt_tenant_t *spare; /* one kept, so that a lone tenant does not churn */
    pt_tenant_t *hash[PT_PG_TENANT_BUCKETS];
} pt_queue_t;

void pt_queue_init(pt_queue_t *q, const pt_mem_t *mem, uint32_t tenant_max);
void pt_queue_free(pt_queue_t *q); /* tenants; the items are the pool's */

/* Appends; front: before all others of its tenant.  PT_ENOMEM (never for
 * an item that has a tenant already). */
pt_err_t pt_queue_add(pt_queue_t *q, pt_item_t *it, bool front) PT_MUST_CHECK;
void     pt_queue_drop(pt_queue_t *q, pt_item_t *it);

/* The next that may be sent, taken out and counted in flight; or NULL. */
pt_item_t *pt_queue_take(pt_queue_t *q);
bool       pt_queue_is_runnable(const pt_queue_t *q);

/* it is no longer in flight.  again: it keeps its tenant, pt_queue_add()
 * follows. */
void pt_queue_landed(pt_queue_t *q, pt_item_t *it, bool again);

/* ---- pt_pgconn.c ---- */

typedef enum {
    PT_PGCONN_CLOSED = 0,
    PT_PGCONN_CONNECTING,
    PT_PGCONN_READY,
    PT_PGCONN_BROKEN /* waits for the pool to reap it */
} pt_pgconn_state_t;

typedef enum { PT_EXP_PREPARE = 0, PT_EXP_STMT, PT_EXP_SYNC } pt_exp_kind_t;

/* One expected answer of the server, in order. */
typedef struct {
    uint8_t    kind;
    bool       got;  /* its result came, the separating NULL is due */
    uint16_t   stmt; /* PREPARE: of the table; STMT: of the batch */
    pt_item_t *item; /* NULL: the Sync behind a Prepare */
} pt_exp_t;

/* What a connection reports to its pool.  All but broken() and is_away() run
 * handlers of batches, so they are called from the loop alone, never inside
 * pt_pgconn_send(). */
typedef struct {
    void (*ready)(pt_pool_t *p, pt_pgconn_t *c);
    void (*broken)(pt_pool_t *p);        /* look at all of them soon */
    bool (*is_away)(const pt_pool_t *p); /* and it has been said */
    void (*done)(pt_pool_t *p, pt_pgconn_t *c, pt_item_t *it);
    void (*idle)(pt_pool_t *p, pt_pgconn_t *c); /* end of a pump */
} pt_pgconn_owner_t;

struct pt_pgconn_s {
    pt_pool_t               *pool;
    const pt_pgconn_owner_t *owner;
    pt_loop_t               *loop;
    PGconn                  *pg;
    pt_io_t                 *io;
    pt_timer_t              *timer; /* connect deadline, then stall watch */
    bool                     timer_armed;
    pt_pgconn_state_t        state;
    bool                     probe;
    bool                     unread;    /* answers lie in libpq's buffer */
    bool                     retire;    /* closes when idle */
    bool                     was_ready; /* it was open before it broke */
    bool                     stalled;   /* ... or hung */
    bool                     fatal;   /* the server said so in a FATAL error */
    bool                     hearsay; /* ... or a proxy that has lost it */
    uint32_t                 inflight;
    uint32_t                 stall_ms;
    uint32_t                 cache; /* generation of the prepared statements */
    uint32_t *prepared;             /* by statement: its generation, 0 none */
    int64_t   progress_ms;
    pt_exp_t *exp;      /* ring */
    uint32_t  exp_size; /* a power of two */
    uint32_t  exp_head;
    uint32_t  exp_count;
    pt_mem_t  mem;
};

/* PT_ENOMEM */
pt_err_t pt_pgconn_init(pt_pgconn_t *c, pt_pool_t *pool,
                        const pt_pgconn_owner_t *owner, pt_loop_t *loop,
                        const pt_mem_t *mem, uint32_t stall_ms) PT_MUST_CHECK;
void     pt_pgconn_free(pt_pgconn_t *c);

/* Begins to connect; the outcome comes by the owner's ready() or
 * broken(). */
void pt_pgconn_start(pt_pgconn_t *c, pt_conninfo_t *ci, uint32_t timeout_ms);

/* Queues the whole batch and its Sync.  Trouble marks c broken. */
void pt_pgconn_send(pt_pgconn_t *c, pt_item_t *it);

/* Looks at answers that came in while sending. */
void pt_pgconn_resume(pt_pgconn_t *c);

/* Deregisters, closes, forgets what was expected (the pool has taken the
 * items).  Legal in every state. */
void pt_pgconn_close(pt_pgconn_t *c);

/* The next item in flight on c, taken off it; NULL: none left.  Only for
 * a broken connection. */
pt_item_t *pt_pgconn_take(pt_pgconn_t *c);

/* The connection is of no more use: deregistered at once, reaped by the pool
 * on its next turn.  why NULL: libpq knows. */
void pt_pgconn_break(pt_pgconn_t *c, const char *why);

/* it failed because a prepared statement of c is no longer good. */
void pt_pgconn_forget(pt_pgconn_t *c, const pt_item_t *it);

/* ---- pt_pgexpect.c ---- */

/* Room for n more expected answers, and one of them. */
bool pt_pgexpect_reserve(pt_pgconn_t *c, uint32_t n);
void pt_pgexpect_add(pt_pgconn_t *c, pt_exp_kind_t kind, uint16_t stmt,
                     pt_item_t *it);

/* Takes the foremost expected answer off the ring. */
void pt_pgexpect_pop(pt_pgconn_t *c);

/* ---- pt_pganswer.c ---- */

/* Deals with all answers that are complete; false: one does not fit, the
 * connection can no longer be trusted.  Runs handlers. */
bool pt_pganswer_take(pt_pgconn_t *c) PT_MUST_CHECK;

#endif
