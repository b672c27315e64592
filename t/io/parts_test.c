/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* The loop, the fair queue, the breaker, the backoff, connection strings. */

#include <pthread.h>
#include <sys/socket.h>

#include "io_test.h"
#include "pt_pg_int.h"

const pytake_stmt_def_t pytake_stmts[] = { { .name = "none",
                                             .sql = "select 1" } };
const uint16_t          pytake_stmts_count = 1;

static uint32_t          order[1024];
static volatile uint32_t norder;
static pt_timer_t       *timers[512];


static void
note(void *data)
{
    order[norder++] = (uint32_t) (uintptr_t) data;
}


static void
loop_timers(void)
{
    bool     good = true;
    int64_t  last = 0, earliest[512], latest[512];
    uint32_t i, after;

    norder = 0;
    for (i = 0; i < 512; i++) {
        timers[i] = io_pl->ops->timer_new(io_pl, PT_TIMER_HOUSE, note,
                                          (void *) (uintptr_t) i);
        after = 20 + (i * 37 % 512) / 16 * 2;
        earliest[i] = io_pl->ops->now_ms(io_pl) + after;
        io_pl->ops->timer_set(timers[i], after);
        latest[i] = io_pl->ops->now_ms(io_pl) + after;
    }
    for (i = 0; i < 512; i += 2) {
        io_pl->ops->timer_stop(timers[i]);
        io_pl->ops->timer_stop(timers[i]);
    }
    io_until(&norder, 256, 2000);
    io_turn_ms(20);
    /* None before one that was surely due earlier: the machine may have
     * paused between two of them. */
    for (i = 0; i < norder; i++) {
        good = good && latest[order[i]] >= last && order[i] % 2 == 1;
        last = earliest[order[i]] > last ? earliest[order[i]] : last;
    }
    io_ok(good && norder == 256, "512 timers, half of them stopped");
    for (i = 0; i < 512; i++) {
        io_pl->ops->timer_del(timers[i]);
    }
}


static void *
poster(void *data)
{
    uint32_t i;

    (void) data;
    for (i = 0; i < 100; i++) {
        if (loop_post(io_l, note, NULL) != PT_OK) {
            break;
        }
    }
    return NULL;
}


static void
work(void *data)
{
    __atomic_fetch_add((uint32_t *) data, 1, __ATOMIC_SEQ_CST);
}


static void
loop_threads(void)
{
    int       i, busy = 0;
    uint32_t  count = 0;
    pthread_t t[4];

    norder = 0;
    for (i = 0; i < 4; i++) {
        pthread_create(&t[i], NULL, poster, NULL);
    }
    io_until(&norder, 400, 3000);
    for (i = 0; i < 4; i++) {
        pthread_join(t[i], NULL);
    }
    io_ok(norder == 400, "400 posts out of four threads");
    norder = 0;
    for (i = 0; i < 300; i++) {
        busy += io_pl->ops->work(io_pl, work, note, &count) == PT_EBUSY;
    }
    io_until(&norder, (uint32_t) (300 - busy), 3000);
    io_ok(count == norder && count == (uint32_t) (300 - busy) && busy == 44,
          "work is bounded, each job done once (%d refused)", busy);
}


static pt_io_t *ios[2];
static uint32_t calls;

static void
kill_both(void *data, int events)
{
    (void) data;
    (void) events;
    calls++;
    io_pl->ops->io_del(ios[0]);
    io_pl->ops->io_del(ios[1]);
}


static void
loop_sockets(void)
{
    int      sv[4];
    uint32_t i;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv) == -1
        || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv + 2) == -1)
    {
        exit(2);
    }
    for (i = 0; i < 2; i++) {
        ios[i] = io_pl->ops->io_new(io_pl, sv[i * 2], kill_both, NULL);
        if (io_pl->ops->io_want(ios[i], PT_IO_READ) != PT_OK
            || write(sv[i * 2 + 1], "x", 1) != 1)
        {
            exit(2);
        }
    }
    calls = 0;
    loop_turn(io_l, 50);
    loop_turn(io_l, 0);
    io_ok(calls == 1, "no event of a socket deleted in the same turn");
    for (i = 0; i < 4; i++) {
        close(sv[i]);
    }
}


static pt_timer_t *hold, *house;

static void
nothing(void *data)
{
    (void) data;
}


static void
loop_exit(void)
{
    int64_t at = io_clock_ms();

    hold = io_pl->ops->timer_new(io_pl, PT_TIMER_HOLD, nothing, NULL);
    house = io_pl->ops->timer_new(io_pl, PT_TIMER_HOUSE, nothing, NULL);
    io_pl->ops->timer_set(hold, 100);
    io_pl->ops->timer_set(house, 60000);
    loop_stop(io_l);
    loop_run(io_l);
    at = io_clock_ms() - at;
    io_ok(at >= 99 && at < 2000 && io_pl->ops->exiting(io_pl),
          "a stopped loop waits for work in flight only (%d ms)", (int) at);
    io_pl->ops->timer_del(hold);
    io_pl->ops->timer_del(house);
}


