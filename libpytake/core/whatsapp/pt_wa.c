/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Reads the envelope of a webhook body.  It is walked twice: once to count, and
 * once to fill arrays of that size.  Here it is checked that an item has what
 * it needs; pt_wa_message.c reads what a message says, and pt_wa_status.c a
 * status.
 */

#include "pt_wa_item.h"

#include <assert.h>


static pt_err_t pt_wa_walk(pt_wa_walk_t *wk, const pt_json_t *body);
static pt_err_t pt_wa_change(pt_wa_walk_t *wk, const pt_json_t *change);
static pt_err_t pt_wa_list(pt_wa_walk_t *wk, const pt_json_t *list,
                           pt_wa_kind_t kind);
static uint32_t pt_wa_count(const pt_json_t *value, const char *key);
static void     pt_wa_field_add(pt_wa_counts_t *c, const pt_json_t *field);
static pt_err_t pt_wa_room(pt_wa_walk_t *wk);
static pt_err_t pt_wa_item(pt_wa_walk_t *wk, const pt_json_t *item);
static pt_err_t pt_wa_message(pt_wa_walk_t *wk, const pt_json_t *item);
static pt_err_t pt_wa_messages_fold(pt_arena_t *a, pt_wa_t *wa);
static pt_err_t pt_wa_numbers_fold(pt_arena_t *a, pt_wa_t *wa);
static int      pt_wa_message_cmp(const void *ctx, uint32_t x, uint32_t y);
static int      pt_wa_number_cmp(const void *ctx, uint32_t x, uint32_t y);


pt_err_t
pt_wa_parse(pt_arena_t *a, const pt_json_t *body, pt_wa_t *out)
{
    pt_err_t     err;
    pt_wa_walk_t wk;

    assert(a != NULL && out != NULL);

    memset(out, 0, sizeof(*out));
    memset(&wk, 0, sizeof(wk));
    wk.arena = a;
    wk.out = out;

    err = pt_wa_walk(&wk, body);
    if (err == PT_OK
        && (size_t) out->counts.messages + out->counts.statuses
                   + out->counts.value_errors
               > PT_WEBHOOK_ITEMS_MAX)
    {
        return PT_ELIMIT;
    }
    if (err == PT_OK) {
        err = pt_wa_room(&wk);
    }
    if (err == PT_OK) {
        wk.fill = true;
        err = pt_wa_walk(&wk, body);
    }
    if (err == PT_OK) {
        err = pt_wa_messages_fold(a, out);
    }
    if (err == PT_OK) {
        err = pt_wa_numbers_fold(a, out);
    }

    return err;
}


pt_err_t
pt_wa_path_build(pt_arena_t *a, const pt_wa_place_t *place, pt_str_t *out)
{
    static const char *const lists[] = { "messages", "statuses", "errors" };

    assert((size_t) place->kind < PT_COUNT(lists));

    return pt_arena_fmt(a, out, "entry[%u].changes[%u].value.%s[%u]",
                        place->entry, place->change, lists[place->kind],
                        place->index);
}


bool
pt_wa_fault(pt_wa_walk_t *wk, const char *code, const char *detail)
{
    wk->fault_code = code;
    wk->fault_detail = detail;

    return false;
}


bool
pt_wa_ident_find(pt_wa_walk_t *wk, const pt_json_t *obj, const char *key,
                 const char *detail, pt_str_t *out)
{
    const pt_json_t *v = pt_json_find(obj, key);

    *out = PT_STR_NULL;

    if (v == NULL) {
        return true;
    }
    if (v->repeated) {
        return pt_wa_fault(wk, "duplicate_identifier", detail);
    }
    if (v->type == PT_JSON_NULL) {
        return true;
    }
    if (v->type != PT_JSON_STRING) {
        return pt_wa_fault(wk, "wrong_type", detail);
    }
    if (v->cleaned) {
        return pt_wa_fault(wk, "invalid_identifier", detail);
    }
    if (v->str.len > PT_WA_ID_MAX) {
        return pt_wa_fault(wk, "too_long", detail);
    }
    if (v->str.len != 0) {
        *out = v->str;
    }

    return true;
}


