/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* WhatsApp's callback: refusals, routing to tenants, poisoned items. */

#include "core/pt_op_test.h"
#include "core/whatsapp/pt_webhook.h"

#define WH_PATH "/api/v1/webhooks/whatsapp"
/* clang-format off */
#define WH_MSG(id, number_from)                                              \
    "{\"id\":\"" id "\",\"from\":\"" number_from "\",\"timestamp\":"         \
    "\"1749854575\",\"type\":\"text\",\"text\":{\"body\":\"hi " id "\"}}"
#define WH_VALUE(number, members)                                            \
    "{\"field\":\"messages\",\"value\":{\"metadata\":{\"phone_number_id\":\"" \
    number "\"}," members "}}"
#define WH_BODY(changes)                                                     \
    "{\"entry\":[{\"changes\":[" changes "]}]}"
#define WH_ONE WH_BODY(WH_VALUE("n1", "\"messages\":["                       \
    WH_MSG("a", "16505551234") "]"))
#define WH_FOUR_NUMBERS WH_BODY(                                             \
    WH_VALUE("n1", "\"messages\":[" WH_MSG("a", "1") "]") ","                \
    WH_VALUE("n2", "\"messages\":[" WH_MSG("b", "1") "]") ","                \
    WH_VALUE("n9", "\"messages\":[" WH_MSG("c", "1") "]") ","                \
    WH_VALUE("n3", "\"messages\":[" WH_MSG("d", "1") "]"))
#define WH_CHANGED WH_BODY(WH_VALUE("n1", "\"messages\":["                  \
    WH_MSG("a", "15550001") ",{\"id\":\"s\",\"from\":\"15550001\","       \
    "\"type\":\"system\",\"system\":{\"type\":\"user_changed_number\","   \
    "\"wa_id\":\"15550002\"}}," WH_MSG("b", "15550002") "]"))
/* clang-format on */


static fx_t wh;


static void
wh_setup(void)
{
    fx_init(&wh);
    wh.anonymous = true;
}


static void
wh_teardown(void)
{
    fx_free(&wh);
}


/* Signed with the fixture's secret. */
static void
wh_post(fx_t *f, const char *body)
{
    char     hex[64];
    uint8_t  mac[32];
    pt_buf_t b;

    ck_assert_ok(
        pt_hash_hmac_sha256(PT_STR("app secret"), pt_test_str(body), mac));
    pt_hex_build(mac, sizeof(mac), hex);
    pt_buf_init(&b, f->arena, 128);
    pt_buf_lit(&b, "sha256=");
    pt_buf_add(&b, hex, sizeof(hex));
    ck_assert_ok(pt_buf_get(&b, &f->req.signature));

    f->anonymous = true;
    fx_start(f, PYTAKE_POST, WH_PATH, body);
}


/* The i-th element of a parameter that is an array; data NULL: NULL. */
static pt_str_t
wh_item(fx_t *f, uint16_t stmt, uint16_t param, uint32_t i)
{
    int64_t  len;
    pt_str_t a = fx_param(f, stmt, param);
    size_t   at = 20;

    for (;;) {
        ck_assert_uint_le(at + 4, a.len);
        len = fx_be(a.data + at, 4);
        at += 4;
        if (i-- == 0) {
            return len < 0 ? PT_STR_NULL
                           : (pt_str_t){ a.data + at, (size_t) len };
        }
        at += len < 0 ? 0 : (size_t) len;
    }
}


static uint32_t
wh_items(fx_t *f, uint16_t stmt, uint16_t param)
{
    pt_str_t a = fx_param(f, stmt, param);

    return a.len < 20 ? 0 : (uint32_t) fx_be(a.data + 12, 4);
}


/* Answers the look for numbers: n1 and n3 are of one tenant, n2 of
 * another. */
