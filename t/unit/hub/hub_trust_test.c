/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* What is believed of what Redis says. */

#include "pt_test.h"
#include "hub/hub_trust.h"

#define TRUST_NOW INT64_C(1795398067519123)
#define TRUST_EV PT_STR("ev:01a20635-5cd4-73c0-90f0-60302e7a4be8")
#define TRUST_EPH PT_STR("eph:01a20635-5cd4-73c0-90f0-60302e7a4be8")
#define TRUST_S INT64_C(1000000)

typedef struct {
    char     text[512];
    pt_str_t said;
} trust_said_t;


static void
trust_init(hub_trust_t *e, char who)
{
    memset(e, 0, sizeof(*e));
    memset(e->id, who, sizeof(e->id));
    ck_assert_ok(pt_bus_key(PT_STR("0123456789abcdef"), e->key));
}


static void
trust_says(hub_trust_t *e, trust_said_t *s, pt_str_t text, int64_t now_us)
{
    s->said.data = s->text;
    s->said.len =
        hub_trust_seal(e, TRUST_EPH, text, now_us, s->text, sizeof(s->text));
    ck_assert_uint_gt(s->said.len, 0);
}


static bool
trust_hears(hub_trust_t *e, const trust_said_t *s, int64_t now_us)
{
    pt_str_t said;

    return hub_trust_open(e, TRUST_EPH, s->said, now_us, &said);
}


START_TEST(events)
{
    char        buf[300], seal[PT_BUS_SEAL];
    pt_str_t    p, text = PT_STR("7 {\"event\":\"message_received\"}");
    hub_trust_t e;

    trust_init(&e, 'a');
    ck_assert_ok(pt_bus_sign(e.key, TRUST_EV, text, TRUST_NOW, seal));
    memcpy(buf, text.data, text.len);
    memcpy(buf + text.len, seal, sizeof(seal));
    p = (pt_str_t){ buf, text.len + sizeof(seal) };

    ck_assert(pt_str_eq(hub_trust_event(&e, TRUST_EV, p, TRUST_NOW), text));
    ck_assert(pt_str_eq(
        hub_trust_event(&e, TRUST_EV, p, TRUST_NOW + 20 * TRUST_S), text));
    ck_assert_uint_eq(e.unsigned_events, 0);

    /* the number, and no more */
    ck_assert(pt_str_is(hub_trust_event(&e, TRUST_EV, text, TRUST_NOW), "7"));
    ck_assert(pt_str_is(hub_trust_event(&e, TRUST_EPH, p, TRUST_NOW), "7"));
    ck_assert(pt_str_is(
        hub_trust_event(&e, TRUST_EV, p, TRUST_NOW + 31 * TRUST_S), "7"));
    p.len--;
    ck_assert(pt_str_is(hub_trust_event(&e, TRUST_EV, p, TRUST_NOW), "7"));
    ck_assert_uint_eq(e.unsigned_events, 4);

    /* of what is no more than that nobody expects a signature */
    ck_assert(
        pt_str_is(hub_trust_event(&e, TRUST_EV, PT_STR("7"), TRUST_NOW), "7"));
    ck_assert_uint_eq(hub_trust_event(&e, TRUST_EV, PT_STR(""), TRUST_NOW).len,
                      0);
    ck_assert_uint_eq(e.unsigned_events, 4);
}
END_TEST


START_TEST(hubs)
{
    pt_str_t     said;
    hub_trust_t  a, b, c;
    trust_said_t s, own;

    trust_init(&a, 'a');
    trust_init(&b, 'b');
    trust_init(&c, 'c');
    c.key[0] ^= 1; /* of another secret */

    trust_says(&b, &s, PT_STR("presence?"), TRUST_NOW);
    ck_assert(hub_trust_open(&a, TRUST_EPH, s.said, TRUST_NOW, &said));
    ck_assert(pt_str_is(said, "presence?"));
    ck_assert(!hub_trust_open(&a, TRUST_EV, s.said, TRUST_NOW, &said));

    /* ourselves: nothing is wrong */
    trust_says(&a, &own, PT_STR("presence?"), TRUST_NOW);
    ck_assert(!trust_hears(&a, &own, TRUST_NOW));
    ck_assert_uint_eq(a.refused, 1);

    trust_says(&c, &s, PT_STR("presence?"), TRUST_NOW);
    ck_assert(!trust_hears(&a, &s, TRUST_NOW));

    /* as hubs spoke that knew no signatures */
    s.said = PT_STR("0123456789abcdef presence?");
    ck_assert(!trust_hears(&a, &s, TRUST_NOW));
    s.said = PT_STR("");
    ck_assert(!trust_hears(&a, &s, TRUST_NOW));
    ck_assert_uint_eq(a.refused, 4);

    /* what does not fit is not said */
    ck_assert_uint_eq(hub_trust_seal(&a, TRUST_EPH, PT_STR("presence?"),
                                     TRUST_NOW, s.text, 70),
                      0);
}
END_TEST


START_TEST(recordings)
{
    int          i;
    hub_trust_t  a, b;
    trust_said_t first, second, late;

    trust_init(&a, 'a');
    trust_init(&b, 'b');
    trust_says(&b, &first, PT_STR("one"), TRUST_NOW);
    trust_says(&b, &second, PT_STR("two"),
               TRUST_NOW); /* the same microsecond */
    ck_assert(trust_hears(&a, &first, TRUST_NOW));
    ck_assert(trust_hears(&a, &second, TRUST_NOW));
    ck_assert(!trust_hears(&a, &first, TRUST_NOW));
    ck_assert(!trust_hears(&a, &second, TRUST_NOW));

    /* who did not hear it yet hears it late, but not too late */
    trust_says(&b, &late, PT_STR("three"), TRUST_NOW + TRUST_S);
    ck_assert(!trust_hears(&a, &late, TRUST_NOW + 32 * TRUST_S));
    ck_assert(trust_hears(&a, &late, TRUST_NOW + 30 * TRUST_S));

    /* that hub is not forgotten for others' sake within the time */
    for (i = 0; i < (int) HUB_TRUST_PEERS_MAX - 1; i++) {
        trust_init(&b, (char) ('A' + i));
        trust_says(&b, &second, PT_STR("x"), TRUST_NOW + 2 * TRUST_S);
        ck_assert(trust_hears(&a, &second, TRUST_NOW + 2 * TRUST_S));
    }

    ck_assert(!trust_hears(&a, &late, TRUST_NOW + 2 * TRUST_S));
}
END_TEST


/* A clock is set back: the others listen again. */
START_TEST(clocks)
{
    hub_trust_t  a, b;
    trust_said_t s;

    trust_init(&a, 'a');
    trust_init(&b, 'b');
    trust_says(&b, &s, PT_STR("x"), TRUST_NOW + 3600 * TRUST_S);
    ck_assert(trust_hears(&a, &s, TRUST_NOW + 3600 * TRUST_S));
    trust_says(&b, &s, PT_STR("x"), TRUST_NOW);
    ck_assert(trust_hears(&a, &s, TRUST_NOW));
    ck_assert(!trust_hears(&a, &s, TRUST_NOW));
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, events);
    PT_TEST_CASE(s, hubs);
    PT_TEST_CASE(s, recordings);
    PT_TEST_CASE(s, clocks);
}


PT_TEST_MAIN(hub_trust);
