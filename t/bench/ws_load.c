/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Many WebSockets that listen:
 *
 *     ws_load PORT|PATH COUNT FILE FRAMES
 *
 * FILE holds upgrade requests as http_load's does, taken in turn.  A socket
 * is open when it has its 101 and so many frames (the hub greets with one).
 * When all are, a line of JSON says so.  Then each line on standard input is
 * answered by one line of JSON about what came since the last answer:
 *
 *     wait N SECONDS   when N events have come, or the time is over
 *     quit
 *
 * An event is a text frame that holds "t=" and sixteen digits, the
 * CLOCK_MONOTONIC microsecond at which it was made.
 *
 *     ws_load tcp|unix COUNT BYTES ROUNDS
 *
 * measures instead what the kernel charges for one write() to a socket that
 * somebody reads.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WS_AT_ONCE 64
#define WS_SAMPLES_MAX (4u * 1024 * 1024)
#define WS_READ (256u * 1024)
#define WS_KEEP_MAX (1024u * 1024)


typedef struct {
    int    fd;
    int    frames; /* since the 101; -1 before it */
    int    open;
    char  *kept; /* the beginning of a frame */
    size_t nkept;
} ws_conn_t;

typedef struct {
    char  *data;
    size_t len;
} ws_request_t;


static void   ws_file(const char *name);
static void   ws_connect(ws_conn_t *c, size_t i);
static int    ws_socket(void);
static void   ws_turn(int timeout_ms);
static void   ws_read(ws_conn_t *c);
static size_t ws_take(ws_conn_t *c, char *p, size_t n);
static size_t ws_head(ws_conn_t *c, const char *p, size_t n);
static void   ws_frame(ws_conn_t *c, int opcode, char *p, size_t n);
static void   ws_opened(ws_conn_t *c);
static void   ws_gone(ws_conn_t *c);
static void   ws_commands(void);
static void   ws_answer(void);
static int    ws_cmp(const void *a, const void *b);
static int    ws_write_cost(int is_tcp, size_t count, size_t bytes, int rounds);
static void   ws_pairs(int is_tcp, int *fds, int *ends, size_t count);
static void   ws_drain(const int *fds, size_t count);
static int64_t ws_now(void);
static void    ws_die(const char *what);


static const char   *target;
static ws_request_t *requests;
static ws_conn_t    *conns;
static uint32_t     *samples;
static size_t        nrequests, nconns, nopen, nstarted, nsamples, ngone;
static uint64_t      nevents, nframes, nbytes;
static int           ep, frames_wanted, running = 1;


int
main(int argc, char **argv)
{
    int64_t       since;
    struct rlimit rl;

    if (argc == 5
        && (strcmp(argv[1], "tcp") == 0 || strcmp(argv[1], "unix") == 0)) {
        return ws_write_cost(argv[1][0] == 't', strtoul(argv[2], NULL, 10),
                             strtoul(argv[3], NULL, 10),
                             (int) strtol(argv[4], NULL, 10));
    }
    if (argc != 5) {
        fprintf(stderr, "usage: ws_load PORT|PATH COUNT FILE FRAMES\n");
        return 2;
    }

    signal(SIGPIPE, SIG_IGN);
    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);

    target = argv[1];
    nconns = strtoul(argv[2], NULL, 10);
    ws_file(argv[3]);
    frames_wanted = (int) strtol(argv[4], NULL, 10);
    conns = calloc(nconns, sizeof(ws_conn_t));
    samples = malloc(WS_SAMPLES_MAX * sizeof(uint32_t));
    ep = epoll_create1(EPOLL_CLOEXEC);
    if (conns == NULL || samples == NULL || ep == -1) {
        ws_die("out of memory");
    }

    since = ws_now();
    while (nopen + ngone < nconns) {
        while (nstarted < nconns && nstarted - nopen - ngone < WS_AT_ONCE) {
            ws_connect(&conns[nstarted], nstarted);
            nstarted++;
        }
        ws_turn(100);
        if (ws_now() - since > 120000000) {
            ws_die("the sockets do not open");
        }
    }

    printf("{\"open\":%zu,\"gone\":%zu,\"seconds\":%.3f}\n", nopen, ngone,
           (double) (ws_now() - since) / 1e6);
    fflush(stdout);

    while (running) {
        ws_commands();
    }

    return 0;
}


static void
ws_file(const char *name)
{
    FILE  *f = fopen(name, "r");
    size_t len;

    if (f == NULL) {
        ws_die(name);
    }

    while (fscanf(f, "%zu", &len) == 1 && fgetc(f) == '\n') {
        requests = realloc(requests, (nrequests + 1) * sizeof(ws_request_t));
        if (requests == NULL) {
            ws_die("out of memory");
        }
        requests[nrequests].len = len;
        requests[nrequests].data = malloc(len);
        if (requests[nrequests].data == NULL
            || fread(requests[nrequests].data, 1, len, f) != len)
        {
            ws_die("the file of requests is short");
        }
        nrequests++;
    }

    fclose(f);
    if (nrequests == 0) {
        ws_die("no request");
    }
}


