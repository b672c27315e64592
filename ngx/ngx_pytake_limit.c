/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pytake_requests: how many requests may be under way, of one network and of
 * all together, and how many large ones.
 *
 * Each worker counts for itself in its copy of the configuration.  NGINX's
 * limit_conn counts in shared memory, where the requests of a killed worker
 * stay counted through every reload; after some crashes it would let nobody in
 * any more, not even WhatsApp.
 *
 * When the places of all networks are taken, a new request takes the place of
 * one whose body is not there yet.  That is one of the network with the most
 * requests under way, if it has more than the new request's; else one that has
 * had its time.  Otherwise a few networks that send slowly would keep
 * everybody else out.
 */

#include "ngx_pytake.h"

#define NGX_PYTAKE_LIMIT_MAX 65536     /* highest limit that can be set */
#define NGX_PYTAKE_LIMIT_PATIENCE 1000 /* ms that every body has */


typedef struct ngx_pytake_net_s   ngx_pytake_net_t;
typedef struct ngx_pytake_guest_s ngx_pytake_guest_t;

/* A network that has requests under way; on the heap. */
struct ngx_pytake_net_s {
    ngx_pytake_net_t *next; /* in its bucket */
    ngx_uint_t        count[NGX_PYTAKE_LIMIT_SIZES];
    size_t            len;
    u_char            key[NGX_PYTAKE_NETWORK_MAX];
};

/* A request that is counted, in its r->pool. */
struct ngx_pytake_guest_s {
    ngx_queue_t         queue; /* in the guests of its location */
    ngx_pytake_limit_t *limit; /* NULL: it is counted no more */
    ngx_pytake_net_t   *net;
    ngx_pytake_ctx_t   *ctx;
    ngx_msec_t          since; /* when it came, ngx_current_msec */
    ngx_uint_t          sizes; /* how many counts it is in: 1; a large one 2 */
};


static ngx_int_t ngx_pytake_limit_param(ngx_conf_t *cf, ngx_pytake_limit_t *c,
                                        ngx_str_t *value);
static ngx_pytake_net_t   *ngx_pytake_limit_net(ngx_pytake_limit_t *c,
                                                ngx_http_request_t *r);
static ngx_uint_t          ngx_pytake_limit_room(ngx_pytake_guest_t  *guest,
                                                 ngx_pytake_guest_t **leaves);
static ngx_pytake_guest_t *ngx_pytake_limit_slow(ngx_pytake_guest_t *guest,
                                                 ngx_uint_t          sizes);
static void                ngx_pytake_limit_evict(ngx_pytake_guest_t *guest);
static void                ngx_pytake_limit_leave(void *data);
static void                ngx_pytake_limit_forget(ngx_pytake_limit_t *c,
                                                   ngx_pytake_net_t   *net);
static ngx_uint_t          ngx_pytake_limit_bucket(u_char *key, size_t len);
static void ngx_pytake_limit_guest(ngx_pytake_guest_t *g, ngx_pytake_limit_t *c,
                                   ngx_http_request_t *r,
                                   ngx_pytake_ctx_t   *ctx);


static const struct {
    ngx_str_t  name;
    size_t     offset;
    ngx_uint_t size; /* 1: a size in bytes; 0: a number of requests */
} ngx_pytake_limit_params[] = {
    { ngx_string("network="), offsetof(ngx_pytake_limit_t, net_max[0]), 0 },
    { ngx_string("all="), offsetof(ngx_pytake_limit_t, max[0]), 0 },
    { ngx_string("large="), offsetof(ngx_pytake_limit_t, large), 1 },
    { ngx_string("large_network="), offsetof(ngx_pytake_limit_t, net_max[1]),
      0 },
    { ngx_string("large_all="), offsetof(ngx_pytake_limit_t, max[1]), 0 }
};

#define NGX_PYTAKE_LIMIT_PARAMS                                                \
    (sizeof(ngx_pytake_limit_params) / sizeof(ngx_pytake_limit_params[0]))


