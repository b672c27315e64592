/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * part.h: "pytake serve" is one loop and the parts that live on it (jobs,
 * hub, courier): what it gives them, and what they are to it.  A part never
 * blocks and never ends the program by itself.
 */

#ifndef PART_H
#define PART_H

#include "conf.h"
#include "core/base/pt_buf.h"
#include "loop.h"

#define PART_STOP_MS 10000 /* for the parts to finish; then they are cut */

typedef struct part_host_s part_host_t;

struct part_host_s {
    const conf_t *conf;
    loop_t       *loop;
    pt_loop_t    *base; /* of loop: ops for timers, sockets, log */
    pt_mem_t      mem;
    uint32_t      fds; /* of all parts that run */
    /* All parts' metrics, as Prometheus reads them; NULL: none. */
    void (*metrics)(const part_host_t *serve, pt_buf_t *out);
};

typedef struct {
    const char *name;

    /* Makes the part; serve outlives it.  An error (logged by the part)
     * ends the program. */
    pt_err_t (*start)(const part_host_t *serve, void **part);

    /* SIGTERM: take on nothing new, close what is idle; what is under way
     * may go on for PART_STOP_MS.  The loop runs on while the part holds a
     * PT_TIMER_HOLD timer. */
    void (*stop)(void *part);

    /* Frees it, with whatever is still open. */
    void (*del)(void *part);

    /* Prometheus text; NULL: it has none, or tells them itself. */
    void (*metrics)(const void *part, pt_buf_t *out);

    /* Descriptors it may hold, a few apart; the hub, which takes all that are
     * left, names none. */
    uint32_t fds;
} part_t;

#endif
