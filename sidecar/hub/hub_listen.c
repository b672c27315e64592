/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_listen.c: the unix socket that the hub listens on: its name, its group,
 * and how a new hub takes the name over from the one before.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "hub_glue.h"

#define LISTEN_BACKLOG 4096

static pt_err_t    hub_listen_bind(hub_glue_t *g, const char *path);
static int         hub_listen_young(const hub_glue_t *g, const char *young);
static int         hub_listen_lock(const char *path);
static bool        hub_listen_is_live(const char *path);
static const char *hub_listen_fault(const hub_glue_t *g, int err);
static void        hub_listen_group(hub_glue_t *g, const char *group);


pt_err_t
hub_listen_start(hub_glue_t *g, const char *path, const char *group)
{
    hub_listen_group(g, group);

    if (hub_listen_bind(g, path) != PT_OK) {
        g->loop->ops->log(g->loop, PT_LOG_ERR,
                          "pytake: hub: cannot listen on %s: %s", path,
                          hub_listen_fault(g, errno));
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
hub_listen_stop(hub_glue_t *g)
{
    if (g->listen_io != NULL) {
        g->loop->ops->io_del(g->listen_io);
        g->listen_io = NULL;
    }

    if (g->accept_again != NULL) {
        g->loop->ops->timer_del(g->accept_again);
        g->accept_again = NULL;
    }

    /* The file is not removed: NGINX logs a socket that nobody listens on as an
     * error, but a missing file as critical.  And the next hub may have taken
     * the name over by now. */

    if (g->listen_fd != -1) {
        close(g->listen_fd);
        g->listen_fd = -1;
    }

    if (g->spare_fd != -1) {
        close(g->spare_fd);
        g->spare_fd = -1;
    }
}


/* The new socket is made under a name of its own, is given its group, and is
 * then renamed over the old one.  So NGINX, which tries to connect again and
 * again, finds a socket at any moment. */

static pt_err_t
hub_listen_bind(hub_glue_t *g, const char *path)
{
    int  fd, lock, err;
    char young[sizeof(((struct sockaddr_un *) 0)->sun_path)];

    if (snprintf(young, sizeof(young), "%s.%ld", path, (long) getpid())
        >= (int) sizeof(young))
    {
        errno = ENAMETOOLONG;
        return PT_EINTERNAL;
    }

    lock = hub_listen_lock(path);

    if (lock == -1) {
        return PT_EINTERNAL;
    }

    if (hub_listen_is_live(path)) {
        fd = -1;
        errno = EADDRINUSE;

    } else {
        fd = hub_listen_young(g, young);
    }

    if (fd != -1 && rename(young, path) == -1) {
        err = errno;
        (void) unlink(young);
        close(fd);
        fd = -1;
        errno = err;
    }

    err = errno;
    close(lock);
    errno = err;
    g->listen_fd = fd;

    return (fd == -1) ? PT_EINTERNAL : PT_OK;
}


/* Makes a socket that listens under the name young.  Returns its descriptor, or
 * -1 with errno. */

static int
hub_listen_young(const hub_glue_t *g, const char *young)
{
    int                fd, err;
    mode_t             mask;
    struct sockaddr_un sa;

    assert(strlen(young) < sizeof(sa.sun_path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd == -1) {
        return -1;
    }

    memset(&sa, 0, sizeof(sa));
    sa.sun_family = AF_UNIX;
    memcpy(sa.sun_path, young, strlen(young));
    (void) unlink(young); /* a hub with our pid may have been killed here */
    mask = umask(0117);   /* the mode is 0660 from the first moment on */
    err = 0;

    if (bind(fd, (struct sockaddr *) &sa, sizeof(sa)) == -1
        || (g->peer_gid != (uint32_t) -1
            && chown(young, (uid_t) -1, (gid_t) g->peer_gid) == -1)
        || listen(fd, LISTEN_BACKLOG) == -1)
    {
        err = errno;
    }

    umask(mask);

    if (err != 0) {
        (void) unlink(young);
        close(fd);
        errno = err;
        return -1;
    }

    return fd;
}


/* Takes the lock under which a hub looks whether the old socket is in use and
 * renames its own over it, so that of two hubs that start at the same time only
 * one does both.  Returns its descriptor, or -1 with errno. */

static int
hub_listen_lock(const char *path)
{
    int  fd, err;
    char name[sizeof(((struct sockaddr_un *) 0)->sun_path) + 8];

    (void) snprintf(name, sizeof(name), "%s.lock", path);
    fd = open(name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd != -1 && flock(fd, LOCK_EX | LOCK_NB) == -1) {
        err = (errno == EWOULDBLOCK) ? EADDRINUSE : errno;
        close(fd);
        errno = err;
        return -1;
    }

    return fd;
}


/* Returns whether a process listens on the socket path; true, too, when that
 * cannot be found out. */

static bool
hub_listen_is_live(const char *path)
{
    int                fd;
    bool               live;
    struct sockaddr_un sa;

    assert(strlen(path) < sizeof(sa.sun_path));
    memset(&sa, 0, sizeof(sa));
    sa.sun_family = AF_UNIX;
    memcpy(sa.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd == -1) {
        return true;
    }

    live = connect(fd, (struct sockaddr *) &sa, sizeof(sa)) == 0
           || errno == EAGAIN; /* its queue of new connections is full */
    close(fd);

    return live;
}


static const char *
hub_listen_fault(const hub_glue_t *g, int err)
{
    if (err == EADDRINUSE) {
        return "another \"pytake serve\" does";
    }

    return (err == EPERM && g->peer_gid != (uint32_t) -1)
               ? "this user is not in PYTAKE_HUB_GROUP"
               : strerror(err);
}


/* Notes who may connect: this user, root, and the members of group. */

static void
hub_listen_group(hub_glue_t *g, const char *group)
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
            g->loop->ops->log(
                g->loop, PT_LOG_WARN,
                "pytake: hub: the group %s of PYTAKE_HUB_GROUP does "
                "not exist, so its members cannot connect",
                group);
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
