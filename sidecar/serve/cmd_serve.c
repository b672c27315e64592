/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pytake serve: the sidecar.  Runs its parts on one loop until SIGTERM or
 * SIGINT; a second one does not wait for them.
 */

#include "cmd/cmd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "pytake.h"
#include "serve.h"

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
    serve_t             serve;   /* first: serve_metrics() */
    int                 signals; /* signalfd */
    pt_io_t            *io;
    pt_timer_t         *patience; /* how long the parts may take to stop */
    bool                stopping;
    size_t              nparts;
    const serve_part_t *which[SERVE_PARTS_MAX]; /* started, in order */
    void               *parts[SERVE_PARTS_MAX];
    serve_said_t        said;
} serve_run_t;

static int      serve_open(serve_run_t *s, cmd_t *c);
static int      serve_parts_start(serve_run_t *s, const char *roles);
static bool     serve_role_is(const char *roles, const char *name);
static int      serve_roles_check(const char *roles);
static unsigned serve_needs(const char *roles);
static int      serve_close(serve_run_t *s, int rc);
static void     serve_metrics(const serve_t *serve, pt_buf_t *out);
static void     serve_signal(void *data, int events);
static void     serve_impatient(void *data);
static void     serve_log(void *data, pt_log_level_t level, const char *text);
static bool serve_is_said(serve_said_t *said, const char *text, int64_t now_us);
static void serve_notify(const char *state);

static const serve_part_t *const serve_parts[] = { &jobs_part, &hub_part,
                                                   &courier_part };


int
cmd_serve(cmd_t *c, int argc, char **argv)
{
    int         rc;
    const char *roles = NULL;
    serve_run_t s;

    const cmd_option_t options[] = { { "roles", &roles, NULL } };

    rc = cmd_options(c, argc, argv, options, 1, NULL, 0);
    if (rc != 0 || (rc = serve_roles_check(roles)) != 0
        || (rc = cmd_conf(c, serve_needs(roles))) != 0)
    {
        return rc;
    }

    memset(&s, 0, sizeof(s));
    s.signals = -1;

    if ((rc = serve_open(&s, c)) == 0
        && (rc = serve_parts_start(&s, roles)) == 0) {
        serve_notify("READY=1");
        loop_run(s.serve.loop);
        s.serve.base->ops->log(s.serve.base, PT_LOG_NOTICE, "pytake: stopped");
    }

    return serve_close(&s, rc);
}


static int
serve_open(serve_run_t *s, cmd_t *c)
{
    sigset_t          set;
    pt_loop_t        *base;
    const loop_conf_t conf = { serve_log, &s->said, c->conf.log_level, 0 };

    /* before any thread: they inherit the mask */
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);

    s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    s->serve.loop = loop_new(&conf);
    if (s->signals < 0 || s->serve.loop == NULL) {
        return cmd_error("the loop cannot be made: %s", strerror(errno));
    }

    base = loop_base(s->serve.loop);
    s->serve.base = base;
    s->serve.conf = &c->conf;
    s->serve.mem = cmd_mem;
    s->serve.metrics = serve_metrics;

    s->patience =
        base->ops->timer_new(base, PT_TIMER_HOUSE, serve_impatient, s);
    s->io = base->ops->io_new(base, s->signals, serve_signal, s);
    if (s->patience == NULL || s->io == NULL
        || base->ops->io_want(s->io, PT_IO_READ) != PT_OK)
    {
        return cmd_error("the loop cannot be made: %s", strerror(errno));
    }

    return 0;
}


static int
serve_parts_start(serve_run_t *s, const char *roles)
{
    size_t              i;
    pt_err_t            err;
    const serve_part_t *p;

    for (i = 0; i < PT_COUNT(serve_parts); i++) {
        p = serve_parts[i];
        s->serve.fds += serve_role_is(roles, p->name) ? p->fds : 0;
    }

    for (i = 0; i < PT_COUNT(serve_parts); i++) {
        p = serve_parts[i];
        if (!serve_role_is(roles, p->name)) {
            continue;
        }
        err = p->start(&s->serve, &s->parts[s->nparts]);
        if (err != PT_OK) {
            return cmd_error("%s cannot start (%s)", p->name,
                             err == PT_ENOMEM ? "out of memory"
                                              : "see the log");
        }
        s->which[s->nparts++] = p;
        s->serve.base->ops->log(s->serve.base, PT_LOG_NOTICE,
                                "pytake: %s serving: %s", PYTAKE_VERSION,
                                p->name);
    }

    return 0;
}


/* roles: names with commas; NULL: every one. */
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


static int
serve_roles_check(const char *roles)
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
            cmd_error("--roles: \"%.*s\" is not jobs, hub or courier",
                      (int) len, at);
            return CMD_USAGE;
        }
        if (at[len] == '\0') {
            break;
        }
    }

    return 0;
}


static unsigned
serve_needs(const char *roles)
{
    return serve_role_is(roles, hub_part.name)
               ? CONF_NEED_DATABASE | CONF_NEED_REDIS | CONF_NEED_JWT
               : CONF_NEED_DATABASE;
}


static int
serve_close(serve_run_t *s, int rc)
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

    return rc;
}


static void
serve_metrics(const serve_t *serve, pt_buf_t *out)
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
    s->serve.base->ops->timer_set(s->patience, SERVE_STOP_MS);

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
                            SERVE_STOP_MS / 1000);
    loop_break(s->serve.loop);
}


static void
serve_log(void *data, pt_log_level_t level, const char *text)
{
    char    now[PT_TIME_LEN];
    int64_t now_us = cmd_now_us();

    static const char *const names[] = { "alert",  "error", "warn",
                                         "notice", "info",  "debug" };

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


/* What sd_notify(3) does, for systemd's Type=notify. */
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
