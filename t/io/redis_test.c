/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* The redis connection: against scripted sockets always, against a real
 * server when redis-server is installed (a private one is started). */

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <hiredis/hiredis.h>

#include "io_test.h"
#include "pt_redis.h"
#include "pt_redis_sub.h"
#include "pt_redis_url.h"

#define MANY_TENANTS 30000u

const pytake_stmt_def_t pytake_stmts[] = { { .name = "none",
                                             .sql = "select 1" } };
const uint16_t          pytake_stmts_count = 1;

static char  server_sock[64];
static pid_t server_pid = -1;


static pt_redis_t *
redis(const char *url)
{
    pt_redis_t     *r = NULL;
    pt_redis_conf_t c;

    memset(&c, 0, sizeof(c));
    c.url = url;
    c.connect_timeout_ms = 500;
    c.command_timeout_ms = 500;
    c.pending_max = 1000;
    c.mem.alloc = io_alloc;
    c.mem.free = io_free;
    return pt_redis_new(io_pl, &c, &r) == PT_OK ? r : NULL;
}


static int64_t
until_up(pt_redis_t *r, bool up, int64_t max_ms)
{
    int64_t at = io_clock_ms();

    while (pt_redis_is_up(r) != up && io_clock_ms() - at < max_ms) {
        loop_turn(io_l, 20);
    }
    return pt_redis_is_up(r) == up ? io_clock_ms() - at : -1;
}


static int
listener(int *port)
{
    int                fd, one = 1;
    socklen_t          len;
    struct sockaddr_in sin;

    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(sin);
    if (bind(fd, (struct sockaddr *) &sin, len) == -1 || listen(fd, 16) == -1
        || getsockname(fd, (struct sockaddr *) &sin, &len) == -1)
    {
        exit(2);
    }
    *port = ntohs(sin.sin_port);
    return fd;
}


static void
urls(void)
{
    size_t         i;
    bool           good = true;
    pt_redis_url_t u;

    static const char *const bad[] = { "",
                                       "http://x",
                                       "redis://",
                                       "redis://h:0",
                                       "redis://h:x",
                                       "redis://h:70000",
                                       "redis://h/x",
                                       "redis://h/9999",
                                       "unix://x",
                                       "unix:///",
                                       "unix:///p?x=1",
                                       "redis://user@h",
                                       "redis://s@cache:6379/0",
                                       "redis://:p/s@cache:6379/0",
                                       "redis://:p@s@cache",
                                       "unix:///r.sock?timeout=1",
                                       "redis://:100%@cache:6379",
                                       "redis://:%0@h",
                                       "redis://:%00@h",
                                       "redis://[::1",
                                       "redis://[::1]x" };

    for (i = 0; i < PT_COUNT(bad); i++) {
        if (pt_redis_url_parse(bad[i], &u) != PT_EVALIDATION) {
            printf("# accepted: %s\n", bad[i]);
            good = false;
        }
    }
    io_ok(good, "malformed urls are refused");
    io_ok(pt_redis_url_parse("redis://u:p%40w@h.x:1234/7", &u) == PT_OK
              && strcmp(u.user, "u") == 0 && strcmp(u.password, "p@w") == 0
              && strcmp(u.host, "h.x") == 0 && u.port == 1234 && u.db == 7,
          "a full url");
    io_ok(pt_redis_url_parse("redis://[::1]:99", &u) == PT_OK
              && strcmp(u.host, "::1") == 0 && u.port == 99
              && pt_redis_url_parse("redis://h", &u) == PT_OK && u.port == 6379
              && pt_redis_url_parse("unix:///a/b?password=q&db=3", &u) == PT_OK
              && u.is_unix && strcmp(u.host, "/a/b") == 0 && u.db == 3
              && strcmp(u.password, "q") == 0,
          "IPv6, defaults, unix sockets");
}


/* Answers nothing, or cuts, or says nonsense. */

