/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Stores the messages of one transaction by one statement, whose parameters are
 * parallel arrays.
 */

#include "pt_webhook_parts.h"
#include "core/inbox/pt_event.h"

#include <assert.h>


/* The parameters of ingest_messages.  A thread is a sender and a number. */
typedef struct {
    size_t     nthreads;
    pt_str_t  *phones;
    pt_str_t  *bsuids;
    pt_str_t  *names;
    pt_str_t  *wa_ids;
    pt_str_t  *usernames;
    pt_uuid_t *contacts; /* ids for contacts that must be created */
    pt_uuid_t *configs;
    pt_uuid_t *convs; /* ids for conversations that must be opened */

    size_t     n;
    pt_uuid_t *ids;
    int32_t   *threads;
    int64_t   *times;
    pt_str_t  *types;
    pt_str_t  *contents;
    pt_str_t  *previews;
    pt_str_t  *wamids;
    pt_str_t  *metadata;
    pt_str_t  *quoted;
    pt_str_t  *templates;
    pt_uuid_t *events;
} pt_webhook_cols_t;


static pt_err_t pt_webhook_cols(pt_arena_t *a, size_t n, pt_webhook_cols_t *c);
static pt_err_t pt_webhook_threads(pytake_op_t *op, const pt_webhook_t *wh,
                                   const uint32_t *list, pt_webhook_cols_t *c);
static int      pt_webhook_thread_cmp(const void *ctx, uint32_t x, uint32_t y);
static int      pt_webhook_sender_cmp(const pt_wa_message_t *x,
                                      const pt_wa_message_t *y);
static pt_err_t pt_webhook_thread_add(pytake_op_t *op, const pt_webhook_t *wh,
                                      const pt_wa_message_t *m,
                                      pt_webhook_cols_t     *c);
static pt_err_t pt_webhook_message(pytake_op_t *op, const pt_wa_message_t *m,
                                   pt_webhook_cols_t *c, size_t i);
static void     pt_webhook_params(pytake_op_t *op, const pt_webhook_cols_t *c);
static pt_err_t pt_webhook_link_add(pytake_op_t *op, const pt_webhook_t *wh,
                                    const uint32_t *list, size_t n);
static pt_err_t pt_webhook_template(pytake_op_t *op, const pt_wa_message_t *m,
                                    const pt_uuid_t *event, pt_str_t *out);


pt_err_t
pt_webhook_messages_add(pytake_op_t *op, pt_webhook_t *wh)
{
    size_t            i, n = wh->job.to - wh->job.from;
    pt_err_t          err;
    const uint32_t   *list;
    pt_webhook_cols_t c;

    list = wh->tenants[wh->job.tenant].messages + wh->job.from;

    err = pt_webhook_cols(op->arena, n, &c);
    if (err == PT_OK) {
        err = pt_webhook_threads(op, wh, list, &c);
    }
    for (i = 0; err == PT_OK && i < n; i++) {
        err = pt_webhook_message(op, &wh->wa.messages[list[i]], &c, i);
    }
    if (err == PT_OK) {
        err = pt_webhook_link_add(op, wh, list, n);
    }
    if (err == PT_OK) {
        pt_webhook_params(op, &c);
    }

    return err;
}


static pt_err_t
pt_webhook_cols(pt_arena_t *a, size_t n, pt_webhook_cols_t *c)
{
    size_t     i;
    pt_str_t  *texts;
    pt_uuid_t *uuids;

    pt_str_t **const text_cols[] = {
        &c->phones,    &c->bsuids,   &c->names,    &c->wa_ids,
        &c->usernames, &c->types,    &c->contents, &c->previews,
        &c->wamids,    &c->metadata, &c->quoted,   &c->templates
    };
    pt_uuid_t **const uuid_cols[] = { &c->contacts, &c->configs, &c->convs,
                                      &c->ids, &c->events };

    texts = pt_arena_calloc(a, n, PT_COUNT(text_cols) * sizeof(pt_str_t));
    uuids = pt_arena_calloc(a, n, PT_COUNT(uuid_cols) * sizeof(pt_uuid_t));
    c->threads = pt_arena_calloc(a, n, sizeof(int32_t));
    c->times = pt_arena_calloc(a, n, sizeof(int64_t));

    if (texts == NULL || uuids == NULL || c->threads == NULL
        || c->times == NULL) {
        return PT_ENOMEM;
    }

    for (i = 0; i < PT_COUNT(text_cols); i++) {
        *text_cols[i] = texts + i * n;
    }
    for (i = 0; i < PT_COUNT(uuid_cols); i++) {
        *uuid_cols[i] = uuids + i * n;
    }

    c->n = n;
    c->nthreads = 0;

    return PT_OK;
}