static bool
wh_numbers(fx_t *f)
{
    uint32_t  i, n;
    pt_str_t  s;
    pt_uuid_t other = fx_id(20), c1 = fx_id(11), c2 = fx_id(12);
    pt_uuid_t c3 = fx_id(13);

    if (!fx_sql(f, PYTAKE_SQL_READ, "wa_numbers_find")) {
        return false;
    }

    n = wh_items(f, 0, 0);
    for (i = 0; i < n; i++) {
        s = wh_item(f, 0, 0, i);
        if (pt_str_eq(s, PT_STR("n1"))) {
            fx_row(f, 0, "tuu", "n1", &f->tenant, &c1);
        } else if (pt_str_eq(s, PT_STR("n2"))) {
            fx_row(f, 0, "tuu", "n2", &other, &c2);
        } else if (pt_str_eq(s, PT_STR("n3"))) {
            fx_row(f, 0, "tuu", "n3", &f->tenant, &c3);
        }
    }
    fx_feed(f);

    return true;
}


START_TEST(verify)
{
    size_t i;

    static const char *const bad[] = {
        WH_PATH,
        WH_PATH "?hub.mode=subscribe&hub.challenge=1",
        WH_PATH "?hub.mode=subscribe&hub.challenge=1&hub.verify_token=verif",
        WH_PATH "?hub.mode=subscribe&hub.challenge=1&hub.verify_token=verifz",
        WH_PATH "?hub.mode=x&hub.challenge=1&hub.verify_token=verify",
        WH_PATH "?hub.mode=subscribe&hub.verify_token=verify",
        WH_PATH "?hub.mode=subscribe&hub.challenge=&hub.verify_token=verify",
        WH_PATH "?hub.mode=subscribe&hub.challenge=%0a&"
                "hub.verify_token=verify"
    };

    fx_start(&wh, PYTAKE_GET,
             WH_PATH "?hub.challenge=11%2B58&hub.mode="
                     "subscribe&hub.verify_token=v%65rify",
             NULL);
    ck_assert_slice_lit(fx_done(&wh, 200), "11+58");
    ck_assert_str_eq(wh.eff.u.done.content_type, "text/plain");

    for (i = 0; i < PT_COUNT(bad); i++) {
        fx_start(&wh, PYTAKE_GET, bad[i], NULL);
        fx_problem(&wh, 403, "verify_token_mismatch");
    }
}
END_TEST


START_TEST(refusals)
{
    wh.req.body_too_large = true;
    fx_start(&wh, PYTAKE_POST, WH_PATH, "");
    fx_problem(&wh, 413, "body_too_large");

    wh.req.body_too_large = false;
    fx_start(&wh, PYTAKE_POST, WH_PATH, "not JSON");
    fx_problem(&wh, 401, "invalid_signature");

    wh_post(&wh, "not JSON");
    fx_problem(&wh, 400, "invalid_json");

    wh_post(&wh, "");
    fx_problem(&wh, 400, "invalid_json");
}
END_TEST


static void
wh_one(fx_t *f)
{
    wh_post(f, WH_ONE);
    if (!wh_numbers(f)
        || !fx_sql(f, PYTAKE_SQL_WRITE,
                   "tenant_enter raw_add "
                   "ingest_messages"))
    {
        return;
    }
    fx_row(f, 2, "lt", INT64_C(7), "{frame}");
    fx_feed(f);
    if (fx_redis(f, "7 {frame}")) {
        fx_done(f, 200);
    }
}