static void
liar(const char *say, bool cut, const char *name)
{
    int              fd, lfd, port;
    char             url[64];
    int64_t          at = io_clock_ms();
    uint32_t         accepted = 0;
    pt_redis_t      *r;
    pt_redis_stats_t st;

    lfd = listener(&port);
    snprintf(url, sizeof(url), "redis://127.0.0.1:%d", port);
    r = redis(url);
    while (io_clock_ms() - at < 1500) {
        loop_turn(io_l, 10);
        fd = accept(lfd, NULL, NULL);
        if (fd != -1) {
            accepted++;
            if (say != NULL && send(fd, say, strlen(say), MSG_NOSIGNAL) == -1) {
                printf("# send: %s\n", strerror(errno));
            }
            if (cut) {
                close(fd);
            } /* else: kept open and silent; ends with the process */
        }
    }
    pt_redis_stats(r, &st);
    io_ok(!pt_redis_is_up(r) && st.failures >= 1 && accepted >= 2
              && accepted < 20 && st.connects == 0
              && pt_redis_publish(r, PT_STR("c"), PT_STR("p")) == PT_EREDISAWAY,
          "%s: never up, %u attempts in 1.5 s", name, accepted);
    pt_redis_del(r);
    close(lfd);
}


/* A wrong address is said once, with its reason, and never the password. */

static void
said(const char *url, const char *where, const char *why)
{
    uint32_t         before = io_warnings;
    pt_redis_t      *r;
    pt_redis_stats_t st;

    io_last_log[0] = '\0';
    r = redis(url);
    io_turn_ms(1200);
    pt_redis_stats(r, &st);
    io_ok(st.failures >= 2 && io_warnings - before == 1
              && strstr(io_last_log, where) != NULL
              && strstr(io_last_log, why) != NULL
              && strstr(io_last_log, "sesame") == NULL,
          "%u failures are said once: %s", (unsigned) st.failures, io_last_log);
    pt_redis_del(r);
}


static void
refused_auth(void)
{
    int         fd, lfd, port;
    char        url[64];
    int64_t     at = io_clock_ms();
    uint32_t    accepted = 0, before = io_warnings;
    pt_redis_t *r;

    static const char no[] = "-ERR wrong\r\n-NOAUTH\r\n";

    lfd = listener(&port);
    snprintf(url, sizeof(url), "redis://:sesame@127.0.0.1:%d", port);
    r = redis(url);
    while (io_clock_ms() - at < 1500) {
        loop_turn(io_l, 10);
        fd = accept(lfd, NULL, NULL);
        if (fd != -1) {
            accepted++;
            if (send(fd, no, sizeof(no) - 1, MSG_NOSIGNAL) == -1) {
                printf("# send: %s\n", strerror(errno));
            }
        }
    }
    io_ok(accepted >= 2 && io_warnings - before == 1
              && strstr(io_last_log, "AUTH or SELECT refused") != NULL,
          "AUTH refused %u times is said once", accepted);
    pt_redis_del(r);
    close(lfd);
}


static void
none(void *data)
{
    (void) data;
}


static void
none_added(void *data, pt_str_t channel)
{
    (void) data;
    (void) channel;
}


static void
none_said(void *data, pt_str_t channel, pt_str_t payload)
{
    (void) data;
    (void) channel;
    (void) payload;
}


/* The host "two" has two addresses; nobody listens at the first. */

int
getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
            struct addrinfo **out)
{
    int              rc;
    struct addrinfo *second;

    static int (*system_has)(const char *, const char *,
                             const struct addrinfo *, struct addrinfo **);

    if (system_has == NULL) {
        *(void **) &system_has = dlsym(RTLD_NEXT, "getaddrinfo");
    }
    if (strcmp(host, "two") != 0) {
        return system_has(host, port, hints, out);
    }
    rc = system_has("127.0.0.9", port, hints, out);
    if (rc == 0) {
        rc = system_has("127.0.0.1", port, hints, &second);
        (*out)->ai_next = rc == 0 ? second : NULL;
    }
    return rc;
}


static void
second_address(void)
{
    int                 fd, lfd, port;
    char                url[64];
    int64_t             end = io_clock_ms() + 5000;
    pt_redis_t         *r;
    pt_redis_sub_t     *s = NULL;
    pt_redis_sub_conf_t c;

    lfd = listener(&port);
    snprintf(url, sizeof(url), "redis://two:%d", port);
    memset(&c, 0, sizeof(c));
    c.url = url;
    c.connect_timeout_ms = 500;
    c.mem.alloc = io_alloc;
    c.mem.free = io_free;
    c.on_up = none;
    c.on_down = none;
    c.on_added = none_added;
    c.on_message = none_said;
    r = redis(url);
    if (pt_redis_sub_new(io_pl, &c, &s) != PT_OK) {
        exit(2);
    }
    while (io_clock_ms() < end && !(pt_redis_is_up(r) && pt_redis_sub_is_up(s)))
    {
        loop_turn(io_l, 10);
        fd = accept(lfd, NULL, NULL);
        if (fd != -1 && send(fd, "+PONG\r\n", 7, MSG_NOSIGNAL) == -1) {
            printf("# send: %s\n", strerror(errno));
        }
    }
    io_ok(pt_redis_is_up(r), "the publisher finds the second address");
    io_ok(pt_redis_sub_is_up(s), "the subscriber finds it, too");
    pt_redis_sub_del(s);
    pt_redis_del(r);
    close(lfd);
}


