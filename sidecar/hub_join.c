/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_join.c: a socket's session was looked up: whose it is from here on.
 */

#include "hub_int.h"

static hub_conn_t *hub_stranger_find(hub_t *h, uint64_t ticket);
static void        hub_session_again(hub_t *h, uint64_t ticket, pt_err_t err,
                                     bool alive, const pt_uuid_t *tenant);
static hub_user_t *hub_user_get(hub_tenant_t *t, const pt_uuid_t *id,
                                pt_str_t name);
static void        hub_join(hub_conn_t *c, hub_tenant_t *t, hub_user_t *u);


void
hub_on_session(hub_t *h, uint64_t ticket, pt_err_t err, bool alive,
               const pt_uuid_t *tenant, const pt_uuid_t *user, pt_str_t name)
{
    hub_conn_t   *c;
    hub_user_t   *u;
    hub_tenant_t *t;

    c = hub_stranger_find(h, ticket);

    if (c == NULL || c->state != HUB_CONN_CHECK) {
        hub_session_again(h, ticket, err, alive, tenant);
        return;
    }

    if (err != PT_OK) {
        hub_conn_close(c, HUB_CLOSE_BACKEND, "backend unavailable");
        return;
    }

    if (!alive) {
        h->auth_failures++;
        hub_conn_close(c, HUB_CLOSE_REVOKED, "session ended");
        return;
    }

    t = hub_tenant_get(h, tenant);
    u = (t == NULL) ? NULL : hub_user_get(t, user, name);

    if (u == NULL) {
        hub_conn_close(c, 1013, "out of memory");
        return;
    }

    if (u->conns >= HUB_USER_CONNS_MAX) {
        hub_conn_close(c, HUB_CLOSE_TOO_MANY, "too many connections");
        return;
    }

    hub_join(c, t, u);
}


static hub_conn_t *
hub_stranger_find(hub_t *h, uint64_t ticket)
{
    hub_conn_t *c;

    for (c = h->strangers; c != NULL; c = c->next) {
        if (c->ticket == ticket) {
            return c;
        }
    }

    return NULL;
}


/* The answer about another session of a live socket: see hub_proto.c. */

static void
hub_session_again(hub_t *h, uint64_t ticket, pt_err_t err, bool alive,
                  const pt_uuid_t *tenant)
{
    hub_conn_t   *c;
    hub_tenant_t *t;

    t = (tenant == NULL) ? NULL : hub_tenant_find(h, tenant);

    for (c = (t == NULL) ? NULL : t->conns; c != NULL; c = c->next) {
        if (c->ticket == ticket) {
            break;
        }
    }

    if (c == NULL || !c->refreshing || c->state >= HUB_CONN_CLOSING) {
        return;
    }

    c->refreshing = false;

    if (err != PT_OK) {
        hub_say_error(c, "backend_unavailable", "try again");

    } else if (!alive) {
        hub_conn_close(c, HUB_CLOSE_REVOKED, "session ended");

    } else {
        c->session = c->since_id;
        hub_proto_refreshed(c, c->since_seq);
    }
}


static hub_user_t *
hub_user_get(hub_tenant_t *t, const pt_uuid_t *id, pt_str_t name)
{
    hub_user_t *u;

    for (u = t->users; u != NULL; u = u->next) {
        if (pt_uuid_eq(&u->id, id)) {
            return u;
        }
    }

    name = pt_utf8_prefix(name, 200);
    u = hub_alloc(t->hub, sizeof(hub_user_t) + name.len);

    if (u == NULL) {
        return NULL;
    }

    u->id = *id;
    u->conns = 0;
    u->name_len = (uint16_t) name.len;

    if (name.len > 0) {
        memcpy(u->name, name.data, name.len);
    }

    u->next = t->users;
    t->users = u;

    return u;
}


static void
hub_join(hub_conn_t *c, hub_tenant_t *t, hub_user_t *u)
{
    hub_conn_unlink(c, &c->hub->strangers);
    c->hub->nstrangers--;
    c->tenant = t;
    c->user = u;
    u->conns++;
    c->counted = true;
    t->nconns++;
    hub_conn_link(c, &t->conns);
    c->hub->conf.ops->admitted(c->sock);
    hub_tenant_join(c);
}
