/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The instance: the configuration and the keys that all operations share.
 */

#include "pt_op_parts.h"
#include "core/base/pt_bus.h"

#include <assert.h>

#define PT_PYTAKE_PROBLEM_MAX 4096u


static pt_err_t pt_pytake_copy(const pt_mem_t *mem, pt_str_t from,
                               pt_str_t *to);
static pt_err_t pt_pytake_keys(pytake_t *pt);
static void     pt_pytake_free(const pt_mem_t *mem, pt_str_t s);


pt_err_t
pytake_new(const pytake_conf_t *conf, pytake_t **out)
{
    pt_err_t        err;
    pytake_t       *pt;
    const pt_mem_t *mem = &conf->mem;

    *out = NULL;

    if (conf->jwt_secret.len < PT_JWT_SECRET_MIN) {
        return PT_EVALIDATION;
    }

    pt = mem->alloc(mem->user, sizeof(pytake_t));
    if (pt == NULL) {
        return PT_ENOMEM;
    }

    memset(pt, 0, sizeof(*pt));
    pt->conf.mem = conf->mem;
    pt->conf.access_lifetime_s = conf->access_lifetime_s;
    pt->conf.refresh_lifetime_s = conf->refresh_lifetime_s;

    err = pt_pytake_copy(mem, conf->jwt_secret, &pt->conf.jwt_secret);
    if (err == PT_OK) {
        err =
            pt_pytake_copy(mem, conf->webhook_secret, &pt->conf.webhook_secret);
    }
    if (err == PT_OK) {
        err = pt_pytake_copy(mem, conf->webhook_verify_token,
                             &pt->conf.webhook_verify_token);
    }
    if (err == PT_OK) {
        err = pt_pytake_keys(pt);
    }
    if (err != PT_OK) {
        pytake_del(pt);
        return err;
    }

    *out = pt;

    return PT_OK;
}


void
pytake_del(pytake_t *pt)
{
    pt_mem_t mem;

    if (pt == NULL) {
        return;
    }

    mem = pt->conf.mem;

    if (pt->jwt != NULL) {
        pt_jwt_del(pt->jwt);
    }

    pt_pytake_free(&mem, pt->conf.jwt_secret);
    pt_pytake_free(&mem, pt->conf.webhook_secret);
    pt_pytake_free(&mem, pt->conf.webhook_verify_token);

    mem.free(mem.user, pt);
}


pt_err_t
pytake_problem(pt_arena_t *a, int status, pt_str_t request_id, pt_str_t *out)
{
    pt_buf_t b;

    pt_buf_init(&b, a, PT_PYTAKE_PROBLEM_MAX);
    pt_err_problem(&b, pt_err_status_get(status), PT_STR_NULL, request_id, NULL,
                   0);

    return pt_buf_get(&b, out);
}


bool
pytake_request_id_is(pt_str_t id)
{
    char   c;
    size_t i;

    if (id.data == NULL || id.len == 0 || id.len > PT_REQUEST_ID_MAX) {
        return false;
    }

    for (i = 0; i < id.len; i++) {
        c = id.data[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
              || (c >= '0' && c <= '9')
              || (c != '\0' && strchr("._~:+/=-", c) != NULL)))
        {
            return false;
        }
    }

    return true;
}


void
pytake_request_id_build(const uint8_t rnd[16], char out[PYTAKE_REQUEST_ID_LEN])
{
    memcpy(out, "req_", 4);
    pt_hex_build(rnd, 16, out + 4);
}


static pt_err_t
pt_pytake_copy(const pt_mem_t *mem, pt_str_t from, pt_str_t *to)
{
    char *p;

    if (from.len == 0) {
        return PT_OK;
    }

    p = mem->alloc(mem->user, from.len);
    if (p == NULL) {
        return PT_ENOMEM;
    }

    memcpy(p, from.data, from.len);
    *to = (pt_str_t){ p, from.len };

    return PT_OK;
}


/* Derives a key for each use of the one secret, so that no use can be mistaken
 * for another. */
static pt_err_t
pt_pytake_keys(pytake_t *pt)
{
    pt_err_t err;

    assert(sizeof(pt->cursor_key) == 32 && sizeof(pt->refresh_key) == 32);

    pt->jwt = pt_jwt_new(&pt->conf.mem, pt->conf.jwt_secret);
    if (pt->jwt == NULL) {
        return PT_ENOMEM;
    }

    err = pt_hash_hmac_sha256(pt->conf.jwt_secret, PT_STR("pytake cursor 1"),
                              pt->cursor_key);
    if (err != PT_OK) {
        return err;
    }

    err = pt_hash_hmac_sha256(pt->conf.jwt_secret, PT_STR("pytake refresh 1"),
                              pt->refresh_key);
    if (err != PT_OK) {
        return err;
    }

    err = pt_hash_hmac_sha256(pt->conf.jwt_secret, PT_STR("pytake login 1"),
                              pt->login_key);
    if (err != PT_OK) {
        return err;
    }

    return pt_bus_key(pt->conf.jwt_secret, pt->bus_key);
}


static void
pt_pytake_free(const pt_mem_t *mem, pt_str_t s)
{
    if (s.data != NULL) {
        mem->free(mem->user, (void *) (uintptr_t) s.data);
    }
}
