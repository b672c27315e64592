/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The module's entry: its directives, the check of the whole configuration,
 * the registration of handlers, and what happens when a worker starts and
 * ends.
 */

#include "ngx_pytake.h"

#define NGX_PYTAKE_JWT_GOOD 32 /* bytes that HS256 needs (RFC 7518, 3.2) */


static ngx_int_t ngx_pytake_preconf(ngx_conf_t *cf);
static ngx_int_t ngx_pytake_postconf(ngx_conf_t *cf);
static void     *ngx_pytake_create_main_conf(ngx_conf_t *cf);
static char     *ngx_pytake_init_main_conf(ngx_conf_t *cf, void *conf);
static char *ngx_pytake_check_api(ngx_conf_t *cf, ngx_pytake_main_conf_t *pmcf);
static void  ngx_pytake_warn_api(ngx_conf_t *cf, ngx_pytake_main_conf_t *pmcf);
static ngx_int_t ngx_pytake_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_pytake_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_pytake_init_process(ngx_cycle_t *cycle);
static void      ngx_pytake_exit_process(ngx_cycle_t *cycle);


static ngx_http_output_header_filter_pt ngx_http_next_header_filter;

static ngx_conf_post_t ngx_pytake_msec_post = { ngx_pytake_conf_msec };
static ngx_conf_post_t ngx_pytake_sec_post = { ngx_pytake_conf_sec };

static ngx_pytake_count_t ngx_pytake_count_read = {
    1, 64, "depth=", offsetof(ngx_pytake_main_conf_t, read_depth), 1, 256
};

static ngx_pytake_count_t ngx_pytake_count_write = {
    1, 64, "tenant=", offsetof(ngx_pytake_main_conf_t, write_tenant), 1, 64
};

static ngx_pytake_count_t ngx_pytake_count_slow = { 1, 64, NULL, 0, 0, 0 };

static ngx_pytake_count_t ngx_pytake_count_queue = { 1, 65536, NULL, 0, 0, 0 };

static ngx_pytake_count_t ngx_pytake_count_hashes = {
    1, 64, "queue=", offsetof(ngx_pytake_main_conf_t, hashes_queue), 1, 4096
};

#define ngx_pytake_main_offset(f) offsetof(ngx_pytake_main_conf_t, f)
#define ngx_pytake_loc_offset(f) offsetof(ngx_pytake_loc_conf_t, f)

#define NGX_PYTAKE_ALL_LEVELS                                                  \
    (NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF)
#define NGX_PYTAKE_EVERYWHERE (NGX_PYTAKE_ALL_LEVELS | NGX_CONF_TAKE1)


