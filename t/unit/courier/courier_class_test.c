/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"

#include "courier/courier_class.h"

#define MINUTE 60000u

typedef struct {
    int               code;
    courier_verdict_t verdict;
    uint32_t          after_ms; /* at the first attempt */
} row_t;

static void classify(pt_arena_t *a, courier_class_t *out, uint32_t status,
                     const char *body, uint32_t attempts);

/* Every code of Meta's table, and what is done about it. */
static const row_t rows[] = {
    { 0, COURIER_STOP, 0 },
    { 190, COURIER_STOP, 0 },
    { 3, COURIER_STOP, 0 },
    { 10, COURIER_STOP, 0 },
    { 200, COURIER_STOP, 0 },
    { 299, COURIER_STOP, 0 },
    { 131005, COURIER_STOP, 0 },
    { 1, COURIER_RETRY, 1000 },
    { 2, COURIER_RETRY, 1000 },
    { 131016, COURIER_RETRY, 1000 },
    { 131000, COURIER_RETRY, 1000 },
    { 4, COURIER_RETRY_NUMBER, MINUTE },
    { 80007, COURIER_RETRY_NUMBER, MINUTE },
    { 130429, COURIER_RETRY_NUMBER, 1000 },
    { 131056, COURIER_RETRY_PAIR, 1000 },
    { 131048, COURIER_RETRY_NUMBER, 10 * MINUTE },
    { 131064, COURIER_RETRY_NUMBER, 10 * MINUTE },
    { 131057, COURIER_RETRY_NUMBER, MINUTE },
    { 2494100, COURIER_RETRY_NUMBER, MINUTE },
    { 133004, COURIER_RETRY, 1000 },
    { 133016, COURIER_RETRY_NUMBER, 60 * MINUTE },
    { 33, COURIER_FAILED, 0 },
    { 100, COURIER_FAILED, 0 },
    { 131008, COURIER_FAILED, 0 },
    { 131009, COURIER_FAILED, 0 },
    { 135000, COURIER_FAILED, 0 },
    { 131021, COURIER_FAILED, 0 },
    { 131026, COURIER_FAILED, 0 },
    { 131030, COURIER_FAILED, 0 },
    { 131031, COURIER_STOP, 0 },
    { 368, COURIER_STOP, 0 },
    { 130497, COURIER_STOP, 0 },
    { 131037, COURIER_STOP, 0 },
    { 131042, COURIER_STOP, 0 },
    { 131044, COURIER_STOP, 0 },
    { 131045, COURIER_STOP, 0 },
    { 131047, COURIER_FAILED, 0 },
    { 131049, COURIER_RETRY, 24 * 60 * MINUTE },
    { 131050, COURIER_FAILED, 0 },
    { 131051, COURIER_FAILED, 0 },
    { 131052, COURIER_FAILED, 0 },
    { 131053, COURIER_FAILED, 0 },
    { 131055, COURIER_FAILED, 0 },
    { 134100, COURIER_FAILED, 0 },
    { 134101, COURIER_RETRY, 10 * MINUTE },
    { 134102, COURIER_FAILED, 0 },
    { 131059, COURIER_FAILED, 0 },
    { 131062, COURIER_FAILED, 0 },
    { 131063, COURIER_FAILED, 0 },
    { 130472, COURIER_FAILED, 0 },
    { 132000, COURIER_FAILED, 0 },
    { 132001, COURIER_FAILED, 0 },
    { 132005, COURIER_FAILED, 0 },
    { 132007, COURIER_FAILED, 0 },
    { 132008, COURIER_FAILED, 0 },
    { 132012, COURIER_FAILED, 0 },
    { 132015, COURIER_FAILED, 0 },
    { 132016, COURIER_FAILED, 0 },
    { 132068, COURIER_FAILED, 0 },
    { 132069, COURIER_RETRY, MINUTE },
    { 133000, COURIER_STOP, 0 },
    { 133005, COURIER_STOP, 0 },
    { 133006, COURIER_STOP, 0 },
    { 133008, COURIER_RETRY_NUMBER, 10 * MINUTE },
    { 133009, COURIER_RETRY_NUMBER, 10 * MINUTE },
    { 133010, COURIER_STOP, 0 },
    { 133015, COURIER_RETRY_NUMBER, 60 * MINUTE },
    { 134011, COURIER_STOP, 0 },
    { 137000, COURIER_FAILED, 0 },
    { 138000, COURIER_FAILED, 0 },
    { 613, COURIER_FAILED, 0 },
    { 147001, COURIER_FAILED, 0 },
    { 2593107, COURIER_FAILED, 0 },
    { 987654, COURIER_FAILED, 0 }, /* nobody knows it */
};