START_TEST(one_message)
{
    char      id[PT_UUID_LEN];
    pt_uuid_t derived;
    pt_str_t  frame;

    wh_post(&wh, WH_ONE);
    ck_assert(wh_numbers(&wh));
    ck_assert(
        fx_sql(&wh, PYTAKE_SQL_WRITE, "tenant_enter raw_add ingest_messages"));
    ck_assert_param_uuid(&wh, 0, 0, wh.tenant);
    ck_assert_slice_lit(fx_param(&wh, 1, 3), WH_ONE);
    ck_assert_has(fx_param(&wh, 1, 4), "\"messages\":1");
    ck_assert_slice_lit(wh_item(&wh, 2, 0, 0), "16505551234");
    ck_assert_ptr_null(wh_item(&wh, 2, 1, 0).data);

    ck_assert_ok(
        pt_uuid_derive(1749854575, PT_STR("n1"), PT_STR("a"), &derived));
    ck_assert_slice(wh_item(&wh, 2, 8, 0),
                    ((pt_str_t){ (char *) derived.b, 16 }));
    ck_assert_slice_lit(wh_item(&wh, 2, 12, 0), "hi a");

    frame = wh_item(&wh, 2, 17, 0);
    pt_uuid_build(&derived, id);
    ck_assert_has(frame, "{\"event\":\"message_received\",\"data\":{\"id\":");
    ck_assert_ptr_nonnull(memmem(frame.data, frame.len, id, sizeof(id)));
    ck_assert_has(frame, "\"status\":\"delivered\"");
    ck_assert_has(frame, "\"conversation_id\":\"\x01\"");
    ck_assert_has(frame, "\"seq\":\x04");

    fx_row(&wh, 2, "lt", INT64_C(7), "{frame}");
    fx_feed(&wh);
    ck_assert(fx_redis(&wh, "7 {frame}"));
    ck_assert_slice_lit(fx_done(&wh, 200), "{}");
}
END_TEST


START_TEST(little_memory)
{
    fx_starved(wh_one, 4);
}
END_TEST


START_TEST(two_tenants_and_an_unknown_number)
{
    pt_uuid_t other = fx_id(20), mine = wh.tenant;

    wh_post(&wh, WH_FOUR_NUMBERS);
    ck_assert(wh_numbers(&wh));

    /* one transaction a tenant; the bytes with the first of them */
    ck_assert(
        fx_sql(&wh, PYTAKE_SQL_WRITE, "tenant_enter raw_add ingest_messages"));
    ck_assert_has(fx_param(&wh, 1, 4), "\"unknown_numbers\":1");
    ck_assert_str_eq(wh.op->note, PYTAKE_NOTE_NUMBER);
    ck_assert_has(fx_param(&wh, 1, 4), "\"unrouted\":1");
    ck_assert_param_uuid(&wh, 0, 0, other);
    ck_assert_uint_eq(wh_items(&wh, 2, 8), 1);
    fx_row(&wh, 2, "lt", INT64_C(3), "{theirs}");
    fx_feed(&wh);
    wh.tenant = other; /* each hears its own */
    ck_assert(fx_redis(&wh, "3 {theirs}"));
    wh.tenant = mine;

    ck_assert(fx_sql(&wh, PYTAKE_SQL_WRITE, "tenant_enter ingest_messages"));
    ck_assert_param_uuid(&wh, 0, 0, wh.tenant);
    ck_assert_uint_eq(wh_items(&wh, 1, 8), 2);
    ck_assert_uint_eq(wh_items(&wh, 1, 0), 2); /* two numbers, two threads */
    fx_row(&wh, 1, "lt", INT64_C(7), "{ours}");
    fx_feed(&wh);
    ck_assert(fx_redis(&wh, "7 {ours}"));
    fx_done(&wh, 200);
}
END_TEST


START_TEST(nobodys)
{
    /* a field of the account, and a body that is no webhook at all */
    wh_post(&wh, WH_BODY("{\"field\":\"account_update\",\"value\":{}}"));
    ck_assert(fx_sql(&wh, PYTAKE_SQL_WRITE, "raw_add"));
    fx_feed(&wh);
    fx_done(&wh, 200);

    wh_post(&wh, "[1]");
    ck_assert(fx_sql(&wh, PYTAKE_SQL_WRITE, "raw_add"));
    fx_feed(&wh);
    fx_done(&wh, 200);

    wh_post(&wh,
            WH_BODY(WH_VALUE("n9", "\"messages\":[" WH_MSG("a", "1") "]")));
    ck_assert(wh_numbers(&wh));
    ck_assert(fx_sql(&wh, PYTAKE_SQL_WRITE, "raw_add"));
    fx_feed(&wh);
    fx_done(&wh, 200);
}
END_TEST


