/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_user.c: the users of a tenant who have sockets on this hub or on others.
 */

#include <assert.h>

#include "hub_int.h"

#define HUB_NAME_MAX 200u /* bytes of a name that are kept */


hub_user_t *
hub_user_find(const hub_tenant_t *t, const pt_uuid_t *id)
{
    hub_user_t *u;

    for (u = t->users; u != NULL && !pt_uuid_eq(&u->id, id); u = u->next) {
        /* up to the user of that id, or the end */
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
            return NULL; /* The user stays, without sockets. */
        }

        memcpy(u->name, name.data, name.len);
        u->name_len = (uint16_t) name.len;
    }

    return u;
}


void
hub_user_leave(hub_conn_t *c)
{
    hub_user_t *u;

    if (!c->counted) {
        return;
    }

    u = c->user;
    assert(u != NULL && u->conns > 0);
    c->counted = false;
    u->conns--;

    if (u->conns == 0) {
        memset(&u->local, 0, sizeof(u->local));
        u->left_s = c->hub->now_s;

    } else if (!pt_uuid_is_nil(&c->watch)
               && pt_uuid_eq(&u->local.viewing, &c->watch))
    {
        memset(&u->local.viewing, 0, sizeof(u->local.viewing));
        u->remote_last = u->remote.status != HUB_PRESENCE_OFFLINE;

    } else {
        return;
    }

    u->spread = true;
    c->tenant->restless = true;
}