/* Collects the threads, distinct and sorted, so that two bodies with the same
 * senders in opposite order take their locks in one order.  Of two names of a
 * sender the later one stays. */
static pt_err_t
pt_webhook_threads(pytake_op_t *op, const pt_webhook_t *wh,
                   const uint32_t *list, pt_webhook_cols_t *c)
{
    size_t                 i;
    pt_err_t               err;
    uint32_t              *idx;
    const pt_wa_message_t *m, *last = NULL;

    struct {
        const pt_wa_message_t *messages;
        const uint32_t        *list;
    } ctx = { wh->wa.messages, list };

    idx = pt_arena_calloc(op->arena, c->n, sizeof(uint32_t));
    if (idx == NULL) {
        return PT_ENOMEM;
    }
    for (i = 0; i < c->n; i++) {
        idx[i] = (uint32_t) i;
    }

    pt_wa_sort(idx, c->n, pt_webhook_thread_cmp, &ctx);

    for (i = 0; i < c->n; i++) {
        m = &wh->wa.messages[list[idx[i]]];

        if (last == NULL || pt_webhook_sender_cmp(last, m) != 0) {
            err = pt_webhook_thread_add(op, wh, m, c);
            if (err != PT_OK) {
                return err;
            }
        }
        if (m->sender.name.data != NULL) {
            c->names[c->nthreads - 1] = m->sender.name;
        }
        if (m->sender.wa_id.data != NULL) {
            c->wa_ids[c->nthreads - 1] = m->sender.wa_id;
        }
        if (m->sender.username.data != NULL) {
            c->usernames[c->nthreads - 1] = m->sender.username;
        }

        c->threads[idx[i]] = (int32_t) c->nthreads;
        last = m;
    }

    return PT_OK;
}


static int
pt_webhook_thread_cmp(const void *ctx, uint32_t x, uint32_t y)
{
    int n;

    const struct {
        const pt_wa_message_t *messages;
        const uint32_t        *list;
    } *c = ctx;

    n = pt_webhook_sender_cmp(&c->messages[c->list[x]],
                              &c->messages[c->list[y]]);

    return n != 0 ? n : (x > y) - (x < y);
}


static int
pt_webhook_sender_cmp(const pt_wa_message_t *x, const pt_wa_message_t *y)
{
    int n;

    n = pt_wa_str_cmp(x->sender.phone, y->sender.phone);
    if (n == 0) {
        n = pt_wa_str_cmp(x->sender.bsuid, y->sender.bsuid);
    }
    if (n == 0) {
        n = pt_wa_str_cmp(x->number, y->number);
    }

    return n;
}


static pt_err_t
pt_webhook_thread_add(pytake_op_t *op, const pt_webhook_t *wh,
                      const pt_wa_message_t *m, pt_webhook_cols_t *c)
{
    size_t                     k = c->nthreads++;
    int64_t                    now = pt_envelope_time(op->now_us);
    pt_err_t                   err;
    const pt_webhook_number_t *number;

    number = pt_webhook_number_find(wh, m->number);
    assert(number != NULL && k < c->n);

    c->phones[k] = m->sender.phone;
    c->bsuids[k] = m->sender.bsuid;
    c->configs[k] = number->config;

    err = pt_rand_uuid(&op->rand, now, &c->contacts[k]);
    if (err == PT_OK) {
        err = pt_rand_uuid(&op->rand, now, &c->convs[k]);
    }

    return err;
}


static pt_err_t
pt_webhook_message(pytake_op_t *op, const pt_wa_message_t *m,
                   pt_webhook_cols_t *c, size_t i)
{
    pt_err_t err;

    c->ids[i] = m->id;
    c->times[i] = m->at_us;
    c->types[i] = m->type;
    c->contents[i] = m->content;
    c->previews[i] = m->preview;
    c->wamids[i] = m->wamid;
    c->metadata[i] = m->metadata;
    c->quoted[i] = m->quoted;

    err = pt_rand_uuid(&op->rand, pt_envelope_time(op->now_us), &c->events[i]);
    if (err != PT_OK) {
        return err;
    }

    return pt_webhook_template(op, m, &c->events[i], &c->templates[i]);
}


