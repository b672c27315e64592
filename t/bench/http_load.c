/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * A bounded HTTP/1.1 load: so many connections, each with one request in
 * flight, for so many seconds; then the answers in flight are waited for.
 *
 *     http_load PORT CONNECTIONS SECONDS FILE [SECRET]
 *
 * FILE holds requests, each "<length>\n<bytes>", taken in turn.  In a request
 * sixteen "@" become a number that no other request of this run has (hex),
 * ten "~" the unix time, sixteen "^" CLOCK_MONOTONIC's microsecond at which
 * it was due, and sixty-four "#" in the head the HMAC-SHA256 of the body with
 * SECRET (WhatsApp's signature).  SEED in the environment goes before the
 * number.  With RATE in the environment so many requests a second are due,
 * whether answers come or not, and are timed from then.  The result is one
 * JSON object.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <openssl/hmac.h>

#define LOAD_CONNS_MAX 4096
#define LOAD_HEAD_MAX 8192
#define LOAD_SAMPLES_MAX (8u * 1024 * 1024)
#define LOAD_MARKS_MAX 4096
#define LOAD_DRAIN_US 10000000


typedef struct {
    uint8_t  kind; /* '@' number, '~' time, '^' due, '#' signature */
    uint32_t at;
} load_mark_t;

typedef struct {
    char        *data;
    size_t       len;
    size_t       body; /* where the body begins */
    load_mark_t *marks;
    size_t       nmarks;
} load_request_t;

typedef struct {
    int     fd;
    char   *out; /* the request as it goes out */
    size_t  out_len;
    size_t  out_pos;
    char    head[LOAD_HEAD_MAX];
    size_t  head_len;
    size_t  body_left;
    int     status; /* 0: the head is not whole */
    int     closing;
    int     busy;
    int64_t since;
} load_conn_t;


static void    load_file(const char *name);
static void    load_marks(load_request_t *r);
static void    load_open(load_conn_t *c);
static void    load_next(load_conn_t *c);
static void    load_send(load_conn_t *c, int64_t since);
static void    load_due(int nconns, int64_t start, int64_t now);
static void    load_fill(load_conn_t *c, const load_request_t *r);
static void    load_sign(char *at, const char *body, size_t len);
static void    load_write(load_conn_t *c);
static void    load_read(load_conn_t *c);
static void    load_take(load_conn_t *c, const char *p, size_t n);
static void    load_head(load_conn_t *c);
static void    load_answer(load_conn_t *c);
static void    load_lost(load_conn_t *c);
static void    load_report(double seconds);
static int     load_cmp(const void *a, const void *b);
static int64_t load_now(void);
static void    load_die(const char *what);


static load_request_t *requests;
static size_t          nrequests, request_max;
static load_conn_t    *conns;
static int             ep, port, running, nbusy;
static const char     *secret, *seed = "";
static uint64_t        turn, nstatus[600], nlost, in_time, nbytes;
static int64_t         rate; /* a second; 0: as fast as answers come */
static uint32_t       *samples;
static size_t          nsamples;


int
main(int argc, char **argv)
{
    int                i, n, nconns;
    int64_t            start, end, now;
    struct epoll_event events[256];

    if (argc < 5) {
        fprintf(stderr, "usage: http_load PORT CONNS SECONDS FILE [SECRET]\n");
        return 2;
    }

    port = (int) strtol(argv[1], NULL, 10);
    nconns = (int) strtol(argv[2], NULL, 10);
    secret = argc > 5 ? argv[5] : NULL;
    if (getenv("SEED") != NULL) {
        seed = getenv("SEED");
    }
    if (getenv("RATE") != NULL) {
        rate = strtoll(getenv("RATE"), NULL, 10);
    }
    if (nconns < 1 || nconns > LOAD_CONNS_MAX || strlen(seed) > 8) {
        load_die("bad arguments");
    }

    load_file(argv[4]);
    samples = malloc(LOAD_SAMPLES_MAX * sizeof(uint32_t));
    conns = calloc((size_t) nconns, sizeof(load_conn_t));
    ep = epoll_create1(EPOLL_CLOEXEC);
    if (samples == NULL || conns == NULL || ep == -1) {
        load_die("out of memory");
    }

    running = 1;
    start = load_now();
    end = start + (int64_t) (strtod(argv[3], NULL) * 1e6);

    for (i = 0; i < nconns; i++) {
        conns[i].out = malloc(request_max);
        if (conns[i].out == NULL) {
            load_die("out of memory");
        }
        load_open(&conns[i]);
        load_next(&conns[i]);
    }

    while (running || nbusy > 0) {
        n = epoll_wait(ep, events, 256, rate != 0 ? 1 : 20);
        now = load_now();
        if (running && now >= end) {
            running = 0;
        }
        if (running && rate != 0) {
            load_due(nconns, start, now);
        }
        if (now > end + LOAD_DRAIN_US) {
            break;
        }
        for (i = 0; i < n; i++) {
            load_read(events[i].data.ptr);
        }
    }

    load_report((double) (end - start) / 1e6);

    return 0;
}


static void
load_file(const char *name)
{
    FILE           *f = fopen(name, "r");
    size_t          len;
    load_request_t *r;

    if (f == NULL) {
        load_die(name);
    }

    while (fscanf(f, "%zu", &len) == 1 && fgetc(f) == '\n') {
        requests = realloc(requests, (nrequests + 1) * sizeof(*r));
        if (requests == NULL) {
            load_die("out of memory");
        }
        r = &requests[nrequests++];
        memset(r, 0, sizeof(*r));
        r->len = len;
        r->data = malloc(len + 1);
        if (r->data == NULL || fread(r->data, 1, len, f) != len) {
            load_die("the file of requests is short");
        }
        r->data[len] = '\0';
        if (len > request_max) {
            request_max = len;
        }
        load_marks(r);
    }

    fclose(f);
    if (nrequests == 0) {
        load_die("no request");
    }
}


static void
load_marks(load_request_t *r)
{
    char  *p = strstr(r->data, "\r\n\r\n");
    size_t i, run, want;

    if (p == NULL) {
        load_die("a request without an end of its head");
    }
    r->body = (size_t) (p - r->data) + 4;
    r->marks = malloc(LOAD_MARKS_MAX * sizeof(load_mark_t));
    if (r->marks == NULL) {
        load_die("out of memory");
    }

    for (i = 0; i < r->len; i += run) {
        run = 1;
        want = r->data[i] == '@' || r->data[i] == '^' ? 16
               : r->data[i] == '~'                    ? 10
               : r->data[i] == '#' && i < r->body     ? 64
                                                      : 0;
        if (want == 0) {
            continue;
        }
        while (run < want && r->data[i + run] == r->data[i]) {
            run++;
        }
        if (run == want && r->nmarks < LOAD_MARKS_MAX) {
            r->marks[r->nmarks].kind = (uint8_t) r->data[i];
            r->marks[r->nmarks++].at = (uint32_t) i;
        }
    }
}


static void
load_open(load_conn_t *c)
{
    int                one = 1;
    struct sockaddr_in sin;
    struct epoll_event ev;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t) port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd == -1
        || connect(c->fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
        || fcntl(c->fd, F_SETFL, O_NONBLOCK) == -1)
    {
        load_die("connect");
    }
    (void) setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

    ev.events = EPOLLIN | EPOLLOUT | EPOLLET;
    ev.data.ptr = c;
    if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev) == -1) {
        load_die("epoll_ctl");
    }
}


