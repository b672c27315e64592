/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_buf.h"
#include "pt_util.h"

#include <assert.h>

#define PT_BUF_FIRST 256u /* bytes of the first piece */


static bool pt_buf_grow(pt_buf_t *b, size_t len);


void
pt_buf_init(pt_buf_t *b, pt_arena_t *a, size_t size_max)
{
    assert(b != NULL && a != NULL);

    b->arena = a;
    b->data = NULL;
    b->len = 0;
    b->cap = 0;
    b->size_max = size_max;
    b->err = PT_OK;
}


void
pt_buf_add(pt_buf_t *b, const void *data, size_t len)
{
    if (len == 0) {
        return;
    }

    if (!pt_buf_reserve(b, len)) {
        return;
    }

    memcpy(b->data + b->len, data, len);
    b->len += len;
}


void
pt_buf_str_add(pt_buf_t *b, pt_str_t s)
{
    pt_buf_add(b, s.data, s.len);
}


void
pt_buf_char(pt_buf_t *b, char c)
{
    if (b->len < b->cap && b->err == PT_OK) {
        b->data[b->len++] = c;
        return;
    }

    pt_buf_add(b, &c, 1);
}


bool
pt_buf_reserve(pt_buf_t *b, size_t len)
{
    if (len > b->cap - b->len || b->err != PT_OK) {
        return pt_buf_grow(b, len);
    }

    return true;
}


char *
pt_buf_room(pt_buf_t *b, size_t len)
{
    char *p;

    if (!pt_buf_reserve(b, len)) {
        return NULL;
    }

    p = b->data + b->len;
    b->len += len;

    return p;
}


void
pt_buf_i64(pt_buf_t *b, int64_t v)
{
    char digits[PT_I64_LEN];

    pt_buf_add(b, digits, (size_t) (pt_i64_build(v, digits) - digits));
}


pt_err_t
pt_buf_get(const pt_buf_t *b, pt_str_t *out)
{
    if (b->err != PT_OK) {
        return b->err;
    }

    out->data = b->data == NULL ? "" : b->data;
    out->len = b->len;

    return PT_OK;
}


static bool
pt_buf_grow(pt_buf_t *b, size_t len)
{
    char  *data;
    size_t need, cap;

    if (b->err != PT_OK) {
        return false;
    }

    assert(b->len <= b->cap && b->len <= b->size_max);

    if (len > b->size_max - b->len) {
        b->err = PT_ELIMIT;
        return false;
    }

    need = b->len + len;
    cap = b->cap == 0 ? PT_BUF_FIRST : b->cap;
    while (cap < need) {
        cap = cap > b->size_max / 2 ? b->size_max : cap * 2;
    }
    if (cap > b->size_max) {
        cap = b->size_max;
    }

    if (b->data != NULL && pt_arena_grow(b->arena, b->data, b->cap, cap)) {
        b->cap = cap;
        return true;
    }

    data = pt_arena_alloc(b->arena, cap);
    if (data == NULL) {
        b->err = PT_ENOMEM;
        return false;
    }

    if (b->len != 0) {
        memcpy(data, b->data, b->len);
    }
    b->data = data;
    b->cap = cap;

    return true;
}
