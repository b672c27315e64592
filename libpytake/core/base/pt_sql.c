/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Builds batches.  All parameters are sent in PostgreSQL's binary format,
 * because libpq measures those in the text format with strlen(), and ours are
 * slices.
 */

#include "pt_sql.h"

#include <assert.h>
#include <limits.h>

/* The oids of types, as PostgreSQL's pg_type.dat has them. */
#define PT_OID_BOOL 16u
#define PT_OID_BYTEA 17u
#define PT_OID_I64 20u
#define PT_OID_I32 23u
#define PT_OID_TEXT 25u
#define PT_OID_TIME 1184u
#define PT_OID_UUID 2950u
#define PT_OID_I32S 1007u
#define PT_OID_TEXTS 1009u
#define PT_OID_TIMES 1185u
#define PT_OID_UUIDS 2951u

#define PT_SQL_ARRAY_HEAD 20u /* bytes: dimensions, flags, type, size, base */
/* PostgreSQL counts times from 2000-01-01. */
#define PT_SQL_EPOCH_US INT64_C(946684800000000)


static pytake_param_t *pt_sql_next(pt_sql_t *b, uint32_t oid);
static void            pt_sql_copy(pt_sql_t *b, uint32_t oid, const void *data,
                                   size_t len);
static void            pt_sql_slice(pt_sql_t *b, uint32_t oid, pt_str_t v);
static char *pt_sql_array(pt_sql_t *b, uint32_t oid, uint32_t element, size_t n,
                          size_t bytes, bool nulls);
static char *pt_sql_put_u32(char *p, uint32_t v);
static char *pt_sql_put_u64(char *p, uint64_t v);
static int64_t pt_sql_unix(int64_t unix_us);
static void    pt_sql_stick(pt_sql_t *b, pt_err_t err);


void
pt_sql_init(pt_sql_t *b, pt_arena_t *arena, pytake_sql_class_t class)
{
    memset(b, 0, sizeof(*b));
    b->arena = arena;
    b->sql.class = class;
    b->sql.stmts = b->stmts;
}


void
pt_sql_stmt(pt_sql_t *b, uint16_t stmt)
{
    pytake_stmt_t *s;

    assert(stmt < pytake_stmts_count);

    if (b->err != PT_OK) {
        return;
    }

    assert(b->sql.nstmts == 0
           || b->nparams == b->stmts[b->sql.nstmts - 1].nparams);

    if (b->sql.nstmts == PT_BATCH_STMTS_MAX) {
        b->err = PT_ELIMIT;
        return;
    }

    s = &b->stmts[b->sql.nstmts];
    s->stmt = stmt;
    s->nparams = pytake_stmts[stmt].nparams;
    s->params = pt_arena_calloc(b->arena, s->nparams, sizeof(pytake_param_t));
    if (s->params == NULL) {
        b->err = PT_ENOMEM;
        return;
    }

    b->sql.nstmts++;
    b->nparams = 0;
}


void
pt_sql_null(pt_sql_t *b)
{
    (void) pt_sql_next(b, 0);
}


void
pt_sql_uuid(pt_sql_t *b, const pt_uuid_t *v)
{
    if (v == NULL) {
        (void) pt_sql_next(b, PT_OID_UUID);
        return;
    }

    pt_sql_copy(b, PT_OID_UUID, v->b, sizeof(v->b));
}


void
pt_sql_text(pt_sql_t *b, pt_str_t v)
{
    pt_sql_slice(b, PT_OID_TEXT, v);
}


void
pt_sql_bytes(pt_sql_t *b, pt_str_t v)
{
    pt_sql_slice(b, PT_OID_BYTEA, v);
}


void
pt_sql_i32(pt_sql_t *b, int32_t v)
{
    char p[4];

    (void) pt_sql_put_u32(p, (uint32_t) v);
    pt_sql_copy(b, PT_OID_I32, p, sizeof(p));
}


