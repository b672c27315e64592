/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* The webhook parser: envelope, items, messages, statuses, senders. */

#include "pt_test.h"
#include "core/whatsapp/pt_wa.h"

#define WA_NUMBER "106540352242922"


static pt_arena_t *wa_arena;


static void
wa_setup(void)
{
    wa_arena = pt_test_arena();
}


static void
wa_teardown(void)
{
    pt_arena_del(wa_arena);
}


static void
wa_parse_text(pt_str_t text, pt_wa_t *out)
{
    pt_json_t *body;

    ck_assert_ok(pt_json_parse(wa_arena, text, &pt_json_limits_webhook, &body));
    ck_assert_ok(pt_wa_parse(wa_arena, body, out));
}


/* A body of one change: the members of its value beside metadata. */
static void
wa_parse_value(const char *value, pt_wa_t *out)
{
    pt_str_t text;

    ck_assert_ok(pt_arena_fmt(
        wa_arena, &text,
        "{\"object\":\"whatsapp_business_account\",\"entry\":[{\"id\":\"1\","
        "\"time\":1700000000,\"changes\":[{\"field\":\"messages\",\"value\":"
        "{\"metadata\":{\"phone_number_id\":\"" WA_NUMBER "\"},%s}}]}]}",
        value));
    wa_parse_text(text, out);
}


/* One message; members beside id, from and timestamp. */
static pt_wa_message_t *
wa_message(const char *members, pt_wa_t *out)
{
    pt_str_t text;

    ck_assert_ok(pt_arena_fmt(
        wa_arena, &text,
        "\"contacts\":[{\"wa_id\":\"16505551234\",\"profile\":{\"name\":"
        "\"Ann\"}}],\"messages\":[{\"id\":\"wamid.1\",\"from\":"
        "\"16505551234\",\"timestamp\":\"1749854575\",%s}]",
        members));
    wa_parse_value(text.data, out);

    return out->nmessages == 0 ? NULL : &out->messages[0];
}


static void
wa_shows(const char *members, const char *type, const char *content,
         const char *preview, const char *metadata)
{
    pt_wa_t          wa;
    pt_wa_message_t *m = wa_message(members, &wa);

    ck_assert_msg(m != NULL, "%s", members);
    ck_assert_slice(m->type, pt_test_str(type));
    ck_assert_slice(m->content, pt_test_str(content));
    ck_assert_slice(m->preview, pt_test_str(preview));
    ck_assert_slice(m->metadata, pt_test_str(metadata));
}


START_TEST(types)
{
    wa_shows("\"type\":\"text\",\"text\":{\"body\":\"hi\"}", "text", "hi", "hi",
             "{}");
    wa_shows("\"type\":\"image\",\"image\":{\"id\":\"7\",\"caption\":\"c\"}",
             "image", "c", "c",
             "{\"image\":{\"id\":\"7\",\"caption\":"
             "\"c\"}}");
    wa_shows("\"type\":\"video\",\"video\":{\"id\":\"7\"}", "video", "",
             "[video]", "{\"video\":{\"id\":\"7\"}}");
    wa_shows("\"type\":\"audio\",\"audio\":{\"voice\":true}", "audio", "",
             "[audio]",
             "{\"audio\":{\"voice\":true},"
             "\"voice\":true}");
    wa_shows("\"type\":\"voice\",\"voice\":{\"id\":\"7\"}", "audio", "",
             "[audio]",
             "{\"audio\":{\"id\":\"7\"},"
             "\"voice\":true}");
    wa_shows("\"type\":\"document\",\"document\":{\"filename\":\"a.pdf\"}",
             "document", "a.pdf", "a.pdf",
             "{\"document\":{\"filename\":\"a.pdf\"}}");
    wa_shows("\"type\":\"sticker\",\"sticker\":{\"id\":\"7\"}", "sticker", "",
             "[sticker]", "{\"sticker\":{\"id\":\"7\"}}");
    wa_shows("\"type\":\"location\",\"location\":{\"name\":\"N\","
             "\"address\":\"A\"}",
             "location", "N, A", "N, A",
             "{\"location\":{\"name\":\"N\",\"address\":\"A\"}}");
    wa_shows("\"type\":\"contacts\",\"contacts\":[{\"name\":"
             "{\"formatted_name\":\"X\"}},{},{\"name\":{\"formatted_name\":"
             "\"Y\"}}]",
             "contacts", "X, Y", "X, Y",
             "{\"contacts\":[{\"name\":{\"formatted_name\":\"X\"}},{},"
             "{\"name\":{\"formatted_name\":\"Y\"}}]}");
    wa_shows("\"type\":\"button\",\"button\":{\"text\":\"Yes\"}", "button",
             "Yes", "Yes", "{\"button\":{\"text\":\"Yes\"}}");
    wa_shows("\"type\":\"interactive\"", "interactive", "", "[interactive]",
             "{}");
    wa_shows("\"type\":\"interactive\",\"interactive\":{\"list_reply\":"
             "{\"title\":\"T\"}}",
             "interactive", "T", "T",
             "{\"interactive\":{\"list_reply\":{\"title\":\"T\"}}}");
    wa_shows("\"type\":\"order\",\"order\":{\"text\":\"o\"}", "order", "o", "o",
             "{\"order\":{\"text\":\"o\"}}");
    wa_shows("\"type\":\"system\",\"system\":{\"body\":\"s\"}", "system", "s",
             "s", "{\"system\":{\"body\":\"s\"}}");
    wa_shows("\"type\":\"edit\",\"edit\":{\"message\":{\"type\":\"text\","
             "\"text\":{\"body\":\"new\"}}}",
             "edit", "new", "new",
             "{\"edit\":{\"message\":{\"type\":\"text\",\"text\":{\"body\":"
             "\"new\"}}}}");
    wa_shows("\"type\":\"edit\",\"edit\":{\"message\":{\"type\":\"edit\","
             "\"edit\":{}}}",
             "edit", "", "[edit]",
             "{\"edit\":{\"message\":{\"type\":\"edit\",\"edit\":{}}}}");
    wa_shows("\"type\":\"revoke\",\"revoke\":{}", "revoke", "", "[revoke]",
             "{\"revoke\":{}}");
    wa_shows("\"type\":\"unsupported\",\"errors\":[{\"code\":131051}]",
             "unsupported", "", "[unsupported]",
             "{\"errors\":[{\"code\":131051}]}");
}
END_TEST


