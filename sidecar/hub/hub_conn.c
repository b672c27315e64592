/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_conn.c: one connection: the queue of its control frames, its end, and the
 * lists that it is in.
 */

#include <assert.h>

#include "hub_int.h"


const uint16_t hub_conn_close_codes[HUB_CLOSE_CODES] = {
    1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011,
    1013, 4000, 4001, 4002, 4003, 4004, 4005, 4006,
    4007, 4101, 4102, 4103, 4200, 4201, 4202, 0 /* others */
};


void
hub_conn_push(hub_conn_t *c, hub_frame_t *f)
{
    hub_out_t *o, **last;

    assert((c->out == NULL) == (c->nout == 0));

    if (f == NULL || c->state == HUB_CONN_DEAD || c->close_sent) {
        return;
    }

    if (c->nout >= HUB_PRIVATE_MAX) {
        hub_conn_drop(c); /* The client asks, but reads no answers. */
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
        /* up to the end, which is near: HUB_PRIVATE_MAX frames at most */
    }

    *last = o;
    c->nout++;
    hub_conn_dirty(c);
}


void
hub_conn_send(hub_conn_t *c, pt_str_t json)
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

    assert(reason != NULL);
    n = strlen(reason);
    n = (n < sizeof(payload) - 2) ? n : sizeof(payload) - 2;
    payload[0] = (char) (code >> 8);
    payload[1] = (char) (code & 0xff);
    memcpy(payload + 2, reason, n);

    f = hub_frame_new(&c->hub->conf.mem, HUB_WS_OP_CLOSE, 0, NULL,
                      (pt_str_t){ payload, n + 2 });

    if (f == NULL) {
        hub_conn_drop(c);
        return;
    }

    c->hub->closes[hub_conn_close_index(code)]++;
    hub_user_leave(c);
    hub_conn_push(c, f);
    hub_frame_unref(&c->hub->conf.mem, f);

    if (c->state != HUB_CONN_DEAD) {
        c->state = HUB_CONN_CLOSING;
        c->close_sent = true;
        c->born_s = c->hub->now_s; /* HUB_CLOSE_S counts from here. */
        hub_wheel_drop(c);
        hub_wheel_add(c, hub_wheel_close_s(c));
    }
}


void
hub_conn_drop(hub_conn_t *c)
{
    if (c->state == HUB_CONN_DEAD) {
        return;
    }

    c->state = HUB_CONN_DEAD;
    hub_wheel_drop(c);
    c->wheel_next = c->hub->dead;
    c->hub->dead = c;
}


hub_conn_t *
hub_conn_find(hub_t *h, uint64_t ticket)
{
    hub_conn_t *c;

    for (c = h->index[ticket & h->index_mask]; c != NULL; c = c->index_next) {
        if (c->ticket == ticket) {
            return c;
        }
    }

    return NULL;
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


void
hub_conn_link(hub_conn_t *c, hub_conn_t **list)
{
    assert(c->prev == NULL && c->next == NULL);
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
        assert(c->prev->next == c);
        c->prev->next = c->next;

    } else {
        assert(*list == c);
        *list = c->next;
    }

    if (c->next != NULL) {
        assert(c->next->prev == c);
        c->next->prev = c->prev;
    }

    c->next = NULL;
    c->prev = NULL;
}


size_t
hub_conn_close_index(uint16_t code)
{
    size_t i;

    for (i = 0; i < PT_COUNT(hub_conn_close_codes) - 1; i++) {
        if (hub_conn_close_codes[i] == code) {
            return i;
        }
    }

    return PT_COUNT(hub_conn_close_codes) - 1;
}
