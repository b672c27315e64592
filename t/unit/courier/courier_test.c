/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "courier_fake.h"

#define has(text, part)                                                        \
    ck_assert_msg(strstr((text), (part)) != NULL, "\"%s\" not in \"%s\"",      \
                  (part), (text))


static void
begin(void)
{
    fc_new(SIZE_MAX);
    ck_assert_ok(fc_start());
    fc_run(true);
}


START_TEST(sent)
{
    fc_row_t *r;

    begin();
    fc->sub.on_up(fc->sub.data);
    r = fc_put(0, FC_ACCEPT, FC_END);
    fc->sub.on_message(fc->sub.data, PT_STR("outbox"), PT_STR("1"));
    ck_assert(fc_fire());
    ck_assert_uint_eq(fc->ncalls, 0); /* not before the claim is committed */
    fc_commit(fc_batch(PT_STMT_OUTBOX_CLAIM));
    ck_assert_uint_eq(fc->ncalls, 0);
    fc_reply(fc_batch(PT_STMT_OUTBOX_CLAIM), PT_OK);
    ck_assert_uint_eq(fc->ncalls, 1);
    fc_answer(0);
    ck_assert_str_eq(r->status, "pending");
    fc_run(true);
    ck_assert_str_eq(r->status, "sent");
    ck_assert(!r->there);
    ck_assert_uint_eq(fc->published, 1);
    ck_assert_uint_eq(fc->courier->njobs, 0);
    fc_end();
}
END_TEST


START_TEST(verdicts)
{
    fc_row_t *retry, *failed, *unknown, *half, *number, *pair;

    begin();
    retry = fc_put(0, FC_CODE + 131000, FC_CODE + 131000, FC_ACCEPT, FC_END);
    failed = fc_put(0, FC_CODE + 131026, FC_END);
    unknown = fc_put(0, FC_SILENT, FC_END);
    half = fc_put(0, FC_HALF, FC_ACCEPT, FC_END);
    pair = fc_put(0, FC_CODE + 131056, FC_ACCEPT, FC_END);
    number = fc_put(1, FC_CODE + 130429, FC_NOBODY, FC_ACCEPT, FC_END);
    fc_sleep(1100);
    ck_assert_str_eq(failed->status, "failed");
    has(failed->error, "131026");
    ck_assert_str_eq(unknown->status, "pending");
    has(unknown->error, "outcome_unknown");
    ck_assert_int_eq(retry->attempts, 1);
    ck_assert_int_eq(number->attempts, 0);
    ck_assert_str_eq(number->status, "pending");
    has(number->error, "130429");
    fc_sleep(15000);
    ck_assert_str_eq(retry->status, "sent");
    ck_assert_int_eq(retry->calls, 3);
    ck_assert_str_eq(half->status, "sent");
    ck_assert_str_eq(pair->status, "sent");
    ck_assert_str_eq(number->status, "sent");
    ck_assert_int_eq(number->calls, 3);
    ck_assert_str_eq(number->error, "");
    ck_assert_int_eq(unknown->calls, 1);
    fc_end();
}
END_TEST


/* No way to WhatsApp for twenty minutes costs no message its attempts; a day
 * of it ends, and says why. */

START_TEST(unreachable)
{
    size_t    i;
    fc_row_t *r[20], *old, *restarted, *poison;

    begin();

    for (i = 0; i < PT_COUNT(r); i++) {
        r[i] = fc_put(0, FC_NOBODY, FC_END);
    }

    poison = fc_put(1, FC_CODE + 131000, FC_END);
    fc_sleep(20 * 60000);

    for (i = 0; i < PT_COUNT(r); i++) {
        ck_assert_str_eq(r[i]->status, "pending");
        ck_assert_int_eq(r[i]->attempts, 0);
        ck_assert_int_gt(r[i]->calls, 1);
        ck_assert_int_lt(r[i]->calls, 30);
        has(r[i]->error, "unreachable");
        r[i]->script[0] = FC_ACCEPT;
    }

    ck_assert_str_eq(poison->status, "failed"); /* its own fault: eight */
    ck_assert_int_eq(poison->calls, COURIER_ATTEMPTS_MAX);
    fc_sleep(100000);

    for (i = 0; i < PT_COUNT(r); i++) {
        ck_assert_str_eq(r[i]->status, "sent");
    }

    old = fc_put(0, FC_CODE + 130429, FC_END);
    old->created_us -= FC_DAY_US;
    restarted = fc_put(1, FC_NOBODY, FC_END);
    restarted->created_us -= 3 * FC_DAY_US;
    fc->updated_us[1] = fc_wall() - FC_DAY_US / 2;
    fc_sleep(2000);
    ck_assert_str_eq(old->status, "failed");
    has(old->error, "not_sent");
    ck_assert_str_eq(restarted->status, "pending");
    fc_end();
}
END_TEST


