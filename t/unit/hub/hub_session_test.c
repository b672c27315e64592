/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* Whose a socket is, and for how long. */

#include "hub_fake.h"


/* The auth frame of a socket that has had one. */

static void
renew(fk_t *f, fk_sock_t *s, const pt_uuid_t *tenant, const pt_uuid_t *user,
      const pt_uuid_t *session, int64_t seconds)
{
    char token[2048], text[4096];

    fk_token_of(f, tenant, user, session, seconds, token);
    fk_fmt(text, "{\"type\":\"auth\",\"token\":\"%s\"}", token);
    fk_send(s, text);
}


START_TEST(token_short)
{
    int        i;
    fk_t      *f = fk_start(1);
    fk_sock_t *a = fk_open(f, 0);

    fk_auth_as(f, a, &fk_tenant, &fk_ann, 60, "");
    fk_answer(f);
    fk_ignore(a);
    for (i = 0; i < 3; i++) {
        fk_sleep(f, 20000);
        fk_send_op(a, 10, "", 0);
        ck_assert(!fk_finds(f, a, "{\"type\":\"token_expiring\""));
        fk_sleep(f, 11000);
        ck_assert(fk_finds(f, a,
                           "{\"type\":\"token_expiring\",\"data\":"
                           "{\"expires_in\":"));
        fk_ignore(a);
        renew(f, a, &fk_tenant, &fk_ann, &fk_session, 60);
        hub_flush(f->hub);
        fk_says(f, a, "\"auth_success\"");
    }
    fk_del(f);
}
END_TEST


START_TEST(token)
{
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_open(f, 0), *b = fk_open(f, 1);

    fk_auth_as(f, a, &fk_tenant, &fk_ann, 200, "");
    fk_auth_as(f, b, &fk_tenant, &fk_ann, 200, "");
    fk_answer(f);
    fk_ignore(a);
    fk_ignore(b);
    fk_sleep(f, 25000);
    fk_send_op(a, 10, "", 0);
    fk_send_op(b, 10, "", 0);
    fk_ignore(a);
    fk_ignore(b);
    fk_sleep(f, 45000);
    fk_send_op(a, 10, "", 0);
    fk_send_op(b, 10, "", 0);
    fk_ignore(b);
    ck_assert(fk_next(f, a) != NULL); /* sync or ping */
    fk_ignore(a);
    fk_sleep(f, 31000);
    ck_assert(fk_finds(f, a,
                       "{\"type\":\"token_expiring\",\"data\":"
                       "{\"expires_in\":1"));
    fk_ignore(a);
    fk_ignore(b);

    renew(f, a, &fk_tenant, &fk_ann, &fk_session, 3600);
    hub_flush(f->hub);
    fk_says(f, a, "\"auth_success\"");

    /* another session of the same user is looked up */
    renew(f, a, &fk_tenant, &fk_ann, &fk_bob, 7200);
    hub_flush(f->hub);
    fk_silent(f, a);
    fk_answer(f);
    fk_says(f, a, "\"auth_success\"");
    hub_on_revoked(f->hub, &fk_tenant, &fk_session);
    hub_flush(f->hub);
    ck_assert_int_eq(fk_closed(f, b), 4005);
    ck_assert_int_eq(fk_closed(f, a), 0);
    hub_on_revoked(f->hub, &fk_other, &fk_bob);
    ck_assert_int_eq(fk_closed(f, a), 0);

    /* another user's token */
    renew(f, a, &fk_tenant, &fk_bob, &fk_session, 3600);
    hub_flush(f->hub);
    ck_assert_int_eq(fk_closed(f, a), 4003);

    /* another tenant's */
    a = fk_login(f, 2);
    renew(f, a, &fk_other, &fk_ann, &fk_session, 3600);
    hub_flush(f->hub);
    ck_assert_int_eq(fk_closed(f, a), 4003);

    /* a good token of a session that has ended */
    a = fk_login(f, 3);
    renew(f, a, &fk_tenant, &fk_ann, &fk_bob, 3600);
    f->dead = true;
    fk_answer(f);
    ck_assert_int_eq(fk_closed(f, a), 4005);
    fk_del(f);
}
END_TEST


