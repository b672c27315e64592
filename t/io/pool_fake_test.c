/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* The pool against a server that misbehaves by script. */

#include "io_test.h"
#include "fake_pg.h"

static const uint32_t oids[] = { 25 };

const pytake_stmt_def_t pytake_stmts[] = { { .name = "echo",
                                             .sql = "select $1::text",
                                             .nparams = 1,
                                             .ncols = 1,
                                             .param_oids = oids },
                                           { .name = "echo_two",
                                             .sql = "select $1::text as b",
                                             .nparams = 1,
                                             .ncols = 1,
                                             .param_oids = oids } };
const uint16_t          pytake_stmts_count = 2;

static char conninfo[128];


static pt_pool_t *
pool_of(const char *where, uint32_t conns, uint32_t depth)
{
    pt_pool_t     *p = NULL;
    pt_pool_conf_t c;

    io_reset();
    io_conf(&c, where, conns, depth);
    c.tenant_max = (depth == 1) ? 2 : 0;
    if (pt_pool_new(io_pl, &c, &p) != PT_OK) {
        exit(2);
    }
    return p;
}


static pt_pool_t *
pool(uint32_t conns, uint32_t depth)
{
    return pool_of(conninfo, conns, depth);
}


static void
normal(void)
{
    bool            good = true;
    char            text[16];
    uint32_t        i;
    uint16_t        two[2] = { 0, 1 };
    pt_err_t        err;
    pt_pool_t      *p = pool(2, 8);
    pt_pool_stats_t st;

    fake_parses = 0;
    for (i = 0; i < 500; i++) {
        snprintf(text, sizeof(text), "v%u", i);
        io_ask_many(p, PYTAKE_SQL_READ, 0, two, 2, text, 3000, &err);
    }
    good = io_until(&io_answers, 500, 5000);
    for (i = 0; i < 500; i++) {
        snprintf(text, sizeof(text), "v%u", i);
        good = good && io_asks[i].err == PT_OK
               && strcmp(io_asks[i].first, text) == 0
               && io_asks[i].nresults == 2 && io_asks[i].calls == 1;
    }
    pt_pool_stats(p, &st);
    io_ok(good, "500 pipelined batches get their own answers");
    io_ok(st.conns == 2 && fake_parses == 4,
          "prepared once a connection (%u parses)", (unsigned) fake_parses);
    io_ok(st.busy == 0 && st.waiting == 0, "nothing is left over");
    pt_pool_del(p);
}


static void
drip(void)
{
    io_ask_t  *a;
    pt_pool_t *p;

    fake_mode = FAKE_DRIP;
    p = pool(1, 1);
    fake_rows = 20;
    a = io_ask(p, PYTAKE_SQL_WRITE, 0, "drip", 3000);
    io_ok(io_wait(a, 5000) && a->err == PT_OK && a->nrows == 20,
          "an answer that comes byte by byte");
    fake_rows = 1;
    fake_mode = FAKE_NORMAL;
    pt_pool_del(p);
}


static void
isolation(void)
{
    io_ask_t  *a, *b, *c;
    pt_pool_t *p = pool(1, 8);

    a = io_ask(p, PYTAKE_SQL_READ, 0, "one", 3000);
    b = io_ask(p, PYTAKE_SQL_READ, 0, "bad", 3000);
    c = io_ask(p, PYTAKE_SQL_READ, 0, "two", 3000);
    io_until(&io_answers, 3, 5000);
    io_ok(b->err == PT_EDB && strcmp(b->sqlstate, "22P02") == 0,
          "a failing batch is told");
    io_ok(a->err == PT_OK && strcmp(a->first, "one") == 0 && c->err == PT_OK
              && strcmp(c->first, "two") == 0,
          "its neighbours in the pipeline are unharmed");
    io_ok(strstr(io_last_log, "secret-value") == NULL,
          "the text of a data error is not logged");
    pt_pool_del(p);
}