START_TEST(too_deep)
{
    char   body[400];
    size_t i;

    for (i = 0; i < 199; i++) {
        body[i] = '[';
        body[i + 199] = ']';
    }
    body[398] = '\0';

    wh_post(&wh, body);
    ck_assert(fx_sql(&wh, PYTAKE_SQL_WRITE, "raw_add"));
    ck_assert_has(fx_param(&wh, 0, 4), "\"over_limits\":true");
    fx_feed(&wh);
    fx_done(&wh, 200);
}
END_TEST


START_TEST(statuses_and_errors)
{
    wh_post(
        &wh,
        WH_BODY(WH_VALUE(
            "n1",
            "\"statuses\":[{\"id\":\"w\",\"status\":\"read\",\"timestamp\":1},"
            "{\"id\":\"w\",\"status\":\"warped\",\"timestamp\":1}],"
            "\"errors\":[{\"code\":130429}],"
            "\"messages\":[{\"id\":7}]")));
    ck_assert(wh_numbers(&wh));

    ck_assert(
        fx_sql(&wh, PYTAKE_SQL_WRITE, "tenant_enter raw_add ingest_statuses"));
    ck_assert_uint_eq(wh_items(&wh, 2, 0), 2);
    ck_assert_slice_lit(wh_item(&wh, 2, 5, 0), "read");
    ck_assert_ptr_null(wh_item(&wh, 2, 5, 1).data);
    ck_assert_has(wh_item(&wh, 2, 7, 0), "\"id\":\"\x05\"");
    fx_row(&wh, 2, "lt", INT64_C(3), "{s}");
    fx_feed(&wh);
    ck_assert(fx_redis(&wh, "3 {s}"));

    ck_assert(fx_sql(&wh, PYTAKE_SQL_WRITE, "tenant_enter webhook_error_add"));
    ck_assert_uint_eq(wh_items(&wh, 1, 0), 2);
    ck_assert_uint_eq(wh_item(&wh, 1, 0, 0).len, 64);
    ck_assert_slice_lit(wh_item(&wh, 1, 1, 0),
                        "entry[0].changes[0].value.messages[0]");
    ck_assert_slice_lit(wh_item(&wh, 1, 2, 0), "wrong_type");
    ck_assert_slice_lit(wh_item(&wh, 1, 4, 0), "{\"id\":7}");
    ck_assert_slice_lit(wh_item(&wh, 1, 2, 1), "channel_error");
    fx_feed(&wh);
    fx_done(&wh, 200);
}
END_TEST


/* What WhatsApp says of a number has no id: said again it is another one,
 * but not when the same body comes again. */
START_TEST(channel_errors_recur)
{
    size_t i;
    char   hash[4][64];

    static const char *const bodies[] = {
        WH_BODY(WH_VALUE("n1", "\"errors\":[{\"code\":130429}]")),
        WH_BODY(WH_VALUE("n1", "\"errors\":[{\"code\":130429}]")),
        WH_BODY(WH_VALUE("n1", "\"errors\":[{\"code\":130429}],\"n\":1")),
        WH_BODY(
            WH_VALUE("n1", "\"errors\":[{\"code\":130429},{\"code\":130429}]"))
    };

    for (i = 0; i < PT_COUNT(bodies); i++) {
        wh_post(&wh, bodies[i]);
        ck_assert(wh_numbers(&wh));
        ck_assert(fx_sql(&wh, PYTAKE_SQL_WRITE,
                         "tenant_enter raw_add webhook_error_add"));
        memcpy(hash[i], wh_item(&wh, 2, 0, 0).data, 64);
        if (i == 3) {
            ck_assert_mem_ne(hash[i], wh_item(&wh, 2, 0, 1).data, 64);
        }
        fx_feed(&wh);
        fx_done(&wh, 200);
    }

    ck_assert_mem_eq(hash[0], hash[1], 64);
    ck_assert_mem_ne(hash[0], hash[2], 64);
    ck_assert_mem_ne(hash[0], hash[3], 64);
}
END_TEST


