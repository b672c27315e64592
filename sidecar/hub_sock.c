/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_sock.c: the hub's listening unix socket and its connections.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "hub_glue.h"

#define SOCK_BACKLOG 4096
#define SOCK_ACCEPTS_MAX 64 /* a turn */
#define SOCK_AGAIN_MS 100u  /* out of descriptors: not at once again */

static pt_err_t    hub_sock_bind(hub_glue_t *g, const char *path);
static const char *hub_sock_fault(const hub_glue_t *g, int err);
static void        hub_sock_group(hub_glue_t *g, const char *group);
static void        hub_sock_accept(void *data, int events);
static void        hub_sock_accept_again(void *data);
static void        hub_sock_exhausted(hub_glue_t *g);
static bool        hub_sock_is_peer(const hub_glue_t *g, int fd);
static void        hub_sock_new(hub_glue_t *g, int fd);
static void        hub_sock_refuse(int fd);
static void        hub_sock_io(void *data, int events);
static void        hub_sock_uncount(hub_sock_t *s);


pt_err_t
hub_sock_listen(hub_glue_t *g, const char *path, const char *group)
{
    hub_sock_group(g, group);

    if (hub_sock_bind(g, path) != PT_OK) {
        g->loop->ops->log(g->loop, PT_LOG_ERR,
                          "pytake: hub: cannot listen on %s: %s", path,
                          hub_sock_fault(g, errno));
        return PT_EINTERNAL;
    }

    g->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    g->listen_io =
        g->loop->ops->io_new(g->loop, g->listen_fd, hub_sock_accept, g);
    g->accept_again = g->loop->ops->timer_new(g->loop, PT_TIMER_HOUSE,
                                              hub_sock_accept_again, g);

    if (g->listen_io == NULL || g->accept_again == NULL) {
        return PT_ENOMEM;
    }

    return g->loop->ops->io_want(g->listen_io, PT_IO_READ);
}


void
hub_sock_unlisten(hub_glue_t *g)
{
    if (g->listen_io != NULL) {
        g->loop->ops->io_del(g->listen_io);
        g->listen_io = NULL;
    }

    if (g->accept_again != NULL) {
        g->loop->ops->timer_del(g->accept_again);
        g->accept_again = NULL;
    }

    /* The file stays: NGINX takes "nobody listens" for an error, "no file"
     * for a critical one.  hub_sock_bind() does away with it. */

    if (g->listen_fd != -1) {
        close(g->listen_fd);
        g->listen_fd = -1;
    }

    if (g->spare_fd != -1) {
        close(g->spare_fd);
        g->spare_fd = -1;
    }
}


void
hub_sock_del(hub_sock_t *s)
{
    hub_glue_t *g;

    g = s->glue;
    hub_sock_uncount(s);
    hub_hand_del(s);

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
    hub_sock_uncount(sock);
}


void
hub_sock_close(void *sock)
{
    hub_sock_del(sock);
}


bool
hub_sock_count(hub_sock_t *s, pt_str_t addr)
{
    size_t      i;
    uint64_t    hash;
    hub_glue_t *g;
    hub_addr_t *a, **bucket;

    g = s->glue;
    hash = 14695981039346656037u; /* FNV-1a */

    for (i = 0; i < addr.len; i++) {
        hash = (hash ^ (uint8_t) addr.data[i]) * 1099511628211u;
    }

    bucket = &g->addrs[hash % HUB_ADDR_BUCKETS];

    for (a = *bucket; a != NULL && a->hash != hash; a = a->next) {
        /* the one of this address */
    }

    if (a == NULL) {
        a = g->mem.alloc(g->mem.user, sizeof(hub_addr_t));

        if (a == NULL) {
            return false;
        }

        a->hash = hash;
        a->count = 0;
        a->next = *bucket;
        *bucket = a;
    }

    if (a->count >= HUB_ADDR_MAX) {
        return false;
    }

    a->count++;
    s->addr = a;

    return true;
}


/* A file that nobody listens on any more is taken away; a live one is not.
 * The new one gets its group under a name of its own, or NGINX, that tries
 * again and again, would meet it without. */