START_TEST(unknown_type)
{
    wa_shows("\"type\":\"hologram\",\"hologram\":{\"id\":\"7\"},\"cleaned\":"
             "1",
             "unsupported", "", "[unsupported]",
             "{\"hologram\":{\"id\":\"7\"},\"original_type\":\"hologram\"}");
    wa_shows("\"group_id\":\"g\"", "unsupported", "", "[unsupported]",
             "{\"group_id\":\"g\"}");
}
END_TEST


START_TEST(kept_beside)
{
    wa_shows("\"type\":\"text\",\"text\":{\"body\":\"a\",\"x\":1},"
             "\"context\":{\"forwarded\":true},\"referral\":{\"a\":1}",
             "text", "a", "a",
             "{\"text\":{\"body\":\"a\",\"x\":1},"
             "\"context\":{\"forwarded\":true},\"referral\":{\"a\":1}}");
}
END_TEST


START_TEST(quotes)
{
    pt_wa_t wa;

    ck_assert_slice_lit(wa_message("\"type\":\"text\",\"text\":{\"body\":"
                                   "\"a\"},\"context\":{\"id\":\"wamid.0\"}",
                                   &wa)
                            ->quoted,
                        "wamid.0");
    ck_assert_slice_lit(
        wa_message("\"type\":\"reaction\",\"reaction\":"
                   "{\"message_id\":\"wamid.r\",\"emoji\":\"\"}",
                   &wa)
            ->quoted,
        "wamid.r");
    ck_assert_ptr_null(wa_message("\"type\":\"text\",\"text\":{\"body\":"
                                  "\"a\"},\"context\":{\"id\":\"\\u0000\"}",
                                  &wa)
                           ->quoted.data);
}
END_TEST


START_TEST(long_texts)
{
    char             body[PT_WA_CONTENT_CHARS + 64];
    pt_str_t         text;
    pt_wa_t          wa;
    pt_wa_message_t *m;

    memset(body, 'a', sizeof(body));
    ck_assert_ok(pt_arena_fmt(wa_arena, &text,
                              "\"type\":\"text\",\"text\":"
                              "{\"body\":\"%.*s\"}",
                              (int) sizeof(body), body));
    m = wa_message(text.data, &wa);

    ck_assert_uint_eq(m->content.len, PT_WA_CONTENT_CHARS);
    ck_assert_uint_eq(m->preview.len, PT_LAST_MESSAGE_CHARS);
    ck_assert_uint_eq(wa.nerrors, 1);
    ck_assert_str_eq(wa.errors[0].code, "too_large");
    ck_assert(!wa.errors[0].fatal);
}
END_TEST


