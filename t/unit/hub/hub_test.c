/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "hub_fake.h"


START_TEST(live)
{
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_login(f, 0), *b = fk_login(f, 1);

    fk_event(f);
    fk_event(f);
    fk_events(f, a, 4, 5);
    fk_events(f, b, 4, 5);
    fk_silent(f, a);
    ck_assert_uint_eq(f->queries, 1); /* one load for both */
    fk_send(a, "{\"type\":\"ping\"}");
    hub_flush(f->hub);
    fk_says(f, a, "{\"type\":\"pong\",\"data\":{\"seq\":5}}");
    fk_del(f);
}
END_TEST


START_TEST(hole)
{
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_login(f, 0);

    f->head = 6; /* 4 and 5 get lost */
    fk_ring(f, 6, true);
    fk_answer(f);
    fk_silent(f, a);
    ck_assert(hub_is_waiting(f->hub));
    fk_sleep(f, 10);
    ck_assert_uint_eq(f->nasks, 0);
    fk_sleep(f, 10);
    ck_assert_uint_eq(f->nasks, 1);
    fk_answer(f);
    fk_events(f, a, 4, 6);
    fk_sleep(f, 20);
    ck_assert(!hub_is_waiting(f->hub));

    /* the number alone */
    f->head = 7;
    fk_ring(f, 7, false);
    fk_sleep(f, 20);
    fk_answer(f);
    fk_events(f, a, 7, 7);

    /* a bell that no log knows of is asked about once */
    fk_ring(f, 900, true);
    fk_sleep(f, 20);
    fk_answer(f);
    fk_sleep(f, 20);
    fk_sleep(f, 2000);
    ck_assert_uint_eq(f->nasks, 0);
    fk_event(f);
    fk_events(f, a, 8, 8);
    fk_del(f);
}
END_TEST


START_TEST(reorder)
{
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_login(f, 0);

    f->head = 6;
    fk_ring(f, 6, true);
    fk_ring(f, 5, true);
    fk_ring(f, 5, true);
    fk_ring(f, 4, true);
    fk_ring(f, 4, true); /* again */
    fk_sleep(f, 20);
    fk_answer(f);
    fk_events(f, a, 4, 6);
    fk_silent(f, a);
    ck_assert_uint_eq(f->queries, 1); /* the load */
    fk_del(f);
}
END_TEST


START_TEST(lost_tail)
{
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_login(f, 0);

    f->head = 5;
    fk_poll(f);
    fk_sleep(f, 20);
    fk_answer(f);
    fk_events(f, a, 4, 5);
    fk_poll(f);
    fk_sleep(f, 20);
    ck_assert_uint_eq(f->nasks, 0);
    fk_del(f);
}
END_TEST


/* More than one page is missing. */
START_TEST(long_hole)
{
    fk_t      *f = fk_start(0);
    fk_sock_t *a = fk_login(f, 0);

    f->head = 1700;
    fk_poll(f);
    fk_sleep(f, 20);
    fk_answer(f);
    fk_events(f, a, 1, 1700);
    fk_silent(f, a);
    fk_del(f);
}
END_TEST


/* A client that takes little at a time gets all of it, and costs nothing
 * meanwhile; one that takes nothing for 30 s is cut. */
START_TEST(slow)
{
    int        i;
    size_t     step;
    fk_t      *f = fk_start(0);
    fk_sock_t *a = fk_login(f, 0), *b = fk_login(f, 1), *c = fk_login(f, 2);

    a->room = 10;
    c->room = 0;
    hub_flush(f->hub);

    for (i = 0; i < 2500; i++) {
        fk_event(f);
    }

    fk_events(f, b, 1, 2500);
    fk_ring(f, 2500, true);

    for (step = 1; a->len < 200000 && step < 4000; step++) {
        a->room = 1 + step % 977;
        ck_assert(a->want);
        a->want = false;
        hub_on_writable(a->conn);
        fk_answer(f);

        if (!a->want) {
            break;
        }
    }

    a->room = FK_OUT;
    hub_on_writable(a->conn);
    fk_answer(f);
    fk_events(f, a, 1, 2500);
    fk_sleep(f, 28000);
    ck_assert(c->open);
    fk_sleep(f, 8000);
    ck_assert(!c->open);
    ck_assert(a->open && b->open);
    fk_metric(f, "pytake_hub_closes_total{code=\"4102\"}", 1);
    fk_del(f);
}
END_TEST


