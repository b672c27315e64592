/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Builds the statements of one transaction.  Their parameters are parallel
 * arrays, so that a body of a thousand items takes a handful of statements.
 */

#include "pt_webhook_parts.h"
#include "core/inbox/pt_event.h"

#include <assert.h>


/* The parameters of ingest_statuses. */
typedef struct {
    size_t     n;
    pt_str_t  *texts; /* six arrays of n, one behind another */
    pt_uuid_t *ours;
    pt_uuid_t *events;
    int64_t   *times;
} pt_webhook_status_t;


static pt_err_t pt_webhook_raw_add(pytake_op_t *op, const pt_webhook_t *wh);
static pt_err_t pt_webhook_statuses_add(pytake_op_t *op, pt_webhook_t *wh);
static pt_err_t pt_webhook_status(pytake_op_t *op, const pt_wa_status_t *s,
                                  pt_webhook_status_t *c, size_t i);
static pt_err_t pt_webhook_errors_add(pytake_op_t *op, pt_webhook_t *wh);
static pt_err_t pt_webhook_aside_add(pytake_op_t *op, pt_webhook_t *wh);
static pt_err_t pt_webhook_error_rows(pytake_op_t *op, pt_webhook_t *wh,
                                      const pt_wa_error_t *const *errors,
                                      size_t                      n);
static pt_err_t pt_webhook_error_row(pytake_op_t *op, pt_webhook_t *wh,
                                     const pt_wa_error_t *e, pt_str_t *hash,
                                     pt_str_t *path, pt_str_t *item);
static pt_err_t pt_webhook_error_hash(pytake_op_t *op, pt_webhook_t *wh,
                                      const pt_wa_error_t *e, pt_str_t path,
                                      pt_str_t item, uint8_t digest[32]);
static pt_str_t pt_webhook_lit(const char *s);


pt_err_t
pt_webhook_batch(pytake_op_t *op, pt_webhook_t *wh)
{
    pt_err_t err = PT_OK;

    if (!wh->raw_done) {
        err = pt_webhook_raw_add(op, wh);
        if (err != PT_OK) {
            return err;
        }
    }

    switch (wh->job.type) {

    case PT_WEBHOOK_RAW:
        break;

    case PT_WEBHOOK_MESSAGES:
        err = pt_webhook_messages_add(op, wh);
        break;

    case PT_WEBHOOK_STATUSES:
        err = pt_webhook_statuses_add(op, wh);
        break;

    case PT_WEBHOOK_ERRORS:
        err = pt_webhook_errors_add(op, wh);
        break;

    case PT_WEBHOOK_ASIDE:
        err = pt_webhook_aside_add(op, wh);
        break;
    }

    return err;
}


static pt_err_t
pt_webhook_raw_add(pytake_op_t *op, const pt_webhook_t *wh)
{
    pt_err_t err;
    pt_str_t summary;

    err = pt_webhook_summary(op->arena, wh, &summary);
    if (err != PT_OK) {
        return err;
    }

    PT_SQL(&op->batch, raw_add, .id = &wh->raw_id, .received_at = wh->raw_at_us,
           .request_id = op->request_id, .body = op->req->body,
           .summary = summary);

    return PT_OK;
}


static pt_err_t
pt_webhook_statuses_add(pytake_op_t *op, pt_webhook_t *wh)
{
    size_t              i, n = wh->job.to - wh->job.from;
    pt_err_t            err;
    const uint32_t     *list;
    pt_webhook_status_t c;

    list = wh->tenants[wh->job.tenant].statuses + wh->job.from;

    c.texts = pt_arena_calloc(op->arena, n, 6 * sizeof(pt_str_t));
    c.ours = pt_arena_calloc(op->arena, n, 2 * sizeof(pt_uuid_t));
    c.times = pt_arena_calloc(op->arena, n, sizeof(int64_t));
    if (c.texts == NULL || c.ours == NULL || c.times == NULL) {
        return PT_ENOMEM;
    }
    c.n = n;
    c.events = c.ours + n;

    for (i = 0; i < n; i++) {
        err = pt_webhook_status(op, &wh->wa.statuses[list[i]], &c, i);
        if (err != PT_OK) {
            return err;
        }
    }

    PT_SQL(&op->batch, ingest_statuses, .wamids = { c.texts, n },
           .ours = { c.ours, n }, .statuses = { c.texts + n, n },
           .at = { c.times, n }, .raw = { c.texts + 2 * n, n },
           .moves = { c.texts + 3 * n, n }, .errors = { c.texts + 4 * n, n },
           .frames = { c.texts + 5 * n, n }, .event_ids = { c.events, n },
           .now = pt_envelope_time(op->now_us));

    return PT_OK;
}


static pt_err_t
pt_webhook_status(pytake_op_t *op, const pt_wa_status_t *s,
                  pt_webhook_status_t *c, size_t i)
{
    pt_err_t err;

    c->texts[i] = s->wamid;
    c->texts[c->n + i] = s->said;
    c->texts[2 * c->n + i] = s->raw;
    c->texts[3 * c->n + i] = s->moves;
    c->texts[4 * c->n + i] = s->error;
    c->ours[i] = s->ours;
    c->times[i] = s->at_us;

    err = pt_rand_uuid(&op->rand, pt_envelope_time(op->now_us), &c->events[i]);
    if (err != PT_OK || s->moves.data == NULL) {
        return err;
    }

    return pt_event_status(op->arena, &c->events[i], s->wamid, s->moves,
                           s->error, &c->texts[5 * c->n + i]);
}


