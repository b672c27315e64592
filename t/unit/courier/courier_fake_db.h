/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier_fake_db.h: a pool and a database of memory: an array of rows that
 * the statements of courier.sql change as PostgreSQL would.  A batch is
 * committed by fc_commit() and answered by fc_reply(), so that a test may put
 * anything between.
 */

#ifndef COURIER_FAKE_DB_H
#define COURIER_FAKE_DB_H

#include "pt_test.h"
#include "courier/courier_int.h"

#define FC_ROWS 640
#define FC_NUMBERS 2
#define FC_BATCHES 1024
#define FC_CALLS 512
#define FC_SCRIPT 32
#define FC_WALL_US INT64_C(1790000000000000)
#define FC_PG_US INT64_C(946684800000000)
#define FC_DAY_US (INT64_C(86400) * 1000000)

/* What WhatsApp does with a call. */
typedef enum {
    FC_ACCEPT = 0,
    FC_SILENT, /* takes it, and never answers */
    FC_NOBODY, /* is not reached */
    FC_HALF,   /* the connection ends in the middle of the request */
    FC_CODE    /* + a code of Graph's */
} fc_act_t;

typedef struct {
    bool      there; /* in the outbox */
    pt_uuid_t id;
    pt_uuid_t config;
    int       attempts;
    int64_t   created_us;
    int64_t   next_us;
    int64_t   claimed_us; /* 0: NULL, as below */
    pt_uuid_t claimed_by;
    int64_t   unknown_us;
    int64_t   unknown_claim;
    char      status[16]; /* of the message */
    char      error[256];
    int       script[FC_SCRIPT]; /* of its calls; the last one stays */
    int       nscript;
    int       calls;
    int       arrived; /* accepted by WhatsApp, answered or not */
} fc_row_t;

typedef struct {
    const pytake_sql_t *sql;
    pt_batch_handler_pt handler;
    void               *data;
    bool                committed;
    pytake_rows_t       rows[PT_BATCH_STMTS_MAX];
    void               *cells[PT_BATCH_STMTS_MAX];
} fc_batch_t;

typedef struct {
    courier_http_handler_pt handler;
    void                   *data;
    fc_row_t               *row;
} fc_call_t;

struct pt_timer_s {
    pt_timer_t         *next;
    pt_timer_handler_pt handler;
    void               *data;
    int                 kind;
    bool                armed;
    int64_t             at_ms;
};

typedef struct {
    pt_loop_t           loop; /* first: the courier hands it back */
    pt_test_mem_t       mem;
    pt_mem_t            m;
    conf_t              conf;
    part_host_t         serve;
    courier_t          *courier;
    pt_arena_t         *arena;
    int64_t             now_ms;
    pt_timer_t         *timers;
    fc_row_t            rows[FC_ROWS];
    size_t              nrows;
    pt_uuid_t           number[FC_NUMBERS];
    bool                stopped[FC_NUMBERS];
    int64_t             updated_us[FC_NUMBERS];
    pt_str_t            sealed[FC_NUMBERS];
    fc_batch_t          batches[FC_BATCHES];
    size_t              nbatches;
    fc_call_t           calls[FC_CALLS];
    size_t              ncalls;
    size_t              published;
    bool                busy;  /* the pool takes nothing */
    bool                crowd; /* each message goes to somebody else */
    pt_redis_sub_conf_t sub;
    char                log[512];
} fc_t;

static fc_t           *fc; /* of the test that runs */
static const pt_uuid_t fc_tenant = { "TTTTTTTTTTTTTTTT" };
static const pt_uuid_t fc_other = { "another courier!" };


static inline int64_t
fc_wall(void)
{
    return FC_WALL_US + fc->now_ms * 1000;
}


/* ---- the pool ---- */

struct pt_pool_s {
    int unused;
};


pt_err_t
pt_pool_new(pt_loop_t *loop, const pt_pool_conf_t *conf, pt_pool_t **out)
{
    (void) loop;
    *out = conf->mem.alloc(conf->mem.user, sizeof(pt_pool_t));

    return *out == NULL ? PT_ENOMEM : PT_OK;
}


static void
fc_batch_drop(size_t i)
{
    size_t k;

    for (k = 0; k < PT_BATCH_STMTS_MAX; k++) {
        free(fc->batches[i].cells[k]);
    }

    fc->nbatches--;
    memmove(&fc->batches[i], &fc->batches[i + 1],
            (fc->nbatches - i) * sizeof(fc_batch_t));
}