static void
item(pt_queue_t *q, pt_item_t *it, uint8_t tenant)
{
    memset(it, 0, sizeof(*it));
    it->sql.tenant.b[5] = tenant;
    it->state = PT_ITEM_WAITING;
    if (pt_queue_add(q, it, false) != PT_OK) {
        exit(2);
    }
}


static void
queue(void)
{
    bool       good = true;
    uint8_t    seen[8];
    uint32_t   i;
    pt_mem_t   mem = { io_alloc, io_free, NULL };
    pt_item_t  it[64], *x, *out[64];
    pt_queue_t q;

    pt_queue_init(&q, &mem, 2);
    for (i = 0; i < 40; i++) {
        item(&q, &it[i], 1); /* one tenant fills the queue ... */
    }
    for (i = 0; i < 4; i++) {
        item(&q, &it[40 + i], (uint8_t) (2 + i)); /* ... others come late */
    }
    memset(seen, 0, sizeof(seen));
    for (i = 0; i < 6; i++) {
        out[i] = pt_queue_take(&q);
        seen[out[i]->sql.tenant.b[5]]++;
    }
    io_ok(pt_queue_take(&q) == NULL && seen[1] == 2 && seen[2] == 1
              && seen[5] == 1 && q.waiting == 38,
          "tenants take turns, two in flight at most");
    pt_queue_landed(&q, out[0], false);
    x = pt_queue_take(&q);
    good = x != NULL && x->sql.tenant.b[5] == 1 && pt_queue_take(&q) == NULL;
    pt_queue_landed(&q, x, true);
    good = good && pt_queue_add(&q, x, true) == PT_OK && pt_queue_take(&q) == x;
    io_ok(good, "a batch sent again goes first of its tenant");
    pt_queue_landed(&q, x, false);
    for (i = 1; i < 6; i++) {
        pt_queue_landed(&q, out[i], false);
    }
    while (q.waiting > 10) {
        x = pt_queue_take(&q);
        pt_queue_landed(&q, x, false);
    }
    for (i = 0; i < 40; i++) {
        if (it[i].tenant != NULL) {
            pt_queue_drop(&q, &it[i]);
        }
    }
    io_ok(q.waiting == 0 && !pt_queue_is_runnable(&q), "all can be dropped");
    for (i = 0; i < 20; i++) {
        item(&q, &it[i], 0);
    }
    for (i = 0; i < 20; i++) {
        good = good && pt_queue_take(&q) == &it[i];
    }
    io_ok(good, "no tenant: no limit, first come first served");
    for (i = 0; i < 20; i++) {
        pt_queue_landed(&q, &it[i], false);
    }
    pt_queue_free(&q);
}


static void
breaker(void)
{
    bool         good;
    uint32_t     i, d;
    pt_breaker_t b;
    pt_backoff_t f;

    pt_breaker_init(&b, 3, 100);
    good = !pt_breaker_failure(&b, 1, 0) && !pt_breaker_failure(&b, 1, 0)
           && !pt_breaker_success(&b) && !pt_breaker_failure(&b, 2, 0)
           && !pt_breaker_probe(&b, 1000) && pt_breaker_failure(&b, 1, 0);
    io_ok(good && b.open, "opens after three in a row");
    good = !pt_breaker_probe(&b, 99) && pt_breaker_probe(&b, 100)
           && !pt_breaker_probe(&b, 500) && !pt_breaker_failure(&b, 1, 500)
           && pt_breaker_probe(&b, 501);
    io_ok(good && pt_breaker_success(&b) && !b.open,
          "one probe at a time, a success closes");

    pt_backoff_init(&f, 100, 1000, 42);
    good = true;
    for (i = 0; i < 1000; i++) {
        d = pt_backoff_next(&f);
        good = good && d >= 50 && d <= 1000 && (i > 0 || d <= 100);
    }
    pt_backoff_reset(&f);
    io_ok(good && pt_backoff_next(&f) <= 100, "backoff stays in its bounds");
}


static const char *
value(pt_conninfo_t *ci, const char *name)
{
    size_t             i;
    const char        *found = NULL;
    const char *const *k, *const *v;

    if (pt_conninfo_get(ci, &k, &v) != PT_OK) {
        exit(2);
    }
    for (i = 0; k[i] != NULL; i++) {
        if (strcmp(k[i], name) == 0) {
            found = v[i]; /* the last one wins */
        }
    }
    return found == NULL ? "" : found;
}


/* 33 hosts, and one whose name is too long: refused, not left out. */