static void
late(void)
{
    int64_t         at = io_clock_ms();
    io_ask_t       *a, *b;
    pt_pool_t      *p = pool(1, 1);
    pt_pool_stats_t st;

    a = io_ask(p, PYTAKE_SQL_WRITE, 0, "warm", 3000);
    io_wait(a, 3000);
    fake_mode = FAKE_STALL;
    at = io_clock_ms();
    a = io_ask(p, PYTAKE_SQL_WRITE, 0, "late", 200);
    io_wait(a, 3000);
    io_ok(a->err == PT_EOUTCOME && a->at_ms - at < 400,
          "a write past its deadline: outcome unknown, after %d ms",
          (int) (a->at_ms - at));
    b = io_ask(p, PYTAKE_SQL_WRITE, 0, "next", 2000);
    pt_pool_stats(p, &st);
    io_ok(st.busy == 1 && st.waiting == 1,
          "the connection is not handed on while the answer is out");
    fake_mode = FAKE_NORMAL;
    io_ok(io_wait(b, 3000) && b->err == PT_OK && strcmp(b->first, "next") == 0
              && a->calls == 1,
          "the late answer is not given to the next batch");
    pt_pool_stats(p, &st);
    io_ok(st.connects == 1, "the drained connection is used again");
    pt_pool_del(p);
}


static void
stall(void)
{
    int64_t         at;
    io_ask_t       *a, *b;
    pt_pool_t      *p = pool(1, 8);
    pt_pool_stats_t st;

    a = io_ask(p, PYTAKE_SQL_READ, 0, "warm", 3000);
    io_wait(a, 3000);
    fake_mode = FAKE_STALL;
    at = io_clock_ms();
    a = io_ask(p, PYTAKE_SQL_READ, 0, "stall", 1400);
    io_wait(a, 3000);
    io_ok(a->err == PT_EDEADLINE && a->at_ms - at < 1600,
          "a read past its deadline");
    while (pt_pool_stats(p, &st), !st.away && io_clock_ms() - at < 4000) {
        loop_turn(io_l, 20);
    }
    io_ok(st.conns == 0 && io_clock_ms() - at < 2000,
          "a connection without progress is closed after %d ms",
          (int) (io_clock_ms() - at));
    io_ok(st.away, "and the breaker opens");
    b = io_ask(p, PYTAKE_SQL_READ, 0, "now", 1400);
    io_ok(b->err == PT_EDBAWAY, "submit is refused at once");
    fake_mode = FAKE_NORMAL;
    at = io_clock_ms();
    while (pt_pool_stats(p, &st), st.away && io_clock_ms() - at < 4000) {
        loop_turn(io_l, 20);
    }
    io_ok(io_clock_ms() - at < 1000, "back after %d ms",
          (int) (io_clock_ms() - at));
    b = io_ask(p, PYTAKE_SQL_READ, 0, "now", 1400);
    io_ok(io_wait(b, 2000) && b->err == PT_OK, "and serves");
    pt_pool_del(p);
}


static void
cut(fake_mode_t mode, const char *name, pt_err_t write_err)
{
    io_ask_t       *a, *b;
    pt_pool_t      *p;
    pt_pool_stats_t st;

    p = pool(1, 1);
    a = io_ask(p, PYTAKE_SQL_WRITE, 0, "warm", 3000);
    io_wait(a, 3000);
    fake_rows = 200;
    fake_mode = mode;
    a = io_ask(p, PYTAKE_SQL_WRITE, 0, "cut", 2500);
    io_wait(a, 4000);
    io_ok(a->err == write_err && a->calls == 1, "%s: a write: %d", name,
          (int) a->err);
    pt_pool_del(p);

    fake_mode = FAKE_NORMAL;
    p = pool(1, 8);
    a = io_ask(p, PYTAKE_SQL_READ, 0, "warm", 3000);
    io_wait(a, 3000);
    fake_mode = mode;
    a = io_ask(p, PYTAKE_SQL_READ, 0, "cut", 2500);
    b = io_ask(p, PYTAKE_SQL_READ, 0, "neighbour", 2500);
    while (fake_syncs < 2) {
        loop_turn(io_l, 5);
    }
    fake_mode = FAKE_NORMAL;
    io_until(&io_answers, 3, 4000);
    io_ok((a->err == PT_OK || a->err == PT_EDBAWAY)
              && (b->err == PT_OK || b->err == PT_EDBAWAY) && a->calls == 1
              && b->calls == 1
              && (a->err != PT_OK || strcmp(a->first, "cut") == 0),
          "%s: pipelined reads: %d %d", name, (int) a->err, (int) b->err);
    a = io_ask(p, PYTAKE_SQL_READ, 0, "again", 2500);
    io_wait(a, 3000);
    pt_pool_stats(p, &st);
    io_ok(a->err == PT_OK && strcmp(a->first, "again") == 0 && st.busy == 0,
          "%s: a new connection serves", name);
    fake_rows = 1;
    pt_pool_del(p);
}