static bool
server_start(void)
{
    int64_t       end;
    redisContext *rc;

    snprintf(server_sock, sizeof(server_sock), "/tmp/pt_redis_%d.sock",
             (int) getpid());
    server_pid = fork();
    if (server_pid == 0) {
        if (freopen("/dev/null", "w", stdout) == NULL) {
            _exit(1);
        }
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket",
               server_sock, "--save", "", "--requirepass", "sesame",
               (char *) NULL);
        _exit(127);
    }
    for (end = io_clock_ms() + 5000; io_clock_ms() < end;) {
        if (waitpid(server_pid, NULL, WNOHANG) == server_pid) {
            server_pid = -1;
            return false;
        }
        rc = redisConnectUnix(server_sock);
        if (rc != NULL && rc->err == 0) {
            redisFree(rc);
            return true;
        }
        if (rc != NULL) {
            redisFree(rc);
        }
        io_turn_ms(10);
    }
    return false;
}


static void
server_stop(void)
{
    kill(server_pid, SIGCONT);
    kill(server_pid, SIGKILL);
    waitpid(server_pid, NULL, 0);
    unlink(server_sock);
}


static void
delivered(pt_redis_t *r)
{
    bool           good = true;
    char           payload[8192];
    uint32_t       i, n = 0;
    redisReply    *reply;
    redisContext  *sub = redisConnectUnix(server_sock);
    struct timeval tv = { 3, 0 };

    freeReplyObject(redisCommand(sub, "AUTH sesame"));
    freeReplyObject(redisCommand(sub, "SUBSCRIBE ev:1"));
    redisSetTimeout(sub, tv);
    memset(payload, 'y', sizeof(payload));
    for (i = 0; i < 500; i++) {
        memcpy(payload, &i, sizeof(i));
        if (pt_redis_publish(r, PT_STR("ev:1"),
                             (pt_str_t){ payload, sizeof(payload) })
            != PT_OK)
        {
            good = false;
        }
        if (i % 100 == 99) {
            io_turn_ms(20);
        }
    }
    io_turn_ms(100);
    for (i = 0; i < 500 && good; i++) {
        if (redisGetReply(sub, (void **) &reply) != REDIS_OK) {
            good = false;
            break;
        }
        good = reply->elements == 3 && reply->element[2]->len == sizeof(payload)
               && memcmp(reply->element[2]->str, &i, sizeof(i)) == 0;
        n++;
        freeReplyObject(reply);
    }
    io_ok(good && n == 500, "500 frames of 8 kB arrive in order (%u)", n);
    redisFree(sub);
}


typedef struct {
    pt_redis_sub_t *sub;
    uint32_t        up, down, added;
} many_t;


static void
many_up(void *data)
{
    int      k;
    char     text[3][64];
    many_t  *m = data;
    uint32_t i;
    pt_str_t names[3];

    m->up++;
    for (i = 0; i < MANY_TENANTS; i++) {
        for (k = 0; k < 3; k++) {
            names[k].data = text[k];
            names[k].len =
                (size_t) snprintf(text[k], sizeof(text[k]), "c%d:%036u", k, i);
        }
        pt_redis_sub_add(m->sub, names, 3);
    }
}


static void
many_down(void *data)
{
    ((many_t *) data)->down++;
}


static void
many_added(void *data, pt_str_t channel)
{
    PT_UNUSED(channel);
    ((many_t *) data)->added++;
}


/* All tenants of a large hub, when Redis is back. */

static void
many_channels(const char *url)
{
    many_t              m;
    int64_t             end = io_clock_ms() + 30000;
    pt_redis_sub_conf_t c;

    memset(&m, 0, sizeof(m));
    memset(&c, 0, sizeof(c));
    c.url = url;
    c.connect_timeout_ms = 500;
    c.mem.alloc = io_alloc;
    c.mem.free = io_free;
    c.data = &m;
    c.on_up = many_up;
    c.on_down = many_down;
    c.on_added = many_added;
    c.on_message = none_said;
    if (pt_redis_sub_new(io_pl, &c, &m.sub) != PT_OK) {
        exit(2);
    }
    while (m.added < 3 * MANY_TENANTS && m.down == 0 && io_clock_ms() < end) {
        loop_turn(io_l, 20);
    }
    io_ok(m.up == 1 && m.down == 0 && m.added == 3 * MANY_TENANTS,
          "%u channels are subscribed at once (%u)", 3 * MANY_TENANTS, m.added);
    pt_redis_sub_del(m.sub);
}