START_TEST(large_metadata)
{
    size_t           n = PT_WA_METADATA_MAX + 1;
    char            *x = pt_arena_alloc(wa_arena, n);
    pt_str_t         text;
    pt_wa_t          wa;
    pt_wa_message_t *m;

    memset(x, 'x', n);
    ck_assert_ok(pt_arena_fmt(wa_arena, &text,
                              "\"type\":\"image\",\"image\":"
                              "{\"caption\":\"c\",\"x\":\"%.*s\"}",
                              (int) n, x));
    m = wa_message(text.data, &wa);

    ck_assert_slice_lit(m->content, "c");
    ck_assert_slice_lit(m->metadata, "{\"truncated\":true}");
    ck_assert_str_eq(wa.errors[0].code, "too_large");
}
END_TEST


START_TEST(ids_and_times)
{
    pt_wa_t          wa;
    pt_uuid_t        id;
    pt_wa_message_t *m;

    m = wa_message("\"type\":\"text\",\"text\":{\"body\":\"a\"}", &wa);
    ck_assert_ok(
        pt_uuid_derive(1749854575, PT_STR(WA_NUMBER), PT_STR("wamid.1"), &id));
    ck_assert(pt_uuid_eq(&id, &m->id));
    ck_assert_int_eq(m->at_us, INT64_C(1749854575000000));

    /* a number, or the entry's time when there is none */
    wa_parse_value("\"messages\":[{\"id\":\"a\",\"from\":\"1\",\"timestamp\":"
                   "12,\"type\":\"revoke\"},{\"id\":\"b\",\"from\":\"1\","
                   "\"type\":\"revoke\"}]",
                   &wa);
    ck_assert_uint_eq(wa.nmessages, 2);
    ck_assert_int_eq(wa.messages[0].at_us, 12000000);
    ck_assert_int_eq(wa.messages[1].at_us, INT64_C(1700000000000000));
}
END_TEST


START_TEST(repeated_message)
{
    pt_wa_t wa;

    wa_parse_value(
        "\"messages\":["
        "{\"id\":\"a\",\"from\":\"1\",\"timestamp\":1,\"type\":\"revoke\"},"
        "{\"id\":\"b\",\"from\":\"1\",\"timestamp\":1,\"type\":\"revoke\"},"
        "{\"id\":\"a\",\"from\":\"1\",\"timestamp\":1,\"type\":\"revoke\"}]",
        &wa);
    ck_assert_uint_eq(wa.counts.messages, 3);
    ck_assert_uint_eq(wa.nmessages, 2);
    ck_assert_slice_lit(wa.messages[0].wamid, "a");
    ck_assert_slice_lit(wa.messages[1].wamid, "b");
}
END_TEST


static const struct {
    const char *item;
    const char *code;
} wa_broken[] = {
    { "7", "wrong_type" },
    { "{\"from\":\"1\",\"type\":\"revoke\"}", "missing" },
    { "{\"id\":7,\"from\":\"1\",\"type\":\"revoke\"}", "wrong_type" },
    { "{\"id\":\"x\",\"from\":7,\"type\":\"revoke\"}", "wrong_type" },
    { "{\"id\":\"x\",\"type\":\"revoke\"}", "missing" },
    { "{\"id\":\"x\",\"from\":\"\",\"type\":\"revoke\"}", "missing" },
    { "{\"id\":\"x\",\"from\":\"1\",\"type\":{}}", "wrong_type" },
    { "{\"id\":\"x\",\"from\":\"1\",\"timestamp\":\"soon\",\"type\":"
      "\"revoke\"}",
      "invalid_timestamp" },
    { "{\"id\":\"x\",\"from\":\"1\",\"timestamp\":-1,\"type\":\"revoke\"}",
      "invalid_timestamp" },
    { "{\"id\":\"x\",\"from\":\"1\",\"timestamp\":999999999999999,\"type\":"
      "\"revoke\"}",
      "invalid_timestamp" },
    { "{\"id\":\"x\",\"from\":\"1\",\"type\":\"text\",\"text\":\"hi\"}",
      "wrong_type" },
    { "{\"id\":\"x\",\"from\":\"1\",\"type\":\"text\",\"text\":{\"body\":1}}",
      "wrong_type" },
    { "{\"id\":\"x\",\"from\":\"1\",\"type\":\"text\"}", "wrong_type" },
    { "{\"id\":\"x\",\"from\":\"1\",\"type\":\"image\",\"image\":[]}",
      "wrong_type" },
    { "{\"id\":\"x\\u0000\",\"from\":\"1\",\"type\":\"revoke\"}",
      "invalid_identifier" },
    { "{\"id\":\"x\\ud800\",\"from\":\"1\",\"type\":\"revoke\"}",
      "invalid_identifier" },
    { "{\"id\":\"x\",\"from\":\"1\\u0000\",\"type\":\"revoke\"}",
      "invalid_identifier" },
    { "{\"id\":\"x\",\"from_user_id\":\"\\udfff\",\"type\":\"revoke\"}",
      "invalid_identifier" },
    { "{\"id\":\"x\",\"id\":\"y\",\"from\":\"1\",\"type\":\"revoke\"}",
      "duplicate_identifier" },
    { "{\"id\":\"x\",\"from\":\"1\",\"from\":\"2\",\"type\":\"revoke\"}",
      "duplicate_identifier" },
    { "{\"id\":\"x\",\"from\":\"1\",\"type\":\"revoke\",\"type\":\"text\"}",
      "duplicate_identifier" },
    { "{\"id\":\"x\",\"from\":\"1\",\"timestamp\":1,\"timestamp\":2,"
      "\"type\":\"revoke\"}",
      "duplicate_identifier" }
};


