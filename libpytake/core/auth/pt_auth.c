/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The operations login, refresh, logout and me (docs/auth.md).
 *
 * A refresh token's successor is derived from it with a key of ours, and the
 * database keeps hashes of tokens alone.  So the same successor can be given
 * again to a client that lost the answer, and nothing that is stored is worth
 * stealing.
 */

#include "pt_auth.h"

#include <assert.h>

#define PT_AUTH_AGENT_MAX 512u
#define PT_AUTH_LOGIN_TIMEOUT_MS 3000u


static pt_err_t pt_auth_login_find(pytake_op_t *op);
static pt_err_t pt_auth_login_verify(pytake_op_t *op);
static pt_err_t pt_auth_login_open(pytake_op_t *op);
static pt_err_t pt_auth_login_add(pytake_op_t *op, pt_auth_t *au,
                                  const uint8_t hash[32]);
static pt_err_t pt_auth_login_answer(pytake_op_t *op);
static void     pt_auth_refresh_check(pytake_op_t *op);
static pt_err_t pt_auth_refresh_rotate(pytake_op_t *op);
static pt_err_t pt_auth_refresh_answer(pytake_op_t *op);
static pt_err_t pt_auth_refresh_refuse(pytake_op_t *op, pt_err_t refusal);
static pt_err_t pt_auth_logout_revoke(pytake_op_t *op);
static pt_err_t pt_auth_logout_answer(pytake_op_t *op);
static pt_err_t pt_auth_me_read(pytake_op_t *op);
static pt_err_t pt_auth_me_answer(pytake_op_t *op);
static pt_err_t pt_auth_user_copy(pytake_op_t *op, pt_auth_user_t *u);
static pt_err_t pt_auth_clean(pytake_op_t *op, pt_str_t s, size_t max,
                              pt_str_t *out);
static pt_str_t pt_auth_network(const pt_auth_t *au);
static int64_t  pt_auth_expiry(const pytake_op_t *op);


/* The hash with which the password for an unknown e-mail is compared, so that
 * the answer takes as long as for a known one.  It is nobody's. */
static const char pt_auth_dummy[] =
    "$argon2id$v=19$m=19456,t=2,p=1$cHl0YWtlLW5vYm9keS4uLg"
    "$K0eqsXhxHsqIY8fEDO8jYkYhLgQ2v1cOtNqRwPAnk9E";

enum { PT_AUTH_LOGIN_EMAIL, PT_AUTH_LOGIN_PASSWORD };

static const pt_field_t pt_auth_login_fields[] = {
    [PT_AUTH_LOGIN_EMAIL] = { .name = "email",
                              .type = PT_FIELD_SECRET,
                              .flags = PT_FIELD_REQUIRED,
                              .max = PT_EMAIL_MAX },
    [PT_AUTH_LOGIN_PASSWORD] = { .name = "password",
                                 .type = PT_FIELD_SECRET,
                                 .flags = PT_FIELD_REQUIRED,
                                 .max = PT_PASSWORD_MAX }
};

static const pt_field_t pt_auth_refresh_fields[] = {
    { .name = "refresh_token",
      .type = PT_FIELD_SECRET,
      .max = PT_AUTH_TOKEN_CHARS_MAX }
};

const pt_op_def_t pt_auth_login = {
    .name = "auth_login",
    .perm = PT_PERM_NONE,
    .rate = PT_RATE_LOGIN,
    .flags = PT_OP_PUBLIC | PT_OP_BODY | PT_OP_LOGIN,
    .status = 200,
    .body = PT_FIELDS(pt_auth_login_fields),
    .timeout_ms = PT_AUTH_LOGIN_TIMEOUT_MS,
    .steps = { pt_auth_login_find, pt_auth_login_verify, pt_auth_login_open,
               pt_auth_login_answer }
};

const pt_op_def_t pt_auth_refresh = { .name = "auth_refresh",
                                      .perm = PT_PERM_NONE,
                                      .rate = PT_RATE_LOGIN,
                                      .flags = PT_OP_PUBLIC | PT_OP_BODY,
                                      .status = 200,
                                      .body = PT_FIELDS(pt_auth_refresh_fields),
                                      .check = pt_auth_refresh_check,
                                      .steps = { pt_auth_refresh_rotate,
                                                 pt_auth_refresh_answer } };

