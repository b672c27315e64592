/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * loop_work.c: what other threads have to do with the loop: the bounded pool
 * behind work(), and posts.
 */

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "loop_int.h"


static void        loop_jobs_add(loop_jobs_t *q, loop_job_t *job);
static loop_job_t *loop_jobs_take(loop_jobs_t *q);
static bool        loop_threads_start(loop_t *l);
static void       *loop_thread(void *data);


bool
loop_work_init(loop_t *l)
{
    l->todo.last = &l->todo.first;
    l->ready.last = &l->ready.first;
    if (pthread_mutex_init(&l->lock, NULL) != 0) {
        return false;
    }
    if (pthread_cond_init(&l->more, NULL) != 0) {
        pthread_mutex_destroy(&l->lock);
        return false;
    }
    return true;
}


void
loop_work_free(loop_t *l)
{
    pthread_cond_destroy(&l->more);
    pthread_mutex_destroy(&l->lock);
}


void
loop_threads_end(loop_t *l)
{
    uint32_t i;

    pthread_mutex_lock(&l->lock);
    l->quit = true;
    pthread_cond_broadcast(&l->more);
    pthread_mutex_unlock(&l->lock);

    for (i = 0; i < l->nthreads; i++) {
        pthread_join(l->threads[i], NULL);
    }
}


pt_err_t
loop_post(loop_t *l, pt_timer_handler_pt handler, void *data)
{
    loop_job_t *job;

    assert(handler != NULL);
    job = calloc(1, sizeof(loop_job_t));
    if (job == NULL) {
        return PT_ENOMEM;
    }
    job->done = handler;
    job->data = data;
    pthread_mutex_lock(&l->lock);
    loop_jobs_add(&l->ready, job);
    pthread_mutex_unlock(&l->lock);
    loop_wake(l);
    return PT_OK;
}


pt_err_t
loop_work(pt_loop_t *pl, pt_work_pt work, pt_timer_handler_pt done, void *data)
{
    loop_t     *l = (loop_t *) pl;
    loop_job_t *job;

    assert(work != NULL && done != NULL);
    if (l->njobs >= LOOP_WORK_MAX || !loop_threads_start(l)) {
        return PT_EBUSY;
    }
    job = calloc(1, sizeof(loop_job_t));
    if (job == NULL) {
        return PT_EBUSY;
    }
    job->work = work;
    job->done = done;
    job->data = data;
    l->njobs++;
    pthread_mutex_lock(&l->lock);
    loop_jobs_add(&l->todo, job);
    pthread_cond_signal(&l->more);
    pthread_mutex_unlock(&l->lock);
    return PT_OK;
}


void
loop_run_jobs(loop_t *l)
{
    loop_job_t *job, *next;

    pthread_mutex_lock(&l->lock);
    job = l->ready.first;
    l->ready.first = NULL;
    l->ready.last = &l->ready.first;
    pthread_mutex_unlock(&l->lock);

    for (; job != NULL; job = next) {
        next = job->next;
        if (job->work != NULL) {
            assert(l->njobs > 0);
            l->njobs--;
        }
        job->done(job->data);
        free(job);
    }
}


void
loop_wake(loop_t *l)
{
    uint64_t one = 1;

    /* EAGAIN: the counter is full, so the loop is awake already */
    if (write(l->evfd, &one, sizeof(one)) == -1) {
        assert(errno == EAGAIN || errno == EINTR);
    }
}


static void
loop_jobs_add(loop_jobs_t *q, loop_job_t *job)
{
    job->next = NULL;
    *q->last = job;
    q->last = &job->next;
}


static loop_job_t *
loop_jobs_take(loop_jobs_t *q)
{
    loop_job_t *job = q->first;

    if (job != NULL) {
        q->first = job->next;
        if (q->first == NULL) {
            q->last = &q->first;
        }
    }
    return job;
}


/* All signals stay with the loop's thread. */

static bool
loop_threads_start(loop_t *l)
{
    sigset_t all, old;

    if (l->nthreads > 0) {
        return true;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (l->nthreads < l->conf.threads) {
        if (pthread_create(&l->threads[l->nthreads], NULL, loop_thread, l) != 0)
        {
            break;
        }
        l->nthreads++;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return l->nthreads > 0;
}


static void *
loop_thread(void *data)
{
    loop_t     *l = data;
    loop_job_t *job;

    pthread_mutex_lock(&l->lock);
    for (;;) {
        job = loop_jobs_take(&l->todo);
        if (job == NULL) {
            if (l->quit) {
                break;
            }
            pthread_cond_wait(&l->more, &l->lock);
            continue;
        }
        pthread_mutex_unlock(&l->lock);
        job->work(job->data);
        pthread_mutex_lock(&l->lock);
        loop_jobs_add(&l->ready, job);
        loop_wake(l);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}
