/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* Nouns, by the example of tags, quick replies and settings. */

#include "core/pt_op_test.h"

#define ID "01a20610-653f-7000-8000-000000000007"
#define JSON "{\"id\":\"" ID "\",\"name\":\"VIP\"}"
#define FRAME "{\"event\":\"tag_created\"}"
#define TAGS "/api/v1/tags"
#define TAG TAGS "/" ID
#define REPLIES "/api/v1/quick-replies"
#define SETTINGS "/api/v1/settings"
#define SETTINGS_JSON "{\"name\":\"Sol\"}"


static void
noun_init(fx_t *f)
{
    fx_init(f);
    f->role = "supervisor";
}


/* The parameter of that name. */
static uint16_t
noun_param(fx_t *f, uint16_t stmt, const char *name)
{
    uint16_t                 i;
    const pytake_stmt_def_t *def = &pytake_stmts[f->eff.u.sql.stmts[stmt].stmt];

    for (i = 0; i < def->nparams; i++) {
        if (strcmp(def->params[i].name, name) == 0) {
            return i;
        }
    }

    ck_abort_msg("no parameter %s", name);
}

#define ck_assert_named_text(f, stmt, name, text)                              \
    ck_assert_param_text(f, stmt, noun_param(f, stmt, name), text)
#define ck_assert_named_null(f, stmt, name)                                    \
    ck_assert_param_null(f, stmt, noun_param(f, stmt, name))
#define ck_assert_named_int(f, stmt, name, v)                                  \
    ck_assert_int_eq(fx_param_int(f, stmt, noun_param(f, stmt, name)), v)


static void
noun_tag_row(fx_t *f, uint16_t stmt, int version)
{
    pt_uuid_t id = fx_id(7);

    fx_row(f, stmt, "uttnmmi", &id, "VIP", "red", FX_NOW, FX_NOW, version);
}


static void
create_scenario(fx_t *f)
{
    pt_str_t body;

    f->role = "supervisor";
    f->req.idempotency_key = PT_STR("key");
    fx_start(f, PYTAKE_POST, TAGS, "{\"name\":\"VIP\",\"color\":null}");
    if (!fx_sql(f, PYTAKE_SQL_WRITE, "session_enter idem_lock tag_create")) {
        return;
    }
    ck_assert_named_text(f, 2, "name", "VIP");
    ck_assert_named_null(f, 2, "color");
    ck_assert_named_null(f, 2, "description");
    ck_assert_named_text(f, 2, "idem_key", "key");
    ck_assert_named_text(f, 2, "path", TAGS "/");
    ck_assert_param_uuid(f, 2, noun_param(f, 2, "user_id"), f->user);

    fx_row(f, 2, "lttit", INT64_C(9), FRAME, ID, 1, JSON);
    fx_feed(f);
    if (!fx_redis(f, "9 " FRAME)) {
        return;
    }
    body = fx_done(f, 201);
    if (fx_is_starved(f)) {
        return;
    }
    ck_assert_slice_lit(body, JSON);
    ck_assert_slice_lit(fx_header(f, "Location"), TAG);
    ck_assert_slice_lit(fx_header(f, "ETag"), "\"1\"");
}


START_TEST(create)
{
    fx_t f;

    fx_init(&f);
    create_scenario(&f);
    fx_free(&f);
    fx_starved(create_scenario, 3);
}
END_TEST


