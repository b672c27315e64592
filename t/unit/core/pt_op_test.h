/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_op_test.h: drives operations without servers.  A fixture holds an
 * instance, a request and an operation; the suite says what it expects of
 * each effect and what comes back.
 *
 *     fx_start(f, PYTAKE_GET, "/api/v1/auth/me", NULL);
 *     fx_sql(f, PYTAKE_SQL_READ, "session_enter user_me");
 *     fx_row(f, 1, "uuttt", &id, &tenant, "a@b", "A", "agent");
 *     fx_feed(f);
 *     body = fx_done(f, 200);
 *
 * fx_starved() runs a scenario again and again with ever less memory left at
 * every one of its steps; then fx_sql() may give false: the scenario returns.
 */

#ifndef PT_OP_TEST_H
#define PT_OP_TEST_H

#include <stdarg.h>

#include "pt_test.h"
#include "core/base/pt_bus.h"
#include "core/op/pt_op.h"

#define FX_NOW INT64_C(1795398067519123) /* 2026-11-23T01:41:07.519123Z */
#define FX_NOW_MS INT64_C(1795398067519000)
#define FX_SECRET "0123456789abcdef0123456789abcdef"
#define FX_PIECE 16
#define FX_ROOM 24576

#define fx_id(n)                                                               \
    ((pt_uuid_t){ { 0x01, 0xa2, 6, 0x10, 0x65, 0x3f, 0x70, 0, 0x80, 0, 0, 0,   \
                    0, 0, 0, (n) } })

typedef struct {
    size_t              live;   /* blocks */
    bool                refuse; /* every block from now on */
    pytake_t           *pt;
    pytake_request_t    req;
    bool                anonymous;
    const char         *role; /* of fx_token() */
    int64_t             now_us;
    pytake_op_t        *op;
    pytake_effect_t     eff;
    pt_arena_t         *arena; /* tokens and results */
    pytake_rows_t       rows[PT_BATCH_STMTS_MAX];
    pytake_sql_result_t result;
    pt_uuid_t           user, tenant, session;

    uint32_t nexts;
    uint32_t starve_at; /* which next(); UINT32_MAX: none */
    uint32_t eat;       /* pieces to take before it */
    uint32_t eaten;
} fx_t;


static inline void *
fx_alloc(void *user, size_t size)
{
    fx_t *f = user;

    if (f->refuse) {
        return NULL;
    }
    f->live++;

    return malloc(size);
}


static inline void
fx_release(void *user, void *ptr)
{
    ((fx_t *) user)->live--;
    free(ptr);
}


static inline void
fx_init(fx_t *f)
{
    pytake_conf_t conf;

    memset(f, 0, sizeof(*f));
    f->arena = pt_test_arena();
    f->now_us = FX_NOW;
    f->user = fx_id(1);
    f->tenant = fx_id(2);
    f->session = fx_id(3);
    f->role = "agent";
    f->starve_at = UINT32_MAX;

    memset(&conf, 0, sizeof(conf));
    conf.mem = (pt_mem_t){ fx_alloc, fx_release, f };
    conf.jwt_secret = PT_STR(FX_SECRET);
    conf.webhook_secret = PT_STR("app secret");
    conf.webhook_verify_token = PT_STR("verify");
    conf.access_lifetime_s = 86400;
    conf.refresh_lifetime_s = 604800;

    ck_assert_ok(pytake_new(&conf, &f->pt));
}


static inline void
fx_free(fx_t *f)
{
    pytake_op_del(f->op);
    pytake_del(f->pt);
    pt_arena_del(f->arena);
    ck_assert_uint_eq(f->live, 0);
}


static inline pt_str_t
fx_token(fx_t *f, int64_t exp)
{
    pt_buf_t    b;
    pt_str_t    token, s;
    pt_claims_t c;

    memset(&c, 0, sizeof(c));
    c.sub = f->user;
    c.tenant_id = f->tenant;
    c.sid = f->session;
    c.jti = fx_id(4);
    c.iat = exp - 60;
    c.exp = exp;
    ck_assert_uint_lt(strlen(f->role), sizeof(c.role));
    memcpy(c.role, f->role, strlen(f->role));

    ck_assert_ok(pt_jwt_build(f->pt->jwt, f->arena, &c, &token));
    pt_buf_init(&b, f->arena, 8192);
    pt_buf_lit(&b, "Bearer ");
    pt_buf_str_add(&b, token);
    ck_assert_ok(pt_buf_get(&b, &s));

    return s;
}


