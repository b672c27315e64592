/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "hub_fake.h"


START_TEST(rewound)
{
    char       text[FK_SINCE_MAX];
    fk_t      *f = fk_start(9);
    fk_sock_t *a = fk_login(f, 0), *b;

    /* the poll finds a lower head */
    f->history++;
    f->head = 5;
    fk_poll(f);
    fk_answer(f);
    fk_says(f, a,
            "{\"type\":\"resync\",\"data\":{\"reason\":\"rewound\","
            "\"since\":{\"seq\":5");
    fk_event(f);
    fk_events(f, a, 6, 6);

    /* the same head, another event */
    f->history++;
    fk_poll(f);
    fk_answer(f);
    fk_says(f, a, "\"rewound\"");

    /* it has even grown: our last row is another */
    f->history++;
    f->head = 20;
    fk_poll(f);
    fk_sleep(f, 20);
    fk_answer(f);
    fk_says(f, a, "\"rewound\"");

    /* a doorbell tells */
    f->history++;
    fk_ring(f, 20, true);
    fk_answer(f);
    fk_says(f, a, "\"rewound\"");

    /* a client of the former life */
    f->history--;
    fk_since(f, 15, text);
    f->history++;
    b = fk_open(f, 1);
    fk_auth(f, b, text);
    fk_says(f, b, "\"resumed\":false");
    fk_says(f, b, "\"rewound\"");
    fk_event(f);
    fk_events(f, b, 21, 21);
    fk_del(f);
}
END_TEST


/* While the database is away, who is connected stays so. */
START_TEST(rewound_away)
{
    fk_t      *f = fk_start(9);
    fk_sock_t *a = fk_login(f, 0);

    f->history++;
    f->head = 5;
    f->away = true;
    fk_poll(f);
    fk_sleep(f, 20000);
    ck_assert(a->open);
    f->away = false;
    fk_sleep(f, 1000);
    fk_answer(f);
    fk_says(f, a, "\"rewound\"");
    fk_del(f);
}
END_TEST


START_TEST(resume)
{
    char       text[FK_SINCE_MAX];
    fk_t      *f = fk_start(100);
    fk_sock_t *a, *b;

    a = fk_open(f, 0);
    fk_since(f, 90, text);
    fk_auth(f, a, text);
    fk_says(f, a, "\"resumed\":true,\"from\":91");
    fk_events(f, a, 91, 100);
    fk_says(f, a, "{\"type\":\"sync\",\"data\":{\"seq\":100,");
    fk_silent(f, a);
    ck_assert_uint_eq(f->queries, 1);

    /* at the head; from nothing; by number alone */
    b = fk_open(f, 1);
    fk_since(f, 100, text);
    fk_auth(f, b, text);
    fk_says(f, b, "\"resumed\":true");
    fk_says(f, b, "\"sync\"");
    b = fk_open(f, 2);
    fk_auth(f, b, ",\"since\":0");
    fk_says(f, b, "\"from\":1,");
    fk_events(f, b, 1, 100);
    b = fk_open(f, 3);
    fk_auth(f, b, ",\"since\":99");
    fk_says(f, b, "\"from\":100,");
    fk_events(f, b, 100, 100);

    /* ahead of what we have heard: the log is asked */
    f->head = 103;
    fk_since(f, 102, text);
    b = fk_open(f, 4);
    fk_auth(f, b, text);
    fk_says(f, b, "\"resumed\":true");
    fk_events(f, b, 103, 103);
    fk_says(f, b, "\"sync\"");
    b = fk_open(f, 5);
    fk_auth(f, b, ",\"since\":104");
    fk_says(f, b, "\"resumed\":false");
    fk_says(f, b, "\"rewound\"");
    fk_del(f);
}
END_TEST