/* A hundred items, the broken one among them. */
static void
wa_hundred(const char *broken, pt_wa_t *wa)
{
    int      i;
    pt_buf_t b;
    pt_str_t text;

    pt_buf_init(&b, wa_arena, SIZE_MAX);
    pt_buf_lit(&b, "\"messages\":[");
    for (i = 0; i < 100; i++) {
        if (i != 0) {
            pt_buf_char(&b, ',');
        }
        if (i == 42) {
            pt_buf_add(&b, broken, strlen(broken));
            continue;
        }
        pt_buf_lit(&b, "{\"from\":\"1\",\"type\":\"text\",\"text\":{\"body\":"
                       "\"b\"},\"timestamp\":\"1\",\"id\":\"n");
        pt_buf_i64(&b, i);
        pt_buf_lit(&b, "\"}");
    }
    pt_buf_lit(&b, "]");
    pt_buf_add(&b, "", 1);
    ck_assert_ok(pt_buf_get(&b, &text));

    wa_parse_value(text.data, wa);
}


START_TEST(one_broken_among_100)
{
    pt_wa_t  wa;
    pt_str_t path;

    wa_hundred(wa_broken[_i].item, &wa);

    ck_assert_msg(wa.nmessages == 99 && wa.nerrors == 1, "%s",
                  wa_broken[_i].item);
    ck_assert_str_eq(wa.errors[0].code, wa_broken[_i].code);
    ck_assert(wa.errors[0].fatal);
    ck_assert_uint_eq(wa.counts.messages, 100);
    ck_assert_uint_eq(wa.counts.item_errors, 1);
    ck_assert_slice_lit(wa.errors[0].number, WA_NUMBER);
    ck_assert_ok(pt_wa_path_build(wa_arena, &wa.errors[0].place, &path));
    ck_assert_slice_lit(path, "entry[0].changes[0].value.messages[42]");
}
END_TEST


START_TEST(human_text_is_cleaned)
{
    pt_wa_t wa;

    wa_hundred("{\"id\":\"x\",\"from\":\"1\",\"timestamp\":1,\"type\":"
               "\"text\",\"text\":{\"body\":\"a\\u0000\\ud800b\"}}",
               &wa);
    ck_assert_uint_eq(wa.nmessages, 100);
    ck_assert_slice_lit(wa.messages[42].content, "a\xef\xbf\xbd\xef\xbf\xbd"
                                                 "b");
    ck_assert_slice_lit(wa.messages[42].metadata, "{\"cleaned\":true}");
    ck_assert_uint_eq(wa.nerrors, 1);
    ck_assert_str_eq(wa.errors[0].code, "cleaned");
    ck_assert(!wa.errors[0].fatal);
    ck_assert_uint_eq(wa.counts.item_errors, 0);

    wa_hundred("{\"id\":\"x\",\"from\":\"1\",\"timestamp\":1,\"type\":"
               "\"location\",\"location\":{\"latitude\":1e131000}}",
               &wa);
    ck_assert_slice_lit(wa.messages[42].metadata,
                        "{\"location\":{\"latitude\":\"1e131000\"},"
                        "\"cleaned\":true}");
    ck_assert_str_eq(wa.errors[0].code, "cleaned");
    ck_assert_uint_eq(wa.counts.item_errors, 0);

    wa_hundred("{\"id\":\"x\",\"from\":\"1\",\"timestamp\":1,\"type\":"
               "\"text\",\"text\":{\"body\":\"a\",\"body\":\"b\"}}",
               &wa);
    ck_assert_uint_eq(wa.nmessages, 100);
    ck_assert_slice_lit(wa.messages[42].content, "b");
    ck_assert_str_eq(wa.errors[0].code, "duplicate_keys");
}
END_TEST


