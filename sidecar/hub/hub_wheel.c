/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_wheel.c: a timing wheel of seconds instead of timers: when a socket is
 * looked at, and what is due then.
 */

#include <assert.h>

#include "hub_int.h"

#define HUB_WHEEL_LOOK_S 15u

static void     hub_wheel_conn(hub_conn_t *c);
static void     hub_wheel_young(hub_conn_t *c, uint32_t now);
static void     hub_wheel_live(hub_conn_t *c, uint32_t now);
static void     hub_wheel_token(hub_conn_t *c);
static uint32_t hub_wheel_next_s(const hub_conn_t *c, uint32_t now);


void
hub_wheel_run(hub_t *h, uint32_t now)
{
    uint32_t    n;
    hub_conn_t *c, *list;

    for (n = 0; h->now_s != now && n < HUB_WHEEL_SLOTS; n++) {
        h->now_s++;

        if (n + 1 == HUB_WHEEL_SLOTS) {
            h->now_s = now; /* a long sleep: every slot was visited */
        }

        list = h->wheel[h->now_s % HUB_WHEEL_SLOTS];

        while (list != NULL) {
            c = list;
            hub_wheel_drop(c);
            hub_wheel_conn(c);
            list = h->wheel[h->now_s % HUB_WHEEL_SLOTS];
        }
    }
}


void
hub_wheel_add(hub_conn_t *c, uint32_t after_s)
{
    hub_conn_t **slot;

    assert(c->state != HUB_CONN_DEAD); /* the dead have their own list */

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


/* How long a close frame's answer is waited for. */

uint32_t
hub_wheel_close_s(const hub_conn_t *c)
{
    return (c->ws.failed || c->tenant == NULL) ? HUB_CLOSE_FAILED_S
                                               : HUB_CLOSE_S;
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


static void
hub_wheel_conn(hub_conn_t *c)
{
    uint32_t now;

    now = c->hub->now_s;

    if (c->state == HUB_CONN_CLOSING) {
        if (now - c->born_s >= hub_wheel_close_s(c)) {
            hub_conn_drop(c);

        } else {
            hub_wheel_add(c, 1);
        }

        return;
    }

    if (c->close_s != 0 && now >= c->close_s) {
        hub_conn_close(c, HUB_CLOSE_DRAIN, "draining");

    } else if (c->blocked && now - c->taken_s >= HUB_STALL_S) {
        hub_conn_close(c, HUB_CLOSE_SLOW, "slow consumer");
        hub_conn_drop(c); /* it takes no byte: nothing to wait for */

    } else if (c->state < HUB_CONN_LIVE && !c->rewound) {
        hub_wheel_young(c, now);

    } else {
        hub_wheel_live(c, now);
    }

    if (c->state < HUB_CONN_CLOSING) {
        hub_wheel_add(c, hub_wheel_next_s(c, now));
    }
}


/* Not live yet: it has HUB_AUTH_MS to tell who it is, and as long we.  Who is
 * sent away earlier, because of others, may come again. */

static void
hub_wheel_young(hub_conn_t *c, uint32_t now)
{
    if (c->state == HUB_CONN_AUTH && c->hub->pressed
        && now - c->born_s >= HUB_AUTH_PRESSED_MS / 1000)
    {
        c->hub->auth_failures++;
        hub_conn_close(c, 1013, "others need the place");
        return;
    }

    if (now - c->born_s < HUB_AUTH_MS / 1000) {
        return;
    }

    if (c->state == HUB_CONN_AUTH) {
        c->hub->auth_failures++;
        hub_conn_close(c, HUB_CLOSE_AUTH_TIMEOUT, "auth timeout");

    } else {
        hub_conn_close(c, HUB_CLOSE_BACKEND, "backend unavailable");
    }
}


static void
hub_wheel_live(hub_conn_t *c, uint32_t now)
{
    const hub_conf_t *conf;

    conf = &c->hub->conf;

    if (now - c->seen_s >= conf->pong_s) {
        c->hub->pings_late++;
        hub_conn_close(c, HUB_CLOSE_PONG, "no pong");
        return;
    }

    hub_wheel_token(c);

    if (c->typing != NULL && c->typing->active
        && hub_now_ms(c->hub) - c->typing->started_ms >= HUB_TYPING_STOP_MS)
    {
        hub_say_typing(c, false);
    }

    if (c->state >= HUB_CONN_CLOSING) {
        return;
    }

    if (now - c->check_s >= HUB_SESSION_CHECK_S) {
        c->check_s = now;
        hub_session_check(c);
    }

    if (now - c->ping_s >= conf->ping_s) {
        c->ping_s = now;
        hub_conn_push(c, c->hub->ping);
    }

    if (c->state == HUB_CONN_LIVE && now - c->said_s >= HUB_SYNC_S
        && c->cursor == c->tenant->ring.head + 1)
    {
        c->said_s = now;
        hub_conn_push(c, hub_say_sync(c->tenant));
    }
}


static void
hub_wheel_token(hub_conn_t *c)
{
    int64_t left;

    left = c->exp_s - hub_wall_s(c->hub);

    if (left <= -HUB_EXPIRED_GRACE_S) {
        hub_conn_close(c, HUB_CLOSE_EXPIRED, "token expired");

    } else if (left <= c->warn_s && !c->warned) {
        c->warned = true;
        hub_say_expiring(c, left);
    }
}


/* When this socket needs a look again: most looks are for nothing, so an idle
 * one gets one every few seconds only. */

static uint32_t
hub_wheel_next_s(const hub_conn_t *c, uint32_t now)
{
    size_t   i;
    int64_t  left;
    uint32_t next, at[5];

    if (c->state != HUB_CONN_LIVE || c->blocked
        || (c->typing != NULL && c->typing->active))
    {
        return 1;
    }

    next = HUB_WHEEL_LOOK_S;
    at[0] = c->close_s;
    at[1] = c->ping_s + c->hub->conf.ping_s;
    at[2] = c->said_s + HUB_SYNC_S;
    at[3] = c->seen_s + c->hub->conf.pong_s;
    at[4] = c->check_s + HUB_SESSION_CHECK_S;

    for (i = (c->close_s != 0) ? 0 : 1; i < PT_COUNT(at); i++) {
        left = (int64_t) at[i] - (int64_t) now;
        next = (left < next) ? (uint32_t) (left < 1 ? 1 : left) : next;
    }

    left = c->exp_s - hub_wall_s(c->hub)
           + (c->warned ? HUB_EXPIRED_GRACE_S : -(int64_t) c->warn_s);

    return (left < next) ? (uint32_t) (left < 1 ? 1 : left) : next;
}