char *
ngx_pytake_limit_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_pytake_loc_conf_t *plcf = conf;

    ngx_str_t          *value;
    ngx_uint_t          i;
    ngx_pytake_limit_t *c;

    if (plcf->limit != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        plcf->limit = NULL;
        return NGX_CONF_OK;
    }

    c = ngx_pcalloc(cf->pool, sizeof(ngx_pytake_limit_t));
    if (c == NULL) {
        return NGX_CONF_ERROR;
    }

    plcf->limit = c;
    ngx_queue_init(&c->guests);

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_pytake_limit_param(cf, c, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if ((c->large != 0) != (c->max[1] != 0 || c->net_max[1] != 0)) {
        return "needs \"large_network\" or \"large_all\" with \"large\", "
               "and \"large\" with them";
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_pytake_limit_param(ngx_conf_t *cf, ngx_pytake_limit_t *c, ngx_str_t *value)
{
    ngx_int_t   n, max;
    ngx_str_t   s;
    ngx_uint_t  i, *p;
    const char *range;

    for (i = 0; i < NGX_PYTAKE_LIMIT_PARAMS; i++) {
        s = ngx_pytake_limit_params[i].name;

        if (value->len > s.len && ngx_strncmp(value->data, s.data, s.len) == 0)
        {
            break;
        }
    }

    if (i == NGX_PYTAKE_LIMIT_PARAMS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                           value);
        return NGX_ERROR;
    }

    p = (ngx_uint_t *) ((u_char *) c + ngx_pytake_limit_params[i].offset);
    s.data = value->data + s.len;
    s.len = value->len - s.len;

    if (ngx_pytake_limit_params[i].size) {
        n = ngx_parse_size(&s);
        max = PT_WEBHOOK_BODY_MAX;
        range = "a size from 1 to 4m";

    } else {
        n = ngx_atoi(s.data, s.len);
        max = NGX_PYTAKE_LIMIT_MAX;
        range = "a number from 1 to 65536";
    }

    if (n <= 0 || n > max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\": %s is expected", value,
                           range);
        return NGX_ERROR;
    }

    if (*p) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "duplicate \"%V\"", value);
        return NGX_ERROR;
    }

    *p = (ngx_uint_t) n;

    return NGX_OK;
}


ngx_int_t
ngx_pytake_limit_enter(ngx_http_request_t *r, ngx_pytake_ctx_t *ctx)
{
    ngx_uint_t          i;
    ngx_pool_cleanup_t *cln;
    ngx_pytake_limit_t *c;
    ngx_pytake_net_t   *net;
    ngx_pytake_guest_t *guest, *leaves;

    c = ngx_pytake_loc_conf(r)->limit;

    if (c == NULL || ctx->counted || r != r->main) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_pytake_guest_t));
    if (cln == NULL) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    net = ngx_pytake_limit_net(c, r);
    if (net == NULL) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    guest = cln->data;
    guest->net = net;
    ngx_pytake_limit_guest(guest, c, r, ctx);

    if (!ngx_pytake_limit_room(guest, &leaves)) {
        ngx_pytake_limit_forget(c, net);
        ngx_pytake_log(r, NGX_PYTAKE_LOG_LIMIT, NULL);

        return ctx->found.webhook ? NGX_HTTP_SERVICE_UNAVAILABLE
                                  : NGX_HTTP_TOO_MANY_REQUESTS;
    }

    for (i = 0; i < guest->sizes; i++) {
        c->count[i]++;
        net->count[i]++;
    }

    ngx_queue_insert_tail(&c->guests, &guest->queue);

    cln->handler = ngx_pytake_limit_leave;
    ctx->counted = 1;

    if (leaves) {
        ngx_pytake_limit_evict(leaves);
    }

    return NGX_OK;
}


/* Fills what is known of a request but its network.  A body whose length is
 * not told counts as a large one. */

static void
ngx_pytake_limit_guest(ngx_pytake_guest_t *g, ngx_pytake_limit_t *c,
                       ngx_http_request_t *r, ngx_pytake_ctx_t *ctx)
{
    off_t len;

    len = r->headers_in.content_length_n;

    g->limit = c;
    g->ctx = ctx;
    g->since = ngx_current_msec;
    g->sizes = 1;

    if (c->large
        && (len < 0 ? ngx_pytake_body_awaited(r) : len >= (off_t) c->large))
    {
        g->sizes = 2;
    }
}


/* Whether there is room for a request.  *leaves is the one that has to leave
 * for it, or NULL. */

static ngx_uint_t
ngx_pytake_limit_room(ngx_pytake_guest_t *guest, ngx_pytake_guest_t **leaves)
{
    ngx_uint_t          i, full;
    ngx_pytake_net_t   *net;
    ngx_pytake_limit_t *c;

    c = guest->limit;
    net = guest->net;
    *leaves = NULL;
    full = 0;

    assert(guest->sizes >= 1 && guest->sizes <= NGX_PYTAKE_LIMIT_SIZES);

    for (i = 0; i < guest->sizes; i++) {

        if (c->net_max[i] && net->count[i] >= c->net_max[i]) {
            return 0;
        }

        if (c->max[i] && c->count[i] >= c->max[i]) {
            full = i + 1;
        }
    }

    if (full) {
        *leaves = ngx_pytake_limit_slow(guest, full);
    }

    return !full || *leaves;
}


