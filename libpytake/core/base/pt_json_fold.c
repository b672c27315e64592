/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Folds repeated keys.  Few members are compared pair by pair.  Many are sorted
 * with a heap sort, whose worst case is no worse than its usual one.  A hash
 * table would need a secret, which the core has not, or chosen keys could make
 * it quadratic.
 */

#include "pt_json_parts.h"

#include <assert.h>

#define PT_JSON_FOLD_SMALL 12u /* members */


static pt_err_t pt_json_members(pt_arena_t *a, const pt_json_t *obj,
                                pt_json_members_t *scratch);
static bool     pt_json_fold_pairs(pt_json_t *obj);
static bool     pt_json_same(pt_str_t a, pt_str_t b);
static bool     pt_json_fold_sorted(pt_json_member_t *m, uint32_t n);
static void     pt_json_sort(pt_json_member_t *m, uint32_t n);
static void     pt_json_sift(pt_json_member_t *m, uint32_t root, uint32_t n);
static int      pt_json_member_cmp(const pt_json_member_t *a,
                                   const pt_json_member_t *b);
static void     pt_json_replace(pt_json_t *first, pt_json_t *last);
static void     pt_json_sweep(pt_json_t *obj);


pt_err_t
pt_json_fold(pt_arena_t *a, pt_json_t *obj, pt_json_members_t *scratch)
{
    bool     found;
    pt_err_t err;

    assert(obj->type == PT_JSON_OBJECT);

    if (obj->count < 2) {
        return PT_OK;
    }

    if (obj->count <= PT_JSON_FOLD_SMALL) {
        found = pt_json_fold_pairs(obj);

    } else {
        err = pt_json_members(a, obj, scratch);
        if (err != PT_OK) {
            return err;
        }
        found = pt_json_fold_sorted(scratch->list, obj->count);
    }

    if (found) {
        obj->duplicates = true;
        pt_json_sweep(obj);
    }

    return PT_OK;
}


static pt_err_t
pt_json_members(pt_arena_t *a, const pt_json_t *obj, pt_json_members_t *scratch)
{
    uint32_t   cap, i;
    pt_json_t *m;

    if (scratch->cap < obj->count) {
        cap = scratch->cap > obj->count / 2 ? scratch->cap * 2 : obj->count;

        scratch->list = pt_arena_calloc(a, cap, sizeof(pt_json_member_t));
        if (scratch->list == NULL) {
            scratch->cap = 0;
            return PT_ENOMEM;
        }
        scratch->cap = cap;
    }

    for (i = 0, m = obj->first; m != NULL; i++, m = m->next) {
        scratch->list[i].node = m;
        scratch->list[i].index = i;
    }

    assert(i == obj->count);

    return PT_OK;
}


static bool
pt_json_fold_pairs(pt_json_t *obj)
{
    bool       found = false;
    pt_json_t *m, *first;

    for (m = obj->first->next; m != NULL; m = m->next) {
        for (first = obj->first; first != m; first = first->next) {
            if (pt_json_same(first->key, m->key)) {
                pt_json_replace(first, m);
                found = true;
                break;
            }
        }
    }

    return found;
}


/* Compares two keys, the first byte before the rest, because keys of one length
 * are common and such with the same first byte are less so.  A folded member
 * has no key any more and equals none. */
static bool
pt_json_same(pt_str_t a, pt_str_t b)
{
    if (a.len != b.len || a.data == NULL) {
        return false;
    }

    return a.len == 0
           || (a.data[0] == b.data[0] && memcmp(a.data, b.data, a.len) == 0);
}


static bool
pt_json_fold_sorted(pt_json_member_t *m, uint32_t n)
{
    bool     found = false;
    uint32_t i, first;

    pt_json_sort(m, n);

    for (first = 0, i = 1; i < n; i++) {
        if (pt_str_eq(m[first].node->key, m[i].node->key)) {
            pt_json_replace(m[first].node, m[i].node);
            found = true;
        } else {
            first = i;
        }
    }

    return found;
}


static void
pt_json_sort(pt_json_member_t *m, uint32_t n)
{
    uint32_t         i;
    pt_json_member_t tmp;

    for (i = n / 2; i > 0; i--) {
        pt_json_sift(m, i - 1, n);
    }

    for (i = n - 1; i > 0; i--) {
        tmp = m[0];
        m[0] = m[i];
        m[i] = tmp;
        pt_json_sift(m, 0, i);
    }
}


static void
pt_json_sift(pt_json_member_t *m, uint32_t root, uint32_t n)
{
    uint32_t         child;
    pt_json_member_t tmp;

    for (;;) {
        child = 2 * root + 1;
        if (child >= n) {
            return;
        }

        if (child + 1 < n && pt_json_member_cmp(&m[child], &m[child + 1]) < 0) {
            child++;
        }

        if (pt_json_member_cmp(&m[root], &m[child]) >= 0) {
            return;
        }

        tmp = m[root];
        m[root] = m[child];
        m[child] = tmp;
        root = child;
    }
}


/* Orders members by key, and equal keys by their place, because a heap sort
 * does not keep the order of equals by itself. */
static int
pt_json_member_cmp(const pt_json_member_t *a, const pt_json_member_t *b)
{
    int      n;
    pt_str_t x = a->node->key, y = b->node->key;

    if (x.len != y.len) {
        return x.len < y.len ? -1 : 1;
    }

    n = memcmp(x.data, y.data, x.len);
    if (n != 0) {
        return n;
    }

    return a->index < b->index ? -1 : a->index > b->index;
}


/* Moves the value of the last member of a key to the place of the first.  A key
 * without data marks the members that pt_json_sweep() unlinks. */
static void
pt_json_replace(pt_json_t *first, pt_json_t *last)
{
    pt_json_t v = *last;

    assert(first != last && first->key.data != NULL);

    v.repeated = true;
    v.key = first->key;
    v.next = first->next;
    *first = v;

    last->key = PT_STR_NULL;
}


static void
pt_json_sweep(pt_json_t *obj)
{
    pt_json_t **link = &obj->first;

    while (*link != NULL) {
        if ((*link)->key.data == NULL) {
            *link = (*link)->next;
            obj->count--;
        } else {
            link = &(*link)->next;
        }
    }

    assert(obj->count != 0);
}