static void
ws_connect(ws_conn_t *c, size_t i)
{
    struct epoll_event  ev;
    const ws_request_t *r = &requests[i % nrequests];

    c->fd = ws_socket();
    c->frames = -1;
    if (send(c->fd, r->data, r->len, MSG_NOSIGNAL) != (ssize_t) r->len
        || fcntl(c->fd, F_SETFL, O_NONBLOCK) == -1)
    {
        ws_die("send");
    }

    ev.events = EPOLLIN;
    ev.data.ptr = c;
    if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev) == -1) {
        ws_die("epoll_ctl");
    }
}


static int
ws_socket(void)
{
    int                fd, rc;
    struct sockaddr_in sin;
    struct sockaddr_un sun;

    memset(&sin, 0, sizeof(sin));
    memset(&sun, 0, sizeof(sun));

    if (target[0] == '/') {
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sun.sun_family = AF_UNIX;
        (void) snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", target);
        rc = connect(fd, (struct sockaddr *) &sun, sizeof(sun));
    } else {
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sin.sin_family = AF_INET;
        sin.sin_port = htons((uint16_t) strtoul(target, NULL, 10));
        sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        rc = connect(fd, (struct sockaddr *) &sin, sizeof(sin));
    }

    if (fd == -1 || rc == -1) {
        ws_die("connect");
    }

    return fd;
}


static void
ws_turn(int timeout_ms)
{
    int                i, n;
    struct epoll_event events[512];

    n = epoll_wait(ep, events, 512, timeout_ms);
    for (i = 0; i < n; i++) {
        ws_read(events[i].data.ptr);
    }
}


static void
ws_read(ws_conn_t *c)
{
    size_t      have, used;
    ssize_t     n;
    static char buf[WS_KEEP_MAX + WS_READ];

    have = c->nkept;
    if (have != 0) {
        memcpy(buf, c->kept, have);
        free(c->kept);
        c->kept = NULL;
        c->nkept = 0;
    }

    n = recv(c->fd, buf + have, WS_READ, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        n = 0;
    } else if (n <= 0) {
        ws_gone(c);
        return;
    }
    nbytes += (uint64_t) n;
    have += (size_t) n;

    used = ws_take(c, buf, have);
    if (used < have && c->fd != -1) {
        c->nkept = have - used;
        c->kept = malloc(c->nkept);
        if (c->kept == NULL || c->nkept > WS_KEEP_MAX) {
            ws_die("a frame is too large");
        }
        memcpy(c->kept, buf + used, c->nkept);
    }
}


/* How many of the bytes were whole things. */
static size_t
ws_take(ws_conn_t *c, char *p, size_t n)
{
    int                  i;
    size_t               head, used = 0;
    uint64_t             len;
    const unsigned char *u;

    if (c->frames < 0) {
        used = ws_head(c, p, n);
        if (used == 0) {
            return 0;
        }
    }

    while (c->fd != -1 && n - used >= 2) {
        u = (const unsigned char *) p + used;
        len = u[1] & 0x7f;
        head = len == 126 ? 4 : len == 127 ? 10 : 2;
        if (n - used < head) {
            break;
        }
        if (head != 2) {
            for (len = 0, i = 2; i < (int) head; i++) {
                len = len << 8 | u[i];
            }
        }
        if (n - used - head < len) {
            break;
        }
        ws_frame(c, u[0] & 0x0f, p + used + head, (size_t) len);
        used += head + (size_t) len;
    }

    return used;
}


static size_t
ws_head(ws_conn_t *c, const char *p, size_t n)
{
    const char *end = memmem(p, n, "\r\n\r\n", 4);

    if (end == NULL) {
        return 0;
    }
    if (n < 12 || memcmp(p, "HTTP/1.1 101", 12) != 0) {
        fprintf(stderr, "ws_load: refused: %.*s\n", (int) (n > 300 ? 300 : n),
                p);
        ws_gone(c);
        return 0;
    }

    c->frames = 0;
    ws_opened(c);

    return (size_t) (end - p) + 4;
}


static void
ws_frame(ws_conn_t *c, int opcode, char *p, size_t n)
{
    char      *at;
    const char pong[6] = { (char) 0x8a, (char) 0x80, 0, 0, 0, 0 };

    if (opcode == 8) {
        ws_gone(c);
        return;
    }
    if (opcode == 9) {
        (void) send(c->fd, pong, sizeof(pong), MSG_NOSIGNAL);
        return;
    }

    c->frames++;
    nframes++;
    ws_opened(c);

    at = memmem(p, n, "t=", 2);
    while (at != NULL && at + 18 <= p + n && (at[2] < '0' || at[2] > '9')) {
        at = memmem(at + 2, (size_t) (p + n - at - 2), "t=", 2);
    }
    if (at != NULL && at + 18 <= p + n) {
        nevents++;
        if (nsamples < WS_SAMPLES_MAX) {
            samples[nsamples++] =
                (uint32_t) (ws_now() - strtoll(at + 2, NULL, 10));
        }
    }
}


