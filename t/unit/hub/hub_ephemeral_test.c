/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* What sockets say to each other by way of the hub. */

#include "hub_fake.h"


START_TEST(typing)
{
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_login(f, 0), *a2 = fk_login(f, 1), *b = fk_open(f, 2);
    fk_sock_t *o = fk_open(f, 3);
    char       said[sizeof(f->published)];

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


/* A viewer looks on; a role that nobody knows is not let in. */
START_TEST(typing_needs_its_permission)
{
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_login(f, 0), *v, *o = fk_open(f, 2);

    f->role = "viewer";
    v = fk_login(f, 1);
    fk_send(v, "{\"event\":\"typing_start\"," FK_CONV "}");
    hub_flush(f->hub);
    fk_says(f, v, "\"code\":\"forbidden\"");
    fk_silent(f, a);
    ck_assert_uint_eq(f->npublished, 0);

    fk_send(a, "{\"event\":\"typing_start\"," FK_CONV "}");
    hub_flush(f->hub);
    ck_assert_uint_eq(f->npublished, 1);

    f->role = "stranger";
    fk_auth_as(f, o, &fk_tenant, &fk_bob, 3600, "");
    fk_answer(f);
    ck_assert_int_eq(fk_closed(f, o), HUB_CLOSE_FORBIDDEN);
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


#define NIL "00000000-0000-0000-0000-000000000000"
#define ANN "41414141-4141-4141-4141-414141414141"
#define BOB "42424242-4242-4242-4242-424242424242"
#define TALK "01010101-0101-7101-8101-010101010101"
#define HERE(user, status, viewing)                                            \
    "{\"event\":\"presence_updated\",\"data\":{\"user_id\":\"" user            \
    "\",\"status\":\"" status "\",\"viewing\":" viewing "},\"timestamp\":"


static fk_sock_t *
bob(fk_t *f, int i)
{
    fk_sock_t *s = fk_open(f, i);

    fk_auth_as(f, s, &fk_tenant, &fk_bob, 3600, "");
    fk_answer(f);
    fk_says(f, s, "\"auth_success\"");

    return s;
}


START_TEST(presence)
{
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_login(f, 0), *a2 = fk_login(f, 1), *b, *o;

    f->presence = true;
    o = fk_open(f, 2);
    fk_auth_as(f, o, &fk_other, &fk_bob, 3600, "");
    fk_answer(f);
    fk_ignore(o);
    fk_sleep(f, 1000);
    fk_silent(f, a); /* itself */

    /* who comes is told who is there, and the others that it is */
    b = bob(f, 3);
    fk_says(f, b, HERE(ANN, "online", "null"));
    fk_silent(f, b);
    fk_sleep(f, 1000);
    fk_says(f, a, HERE(BOB, "online", "null"));
    fk_says(f, a2, HERE(BOB, "online", "null"));
    fk_silent(f, b);

    /* what it looks at; changes in quick succession are one */
    fk_sleep(f, 3000);
    fk_send(b, "{\"type\":\"watch\"," FK_CONV "}");
    fk_sleep(f, 1000);
    fk_says(f, a, HERE(BOB, "online", "\"" TALK "\""));
    ck_assert(strstr(f->text, "\"seq\"") == NULL);
    fk_send(b, "{\"type\":\"unwatch\"," FK_CONV "}");
    fk_sleep(f, 1000);
    fk_send(b, "{\"type\":\"watch\"," FK_CONV "}");
    fk_sleep(f, 1000);
    fk_send(b, "{\"type\":\"presence\",\"status\":\"away\"}");
    fk_silent(f, a);
    fk_sleep(f, 1000);
    fk_says(f, a, HERE(BOB, "away", "\"" TALK "\""));
    fk_silent(f, a);
    fk_send(b, "{\"type\":\"presence\",\"status\":\"offline\"}");
    hub_flush(f->hub);
    fk_says(f, b, "{\"type\":\"error\",\"data\":{\"code\":\"invalid\"");
    fk_silent(f, o);
    fk_del(f);
}
END_TEST


/* Two in one second: each hears of the other only. */
START_TEST(presence_together)
{
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_login(f, 0), *a2 = fk_login(f, 1), *b = bob(f, 2);

    f->presence = true;
    fk_sleep(f, 1000);
    fk_says(f, a, HERE(BOB, "online", "null"));
    fk_silent(f, a);
    fk_says(f, a2, HERE(BOB, "online", "null"));
    fk_silent(f, a2);
    fk_says(f, b, HERE(ANN, "online", "null"));
    fk_silent(f, b);
    fk_del(f);
}
END_TEST


START_TEST(presence_ends)
{
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_login(f, 0), *a2 = fk_login(f, 1), *b;

    f->presence = true;
    fk_sleep(f, 1000);
    b = bob(f, 3);
    fk_sleep(f, 1000);
    fk_ignore(a);
    fk_ignore(b);

    /* not all of its sockets: still there; all, for a moment: still there */
    hub_on_eof(a2->conn);
    fk_sleep(f, 10000);
    ck_assert(!fk_finds(f, b, "presence_updated"));
    hub_on_eof(a->conn);
    fk_sleep(f, 3000);
    a = fk_login(f, 0);
    fk_says(f, a, HERE(BOB, "online", "null")); /* the list */
    fk_says(f, a, HERE(ANN, "online", "null"));
    fk_sleep(f, 10000);
    ck_assert(!fk_finds(f, b, "presence_updated"));
    hub_on_eof(b->conn);
    fk_sleep(f, 14000);
    ck_assert(!fk_finds(f, a, "presence_updated"));
    fk_sleep(f, 2000);
    ck_assert(fk_finds(f, a, HERE(BOB, "offline", "null")));
    fk_metric(f,
              "websocket_messages_total{event_type=\"presence_updated\","
              "tenant_id=\"54545454-5454-5454-5454-545454545454\"}",
              6);
    fk_del(f);
}
END_TEST


/* What another hub says, and what it is told. */
START_TEST(presence_far)
{
    int        i;
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_login(f, 0);

    f->presence = true;
    hub_on_listening(f->hub, &fk_tenant);
    ck_assert_str_eq(f->published, "presence?");
    fk_sleep(f, 1000);
    ck_assert_str_eq(f->published, "presence\n" ANN " o " NIL "\n");
    i = (int) f->npublished;
    fk_sleep(f, 40000);
    ck_assert_int_eq((int) f->npublished, i); /* nobody listens */
    fk_send_op(a, 10, "", 0);
    fk_ignore(a);

    hub_on_ephemeral(f->hub, &fk_tenant,
                     PT_STR("presence\n" BOB " a " TALK "\n"));
    fk_sleep(f, 1000);
    fk_says(f, a, HERE(BOB, "away", "\"" TALK "\""));
    f->published[0] = '\0';
    hub_on_ephemeral(f->hub, &fk_tenant, PT_STR("presence?"));
    fk_sleep(f, 1000);
    ck_assert_str_eq(f->published, "presence\n" ANN " o " NIL "\n");
    f->published[0] = '\0';
    fk_sleep(f, 30000); /* and on, as long as there is another */
    ck_assert_str_eq(f->published, "presence\n" ANN " o " NIL "\n");
    fk_send_op(a, 10, "", 0);

    /* it leaves there: here it still is, or is no more */
    fk_ignore(a);
    f->published[0] = '\0';
    hub_on_ephemeral(
        f->hub, &fk_tenant,
        PT_STR("presence\n" ANN " - " NIL "\n" BOB " - " NIL "\n"));
    fk_sleep(f, 1000);
    ck_assert_str_eq(f->published, "presence\n" ANN " o " NIL "\n");
    fk_silent(f, a);
    fk_sleep(f, 15000);
    ck_assert(fk_finds(f, a, HERE(BOB, "offline", "null")));

    /* that hub says nothing any more */
    hub_on_ephemeral(f->hub, &fk_tenant,
                     PT_STR("presence\n" BOB " o " NIL "\n"));
    fk_sleep(f, 1000);
    ck_assert(fk_finds(f, a, HERE(BOB, "online", "null")));

    for (i = 0; i < 9; i++) {
        fk_sleep(f, 10000);
        fk_send_op(a, 10, "", 0);
    }

    ck_assert(fk_finds(f, a, HERE(BOB, "offline", "null")));

    /* nonsense */
    hub_on_ephemeral(f->hub, &fk_tenant, PT_STR("presence"));
    hub_on_ephemeral(f->hub, &fk_tenant, PT_STR("presence\n"));
    hub_on_ephemeral(f->hub, &fk_tenant, PT_STR("presence\n" BOB " o"));
    hub_on_ephemeral(f->hub, &fk_tenant,
                     PT_STR("presence\n" BOB " x " NIL "\n"));
    fk_sleep(f, 1000);
    ck_assert(!fk_finds(f, a, "presence_updated"));
    fk_del(f);
}
END_TEST


/* On two hubs at once: what it did last counts, and to be there is nothing
 * that it did. */
START_TEST(presence_both)
{
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_login(f, 0), *b;

    f->presence = true;
    fk_sleep(f, 1000);
    b = bob(f, 1);
    fk_ignore(b);
    fk_send(b, "{\"type\":\"watch\"," FK_CONV "}");
    fk_sleep(f, 1000);
    fk_says(f, a, HERE(BOB, "online", "\"" TALK "\""));
    hub_on_ephemeral(f->hub, &fk_tenant,
                     PT_STR("presence\n" BOB " o " NIL "\n"));
    fk_sleep(f, 4000);
    fk_silent(f, a);
    hub_on_ephemeral(f->hub, &fk_tenant,
                     PT_STR("presence\n" BOB " a " ANN "\n"));
    fk_sleep(f, 1000);
    fk_says(f, a, HERE(BOB, "away", "\"" ANN "\""));
    fk_sleep(f, 3000);
    fk_send(b, "{\"type\":\"presence\",\"status\":\"online\"}");
    fk_sleep(f, 1000);
    fk_says(f, a, HERE(BOB, "online", "\"" TALK "\""));
    hub_on_ephemeral(f->hub, &fk_tenant, /* a beat: nothing new */
                     PT_STR("presence\n" BOB " a " ANN "\n"));
    fk_sleep(f, 4000);
    fk_silent(f, a);
    hub_on_eof(b->conn);
    hub_flush(f->hub);
    fk_sleep(f, 1000);
    fk_says(f, a, HERE(BOB, "away", "\"" ANN "\""));
    b = bob(f, 1);
    fk_sleep(f, 4000);
    fk_silent(f, a);
    fk_del(f);
}
END_TEST


/* More people than are told of, and more at once than fit into a second. */
START_TEST(presence_many)
{
    int        i, n;
    char       text[128], id[PT_UUID_LEN];
    size_t     len;
    pt_uuid_t  user = fk_bob;
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_login(f, 0), *b;

    f->presence = true;
    fk_sleep(f, 1000);

    for (i = 0; i < 300; i++) {
        memcpy(user.b, &i, sizeof(i));
        pt_uuid_build(&user, id);
        len = fk_fmt(text, "presence\n%.36s o " TALK "\n", id);
        hub_on_ephemeral(f->hub, &fk_tenant, (pt_str_t){ text, len });
    }

    for (n = 0; n < 300; i++) {
        fk_sleep(f, 1000);
        i = n;

        while (fk_finds(f, a, "presence_updated")) {
            n++;
        }

        ck_assert_int_le(n - i, 16);

        if (n == i) {
            break;
        }
    }

    ck_assert_int_eq(n, (int) HUB_PRESENCE_MAX - 1); /* and itself */
    b = bob(f, 1);

    for (n = 0; fk_finds(f, b, "presence_updated"); n++) {
        /* count */
    }

    ck_assert_int_eq(n, (int) HUB_PRESENCE_MAX);
    fk_del(f);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, typing);
    PT_TEST_CASE(s, typing_needs_its_permission);
    PT_TEST_CASE(s, typing_rate);
    PT_TEST_CASE(s, ack);
    PT_TEST_CASE(s, presence);
    PT_TEST_CASE(s, presence_together);
    PT_TEST_CASE(s, presence_ends);
    PT_TEST_CASE(s, presence_far);
    PT_TEST_CASE(s, presence_both);
    PT_TEST_CASE(s, presence_many);
}


PT_TEST_MAIN(hub_talk);
