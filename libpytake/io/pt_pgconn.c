/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_pgconn.c: one PostgreSQL connection in pipeline mode.
 *
 * What the server owes stands in a ring of expected answers, with an entry for
 * each Prepare, statement and Sync.  An answer that does not fit its entry
 * closes the connection.  The socket is level-triggered, and there is an
 * interest in writing only while PQflush() asks for it.
 */

#include <assert.h>

#include <openssl/ssl.h>

#include "pt_pg_int.h"
#include "pt_pgsend.h"

#define PT_PGCONN_EXP_MIN 64 /* places of a new ring */


static void             pt_pgconn_poll(pt_pgconn_t *c);
static void             pt_pgconn_watch(pt_pgconn_t *c, int events);
static void             pt_pgconn_unwatch(pt_pgconn_t *c);
static void             pt_pgconn_opened(pt_pgconn_t *c);
static void             pt_pgconn_on_io(void *data, int events);
static void             pt_pgconn_pump(pt_pgconn_t *c, int events);
static bool             pt_pgconn_read(pt_pgconn_t *c);
static void             pt_pgconn_flush(pt_pgconn_t *c);
static void             pt_pgconn_on_timer(void *data);
static void             pt_pgconn_watch_stall(pt_pgconn_t *c);
static const pt_item_t *pt_pgconn_oldest(const pt_pgconn_t *c);
static void             pt_pgconn_on_notice(void *data, const PGresult *res);


pt_err_t
pt_pgconn_init(pt_pgconn_t *c, pt_pool_t *pool, const pt_pgconn_owner_t *owner,
               pt_loop_t *loop, const pt_mem_t *mem, uint32_t stall_ms)
{
    size_t size;

    memset(c, 0, sizeof(*c));
    c->pool = pool;
    c->owner = owner;
    c->loop = loop;
    c->mem = *mem;
    c->stall_ms = stall_ms;
    c->cache = 1;
    c->timer =
        loop->ops->timer_new(loop, PT_TIMER_HOUSE, pt_pgconn_on_timer, c);
    c->exp_size = PT_PGCONN_EXP_MIN;
    c->exp = mem->alloc(mem->user, c->exp_size * sizeof(pt_exp_t));
    size = ((size_t) pytake_stmts_count + 1) * sizeof(uint32_t);
    c->prepared = mem->alloc(mem->user, size);
    if (c->timer == NULL || c->exp == NULL || c->prepared == NULL) {
        return PT_ENOMEM; /* pt_pgconn_free() frees the rest */
    }
    memset(c->prepared, 0, size);
    return PT_OK;
}


void
pt_pgconn_free(pt_pgconn_t *c)
{
    pt_pgconn_close(c);
    if (c->timer != NULL) {
        c->loop->ops->timer_del(c->timer);
    }
    if (c->exp != NULL) {
        c->mem.free(c->mem.user, c->exp);
    }
    if (c->prepared != NULL) {
        c->mem.free(c->mem.user, c->prepared);
    }
}


void
pt_pgconn_start(pt_pgconn_t *c, pt_conninfo_t *ci, uint32_t timeout_ms)
{
    const char *const *keywords, *const *values;

    assert(c->state == PT_PGCONN_CLOSED && c->pg == NULL);
    c->state = PT_PGCONN_CONNECTING;
    c->retire = false;
    c->was_ready = false;
    c->stalled = false;
    c->fatal = false;
    c->hearsay = false;
    if (!pt_conninfo_is_ready(ci)
        || pt_conninfo_get(ci, &keywords, &values) != PT_OK)
    {
        pt_pgconn_break(c, "no address of the server is known");
        return;
    }
    c->pg = PQconnectStartParams(keywords, values, 0);
    if (c->pg == NULL) {
        pt_pgconn_break(c, "out of memory");
        return;
    }
    if (PQstatus(c->pg) == CONNECTION_BAD) {
        pt_pgconn_break(c, NULL);
        return;
    }
    PQsetNoticeReceiver(c->pg, pt_pgconn_on_notice, c);
    c->loop->ops->timer_set(c->timer, timeout_ms);
    c->timer_armed = true;
    pt_pgconn_watch(c, PT_IO_WRITE);
}


/* pt_pgsend_batch() sets it->synced before libpq gets the Sync, because the
 * server may commit as soon as that has left. */

void
pt_pgconn_send(pt_pgconn_t *c, pt_item_t *it)
{
    bool ok;

    assert(c->state == PT_PGCONN_READY);
    assert(it->state == PT_ITEM_FLIGHT && !it->answered);

    it->sent_ms = c->loop->ops->now_ms(c->loop);
    it->cache = c->cache;
    ok = pt_pgsend_batch(c, it);
    c->inflight++;
    if (!ok) {
        pt_pgconn_break(c, NULL);
        return;
    }
    pt_pgconn_flush(c);
    if (c->state != PT_PGCONN_READY) {
        return;
    }
    if (!c->timer_armed) {
        c->loop->ops->timer_set(c->timer, c->stall_ms);
        c->timer_armed = true;
    }
    if (!PQisBusy(c->pg)) {
        /* When libpq cannot write all of it, it reads.  Answers of other
         * batches may be in its buffer now, which the socket will not
         * announce. */
        c->unread = true;
        c->owner->broken(c->pool);
    }
}


