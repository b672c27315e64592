/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* Random bytes: a worker gets many of them from OpenSSL at a time, which costs
 * less than one call for each id. */

#include "ngx_pytake.h"

#include <openssl/rand.h>


ngx_int_t
ngx_pytake_random(ngx_pytake_worker_t *w, uint8_t *out, size_t len)
{
    if (w == NULL || len > sizeof(w->rnd)) {
        return RAND_bytes(out, (int) len) == 1 ? NGX_OK : NGX_ERROR;
    }

    assert(w->rnd_used <= sizeof(w->rnd));

    if (len > sizeof(w->rnd) - w->rnd_used) {
        if (RAND_bytes(w->rnd, sizeof(w->rnd)) != 1) {
            return NGX_ERROR;
        }

        w->rnd_used = 0;
    }

    ngx_memcpy(out, w->rnd + w->rnd_used, len);
    ngx_explicit_memzero(w->rnd + w->rnd_used, len);
    w->rnd_used += len;
    assert(w->rnd_used <= sizeof(w->rnd));

    return NGX_OK;
}