/* More than a page behind the client: one page is not the whole log. */
START_TEST(resume_ahead)
{
    char       text[FK_SINCE_MAX];
    fk_t      *f = fk_start(1);
    fk_sock_t *a = fk_login(f, 0), *b = fk_open(f, 1), *c = fk_open(f, 2);

    f->head = 900;
    fk_since(f, 900, text);
    fk_auth_as(f, b, &fk_tenant, &fk_ann, 3600, text);
    fk_auth_as(f, c, &fk_tenant, &fk_ann, 3600, ",\"since\":901");
    fk_answer(f);
    fk_says(f, b, "\"resumed\":true");
    fk_says(f, b, "\"sync\",\"data\":{\"seq\":900");
    fk_says(f, c, "\"resumed\":false");
    fk_says(f, c, "\"rewound\"");
    fk_events(f, a, 2, 900);
    fk_del(f);
}
END_TEST


/* The second page does not come at once. */
START_TEST(resume_ahead_away)
{
    char       text[FK_SINCE_MAX];
    fk_t      *f = fk_start(1);
    fk_sock_t *a = fk_login(f, 0), *b = fk_open(f, 1);

    f->head = 900;
    fk_since(f, 900, text);
    fk_auth_as(f, b, &fk_tenant, &fk_ann, 3600, text);
    hub_flush(f->hub);
    ck_assert(fk_answer_one(f)); /* the session */
    hub_flush(f->hub);
    f->away = true;
    ck_assert(fk_answer_one(f)); /* a page */
    fk_answer(f);
    fk_silent(f, b);
    f->away = false;
    fk_sleep(f, 1000);
    fk_answer(f);
    fk_says(f, b, "\"resumed\":true");
    fk_events(f, a, 2, 900);
    fk_del(f);
}
END_TEST


/* The log turns out to be another one while a socket waits to hear whether
 * its cursor is of it. */
START_TEST(resume_rewound)
{
    char       text[FK_SINCE_MAX];
    fk_t      *f = fk_start(9);
    fk_sock_t *a = fk_login(f, 0), *b = fk_open(f, 1);

    f->history++;
    f->head = 8;
    fk_since(f, 20, text);
    fk_auth_as(f, b, &fk_tenant, &fk_ann, 3600, text);
    hub_flush(f->hub);
    ck_assert(fk_answer_one(f)); /* the session */
    hub_flush(f->hub);
    fk_poll(f); /* rewound: the log is read anew, the question still open */
    fk_answer(f);
    fk_sleep(f, 1000);
    fk_answer(f);
    fk_says(f, a, "\"rewound\"");
    fk_says(f, b, "\"resumed\":false");
    fk_says(f, b, "\"rewound\"");
    fk_del(f);
}
END_TEST


START_TEST(resume_pages)
{
    int        i;
    char       text[FK_SINCE_MAX];
    fk_t      *f = fk_start(4000);
    fk_sock_t *s;

    fk_since(f, 1234, text);

    for (i = 0; i < 5; i++) {
        s = fk_open(f, i);
        fk_auth_as(f, s, &fk_tenant, &fk_ann, 3600, text);
    }

    fk_answer(f);

    for (i = 0; i < 5; i++) {
        s = &f->socks[i];
        fk_says(f, s, "\"resumed\":true,\"from\":1235");
        fk_events(f, s, 1235, 4000);
        fk_says(f, s, "\"sync\"");
    }

    /* the load, how much it is, pages 1001.. 1501.. 2001.. 2501.. for all */
    ck_assert_uint_eq(f->queries, 6);
    fk_del(f);
}
END_TEST


START_TEST(expired)
{
    char       text[FK_SINCE_MAX];
    fk_t      *f = fk_start(4000);
    fk_sock_t *s = fk_open(f, 0);

    f->low = 1236;
    fk_since(f, 1234, text);
    fk_auth(f, s, text);
    fk_says(f, s, "\"resumed\":false");
    fk_says(f, s, "\"reason\":\"expired\"");

    /* the event itself has gone, what follows has not: nothing is missed */
    s = fk_open(f, 1);
    fk_since(f, 1235, text);
    fk_auth(f, s, text);
    fk_says(f, s, "\"resumed\":true");
    fk_events(f, s, 1236, 4000);
    fk_del(f);
}
END_TEST


