/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Idempotency-Key.  The scope of a key is the tenant, the user, the operation
 * and what the path names.  Two requests are compared by their raw bodies.
 */

#include "pt_op_parts.h"
#include "pt_noun.h"

#include <assert.h>

#define PT_IDEM_SCOPE_MAX 512u


static pt_err_t pt_idem_scope(pytake_op_t *op);


pt_err_t
pt_idem_init(pytake_op_t *op, pt_str_t key)
{
    size_t        i;
    pt_err_t      err;
    unsigned char c;

    if (key.data == NULL) {
        return PT_OK;
    }

    assert(op->authenticated);

    if (key.len == 0 || key.len > PT_IDEM_KEY_MAX) {
        return PT_EIDEMKEY;
    }

    for (i = 0; i < key.len; i++) {
        c = (unsigned char) key.data[i];
        if (c < 0x20 || c > 0x7e) {
            return PT_EIDEMKEY;
        }
    }

    err = pt_hash_sha256(op->req->body.data, op->req->body.len, op->idem_hash);
    if (err != PT_OK) {
        return err;
    }

    err = pt_idem_scope(op);
    if (err != PT_OK) {
        return err;
    }

    op->idem_key = key;
    op->idem = true;

    return PT_OK;
}


void
pt_idem_lock_add(pytake_op_t *op)
{
    PT_SQL(&op->batch, idem_lock, .scope = op->idem_scope, .key = op->idem_key,
           .kept_since = op->now_us - PT_IDEM_KEPT_S * INT64_C(1000000));
}


pt_err_t
pt_idem_look(pytake_op_t *op)
{
    op->idem_looked = true;
    op->idem_looking = true;

    pt_op_sql(op, PYTAKE_SQL_READ);
    PT_SQL(&op->batch, idem_get, .scope = op->idem_scope, .key = op->idem_key,
           .kept_since = op->now_us - PT_IDEM_KEPT_S * INT64_C(1000000));

    return pt_op_sql_go(op);
}


pt_err_t
pt_idem_replay(pytake_op_t *op)
{
    pt_err_t             err;
    pt_str_t             hash, location, body;
    const pytake_rows_t *r = pt_op_rows(op, 0);

    if (r->nrows == 0) {
        return PT_ENOTFOUND;
    }

    hash = pt_cell_text(r, 0, PT_COL_IDEM_GET_BODY_HASH);
    if (hash.len != sizeof(op->idem_hash)
        || memcmp(hash.data, op->idem_hash, hash.len) != 0)
    {
        return PT_EIDEMMISMATCH;
    }

    /* The rows are gone when the answer is written, so it needs copies. */
    err = pt_arena_dup(op->arena, pt_cell_text(r, 0, PT_COL_IDEM_GET_RESPONSE),
                       &body);
    if (err != PT_OK) {
        return err;
    }

    if (!pt_cell_is_null(r, 0, PT_COL_IDEM_GET_LOCATION)) {
        err = pt_arena_dup(
            op->arena, pt_cell_text(r, 0, PT_COL_IDEM_GET_LOCATION), &location);
        if (err == PT_OK) {
            err = pt_reply_header(op, "Location", location);
        }
        if (err != PT_OK) {
            return err;
        }
    }

    err = op->def->noun != NULL ? pt_noun_etag_first(op) : PT_OK;
    if (err == PT_OK) {
        err = pt_reply_header(op, "Idempotent-Replayed", PT_STR("true"));
    }
    if (err != PT_OK) {
        return err;
    }

    return pt_reply(op, pt_cell_i32(r, 0, PT_COL_IDEM_GET_STATUS), body);
}


bool
pt_idem_is_store(const pytake_op_t *op, uint16_t stmt)
{
    uint16_t id;

    if (!op->idem || stmt >= op->batch.sql.nstmts) {
        return false;
    }

    id = op->batch.stmts[stmt].stmt;

    return id == PT_STMT_IDEM_STORE || id == PT_STMT_IDEM_STORE_CONV;
}


void
pt_idem_store(pytake_op_t *op, int status, pt_str_t location, pt_str_t body,
              const pt_uuid_t *witness)
{
    if (!op->idem) {
        return;
    }

    assert(op->batch.sql.class == PYTAKE_SQL_WRITE);

    PT_SQL(&op->batch, idem_store, .scope = op->idem_scope, .key = op->idem_key,
           .body_hash = (pt_str_t){ (const char *) op->idem_hash,
                                    sizeof(op->idem_hash) },
           .status = status, .location = location, .response = body,
           .now = op->now_us, .witness = witness);
}


static pt_err_t
pt_idem_scope(pytake_op_t *op)
{
    char     id[PT_UUID_LEN];
    uint16_t i;
    pt_buf_t b;

    pt_buf_init(&b, op->arena, PT_IDEM_SCOPE_MAX);

    pt_uuid_build(&op->claims.sub, id);
    pt_buf_add(&b, id, sizeof(id));
    pt_buf_char(&b, ' ');
    pt_buf_add(&b, op->def->name, strlen(op->def->name));

    for (i = 0; i < op->match.nparams; i++) {
        pt_uuid_build(&op->match.params[i], id);
        pt_buf_char(&b, ' ');
        pt_buf_add(&b, id, sizeof(id));
    }

    return pt_buf_get(&b, &op->idem_scope);
}