static void
unreachable(fake_mode_t mode, const char *name, int64_t within)
{
    int64_t         at = io_clock_ms();
    io_ask_t       *a;
    pt_pool_t      *p;
    pt_pool_stats_t st;

    fake_mode = mode;
    p = pool(2, 8);
    a = io_ask(p, PYTAKE_SQL_READ, 0, "x", 1500);
    io_wait(a, 4000);
    io_ok(a->err == PT_EDBAWAY || a->err == PT_EDEADLINE, "%s: %d after %d ms",
          name, (int) a->err, (int) (a->at_ms - at));
    while (pt_pool_stats(p, &st),
           !st.away && io_clock_ms() - at < within + 2000) {
        loop_turn(io_l, 20);
    }
    io_ok(st.away, "%s: the breaker opens (%d ms)", name,
          (int) (io_clock_ms() - at));
    fake_mode = FAKE_NORMAL;
    at = io_clock_ms();
    while (pt_pool_stats(p, &st), st.away && io_clock_ms() - at < 4000) {
        loop_turn(io_l, 20);
    }
    io_ok(io_clock_ms() - at < 1000, "%s: back after %d ms, nobody asking",
          name, (int) (io_clock_ms() - at));
    pt_pool_del(p);
}


static void
refused(void)
{
    unsigned        before;
    int64_t         at;
    io_ask_t       *a;
    pt_pool_t      *p = pool(2, 8);
    pt_pool_stats_t st;

    fake_end();
    at = io_clock_ms();
    a = io_ask(p, PYTAKE_SQL_READ, 0, "x", 1500);
    io_wait(a, 4000);
    io_ok(a->err == PT_EDBAWAY && a->at_ms - at < 800,
          "refused: away after %d ms", (int) (a->at_ms - at));
    pt_pool_stats(p, &st);
    before = (unsigned) st.connect_failures;
    at = io_clock_ms();
    while (io_clock_ms() - at < 1000) {
        io_nasks = 1;
        io_ask(p, PYTAKE_SQL_READ, 0, "x", 1500);
        loop_turn(io_l, 1);
    }
    pt_pool_stats(p, &st);
    io_ok(st.connect_failures - before <= 11
              && st.connect_failures - before >= 5,
          "under demand %u probes a second",
          (unsigned) (st.connect_failures - before));
    fake_start();
    at = io_clock_ms();
    while (pt_pool_stats(p, &st), st.away && io_clock_ms() - at < 4000) {
        loop_turn(io_l, 20);
    }
    io_ok(io_clock_ms() - at < 1000, "refused: back after %d ms",
          (int) (io_clock_ms() - at));
    pt_pool_del(p);
}


/* One connection is all that the server grants; more is wanted than that. */

static void
full(void)
{
    uint32_t        i;
    int64_t         at;
    io_ask_t       *a;
    pt_pool_t      *p = pool(4, 1);
    pt_pool_stats_t st;

    a = io_ask(p, PYTAKE_SQL_READ, 0, "warm", 3000);
    io_wait(a, 3000);
    fake_mode = FAKE_FULL;
    at = io_clock_ms();
    while (io_clock_ms() - at < 1000) {
        for (i = 0; i < 4; i++) {
            io_ask(p, PYTAKE_SQL_READ, 0, "more", 3000);
        }
        io_until(&io_answers, io_nasks, 3000);
        io_turn_ms(1); /* four thousand at most, however fast the machine */
    }
    io_until(&io_answers, io_nasks, 3000);
    pt_pool_stats(p, &st);
    io_ok(st.connect_failures >= 5 && st.connect_failures <= 25 && !st.away,
          "a full server is asked %u times a second",
          (unsigned) st.connect_failures);
    io_ok(io_asks[io_nasks - 1].err == PT_OK && st.conns == 1,
          "the connection there is serves all");
    fake_mode = FAKE_NORMAL;
    pt_pool_del(p);
}


