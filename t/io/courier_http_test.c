/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The courier's HTTP calls against a scripted server in a thread: whatever
 * happens, one call is at most one request on the wire, and is answered once.
 */

#include "io_test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "courier/courier_http.h"

#define TOTAL_MS 1500
#define BODY "{\"to\":\"+1\"}"
#define HUGE_LEN 3000000

typedef enum {
    OK = 0,      /* an answer, the connection is kept */
    SLOW,        /* the same after 300 ms */
    SILENT,      /* the request is read, nothing follows */
    REFUSE,      /* reset before a byte is read */
    RESET_HALF,  /* reset after the first bytes */
    RESET_WHOLE, /* reset after the whole request */
    CLOSE_WHOLE, /* closed after the whole request, politely */
    CONTINUE,    /* 100 first */
    HUGE_ANSWER,
    GARBAGE,
    HALF_ANSWER, /* closed within the body */
    EARLY,       /* 401 before the body is read, closed */
    REDIRECT,
    OK_CLOSE, /* an answer, then closed without a word about it */
    SPLIT     /* an answer in single bytes */
} mode_t_;

typedef struct {
    uint32_t         calls;
    courier_answer_t a;
    char             body[256];
} asked_t;

typedef struct {
    int conn;
} peer_t;

static _Atomic int mode;
static atomic_uint conns, begun, whole;
static int         port;
static char        last[4096]; /* the last request's head */
static int         mem_left;   /* allocations until one is refused */

static void *serve(void *data);
static void *converse(void *data);
static bool  request_read(int c, bool head_only);
static void  answer(int c, int m);
static void  say(int c, const char *text);
static void  cut(int c);
static void  on_answer(void *data, const courier_answer_t *a);
static bool  ask(courier_http_t *h, asked_t *r, const char *what);
static void  check(courier_http_t *h, int m, const char *name, bool answered,
                   bool written, uint32_t status);
static void  check_kept(courier_http_t *h, int m, const char *name,
                        bool answered);
static void  check_many(courier_http_t *h);
static void *mem_alloc(void *user, size_t size);
static void  check_memory(void);
static void  check_del(void);


int
main(void)
{
    pthread_t          thread;
    courier_http_t    *h;
    int                listener, on = 1;
    struct sockaddr_in sa;
    socklen_t          len = sizeof(sa);
    static pt_mem_t    mem = { io_alloc, io_free, NULL };

    io_init();
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memset(&sa, 0, sizeof(sa));
    sa.sin_family = AF_INET;
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));

    if (bind(listener, (struct sockaddr *) &sa, sizeof(sa)) != 0
        || listen(listener, 512) != 0
        || getsockname(listener, (struct sockaddr *) &sa, &len) != 0)
    {
        return 1;
    }

    port = ntohs(sa.sin_port);
    pthread_create(&thread, NULL, serve, &listener);

    io_ok(courier_http_new(io_pl, &mem, TOTAL_MS, &h) == PT_OK, "made");

    check(h, OK, "an answer", true, true, 200);
    io_ok(strstr(last, "POST /x HTTP/1.1\r\n") == last
              && strstr(last, "\r\nAuthorization: Bearer secret\r\n") != NULL
              && strstr(last, "\r\nContent-Type: application/json\r\n") != NULL
              && strstr(last, "\r\nExpect") == NULL,
          "the request's head");
    check(h, SLOW, "a slow answer", true, true, 200);
    check(h, SPLIT, "an answer in single bytes", true, true, 200);
    check(h, CONTINUE, "100 before the answer", true, true, 200);
    check(h, REDIRECT, "a redirect, not followed", true, true, 302);
    check(h, SILENT, "no answer in time", false, true, 0);
    check(h, RESET_WHOLE, "a reset behind the request", false, true, 0);
    check(h, CLOSE_WHOLE, "an end behind the request", false, true, 0);
    check(h, GARBAGE, "no HTTP", false, true, 0);
    check(h, HALF_ANSWER, "half an answer", false, true, 200);
    check(h, HUGE_ANSWER, "a huge answer", true, true, 200);
    check(h, EARLY, "an early refusal", true, true, 401);

    /* the same on a connection that was used before */
    check_kept(h, CLOSE_WHOLE, "kept, closed behind the request", false);
    check_kept(h, RESET_WHOLE, "kept, reset behind the request", false);
    check_kept(h, RESET_HALF, "kept, reset within the request", false);
    check_kept(h, REFUSE, "kept, reset with the request unread", false);
    check_kept(h, SILENT, "kept, silent", false);
    check_kept(h, OK, "kept, answered", true);
    check_kept(h, OK_CLOSE, "kept, closed while idle", true);

    check_many(h);
    courier_http_del(h);
    check_memory();
    check_del();

    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
    io_done();

    return io_end();
}