/* target: path and query.  body NULL: none, else JSON. */
static inline void
fx_start(fx_t *f, pytake_method_t method, const char *target, const char *body)
{
    uint8_t     seed[32] = { 1, 2, 3 };
    const char *q = strchr(target, '?');

    pytake_op_del(f->op);
    f->op = NULL;
    f->nexts = 0;

    f->req.method = method;
    f->req.path.data = target;
    f->req.path.len = q == NULL ? strlen(target) : (size_t) (q - target);
    f->req.query = q == NULL ? PT_STR_NULL : pt_test_str(q + 1);

    if (body != NULL) {
        f->req.body = pt_test_str(body);
        if (f->req.content_type.data == NULL) {
            f->req.content_type = PT_STR("application/json");
        }
    }

    if (f->req.authorization.data == NULL && !f->anonymous) {
        f->req.authorization = fx_token(f, f->now_us / 1000000 + 60);
    }

    ck_assert_ok(pytake_op_new(f->pt, &f->req, seed, f->now_us, &f->op));
    ck_assert_ptr_nonnull(f->op);
}


static inline pytake_effect_type_t
fx_next(fx_t *f)
{
    if (f->nexts++ == f->starve_at) {
        /* a block that is large enough, and then no other */
        ck_assert_ptr_nonnull(pt_arena_alloc(f->op->arena, FX_ROOM));
        ck_assert_ptr_nonnull(pt_arena_alloc(f->op->arena, FX_PIECE));
        f->refuse = true;
        for (f->eaten = 0; f->eaten < f->eat; f->eaten++) {
            if (pt_arena_alloc(f->op->arena, FX_PIECE) == NULL) {
                break;
            }
        }
    }

    pytake_op_next(f->op, &f->eff);

    return f->eff.type;
}


/* Whether the operation gave up for want of memory, as it may. */
static inline bool
fx_is_starved(fx_t *f)
{
    if (f->starve_at == UINT32_MAX || f->eff.type != PYTAKE_EFFECT_DONE
        || f->eff.u.done.status != 503)
    {
        return false;
    }

    ck_assert_str_eq(f->op->code, "out_of_memory");

    return true;
}


/* An event's doorbell, signed when it has a frame. */
static inline bool
fx_redis(fx_t *f, const char *payload)
{
    char     id[PT_UUID_LEN];
    int64_t  at_us;
    pt_str_t text;

    if (fx_next(f) != PYTAKE_EFFECT_REDIS) {
        ck_assert(fx_is_starved(f));
        return false;
    }

    pt_uuid_build(&f->tenant, id);
    ck_assert_uint_eq(f->eff.u.redis.channel.len, 3 + PT_UUID_LEN);
    ck_assert_mem_eq(f->eff.u.redis.channel.data, "ev:", 3);
    ck_assert_mem_eq(f->eff.u.redis.channel.data + 3, id, PT_UUID_LEN);
    text = f->eff.u.redis.payload;

    if (strchr(payload, ' ') != NULL) {
        ck_assert(pt_bus_verify(f->pt->bus_key, f->eff.u.redis.channel, text,
                                f->now_us, &text, &at_us));
    }

    ck_assert_slice(text, pt_test_str(payload));

    return true;
}


/* The courier's doorbell. */
static inline bool
fx_bell(fx_t *f)
{
    if (fx_next(f) != PYTAKE_EFFECT_REDIS) {
        ck_assert(fx_is_starved(f));
        return false;
    }

    ck_assert_slice_lit(f->eff.u.redis.channel, "outbox");

    return true;
}


/* names: the statements, in order, by blanks. */
static inline bool
fx_sql(fx_t *f, pytake_sql_class_t class, const char *names)
{
    uint16_t            i;
    pt_buf_t            b;
    pt_str_t            got;
    const pytake_sql_t *sql = &f->eff.u.sql;

    if (fx_next(f) != PYTAKE_EFFECT_SQL) {
        if (fx_is_starved(f)) {
            return false;
        }
        ck_abort_msg("no SQL but %d, %s", (int) f->eff.type, f->op->code);
    }

    ck_assert_int_eq(sql->class, class);

    pt_buf_init(&b, f->arena, 4096);
    for (i = 0; i < sql->nstmts; i++) {
        if (i != 0) {
            pt_buf_char(&b, ' ');
        }
        pt_buf_str_add(&b, pt_test_str(pytake_stmts[sql->stmts[i].stmt].name));
        ck_assert_uint_eq(sql->stmts[i].nparams,
                          pytake_stmts[sql->stmts[i].stmt].nparams);
    }
    ck_assert_ok(pt_buf_get(&b, &got));
    ck_assert_slice(got, pt_test_str(names));

    memset(f->rows, 0, sizeof(f->rows));
    memset(&f->result, 0, sizeof(f->result));

    return true;
}


/* One parameter's bytes; data NULL: NULL. */
static inline pt_str_t
fx_param(fx_t *f, uint16_t stmt, uint16_t i)
{
    const pytake_param_t *p = &f->eff.u.sql.stmts[stmt].params[i];

    ck_assert_uint_lt(stmt, f->eff.u.sql.nstmts);
    ck_assert_uint_lt(i, f->eff.u.sql.stmts[stmt].nparams);

    return (pt_str_t){ p->data, (size_t) p->len };
}