static void
stale(void)
{
    unsigned   accepts;
    io_ask_t  *a;
    pt_pool_t *p = pool(1, 1);

    a = io_ask(p, PYTAKE_SQL_WRITE, 0, "warm", 3000);
    io_wait(a, 3000);
    fake_parses = 0;
    fake_mode = FAKE_STALE;
    a = io_ask(p, PYTAKE_SQL_WRITE, 0, "again", 3000);
    io_ok(io_wait(a, 3000) && a->err == PT_OK && strcmp(a->first, "again") == 0
              && fake_parses == 1,
          "0A000: prepared anew and sent again by itself");
    fake_mode = FAKE_COMMIT_FAILS;
    a = io_ask(p, PYTAKE_SQL_WRITE, 0, "late", 3000);
    io_wait(a, 3000);
    io_ok(a->err == PT_EDB && strcmp(a->sqlstate, "23505") == 0
              && a->failed_stmt == 1,
          "a commit that fails is a failure");
    fake_mode = FAKE_OPEN;
    a = io_ask(p, PYTAKE_SQL_WRITE, 0, "open", 3000);
    io_wait(a, 3000);
    fake_mode = FAKE_NORMAL;
    accepts = fake_accepts;
    a = io_ask(p, PYTAKE_SQL_READ, 0, "clean", 3000);
    io_wait(a, 3000);
    io_ok(a->err == PT_OK && fake_accepts == accepts + 1,
          "a connection that is not idle is not used again (%u)",
          (unsigned) (fake_accepts - accepts));
    fake_mode = FAKE_EXTRA;
    a = io_ask(p, PYTAKE_SQL_WRITE, 0, "extra", 3000);
    io_wait(a, 3000);
    fake_mode = FAKE_NORMAL;
    a = io_ask(p, PYTAKE_SQL_READ, 0, "mine", 3000);
    io_wait(a, 3000);
    io_ok(a->err != PT_OK || strcmp(a->first, "mine") == 0,
          "an unasked-for row is nobody's (%d)", (int) a->err);
    pt_pool_del(p);
}


static void
storm(void)
{
    uint32_t        i, kept = 0, round;
    pt_err_t        err;
    uint16_t        one = 0;
    io_ask_t       *a;
    pt_pool_t      *p = pool(4, 1);
    pt_pool_stats_t st;
    int64_t         at = io_clock_ms();

    for (round = 0; round < 10; round++) {
        io_nasks = 0;
        for (i = 0; i < 1000; i++) {
            a = io_ask_many(p, PYTAKE_SQL_WRITE, (uint8_t) (i % 50), &one, 1,
                            "gone", 5000, &err);
            if (i % 3 == 0) {
                loop_turn(io_l, 0);
            }
            pt_pool_abandon(p, a->b);
            pt_pool_abandon(p, a->b);
            memset(&a->stmts, 0xaa, sizeof(a->stmts));
        }
        kept += io_answers;
    }
    io_nasks = 0;
    a = io_ask(p, PYTAKE_SQL_WRITE, 0, "after", 3000);
    io_wait(a, 3000);
    pt_pool_stats(p, &st);
    io_ok(a->err == PT_OK && strcmp(a->first, "after") == 0 && st.waiting == 0,
          "10,000 abandoned batches leave the pool clean (%d ms)",
          (int) (io_clock_ms() - at));
    io_turn_ms(50);
    pt_pool_stats(p, &st);
    io_ok(st.busy == 0, "and nothing in flight");
    pt_pool_del(p);
}


/* Every kind of trouble at random, for a while.  Whatever comes back as a
 * success must be the batch's own, and each batch is answered once. */

