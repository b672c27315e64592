/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "pt_redis_sub.h"
#include "pt_backoff.h"
#include "pt_redis_url.h"
#include "pt_resolve.h"

#define SUB_TICK_MS 250         /* between two looks at the time */
#define SUB_BACKOFF_MS 100      /* first delay between attempts */
#define SUB_BACKOFF_MAX_MS 1000 /* longest delay */
#define SUB_READ_SIZE 16384     /* bytes of one read() */
#define SUB_READS_MAX 16        /* of one turn of the loop */
#define SUB_OUT_KEEP 65536      /* bytes for commands that are kept */
#define SUB_ARGS_MAX (PT_REDIS_SUB_CHANNELS_MAX + 1)

typedef enum {
    SUB_DOWN = 0,
    SUB_LOOKING,
    SUB_CONNECTING,
    SUB_GREETING, /* AUTH and the first PING are under way */
    SUB_UP
} sub_state_t;

struct pt_redis_sub_s {
    pt_loop_t          *loop;
    pt_redis_sub_conf_t conf;
    pt_redis_url_t      url;
    sub_state_t         state;
    int                 fd;    /* owned; -1: none */
    pt_io_t            *io;    /* NULL: not registered */
    pt_timer_t         *tick;  /* looks at the time */
    pt_resolve_t       *look;  /* the look-up under way, or NULL */
    pt_addrs_t          addrs; /* of the host; n 0: not looked up */
    uint32_t            addr;  /* index in addrs of the one to try */
    redisReader        *reader;
    pt_backoff_t        backoff;
    char               *out;    /* commands; owned, by realloc() */
    size_t              out_at; /* bytes of out that are sent */
    size_t              out_len;
    size_t              out_cap;
    int64_t             began_ms; /* when the attempt began */
    int64_t             retry_ms; /* when the next attempt may begin */
    int64_t             heard_ms; /* when the last byte came */
    int64_t             ping_ms;  /* when the next PING is due */
    bool                said;     /* it is logged that Redis is away */
};

static void     sub_tick(void *data);
static void     sub_start(pt_redis_sub_t *s);
static void     sub_look_done(void *data, const pt_addrs_t *found);
static void     sub_address(pt_redis_sub_t *s);
static void     sub_connect(pt_redis_sub_t *s, const struct sockaddr *addr,
                            socklen_t len);
static void     sub_down(pt_redis_sub_t *s, const char *why);
static void     sub_io(void *data, int events);
static void     sub_connected(pt_redis_sub_t *s);
static void     sub_greet(pt_redis_sub_t *s);
static void     sub_read(pt_redis_sub_t *s);
static void     sub_reply(pt_redis_sub_t *s, const redisReply *r);
static void     sub_push(pt_redis_sub_t *s, const redisReply *r);
static void     sub_ready(pt_redis_sub_t *s);
static void     sub_channels(pt_redis_sub_t *s, const char *verb,
                             const pt_str_t *channels, int n);
static void     sub_command(pt_redis_sub_t *s, int argc, const char **argv,
                            const size_t *lens);
static bool     sub_room(pt_redis_sub_t *s, size_t len);
static void     sub_words(pt_redis_sub_t *s, int argc, const char **argv);
static void     sub_flush(pt_redis_sub_t *s);
static void     sub_sent(pt_redis_sub_t *s, size_t n);
static pt_str_t sub_str(const redisReply *r);


pt_err_t
pt_redis_sub_new(pt_loop_t *loop, const pt_redis_sub_conf_t *conf,
                 pt_redis_sub_t **out)
{
    pt_redis_sub_t *s;

    s = conf->mem.alloc(conf->mem.user, sizeof(pt_redis_sub_t));
    if (s == NULL) {
        return PT_ENOMEM;
    }
    memset(s, 0, sizeof(*s));
    s->loop = loop;
    s->conf = *conf;
    s->fd = -1;
    if (conf->url == NULL || pt_redis_url_parse(conf->url, &s->url) != PT_OK) {
        conf->mem.free(conf->mem.user, s);
        return PT_EVALIDATION;
    }
    pt_backoff_init(&s->backoff, SUB_BACKOFF_MS, SUB_BACKOFF_MAX_MS,
                    (uint64_t) getpid() + 1);
    s->tick = loop->ops->timer_new(loop, PT_TIMER_HOUSE, sub_tick, s);
    if (s->tick == NULL) {
        conf->mem.free(conf->mem.user, s);
        return PT_ENOMEM;
    }
    loop->ops->timer_set(s->tick, 0);
    *out = s;
    return PT_OK;
}