START_TEST(clock)
{
    int        i;
    uint8_t    op;
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_login(f, 0), *b = fk_login(f, 1), *c = fk_open(f, 2);

    fk_sleep(f, 9000);
    ck_assert_int_eq(fk_closed(f, c), 0);
    fk_sleep(f, 2000);
    ck_assert_int_eq(fk_closed(f, c), 4004);

    for (i = 0; i < 8; i++) { /* a answers pings, b does not */
        fk_sleep(f, 10000);

        while (fk_next_op(f, a, &op) != NULL) {
            if (op == 9) {
                fk_send_op(a, 10, "", 0);
            }
        }
    }

    ck_assert(a->open);
    ck_assert_int_eq(fk_closed(f, b), 4201);
    fk_sleep(f, 6000);
    ck_assert(!b->open && !c->open);

    /* idle: a sync every 25 s */
    fk_ignore(a);
    fk_send_op(a, 10, "", 0);
    fk_sleep(f, 26000);
    i = 0;

    while (fk_next_op(f, a, &op) != NULL) {
        i += op == 1 && strstr(f->text, "\"sync\"") != NULL;
    }

    ck_assert_int_eq(i, 1);
    fk_del(f);
}
END_TEST


START_TEST(bad_frames)
{
    int        i;
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_login(f, 0), *b = fk_login(f, 1), *c = fk_login(f, 2);

    for (i = 0; i < 2; i++) {
        fk_send(a, i == 0 ? "[1]" : "{\"a\":");
        hub_flush(f->hub);
        fk_says(f, a, "{\"type\":\"error\",\"data\":{\"code\":\"malformed\"");
    }

    fk_send(a, "nonsense");
    hub_flush(f->hub);
    ck_assert_int_eq(fk_closed(f, a), 4001);
    fk_send(b, "{\"type\":\"what\"}");
    hub_flush(f->hub);
    ck_assert_int_eq(fk_closed(f, b), 4000);

    /* both have said it: the socket closes at once */
    fk_send_op(b, 8, "\x0f\xa0", 2);
    hub_flush(f->hub);
    ck_assert(!b->open);

    for (i = 0; i < 45; i++) {
        fk_send(c, "{\"type\":\"ack\",\"seq\":1}");
    }

    hub_flush(f->hub);
    fk_says(f, c, "\"rate_limited\"");
    fk_silent(f, c);
    fk_sleep(f, 2000);
    fk_send(c, "{\"type\":\"ping\"}");
    hub_flush(f->hub);
    fk_says(f, c, "\"pong\"");

    for (i = 0; i < 300; i++) {
        fk_send(c, "{\"type\":\"ack\",\"seq\":1}");
    }

    hub_flush(f->hub);
    ck_assert_int_eq(fk_closed(f, c), 4101);
    fk_del(f);
}
END_TEST


/* The peer closes first: our echo, then the end. */
START_TEST(closing)
{
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_login(f, 0), *b = fk_login(f, 1), *c = fk_login(f, 2);

    fk_send_op(a, 8,
               "\x03\xe8"
               "bye",
               5);
    hub_flush(f->hub);
    ck_assert_int_eq(fk_closed(f, a), 1000);
    ck_assert(!a->open);

    hub_conn_close(b->conn, 4005, "x");
    hub_flush(f->hub);
    fk_sleep(f, 4000);
    ck_assert(b->open);
    fk_sleep(f, 2000);
    ck_assert(!b->open);

    hub_on_eof(c->conn);
    hub_on_eof(c->conn);
    hub_on_writable(c->conn);
    fk_send(c, "{\"type\":\"ping\"}");
    hub_flush(f->hub);
    ck_assert(!c->open);
    ck_assert_uint_eq(hub_conns(f->hub), 0);
    fk_sleep(f, 400000);
    ck_assert_int_eq(f->on, 0); /* the tenant has been forgotten */
    fk_del(f);
}
END_TEST


/* After a codec error nothing of the peer's is worth waiting for: its close
 * is, but not for long. */