/* As the pool does: no handler runs, and what it was to free is its own. */
void
pt_pool_del(pt_pool_t *p)
{
    ck_assert_uint_eq(fc->nbatches, 0);
    fc->m.free(fc->m.user, p);
}


pt_err_t
pt_pool_submit(pt_pool_t *p, const pytake_sql_t *sql, int64_t deadline_ms,
               pt_batch_handler_pt handler, void *data, pt_batch_t *out)
{
    fc_batch_t *b;

    (void) p;
    (void) deadline_ms;
    memset(out, 0, sizeof(*out));

    if (fc->busy) {
        return PT_EBUSY;
    }

    ck_assert_uint_lt(fc->nbatches, FC_BATCHES);
    b = &fc->batches[fc->nbatches++];
    memset(b, 0, sizeof(*b));
    b->sql = sql;
    b->handler = handler;
    b->data = data;

    return PT_OK;
}


/* ---- parameters and cells ---- */

static inline uint64_t
fc_be(const char *p, int n)
{
    uint64_t v = 0;

    while (n-- > 0) {
        v = v << 8 | (uint8_t) *p++;
    }

    return v;
}


static inline int64_t
fc_time(const pytake_stmt_t *s, int i)
{
    return (int64_t) fc_be(s->params[i].data, 8) + FC_PG_US;
}


static inline int
fc_int(const pytake_stmt_t *s, int i)
{
    return (int32_t) fc_be(s->params[i].data, 4);
}


static inline bool
fc_is(const pytake_stmt_t *s, int i, const pt_uuid_t *id)
{
    return memcmp(s->params[i].data, id->b, 16) == 0;
}


static inline fc_row_t *
fc_find(const char *id)
{
    size_t i;

    for (i = 0; i < fc->nrows; i++) {
        if (memcmp(fc->rows[i].id.b, id, 16) == 0) {
            return &fc->rows[i];
        }
    }

    ck_abort_msg("a message that nobody put");
}


static inline pt_str_t
fc_bin(uint64_t v, int n)
{
    int      i;
    char     out[8];
    pt_str_t s;

    for (i = 0; i < n; i++) {
        out[i] = (char) (v >> (8 * (n - 1 - i)));
    }

    ck_assert_ok(pt_arena_dup(fc->arena, (pt_str_t){ out, (size_t) n }, &s));

    return s;
}


static inline pt_str_t
fc_at(int64_t us)
{
    return fc_bin((uint64_t) (us - FC_PG_US), 8);
}


static inline pt_str_t
fc_uuid(const pt_uuid_t *id)
{
    return (pt_str_t){ (const char *) id->b, 16 };
}


/* Makes room for a row of a statement's result. */
static inline pt_str_t *
fc_result(fc_batch_t *b, size_t k, uint32_t ncols)
{
    pytake_rows_t *r = &b->rows[k];
    pt_str_t      *cells;

    cells = realloc(b->cells[k], (r->nrows + 1) * ncols * sizeof(pt_str_t));
    memset(cells + r->nrows * ncols, 0, ncols * sizeof(pt_str_t));
    b->cells[k] = cells;
    r->cells = cells;
    r->ncols = ncols;

    return cells + r->nrows++ * ncols;
}


/* ---- the statements ---- */

static inline size_t
fc_number_of(const pt_uuid_t *config)
{
    return pt_uuid_eq(config, &fc->number[0]) ? 0 : 1;
}


static inline bool
fc_waits(const pytake_stmt_t *s, const pt_uuid_t *config)
{
    int32_t     i;
    const char *p = s->params[3].data;

    for (i = 0; i + 36 <= s->params[3].len - 4; i += 20) {
        if (memcmp(p + 24 + i, config->b, 16) == 0) {
            return true;
        }
    }

    return false;
}


