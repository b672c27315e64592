/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "core/pt_op_test.h"
#include "core/inbox/pt_event.h"


static pt_uuid_t
event_id(void)
{
    uint8_t   rnd[10] = { 0 };
    pt_uuid_t id;

    pt_uuid_v7(pt_envelope_time(FX_NOW), rnd, &id);

    return id;
}


START_TEST(envelopes)
{
    pt_str_t    s;
    pt_uuid_t   id = event_id();
    pt_arena_t *a = pt_test_arena();

    static const char *const changes[] = { "status", "tags" };

    ck_assert_ok(pt_event_status(a, &id, PT_STR("wamid.1"), PT_STR("failed"),
                                 PT_STR("{\"code\":1}"), &s));
    ck_assert_slice_lit(
        s, "{\"event\":\"message_status_updated\",\"data\":{\"id\":\"\x05\","
           "\"conversation_id\":\"\x01\",\"whatsapp_message_id\":\"wamid.1\","
           "\"status\":\"failed\",\"error\":{\"code\":1}},"
           "\"timestamp\":\"2026-11-23T01:41:07.519Z\","
           "\"conversation_id\":\"\x01\",\"seq\":\x04,"
           "\"id\":\"01a20610-653f-7000-8000-000000000000\"}");

    ck_assert_ok(
        pt_event_status(a, &id, PT_STR_NULL, PT_STR("sent"), PT_STR_NULL, &s));
    ck_assert_has(s, "\"whatsapp_message_id\":null,\"status\":\"sent\","
                     "\"error\":null}");

    ck_assert_ok(pt_event_conv(a, &id, changes, 2, &s));
    ck_assert_has(s, "{\"event\":\"conversation_updated\",\"data\":{\x06,"
                     "\"changes\":[\"status\",\"tags\"]},\"timestamp\":");
    pt_arena_del(a);
}
END_TEST


START_TEST(times_agree)
{
    pt_uuid_t id = event_id();

    ck_assert_int_eq(pt_envelope_time(FX_NOW), FX_NOW_MS);
    ck_assert_int_eq(pt_uuid_time_us(&id), FX_NOW_MS);
}
END_TEST


static pt_err_t
event_scenario(pt_arena_t *a, void *user)
{
    pt_str_t  s;
    pt_msg_t  m;
    pt_uuid_t id = event_id();

    PT_UNUSED(user);
    memset(&m, 0, sizeof(m));
    m.content = PT_STR("text");

    return pt_event_message(a, "message_received", &id, &m, &s);
}


START_TEST(small_arenas)
{
    pt_test_arena_caps(event_scenario, NULL);
}
END_TEST


START_TEST(too_long)
{
    pt_str_t    s;
    pt_msg_t    m;
    pt_uuid_t   id = event_id();
    pt_arena_t *a = pt_test_arena();

    memset(&m, 0, sizeof(m));
    m.content.data = pt_arena_calloc(a, 1, PT_ENVELOPE_FRAME_MAX);
    m.content.len = PT_ENVELOPE_FRAME_MAX / 6 + 1; /* "\u0000" each */
    ck_assert_int_eq(pt_event_message(a, "message_received", &id, &m, &s),
                     PT_ELIMIT);
    pt_arena_del(a);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, envelopes);
    PT_TEST_CASE(s, times_agree);
    PT_TEST_CASE(s, small_arenas);
    PT_TEST_CASE(s, too_long);
}


PT_TEST_MAIN(event);
