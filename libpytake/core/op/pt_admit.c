/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Does everything that comes before an operation's first step.  The order of
 * refusals is the API's contract: route, credentials, permission, media type,
 * size, JSON.
 */

#include "pt_op_parts.h"
#include "core/trust/pt_signature.h"

#include <assert.h>

#define PT_ADMIT_DETAIL_MAX 128u


static pt_err_t pt_admit_webhook(pytake_op_t *op);
static pt_err_t pt_admit_media(pytake_op_t *op);
static pt_err_t pt_admit_once(pytake_op_t *op, uint32_t header,
                              const char *name);
static pt_err_t pt_admit_request_id(pytake_op_t *op);
static pt_err_t pt_admit_no_route(pytake_op_t *op);
static pt_err_t pt_admit_user(pytake_op_t *op);
static pt_err_t pt_admit_permission(pytake_op_t *op);
static bool     pt_admit_token(pt_str_t header, pt_str_t *token);
static pt_err_t pt_admit_body(pytake_op_t *op);
static bool     pt_admit_is_json(pt_str_t type);
static bool     pt_admit_is_utf8(pt_str_t params);
static bool     pt_admit_is(pt_str_t s, const char *lower);


pt_err_t
pt_admit(pytake_op_t *op)
{
    uint32_t flags;
    pt_err_t err;

    err = pt_admit_header(op);
    if (err != PT_OK) {
        return err;
    }

    flags = op->def->flags;

    if ((flags & PT_OP_BODY) != 0) {
        err = pt_admit_body(op);
        if (err != PT_OK) {
            return err;
        }
    }

    /* A webhook's POST has an order of its own, and no arguments. */
    if ((flags & PT_OP_WEBHOOK) != 0 && op->req->method == PYTAKE_POST) {
        return PT_OK;
    }

    err = pt_arg_parse(op);
    if (err == PT_OK) {
        err = pt_admit_once(op, PYTAKE_IDEMPOTENCY_KEY, "Idempotency-Key");
    }
    if (err == PT_OK && (flags & PT_OP_IDEMPOTENT) != 0) {
        err = pt_idem_init(op, op->req->idempotency_key);
    }
    if (err == PT_OK) {
        err = pt_declared_read(op);
    }

    return err;
}


pt_err_t
pt_admit_header(pytake_op_t *op)
{
    uint32_t flags;
    pt_err_t err;

    err = pt_admit_request_id(op);
    if (err != PT_OK) {
        return err;
    }

    if (op->match.err != PT_OK) {
        return pt_admit_no_route(op);
    }

    assert(op->def != NULL);

    flags = op->def->flags;

    if ((flags & (PT_OP_PUBLIC | PT_OP_WEBHOOK)) == 0) {
        err = pt_admit_user(op);
        if (err == PT_OK) {
            err = pt_admit_permission(op);
        }
        if (err != PT_OK) {
            return err;
        }
    }

    if ((flags & PT_OP_WEBHOOK) != 0) {
        return op->req->method == PYTAKE_POST ? pt_admit_webhook(op) : PT_OK;
    }

    return pt_admit_media(op);
}


/* Judges the header of a webhook's POST.  Whether the signature is right is
 * seen when the body is there. */
static pt_err_t
pt_admit_webhook(pytake_op_t *op)
{
    pt_err_t err;

    if (op->req->body_too_large) {
        return PT_ETOOLARGE;
    }

    err = pt_admit_once(op, PYTAKE_SIGNATURE, "X-Hub-Signature-256");
    if (err != PT_OK) {
        return err;
    }

    return op->pt->conf.webhook_secret.len != 0
                   && pt_signature_is(op->req->signature)
               ? PT_OK
               : PT_ESIGNATURE;
}


static pt_err_t
pt_admit_media(pytake_op_t *op)
{
    pt_err_t err;

    if ((op->def->flags & PT_OP_BODY) != 0) {
        err = pt_admit_once(op, PYTAKE_CONTENT_TYPE, "Content-Type");
        if (err != PT_OK) {
            return err;
        }
        if (!pt_admit_is_json(op->req->content_type)) {
            return PT_EMEDIATYPE;
        }
    }

    return op->req->body_too_large ? PT_ETOOLARGE : PT_OK;
}


/* Refuses a header that came twice, because a server before this one might have
 * read the other one. */
static pt_err_t
pt_admit_once(pytake_op_t *op, uint32_t header, const char *name)
{
    pt_buf_t b;
    pt_err_t err;

    if ((op->req->doubled & header) == 0) {
        return PT_OK;
    }

    pt_buf_init(&b, op->arena, PT_ADMIT_DETAIL_MAX);
    pt_buf_add(&b, name, strlen(name));
    pt_buf_lit(&b, " was sent more than once");
    err = pt_buf_get(&b, &op->detail);

    return err == PT_OK ? PT_EDOUBLED : err;
}