static inline void
fc_do_claim(fc_batch_t *b, size_t k, const pytake_stmt_t *s)
{
    size_t    i, n;
    pt_str_t *c;
    fc_row_t *r;

    for (i = 0; i < fc->nrows; i++) {
        r = &fc->rows[i];
        n = fc_number_of(&r->config);

        if (!r->there || r->claimed_us != 0 || r->unknown_us != 0
            || fc->stopped[n] || r->next_us > fc_time(s, 0)
            || fc_waits(s, &r->config)
            || b->rows[k].nrows == (uint32_t) fc_int(s, 1))
        {
            continue;
        }

        r->claimed_us = fc_time(s, 0);
        memcpy(r->claimed_by.b, s->params[2].data, 16);
        r->attempts++;
        c = fc_result(b, k, PT_COL_OUTBOX_CLAIM__COUNT);
        c[PT_COL_OUTBOX_CLAIM_TENANT_ID] = fc_uuid(&fc_tenant);
        c[PT_COL_OUTBOX_CLAIM_MESSAGE_ID] = fc_uuid(&r->id);
        c[PT_COL_OUTBOX_CLAIM_CONFIG_ID] = fc_uuid(&r->config);
        c[PT_COL_OUTBOX_CLAIM_ATTEMPTS] = fc_bin((uint64_t) r->attempts, 4);
        c[PT_COL_OUTBOX_CLAIM_MESSAGE_TYPE] = PT_STR("text");
        c[PT_COL_OUTBOX_CLAIM_CONTENT] = PT_STR("hello");
        c[PT_COL_OUTBOX_CLAIM_STATUS] = pt_test_str(r->status);
        c[PT_COL_OUTBOX_CLAIM_WA_ID] = PT_STR("15550001");

        if (fc->crowd) {
            ck_assert_ok(pt_arena_fmt(fc->arena, &c[PT_COL_OUTBOX_CLAIM_WA_ID],
                                      "1555%zu", 1000 + i));
        }

        c[PT_COL_OUTBOX_CLAIM_BSUID] = PT_STR_NULL;
        c[PT_COL_OUTBOX_CLAIM_PHONE_NUMBER_ID] = PT_STR("1065");
        c[PT_COL_OUTBOX_CLAIM_TOKEN] = fc->sealed[n];
        c[PT_COL_OUTBOX_CLAIM_CONFIG_AT] = fc_at(fc->updated_us[n]);
        c[PT_COL_OUTBOX_CLAIM_CREATED_AT] = fc_at(r->created_us);
    }
}


static inline void
fc_tell(fc_batch_t *b, size_t k)
{
    pt_str_t *c = fc_result(b, k, PT_COL_COURIER_SENT__COUNT);

    c[PT_COL_COURIER_SENT_SEQ] = fc_bin(1, 8);
    c[PT_COL_COURIER_SENT_FRAME] = PT_STR("{}");
}


static inline bool
fc_claim_is(const fc_row_t *r, const pytake_stmt_t *s, int by, bool had)
{
    return r->there && fc_is(s, by, &r->claimed_by)
           && (r->claimed_us == fc_time(s, by + 1)
               || (had && r->unknown_claim == fc_time(s, by + 1)));
}


static inline void
fc_due_again(fc_row_t *r, int64_t at_us, int off)
{
    r->claimed_us = r->unknown_us = r->unknown_claim = 0;
    memset(&r->claimed_by, 0, sizeof(r->claimed_by));
    r->next_us = at_us;
    r->attempts -= off;
}


static inline void
fc_do_settle(fc_batch_t *b, size_t k, const pytake_stmt_t *s)
{
    bool      waits;
    fc_row_t *r = fc_find(s->params[1].data);

    waits = strcmp(r->status, "pending") == 0;

    switch (s->stmt) {

    case PT_STMT_COURIER_SENT:
    case PT_STMT_COURIER_FAILED:
        r->there = false;

        if (waits) {
            snprintf(r->status, sizeof(r->status), "%s",
                     s->stmt == PT_STMT_COURIER_SENT ? "sent" : "failed");
            r->error[0] = '\0';
            fc_tell(b, k);
        }
        if (waits && s->stmt == PT_STMT_COURIER_FAILED) {
            snprintf(r->error, sizeof(r->error), "%.*s", (int) s->params[2].len,
                     s->params[2].data);
        }
        break;

    case PT_STMT_COURIER_UNKNOWN:
        if (waits && fc_claim_is(r, s, 6, false)) {
            r->unknown_us = fc_time(s, 5);
            r->unknown_claim = r->claimed_us;
            r->claimed_us = 0;
            snprintf(r->error, sizeof(r->error), "%.*s", (int) s->params[2].len,
                     s->params[2].data);
            fc_tell(b, k);
        }
        break;

    case PT_STMT_COURIER_WAIT:
        if (fc_claim_is(r, s, 6, true)) {
            fc_due_again(r, fc_time(s, 8), 1);
            snprintf(r->error, sizeof(r->error), "%.*s", (int) s->params[2].len,
                     s->params[2].data);
        }
        break;

    default:
        ck_assert_int_eq(s->stmt, PT_STMT_COURIER_AGAIN);
        if (fc_claim_is(r, s, 2, s->params[7].data[0] == 1)) {
            fc_due_again(r, fc_time(s, 4), fc_int(s, 6));
        }
    }
}