/* Every fault at once, each by its path. */
START_TEST(faults)
{
    fx_t     f;
    pt_str_t body;

    noun_init(&f);
    fx_start(&f, PYTAKE_POST, REPLIES,
             "{\"shortcut\":\" \",\"content\":7,\"more\":1,"
             "\"attachments\":[\"x\",2],\"team_ids\":null,"
             "\"buttons\":[{\"id\":\"1\",\"title\":\"a\\nb\"},{\"title\":"
             "\"123456789012345678901\",\"url\":\"\"},7]}");
    body = fx_problem(&f, 422, "validation_failed");
    ck_assert_has(body, "{\"field\":\"more\",\"code\":\"unknown\"");
    ck_assert_has(body, "{\"field\":\"shortcut\",\"code\":\"required\"");
    ck_assert_has(body, "{\"field\":\"content\",\"code\":\"type\"");
    ck_assert_has(body, "{\"field\":\"attachments[0]\",\"code\":\"invalid\"");
    ck_assert_has(body, "{\"field\":\"attachments[1]\",\"code\":\"type\"");
    ck_assert_has(body, "{\"field\":\"team_ids\",\"code\":\"required\"");
    ck_assert_has(body, "{\"field\":\"buttons[0].title\",\"code\":\"invalid\"");
    ck_assert_has(body, "{\"field\":\"buttons[1].id\",\"code\":\"required\"");
    ck_assert_has(body, "{\"field\":\"buttons[1].url\",\"code\":\"unknown\"");
    ck_assert_has(body,
                  "{\"field\":\"buttons[1].title\",\"code\":\"too_long\"");
    ck_assert_has(body, "{\"field\":\"buttons[2]\",\"code\":\"type\"");

    fx_start(&f, PYTAKE_POST, TAGS, "{\"name\":\"x\",\"color\":\"mauve\"}");
    body = fx_problem(&f, 422, "validation_failed");
    ck_assert_has(body, "{\"field\":\"color\",\"code\":\"invalid\"");

    fx_start(
        &f, PYTAKE_POST, REPLIES,
        "{\"shortcut\":\"a\",\"content\":\"b\",\"buttons\":[{},{},{},{}]}");
    body = fx_problem(&f, 422, "validation_failed");
    ck_assert_has(body, "{\"field\":\"buttons\",\"code\":\"too_long\"");

    /* an agent has no tag.write */
    f.role = "agent";
    f.req.authorization = PT_STR_NULL;
    fx_start(&f, PYTAKE_POST, TAGS, "{\"name\":\"x\"}");
    fx_problem(&f, 403, "forbidden");
    fx_free(&f);
}
END_TEST


START_TEST(lists)
{
    fx_t     f;
    pt_str_t body;

    noun_init(&f);
    fx_start(&f, PYTAKE_POST, REPLIES,
             "{\"shortcut\":\"oi\",\"content\":\"Oi\",\"team_ids\":[\"" ID
             "\"],\"buttons\":[{\"id\":\"1\",\"title\":\"Sim\"}]}");
    ck_assert(fx_sql(&f, PYTAKE_SQL_WRITE, "session_enter quick_reply_create"));
    ck_assert_named_text(&f, 1, "buttons",
                         "[{\"id\":\"1\",\"title\":\"Sim\"}]");
    ck_assert_uint_eq(fx_param(&f, 1, noun_param(&f, 1, "team_ids")).len, 40);
    ck_assert_uint_eq(fx_param(&f, 1, noun_param(&f, 1, "attachments")).len,
                      12);
    ck_assert_named_null(&f, 1, "idem_key");

    fx_start(&f, PYTAKE_GET, TAGS "?q=vi&limit=1", NULL);
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ, "session_enter head_get tag_list"));
    ck_assert_named_text(&f, 2, "q", "vi");
    ck_assert_named_int(&f, 2, "most", 2);
    fx_row(&f, 1, "ln", INT64_C(5));
    noun_tag_row(&f, 2, 1);
    noun_tag_row(&f, 2, 1);
    fx_feed(&f);
    body = fx_done(&f, 200);
    ck_assert_has(body, "{\"data\":[{\"id\":\"" ID "\",\"name\":\"VIP\","
                        "\"color\":\"red\",\"description\":null,"
                        "\"created_at\":\"2026-11-23T01:41:07.519Z\","
                        "\"updated_at\":\"2026-11-23T01:41:07.519Z\"}],"
                        "\"next_cursor\":\"");
    ck_assert_has(body, "\"since\":{\"seq\":5,\"id\":null}}");

    fx_start(&f, PYTAKE_GET, TAGS "?name=x&q=", NULL);
    body = fx_problem(&f, 422, "validation_failed");
    ck_assert_has(body, "{\"field\":\"name\",\"code\":\"unknown\"");
    ck_assert_has(body, "{\"field\":\"q\",\"code\":\"invalid\"");
    fx_free(&f);
}
END_TEST


