/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Builds batches.  All parameters travel in PostgreSQL's binary format: in
 * the text format libpq measures them with strlen(), and ours are slices.
 */

#include "pt_op_parts.h"

#include <assert.h>
#include <limits.h>

/* pg_type.dat */
#define PT_OID_BOOL 16u
#define PT_OID_BYTEA 17u
#define PT_OID_I32 23u
#define PT_OID_TEXT 25u
#define PT_OID_TIME 1184u
#define PT_OID_UUID 2950u
#define PT_OID_I32S 1007u
#define PT_OID_TEXTS 1009u
#define PT_OID_TIMES 1185u
#define PT_OID_UUIDS 2951u

#define PT_SQL_ARRAY_HEAD 20u /* bytes: dimensions, flags, type, size, base */
#define PT_SQL_EPOCH_US INT64_C(946684800000000) /* 2000-01-01 */


static pytake_param_t *pt_p_next(pytake_op_t *op, uint32_t oid);
static void    pt_p_copy(pytake_op_t *op, uint32_t oid, const void *data,
                         size_t len);
static void    pt_p_slice(pytake_op_t *op, uint32_t oid, pt_str_t v);
static char   *pt_p_array(pytake_op_t *op, uint32_t oid, uint32_t element,
                          size_t n, size_t bytes, bool nulls);
static char   *pt_sql_u32(char *p, uint32_t v);
static char   *pt_sql_u64(char *p, uint64_t v);
static int64_t pt_sql_time(int64_t unix_us);
static void    pt_sql_stick(pytake_op_t *op, pt_err_t err);


pt_err_t
pt_sql_begin(pytake_op_t *op, pytake_sql_class_t class)
{
    pt_err_t err;

    assert(op->authenticated);

    err = pt_sql_begin_bare(op, class);
    if (err != PT_OK) {
        return err;
    }

    op->sql.tenant = op->claims.tenant_id;

    err = pt_sql_add(op, PT_STMT_SESSION_ENTER);
    if (err != PT_OK) {
        return err;
    }
    pt_p_uuid(op, &op->claims.tenant_id);
    pt_p_uuid(op, &op->claims.sid);
    pt_p_uuid(op, &op->claims.sub);

    if (op->idem && class == PYTAKE_SQL_WRITE) {
        err = pt_idem_lock_add(op);
        if (err != PT_OK) {
            return err;
        }
    }

    op->first = op->sql.nstmts;

    return PT_OK;
}


pt_err_t
pt_sql_begin_tenant(pytake_op_t     *op, pytake_sql_class_t class,
                    const pt_uuid_t *tenant)
{
    pt_err_t err;

    err = pt_sql_begin_bare(op, class);
    if (err != PT_OK) {
        return err;
    }

    op->sql.tenant = *tenant;

    err = pt_sql_add(op, PT_STMT_TENANT_ENTER);
    if (err != PT_OK) {
        return err;
    }
    pt_p_uuid(op, tenant);

    op->first = op->sql.nstmts;

    return PT_OK;
}


pt_err_t
pt_sql_begin_bare(pytake_op_t *op, pytake_sql_class_t class)
{
    assert(!op->has_effect && !op->waiting);

    memset(&op->sql, 0, sizeof(op->sql));
    op->sql.class = class;
    op->sql.stmts = op->stmts;
    op->sql_err = PT_OK;
    op->nparams = 0;
    op->first = 0;

    return PT_OK;
}


pt_err_t
pt_sql_add(pytake_op_t *op, uint16_t stmt)
{
    pytake_stmt_t *s;

    assert(stmt < pytake_stmts_count);

    if (op->sql_err != PT_OK) {
        return op->sql_err;
    }

    assert(op->sql.nstmts == 0
           || op->nparams == op->stmts[op->sql.nstmts - 1].nparams);

    if (op->sql.nstmts == PT_BATCH_STMTS_MAX) {
        op->sql_err = PT_ELIMIT;
        return op->sql_err;
    }

    s = &op->stmts[op->sql.nstmts];
    s->stmt = stmt;
    s->nparams = pytake_stmts[stmt].nparams;
    s->params = pt_calloc(op->arena, s->nparams, sizeof(pytake_param_t));
    if (s->params == NULL) {
        op->sql_err = PT_ENOMEM;
        return op->sql_err;
    }

    op->sql.nstmts++;
    op->nparams = 0;

    return PT_OK;
}


