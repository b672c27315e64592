/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_sock.c: the sockets of the hub: accepted, read, written and closed.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "hub_glue.h"

#define SOCK_ACCEPTS_MAX 64 /* sockets accepted in one turn of the loop */
#define SOCK_AGAIN_MS 100u  /* until it accepts again, out of descriptors */

static void hub_sock_exhausted(hub_glue_t *g);
static bool hub_sock_is_peer(const hub_glue_t *g, int fd);
static void hub_sock_new(hub_glue_t *g, int fd);
static void hub_sock_refuse(int fd);
static void hub_sock_io(void *data, int events);
static void hub_sock_unguest(hub_sock_t *s);


void
hub_sock_del(hub_sock_t *s)
{
    hub_glue_t *g;

    g = s->glue;
    hub_sock_unguest(s);
    g->handshake->del(s);

    if (s->io != NULL) {
        g->loop->ops->io_del(s->io);
    }

    close(s->fd);
    g->mem.free(g->mem.user, s);
}


pt_err_t
hub_sock_want(hub_sock_t *s, int events)
{
    return s->glue->loop->ops->io_want(s->io, events);
}


ptrdiff_t
hub_sock_write(void *sock, const hub_iov_t *iov, int n)
{
    int           i;
    ssize_t       took;
    hub_sock_t   *s;
    struct iovec  list[HUB_IOV_MAX];
    struct msghdr msg;

    s = sock;
    assert(n > 0 && n <= HUB_IOV_MAX);

    for (i = 0; i < n; i++) {
        list[i].iov_base = (void *) (uintptr_t) iov[i].data;
        list[i].iov_len = iov[i].len;
    }

    memset(&msg, 0, sizeof(msg));
    msg.msg_iov = list;
    msg.msg_iovlen = (size_t) n;
    took = sendmsg(s->fd, &msg, MSG_NOSIGNAL);

    if (took == -1) {
        return (errno == EAGAIN || errno == EINTR || errno == ENOBUFS) ? 0 : -1;
    }

    return took;
}


void
hub_sock_want_write(void *sock, bool on)
{
    hub_sock_t *s;

    s = sock;

    if (hub_sock_want(s, on ? PT_IO_READ | PT_IO_WRITE : PT_IO_READ) != PT_OK) {
        hub_on_eof(s->conn);
    }
}


void
hub_sock_admitted(void *sock)
{
    hub_sock_unguest(sock);
}


void
hub_sock_close(void *sock)
{
    hub_sock_del(sock);
}


bool
hub_sock_guest(hub_sock_t *s, pt_str_t addr)
{
    int64_t             now;
    hub_glue_t         *g;
    hub_sock_t         *other;
    hub_guest_t        *leaves;
    hub_admission_key_t key;

    g = s->glue;
    assert(s->guest == NULL);
    now = g->loop->ops->now_ms(g->loop);
    hub_admission_key(addr, &key);

    if (!hub_admission_ask(&g->admission, &key, now, &leaves)) {
        return false;
    }

    if (leaves != NULL) {
        other = leaves->owner;
        assert(other->guest == leaves && other->conn != NULL);
        g->displaced++;
        hub_sock_unguest(other);
        hub_conn_displace(other->conn);
    }

    s->guest = hub_admission_enter(&g->admission, &key, s, now);

    return s->guest != NULL;
}


void
hub_sock_accept(void *data, int events)
{
    int         i, fd;
    hub_glue_t *g;

    PT_UNUSED(events);
    g = data;

    for (i = 0; i < SOCK_ACCEPTS_MAX; i++) {
        fd = accept4(g->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd == -1) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM
                || errno == ENOBUFS) {
                hub_sock_exhausted(g);
            }

            return;
        }

        if (!hub_sock_is_peer(g, fd)) {
            close(fd);

        } else if (g->nyoung >= g->handshakes_max
                   || hub_conns(g->hub) + g->nyoung >= g->conns_max)
        {
            g->refused++;
            hub_sock_refuse(fd);

        } else {
            hub_sock_new(g, fd);
        }
    }
}