static void
ws_opened(ws_conn_t *c)
{
    if (!c->open && c->frames >= frames_wanted) {
        c->open = 1;
        nopen++;
    }
}


static void
ws_gone(ws_conn_t *c)
{
    close(c->fd);
    c->fd = -1;
    ngone++;
    if (c->open) {
        nopen--;
    }
}


static void
ws_commands(void)
{
    char           line[128];
    double         seconds;
    int64_t        end;
    uint64_t       n;
    fd_set         in;
    struct timeval now = { 0, 0 };

    FD_ZERO(&in);
    FD_SET(0, &in);
    if (select(1, &in, NULL, NULL, &now) <= 0) {
        ws_turn(5);
        return;
    }

    if (fgets(line, sizeof(line), stdin) == NULL
        || strncmp(line, "quit", 4) == 0) {
        running = 0;
        return;
    }
    if (sscanf(line, "wait %" SCNu64 " %lf", &n, &seconds) != 2) {
        ws_die("an unknown command");
    }

    end = ws_now() + (int64_t) (seconds * 1e6);
    while (nevents < n && ws_now() < end) {
        ws_turn(5);
    }
    ws_answer();
}


static void
ws_answer(void)
{
    qsort(samples, nsamples, sizeof(uint32_t), ws_cmp);
    printf("{\"events\":%" PRIu64 ",\"frames\":%" PRIu64 ",\"bytes\":%" PRIu64
           ",\"open\":%zu,\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u}\n",
           nevents, nframes, nbytes, nopen,
           nsamples ? samples[nsamples / 2] : 0,
           nsamples ? samples[nsamples * 99 / 100] : 0,
           nsamples ? samples[nsamples - 1] : 0);
    fflush(stdout);
    nevents = nframes = nbytes = 0;
    nsamples = 0;
}


static int
ws_cmp(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

    return (x > y) - (x < y);
}


static int
ws_write_cost(int is_tcp, size_t count, size_t bytes, int rounds)
{
    int             i, *fds, *ends;
    char           *data;
    pid_t           pid;
    size_t          k;
    double          cpu;
    struct timespec a, b;

    fds = calloc(count, sizeof(int));
    ends = calloc(count, sizeof(int));
    data = calloc(1, bytes);
    if (fds == NULL || ends == NULL || data == NULL) {
        ws_die("out of memory");
    }

    ws_pairs(is_tcp, fds, ends, count);
    pid = fork();
    if (pid == 0) {
        ws_drain(ends, count);
    }

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
    for (i = 0; i < rounds; i++) {
        for (k = 0; k < count; k++) {
            if (write(fds[k], data, bytes) != (ssize_t) bytes) {
                ws_die("write");
            }
        }
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);

    cpu = (double) (b.tv_sec - a.tv_sec) * 1e6
          + (double) (b.tv_nsec - a.tv_nsec) / 1e3;
    printf("{\"write_us\":%.3f}\n", cpu / (double) count / rounds);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);

    return 0;
}


static void
ws_pairs(int is_tcp, int *fds, int *ends, size_t count)
{
    int                srv, two[2];
    size_t             k;
    socklen_t          len;
    struct sockaddr_in sin;

    srv = socket(AF_INET, SOCK_STREAM, 0);
    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(sin);
    if (bind(srv, (struct sockaddr *) &sin, sizeof(sin)) == -1
        || listen(srv, 1024) == -1
        || getsockname(srv, (struct sockaddr *) &sin, &len) == -1)
    {
        ws_die("listen");
    }

    for (k = 0; k < count; k++) {
        if (!is_tcp) {
            if (socketpair(AF_UNIX, SOCK_STREAM, 0, two) == -1) {
                ws_die("socketpair");
            }
            fds[k] = two[0];
            ends[k] = two[1];
            continue;
        }
        ends[k] = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(ends[k], (struct sockaddr *) &sin, sizeof(sin)) == -1
            || (fds[k] = accept(srv, NULL, NULL)) == -1)
        {
            ws_die("connect");
        }
    }
}


static void
ws_drain(const int *fds, size_t count)
{
    int                i, n;
    size_t             k;
    static char        buf[65536];
    struct epoll_event ev, events[512];

    ep = epoll_create1(0);
    for (k = 0; k < count; k++) {
        ev.events = EPOLLIN;
        ev.data.fd = fds[k];
        (void) epoll_ctl(ep, EPOLL_CTL_ADD, fds[k], &ev);
    }
    for (;;) {
        n = epoll_wait(ep, events, 512, -1);
        for (i = 0; i < n; i++) {
            if (recv(events[i].data.fd, buf, sizeof(buf), 0) == 0) {
                _exit(0);
            }
        }
    }
}


static int64_t
ws_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


static void
ws_die(const char *what)
{
    fprintf(stderr, "ws_load: %s (%s)\n", what, strerror(errno));
    exit(1);
}