void
pt_p_uuid(pytake_op_t *op, const pt_uuid_t *v)
{
    if (v == NULL) {
        (void) pt_p_next(op, PT_OID_UUID);
        return;
    }

    pt_p_copy(op, PT_OID_UUID, v->b, sizeof(v->b));
}


void
pt_p_text(pytake_op_t *op, pt_str_t v)
{
    pt_p_slice(op, PT_OID_TEXT, v);
}


void
pt_p_bytes(pytake_op_t *op, pt_str_t v)
{
    pt_p_slice(op, PT_OID_BYTEA, v);
}


void
pt_p_i32(pytake_op_t *op, int32_t v)
{
    char p[4];

    (void) pt_sql_u32(p, (uint32_t) v);
    pt_p_copy(op, PT_OID_I32, p, sizeof(p));
}


void
pt_p_bool(pytake_op_t *op, bool v)
{
    pt_p_copy(op, PT_OID_BOOL, v ? "\x01" : "\x00", 1);
}


void
pt_p_time(pytake_op_t *op, int64_t unix_us)
{
    char p[8];

    (void) pt_sql_u64(p, (uint64_t) pt_sql_time(unix_us));
    pt_p_copy(op, PT_OID_TIME, p, sizeof(p));
}


void
pt_p_uuids(pytake_op_t *op, const pt_uuid_t *v, size_t n)
{
    char  *p;
    size_t i;

    p = pt_p_array(op, PT_OID_UUIDS, PT_OID_UUID, n, n * sizeof(v->b), false);
    for (i = 0; p != NULL && i < n; i++) {
        p = pt_sql_u32(p, sizeof(v[i].b));
        memcpy(p, v[i].b, sizeof(v[i].b));
        p += sizeof(v[i].b);
    }
}


void
pt_p_texts(pytake_op_t *op, const pt_str_t *v, size_t n)
{
    bool   nulls = false;
    char  *p;
    size_t i, bytes = 0;

    for (i = 0; i < n; i++) {
        nulls |= v[i].data == NULL;
        bytes += v[i].data == NULL ? 0 : v[i].len;
    }

    p = pt_p_array(op, PT_OID_TEXTS, PT_OID_TEXT, n, bytes, nulls);
    for (i = 0; p != NULL && i < n; i++) {
        if (v[i].data == NULL) {
            p = pt_sql_u32(p, UINT32_MAX); /* -1: NULL */
            continue;
        }

        p = pt_sql_u32(p, (uint32_t) v[i].len);
        memcpy(p, v[i].data, v[i].len);
        p += v[i].len;
    }
}


void
pt_p_i32s(pytake_op_t *op, const int32_t *v, size_t n)
{
    char  *p;
    size_t i;

    p = pt_p_array(op, PT_OID_I32S, PT_OID_I32, n, n * 4, false);
    for (i = 0; p != NULL && i < n; i++) {
        p = pt_sql_u32(pt_sql_u32(p, 4), (uint32_t) v[i]);
    }
}


void
pt_p_times(pytake_op_t *op, const int64_t *unix_us, size_t n)
{
    char  *p;
    size_t i;

    p = pt_p_array(op, PT_OID_TIMES, PT_OID_TIME, n, n * 8, false);
    for (i = 0; p != NULL && i < n; i++) {
        p = pt_sql_u64(pt_sql_u32(p, 8), (uint64_t) pt_sql_time(unix_us[i]));
    }
}


pt_err_t
pt_sql_go(pytake_op_t *op)
{
    if (op->sql_err != PT_OK) {
        return op->sql_err;
    }

    assert(op->sql.nstmts != 0);
    assert(op->nparams == op->stmts[op->sql.nstmts - 1].nparams);

    op->effect.type = PYTAKE_EFFECT_SQL;
    op->effect.u.sql = op->sql;
    op->has_effect = true;

    return PT_OK;
}