static void
wa_same(pt_str_t got, const char *want)
{
    if (want == NULL) {
        ck_assert_ptr_null(got.data);
    } else {
        ck_assert_slice(got, pt_test_str(want));
    }
}


START_TEST(senders)
{
    pt_wa_t         wa;
    pt_wa_sender_t *s;

    /* the number hidden, and as an empty string */
    wa_parse_value(
        "\"contacts\":[{\"user_id\":\"BR.1\",\"profile\":{\"name\""
        ":\"Bia\",\"username\":\"bia\"}}],\"messages\":[{\"id\":\"a\","
        "\"from\":\"\",\"from_user_id\":\"BR.1\",\"type\":\"revoke\"}]",
        &wa);
    s = &wa.messages[0].sender;
    ck_assert_ptr_null(s->phone.data);
    ck_assert_ptr_null(s->wa_id.data);
    ck_assert_slice_lit(s->bsuid, "BR.1");
    ck_assert_slice_lit(s->name, "Bia");
    ck_assert_slice_lit(s->username, "bia");

    /* the contact is found by its number and brings the id */
    wa_parse_value(
        "\"contacts\":[{\"wa_id\":\"1\",\"profile\":{\"name\":"
        "\"A\"}},{\"wa_id\":\"551187654321\",\"user_id\":\"BR.2\"}],"
        "\"messages\":[{\"id\":\"a\",\"from\":\"551187654321\",\"type\":"
        "\"revoke\"}]",
        &wa);
    s = &wa.messages[0].sender;
    ck_assert_slice_lit(s->wa_id, "551187654321");
    ck_assert_slice_lit(s->phone, "5511987654321");
    ck_assert_slice_lit(s->bsuid, "BR.2");
    ck_assert_ptr_null(s->name.data);

    /* a single contact with another number: its name alone */
    wa_parse_value("\"contacts\":[{\"wa_id\":\"2\",\"user_id\":\"BR.3\","
                   "\"profile\":{\"name\":\"C\"}}],\"messages\":[{\"id\":\"a\","
                   "\"from\":\"1\",\"type\":\"revoke\"}]",
                   &wa);
    s = &wa.messages[0].sender;
    ck_assert_slice_lit(s->wa_id, "1");
    ck_assert_ptr_null(s->bsuid.data);
    ck_assert_slice_lit(s->name, "C");

    /* system messages have no contacts, and perhaps no sender */
    wa_parse_value("\"messages\":[{\"id\":\"a\",\"type\":\"system\","
                   "\"system\":{\"wa_id\":\"5\",\"body\":\"b\"}}]",
                   &wa);
    ck_assert_slice_lit(wa.messages[0].sender.phone, "5");
}
END_TEST


/* Blanks, signs and marks of direction are no part of a number, wherever it
 * stands. */