static pt_err_t
hub_sock_bind(hub_glue_t *g, const char *path)
{
    int                fd, err;
    char               young[sizeof(((struct sockaddr_un *) 0)->sun_path)];
    mode_t             mask;
    struct stat        st;
    struct sockaddr_un sa;

    memset(&sa, 0, sizeof(sa));
    sa.sun_family = AF_UNIX;

    if (snprintf(young, sizeof(young), "%s.%ld", path, (long) getpid())
        >= (int) sizeof(young))
    {
        errno = ENAMETOOLONG;
        return PT_EINTERNAL;
    }

    memcpy(sa.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd == -1) {
        return PT_EINTERNAL;
    }

    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
        if (connect(fd, (struct sockaddr *) &sa, sizeof(sa)) == 0
            || errno == EAGAIN) {
            close(fd);
            errno = EADDRINUSE;
            return PT_EINTERNAL;
        }

        (void) unlink(path);
    }

    memcpy(sa.sun_path, young, strlen(young));
    mask = umask(0117); /* 0660 from the first moment on */
    err = 0;

    if (bind(fd, (struct sockaddr *) &sa, sizeof(sa)) == -1
        || (g->peer_gid != (uint32_t) -1
            && chown(young, (uid_t) -1, (gid_t) g->peer_gid) == -1)
        || listen(fd, SOCK_BACKLOG) == -1 || link(young, path) == -1)
    {
        err = errno;
    }

    umask(mask);
    (void) unlink(young);

    if (err != 0) {
        close(fd);
        errno = err;
        return PT_EINTERNAL;
    }

    g->listen_fd = fd;

    return PT_OK;
}


static const char *
hub_sock_fault(const hub_glue_t *g, int err)
{
    if (err == EADDRINUSE || err == EEXIST) {
        return "another \"pytake serve\" does";
    }

    return (err == EPERM && g->peer_gid != (uint32_t) -1)
               ? "this user is not in PYTAKE_HUB_GROUP"
               : strerror(err);
}


/* Who may connect: ourselves, root, and the members of group. */

static void
hub_sock_group(hub_glue_t *g, const char *group)
{
    int            i;
    struct group  *gr;
    struct passwd *pw;

    g->peers[g->npeers++] = (uint32_t) geteuid();
    g->peers[g->npeers++] = 0;
    g->peer_gid = (uint32_t) -1;
    gr = (group == NULL) ? NULL : getgrnam(group);

    if (gr == NULL) {
        if (group != NULL) {
            g->loop->ops->log(g->loop, PT_LOG_WARN,
                              "pytake: hub: there is no group %s", group);
        }

        return;
    }

    g->peer_gid = (uint32_t) gr->gr_gid;

    for (i = 0; gr->gr_mem[i] != NULL && g->npeers < HUB_PEERS_MAX; i++) {
        pw = getpwnam(gr->gr_mem[i]);

        if (pw != NULL) {
            g->peers[g->npeers++] = (uint32_t) pw->pw_uid;
        }
    }
}


static void
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

        } else if (g->nyoung >= g->young_max
                   || hub_conns(g->hub) + g->nyoung >= g->conns_max)
        {
            g->refused++;
            hub_sock_refuse(fd);

        } else {
            hub_sock_new(g, fd);
        }
    }
}


static void
hub_sock_accept_again(void *data)
{
    hub_glue_t *g;

    g = data;

    if (g->loop->ops->io_want(g->listen_io, PT_IO_READ) != PT_OK) {
        g->loop->ops->timer_set(g->accept_again, SOCK_AGAIN_MS);
    }
}


/* No descriptor is left.  The spare one answers those who wait, and the loop
 * does not spin on the rest. */

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
        "pytake: hub: out of descriptors, new sockets are refused");
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
    s->hand = (s->io == NULL) ? NULL : hub_hand_new(s);

    if (s->hand == NULL || hub_sock_want(s, PT_IO_READ) != PT_OK) {
        hub_sock_del(s);
    }
}


/* A small answer always fits into a fresh socket.  What was sent is read
 * first: a socket closed with unread bytes is a reset for its peer. */

static void
hub_sock_refuse(int fd)
{
    char   reply[HUB_HTTP_REPLY_MAX], unread[HUB_HTTP_MAX];
    size_t n;

    n = hub_http_refuse(503, reply);

    if (recv(fd, unread, sizeof(unread), 0) == 0) {
        close(fd); /* it has gone already */
        return;
    }

    if (send(fd, reply, n, MSG_NOSIGNAL) == -1) {
        /* it is refused all the same */
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
            hub_hand_write(s);

        } else {
            hub_hand_read(s);
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

    n = recv(s->fd, s->glue->buf, HUB_READ_SIZE, 0);

    if (n > 0) {
        hub_on_read(s->conn, s->glue->buf, (size_t) n);

    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        hub_on_eof(s->conn);
    }
}


static void
hub_sock_uncount(hub_sock_t *s)
{
    hub_addr_t *a, **at;

    a = s->addr;
    s->addr = NULL;

    if (a == NULL || --a->count > 0) {
        return;
    }

    for (at = &s->glue->addrs[a->hash % HUB_ADDR_BUCKETS]; *at != a;
         at = &(*at)->next)
    {
        /* it is there */
    }

    *at = a->next;
    s->glue->mem.free(s->glue->mem.user, a);
}