bool
pt_wa_time_get(pt_wa_walk_t *wk, const pt_json_t *obj, int64_t *unix_s)
{
    const pt_json_t *v = pt_json_find(obj, "timestamp");

    if (v != NULL && v->repeated) {
        return pt_wa_fault(wk, "duplicate_identifier", "timestamp");
    }

    if (v == NULL || v->type == PT_JSON_NULL) {
        /* Our own clock must not be used, because the same body must make the
         * same id when it comes again. */
        v = pt_json_find(wk->entry_json, "time");
        if (!pt_wa_seconds(v, unix_s)) {
            *unix_s = 0;
        }
        return true;
    }

    if (!pt_wa_seconds(v, unix_s)) {
        return pt_wa_fault(wk, "invalid_timestamp", "timestamp");
    }

    return true;
}


bool
pt_wa_seconds(const pt_json_t *v, int64_t *unix_s)
{
    return (pt_json_is(v, PT_JSON_STRING) || pt_json_is(v, PT_JSON_NUMBER))
           && pt_i64_parse(v->str, unix_s) && *unix_s >= 0
           && *unix_s <= PT_WA_SECONDS_MAX;
}


void
pt_wa_error_put(pt_wa_walk_t *wk, const pt_json_t *item, const char *code,
                const char *detail, bool fatal)
{
    pt_wa_error_t *e = &wk->out->errors[wk->out->nerrors++];

    e->place = wk->place;
    e->json = item;
    e->number = wk->number;
    e->code = code;
    e->detail = detail;
    e->fatal = fatal;

    if (fatal) {
        wk->out->counts.item_errors++;
    }
}


void
pt_wa_altered(pt_wa_walk_t *wk, const pt_json_t *item, bool cut)
{
    if (cut) {
        pt_wa_error_put(wk, item, "too_large", "cut to its limit", false);

    } else if (item->cleaned) {
        pt_wa_error_put(wk, item, "cleaned",
                        "U+0000 or a lone surrogate became U+FFFD, or a long "
                        "number a string",
                        false);

    } else if (item->duplicates) {
        pt_wa_error_put(wk, item, "duplicate_keys",
                        "of a repeated key the last value was taken", false);
    }
}


static pt_err_t
pt_wa_walk(pt_wa_walk_t *wk, const pt_json_t *body)
{
    pt_err_t         err;
    const pt_json_t *entries, *changes, *e, *c;

    entries = pt_json_find(body, "entry");
    if (!pt_json_is(entries, PT_JSON_ARRAY)) {
        return PT_OK;
    }

    wk->place.entry = 0;

    for (e = entries->first; e != NULL; e = e->next, wk->place.entry++) {
        wk->entry_json = e;
        wk->place.change = 0;

        changes = pt_json_find(e, "changes");
        if (!pt_json_is(changes, PT_JSON_ARRAY)) {
            continue;
        }

        for (c = changes->first; c != NULL; c = c->next, wk->place.change++) {
            err = pt_wa_change(wk, c);
            if (err != PT_OK) {
                return err;
            }
        }
    }

    wk->out->counts.entries = entries->count;

    return PT_OK;
}


static pt_err_t
pt_wa_change(pt_wa_walk_t *wk, const pt_json_t *change)
{
    pt_err_t         err;
    pt_wa_counts_t  *n = &wk->out->counts;
    const pt_json_t *field, *value, *meta;

    field = pt_json_find(change, "field");
    value = pt_json_find(change, "value");

    if (!wk->fill) {
        wk->changes++;
        pt_wa_field_add(n, field);
        n->echoes += pt_wa_count(value, "message_echoes");
        n->calls += pt_wa_count(value, "calls");
    }

    wk->fault_code = NULL;
    meta = pt_json_find(value, "metadata");
    (void) pt_wa_ident_find(wk, meta, "phone_number_id", "", &wk->number);

    if (wk->fill && wk->number.data != NULL) {
        wk->out->numbers[wk->out->nnumbers++] = wk->number;
    }

    /* Changes of other fields are kept as bytes only.  A change without a field
     * is known by its shape. */
    if (pt_json_is(field, PT_JSON_STRING) && !pt_str_is(field->str, "messages"))
    {
        return PT_OK;
    }

    wk->contacts = pt_json_find(value, "contacts");
    wk->known = NULL;

    err = pt_wa_list(wk, pt_json_find(value, "messages"), PT_WA_MESSAGE);
    if (err == PT_OK) {
        err = pt_wa_list(wk, pt_json_find(value, "statuses"), PT_WA_STATUS);
    }
    if (err == PT_OK) {
        err = pt_wa_list(wk, pt_json_find(value, "errors"), PT_WA_CHANNEL);
    }

    return err;
}