static void
hosts(pt_pool_conf_t *c)
{
    int            i, n;
    bool           password;
    char           list[512];
    const char    *why;
    pt_conninfo_t *ci;

    n = snprintf(list, sizeof(list), "host=h");
    for (i = 0; i < PT_CONNINFO_ADDRS_MAX - 1; i++) {
        n += snprintf(list + n, sizeof(list) - (size_t) n, ",h");
    }
    io_ok(pt_conninfo_check(&c->mem, list, &why, &password) == PT_OK
              && !password,
          "as many hosts as there is room for");
    snprintf(list + n, sizeof(list) - (size_t) n, ",h");
    c->conninfo = list;
    io_ok(pt_conninfo_check(&c->mem, list, &why, &password) == PT_EVALIDATION
              && strstr(why, "too many") != NULL
              && pt_conninfo_new(io_pl, c, NULL, &ci) == PT_EVALIDATION
              && strstr(io_last_log, why) != NULL,
          "one more is refused: %s", why);
    snprintf(list, sizeof(list), "host=a,%0300d", 0);
    io_ok(pt_conninfo_check(&c->mem, list, &why, &password) == PT_EVALIDATION,
          "and so is a name that is too long");
    io_ok(pt_conninfo_check(&c->mem, "service=x", &why, &password)
                  == PT_EVALIDATION
              && strstr(why, "service") != NULL
              && pt_conninfo_check(&c->mem, "password=x", &why, &password)
                     == PT_OK
              && password,
          "the check knows services and passwords");
}


static void
conninfo(void)
{
    bool           good;
    size_t         i;
    pt_conninfo_t *ci, *like;
    pt_pool_conf_t c;

    static const char *const bad[] = { "host", "postgresql://[::1",
                                       "nonsense=1", "service=x dbname=y" };

    io_conf(&c,
            "host=/tmp,127.0.0.1,::1,localhost port=1,2,3,4 "
            "options='-c x.y=z' password=geheim client_encoding=LATIN1",
            1, 1);
    c.role = "some role";
    good = pt_conninfo_new(io_pl, &c, NULL, &ci) == PT_OK;
    io_ok(good
              && strncmp(value(ci, "host"), "/tmp,127.0.0.1,::1,localhost", 28)
                     == 0
              && strncmp(value(ci, "hostaddr"), ",127.0.0.1,::1,", 15) == 0
              && strlen(value(ci, "hostaddr")) > 15
              && strncmp(value(ci, "port"), "1,2,3,4", 7) == 0,
          "names have addresses, sockets none: %s", value(ci, "hostaddr"));
    pt_conninfo_rotate(ci);
    io_ok(strncmp(value(ci, "port"), "2,3,4", 5) == 0, "hosts rotate");
    io_ok(strstr(value(ci, "options"), "-c role=some\\ role ") != NULL
              && strstr(value(ci, "options"), " -c x.y=z") != NULL
              && strcmp(value(ci, "client_encoding"), "UTF8") == 0
              && strcmp(value(ci, "tcp_user_timeout"), "5000") == 0
              && strcmp(value(ci, "gssencmode"), "disable") == 0,
          "options: %s", value(ci, "options"));
    pt_conninfo_del(ci);

    good = true;
    for (i = 0; i < PT_COUNT(bad); i++) {
        c.conninfo = bad[i];
        good = good && pt_conninfo_new(io_pl, &c, NULL, &ci) == PT_EVALIDATION;
    }
    io_ok(good, "malformed strings are refused");
    c.conninfo = "postgresql://u:geheim@h/db?bogus=geheim";
    io_ok(pt_conninfo_new(io_pl, &c, NULL, &ci) == PT_EVALIDATION
              && strstr(io_last_log, "geheim") == NULL,
          "and the log does not quote them");

    hosts(&c);

    c.conninfo = "host=localhost port=5";
    good = pt_conninfo_new(io_pl, &c, NULL, &ci) == PT_OK
           && pt_conninfo_new(io_pl, &c, ci, &like) == PT_OK;
    io_ok(good && strcmp(value(ci, "hostaddr"), value(like, "hostaddr")) == 0
              && strcmp(value(like, "hostaddr"), "") != 0,
          "addresses are taken over from a twin");
    pt_conninfo_del(ci);
    pt_conninfo_del(like);

    c.conninfo = "host=no-such-name.invalid dbname=x";
    good = pt_conninfo_new(io_pl, &c, NULL, &ci) == PT_OK
           && !pt_conninfo_is_ready(ci);
    io_turn_ms(150);
    pt_conninfo_refresh(ci);
    pt_conninfo_del(ci); /* with the look-up in its thread */
    io_ok(good, "an unknown name is no error yet");
}


int
main(void)
{
    io_init();
    loop_timers();
    loop_threads();
    loop_sockets();
    queue();
    breaker();
    conninfo();
    loop_exit();
    io_done();
    return io_end();
}