static void
pt_webhook_params(pytake_op_t *op, const pt_webhook_cols_t *c)
{
    PT_SQL(&op->batch, ingest_messages, .phones = { c->phones, c->nthreads },
           .bsuids = { c->bsuids, c->nthreads },
           .names = { c->names, c->nthreads },
           .wa_ids = { c->wa_ids, c->nthreads },
           .usernames = { c->usernames, c->nthreads },
           .contact_ids = { c->contacts, c->nthreads },
           .config_ids = { c->configs, c->nthreads },
           .conversation_ids = { c->convs, c->nthreads },
           .ids = { c->ids, c->n }, .threads = { c->threads, c->n },
           .created_at = { c->times, c->n }, .types = { c->types, c->n },
           .contents = { c->contents, c->n }, .previews = { c->previews, c->n },
           .wamids = { c->wamids, c->n }, .metadata = { c->metadata, c->n },
           .quoted = { c->quoted, c->n }, .frames = { c->templates, c->n },
           .event_ids = { c->events, c->n },
           .now = pt_envelope_time(op->now_us));
}


/* Adds the statement for notices that somebody has another number or id, if
 * there are any.  It stands before the messages, which may come from the new
 * one already. */
static pt_err_t
pt_webhook_link_add(pytake_op_t *op, const pt_webhook_t *wh,
                    const uint32_t *list, size_t n)
{
    size_t                i, k, count = 0;
    pt_err_t              err;
    pt_str_t             *cols;
    pt_uuid_t            *ids, *said;
    const pt_wa_sender_t *s;

    for (i = 0; i < n; i++) {
        s = &wh->wa.messages[list[i]].sender;
        count += s->next_phone.data != NULL || s->next_bsuid.data != NULL;
    }
    if (count == 0) {
        return PT_OK;
    }

    cols = pt_arena_calloc(op->arena, count, 7 * sizeof(pt_str_t));
    ids = pt_arena_calloc(op->arena, count, 2 * sizeof(pt_uuid_t));
    if (cols == NULL || ids == NULL) {
        return PT_ENOMEM;
    }
    said = ids + count;

    for (i = 0, k = 0; i < n; i++) {
        s = &wh->wa.messages[list[i]].sender;
        if (s->next_phone.data == NULL && s->next_bsuid.data == NULL) {
            continue;
        }

        cols[k] = s->phone;
        cols[count + k] = s->bsuid;
        cols[2 * count + k] = s->name;
        cols[3 * count + k] = s->wa_id;
        cols[4 * count + k] = s->username;
        cols[5 * count + k] = s->next_phone;
        cols[6 * count + k] = s->next_bsuid;
        said[k] = wh->wa.messages[list[i]].id;

        err = pt_rand_uuid(&op->rand, pt_envelope_time(op->now_us), &ids[k]);
        if (err != PT_OK) {
            return err;
        }
        k++;
    }

    PT_SQL(
        &op->batch, contacts_link, .phones = { cols, count },
        .bsuids = { cols + count, count }, .names = { cols + 2 * count, count },
        .wa_ids = { cols + 3 * count, count },
        .usernames = { cols + 4 * count, count }, .contact_ids = { ids, count },
        .new_phones = { cols + 5 * count, count },
        .new_bsuids = { cols + 6 * count, count },
        .message_ids = { said, count });

    return PT_OK;
}


static pt_err_t
pt_webhook_template(pytake_op_t *op, const pt_wa_message_t *m,
                    const pt_uuid_t *event, pt_str_t *out)
{
    pt_msg_t v;

    memset(&v, 0, sizeof(v));
    v.id = m->id;
    v.sender_type = PT_STR("contact");
    v.content = m->content;
    v.message_type = m->type;
    v.whatsapp_message_id = m->wamid;
    v.status = PT_STR("delivered");
    v.reply_to_mark = m->quoted.data != NULL;
    v.metadata = m->metadata;
    v.created_at_us = m->at_us;
    v.received_at_us = pt_uuid_time_us(event);

    return pt_event_message(op->arena, "message_received", event, &v, out);
}