/* All that was logged has expired: no row tells that the log is ours still.
 * Who has seen more is told once, the others not again and again. */
START_TEST(expired_ahead)
{
    int        i;
    fk_t      *f = fk_start(50);
    fk_sock_t *a, *b;

    f->low = 51;
    a = fk_login(f, 0);
    b = fk_open(f, 1);
    fk_auth_as(f, b, &fk_tenant, &fk_ann, 3600, ",\"since\":60");

    for (i = 0; i < 20; i++) {
        hub_flush(f->hub);
        fk_answer_one(f);
    }

    hub_flush(f->hub);
    ck_assert_uint_eq(f->nasks, 0);
    fk_says(f, b, "\"resumed\":false");
    fk_says(f, b, "\"rewound\"");
    fk_silent(f, a);
    fk_del(f);
}
END_TEST


START_TEST(too_far)
{
    fk_t      *f = fk_start(10001);
    fk_sock_t *s = fk_open(f, 0);

    fk_auth(f, s, ",\"since\":0");
    fk_says(f, s, "\"resumed\":false");
    fk_says(f, s, "\"reason\":\"too_far\",\"since\":{\"seq\":10001");
    s = fk_open(f, 1);
    fk_auth(f, s, ",\"since\":1");
    fk_says(f, s, "\"resumed\":true");
    fk_events(f, s, 2, 10001);
    fk_del(f);
}
END_TEST


/* Few events, many bytes: asked once for all who come. */
START_TEST(too_many_bytes)
{
    int        i;
    fk_t      *f = fk_start(5000);
    fk_sock_t *s;

    f->weight = 4096; /* 8 MB: 2,048 of them, less what the ring has */

    for (i = 0; i < 3; i++) {
        s = fk_open(f, i);
        fk_auth_as(f, s, &fk_tenant, &fk_ann, 3600, ",\"since\":1800");
        fk_answer(f);
        fk_says(f, s, "\"resumed\":false");
        fk_says(f, s, "\"reason\":\"too_far\",\"since\":{\"seq\":5000");
    }

    ck_assert_uint_eq(f->queries, 2);
    s = fk_open(f, 4);
    fk_auth(f, s, ",\"since\":2200");
    fk_says(f, s, "\"resumed\":true");
    fk_events(f, s, 2201, 5000);

    /* within the ring nobody asks */
    f->queries = 0;
    s = fk_open(f, 5);
    fk_auth(f, s, ",\"since\":3977");
    fk_says(f, s, "\"resumed\":true");
    ck_assert_uint_eq(f->queries, 0);
    fk_del(f);
}
END_TEST


/* The question fails: it is asked again. */
START_TEST(too_many_bytes_away)
{
    fk_t      *f = fk_start(5000);
    fk_sock_t *s = fk_open(f, 0);

    f->weight = 4096;
    fk_auth_as(f, s, &fk_tenant, &fk_ann, 3600, ",\"since\":1800");
    hub_flush(f->hub);
    ck_assert(fk_answer_one(f)); /* the session */
    ck_assert(fk_answer_one(f)); /* the tenant */
    f->broken = true;
    fk_answer(f);
    fk_sleep(f, 1000);
    f->away = true;
    fk_answer(f);
    fk_silent(f, s);
    f->broken = f->away = false;
    fk_sleep(f, 1000);
    fk_answer(f);
    fk_says(f, s, "\"resumed\":false");
    fk_says(f, s, "\"too_far\"");
    fk_del(f);
}
END_TEST


static void
large_event(fk_t *f)
{
    char      text[8192];
    char      id[PT_UUID_LEN + 1] = { 0 };
    size_t    n;
    pt_uuid_t event;

    f->head++;
    event = fk_id(f, f->head);
    pt_uuid_build(&event, id);
    n = (size_t) snprintf(text, sizeof(text),
                          "%lld {\"event\":\"message_received\",\"data\":"
                          "\"%04000d\",\"seq\":%lld,\"id\":\"%s\"}",
                          (long long) f->head, 0, (long long) f->head, id);
    hub_on_bell(f->hub, &fk_tenant, (pt_str_t){ text, n });
    hub_flush(f->hub);
}