static void
classify(pt_arena_t *a, courier_class_t *out, uint32_t status, const char *body,
         uint32_t attempts)
{
    courier_answer_t answer;

    memset(&answer, 0, sizeof(answer));
    answer.written = true;
    answer.answered = true;
    answer.status = status;
    answer.body = pt_test_str(body);
    answer.attempts = attempts;
    courier_class_get(a, &answer, out);
}


/* The code decides, whatever HTTP says. */

START_TEST(codes)
{
    char                  body[512];
    size_t                i, k;
    pt_arena_t           *a;
    courier_class_t       out;
    static const uint32_t statuses[] = { 200, 400, 401, 403, 404, 500, 503 };

    a = pt_test_arena();

    for (i = 0; i < PT_COUNT(rows); i++) {
        for (k = 0; k < PT_COUNT(statuses); k++) {
            snprintf(
                body, sizeof(body),
                "{\"error\":{\"message\":\"(#%d) why\",\"type\":\"x\","
                "\"code\":%d,\"error_data\":{\"messaging_product\":"
                "\"whatsapp\",\"details\":\"more\"},\"fbtrace_id\":\"A\"}}",
                rows[i].code, rows[i].code);
            classify(a, &out, statuses[k], body, 1);
            ck_assert_msg(out.verdict == rows[i].verdict,
                          "%d: verdict %d, not %d", rows[i].code,
                          (int) out.verdict, (int) rows[i].verdict);
            ck_assert_uint_eq(out.after_ms, rows[i].after_ms);
            ck_assert_int_eq(out.code, rows[i].code);
            ck_assert_uint_gt(out.title.len, 0);
            ck_assert_slice_lit(out.detail, "more");
        }
    }

    pt_arena_del(a);
}
END_TEST


/* Retries are bounded and get rarer; a stop is not a retry, nor is what the
 * number has to wait for. */

START_TEST(attempts)
{
    char            body[128];
    size_t          i;
    uint32_t        n, before;
    pt_arena_t     *a;
    courier_class_t out;

    a = pt_test_arena();

    for (i = 0; i < PT_COUNT(rows); i++) {
        snprintf(body, sizeof(body), "{\"error\":{\"code\":%d}}", rows[i].code);
        before = 0;

        for (n = 1; n < COURIER_ATTEMPTS_MAX; n++) {
            classify(a, &out, 400, body, n);
            ck_assert_int_eq(out.verdict, rows[i].verdict);
            ck_assert_uint_ge(out.after_ms, before);
            ck_assert_uint_ge(out.after_ms, rows[i].after_ms);
            before = out.after_ms;
        }

        classify(a, &out, 400, body, COURIER_ATTEMPTS_MAX);
        ck_assert_int_eq(out.verdict,
                         rows[i].verdict == COURIER_STOP
                                 || rows[i].verdict == COURIER_RETRY_NUMBER
                             ? rows[i].verdict
                             : COURIER_FAILED);
        ck_assert_int_eq(out.code, rows[i].code);
    }

    /* Meta's 4^X seconds */
    for (n = 1; n <= 5; n++) {
        classify(a, &out, 400, "{\"error\":{\"code\":131056}}", n);
        ck_assert_uint_eq(out.after_ms, 1000u << (2 * (n - 1)));
    }

    pt_arena_del(a);
}
END_TEST


START_TEST(accepted)
{
    pt_arena_t     *a;
    courier_class_t out;

    a = pt_test_arena();

    classify(a, &out, 200,
             "{\"messaging_product\":\"whatsapp\",\"contacts\":[{\"input\":"
             "\"+16505551234\",\"wa_id\":\"16505551234\"}],"
             "\"messages\":[{\"id\":\"wamid.HBgL=\"}]}",
             1);
    ck_assert_int_eq(out.verdict, COURIER_SENT);
    ck_assert_slice_lit(out.wamid, "wamid.HBgL=");
    ck_assert_slice_lit(out.wa_id, "16505551234");

    classify(a, &out, 200,
             "{\"contacts\":[{\"user_id\":\"US.1\"}],"
             "\"messages\":[{\"id\":\"wamid.B\"}]}",
             1);
    ck_assert_int_eq(out.verdict, COURIER_SENT);
    ck_assert_uint_eq(out.wa_id.len, 0);

    pt_arena_del(a);
}
END_TEST


/* Accepted perhaps: never sent again by itself. */

