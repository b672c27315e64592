/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* Decides which items belong to which tenant, and makes the transactions that
 * store them. */

#include "pt_webhook_parts.h"

#include <assert.h>

/* Places on the stack beside one job for each chunk: as many as halving and
 * single errors need at most. */
#define PT_WEBHOOK_JOBS_SPARE 32u


static pt_err_t pt_webhook_numbers(pytake_op_t *op, pt_webhook_t *wh,
                                   const pytake_rows_t *rows);
static pt_err_t pt_webhook_tenants(pt_arena_t *a, pt_webhook_t *wh,
                                   const pytake_rows_t *rows);
static pt_webhook_number_t *pt_webhook_number_get(const pt_webhook_t *wh,
                                                  pt_str_t            number);
static pt_webhook_tenant_t *pt_webhook_tenant_find(pt_webhook_t *wh,
                                                   pt_str_t      number);
static pt_err_t             pt_webhook_items(pt_arena_t *a, pt_webhook_t *wh);
static void                 pt_webhook_put(pt_webhook_t *wh, bool fill);
static pt_err_t             pt_webhook_jobs(pt_arena_t *a, pt_webhook_t *wh);
static pt_err_t pt_webhook_chunks(pt_webhook_t *wh, pt_webhook_job_type_t t,
                                  uint32_t tenant, size_t n);


pt_err_t
pt_webhook_route(pytake_op_t *op, pt_webhook_t *wh, const pytake_rows_t *rows)
{
    pt_err_t err;

    err = pt_webhook_numbers(op, wh, rows);
    if (err == PT_OK) {
        err = pt_webhook_items(op->arena, wh);
    }
    if (err == PT_OK) {
        err = pt_webhook_jobs(op->arena, wh);
    }

    return err;
}


pt_err_t
pt_webhook_job_add(pt_webhook_t *wh, pt_webhook_job_type_t type,
                   uint32_t tenant, size_t from, size_t to)
{
    if (wh->njobs == wh->jobs_cap) {
        return PT_EINTERNAL;
    }

    wh->jobs[wh->njobs++] =
        (pt_webhook_job_t){ type, tenant, (uint32_t) from, (uint32_t) to };

    return PT_OK;
}


pt_err_t
pt_webhook_split(pytake_op_t *op, pt_webhook_t *wh)
{
    pt_webhook_job_t j = wh->job;

    assert(j.type == PT_WEBHOOK_RAW || j.from < j.to);

    if (j.type == PT_WEBHOOK_RAW || j.type == PT_WEBHOOK_ASIDE
        || (j.type == PT_WEBHOOK_ERRORS && j.to - j.from == 1))
    {
        return PT_EDBAWAY;
    }

    if (j.to - j.from == 1) {
        wh->aside = j.type;
        memcpy(wh->aside_state, op->result->sqlstate, 5);
        return pt_webhook_job_add(wh, PT_WEBHOOK_ASIDE, j.tenant, j.from, j.to);
    }

    return pt_webhook_halve(wh);
}


pt_err_t
pt_webhook_halve(pt_webhook_t *wh)
{
    uint32_t         half;
    pt_err_t         err;
    pt_webhook_job_t j = wh->job;

    if (j.to - j.from <= 1) {
        return PT_ELIMIT;
    }

    half = j.from + (j.to - j.from) / 2;

    /* The first half is put last, because a stack gives back the last one
     * first. */
    err = pt_webhook_job_add(wh, j.type, j.tenant, half, j.to);
    if (err == PT_OK) {
        err = pt_webhook_job_add(wh, j.type, j.tenant, j.from, half);
    }

    return err;
}


const pt_webhook_number_t *
pt_webhook_number_find(const pt_webhook_t *wh, pt_str_t number)
{
    const pt_webhook_number_t *n = pt_webhook_number_get(wh, number);

    return n != NULL && n->known ? n : NULL;
}


/* Finds the place of a number, whether or not it belongs to a tenant. */
static pt_webhook_number_t *
pt_webhook_number_get(const pt_webhook_t *wh, pt_str_t number)
{
    int    c;
    size_t lo = 0, hi = wh->wa.nnumbers, mid;

    if (number.data == NULL) {
        return NULL;
    }

    while (lo < hi) {
        mid = lo + (hi - lo) / 2;
        c = pt_wa_str_cmp(number, wh->wa.numbers[mid]);
        if (c == 0) {
            return &wh->numbers[mid];
        }
        if (c < 0) {
            hi = mid;
        } else {
            lo = mid + 1;
        }
    }

    return NULL;
}