static void
on_answer(void *data, const courier_answer_t *a)
{
    asked_t *r = data;

    r->calls++;
    r->a = *a;
    snprintf(r->body, sizeof(r->body), "%.*s", (int) a->body.len, a->body.data);
    io_answers++;
}


/* One call, answered; then a while for what should not follow. */

static bool
ask(courier_http_t *h, asked_t *r, const char *what)
{
    char     url[64];
    uint32_t before = io_answers;

    memset(r, 0, sizeof(*r));
    atomic_store(&conns, 0);
    atomic_store(&begun, 0);
    atomic_store(&whole, 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/%s", port, what);

    if (courier_http_post(h, url, PT_STR("secret"), PT_STR(BODY), on_answer, r)
        != PT_OK)
    {
        return false;
    }

    if (r->calls != 0 || !io_until(&io_answers, before + 1, 10000)) {
        return false;
    }

    io_turn_ms(60);

    return r->calls == 1 && courier_http_calls(h) == 0;
}


static void
check(courier_http_t *h, int m, const char *name, bool answered, bool written,
      uint32_t status)
{
    asked_t r;

    /* on a new connection: the server ends the kept ones */
    atomic_store(&mode, OK_CLOSE);
    (void) ask(h, &r, "first");
    io_turn_ms(30);
    atomic_store(&mode, m);

    io_ok(ask(h, &r, "x"), "%s: told once", name);
    io_ok(r.a.answered == answered && r.a.written == written
              && r.a.status == status,
          "%s: answered %d written %d status %u", name, (int) r.a.answered,
          (int) r.a.written, r.a.status);
    io_ok(atomic_load(&begun) <= 1 && atomic_load(&whole) <= 1,
          "%s: one request (%u, %u whole)", name, atomic_load(&begun),
          atomic_load(&whole));

    if (answered && m != HUGE_ANSWER && m != EARLY && m != REDIRECT) {
        io_ok(strcmp(r.body, "{\"ok\":1}") == 0, "%s: its body", name);
    }
}


static void
check_kept(courier_http_t *h, int m, const char *name, bool answered)
{
    bool    good;
    asked_t r;

    atomic_store(&mode, OK_CLOSE);
    (void) ask(h, &r, "first");
    io_turn_ms(30);
    atomic_store(&mode, m == OK_CLOSE ? OK_CLOSE : OK);
    good = ask(h, &r, "second") && r.a.answered;
    atomic_store(&mode, m == OK_CLOSE ? OK : m);
    good = ask(h, &r, "x") && good;

    io_ok(good && r.a.answered == answered, "%s: answered %d, written %d", name,
          (int) r.a.answered, (int) r.a.written);
    /* libcurl connects for its second try, which is refused there */
    io_ok(atomic_load(&conns) <= (answered && m == OK ? 0u : 1u),
          "%s: %u connections made", name, atomic_load(&conns));
    io_ok(atomic_load(&begun) <= 1 && atomic_load(&whole) <= 1
              && (answered || r.a.written || atomic_load(&whole) == 0),
          "%s: sent once (%u, %u whole)", name, atomic_load(&begun),
          atomic_load(&whole));
}


static void
check_many(courier_http_t *h)
{
    int      i;
    bool     good = true;
    char     url[64];
    uint32_t before = io_answers;

    static asked_t r[300];

    atomic_store(&mode, OK);
    atomic_store(&whole, 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/many", port);

    for (i = 0; i < 300; i++) {
        good = good
               && courier_http_post(h, url, PT_STR("secret"), PT_STR(BODY),
                                    on_answer, &r[i])
                      == PT_OK;
    }

    io_ok(good && courier_http_calls(h) == 300, "300 calls at once");
    io_until(&io_answers, before + 300, 20000);

    for (i = 0; i < 300; i++) {
        good = good && r[i].calls == 1 && r[i].a.status == 200;
    }

    io_ok(good && atomic_load(&whole) == 300, "each sent once, told once");
    snprintf(url, sizeof(url), "http://127.0.0.1:1/");
    before = io_answers;
    memset(&r[0], 0, sizeof(r[0]));
    good = courier_http_post(h, url, PT_STR("secret"), PT_STR(BODY), on_answer,
                             &r[0])
               == PT_OK
           && io_until(&io_answers, before + 1, 10000);
    io_ok(good && !r[0].a.answered && !r[0].a.written && !r[0].a.reached,
          "nobody listens: nobody was reached, nothing written");
    before = io_answers;
    memset(&r[0], 0, sizeof(r[0]));
    good = courier_http_post(h, "file:///etc/hostname", PT_STR("secret"),
                             PT_STR(BODY), on_answer, &r[0])
               == PT_OK
           && io_until(&io_answers, before + 1, 10000);
    io_ok(good && !r[0].a.answered && !r[0].a.written,
          "another protocol is not spoken");
}


static void *
mem_alloc(void *user, size_t size)
{
    (void) user;
    return mem_left-- > 0 ? malloc(size) : NULL;
}


static void
check_memory(void)
{
    int             i;
    bool            good = true;
    asked_t         r;
    pt_err_t        err;
    pt_mem_t        mem = { mem_alloc, io_free, NULL };
    courier_http_t *h;

    for (i = 0; i < 2; i++) {
        mem_left = i;
        err = courier_http_new(io_pl, &mem, TOTAL_MS, &h);

        if (err == PT_OK) {
            err = courier_http_post(h, "http://127.0.0.1:1/", PT_STR("t"),
                                    PT_STR(BODY), on_answer, &r);
            good = good && courier_http_calls(h) == 0;
            courier_http_del(h);
        }

        good = good && err == PT_ENOMEM;
    }

    io_ok(good, "out of memory is told at once");
}


static void
check_del(void)
{
    int             i;
    char            url[64];
    bool            good;
    uint32_t        before = io_answers;
    courier_http_t *h;
    static asked_t  r[8];
    static pt_mem_t mem = { io_alloc, io_free, NULL };

    atomic_store(&mode, SILENT);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", port);
    good = courier_http_new(io_pl, &mem, TOTAL_MS, &h) == PT_OK;

    for (i = 0; good && i < 8; i++) {
        good = courier_http_post(h, url, PT_STR("secret"), PT_STR(BODY),
                                 on_answer, &r[i])
               == PT_OK;
    }

    io_turn_ms(100);
    courier_http_del(h);
    io_turn_ms(50);
    io_ok(good && io_answers == before, "deleted under way: nothing is told");
}


/* ---- the server ---- */

static void *
serve(void *data)
{
    int       c;
    peer_t   *p;
    pthread_t thread;

    while ((c = accept(*(int *) data, NULL, NULL)) >= 0) {
        atomic_fetch_add(&conns, 1);
        p = malloc(sizeof(*p));
        p->conn = c;
        pthread_create(&thread, NULL, converse, p);
        pthread_detach(thread);
    }

    return NULL;
}


static void *
converse(void *data)
{
    int           c, m;
    struct pollfd pfd;

    c = ((peer_t *) data)->conn;
    free(data);
    pfd.fd = c;
    pfd.events = POLLIN;

    for (;;) {
        (void) poll(&pfd, 1, 30000);
        m = atomic_load(&mode);

        if (m == REFUSE) {
            cut(c);
            return NULL;
        }

        if (m == RESET_HALF) {
            char some[10];

            if (recv(c, some, sizeof(some), 0) > 0) {
                atomic_fetch_add(&begun, 1);
            }

            cut(c);
            return NULL;
        }

        if (!request_read(c, m == EARLY)) {
            break;
        }

        answer(c, m);

        if (m == RESET_WHOLE) {
            cut(c);
            return NULL;
        }

        if (m == CLOSE_WHOLE || m == GARBAGE || m == HALF_ANSWER || m == EARLY
            || m == OK_CLOSE)
        {
            break;
        }
    }

    shutdown(c, SHUT_WR);
    close(c);

    return NULL;
}


static bool
request_read(int c, bool head_only)
{
    char    buf[4096];
    char   *end = NULL;
    size_t  n = 0;
    ssize_t got;

    while (n + 1 < sizeof(buf)) {
        got = recv(c, buf + n, head_only ? 1 : sizeof(buf) - 1 - n, 0);

        if (got <= 0) {
            return false;
        }

        if (n == 0) {
            atomic_fetch_add(&begun, 1);
        }

        n += (size_t) got;
        buf[n] = '\0';
        end = strstr(buf, "\r\n\r\n");

        if (end != NULL
            && (head_only || n >= (size_t) (end + 4 - buf) + sizeof(BODY) - 1))
        {
            break;
        }
    }

    if (!head_only && end != NULL) {
        atomic_fetch_add(&whole, 1);
        memcpy(last, buf, n + 1);
    }

    return true;
}


static void
answer(int c, int m)
{
    int         i;
    size_t      k;
    const char *ok = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{\"ok\":1}";
    static char filler[HUGE_LEN / 100];

    switch (m) {

    case SLOW:
        (void) poll(NULL, 0, 300);
        say(c, ok);
        break;

    case CONTINUE:
        say(c, "HTTP/1.1 100 Continue\r\n\r\n");
        (void) poll(NULL, 0, 50);
        say(c, ok);
        break;

    case SPLIT:
        for (k = 0; ok[k] != '\0'; k++) {
            (void) send(c, ok + k, 1, MSG_NOSIGNAL);
        }
        break;

    case REDIRECT:
        say(c, "HTTP/1.1 302 Found\r\nLocation: /x\r\n"
               "Content-Length: 0\r\n\r\n");
        break;

    case EARLY:
        say(c, "HTTP/1.1 401 No\r\nContent-Length: 2\r\n"
               "Connection: close\r\n\r\n{}");
        (void) poll(NULL, 0, 50);
        break;

    case GARBAGE:
        say(c, "220 mail.example.test ESMTP\r\n");
        break;

    case HALF_ANSWER:
        say(c, "HTTP/1.1 200 OK\r\nContent-Length: 800\r\n\r\n{\"ok");
        break;

    case HUGE_ANSWER:
        say(c, "HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n");
        memset(filler, 'x', sizeof(filler));
        for (i = 0; i < 100; i++) {
            (void) send(c, filler, sizeof(filler), MSG_NOSIGNAL);
        }
        break;

    case OK:
    case OK_CLOSE:
        say(c, ok);
        break;

    default:
        break;
    }
}


static void
say(int c, const char *text)
{
    (void) send(c, text, strlen(text), MSG_NOSIGNAL);
}


static void
cut(int c)
{
    struct linger now = { 1, 0 };

    setsockopt(c, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(c);
}
