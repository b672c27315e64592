/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * serve.c: the parts on one loop, until SIGTERM or SIGINT; a second one does
 * not wait for them.
 */

#include "serve.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "courier/courier.h"
#include "hub/hub_part.h"
#include "jobs.h"
#include "pytake.h"

#define SERVE_PARTS_MAX 8
#define SERVE_SAID_MAX 8
#define SERVE_SAID_LEN 256
#define SERVE_SAID_US 60000000 /* the same trouble again: a line a minute */

/* What was said lately, so that a server that is away for an hour is not
 * ten thousand lines. */
typedef struct {
    unsigned next;
    int64_t  at_us[SERVE_SAID_MAX];
    char     text[SERVE_SAID_MAX][SERVE_SAID_LEN];
} serve_said_t;

typedef struct {
    part_host_t   serve;   /* first: serve_metrics() */
    int           signals; /* signalfd */
    pt_io_t      *io;
    pt_timer_t   *patience; /* how long the parts may take to stop */
    bool          stopping;
    size_t        nparts;
    const part_t *which[SERVE_PARTS_MAX]; /* started, in order */
    void         *parts[SERVE_PARTS_MAX];
    serve_said_t  said;
} serve_run_t;

static pt_err_t serve_open(serve_run_t *s, const conf_t *conf, char *error);
static pt_err_t serve_error(char *error, const char *fmt, ...) PT_PRINTF(2, 3);
static pt_err_t serve_parts_start(serve_run_t *s, const char *roles,
                                  char *error);
static bool     serve_role_is(const char *roles, const char *name);
static void     serve_close(serve_run_t *s);
static void     serve_metrics(const part_host_t *serve, pt_buf_t *out);
static void     serve_signal(void *data, int events);
static void     serve_impatient(void *data);
static void     serve_log(void *data, pt_log_level_t level, const char *text);
static bool serve_is_said(serve_said_t *said, const char *text, int64_t now_us);
static void serve_notify(const char *state);

static const part_t *const serve_parts[] = { &jobs_part, &hub_part,
                                             &courier_part };


pt_err_t
serve_run(const conf_t *conf, const char *roles, char error[SERVE_ERROR_MAX])
{
    pt_err_t    err;
    serve_run_t s;

    memset(&s, 0, sizeof(s));
    s.signals = -1;
    error[0] = '\0';

    if ((err = serve_open(&s, conf, error)) == PT_OK
        && (err = serve_parts_start(&s, roles, error)) == PT_OK)
    {
        serve_notify("READY=1");
        loop_run(s.serve.loop);
        s.serve.base->ops->log(s.serve.base, PT_LOG_NOTICE, "pytake: stopped");
    }

    serve_close(&s);

    return err;
}


static pt_err_t
serve_open(serve_run_t *s, const conf_t *conf, char *error)
{
    sigset_t          set;
    pt_loop_t        *base;
    const loop_conf_t lc = { serve_log, &s->said, conf->log_level, 0 };

    /* This precedes the first thread, because threads inherit the mask. */
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);

    s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    s->serve.loop = loop_new(&lc);
    if (s->signals < 0 || s->serve.loop == NULL) {
        return serve_error(error, "the loop cannot be made: %s",
                           strerror(errno));
    }

    base = loop_base(s->serve.loop);
    s->serve.base = base;
    s->serve.conf = conf;
    s->serve.mem = mem_heap;
    s->serve.metrics = serve_metrics;

    s->patience =
        base->ops->timer_new(base, PT_TIMER_HOUSE, serve_impatient, s);
    s->io = base->ops->io_new(base, s->signals, serve_signal, s);
    if (s->patience == NULL || s->io == NULL
        || base->ops->io_want(s->io, PT_IO_READ) != PT_OK)
    {
        return serve_error(error, "the loop cannot be made: %s",
                           strerror(errno));
    }

    return PT_OK;
}


/* Writes why the program ends, in one line.  Returns PT_EINTERNAL. */
static pt_err_t
serve_error(char *error, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(error, SERVE_ERROR_MAX, fmt, ap);
    va_end(ap);

    return PT_EINTERNAL;
}


static pt_err_t
serve_parts_start(serve_run_t *s, const char *roles, char *error)
{
    size_t        i;
    pt_err_t      err;
    const part_t *p;

    for (i = 0; i < PT_COUNT(serve_parts); i++) {
        p = serve_parts[i];
        s->serve.fds += serve_role_is(roles, p->name) ? p->fds : 0;
    }

    for (i = 0; i < PT_COUNT(serve_parts); i++) {
        p = serve_parts[i];
        if (!serve_role_is(roles, p->name)) {
            continue;
        }
        assert(s->nparts < SERVE_PARTS_MAX);
        err = p->start(&s->serve, &s->parts[s->nparts]);
        if (err != PT_OK) {
            return serve_error(error, "%s cannot start (%s)", p->name,
                               err == PT_ENOMEM ? "out of memory"
                                                : "see the log");
        }
        s->which[s->nparts++] = p;
        s->serve.base->ops->log(s->serve.base, PT_LOG_NOTICE,
                                "pytake: %s serving: %s", PYTAKE_VERSION,
                                p->name);
    }

    return PT_OK;
}