START_TEST(written_numbers)
{
    size_t          i;
    pt_wa_t         wa;
    pt_wa_sender_t *s;

    static const char *const values[] = {
        "\"messages\":[{\"id\":\"a\",\"from\":\"+55 (11) 98765-4321\","
        "\"type\":\"revoke\"}]",
        "\"messages\":[{\"id\":\"a\",\"from\":\" 5511.98765.4321 \","
        "\"type\":\"revoke\"}]",
        "\"messages\":[{\"id\":\"a\",\"from\":\"\\u202a+5511\\u00a0"
        "98765\\u20114321\\u202c\",\"type\":\"revoke\"}]",
        "\"contacts\":[{\"wa_id\":\"+55 11 98765-4321\"}],\"messages\":"
        "[{\"id\":\"a\",\"type\":\"revoke\"}]",
        "\"messages\":[{\"id\":\"a\",\"type\":\"system\",\"system\":"
        "{\"customer\":\"+55 11 98765-4321\"}}]",
        "\"messages\":[{\"id\":\"a\",\"type\":\"system\",\"from\":"
        "\"1\",\"system\":{\"type\":\"user_changed_number\",\"wa_id\":"
        "\"+55 11 98765-4321\"}}]",
        "\"messages\":[{\"id\":\"a\",\"type\":\"system\",\"from\":"
        "\"1\",\"system\":{\"type\":\"user_changed_number\","
        "\"new_wa_id\":\"+55 11 98765-4321\"}}]",
    };

    for (i = 0; i < PT_COUNT(values); i++) {
        wa_parse_value(values[i], &wa);
        ck_assert_uint_eq(wa.nmessages, 1);
        wa_same(wa.messages[0].sender.wa_id, "5511987654321");
    }

    /* one of them alone is written with signs: still the same person */
    wa_parse_value("\"contacts\":[{\"wa_id\":\"1\"},{\"wa_id\":"
                   "\"5511987654321\",\"profile\":{\"name\":\"A\"}}],"
                   "\"messages\":[{\"id\":\"a\",\"from\":\"+55 11 "
                   "98765-4321\",\"type\":\"revoke\"}]",
                   &wa);
    s = &wa.messages[0].sender;
    wa_same(s->name, "A");
    wa_same(s->phone, "5511987654321");

    /* what is no number is left as it is */
    wa_parse_value("\"messages\":[{\"id\":\"a\",\"from\":\"+1 x\","
                   "\"type\":\"revoke\"}]",
                   &wa);
    wa_same(wa.messages[0].sender.wa_id, "+1 x");
}
END_TEST


/* WhatsApp tells who they were and who they are from now on. */
START_TEST(changed_numbers)
{
    size_t          i;
    pt_wa_t         wa;
    pt_wa_sender_t *s;

    static const struct {
        const char *members, *phone, *wa_id, *bsuid, *next_phone, *next_bsuid;
    } cases[] = { { "\"from\":\"15550001\",\"system\":{\"type\":"
                    "\"user_changed_number\",\"wa_id\":\"551187654321\"}",
                    "15550001", "551187654321", NULL, "5511987654321", NULL },
                  { "\"from\":\"15550001\",\"system\":{\"type\":"
                    "\"user_changed_number\",\"new_wa_id\":\"15550002\","
                    "\"user_id\":\"US.2\"}",
                    "15550001", "15550002", NULL, "15550002", "US.2" },
                  { "\"system\":{\"type\":\"user_changed_number\",\"wa_id\":"
                    "\"15550002\",\"customer\":\"15550001\"}",
                    "15550001", "15550002", NULL, "15550002", NULL },
                  { "\"from_user_id\":\"US.1\",\"system\":{\"type\":"
                    "\"user_changed_user_id\",\"user_id\":\"US.2\"}",
                    NULL, NULL, "US.1", NULL, "US.2" },
                  { "\"from_user_id\":\"US.1\",\"system\":{\"type\":"
                    "\"user_changed_number\",\"wa_id\":\"15550002\"}",
                    NULL, "15550002", "US.1", "15550002", NULL },
                  { "\"from\":\"15550001\",\"system\":{\"type\":"
                    "\"customer_identity_changed\",\"wa_id\":\"15550002\","
                    "\"user_id\":\"US.2\"}",
                    "15550001", "15550001", NULL, NULL, NULL },
                  { "\"from\":\"15550001\",\"system\":{\"type\":"
                    "\"user_changed_number\",\"wa_id\":7,\"user_id\":\"\"}",
                    "15550001", "15550001", NULL, NULL, NULL } };

    for (i = 0; i < PT_COUNT(cases); i++) {
        pt_str_t text;

        ck_assert_ok(pt_arena_fmt(wa_arena, &text,
                                  "\"messages\":[{\"id\":\"a\",\"type\":"
                                  "\"system\",%s}]",
                                  cases[i].members));
        wa_parse_value(text.data, &wa);
        ck_assert_uint_eq(wa.nmessages, 1);
        s = &wa.messages[0].sender;
        wa_same(s->phone, cases[i].phone);
        wa_same(s->wa_id, cases[i].wa_id);
        wa_same(s->bsuid, cases[i].bsuid);
        wa_same(s->next_phone, cases[i].next_phone);
        wa_same(s->next_bsuid, cases[i].next_bsuid);
    }
}
END_TEST


/* Senders in the opposite order of their contacts, more than a batch of
 * WhatsApp's. */
