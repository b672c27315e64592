/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "pt_redis_conn.h"


static void        pt_redis_conn_start(pt_redis_conn_t *c);
static void        pt_redis_conn_look_done(void *data, const pt_addrs_t *found);
static void        pt_redis_conn_open(pt_redis_conn_t *c);
static const char *pt_redis_conn_host(const pt_redis_conn_t *c);
static void        pt_redis_conn_retry(pt_redis_conn_t *c, const char *why);
static void        pt_redis_conn_gone(pt_redis_conn_t *c, const char *why);
static void        pt_redis_conn_end(pt_redis_conn_t *c, const char *why);
static void        pt_redis_conn_on_close(void *data);
static void pt_redis_conn_on_connect(const redisAsyncContext *ac, int status);
static void pt_redis_conn_on_disconnect(const redisAsyncContext *ac,
                                        int                      status);
static void pt_redis_conn_greet(pt_redis_conn_t *c);
static void pt_redis_conn_ping(pt_redis_conn_t *c);
static void pt_redis_conn_say(pt_redis_conn_t *c, redisCallbackFn *fn, int argc,
                              const char **argv);
static pt_err_t pt_redis_conn_command(pt_redis_conn_t *c, redisCallbackFn *fn,
                                      int argc, const char **argv,
                                      const size_t *lens);
static bool pt_redis_conn_reply(pt_redis_conn_t *c, const redisReply *reply);
static void pt_redis_conn_on_greeting(redisAsyncContext *ac, void *reply,
                                      void *data);
static void pt_redis_conn_on_pong(redisAsyncContext *ac, void *reply,
                                  void *data);
static void pt_redis_conn_on_reply(redisAsyncContext *ac, void *reply,
                                   void *data);
static void pt_redis_conn_on_tick(void *data);
static void pt_redis_conn_on_io(void *data, int events);
static void pt_redis_conn_want(pt_redis_conn_t *c, int want);
static void pt_redis_conn_add_read(void *data);
static void pt_redis_conn_add_write(void *data);
static void pt_redis_conn_del_write(void *data);
static void pt_redis_conn_cleanup(void *data);


pt_err_t
pt_redis_conn_init(pt_redis_conn_t *c, pt_loop_t *loop, const pt_mem_t *mem,
                   const char *url)
{
    c->loop = loop;
    c->mem = *mem;
    if (pt_redis_url_parse(url, &c->url) != PT_OK) {
        return PT_EVALIDATION;
    }
    c->named = !c->url.is_unix && !pt_resolve_is_addr(c->url.host);
    pt_backoff_init(&c->backoff, PT_REDIS_BACKOFF_MS, PT_REDIS_BACKOFF_MAX_MS,
                    (uint64_t) getpid());
    c->tick =
        loop->ops->timer_new(loop, PT_TIMER_HOUSE, pt_redis_conn_on_tick, c);
    c->close =
        loop->ops->timer_new(loop, PT_TIMER_HOUSE, pt_redis_conn_on_close, c);
    if (c->tick == NULL || c->close == NULL) {
        pt_redis_conn_free(c);
        return PT_ENOMEM;
    }
    c->loop->ops->timer_set(c->tick, 0);
    return PT_OK;
}


void
pt_redis_conn_free(pt_redis_conn_t *c)
{
    redisAsyncContext *ac = c->ac;

    c->deleting = true;
    c->ac = NULL;
    if (ac != NULL) {
        redisAsyncFree(ac); /* callbacks run, and do nothing now */
    }
    if (c->look != NULL) {
        pt_resolve_drop(c->look);
    }
    if (c->tick != NULL) {
        c->loop->ops->timer_del(c->tick);
    }
    if (c->close != NULL) {
        c->loop->ops->timer_del(c->close);
    }
}


void
pt_redis_conn_drain(pt_redis_conn_t *c)
{
    c->draining = true;
    if (c->pending == 0 || !c->ready) {
        c->loop->ops->timer_set(c->close, 0);
    }
}


pt_err_t
pt_redis_conn_send(pt_redis_conn_t *c, int argc, const char **argv,
                   const size_t *lens)
{
    if (!c->ready) {
        return PT_EREDISAWAY;
    }
    return pt_redis_conn_command(c, pt_redis_conn_on_reply, argc, argv, lens);
}