START_TEST(token_bad)
{
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_open(f, 0);

    fk_auth_as(f, a, &fk_tenant, &fk_ann, -30, "");
    hub_flush(f->hub);
    ck_assert_int_eq(fk_closed(f, a), 4202);
    a = fk_open(f, 1);
    fk_send(a, "{\"type\":\"auth\",\"token\":\"x.y.z\"}");
    hub_flush(f->hub);
    ck_assert_int_eq(fk_closed(f, a), 4002);
    a = fk_open(f, 2);
    fk_send(a, "{\"type\":\"watch\"}");
    hub_flush(f->hub);
    ck_assert_int_eq(fk_closed(f, a), 4002);
    a = fk_open(f, 3);
    fk_auth_as(f, a, &fk_tenant, &fk_ann, 60,
               ",\"user_id\":\"00000000-0000-7000-8000-000000000000\"");
    hub_flush(f->hub);
    ck_assert_int_eq(fk_closed(f, a), 4003);
    f->dead = true;
    a = fk_open(f, 4);
    fk_auth(f, a, "");
    ck_assert_int_eq(fk_closed(f, a), 4005);
    f->dead = false;
    f->broken = true;
    a = fk_open(f, 5);
    fk_auth(f, a, "");
    ck_assert_int_eq(fk_closed(f, a), 4103);
    f->broken = false;
    f->away = true;
    a = fk_open(f, 6);
    fk_auth(f, a, "");
    ck_assert_int_eq(fk_closed(f, a), 4103);
    fk_del(f);
}
END_TEST


/* A token runs out: 25 s of grace, then 4202, to the second or two. */
START_TEST(token_ends)
{
    int        i;
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_open(f, 0);

    fk_auth_as(f, a, &fk_tenant, &fk_ann, 50, "");
    fk_answer(f);

    for (i = 0; i < 74; i++) {
        fk_sleep(f, 1000);
        fk_send_op(a, 10, "", 0);
    }

    ck_assert_int_eq(fk_closed(f, a), 0);
    fk_sleep(f, 3000);
    ck_assert_int_eq(fk_closed(f, a), 4202);
    fk_del(f);
}
END_TEST


START_TEST(too_many)
{
    int        i;
    fk_t      *f = fk_start(3);
    fk_sock_t *s;

    for (i = 0; i < 10; i++) {
        s = fk_login(f, i);
    }

    s = fk_open(f, 10);
    fk_auth(f, s, "");
    ck_assert_int_eq(fk_closed(f, s), 4006);

    /* who is leaving takes no place */
    hub_conn_close(f->socks[0].conn, 1000, "");
    s = fk_login(f, 11);
    ck_assert(s->open);
    fk_del(f);
}
END_TEST


/* The database was put back, and with it the sessions: who is connected
 * learns of it. */
START_TEST(session_gone)
{
    int        i;
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_login(f, 0);

    for (i = 0; i < 100; i++) { /* lives, fails, is away */
        f->broken = i > 30;
        f->away = i > 60;
        fk_sleep(f, 2000);
        fk_answer(f);
        fk_send_op(a, 10, "", 0);
    }

    ck_assert(a->open);
    ck_assert_int_eq(fk_closed(f, a), 0);
    a->at = 0;
    ck_assert(!fk_finds(f, a, "\"error\""));
    f->away = f->broken = false;
    f->dead = true;

    for (i = 0; i < 35; i++) {
        fk_sleep(f, 2000);
        fk_answer(f);
        fk_send_op(a, 10, "", 0);
    }

    ck_assert_int_eq(fk_closed(f, a), 4005);
    fk_del(f);
}
END_TEST


/* It told who it is late, but in time; our answer takes its time as well. */
START_TEST(auth_late)
{
    fk_t      *f = fk_start(9);
    fk_sock_t *a = fk_open(f, 0);

    fk_sleep(f, 9000);
    fk_auth_as(f, a, &fk_tenant, &fk_ann, 3600, "");
    hub_flush(f->hub);
    fk_sleep(f, 3000);
    fk_answer(f);
    fk_says(f, a, "\"auth_success\"");
    fk_del(f);
}
END_TEST


