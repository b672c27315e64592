/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * fake_pg.h: a server that speaks enough of PostgreSQL's protocol to lie in
 * every way that matters: one thread a connection, told by a mode.
 *
 * Each Execute answers fake_rows rows of one column: the first parameter of
 * its Bind, so that a swapped answer shows.
 */

#ifndef FAKE_PG_H
#define FAKE_PG_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

typedef enum {
    FAKE_NORMAL = 0,
    FAKE_DRIP,          /* one byte a write */
    FAKE_STALL,         /* no answer while this mode lasts, then all of it */
    FAKE_RST,           /* half of the answer, then a reset */
    FAKE_FIN,           /* half of the answer, then the end */
    FAKE_GARBAGE,       /* instead of the answer */
    FAKE_GARBAGE_START, /* instead of the greeting */
    FAKE_BLACK_HOLE,    /* accepts, reads nothing, says nothing */
    FAKE_FULL,          /* 53300 instead of the greeting */
    FAKE_FATAL,         /* 57P01 instead of the answer */
    FAKE_PROXY,         /* 08P01, as pgbouncer when its server is gone */
    FAKE_NO_READY,      /* all results, then the end: committed or not? */
    FAKE_STALE,         /* the first Execute: 0A000 */
    FAKE_COMMIT_FAILS,  /* all results, then 23505 at the Sync */
    FAKE_OPEN,          /* the transaction is still open after the Sync */
    FAKE_EXTRA          /* a row too many after ReadyForQuery */
} fake_mode_t;

static atomic_int  fake_mode;
static atomic_uint fake_rows = 1;
static atomic_uint fake_parses, fake_executes, fake_accepts, fake_syncs;
static atomic_int  fake_stop;
static int         fake_fd = -1;
static int         fake_port;
static pthread_t   fake_thread;
static atomic_int  fake_live;

typedef struct {
    char  *p;
    size_t n, cap;
} fake_buf_t;


static inline void
fake_put(fake_buf_t *b, const void *p, size_t n)
{
    if (b->n + n > b->cap) {
        b->cap = (b->n + n) * 2;
        b->p = realloc(b->p, b->cap);
    }
    memcpy(b->p + b->n, p, n);
    b->n += n;
}


static inline void
fake_msg(fake_buf_t *b, char type, const void *p, size_t n)
{
    uint32_t len = htonl((uint32_t) n + 4);

    fake_put(b, &type, 1);
    fake_put(b, &len, 4);
    fake_put(b, p, n);
}


static inline void
fake_error(fake_buf_t *b, const char *severity, const char *state)
{
    char m[128];
    int  n;

    n = snprintf(m, sizeof(m), "S%s%cV%s%cC%s%cMsecret-value%c%c", severity, 0,
                 severity, 0, state, 0, 0, 0);
    fake_msg(b, 'E', m, (size_t) n);
}


static inline bool
fake_read(int fd, void *p, size_t n)
{
    ssize_t got;
    char   *q = p;

    while (n > 0) {
        got = recv(fd, q, n, 0);
        if (got <= 0) {
            return false;
        }
        q += got;
        n -= (size_t) got;
    }
    return true;
}


static inline void
fake_send(int fd, const char *p, size_t n, size_t step)
{
    ssize_t sent;

    while (n > 0) {
        sent = send(fd, p, n < step ? n : step, MSG_NOSIGNAL);
        if (sent <= 0) {
            return;
        }
        p += sent;
        n -= (size_t) sent;
    }
}


static inline bool
fake_greet(int fd)
{
    char       big[512];
    uint32_t   len, code;
    fake_buf_t b = { 0 };

    for (;;) {
        if (!fake_read(fd, &len, 4) || !fake_read(fd, &code, 4)) {
            return false;
        }
        len = ntohl(len) - 8;
        if (len > sizeof(big) * 8) {
            return false;
        }
        while (len > 0) {
            size_t n = len < sizeof(big) ? len : sizeof(big);

            if (!fake_read(fd, big, n)) {
                return false;
            }
            len -= (uint32_t) n;
        }
        if (ntohl(code) != 80877103) {
            break;
        }
        fake_send(fd, "N", 1, 1); /* no TLS */
    }
    if (fake_mode == FAKE_GARBAGE_START) {
        fake_send(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, 28);
        return false;
    }
    if (fake_mode == FAKE_FULL) {
        fake_error(&b, "FATAL", "53300");
        fake_send(fd, b.p, b.n, b.n);
        free(b.p);
        return false;
    }
    fake_msg(&b, 'R', "\0\0\0\0", 4);
    fake_msg(&b, 'S',
             "server_version\0"
             "15.0",
             20);
    fake_msg(&b, 'S', "client_encoding\0UTF8", 21);
    fake_msg(&b, 'S', "integer_datetimes\0on", 21);
    fake_msg(&b, 'K', "\0\0\0\1\0\0\0\1", 8);
    fake_msg(&b, 'Z', "I", 1);
    fake_send(fd, b.p, b.n, fake_mode == FAKE_DRIP ? 1 : b.n);
    free(b.p);
    return true;
}


/* The first parameter of a Bind message. */

static inline void
fake_bind(const char *m, char *out, size_t size)
{
    uint16_t n;
    uint32_t len;

    out[0] = '\0';
    m += strlen(m) + 1; /* portal */
    m += strlen(m) + 1; /* statement */
    memcpy(&n, m, 2);
    m += 2 + 2 * ntohs(n);
    memcpy(&n, m, 2);
    m += 2;
    if (ntohs(n) > 0) {
        memcpy(&len, m, 4);
        len = ntohl(len);
        if (len < size) {
            memcpy(out, m + 4, len);
            out[len] = '\0';
        }
    }
}


