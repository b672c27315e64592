/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The loop of libpytake/io, made of NGINX's events.
 *
 * Sockets of libpq and hiredis are level-triggered, because both libraries
 * read a part of what is there and rely on being called again.  With NGINX's
 * own edge-triggered events rows would stay unread and the query would hang.
 */

#include "ngx_pytake.h"

#define NGX_PYTAKE_HOLD_INTERVAL 1000 /* ms, of a timer that does nothing */
#define NGX_PYTAKE_LOG_MAX 512        /* bytes of a line of the drivers */


struct pt_io_s {
    ngx_pytake_loop_t *loop;
    ngx_connection_t  *connection; /* NGINX's; the socket is the caller's */
    pt_io_handler_pt   handler;
    void              *data;
};

struct pt_timer_s {
    ngx_event_t         ev; /* first: the handler gets this alone */
    pt_timer_handler_pt handler;
    void               *data;
};

typedef struct {
    ngx_thread_task_t   task; /* first, as NGINX allocates its own */
    ngx_pytake_loop_t  *loop;
    pt_work_pt          work;
    pt_timer_handler_pt done;
    void               *data;
} ngx_pytake_work_t;


static pt_io_t    *ngx_pytake_io_new(pt_loop_t *loop, int fd,
                                     pt_io_handler_pt handler, void *data);
static pt_err_t    ngx_pytake_io_want(pt_io_t *io, int events);
static ngx_int_t   ngx_pytake_io_set(ngx_event_t *ev, ngx_int_t event,
                                     ngx_uint_t on);
static void        ngx_pytake_io_del(pt_io_t *io);
static void        ngx_pytake_io_read(ngx_event_t *ev);
static void        ngx_pytake_io_write(ngx_event_t *ev);
static pt_timer_t *ngx_pytake_timer_new(pt_loop_t *loop, int kind,
                                        pt_timer_handler_pt handler,
                                        void               *data);
static void        ngx_pytake_timer_set(pt_timer_t *t, uint32_t after_ms);
static void        ngx_pytake_timer_stop(pt_timer_t *t);
static void        ngx_pytake_timer_del(pt_timer_t *t);
static void        ngx_pytake_timer_fire(ngx_event_t *ev);
static pt_err_t    ngx_pytake_work(pt_loop_t *loop, pt_work_pt work,
                                   pt_timer_handler_pt done, void *data);
static void        ngx_pytake_work_run(void *ctx, ngx_log_t *log);
static void        ngx_pytake_work_done(ngx_event_t *ev);
static void        ngx_pytake_hold_fire(ngx_event_t *ev);
static int64_t     ngx_pytake_now_ms(pt_loop_t *loop);
static int64_t     ngx_pytake_loop_wall(pt_loop_t *loop);
static bool        ngx_pytake_exiting(pt_loop_t *loop);
static void        ngx_pytake_loop_log(pt_loop_t *loop, pt_log_level_t level,
                                       const char *fmt, ...) PT_PRINTF(3, 4);


static const pt_loop_ops_t ngx_pytake_loop_ops = {
    ngx_pytake_io_new,    ngx_pytake_io_want,   ngx_pytake_io_del,
    ngx_pytake_timer_new, ngx_pytake_timer_set, ngx_pytake_timer_stop,
    ngx_pytake_timer_del, ngx_pytake_work,      ngx_pytake_now_ms,
    ngx_pytake_loop_wall, ngx_pytake_exiting,   ngx_pytake_loop_log
};

/* By pt_log_level_t. */

static const ngx_uint_t ngx_pytake_log_levels[] = {
    NGX_LOG_ALERT,  NGX_LOG_ERR,  NGX_LOG_WARN,
    NGX_LOG_NOTICE, NGX_LOG_INFO, NGX_LOG_DEBUG
};


void
ngx_pytake_loop_init(ngx_pytake_loop_t *l, ngx_pytake_worker_t *w,
                     ngx_thread_pool_t *tp)
{
    assert(w != NULL);

    l->loop.ops = &ngx_pytake_loop_ops;
    l->worker = w;
    l->thread_pool = tp;
    l->working = 0;

    l->dummy.fd = (ngx_socket_t) -1;

    l->hold.handler = ngx_pytake_hold_fire;
    l->hold.data = &l->dummy;
    l->hold.log = ngx_cycle->log;
}