bool
pt_redis_conn_is_up(const pt_redis_conn_t *c)
{
    return c->ready && c->pong_ms != 0
           && c->loop->ops->now_ms(c->loop) - c->pong_ms < PT_REDIS_UP_MS;
}


static void
pt_redis_conn_start(pt_redis_conn_t *c)
{
    assert(c->ac == NULL);
    c->began_ms = c->loop->ops->now_ms(c->loop);
    if (!c->named || c->addrs.n > 0) {
        pt_redis_conn_open(c);
        return;
    }
    c->look = pt_resolve_new(c->loop, &c->mem, c->url.host,
                             pt_redis_conn_look_done, c);
    if (c->look == NULL) {
        pt_redis_conn_retry(c, "no thread for the look-up");
    }
}


static void
pt_redis_conn_look_done(void *data, const pt_addrs_t *found)
{
    pt_redis_conn_t *c = data;

    c->look = NULL;
    c->addrs = *found;
    c->addr = 0;
    if (c->addrs.n == 0) {
        pt_redis_conn_retry(c, "the host is not found");
    } else if (c->ac == NULL && !c->draining) {
        pt_redis_conn_open(c);
    }
}


static void
pt_redis_conn_open(pt_redis_conn_t *c)
{
    redisAsyncContext *ac;

    ac = c->url.is_unix ? redisAsyncConnectUnix(c->url.host)
                        : redisAsyncConnect(pt_redis_conn_host(c), c->url.port);
    if (ac == NULL || ac->err != 0) {
        pt_redis_conn_retry(c, (ac == NULL) ? "out of memory" : ac->c.errstr);
        if (ac != NULL) {
            redisAsyncFree(ac); /* it has no callbacks yet */
        }
        return;
    }
    assert(c->io == NULL);
    c->io = c->loop->ops->io_new(c->loop, ac->c.fd, pt_redis_conn_on_io, c);
    if (c->io == NULL) {
        redisAsyncFree(ac);
        pt_redis_conn_retry(c, "no connection is free");
        return;
    }
    c->want = 0;
    c->ac = ac;
    c->pending = 0;
    c->pong_ms = 0;
    ac->data = c;
    ac->ev.data = c;
    ac->ev.addRead = pt_redis_conn_add_read;
    ac->ev.addWrite = pt_redis_conn_add_write;
    ac->ev.delWrite = pt_redis_conn_del_write;
    ac->ev.cleanup = pt_redis_conn_cleanup;
    (void) redisAsyncSetConnectCallback(ac, pt_redis_conn_on_connect);
    (void) redisAsyncSetDisconnectCallback(ac, pt_redis_conn_on_disconnect);
    pt_redis_conn_want(c, PT_IO_WRITE);
}


/* The address to try now, in digits. */

static const char *
pt_redis_conn_host(const pt_redis_conn_t *c)
{
    return c->named && c->addrs.n > 0 ? c->addrs.addr[c->addr] : c->url.host;
}


/* An attempt has failed: the next address is tried later, and after the last
 * one the name is looked up anew.  It is logged once, when no address has
 * worked. */

static void
pt_redis_conn_retry(pt_redis_conn_t *c, const char *why)
{
    c->failures++;
    c->retry_at_ms =
        c->loop->ops->now_ms(c->loop) + pt_backoff_next(&c->backoff);
    if (c->addr + 1 < c->addrs.n) {
        c->addr++;
        return;
    }
    if (!c->said && !c->draining) {
        c->said = true;
        if (c->url.is_unix) {
            c->loop->ops->log(c->loop, PT_LOG_WARN, "pytake: redis at %s: %s",
                              c->url.host, why);
        } else {
            c->loop->ops->log(c->loop, PT_LOG_WARN,
                              "pytake: redis at %s port %d: %s",
                              pt_redis_conn_host(c), c->url.port, why);
        }
    }
    c->addrs.n = 0;
    c->addr = 0;
}


/* Forgets the context, which hiredis frees or has freed. */

static void
pt_redis_conn_gone(pt_redis_conn_t *c, const char *why)
{
    c->ac = NULL;
    c->connected = false;
    c->ready = false;
    c->pending = 0;
    if (c->pong_ms != 0) {
        c->addrs.n = 0; /* it worked: the name is looked up anew */
    }
    c->pong_ms = 0;
    if (!c->deleting) {
        pt_redis_conn_retry(c, (c->why != NULL) ? c->why : why);
    }
    c->why = NULL;
}