START_TEST(get)
{
    fx_t        f;
    size_t      i;
    const char *same[] = { "\"4\"", "W/\"4\"", "\"3\", \"4\"", "*" };
    const char *others[] = { "", "4", "\"44\"", "W/", ",", "\"3\"" };

    noun_init(&f);
    fx_start(&f, PYTAKE_GET, TAG, NULL);
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ, "session_enter tag_get"));
    ck_assert_param_uuid(&f, 1, 0, fx_id(7));
    noun_tag_row(&f, 1, 4);
    fx_feed(&f);
    ck_assert(!fx_has(fx_done(&f, 200), "version"));
    ck_assert_slice_lit(fx_header(&f, "ETag"), "\"4\"");

    for (i = 0; i < PT_COUNT(same); i++) {
        f.req.if_none_match = pt_test_str(same[i]);
        fx_start(&f, PYTAKE_GET, TAG, NULL);
        ck_assert(fx_sql(&f, PYTAKE_SQL_READ, "session_enter tag_get"));
        noun_tag_row(&f, 1, 4);
        fx_feed(&f);
        ck_assert_uint_eq(fx_done(&f, 304).len, 0);
        ck_assert_slice_lit(fx_header(&f, "ETag"), "\"4\"");
    }
    for (i = 0; i < PT_COUNT(others); i++) {
        f.req.if_none_match = pt_test_str(others[i]);
        fx_start(&f, PYTAKE_GET, TAG, NULL);
        ck_assert(fx_sql(&f, PYTAKE_SQL_READ, "session_enter tag_get"));
        noun_tag_row(&f, 1, 4);
        fx_feed(&f);
        ck_assert_has(fx_done(&f, 200), "VIP");
    }

    fx_start(&f, PYTAKE_GET, TAG, NULL);
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ, "session_enter tag_get"));
    fx_feed(&f);
    fx_problem(&f, 404, "not_found");
    fx_free(&f);
}
END_TEST


/* Up to the batch of a PATCH that the precondition lets through or not. */
static void
noun_patch(fx_t *f, const char *match, const char *body)
{
    f->req.if_match = match == NULL ? PT_STR_NULL : pt_test_str(match);
    fx_start(f, PYTAKE_PATCH, TAG, body);
}


/* null clears, absent keeps. */
START_TEST(patch)
{
    fx_t f;

    noun_init(&f);
    noun_patch(&f, "\"3\"", "{\"color\":null}");
    ck_assert(fx_sql(&f, PYTAKE_SQL_WRITE, "session_enter tag_get tag_patch"));
    ck_assert_named_int(&f, 2, "if_match", 3);
    ck_assert_named_int(&f, 2, "has_color", 1);
    ck_assert_named_null(&f, 2, "color");
    ck_assert_named_int(&f, 2, "has_name", 0);
    noun_tag_row(&f, 1, 3);
    fx_row(&f, 2, "lttit", INT64_C(9), FRAME, ID, 4, JSON);
    fx_feed(&f);
    ck_assert(fx_redis(&f, "9 " FRAME));
    ck_assert_slice_lit(fx_done(&f, 200), JSON);
    ck_assert_slice_lit(fx_header(&f, "ETag"), "\"4\"");

    noun_patch(&f, NULL, "{\"name\":null}");
    ck_assert_has(fx_problem(&f, 422, "validation_failed"),
                  "{\"field\":\"name\",\"code\":\"required\"");

    /* nothing to change: nothing is written */
    noun_patch(&f, "*", "{}");
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ, "session_enter tag_get"));
    noun_tag_row(&f, 1, 3);
    fx_feed(&f);
    ck_assert_has(fx_done(&f, 200), "\"name\":\"VIP\"");
    fx_free(&f);
}
END_TEST


START_TEST(preconditions)
{
    fx_t        f;
    size_t      i;
    const char *stale[] = { "\"2\"", "\"x\"", "3", "W/\"3\"", "\"3\", \"4\"" };

    noun_init(&f);
    for (i = 0; i < PT_COUNT(stale); i++) {
        noun_patch(&f, stale[i], "{\"name\":\"x\"}");
        ck_assert(
            fx_sql(&f, PYTAKE_SQL_WRITE, "session_enter tag_get tag_patch"));
        noun_tag_row(&f, 1, 3);
        fx_feed(&f);
        fx_problem(&f, 412, "precondition_failed");
    }

    /* somebody was faster, or took it away */
    noun_patch(&f, "\"3\"", "{\"name\":\"x\"}");
    ck_assert(fx_sql(&f, PYTAKE_SQL_WRITE, "session_enter tag_get tag_patch"));
    noun_tag_row(&f, 1, 3);
    fx_feed(&f);
    fx_problem(&f, 412, "precondition_failed");

    noun_patch(&f, NULL, "{\"name\":\"x\"}");
    ck_assert(fx_sql(&f, PYTAKE_SQL_WRITE, "session_enter tag_get tag_patch"));
    noun_tag_row(&f, 1, 3);
    fx_feed(&f);
    fx_problem(&f, 404, "not_found");

    noun_patch(&f, "\"3\"", "{\"name\":\"x\"}");
    ck_assert(fx_sql(&f, PYTAKE_SQL_WRITE, "session_enter tag_get tag_patch"));
    fx_feed(&f);
    fx_problem(&f, 404, "not_found");

    /* another tag has that name */
    noun_patch(&f, NULL, "{\"name\":\"x\"}");
    ck_assert(fx_sql(&f, PYTAKE_SQL_WRITE, "session_enter tag_get tag_patch"));
    fx_refuse(&f, "23505", 2, "");
    ck_assert_has(fx_problem(&f, 422, "validation_failed"),
                  "{\"field\":\"name\",\"code\":\"taken\"");
    fx_free(&f);
}
END_TEST