/* Finds a request whose body is not there yet and that may have to leave,
 * among those that are in at least sizes counts: a large one is in both
 * counts, and makes room in both. */

static ngx_pytake_guest_t *
ngx_pytake_limit_slow(ngx_pytake_guest_t *guest, ngx_uint_t sizes)
{
    ngx_uint_t          i;
    ngx_queue_t        *q, *guests;
    ngx_pytake_guest_t *g, *most;

    assert(sizes >= 1 && sizes <= guest->sizes);

    i = sizes - 1;
    guests = &guest->limit->guests;
    most = NULL;

    for (q = ngx_queue_head(guests); q != ngx_queue_sentinel(guests);
         q = ngx_queue_next(q))
    {
        g = ngx_queue_data(q, ngx_pytake_guest_t, queue);

        if (g->sizes >= sizes && g->ctx->body_timer
            && g->ctx->body_timer->timer_set
            && (most == NULL || g->net->count[i] > most->net->count[i]))
        {
            most = g;
        }
    }

    if (most == NULL || most->net->count[i] > guest->net->count[i] + 1
        || ngx_current_msec - most->since >= NGX_PYTAKE_LIMIT_PATIENCE)
    {
        return most;
    }

    return NULL;
}


/* The request is counted no more.  It is ended from the event of its body's
 * time, as one that took too long, for another request is being handled
 * here. */

static void
ngx_pytake_limit_evict(ngx_pytake_guest_t *guest)
{
    ngx_event_t *ev;

    ev = guest->ctx->body_timer;
    assert(ev != NULL && ev->timer_set);

    ngx_pytake_limit_leave(guest);

    ngx_del_timer(ev);
    ngx_post_event(ev, &ngx_posted_events);
}


static void
ngx_pytake_limit_leave(void *data)
{
    ngx_pytake_guest_t *guest = data;

    ngx_uint_t          i;
    ngx_pytake_limit_t *c;

    c = guest->limit;

    if (c == NULL) {
        return;
    }

    for (i = 0; i < guest->sizes; i++) {
        assert(c->count[i] > 0 && guest->net->count[i] > 0);
        c->count[i]--;
        guest->net->count[i]--;
    }

    ngx_queue_remove(&guest->queue);
    ngx_pytake_limit_forget(c, guest->net);
    guest->limit = NULL;
}


/* Finds the request's network, or makes it.  NULL means that there is no
 * memory. */

static ngx_pytake_net_t *
ngx_pytake_limit_net(ngx_pytake_limit_t *c, ngx_http_request_t *r)
{
    size_t            len;
    u_char            key[NGX_PYTAKE_NETWORK_MAX];
    ngx_uint_t        i;
    ngx_pytake_net_t *net;

    len = ngx_pytake_network(r, key);
    i = ngx_pytake_limit_bucket(key, len);

    for (net = c->net[i]; net; net = net->next) {
        if (net->len == len && ngx_memcmp(net->key, key, len) == 0) {
            return net;
        }
    }

    net = ngx_alloc(sizeof(ngx_pytake_net_t), r->connection->log);
    if (net == NULL) {
        return NULL;
    }

    ngx_memzero(net, sizeof(ngx_pytake_net_t));
    ngx_memcpy(net->key, key, len);
    net->len = len;
    net->next = c->net[i];
    c->net[i] = net;

    return net;
}


/* Frees a network that has no request under way. */

static void
ngx_pytake_limit_forget(ngx_pytake_limit_t *c, ngx_pytake_net_t *net)
{
    ngx_uint_t         i;
    ngx_pytake_net_t **p;

    if (net->count[0]) {
        return;
    }

    i = ngx_pytake_limit_bucket(net->key, net->len);

    for (p = &c->net[i]; *p != net; p = &(*p)->next) {
        assert(*p != NULL);
    }

    *p = net->next;
    ngx_free(net);
}


static ngx_uint_t
ngx_pytake_limit_bucket(u_char *key, size_t len)
{
    assert(len > 0 && len <= NGX_PYTAKE_NETWORK_MAX);

    return ngx_murmur_hash2(key, len) % NGX_PYTAKE_LIMIT_BUCKETS;
}