void
pt_redis_sub_del(pt_redis_sub_t *s)
{
    pt_mem_t mem;

    if (s == NULL) {
        return;
    }
    s->conf.on_down = NULL;
    s->said = true;
    sub_down(s, "");
    if (s->look != NULL) {
        pt_resolve_drop(s->look);
    }
    s->loop->ops->timer_del(s->tick);
    free(s->out);
    mem = s->conf.mem;
    mem.free(mem.user, s);
}


void
pt_redis_sub_add(pt_redis_sub_t *s, const pt_str_t *channels, int n)
{
    sub_channels(s, "SUBSCRIBE", channels, n);
}


void
pt_redis_sub_drop(pt_redis_sub_t *s, const pt_str_t *channels, int n)
{
    sub_channels(s, "UNSUBSCRIBE", channels, n);
}


bool
pt_redis_sub_is_up(const pt_redis_sub_t *s)
{
    return s->state == SUB_UP;
}


static void
sub_tick(void *data)
{
    int64_t         now;
    pt_redis_sub_t *s = data;
    const char     *ping[] = { "PING" };

    now = s->loop->ops->now_ms(s->loop);
    s->loop->ops->timer_set(s->tick, SUB_TICK_MS);

    if (s->state == SUB_DOWN) {
        if (now >= s->retry_ms) {
            sub_start(s);
        }
    } else if (s->state == SUB_CONNECTING || s->state == SUB_GREETING) {
        if (now - s->began_ms >= (int64_t) s->conf.connect_timeout_ms) {
            sub_down(s, "connect timed out");
        }
    } else if (s->state == SUB_UP) {
        if (now - s->heard_ms >= PT_REDIS_SUB_QUIET_MS) {
            sub_down(s, "no answer");
        } else if (now >= s->ping_ms) {
            s->ping_ms = now + PT_REDIS_SUB_PING_MS;
            sub_words(s, 1, ping);
            sub_flush(s);
        }
    }
}


static void
sub_start(pt_redis_sub_t *s)
{
    struct sockaddr_un un;

    s->began_ms = s->loop->ops->now_ms(s->loop);
    if (s->url.is_unix) {
        memset(&un, 0, sizeof(un));
        un.sun_family = AF_UNIX;
        if (strlen(s->url.host) >= sizeof(un.sun_path)) {
            sub_down(s, "the socket's path is too long");
            return;
        }
        memcpy(un.sun_path, s->url.host, strlen(s->url.host));
        sub_connect(s, (struct sockaddr *) &un, sizeof(un));
        return;
    }

    if (s->addrs.n > 0) {
        sub_address(s);
        return;
    }
    s->state = SUB_LOOKING;
    s->look =
        pt_resolve_new(s->loop, &s->conf.mem, s->url.host, sub_look_done, s);
    if (s->look == NULL) {
        sub_down(s, "no thread for the look-up");
    }
}


static void
sub_look_done(void *data, const pt_addrs_t *found)
{
    pt_redis_sub_t *s = data;

    s->look = NULL;
    s->addrs = *found;
    s->addr = 0;
    if (s->addrs.n == 0) {
        sub_down(s, "the host is not found");
    } else {
        sub_address(s);
    }
}


/* Connects to an address in digits, for which getaddrinfo() asks no server. */

static void
sub_address(pt_redis_sub_t *s)
{
    char            port[8];
    struct addrinfo hints, *list;

    memset(&hints, 0, sizeof(hints));
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    hints.ai_socktype = SOCK_STREAM;
    (void) snprintf(port, sizeof(port), "%d", s->url.port);
    if (getaddrinfo(s->addrs.addr[s->addr], port, &hints, &list) != 0) {
        sub_down(s, "the host's address is none");
        return;
    }
    sub_connect(s, list->ai_addr, list->ai_addrlen);
    freeaddrinfo(list);
}


static void
sub_connect(pt_redis_sub_t *s, const struct sockaddr *addr, socklen_t len)
{
    int on = 1;

    assert(s->fd == -1 && s->io == NULL && s->reader == NULL);
    s->state = SUB_CONNECTING;
    s->fd =
        socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd == -1) {
        sub_down(s, "no socket");
        return;
    }
    if (addr->sa_family != AF_UNIX) {
        (void) setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    s->reader = redisReaderCreate();
    s->io = s->loop->ops->io_new(s->loop, s->fd, sub_io, s);
    if (s->reader == NULL || s->io == NULL) {
        sub_down(s, "out of memory");
        return;
    }
    if (connect(s->fd, addr, len) == -1 && errno != EINPROGRESS) {
        sub_down(s, "connect failed");
        return;
    }
    if (s->loop->ops->io_want(s->io, PT_IO_WRITE) != PT_OK) {
        sub_down(s, "the event loop refused the socket");
    }
}