/* Another session was taken meanwhile: the old one's end is no matter. */
START_TEST(session_changed)
{
    int        i;
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_login(f, 0);

    for (i = 0; i < 70 && f->nasks == 0; i++) {
        fk_sleep(f, 1000);
        fk_send_op(a, 10, "", 0);
    }

    ck_assert_uint_eq(f->nasks, 1);
    renew(f, a, &fk_tenant, &fk_ann, &fk_bob, 7200);
    ck_assert_uint_eq(f->nasks, 2);
    f->asks[FK_ASKS - 1] = f->asks[0]; /* the newer question first */
    f->asks[0] = f->asks[1];
    f->asks[1] = f->asks[FK_ASKS - 1];
    fk_ignore(a);
    ck_assert(fk_answer_one(f));
    hub_flush(f->hub);
    fk_says(f, a, "\"auth_success\"");
    f->dead = true;
    fk_answer(f);
    ck_assert_int_eq(fk_closed(f, a), 0);
    ck_assert(a->open);
    fk_del(f);
}
END_TEST


/* Somebody says that a session has ended: the database is asked, once more
 * if the answer may be older than the word. */
START_TEST(session_doubted)
{
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_login(f, 0), *o = fk_open(f, 1);

    fk_auth_as(f, o, &fk_other, &fk_bob, 3600, "");
    fk_answer(f);
    fk_ignore(a);
    hub_on_doubt(f->hub, &fk_other, &fk_bob);
    ck_assert_uint_eq(f->nasks, 0);
    hub_on_doubt(f->hub, &fk_tenant, &fk_session);
    ck_assert_uint_eq(f->nasks, 1);
    fk_answer(f);
    fk_silent(f, a);
    ck_assert(a->open);

    hub_on_doubt(f->hub, &fk_tenant, &fk_session);
    hub_on_doubt(f->hub, &fk_tenant, &fk_session);
    hub_on_doubt(f->hub, &fk_tenant, &fk_session);
    ck_assert_uint_eq(f->nasks, 1);
    ck_assert(fk_answer_one(f)); /* it still lived */
    ck_assert_uint_eq(f->nasks, 1);
    f->dead = true;
    fk_answer(f);
    ck_assert_int_eq(fk_closed(f, a), 4005);
    hub_on_doubt(f->hub, &fk_tenant, &fk_session);
    ck_assert_uint_eq(f->nasks, 0);
    ck_assert_int_eq(fk_closed(f, o), 0);
    fk_del(f);
}
END_TEST


/* Time to tell who one is, and less of it while others wait. */
START_TEST(pressed)
{
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_open(f, 0), *b = fk_login(f, 1), *c;

    fk_sleep(f, 9000);
    ck_assert(a->open);
    ck_assert_int_eq(fk_closed(f, a), 0);
    fk_sleep(f, 2000);
    ck_assert_int_eq(fk_closed(f, a), 4004); /* mend it */
    fk_sleep(f, 3000);
    ck_assert(!a->open); /* who never was in is not waited for */

    a = fk_open(f, 2);
    c = fk_open(f, 3);
    hub_press(f->hub, true);
    fk_sleep(f, 1000);
    ck_assert_int_eq(fk_closed(f, a), 0);
    fk_auth_as(f, c, &fk_tenant, &fk_bob, 3600, ""); /* it is we who wait */
    fk_sleep(f, 2000);
    ck_assert_int_eq(fk_closed(f, a), 1013); /* try again */
    fk_answer(f);
    fk_says(f, c, "\"auth_success\"");
    hub_press(f->hub, false);
    a = fk_open(f, 4);
    fk_sleep(f, 5000);
    ck_assert(a->open);
    ck_assert_int_eq(fk_closed(f, a), 0);
    ck_assert(b->open);
    fk_del(f);
}
END_TEST


START_TEST(displaced)
{
    fk_t      *f = fk_start(3);
    fk_sock_t *a = fk_open(f, 0), *b = fk_open(f, 1);

    hub_conn_displace(a->conn);
    hub_flush(f->hub);
    ck_assert_int_eq(fk_closed(f, a), 1013);
    ck_assert(!a->open);
    b->room = 0; /* it takes nothing: not waited for, either */
    hub_conn_displace(b->conn);
    hub_flush(f->hub);
    ck_assert(!b->open);
    fk_del(f);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, token);
    PT_TEST_CASE(s, token_short);
    PT_TEST_CASE(s, token_bad);
    PT_TEST_CASE(s, token_ends);
    PT_TEST_CASE(s, too_many);
    PT_TEST_CASE(s, session_gone);
    PT_TEST_CASE(s, auth_late);
    PT_TEST_CASE(s, session_changed);
    PT_TEST_CASE(s, session_doubted);
    PT_TEST_CASE(s, pressed);
    PT_TEST_CASE(s, displaced);
}


PT_TEST_MAIN(hub_session);