void
pt_pgconn_resume(pt_pgconn_t *c)
{
    if (c->unread && c->state == PT_PGCONN_READY) {
        pt_pgconn_pump(c, 0);
    }
}


void
pt_pgconn_break(pt_pgconn_t *c, const char *why)
{
    size_t len;

    if (c->state == PT_PGCONN_BROKEN) {
        return;
    }
    if (why == NULL) {
        why = (c->pg == NULL) ? "" : PQerrorMessage(c->pg);
    }
    len = strcspn(why, "\n");
    /* when the database is away, that is logged already, and every probe that
     * fails would log it again */
    c->loop->ops->log(
        c->loop, c->owner->is_away(c->pool) ? PT_LOG_INFO : PT_LOG_WARN,
        "pytake: database connection %s: %.*s",
        c->state == PT_PGCONN_READY ? "lost" : "failed", (int) len, why);
    c->was_ready = (c->state == PT_PGCONN_READY);
    c->state = PT_PGCONN_BROKEN;
    pt_pgconn_unwatch(c);
    c->loop->ops->timer_stop(c->timer);
    c->timer_armed = false;
    c->owner->broken(c->pool);
}


void
pt_pgconn_close(pt_pgconn_t *c)
{
    if (c->timer != NULL) {
        c->loop->ops->timer_stop(c->timer);
    }
    c->timer_armed = false;
    pt_pgconn_unwatch(c);
    if (c->pg != NULL) {
        PQfinish(c->pg); /* it closes the socket, so io_del came first */
        c->pg = NULL;
    }
    if (c->prepared != NULL) {
        memset(c->prepared, 0, pytake_stmts_count * sizeof(uint32_t));
    }
    c->cache = 1;
    c->exp_head = 0;
    c->exp_count = 0;
    c->inflight = 0;
    c->probe = false;
    c->state = PT_PGCONN_CLOSED;
}


pt_item_t *
pt_pgconn_take(pt_pgconn_t *c)
{
    pt_exp_t *e;

    assert(c->state != PT_PGCONN_READY);
    while (c->exp_count > 0) {
        e = &c->exp[c->exp_head];
        pt_pgexpect_pop(c);
        if (e->kind == PT_EXP_SYNC && e->item != NULL) {
            assert(c->inflight > 0);
            c->inflight--;
            return e->item;
        }
    }
    return NULL;
}


/* The names of prepared statements have the generation in them, so that old
 * ones need no DEALLOCATE.  They use memory of the backend, so after
 * PT_PG_CACHES_MAX generations the connection is replaced. */

void
pt_pgconn_forget(pt_pgconn_t *c, const pt_item_t *it)
{
    if (it->cache != c->cache) {
        return; /* another batch of that generation did it */
    }
    c->cache++;
    if (c->cache > PT_PG_CACHES_MAX) {
        c->retire = true;
    }
}


/* PQconnectPoll() may close its socket and open another one, even with the
 * same number, so the socket is deregistered before each call and registered
 * after it. */

static void
pt_pgconn_poll(pt_pgconn_t *c)
{
    PostgresPollingStatusType st;

    pt_pgconn_unwatch(c);
    assert(c->pg != NULL && c->io == NULL);
    st = PQconnectPoll(c->pg);
    switch (st) {
    case PGRES_POLLING_READING:
        pt_pgconn_watch(c, PT_IO_READ);
        break;
    case PGRES_POLLING_WRITING:
        pt_pgconn_watch(c, PT_IO_WRITE);
        break;
    case PGRES_POLLING_OK:
        pt_pgconn_opened(c);
        break;
    default:
        pt_pgconn_break(c, NULL);
    }
}


static void
pt_pgconn_watch(pt_pgconn_t *c, int events)
{
    int fd = PQsocket(c->pg);

    assert(c->io == NULL);
    if (fd < 0) {
        pt_pgconn_break(c, NULL);
        return;
    }
    c->io = c->loop->ops->io_new(c->loop, fd, pt_pgconn_on_io, c);
    if (c->io == NULL || c->loop->ops->io_want(c->io, events) != PT_OK) {
        pt_pgconn_break(c, "no event loop place is free");
    }
}


static void
pt_pgconn_unwatch(pt_pgconn_t *c)
{
    if (c->io != NULL) {
        c->loop->ops->io_del(c->io);
        c->io = NULL;
    }
}


static void
pt_pgconn_opened(pt_pgconn_t *c)
{
    c->loop->ops->timer_stop(c->timer);
    c->timer_armed = false;
    if (PQsetnonblocking(c->pg, 1) != 0 || PQenterPipelineMode(c->pg) != 1) {
        pt_pgconn_break(c, NULL);
        return;
    }
    c->state = PT_PGCONN_READY;
    c->progress_ms = c->loop->ops->now_ms(c->loop);
    pt_pgconn_watch(c, PT_IO_READ);
    if (c->state == PT_PGCONN_READY) {
        c->owner->ready(c->pool, c);
    }
}


