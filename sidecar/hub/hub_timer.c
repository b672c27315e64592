/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_timer.c: what is due at a connection when the wheel comes to its slot.
 */

#include <assert.h>

#include "hub_int.h"

#define HUB_TIMER_LOOK_S 15u /* longest time between two looks */

static void     hub_timer_conn(hub_conn_t *c);
static void     hub_timer_young(hub_conn_t *c, uint32_t now);
static void     hub_timer_live(hub_conn_t *c, uint32_t now);
static void     hub_timer_token(hub_conn_t *c);
static uint32_t hub_timer_next_s(const hub_conn_t *c, uint32_t now);


void
hub_timer_run(hub_t *h, uint32_t now)
{
    uint32_t    n;
    hub_conn_t *c, *list;

    for (n = 0; h->now_s != now && n < HUB_WHEEL_SLOTS; n++) {
        h->now_s++;

        if (n + 1 == HUB_WHEEL_SLOTS) {
            h->now_s = now; /* After a long pause every slot was visited. */
        }

        list = h->wheel[h->now_s % HUB_WHEEL_SLOTS];

        while (list != NULL) {
            c = list;
            hub_wheel_drop(c);
            hub_timer_conn(c);
            list = h->wheel[h->now_s % HUB_WHEEL_SLOTS];
        }
    }
}


static void
hub_timer_conn(hub_conn_t *c)
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
        hub_conn_drop(c); /* It accepts no byte, so no answer can come. */

    } else if (c->state < HUB_CONN_LIVE && !c->rewound) {
        hub_timer_young(c, now);

    } else {
        hub_timer_live(c, now);
    }

    if (c->state < HUB_CONN_CLOSING) {
        hub_wheel_add(c, hub_timer_next_s(c, now));
    }
}


/* The client has HUB_AUTH_MS to authenticate, and the hub has as long again to
 * look its session up and to load its tenant.  A client that is sent away
 * earlier because others need its place gets a code that says "try again". */

static void
hub_timer_young(hub_conn_t *c, uint32_t now)
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
hub_timer_live(hub_conn_t *c, uint32_t now)
{
    const hub_conf_t *conf;

    conf = &c->hub->conf;
    assert(c->tenant != NULL && c->user != NULL);

    if (now - c->seen_s >= conf->pong_s) {
        c->hub->pings_late++;
        hub_conn_close(c, HUB_CLOSE_PONG, "no pong");
        return;
    }

    hub_timer_token(c);

    if (c->typing != NULL && c->typing->active
        && hub_now_ms(c->hub) - c->typing->started_ms >= HUB_TYPING_STOP_MS)
    {
        hub_send_typing(c, false);
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

    if (c->state == HUB_CONN_LIVE && now - c->synced_s >= HUB_SYNC_S
        && c->cursor == c->tenant->ring.head + 1)
    {
        c->synced_s = now;
        hub_conn_push(c, hub_send_sync(c->tenant));
    }
}


static void
hub_timer_token(hub_conn_t *c)
{
    int64_t left;

    left = c->exp_s - hub_wall_s(c->hub);

    if (left <= -HUB_EXPIRED_GRACE_S) {
        hub_conn_close(c, HUB_CLOSE_EXPIRED, "token expired");

    } else if (left <= c->warn_s && !c->warned) {
        c->warned = true;
        hub_send_expiring(c, left);
    }
}


/* Returns after how many seconds something may be due at this connection.  An
 * idle one is not looked at every second, because there are very many. */

static uint32_t
hub_timer_next_s(const hub_conn_t *c, uint32_t now)
{
    size_t   i;
    int64_t  left;
    uint32_t next, at[5];

    if (c->state != HUB_CONN_LIVE || c->blocked
        || (c->typing != NULL && c->typing->active))
    {
        return 1;
    }

    next = HUB_TIMER_LOOK_S;
    at[0] = c->close_s;
    at[1] = c->ping_s + c->hub->conf.ping_s;
    at[2] = c->synced_s + HUB_SYNC_S;
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