void
pt_sql_i64(pt_sql_t *b, int64_t v)
{
    char p[8];

    (void) pt_sql_put_u64(p, (uint64_t) v);
    pt_sql_copy(b, PT_OID_I64, p, sizeof(p));
}


void
pt_sql_bool(pt_sql_t *b, bool v)
{
    pt_sql_copy(b, PT_OID_BOOL, v ? "\x01" : "\x00", 1);
}


void
pt_sql_time(pt_sql_t *b, int64_t unix_us)
{
    char p[8];

    (void) pt_sql_put_u64(p, (uint64_t) pt_sql_unix(unix_us));
    pt_sql_copy(b, PT_OID_TIME, p, sizeof(p));
}


void
pt_sql_uuids(pt_sql_t *b, pt_uuids_t v)
{
    char  *p;
    size_t i;

    p = pt_sql_array(b, PT_OID_UUIDS, PT_OID_UUID, v.n, v.n * sizeof(v.v->b),
                     false);
    for (i = 0; p != NULL && i < v.n; i++) {
        p = pt_sql_put_u32(p, sizeof(v.v[i].b));
        memcpy(p, v.v[i].b, sizeof(v.v[i].b));
        p += sizeof(v.v[i].b);
    }
}


void
pt_sql_texts(pt_sql_t *b, pt_texts_t v)
{
    bool   nulls = false;
    char  *p;
    size_t i, bytes = 0;

    for (i = 0; i < v.n; i++) {
        nulls |= v.v[i].data == NULL;
        bytes += v.v[i].data == NULL ? 0 : v.v[i].len;
    }

    p = pt_sql_array(b, PT_OID_TEXTS, PT_OID_TEXT, v.n, bytes, nulls);
    for (i = 0; p != NULL && i < v.n; i++) {
        if (v.v[i].data == NULL) {
            p = pt_sql_put_u32(p, UINT32_MAX); /* a length of -1 is NULL */
            continue;
        }

        p = pt_sql_put_u32(p, (uint32_t) v.v[i].len);
        memcpy(p, v.v[i].data, v.v[i].len);
        p += v.v[i].len;
    }
}


void
pt_sql_i32s(pt_sql_t *b, pt_i32s_t v)
{
    char  *p;
    size_t i;

    p = pt_sql_array(b, PT_OID_I32S, PT_OID_I32, v.n, v.n * 4, false);
    for (i = 0; p != NULL && i < v.n; i++) {
        p = pt_sql_put_u32(pt_sql_put_u32(p, 4), (uint32_t) v.v[i]);
    }
}


void
pt_sql_times(pt_sql_t *b, pt_times_t v)
{
    char  *p;
    size_t i;

    p = pt_sql_array(b, PT_OID_TIMES, PT_OID_TIME, v.n, v.n * 8, false);
    for (i = 0; p != NULL && i < v.n; i++) {
        p = pt_sql_put_u64(pt_sql_put_u32(p, 8),
                           (uint64_t) pt_sql_unix(v.v[i]));
    }
}


pt_err_t
pt_sql_end(const pt_sql_t *b)
{
    if (b->err != PT_OK) {
        return b->err;
    }

    assert(b->sql.nstmts != 0);
    assert(b->nparams == b->stmts[b->sql.nstmts - 1].nparams);

    return PT_OK;
}


const pytake_refusal_t *
pt_sql_refusal(uint16_t stmt, const char *sqlstate)
{
    uint16_t                i;
    const pytake_refusal_t *r;

    for (i = 0; stmt < pytake_stmts_count && i < pytake_stmts[stmt].nrefuses;
         i++) {
        r = &pytake_stmts[stmt].refuses[i];
        if (memcmp(sqlstate, r->sqlstate, 5) == 0) {
            return r;
        }
    }

    return NULL;
}


/* Gives the place of the next parameter, which is SQL NULL so far; or a NULL
 * pointer once an error sticks to the batch. */