START_TEST(changed_number_is_linked_first)
{
    wh_post(&wh, WH_CHANGED);
    ck_assert(wh_numbers(&wh));
    ck_assert(fx_sql(&wh, PYTAKE_SQL_WRITE,
                     "tenant_enter raw_add contacts_link ingest_messages"));
    ck_assert_uint_eq(wh_items(&wh, 2, 0), 1);
    ck_assert_slice_lit(wh_item(&wh, 2, 0, 0), "15550001");
    ck_assert_slice_lit(wh_item(&wh, 2, 3, 0), "15550002");
    ck_assert_slice_lit(wh_item(&wh, 2, 6, 0), "15550002");
    ck_assert_ptr_null(wh_item(&wh, 2, 7, 0).data);
    ck_assert_mem_eq(wh_item(&wh, 2, 8, 0).data, wh_item(&wh, 3, 8, 1).data,
                     16);

    /* where to send from now on */
    ck_assert_uint_eq(wh_items(&wh, 3, 0), 2);
    ck_assert_slice_lit(wh_item(&wh, 3, 3, 0), "15550002");
    fx_feed(&wh);
    fx_done(&wh, 200);
}
END_TEST


/* Four messages, of which the one called "c" is refused. */
static void
wh_poisoned(fx_t *f, const char *sqlstate)
{
    uint32_t i, n, aside = 0, told = 0;
    uint16_t last;
    bool     poison;

    wh_post(f,
            WH_BODY(WH_VALUE(
                "n1",
                "\"messages\":[" WH_MSG("a", "1") "," WH_MSG(
                    "b", "2") "," WH_MSG("c", "3") "," WH_MSG("d", "4") "]")));
    ck_assert(wh_numbers(f));

    while (fx_next(f) == PYTAKE_EFFECT_SQL) {
        memset(f->rows, 0, sizeof(f->rows));
        memset(&f->result, 0, sizeof(f->result));
        last = (uint16_t) (f->eff.u.sql.nstmts - 1);

        if (f->eff.u.sql.stmts[last].stmt != PT_STMT_INGEST_MESSAGES) {
            ck_assert_slice_lit(wh_item(f, last, 2, 0), "database");
            ck_assert_slice(wh_item(f, last, 3, 0), pt_test_str(sqlstate));
            ck_assert_slice_lit(wh_item(f, last, 1, 0),
                                "entry[0].changes[0].value.messages[2]");
            aside++;
            fx_feed(f);
            continue;
        }

        n = wh_items(f, last, 14);
        for (i = 0, poison = false; i < n; i++) {
            poison |= pt_str_eq(wh_item(f, last, 14, i), PT_STR("c"));
        }
        if (poison) {
            fx_refuse(f, sqlstate, last, "");
            continue;
        }
        for (i = 0; i < n; i++) {
            fx_row(f, last, "lt", INT64_C(1), "{}");
        }
        fx_feed(f);
        for (i = 0; i < n; i++) {
            ck_assert(fx_redis(f, "1 {}"));
        }
        told += n;
    }

    ck_assert_uint_eq(aside, 1); /* kept as an error */
    ck_assert_uint_eq(told, 3);
    ck_assert_int_eq(f->eff.u.done.status, 200);
}


START_TEST(poisoned_item_stands_alone)
{
    wh_poisoned(&wh, "22003");
    wh_poisoned(&wh, "21000");
    wh_poisoned(&wh, "23514");
}
END_TEST