START_TEST(closing_failed)
{
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_login(f, 0);

    fk_send_op(a, 2, "x", 1);
    hub_flush(f->hub);
    ck_assert_int_eq(fk_closed(f, a), 1003);
    ck_assert(a->open); /* what it still sends is read: no reset */
    fk_sleep(f, 2000);
    ck_assert(!a->open);
    fk_del(f);
}
END_TEST


START_TEST(drain)
{
    int        i, n;
    fk_t      *f = fk_start(3);
    fk_sock_t *s;

    for (i = 0; i < 10; i++) {
        s = fk_login(f, i);
    }

    s = fk_open(f, 10);
    hub_drain(f->hub, 8, 8000); /* another worker's */
    hub_flush(f->hub);
    fk_silent(f, &f->socks[0]);
    hub_drain(f->hub, 7, 8000);
    hub_flush(f->hub);

    for (i = 0; i < 10; i++) {
        fk_says(f, &f->socks[i],
                "{\"type\":\"reconnect\",\"data\":"
                "{\"after_ms\":0,\"spread_ms\":8000}}");
    }

    fk_sleep(f, 5000);

    for (i = 0, n = 0; i < 11; i++) {
        n += fk_closed(f, &f->socks[i]) == 4200;
    }

    ck_assert_int_gt(n, 0);
    ck_assert_int_lt(n, 11);
    fk_sleep(f, 5000);

    for (i = 0; i < 11; i++) {
        n += fk_closed(f, &f->socks[i]) == 4200;
    }

    ck_assert_int_eq(n, 11);

    s = fk_open(f, 11); /* the worker had it already */
    fk_sleep(f, 10000);
    ck_assert_int_eq(fk_closed(f, s), 4200);
    fk_del(f);
}
END_TEST


/* A socket that is full when the drain comes is dropped, and no more than
 * that. */
START_TEST(drain_full)
{
    int        i;
    fk_t      *f = fk_start(3);
    fk_sock_t *s = fk_login(f, 0);

    s->room = 0;

    for (i = 0; i < (int) HUB_PRIVATE_MAX; i++) {
        if (i == 40) {
            fk_sleep(f, 2000); /* more tokens */
        }

        fk_send(s, "{\"type\":\"ping\"}");
        hub_flush(f->hub);
    }

    ck_assert(s->open);
    hub_drain(f->hub, 0, 8000);
    hub_flush(f->hub);
    ck_assert(!s->open);
    fk_sleep(f, 20000);
    fk_del(f);
}
END_TEST


/* The worker goes slowly, and then the hub at once. */
START_TEST(drain_again)
{
    int        i;
    fk_t      *f = fk_start(3);
    fk_sock_t *s;

    for (i = 0; i < 10; i++) {
        s = fk_login(f, i);
    }

    hub_drain(f->hub, 7, 600000);
    hub_drain(f->hub, 0, 2000);
    hub_drain(f->hub, 7, 600000);
    fk_sleep(f, 4000);

    for (i = 0; i < 10; i++) {
        s = &f->socks[i];
        ck_assert(fk_finds(f, s, "\"spread_ms\":2000}"));
        ck_assert_int_eq(fk_closed(f, s), 4200);
    }

    fk_del(f);
}
END_TEST


START_TEST(metrics)
{
    pt_buf_t    b;
    pt_str_t    text;
    fk_t       *f = fk_start(3);
    pt_arena_t *a = pt_test_arena();

    fk_login(f, 0);
    fk_login(f, 1);
    fk_event(f);
    pt_buf_init(&b, a, 65536);
    hub_metrics_write(f->hub, &b);
    ck_assert_ok(pt_buf_get(&b, &text));
    ck_assert(memmem(text.data, text.len,
                     PT_STR("websocket_connections_active{tenant_id=\""
                            "54545454-5454-5454-5454-545454545454\"} 2\n")
                         .data,
                     82 - 5)
              != NULL);
    ck_assert(memmem(text.data, text.len, "message_received", 16) != NULL);
    pt_arena_del(a);
    fk_del(f);
}
END_TEST


/* Which tenants have series of their own is told when they come; a tenant
 * that goes takes its series with it, and the sum of the others stays. */