void
hub_sock_accept_again(void *data)
{
    hub_glue_t *g;

    g = data;

    if (g->loop->ops->io_want(g->listen_io, PT_IO_READ) != PT_OK) {
        g->loop->ops->timer_set(g->accept_again, SOCK_AGAIN_MS);
    }
}


/* No descriptor is left.  The spare one is closed, so that the sockets which
 * wait can be accepted one by one and refused; then the hub does not accept for
 * SOCK_AGAIN_MS, so that the loop does not spin. */

static void
hub_sock_exhausted(hub_glue_t *g)
{
    int i, fd;

    if (g->spare_fd != -1) {
        close(g->spare_fd);

        for (i = 0; i < SOCK_ACCEPTS_MAX; i++) {
            fd =
                accept4(g->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

            if (fd == -1) {
                break;
            }

            g->refused++;
            hub_sock_refuse(fd);
        }
    }

    g->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void) g->loop->ops->io_want(g->listen_io, 0);
    g->loop->ops->timer_set(g->accept_again, SOCK_AGAIN_MS);
    g->loop->ops->log(
        g->loop, PT_LOG_WARN,
        "pytake: hub: out of descriptors, new sockets are refused: raise "
        "LimitNOFILE (ulimit -n) of \"pytake serve\"");
}


static bool
hub_sock_is_peer(const hub_glue_t *g, int fd)
{
    int          i;
    socklen_t    len;
    struct ucred cred;

    len = sizeof(cred);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1) {
        return false;
    }

    for (i = 0; i < g->npeers; i++) {
        if (g->peers[i] == (uint32_t) cred.uid) {
            return true;
        }
    }

    return g->peer_gid != (uint32_t) -1 && g->peer_gid == (uint32_t) cred.gid;
}


static void
hub_sock_new(hub_glue_t *g, int fd)
{
    hub_sock_t *s;

    s = g->mem.alloc(g->mem.user, sizeof(hub_sock_t));

    if (s == NULL) {
        hub_sock_refuse(fd);
        return;
    }

    memset(s, 0, sizeof(*s));
    s->glue = g;
    s->fd = fd;
    s->io = g->loop->ops->io_new(g->loop, fd, hub_sock_io, s);
    s->handshake = (s->io == NULL) ? NULL : g->handshake->make(s);

    if (s->handshake == NULL || hub_sock_want(s, PT_IO_READ) != PT_OK) {
        hub_sock_del(s);
    }
}


/* Answers a socket with 503 and closes it.  A small answer always fits into a
 * new socket.  The request is read first, because a socket that is closed with
 * unread bytes is reset, and the peer would lose the answer. */

static void
hub_sock_refuse(int fd)
{
    char    reply[HUB_HTTP_REPLY_MAX], unread[HUB_HTTP_MAX];
    size_t  n;
    ssize_t len;

    len = recv(fd, unread, sizeof(unread), 0);

    if (len == 0) {
        close(fd); /* The peer has closed it already. */
        return;
    }

    n = hub_http_refuse(503, (pt_str_t){ unread, len > 0 ? (size_t) len : 0 },
                        reply);

    if (send(fd, reply, n, MSG_NOSIGNAL) == -1) {
        /* The socket is closed whether it has its answer or not. */
    }

    close(fd);
}


static void
hub_sock_io(void *data, int events)
{
    hub_sock_t *s;

    s = data;

    if (s->conn == NULL) {
        if (events & PT_IO_WRITE) {
            s->glue->handshake->write(s);

        } else {
            s->glue->handshake->read(s);
        }

        return;
    }

    if (events & PT_IO_READ) {
        hub_sock_read(s);
    }

    if (events & PT_IO_WRITE) {
        hub_sock_want_write(s, false);
        hub_on_writable(s->conn);
    }
}


void
hub_sock_read(hub_sock_t *s)
{
    ssize_t n;

    assert(s->conn != NULL);
    n = recv(s->fd, s->glue->buf, HUB_READ_SIZE, 0);

    if (n > 0) {
        hub_on_read(s->conn, s->glue->buf, (size_t) n);

    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        hub_on_eof(s->conn);
    }
}


static void
hub_sock_unguest(hub_sock_t *s)
{
    if (s->guest != NULL) {
        hub_admission_leave(&s->glue->admission, s->guest);
        s->guest = NULL;
    }
}
