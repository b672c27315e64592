/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * hub_bus.c: the channels of Redis that the hub listens to, three for each
 * tenant: ev: (doorbells), ctl: ("revoke <session>") and eph: (typing and
 * presence of other hubs).
 *
 * Any message may be lost: the poll (hub_db_poll.c) finds what matters.  Any
 * message may be forged: hub_trust.c checks those of ev: and eph:, and after a
 * "revoke" the session is looked up in the database.
 */

#include <assert.h>

#include "hub_glue.h"

#define BUS_CONNECT_MS 2000
#define BUS_PENDING_MAX 256
#define BUS_CHANNELS 3
#define BUS_CHANNEL_MAX (4 + PT_UUID_LEN)
#define BUS_PAYLOAD_MAX 8192u

typedef struct {
    char     text[BUS_CHANNELS][BUS_CHANNEL_MAX];
    pt_str_t names[BUS_CHANNELS];
} hub_bus_names_t;

static void   hub_bus_names(hub_bus_names_t *n, const pt_uuid_t *tenant);
static void   hub_bus_up(void *data);
static void   hub_bus_down(void *data);
static void   hub_bus_added(void *data, pt_str_t channel);
static void   hub_bus_message(void *data, pt_str_t channel, pt_str_t payload);
static void   hub_bus_doubt(hub_glue_t *g);
static size_t hub_bus_kind(pt_str_t channel, pt_uuid_t *tenant);
static void   hub_bus_each(void *data, const pt_uuid_t *tenant);
static void   hub_bus_control(hub_glue_t *g, const pt_uuid_t *tenant,
                              pt_str_t payload);

static const pt_str_t hub_bus_kinds[BUS_CHANNELS] = { { "ev:", 3 },
                                                      { "ctl:", 4 },
                                                      { "eph:", 4 } };


pt_err_t
hub_bus_start(hub_glue_t *g, const part_host_t *serve)
{
    pt_err_t            err;
    pt_redis_conf_t     conf;
    pt_redis_sub_conf_t sub;

    assert(g->pub == NULL && g->sub == NULL);

    memset(&conf, 0, sizeof(conf));
    conf.url = serve->conf->redis_url;
    conf.connect_timeout_ms = BUS_CONNECT_MS;
    conf.command_timeout_ms = BUS_CONNECT_MS;
    conf.pending_max = BUS_PENDING_MAX;
    conf.mem = serve->mem;
    err = pt_redis_new(g->loop, &conf, &g->pub);

    if (err != PT_OK) {
        return err;
    }

    memset(&sub, 0, sizeof(sub));
    sub.url = serve->conf->redis_url;
    sub.connect_timeout_ms = BUS_CONNECT_MS;
    sub.mem = serve->mem;
    sub.data = g;
    sub.on_up = hub_bus_up;
    sub.on_down = hub_bus_down;
    sub.on_added = hub_bus_added;
    sub.on_message = hub_bus_message;

    return pt_redis_sub_new(g->loop, &sub, &g->sub);
}


void
hub_bus_stop(hub_glue_t *g)
{
    pt_redis_sub_del(g->sub);
    g->sub = NULL;

    if (g->pub != NULL) {
        pt_redis_del(g->pub);
        g->pub = NULL;
    }
}


void
hub_bus_publish(void *env, const pt_uuid_t *tenant, pt_str_t payload)
{
    char            text[BUS_PAYLOAD_MAX];
    size_t          n;
    hub_glue_t     *g;
    hub_bus_names_t names;

    g = env;

    if (g->pub == NULL) {
        return;
    }

    hub_bus_names(&names, tenant);
    n = hub_trust_seal(&g->trust, names.names[2], payload,
                       g->loop->ops->wall_us(g->loop), text, sizeof(text));

    if (n > 0) {
        (void) pt_redis_publish(g->pub, names.names[2], (pt_str_t){ text, n });
    }
}


void
hub_bus_tenant_on(void *env, const pt_uuid_t *tenant)
{
    hub_glue_t     *g;
    hub_bus_names_t n;

    g = env;

    if (g->sub != NULL) {
        hub_bus_names(&n, tenant);
        pt_redis_sub_add(g->sub, n.names, BUS_CHANNELS);
    }
}