const pt_op_def_t pt_auth_logout = { .name = "auth_logout",
                                     .perm = PT_PERM_SESSION_OWN,
                                     .rate = PT_RATE_WRITE,
                                     .status = 204,
                                     .steps = { pt_auth_logout_revoke,
                                                pt_auth_logout_answer } };

const pt_op_def_t pt_auth_me = { .name = "auth_me",
                                 .perm = PT_PERM_SESSION_OWN,
                                 .rate = PT_RATE_READ,
                                 .status = 200,
                                 .steps = { pt_auth_me_read,
                                            pt_auth_me_answer } };


static pt_err_t
pt_auth_login_find(pytake_op_t *op)
{
    pt_err_t   err;
    pt_auth_t *au;

    au = pt_arena_calloc(op->arena, 1, sizeof(pt_auth_t));
    if (au == NULL) {
        return PT_ENOMEM;
    }
    op->data = au;

    au->password = op->input[PT_AUTH_LOGIN_PASSWORD].text;

    err = pt_auth_who_network(op, au);
    if (err != PT_OK) {
        return err;
    }

    pt_op_sql_bare(op, PYTAKE_SQL_READ);
    PT_SQL(&op->batch, login_find, .email = op->input[PT_AUTH_LOGIN_EMAIL].text,
           .network = pt_auth_network(au));

    return pt_op_sql_go(op);
}


/*
 * Asks for the comparison of the password.  The driver looks at the limits of
 * attempts before it spends a hash.  An e-mail goes the same way whether it is
 * known or not.
 */
static pt_err_t
pt_auth_login_verify(pytake_op_t *op)
{
    pt_err_t             err;
    pt_auth_t           *au = op->data;
    const pytake_rows_t *r = pt_op_rows(op, 0);

    au->phc = (pt_str_t){ pt_auth_dummy, sizeof(pt_auth_dummy) - 1 };
    au->found = pt_cell_uuid(r, 0, PT_COL_LOGIN_FIND_ID, &au->user.id);
    au->login.calm = au->found && pt_cell_bool(r, 0, PT_COL_LOGIN_FIND_CALM);

    err = pt_auth_who_account(op, au,
                              pt_cell_text(r, 0, PT_COL_LOGIN_FIND_ACCOUNT));
    if (err != PT_OK) {
        return err;
    }

    if (au->found) {
        (void) pt_cell_uuid(r, 0, PT_COL_LOGIN_FIND_TENANT_ID,
                            &au->user.tenant_id);
        au->user.email = pt_cell_text(r, 0, PT_COL_LOGIN_FIND_EMAIL);
        au->user.name = pt_cell_text(r, 0, PT_COL_LOGIN_FIND_NAME);
        au->user.role = pt_cell_text(r, 0, PT_COL_LOGIN_FIND_ROLE);

        err = pt_auth_user_copy(op, &au->user);
        if (err != PT_OK) {
            return err;
        }

        err = pt_arena_dup(op->arena,
                           pt_cell_text(r, 0, PT_COL_LOGIN_FIND_PASSWORD_HASH),
                           &au->phc);
        if (err != PT_OK) {
            return err;
        }
    }

    return pt_op_verify(op, &au->login, au->password, au->phc);
}


static pt_err_t
pt_auth_login_open(pytake_op_t *op)
{
    uint8_t    hash[32];
    pt_err_t   err;
    pt_auth_t *au = op->data;

    if (!op->work_match || !au->found) {
        return PT_ECREDENTIALS;
    }

    pt_op_user(op, &au->user.tenant_id, &au->user.id);

    err = pt_rand_uuid(&op->rand, op->now_us, &au->session_id);
    if (err != PT_OK) {
        return err;
    }

    err = pt_auth_token_new(op, &au->refresh_token);
    if (err != PT_OK) {
        return err;
    }

    err = pt_hash_sha256(au->refresh_token.data, au->refresh_token.len, hash);
    if (err != PT_OK) {
        return err;
    }

    return pt_auth_login_add(op, au, hash);
}


