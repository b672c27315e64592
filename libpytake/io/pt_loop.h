/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_loop.h: what the drivers ask of an event loop.  NGINX's adapter is
 * ngx/ngx_pytake_loop.c, the sidecar's is sidecar/base/loop.c; tests have
 * their own.  (Model: hiredis' async adapter.)
 *
 * Foreign sockets are LEVEL-triggered, always: see docs/io.md.
 */

#ifndef PT_LOOP_H
#define PT_LOOP_H

#include "core/base/pt_base.h"

typedef struct pt_loop_s  pt_loop_t;
typedef struct pt_io_s    pt_io_t;    /* a registered socket */
typedef struct pt_timer_s pt_timer_t; /* a one-shot timer */

#define PT_IO_READ 1
#define PT_IO_WRITE 2

#define PT_TIMER_HOLD 0  /* keeps an exiting worker alive: work in flight */
#define PT_TIMER_HOUSE 1 /* housekeeping: an exiting worker ignores it */

typedef enum {
    PT_LOG_ALERT = 0, /* our bug */
    PT_LOG_ERR,
    PT_LOG_WARN,
    PT_LOG_NOTICE,
    PT_LOG_INFO,
    PT_LOG_DEBUG
} pt_log_level_t;

typedef void (*pt_io_handler_pt)(void *data, int events);
typedef void (*pt_timer_handler_pt)(void *data);
typedef void (*pt_work_pt)(void *data); /* runs in a thread */

typedef struct {
    /*
     * Registers a non-blocking fd; no interest yet.  NULL when out of
     * memory or connections.  The caller owns the fd.  handler may call
     * anything, io_del of its own io included.
     */
    pt_io_t *(*io_new)(pt_loop_t *l, int fd, pt_io_handler_pt handler,
                       void *data);
    /* Sets the interest (idempotent). PT_ELIMIT when the kernel refuses. */
    pt_err_t (*io_want)(pt_io_t *io, int events);
    /* Deregisters; the caller closes the fd AFTER this.  No handler call
     * follows, not even of events already fetched. */
    void (*io_del)(pt_io_t *io);

    /* kind: PT_TIMER_HOLD or PT_TIMER_HOUSE.  NULL: out of memory. */
    pt_timer_t *(*timer_new)(pt_loop_t *l, int kind,
                             pt_timer_handler_pt handler, void *data);
    void (*timer_set)(pt_timer_t *t, uint32_t after_ms); /* (re)arms */
    void (*timer_stop)(pt_timer_t *t);                   /* idempotent */
    void (*timer_del)(pt_timer_t *t);

    /* Runs work in a thread, then done on the loop.  data belongs to the
     * job until done has run (which happens even while exiting).
     * PT_EBUSY: no thread or queue place. */
    pt_err_t (*work)(pt_loop_t *l, pt_work_pt work, pt_timer_handler_pt done,
                     void *data);

    int64_t (*now_ms)(pt_loop_t *l);  /* monotonic */
    int64_t (*wall_us)(pt_loop_t *l); /* unix time */
    bool (*exiting)(pt_loop_t *l);    /* park nothing any more */
    void (*log)(pt_loop_t *l, pt_log_level_t level, const char *fmt, ...)
        PT_PRINTF(3, 4);
} pt_loop_ops_t;

/* An adapter puts this first in its own structure. */
struct pt_loop_s {
    const pt_loop_ops_t *ops;
};

#endif