static void
chaos(unsigned seed)
{
    bool            good = true;
    char            text[16];
    int64_t         end = io_clock_ms() + 4000, flip_at = 0;
    uint32_t        i, n = 0, fine = 0, gone = 0, failed = 0;
    uint16_t        stmts[2] = { 0, 1 };
    pt_err_t        err;
    io_ask_t       *a;
    pt_pool_t      *p[2];
    pt_pool_stats_t st;

    p[0] = pool(2, 8);
    p[1] = pool(4, 1);
    fake_rows = 5;
    while (io_clock_ms() < end && io_nasks + 8 < IO_ASKS_MAX) {
        if (io_clock_ms() >= flip_at) {
            flip_at = io_clock_ms() + 5 + rand_r(&seed) % 60;
            fake_mode = rand_r(&seed) % 3 == 0
                            ? rand_r(&seed) % (FAKE_EXTRA + 1)
                            : FAKE_NORMAL;
        }
        for (i = 0; i < 4; i++) {
            snprintf(text, sizeof(text), "c%u", io_nasks);
            a = io_ask_many(p[i % 2],
                            i % 2 == 0 ? PYTAKE_SQL_READ : PYTAKE_SQL_WRITE,
                            (uint8_t) (rand_r(&seed) % 7), stmts,
                            (uint16_t) (1 + rand_r(&seed) % 2), text,
                            20 + rand_r(&seed) % 600, &err);
            if (err != PT_OK) {
                io_nasks--;
            } else if (rand_r(&seed) % 5 == 0) {
                pt_pool_abandon(p[i % 2], a->b);
                a->calls = 1;
                a->err = PT_EAGAIN; /* marks it */
                memset(a->stmts, 0xaa, sizeof(a->stmts));
                gone++;
            }
        }
        loop_turn(io_l, 2);
    }
    fake_mode = FAKE_NORMAL;
    n = io_nasks - gone;
    io_until(&io_answers, n, 5000);
    for (i = 0; i < io_nasks; i++) {
        a = &io_asks[i];
        snprintf(text, sizeof(text), "c%u", i);
        good = good && a->calls == 1;
        if (a->err == PT_OK) {
            good = good && strcmp(a->first, text) == 0 && a->nrows == 5;
            fine++;
        } else if (a->err != PT_EAGAIN) {
            failed++;
        }
    }
    io_ok(good && io_answers == n && fine > 0,
          "chaos: %u batches: %u fine, %u failed, %u abandoned", io_nasks, fine,
          failed, gone);
    end = io_clock_ms() + 4000;
    for (i = 0; i < 2; i++) {
        do {
            loop_turn(io_l, 10);
            pt_pool_stats(p[i], &st);
        } while ((st.busy > 0 || st.away) && io_clock_ms() < end);
        good = st.busy == 0 && st.waiting == 0;
        io_nasks = 0;
        a = io_ask(p[i], PYTAKE_SQL_READ, 0, "calm", 2000);
        io_wait(a, 3000);
        io_ok(good && a->err == PT_OK && strcmp(a->first, "calm") == 0,
              "chaos: pool %u is clean again", i);
        pt_pool_del(p[i]);
    }
    fake_rows = 1;
}


static void
drain(void)
{
    io_ask_t       *a;
    pt_pool_t      *p = pool(2, 1);
    pt_pool_stats_t st;

    a = io_ask(p, PYTAKE_SQL_WRITE, 0, "warm", 3000);
    io_wait(a, 3000);
    fake_mode = FAKE_STALL;
    a = io_ask(p, PYTAKE_SQL_WRITE, 0, "busy", 3000);
    loop_turn(io_l, 20);
    pt_pool_drain(p);
    pt_pool_stats(p, &st);
    io_ok(st.conns == 1, "drain leaves the busy connection alone");
    fake_mode = FAKE_NORMAL;
    io_wait(a, 3000);
    pt_pool_stats(p, &st);
    io_ok(a->err == PT_OK && st.conns == 0, "and closes it when it is idle");
    a = io_ask(p, PYTAKE_SQL_WRITE, 0, "last", 3000);
    io_wait(a, 3000);
    pt_pool_stats(p, &st);
    io_ok(a->err == PT_OK && st.conns == 0, "a late batch is still served");
    pt_pool_del(p);
}