static pytake_param_t *
pt_sql_next(pt_sql_t *b, uint32_t oid)
{
    pytake_stmt_t           *s;
    const pytake_stmt_def_t *def;

    if (b->err != PT_OK) {
        return NULL;
    }

    assert(b->sql.nstmts != 0);

    s = &b->stmts[b->sql.nstmts - 1];
    def = &pytake_stmts[s->stmt];

    assert(b->nparams < s->nparams);
    assert(oid == 0 || def->param_oids[b->nparams] == oid);
    PT_UNUSED(def);

    return &s->params[b->nparams++];
}


static void
pt_sql_copy(pt_sql_t *b, uint32_t oid, const void *data, size_t len)
{
    char           *p;
    pytake_param_t *param;

    param = pt_sql_next(b, oid);
    if (param == NULL) {
        return;
    }

    p = pt_arena_alloc(b->arena, len);
    if (p == NULL) {
        pt_sql_stick(b, PT_ENOMEM);
        return;
    }

    memcpy(p, data, len);
    param->data = p;
    param->len = (int32_t) len;
}


static void
pt_sql_slice(pt_sql_t *b, uint32_t oid, pt_str_t v)
{
    pytake_param_t *param;

    param = pt_sql_next(b, oid);
    if (param == NULL) {
        return;
    }

    if (v.len > INT32_MAX) {
        pt_sql_stick(b, PT_ELIMIT);
        return;
    }

    if (b->copying && v.data != NULL) {
        pt_sql_stick(b, pt_arena_dup(b->arena, v, &v));
    }

    param->data = v.data;
    param->len = (int32_t) v.len;
}


/* Adds a parameter that is an array, writes its head and gives the place of its
 * first element; NULL once an error sticks. */
static char *
pt_sql_array(pt_sql_t *b, uint32_t oid, uint32_t element, size_t n,
             size_t bytes, bool nulls)
{
    char           *p;
    size_t          size;
    pytake_param_t *param;

    param = pt_sql_next(b, oid);
    if (param == NULL) {
        return NULL;
    }

    if (n > INT32_MAX / 8 || bytes > INT32_MAX / 2) {
        pt_sql_stick(b, PT_ELIMIT);
        return NULL;
    }

    /* The head of an empty array has no dimension, so it is shorter. */
    size = n == 0 ? 12 : PT_SQL_ARRAY_HEAD + n * 4 + bytes;

    p = pt_arena_alloc(b->arena, size);
    if (p == NULL) {
        pt_sql_stick(b, PT_ENOMEM);
        return NULL;
    }

    param->data = p;
    param->len = (int32_t) size;

    p = pt_sql_put_u32(p, n == 0 ? 0 : 1);
    p = pt_sql_put_u32(p, nulls ? 1 : 0);
    p = pt_sql_put_u32(p, element);
    if (n == 0) {
        return p;
    }

    return pt_sql_put_u32(pt_sql_put_u32(p, (uint32_t) n), 1);
}


static char *
pt_sql_put_u32(char *p, uint32_t v)
{
    p[0] = (char) (v >> 24);
    p[1] = (char) (v >> 16);
    p[2] = (char) (v >> 8);
    p[3] = (char) v;

    return p + 4;
}


static char *
pt_sql_put_u64(char *p, uint64_t v)
{
    p = pt_sql_put_u32(p, (uint32_t) (v >> 32));

    return pt_sql_put_u32(p, (uint32_t) v);
}


static int64_t
pt_sql_unix(int64_t unix_us)
{
    /* PostgreSQL reads the ends of the range as 'infinity' and '-infinity'. */
    if (unix_us == INT64_MAX || unix_us < INT64_MIN + PT_SQL_EPOCH_US) {
        return unix_us == INT64_MAX ? INT64_MAX : INT64_MIN;
    }

    return unix_us - PT_SQL_EPOCH_US;
}


static void
pt_sql_stick(pt_sql_t *b, pt_err_t err)
{
    if (b->err == PT_OK) {
        b->err = err;
    }
}