static void
wh_refused(const char *sqlstate, uint16_t stmt, const char *table)
{
    wh_post(&wh, WH_ONE);
    ck_assert(wh_numbers(&wh));
    ck_assert(
        fx_sql(&wh, PYTAKE_SQL_WRITE, "tenant_enter raw_add ingest_messages"));
    wh.result.table = pt_test_str(table);
    fx_refuse(&wh, sqlstate, stmt, "");
    if (memcmp(sqlstate, "23514", 5) == 0) {
        ck_assert(fx_sql(&wh, PYTAKE_SQL_WRITE, "days_help"));
        fx_row(&wh, 0, "i", 0);
        fx_feed(&wh);
        ck_assert(fx_sql(&wh, PYTAKE_SQL_WRITE,
                         "tenant_enter raw_add ingest_messages"));
        wh.result.table = pt_test_str(table);
        fx_refuse(&wh, sqlstate, stmt, "");
    }
    fx_done(&wh, 503);
}


START_TEST(what_no_item_is_to_blame_for)
{
    wh_refused("23514", 2, "event_log"); /* no partition for today */
    wh_refused("23514", 2, "webhook_raw");
    wh_refused("23502", 2, "tenant_event_head");
    wh_refused("22P02", 1, ""); /* our own summary */
    wh_refused("42501", 2, "");
    wh_refused("53200", 2, "");
    wh_refused("57014", 2, "");
    wh_refused("58P01", 2, "");
}
END_TEST


START_TEST(database_trouble)
{
    size_t i;

    static const pt_err_t errs[] = { PT_EBUSY, PT_EDBAWAY, PT_EDEADLINE,
                                     PT_EOUTCOME };

    for (i = 0; i < PT_COUNT(errs); i++) {
        wh_post(&wh, WH_ONE);
        ck_assert(fx_sql(&wh, PYTAKE_SQL_READ, "wa_numbers_find"));
        fx_lost(&wh, errs[i]);
        fx_done(&wh, 503);

        wh_post(&wh, WH_ONE);
        ck_assert(wh_numbers(&wh));
        ck_assert(fx_sql(&wh, PYTAKE_SQL_WRITE,
                         "tenant_enter raw_add ingest_messages"));
        fx_lost(&wh, errs[i]);
        fx_done(&wh, 503);
    }
}
END_TEST


START_TEST(deadlock_is_retried)
{
    wh_post(&wh, WH_ONE);
    ck_assert(wh_numbers(&wh));
    ck_assert(
        fx_sql(&wh, PYTAKE_SQL_WRITE, "tenant_enter raw_add ingest_messages"));
    fx_refuse(&wh, "40P01", 2, "");
    ck_assert(
        fx_sql(&wh, PYTAKE_SQL_WRITE, "tenant_enter raw_add ingest_messages"));
    fx_feed(&wh);
    fx_done(&wh, 200);
}
END_TEST


static const char *
wh_many(int n)
{
    int      i;
    pt_buf_t b;
    pt_str_t body;

    pt_buf_init(&b, wh.arena, SIZE_MAX);
    pt_buf_lit(&b, "{\"entry\":[{\"changes\":[{\"value\":{\"metadata\":"
                   "{\"phone_number_id\":\"n1\"},\"messages\":[");
    for (i = 0; i < n; i++) {
        if (i != 0) {
            pt_buf_char(&b, ',');
        }
        pt_buf_lit(&b, "{\"from\":\"1\",\"type\":\"revoke\",\"id\":\"");
        pt_buf_i64(&b, i);
        pt_buf_lit(&b, "\"}");
    }
    pt_buf_lit(&b, "]}}]}]}");
    pt_buf_add(&b, "", 1);
    ck_assert_ok(pt_buf_get(&b, &body));

    return body.data;
}


START_TEST(a_thousand)
{
    wh_post(&wh, wh_many(1000));
    ck_assert(wh_numbers(&wh));
    ck_assert(
        fx_sql(&wh, PYTAKE_SQL_WRITE, "tenant_enter raw_add ingest_messages"));
    ck_assert_uint_eq(wh_items(&wh, 2, 8), 500);
    ck_assert_uint_eq(wh_items(&wh, 2, 0), 1);
    ck_assert_slice_lit(wh_item(&wh, 2, 14, 0), "0");
    fx_feed(&wh);
    ck_assert(fx_sql(&wh, PYTAKE_SQL_WRITE, "tenant_enter ingest_messages"));
    ck_assert_uint_eq(wh_items(&wh, 1, 8), 500);
    ck_assert_slice_lit(wh_item(&wh, 1, 14, 0), "500");
    fx_feed(&wh);
    fx_done(&wh, 200);
}
END_TEST