START_TEST(unknown)
{
    size_t                   i;
    pt_arena_t              *a;
    courier_class_t          out;
    courier_answer_t         answer;
    static const char *const odd[] = { "",
                                       "{}",
                                       "[]",
                                       "null",
                                       "{\"messages\":[]}",
                                       "{\"messages\":{}}",
                                       "{\"messages\":[{\"id\":7}]}",
                                       "{\"messages\":[{\"id\":\"\"}]}",
                                       "{\"messages\":[[]]}",
                                       "<html>",
                                       "{\"error\":{}}",
                                       "{\"error\":\"no\"}",
                                       "{\"error\":{\"code\":\"131000\"}}",
                                       "{\"error\":{\"code\":99999999999999}}",
                                       "{\"error\":{\"code\":1.5}}" };

    a = pt_test_arena();

    for (i = 0; i < PT_COUNT(odd); i++) {
        classify(a, &out, 200, odd[i], COURIER_ATTEMPTS_MAX);
        ck_assert_int_eq(out.verdict, COURIER_UNKNOWN);
        classify(a, &out, 502, odd[i], COURIER_ATTEMPTS_MAX);
        ck_assert_int_eq(out.verdict, COURIER_UNKNOWN);
    }

    memset(&answer, 0, sizeof(answer));
    answer.written = true;
    answer.attempts = COURIER_ATTEMPTS_MAX;
    courier_class_get(a, &answer, &out);
    ck_assert_int_eq(out.verdict, COURIER_UNKNOWN);
    ck_assert_int_eq(out.code, 0);

    pt_arena_del(a);
}
END_TEST


/* Certainly not accepted, by whoever answered. */

START_TEST(foreign)
{
    pt_arena_t      *a;
    courier_class_t  out;
    courier_answer_t answer;

    a = pt_test_arena();

    classify(a, &out, 400, "<html>", 1);
    ck_assert_int_eq(out.verdict, COURIER_RETRY);
    classify(a, &out, 302, "", 1);
    ck_assert_int_eq(out.verdict, COURIER_RETRY);
    classify(a, &out, 404, "", COURIER_ATTEMPTS_MAX);
    ck_assert_int_eq(out.verdict, COURIER_FAILED);
    classify(a, &out, 429, "slow down", 1);
    ck_assert_int_eq(out.verdict, COURIER_RETRY_NUMBER);

    memset(&answer, 0, sizeof(answer));
    answer.reached = true;
    answer.attempts = 1;
    courier_class_get(a, &answer, &out);
    ck_assert_int_eq(out.verdict, COURIER_RETRY);
    ck_assert_uint_gt(out.title.len, 0);
    answer.attempts = COURIER_ATTEMPTS_MAX;
    courier_class_get(a, &answer, &out);
    ck_assert_int_eq(out.verdict, COURIER_FAILED);

    /* Nobody reached: however often, that is not the message's fault. */
    answer.reached = false;
    courier_class_get(a, &answer, &out);
    ck_assert_int_eq(out.verdict, COURIER_RETRY_NUMBER);
    ck_assert_uint_gt(out.title.len, 0);

    pt_arena_del(a);
}
END_TEST


/* Without memory nothing is taken for refused that may have been sent. */

START_TEST(starved)
{
    size_t           cap;
    pt_arena_t      *a;
    courier_class_t  out;
    courier_answer_t answer;

    memset(&answer, 0, sizeof(answer));
    answer.written = true;
    answer.answered = true;
    answer.attempts = 1;

    for (cap = 0; cap < 4096; cap += 16) {
        a = pt_arena_new(&pt_test_mem, cap);

        if (a == NULL) {
            continue;
        }

        answer.status = 200;
        answer.body = PT_STR("{\"messages\":[{\"id\":\"wamid.X\"}]}");
        courier_class_get(a, &answer, &out);
        ck_assert(out.verdict == COURIER_SENT
                  || out.verdict == COURIER_UNKNOWN);
        answer.status = 400;
        answer.body = PT_STR("{\"error\":{\"code\":131047}}");
        courier_class_get(a, &answer, &out);
        ck_assert(out.verdict == COURIER_FAILED
                  || out.verdict == COURIER_RETRY);
        pt_arena_del(a);
    }
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, codes);
    PT_TEST_CASE(s, attempts);
    PT_TEST_CASE(s, accepted);
    PT_TEST_CASE(s, unknown);
    PT_TEST_CASE(s, foreign);
    PT_TEST_CASE(s, starved);
}


PT_TEST_MAIN(courier_class);
