/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_metrics.c: writes the metrics of the hub in the text format of
 * Prometheus.  HUB_LABELS_MAX tenants have series of their own; what later ones
 * are sent counts into tenant_id="other", a counter that only grows.  When a
 * tenant leaves the memory its series end.
 */

#include <assert.h>

#include "hub_int.h"

typedef struct {
    const char *name;
    const char *type;
    const char *help;
    uint64_t    value;
} hub_number_t;

static uint64_t hub_metrics_tenants(const hub_t *h, pt_buf_t *out,
                                    void (*write)(const hub_tenant_t *t,
                                                  pt_buf_t           *out));
static void     hub_metrics_numbers(const hub_t *h, pt_buf_t *out);
static void     hub_metrics_conns(const hub_tenant_t *t, pt_buf_t *out);
static void     hub_metrics_sent(const hub_tenant_t *t, pt_buf_t *out);
static void hub_metrics_message(pt_buf_t *out, size_t event, pt_str_t tenant,
                                uint64_t n);
static void hub_metrics_active(pt_buf_t *out, pt_str_t tenant, uint64_t n);
static void hub_metrics_closes(const hub_t *h, pt_buf_t *out);
static void hub_metrics_head(pt_buf_t *out, const char *name, const char *type,
                             const char *help);
static void hub_metrics_text(pt_buf_t *out, const char *s);


void
hub_metrics_write(const hub_t *h, pt_buf_t *out)
{
    size_t   i;
    uint64_t others;

    hub_metrics_head(out, "websocket_connections_active", "gauge",
                     "Authenticated WebSocket connections.");
    others = hub_metrics_tenants(h, out, hub_metrics_conns);

    if (h->ntenants > h->nlabelled) {
        hub_metrics_active(out, PT_STR("other"), others);
    }

    hub_metrics_head(out, "websocket_messages_total", "counter",
                     "Frames sent, by event (control: all that are none).");
    (void) hub_metrics_tenants(h, out, hub_metrics_sent);

    for (i = 0; i < HUB_EVENT_COUNT; i++) {
        if (h->other_sent[i] > 0) {
            hub_metrics_message(out, i, PT_STR("other"), h->other_sent[i]);
        }
    }

    hub_metrics_closes(h, out);
    hub_metrics_numbers(h, out);
}


/* Calls write for the tenants with series of their own.  Returns how many
 * connections the other tenants have. */

static uint64_t
hub_metrics_tenants(const hub_t *h, pt_buf_t *out,
                    void (*write)(const hub_tenant_t *t, pt_buf_t *out))
{
    size_t              i;
    uint64_t            others;
    const hub_tenant_t *t;

    others = 0;

    for (i = 0; i < HUB_TENANTS_BUCKETS; i++) {
        for (t = h->tenants[i]; t != NULL; t = t->next) {
            if (t->labelled) {
                write(t, out);

            } else {
                others += t->nconns;
            }
        }
    }

    return others;
}


static void
hub_metrics_numbers(const hub_t *h, pt_buf_t *out)
{
    size_t             i;
    const hub_number_t all[] = {
        { "pytake_hub_tenants", "gauge", "Tenants in memory.", h->ntenants },
        { "pytake_hub_unauthenticated", "gauge",
          "Connections that have not told who they are.", h->nstrangers },
        { "pytake_hub_accepted_total", "counter", "Upgrades.", h->accepted },
        { "pytake_hub_auth_failures_total", "counter",
          "Connections refused for their token or session.", h->auth_failures },
        { "pytake_hub_resumed_total", "counter",
          "Connections that went on where they were.", h->resumed },
        { "pytake_hub_resyncs_total", "counter", "Connections told to reload.",
          h->resyncs },
        { "pytake_hub_rewinds_total", "counter",
          "Logs found to be another than before.", h->rewinds },
        { "pytake_hub_holes_total", "counter",
          "Doorbells that were missed or came too early.", h->holes },
        { "pytake_hub_duplicates_total", "counter",
          "Doorbells that came again.", h->duplicates },
        { "pytake_hub_queries_total", "counter", "Look-ups of the event log.",
          h->queries },
        { "pytake_hub_messages_in_total", "counter",
          "Text messages of clients.", h->messages_in },
        { "pytake_hub_acks_total", "counter", "Acknowledgements of clients.",
          h->acks },
        { "pytake_hub_ack_lag_events_total", "counter",
          "Events sent that an acknowledgement did not cover, summed.",
          h->acks_lag },
        { "pytake_hub_sent_bytes_total", "counter", "Bytes handed to sockets.",
          h->bytes_out },
        { "pytake_hub_ring_bytes", "gauge",
          "Bytes of events in memory, all tenants.", h->ring_bytes },
        { "pytake_hub_page_bytes", "gauge",
          "Bytes of pages of the log in memory.", h->page_bytes },
    };

    for (i = 0; i < PT_COUNT(all); i++) {
        hub_metrics_head(out, all[i].name, all[i].type, all[i].help);
        hub_metrics_text(out, all[i].name);
        pt_buf_char(out, ' ');
        pt_buf_i64(out, (int64_t) all[i].value);
        pt_buf_char(out, '\n');
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
    assert(event < HUB_EVENT_COUNT);
    pt_buf_lit(out, "websocket_messages_total{event_type=\"");
    hub_metrics_text(out, hub_frame_event_names[event]);
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

        if (hub_conn_close_codes[i] == 0) {
            pt_buf_lit(out, "other");

        } else {
            pt_buf_i64(out, hub_conn_close_codes[i]);
        }

        pt_buf_lit(out, "\"} ");
        pt_buf_i64(out, (int64_t) h->closes[i]);
        pt_buf_char(out, '\n');
    }
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