static void
pt_pgconn_on_io(void *data, int events)
{
    pt_pgconn_t *c = data;

    if (c->state == PT_PGCONN_CONNECTING) {
        pt_pgconn_poll(c);
    } else if (c->state == PT_PGCONN_READY) {
        pt_pgconn_pump(c, events);
    }
}


/* Reads, flushes and takes answers, always in this order.  Answers that have
 * come count, even when the connection ends behind them. */

static void
pt_pgconn_pump(pt_pgconn_t *c, int events)
{
    bool      lost = false;
    PGnotify *note;

    c->unread = false;
    if (events & PT_IO_READ) {
        lost = !pt_pgconn_read(c);
        c->progress_ms = c->loop->ops->now_ms(c->loop);
    }
    if (!lost) {
        pt_pgconn_flush(c);
    }
    if (lost) {
        /* libpq has closed the socket.  Its number is forgotten before a
         * handler runs, which may open another socket with that number. */
        pt_pgconn_unwatch(c);
        c->retire = true; /* handlers put no batch on it then */
    }
    if (!pt_pganswer_take(c)) {
        pt_pgconn_break(c,
                        c->fatal ? "ended by the server" : "unexpected answer");
    }
    if (c->state != PT_PGCONN_READY) {
        return;
    }
    if (lost || PQstatus(c->pg) == CONNECTION_BAD) {
        pt_pgconn_break(c, NULL);
        return;
    }
    while ((note = PQnotifies(c->pg)) != NULL) {
        PQfreemem(note);
    }
    if (c->inflight == 0) {
        if (PQtransactionStatus(c->pg) != PQTRANS_IDLE) {
            pt_pgconn_break(c, "not idle between batches");
            return;
        }
        c->owner->idle(c->pool, c);
    }
}


/* TLS may hold decrypted bytes that the socket will not announce: a record has
 * up to 16 kB (RFC 8446, 5.1), and libpq may ask for no more than 8 kB at a
 * time.  So it reads until TLS holds none. */

static bool
pt_pgconn_read(pt_pgconn_t *c)
{
    SSL *ssl = PQsslInUse(c->pg) ? PQsslStruct(c->pg, "OpenSSL") : NULL;

    do {
        if (PQconsumeInput(c->pg) == 0) {
            return false;
        }
    } while (ssl != NULL && SSL_pending(ssl) > 0);
    return true;
}


static void
pt_pgconn_flush(pt_pgconn_t *c)
{
    int rc, want;

    rc = PQflush(c->pg);
    if (rc == -1) {
        pt_pgconn_break(c, NULL);
        return;
    }
    /* rc is 1 when not all is written: the server may want to be read before
     * it reads on */
    want = (rc == 1) ? PT_IO_READ | PT_IO_WRITE : PT_IO_READ;
    if (c->loop->ops->io_want(c->io, want) != PT_OK) {
        pt_pgconn_break(c, "the event loop refused the socket");
    }
}


static void
pt_pgconn_on_timer(void *data)
{
    pt_pgconn_t *c = data;

    c->timer_armed = false;
    if (c->state == PT_PGCONN_CONNECTING) {
        c->stalled = true;
        pt_pgconn_break(c, "timed out");
    } else if (c->state == PT_PGCONN_READY) {
        pt_pgconn_watch_stall(c);
    }
}


/* Breaks a connection that hangs.  A server that has answered nothing within
 * its own statement_timeout and a grace will not answer at all; one whose
 * bytes drip has PT_PG_AGE_FACTOR times as long for a batch. */

static void
pt_pgconn_watch_stall(pt_pgconn_t *c)
{
    int64_t          now, at, age_at;
    const pt_item_t *it;

    it = pt_pgconn_oldest(c);
    if (it == NULL) {
        return;
    }
    now = c->loop->ops->now_ms(c->loop);
    at = (c->progress_ms > it->sent_ms) ? c->progress_ms : it->sent_ms;
    at += c->stall_ms;
    age_at = it->sent_ms + (int64_t) c->stall_ms * PT_PG_AGE_FACTOR;
    if (age_at < at) {
        at = age_at;
    }
    if (at <= now) {
        c->stalled = true;
        pt_pgconn_break(c, "no answer in time");
        return;
    }
    c->loop->ops->timer_set(c->timer, (uint32_t) (at - now));
    c->timer_armed = true;
}


static const pt_item_t *
pt_pgconn_oldest(const pt_pgconn_t *c)
{
    uint32_t         i;
    const pt_item_t *it;

    for (i = 0; i < c->exp_count; i++) {
        it = c->exp[(c->exp_head + i) & (c->exp_size - 1)].item;
        if (it != NULL) {
            return it;
        }
    }
    return NULL;
}


static void
pt_pgconn_on_notice(void *data, const PGresult *res)
{
    pt_pgconn_t *c = data;
    const char  *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);

    /* the text of a notice may quote data, so the code alone is logged */
    c->loop->ops->log(c->loop, PT_LOG_INFO, "pytake: database notice %.5s",
                      sqlstate == NULL ? "?" : sqlstate);
}