void
hub_bus_tenant_off(void *env, const pt_uuid_t *tenant)
{
    hub_glue_t     *g;
    hub_bus_names_t n;

    g = env;

    if (g->sub != NULL) {
        hub_bus_names(&n, tenant);
        pt_redis_sub_drop(g->sub, n.names, BUS_CHANNELS);
    }
}


static void
hub_bus_names(hub_bus_names_t *n, const pt_uuid_t *tenant)
{
    size_t i, len;

    for (i = 0; i < BUS_CHANNELS; i++) {
        len = hub_bus_kinds[i].len;
        memcpy(n->text[i], hub_bus_kinds[i].data, len);
        pt_uuid_build(tenant, n->text[i] + len);
        n->names[i] = (pt_str_t){ n->text[i], len + PT_UUID_LEN };
    }
}


static void
hub_bus_up(void *data)
{
    hub_glue_t *g;

    g = data;
    hub_tenants_all(g->hub, hub_bus_each, g);
    hub_db_poll_now(g); /* doorbells were lost while Redis was away */
}


static void
hub_bus_each(void *data, const pt_uuid_t *tenant)
{
    hub_bus_tenant_on(data, tenant);
}


static void
hub_bus_down(void *data)
{
    PT_UNUSED(data); /* The poll goes on and finds what is new. */
}


/* Redis has confirmed a subscription.  An event that came between the load of
 * the log and now was not announced to this hub, so it polls at once. */

static void
hub_bus_added(void *data, pt_str_t channel)
{
    pt_uuid_t   tenant;
    hub_glue_t *g;

    g = data;

    switch (hub_bus_kind(channel, &tenant)) {

    case 0:
        hub_db_poll_now(g);
        break;

    case 2:
        hub_on_listening(g->hub, &tenant);
        break;

    default:
        break;
    }
}


static void
hub_bus_message(void *data, pt_str_t channel, pt_str_t payload)
{
    int64_t     now;
    pt_str_t    said;
    pt_uuid_t   tenant;
    hub_glue_t *g;

    g = data;
    now = g->loop->ops->wall_us(g->loop);

    switch (hub_bus_kind(channel, &tenant)) {

    case 0:
        hub_on_bell(g->hub, &tenant,
                    hub_trust_event(&g->trust, channel, payload, now));
        break;

    case 1:
        hub_bus_control(g, &tenant, payload);
        break;

    case 2:
        if (hub_trust_open(&g->trust, channel, payload, now, &said)) {
            hub_on_ephemeral(g->hub, &tenant, said);
        }

        break;

    default:
        break;
    }

    hub_bus_doubt(g);
}


/* Logs that messages were refused since it was last called.  serve.c keeps the
 * same line from being logged more than once a minute. */

static void
hub_bus_doubt(hub_glue_t *g)
{
    uint64_t n;

    n = g->trust.unsigned_events + g->trust.refused;

    if (n != g->doubted) {
        g->doubted = n;
        g->loop->ops->log(
            g->loop, PT_LOG_WARN,
            "pytake: hub: Redis has frames that are not signed with this JWT "
            "secret (another secret, an earlier version, a clock more than "
            "30 s off, or somebody else writes there): events are read from "
            "the database, typing and presence of other hubs are dropped");
    }
}


/* Returns the index of the channel's kind in hub_bus_kinds and its *tenant, or
 * BUS_CHANNELS when the channel is not one of these. */

static size_t
hub_bus_kind(pt_str_t channel, pt_uuid_t *tenant)
{
    size_t i, len;

    for (i = 0; i < BUS_CHANNELS; i++) {
        len = hub_bus_kinds[i].len;

        if (channel.len == len + PT_UUID_LEN
            && memcmp(channel.data, hub_bus_kinds[i].data, len) == 0
            && pt_uuid_parse((pt_str_t){ channel.data + len, PT_UUID_LEN },
                             tenant))
        {
            break;
        }
    }

    return i;
}


static void
hub_bus_control(hub_glue_t *g, const pt_uuid_t *tenant, pt_str_t payload)
{
    pt_uuid_t session;

    if (payload.len == 7 + PT_UUID_LEN
        && memcmp(payload.data, "revoke ", 7) == 0
        && pt_uuid_parse((pt_str_t){ payload.data + 7, PT_UUID_LEN }, &session))
    {
        hub_on_doubt(g->hub, tenant, &session);
    }
}