static ngx_command_t ngx_pytake_commands[] = {

    { ngx_string("pytake_database"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
      ngx_pytake_conf_database, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("pytake_database_role"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
      ngx_pytake_conf_role, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("pytake_redis"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
      ngx_pytake_conf_redis, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("pytake_hub"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE12,
      ngx_pytake_conf_hub, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("pytake_jwt_secret"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
      ngx_pytake_conf_secret, NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_pytake_main_offset(jwt_secret), NULL },

    { ngx_string("pytake_jwt_lifetime"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot, NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_pytake_main_offset(jwt_lifetime), &ngx_pytake_sec_post },

    { ngx_string("pytake_refresh_lifetime"),
      NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, ngx_conf_set_sec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET, ngx_pytake_main_offset(refresh_lifetime),
      &ngx_pytake_sec_post },

    { ngx_string("pytake_webhook_secret"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
      ngx_pytake_conf_secret, NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_pytake_main_offset(webhook_secret), NULL },

    { ngx_string("pytake_webhook_verify_token"),
      NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, ngx_pytake_conf_secret,
      NGX_HTTP_MAIN_CONF_OFFSET, ngx_pytake_main_offset(webhook_verify_token),
      NULL },

    { ngx_string("pytake_zone"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
      ngx_pytake_conf_zone, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("pytake_pool_read"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE12,
      ngx_pytake_conf_count, NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_pytake_main_offset(conns[PYTAKE_SQL_READ]), &ngx_pytake_count_read },

    { ngx_string("pytake_pool_write"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE12,
      ngx_pytake_conf_count, NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_pytake_main_offset(conns[PYTAKE_SQL_WRITE]),
      &ngx_pytake_count_write },

    { ngx_string("pytake_pool_slow"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
      ngx_pytake_conf_count, NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_pytake_main_offset(conns[PYTAKE_SQL_SLOW]), &ngx_pytake_count_slow },

    { ngx_string("pytake_pool_queue"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
      ngx_pytake_conf_count, NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_pytake_main_offset(queue), &ngx_pytake_count_queue },

    { ngx_string("pytake_connect_timeout"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot, NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_pytake_main_offset(connect_timeout), &ngx_pytake_msec_post },

    { ngx_string("pytake_statement_timeout"),
      NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET, ngx_pytake_main_offset(statement_timeout),
      &ngx_pytake_msec_post },

    { ngx_string("pytake_lock_timeout"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot, NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_pytake_main_offset(lock_timeout), &ngx_pytake_msec_post },

    { ngx_string("pytake_hashes_max"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE12,
      ngx_pytake_conf_count, NGX_HTTP_MAIN_CONF_OFFSET,
      ngx_pytake_main_offset(hashes_max), &ngx_pytake_count_hashes },

    { ngx_string("pytake_thread_pool"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1,
      ngx_pytake_conf_thread_pool, NGX_HTTP_MAIN_CONF_OFFSET, 0, NULL },

    { ngx_string("pytake_timeout"), NGX_PYTAKE_EVERYWHERE,
      ngx_conf_set_msec_slot, NGX_HTTP_LOC_CONF_OFFSET,
      ngx_pytake_loc_offset(timeout), &ngx_pytake_msec_post },

    { ngx_string("pytake_login_timeout"), NGX_PYTAKE_EVERYWHERE,
      ngx_conf_set_msec_slot, NGX_HTTP_LOC_CONF_OFFSET,
      ngx_pytake_loc_offset(login_timeout), &ngx_pytake_msec_post },

    { ngx_string("pytake_body_timeout"), NGX_PYTAKE_EVERYWHERE,
      ngx_conf_set_msec_slot, NGX_HTTP_LOC_CONF_OFFSET,
      ngx_pytake_loc_offset(body_timeout), &ngx_pytake_msec_post },

    { ngx_string("pytake_body_max"), NGX_PYTAKE_EVERYWHERE,
      ngx_pytake_location_size, NGX_HTTP_LOC_CONF_OFFSET,
      ngx_pytake_loc_offset(body_max), NULL },

    { ngx_string("pytake_webhook_body_max"), NGX_PYTAKE_EVERYWHERE,
      ngx_pytake_location_size, NGX_HTTP_LOC_CONF_OFFSET,
      ngx_pytake_loc_offset(webhook_body_max), NULL },

    { ngx_string("pytake_requests"), NGX_PYTAKE_ALL_LEVELS | NGX_CONF_1MORE,
      ngx_pytake_limit_set, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL },

    { ngx_string("pytake"), NGX_HTTP_LOC_CONF | NGX_CONF_FLAG,
      ngx_pytake_location_api, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL },

    { ngx_string("pytake_websocket"), NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS,
      ngx_pytake_location_websocket, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL },

    { ngx_string("pytake_websocket_origins"), NGX_PYTAKE_EVERYWHERE,
      ngx_pytake_origin_conf, NGX_HTTP_LOC_CONF_OFFSET, 0, NULL },

    { ngx_string("pytake_health"),
      NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS | NGX_CONF_TAKE1,
      ngx_pytake_location_role, NGX_HTTP_LOC_CONF_OFFSET, NGX_PYTAKE_HEALTH,
      NULL },

    { ngx_string("pytake_metrics"),
      NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS | NGX_CONF_TAKE1,
      ngx_pytake_location_role, NGX_HTTP_LOC_CONF_OFFSET, NGX_PYTAKE_METRICS,
      NULL },

    { ngx_string("pytake_status"), NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS,
      ngx_pytake_location_role, NGX_HTTP_LOC_CONF_OFFSET, NGX_PYTAKE_STATUS,
      NULL },

    { ngx_string("pytake_problem"), NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS,
      ngx_pytake_location_role, NGX_HTTP_LOC_CONF_OFFSET, NGX_PYTAKE_PROBLEM,
      NULL },

#if (PYTAKE_FAULTS)
    { ngx_string("pytake_test_rows"), NGX_HTTP_LOC_CONF | NGX_CONF_TAKE1,
      ngx_pytake_location_role, NGX_HTTP_LOC_CONF_OFFSET, NGX_PYTAKE_TEST_ROWS,
      NULL },
#endif

    ngx_null_command
};


static ngx_http_module_t ngx_pytake_module_ctx = {
    ngx_pytake_preconf,  /* preconfiguration */
    ngx_pytake_postconf, /* postconfiguration */

    ngx_pytake_create_main_conf, /* create main configuration */
    ngx_pytake_init_main_conf,   /* init main configuration */

    NULL, /* create server configuration */
    NULL, /* merge server configuration */

    ngx_pytake_location_create, /* create location configuration */
    ngx_pytake_location_merge   /* merge location configuration */
};


ngx_module_t ngx_http_pytake_module = {
    NGX_MODULE_V1,
    &ngx_pytake_module_ctx,  /* module context */
    ngx_pytake_commands,     /* module directives */
    NGX_HTTP_MODULE,         /* module type */
    NULL,                    /* init master */
    ngx_pytake_init_module,  /* init module */
    ngx_pytake_init_process, /* init process */
    NULL,                    /* init thread */
    NULL,                    /* exit thread */
    ngx_pytake_exit_process, /* exit process */
    NULL,                    /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_pytake_preconf(ngx_conf_t *cf)
{
    return ngx_pytake_vars_add(cf);
}


static ngx_int_t
ngx_pytake_postconf(ngx_conf_t *cf)
{
    ngx_http_handler_pt       *h;
    ngx_http_core_main_conf_t *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_pytake_metrics_log;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_pytake_errlog_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_pytake_ws_handler;

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_pytake_header_filter;

    ngx_pytake_body_filter_init();

    return NGX_OK;
}


static void *
ngx_pytake_create_main_conf(ngx_conf_t *cf)
{
    ngx_uint_t              i;
    ngx_pytake_main_conf_t *pmcf;

    pmcf = ngx_pcalloc(cf->pool, sizeof(ngx_pytake_main_conf_t));
    if (pmcf == NULL) {
        return NULL;
    }

    /* ngx_pcalloc() has zeroed the strings, the pointers and the flags, for
     * which zero means that they are not set */

    for (i = 0; i < NGX_PYTAKE_CLASSES; i++) {
        pmcf->conns[i] = NGX_CONF_UNSET_UINT;
    }

    pmcf->read_depth = NGX_CONF_UNSET_UINT;
    pmcf->write_tenant = NGX_CONF_UNSET_UINT;
    pmcf->queue = NGX_CONF_UNSET_UINT;
    pmcf->hashes_max = NGX_CONF_UNSET_UINT;
    pmcf->hashes_queue = NGX_CONF_UNSET_UINT;
    pmcf->connect_timeout = NGX_CONF_UNSET_MSEC;
    pmcf->statement_timeout = NGX_CONF_UNSET_MSEC;
    pmcf->lock_timeout = NGX_CONF_UNSET_MSEC;
    pmcf->hub_spread = NGX_CONF_UNSET_MSEC;
    pmcf->jwt_lifetime = NGX_CONF_UNSET;
    pmcf->refresh_lifetime = NGX_CONF_UNSET;

    return pmcf;
}


static char *
ngx_pytake_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_pytake_main_conf_t *pmcf = conf;

    ngx_conf_init_uint_value(pmcf->conns[PYTAKE_SQL_READ], 2);
    ngx_conf_init_uint_value(pmcf->conns[PYTAKE_SQL_WRITE], 4);
    ngx_conf_init_uint_value(pmcf->conns[PYTAKE_SQL_SLOW], 2);
    ngx_conf_init_uint_value(pmcf->read_depth, 16);
    ngx_conf_init_uint_value(pmcf->write_tenant, 2);
    ngx_conf_init_uint_value(pmcf->queue, 1024);
    ngx_conf_init_uint_value(pmcf->hashes_max, 2);
    ngx_conf_init_uint_value(pmcf->hashes_queue, 64);
    ngx_conf_init_msec_value(pmcf->connect_timeout, 1000);
    ngx_conf_init_msec_value(pmcf->statement_timeout, 3000);
    ngx_conf_init_msec_value(pmcf->lock_timeout, 1000);
    ngx_conf_init_msec_value(pmcf->hub_spread, 8000);
    ngx_conf_init_value(pmcf->jwt_lifetime, 24 * 3600);
    ngx_conf_init_value(pmcf->refresh_lifetime, 168 * 3600);

    pmcf->loaded = ngx_time();

    if (pmcf->used && pmcf->database.data == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no \"pytake_database\" is defined");
        return NGX_CONF_ERROR;
    }

    if (pmcf->websocket && pmcf->hub.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"pytake_websocket\" needs a \"pytake_hub\"");
        return NGX_CONF_ERROR;
    }

    if (pmcf->metrics && pmcf->zone == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"pytake_metrics\" needs a \"pytake_zone\"");
        return NGX_CONF_ERROR;
    }

    if (pmcf->refresh_lifetime < pmcf->jwt_lifetime) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"pytake_refresh_lifetime\" is shorter than "
                           "\"pytake_jwt_lifetime\"");
        return NGX_CONF_ERROR;
    }

    if (pmcf->lock_timeout > pmcf->statement_timeout) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"pytake_lock_timeout\" is longer than "
                           "\"pytake_statement_timeout\"");
        return NGX_CONF_ERROR;
    }

    if (pmcf->write_tenant > pmcf->conns[PYTAKE_SQL_WRITE]) {
        pmcf->write_tenant = pmcf->conns[PYTAKE_SQL_WRITE];
    }

    assert(pmcf->write_tenant > 0 && pmcf->hashes_max > 0);

    return ngx_pytake_check_api(cf, pmcf);
}


static char *
ngx_pytake_check_api(ngx_conf_t *cf, ngx_pytake_main_conf_t *pmcf)
{
    pt_err_t      err;
    pytake_t     *pt;
    pytake_conf_t pc;

    if (!pmcf->api) {
        return NGX_CONF_OK;
    }

    if (pmcf->jwt_secret.data == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no \"pytake_jwt_secret\" is defined");
        return NGX_CONF_ERROR;
    }

    if (pmcf->thread_pool == NULL) {
        pmcf->thread_pool = ngx_thread_pool_add(cf, NULL);

        if (pmcf->thread_pool == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    ngx_memzero(&pc, sizeof(pytake_conf_t));

    pc.mem = ngx_pytake_mem;
    pc.jwt_secret.data = (char *) pmcf->jwt_secret.data;
    pc.jwt_secret.len = pmcf->jwt_secret.len;
    pc.access_lifetime_s = pmcf->jwt_lifetime;
    pc.refresh_lifetime_s = pmcf->refresh_lifetime;

    err = pytake_new(&pc, &pt);

    if (err == PT_EVALIDATION) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"pytake_jwt_secret\" is too short, 16 bytes are "
                           "needed");
        return NGX_CONF_ERROR;
    }

    if (err != PT_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the core refused its configuration (%d)",
                           (int) err);
        return NGX_CONF_ERROR;
    }

    pytake_del(pt);

    ngx_pytake_warn_api(cf, pmcf);

    return NGX_CONF_OK;
}


static void
ngx_pytake_warn_api(ngx_conf_t *cf, ngx_pytake_main_conf_t *pmcf)
{
    if (pmcf->jwt_secret.len < NGX_PYTAKE_JWT_GOOD) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"pytake_jwt_secret\" has less than %d bytes, "
                           "which HS256 should have",
                           NGX_PYTAKE_JWT_GOOD);
    }

    if (pmcf->webhook_secret.data == NULL) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "no \"pytake_webhook_secret\" is defined, "
                           "every webhook will be refused");
    }
}


/*
 * Every answer of a request that has met this module carries its id, and tells
 * browsers to believe its Content-Type.
 */

static ngx_int_t
ngx_pytake_header_filter(ngx_http_request_t *r)
{
    ngx_str_t         nosniff = ngx_string("nosniff");
    ngx_pytake_ctx_t *ctx;

    if (r == r->main) {
        ctx = ngx_pytake_ctx_find(r);

        if (ctx
            && (ngx_pytake_answer_header(r, "X-Request-Id", &ctx->request_id)
                    != NGX_OK
                || ngx_pytake_answer_header(r, "X-Content-Type-Options",
                                            &nosniff)
                       != NGX_OK))
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_next_header_filter(r);
}


/* Runs in the master, and for "nginx -t", when the whole configuration has
 * been read. */

static ngx_int_t
ngx_pytake_init_module(ngx_cycle_t *cycle)
{
    ngx_uint_t              i, n;
    ngx_pytake_main_conf_t *pmcf;

    pmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_pytake_module);
    if (pmcf == NULL || !pmcf->used) {
        return NGX_OK;
    }

    n = 1;

    for (i = 0; i < NGX_PYTAKE_CLASSES; i++) {
        n += pmcf->conns[i];
    }

    if (n * 2 > cycle->connection_n) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "pytake: %ui of %ui worker_connections may be taken by "
                      "connections to PostgreSQL and Redis, set more",
                      n, cycle->connection_n);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_pytake_init_process(ngx_cycle_t *cycle)
{
    ngx_pytake_main_conf_t *pmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    pmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_pytake_module);
    if (pmcf == NULL) {
        return NGX_OK;
    }

    assert(pmcf->worker == NULL);

    return ngx_pytake_worker_init(cycle, pmcf);
}


static void
ngx_pytake_exit_process(ngx_cycle_t *cycle)
{
    ngx_pytake_main_conf_t *pmcf;

    pmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_pytake_module);
    if (pmcf) {
        ngx_pytake_worker_exit(pmcf);
    }
}
