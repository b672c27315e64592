/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_handshake.c: a socket until its upgrade (RFC 6455, section 4.2), and the
 * other requests that a socket may have instead.
 */

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "hub_glue.h"
#include "pytake.h"

#define HUB_HANDSHAKE_METRICS_MAX (16u * 1024 * 1024)
#define HUB_HANDSHAKE_HEALTH_MAX 512u

struct hub_handshake_s {
    hub_handshake_t *next; /* the next older one */
    hub_handshake_t *prev;
    hub_sock_t      *sock;
    int64_t          began_ms;
    char            *text; /* the head so far, owned; NULL: nothing came yet */
    size_t           len;
    size_t           from;  /* see hub_http_end() */
    pt_arena_t      *arena; /* memory of a long answer, or NULL */
    pt_str_t         out;   /* rest of the answer, on the arena */
};

static hub_handshake_t *hub_handshake_new(hub_sock_t *s);
static void             hub_handshake_del(hub_sock_t *s);
static void             hub_handshake_read(hub_sock_t *s);
static void             hub_handshake_write(hub_sock_t *s);
static void hub_handshake_done(hub_sock_t *s, char *text, size_t len,
                               size_t head);
static void hub_handshake_upgrade(hub_sock_t *s, const hub_http_t *r,
                                  uint8_t *rest, size_t len);
static void hub_handshake_refuse(hub_sock_t *s, int status, pt_str_t head);
static void hub_handshake_health(hub_sock_t *s);
static void hub_handshake_metrics(hub_sock_t *s);
static void hub_handshake_numbers(const hub_glue_t *g, pt_buf_t *b);
static void hub_handshake_answer(hub_sock_t *s, pt_str_t answer);

const hub_handshake_ops_t hub_handshake_ops = { hub_handshake_new,
                                                hub_handshake_del,
                                                hub_handshake_read,
                                                hub_handshake_write };


static hub_handshake_t *
hub_handshake_new(hub_sock_t *s)
{
    hub_glue_t      *g;
    hub_handshake_t *h;

    g = s->glue;
    assert(s->handshake == NULL);
    h = g->mem.alloc(g->mem.user, sizeof(hub_handshake_t));

    if (h == NULL) {
        return NULL;
    }

    memset(h, 0, sizeof(*h));
    h->sock = s;
    h->began_ms = g->loop->ops->now_ms(g->loop);
    h->next = g->young;

    if (g->young != NULL) {
        g->young->prev = h;

    } else {
        g->young_last = h;
    }

    g->young = h;
    g->nyoung++;

    return h;
}


static void
hub_handshake_del(hub_sock_t *s)
{
    hub_glue_t      *g;
    hub_handshake_t *h;

    g = s->glue;
    h = s->handshake;

    if (h == NULL) {
        return;
    }

    assert(g->nyoung > 0 && h->sock == s);
    s->handshake = NULL;
    g->nyoung--;

    if (h->prev != NULL) {
        h->prev->next = h->next;

    } else {
        g->young = h->next;
    }

    if (h->next != NULL) {
        h->next->prev = h->prev;

    } else {
        g->young_last = h->prev;
    }

    g->mem.free(g->mem.user, h->text);
    pt_arena_del(h->arena);
    g->mem.free(g->mem.user, h);
}


static void
hub_handshake_read(hub_sock_t *s)
{
    size_t           len, head;
    ssize_t          n;
    hub_glue_t      *g;
    hub_handshake_t *h;

    g = s->glue;
    h = s->handshake;

    assert(h != NULL && h->len <= HUB_HTTP_MAX);

    /* What came before is put in front of what comes now. */

    if (h->len > 0) {
        memcpy(g->buf, h->text, h->len);
    }

    n = recv(s->fd, g->buf + h->len, HUB_READ_SIZE - h->len, 0);

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }

    if (n <= 0) {
        hub_sock_del(s);
        return;
    }

    len = h->len + (size_t) n;
    head = hub_http_end((const char *) g->buf, len, &h->from);

    if (head > 0) {
        hub_handshake_done(s, (char *) g->buf, len, head);
        return;
    }

    if (len > HUB_HTTP_MAX) {
        hub_handshake_refuse(s, 431, (pt_str_t){ (char *) g->buf, len });
        return;
    }

    if (h->text == NULL) {
        h->text = g->mem.alloc(g->mem.user, HUB_HTTP_MAX);
    }

    if (h->text == NULL) {
        hub_sock_del(s);
        return;
    }

    memcpy(h->text + h->len, g->buf + h->len, (size_t) n);
    h->len = len;
}


