/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_fake.h: the hub on a glue of memory: sockets that take as much as the
 * test says, a log of rows, a clock that stands still.  Look-ups wait until
 * fk_answer().
 */

#ifndef HUB_FAKE_H
#define HUB_FAKE_H

#include <stdarg.h>

#include "pt_test.h"
#include "hub/hub_int.h"

#define FK_SOCKS 24
#define FK_LOG_MAX 12000
#define FK_ASKS 64
#define FK_OUT (4u * 1024 * 1024)
#define FK_SECRET "0123456789abcdef0123456789abcdef"
#define FK_SINCE_MAX 128
#define FK_CONV "\"conversation_id\":\"01010101-0101-7101-8101-010101010101\""
#define FK_WALL_S INT64_C(1790000000)

typedef enum { FK_TENANT, FK_EVENTS, FK_SESSION, FK_REACH } fk_kind_t;

typedef struct {
    fk_kind_t kind;
    pt_uuid_t tenant;
    int64_t   first;
    int64_t   last;
    int64_t   bytes;
    uint64_t  ticket;
    pt_uuid_t user;
} fk_ask_t;

typedef struct {
    bool        open;
    hub_conn_t *conn;
    uint8_t    *out;
    size_t      len;
    size_t      at;   /* read by the test so far */
    size_t      room; /* bytes it takes before it blocks */
    bool        want;
} fk_sock_t;

typedef struct {
    hub_t      *hub;
    pt_jwt_t   *jwt;
    pt_mem_t    mem;
    int64_t     now_ms;
    fk_sock_t   socks[FK_SOCKS];
    int         history; /* ids of the log's events depend on it */
    int64_t     head;
    int64_t     low;    /* events below have expired */
    int64_t     tail;   /* events that a load gives; 0: as asked */
    int64_t     weight; /* bytes of a frame, as the log counts; 0: none */
    size_t      nasks;
    fk_ask_t    asks[FK_ASKS];
    size_t      queries; /* of events and tenants, so far */
    bool        away;    /* look-ups are refused */
    bool        dead;    /* the session is */
    bool        broken;  /* look-ups fail */
    const char *role;    /* of whoever is looked up; NULL: agent */
    char        published[8192];
    bool        presence; /* is to be read; other tests do not look at it */
    size_t      npublished;
    int         on;
    char        text[65536];
    hub_row_t   rows[1100];
    char        frames[1100][256];
} fk_t;

static fk_t           *fk_new(const pt_mem_t *mem);
static void            fk_del(fk_t *f);
static const pt_uuid_t fk_tenant = { "TTTTTTTTTTTTTTTT" };
static const pt_uuid_t fk_other = { "OOOOOOOOOOOOOOOO" };
static const pt_uuid_t fk_ann = { "AAAAAAAAAAAAAAAA" };
static const pt_uuid_t fk_bob = { "BBBBBBBBBBBBBBBB" };
static const pt_uuid_t fk_session = { "SSSSSSSSSSSSSSSS" };


/* printf into a buffer that is large enough: the test says so. */
static inline size_t
fk_fmt(char *out, const char *fmt, ...)
{
    int     n;
    va_list ap;

    va_start(ap, fmt);
    n = vsnprintf(out, 8192, fmt, ap);
    va_end(ap);
    ck_assert_int_ge(n, 0);

    return (size_t) n;
}


static inline pt_uuid_t
fk_id(const fk_t *f, int64_t seq)
{
    pt_uuid_t id;

    memset(&id, 0x70 + f->history, sizeof(id));
    memcpy(id.b, &seq, sizeof(seq));

    return id;
}


static inline size_t
fk_frame(const fk_t *f, int64_t seq, char *out)
{
    char      text[PT_UUID_LEN];
    pt_uuid_t id = fk_id(f, seq);

    pt_uuid_build(&id, text);

    return fk_fmt(out,
                  "{\"event\":\"message_received\",\"data\":{},\"seq\":%lld,"
                  "\"id\":\"%.36s\"}",
                  (long long) seq, text);
}