/* The next parameter, still NULL; NULL itself once an error sticks. */
static pytake_param_t *
pt_p_next(pytake_op_t *op, uint32_t oid)
{
    pytake_stmt_t           *s;
    const pytake_stmt_def_t *def;

    if (op->sql_err != PT_OK) {
        return NULL;
    }

    assert(op->sql.nstmts != 0);

    s = &op->stmts[op->sql.nstmts - 1];
    def = &pytake_stmts[s->stmt];

    assert(op->nparams < s->nparams);
    assert(oid == 0 || def->param_oids[op->nparams] == oid);
    PT_UNUSED(def);

    s->params[op->nparams].binary = true;

    return &s->params[op->nparams++];
}


static void
pt_p_copy(pytake_op_t *op, uint32_t oid, const void *data, size_t len)
{
    char           *p;
    pytake_param_t *param;

    param = pt_p_next(op, oid);
    if (param == NULL) {
        return;
    }

    p = pt_alloc(op->arena, len);
    if (p == NULL) {
        pt_sql_stick(op, PT_ENOMEM);
        return;
    }

    memcpy(p, data, len);
    param->data = p;
    param->len = (int32_t) len;
}


static void
pt_p_slice(pytake_op_t *op, uint32_t oid, pt_str_t v)
{
    pytake_param_t *param;

    param = pt_p_next(op, oid);
    if (param == NULL) {
        return;
    }

    if (v.len > INT32_MAX) {
        pt_sql_stick(op, PT_ELIMIT);
        return;
    }

    param->data = v.data;
    param->len = (int32_t) v.len;
}


/* An array's head; gives the place of its first element. */
static char *
pt_p_array(pytake_op_t *op, uint32_t oid, uint32_t element, size_t n,
           size_t bytes, bool nulls)
{
    char           *p;
    size_t          size;
    pytake_param_t *param;

    param = pt_p_next(op, oid);
    if (param == NULL) {
        return NULL;
    }

    if (n > INT32_MAX / 8 || bytes > INT32_MAX / 2) {
        pt_sql_stick(op, PT_ELIMIT);
        return NULL;
    }

    /* an empty array has no dimension */
    size = n == 0 ? 12 : PT_SQL_ARRAY_HEAD + n * 4 + bytes;

    p = pt_alloc(op->arena, size);
    if (p == NULL) {
        pt_sql_stick(op, PT_ENOMEM);
        return NULL;
    }

    param->data = p;
    param->len = (int32_t) size;

    p = pt_sql_u32(p, n == 0 ? 0 : 1);
    p = pt_sql_u32(p, nulls ? 1 : 0);
    p = pt_sql_u32(p, element);
    if (n == 0) {
        return p;
    }

    return pt_sql_u32(pt_sql_u32(p, (uint32_t) n), 1);
}


static char *
pt_sql_u32(char *p, uint32_t v)
{
    p[0] = (char) (v >> 24);
    p[1] = (char) (v >> 16);
    p[2] = (char) (v >> 8);
    p[3] = (char) v;

    return p + 4;
}


static char *
pt_sql_u64(char *p, uint64_t v)
{
    p = pt_sql_u32(p, (uint32_t) (v >> 32));

    return pt_sql_u32(p, (uint32_t) v);
}


static int64_t
pt_sql_time(int64_t unix_us)
{
    /* the ends are 'infinity' and '-infinity' */
    if (unix_us == INT64_MAX || unix_us < INT64_MIN + PT_SQL_EPOCH_US) {
        return unix_us == INT64_MAX ? INT64_MAX : INT64_MIN;
    }

    return unix_us - PT_SQL_EPOCH_US;
}


static void
pt_sql_stick(pytake_op_t *op, pt_err_t err)
{
    if (op->sql_err == PT_OK) {
        op->sql_err = err;
    }
}