/* The outcome waits for the database, the call is not repeated. */

START_TEST(late)
{
    int       i;
    fc_row_t *r;

    begin();
    r = fc_put(0, FC_ACCEPT, FC_END);
    fc->now_ms += 1000;

    while (fc->ncalls == 0) {
        fc_run(false);
    }

    fc_answer(0);

    for (i = 0; i < 5; i++) {
        fc_reply(fc_batch(PT_STMT_COURIER_SENT), i == 0 ? PT_EDB : PT_EDBAWAY);
        fc->busy = i == 3;
        fc->now_ms += 10000;
        while (fc_fire()) {
        }
        fc->busy = false;

        if (i == 3) {
            fc->now_ms += 10000;
            while (fc_fire()) {
            }
        }
    }

    fc_run(true);
    ck_assert_str_eq(r->status, "sent");
    ck_assert_int_eq(r->calls, 1);
    ck_assert_uint_ge(fc->courier->stats.kept_late, 6);
    fc_end();
}
END_TEST


/* The answer to a claim gets lost: no job, so the sweep gives it back. */

START_TEST(orphan)
{
    fc_row_t *r;

    begin();
    r = fc_put(0, FC_ACCEPT, FC_END);
    fc->now_ms += 1000;
    ck_assert(fc_fire());
    fc_commit(fc_batch(PT_STMT_OUTBOX_CLAIM));
    fc_reply(fc_batch(PT_STMT_OUTBOX_CLAIM), PT_EOUTCOME);
    ck_assert_int_ne(r->claimed_us, 0);
    has(fc->log, "could not claim");
    fc_sleep(12000);
    ck_assert_int_eq(r->calls, 0);
    fc_sleep(14000);
    ck_assert_str_eq(r->status, "sent");
    ck_assert_int_eq(r->calls, 1);
    fc_end();
}
END_TEST


/* Somebody else's claim, and an outcome that nobody told for a day. */

START_TEST(stale)
{
    fc_row_t *gone, *lives, *lost;

    begin();
    gone = fc_put(0, FC_ACCEPT, FC_END);
    gone->claimed_us = fc_wall() - 55000000;
    gone->claimed_by = fc_other;
    lives = fc_put(0, FC_ACCEPT, FC_END);
    lives->claimed_us = fc_wall() - 30000000;
    lives->claimed_by = fc_other;
    lost = fc_put(0, FC_ACCEPT, FC_END);
    lost->unknown_us = fc_wall() - FC_DAY_US + 5000000;
    fc_sleep(20000);
    has(gone->error, "outcome_unknown");
    ck_assert_str_eq(gone->status, "pending");
    ck_assert_int_ne(lives->claimed_us, 0);
    ck_assert_str_eq(lost->status, "failed");
    has(lost->error, "outcome_unknown");
    ck_assert_int_eq(gone->calls + lives->calls + lost->calls, 0);
    fc_end();
}
END_TEST


/* A status settled it while its row still waited: it is not called. */

START_TEST(settled)
{
    fc_row_t *r;

    begin();
    r = fc_put(0, FC_ACCEPT, FC_END);
    snprintf(r->status, sizeof(r->status), "delivered");
    fc_sleep(2000);
    ck_assert_int_eq(r->calls, 0);
    ck_assert(!r->there);
    ck_assert_str_eq(r->status, "delivered");
    ck_assert_uint_eq(fc->published, 0);
    fc_end();
}
END_TEST


