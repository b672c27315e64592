/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_client.c: the life of a connection: its socket comes, frames of the
 * client are read, and it is freed.
 */

#include <assert.h>

#include "hub_int.h"

static void hub_client_event(hub_conn_t *c, const hub_ws_in_t *in);
static bool hub_client_rate(hub_conn_t *c);


hub_conn_t *
hub_conn_new(hub_t *h, void *sock, const pt_claims_t *claims,
             const hub_since_t *since, int32_t worker)
{
    hub_conn_t *c, **entry;

    if (h->nconns >= h->conf.conns_max) {
        return NULL;
    }

    c = hub_alloc(h, sizeof(hub_conn_t));

    if (c == NULL) {
        return NULL;
    }

    memset(c, 0, sizeof(hub_conn_t));
    c->hub = h;
    c->sock = sock;
    c->worker = worker;
    c->ticket = ++h->tickets;
    c->born_s = h->now_s;
    c->seen_s = h->now_s;
    c->taken_s = h->now_s;
    c->ping_s = h->now_s;
    c->synced_s = h->now_s;
    c->rate_s = h->now_s;
    c->tokens = HUB_RATE_BURST;

    entry = &h->index[c->ticket & h->index_mask];
    c->index_next = *entry;
    *entry = c;

    hub_conn_link(c, &h->strangers);
    h->nconns++;
    h->nstrangers++;
    h->accepted++;
    hub_wheel_add(c, 1);

    if (claims != NULL) {
        if (since != NULL) {
            c->has_since = true;
            c->has_since_id = !pt_uuid_is_nil(&since->id);
            c->since_seq = since->seq;
            c->since_id = since->id;
        }

        c->by_header = true;
        hub_proto_admit(c, claims);
    }

    hub_drain_late(c);

    return c;
}


void
hub_on_read(hub_conn_t *c, uint8_t *data, size_t len)
{
    size_t      used;
    hub_ws_in_t in;

    c->seen_s = c->hub->now_s;

    while (len > 0 && c->state != HUB_CONN_DEAD) {
        hub_ws_feed(&c->ws, &c->hub->conf.mem, data, len, &used, &in);
        assert(used <= len);
        data += used;
        len -= used;

        if (in.type == HUB_WS_MORE) {
            break;
        }

        hub_client_event(c, &in);
    }

    if (c->ws.failed || (!c->ws.in_message && !c->ws.in_frame)) {
        /* An idle connection keeps no buffer, for there are many. */
        hub_ws_free(&c->ws, &c->hub->conf.mem);
    }
}


void
hub_on_writable(hub_conn_t *c)
{
    c->blocked = false;
    hub_conn_dirty(c);
}


void
hub_on_eof(hub_conn_t *c)
{
    hub_conn_drop(c);
}


void
hub_conn_displace(hub_conn_t *c)
{
    hub_write_end(c, 1013, "others need the place");
}


void
hub_client_free(hub_conn_t *c)
{
    hub_t       *h;
    hub_out_t   *o;
    hub_conn_t **at;

    h = c->hub;
    assert(c->state == HUB_CONN_DEAD && !c->dirty && h->nconns > 0);

    for (at = &h->index[c->ticket & h->index_mask]; *at != c;
         at = &(*at)->index_next)
    {
        assert(*at != NULL);
    }

    *at = c->index_next;

    if (c->tenant != NULL) {
        hub_tenant_leave(c);

    } else {
        assert(h->nstrangers > 0);
        hub_conn_unlink(c, &h->strangers);
        h->nstrangers--;
    }

    h->nconns--;
    h->conf.ops->close(c->sock);

    while (c->out != NULL) {
        o = c->out;
        c->out = o->next;
        hub_frame_unref(&h->conf.mem, o->frame);
        hub_free(h, o);
    }

    hub_frame_unref(&h->conf.mem, c->current);
    hub_free(h, c->typing);
    hub_ws_free(&c->ws, &h->conf.mem);
    hub_free(h, c);
}


static void
hub_client_event(hub_conn_t *c, const hub_ws_in_t *in)
{
    hub_frame_t *f;

    if (in->type == HUB_WS_CLOSE) {
        c->peer_closed = true;
        hub_conn_close(c, in->code == 1005 ? 1000 : in->code, "");
        hub_conn_dirty(c); /* It ends when our close frame is written. */
        return;
    }

    if (c->state == HUB_CONN_CLOSING) {
        return;
    }

    switch (in->type) {

    case HUB_WS_TEXT:
        c->hub->messages_in++;

        if (hub_client_rate(c)) {
            hub_proto_text(c, in->data);
        }

        return;

    case HUB_WS_PING:
        if (hub_client_rate(c)) {
            f = hub_frame_new(&c->hub->conf.mem, HUB_WS_OP_PONG, 0, NULL,
                              in->data);
            hub_conn_push(c, f);
            hub_frame_unref(&c->hub->conf.mem, f);
        }

        return;

    case HUB_WS_ERROR:
        hub_conn_close(c, in->code, "protocol error");
        return;

    default: /* A pong needs no answer: hub_on_read() has set seen_s. */
        return;
    }
}


/* Returns whether the client may send one more message: HUB_RATE of them in a
 * second, HUB_RATE_BURST at once (a token bucket). */

static bool
hub_client_rate(hub_conn_t *c)
{
    uint32_t n;

    assert(c->tokens <= HUB_RATE_BURST);
    n = c->hub->now_s - c->rate_s;

    if (n > 0) {
        n = (n < HUB_RATE_BURST) ? c->tokens + n * HUB_RATE : HUB_RATE_BURST;
        c->tokens = (uint16_t) (n < HUB_RATE_BURST ? n : HUB_RATE_BURST);
        c->rate_s = c->hub->now_s;
    }

    if (c->tokens > 0) {
        c->tokens--;
        c->strikes = 0;
        return true;
    }

    if (++c->strikes == 1) {
        hub_conn_send(
            c, PT_STR("{\"type\":\"error\",\"data\":{\"code\":\"rate_limited\","
                      "\"message\":\"slow down\",\"retry_after_ms\":1000}}"));
    }

    if (c->strikes > HUB_RATE_STRIKES) {
        hub_conn_close(c, HUB_CLOSE_RATE, "rate limited");
    }

    return false;
}
