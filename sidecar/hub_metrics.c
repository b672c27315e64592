/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_metrics.c: the hub's numbers as Prometheus reads them.  Tenants beyond
 * HUB_LABELS_MAX are one: tenant_id="other".
 */

#include "hub_int.h"

#define HUB_LABELS_MAX 1000u

typedef struct {
    uint64_t conns;
    uint64_t sent[HUB_EVENT_COUNT];
    uint64_t ring_bytes;
} hub_sums_t;

static void
hub_metrics_tenants(const hub_t *h, pt_buf_t *out, hub_sums_t *other,
                    void (*write)(const hub_tenant_t *t, pt_buf_t *out));
static void hub_metrics_conns(const hub_tenant_t *t, pt_buf_t *out);
static void hub_metrics_sent(const hub_tenant_t *t, pt_buf_t *out);
static void hub_metrics_message(pt_buf_t *out, size_t event, pt_str_t tenant,
                                uint64_t n);
static void hub_metrics_active(pt_buf_t *out, pt_str_t tenant, uint64_t n);
static void hub_metrics_closes(const hub_t *h, pt_buf_t *out);
static void hub_metrics_one(pt_buf_t *out, const char *name, const char *type,
                            const char *help, uint64_t n);
static void hub_metrics_head(pt_buf_t *out, const char *name, const char *type,
                             const char *help);
static void hub_metrics_text(pt_buf_t *out, const char *s);


void
hub_metrics_write(const hub_t *h, pt_buf_t *out)
{
    size_t     i;
    hub_sums_t other;

    memset(&other, 0, sizeof(other));
    hub_metrics_head(out, "websocket_connections_active", "gauge",
                     "Authenticated WebSocket connections.");
    hub_metrics_tenants(h, out, &other, hub_metrics_conns);

    if (h->ntenants > HUB_LABELS_MAX) {
        hub_metrics_active(out, PT_STR("other"), other.conns);
    }

    hub_metrics_head(out, "websocket_messages_total", "counter",
                     "Frames sent, by event (control: all that are none).");
    memset(&other, 0, sizeof(other));
    hub_metrics_tenants(h, out, &other, hub_metrics_sent);

    for (i = 0; i < HUB_EVENT_COUNT; i++) {
        if (other.sent[i] + h->gone_sent[i] > 0) {
            hub_metrics_message(out, i, PT_STR("other"),
                                other.sent[i] + h->gone_sent[i]);
        }
    }

    hub_metrics_closes(h, out);
    hub_metrics_one(out, "pytake_hub_tenants", "gauge", "Tenants in memory.",
                    h->ntenants);
    hub_metrics_one(out, "pytake_hub_unauthenticated", "gauge",
                    "Connections that have not told who they are.",
                    h->nstrangers);
    hub_metrics_one(out, "pytake_hub_accepted_total", "counter", "Upgrades.",
                    h->accepted);
    hub_metrics_one(out, "pytake_hub_auth_failures_total", "counter",
                    "Connections refused for their token or session.",
                    h->auth_failures);
    hub_metrics_one(out, "pytake_hub_resumed_total", "counter",
                    "Connections that went on where they were.", h->resumed);
    hub_metrics_one(out, "pytake_hub_resyncs_total", "counter",
                    "Connections told to reload.", h->resyncs);
    hub_metrics_one(out, "pytake_hub_rewinds_total", "counter",
                    "Logs found to be another than before.", h->rewinds);
    hub_metrics_one(out, "pytake_hub_holes_total", "counter",
                    "Doorbells that were missed or came too early.", h->holes);
    hub_metrics_one(out, "pytake_hub_duplicates_total", "counter",
                    "Doorbells that came again.", h->duplicates);
    hub_metrics_one(out, "pytake_hub_queries_total", "counter",
                    "Look-ups of the event log.", h->queries);
    hub_metrics_one(out, "pytake_hub_messages_in_total", "counter",
                    "Text messages of clients.", h->messages_in);
    hub_metrics_one(out, "pytake_hub_sent_bytes_total", "counter",
                    "Bytes handed to sockets.", h->bytes_out);
    hub_metrics_one(out, "pytake_hub_ring_bytes", "gauge",
                    "Bytes of events in memory, all tenants.",
                    other.ring_bytes);
    hub_metrics_one(out, "pytake_hub_page_bytes", "gauge",
                    "Bytes of pages of the log in memory.", h->page_bytes);
}