/* A dead token: the number stops, once, and nothing of it is called. */

START_TEST(stops)
{
    fc_row_t *a, *b, *c, *none;

    begin();
    a = fc_put(0, FC_CODE + 190, FC_ACCEPT, FC_END);
    b = fc_put(0, FC_CODE + 190, FC_ACCEPT, FC_END);
    c = fc_put(1, FC_ACCEPT, FC_END);
    fc_sleep(5000);
    ck_assert(fc->stopped[0] && !fc->stopped[1]);
    ck_assert_uint_eq(fc->courier->stats.stopped, 1);
    ck_assert_int_eq(a->attempts + b->attempts, 0);
    ck_assert_int_eq(a->calls + b->calls, 2);
    ck_assert_str_eq(c->status, "sent");

    fc->stopped[0] = false; /* a person acts */
    fc->updated_us[0] = fc_wall();
    fc_sleep(2000);
    ck_assert_str_eq(a->status, "sent");
    ck_assert_str_eq(b->status, "sent");

    fc->sealed[0] = PT_STR_NULL; /* no token at all */
    none = fc_put(0, FC_ACCEPT, FC_END);
    fc_sleep(2000);
    ck_assert(fc->stopped[0]);
    ck_assert_int_eq(none->calls, 0);

    fc->sealed[0] = PT_STR("garbage"); /* one that does not open */
    fc->stopped[0] = false;
    fc_sleep(2000);
    ck_assert(!fc->stopped[0]);
    has(fc->log, "does not open");
    ck_assert_int_eq(none->calls, 0);
    ck_assert_str_eq(none->status, "pending");
    fc_end();
}
END_TEST


/* SIGTERM: what waits for its turn goes back, calls under way are kept, and a
 * claim under way is given back when its answer comes. */

START_TEST(farewell)
{
    size_t    i, waiting, called;
    fc_row_t *r;

    begin();

    for (i = 0; i < 30; i++) {
        r = fc_put(0, FC_ACCEPT, FC_END);
    }

    courier_pace_strike(fc->courier->pace, &fc->number[0], fc->now_ms - 9000,
                        fc->now_ms - 9000, 0);
    courier_pace_strike(fc->courier->pace, &fc->number[0], fc->now_ms - 3500,
                        fc->now_ms - 3500, 0);
    fc->now_ms += 1000;
    fc_run(false);
    called = fc->ncalls;
    waiting = fc->courier->njobs - called;
    ck_assert(called > 0 && waiting > 0);
    r = fc_put(1, FC_ACCEPT, FC_END);
    fc->sub.on_added(fc->sub.data, PT_STR("outbox"));
    ck_assert(fc_fire());
    fc_commit(fc_batch(PT_STMT_OUTBOX_CLAIM));
    ck_assert_int_ne(r->claimed_us, 0);
    courier_part.stop(fc->courier);
    fc_reply(fc_batch(PT_STMT_OUTBOX_CLAIM), PT_OK);
    fc_run(false);
    ck_assert_int_eq(r->claimed_us, 0);
    ck_assert_uint_eq(fc->courier->njobs, called);
    fc_run(true);
    ck_assert_uint_eq(fc->courier->njobs, 0);

    for (i = 0; i < fc->nrows; i++) {
        ck_assert(!fc->rows[i].there || fc->rows[i].claimed_us == 0);
        ck_assert_int_eq(fc->rows[i].attempts, !fc->rows[i].there);
    }

    fc_end();
}
END_TEST


/* The sweep has read a claim whose call then ends with nobody knowing how;
 * when it comes to settle what it read, there is no job any more. */

