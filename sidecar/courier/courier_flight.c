/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier_flight.c: the messages in flight, which are claimed and not settled.
 */

#include "courier_int.h"

#include <assert.h>

#include <openssl/crypto.h>


void
courier_flight_wake(courier_t *c)
{
    if (c->claiming) {
        c->again = true;

    } else if (!c->stopping && c->conf->has_key) {
        c->loop->ops->timer_set(c->poll, 0);
    }
}


bool
courier_flight_has(const courier_t *c, const pt_uuid_t *message)
{
    const courier_job_t *j;

    for (j = c->jobs; j != NULL; j = j->next) {
        if (pt_uuid_eq(&j->msg.id, message)) {
            return true;
        }
    }

    return false;
}


void
courier_flight_del(courier_job_t *j)
{
    courier_t *c;

    c = j->courier;
    assert(c->njobs > 0);
    assert(j->prev != NULL || c->jobs == j);

    if (j->prev != NULL) {
        j->prev->next = j->next;

    } else {
        c->jobs = j->next;
    }

    if (j->next != NULL) {
        j->next->prev = j->prev;
    }

    c->njobs--;
    c->loop->ops->timer_del(j->timer);

    if (j->token.len > 0) {
        OPENSSL_cleanse((void *) (uintptr_t) j->token.data, j->token.len);
    }

    pt_arena_del(j->arena);
}