static void
real(void)
{
    char             url[128];
    bool             up = true;
    int64_t          took;
    uint32_t         i, busy = 0;
    pt_redis_t      *r, *bad;
    pt_redis_stats_t st;

    snprintf(url, sizeof(url), "unix://%s?password=wrong", server_sock);
    bad = redis(url);
    io_turn_ms(400);
    io_ok(!pt_redis_is_up(bad), "a wrong password is not up");
    pt_redis_del(bad);

    snprintf(url, sizeof(url), "unix://%s?password=sesame&db=2", server_sock);
    r = redis(url);
    took = until_up(r, true, 2000);
    io_ok(took >= 0, "up after %d ms", (int) took);
    delivered(r);
    for (i = 0; i < 3000; i++) {
        if (pt_redis_publish(r, PT_STR("c"), PT_STR("p")) == PT_EBUSY) {
            busy++;
        }
    }
    io_ok(busy >= 1999 && busy <= 2001,
          "more than pending_max in flight are dropped (%u)", busy);
    for (i = 0; i < 25; i++) {
        io_turn_ms(100);
        up = up && pt_redis_is_up(r);
    }
    io_ok(up, "stays up while idle");

    kill(server_pid, SIGSTOP);
    took = until_up(r, false, 4000);
    io_ok(took >= 0 && took <= 2000, "frozen: down after %d ms", (int) took);
    io_ok(pt_redis_publish(r, PT_STR("c"), PT_STR("p")) != PT_OK
              || !pt_redis_is_up(r),
          "frozen: publishes are dropped");
    io_turn_ms(700);
    kill(server_pid, SIGCONT);
    took = until_up(r, true, 4000);
    io_ok(took >= 0 && took <= 2000, "thawed: up after %d ms", (int) took);

    for (i = 0; i < 200; i++) {
        if (pt_redis_publish(r, PT_STR("c"), PT_STR("p")) != PT_OK) {
            busy++;
        }
    }
    server_stop();
    took = until_up(r, false, 4000);
    io_ok(took >= 0 && took <= 2000, "killed: down after %d ms", (int) took);
    server_start();
    took = until_up(r, true, 4000);
    io_ok(took >= 0 && took <= 2000, "restarted: up after %d ms", (int) took);
    pt_redis_drain(r);
    took = until_up(r, false, 1000);
    pt_redis_stats(r, &st);
    io_ok(took >= 0 && took < 200 && st.connects == 3, "drain closes (%d ms)",
          (int) took);
    pt_redis_del(r);

    r = redis(url);
    until_up(r, true, 2000);
    for (i = 0; i < 100; i++) {
        if (pt_redis_publish(r, PT_STR("c"), PT_STR("p")) != PT_OK) {
            busy++;
        }
    }
    pt_redis_del(r); /* with replies owed */
    server_stop();
    io_ok(true, "deleted with commands in flight");
    server_start();
    many_channels(url);
    server_stop();
}


int
main(void)
{
    pt_redis_t *r;

    io_init();
    urls();
    liar(NULL, false, "silent");
    liar(NULL, true, "cuts at once");
    liar("+PO", true, "half a reply");
    liar("$-9999\r\n@@@@", false, "garbage");
    liar("-ERR no\r\n", false, "an error for the PING");
    r = redis("redis://127.0.0.1:1");
    io_turn_ms(300);
    io_ok(!pt_redis_is_up(r), "refused");
    pt_redis_del(r);
    said("redis://:sesame@127.0.0.1:1", "127.0.0.1 port 1", "refused");
    said("redis://two:1", "127.0.0.1 port 1", "refused");
    said("unix:///nowhere/r.sock?password=sesame", "/nowhere/r.sock",
         "No such file");
    refused_auth();
    second_address();
    r = redis("redis://does-not-exist.invalid:6379");
    io_turn_ms(300);
    io_ok(!pt_redis_is_up(r), "a name that is none");
    pt_redis_del(r); /* perhaps with the look-up still in its thread */
    r = redis("redis://localhost:1");
    pt_redis_del(r);
    if (server_start()) {
        real();
    } else {
        io_ok(true, "real server # SKIP no redis-server");
    }
    io_done();
    return io_end();
}
