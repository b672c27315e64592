/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Computes whose attempt at a login this is, as keyed hashes, against which it
 * is counted.  Without the secret nobody can say what a hash stands for, or
 * find two things with the same hash.
 */

#include "pt_auth.h"

#include <assert.h>

#define PT_AUTH_WHO_MAX 2048u


static pt_err_t pt_auth_who_hash(pytake_op_t *op, const char *what, pt_str_t a,
                                 pt_str_t b, uint8_t out[32]);
static uint64_t pt_auth_who_key(const uint8_t hash[8]);


pt_err_t
pt_auth_who_network(pytake_op_t *op, pt_auth_t *au)
{
    uint8_t  hash[32];
    pt_err_t err;

    err = pt_auth_who_hash(op, "network ", op->req->network, PT_STR(""), hash);
    if (err != PT_OK) {
        return err;
    }

    assert(PT_AUTH_NETWORK_LEN + 8 <= sizeof(hash));

    memcpy(au->network, hash, PT_AUTH_NETWORK_LEN);
    au->login.network = pt_auth_who_key(hash + PT_AUTH_NETWORK_LEN);

    return PT_OK;
}


pt_err_t
pt_auth_who_account(pytake_op_t *op, pt_auth_t *au, pt_str_t account)
{
    uint8_t  hash[32];
    pt_err_t err;
    pt_str_t network = { (const char *) au->network, sizeof(au->network) };

    err = pt_auth_who_hash(op, "account ", account, PT_STR(""), hash);
    if (err != PT_OK) {
        return err;
    }
    au->login.account = pt_auth_who_key(hash);

    err = pt_auth_who_hash(op, "visitor ", network, account, hash);
    if (err != PT_OK) {
        return err;
    }
    au->login.visitor = pt_auth_who_key(hash);

    return PT_OK;
}


/* Hashes a kind and two parts.  a has a fixed length or b is empty, so that no
 * two pairs make the same bytes. */
static pt_err_t
pt_auth_who_hash(pytake_op_t *op, const char *what, pt_str_t a, pt_str_t b,
                 uint8_t out[32])
{
    pt_buf_t buf;
    pt_err_t err;
    pt_str_t s, key;

    key.data = (const char *) op->pt->login_key;
    key.len = sizeof(op->pt->login_key);

    pt_buf_init(&buf, op->arena, PT_AUTH_WHO_MAX);
    pt_buf_add(&buf, what, strlen(what)); /* what is a literal */
    pt_buf_str_add(&buf, a);
    pt_buf_str_add(&buf, b);

    err = pt_buf_get(&buf, &s);

    return err == PT_OK ? pt_hash_hmac_sha256(key, s, out) : err;
}


static uint64_t
pt_auth_who_key(const uint8_t hash[8])
{
    uint64_t key;

    memcpy(&key, hash, sizeof(key));

    return key != 0 ? key : 1;
}