static pt_err_t
pt_wa_list(pt_wa_walk_t *wk, const pt_json_t *list, pt_wa_kind_t kind)
{
    pt_err_t         err;
    pt_wa_counts_t  *n = &wk->out->counts;
    const pt_json_t *item;

    if (!pt_json_is(list, PT_JSON_ARRAY)) {
        return PT_OK;
    }

    if (!wk->fill) {
        switch (kind) {
        case PT_WA_MESSAGE:
            n->messages += list->count;
            break;
        case PT_WA_STATUS:
            n->statuses += list->count;
            break;
        case PT_WA_CHANNEL:
            n->value_errors += list->count;
            break;
        }
        return PT_OK;
    }

    wk->place.kind = kind;
    wk->place.index = 0;

    for (item = list->first; item != NULL; item = item->next) {
        err = pt_wa_item(wk, item);
        if (err != PT_OK) {
            return err;
        }
        wk->place.index++;
    }

    return PT_OK;
}


static uint32_t
pt_wa_count(const pt_json_t *value, const char *key)
{
    const pt_json_t *v = pt_json_find(value, key);

    return pt_json_is(v, PT_JSON_ARRAY) ? v->count : 0;
}


static void
pt_wa_field_add(pt_wa_counts_t *c, const pt_json_t *field)
{
    uint32_t i;
    pt_str_t s = PT_STR_NULL;

    if (pt_json_is(field, PT_JSON_STRING)) {
        s = field->str;
    }

    for (i = 0; i < c->nfields; i++) {
        if (pt_wa_str_cmp(c->fields[i], s) == 0) {
            return;
        }
    }

    if (c->nfields < PT_WA_FIELDS_MAX) {
        c->fields[c->nfields++] = s;
    }
}


static pt_err_t
pt_wa_room(pt_wa_walk_t *wk)
{
    pt_wa_t        *wa = wk->out;
    pt_wa_counts_t *n = &wa->counts;
    size_t          items;

    items = (size_t) n->messages + n->statuses + n->value_errors;

    wa->messages =
        pt_arena_calloc(wk->arena, n->messages, sizeof(pt_wa_message_t));
    wa->statuses =
        pt_arena_calloc(wk->arena, n->statuses, sizeof(pt_wa_status_t));
    wa->errors = pt_arena_calloc(wk->arena, items, sizeof(pt_wa_error_t));
    wa->numbers = pt_arena_calloc(wk->arena, wk->changes, sizeof(pt_str_t));

    if (wa->messages == NULL || wa->statuses == NULL || wa->errors == NULL
        || wa->numbers == NULL)
    {
        return PT_ENOMEM;
    }

    return PT_OK;
}


static pt_err_t
pt_wa_item(pt_wa_walk_t *wk, const pt_json_t *item)
{
    pt_err_t err;

    if (wk->place.kind == PT_WA_CHANNEL) {
        /* This is what WhatsApp says of the number, and not of a message. */
        pt_wa_error_put(wk, item, "channel_error", "", false);
        return PT_OK;
    }

    wk->fault_code = NULL;

    if (item->type != PT_JSON_OBJECT) {
        (void) pt_wa_fault(wk, "wrong_type", "the item is not an object");
        err = PT_OK;

    } else if (wk->place.kind == PT_WA_MESSAGE) {
        err = pt_wa_message(wk, item);

    } else {
        err = pt_wa_status_parse(wk, item);
    }

    if (err == PT_OK && wk->fault_code != NULL) {
        pt_wa_error_put(wk, item, wk->fault_code, wk->fault_detail, true);
    }

    return err;
}


