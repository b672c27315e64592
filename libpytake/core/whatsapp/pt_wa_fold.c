/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_wa.h"

#include <assert.h>


static void pt_wa_sift(uint32_t *idx, size_t root, size_t n,
                       int (*cmp)(const void *ctx, uint32_t x, uint32_t y),
                       const void *ctx);


void
pt_wa_sort(uint32_t *idx, size_t                                            n,
           int (*cmp)(const void *ctx, uint32_t x, uint32_t y), const void *ctx)
{
    size_t   i;
    uint32_t t;

    assert(idx != NULL || n == 0);

    /* Most lists are sorted already, or have one entry. */
    for (i = 1; i < n && cmp(ctx, idx[i - 1], idx[i]) <= 0; i++) { /* void */
    }
    if (i >= n) {
        return;
    }

    for (i = n / 2; i > 0; i--) {
        pt_wa_sift(idx, i - 1, n, cmp, ctx);
    }

    for (i = n - 1; i > 0; i--) {
        t = idx[0];
        idx[0] = idx[i];
        idx[i] = t;
        pt_wa_sift(idx, 0, i, cmp, ctx);
    }
}


int
pt_wa_str_cmp(pt_str_t a, pt_str_t b)
{
    int    n;
    size_t len;

    if (a.data == NULL || b.data == NULL) {
        return (a.data != NULL) - (b.data != NULL);
    }

    len = a.len < b.len ? a.len : b.len;
    n = len == 0 ? 0 : memcmp(a.data, b.data, len);

    if (n != 0) {
        return n;
    }

    return (a.len > b.len) - (a.len < b.len);
}


static void
pt_wa_sift(uint32_t *idx, size_t root, size_t n,
           int (*cmp)(const void *ctx, uint32_t x, uint32_t y), const void *ctx)
{
    size_t   child;
    uint32_t t;

    for (;;) {
        child = 2 * root + 1;
        if (child >= n) {
            return;
        }
        if (child + 1 < n && cmp(ctx, idx[child], idx[child + 1]) < 0) {
            child++;
        }
        if (cmp(ctx, idx[root], idx[child]) >= 0) {
            return;
        }

        t = idx[root];
        idx[root] = idx[child];
        idx[child] = t;
        root = child;
    }
}
