/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_loop.h: what the drivers ask of an event loop.  NGINX's adapter is
 * ngx/ngx_pytake_loop.c, the sidecar's is sidecar/base/loop.c, and tests have
 * their own.  The model is the adapter of hiredis' async API.
 *
 * Sockets of libpq, hiredis and libcurl are always level-triggered, because
 * these libraries do not read all that is there (docs/io.md).
 */

#ifndef PT_LOOP_H
#define PT_LOOP_H

#include "core/base/pt_base.h"

typedef struct pt_loop_s  pt_loop_t;
typedef struct pt_io_s    pt_io_t;    /* a registered socket */
typedef struct pt_timer_s pt_timer_t; /* a one-shot timer */

/* Bits of an interest in a socket. */
#define PT_IO_READ 1
#define PT_IO_WRITE 2

/* Kinds of timers. */
#define PT_TIMER_HOLD 0  /* of work in flight: an exiting worker waits for it */
#define PT_TIMER_HOUSE 1 /* of housekeeping: an exiting worker ignores it */

typedef enum {
    PT_LOG_ALERT = 0, /* a bug of this program */
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
     * Registers a non-blocking fd, which stays the caller's, without an
     * interest.  handler gets data and the events that happened; it may call
     * anything, io_del of its own io included.  NULL: there is no memory, or
     * the loop has no place for a connection.
     */
    pt_io_t *(*io_new)(pt_loop_t *l, int fd, pt_io_handler_pt handler,
                       void *data);
    /* Sets the interest to these bits; it may be called with the same ones
     * again.  PT_ELIMIT: the kernel refuses. */
    pt_err_t (*io_want)(pt_io_t *io, int events);
    /* Deregisters the fd, which the caller closes after this.  The handler is
     * not called any more, not even for events that were fetched already. */
    void (*io_del)(pt_io_t *io);

    /* Makes a timer that is not armed, of kind PT_TIMER_HOLD or
     * PT_TIMER_HOUSE. NULL: there is no memory. */
    pt_timer_t *(*timer_new)(pt_loop_t *l, int kind,
                             pt_timer_handler_pt handler, void *data);
    /* Arms the timer, or arms it anew: its handler runs once, after_ms
     * milliseconds from now, and never inside this call. */
    void (*timer_set)(pt_timer_t *t, uint32_t after_ms);
    /* Disarms the timer; it may be disarmed already. */
    void (*timer_stop)(pt_timer_t *t);
    /* Disarms the timer and frees it. */
    void (*timer_del)(pt_timer_t *t);

    /* Runs work in a thread, and then done on the loop, also while the program
     * exits.  data belongs to the job until done has run.  PT_EBUSY: no thread
     * and no place in a queue is free; neither of them runs then. */
    pt_err_t (*work)(pt_loop_t *l, pt_work_pt work, pt_timer_handler_pt done,
                     void *data);

    int64_t (*now_ms)(pt_loop_t *l);  /* monotonic, of this turn */
    int64_t (*wall_us)(pt_loop_t *l); /* since 1970 */
    bool (*exiting)(pt_loop_t *l);    /* nothing new should be kept open */
    /* Writes a line; fmt is that of printf(). */
    void (*log)(pt_loop_t *l, pt_log_level_t level, const char *fmt, ...)
        PT_PRINTF(3, 4);
} pt_loop_ops_t;

/* An adapter puts this first in its own structure. */
struct pt_loop_s {
    const pt_loop_ops_t *ops;
};

#endif