/* Returns whether the part name is among roles; NULL stands for all parts. */
static bool
serve_role_is(const char *roles, const char *name)
{
    size_t len, n = strlen(name);

    if (roles == NULL) {
        return true;
    }

    for (;; roles += len + 1) {
        len = strcspn(roles, ",");
        if (len == n && memcmp(roles, name, n) == 0) {
            return true;
        }
        if (roles[len] == '\0') {
            return false;
        }
    }
}


pt_err_t
serve_roles_check(const char *roles, char error[SERVE_ERROR_MAX])
{
    size_t      i, len;
    const char *at;

    for (at = roles; at != NULL; at += len + 1) {
        len = strcspn(at, ",");

        for (i = 0; i < PT_COUNT(serve_parts); i++) {
            if (strlen(serve_parts[i]->name) == len
                && memcmp(serve_parts[i]->name, at, len) == 0)
            {
                break;
            }
        }
        if (i == PT_COUNT(serve_parts)) {
            return serve_error(error,
                               "--roles: \"%.*s\" is not jobs, hub or courier",
                               (int) len, at);
        }
        if (at[len] == '\0') {
            break;
        }
    }

    return PT_OK;
}


unsigned
serve_needs(const char *roles)
{
    return serve_role_is(roles, hub_part.name)
               ? CONF_NEED_DATABASE | CONF_NEED_REDIS | CONF_NEED_JWT
               : CONF_NEED_DATABASE;
}


static void
serve_close(serve_run_t *s)
{
    while (s->nparts > 0) {
        s->nparts--;
        s->which[s->nparts]->del(s->parts[s->nparts]);
    }

    if (s->io != NULL) {
        s->serve.base->ops->io_del(s->io);
    }
    if (s->patience != NULL) {
        s->serve.base->ops->timer_del(s->patience);
    }
    if (s->serve.loop != NULL) {
        loop_del(s->serve.loop);
    }
    if (s->signals >= 0) {
        close(s->signals);
    }
}


static void
serve_metrics(const part_host_t *serve, pt_buf_t *out)
{
    size_t             i;
    const serve_run_t *s = (const serve_run_t *) serve;

    for (i = 0; i < s->nparts; i++) {
        if (s->which[i]->metrics != NULL) {
            s->which[i]->metrics(s->parts[i], out);
        }
    }
}


static void
serve_signal(void *data, int events)
{
    size_t                  i;
    serve_run_t            *s = data;
    struct signalfd_siginfo info;

    PT_UNUSED(events);

    if (read(s->signals, &info, sizeof(info)) != (ssize_t) sizeof(info)) {
        return;
    }

    if (s->stopping) {
        loop_break(s->serve.loop);
        return;
    }
    s->stopping = true;

    serve_notify("STOPPING=1");
    s->serve.base->ops->log(s->serve.base, PT_LOG_NOTICE,
                            "pytake: stopping on %s",
                            info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
    s->serve.base->ops->timer_set(s->patience, PART_STOP_MS);

    for (i = s->nparts; i > 0; i--) {
        s->which[i - 1]->stop(s->parts[i - 1]);
    }
    loop_stop(s->serve.loop);
}


static void
serve_impatient(void *data)
{
    serve_run_t *s = data;

    s->serve.base->ops->log(s->serve.base, PT_LOG_WARN,
                            "pytake: work is cut off: it took more than %d s "
                            "to stop",
                            PART_STOP_MS / 1000);
    loop_break(s->serve.loop);
}


static void
serve_log(void *data, pt_log_level_t level, const char *text)
{
    char            now[PT_TIME_LEN];
    int64_t         now_us;
    struct timespec ts;

    static const char *const names[] = { "alert",  "error", "warn",
                                         "notice", "info",  "debug" };

    assert((size_t) level < PT_COUNT(names));
    clock_gettime(CLOCK_REALTIME, &ts);
    now_us = (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;

    if ((level == PT_LOG_ERR || level == PT_LOG_WARN || level == PT_LOG_INFO)
        && serve_is_said(data, text, now_us))
    {
        return;
    }

    pt_time_build(now_us, now);
    fprintf(stderr, "%.*s [%s] %s\n", PT_TIME_LEN, now, names[level], text);
}


static bool
serve_is_said(serve_said_t *said, const char *text, int64_t now_us)
{
    unsigned i;

    for (i = 0; i < SERVE_SAID_MAX; i++) {
        if (said->at_us[i] > now_us - SERVE_SAID_US
            && strncmp(said->text[i], text, SERVE_SAID_LEN - 1) == 0)
        {
            return true;
        }
    }

    i = said->next++ % SERVE_SAID_MAX;
    said->at_us[i] = now_us;
    snprintf(said->text[i], SERVE_SAID_LEN, "%s", text);

    return false;
}


/* Tells systemd the state, as sd_notify(3) does, for a unit of Type=notify. */
static void
serve_notify(const char *state)
{
    int                fd;
    size_t             len;
    const char        *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un sa;

    len = path == NULL ? 0 : strlen(path);
    if (len < 2 || len >= sizeof(sa.sun_path)
        || (path[0] != '/' && path[0] != '@')) {
        return;
    }

    memset(&sa, 0, sizeof(sa));
    sa.sun_family = AF_UNIX;
    memcpy(sa.sun_path, path, len);
    if (path[0] == '@') {
        sa.sun_path[0] = '\0'; /* abstract */
    }

    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return;
    }
    (void) sendto(fd, state, strlen(state), MSG_NOSIGNAL,
                  (struct sockaddr *) &sa,
                  (socklen_t) (offsetof(struct sockaddr_un, sun_path) + len));
    close(fd);
}