static void
hub_metrics_tenants(const hub_t *h, pt_buf_t *out, hub_sums_t *other,
                    void (*write)(const hub_tenant_t *t, pt_buf_t *out))
{
    size_t              i, k, n;
    const hub_tenant_t *t;

    n = 0;

    for (i = 0; i < HUB_TENANTS_BUCKETS; i++) {
        for (t = h->tenants[i]; t != NULL; t = t->next) {
            other->ring_bytes += t->ring.bytes;

            if (n++ < HUB_LABELS_MAX) {
                write(t, out);
                continue;
            }

            other->conns += t->nconns;

            for (k = 0; k < HUB_EVENT_COUNT; k++) {
                other->sent[k] += t->sent[k];
            }
        }
    }
}


static void
hub_metrics_conns(const hub_tenant_t *t, pt_buf_t *out)
{
    char id[PT_UUID_LEN];

    pt_uuid_build(&t->id, id);
    hub_metrics_active(out, (pt_str_t){ id, sizeof(id) }, t->nconns);
}


static void
hub_metrics_sent(const hub_tenant_t *t, pt_buf_t *out)
{
    char   id[PT_UUID_LEN];
    size_t i;

    pt_uuid_build(&t->id, id);

    for (i = 0; i < HUB_EVENT_COUNT; i++) {
        if (t->sent[i] > 0) {
            hub_metrics_message(out, i, (pt_str_t){ id, sizeof(id) },
                                t->sent[i]);
        }
    }
}


static void
hub_metrics_message(pt_buf_t *out, size_t event, pt_str_t tenant, uint64_t n)
{
    pt_buf_lit(out, "websocket_messages_total{event_type=\"");
    hub_metrics_text(out, hub_event_names[event]);
    pt_buf_lit(out, "\",tenant_id=\"");
    pt_buf_str_add(out, tenant);
    pt_buf_lit(out, "\"} ");
    pt_buf_i64(out, (int64_t) n);
    pt_buf_char(out, '\n');
}


static void
hub_metrics_active(pt_buf_t *out, pt_str_t tenant, uint64_t n)
{
    pt_buf_lit(out, "websocket_connections_active{tenant_id=\"");
    pt_buf_str_add(out, tenant);
    pt_buf_lit(out, "\"} ");
    pt_buf_i64(out, (int64_t) n);
    pt_buf_char(out, '\n');
}


static void
hub_metrics_closes(const hub_t *h, pt_buf_t *out)
{
    size_t i;

    hub_metrics_head(out, "pytake_hub_closes_total", "counter",
                     "Close frames sent, by code.");

    for (i = 0; i < HUB_CLOSE_CODES; i++) {
        if (h->closes[i] == 0) {
            continue;
        }

        pt_buf_lit(out, "pytake_hub_closes_total{code=\"");

        if (hub_close_codes[i] == 0) {
            pt_buf_lit(out, "other");

        } else {
            pt_buf_i64(out, hub_close_codes[i]);
        }

        pt_buf_lit(out, "\"} ");
        pt_buf_i64(out, (int64_t) h->closes[i]);
        pt_buf_char(out, '\n');
    }
}


static void
hub_metrics_one(pt_buf_t *out, const char *name, const char *type,
                const char *help, uint64_t n)
{
    hub_metrics_head(out, name, type, help);
    hub_metrics_text(out, name);
    pt_buf_char(out, ' ');
    pt_buf_i64(out, (int64_t) n);
    pt_buf_char(out, '\n');
}


static void
hub_metrics_head(pt_buf_t *out, const char *name, const char *type,
                 const char *help)
{
    pt_buf_lit(out, "# HELP ");
    hub_metrics_text(out, name);
    pt_buf_char(out, ' ');
    hub_metrics_text(out, help);
    pt_buf_lit(out, "\n# TYPE ");
    hub_metrics_text(out, name);
    pt_buf_char(out, ' ');
    hub_metrics_text(out, type);
    pt_buf_char(out, '\n');
}


static void
hub_metrics_text(pt_buf_t *out, const char *s)
{
    pt_buf_add(out, s, strlen(s));
}