pt_err_t
pt_webhook_summary(pt_arena_t *a, const pt_webhook_t *wh, pt_str_t *out)
{
    size_t                i;
    pt_jw_t               w;
    pt_buf_t              b;
    const pt_wa_counts_t *c = &wh->wa.counts;

    const struct {
        const char *key;
        uint32_t    n;
    } counts[] = {
        { "entries", c->entries },         { "messages", c->messages },
        { "statuses", c->statuses },       { "value_errors", c->value_errors },
        { "echoes", c->echoes },           { "calls", c->calls },
        { "item_errors", c->item_errors }, { "unknown_numbers", wh->unknown },
        { "unrouted", wh->unrouted }
    };

    pt_buf_init(&b, a, SIZE_MAX);
    pt_jw_init(&w, &b);
    pt_jw_object(&w);
    pt_jw_key(&w, "fields");
    pt_jw_array(&w);
    for (i = 0; i < c->nfields; i++) {
        pt_jw_str(&w, c->fields[i]);
    }
    pt_jw_array_end(&w);

    for (i = 0; i < PT_COUNT(counts); i++) {
        pt_jw_key(&w, counts[i].key);
        pt_jw_i64(&w, counts[i].n);
    }
    if (wh->over_limits) {
        pt_jw_key(&w, "over_limits");
        pt_jw_bool(&w, true);
    }
    if (wh->repeated) {
        pt_jw_key(&w, "duplicate_keys");
        pt_jw_bool(&w, true);
    }
    pt_jw_object_end(&w);

    return pt_buf_get(&b, out);
}


static pt_err_t
pt_webhook_numbers(pytake_op_t *op, pt_webhook_t *wh, const pytake_rows_t *rows)
{
    size_t   i;
    pt_err_t err;

    wh->numbers = pt_arena_calloc(op->arena, wh->wa.nnumbers,
                                  sizeof(pt_webhook_number_t));
    if (wh->numbers == NULL) {
        return PT_ENOMEM;
    }

    if (rows != NULL) {
        err = pt_webhook_tenants(op->arena, wh, rows);
        if (err != PT_OK) {
            return err;
        }
    }

    for (i = 0; i < wh->wa.nnumbers; i++) {
        if (wh->asked && !wh->numbers[i].known) {
            wh->unknown++;
        }
    }

    return PT_OK;
}


static pt_err_t
pt_webhook_tenants(pt_arena_t *a, pt_webhook_t *wh, const pytake_rows_t *rows)
{
    uint32_t             r, t;
    pt_uuid_t            tenant;
    pt_webhook_number_t *w;

    wh->tenants = pt_arena_calloc(a, rows->nrows, sizeof(pt_webhook_tenant_t));
    if (wh->tenants == NULL) {
        return PT_ENOMEM;
    }

    for (r = 0; r < rows->nrows; r++) {
        w = pt_webhook_number_get(
            wh, pt_cell_text(rows, r, PT_COL_WA_NUMBERS_FIND_PHONE_NUMBER_ID));

        if (w == NULL
            || !pt_cell_uuid(rows, r, PT_COL_WA_NUMBERS_FIND_TENANT_ID,
                             &tenant))
        {
            continue;
        }

        for (t = 0;
             t < wh->ntenants && !pt_uuid_eq(&wh->tenants[t].id, &tenant); t++)
        { /* void */
        }

        if (t == wh->ntenants) {
            wh->tenants[wh->ntenants++].id = tenant;
        }

        w->known =
            pt_cell_uuid(rows, r, PT_COL_WA_NUMBERS_FIND_CONFIG_ID, &w->config);
        w->tenant = t;
    }

    return PT_OK;
}


static pt_webhook_tenant_t *
pt_webhook_tenant_find(pt_webhook_t *wh, pt_str_t number)
{
    const pt_webhook_number_t *n = pt_webhook_number_find(wh, number);

    return n == NULL ? NULL : &wh->tenants[n->tenant];
}