static void
pt_redis_conn_end(pt_redis_conn_t *c, const char *why)
{
    if (c->deleting || c->ac == NULL) {
        return;
    }
    if (c->why == NULL) {
        c->why = why; /* later reasons follow from the first */
    }
    c->ready = false;
    c->loop->ops->timer_set(c->close, 0);
}


static void
pt_redis_conn_on_close(void *data)
{
    pt_redis_conn_t   *c = data;
    redisAsyncContext *ac = c->ac;

    if (ac != NULL) {
        redisAsyncFree(ac); /* of a connected one it runs on_disconnect() */
        if (c->ac != NULL) {
            pt_redis_conn_gone(c, "closed");
        }
    }
}


static void
pt_redis_conn_on_connect(const redisAsyncContext *ac, int status)
{
    pt_redis_conn_t *c = ac->data;

    if (c->deleting) {
        return;
    }
    if (status != REDIS_OK) {
        /* hiredis frees the context after this call */
        pt_redis_conn_gone(c, ac->c.errstr);
        return;
    }
    c->connected = true;
    c->progress_ms = c->loop->ops->now_ms(c->loop);
    pt_redis_conn_greet(c);
}


static void
pt_redis_conn_on_disconnect(const redisAsyncContext *ac, int status)
{
    pt_redis_conn_t *c = ac->data;

    PT_UNUSED(status);
    pt_redis_conn_gone(c, "connection lost");
}


/* Sends AUTH, SELECT and the first PING, together in one write.  When one of
 * them is refused, the connection is closed. */

static void
pt_redis_conn_greet(pt_redis_conn_t *c)
{
    int         argc = 0;
    char        db[16];
    const char *argv[3];

    if (c->url.password[0] != '\0') {
        argv[argc++] = "AUTH";
        if (c->url.user[0] != '\0') {
            argv[argc++] = c->url.user;
        }
        argv[argc++] = c->url.password;
        pt_redis_conn_say(c, pt_redis_conn_on_greeting, argc, argv);
    }
    if (c->url.db != 0) {
        (void) snprintf(db, sizeof(db), "%d", c->url.db);
        argv[0] = "SELECT";
        argv[1] = db;
        pt_redis_conn_say(c, pt_redis_conn_on_greeting, 2, argv);
    }
    pt_redis_conn_ping(c);
}


static void
pt_redis_conn_ping(pt_redis_conn_t *c)
{
    const char *argv[1] = { "PING" };

    c->ping_at_ms = c->loop->ops->now_ms(c->loop) + PT_REDIS_PING_MS;
    pt_redis_conn_say(c, pt_redis_conn_on_pong, 1, argv);
}


/* Sends a command without which the connection is of no use, and closes the
 * connection when that fails. */

static void
pt_redis_conn_say(pt_redis_conn_t *c, redisCallbackFn *fn, int argc,
                  const char **argv)
{
    int    i;
    size_t lens[3];

    assert(argc <= 3);
    for (i = 0; i < argc; i++) {
        lens[i] = strlen(argv[i]); /* none is foreign data */
    }
    if (pt_redis_conn_command(c, fn, argc, argv, lens) != PT_OK) {
        pt_redis_conn_end(c, "a command could not be sent");
    }
}


static pt_err_t
pt_redis_conn_command(pt_redis_conn_t *c, redisCallbackFn *fn, int argc,
                      const char **argv, const size_t *lens)
{
    if (c->ac == NULL || !c->connected) {
        return PT_EREDISAWAY;
    }
    if (redisAsyncCommandArgv(c->ac, fn, c, argc, argv, lens) != REDIS_OK) {
        return PT_EREDISAWAY;
    }
    if (c->pending == 0) {
        c->progress_ms = c->loop->ops->now_ms(c->loop);
    }
    c->pending++;
    return PT_OK;
}


/* Counts a reply.  false: there is none, because the connection has ended. */

static bool
pt_redis_conn_reply(pt_redis_conn_t *c, const redisReply *reply)
{
    if (reply == NULL || c->deleting) {
        return false;
    }
    assert(c->pending > 0);
    c->pending--;
    c->progress_ms = c->loop->ops->now_ms(c->loop);
    if (c->draining && c->pending == 0) {
        c->loop->ops->timer_set(c->close, 0);
    }
    return true;
}