START_TEST(metrics_labels)
{
#define SENT                                                                   \
    "websocket_messages_total{event_type=\"message_received\",tenant_id="
#define OTHER SENT "\"other\"}"
#define OWN SENT "\"54545454-5454-5454-5454-545454545454\"}"
    int        i;
    pt_uuid_t  id = fk_other;
    fk_t      *f = fk_start(3);
    fk_sock_t *s = fk_login(f, 0);

    fk_event(f);
    fk_metric(f, OWN, 1);
    fk_metric(f, OTHER, -1);
    hub_on_eof(s->conn);
    fk_sleep(f, 400000);
    fk_metric(f, OWN, -1);
    fk_metric(f, OTHER, -1); /* not counted twice */

    for (i = 0; i < 1000; i++) {
        memcpy(id.b, &i, sizeof(i));
        ck_assert_ptr_nonnull(hub_tenant_get(f->hub, &id));
    }

    s = fk_login(f, 0);
    fk_event(f);
    fk_event(f);
    fk_metric(f, OWN, -1);
    fk_metric(f, OTHER, 2);
    fk_metric(f, "websocket_connections_active{tenant_id=\"other\"}", 1);
    hub_on_eof(s->conn);
    fk_sleep(f, 400000);
    fk_metric(f, OTHER, 2);
    s = fk_login(f, 0); /* now there is room */
    fk_event(f);
    fk_metric(f, OWN, 1);
    fk_metric(f, OTHER, 2);
    fk_del(f);
}
END_TEST


/* Every allocation in turn is refused: nothing leaks, nothing is sent out of
 * order, whoever suffers is closed. */
static pt_err_t
starve(const pt_mem_t *mem, void *user)
{
    int            i;
    fk_t          *f;
    fk_sock_t     *s;
    pt_test_mem_t *m = mem->user;

    PT_UNUSED(user);
    f = fk_new(mem);

    if (f == NULL) {
        return PT_ENOMEM;
    }

    f->head = 30;
    f->tail = 10;

    for (i = 0; i < 3; i++) {
        fk_sleep(f, 1000);
        s = fk_open(f, i);

        if (s->open) {
            fk_auth_as(f, s, &fk_tenant, i == 1 ? &fk_bob : &fk_ann, 3600,
                       i == 2 ? ",\"since\":5" : "");
        }

        fk_answer(f);
    }

    fk_event(f);
    f->head += 3;
    fk_ring(f, f->head, true);
    fk_sleep(f, 1000);
    fk_answer(f);

    for (i = 0; i < 3; i++) {
        if (f->socks[i].open) {
            fk_send(&f->socks[i], "{\"event\":\"typing_start\"," FK_CONV "}");
            fk_send(&f->socks[i], "{\"type\":\"watch\"," FK_CONV "}");
            fk_send(&f->socks[i], "{\"type\":\"ping\"}");
            fk_send_op(&f->socks[i], 9, "x", 1);
        }
    }

    fk_answer(f);
    fk_sleep(f, 27000);
    fk_answer(f);
    f->history++;
    fk_poll(f);
    fk_sleep(f, 2000);
    fk_answer(f);
    hub_drain(f->hub, 0, 1000);
    fk_sleep(f, 9000);
    fk_answer(f);
    fk_del(f);

    return m->failed ? PT_ENOMEM : PT_OK;
}


START_TEST(starved)
{
    pt_test_failmalloc(starve, NULL);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, live);
    PT_TEST_CASE(s, hole);
    PT_TEST_CASE(s, reorder);
    PT_TEST_CASE(s, lost_tail);
    PT_TEST_CASE(s, long_hole);
    PT_TEST_CASE(s, slow);
    PT_TEST_CASE(s, clock);
    PT_TEST_CASE(s, bad_frames);
    PT_TEST_CASE(s, closing);
    PT_TEST_CASE(s, closing_failed);
    PT_TEST_CASE(s, drain);
    PT_TEST_CASE(s, drain_full);
    PT_TEST_CASE(s, drain_again);
    PT_TEST_CASE(s, metrics);
    PT_TEST_CASE(s, metrics_labels);
    PT_TEST_CASE(s, starved);
}


PT_TEST_MAIN(hub);