static pt_err_t
pt_webhook_items(pt_arena_t *a, pt_webhook_t *wh)
{
    size_t               i;
    pt_webhook_tenant_t *t;

    pt_webhook_put(wh, false);

    for (i = 0; i < wh->ntenants; i++) {
        t = &wh->tenants[i];

        t->messages = pt_arena_calloc(a, t->nmessages, sizeof(uint32_t));
        t->statuses = pt_arena_calloc(a, t->nstatuses, sizeof(uint32_t));
        t->errors = pt_arena_calloc(a, t->nerrors, sizeof(uint32_t));

        if (t->messages == NULL || t->statuses == NULL || t->errors == NULL) {
            return PT_ENOMEM;
        }

        t->nmessages = 0;
        t->nstatuses = 0;
        t->nerrors = 0;
    }

    pt_webhook_put(wh, true);

    return PT_OK;
}


static void
pt_webhook_put(pt_webhook_t *wh, bool fill)
{
    uint32_t             i;
    pt_wa_t             *wa = &wh->wa;
    pt_webhook_tenant_t *t;

    wh->unrouted = 0;

    for (i = 0; i < wa->nmessages; i++) {
        t = pt_webhook_tenant_find(wh, wa->messages[i].number);
        if (t == NULL) {
            wh->unrouted++;
            continue;
        }
        if (fill) {
            t->messages[t->nmessages] = i;
        }
        t->nmessages++;
    }

    for (i = 0; i < wa->nstatuses; i++) {
        t = pt_webhook_tenant_find(wh, wa->statuses[i].number);
        if (t == NULL) {
            wh->unrouted++;
            continue;
        }
        if (fill) {
            t->statuses[t->nstatuses] = i;
        }
        t->nstatuses++;
    }

    for (i = 0; i < wa->nerrors; i++) {
        t = pt_webhook_tenant_find(wh, wa->errors[i].number);
        if (t == NULL) {
            wh->unrouted += wa->errors[i].fatal;
            continue;
        }
        if (fill) {
            t->errors[t->nerrors] = i;
        }
        t->nerrors++;
    }
}


static pt_err_t
pt_webhook_jobs(pt_arena_t *a, pt_webhook_t *wh)
{
    size_t               i, n;
    uint32_t             t;
    pt_err_t             err;
    pt_webhook_tenant_t *tenant;

    n = PT_WEBHOOK_JOBS_SPARE;
    for (i = 0; i < wh->ntenants; i++) {
        tenant = &wh->tenants[i];
        n += (tenant->nmessages + tenant->nstatuses + tenant->nerrors)
                 / PT_WEBHOOK_CHUNK_MAX
             + 3;
    }

    wh->jobs_cap = n;
    wh->jobs = pt_arena_calloc(a, n, sizeof(pt_webhook_job_t));
    if (wh->jobs == NULL) {
        return PT_ENOMEM;
    }

    for (t = 0; t < wh->ntenants; t++) {
        tenant = &wh->tenants[t];
        err = pt_webhook_chunks(wh, PT_WEBHOOK_ERRORS, t, tenant->nerrors);
        if (err == PT_OK) {
            err = pt_webhook_chunks(wh, PT_WEBHOOK_STATUSES, t,
                                    tenant->nstatuses);
        }
        if (err == PT_OK) {
            err = pt_webhook_chunks(wh, PT_WEBHOOK_MESSAGES, t,
                                    tenant->nmessages);
        }
        if (err != PT_OK) {
            return err;
        }
    }

    return wh->njobs != 0 ? PT_OK
                          : pt_webhook_job_add(wh, PT_WEBHOOK_RAW, 0, 0, 0);
}


/* Makes the jobs of one list.  The last chunk is put first, because a stack
 * gives back the last one first. */
static pt_err_t
pt_webhook_chunks(pt_webhook_t *wh, pt_webhook_job_type_t type, uint32_t tenant,
                  size_t n)
{
    size_t   from, to;
    pt_err_t err;

    for (to = n; to > 0; to = from) {
        from = (to - 1) / PT_WEBHOOK_CHUNK_MAX * PT_WEBHOOK_CHUNK_MAX;
        err = pt_webhook_job_add(wh, type, tenant, from, to);
        if (err != PT_OK) {
            return err;
        }
    }

    return PT_OK;
}