static ptrdiff_t
fk_write(void *sock, const hub_iov_t *iov, int n)
{
    int        i;
    size_t     took, part;
    fk_sock_t *s = sock;

    ck_assert(s->open);

    for (i = 0, took = 0; i < n && s->room > 0; i++) {
        part = iov[i].len < s->room ? iov[i].len : s->room;
        ck_assert_uint_le(s->len + part, FK_OUT);
        memcpy(s->out + s->len, iov[i].data, part);
        s->len += part;
        s->room -= part;
        took += part;
    }

    return (ptrdiff_t) took;
}


static void
fk_want_write(void *sock, bool on)
{
    ((fk_sock_t *) sock)->want = on;
}


static void
fk_admitted(void *sock)
{
    ck_assert(((fk_sock_t *) sock)->open);
}


static void
fk_close(void *sock)
{
    fk_sock_t *s = sock;

    ck_assert(s->open);
    s->open = false;
    s->conn = NULL;
}


static pt_err_t
fk_ask(void *env, fk_kind_t kind, const pt_uuid_t *tenant, int64_t first,
       int64_t last)
{
    fk_t *f = env;

    if (f->away || f->nasks == FK_ASKS) {
        return PT_EDBAWAY;
    }

    f->queries += kind != FK_SESSION;
    f->asks[f->nasks].kind = kind;
    f->asks[f->nasks].tenant = *tenant;
    f->asks[f->nasks].first = first;
    f->asks[f->nasks].last = last;
    f->nasks++;

    return PT_OK;
}


static pt_err_t
fk_load_tenant(void *env, const pt_uuid_t *tenant, uint32_t limit)
{
    return fk_ask(env, FK_TENANT, tenant, (int64_t) limit, 0);
}


static pt_err_t
fk_load_events(void *env, const pt_uuid_t *tenant, int64_t first, int64_t last)
{
    return fk_ask(env, FK_EVENTS, tenant, first, last);
}


static pt_err_t
fk_load_reach(void *env, const pt_uuid_t *tenant, int64_t first, int64_t last,
              int64_t bytes)
{
    fk_t    *f = env;
    pt_err_t err = fk_ask(env, FK_REACH, tenant, first, last);

    if (err == PT_OK) {
        f->asks[f->nasks - 1].bytes = bytes;
    }

    return err;
}


static pt_err_t
fk_check_session(void *env, const pt_claims_t *claims, uint64_t ticket)
{
    fk_t    *f = env;
    pt_err_t err = fk_ask(env, FK_SESSION, &claims->tenant_id, 0, 0);

    if (err == PT_OK) {
        f->asks[f->nasks - 1].ticket = ticket;
        f->asks[f->nasks - 1].user = claims->sub;
    }

    return err;
}


static void
fk_publish(void *env, const pt_uuid_t *tenant, pt_str_t payload)
{
    fk_t *f = env;

    (void) tenant;
    ck_assert_uint_lt(payload.len, sizeof(f->published));
    memcpy(f->published, payload.data, payload.len);
    f->published[payload.len] = '\0';
    f->npublished++;
}


static void
fk_tenant_on(void *env, const pt_uuid_t *tenant)
{
    (void) tenant;
    ((fk_t *) env)->on++;
}


static void
fk_tenant_off(void *env, const pt_uuid_t *tenant)
{
    (void) tenant;
    ((fk_t *) env)->on--;
}


static int64_t
fk_now(void *env)
{
    return ((fk_t *) env)->now_ms;
}


static int64_t
fk_wall(void *env)
{
    return FK_WALL_S * 1000000 + (((fk_t *) env)->now_ms - 1000000) * 1000;
}


static const hub_ops_t fk_ops = {
    fk_write,       fk_want_write, fk_admitted,      fk_close,   fk_load_tenant,
    fk_load_events, fk_load_reach, fk_check_session, fk_publish, fk_tenant_on,
    fk_tenant_off,  fk_now,        fk_wall
};


