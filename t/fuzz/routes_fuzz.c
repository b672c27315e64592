/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Requests: method, path, query, headers and body out of the input, driven to
 * their answer with results that are empty, refused or lost.
 */

#include <stdlib.h>

#include "core/op/pt_op.h"

#define FUZZ_EFFECTS_MAX 200
#define FUZZ_NOW_US (INT64_C(1500) * 1000000)

typedef struct {
    const uint8_t      *p;
    size_t              len;
    pytake_rows_t       rows[PT_BATCH_STMTS_MAX]; /* until the next next() */
    pytake_sql_result_t result;
} fuzz_t;


static void *
fuzz_alloc(void *user, size_t size)
{
    PT_UNUSED(user);
    return malloc(size);
}


static void
fuzz_free(void *user, void *ptr)
{
    PT_UNUSED(user);
    free(ptr);
}


static uint8_t
fuzz_byte(fuzz_t *f)
{
    if (f->len == 0) {
        return 0;
    }
    f->len--;

    return *f->p++;
}


/* Up to a line feed. */
static pt_str_t
fuzz_line(fuzz_t *f)
{
    size_t   n;
    pt_str_t s = { (const char *) f->p, 0 };

    for (n = 0; n < f->len && f->p[n] != '\n'; n++) { /* void */
    }
    s.len = n;
    f->p += n;
    f->len -= n;
    (void) fuzz_byte(f);

    return s;
}


static pt_str_t
fuzz_token(pytake_t *pt, pt_arena_t *a)
{
    pt_buf_t    b;
    pt_str_t    s, token;
    pt_claims_t c;

    memset(&c, 0, sizeof(c));
    memcpy(c.role, "agent", 5);
    c.iat = 1000;
    c.exp = 2000;
    if (pt_jwt_build(pt->jwt, a, &c, &token) != PT_OK) {
        abort();
    }
    pt_buf_init(&b, a, 8192);
    pt_buf_lit(&b, "Bearer ");
    pt_buf_str_add(&b, token);
    if (pt_buf_get(&b, &s) != PT_OK) {
        abort();
    }

    return s;
}


/* A route with ids in its path. */
static pt_str_t
fuzz_path(fuzz_t *f, pt_arena_t *a)
{
    pt_buf_t    b;
    pt_str_t    s;
    const char *r = pt_routes[fuzz_byte(f) % pt_routes_count].path;

    pt_buf_init(&b, a, 4096);
    while (*r != '\0') {
        if (*r != '{') {
            pt_buf_char(&b, *r++);
            continue;
        }
        pt_buf_lit(&b, "01a20610-653f-7d50-8b45-4e4151820c4c");
        r = strchr(r, '}') + 1;
    }
    if (pt_buf_get(&b, &s) != PT_OK) {
        abort();
    }

    return s;
}


static void
fuzz_feed(pytake_op_t *op, const pytake_sql_t *sql, fuzz_t *f)
{
    uint16_t              i;
    pytake_sql_result_t  *r = &f->result;
    static const pt_str_t yes[PT_STMT_PARAMS_MAX] = { { "\x01", 1 } };

    static const char *const states[] = { "40001", "23505", "55P03", "22P02",
                                          "PT404", "XX000", "57014" };

    memset(f->rows, 0, sizeof(f->rows));
    memset(r, 0, sizeof(*r));
    for (i = 0; i < sql->nstmts; i++) {
        if (sql->stmts[i].stmt == PT_STMT_SESSION_ENTER
            || (fuzz_byte(f) & 1) != 0) {
            f->rows[i] = (pytake_rows_t){ 1, PT_STMT_PARAMS_MAX, yes };
        }
    }

    r->rows = f->rows;
    r->nrows = sql->nstmts;
    i = fuzz_byte(f);
    if (i >= 0xf0) {
        r->err = i & 1 ? PT_EOUTCOME : PT_EDBAWAY;
        r->nrows = 0;
    } else if (i >= 0xc0) {
        r->err = PT_EDB;
        memcpy(r->sqlstate, states[i % PT_COUNT(states)], 6);
        r->failed_stmt = (uint16_t) (fuzz_byte(f) % sql->nstmts);
        r->nrows = r->failed_stmt;
    }

    pytake_op_feed_sql(op, FUZZ_NOW_US, r);
}


static void
fuzz_drive(pytake_op_t *op, fuzz_t *f)
{
    int              n;
    pytake_effect_t  eff;
    pytake_op_info_t info;

    for (n = 0; n < FUZZ_EFFECTS_MAX; n++) {
        switch (pytake_op_next(op, &eff)) {
        case PYTAKE_EFFECT_DONE:
            pytake_op_info(op, &info);
            if (eff.u.done.status >= 400 && info.code.len == 0) {
                abort();
            }
            return;
        case PYTAKE_EFFECT_WORK:
            pytake_op_feed_work(op, FUZZ_NOW_US, PT_OK, fuzz_byte(f) & 1);
            break;
        case PYTAKE_EFFECT_SQL:
            fuzz_feed(op, &eff.u.sql, f);
            break;
        default:
            break;
        }
    }

    abort(); /* it never ends */
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_t           f;
    uint8_t          seed[32] = { 0 }, flags;
    pytake_t        *pt;
    pt_mem_t         mem = { fuzz_alloc, fuzz_free, NULL };
    pt_arena_t      *a;
    pytake_op_t     *op;
    pytake_conf_t    conf;
    pytake_request_t req;

    memset(&f, 0, sizeof(f));
    f.p = data;
    f.len = size;

    memset(&conf, 0, sizeof(conf));
    conf.mem = mem;
    conf.jwt_secret = PT_STR("0123456789abcdef");
    conf.webhook_verify_token = PT_STR("v");
    conf.access_lifetime_s = conf.refresh_lifetime_s = 60;
    if (pytake_new(&conf, &pt) != PT_OK) {
        abort();
    }
    a = pt_arena_new(&mem, 1024 * 1024);

    memset(&req, 0, sizeof(req));
    flags = fuzz_byte(&f);
    req.method = (pytake_method_t) (flags % (PYTAKE_METHOD_OTHER + 1));
    req.path = flags & 0x10 ? fuzz_path(&f, a) : fuzz_line(&f);
    req.query = fuzz_line(&f);
    req.content_type = PT_STR("application/json");
    req.authorization = flags & 0x20 ? fuzz_line(&f) : fuzz_token(pt, a);
    if (flags & 0x40) {
        req.idempotency_key = fuzz_line(&f);
    }
    req.request_id = flags & 0x80 ? fuzz_line(&f) : PT_STR_NULL;
    req.body = fuzz_line(&f);

    if (pytake_op_new(pt, &req, seed, FUZZ_NOW_US, &op) != PT_OK) {
        abort();
    }
    fuzz_drive(op, &f);
    pytake_op_del(op);

    pt_arena_del(a);
    pytake_del(pt);

    return 0;
}