/* A ring keeps the newest events, and no more than its limits. */
START_TEST(ring_is_capped)
{
    size_t        i;
    fk_t         *f = fk_start(0);
    fk_sock_t    *s = fk_login(f, 0);
    hub_tenant_t *t = hub_tenant_find(f->hub, &fk_tenant);

    for (i = 1; i <= HUB_RING_EVENTS_MAX + 20; i++) {
        fk_event(f);
        fk_events(f, s, (int64_t) i, (int64_t) i);
    }

    ck_assert_int_eq(t->ring.low, 21);
    ck_assert_int_eq(t->ring.head, f->head);

    for (i = 0; i < 300; i++) {
        large_event(f);
        fk_says(f, s, "\"seq\":");
        ck_assert_uint_le(t->ring.bytes, HUB_RING_BYTES_MAX);
    }

    ck_assert_uint_gt(t->ring.bytes, HUB_RING_BYTES_MAX - 2 * 4096);
    ck_assert_uint_eq(t->ring.bytes, f->hub->ring_bytes);
    fk_del(f);
}
END_TEST


/* All rings together: the one that was used longest ago goes first, then the
 * older halves of those in use, whose clients miss nothing. */
START_TEST(rings)
{
    int        i;
    size_t     one;
    fk_t      *f = fk_start(1000);
    hub_t     *h = f->hub;
    pt_uuid_t  id[3] = { fk_tenant, fk_other, fk_session };
    fk_sock_t *s;

    for (i = 0; i < 3; i++) {
        s = fk_open(f, i);
        fk_auth_as(f, s, &id[i], &fk_ann, 3600, "");
        fk_answer(f);
        fk_sleep(f, 1000);
    }

    one = h->ring_bytes / 3;
    ck_assert_uint_eq(h->ring_bytes, one * 3);
    hub_on_eof(f->socks[1].conn); /* fk_other first */
    fk_sleep(f, 5000);
    hub_on_eof(f->socks[0].conn);
    fk_sleep(f, 5000);
    ck_assert_ptr_nonnull(hub_tenant_find(h, &fk_other));
    h->conf.rings_max = one * 5 / 2;
    hub_flush(h);
    ck_assert_ptr_null(hub_tenant_find(h, &fk_other));
    ck_assert_ptr_nonnull(hub_tenant_find(h, &fk_tenant));
    ck_assert_uint_eq(h->ring_bytes, one * 2);
    fk_metric(f, "pytake_hub_ring_bytes", (long long) one * 2);

    h->conf.rings_max = one * 2 / 3;
    hub_flush(h);
    ck_assert_ptr_null(hub_tenant_find(h, &fk_tenant));
    ck_assert_uint_le(h->ring_bytes, one * 2 / 3);
    ck_assert_uint_gt(h->ring_bytes, one / 3);
    s = fk_open(f, 4);
    fk_auth_as(f, s, &fk_session, &fk_bob, 3600, ",\"since\":20");
    fk_answer(f);
    fk_says(f, s, "\"resumed\":true");
    fk_events(f, s, 21, 1000);
    fk_del(f);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, rewound);
    PT_TEST_CASE(s, rewound_away);
    PT_TEST_CASE(s, resume);
    PT_TEST_CASE(s, resume_ahead);
    PT_TEST_CASE(s, resume_ahead_away);
    PT_TEST_CASE(s, resume_rewound);
    PT_TEST_CASE(s, resume_pages);
    PT_TEST_CASE(s, expired);
    PT_TEST_CASE(s, expired_ahead);
    PT_TEST_CASE(s, too_far);
    PT_TEST_CASE(s, too_many_bytes);
    PT_TEST_CASE(s, too_many_bytes_away);
    PT_TEST_CASE(s, ring_is_capped);
    PT_TEST_CASE(s, rings);
}


PT_TEST_MAIN(hub_resume);
