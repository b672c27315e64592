/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_conn.c: one socket: what it is sent, when, and when it ends.
 */

#include <assert.h>

#include "hub_int.h"

static int hub_conn_gather(hub_conn_t *c, hub_iov_t *iov,
    hub_frame_t **frames, size_t *total);
static void hub_conn_took(hub_conn_t *c, hub_frame_t **frames, int n,
    size_t bytes);
static void hub_conn_sent(hub_conn_t *c, hub_frame_t *f);
static void hub_conn_event(hub_conn_t *c, const hub_ws_in_t *in);
static bool hub_conn_rate(hub_conn_t *c);
static void hub_conn_tick_live(hub_conn_t *c, uint32_t now);
static void hub_conn_tick_token(hub_conn_t *c);
static uint32_t hub_conn_next_s(const hub_conn_t *c, uint32_t now);

const uint16_t hub_close_codes[16] = {
    1000, 1002, 1003, 1007, 1009, 4000, 4001, 4002, 4003, 4004, 4005, 4006,
    4102, 4200, 4201, 0 /* others */
};


hub_conn_t *
hub_conn_new(hub_t *h, void *sock, const pt_claims_t *claims, int32_t worker)
{
    hub_conn_t *c;

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
    c->said_s = h->now_s;
    c->tokens = HUB_RATE_BURST;

    hub_conn_link(c, &h->strangers);
    h->nconns++;
    h->nstrangers++;
    h->accepted++;
    hub_wheel_add(c, 1);

    if (claims != NULL) {
        c->by_header = true;
        hub_proto_admit(c, claims);
    }

    return c;
}