/* NULL: out of memory. */
static fk_t *
fk_new(const pt_mem_t *mem)
{
    fk_t      *f = calloc(1, sizeof(fk_t));
    hub_conf_t conf;

    f->mem = *mem;
    f->now_ms = 1000000;
    f->low = 1;
    f->jwt = pt_jwt_new(&pt_test_mem, PT_STR(FK_SECRET));
    memset(&conf, 0, sizeof(conf));
    conf.mem = *mem;
    conf.ops = &fk_ops;
    conf.env = f;
    conf.jwt = f->jwt;
    conf.ping_s = 30;
    conf.pong_s = 60;
    conf.conns_max = FK_SOCKS;
    conf.rings_max = HUB_RINGS_BYTES_MAX;

    if (hub_new(&conf, &f->hub) != PT_OK) {
        fk_del(f);
        return NULL;
    }

    return f;
}


static void
fk_del(fk_t *f)
{
    int i;

    if (f->hub != NULL) {
        hub_abort(f->hub);
    }

    hub_del(f->hub);
    ck_assert_int_eq(f->on, 0);

    for (i = 0; i < FK_SOCKS; i++) {
        ck_assert(!f->socks[i].open);
        free(f->socks[i].out);
    }

    pt_jwt_del(f->jwt);
    free(f);
}


/* ---- the database answers ---- */

static inline size_t
fk_rows(fk_t *f, int64_t first, int64_t last)
{
    size_t n;

    first = first < f->low ? f->low : first;
    last = last > f->head ? f->head : last;

    for (n = 0; first <= last; first++, n++) {
        ck_assert_uint_lt(n, 1100);
        f->rows[n].seq = first;
        f->rows[n].id = fk_id(f, first);
        f->rows[n].frame.data = f->frames[n];
        f->rows[n].frame.len = fk_frame(f, first, f->frames[n]);
    }

    return n;
}


static inline bool
fk_answer_one(fk_t *f)
{
    size_t    n;
    fk_ask_t  a;
    pt_err_t  err = f->broken ? PT_EDBAWAY : PT_OK;
    pt_uuid_t id = fk_id(f, f->head);

    if (f->nasks == 0) {
        return false;
    }

    a = f->asks[0];
    memmove(f->asks, f->asks + 1, --f->nasks * sizeof(fk_ask_t));

    switch (a.kind) {

    case FK_TENANT:
        n = fk_rows(f, f->head - (f->tail ? f->tail : a.first) + 1, f->head);
        hub_on_tenant(f->hub, &a.tenant, err, f->head, f->head ? &id : NULL,
                      f->rows, err == PT_OK ? n : 0);
        break;

    case FK_EVENTS:
        n = fk_rows(f, a.first, a.last);
        hub_on_events(f->hub, &a.tenant, err, a.first, a.last, f->rows,
                      err == PT_OK ? n : 0);
        break;

    case FK_REACH:
        a.last -= f->weight ? a.bytes / f->weight : a.last;
        hub_on_reach(f->hub, &a.tenant, err, a.last < a.first ? 0 : a.last);
        break;

    default:
        hub_on_session(f->hub, a.ticket, err, !f->dead, &a.tenant, &a.user,
                       PT_STR("Ann \"A\" Lee"),
                       pt_test_str(f->role ? f->role : "agent"));
    }

    return true;
}


/* Everything that was asked, and what follows from it. */
static inline void
fk_answer(fk_t *f)
{
    do {
        hub_flush(f->hub);
    } while (fk_answer_one(f));

    hub_flush(f->hub);
}


/* ---- time ---- */

static inline void
fk_sleep(fk_t *f, int64_t ms)
{
    while (ms > 0) {
        f->now_ms += ms < 1000 ? ms : 1000;
        ms -= 1000;
        hub_tick(f->hub);
    }
}


/* ---- the client ---- */

static inline fk_sock_t *
fk_open(fk_t *f, int i)
{
    fk_sock_t *s = &f->socks[i];

    ck_assert(!s->open);

    if (s->out == NULL) {
        s->out = malloc(FK_OUT);
    }

    s->open = true;
    s->len = s->at = 0;
    s->room = FK_OUT;
    s->want = false;
    s->conn = hub_conn_new(f->hub, s, NULL, NULL, 7);

    if (s->conn == NULL) {
        s->open = false;
    }

    return s;
}