/* More events than a batch may have: each batch has its own. */
START_TEST(events_of_many_batches)
{
    uint32_t       i, k, told = 0;
    pytake_rows_t *r;

    wh_post(&wh, wh_many(5000));
    ck_assert(wh_numbers(&wh));

    for (i = 0; i < 10; i++) {
        ck_assert(fx_sql(&wh, PYTAKE_SQL_WRITE,
                         i == 0 ? "tenant_enter raw_add ingest_messages"
                                : "tenant_enter ingest_messages"));
        r = &wh.rows[i == 0 ? 2 : 1];
        r->nrows = 500;
        r->ncols = 2;
        r->cells = pt_arena_calloc(wh.arena, 1000, sizeof(pt_str_t));
        ck_assert_ptr_nonnull(r->cells);
        fx_feed(&wh);

        for (k = 0; k < 500; k++, told++) {
            ck_assert_int_eq(fx_next(&wh), PYTAKE_EFFECT_REDIS);
        }
    }

    ck_assert_uint_eq(told, 5000);
    fx_done(&wh, 200);
}
END_TEST


/* The memory of a batch is the next one's: a body of any number of batches
 * needs that of its largest. */
START_TEST(batches_do_not_add_up)
{
    enum { BATCHES = 38 };

    uint32_t       i, k;
    size_t         used = 0;
    pt_str_t      *cells;
    pytake_rows_t *r;

    static char frame[2000];

    memset(frame, 'f', sizeof(frame));
    wh_post(&wh, wh_many(BATCHES * 500));
    ck_assert(wh_numbers(&wh));

    for (i = 0; i < BATCHES; i++) {
        ck_assert(fx_sql(&wh, PYTAKE_SQL_WRITE,
                         i == 0 ? "tenant_enter raw_add ingest_messages"
                                : "tenant_enter ingest_messages"));
        if (i == 2) {
            used = pt_arena_used(wh.op->arena);
        }
        ck_assert(i < 3 || pt_arena_used(wh.op->arena) <= used + 256u * 1024);

        r = &wh.rows[i == 0 ? 2 : 1];
        r->nrows = 500;
        r->ncols = 2;
        r->cells = cells = pt_arena_calloc(wh.arena, 1000, sizeof(pt_str_t));
        ck_assert_ptr_nonnull(cells);
        for (k = 0; k < 500; k++) {
            cells[2 * k] = (pt_str_t){ "\0\0\0\0\0\0\0\1", 8 };
            cells[2 * k + 1] = (pt_str_t){ frame, sizeof(frame) };
        }
        fx_feed(&wh);

        for (k = 0; k < 500; k++) {
            ck_assert_int_eq(fx_next(&wh), PYTAKE_EFFECT_REDIS);
            ck_assert_uint_eq(wh.eff.u.redis.payload.len,
                              sizeof(frame) + 2 + PT_BUS_SEAL);
        }
    }

    fx_done(&wh, 200);
}
END_TEST


/* 500 long texts, and an arena in which so much is left. */
static void
wh_heavy(size_t left)
{
    int      i;
    pt_buf_t b;
    pt_str_t body;

    static char text[7000];

    memset(text, 'x', sizeof(text));
    pt_buf_init(&b, wh.arena, SIZE_MAX);
    pt_buf_lit(&b, "{\"entry\":[{\"changes\":[{\"value\":{\"metadata\":"
                   "{\"phone_number_id\":\"n1\"},\"messages\":[");
    for (i = 0; i < 500; i++) {
        if (i != 0) {
            pt_buf_char(&b, ',');
        }
        pt_buf_lit(&b, "{\"id\":\"");
        pt_buf_i64(&b, i);
        pt_buf_lit(&b, "\",\"from\":\"1\",\"type\":\"text\",\"text\":"
                       "{\"body\":\"");
        pt_buf_add(&b, text, sizeof(text));
        pt_buf_lit(&b, "\"}}");
    }
    pt_buf_lit(&b, "]}}]}]}");
    pt_buf_add(&b, "", 1);
    ck_assert_ok(pt_buf_get(&b, &body));

    wh_post(&wh, body.data);
    ck_assert_ptr_nonnull(
        pt_arena_alloc(wh.op->arena, pt_arena_left(wh.op->arena) - left));
}