static inline int64_t
fx_be(const char *p, size_t n)
{
    int64_t v = (signed char) p[0];

    while (--n != 0) {
        v = (int64_t) ((uint64_t) v << 8) | (unsigned char) *++p;
    }

    return v;
}


static inline int64_t
fx_param_int(fx_t *f, uint16_t stmt, uint16_t i)
{
    pt_str_t s = fx_param(f, stmt, i);

    ck_assert(s.len == 1 || s.len == 4 || s.len == 8);

    return fx_be(s.data, s.len);
}


/* As microseconds of unix time. */
static inline int64_t
fx_param_time(fx_t *f, uint16_t stmt, uint16_t i)
{
    int64_t v = fx_param_int(f, stmt, i);

    return v == INT64_MAX ? v : v + INT64_C(946684800000000);
}


#define ck_assert_param_text(f, stmt, i, text)                                 \
    ck_assert_slice(fx_param(f, stmt, i), pt_test_str(text))

#define ck_assert_param_uuid(f, stmt, i, id)                                   \
    do {                                                                       \
        pt_uuid_t id_ = (id);                                                  \
        ck_assert_slice(fx_param(f, stmt, i),                                  \
                        ((pt_str_t){ (char *) id_.b, 16 }));                   \
    } while (0)

#define ck_assert_param_null(f, stmt, i)                                       \
    ck_assert_ptr_null(fx_param(f, stmt, i).data)


static inline pt_str_t
fx_bytes(fx_t *f, const void *data, size_t len)
{
    pt_str_t out;

    ck_assert_ok(pt_arena_dup(f->arena, (pt_str_t){ data, len }, &out));

    return out;
}


static inline pt_str_t
fx_int(fx_t *f, int64_t v, size_t n)
{
    char   p[8];
    size_t i;

    for (i = 0; i < n; i++) {
        p[i] = (char) ((uint64_t) v >> (8 * (n - 1 - i)));
    }

    return fx_bytes(f, p, n);
}


/* text[] of blank-separated words */
static inline pt_str_t
fx_array(fx_t *f, const char *words)
{
    size_t      n = 0, len;
    pt_buf_t    b, head;
    pt_str_t    items, out;
    const char *w;

    pt_buf_init(&b, f->arena, 4096);
    for (w = words; *w != '\0'; w += len + (w[len] == ' ')) {
        len = strcspn(w, " ");
        pt_buf_str_add(&b, fx_int(f, (int64_t) len, 4));
        pt_buf_add(&b, w, len);
        n++;
    }
    ck_assert_ok(pt_buf_get(&b, &items));

    pt_buf_init(&head, f->arena, 8192);
    pt_buf_str_add(&head, fx_int(f, n != 0, 4));
    pt_buf_str_add(&head, fx_int(f, 0, 4));
    pt_buf_str_add(&head, fx_int(f, 25, 4));
    if (n != 0) {
        pt_buf_str_add(&head, fx_int(f, (int64_t) n, 4));
        pt_buf_str_add(&head, fx_int(f, 1, 4));
        pt_buf_str_add(&head, items);
    }
    ck_assert_ok(pt_buf_get(&head, &out));

    return out;
}


/*
 * Adds a row to the i-th statement's result (the engine's own count).
 * u uuid, t text, i int4, l int8, b bool, j jsonb, m time (unix us), n NULL,
 * a text[] of words, y 32 bytes.
 */
static inline void
fx_row(fx_t *f, uint16_t i, const char *types, ...)
{
    va_list        ap;
    uint32_t       c, n = (uint32_t) strlen(types);
    pt_str_t      *cells;
    const char    *s;
    pytake_rows_t *r = &f->rows[i];

    cells = pt_arena_calloc(f->arena, (size_t) (r->nrows + 1) * n,
                            sizeof(pt_str_t));
    ck_assert_ptr_nonnull(cells);
    if (r->nrows != 0) {
        ck_assert_uint_eq(r->ncols, n);
        memcpy(cells, r->cells, (size_t) r->nrows * n * sizeof(pt_str_t));
    }

    va_start(ap, types);
    for (c = 0; c < n; c++) {
        pt_str_t *cell = &cells[(size_t) r->nrows * n + c];

        switch (types[c]) {
        case 'u':
            *cell = fx_bytes(f, va_arg(ap, pt_uuid_t *)->b, 16);
            break;
        case 't':
            s = va_arg(ap, const char *);
            *cell = fx_bytes(f, s, strlen(s));
            break;
        case 'j':
            s = va_arg(ap, const char *);
            *cell = fx_bytes(f, s, strlen(s) + 1);
            memmove((char *) (uintptr_t) cell->data + 1, s, strlen(s));
            *(char *) (uintptr_t) cell->data = 1;
            break;
        case 'i':
            *cell = fx_int(f, va_arg(ap, int), 4);
            break;
        case 'l':
            *cell = fx_int(f, va_arg(ap, int64_t), 8);
            break;
        case 'b':
            *cell = fx_int(f, va_arg(ap, int), 1);
            break;
        case 'm':
            *cell =
                fx_int(f, va_arg(ap, int64_t) - INT64_C(946684800000000), 8);
            break;
        case 'a':
            *cell = fx_array(f, va_arg(ap, const char *));
            break;
        case 'y':
            *cell = fx_bytes(f, va_arg(ap, const void *), 32);
            break;
        default:
            *cell = PT_STR_NULL;
            break;
        }
    }
    va_end(ap);

    r->cells = cells;
    r->ncols = n;
    r->nrows++;
}


