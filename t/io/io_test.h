/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * io_test.h: what the IO tests share: TAP, a loop that is turned by hand
 * until a condition holds, pools over a table of test statements.
 */

#ifndef IO_TEST_H
#define IO_TEST_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/loop.h"
#include "pt_pg.h"

#define IO_ASKS_MAX 20000

typedef struct {
    bool           answered;
    uint32_t       calls;
    pt_err_t       err;
    char           sqlstate[6];
    uint16_t       failed_stmt;
    char           table[64]; /* "-": absent */
    char           message[256];
    uint16_t       nresults;
    uint32_t       nrows; /* of the last statement */
    char           first[64];
    int64_t        at_ms;
    pt_batch_t     b;
    pytake_param_t param;
    pytake_stmt_t  stmts[4];
    char           text[64];
} io_ask_t;

static loop_t    *io_l;
static pt_loop_t *io_pl;
static io_ask_t  *io_asks;
static uint32_t   io_nasks;
static uint32_t   io_answers;
static int        io_n;
static int        io_failed;
static char       io_last_log[1024];
static uint32_t   io_warnings;


static inline int64_t
io_clock_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


static inline bool
io_ok(bool good, const char *fmt, ...)
{
    va_list ap;

    io_n++;
    if (!good) {
        io_failed++;
    }
    printf("%s %d - ", good ? "ok" : "not ok", io_n);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
    fflush(stdout);
    return good;
}


static inline int
io_end(void)
{
    printf("1..%d\n", io_n);
    return io_failed == 0 ? 0 : 1;
}


static inline void *
io_alloc(void *user, size_t size)
{
    (void) user;
    return malloc(size);
}


static inline void
io_free(void *user, void *p)
{
    (void) user;
    free(p);
}


static inline void
io_log(void *data, pt_log_level_t level, const char *text)
{
    (void) data;
    io_warnings += (level <= PT_LOG_WARN);
    snprintf(io_last_log, sizeof(io_last_log), "%s", text);
    if (getenv("IO_TEST_LOG") != NULL) {
        printf("# [%d] %s\n", (int) level, text);
    }
}


static inline void
io_init(void)
{
    loop_conf_t lc = { io_log, NULL, PT_LOG_DEBUG, 2 };

    setvbuf(stdout, NULL, _IOLBF, 0);
    io_l = loop_new(&lc);
    io_pl = loop_base(io_l);
    io_asks = calloc(IO_ASKS_MAX, sizeof(io_ask_t));
}


static inline void
io_done(void)
{
    loop_del(io_l);
    free(io_asks);
}


/* Turns the loop until *what reaches want; false after max_ms. */

static inline bool
io_until(const volatile uint32_t *what, uint32_t want, int64_t max_ms)
{
    int64_t end = io_clock_ms() + max_ms;

    while (*what < want) {
        if (io_clock_ms() >= end) {
            return false;
        }
        loop_turn(io_l, 20);
    }
    return true;
}


static inline void
io_turn_ms(int64_t ms)
{
    int64_t end = io_clock_ms() + ms;

    while (io_clock_ms() < end) {
        loop_turn(io_l, 5);
    }
}


static inline void
io_conf(pt_pool_conf_t *c, const char *conninfo, uint32_t conns, uint32_t depth)
{
    memset(c, 0, sizeof(*c));
    c->conninfo = conninfo;
    c->app_name = "pytake-test";
    c->conns_max = conns;
    c->depth = depth;
    c->queue_max = 16384;
    c->connect_timeout_ms = 1000;
    c->statement_timeout_ms = 1000;
    c->lock_timeout_ms = 800;
    c->mem.alloc = io_alloc;
    c->mem.free = io_free;
}


static inline void
io_answer(void *data, const pytake_sql_result_t *r)
{
    io_ask_t            *a = data;
    const pytake_rows_t *rows;

    a->calls++;
    a->answered = true;
    a->err = r->err;
    a->at_ms = io_clock_ms();
    memcpy(a->sqlstate, r->sqlstate, sizeof(a->sqlstate));
    a->failed_stmt = r->failed_stmt;
    snprintf(a->table, sizeof(a->table), "%.*s",
             r->table.data == NULL ? 1 : (int) r->table.len,
             r->table.data == NULL ? "-" : r->table.data);
    snprintf(a->message, sizeof(a->message), "%.*s", (int) r->message.len,
             r->message.data == NULL ? "" : r->message.data);
    a->nresults = r->nrows;
    if (r->nrows > 0) {
        rows = &r->rows[r->nrows - 1];
        a->nrows = rows->nrows;
        if (rows->nrows > 0 && rows->ncols > 0 && rows->cells[0].data) {
            snprintf(a->first, sizeof(a->first), "%.*s",
                     (int) rows->cells[0].len, rows->cells[0].data);
        }
    }
    io_answers++;
}


/* A batch of n statements that all take the same one text parameter. */

static inline io_ask_t *
io_ask_many(pt_pool_t *p, pytake_sql_class_t class, uint8_t tenant,
            const uint16_t *stmts, uint16_t n, const char *text,
            int64_t within_ms, pt_err_t *err)
{
    uint16_t     i;
    io_ask_t    *a;
    pytake_sql_t sql;

    if (io_nasks == IO_ASKS_MAX) {
        printf("Bail out! more than %d asks\n", IO_ASKS_MAX);
        exit(1);
    }
    a = &io_asks[io_nasks++];
    memset(a, 0, sizeof(*a));
    snprintf(a->text, sizeof(a->text), "%s", text);
    a->param.data = a->text;
    a->param.len = (int32_t) strlen(a->text);
    memset(&sql, 0, sizeof(sql));
    sql.class = class;
    sql.tenant.b[0] = tenant;
    sql.nstmts = n;
    sql.stmts = a->stmts;
    for (i = 0; i < n; i++) {
        a->stmts[i].stmt = stmts[i];
        a->stmts[i].nparams = 1;
        a->stmts[i].params = &a->param;
    }
    *err = pt_pool_submit(p, &sql, io_pl->ops->now_ms(io_pl) + within_ms,
                          io_answer, a, &a->b);
    return a;
}


static inline io_ask_t *
io_ask(pt_pool_t *p, pytake_sql_class_t class, uint16_t stmt, const char *text,
       int64_t within_ms)
{
    pt_err_t  err;
    io_ask_t *a;

    a = io_ask_many(p, class, 0, &stmt, 1, text, within_ms, &err);
    if (err != PT_OK) {
        a->answered = true;
        a->err = err;
        a->at_ms = io_clock_ms();
    }
    return a;
}


static inline bool
io_wait(io_ask_t *a, int64_t max_ms)
{
    int64_t end = io_clock_ms() + max_ms;

    while (!a->answered && io_clock_ms() < end) {
        loop_turn(io_l, 20);
    }
    return a->answered;
}


static inline void
io_reset(void)
{
    io_nasks = 0;
    io_answers = 0;
}

#endif