static void
sub_down(pt_redis_sub_t *s, const char *why)
{
    bool was_up = s->state == SUB_UP;

    if (s->io != NULL) {
        s->loop->ops->io_del(s->io);
        s->io = NULL;
    }
    if (s->fd != -1) {
        close(s->fd);
        s->fd = -1;
    }
    if (s->reader != NULL) {
        redisReaderFree(s->reader);
        s->reader = NULL;
    }
    sub_sent(s, s->out_len - s->out_at);
    s->state = SUB_DOWN;
    s->retry_ms = s->loop->ops->now_ms(s->loop) + pt_backoff_next(&s->backoff);
    if (!was_up && s->addr + 1 < s->addrs.n) {
        s->addr++; /* the next one is tried before it is logged */
    } else {
        s->addr = 0;
        s->addrs.n = 0;
        if (!s->said) {
            s->said = true;
            s->loop->ops->log(s->loop, PT_LOG_WARN,
                              "pytake: redis subscriber: %s", why);
        }
    }
    if (was_up && s->conf.on_down != NULL) {
        s->conf.on_down(s->conf.data);
    }
}


static void
sub_io(void *data, int events)
{
    pt_redis_sub_t *s = data;

    if (s->state == SUB_CONNECTING) {
        sub_connected(s);
        return;
    }
    if (events & PT_IO_READ) {
        sub_read(s);
    }
    if ((events & PT_IO_WRITE) && s->fd != -1) {
        sub_flush(s);
    }
}


static void
sub_connected(pt_redis_sub_t *s)
{
    int       err = 0;
    socklen_t len = sizeof(err);

    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &len) == -1 || err != 0) {
        sub_down(s, "connect failed");
        return;
    }
    s->state = SUB_GREETING;
    s->heard_ms = s->loop->ops->now_ms(s->loop);
    sub_greet(s);
    sub_flush(s);
}


/* Sends AUTH and the first PING, whose answer proves that AUTH was accepted.
 * There is no SELECT, because channels belong to no database (Redis,
 * "Pub/Sub"). */

static void
sub_greet(pt_redis_sub_t *s)
{
    int         argc = 0;
    const char *argv[3];

    if (s->url.password[0] != '\0') {
        argv[argc++] = "AUTH";
        if (s->url.user[0] != '\0') {
            argv[argc++] = s->url.user;
        }
        argv[argc++] = s->url.password;
        sub_words(s, argc, argv);
    }
    argv[0] = "PING";
    sub_words(s, 1, argv);
}


static void
sub_read(pt_redis_sub_t *s)
{
    int     i;
    void   *reply;
    char    buf[SUB_READ_SIZE];
    ssize_t n;

    for (i = 0; i < SUB_READS_MAX; i++) {
        n = read(s->fd, buf, sizeof(buf));
        if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (n <= 0) {
            sub_down(s, "connection lost");
            return;
        }
        s->heard_ms = s->loop->ops->now_ms(s->loop);
        if (redisReaderFeed(s->reader, buf, (size_t) n) != REDIS_OK) {
            sub_down(s, "out of memory");
            return;
        }
        for (;;) {
            if (redisReaderGetReply(s->reader, &reply) != REDIS_OK) {
                sub_down(s, "malformed answer");
                return;
            }
            if (reply == NULL) {
                break;
            }
            sub_reply(s, reply);
            freeReplyObject(reply);
            if (s->fd == -1) {
                return;
            }
        }
        if ((size_t) n < sizeof(buf)) {
            return;
        }
    }
}


static void
sub_reply(pt_redis_sub_t *s, const redisReply *r)
{
    if (r->type == REDIS_REPLY_ERROR) {
        sub_down(s, "refused (AUTH or SUBSCRIBE)");
    } else if (r->type == REDIS_REPLY_ARRAY) {
        sub_push(s, r);
    } else if (s->state == SUB_GREETING && r->type == REDIS_REPLY_STATUS
               && strcmp(r->str, "PONG") == 0)
    {
        sub_ready(s);
    }
}


static void
sub_push(pt_redis_sub_t *s, const redisReply *r)
{
    pt_str_t kind, channel;

    if (r->elements != 3) {
        return; /* the answer of a PING has two */
    }
    kind = sub_str(r->element[0]);
    channel = sub_str(r->element[1]);
    if (pt_str_is(kind, "message")) {
        s->conf.on_message(s->conf.data, channel, sub_str(r->element[2]));
    } else if (pt_str_is(kind, "subscribe")) {
        s->conf.on_added(s->conf.data, channel);
    }
}