static pt_err_t
pt_wa_message(pt_wa_walk_t *wk, const pt_json_t *item)
{
    bool             cut;
    int64_t          unix_s;
    pt_err_t         err;
    const char      *detail;
    pt_wa_message_t *m = &wk->out->messages[wk->out->nmessages];
    const pt_json_t *type = pt_json_find(item, "type");

    if (!pt_wa_ident_find(wk, item, "id", "id", &m->wamid)
        || !pt_wa_time_get(wk, item, &unix_s))
    {
        return PT_OK;
    }

    err = pt_wa_sender_get(wk, item, &m->sender);
    if (err != PT_OK || wk->fault_code != NULL) {
        return err;
    }

    if (m->wamid.data == NULL) {
        (void) pt_wa_fault(wk, "missing", "id");
        return PT_OK;
    }
    if (type != NULL && (type->repeated || type->type != PT_JSON_STRING)) {
        (void) pt_wa_fault(
            wk, type->repeated ? "duplicate_identifier" : "wrong_type", "type");
        return PT_OK;
    }

    m->place = wk->place;
    m->json = item;
    m->number = wk->number;

    err = pt_wa_message_parse(wk->arena, m, &detail, &cut);
    if (err != PT_OK) {
        return err;
    }
    if (detail != NULL) {
        (void) pt_wa_fault(wk, "wrong_type", detail);
        return PT_OK;
    }

    err = pt_uuid_derive(unix_s, m->number, m->wamid, &m->id);
    if (err != PT_OK) {
        return err;
    }

    m->at_us = pt_uuid_time_us(&m->id);
    wk->out->nmessages++;
    pt_wa_altered(wk, item, cut);

    return PT_OK;
}


/* Drops repeated messages: one body may have the same message twice, and the
 * first one stays. */
static pt_err_t
pt_wa_messages_fold(pt_arena_t *a, pt_wa_t *wa)
{
    size_t           i, n;
    uint32_t        *idx;
    pt_wa_message_t *m = wa->messages;

    idx = pt_arena_calloc(a, wa->nmessages, sizeof(uint32_t));
    if (idx == NULL) {
        return PT_ENOMEM;
    }

    for (i = 0; i < wa->nmessages; i++) {
        idx[i] = (uint32_t) i;
    }

    pt_wa_sort(idx, wa->nmessages, pt_wa_message_cmp, m);

    for (i = 1; i < wa->nmessages; i++) {
        if (pt_uuid_eq(&m[idx[i]].id, &m[idx[i - 1]].id)) {
            m[idx[i]].json = NULL;
        }
    }

    for (i = 0, n = 0; i < wa->nmessages; i++) {
        if (m[i].json != NULL) {
            m[n++] = m[i];
        }
    }
    wa->nmessages = n;

    return PT_OK;
}


static pt_err_t
pt_wa_numbers_fold(pt_arena_t *a, pt_wa_t *wa)
{
    size_t    i, n;
    uint32_t *idx;
    pt_str_t *sorted;

    idx = pt_arena_calloc(a, wa->nnumbers, sizeof(uint32_t));
    sorted = pt_arena_calloc(a, wa->nnumbers, sizeof(pt_str_t));
    if (idx == NULL || sorted == NULL) {
        return PT_ENOMEM;
    }

    for (i = 0; i < wa->nnumbers; i++) {
        idx[i] = (uint32_t) i;
    }

    pt_wa_sort(idx, wa->nnumbers, pt_wa_number_cmp, wa->numbers);

    for (i = 0, n = 0; i < wa->nnumbers; i++) {
        if (n == 0 || !pt_str_eq(sorted[n - 1], wa->numbers[idx[i]])) {
            sorted[n++] = wa->numbers[idx[i]];
        }
    }

    wa->numbers = sorted;
    wa->nnumbers = n;

    return PT_OK;
}


static int
pt_wa_message_cmp(const void *ctx, uint32_t x, uint32_t y)
{
    int                    n;
    const pt_wa_message_t *m = ctx;

    n = memcmp(m[x].id.b, m[y].id.b, sizeof(m[x].id.b));

    return n != 0 ? n : (x > y) - (x < y);
}


static int
pt_wa_number_cmp(const void *ctx, uint32_t x, uint32_t y)
{
    const pt_str_t *numbers = ctx;

    return pt_wa_str_cmp(numbers[x], numbers[y]);
}