static inline void
fk_send_op(fk_sock_t *s, uint8_t op, const char *text, size_t len)
{
    size_t               i, n = 2;
    uint8_t              buf[20000] = { 0 };
    static const uint8_t mask[4] = { 0x12, 0x34, 0x56, 0x78 };

    buf[0] = (uint8_t) (0x80 | op);
    ck_assert_uint_lt(len, 19000);

    if (len < 126) {
        buf[1] = (uint8_t) (0x80 | len);
    } else {
        buf[1] = 0x80 | 126;
        buf[2] = (uint8_t) (len >> 8);
        buf[3] = (uint8_t) len;
        n = 4;
    }

    memcpy(buf + n, mask, 4);

    for (i = 0; i < len; i++) {
        buf[n + 4 + i] = (uint8_t) text[i] ^ mask[i & 3];
    }

    if (s->open) {
        hub_on_read(s->conn, buf, n + 4 + len);
    }
}


static inline void
fk_send(fk_sock_t *s, const char *text)
{
    fk_send_op(s, 1, text, strlen(text));
}


static inline void
fk_token_of(fk_t *f, const pt_uuid_t *tenant, const pt_uuid_t *user,
            const pt_uuid_t *session, int64_t life_s, char *out)
{
    pt_str_t    token;
    pt_claims_t c;
    pt_arena_t *a = pt_test_arena();

    memset(&c, 0, sizeof(c));
    c.sub = *user;
    c.tenant_id = *tenant;
    c.sid = *session;
    c.iat = fk_wall(f) / 1000000 - 10;
    c.exp = fk_wall(f) / 1000000 + life_s;
    memcpy(c.role, "agent", 6);
    ck_assert_ok(pt_jwt_build(f->jwt, a, &c, &token));
    memcpy(out, token.data, token.len);
    out[token.len] = '\0';
    pt_arena_del(a);
}


/* since: JSON behind the token, or "". */
static inline void
fk_auth_as(fk_t *f, fk_sock_t *s, const pt_uuid_t *tenant,
           const pt_uuid_t *user, int64_t life_s, const char *since)
{
    char token[2048], text[4096];

    fk_token_of(f, tenant, user, &fk_session, life_s, token);
    fk_fmt(text, "{\"type\":\"auth\",\"token\":\"%s\"%s}", token, since);
    fk_send(s, text);
}


static inline void
fk_auth(fk_t *f, fk_sock_t *s, const char *since)
{
    fk_auth_as(f, s, &fk_tenant, &fk_ann, 3600, since);
    fk_answer(f);
}


/* The next frame's payload as text, NULL: none; *op its opcode. */
static inline const char *
fk_next_any(fk_t *f, fk_sock_t *s, uint8_t *op)
{
    size_t n, len;

    if (s->len - s->at < 2) {
        return NULL;
    }

    *op = s->out[s->at] & 0x0f;
    ck_assert_uint_eq(s->out[s->at] & 0xf0, 0x80);
    n = 2;
    len = s->out[s->at + 1];

    if (len == 126) {
        len = (size_t) s->out[s->at + 2] << 8 | s->out[s->at + 3];
        n = 4;
    }

    ck_assert_uint_lt(len, 127 + 65000);

    if (s->at + n + len > s->len) {
        return NULL; /* cut by the socket's room */
    }

    memcpy(f->text, s->out + s->at + n, len);
    f->text[len] = '\0';
    s->at += n + len;

    return f->text;
}


static inline const char *
fk_next_op(fk_t *f, fk_sock_t *s, uint8_t *op)
{
    const char *text;

    do {
        text = fk_next_any(f, s, op);
    } while (text != NULL && !f->presence
             && strstr(text, "\"presence_updated\"") != NULL);

    return text;
}


static inline const char *
fk_next(fk_t *f, fk_sock_t *s)
{
    uint8_t op;

    return fk_next_op(f, s, &op);
}


static inline void
fk_ignore(fk_sock_t *s)
{
    s->at = s->len;
}


#define fk_says(f, s, part)                                                    \
    do {                                                                       \
        const char *says_ = fk_next((f), (s));                                 \
        ck_assert_msg(says_ != NULL && strstr(says_, (part)) != NULL,          \
                      "want %s got %s", (part), says_ ? says_ : "nothing");    \
    } while (0)