START_TEST(deletes)
{
    fx_t f;

    noun_init(&f);
    fx_start(&f, PYTAKE_DELETE, TAG, NULL);
    ck_assert(fx_sql(&f, PYTAKE_SQL_WRITE, "session_enter tag_get tag_delete"));
    ck_assert_named_null(&f, 2, "if_match");
    noun_tag_row(&f, 1, 3);
    fx_row(&f, 2, "lttit", INT64_C(9), FRAME, ID, 3, JSON);
    fx_feed(&f);
    ck_assert(fx_redis(&f, "9 " FRAME));
    ck_assert_uint_eq(fx_done(&f, 204).len, 0);
    fx_free(&f);
}
END_TEST


/* A key of before: its answer comes, whichever row refuses the second. */
START_TEST(replayed)
{
    fx_t     f;
    uint8_t  hash[32];
    pt_str_t body = PT_STR("{\"name\":\"VIP\"}");

    noun_init(&f);
    ck_assert_ok(pt_hash_sha256(body.data, body.len, hash));
    f.req.idempotency_key = PT_STR("key");
    fx_start(&f, PYTAKE_POST, TAGS, body.data);
    ck_assert(
        fx_sql(&f, PYTAKE_SQL_WRITE, "session_enter idem_lock tag_create"));
    f.result.table = PT_STR("idempotency_keys");
    fx_refuse(&f, "23505", 2, "");
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ, "session_enter idem_get"));
    fx_row(&f, 1, "yitt", hash, 201, TAG, JSON);
    fx_feed(&f);
    ck_assert_slice_lit(fx_done(&f, 201), JSON);
    ck_assert_slice_lit(fx_header(&f, "Idempotent-Replayed"), "true");
    fx_free(&f);
}
END_TEST


START_TEST(rendered)
{
    fx_t      f;
    pt_uuid_t id = fx_id(7);

    noun_init(&f);
    f.role = "agent";
    fx_start(&f, PYTAKE_POST, REPLIES "/" ID "/render",
             "{\"conversation_id\":\"" ID "\"}");
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ,
                     "session_enter quick_reply_get quick_reply_variables"));
    fx_row(&f, 1, "uttjjjmmi", &id, "oi",
           "{{contact.name}}, {{ agent.name }}: {{x}} {{{company.name}} {{",
           "[]", "[]", "[]", FX_NOW, FX_NOW, 1);
    fx_row(&f, 2, "tntt", "Zo\xc3\xab {{agent.name}}", "Ana", "Sol");
    fx_feed(&f);
    ck_assert_slice_lit(fx_done(&f, 200),
                        "{\"content\":\"Zo\xc3\xab {{agent.name}}, Ana: {{x}} "
                        "{Sol {{\"}");

    fx_start(&f, PYTAKE_POST, REPLIES "/" ID "/render",
             "{\"conversation_id\":\"" ID "\"}");
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ,
                     "session_enter quick_reply_get quick_reply_variables"));
    fx_row(&f, 1, "uttjjjmmi", &id, "oi", "x", "[]", "[]", "[]", FX_NOW, FX_NOW,
           1);
    fx_feed(&f);
    ck_assert_has(fx_problem(&f, 422, "validation_failed"),
                  "{\"field\":\"conversation_id\",\"code\":\"not_found\"");
    fx_free(&f);
}
END_TEST


/* Up to the batch of a PATCH of what has no id. */
static void
noun_patch_settings(fx_t *f, const char *body)
{
    f->req.if_match = PT_STR_NULL;
    fx_start(f, PYTAKE_PATCH, SETTINGS, body);
    ck_assert(fx_sql(f, PYTAKE_SQL_WRITE,
                     "session_enter settings_get settings_patch"));
}