static inline void
fx_entered(fx_t *f)
{
    const pytake_sql_t *sql = &f->eff.u.sql;

    if (sql->nstmts != 0 && f->rows[0].nrows == 0
        && sql->stmts[0].stmt == PT_STMT_SESSION_ENTER)
    {
        fx_row(f, 0, "b", 1);
    }
}


static inline void
fx_feed(fx_t *f)
{
    fx_entered(f);
    f->result.nrows = f->eff.u.sql.nstmts;
    f->result.rows = f->rows;
    pytake_op_feed_sql(f->op, f->now_us, &f->result);
}


/* Refused at that statement. */
static inline void
fx_refuse(fx_t *f, const char *sqlstate, uint16_t stmt, const char *message)
{
    if (stmt != 0) {
        fx_entered(f);
    }
    f->result.err = PT_EDB;
    memcpy(f->result.sqlstate, sqlstate, 6);
    f->result.failed_stmt = stmt;
    f->result.message = pt_test_str(message);
    f->result.nrows = stmt;
    f->result.rows = f->rows;
    pytake_op_feed_sql(f->op, f->now_us, &f->result);
}


static inline void
fx_lost(fx_t *f, pt_err_t err)
{
    f->result.err = err;
    pytake_op_feed_sql(f->op, f->now_us, &f->result);
}


static inline pt_str_t
fx_done(fx_t *f, int status)
{
    if (fx_next(f) != PYTAKE_EFFECT_DONE) {
        ck_abort_msg("not done but effect %d", (int) f->eff.type);
    }

    if (!fx_is_starved(f)) {
        ck_assert_msg(f->eff.u.done.status == status, "%d: %.*s",
                      f->eff.u.done.status, (int) f->eff.u.done.body.len,
                      f->eff.u.done.body.data);
    }

    return f->eff.u.done.body;
}


static inline pt_str_t
fx_problem(fx_t *f, int status, const char *code)
{
    pt_str_t body = fx_done(f, status);

    ck_assert_str_eq(f->op->code, code);
    ck_assert_str_eq(f->eff.u.done.content_type, "application/problem+json");

    return body;
}


static inline pt_str_t
fx_header(fx_t *f, const char *name)
{
    uint16_t i;

    for (i = 0; i < f->eff.u.done.nheaders; i++) {
        if (strcmp(f->eff.u.done.headers[i].name, name) == 0) {
            return f->eff.u.done.headers[i].value;
        }
    }

    return PT_STR_NULL;
}


static inline bool
fx_has(pt_str_t s, const char *part)
{
    return memmem(s.data, s.len, part, strlen(part)) != NULL;
}

#define ck_assert_has(s, part)                                                 \
    do {                                                                       \
        pt_str_t s_ = (s);                                                     \
        ck_assert_msg(fx_has(s_, part), "%.*s has no %s", (int) s_.len,        \
                      s_.data, part);                                          \
    } while (0)


/*
 * The scenario with memory gone at each of its next() calls, from all of the
 * arena's block eaten up to none.  It must either do all it does or answer
 * 503 out_of_memory.
 */
static inline void
fx_starved(void (*scenario)(fx_t *f), uint32_t nexts)
{
    fx_t     f;
    uint32_t at, total, left;

    for (at = 0; at < nexts; at++) {
        fx_init(&f);
        f.starve_at = at;
        f.eat = UINT32_MAX;
        scenario(&f);
        total = f.eaten;
        fx_free(&f);

        for (left = 0;; left += 1 + left / 16) {
            ck_assert_uint_le(left, total); /* it does fit at last */
            fx_init(&f);
            f.starve_at = at;
            f.eat = total - left;
            scenario(&f);
            if (f.eff.type == PYTAKE_EFFECT_DONE && f.eff.u.done.status < 400) {
                fx_free(&f);
                break;
            }
            fx_free(&f);
        }
    }
}

#endif
