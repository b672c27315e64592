/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* Reads one status, by which WhatsApp says what became of a message of ours. */

#include "pt_wa_item.h"


static pt_str_t pt_wa_status_moves(pt_str_t said);
static void     pt_wa_status_ours(const pt_json_t *item, pt_wa_status_t *s);
static pt_err_t pt_wa_status_error(pt_arena_t *a, const pt_json_t *item,
                                   pt_str_t *out);
static pt_str_t pt_wa_status_text(const pt_json_t *obj, const char *key);


pt_err_t
pt_wa_status_parse(pt_wa_walk_t *wk, const pt_json_t *item)
{
    bool            cut = false;
    int64_t         unix_s;
    pt_jw_t         w;
    pt_buf_t        b;
    pt_err_t        err;
    pt_wa_status_t *s = &wk->out->statuses[wk->out->nstatuses];

    if (!pt_wa_ident_find(wk, item, "id", "id", &s->wamid)
        || !pt_wa_ident_find(wk, item, "status", "status", &s->said)
        || !pt_wa_time_get(wk, item, &unix_s))
    {
        return PT_OK;
    }
    if (s->wamid.data == NULL || s->said.data == NULL) {
        (void) pt_wa_fault(wk, "missing",
                           s->wamid.data == NULL ? "id" : "status");
        return PT_OK;
    }
    if (s->said.len > PT_WA_STATUS_MAX) {
        (void) pt_wa_fault(wk, "too_long", "status");
        return PT_OK;
    }

    s->place = wk->place;
    s->json = item;
    s->number = wk->number;
    s->at_us = unix_s * 1000000;
    s->moves = pt_wa_status_moves(s->said);
    pt_wa_status_ours(item, s);

    s->error = PT_STR_NULL;
    if (pt_str_is(s->moves, "failed")) {
        err = pt_wa_status_error(wk->arena, item, &s->error);
        if (err != PT_OK) {
            return err;
        }
    }

    pt_buf_init(&b, wk->arena, PT_WA_METADATA_MAX);
    pt_jw_init(&w, &b);
    pt_jw_value(&w, item);
    err = pt_buf_get(&b, &s->raw);
    if (err == PT_ELIMIT) {
        s->raw = PT_STR("{\"truncated\":true}");
        cut = true;
        err = PT_OK;
    }
    if (err != PT_OK) {
        return err;
    }

    wk->out->nstatuses++;
    pt_wa_altered(wk, item, cut);

    return PT_OK;
}


/* Gives the status that a message of ours gets, as a string literal.  A voice
 * note that was played was read; a status that WhatsApp invents tomorrow is a
 * receipt and changes nothing. */
static pt_str_t
pt_wa_status_moves(pt_str_t said)
{
    if (pt_str_is(said, "sent")) {
        return PT_STR("sent");
    }
    if (pt_str_is(said, "delivered")) {
        return PT_STR("delivered");
    }
    if (pt_str_is(said, "read") || pt_str_is(said, "played")) {
        return PT_STR("read");
    }
    if (pt_str_is(said, "failed")) {
        return PT_STR("failed");
    }

    return PT_STR_NULL;
}


/* Reads the id of our message, which is sent to WhatsApp and comes back as
 * biz_opaque_callback_data.  Anything else there is from another program. */
static void
pt_wa_status_ours(const pt_json_t *item, pt_wa_status_t *s)
{
    const pt_json_t *v = pt_json_find(item, "biz_opaque_callback_data");

    if (!pt_json_is(v, PT_JSON_STRING) || v->repeated
        || !pt_uuid_parse(v->str, &s->ours))
    {
        memset(&s->ours, 0, sizeof(s->ours));
    }
}


static pt_err_t
pt_wa_status_error(pt_arena_t *a, const pt_json_t *item, pt_str_t *out)
{
    pt_jw_t          w;
    pt_buf_t         b;
    pt_err_t         err;
    pt_str_t         title, detail;
    const pt_json_t *list, *e, *code;

    list = pt_json_find(item, "errors");
    e = pt_json_is(list, PT_JSON_ARRAY) ? list->first : NULL;
    code = pt_json_find(e, "code");

    title = pt_wa_status_text(e, "title");
    if (title.data == NULL) {
        title = pt_wa_status_text(e, "message");
    }
    detail = pt_wa_status_text(pt_json_find(e, "error_data"), "details");
    if (detail.data == NULL) {
        detail = pt_wa_status_text(e, "details");
    }
    if (detail.data == NULL) {
        detail = pt_wa_status_text(e, "message");
    }

    pt_buf_init(&b, a, PT_WA_METADATA_MAX);
    pt_jw_init(&w, &b);
    pt_jw_object(&w);
    pt_jw_key(&w, "code");
    if (pt_json_is(code, PT_JSON_NUMBER) || pt_json_is(code, PT_JSON_STRING)) {
        pt_jw_value(&w, code);
    } else {
        pt_jw_null(&w);
    }
    pt_jw_key(&w, "title");
    pt_jw_str(&w, title);
    pt_jw_key(&w, "detail");
    pt_jw_str(&w, detail);
    pt_jw_object_end(&w);

    err = pt_buf_get(&b, out);
    if (err == PT_ELIMIT) {
        *out = PT_STR("{\"code\":null,\"title\":null,\"detail\":null}");
        err = PT_OK;
    }

    return err;
}


static pt_str_t
pt_wa_status_text(const pt_json_t *obj, const char *key)
{
    pt_str_t s = PT_STR_NULL;

    if (pt_json_find_str(obj, key, &s)) {
        s = pt_utf8_prefix(s, PT_CONTENT_MAX);
    }

    return s;
}
