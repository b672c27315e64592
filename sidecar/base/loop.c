/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include <assert.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "loop_int.h"

#define LOOP_LINE_MAX 1024
#define LOOP_OFF UINT32_MAX /* heap index of a timer that is not armed */


struct pt_io_s {
    loop_t          *loop;
    pt_io_t         *next_dead;
    pt_io_handler_pt handler; /* NULL: deleted, freed after the turn */
    void            *data;
    int              fd;
    int              want;
};

struct pt_timer_s {
    loop_t             *loop;
    pt_timer_handler_pt handler;
    void               *data;
    int64_t             at_ms;
    uint32_t            index;
    int                 kind;
};


static pt_io_t    *loop_io_new(pt_loop_t *pl, int fd, pt_io_handler_pt handler,
                               void *data);
static pt_err_t    loop_io_want(pt_io_t *io, int events);
static void        loop_io_del(pt_io_t *io);
static pt_timer_t *loop_timer_new(pt_loop_t *pl, int kind,
                                  pt_timer_handler_pt handler, void *data);
static void        loop_timer_set(pt_timer_t *t, uint32_t after_ms);
static void        loop_timer_stop(pt_timer_t *t);
static void        loop_timer_del(pt_timer_t *t);
static int64_t     loop_now_ms(pt_loop_t *pl);
static int64_t     loop_wall_us(pt_loop_t *pl);
static bool        loop_exiting(pt_loop_t *pl);
static void loop_log(pt_loop_t *pl, pt_log_level_t level, const char *fmt, ...)
    PT_PRINTF(3, 4);
static int64_t loop_clock_ms(void);
static bool    loop_heap_reserve(loop_t *l);
static void    loop_heap_put(loop_t *l, uint32_t i, pt_timer_t *t);
static void    loop_heap_up(loop_t *l, uint32_t i);
static void    loop_heap_down(loop_t *l, uint32_t i);
static void    loop_run_timers(loop_t *l);
static void    loop_free_dead(loop_t *l);
static int     loop_wait(const loop_t *l, uint32_t wait_ms);


static const pt_loop_ops_t loop_ops = {
    loop_io_new,    loop_io_want,    loop_io_del,    loop_timer_new,
    loop_timer_set, loop_timer_stop, loop_timer_del, loop_work,
    loop_now_ms,    loop_wall_us,    loop_exiting,   loop_log
};


loop_t *
loop_new(const loop_conf_t *conf)
{
    loop_t            *l;
    struct epoll_event ev;

    l = calloc(1, sizeof(loop_t));
    if (l == NULL) {
        return NULL;
    }
    l->base.ops = &loop_ops;
    l->conf = *conf;
    if (l->conf.threads == 0) {
        l->conf.threads = LOOP_THREADS_DEFAULT;
    }
    if (l->conf.threads > LOOP_THREADS_MAX) {
        l->conf.threads = LOOP_THREADS_MAX;
    }
    l->now_ms = loop_clock_ms();
    l->epfd = epoll_create1(EPOLL_CLOEXEC);
    l->evfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    memset(&ev, 0, sizeof(ev));
    ev.events = EPOLLIN; /* ev.data.ptr NULL stands for the eventfd */
    if (l->epfd == -1 || l->evfd == -1
        || epoll_ctl(l->epfd, EPOLL_CTL_ADD, l->evfd, &ev) == -1
        || !loop_work_init(l))
    {
        goto failed;
    }
    signal(SIGPIPE, SIG_IGN);
    return l;

failed:

    if (l->epfd != -1) {
        close(l->epfd);
    }
    if (l->evfd != -1) {
        close(l->evfd);
    }
    free(l);
    return NULL;
}


void
loop_del(loop_t *l)
{
    loop_threads_end(l);
    loop_run_jobs(l);
    loop_free_dead(l);
    assert(l->nheap == 0);
    close(l->epfd);
    close(l->evfd);
    loop_work_free(l);
    free(l->heap);
    free(l);
}


pt_loop_t *
loop_base(loop_t *l)
{
    return &l->base;
}


void
loop_run(loop_t *l)
{
    l->broken = false;
    while (!l->broken && !(l->exiting && l->nhold == 0 && l->njobs == 0)) {
        loop_turn(l, UINT32_MAX);
    }
}


