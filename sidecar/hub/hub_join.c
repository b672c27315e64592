/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_join.c: a socket's session was looked up: whose it is from here on.
 */

#include "core/pt_perm.h"
#include "hub_int.h"

#define HUB_NAME_MAX 200u

static void hub_session_again(hub_conn_t *c, pt_err_t err, bool alive);
static void hub_session_checked(hub_conn_t *c, pt_err_t err, bool alive);
static void hub_join(hub_conn_t *c, hub_tenant_t *t, hub_user_t *u);


void
hub_on_session(hub_t *h, uint64_t ticket, pt_err_t err, bool alive,
               const pt_uuid_t *tenant, const pt_uuid_t *user, pt_str_t name,
               pt_str_t role)
{
    hub_conn_t   *c;
    hub_user_t   *u;
    hub_tenant_t *t;

    c = hub_conn_find(h, ticket & ~HUB_TICKET_CHECK);

    if (c == NULL || c->state >= HUB_CONN_CLOSING) {
        return;
    }

    if (err == PT_OK && alive) {
        c->may_type = pt_role_may(role, PT_PERM_TYPING);

        if (!pt_role_may(role, PT_PERM_CONVERSATION_READ)) {
            hub_conn_close(c, HUB_CLOSE_FORBIDDEN, "not allowed");
            return;
        }
    }

    if (c->state != HUB_CONN_CHECK) {
        if (ticket & HUB_TICKET_CHECK) {
            hub_session_checked(c, err, alive);

        } else {
            hub_session_again(c, err, alive);
        }

        return;
    }

    if (err != PT_OK) {
        hub_conn_close(c, HUB_CLOSE_BACKEND, "backend unavailable");
        return;
    }

    if (!alive) {
        h->auth_failures++;
        hub_conn_end(c, HUB_CLOSE_REVOKED, "session ended");
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


/* The answer about another session of a live socket: see hub_proto.c. */

static void
hub_session_again(hub_conn_t *c, pt_err_t err, bool alive)
{
    if (!c->refreshing) {
        return;
    }

    c->refreshing = false;

    if (err != PT_OK) {
        hub_say_error(c, "backend_unavailable", "try again");

    } else if (!alive) {
        hub_conn_close(c, HUB_CLOSE_REVOKED, "session ended");

    } else {
        c->session = c->since_id;
        c->checking = false; /* the answer is of the former one */
        hub_proto_refreshed(c, c->since_seq);
    }
}


/* Revocations are rows that the poll finds.  A database that was put back to
 * an earlier state has neither those nor the sessions that came later. */

void
hub_session_check(hub_conn_t *c)
{
    pt_claims_t claims;

    if (c->checking) {
        return; /* still not answered */
    }

    memset(&claims, 0, sizeof(claims));
    claims.sub = c->user->id;
    claims.tenant_id = c->tenant->id;
    claims.sid = c->session;

    if (c->hub->conf.ops->check_session(c->hub->conf.env, &claims,
                                        c->ticket | HUB_TICKET_CHECK)
        == PT_OK)
    {
        c->checking = true;
    }
}


static void
hub_session_checked(hub_conn_t *c, pt_err_t err, bool alive)
{
    if (c->checking && err == PT_OK && !alive) {
        hub_conn_close(c, HUB_CLOSE_REVOKED, "session ended");
    }

    c->checking = false;

    if (c->doubted && c->state < HUB_CONN_CLOSING) {
        c->doubted = false;
        hub_session_check(c);
    }
}


hub_user_t *
hub_user_find(const hub_tenant_t *t, const pt_uuid_t *id)
{
    hub_user_t *u;

    for (u = t->users; u != NULL && !pt_uuid_eq(&u->id, id); u = u->next) {
        /* the one of that id */
    }

    return u;
}


hub_user_t *
hub_user_get(hub_tenant_t *t, const pt_uuid_t *id, pt_str_t name)
{
    hub_user_t *u;

    u = hub_user_find(t, id);

    if (u == NULL) {
        u = hub_alloc(t->hub, sizeof(hub_user_t));

        if (u == NULL) {
            return NULL;
        }

        memset(u, 0, sizeof(hub_user_t));
        u->id = *id;
        u->next = t->users;
        t->users = u;
    }

    if (u->name == NULL && name.data != NULL) {
        name = pt_utf8_prefix(name, HUB_NAME_MAX);
        u->name = hub_alloc(t->hub, name.len + 1);

        if (u->name == NULL) {
            return NULL; /* it stays, and is nobody's */
        }

        memcpy(u->name, name.data, name.len);
        u->name_len = (uint16_t) name.len;
    }

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
    c->check_s =
        c->hub->now_s - (uint32_t) (c->ticket % (HUB_SESSION_CHECK_S / 2));

    if (t->nconns++ == 0) {
        hub_room_busy(t);
    }

    hub_conn_link(c, &t->conns);
    hub_here_join(c);
    hub_tenant_join(c);
}