static pt_err_t
pt_auth_login_add(pytake_op_t *op, pt_auth_t *au, const uint8_t hash[32])
{
    pt_err_t  err;
    pt_str_t  agent, address, hash_copy;
    pt_uuid_t audit_id;

    err = pt_rand_uuid(&op->rand, op->now_us, &audit_id);
    if (err == PT_OK) {
        err = pt_auth_clean(op, op->req->user_agent, PT_AUTH_AGENT_MAX, &agent);
    }
    if (err == PT_OK) {
        err = pt_auth_clean(op, op->req->remote_addr, PT_AUTH_AGENT_MAX,
                            &address);
    }
    if (err == PT_OK) {
        err = pt_arena_dup(op->arena, (pt_str_t){ (const char *) hash, 32 },
                           &hash_copy);
    }
    if (err != PT_OK) {
        return err;
    }

    pt_op_sql_tenant(op, PYTAKE_SQL_WRITE, &au->user.tenant_id);
    PT_SQL(&op->batch, session_add, .id = &au->session_id,
           .user_id = &au->user.id, .now = op->now_us,
           .expires_at = pt_auth_expiry(op), .user_agent = agent,
           .address = address, .token_hash = hash_copy, .audit_id = &audit_id,
           .request_id = op->request_id);

    PT_SQL(&op->batch, login_network_add, .user_id = &au->user.id,
           .network = pt_auth_network(au));

    return pt_op_sql_go(op);
}


static pt_err_t
pt_auth_login_answer(pytake_op_t *op)
{
    /* There is no row if the user was deactivated while the password was
     * compared. */
    if (pt_op_rows(op, 0)->nrows == 0) {
        return PT_ECREDENTIALS;
    }

    return pt_auth_reply_tokens(op, op->data);
}


/* A browser's token must be in its cookie and nowhere else; any other client's
 * must be in the body. */
static void
pt_auth_refresh_check(pytake_op_t *op)
{
    if (op->req->browser && op->input[0].given) {
        pt_op_fault(op, PT_STR("refresh_token"), "unknown", "Unknown field");

    } else if (!op->req->browser && !op->input[0].given) {
        pt_op_fault(op, PT_STR("refresh_token"), "required", "Is required");
    }
}


static pt_err_t
pt_auth_refresh_rotate(pytake_op_t *op)
{
    uint8_t    hash[2][32];
    pt_err_t   err = PT_OK;
    pt_str_t   token = op->input[0].text, hashes;
    pt_auth_t *au;

    au = pt_arena_calloc(op->arena, 1, sizeof(pt_auth_t));
    if (au == NULL) {
        return PT_ENOMEM;
    }
    op->data = au;

    if (op->req->browser) {
        err = pt_auth_cookie_get(op, &token);
    }
    if (err == PT_OK) {
        err = pt_auth_token_next(op, token, &au->refresh_token);
    }
    if (err == PT_OK) {
        err = pt_hash_sha256(token.data, token.len, hash[0]);
    }
    if (err == PT_OK) {
        err = pt_hash_sha256(au->refresh_token.data, au->refresh_token.len,
                             hash[1]);
    }
    if (err == PT_OK) {
        err = pt_arena_dup(op->arena,
                           (pt_str_t){ (const char *) hash, sizeof(hash) },
                           &hashes);
    }
    if (err != PT_OK) {
        return err;
    }

    pt_op_sql_bare(op, PYTAKE_SQL_WRITE);
    PT_SQL(&op->batch, refresh_rotate,
           .token_hash = (pt_str_t){ hashes.data, 32 },
           .next_hash = (pt_str_t){ hashes.data + 32, 32 },
           .expires_at = pt_auth_expiry(op), .grace_s = PT_SESSION_GRACE_S);

    return pt_op_sql_go(op);
}


static pt_err_t
pt_auth_refresh_answer(pytake_op_t *op)
{
    pt_err_t             err;
    pt_str_t             outcome;
    pt_auth_t           *au = op->data;
    const pytake_rows_t *r = pt_op_rows(op, 0);

    outcome = pt_cell_text(r, 0, PT_COL_REFRESH_ROTATE_OUTCOME);

    if (pt_str_is(outcome, "unknown")) {
        return pt_auth_refresh_refuse(op, PT_EREFRESH);
    }

    (void) pt_cell_uuid(r, 0, PT_COL_REFRESH_ROTATE_USER_ID, &au->user.id);
    (void) pt_cell_uuid(r, 0, PT_COL_REFRESH_ROTATE_TENANT_ID,
                        &au->user.tenant_id);
    (void) pt_cell_uuid(r, 0, PT_COL_REFRESH_ROTATE_SESSION_ID,
                        &au->session_id);
    au->user.email = pt_cell_text(r, 0, PT_COL_REFRESH_ROTATE_EMAIL);
    au->user.name = pt_cell_text(r, 0, PT_COL_REFRESH_ROTATE_NAME);
    au->user.role = pt_cell_text(r, 0, PT_COL_REFRESH_ROTATE_ROLE);

    pt_op_user(op, &au->user.tenant_id, &au->user.id);

    if (pt_str_is(outcome, "reused")) {
        /* The session is over.  If this publishing fails, its sockets learn of
         * it when the hub polls. */
        err = pt_publish_revoke(op, &au->user.tenant_id, &au->session_id);
        PT_UNUSED(err);
        return pt_auth_refresh_refuse(op, PT_EREFRESHREUSED);
    }

    if (!pt_str_is(outcome, "rotated") && !pt_str_is(outcome, "again")) {
        return PT_EINTERNAL;
    }

    return pt_auth_reply_tokens(op, au);
}