static void
load_next(load_conn_t *c)
{
    if (running && rate == 0) {
        load_send(c, load_now());
    }
}


/* What is due by now and finds a free connection. */
static void
load_due(int nconns, int64_t start, int64_t now)
{
    int i;

    for (i = 0; i < nconns; i++) {
        if ((int64_t) turn > (now - start) * rate / 1000000) {
            return;
        }
        if (!conns[i].busy) {
            load_send(&conns[i], start + (int64_t) turn * 1000000 / rate);
        }
    }
}


static void
load_send(load_conn_t *c, int64_t since)
{
    c->since = since;
    load_fill(c, &requests[turn++ % nrequests]);
    c->head_len = 0;
    c->body_left = 0;
    c->status = 0;
    c->busy = 1;
    nbusy++;
    load_write(c);
}


static void
load_fill(load_conn_t *c, const load_request_t *r)
{
    char   number[17], at[11], due[17];
    size_t i, sign = 0, width = 16 - strlen(seed);

    (void) snprintf(number, sizeof(number), "%s%0*" PRIx64, seed, (int) width,
                    turn);
    (void) snprintf(due, sizeof(due), "%016" PRId64, c->since);
    (void) snprintf(at, sizeof(at), "%010ld", (long) time(NULL));
    memcpy(c->out, r->data, r->len);

    for (i = 0; i < r->nmarks; i++) {
        switch (r->marks[i].kind) {
        case '@':
            memcpy(c->out + r->marks[i].at, number, 16);
            break;
        case '^':
            memcpy(c->out + r->marks[i].at, due, 16);
            break;
        case '~':
            memcpy(c->out + r->marks[i].at, at, 10);
            break;
        default:
            sign = r->marks[i].at;
        }
    }

    if (sign != 0) {
        load_sign(c->out + sign, c->out + r->body, r->len - r->body);
    }
    c->out_len = r->len;
    c->out_pos = 0;
}