static void
pt_redis_conn_on_greeting(redisAsyncContext *ac, void *reply, void *data)
{
    pt_redis_conn_t  *c = data;
    const redisReply *r = reply;

    PT_UNUSED(ac);
    if (pt_redis_conn_reply(c, r) && r->type == REDIS_REPLY_ERROR) {
        pt_redis_conn_end(c, "AUTH or SELECT refused");
    }
}


static void
pt_redis_conn_on_pong(redisAsyncContext *ac, void *reply, void *data)
{
    pt_redis_conn_t  *c = data;
    const redisReply *r = reply;

    PT_UNUSED(ac);
    if (!pt_redis_conn_reply(c, r)) {
        return;
    }
    if (r->type == REDIS_REPLY_ERROR) {
        pt_redis_conn_end(c, "PING refused");
        return;
    }
    c->pong_ms = c->loop->ops->now_ms(c->loop);
    if (!c->ready) {
        c->ready = true;
        c->said = false;
        c->connects++;
        pt_backoff_reset(&c->backoff);
        c->loop->ops->log(c->loop, PT_LOG_NOTICE, "pytake: redis connected");
    }
}


static void
pt_redis_conn_on_reply(redisAsyncContext *ac, void *reply, void *data)
{
    const redisReply *r = reply;
    pt_redis_conn_t  *c = data;

    PT_UNUSED(ac);
    if (pt_redis_conn_reply(c, r) && r->type == REDIS_REPLY_ERROR) {
        c->loop->ops->log(c->loop, PT_LOG_ERR,
                          "pytake: redis refused a command, is there an ACL?");
    }
}


static void
pt_redis_conn_on_tick(void *data)
{
    int64_t          now;
    pt_redis_conn_t *c = data;

    now = c->loop->ops->now_ms(c->loop);
    if (!c->draining && !c->loop->ops->exiting(c->loop)) {
        c->loop->ops->timer_set(c->tick, PT_REDIS_TICK_MS);
    }
    if (c->ac == NULL) {
        if (!c->draining && c->look == NULL && now >= c->retry_at_ms) {
            pt_redis_conn_start(c);
        }
        return;
    }
    if (!c->connected) {
        if (now - c->began_ms >= (int64_t) c->connect_timeout_ms) {
            pt_redis_conn_end(c, "connect timed out");
        }
        return;
    }
    if (c->pending > 0
        && now - c->progress_ms >= (int64_t) c->command_timeout_ms) {
        pt_redis_conn_end(c, "no reply in time");
        return;
    }
    if (c->ready && now >= c->ping_at_ms) {
        pt_redis_conn_ping(c);
    }
}


/* hiredis may free the context inside each of these calls, so c->ac is read
 * anew. */

static void
pt_redis_conn_on_io(void *data, int events)
{
    pt_redis_conn_t *c = data;

    if ((events & PT_IO_READ) && c->ac != NULL) {
        redisAsyncHandleRead(c->ac);
    }
    if ((events & PT_IO_WRITE) && c->ac != NULL) {
        redisAsyncHandleWrite(c->ac);
    }
}


static void
pt_redis_conn_want(pt_redis_conn_t *c, int want)
{
    if (c->io == NULL || want == c->want) {
        return;
    }
    c->want = want;
    if (c->loop->ops->io_want(c->io, want) != PT_OK) {
        pt_redis_conn_end(c, "the event loop refused the socket");
    }
}


static void
pt_redis_conn_add_read(void *data)
{
    pt_redis_conn_t *c = data;

    pt_redis_conn_want(c, c->want | PT_IO_READ);
}


static void
pt_redis_conn_add_write(void *data)
{
    pt_redis_conn_t *c = data;

    pt_redis_conn_want(c, c->want | PT_IO_WRITE);
}


static void
pt_redis_conn_del_write(void *data)
{
    pt_redis_conn_t *c = data;

    pt_redis_conn_want(c, c->want & ~PT_IO_WRITE);
}


static void
pt_redis_conn_cleanup(void *data)
{
    pt_redis_conn_t *c = data;

    if (c->io != NULL) {
        c->loop->ops->io_del(c->io);
        c->io = NULL;
    }
    c->want = 0;
}
