/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* What is believed of what Redis says. */

#include "pt_test.h"
#include "hub/hub_ear.h"

#define EAR_NOW INT64_C(1795398067519123)
#define EAR_EV PT_STR("ev:01a20635-5cd4-73c0-90f0-60302e7a4be8")
#define EAR_EPH PT_STR("eph:01a20635-5cd4-73c0-90f0-60302e7a4be8")
#define EAR_S INT64_C(1000000)

typedef struct {
    char     text[512];
    pt_str_t said;
} ear_said_t;


static void
ear_init(hub_ear_t *e, char who)
{
    memset(e, 0, sizeof(*e));
    memset(e->id, who, sizeof(e->id));
    ck_assert_ok(pt_bus_key(PT_STR("0123456789abcdef"), e->key));
}


static void
ear_says(hub_ear_t *e, ear_said_t *s, pt_str_t text, int64_t now_us)
{
    s->said.data = s->text;
    s->said.len =
        hub_ear_say(e, EAR_EPH, text, now_us, s->text, sizeof(s->text));
    ck_assert_uint_gt(s->said.len, 0);
}


static bool
ear_hears(hub_ear_t *e, const ear_said_t *s, int64_t now_us)
{
    pt_str_t said;

    return hub_ear_hub(e, EAR_EPH, s->said, now_us, &said);
}


START_TEST(events)
{
    char      buf[300], seal[PT_BUS_SEAL];
    pt_str_t  p, text = PT_STR("7 {\"event\":\"message_received\"}");
    hub_ear_t e;

    ear_init(&e, 'a');
    ck_assert_ok(pt_bus_sign(e.key, EAR_EV, text, EAR_NOW, seal));
    memcpy(buf, text.data, text.len);
    memcpy(buf + text.len, seal, sizeof(seal));
    p = (pt_str_t){ buf, text.len + sizeof(seal) };

    ck_assert(pt_str_eq(hub_ear_event(&e, EAR_EV, p, EAR_NOW), text));
    ck_assert(
        pt_str_eq(hub_ear_event(&e, EAR_EV, p, EAR_NOW + 20 * EAR_S), text));
    ck_assert_uint_eq(e.unsigned_events, 0);

    /* the number, and no more */
    ck_assert(pt_str_is(hub_ear_event(&e, EAR_EV, text, EAR_NOW), "7"));
    ck_assert(pt_str_is(hub_ear_event(&e, EAR_EPH, p, EAR_NOW), "7"));
    ck_assert(
        pt_str_is(hub_ear_event(&e, EAR_EV, p, EAR_NOW + 31 * EAR_S), "7"));
    p.len--;
    ck_assert(pt_str_is(hub_ear_event(&e, EAR_EV, p, EAR_NOW), "7"));
    ck_assert_uint_eq(e.unsigned_events, 4);

    /* of what is no more than that nobody expects a signature */
    ck_assert(pt_str_is(hub_ear_event(&e, EAR_EV, PT_STR("7"), EAR_NOW), "7"));
    ck_assert_uint_eq(hub_ear_event(&e, EAR_EV, PT_STR(""), EAR_NOW).len, 0);
    ck_assert_uint_eq(e.unsigned_events, 4);
}
END_TEST


START_TEST(hubs)
{
    pt_str_t   said;
    hub_ear_t  a, b, c;
    ear_said_t s, own;

    ear_init(&a, 'a');
    ear_init(&b, 'b');
    ear_init(&c, 'c');
    c.key[0] ^= 1; /* of another secret */

    ear_says(&b, &s, PT_STR("presence?"), EAR_NOW);
    ck_assert(hub_ear_hub(&a, EAR_EPH, s.said, EAR_NOW, &said));
    ck_assert(pt_str_is(said, "presence?"));
    ck_assert(!hub_ear_hub(&a, EAR_EV, s.said, EAR_NOW, &said));

    /* ourselves: nothing is wrong */
    ear_says(&a, &own, PT_STR("presence?"), EAR_NOW);
    ck_assert(!ear_hears(&a, &own, EAR_NOW));
    ck_assert_uint_eq(a.refused, 1);

    ear_says(&c, &s, PT_STR("presence?"), EAR_NOW);
    ck_assert(!ear_hears(&a, &s, EAR_NOW));

    /* as hubs spoke that knew no signatures */
    s.said = PT_STR("0123456789abcdef presence?");
    ck_assert(!ear_hears(&a, &s, EAR_NOW));
    s.said = PT_STR("");
    ck_assert(!ear_hears(&a, &s, EAR_NOW));
    ck_assert_uint_eq(a.refused, 4);

    /* what does not fit is not said */
    ck_assert_uint_eq(
        hub_ear_say(&a, EAR_EPH, PT_STR("presence?"), EAR_NOW, s.text, 70), 0);
}
END_TEST


START_TEST(recordings)
{
    int        i;
    hub_ear_t  a, b;
    ear_said_t first, second, late;

    ear_init(&a, 'a');
    ear_init(&b, 'b');
    ear_says(&b, &first, PT_STR("one"), EAR_NOW);
    ear_says(&b, &second, PT_STR("two"), EAR_NOW); /* the same microsecond */
    ck_assert(ear_hears(&a, &first, EAR_NOW));
    ck_assert(ear_hears(&a, &second, EAR_NOW));
    ck_assert(!ear_hears(&a, &first, EAR_NOW));
    ck_assert(!ear_hears(&a, &second, EAR_NOW));

    /* who did not hear it yet hears it late, but not too late */
    ear_says(&b, &late, PT_STR("three"), EAR_NOW + EAR_S);
    ck_assert(!ear_hears(&a, &late, EAR_NOW + 32 * EAR_S));
    ck_assert(ear_hears(&a, &late, EAR_NOW + 30 * EAR_S));

    /* that hub is not forgotten for others' sake within the time */
    for (i = 0; i < (int) HUB_EAR_PEERS_MAX - 1; i++) {
        ear_init(&b, (char) ('A' + i));
        ear_says(&b, &second, PT_STR("x"), EAR_NOW + 2 * EAR_S);
        ck_assert(ear_hears(&a, &second, EAR_NOW + 2 * EAR_S));
    }

    ck_assert(!ear_hears(&a, &late, EAR_NOW + 2 * EAR_S));
}
END_TEST


/* A clock is set back: the others listen again. */
START_TEST(clocks)
{
    hub_ear_t  a, b;
    ear_said_t s;

    ear_init(&a, 'a');
    ear_init(&b, 'b');
    ear_says(&b, &s, PT_STR("x"), EAR_NOW + 3600 * EAR_S);
    ck_assert(ear_hears(&a, &s, EAR_NOW + 3600 * EAR_S));
    ear_says(&b, &s, PT_STR("x"), EAR_NOW);
    ck_assert(ear_hears(&a, &s, EAR_NOW));
    ck_assert(!ear_hears(&a, &s, EAR_NOW));
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


PT_TEST_MAIN(hub_ear);