START_TEST(more_than_memory_holds)
{
    size_t i;

    /* while it is read; and so much that none of it could be stored */
    static const size_t left[] = { 200 * 1024, PT_WEBHOOK_ROOM };

    for (i = 0; i < PT_COUNT(left); i++) {
        wh_heavy(left[i]);
        ck_assert(fx_sql(&wh, PYTAKE_SQL_WRITE, "raw_add"));
        ck_assert(fx_has(fx_param(&wh, 0, 4), "\"over_limits\":true"));
        fx_feed(&wh);
        fx_done(&wh, 200);
    }
}
END_TEST


/* Reading leaves little: batches become as small as they must be. */
START_TEST(batches_fit_what_is_left)
{
    uint32_t n = 0, batches = 0;
    uint16_t last;

    wh_heavy(PT_WEBHOOK_ROOM + 5u * 1024 * 1024);
    ck_assert(wh_numbers(&wh));

    while (fx_next(&wh) == PYTAKE_EFFECT_SQL) {
        memset(wh.rows, 0, sizeof(wh.rows));
        memset(&wh.result, 0, sizeof(wh.result));
        last = (uint16_t) (wh.eff.u.sql.nstmts - 1);
        ck_assert_int_eq(wh.eff.u.sql.stmts[last].stmt,
                         PT_STMT_INGEST_MESSAGES);
        n += wh_items(&wh, last, 8);
        batches++;
        fx_feed(&wh);
    }

    ck_assert_int_eq(wh.eff.u.done.status, 200);
    ck_assert_uint_eq(n, 500);
    ck_assert_uint_ge(batches, 2);
}
END_TEST


START_TEST(too_many)
{
    wh_post(&wh, wh_many(PT_WEBHOOK_ITEMS_MAX + 1));
    ck_assert(fx_sql(&wh, PYTAKE_SQL_WRITE, "raw_add"));
    ck_assert(fx_has(fx_param(&wh, 0, 4), "\"messages\":20001"));
    ck_assert(fx_has(fx_param(&wh, 0, 4), "\"over_limits\":true"));
    fx_feed(&wh);
    fx_done(&wh, 200);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    TCase *tc = tcase_create("webhook");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, wh_setup, wh_teardown);
    tcase_add_test(tc, verify);
    tcase_add_test(tc, refusals);
    tcase_add_test(tc, one_message);
    tcase_add_test(tc, two_tenants_and_an_unknown_number);
    tcase_add_test(tc, nobodys);
    tcase_add_test(tc, too_deep);
    tcase_add_test(tc, statuses_and_errors);
    tcase_add_test(tc, channel_errors_recur);
    tcase_add_test(tc, changed_number_is_linked_first);
    tcase_add_test(tc, poisoned_item_stands_alone);
    tcase_add_test(tc, what_no_item_is_to_blame_for);
    tcase_add_test(tc, database_trouble);
    tcase_add_test(tc, deadlock_is_retried);
    tcase_add_test(tc, a_thousand);
    tcase_add_test(tc, events_of_many_batches);
    tcase_add_test(tc, batches_do_not_add_up);
    tcase_add_test(tc, more_than_memory_holds);
    tcase_add_test(tc, batches_fit_what_is_left);
    tcase_add_test(tc, too_many);
    suite_add_tcase(s, tc);

    PT_TEST_CASE(s, little_memory);
}


PT_TEST_MAIN(webhook);