static pt_err_t
pt_admit_request_id(pytake_op_t *op)
{
    char    *p;
    uint8_t  rnd[16];
    pt_err_t err;

    if (pytake_request_id_is(op->req->request_id)) {
        op->request_id = op->req->request_id;
        return PT_OK;
    }

    err = pt_rand_get(&op->rand, rnd, sizeof(rnd));
    if (err != PT_OK) {
        return err;
    }

    p = pt_arena_alloc(op->arena, PYTAKE_REQUEST_ID_LEN);
    if (p == NULL) {
        return PT_ENOMEM;
    }

    pytake_request_id_build(rnd, p);
    op->request_id = (pt_str_t){ p, PYTAKE_REQUEST_ID_LEN };

    return PT_OK;
}


static pt_err_t
pt_admit_no_route(pytake_op_t *op)
{
    pt_err_t err = op->match.err;
    pt_str_t allow;

    if (err == PT_EMETHOD) {
        err = pt_route_allow(op->arena, op->req->path, &allow);
        if (err == PT_OK) {
            err = pt_reply_header(op, "Allow", allow);
        }
        if (err == PT_OK) {
            err = PT_EMETHOD;
        }
    }

    return err;
}


static pt_err_t
pt_admit_user(pytake_op_t *op)
{
    pt_err_t err;
    pt_str_t token;

    if (!pt_admit_token(op->req->authorization, &token)) {
        return PT_EUNAUTHORIZED;
    }

    if (token.len > PT_TOKEN_MAX) {
        return PT_ETOKEN;
    }

    err = pt_jwt_verify(op->pt->jwt, op->arena, token, op->now_us / 1000000,
                        &op->claims);
    if (err != PT_OK) {
        return err;
    }

    op->authenticated = true;
    pt_op_user(op, &op->claims.tenant_id, &op->claims.sub);

    return PT_OK;
}


/* Judges the permission by the role alone, whatever ids the path has: the
 * database is not asked before. */
static pt_err_t
pt_admit_permission(pytake_op_t *op)
{
    pt_buf_t  b;
    pt_err_t  err;
    pt_perm_t perm = op->def->perm;

    if (pt_perm_may((pt_str_t){ op->claims.role, strlen(op->claims.role) },
                    perm)) {
        return PT_OK;
    }

    pt_buf_init(&b, op->arena, PT_ADMIT_DETAIL_MAX);
    pt_buf_lit(&b, "This needs the permission ");
    pt_buf_str_add(&b, pt_perm_name(perm));
    err = pt_buf_get(&b, &op->detail);

    return err == PT_OK ? PT_EFORBIDDEN : err;
}


/* Takes the token out of "Bearer" 1*SP token (RFC 6750, section 2.1).  The
 * scheme may be in any case (RFC 9110, section 11.1). */
static bool
pt_admit_token(pt_str_t header, pt_str_t *token)
{
    pt_str_t     s = pt_utf8_trim(header);
    const size_t n = sizeof("bearer") - 1;

    if (s.len <= n || s.data[n] != ' '
        || !pt_admit_is((pt_str_t){ s.data, n }, "bearer"))
    {
        return false;
    }

    *token = pt_utf8_trim((pt_str_t){ s.data + n, s.len - n });

    return token->len != 0;
}


static pt_err_t
pt_admit_body(pytake_op_t *op)
{
    pt_err_t   err;
    pt_json_t *body;

    err = pt_json_parse(op->arena, op->req->body, &pt_json_limits_api, &body);
    if (err != PT_OK) {
        return err == PT_ELIMIT ? PT_ETOOLARGE : err;
    }

    if (body->type != PT_JSON_OBJECT) {
        pt_op_fault(op, PT_STR(""), "type", "The body must be an object");
        return PT_EVALIDATION;
    }

    op->body = body;

    return PT_OK;
}


/* Whether a media type is application/json with no charset or with UTF-8.  Its
 * other parameters mean nothing (RFC 8259, section 11). */
static bool
pt_admit_is_json(pt_str_t type)
{
    size_t   i;
    pt_str_t name = type, params = PT_STR("");

    for (i = 0; i < type.len; i++) {
        if (type.data[i] == ';') {
            name.len = i;
            params = (pt_str_t){ type.data + i + 1, type.len - i - 1 };
            break;
        }
    }

    return pt_admit_is(pt_utf8_trim(name), "application/json")
           && pt_admit_is_utf8(params);
}


static bool
pt_admit_is_utf8(pt_str_t params)
{
    size_t   i, start;
    pt_str_t p;

    for (start = 0, i = 0; i <= params.len; i++) {
        if (i < params.len && params.data[i] != ';') {
            continue;
        }

        p = pt_utf8_trim((pt_str_t){ params.data + start, i - start });
        start = i + 1;

        if (p.len > 8 && pt_admit_is((pt_str_t){ p.data, 8 }, "charset=")
            && !pt_admit_is(p, "charset=utf-8")
            && !pt_admit_is(p, "charset=\"utf-8\""))
        {
            return false;
        }
    }

    return true;
}


static bool
pt_admit_is(pt_str_t s, const char *lower)
{
    char   c;
    size_t i, n = strlen(lower); /* lower is a string literal */

    if (s.len != n) {
        return false;
    }

    for (i = 0; i < n; i++) {
        c = s.data[i];
        if (c >= 'A' && c <= 'Z') {
            c = (char) (c | 0x20);
        }
        if (c != lower[i]) {
            return false;
        }
    }

    return true;
}
