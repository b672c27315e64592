/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* Places for those who have not told who they are. */

#include "pt_test.h"
#include "hub/hub_admission.h"

#define DOOR_MAX 64u
#define DOOR_NOW 1000000

typedef enum { DOOR_NO, DOOR_IN, DOOR_INSTEAD } door_answer_t;

typedef struct {
    hub_admission_t admission;
    hub_guest_t    *guests[100000];
    size_t          n;
    hub_guest_t    *left; /* who made room last; dead */
    void           *left_owner;
} door_t;


static door_t *
door_new(uint32_t max)
{
    uint8_t seed[16] = { 3, 141, 59, 26 };
    door_t *t = calloc(1, sizeof(door_t));

    hub_admission_init(&t->admission, &pt_test_mem, max, seed);

    return t;
}


static void
door_del(door_t *t)
{
    size_t i;

    for (i = 0; i < t->n; i++) {
        if (t->guests[i] != NULL) {
            hub_admission_leave(&t->admission, t->guests[i]);
        }
    }

    ck_assert_uint_eq(t->admission.count, 0);

    for (i = 0; i < HUB_ADMISSION_BUCKETS; i++) {
        ck_assert_ptr_null(t->admission.nets[i]);
    }

    free(t);
}


/* One more; owner is his number + 1. */
static door_answer_t
door_knock(door_t *t, const char *addr, int64_t now_ms)
{
    size_t              i;
    hub_guest_t        *leaves;
    hub_admission_key_t key;

    hub_admission_key(pt_test_str(addr), &key);

    if (!hub_admission_ask(&t->admission, &key, now_ms, &leaves)) {
        return DOOR_NO;
    }

    if (leaves != NULL) {
        t->left_owner = leaves->owner;
        i = (uintptr_t) leaves->owner - 1;
        ck_assert_ptr_eq(t->guests[i], leaves);
        t->guests[i] = NULL;
        hub_admission_leave(&t->admission, leaves);
    }

    t->guests[t->n] = hub_admission_enter(
        &t->admission, &key, (void *) (uintptr_t) (t->n + 1), now_ms);
    ck_assert_ptr_nonnull(t->guests[t->n]);
    t->n++;
    ck_assert_uint_le(t->admission.count, t->admission.max);

    return leaves == NULL ? DOOR_IN : DOOR_INSTEAD;
}


static const char *
door_addr(unsigned net)
{
    static char text[32];

    snprintf(text, sizeof(text), "10.0.%u.%u", net / 256, net % 256);

    return text;
}