START_TEST(many_contacts)
{
    enum { N = 3000 };

    int              i;
    pt_buf_t         b;
    pt_str_t         text, want;
    pt_wa_t          wa;
    const pt_wa_t   *w = &wa;
    pt_wa_message_t *m;

    pt_buf_init(&b, wa_arena, SIZE_MAX);
    pt_buf_lit(&b, "\"contacts\":[");
    for (i = 0; i < N; i++) {
        pt_buf_lit(&b, "{\"wa_id\":\"1555");
        pt_buf_i64(&b, 1000 + i);
        pt_buf_lit(&b, "\",\"profile\":{\"name\":\"n");
        pt_buf_i64(&b, i);
        pt_buf_lit(&b, "\"}},");
    }
    /* of two entries the first one stands */
    pt_buf_lit(&b, "{\"wa_id\":\"15551000\",\"profile\":{\"name\":"
                   "\"later\"}}],\"messages\":[");
    for (i = N - 1; i >= 0; i--) {
        pt_buf_lit(&b, "{\"type\":\"revoke\",\"id\":\"");
        pt_buf_i64(&b, i);
        pt_buf_lit(&b, "\",\"from\":\"1555");
        pt_buf_i64(&b, 1000 + i);
        pt_buf_lit(&b, "\"}");
        pt_buf_char(&b, i == 0 ? ']' : ',');
    }
    pt_buf_add(&b, "", 1);
    ck_assert_ok(pt_buf_get(&b, &text));
    wa_parse_value(text.data, &wa);

    ck_assert_uint_eq(w->nmessages, N);
    for (i = 0; i < N; i++) {
        m = &w->messages[N - 1 - i];
        ck_assert_ok(pt_arena_fmt(wa_arena, &want, "n%d", i));
        ck_assert_slice(m->sender.name, want);
    }
}
END_TEST


START_TEST(statuses)
{
    char            hex[PT_UUID_LEN];
    size_t          i;
    pt_wa_t         wa;
    pt_wa_status_t *s;

    static const char *const moves[] = { "sent", "delivered", "read",  "read",
                                         NULL,   NULL,        "failed" };

    wa_parse_value(
        "\"statuses\":["
        "{\"id\":\"w\",\"status\":\"sent\",\"timestamp\":\"5\","
        "\"biz_opaque_callback_data\":"
        "\"01890a5d-ac96-774b-bcce-b302099a8057\"},"
        "{\"id\":\"w\",\"status\":\"delivered\",\"timestamp\":5,"
        "\"biz_opaque_callback_data\":\"order 66\"},"
        "{\"id\":\"w\",\"status\":\"read\"},"
        "{\"id\":\"w\",\"status\":\"played\"},"
        "{\"id\":\"w\",\"status\":\"deleted\"},"
        "{\"id\":\"w\",\"status\":\"beamed\"},"
        "{\"id\":\"w\",\"status\":\"failed\",\"errors\":[{\"code\":131026,"
        "\"title\":\"t\",\"error_data\":{\"details\":\"d\"}}]},"
        "{\"id\":\"w\",\"status\":7},{\"status\":\"read\"}]",
        &wa);

    ck_assert_uint_eq(wa.counts.statuses, 9);
    ck_assert_uint_eq(wa.nstatuses, PT_COUNT(moves));
    ck_assert_uint_eq(wa.nerrors, 2);

    for (i = 0; i < PT_COUNT(moves); i++) {
        s = &wa.statuses[i];
        ck_assert_slice(s->moves,
                        moves[i] == NULL ? PT_STR_NULL : pt_test_str(moves[i]));
        ck_assert_int_eq(pt_uuid_is_nil(&s->ours), i != 0);
    }
    pt_uuid_build(&wa.statuses[0].ours, hex);
    ck_assert_mem_eq(hex, "01890a5d-ac96-774b-bcce-b302099a8057", PT_UUID_LEN);
    ck_assert_int_eq(wa.statuses[0].at_us, 5000000);
    ck_assert_int_eq(wa.statuses[2].at_us, INT64_C(1700000000000000));
    ck_assert_slice_lit(wa.statuses[6].error, "{\"code\":131026,\"title\":"
                                              "\"t\",\"detail\":\"d\"}");
    ck_assert_slice_lit(wa.statuses[2].raw,
                        "{\"id\":\"w\",\"status\":\"read\"}");
}
END_TEST


START_TEST(older_error_shape)
{
    pt_wa_t wa;

    wa_parse_value(
        "\"statuses\":[{\"id\":\"w\",\"status\":\"failed\","
        "\"errors\":[{\"code\":1,\"title\":\"t\",\"details\":\"d\"}]},"
        "{\"id\":\"w\",\"status\":\"failed\"}]",
        &wa);
    ck_assert_slice_lit(wa.statuses[0].error,
                        "{\"code\":1,\"title\":\"t\",\"detail\":\"d\"}");
    ck_assert_slice_lit(wa.statuses[1].error,
                        "{\"code\":null,\"title\":null,\"detail\":null}");
}
END_TEST