void
loop_turn(loop_t *l, uint32_t wait_ms)
{
    int                i, n, events;
    pt_io_t           *io;
    uint64_t           count;
    struct epoll_event list[LOOP_EVENTS_MAX];

    n = epoll_wait(l->epfd, list, LOOP_EVENTS_MAX, loop_wait(l, wait_ms));
    l->now_ms = loop_clock_ms();

    for (i = 0; i < n; i++) {
        io = list[i].data.ptr;
        if (io == NULL) {
            if (read(l->evfd, &count, sizeof(count)) > 0) {
                loop_run_jobs(l);
            }
            continue;
        }
        if (io->handler == NULL) {
            continue; /* deleted by a handler of this very turn */
        }
        events = 0;
        if (list[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
            events |= PT_IO_READ;
        }
        if (list[i].events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
            events |= PT_IO_WRITE;
        }
        events &= io->want;
        if (events != 0) {
            io->handler(io->data, events);
        }
    }
    loop_run_timers(l);
    if (l->on_turn != NULL) {
        l->on_turn(l->on_turn_data);
    }
    loop_free_dead(l);
}


void
loop_stop(loop_t *l)
{
    l->exiting = true;
    loop_wake(l);
}


void
loop_on_turn(loop_t *l, pt_timer_handler_pt handler, void *data)
{
    l->on_turn = handler;
    l->on_turn_data = data;
}


void
loop_break(loop_t *l)
{
    l->broken = true;
    loop_wake(l);
}


static pt_io_t *
loop_io_new(pt_loop_t *pl, int fd, pt_io_handler_pt handler, void *data)
{
    pt_io_t *io;

    assert(fd >= 0 && handler != NULL);
    io = calloc(1, sizeof(pt_io_t));
    if (io == NULL) {
        return NULL;
    }
    io->loop = (loop_t *) pl;
    io->fd = fd;
    io->handler = handler;
    io->data = data;
    return io;
}


/* No interest means not registered: epoll would report EPOLLHUP anyway. */

static pt_err_t
loop_io_want(pt_io_t *io, int events)
{
    int                op;
    struct epoll_event ev;

    assert(io->handler != NULL);
    if (events == io->want) {
        return PT_OK;
    }
    memset(&ev, 0, sizeof(ev));
    ev.data.ptr = io;
    if (events & PT_IO_READ) {
        ev.events |= EPOLLIN;
    }
    if (events & PT_IO_WRITE) {
        ev.events |= EPOLLOUT;
    }
    op = (events == 0)     ? EPOLL_CTL_DEL
         : (io->want == 0) ? EPOLL_CTL_ADD
                           : EPOLL_CTL_MOD;
    if (epoll_ctl(io->loop->epfd, op, io->fd, &ev) == -1 && events != 0) {
        return PT_ELIMIT;
    }
    io->want = events;
    return PT_OK;
}


static void
loop_io_del(pt_io_t *io)
{
    assert(io->handler != NULL);
    (void) loop_io_want(io, 0);
    io->handler = NULL;
    io->next_dead = io->loop->dead;
    io->loop->dead = io;
}


static pt_timer_t *
loop_timer_new(pt_loop_t *pl, int kind, pt_timer_handler_pt handler, void *data)
{
    loop_t     *l = (loop_t *) pl;
    pt_timer_t *t;

    assert(handler != NULL);

    /* A place in the heap for every timer that exists: arming cannot
     * fail.  heap_max counts timers, not only armed ones. */
    if (!loop_heap_reserve(l)) {
        return NULL;
    }
    t = calloc(1, sizeof(pt_timer_t));
    if (t == NULL) {
        l->heap_max--;
        return NULL;
    }
    t->loop = l;
    t->kind = kind;
    t->handler = handler;
    t->data = data;
    t->index = LOOP_OFF;
    return t;
}


static void
loop_timer_set(pt_timer_t *t, uint32_t after_ms)
{
    loop_t *l = t->loop;

    loop_timer_stop(t);
    t->at_ms = loop_clock_ms() + (int64_t) after_ms;
    assert(l->nheap < l->heap_max);
    loop_heap_put(l, l->nheap, t);
    l->nheap++;
    loop_heap_up(l, t->index);
    if (t->kind == PT_TIMER_HOLD) {
        l->nhold++;
    }
}


static void
loop_timer_stop(pt_timer_t *t)
{
    loop_t     *l = t->loop;
    uint32_t    i = t->index;
    pt_timer_t *moved;

    if (i == LOOP_OFF) {
        return;
    }
    assert(i < l->nheap && l->heap[i] == t);
    t->index = LOOP_OFF;
    if (t->kind == PT_TIMER_HOLD) {
        l->nhold--;
    }
    l->nheap--;
    if (i < l->nheap) {
        moved = l->heap[l->nheap];
        loop_heap_put(l, i, moved);
        loop_heap_up(l, i);
        loop_heap_down(l, moved->index);
    }
}


static void
loop_timer_del(pt_timer_t *t)
{
    loop_timer_stop(t);
    assert(t->loop->heap_max > 0);
    t->loop->heap_max--;
    free(t);
}


static int64_t
loop_now_ms(pt_loop_t *pl)
{
    return ((loop_t *) pl)->now_ms;
}


static int64_t
loop_wall_us(pt_loop_t *pl)
{
    struct timespec ts;

    PT_UNUSED(pl);
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


static bool
loop_exiting(pt_loop_t *pl)
{
    return ((loop_t *) pl)->exiting;
}


static void
loop_log(pt_loop_t *pl, pt_log_level_t level, const char *fmt, ...)
{
    loop_t *l = (loop_t *) pl;
    va_list ap;
    char    line[LOOP_LINE_MAX];

    if (level > l->conf.log_level) {
        return;
    }
    va_start(ap, fmt);
    (void) vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    if (l->conf.log != NULL) {
        l->conf.log(l->conf.log_data, level, line);
    } else {
        fprintf(stderr, "%s\n", line);
    }
}


static int64_t
loop_clock_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


/* The array doubles at powers of two; heap_max is the number of timers. */

static bool
loop_heap_reserve(loop_t *l)
{
    size_t       n;
    pt_timer_t **heap;

    n = l->heap_max;
    if (n < 16 ? n == 0 : (n & (n - 1)) == 0) {
        n = (n == 0) ? 16 : n * 2;
        heap = realloc(l->heap, n * sizeof(pt_timer_t *));
        if (heap == NULL) {
            return false;
        }
        l->heap = heap;
    }
    l->heap_max++;
    return true;
}


static void
loop_heap_put(loop_t *l, uint32_t i, pt_timer_t *t)
{
    assert(i < l->heap_max);
    l->heap[i] = t;
    t->index = i;
}


static void
loop_heap_up(loop_t *l, uint32_t i)
{
    uint32_t    parent;
    pt_timer_t *t = l->heap[i];

    while (i > 0) {
        parent = (i - 1) / 2;
        if (l->heap[parent]->at_ms <= t->at_ms) {
            break;
        }
        loop_heap_put(l, i, l->heap[parent]);
        i = parent;
    }
    loop_heap_put(l, i, t);
}


static void
loop_heap_down(loop_t *l, uint32_t i)
{
    uint32_t    child;
    pt_timer_t *t = l->heap[i];

    for (;;) {
        child = 2 * i + 1;
        if (child >= l->nheap) {
            break;
        }
        if (child + 1 < l->nheap
            && l->heap[child + 1]->at_ms < l->heap[child]->at_ms) {
            child++;
        }
        if (t->at_ms <= l->heap[child]->at_ms) {
            break;
        }
        loop_heap_put(l, i, l->heap[child]);
        i = child;
    }
    loop_heap_put(l, i, t);
}


/* Only timers due when the pass began: one that re-arms itself for "now"
 * must not starve the sockets. */

static void
loop_run_timers(loop_t *l)
{
    int64_t     until;
    uint32_t    n;
    pt_timer_t *t;

    l->now_ms = loop_clock_ms();
    until = l->now_ms;
    for (n = l->nheap; n > 0 && l->nheap > 0; n--) {
        t = l->heap[0];
        if (t->at_ms > until) {
            break;
        }
        loop_timer_stop(t);
        t->handler(t->data);
    }
}


static void
loop_free_dead(loop_t *l)
{
    pt_io_t *io;

    while (l->dead != NULL) {
        io = l->dead;
        l->dead = io->next_dead;
        free(io);
    }
}


static int
loop_wait(const loop_t *l, uint32_t wait_ms)
{
    int64_t left;

    left = (wait_ms == UINT32_MAX) ? INT32_MAX : (int64_t) wait_ms;
    if (l->nheap > 0) {
        int64_t due = l->heap[0]->at_ms - loop_clock_ms();

        if (due < left) {
            left = due;
        }
    }
    if (left < 0) {
        left = 0;
    }
    return (left >= INT32_MAX) ? -1 : (int) left;
}