/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_util.h"

#include <assert.h>

pt_err_t
pt_rand_get(pt_rand_t *r, uint8_t *out, size_t len)
{
    int     i;
    size_t  n;
    uint8_t in[sizeof(r->seed) + 8], hash[32];

    assert(r != NULL && (out != NULL || len == 0));

    memcpy(in, r->seed, sizeof(r->seed));

    while (len != 0) {
        for (i = 0; i < 8; i++) {
            in[sizeof(r->seed) + (size_t) i] =
                (uint8_t) (r->counter >> (56 - 8 * i));
        }
        r->counter++;

        if (pt_hash_sha256(in, sizeof(in), hash) != PT_OK) {
            return PT_ECRYPTO;
        }

        n = len < sizeof(hash) ? len : sizeof(hash);
        memcpy(out, hash, n);
        out += n;
        len -= n;
    }

    return PT_OK;
}


pt_err_t
pt_rand_uuid(pt_rand_t *r, int64_t unix_us, pt_uuid_t *out)
{
    pt_err_t err;
    uint8_t  rnd[10];

    err = pt_rand_get(r, rnd, sizeof(rnd));
    if (err != PT_OK) {
        return err;
    }

    pt_uuid_v7(unix_us, rnd, out);

    return PT_OK;
}