static void
sub_ready(pt_redis_sub_t *s)
{
    s->state = SUB_UP;
    s->said = false;
    s->ping_ms = s->loop->ops->now_ms(s->loop) + PT_REDIS_SUB_PING_MS;
    pt_backoff_reset(&s->backoff);
    s->loop->ops->log(s->loop, PT_LOG_NOTICE,
                      "pytake: redis subscriber connected");
    s->conf.on_up(s->conf.data);
}


static void
sub_channels(pt_redis_sub_t *s, const char *verb, const pt_str_t *channels,
             int n)
{
    int         i;
    size_t      lens[SUB_ARGS_MAX];
    const char *argv[SUB_ARGS_MAX];

    assert(n > 0 && n <= PT_REDIS_SUB_CHANNELS_MAX);
    if (s->state != SUB_UP) {
        return;
    }
    argv[0] = verb;
    lens[0] = strlen(verb);
    for (i = 0; i < n; i++) {
        argv[i + 1] = channels[i].data;
        lens[i + 1] = channels[i].len;
    }
    sub_command(s, n + 1, argv, lens);
    if (s->fd != -1) {
        (void) s->loop->ops->io_want(s->io, PT_IO_READ | PT_IO_WRITE);
    }
}


/* Queues a command, so that many commands of one turn go in one write. */

static void
sub_command(pt_redis_sub_t *s, int argc, const char **argv, const size_t *lens)
{
    int   len;
    char *cmd;

    len = (int) redisFormatCommandArgv(&cmd, argc, argv, lens);
    if (len < 0) {
        sub_down(s, "out of memory");
        return;
    }
    if (!sub_room(s, (size_t) len)) {
        redisFreeCommand(cmd);
        sub_down(s, "too much is unsent");
        return;
    }
    memcpy(s->out + s->out_len, cmd, (size_t) len);
    s->out_len += (size_t) len;
    redisFreeCommand(cmd);
}


static bool
sub_room(pt_redis_sub_t *s, size_t len)
{
    char  *p;
    size_t cap;

    assert(s->out_at <= s->out_len && s->out_len <= s->out_cap);
    if (s->out_len + len <= s->out_cap) {
        return true;
    }
    if (s->out_at > 0) {
        s->out_len -= s->out_at;
        memmove(s->out, s->out + s->out_at, s->out_len);
        s->out_at = 0;
    }
    if (s->out_len + len > PT_REDIS_SUB_OUT_MAX) {
        return false;
    }
    cap = (s->out_len + len) * 2;
    p = realloc(s->out, cap);
    if (p == NULL) {
        return false;
    }
    s->out = p;
    s->out_cap = cap;
    return true;
}


static void
sub_words(pt_redis_sub_t *s, int argc, const char **argv)
{
    int    i;
    size_t lens[3];

    assert(argc <= 3);
    for (i = 0; i < argc; i++) {
        lens[i] = strlen(argv[i]);
    }
    sub_command(s, argc, argv, lens);
}


static void
sub_flush(pt_redis_sub_t *s)
{
    ssize_t n;

    if (s->fd == -1) {
        return; /* sub_command() has closed it */
    }
    if (s->out_len > 0) {
        n = send(s->fd, s->out + s->out_at, s->out_len - s->out_at,
                 MSG_NOSIGNAL);
        if (n == -1 && errno != EAGAIN && errno != EINTR) {
            sub_down(s, "connection lost");
            return;
        }
        if (n > 0) {
            sub_sent(s, (size_t) n);
        }
    }
    if (s->loop->ops->io_want(s->io, s->out_len > 0 ? PT_IO_READ | PT_IO_WRITE
                                                    : PT_IO_READ)
        != PT_OK)
    {
        sub_down(s, "the event loop refused the socket");
    }
}


/* n bytes more are sent.  When that is all, memory beyond SUB_OUT_KEEP is
 * freed, which all channels at once had needed. */

static void
sub_sent(pt_redis_sub_t *s, size_t n)
{
    s->out_at += n;
    assert(s->out_at <= s->out_len);
    if (s->out_at < s->out_len) {
        return;
    }
    s->out_at = 0;
    s->out_len = 0;
    if (s->out_cap > SUB_OUT_KEEP) {
        free(s->out);
        s->out = NULL;
        s->out_cap = 0;
    }
}


static pt_str_t
sub_str(const redisReply *r)
{
    if (r->type != REDIS_REPLY_STRING) {
        return (pt_str_t){ "", 0 };
    }
    return (pt_str_t){ r->str, (size_t) r->len };
}