static pt_err_t
pt_webhook_errors_add(pytake_op_t *op, pt_webhook_t *wh)
{
    size_t                i, n = wh->job.to - wh->job.from;
    const uint32_t       *list;
    const pt_wa_error_t **errors;

    list = wh->tenants[wh->job.tenant].errors + wh->job.from;

    errors = pt_arena_calloc(op->arena, n, sizeof(errors[0]));
    if (errors == NULL) {
        return PT_ENOMEM;
    }
    for (i = 0; i < n; i++) {
        errors[i] = &wh->wa.errors[list[i]];
    }

    return pt_webhook_error_rows(op, wh, errors, n);
}


static pt_err_t
pt_webhook_aside_add(pytake_op_t *op, pt_webhook_t *wh)
{
    uint32_t               item;
    pt_wa_error_t          e;
    const pt_wa_error_t   *one = &e;
    const pt_wa_status_t  *s;
    const pt_wa_message_t *m;

    memset(&e, 0, sizeof(e));
    e.code = "database";
    e.detail = wh->aside_state;
    e.fatal = true;

    if (wh->aside == PT_WEBHOOK_MESSAGES) {
        item = wh->tenants[wh->job.tenant].messages[wh->job.from];
        m = &wh->wa.messages[item];
        e.place = m->place;
        e.json = m->json;

    } else {
        assert(wh->aside == PT_WEBHOOK_STATUSES);
        item = wh->tenants[wh->job.tenant].statuses[wh->job.from];
        s = &wh->wa.statuses[item];
        e.place = s->place;
        e.json = s->json;
    }

    return pt_webhook_error_rows(op, wh, &one, 1);
}


static pt_err_t
pt_webhook_error_rows(pytake_op_t *op, pt_webhook_t *wh,
                      const pt_wa_error_t *const *errors, size_t n)
{
    size_t    i, k;
    pt_err_t  err;
    pt_str_t *cols[5];

    cols[0] = pt_arena_calloc(op->arena, n, sizeof(pt_str_t) * PT_COUNT(cols));
    if (cols[0] == NULL) {
        return PT_ENOMEM;
    }
    for (k = 1; k < PT_COUNT(cols); k++) {
        cols[k] = cols[0] + k * n;
    }

    for (i = 0; i < n; i++) {
        cols[2][i] = pt_webhook_lit(errors[i]->code);
        cols[3][i] = pt_webhook_lit(errors[i]->detail);
        err = pt_webhook_error_row(op, wh, errors[i], &cols[0][i], &cols[1][i],
                                   &cols[4][i]);
        if (err != PT_OK) {
            return err;
        }
    }

    PT_SQL(&op->batch, webhook_error_add, .hashes = { cols[0], n },
           .paths = { cols[1], n }, .codes = { cols[2], n },
           .details = { cols[3], n }, .items = { cols[4], n },
           .raw_id = &wh->raw_id, .received_at = wh->raw_at_us);

    return PT_OK;
}


static pt_err_t
pt_webhook_error_row(pytake_op_t *op, pt_webhook_t *wh, const pt_wa_error_t *e,
                     pt_str_t *hash, pt_str_t *path, pt_str_t *item)
{
    char    *hex;
    pt_jw_t  w;
    pt_buf_t b;
    uint8_t  digest[32];
    pt_err_t err;

    pt_buf_init(&b, op->arena, SIZE_MAX);
    pt_jw_init(&w, &b);
    pt_jw_value(&w, e->json);
    err = pt_buf_get(&b, item);
    if (err == PT_OK) {
        err = pt_wa_path_build(op->arena, &e->place, path);
    }
    if (err == PT_OK) {
        err = pt_webhook_error_hash(op, wh, e, *path, *item, digest);
    }
    if (err != PT_OK) {
        return err;
    }

    hex = pt_arena_alloc(op->arena, 2 * sizeof(digest));
    if (hex == NULL) {
        return PT_ENOMEM;
    }
    pt_hex_build(digest, sizeof(digest), hex);
    *hash = (pt_str_t){ hex, 2 * sizeof(digest) };

    return PT_OK;
}


/*
 * Computes the hash by which an error is kept once, even if the body comes
 * again.  An item has an id, and what is wrong with it is so wherever it
 * stands; what WhatsApp says of a number has neither id nor time, and is known
 * by the body that said it.
 */
static pt_err_t
pt_webhook_error_hash(pytake_op_t *op, pt_webhook_t *wh, const pt_wa_error_t *e,
                      pt_str_t path, pt_str_t item, uint8_t digest[32])
{
    pt_buf_t b;
    pt_err_t err;
    pt_str_t hash;

    if (e->place.kind != PT_WA_CHANNEL) {
        return pt_hash_sha256(item.data, item.len, digest);
    }

    if (!wh->hashed) {
        err = pt_hash_sha256(op->req->body.data, op->req->body.len, wh->hash);
        if (err != PT_OK) {
            return err;
        }
        wh->hashed = true;
    }

    pt_buf_init(&b, op->arena, SIZE_MAX);
    pt_buf_add(&b, (const char *) wh->hash, sizeof(wh->hash));
    pt_buf_str_add(&b, path);
    pt_buf_char(&b, ' ');
    pt_buf_str_add(&b, e->number);
    err = pt_buf_get(&b, &hash);
    if (err != PT_OK) {
        return err;
    }

    return pt_hash_sha256(hash.data, hash.len, digest);
}


static pt_str_t
pt_webhook_lit(const char *s)
{
    return (pt_str_t){ s, strlen(s) };
}