static void
hub_handshake_write(hub_sock_t *s)
{
    ssize_t          n;
    hub_handshake_t *h;

    h = s->handshake;
    assert(h != NULL && h->out.len > 0);
    n = send(s->fd, h->out.data, h->out.len, MSG_NOSIGNAL);

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        n = 0;
    }

    if (n < 0 || (size_t) n == h->out.len) {
        hub_sock_del(s);
        return;
    }

    h->out.data += n;
    h->out.len -= (size_t) n;

    if (hub_sock_want(s, PT_IO_WRITE) != PT_OK) {
        hub_sock_del(s);
    }
}


void
hub_handshake_tick(hub_glue_t *g)
{
    int64_t          now;
    hub_handshake_t *h;

    now = g->loop->ops->now_ms(g->loop);

    while (g->young_last != NULL
           && now - g->young_last->began_ms >= HUB_HANDSHAKE_MS)
    {
        h = g->young_last;

        if (h->out.len > 0) {
            hub_sock_del(h->sock); /* It does not read its answer. */

        } else {
            hub_handshake_refuse(h->sock, 408, (pt_str_t){ h->text, h->len });
        }
    }
}


void
hub_handshake_abort(hub_glue_t *g)
{
    while (g->young != NULL) {
        hub_sock_del(g->young->sock);
    }
}


static void
hub_handshake_done(hub_sock_t *s, char *text, size_t len, size_t head)
{
    int         status;
    pt_str_t    asked;
    hub_glue_t *g;
    hub_http_t  r;

    g = s->glue;
    asked = (pt_str_t){ text, head };
    status = hub_http_parse(asked, &r);

    if (status != 0) {
        hub_handshake_refuse(s, status, asked);
        return;
    }

    switch (r.type) {

    case HUB_HTTP_HEALTH:
        hub_handshake_health(s);
        return;

    case HUB_HTTP_METRICS:
        hub_handshake_metrics(s);
        return;

    case HUB_HTTP_DRAIN:
        hub_drain(g->hub, r.worker, r.spread_ms);
        hub_handshake_answer(
            s, PT_STR("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"));
        return;

    default:
        break;
    }

    if (!g->enabled) {
        hub_handshake_refuse(s, 404, asked);
        return;
    }

    /* A client whom NGINX has authenticated, as X-Pytake-* say, needs no place
     * among the guests. */

    if (g->stopping || hub_conns(g->hub) >= g->conns_max
        || (!r.has_claims && !hub_sock_guest(s, r.addr)))
    {
        g->refused++;
        hub_handshake_refuse(s, 503, asked);
        return;
    }

    hub_handshake_upgrade(s, &r, (uint8_t *) text + head, len - head);
}


static void
hub_handshake_upgrade(hub_sock_t *s, const hub_http_t *r, uint8_t *rest,
                      size_t len)
{
    char        reply[HUB_HTTP_REPLY_MAX];
    size_t      n;
    hub_glue_t *g;

    g = s->glue;
    assert(s->conn == NULL);
    n = hub_http_accept(r, reply);

    if (n == 0 || send(s->fd, reply, n, MSG_NOSIGNAL) != (ssize_t) n) {
        hub_sock_del(s); /* A new socket has room, so it is broken. */
        return;
    }

    s->conn = hub_conn_new(g->hub, s, r->has_claims ? &r->claims : NULL,
                           r->has_since ? &r->since : NULL, r->worker);

    if (s->conn == NULL) {
        hub_sock_del(s);
        return;
    }

    hub_handshake_del(s);

    if (r->unsupported) {
        hub_conn_close(s->conn, HUB_CLOSE_VERSION, "unsupported version");
    }

    if (len > 0) {
        hub_on_read(s->conn, rest, len);
    }
}


static void
hub_handshake_refuse(hub_sock_t *s, int status, pt_str_t head)
{
    char   reply[HUB_HTTP_REPLY_MAX];
    size_t n;

    n = hub_http_refuse(status, head, reply);
    hub_handshake_answer(s, (pt_str_t){ reply, n });
}