static inline void
fc_do_sweep(fc_batch_t *b, size_t k, const pytake_stmt_t *s)
{
    size_t    i;
    pt_str_t *c;
    fc_row_t *r;

    for (i = 0; i < fc->nrows; i++) {
        r = &fc->rows[i];

        if (s->stmt == PT_STMT_COURIER_STALE && r->there && r->claimed_us != 0
            && r->claimed_us < fc_time(s, 1)
            && (r->claimed_us < fc_time(s, 0) || fc_is(s, 2, &r->claimed_by)))
        {
            c = fc_result(b, k, PT_COL_COURIER_STALE__COUNT);
            c[PT_COL_COURIER_STALE_TENANT_ID] = fc_uuid(&fc_tenant);
            c[PT_COL_COURIER_STALE_MESSAGE_ID] = fc_uuid(&r->id);
            ck_assert_ok(pt_arena_dup(fc->arena, fc_uuid(&r->claimed_by),
                                      &c[PT_COL_COURIER_STALE_CLAIMED_BY]));
            c[PT_COL_COURIER_STALE_CLAIMED_AT] = fc_at(r->claimed_us);
        }

        if (s->stmt == PT_STMT_COURIER_LOST && r->there && r->unknown_us != 0
            && r->unknown_us < fc_time(s, 0))
        {
            c = fc_result(b, k, PT_COL_COURIER_LOST__COUNT);
            c[PT_COL_COURIER_LOST_TENANT_ID] = fc_uuid(&fc_tenant);
            c[PT_COL_COURIER_LOST_MESSAGE_ID] = fc_uuid(&r->id);
        }
    }
}


static inline void
fc_do_stop(fc_batch_t *b, size_t k, const pytake_stmt_t *s)
{
    pt_uuid_t config;
    size_t    n;

    memcpy(config.b, s->params[1].data, 16);
    n = fc_number_of(&config);

    if (!fc->stopped[n] && fc->updated_us[n] == fc_time(s, 5)) {
        fc->stopped[n] = true;
        fc->updated_us[n] = fc_time(s, 3);
        fc_result(b, k, PT_COL_CONFIG_STOP__COUNT)[0] = fc_uuid(&fc->number[n]);
    }
}


/* Does what the i-th batch says; its answer waits. */
static inline void
fc_commit(size_t i)
{
    size_t               k;
    pt_str_t            *c;
    fc_batch_t          *b = &fc->batches[i];
    const pytake_stmt_t *s;

    ck_assert(i < fc->nbatches && !b->committed);
    b->committed = true;

    for (k = 0; k < b->sql->nstmts; k++) {
        s = &b->sql->stmts[k];

        switch (s->stmt) {

        case PT_STMT_OUTBOX_CLAIM:
            fc_do_claim(b, k, s);
            break;

        case PT_STMT_COURIER_STALE:
        case PT_STMT_COURIER_LOST:
            fc_do_sweep(b, k, s);
            break;

        case PT_STMT_CONFIG_STOP:
            fc_do_stop(b, k, s);
            break;

        case PT_STMT_OUTBOX_COUNT:
            c = fc_result(b, k, 4);
            c[0] = c[1] = c[2] = c[3] = fc_bin(7, 8);
            break;

        case PT_STMT_BACKENDS_END:
            fc_result(b, k, 1)[0] = fc_bin(0, 4);
            break;

        case PT_STMT_COURIER_ADDRESS:
            break;

        default:
            fc_do_settle(b, k, s);
        }
    }
}


/* Answers the i-th batch: PT_OK only what is committed. */
static inline void
fc_reply(size_t i, pt_err_t err)
{
    fc_batch_t          b = fc->batches[i];
    pytake_sql_result_t result;

    ck_assert(i < fc->nbatches && (err != PT_OK || b.committed));
    memset(&result, 0, sizeof(result));
    result.err = err;
    result.rows = b.rows;
    result.nrows = err == PT_OK ? b.sql->nstmts : 0;
    memset(fc->batches[i].cells, 0, sizeof(b.cells));
    fc_batch_drop(i);
    b.handler(b.data, &result);

    for (i = 0; i < PT_BATCH_STMTS_MAX; i++) {
        free(b.cells[i]);
    }
}


/* The first batch that begins with this statement. */
static inline size_t
fc_batch(uint16_t stmt)
{
    size_t i;

    for (i = 0; i < fc->nbatches; i++) {
        if (fc->batches[i].sql->stmts[0].stmt == stmt) {
            return i;
        }
    }

    ck_abort_msg("no such batch");
}

#endif
