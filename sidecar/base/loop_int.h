/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * loop_int.h: the loop as its two files share it.
 */

#ifndef LOOP_INT_H
#define LOOP_INT_H

#include <pthread.h>

#include "loop.h"

typedef struct loop_job_s loop_job_t;

struct loop_job_s {
    pt_work_pt          work; /* NULL: a post */
    pt_timer_handler_pt done;
    void               *data;
    loop_job_t         *next;
};

typedef struct {
    loop_job_t  *first;
    loop_job_t **last;
} loop_jobs_t;

struct loop_s {
    pt_loop_t   base; /* first: the drivers' view */
    loop_conf_t conf;
    int         epfd;
    int         evfd;
    int64_t     now_ms;
    bool        exiting;
    bool        broken;
    void (*on_turn)(void *data);
    void        *on_turn_data;
    pt_io_t     *dead;
    pt_timer_t **heap;
    uint32_t     nheap;
    uint32_t     heap_max;
    uint32_t     nhold; /* armed PT_TIMER_HOLD timers */
    uint32_t     njobs; /* jobs whose done has not run */

    pthread_mutex_t lock; /* guards the four below */
    pthread_cond_t  more;
    loop_jobs_t     todo;
    loop_jobs_t     ready;
    bool            quit;
    uint32_t        nthreads;
    pthread_t       threads[LOOP_THREADS_MAX];
};

/* ---- loop_work.c ---- */

/* Makes the lock and the queues of jobs. false: the system has no lock left. */
bool loop_work_init(loop_t *l);

/* Frees them; no thread may run any more. */
void loop_work_free(loop_t *l);

/* Ends the threads once the jobs that were handed over have run. */
void loop_threads_end(loop_t *l);

/* The function work of pt_loop_ops_t: has work(data) run on a thread and then
 * done(data) on the loop.  PT_EBUSY: too many jobs, no memory or no thread. */
pt_err_t loop_work(pt_loop_t *pl, pt_work_pt work, pt_timer_handler_pt done,
                   void *data);

/* Calls the done handlers of finished jobs, and those of posts. */
void loop_run_jobs(loop_t *l);

/* Ends the wait of the loop.  Any thread may call this. */
void loop_wake(loop_t *l);

#endif