static inline void
fake_execute(fake_buf_t *b, const char *value)
{
    char     row[128];
    uint32_t i, len = (uint32_t) strlen(value), nlen = htonl(len);

    row[0] = 0;
    row[1] = 1;
    memcpy(row + 2, &nlen, 4);
    memcpy(row + 6, value, len);
    for (i = 0; i < fake_rows; i++) {
        fake_msg(b, 'D', row, 6 + len);
    }
    fake_msg(b, 'C', "SELECT 1", 9);
}


/* Sends what has gathered up to a Sync; false: close. */

static inline bool
fake_sync(int fd, fake_buf_t *b)
{
    struct linger lg = { 1, 0 };

    fake_syncs++;
    while (fake_mode == FAKE_STALL && !fake_stop) {
        usleep(2000);
    }
    switch (fake_mode) {
    case FAKE_DRIP:
        fake_msg(b, 'Z', "I", 1);
        fake_send(fd, b->p, b->n, 1);
        return true;
    case FAKE_RST:
        fake_send(fd, b->p, b->n / 2, b->n);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &lg, sizeof(lg));
        return false;
    case FAKE_FIN:
        fake_send(fd, b->p, b->n / 2, b->n);
        return false;
    case FAKE_GARBAGE:
        fake_send(fd, "\xff\xfe garbage \x01\x02\x03 zzzzzzzz", 24, 24);
        return true;
    case FAKE_FATAL:
    case FAKE_PROXY:
        b->n = 0;
        fake_error(b, "FATAL", fake_mode == FAKE_FATAL ? "57P01" : "08P01");
        fake_send(fd, b->p, b->n, b->n);
        return false;
    case FAKE_NO_READY:
        fake_send(fd, b->p, b->n, b->n);
        return false;
    case FAKE_COMMIT_FAILS:
        fake_error(b, "ERROR", "23505");
        break;
    default:
        break;
    }
    fake_msg(b, 'Z', fake_mode == FAKE_OPEN ? "T" : "I", 1);
    if (fake_mode == FAKE_EXTRA) {
        fake_execute(b, "late");
    }
    fake_send(fd, b->p, b->n, b->n);
    return true;
}


static inline void *
fake_serve(void *data)
{
    int        fd = (int) (intptr_t) data, one = 1;
    char       type, value[64] = "", *m = NULL;
    bool       skip = false, go = true;
    uint32_t   len;
    fake_buf_t b = { 0 };

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    while (fake_mode == FAKE_BLACK_HOLE && !fake_stop) {
        usleep(2000);
    }
    go = fake_greet(fd);
    while (go && fake_read(fd, &type, 1) && fake_read(fd, &len, 4)) {
        len = ntohl(len) - 4;
        free(m);
        m = calloc(1, len + 1);
        if (!fake_read(fd, m, len) || type == 'X') {
            break;
        }
        if (type == 'S') {
            skip = false;
            go = fake_sync(fd, &b);
            b.n = 0;
        } else if (skip) {
            continue;
        } else if (type == 'P') {
            fake_parses++;
            fake_msg(&b, '1', "", 0);
        } else if (type == 'B') {
            fake_bind(m, value, sizeof(value));
            fake_msg(&b, '2', "", 0);
        } else if (type == 'D') {
            fake_msg(
                &b, 'T',
                "\0\1x\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\1",
                22);
        } else if (type == 'E') {
            fake_executes++;
            if (fake_mode == FAKE_STALE || strcmp(value, "bad") == 0) {
                fake_error(&b, "ERROR",
                           fake_mode == FAKE_STALE ? "0A000" : "22P02");
                skip = true;
                if (fake_mode == FAKE_STALE) {
                    fake_mode = FAKE_NORMAL;
                }
            } else {
                fake_execute(&b, value);
            }
        }
    }
    free(m);
    free(b.p);
    close(fd);
    fake_live--;
    return NULL;
}


static inline void *
fake_accept(void *data)
{
    int       fd, lfd = (int) (intptr_t) data;
    pthread_t t;

    for (;;) {
        fd = accept(lfd, NULL, NULL);
        if (fd == -1 || fake_stop) {
            if (fd != -1) {
                close(fd);
            }
            return NULL;
        }
        fake_accepts++;
        fake_live++;
        if (pthread_create(&t, NULL, fake_serve, (void *) (intptr_t) fd) == 0) {
            pthread_detach(t);
        }
    }
}


/* Listens on fake_port (0: any). */

static inline bool
fake_start(void)
{
    int                one = 1;
    socklen_t          len;
    struct sockaddr_in sin;

    fake_stop = 0;
    fake_fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fake_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sin.sin_port = htons((uint16_t) fake_port);
    if (bind(fake_fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
        || listen(fake_fd, 128) == -1)
    {
        return false;
    }
    len = sizeof(sin);
    getsockname(fake_fd, (struct sockaddr *) &sin, &len);
    fake_port = ntohs(sin.sin_port);
    return pthread_create(&fake_thread, NULL, fake_accept,
                          (void *) (intptr_t) fake_fd)
           == 0;
}


/* No new connections; those that exist end with their client. */

static inline void
fake_end(void)
{
    fake_stop = 1;
    shutdown(fake_fd, SHUT_RDWR);
    pthread_join(fake_thread, NULL);
    close(fake_fd);
    fake_fd = -1;
}

#endif