void
ngx_pytake_loop_free(ngx_pytake_loop_t *l)
{
    if (l->hold.timer_set) {
        ngx_del_timer(&l->hold);
    }
}


static pt_io_t *
ngx_pytake_io_new(pt_loop_t *loop, int fd, pt_io_handler_pt handler, void *data)
{
    pt_io_t          *io;
    ngx_connection_t *c;

    assert(fd >= 0 && handler != NULL);

    io = ngx_alloc(sizeof(pt_io_t), ngx_cycle->log);
    if (io == NULL) {
        return NULL;
    }

    c = ngx_get_connection(fd, ngx_cycle->log);
    if (c == NULL) {
        ngx_free(io);
        return NULL;
    }

    io->loop = (ngx_pytake_loop_t *) loop;
    io->connection = c;
    io->handler = handler;
    io->data = data;

    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    c->data = io;
    c->log = ngx_cycle->log;
    c->read->log = c->log;
    c->write->log = c->log;
    c->read->handler = ngx_pytake_io_read;
    c->write->handler = ngx_pytake_io_write;

    /* a worker that was told to quit closes its idle connections: it sets
     * close and calls their read handlers */
    c->idle = 1;

    return io;
}


static pt_err_t
ngx_pytake_io_want(pt_io_t *io, int events)
{
    ngx_connection_t *c;

    c = io->connection;

    assert((events & ~(PT_IO_READ | PT_IO_WRITE)) == 0);

    if (ngx_pytake_io_set(c->read, NGX_READ_EVENT, events & PT_IO_READ)
            != NGX_OK
        || ngx_pytake_io_set(c->write, NGX_WRITE_EVENT, events & PT_IO_WRITE)
               != NGX_OK)
    {
        return PT_ELIMIT;
    }

    return PT_OK;
}


static ngx_int_t
ngx_pytake_io_set(ngx_event_t *ev, ngx_int_t event, ngx_uint_t on)
{
    if (on) {
        return ev->active ? NGX_OK : ngx_add_event(ev, event, NGX_LEVEL_EVENT);
    }

    return ev->active ? ngx_del_event(ev, event, 0) : NGX_OK;
}