void
hub_on_read(hub_conn_t *c, uint8_t *data, size_t len)
{
    size_t      used;
    hub_ws_in_t in;

    c->seen_s = c->hub->now_s;

    while (len > 0 && c->state != HUB_CONN_DEAD) {
        hub_ws_feed(&c->ws, data, len, &used, &in);
        data += used;
        len -= used;

        if (in.type == HUB_WS_MORE) {
            break;
        }

        hub_conn_event(c, &in);
    }

    if (c->state == HUB_CONN_CLOSING || c->state == HUB_CONN_DEAD) {
        hub_ws_free(&c->ws);
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
hub_conn_push(hub_conn_t *c, hub_frame_t *f)
{
    hub_out_t *o, **last;

    if (f == NULL || c->state == HUB_CONN_DEAD || c->close_sent) {
        return;
    }

    if (c->nout >= HUB_PRIVATE_MAX) {
        hub_conn_drop(c); /* it reads nothing and asks for ever more */
        return;
    }

    o = hub_alloc(c->hub, sizeof(hub_out_t));

    if (o == NULL) {
        hub_conn_drop(c);
        return;
    }

    o->next = NULL;
    o->frame = hub_frame_ref(f);

    for (last = &c->out; *last != NULL; last = &(*last)->next) {
        /* to the end: control frames of one socket are few */
    }

    *last = o;
    c->nout++;
    hub_conn_dirty(c);
}


void
hub_conn_say(hub_conn_t *c, pt_str_t json)
{
    hub_frame_t *f;

    f = hub_frame_new(&c->hub->conf.mem, HUB_WS_OP_TEXT, 0, NULL, json);

    if (f == NULL) {
        hub_conn_drop(c);
        return;
    }

    hub_conn_push(c, f);
    hub_frame_unref(&c->hub->conf.mem, f);
}


void
hub_conn_close(hub_conn_t *c, uint16_t code, const char *reason)
{
    char         payload[HUB_WS_CONTROL_MAX];
    size_t       n;
    hub_frame_t *f;

    if (c->state == HUB_CONN_CLOSING || c->state == HUB_CONN_DEAD) {
        return;
    }

    n = strlen(reason);
    n = (n < sizeof(payload) - 2) ? n : sizeof(payload) - 2;
    payload[0] = (char) (code >> 8);
    payload[1] = (char) (code & 0xff);
    memcpy(payload + 2, reason, n);

    f = hub_frame_new(&c->hub->conf.mem, HUB_WS_OP_CLOSE, 0, NULL,
        (pt_str_t){ payload, code == 1005 ? 0 : n + 2 });

    if (f == NULL) {
        hub_conn_drop(c);
        return;
    }

    c->hub->closes[hub_close_index(code)]++;
    hub_conn_push(c, f);
    hub_frame_unref(&c->hub->conf.mem, f);

    if (c->state != HUB_CONN_DEAD) {
        c->state = HUB_CONN_CLOSING;
        c->close_sent = true;
        c->born_s = c->hub->now_s; /* HUB_CLOSE_S counts from here */
        hub_wheel_drop(c);
        hub_wheel_add(c, HUB_CLOSE_S);
    }
}


void
hub_conn_drop(hub_conn_t *c)
{
    hub_t *h;

    if (c->state == HUB_CONN_DEAD) {
        return;
    }

    h = c->hub;
    c->state = HUB_CONN_DEAD;
    hub_wheel_drop(c);

    if (c->tenant != NULL) {
        hub_tenant_leave(c);

    } else {
        hub_conn_unlink(c, &h->strangers);
        h->nstrangers--;
    }

    h->conf.ops->close(c->sock);
    c->sock = NULL;
    h->nconns--;

    c->next = h->dead;
    h->dead = c;
}


void
hub_conn_free(hub_conn_t *c)
{
    hub_out_t *o;

    while (c->out != NULL) {
        o = c->out;
        c->out = o->next;
        hub_frame_unref(&c->hub->conf.mem, o->frame);
        hub_free(c->hub, o);
    }

    hub_frame_unref(&c->hub->conf.mem, c->current);
    hub_free(c->hub, c->typing);
    hub_ws_free(&c->ws);
    hub_free(c->hub, c);
}


void
hub_conn_dirty(hub_conn_t *c)
{
    if (!c->dirty) {
        c->dirty = true;
        c->dirty_next = c->hub->dirty_conns;
        c->hub->dirty_conns = c;
    }
}


/*
 * Writes what the socket takes: the rest of a frame, then control frames,
 * then events from the cursor, many in one writev.
 */

void
hub_conn_write(hub_conn_t *c)
{
    int          n;
    size_t       total, turn;
    ptrdiff_t    took;
    hub_iov_t    iov[HUB_IOV_MAX];
    hub_frame_t *frames[HUB_IOV_MAX];

    turn = 0;

    while (!c->blocked && c->state != HUB_CONN_DEAD) {
        n = hub_conn_gather(c, iov, frames, &total);

        if (n == 0 && c->want_sync && c->state == HUB_CONN_LIVE
            && c->cursor == c->tenant->ring.head + 1)
        {
            c->want_sync = false;
            hub_conn_push(c, hub_proto_sync(c->tenant));
            continue;
        }

        if (n == 0) {
            break;
        }

        took = c->hub->conf.ops->write(c->sock, iov, n);

        if (took < 0) {
            hub_conn_drop(c);
            return;
        }

        if (took > 0) {
            c->taken_s = c->hub->now_s;
            c->hub->bytes_out += (uint64_t) took;
            hub_conn_took(c, frames, n, (size_t) took);
        }

        if ((size_t) took < total) {
            c->blocked = true;
            c->hub->conf.ops->want_write(c->sock, true);
            return;
        }

        turn += total;

        if (turn > HUB_WRITE_MAX) { /* others first */
            hub_conn_dirty(c);
            return;
        }
    }
}


static int
hub_conn_gather(hub_conn_t *c, hub_iov_t *iov, hub_frame_t **frames,
    size_t *total)
{
    int          n;
    bool         gone;
    int64_t      seq;
    hub_out_t   *o;
    hub_frame_t *f;

    n = 0;
    *total = 0;

    if (c->current != NULL) {
        iov[n].data = c->current->data + c->sent;
        iov[n].len = c->current->len - c->sent;
        frames[n] = c->current;
        *total += iov[n++].len;
    }

    for (o = c->out; o != NULL && n < HUB_IOV_MAX; o = o->next) {
        iov[n].data = o->frame->data;
        iov[n].len = o->frame->len;
        frames[n] = o->frame;
        *total += iov[n++].len;
    }

    if (c->state != HUB_CONN_LIVE || o != NULL) {
        return n;
    }

    for (seq = c->cursor; n < HUB_IOV_MAX && *total < HUB_WRITE_MAX; seq++) {

        if (seq > c->tenant->ring.head) {
            break;
        }

        f = hub_tenant_frame(c->tenant, seq, &gone);

        if (f == NULL) {
            if (gone && n == 0) {
                hub_proto_resync(c, "expired");
            }

            break;
        }

        assert(f->seq == seq);
        iov[n].data = f->data;
        iov[n].len = f->len;
        frames[n] = f;
        *total += iov[n++].len;
    }

    return n;
}


static void
hub_conn_took(hub_conn_t *c, hub_frame_t **frames, int n, size_t bytes)
{
    int          i;
    size_t       left;
    hub_out_t   *o;
    hub_frame_t *f;

    for (i = 0; i < n && bytes > 0; i++) {
        f = frames[i];
        left = f->len;

        if (i == 0 && c->current != NULL) {
            left -= c->sent;

            if (bytes < left) {
                c->sent += (uint32_t) bytes;
                return;
            }

            bytes -= left;
            c->current = NULL;
            c->sent = 0;
            hub_conn_sent(c, f);
            hub_frame_unref(&c->hub->conf.mem, f);
            continue;
        }

        if (bytes < left) { /* the rest must outlive ring and queue */
            c->current = hub_frame_ref(f);
            c->sent = (uint32_t) bytes;
        }

        if (f->seq != 0) {
            c->cursor = f->seq + 1;

        } else {
            o = c->out;
            c->out = o->next;
            c->nout--;
            hub_free(c->hub, o);
        }

        if (bytes < left) {
            if (f->seq == 0) {
                hub_frame_unref(&c->hub->conf.mem, f); /* the queue's */
            }

            return;
        }

        bytes -= left;
        hub_conn_sent(c, f);

        if (f->seq == 0) {
            hub_frame_unref(&c->hub->conf.mem, f);
        }
    }
}


static void
hub_conn_sent(hub_conn_t *c, hub_frame_t *f)
{
    if (c->tenant != NULL) {
        c->tenant->sent[f->event]++;
    }

    if (f->seq != 0) {
        c->said_s = c->hub->now_s;
    }
}


static void
hub_conn_event(hub_conn_t *c, const hub_ws_in_t *in)
{
    hub_frame_t *f;

    switch (in->type) {

    case HUB_WS_TEXT:
        c->hub->messages_in++;

        if (c->state != HUB_CONN_CLOSING && hub_conn_rate(c)) {
            hub_proto_text(c, in->data);
        }

        return;

    case HUB_WS_PING:
        if (hub_conn_rate(c)) {
            f = hub_frame_new(&c->hub->conf.mem, HUB_WS_OP_PONG, 0, NULL,
                in->data);
            hub_conn_push(c, f);
            hub_frame_unref(&c->hub->conf.mem, f);
        }

        return;

    case HUB_WS_CLOSE:
        if (c->state == HUB_CONN_CLOSING) {
            hub_conn_drop(c); /* both have said it */
            return;
        }

        hub_conn_close(c, in->code == 1005 ? 1000 : in->code, "");
        return;

    case HUB_WS_ERROR:
        hub_conn_close(c, in->code, "protocol error");
        return;

    default: /* a pong: seen_s is all */
        return;
    }
}


/* HUB_RATE messages a second, HUB_RATE_BURST at once. */

static bool
hub_conn_rate(hub_conn_t *c)
{
    if (c->tokens > 0) {
        c->tokens--;
        c->strikes = 0;
        return true;
    }

    if (++c->strikes == 1) {
        hub_conn_say(c,
            PT_STR("{\"type\":\"error\",\"data\":{\"code\":\"rate_limited\","
                   "\"message\":\"slow down\",\"retry_after_ms\":1000}}"));
    }

    if (c->strikes > HUB_RATE_STRIKES) {
        hub_conn_close(c, HUB_CLOSE_RATE, "rate limited");
    }

    return false;
}


void
hub_conn_tick(hub_conn_t *c)
{
    uint32_t now, tokens;

    now = c->hub->now_s;
    tokens = c->tokens + HUB_RATE; /* an upper bound: ticks are >= 1 s */
    c->tokens = (uint16_t) (tokens < HUB_RATE_BURST ? tokens
                                                    : HUB_RATE_BURST);

    if (c->state == HUB_CONN_CLOSING) {
        if (now - c->born_s >= HUB_CLOSE_S) {
            hub_conn_drop(c);
            return;
        }

    } else if (c->close_s != 0 && now >= c->close_s) {
        hub_conn_close(c, HUB_CLOSE_DRAIN, "draining");
        return;

    } else if (c->blocked && now - c->taken_s >= HUB_STALL_S) {
        hub_conn_close(c, HUB_CLOSE_SLOW, "slow consumer");
        hub_conn_drop(c); /* it takes no byte: nothing to wait for */
        return;

    } else if (c->state < HUB_CONN_LIVE) {
        if (now - c->born_s >= HUB_AUTH_MS / 1000) {
            if (c->state == HUB_CONN_AUTH) {
                c->hub->auth_failures++;
                hub_conn_close(c, HUB_CLOSE_AUTH_TIMEOUT, "auth timeout");

            } else {
                hub_conn_close(c, HUB_CLOSE_BACKEND, "backend unavailable");
            }

            return;
        }

    } else {
        hub_conn_tick_live(c, now);
    }

    if (c->state < HUB_CONN_CLOSING) {
        hub_wheel_add(c, hub_conn_next_s(c, now));
    }
}


static void
hub_conn_tick_live(hub_conn_t *c, uint32_t now)
{
    const hub_conf_t *conf;

    conf = &c->hub->conf;

    if (now - c->seen_s >= conf->pong_s) {
        c->hub->pings_late++;
        hub_conn_close(c, HUB_CLOSE_PONG, "no pong");
        return;
    }

    hub_conn_tick_token(c);

    if (c->typing != NULL && c->typing->active
        && hub_now_ms(c->hub) - c->typing->started_ms >= HUB_TYPING_STOP_MS)
    {
        hub_proto_typing(c, "typing_stop");
    }

    if (c->state != HUB_CONN_LIVE) {
        return;
    }

    if (now - c->ping_s >= conf->ping_s) {
        c->ping_s = now;
        hub_conn_push(c, c->hub->ping);
    }

    if (now - c->said_s >= HUB_SYNC_S
        && c->cursor == c->tenant->ring.head + 1)
    {
        c->said_s = now;
        hub_conn_push(c, hub_proto_sync(c->tenant));
    }
}


static void
hub_conn_tick_token(hub_conn_t *c)
{
    int64_t left;

    left = c->exp_s - hub_wall_s(c->hub);

    if (left <= -HUB_EXPIRED_GRACE_S) {
        hub_conn_close(c, HUB_CLOSE_EXPIRED, "token expired");

    } else if (left <= HUB_EXPIRING_S && !c->warned) {
        c->warned = true;
        hub_proto_expiring(c, left);
    }
}


/* When this socket needs a look again: most ticks are for nothing, so an
 * idle one is looked at every few seconds only. */

static uint32_t
hub_conn_next_s(const hub_conn_t *c, uint32_t now)
{
    uint32_t next, left;

    if (c->state != HUB_CONN_LIVE || c->blocked
        || c->tokens < HUB_RATE_BURST
        || (c->typing != NULL && c->typing->active))
    {
        return 1;
    }

    next = 15;

    if (c->close_s != 0) {
        left = c->close_s > now ? c->close_s - now : 1;
        next = left < next ? left : next;
    }

    left = c->ping_s + c->hub->conf.ping_s;
    left = left > now ? left - now : 1;
    next = left < next ? left : next;

    left = c->said_s + HUB_SYNC_S;
    left = left > now ? left - now : 1;
    next = left < next ? left : next;

    left = c->seen_s + c->hub->conf.pong_s;
    left = left > now ? left - now : 1;

    return left < next ? left : next;
}


void
hub_conn_link(hub_conn_t *c, hub_conn_t **list)
{
    c->prev = NULL;
    c->next = *list;

    if (*list != NULL) {
        (*list)->prev = c;
    }

    *list = c;
}


void
hub_conn_unlink(hub_conn_t *c, hub_conn_t **list)
{
    if (c->prev != NULL) {
        c->prev->next = c->next;

    } else {
        assert(*list == c);
        *list = c->next;
    }

    if (c->next != NULL) {
        c->next->prev = c->prev;
    }

    c->next = NULL;
    c->prev = NULL;
}


void
hub_wheel_add(hub_conn_t *c, uint32_t after_s)
{
    hub_conn_t **slot;

    after_s = (after_s == 0) ? 1 : after_s;
    after_s = (after_s < HUB_WHEEL_SLOTS) ? after_s : HUB_WHEEL_SLOTS - 1;
    c->slot = (uint16_t) ((c->hub->now_s + after_s) % HUB_WHEEL_SLOTS);
    slot = &c->hub->wheel[c->slot];

    c->wheel_prev = NULL;
    c->wheel_next = *slot;

    if (*slot != NULL) {
        (*slot)->wheel_prev = c;
    }

    *slot = c;
}


/* Idempotent. */

void
hub_wheel_drop(hub_conn_t *c)
{
    if (c->wheel_prev != NULL) {
        c->wheel_prev->wheel_next = c->wheel_next;

    } else if (c->hub->wheel[c->slot] == c) {
        c->hub->wheel[c->slot] = c->wheel_next;
    }

    if (c->wheel_next != NULL) {
        c->wheel_next->wheel_prev = c->wheel_prev;
    }

    c->wheel_next = NULL;
    c->wheel_prev = NULL;
}


size_t
hub_close_index(uint16_t code)
{
    size_t i;

    for (i = 0; i < PT_COUNT(hub_close_codes) - 1; i++) {
        if (hub_close_codes[i] == code) {
            return i;
        }
    }

    return PT_COUNT(hub_close_codes) - 1;
}
