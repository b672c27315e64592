/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_test.h"

#include "courier/courier_body.h"
#include "core/base/pt_util.h"

#define ID "01a20610-653f-7000-8000-000000000001"

static courier_msg_t message(void);
static bool          has(pt_str_t s, const char *piece);
static pt_err_t      build(pt_arena_t *a, void *user);
static pt_err_t      error(pt_arena_t *a, void *user);


static courier_msg_t
message(void)
{
    courier_msg_t m;

    memset(&m, 0, sizeof(m));
    ck_assert(pt_uuid_parse(PT_STR(ID), &m.id));
    m.type = PT_STR("text");
    m.content = PT_STR("hi \"you\"\n\xe2\x9c\x93 </b>");
    m.wa_id = PT_STR("5511987654321");

    return m;
}


static bool
has(pt_str_t s, const char *piece)
{
    return memmem(s.data, s.len, piece, strlen(piece)) != NULL;
}


static pt_err_t
build(pt_arena_t *a, void *user)
{
    pt_err_t      err;
    pt_str_t      out;
    courier_msg_t m;

    PT_UNUSED(user);
    m = message();
    m.quoted = PT_STR("wamid.HBg==");
    err = courier_body_build(a, &m, &out);

    if (err == PT_OK) {
        ck_assert_slice_lit(
            out, "{\"messaging_product\":\"whatsapp\",\"recipient_type\":"
                 "\"individual\",\"to\":\"+5511987654321\",\"type\":\"text\","
                 "\"text\":{\"body\":\"hi \\\"you\\\"\\n\xe2\x9c\x93 </b>\","
                 "\"preview_url\":false},\"context\":{\"message_id\":"
                 "\"wamid.HBg==\"},\"biz_opaque_callback_data\":\"" ID "\"}");
    }

    return err;
}


static pt_err_t
error(pt_arena_t *a, void *user)
{
    pt_err_t err;
    pt_str_t out;

    PT_UNUSED(user);
    err = courier_body_error(a, 131047, NULL, PT_STR("a \"b\""), PT_STR("c"),
                             &out);

    if (err == PT_OK) {
        ck_assert_slice_lit(
            out,
            "{\"code\":131047,\"title\":\"a \\\"b\\\"\",\"detail\":\"c\"}");
    }

    return err;
}


START_TEST(text)
{
    pt_test_arena_caps(build, NULL);
}
END_TEST


/* Rows that were stored before numbers were read as digits. */
START_TEST(written_addresses)
{
    size_t        i;
    pt_str_t      out;
    pt_arena_t   *a = pt_test_arena();
    courier_msg_t m = message();

    static const char *const phones[] = { "+55 (11) 98765-4321",
                                          "55.11.98765.4321",
                                          "\xe2\x80\xaa+5511987654321" };

    for (i = 0; i < PT_COUNT(phones); i++) {
        m.wa_id = (pt_str_t){ phones[i], strlen(phones[i]) };
        ck_assert_ok(courier_body_build(a, &m, &out));
        ck_assert(has(out, "\"to\":\"+5511987654321\""));
    }

    m.wa_id = PT_STR("BR.5511");
    ck_assert_int_eq(courier_body_build(a, &m, &out), PT_EVALIDATION);
    m.bsuid = PT_STR("BR.1");
    ck_assert_ok(courier_body_build(a, &m, &out));
    ck_assert(has(out, "\"recipient\":\"BR.1\""));
    pt_arena_del(a);
}
END_TEST


START_TEST(errors)
{
    pt_str_t    out;
    pt_arena_t *a;

    pt_test_arena_caps(error, NULL);
    a = pt_test_arena();
    ck_assert_ok(courier_body_error(a, 0, "outcome_unknown", PT_STR("t"),
                                    PT_STR(""), &out));
    ck_assert_slice_lit(
        out, "{\"code\":\"outcome_unknown\",\"title\":\"t\",\"detail\":\"\"}");
    pt_arena_del(a);
}
END_TEST


/* A customer who hides the number is known by the business-scoped id. */

START_TEST(addresses)
{
    pt_str_t      out;
    pt_arena_t   *a;
    courier_msg_t m;

    a = pt_test_arena();
    m = message();
    m.bsuid = PT_STR("US.13491208655302741918");
    ck_assert_ok(courier_body_build(a, &m, &out));
    ck_assert(has(out, "\"to\":\"+5511987654321\""));
    ck_assert(!has(out, "recipient\":"));

    m.wa_id = PT_STR_NULL;
    ck_assert_ok(courier_body_build(a, &m, &out));
    ck_assert(has(out, "\"recipient\":\"US.13491208655302741918\""));
    ck_assert(!has(out, "\"to\":"));
    ck_assert(!has(out, "context"));

    m.bsuid = PT_STR("");
    ck_assert_int_eq(courier_body_build(a, &m, &out), PT_EVALIDATION);
    pt_arena_del(a);
}
END_TEST


START_TEST(types)
{
    pt_str_t      out;
    pt_arena_t   *a;
    courier_msg_t m;

    a = pt_test_arena();
    m = message();
    m.type = PT_STR("hologram");
    ck_assert_int_eq(courier_body_build(a, &m, &out), PT_EVALIDATION);
    m.type = PT_STR_NULL;
    ck_assert_int_eq(courier_body_build(a, &m, &out), PT_EVALIDATION);
    pt_arena_del(a);
}
END_TEST


/* The longest text there may be, all of it characters of four bytes. */

START_TEST(longest)
{
    size_t        i;
    char         *s;
    pt_str_t      out;
    pt_arena_t   *a;
    courier_msg_t m;

    a = pt_test_arena();
    s = pt_arena_alloc(a, 4096 * 4);

    for (i = 0; i < 4096; i++) {
        memcpy(s + 4 * i, "\xf0\x9f\x98\x80", 4);
    }

    m = message();
    m.content = (pt_str_t){ s, 4096 * 4 };
    ck_assert_ok(courier_body_build(a, &m, &out));
    ck_assert_uint_gt(out.len, 4096 * 4);
    pt_arena_del(a);
}
END_TEST


static void
pt_test_suite(Suite *s)
{
    PT_TEST_CASE(s, text);
    PT_TEST_CASE(s, written_addresses);
    PT_TEST_CASE(s, errors);
    PT_TEST_CASE(s, addresses);
    PT_TEST_CASE(s, types);
    PT_TEST_CASE(s, longest);
}


PT_TEST_MAIN(courier_body);