static void
ngx_pytake_io_del(pt_io_t *io)
{
    ngx_uint_t        flags;
    ngx_connection_t *c;

    c = io->connection;

    /* libpq closes a socket that fails under it.  The kernel has forgotten
     * such a socket, and NGINX would log an alert if it asked epoll to drop
     * it. */
    flags = (fcntl(c->fd, F_GETFD) == -1) ? NGX_CLOSE_EVENT : 0;

    if (c->read->active) {
        (void) ngx_del_event(c->read, NGX_READ_EVENT, flags);
    }

    if (c->write->active) {
        (void) ngx_del_event(c->write, NGX_WRITE_EVENT, flags);
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    /* the library closes the socket itself; with fd -1 NGINX takes events that
     * it has fetched already for stale ones */
    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;
    c->idle = 0;

    ngx_free(io);
}


static void
ngx_pytake_io_read(ngx_event_t *ev)
{
    pt_io_t          *io;
    ngx_connection_t *c;

    c = ev->data;
    io = c->data;

    if (c->close) {
        c->close = 0;
        io->loop->worker->drain(io->loop->worker);
        return;
    }

    io->handler(io->data, PT_IO_READ);
}


static void
ngx_pytake_io_write(ngx_event_t *ev)
{
    pt_io_t          *io;
    ngx_connection_t *c;

    c = ev->data;
    io = c->data;

    io->handler(io->data, PT_IO_WRITE);
}


static pt_timer_t *
ngx_pytake_timer_new(pt_loop_t *loop, int kind, pt_timer_handler_pt handler,
                     void *data)
{
    pt_timer_t        *t;
    ngx_pytake_loop_t *l;

    l = (ngx_pytake_loop_t *) loop;

    assert(handler != NULL);
    assert(kind == PT_TIMER_HOLD || kind == PT_TIMER_HOUSE);

    t = ngx_calloc(sizeof(pt_timer_t), ngx_cycle->log);
    if (t == NULL) {
        return NULL;
    }

    t->ev.handler = ngx_pytake_timer_fire;
    t->ev.data = &l->dummy;
    t->ev.log = ngx_cycle->log;
    t->ev.cancelable = (kind == PT_TIMER_HOUSE);
    t->handler = handler;
    t->data = data;

    return t;
}


static void
ngx_pytake_timer_set(pt_timer_t *t, uint32_t after_ms)
{
    /* ngx_add_timer() leaves a timer alone when its new time is within 300 ms
     * of the old one; a deadline has to be exact, so the old one is removed */

    if (t->ev.timer_set) {
        ngx_del_timer(&t->ev);
    }

    ngx_add_timer(&t->ev, after_ms);
}


static void
ngx_pytake_timer_stop(pt_timer_t *t)
{
    if (t->ev.timer_set) {
        ngx_del_timer(&t->ev);
    }
}


static void
ngx_pytake_timer_del(pt_timer_t *t)
{
    if (t == NULL) {
        return;
    }

    ngx_pytake_timer_stop(t);
    ngx_free(t);
}


static void
ngx_pytake_timer_fire(ngx_event_t *ev)
{
    pt_timer_t *t;

    t = (pt_timer_t *) ev;
    t->handler(t->data);
}


static pt_err_t
ngx_pytake_work(pt_loop_t *loop, pt_work_pt work, pt_timer_handler_pt done,
                void *data)
{
    ngx_pytake_loop_t *l;
    ngx_pytake_work_t *job;

    l = (ngx_pytake_loop_t *) loop;

    assert(work != NULL && done != NULL);

    if (l->thread_pool == NULL) {
        return PT_EBUSY;
    }

    job = ngx_calloc(sizeof(ngx_pytake_work_t), ngx_cycle->log);
    if (job == NULL) {
        return PT_EBUSY;
    }

    job->task.ctx = job;
    job->task.handler = ngx_pytake_work_run;
    job->task.event.data = job;
    job->task.event.handler = ngx_pytake_work_done;
    job->task.event.log = ngx_cycle->log;
    job->loop = l;
    job->work = work;
    job->done = done;
    job->data = data;

    if (ngx_thread_task_post(l->thread_pool, &job->task) != NGX_OK) {
        ngx_free(job);
        return PT_EBUSY;
    }

    if (l->working++ == 0) {
        ngx_add_timer(&l->hold, NGX_PYTAKE_HOLD_INTERVAL);
    }

    return PT_OK;
}


static void
ngx_pytake_work_run(void *ctx, ngx_log_t *log)
{
    ngx_pytake_work_t *job;

    job = ctx;
    job->work(job->data);
}


static void
ngx_pytake_work_done(ngx_event_t *ev)
{
    void               *data;
    pt_timer_handler_pt done;
    ngx_pytake_work_t  *job;
    ngx_pytake_loop_t  *l;

    job = ev->data;
    l = job->loop;
    done = job->done;
    data = job->data;

    ngx_free(job);

    assert(l->working > 0);

    if (--l->working == 0 && l->hold.timer_set) {
        ngx_del_timer(&l->hold);
    }

    done(data);
}


static void
ngx_pytake_hold_fire(ngx_event_t *ev)
{
    /* an exiting worker waits for timers that are armed, and so for its
     * threads, whose data done() has to free */

    ngx_add_timer(ev, NGX_PYTAKE_HOLD_INTERVAL);
}


static int64_t
ngx_pytake_now_ms(pt_loop_t *loop)
{
    return (int64_t) ngx_current_msec;
}


static int64_t
ngx_pytake_loop_wall(pt_loop_t *loop)
{
    return ngx_pytake_clock_wall_us();
}


static bool
ngx_pytake_exiting(pt_loop_t *loop)
{
    return ngx_exiting || ngx_terminate || ngx_quit;
}


static void
ngx_pytake_loop_log(pt_loop_t *loop, pt_log_level_t level, const char *fmt, ...)
{
    int        n;
    char       buf[NGX_PYTAKE_LOG_MAX];
    va_list    args;
    ngx_uint_t lvl;

    assert((size_t) level
           < sizeof(ngx_pytake_log_levels) / sizeof(ngx_pytake_log_levels[0]));

    lvl = ngx_pytake_log_levels[level];

    if (ngx_cycle->log->log_level < lvl) {
        return;
    }

    va_start(args, fmt);
    n = vsnprintf(buf, sizeof(buf), fmt, args);
    va_end(args);

    if (n < 0) {
        return;
    }

    ngx_log_error(lvl, ngx_cycle->log, 0, "%s", buf);
}
