/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* The pool against a real PostgreSQL (DATABASE_URL, a superuser's). */

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include <libpq-fe.h>

#include "io_test.h"

enum { GEN = 0, ECHO, SLEEP, BUMP, DIVIDE, DDL, NOTE, BLOB, SHOW, NONE, DAY };

static const uint32_t oids[] = { 25 };
static const uint32_t bytea[] = { 17 };

const pytake_stmt_def_t pytake_stmts[] = {
    { .name = "gen",
      .sql = "select g::text, repeat('x', 200) from "
             "generate_series(1, ($1::text)::int) g",
      .nparams = 1,
      .ncols = 2,
      .param_oids = oids },
    { .name = "echo",
      .sql = "select $1::text",
      .nparams = 1,
      .ncols = 1,
      .param_oids = oids },
    { .name = "sleep",
      .sql = "select 'slept', pg_sleep(($1::text)::float8)",
      .nparams = 1,
      .ncols = 2,
      .param_oids = oids },
    { .name = "bump",
      .sql = "update io_test_t set n = n + 1 where k = $1::text "
             "returning n::text",
      .nparams = 1,
      .ncols = 1,
      .param_oids = oids },
    { .name = "divide",
      .sql = "select (1 / ($1::text)::int)::text",
      .nparams = 1,
      .ncols = 1,
      .param_oids = oids },
    { .name = "ddl",
      .sql = "select n from io_test_d where $1::text is not null",
      .nparams = 1,
      .ncols = 1,
      .param_oids = oids },
    { .name = "note",
      .sql = "insert into io_test_n values ($1::text)",
      .nparams = 1,
      .ncols = 0,
      .param_oids = oids },
    { .name = "blob",
      .sql = "select length($1::bytea)::text",
      .nparams = 1,
      .ncols = 1,
      .param_oids = bytea },
    { .name = "show",
      .sql = "select current_setting($1::text)",
      .nparams = 1,
      .ncols = 1,
      .param_oids = oids },
    { .name = "none",
      .sql = "select nothing from io_test_nowhere where $1::text = ''",
      .nparams = 1,
      .ncols = 1,
      .param_oids = oids },
    { .name = "day",
      .sql = "insert into io_test_day values ($1::text)",
      .nparams = 1,
      .ncols = 0,
      .param_oids = oids }
};
const uint16_t pytake_stmts_count = PT_COUNT(pytake_stmts);

static const char *url;
static PGconn     *admin;


static pt_pool_t *
pool_of(const char *conninfo, uint32_t conns, uint32_t depth)
{
    pt_pool_t     *p = NULL;
    pt_pool_conf_t c;

    io_reset();
    io_conf(&c, conninfo, conns, depth);
    c.tenant_max = (depth == 1) ? 2 : 0;
    if (pt_pool_new(io_pl, &c, &p) != PT_OK) {
        exit(2);
    }
    return p;
}


static pt_pool_t *
pool(uint32_t conns, uint32_t depth)
{
    return pool_of(url, conns, depth);
}


static void
sql(const char *text)
{
    PGresult *r = PQexec(admin, text);

    if (PQresultStatus(r) != PGRES_COMMAND_OK
        && PQresultStatus(r) != PGRES_TUPLES_OK)
    {
        printf("# %s", PQerrorMessage(admin));
    }
    PQclear(r);
}


static long
number(const char *text)
{
    PGresult *r = PQexec(admin, text);
    long n = (PQntuples(r) > 0) ? strtol(PQgetvalue(r, 0, 0), NULL, 10) : -1;

    PQclear(r);
    return n;
}


static bool
reconnect_admin(int64_t max_ms)
{
    int64_t end = io_clock_ms() + max_ms;

    do {
        if (admin != NULL) {
            PQfinish(admin);
        }
        admin = PQconnectdb(url);
        if (PQstatus(admin) == CONNECTION_OK) {
            return true;
        }
        io_turn_ms(20);
    } while (io_clock_ms() < end);
    return false;
}


static void
sizes(const char *conninfo, const char *how)
{
    static const char *const rows[] = { "10", "200", "5000", "20000" };

    bool       good;
    size_t     i;
    int64_t    at;
    uint32_t   k, n;
    pt_pool_t *p = pool_of(conninfo, 2, 8);

    for (i = 0; i < PT_COUNT(rows); i++) {
        io_reset();
        n = (i < 2) ? 200 : 24;
        at = io_clock_ms();
        good = true;
        for (k = 0; k < n; k++) {
            io_ask(p, PYTAKE_SQL_READ, GEN, rows[i], 20000);
        }
        good = io_until(&io_answers, n, 30000);
        for (k = 0; k < n; k++) {
            good = good && io_asks[k].err == PT_OK
                   && io_asks[k].nrows == (uint32_t) strtoul(rows[i], NULL, 10);
        }
        io_ok(good, "%s: %u x %s rows, pipelined (%d ms)", how, n, rows[i],
              (int) (io_clock_ms() - at));
    }
    pt_pool_del(p);
}


static void
settings(void)
{
    static const char *const want[][2] = {
        { "statement_timeout", "1s" },
        { "lock_timeout", "800ms" },
        { "plan_cache_mode", "force_generic_plan" },
        { "TimeZone", "UTC" },
        { "client_encoding", "UTF8" },
        { "jit", "off" },
        { "idle_in_transaction_session_timeout", "5s" },
        { "search_path", "pg_catalog,public,pg_temp" },
        { "application_name", "pytake-test" }
    };

    bool       good = true;
    size_t     i;
    io_ask_t  *a;
    pt_pool_t *p = pool(1, 1);

    for (i = 0; i < PT_COUNT(want); i++) {
        a = io_ask(p, PYTAKE_SQL_READ, SHOW, want[i][0], 3000);
        io_wait(a, 3000);
        if (a->err != PT_OK || strcmp(a->first, want[i][1]) != 0) {
            printf("# %s = %s\n", want[i][0], a->first);
            good = false;
        }
    }
    io_ok(good, "session settings are in force");
    pt_pool_del(p);
}


static void
transactions(void)
{
    pt_err_t   err;
    uint16_t   good[2] = { NOTE, ECHO };
    uint16_t   bad[3] = { NOTE, DIVIDE, NOTE };
    uint16_t   none[2] = { NOTE, NONE };
    io_ask_t  *a, *b, *c, *d;
    pt_pool_t *p = pool(1, 8);

    sql("truncate io_test_n");
    a = io_ask_many(p, PYTAKE_SQL_WRITE, 1, good, 2, "a", 3000, &err);
    b = io_ask_many(p, PYTAKE_SQL_WRITE, 2, bad, 3, "0", 3000, &err);
    c = io_ask_many(p, PYTAKE_SQL_WRITE, 3, good, 2, "c", 3000, &err);
    d = io_ask_many(p, PYTAKE_SQL_WRITE, 4, none, 2, "d", 3000, &err);
    io_until(&io_answers, 4, 5000);
    io_ok(a->err == PT_OK && c->err == PT_OK && b->err == PT_EDB
              && strcmp(b->sqlstate, "22012") == 0 && b->failed_stmt == 1
              && b->nresults == 1,
          "an error stays in its own batch");
    io_ok(d->err == PT_EDB && strcmp(d->sqlstate, "42P01") == 0
              && d->failed_stmt == 1,
          "a refused Prepare is told as the statement's error (%s)",
          d->sqlstate);
    io_ok(number("select count(*) from io_test_n") == 2,
          "one batch is one transaction");
    pt_pool_del(p);
}


/* A partition that is missing is told by its table's name, and by that
 * alone: no item of a batch is to blame for it. */

static void
refusals(void)
{
    io_ask_t  *a;
    pt_pool_t *p = pool(1, 1);

    sql("create table io_test_day (d text) partition by list (d)");
    a = io_ask(p, PYTAKE_SQL_WRITE, DAY, "today", 3000);
    io_wait(a, 3000);
    io_ok(a->err == PT_EDB && strcmp(a->sqlstate, "23514") == 0
              && strcmp(a->table, "io_test_day") == 0
              && strstr(a->message, "no partition") != NULL,
          "a refusal tells its table and message (%s, %s)", a->table,
          a->message);
    a = io_ask(p, PYTAKE_SQL_WRITE, DIVIDE, "0", 3000);
    io_wait(a, 3000);
    io_ok(a->err == PT_EDB && strcmp(a->table, "-") == 0,
          "and one of no table none");
    sql("drop table io_test_day");
    pt_pool_del(p);
}


static void
blob(void)
{
    char        *data;
    pt_err_t     err;
    io_ask_t    *a;
    pt_pool_t   *p = pool(1, 1);
    pytake_sql_t q;

    data = malloc(4u << 20);
    memset(data, 'b', 4u << 20);
    a = &io_asks[io_nasks++];
    memset(a, 0, sizeof(*a));
    a->param.data = data;
    a->param.len = 4 << 20;
    a->stmts[0].stmt = BLOB;
    a->stmts[0].nparams = 1;
    a->stmts[0].params = &a->param;
    memset(&q, 0, sizeof(q));
    q.class = PYTAKE_SQL_WRITE;
    q.nstmts = 1;
    q.stmts = a->stmts;
    err = pt_pool_submit(p, &q, io_pl->ops->now_ms(io_pl) + 5000, io_answer, a,
                         &a->b);
    io_wait(a, 6000);
    io_ok(err == PT_OK && a->err == PT_OK && strcmp(a->first, "4194304") == 0,
          "a parameter of 4 MiB");
    free(data);
    pt_pool_del(p);
}


static void
storm(void)
{
    int64_t         at = io_clock_ms();
    uint32_t        i;
    pt_err_t        err;
    uint16_t        one = ECHO;
    io_ask_t       *a;
    pt_pool_t      *p = pool(4, 1);
    pt_pool_stats_t st;

    for (i = 0; i < 10000; i++) {
        a = io_ask_many(p, PYTAKE_SQL_WRITE, (uint8_t) (i % 50), &one, 1,
                        "gone", 5000, &err);
        if (i % 3 == 0) {
            loop_turn(io_l, 0);
        }
        pt_pool_abandon(p, a->b);
    }
    io_nasks = 0;
    a = io_ask(p, PYTAKE_SQL_WRITE, ECHO, "after", 3000);
    io_wait(a, 3000);
    io_turn_ms(100);
    pt_pool_stats(p, &st);
    io_ok(a->err == PT_OK && strcmp(a->first, "after") == 0 && st.busy == 0
              && st.waiting == 0,
          "10,000 abandoned batches (%d ms)", (int) (io_clock_ms() - at));
    pt_pool_del(p);
}


static int
by_value(const void *a, const void *b)
{
    int64_t d = *(const int64_t *) a - *(const int64_t *) b;

    return (d > 0) - (d < 0);
}


/* One tenant's row is locked; the others go on as if nothing were. */

static void
fairness(bool locked)
{
    char       key[16];
    bool       good = true;
    int64_t    began[400], took[400], at = io_clock_ms();
    uint32_t   i, hot = 0;
    pt_err_t   err;
    uint16_t   bump = BUMP;
    io_ask_t  *a[400];
    pt_pool_t *p = pool(4, 1);

    if (locked) {
        sql("begin");
        sql("update io_test_t set n = 0 where k = 'hot'");
        for (hot = 0; hot < 30; hot++) {
            io_ask_many(p, PYTAKE_SQL_WRITE, 99, &bump, 1, "hot", 1500, &err);
        }
    }
    for (i = 0; i < 400; i++) {
        snprintf(key, sizeof(key), "k%u", i % 10);
        began[i] = io_clock_ms();
        a[i] = io_ask_many(p, PYTAKE_SQL_WRITE, (uint8_t) (1 + i % 10), &bump,
                           1, key, 1500, &err);
        while (!a[i]->answered && io_clock_ms() - began[i] < 2000) {
            loop_turn(io_l, 20);
        }
        good = good && a[i]->err == PT_OK;
        took[i] = a[i]->at_ms - began[i];
    }
    qsort(took, 400, sizeof(took[0]), by_value);
    io_ok(good && took[395] < 100,
          "%s: 400 writes of ten tenants, p50 %d p99 %d max %d ms",
          locked ? "one tenant locked" : "nobody locked", (int) took[200],
          (int) took[395], (int) took[399]);
    if (locked) {
        io_until(&io_answers, 430, 4000);
        for (i = 0; i < hot; i++) {
            good = good
                   && (io_asks[i].err == PT_EDEADLINE
                       || io_asks[i].err == PT_EOUTCOME
                       || (io_asks[i].err == PT_EDB
                           && (strcmp(io_asks[i].sqlstate, "55P03") == 0
                               || strcmp(io_asks[i].sqlstate, "57014") == 0)));
        }
        io_ok(good, "the locked tenant's wait only for themselves (%d ms)",
              (int) (io_clock_ms() - at));
        sql("rollback");
    }
    pt_pool_del(p);
}


static void
ddl(void)
{
    io_ask_t  *a;
    pt_pool_t *p = pool(1, 8);

    a = io_ask(p, PYTAKE_SQL_READ, DDL, "x", 3000);
    io_wait(a, 3000);
    sql("alter table io_test_d alter n type text");
    a = io_ask(p, PYTAKE_SQL_READ, DDL, "x", 3000);
    io_wait(a, 3000);
    io_ok(a->err == PT_OK && a->nrows == 1 && strcmp(a->first, "7") == 0,
          "a column's type changes under a prepared statement (%s)",
          a->sqlstate);
    pt_pool_del(p);
}


static void
terminated(void)
{
    io_ask_t  *a, *b;
    pt_pool_t *p = pool(1, 1);

    a = io_ask(p, PYTAKE_SQL_WRITE, ECHO, "warm", 3000);
    io_wait(a, 3000);
    sql("select pg_terminate_backend(pid) from pg_stat_activity "
        "where application_name = 'pytake-test'");
    b = io_ask(p, PYTAKE_SQL_WRITE, ECHO, "next", 3000);
    io_wait(b, 3000);
    io_ok(b->err == PT_OK,
          "a write on a connection the server has just ended is safe to "
          "repeat, and is (%d)",
          (int) b->err);
    a = io_ask(p, PYTAKE_SQL_WRITE, SLEEP, "0.5", 3000);
    io_turn_ms(100);
    sql("select pg_terminate_backend(pid) from pg_stat_activity "
        "where application_name = 'pytake-test'");
    io_wait(a, 3000);
    io_ok(a->err == PT_OK && strcmp(a->first, "slept") == 0,
          "the same in the middle of a statement (%d)", (int) a->err);
    pt_pool_del(p);
}


static void
timeouts(void)
{
    int64_t    at = io_clock_ms();
    io_ask_t  *a, *b;
    pt_pool_t *p = pool(1, 1);

    a = io_ask(p, PYTAKE_SQL_WRITE, SLEEP, "5", 2500);
    io_wait(a, 4000);
    io_ok(a->err == PT_EDB && strcmp(a->sqlstate, "57014") == 0
              && a->at_ms - at < 1400,
          "statement_timeout ends it at the server (%d ms)",
          (int) (a->at_ms - at));
    at = io_clock_ms();
    a = io_ask(p, PYTAKE_SQL_WRITE, SLEEP, "0.6", 200);
    b = io_ask(p, PYTAKE_SQL_WRITE, ECHO, "b", 2000);
    io_wait(b, 3000);
    io_ok(a->err == PT_EOUTCOME && a->calls == 1 && b->err == PT_OK
              && strcmp(b->first, "b") == 0 && b->at_ms - at >= 500,
          "a late answer drains before the next batch (%d ms)",
          (int) (b->at_ms - at));
    pt_pool_del(p);
}


static bool
stat_of(pid_t pid, char *state, pid_t *ppid)
{
    char  path[64], line[256];
    bool  good;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
    f = fopen(path, "r");
    if (f == NULL) {
        return false;
    }
    good = fgets(line, sizeof(line), f) != NULL && strrchr(line, ')') != NULL
           && sscanf(strrchr(line, ')'), ") %c %d", state, ppid) == 2;
    fclose(f);

    return good;
}


/* Sends a signal to the postmaster and all its children. */

static bool
signal_all(pid_t postmaster, int signo)
{
    bool  more = true;
    pid_t pid, ppid;
    char  state;
    DIR  *dir;
    int   rounds;

    struct dirent *d;

    if (kill(postmaster, signo) != 0) {
        return false;
    }

    /* A child may be born until the postmaster has really stopped: again,
     * until a round finds nobody running. */
    for (rounds = 0; more && rounds < 1000; rounds++) {
        more = false;
        dir = opendir("/proc");

        while (dir != NULL && (d = readdir(dir)) != NULL) {
            pid = (pid_t) strtol(d->d_name, NULL, 10);
            if (pid <= 0 || !stat_of(pid, &state, &ppid)
                || (pid != postmaster && ppid != postmaster) || state == 'Z')
            {
                continue;
            }
            if ((signo == SIGSTOP) != (state == 'T')) {
                kill(pid, signo);
                more = true;
            }
        }
        if (dir != NULL) {
            closedir(dir);
        }
    }

    return true;
}


static pid_t
parent_of(pid_t pid)
{
    char  state;
    pid_t ppid;

    return stat_of(pid, &state, &ppid) ? ppid : -1;
}


static void
frozen(bool ask_on)
{
    pid_t           postmaster = parent_of((pid_t) PQbackendPID(admin));
    int64_t         at, worst = 0;
    uint32_t        i, n;
    io_ask_t       *a;
    pt_pool_t      *p;
    pt_pool_stats_t st;

    if (postmaster <= 1 || kill(postmaster, 0) == -1) {
        io_ok(true, "frozen server # SKIP may not signal the server");
        return;
    }
    p = pool(4, 1);
    for (i = 0; i < 8; i++) {
        io_ask(p, PYTAKE_SQL_WRITE, ECHO, "warm", 3000);
    }
    io_until(&io_answers, 8, 4000);
    signal_all(postmaster, SIGSTOP);
    at = io_clock_ms();
    n = io_nasks;
    do {
        a = io_ask(p, PYTAKE_SQL_WRITE, ECHO, "x", 1500);
        io_turn_ms(20);
        pt_pool_stats(p, &st);
    } while (!st.away && io_clock_ms() - at < 6000);
    io_ok(st.away && st.conns == 0, "frozen: all closed, away after %d ms",
          (int) (io_clock_ms() - at));
    a = io_ask(p, PYTAKE_SQL_WRITE, ECHO, "x", 1500);
    io_ok(a->err == PT_EDBAWAY, "frozen: refused at once");
    io_turn_ms(1000);
    for (i = n; i + 1 < io_nasks; i++) {
        if (!io_asks[i].answered || io_asks[i].err == PT_OK) {
            worst = 9999;
        }
    }
    io_ok(worst == 0, "frozen: every batch was answered once");
    signal_all(postmaster, SIGCONT);
    at = io_clock_ms();
    do {
        if (ask_on) {
            io_nasks = 100;
            a = io_ask(p, PYTAKE_SQL_WRITE, ECHO, "x", 1500);
            io_turn_ms(10);
        } else {
            loop_turn(io_l, 20);
        }
        pt_pool_stats(p, &st);
    } while (st.away && io_clock_ms() - at < 4000);
    io_ok(!st.away && io_clock_ms() - at < 1000, "frozen: back after %d ms%s",
          (int) (io_clock_ms() - at), ask_on ? "" : ", nobody asking");
    a = io_ask(p, PYTAKE_SQL_WRITE, ECHO, "x", 1500);
    io_ok(io_wait(a, 2000) && a->err == PT_OK, "frozen: serves again");
    io_turn_ms(20);
    pt_pool_del(p);
    reconnect_admin(5000);
}


static void
killed(void)
{
    long       pid;
    int64_t    at;
    io_ask_t  *a, *b;
    pt_pool_t *p = pool(1, 1);

    a = io_ask(p, PYTAKE_SQL_WRITE, ECHO, "warm", 3000);
    io_wait(a, 3000);
    a = io_ask(p, PYTAKE_SQL_WRITE, SLEEP, "0.9", 3000);
    io_turn_ms(100);
    pid = number("select pid from pg_stat_activity where "
                 "application_name = 'pytake-test' and state = 'active'");
    if (pid <= 0 || kill((pid_t) pid, SIGKILL) == -1) {
        io_ok(true, "backend killed # SKIP may not signal the server");
        pt_pool_del(p);
        return;
    }
    at = io_clock_ms();
    io_wait(a, 3000);
    io_ok(a->err == PT_EOUTCOME && a->calls == 1,
          "a backend killed under a write: outcome unknown (%d)", (int) a->err);
    do {
        io_nasks = 10;
        b = io_ask(p, PYTAKE_SQL_WRITE, ECHO, "back", 1500);
        io_wait(b, 2000);
        io_turn_ms(5);
    } while (b->err != PT_OK && io_clock_ms() - at < 15000);
    io_ok(b->err == PT_OK, "served again %d ms after the crash",
          (int) (io_clock_ms() - at));
    pt_pool_del(p);
    reconnect_admin(5000);
}


int
main(void)
{
    char    tls[512];
    PGconn *c;

    url = getenv("DATABASE_URL");
    if (url == NULL) {
        printf("1..0 # SKIP DATABASE_URL is not set\n");
        return 0;
    }
    io_init();
    if (!reconnect_admin(1000)) {
        printf("Bail out! DATABASE_URL: %s", PQerrorMessage(admin));
        return 1;
    }
    sql("set client_min_messages = warning");
    sql("drop table if exists io_test_t, io_test_d, io_test_n");
    sql("create table io_test_t (k text primary key, n int)");
    sql("insert into io_test_t select 'k' || g, 0 from "
        "generate_series(0, 9) g union all select 'hot', 0");
    sql("create table io_test_d (n int)");
    sql("insert into io_test_d values (7)");
    sql("create table io_test_n (v text)");

    sizes(url, "plain");
    snprintf(tls, sizeof(tls), "%s%csslmode=require", url,
             strchr(url, '=') == NULL || strchr(url, '?') != NULL ? '?' : ' ');
    if (strncmp(url, "postgres", 8) == 0 && strchr(url, '?') != NULL) {
        snprintf(tls, sizeof(tls), "%s&sslmode=require", url);
    }
    c = PQconnectdb(tls);
    if (PQstatus(c) == CONNECTION_OK) {
        sizes(tls, "TLS");
    } else {
        io_ok(true, "TLS # SKIP the server does not offer it");
    }
    PQfinish(c);
    settings();
    transactions();
    refusals();
    blob();
    storm();
    fairness(false);
    fairness(true);
    ddl();
    terminated();
    timeouts();
    frozen(true);
    frozen(false);
    killed();
    sql("drop table io_test_t, io_test_d, io_test_n");
    PQfinish(admin);
    io_done();
    return io_end();
}
