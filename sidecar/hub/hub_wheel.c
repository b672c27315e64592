/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_wheel.c: a timing wheel with a slot for each second, which takes the
 * place of a timer for each connection.  It says when a connection is looked
 * at; hub_timer.c does what is due then.
 */

#include <assert.h>

#include "hub_int.h"


void
hub_wheel_add(hub_conn_t *c, uint32_t after_s)
{
    hub_conn_t **slot;

    assert(c->state != HUB_CONN_DEAD); /* It is in h->dead then. */
    assert(c->wheel_next == NULL && c->wheel_prev == NULL);

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


uint32_t
hub_wheel_close_s(const hub_conn_t *c)
{
    return (c->ws.failed || c->tenant == NULL) ? HUB_CLOSE_FAILED_S
                                               : HUB_CLOSE_S;
}


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
