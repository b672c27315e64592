/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_session.c: the session of a socket was looked up, so the socket joins its
 * user and tenant, or is closed.
 */

#include <assert.h>

#include "core/trust/pt_perm.h"
#include "hub_int.h"

static void hub_session_again(hub_conn_t *c, pt_err_t err, bool alive);
static void hub_session_checked(hub_conn_t *c, pt_err_t err, bool alive);
static void hub_session(hub_conn_t *c, hub_tenant_t *t, hub_user_t *u);


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
        c->may_type = pt_perm_may(role, PT_PERM_TYPING);

        if (!pt_perm_may(role, PT_PERM_CONVERSATION_READ)) {
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
        hub_write_end(c, HUB_CLOSE_REVOKED, "session ended");
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

    hub_session(c, t, u);
}


/* The answer about another session of a live socket, which hub_proto_refresh()
 * has asked for. */

static void
hub_session_again(hub_conn_t *c, pt_err_t err, bool alive)
{
    if (!c->refreshing) {
        return;
    }

    c->refreshing = false;

    if (err != PT_OK) {
        hub_send_error(c, "backend_unavailable", "try again");

    } else if (!alive) {
        hub_conn_close(c, HUB_CLOSE_REVOKED, "session ended");

    } else {
        c->session = c->since_id;
        c->checking = false; /* That answer is about the former one. */
        hub_proto_refreshed(c, c->since_seq);
    }
}


/* The poll finds sessions whose rows say that they were revoked.  But after a
 * database was restored to an earlier state the rows of later sessions are
 * missing, which only this look-up notices. */

void
hub_session_check(hub_conn_t *c)
{
    pt_claims_t claims;

    assert(c->user != NULL && c->tenant != NULL);

    if (c->checking) {
        return; /* The last look-up is not answered yet. */
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


static void
hub_session(hub_conn_t *c, hub_tenant_t *t, hub_user_t *u)
{
    assert(c->tenant == NULL && c->state == HUB_CONN_CHECK && !c->counted);
    assert(c->hub->nstrangers > 0);
    hub_conn_unlink(c, &c->hub->strangers);
    c->hub->nstrangers--;
    c->tenant = t;
    c->user = u;
    u->conns++;
    c->counted = true;
    c->check_s =
        c->hub->now_s - (uint32_t) (c->ticket % (HUB_SESSION_CHECK_S / 2));

    if (t->nconns++ == 0) {
        hub_memory_busy(t);
    }

    hub_conn_link(c, &t->conns);
    hub_presence_join(c);
    hub_tenant_join(c);

    if (t->state == HUB_TENANT_READY) {
        hub_resume(c);
    }
}