/* Refuses a refresh, and has a browser forget its cookie, because the token in
 * it is worth nothing. */
static pt_err_t
pt_auth_refresh_refuse(pytake_op_t *op, pt_err_t refusal)
{
    pt_err_t err;

    err = op->req->browser ? pt_auth_cookie_set(op, PT_STR_NULL) : PT_OK;

    return err == PT_OK ? refusal : err;
}


static pt_err_t
pt_auth_logout_revoke(pytake_op_t *op)
{
    pt_err_t  err;
    pt_str_t  object;
    pt_uuid_t audit_id;
    char      sid[PT_UUID_LEN];

    pt_uuid_build(&op->claims.sid, sid);

    err = pt_arena_dup(op->arena, (pt_str_t){ sid, sizeof(sid) }, &object);
    if (err == PT_OK) {
        err = pt_rand_uuid(&op->rand, op->now_us, &audit_id);
    }
    if (err != PT_OK) {
        return err;
    }

    pt_op_sql(op, PYTAKE_SQL_WRITE);
    PT_SQL(&op->batch, session_revoke, .id = &op->claims.sid);

    PT_SQL(&op->batch, audit_add, .id = &audit_id, .user_id = &op->claims.sub,
           .action = PT_STR("session.logout"), .object = object,
           .request_id = op->request_id, .now = op->now_us);

    return pt_op_sql_go(op);
}


static pt_err_t
pt_auth_logout_answer(pytake_op_t *op)
{
    pt_err_t err;

    /* The session is ended already.  If this publishing fails, its sockets
     * learn of it when the hub polls. */
    err = pt_publish_revoke(op, &op->claims.tenant_id, &op->claims.sid);
    PT_UNUSED(err);

    err = op->req->browser ? pt_auth_cookie_set(op, PT_STR_NULL) : PT_OK;

    return err == PT_OK ? pt_reply(op, 204, PT_STR("")) : err;
}


static pt_err_t
pt_auth_me_read(pytake_op_t *op)
{
    pt_op_sql(op, PYTAKE_SQL_READ);
    PT_SQL(&op->batch, user_me, .id = &op->claims.sub);

    return pt_op_sql_go(op);
}


static pt_err_t
pt_auth_me_answer(pytake_op_t *op)
{
    if (pt_op_rows(op, 0)->nrows == 0) {
        return PT_EREVOKED;
    }

    return pt_row_reply(op, 200);
}


/* Copies the texts of a user to the arena, because rows are gone after the next
 * effect and these are needed later. */
static pt_err_t
pt_auth_user_copy(pytake_op_t *op, pt_auth_user_t *u)
{
    pt_err_t err;

    err = pt_arena_dup(op->arena, u->email, &u->email);
    if (err == PT_OK) {
        err = pt_arena_dup(op->arena, u->name, &u->name);
    }
    if (err == PT_OK) {
        err = pt_arena_dup(op->arena, u->role, &u->role);
    }

    return err;
}


/* Makes a header a text that PostgreSQL takes, of at most max bytes.  An absent
 * one stays absent. */
static pt_err_t
pt_auth_clean(pytake_op_t *op, pt_str_t s, size_t max, pt_str_t *out)
{
    bool changed;

    if (s.data == NULL) {
        *out = PT_STR_NULL;
        return PT_OK;
    }

    if (s.len > max) {
        s.len = max;
    }

    return pt_utf8_clean(op->arena, s, out, &changed);
}


static pt_str_t
pt_auth_network(const pt_auth_t *au)
{
    return (pt_str_t){ (const char *) au->network, sizeof(au->network) };
}


static int64_t
pt_auth_expiry(const pytake_op_t *op)
{
    assert(op->pt->conf.refresh_lifetime_s > 0);

    return op->now_us + op->pt->conf.refresh_lifetime_s * INT64_C(1000000);
}
