/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Whatever WhatsApp may send: nothing is lost (stored, repeated or an
 * error), what is to be stored is what PostgreSQL takes, and the same body
 * gives the same ids.
 */

#include "pt_fuzz.h"
#include "core/whatsapp/pt_wa.h"


static void
fuzz_json(pt_arena_t *a, pt_str_t text, pt_json_type_t type)
{
    pt_json_t *v;

    PT_FUZZ_CHECK(pt_json_parse(a, text, &pt_json_limits_webhook, &v) == PT_OK);
    PT_FUZZ_CHECK(v->type == type && !v->cleaned && !v->duplicates);
}


static void
fuzz_text(pt_str_t s, size_t chars_max)
{
    if (s.data != NULL) {
        PT_FUZZ_CHECK(pt_utf8_is(s));
        PT_FUZZ_CHECK(memchr(s.data, 0, s.len) == NULL);
        PT_FUZZ_CHECK(pt_utf8_count(s) <= chars_max);
    }
}


static void
fuzz_message(pt_arena_t *a, const pt_wa_message_t *m)
{
    PT_FUZZ_CHECK(m->wamid.len != 0);
    PT_FUZZ_CHECK(m->sender.phone.data != NULL || m->sender.bsuid.data != NULL);
    PT_FUZZ_CHECK(
        (m->sender.wa_id.data == NULL)
        == (m->sender.phone.data == NULL && m->sender.next_phone.data == NULL));
    PT_FUZZ_CHECK(m->type.len != 0 && m->preview.len != 0);
    PT_FUZZ_CHECK(m->at_us == pt_uuid_time_us(&m->id));

    fuzz_text(m->wamid, PT_WA_ID_MAX);
    fuzz_text(m->sender.phone, PT_WA_ID_MAX);
    fuzz_text(m->sender.bsuid, PT_WA_ID_MAX);
    fuzz_text(m->sender.name, PT_WA_NAME_CHARS);
    fuzz_text(m->sender.username, PT_WA_NAME_CHARS);
    fuzz_text(m->quoted, PT_WA_ID_MAX);
    fuzz_text(m->content, PT_WA_CONTENT_CHARS);
    fuzz_text(m->preview, PT_LAST_MESSAGE_CHARS);
    fuzz_json(a, m->metadata, PT_JSON_OBJECT);
}


static void
fuzz_status(pt_arena_t *a, const pt_wa_status_t *s)
{
    PT_FUZZ_CHECK(s->wamid.len != 0 && s->said.len != 0);
    PT_FUZZ_CHECK(s->at_us >= 0);
    fuzz_text(s->wamid, PT_WA_ID_MAX);
    fuzz_text(s->said, PT_WA_STATUS_MAX);
    fuzz_json(a, s->raw, PT_JSON_OBJECT);
    if (s->error.data != NULL) {
        fuzz_json(a, s->error, PT_JSON_OBJECT);
    }
}


static void
fuzz_all(pt_arena_t *a, const pt_json_t *body)
{
    size_t   i, k, messages = 0, fatal = 0;
    pt_wa_t  wa, again;
    pt_str_t path;

    PT_FUZZ_CHECK(pt_wa_parse(a, body, &wa) == PT_OK);
    PT_FUZZ_CHECK(pt_wa_parse(a, body, &again) == PT_OK);
    PT_FUZZ_CHECK(wa.nmessages == again.nmessages);

    for (i = 0; i < wa.nmessages; i++) {
        fuzz_message(a, &wa.messages[i]);
        PT_FUZZ_CHECK(pt_uuid_eq(&wa.messages[i].id, &again.messages[i].id));
        for (k = 0; k < i && i < 64; k++) {
            PT_FUZZ_CHECK(!pt_uuid_eq(&wa.messages[i].id, &wa.messages[k].id));
        }
    }
    for (i = 0; i < wa.nstatuses; i++) {
        fuzz_status(a, &wa.statuses[i]);
    }
    for (i = 0; i < wa.nerrors; i++) {
        PT_FUZZ_CHECK(pt_wa_path_build(a, &wa.errors[i].place, &path) == PT_OK);
        fatal += wa.errors[i].fatal;
        messages +=
            wa.errors[i].fatal && wa.errors[i].place.kind == PT_WA_MESSAGE;
    }

    PT_FUZZ_CHECK(fatal == wa.counts.item_errors);
    PT_FUZZ_CHECK(wa.nmessages + messages <= wa.counts.messages);
    PT_FUZZ_CHECK(wa.nstatuses + fatal - messages == wa.counts.statuses);
    for (i = 1; i < wa.nnumbers; i++) {
        PT_FUZZ_CHECK(pt_wa_str_cmp(wa.numbers[i - 1], wa.numbers[i]) < 0);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pt_str_t    text = { (const char *) data, size };
    pt_wa_t     wa;
    pt_err_t    err;
    pt_json_t  *v;
    pt_arena_t *a = pt_fuzz_arena();

    if (pt_json_parse(a, text, &pt_json_limits_webhook, &v) == PT_OK) {
        fuzz_all(a, v);
    }
    pt_arena_del(a);

    a = pt_arena_new(&pt_fuzz_mem, 4096 + 64 * (size % 257));
    if (a == NULL) {
        return 0;
    }
    if (pt_json_parse(a, text, &pt_json_limits_webhook, &v) == PT_OK) {
        err = pt_wa_parse(a, v, &wa);
        PT_FUZZ_CHECK(err == PT_OK || err == PT_ENOMEM);
    }
    pt_arena_del(a);

    return 0;
}