static void
hosts(void)
{
    char       both[256];
    int64_t    at = io_clock_ms();
    io_ask_t  *a;
    pt_pool_t *p;

    snprintf(both, sizeof(both),
             "host=127.0.0.1,localhost port=1,%d "
             "user=x dbname=x sslmode=disable",
             fake_port);
    p = pool_of(both, 1, 1);
    a = io_ask(p, PYTAKE_SQL_WRITE, 0, "second", 3000);
    io_ok(io_wait(a, 3000) && a->err == PT_OK,
          "the second host serves when the first refuses (%d ms)",
          (int) (io_clock_ms() - at));
    pt_pool_del(p);
}


static int64_t  alloc_left;
static uint32_t allocs;

static void *
alloc_failing(void *user, size_t size)
{
    (void) user;
    allocs++;
    return (alloc_left-- == 0) ? NULL : malloc(size);
}


/* The n-th allocation fails, for every n: an error or an answer, no leak. */

static void
no_memory(void)
{
    bool           good = true;
    int64_t        n;
    uint32_t       i, refused = 0;
    uint16_t       two[2] = { 0, 1 };
    pt_err_t       err;
    pt_pool_t     *p;
    pt_pool_conf_t c;

    io_conf(&c, conninfo, 2, 40);
    c.mem.alloc = alloc_failing;
    for (n = 0, allocs = UINT32_MAX; n < (int64_t) allocs && n < 400; n++) {
        io_reset();
        allocs = 0;
        alloc_left = n;
        if (pt_pool_new(io_pl, &c, &p) != PT_OK) {
            refused++;
            allocs = UINT32_MAX; /* go on */
            continue;
        }
        for (i = 0; i < 40; i++) {
            (void) io_ask_many(p, PYTAKE_SQL_READ, (uint8_t) i, two, 2, "m",
                               2000, &err);
            if (err == PT_ENOMEM) {
                io_nasks--;
            } else {
                good = good && err == PT_OK;
            }
        }
        good = good && io_until(&io_answers, io_nasks, 4000);
        for (i = 0; i < io_nasks; i++) {
            good = good && io_asks[i].calls == 1
                   && (io_asks[i].err == PT_OK || io_asks[i].err == PT_EDBAWAY);
        }
        pt_pool_del(p);
    }
    io_ok(good && refused > 0 && n > 40, "each of %d allocations fails once",
          (int) n);
}


int
main(void)
{
    io_init();
    if (!fake_start()) {
        printf("Bail out! no fake server\n");
        return 1;
    }
    snprintf(conninfo, sizeof(conninfo),
             "host=127.0.0.1 port=%d user=x dbname=x sslmode=disable",
             fake_port);
    normal();
    drip();
    isolation();
    late();
    stall();
    fake_syncs = 0;
    cut(FAKE_RST, "reset in the middle", PT_EOUTCOME);
    fake_mode = FAKE_NORMAL;
    cut(FAKE_FIN, "end in the middle", PT_EOUTCOME);
    fake_mode = FAKE_NORMAL;
    cut(FAKE_NO_READY, "end before ready", PT_EOUTCOME);
    fake_mode = FAKE_NORMAL;
    cut(FAKE_GARBAGE, "garbage", PT_EOUTCOME);
    fake_mode = FAKE_NORMAL;
    cut(FAKE_FATAL, "ended by the server", PT_EDBAWAY);
    fake_mode = FAKE_NORMAL;
    cut(FAKE_PROXY, "ended by a proxy", PT_EOUTCOME);
    unreachable(FAKE_BLACK_HOLE, "black hole", 4000);
    unreachable(FAKE_GARBAGE_START, "garbage greeting", 2000);
    refused();
    full();
    stale();
    storm();
    drain();
    hosts();
    no_memory();
    chaos(1);
    chaos(20261123);
    fake_mode = FAKE_NORMAL;
    fake_end();
    while (fake_live > 0) {
        usleep(2000);
    }
    io_done();
    return io_end();
}