static void
hub_handshake_health(hub_sock_t *s)
{
    int             n, len;
    char            body[HUB_HANDSHAKE_HEALTH_MAX];
    char            reply[HUB_HTTP_REPLY_MAX + HUB_HANDSHAKE_HEALTH_MAX];
    size_t          at;
    hub_glue_t     *g;
    pt_pool_stats_t st;

    g = s->glue;
    memset(&st, 0, sizeof(st));

    if (g->pool != NULL) {
        pt_pool_stats(g->pool, &st);
    }

    len =
        snprintf(body, sizeof(body),
                 "{\"status\":\"%s\",\"connections\":%u,\"database\":\"%s\","
                 "\"redis\":\"%s\",\"version\":\"" PYTAKE_VERSION "\","
                 "\"fingerprints\":{%s}}",
                 g->stopping ? "draining" : "ok", (unsigned) hub_conns(g->hub),
                 (st.away || g->db_away) ? "down" : "up",
                 (g->sub != NULL && pt_redis_sub_is_up(g->sub)) ? "up" : "down",
                 g->prints);

    at = hub_http_head("application/json", (size_t) len, reply);
    n = snprintf(reply + at, sizeof(reply) - at, "%s", body);
    hub_handshake_answer(s, (pt_str_t){ reply, at + (size_t) n });
}


static void
hub_handshake_metrics(hub_sock_t *s)
{
    char        head[HUB_HTTP_REPLY_MAX];
    size_t      n;
    pt_str_t    body;
    pt_buf_t    b, all;
    hub_glue_t *g;
    pt_arena_t *a;

    g = s->glue;
    a = pt_arena_new(&g->mem, HUB_HANDSHAKE_METRICS_MAX);

    if (a == NULL) {
        hub_handshake_refuse(s, 500, PT_STR(""));
        return;
    }

    s->handshake->arena = a;
    pt_buf_init(&b, a, HUB_HANDSHAKE_METRICS_MAX / 4);
    hub_metrics_write(g->hub, &b);

    if (g->serve->metrics != NULL) {
        g->serve->metrics(g->serve, &b);
    }

    hub_handshake_numbers(g, &b);

    if (pt_buf_get(&b, &body) != PT_OK) {
        hub_handshake_refuse(s, 500, PT_STR(""));
        return;
    }

    n = hub_http_head("text/plain; version=0.0.4", body.len, head);
    pt_buf_init(&all, a, HUB_HANDSHAKE_METRICS_MAX / 4);
    pt_buf_add(&all, head, n);
    pt_buf_str_add(&all, body);

    if (pt_buf_get(&all, &body) != PT_OK) {
        hub_handshake_refuse(s, 500, PT_STR(""));
        return;
    }

    hub_handshake_answer(s, body);
}


/* Appends the metrics that the logic of the hub does not know. */

static void
hub_handshake_numbers(const hub_glue_t *g, pt_buf_t *b)
{
    size_t i;

    const struct {
        const char *name;
        const char *type;
        uint64_t    value;
        const char *help;
    } numbers[] = {
        { "refused_total", "counter", g->refused, "Sockets refused with 503." },
        { "displaced_total", "counter", g->displaced,
          "Unauthenticated sockets that made room for others." },
        { "unsigned_total", "counter", g->trust.unsigned_events,
          "Events on Redis without a good signature, read from the log." },
        { "unheard_total", "counter", g->trust.refused,
          "Words of other hubs without a good signature, or said before." },
        { "capacity", "gauge", g->conns_max, "Sockets there is room for." },
    };

    for (i = 0; i < PT_COUNT(numbers); i++) {
        pt_buf_lit(b, "# HELP pytake_hub_");
        pt_buf_add(b, numbers[i].name, strlen(numbers[i].name));
        pt_buf_lit(b, " ");
        pt_buf_add(b, numbers[i].help, strlen(numbers[i].help));
        pt_buf_lit(b, "\n# TYPE pytake_hub_");
        pt_buf_add(b, numbers[i].name, strlen(numbers[i].name));
        pt_buf_lit(b, " ");
        pt_buf_add(b, numbers[i].type, strlen(numbers[i].type));
        pt_buf_lit(b, "\npytake_hub_");
        pt_buf_add(b, numbers[i].name, strlen(numbers[i].name));
        pt_buf_lit(b, " ");
        pt_buf_i64(b, (int64_t) numbers[i].value);
        pt_buf_lit(b, "\n");
    }
}


/* Sends the answer and closes the socket.  An answer that lies on the arena may
 * be long: the rest of it is kept and sent when the socket accepts it. */

static void
hub_handshake_answer(hub_sock_t *s, pt_str_t answer)
{
    ssize_t          n;
    hub_handshake_t *h;

    h = s->handshake;
    n = send(s->fd, answer.data, answer.len, MSG_NOSIGNAL);

    if (n == (ssize_t) answer.len || h->arena == NULL) {
        hub_sock_del(s);
        return;
    }

    n = (n < 0) ? 0 : n;
    h->out.data = answer.data + n;
    h->out.len = answer.len - (size_t) n;

    if (hub_sock_want(s, PT_IO_WRITE) != PT_OK) {
        hub_sock_del(s);
    }
}