#define fk_silent(f, s)                                                        \
    do {                                                                       \
        const char *silent_ = fk_next((f), (s));                               \
        ck_assert_msg(silent_ == NULL, "got %s", silent_);                     \
    } while (0)


/* The next frame that has part in it; skips others. */
static inline bool
fk_finds(fk_t *f, fk_sock_t *s, const char *part)
{
    const char *p;

    do {
        p = fk_next(f, s);
    } while (p != NULL && strstr(p, part) == NULL);

    return p != NULL;
}


/* The close code of the next frame that is a close; skips others. */
static inline int
fk_closed(fk_t *f, fk_sock_t *s)
{
    uint8_t     op = 0;
    const char *p;

    for (;;) {
        p = fk_next_op(f, s, &op);

        if (p == NULL) {
            return 0;
        }

        if (op == 8) {
            return (uint8_t) p[0] << 8 | (uint8_t) p[1];
        }
    }
}


/* Exactly these events, in order. */
static inline void
fk_events(fk_t *f, fk_sock_t *s, int64_t first, int64_t last)
{
    char frame[256];

    for (; first <= last; first++) {
        frame[fk_frame(f, first, frame)] = '\0';
        ck_assert_str_eq(fk_next(f, s), frame);
    }
}


/* A doorbell of an event of the log. */
static inline void
fk_ring(fk_t *f, int64_t seq, bool with_frame)
{
    char   text[512];
    size_t n = fk_fmt(text, "%lld", (long long) seq);

    if (with_frame) {
        text[n++] = ' ';
        n += fk_frame(f, seq, text + n);
    }

    hub_on_bell(f->hub, &fk_tenant, (pt_str_t){ text, n });
}


static inline void
fk_event(fk_t *f)
{
    f->head++;
    fk_ring(f, f->head, true);
    hub_flush(f->hub);
}


static void
fk_poll_each(void *data, const pt_uuid_t *tenant)
{
    (void) tenant;
    (*(int *) data)++;
}


static inline void
fk_poll(fk_t *f)
{
    int       n = 0;
    pt_uuid_t id = fk_id(f, f->head);

    hub_tenants_each(f->hub, fk_poll_each, &n);

    if (n > 0) {
        hub_on_head(f->hub, &fk_tenant, f->head, &id);
    }

    hub_flush(f->hub);
}


/* The value of a metric, its labels with it; -1: it is not there. */
static inline long long
fk_metric_of(fk_t *f, const char *name)
{
    size_t      n = strlen(name);
    long long   v = -1;
    pt_buf_t    b;
    pt_str_t    text;
    const char *p;
    pt_arena_t *a = pt_test_arena();

    pt_buf_init(&b, a, 4 * 1024 * 1024);
    hub_metrics_write(f->hub, &b);
    pt_buf_char(&b, '\0');
    ck_assert_ok(pt_buf_get(&b, &text));

    for (p = text.data; p != NULL; p = strchr(p, '\n')) {
        p += *p == '\n';

        if (strncmp(p, name, n) == 0 && p[n] == ' ') {
            v = strtoll(p + n, NULL, 10);
        }
    }

    pt_arena_del(a);

    return v;
}


#define fk_metric(f, name, want)                                               \
    ck_assert_int_eq(fk_metric_of((f), (name)), (want))


static inline void
fk_since(const fk_t *f, int64_t seq, char out[FK_SINCE_MAX])
{
    char      text[PT_UUID_LEN];
    pt_uuid_t id = fk_id(f, seq);

    pt_uuid_build(&id, text);
    fk_fmt(out, ",\"since\":{\"seq\":%lld,\"id\":\"%.36s\"}", (long long) seq,
           text);
}


static inline fk_t *
fk_start(int64_t head)
{
    fk_t *f = fk_new(&pt_test_mem);

    f->head = head;

    return f;
}


static inline fk_sock_t *
fk_login(fk_t *f, int i)
{
    fk_sock_t *s = fk_open(f, i);

    fk_auth(f, s, "");
    fk_says(f, s, "\"type\":\"auth_success\"");

    return s;
}

#endif