START_TEST(networks)
{
    size_t              i;
    hub_admission_key_t a, b;

    static const struct {
        const char *a;
        const char *b;
        bool        same;
    } cases[] = {
        { "192.0.2.1", "192.0.2.1", true },
        { "192.0.2.1", "192.0.2.2", false },
        { "2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true },
        { "2001:db8:1:2::1", "2001:db8:1:3::1", false },
        { "::ffff:192.0.2.1", "192.0.2.1", true },
        { "::ffff:192.0.2.1", "::ffff:192.0.2.2", false },
        { "unix:", "unix:", true },
        { "unix:", "", false },
        { "::", "0.0.0.0", false },
        { "12345678901234567890123456789012345678901234567890", "", false },
    };

    for (i = 0; i < PT_COUNT(cases); i++) {
        hub_admission_key(pt_test_str(cases[i].a), &a);
        hub_admission_key(pt_test_str(cases[i].b), &b);
        ck_assert_msg((a.hi == b.hi && a.lo == b.lo) == cases[i].same, "%s %s",
                      cases[i].a, cases[i].b);
    }
}
END_TEST


START_TEST(no_pressure)
{
    unsigned i;
    door_t  *t = door_new(1000);

    for (i = 0; i < 500; i++) { /* an office behind one address */
        ck_assert_int_eq(door_knock(t, "192.0.2.1", DOOR_NOW), DOOR_IN);
    }

    ck_assert(hub_admission_is_pressed(&t->admission));
    ck_assert_int_eq(door_knock(t, "192.0.2.1", DOOR_NOW), DOOR_NO);
    ck_assert_int_eq(door_knock(t, "192.0.2.2", DOOR_NOW), DOOR_IN);
    door_del(t);
}
END_TEST


/* A crowd of one network: the places go round, and each has its second. */
START_TEST(one_network)
{
    unsigned i;
    door_t  *t = door_new(DOOR_MAX);

    for (i = 0; i < DOOR_MAX / 2; i++) {
        ck_assert_int_eq(door_knock(t, "2001:db8::1", DOOR_NOW + i), DOOR_IN);
    }

    ck_assert_int_eq(door_knock(t, "2001:db8::2", DOOR_NOW + 900), DOOR_NO);
    ck_assert_int_eq(door_knock(t, "2001:db8::3", DOOR_NOW + 1000),
                     DOOR_INSTEAD);
    ck_assert_ptr_eq(t->left_owner, (void *) 1);
    ck_assert_int_eq(door_knock(t, "2001:db8::4", DOOR_NOW + 1000), DOOR_NO);
    ck_assert_int_eq(door_knock(t, "2001:db8:0:1::", DOOR_NOW + 1000), DOOR_IN);
    door_del(t);
}
END_TEST


/* As many as like from many networks: who comes from elsewhere gets in, and
 * is not the next to go. */
START_TEST(many_networks)
{
    char     addr[32];
    void    *honest;
    unsigned i, k;
    door_t  *t = door_new(DOOR_MAX);

    for (i = 0; i < 49 * 20; i++) {
        (void) door_knock(t, door_addr(i % 49), DOOR_NOW);
    }

    for (k = 0; k < 50; k++) {
        snprintf(addr, sizeof(addr), "203.0.113.%u", k);
        ck_assert_int_ne(door_knock(t, addr, DOOR_NOW + k), DOOR_NO);
        honest = (void *) (uintptr_t) t->n;

        for (i = 0; i < 500; i++) {
            if (door_knock(t, door_addr(i % 49), DOOR_NOW + k) == DOOR_INSTEAD)
            {
                ck_assert_ptr_ne(t->left_owner, honest);
            }
        }

        ck_assert_ptr_nonnull(t->guests[(uintptr_t) honest - 1]);
        hub_admission_leave(&t->admission, t->guests[(uintptr_t) honest - 1]);
        t->guests[(uintptr_t) honest - 1] = NULL;
    }

    door_del(t);
}
END_TEST


/* More networks than places: the oldest goes first. */
START_TEST(each_its_own)
{
    unsigned i;
    door_t  *t = door_new(DOOR_MAX);

    for (i = 0; i < 5 * DOOR_MAX; i++) {
        ck_assert_int_eq(door_knock(t, door_addr(i), DOOR_NOW),
                         i < DOOR_MAX ? DOOR_IN : DOOR_INSTEAD);

        if (i >= DOOR_MAX) {
            ck_assert_ptr_eq(t->left_owner,
                             (void *) (uintptr_t) (i - DOOR_MAX + 1));
        }
    }

    door_del(t);
}
END_TEST


static pt_err_t
door_scenario(const pt_mem_t *mem, void *user)
{
    uint8_t             seed[16] = { 0 };
    hub_admission_t     d;
    hub_guest_t        *g, *h;
    hub_admission_key_t key;

    PT_UNUSED(user);
    hub_admission_init(&d, mem, DOOR_MAX, seed);
    hub_admission_key(PT_STR("192.0.2.1"), &key);
    g = hub_admission_enter(&d, &key, NULL, 0);
    h = (g == NULL) ? NULL : hub_admission_enter(&d, &key, NULL, 0);

    if (g != NULL) {
        hub_admission_leave(&d, g);
    }

    if (h != NULL) {
        hub_admission_leave(&d, h);
    }

    ck_assert_uint_eq(d.count, 0);

    return h == NULL ? PT_ENOMEM : PT_OK;
}


START_TEST(out_of_memory)
{
    pt_test_failmalloc(door_scenario, NULL);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, networks);
    PT_TEST_CASE(s, no_pressure);
    PT_TEST_CASE(s, one_network);
    PT_TEST_CASE(s, many_networks);
    PT_TEST_CASE(s, each_its_own);
    PT_TEST_CASE(s, out_of_memory);
}


PT_TEST_MAIN(hub_admission);
