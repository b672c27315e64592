/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* What sockets say to each other by way of the hub. */

#include "hub_fake.h"


START_TEST(typing)
{
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_login(f, 0), *a2 = fk_login(f, 1), *b = fk_open(f, 2);
    fk_sock_t *o = fk_open(f, 3);
    char       said[1024];

    fk_auth_as(f, b, &fk_tenant, &fk_bob, 3600, "");
    fk_auth_as(f, o, &fk_other, &fk_bob, 3600, "");
    fk_answer(f);
    fk_ignore(b);
    fk_ignore(o);

    fk_send(a, "{\"event\":\"typing_start\"," FK_CONV "}");
    hub_flush(f->hub);
    fk_says(f, b, "{\"event\":\"typing_start\",\"data\":{" FK_CONV);
    ck_assert(strstr(f->text, "\"name\":\"Ann \\\"A\\\" Lee\"") != NULL);
    ck_assert(strstr(f->text, "\"seq\"") == NULL);
    fk_silent(f, a);
    fk_silent(f, a2);
    fk_silent(f, o);
    ck_assert_uint_eq(f->npublished, 1);

    fk_send(a, "{\"event\":\"typing_start\"," FK_CONV "}"); /* too soon */
    hub_flush(f->hub);
    fk_silent(f, b);
    fk_sleep(f, 7000);
    fk_says(f, b, "\"typing_stop\"");
    fk_silent(f, b);

    /* who looks elsewhere does not hear; the socket's end is a stop */
    fk_send(b, "{\"type\":\"watch\",\"conversation_id\":"
               "\"02010101-0101-7101-8101-010101010101\"}");
    fk_send(a, "{\"event\":\"typing_start\"," FK_CONV "}");
    hub_flush(f->hub);
    fk_silent(f, b);
    fk_send(b, "{\"type\":\"unwatch\"," FK_CONV "}");
    hub_on_eof(a->conn);
    hub_flush(f->hub);
    hub_flush(f->hub);
    fk_says(f, b, "\"typing_stop\"");

    /* another hub's */
    memcpy(said, f->published, sizeof(said));
    hub_on_ephemeral(f->hub, &fk_tenant, pt_test_str(said));
    hub_on_ephemeral(f->hub, &fk_tenant, PT_STR("what"));
    hub_flush(f->hub);
    fk_says(f, b, "\"typing_stop\"");
    fk_silent(f, a2);
    fk_silent(f, o);
    fk_del(f);
}
END_TEST


static int
starts(fk_t *f, fk_sock_t *s)
{
    int n;

    for (n = 0; fk_finds(f, s, "\"typing_start\""); n++) {
        /* count */
    }

    return n;
}


/* However the conversations change: few starts in three seconds, and no
 * conversation twice. */
START_TEST(typing_rate)
{
    int        i;
    char       text[256];
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_login(f, 0), *b = fk_open(f, 1);

    fk_auth_as(f, b, &fk_tenant, &fk_bob, 3600, "");
    fk_answer(f);
    fk_ignore(b);

    for (i = 0; i < 20; i++) {
        fk_fmt(text,
               "{\"event\":\"typing_start\",\"conversation_id\":"
               "\"0%d010101-0101-7101-8101-010101010101\"}",
               i % 2);
        fk_send(a, text);
        hub_flush(f->hub);
    }

    ck_assert_int_eq(starts(f, b), 2);
    b->at = 0;
    ck_assert(fk_finds(f, b, "\"typing_stop\"")); /* of the first */
    fk_sleep(f, 3000);
    fk_ignore(b);

    for (i = 0; i < 9; i++) {
        fk_fmt(text,
               "{\"event\":\"typing_start\",\"conversation_id\":"
               "\"0%d010101-0101-7101-8101-010101010101\"}",
               i);
        fk_send(a, text);
        hub_flush(f->hub);
    }

    ck_assert_int_eq(starts(f, b), (int) HUB_TYPING_RECENT);
    fk_del(f);
}
END_TEST


START_TEST(ack)
{
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_login(f, 0);

    fk_event(f);
    fk_event(f);
    fk_ignore(a);
    fk_send(a, "{\"type\":\"ack\",\"seq\":4}");
    fk_send(a, "{\"type\":\"ack\",\"seq\":5}");
    hub_flush(f->hub);
    fk_silent(f, a);
    fk_metric(f, "pytake_hub_acks_total", 2);
    fk_metric(f, "pytake_hub_ack_lag_events_total", 1);

    /* what it has not been sent, and nonsense */
    fk_send(a, "{\"type\":\"ack\",\"seq\":6}");
    hub_flush(f->hub);
    fk_says(f, a, "{\"type\":\"error\",\"data\":{\"code\":\"invalid\"");
    fk_send(a, "{\"type\":\"ack\",\"seq\":-1}");
    hub_flush(f->hub);
    fk_says(f, a, "\"invalid\"");
    fk_send(a, "{\"type\":\"ack\"}");
    hub_flush(f->hub);
    fk_says(f, a, "\"invalid\"");
    fk_metric(f, "pytake_hub_acks_total", 2);
    fk_del(f);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, typing);
    PT_TEST_CASE(s, typing_rate);
    PT_TEST_CASE(s, ack);
}


PT_TEST_MAIN(hub_talk);
