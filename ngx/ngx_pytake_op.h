/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * ngx_pytake_op.h: operations of the core and who performs their effects:
 * batches, password hashes, and the gate that says who may try a password.
 */

#ifndef NGX_PYTAKE_OP_H
#define NGX_PYTAKE_OP_H

#include "ngx_pytake_request.h"

/* ---- operations (ngx_pytake_op.c) ---- */

typedef enum {
    NGX_PYTAKE_OP_NEW = 0, /* not started */
    NGX_PYTAKE_OP_SQL,     /* a batch is with a pool */
    NGX_PYTAKE_OP_WORK,    /* a hash waits or runs */
    NGX_PYTAKE_OP_DONE     /* the answer is there, or nobody wants it */
} ngx_pytake_op_state_e;

/* Answers the request and may release its operation; resp belongs to the
 * operation. */
typedef void (*ngx_pytake_op_pt)(ngx_http_request_t *r,
                                 pytake_response_t  *resp);

/* On the heap, since it may outlive its request: a write in flight goes on
 * when the client has gone. */
struct ngx_pytake_op_s {
    ngx_pytake_worker_t *worker;
    ngx_http_request_t  *request; /* NULL: detached, or answered */
    ngx_pytake_ctx_t    *ctx;     /* NULL: the request has ended */
    pytake_op_t         *op;      /* the core's; NULL: it could not be made */
    pytake_request_t     req;     /* slices into the bytes behind this */
    ngx_queue_t          queue;   /* in the worker's ops */
    ngx_event_t          timer;   /* the deadline; it keeps the worker, too */
    int64_t              deadline_ms;  /* in the loop's time */
    int64_t              submitted_us; /* of the last batch, monotonic */
    pt_pool_t           *pool;         /* of the last batch */
    pt_batch_t           batch;        /* in pool */
    ngx_pytake_hash_t   *hash;         /* in state WORK, or NULL */
    ngx_pytake_op_pt     done;         /* NULL: the answer is sent as it is */
    pytake_effect_t      effect; /* the last one; in state DONE the answer */
    ngx_uint_t           state;  /* ngx_pytake_op_state_e */
    ngx_uint_t class;            /* of the last batch */
    unsigned held : 1;           /* r->pool still refers to it */
    unsigned wrote : 1;          /* a write was handed to a pool */
    unsigned late : 1;           /* past its deadline, in the grace */
    unsigned webhook : 1;
};

/* Makes an operation of the request, with extra bytes behind the structure for
 * what op->req points to.  It returns NULL when there is no memory. */
ngx_pytake_op_t *ngx_pytake_op_new(ngx_http_request_t  *r,
                                   ngx_pytake_worker_t *w, size_t extra);

/* Starts an operation whose req is filled, with timeout milliseconds to its
 * deadline.  NGX_OK: it is DONE and op->effect is the answer, which the caller
 * sends.  NGX_AGAIN: it will answer the request by itself.  NGX_ERROR: there
 * is no memory or no randomness, and it is DONE without an answer. */
ngx_int_t ngx_pytake_op_start(ngx_pytake_op_t *op, ngx_msec_t timeout);

/* Lets the core judge the request before its body is read.  NGX_OK: it is
 * refused, and op->effect is the answer.  NGX_DECLINED: the body may be read.
 * NGX_ERROR: as of ngx_pytake_op_start(). */
ngx_int_t ngx_pytake_op_judge(ngx_pytake_op_t *op);

/* Frees an operation that is DONE before its request ends. */
void ngx_pytake_op_release(ngx_pytake_op_t *op, ngx_http_request_t *r);

/* Frees all operations of a worker that exits. */
void ngx_pytake_op_drop_all(ngx_pytake_worker_t *w);


/* ---- who may try a password (ngx_pytake_gate.c) ---- */

/* Makes a gate in the zone's memory, of size bytes at most.  It returns NULL
 * when there is no room for one. */
pt_gate_t *ngx_pytake_gate_new(ngx_slab_pool_t *shpool, size_t size);

/* Gives the worker the zone's gate, or one of its own when there is no zone.
 * NGX_ERROR means that there is no memory. */
ngx_int_t ngx_pytake_gate_init(ngx_pytake_worker_t *w);

/* Asks whether who may try a password now.  0: it may, and *pass is ended by
 * leave when the attempt came to nothing, by right when the password was
 * right, and by neither when it was wrong.  Otherwise the seconds to wait, of
 * which the log tells now and then. */
ngx_uint_t ngx_pytake_gate_enter(ngx_pytake_op_t *op, pytake_login_t *who,
                                 pt_gate_pass_t *pass);

/* Ends a pass: no password was verified. */
void ngx_pytake_gate_leave(ngx_pytake_worker_t *w, pt_gate_pass_t *pass);

/* Ends a pass: the password was right. */
void ngx_pytake_gate_right(ngx_pytake_worker_t *w, pytake_login_t *who,
                           pt_gate_pass_t *pass);


/* ---- password hashes (ngx_pytake_hash.c) ---- */

/* Called once with the outcome: err is PT_OK and match says whether the
 * password is right; PT_EBUSY: the hash had to make room; PT_EINTERNAL: the
 * stored hash could not be verified. */
typedef void (*ngx_pytake_hash_pt)(ngx_pytake_op_t *op, pt_err_t err,
                                   ngx_uint_t match);

/* On the heap; it owns copies of all that its thread reads. */
struct ngx_pytake_hash_s {
    pt_turn_t            turn;  /* first: in the worker's hashes[later] */
    ngx_queue_t          queue; /* in the worker's displaced */
    pytake_login_t       who;   /* who tries it */
    pt_gate_pass_t       pass;  /* of the gate */
    ngx_pytake_worker_t *worker;
    ngx_pytake_op_t     *op; /* NULL: abandoned */
    ngx_pytake_hash_pt   handler;
    char                *phc;      /* stored hash, NUL-terminated; in this */
    char                *password; /* NUL-terminated, in this allocation */
    size_t               phc_len;
    size_t               password_len;
    pt_err_t             err;
    /* A word of its own: the thread writes it while the loop sets the bits. */
    ngx_uint_t match;
    unsigned   running : 1;   /* it is in a thread */
    unsigned   displaced : 1; /* it lost its place */
    unsigned   later : 1;     /* index of the worker's hashes */
};

/* Makes the worker's queues.  NGX_ERROR means that there is no memory. */
ngx_int_t ngx_pytake_hash_init(ngx_pytake_worker_t *w);

/* How many hashes wait for a thread. */
ngx_uint_t ngx_pytake_hash_waiting(ngx_pytake_worker_t *w);

/* Queues the hash of work, which is copied, as op->hash.  handler never runs
 * inside this call.  PT_EBUSY: the queue is full, or work is of another kind;
 * PT_ENOMEM; PT_EATTEMPTS: the gate lets nobody in for *wait_s seconds. */
pt_err_t ngx_pytake_hash_new(ngx_pytake_op_t *op, const pytake_work_t *work,
                             ngx_pytake_hash_pt handler, ngx_uint_t *wait_s);

/* Nobody waits for h any more: its handler will not run.  It is freed now, or
 * by its thread's end. */
void ngx_pytake_hash_abandon(ngx_pytake_hash_t *h);

/* Frees the queues of a worker that exits, whose operations are gone. */
void ngx_pytake_hash_drop_all(ngx_pytake_worker_t *w);

#endif