static void
load_sign(char *at, const char *body, size_t len)
{
    unsigned          n, i;
    unsigned char     mac[32];
    static const char hex[] = "0123456789abcdef";

    if (secret == NULL
        || HMAC(EVP_sha256(), secret, (int) strlen(secret),
                (const unsigned char *) body, len, mac, &n)
               == NULL)
    {
        load_die("cannot sign");
    }

    for (i = 0; i < n; i++) {
        at[2 * i] = hex[mac[i] >> 4];
        at[2 * i + 1] = hex[mac[i] & 15];
    }
}


static void
load_write(load_conn_t *c)
{
    ssize_t n;

    while (c->out_pos < c->out_len) {
        n = send(c->fd, c->out + c->out_pos, c->out_len - c->out_pos,
                 MSG_NOSIGNAL);
        if (n <= 0) {
            return; /* read or the next event tells */
        }
        c->out_pos += (size_t) n;
    }
}


static void
load_read(load_conn_t *c)
{
    ssize_t     n;
    static char buf[65536];

    if (c->busy) {
        load_write(c);
    }

    for (;;) {
        n = recv(c->fd, buf, sizeof(buf), 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (n <= 0) {
            load_lost(c);
            return;
        }
        nbytes += (uint64_t) n;
        load_take(c, buf, (size_t) n);
        if (n < (ssize_t) sizeof(buf)) {
            return;
        }
    }
}


static void
load_take(load_conn_t *c, const char *p, size_t n)
{
    size_t k;

    while (n > 0 && c->busy) {
        if (c->status == 0) {
            if (c->head_len == sizeof(c->head) - 1) {
                load_die("a head without an end");
            }
            c->head[c->head_len++] = *p++;
            n--;
            if (c->head_len < 4
                || memcmp(c->head + c->head_len - 4, "\r\n\r\n", 4) != 0) {
                continue;
            }
            load_head(c);
            k = 0;
        } else {
            k = n < c->body_left ? n : c->body_left;
        }
        p += k;
        n -= k;
        c->body_left -= k;
        if (c->body_left == 0) {
            load_answer(c);
        }
    }
}


static void
load_head(load_conn_t *c)
{
    const char *v;

    c->head[c->head_len] = '\0';
    if (c->head_len < 16 || memcmp(c->head, "HTTP/1.1 ", 9) != 0) {
        load_die("not an answer");
    }

    c->status = (int) strtol(c->head + 9, NULL, 10) % 600;
    v = strcasestr(c->head, "\r\nContent-Length:");
    if (v != NULL) {
        c->body_left = strtoul(v + 17, NULL, 10);
    } else if (c->status != 204) {
        load_die("an answer without Content-Length");
    }
    c->closing = strcasestr(c->head, "\r\nConnection: close") != NULL;
}


static void
load_answer(load_conn_t *c)
{
    int64_t now = load_now();

    c->busy = 0;
    nbusy--;
    nstatus[c->status]++;
    in_time += running != 0;

    if (nsamples < LOAD_SAMPLES_MAX) {
        samples[nsamples++] = (uint32_t) (now - c->since);
    }

    if (c->closing) {
        close(c->fd);
        load_open(c);
    }
    load_next(c);
}


static void
load_lost(load_conn_t *c)
{
    if (c->busy) {
        nlost++;
        nbusy--;
        c->busy = 0;
    }
    close(c->fd);
    load_open(c);
    load_next(c);
}


static void
load_report(double seconds)
{
    int           i;
    const char   *sep = "";
    struct rusage ru;

    qsort(samples, nsamples, sizeof(uint32_t), load_cmp);
    getrusage(RUSAGE_SELF, &ru);

    printf("{\"seconds\":%.3f,\"in_time\":%" PRIu64 ",\"lost\":%" PRIu64
           ",\"unanswered\":%d,\"bytes\":%" PRIu64 ",\"cpu_us\":%ld,"
           "\"status\":{",
           seconds, in_time, nlost, nbusy, nbytes,
           (long) (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * 1000000
               + (long) (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec));
    for (i = 0; i < 600; i++) {
        if (nstatus[i] != 0) {
            printf("%s\"%d\":%" PRIu64, sep, i, nstatus[i]);
            sep = ",";
        }
    }
    printf("},\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u}\n",
           nsamples ? samples[nsamples / 2] : 0,
           nsamples ? samples[nsamples * 99 / 100] : 0,
           nsamples ? samples[nsamples - 1] : 0);
}


static int
load_cmp(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

    return (x > y) - (x < y);
}


static int64_t
load_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


static void
load_die(const char *what)
{
    fprintf(stderr, "http_load: %s (%s)\n", what, strerror(errno));
    exit(1);
}