START_TEST(without_id)
{
    fx_t     f;
    pt_str_t body;

    noun_init(&f);
    f.role = "admin";
    fx_start(&f, PYTAKE_GET, SETTINGS, NULL);
    ck_assert(fx_sql(&f, PYTAKE_SQL_READ, "session_enter settings_get"));
    fx_row(&f, 1, "ttnmi", "Sol", "pt-BR", FX_NOW, 4);
    fx_feed(&f);
    ck_assert_slice_lit(fx_done(&f, 200),
                        "{\"name\":\"Sol\",\"locale\":\"pt-BR\","
                        "\"time_zone\":null,"
                        "\"updated_at\":\"2026-11-23T01:41:07.519Z\"}");
    ck_assert_slice_lit(fx_header(&f, "ETag"), "\"4\"");

    noun_patch_settings(&f, "{\"locale\":null,\"time_zone\":\"UTC\"}");
    ck_assert_named_int(&f, 2, "has_locale", 1);
    ck_assert_named_null(&f, 2, "locale");
    ck_assert_named_text(&f, 2, "time_zone", "UTC");
    ck_assert_named_int(&f, 2, "has_name", 0);
    fx_row(&f, 1, "ttnmi", "Sol", "pt-BR", FX_NOW, 4);
    fx_row(&f, 2, "lttit", INT64_C(9), FRAME, ID, 5, SETTINGS_JSON);
    fx_feed(&f);
    ck_assert(fx_redis(&f, "9 " FRAME));
    ck_assert_slice_lit(fx_done(&f, 200), SETTINGS_JSON);
    ck_assert_slice_lit(fx_header(&f, "ETag"), "\"5\"");

    f.req.if_match = PT_STR("\"3\"");
    fx_start(&f, PYTAKE_PATCH, SETTINGS, "{\"name\":\"x\"}");
    ck_assert(fx_sql(&f, PYTAKE_SQL_WRITE,
                     "session_enter settings_get settings_patch"));
    ck_assert_named_int(&f, 2, "if_match", 3);
    fx_row(&f, 1, "ttnmi", "Sol", "pt-BR", FX_NOW, 4);
    fx_feed(&f);
    fx_problem(&f, 412, "precondition_failed");

    fx_start(&f, PYTAKE_PATCH, SETTINGS,
             "{\"name\":null,\"locale\":\"fr\",\"time_zone\":1,"
             "\"status\":\"active\"}");
    body = fx_problem(&f, 422, "validation_failed");
    ck_assert_has(body, "{\"field\":\"name\",\"code\":\"required\"");
    ck_assert_has(body, "{\"field\":\"locale\",\"code\":\"invalid\"");
    ck_assert_has(body, "{\"field\":\"time_zone\",\"code\":\"type\"");
    ck_assert_has(body, "{\"field\":\"status\",\"code\":\"unknown\"");
    fx_free(&f);
}
END_TEST


/* A statement may refuse for one reason or another. */
START_TEST(refusals)
{
    fx_t f;

    noun_init(&f);
    f.role = "owner";
    noun_patch_settings(&f, "{\"name\":\"x\",\"time_zone\":\"x\"}");
    fx_refuse(&f, "23505", 2, "");
    ck_assert_has(fx_problem(&f, 422, "validation_failed"),
                  "[{\"field\":\"name\",\"code\":\"taken\","
                  "\"message\":\"Another one has it already\"}]");

    noun_patch_settings(&f, "{\"name\":\"x\",\"time_zone\":\"x\"}");
    fx_refuse(&f, "22023", 2, "");
    ck_assert_has(fx_problem(&f, 422, "validation_failed"),
                  "[{\"field\":\"time_zone\",\"code\":\"invalid\","
                  "\"message\":\"Must be a time zone's name in the IANA "
                  "database\"}]");

    /* any other one is a fault of ours */
    noun_patch_settings(&f, "{\"name\":\"x\"}");
    fx_refuse(&f, "42703", 2, "");
    fx_problem(&f, 500, "internal_error");
    fx_free(&f);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, create);
    PT_TEST_CASE(s, faults);
    PT_TEST_CASE(s, lists);
    PT_TEST_CASE(s, get);
    PT_TEST_CASE(s, patch);
    PT_TEST_CASE(s, preconditions);
    PT_TEST_CASE(s, deletes);
    PT_TEST_CASE(s, replayed);
    PT_TEST_CASE(s, rendered);
    PT_TEST_CASE(s, without_id);
    PT_TEST_CASE(s, refusals);
}


PT_TEST_MAIN(noun);