START_TEST(swept_late)
{
    fc_row_t *r;
    size_t    i;

    begin();
    r = fc_put(0, FC_SILENT, FC_ACCEPT, FC_END);
    fc->now_ms += 1000;
    fc_run(false);
    ck_assert_uint_eq(fc->ncalls, 1);

    for (i = 0; i < 19; i++) {
        fc->now_ms += 1000;
        fc_run(false);
    }

    courier_sweep(fc->courier);
    fc_commit(fc_batch(PT_STMT_COURIER_STALE));
    fc_answer(0);
    fc_commit(fc_batch(PT_STMT_COURIER_UNKNOWN));
    fc_reply(fc_batch(PT_STMT_COURIER_UNKNOWN), PT_OK);
    ck_assert_uint_eq(fc->courier->njobs, 0);
    fc_reply(fc_batch(PT_STMT_COURIER_STALE), PT_OK);
    fc_sleep(40000);
    ck_assert_int_eq(r->calls, 1);
    ck_assert_int_ne(r->unknown_us, 0);
    has(r->error, "outcome_unknown");
    fc_end();
}
END_TEST


/* One claim follows the other, as in every busy courier: whenever the sweep is
 * due there is one under way. */

START_TEST(swept_busy)
{
    int       i;
    fc_row_t *r, *other;

    begin();
    fc->now_ms += COURIER_STALE_S * 1000;
    fc_run(true);
    other = fc_put(1, FC_SILENT, FC_END);
    other->claimed_us = fc_wall() - (COURIER_STALE_S + 1) * INT64_C(1000000);
    other->claimed_by = fc_other;

    for (i = 0; i < 30; i++) {
        r = fc_put(0, FC_ACCEPT, FC_END);
        fc->sub.on_added(fc->sub.data, PT_STR("outbox"));
        ck_assert(fc_fire());
        fc->now_ms += 1000;

        while (fc_fire()) {
            /* all that is due while the claim is under way */
        }

        while (fc->nbatches > 0) {
            fc_commit(0);
            fc_reply(0, PT_OK);
        }

        fc_run(true);
        ck_assert_str_eq(r->status, "sent");
    }

    ck_assert_int_ne(other->unknown_us, 0);
    fc_end();
}
END_TEST


/* WhatsApp takes a number's messages and does not answer: there is room for
 * the others' all the same. */

START_TEST(stuck_number)
{
    size_t    i;
    fc_row_t *r;

    begin();
    fc->crowd = true;

    for (i = 0; i < FC_ROWS - 1; i++) {
        fc_put(0, FC_ACCEPT, FC_END);
    }

    for (i = 0; i < 200; i++) {
        fc->now_ms += 50;
        fc_run(false);
    }

    ck_assert_uint_ge(fc->courier->njobs, COURIER_JOBS_MAX / 2);
    r = fc_put(1, FC_ACCEPT, FC_END);
    fc->sub.on_added(fc->sub.data, PT_STR("outbox"));
    fc_run(false);
    ck_assert_int_ne(r->claimed_us, 0);
    fc_sleep(20000);

    for (i = 0; i < fc->nrows; i++) {
        ck_assert_str_eq(fc->rows[i].status, "sent");
    }

    fc_end();
}
END_TEST


/* "Again later" is committed, but its answer gets lost; the message is called
 * once more, to an unknown end; then the old outcome is kept a second time. */

START_TEST(kept_twice)
{
    fc_row_t *r;

    begin();
    r = fc_put(0, FC_CODE + 131000, FC_SILENT, FC_ACCEPT, FC_END);
    fc->now_ms += 1000;
    fc_run(false);
    fc_answer(0);
    fc_commit(fc_batch(PT_STMT_COURIER_AGAIN));
    fc->now_ms += 4000; /* it is due before the batch is given up */
    ck_assert(fc_fire());
    fc_commit(fc_batch(PT_STMT_OUTBOX_CLAIM));
    fc_reply(fc_batch(PT_STMT_OUTBOX_CLAIM), PT_OK);
    ck_assert_uint_eq(fc->ncalls, 1);
    fc_answer(0);
    fc_commit(fc_batch(PT_STMT_COURIER_UNKNOWN));
    fc_reply(fc_batch(PT_STMT_COURIER_UNKNOWN), PT_OK);
    fc_reply(fc_batch(PT_STMT_COURIER_AGAIN), PT_EOUTCOME);
    fc_sleep(40000);
    ck_assert_int_eq(r->calls, 2);
    ck_assert_int_ne(r->unknown_us, 0);
    fc_end();
}
END_TEST


