/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * loop.h: the sidecar's event loop: pt_loop on level-triggered epoll.
 *
 * One thread runs it.  Timers are a binary heap; an eventfd carries posts
 * and the results of the small thread pool.  Nothing here allocates per
 * event, a registered socket costs one small structure.
 */

#ifndef LOOP_H
#define LOOP_H

#include "io/pt_loop.h"

typedef struct loop_s loop_t;

/* data: conf.log_data; text is one line without the newline. */
typedef void (*loop_log_pt)(void *data, pt_log_level_t level, const char *text);

typedef struct {
    loop_log_pt    log; /* NULL: one line each on stderr */
    void          *log_data;
    pt_log_level_t log_level; /* finer levels are not formatted */
    uint32_t       threads;   /* for work(); 0: LOOP_THREADS_DEFAULT */
} loop_conf_t;

#define LOOP_THREADS_DEFAULT 2u
#define LOOP_THREADS_MAX 16u
#define LOOP_WORK_MAX 256u  /* jobs queued or running */
#define LOOP_EVENTS_MAX 256 /* fetched a turn */

/* Makes a loop; ignores SIGPIPE for the process.  Threads start with the
 * first work().  NULL: out of memory or descriptors. */
loop_t *loop_new(const loop_conf_t *conf);

/* Waits for running jobs (their done handlers run), then frees everything.
 * Sockets and timers of the caller must be gone already. */
void loop_del(loop_t *l);

/* Returns the loop as the drivers take it; it lives as long as l. */
pt_loop_t *loop_base(loop_t *l);

/* Runs until loop_stop() and then on until no PT_TIMER_HOLD timer is armed
 * and no job is under way; or until loop_break(). */
void loop_run(loop_t *l);

/* Runs one turn, which waits for events at most wait_ms milliseconds
 * (UINT32_MAX: until something happens). */
void loop_turn(loop_t *l, uint32_t wait_ms);

/* Has loop_run() end once nothing holds it; exiting() of the loop is true from
 * here on. */
void loop_stop(loop_t *l);

/* Has loop_run() return after this turn. */
void loop_break(loop_t *l);

/* Has handler(data) called at the end of every turn, for what its events have
 * left to do.  There is only one handler; NULL: none. */
void loop_on_turn(loop_t *l, pt_timer_handler_pt handler, void *data);

/* Has handler(data) called once on the thread of the loop.  Any thread may call
 * this.  PT_ENOMEM: it will not be called. */
pt_err_t loop_post(loop_t *l, pt_timer_handler_pt handler,
                   void *data) PT_MUST_CHECK;

#endif