START_TEST(other_shapes)
{
    size_t  i;
    pt_wa_t wa;

    static const char *const bodies[] = {
        "7",
        "[]",
        "{}",
        "\"x\"",
        "null",
        "{\"entry\":{}}",
        "{\"entry\":[7,null,{},{\"changes\":7},{\"changes\":[7,{},{\"value\":"
        "7},{\"value\":{\"messages\":{},\"statuses\":7,\"errors\":\"\"}}]}]}"
    };

    for (i = 0; i < PT_COUNT(bodies); i++) {
        wa_parse_text(pt_test_str(bodies[i]), &wa);
        ck_assert_uint_eq(
            wa.nmessages + wa.nstatuses + wa.nerrors + wa.nnumbers, 0);
    }

    /* another field's messages are not messages */
    wa_parse_text(
        PT_STR(
            "{\"entry\":[{\"changes\":[{\"field\":\"standby\","
            "\"value\":{\"metadata\":{\"phone_number_id\":\"1\"},\"messages\":"
            "[{\"id\":\"a\",\"from\":\"1\",\"type\":\"revoke\"}]}}]}]}"),
        &wa);
    ck_assert_uint_eq(wa.nmessages, 0);
    ck_assert_slice_lit(wa.counts.fields[0], "standby");

    /* without a number nobody's, but counted */
    wa_parse_text(
        PT_STR("{\"entry\":[{\"changes\":[{\"value\":{\"messages\":"
               "[{\"id\":\"a\",\"from\":\"1\",\"type\":\"revoke\"}]}}]}]}"),
        &wa);
    ck_assert_uint_eq(wa.nmessages, 1);
    ck_assert_ptr_null(wa.messages[0].number.data);
}
END_TEST


static pt_err_t
wa_scenario(pt_arena_t *a, void *user)
{
    pt_err_t   err;
    pt_wa_t    wa;
    pt_json_t *body;

    err = pt_json_parse(a, *(pt_str_t *) user, &pt_json_limits_webhook, &body);

    return err == PT_OK ? pt_wa_parse(a, body, &wa) : err;
}


START_TEST(small_arenas)
{
    pt_str_t text = PT_STR(
        "{\"entry\":[{\"changes\":[{\"field\":"
        "\"messages\",\"value\":{\"metadata\":{\"phone_number_id\":\"1\"},"
        "\"messages\":[{\"id\":\"a\",\"from\":\"551187654321\",\"type\":"
        "\"contacts\",\"contacts\":[{\"name\":{\"formatted_name\":\"X\"}}]},"
        "{\"id\":\"b\",\"from\":\"1\",\"type\":\"location\",\"location\":{"
        "\"name\":\"N\",\"address\":\"A\"}}],\"statuses\":[{\"id\":\"w\","
        "\"status\":\"failed\"}]}}]}]}");

    pt_test_arena_caps(wa_scenario, &text);
}
END_TEST


static TCase *
wa_case(Suite *s, const char *name)
{
    TCase *tc = tcase_create(name);

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, wa_setup, wa_teardown);
    suite_add_tcase(s, tc);

    return tc;
}


static void
pt_test_suite(Suite *s)
{
    TCase *tc;

    tc = wa_case(s, "messages");
    tcase_add_test(tc, types);
    tcase_add_test(tc, unknown_type);
    tcase_add_test(tc, kept_beside);
    tcase_add_test(tc, quotes);
    tcase_add_test(tc, long_texts);
    tcase_add_test(tc, large_metadata);
    tcase_add_test(tc, ids_and_times);
    tcase_add_test(tc, repeated_message);

    tc = wa_case(s, "items");
    tcase_add_loop_test(tc, one_broken_among_100, 0, (int) PT_COUNT(wa_broken));
    tcase_add_test(tc, human_text_is_cleaned);
    tcase_add_test(tc, senders);
    tcase_add_test(tc, written_numbers);
    tcase_add_test(tc, changed_numbers);
    tcase_add_test(tc, many_contacts);
    tcase_add_test(tc, statuses);
    tcase_add_test(tc, older_error_shape);
    tcase_add_test(tc, other_shapes);
    tcase_add_test(tc, small_arenas);
}


PT_TEST_MAIN(wa);