/* Nothing twice, nothing forgotten, nothing leaked, whichever allocation
 * fails. */

START_TEST(starved)
{
    bool      failed;
    size_t    n, i;
    fc_row_t *r;

    for (n = 0, failed = true; failed; n++) {
        ck_assert_uint_lt(n, PT_TEST_ALLOCS_MAX);
        fc_new(n);
        fc_put(0, FC_ACCEPT, FC_END);
        fc_put(0, FC_CODE + 131000, FC_ACCEPT, FC_END);
        fc_put(1, FC_CODE + 130429, FC_NOBODY, FC_ACCEPT, FC_END);
        fc_put(1, FC_CODE + 131026, FC_END);
        fc_put(0, FC_SILENT, FC_END);
        fc_put(1, FC_ACCEPT, FC_END)->claimed_us = fc_wall() - 70000000;

        if (fc_start() != PT_OK) {
            ck_assert(fc->mem.failed);
            fc->courier = NULL;
            fc_end();
            continue;
        }

        fc_sleep(45000);

        for (i = 0; i < fc->nrows; i++) {
            r = &fc->rows[i];
            ck_assert_msg(strcmp(r->status, "pending") != 0
                              || r->unknown_us != 0,
                          "%zu: message %zu is forgotten", n, i);
            ck_assert_int_le(r->arrived, 1);
        }

        failed = fc->mem.failed;
        fc_end();
    }

    ck_assert_uint_gt(n, 50);
}
END_TEST


/* The pool takes nothing for a while. */

START_TEST(refused)
{
    fc_row_t *r;

    begin();
    r = fc_put(0, FC_ACCEPT, FC_END);
    fc->busy = true;
    fc_sleep(30000);
    ck_assert_int_eq(r->calls, 0);
    fc->busy = false;
    fc_sleep(1100);
    ck_assert_str_eq(r->status, "sent");
    fc_end();
}
END_TEST


START_TEST(metrics)
{
    char        text[16384];
    pt_str_t    s;
    pt_buf_t    b;
    pt_arena_t *a;

    begin();
    fc_put(0, FC_ACCEPT, FC_END);
    fc_sleep(1000);
    a = pt_test_arena();
    pt_buf_init(&b, a, 65536);
    courier_part.metrics(fc->courier, &b);
    ck_assert_ok(pt_buf_get(&b, &s));
    ck_assert_uint_lt(s.len, sizeof(text));
    memcpy(text, s.data, s.len);
    text[s.len] = '\0';
    has(text, "pytake_courier_outcomes_total{outcome=\"sent\"} 1\n");
    has(text, "pytake_courier_claims_total 1\n");
    has(text, "pytake_courier_outbox_late_seconds 7\n");
    pt_arena_del(a);
    fc_end();
}
END_TEST


/* Without a key nothing is claimed. */

START_TEST(keyless)
{
    fc_row_t *r;

    fc_new(SIZE_MAX);
    fc->conf.has_key = false;
    fc->conf.redis_url = NULL;
    r = fc_put(0, FC_ACCEPT, FC_END);
    ck_assert_ok(fc_start());
    has(fc->log, "PYTAKE_ENCRYPTION_KEY");
    fc_sleep(5000);
    ck_assert_int_eq(r->claimed_us, 0);
    fc_end();
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, sent);
    PT_TEST_CASE(s, verdicts);
    PT_TEST_CASE(s, unreachable);
    PT_TEST_CASE(s, late);
    PT_TEST_CASE(s, orphan);
    PT_TEST_CASE(s, stale);
    PT_TEST_CASE(s, settled);
    PT_TEST_CASE(s, stops);
    PT_TEST_CASE(s, farewell);
    PT_TEST_CASE(s, swept_late);
    PT_TEST_CASE(s, swept_busy);
    PT_TEST_CASE(s, stuck_number);
    PT_TEST_CASE(s, kept_twice);
    PT_TEST_CASE(s, starved);
    PT_TEST_CASE(s, refused);
    PT_TEST_CASE(s, metrics);
    PT_TEST_CASE(s, keyless);
}


PT_TEST_MAIN(courier);
