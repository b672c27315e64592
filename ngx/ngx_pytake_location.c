/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * What a location does: its handler, and the values that it inherits.
 */

#include "ngx_pytake.h"

#define ngx_pytake_loc_offset(f) offsetof(ngx_pytake_loc_conf_t, f)


static void  ngx_pytake_location_inherit(ngx_pytake_loc_conf_t    *conf,
                                         ngx_pytake_loc_conf_t    *prev,
                                         ngx_http_core_loc_conf_t *clcf);
static char *ngx_pytake_set_handler(ngx_conf_t *cf, ngx_pytake_loc_conf_t *plcf,
                                    ngx_uint_t role);
static ngx_http_handler_pt ngx_pytake_handler(ngx_uint_t role);


void *
ngx_pytake_location_create(ngx_conf_t *cf)
{
    ngx_pytake_loc_conf_t *plcf;

    plcf = ngx_pcalloc(cf->pool, sizeof(ngx_pytake_loc_conf_t));
    if (plcf == NULL) {
        return NULL;
    }

    plcf->role = NGX_CONF_UNSET_UINT;
    plcf->timeout = NGX_CONF_UNSET_MSEC;
    plcf->login_timeout = NGX_CONF_UNSET_MSEC;
    plcf->body_timeout = NGX_CONF_UNSET_MSEC;
    plcf->body_max = NGX_CONF_UNSET_SIZE;
    plcf->webhook_body_max = NGX_CONF_UNSET_SIZE;
    plcf->origins = NGX_CONF_UNSET_PTR;
    plcf->websocket = NGX_CONF_UNSET;
    plcf->limit = NGX_CONF_UNSET_PTR;

    return plcf;
}


char *
ngx_pytake_location_merge(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_pytake_loc_conf_t *prev = parent;
    ngx_pytake_loc_conf_t *conf = child;

    size_t                    max;
    ngx_http_core_loc_conf_t *clcf;

    ngx_conf_merge_msec_value(conf->timeout, prev->timeout, 1500);
    ngx_conf_merge_msec_value(conf->login_timeout, prev->login_timeout, 3000);
    ngx_conf_merge_msec_value(conf->body_timeout, prev->body_timeout, 30000);
    ngx_conf_merge_size_value(conf->body_max, prev->body_max, PT_BODY_MAX);
    ngx_conf_merge_size_value(conf->webhook_body_max, prev->webhook_body_max,
                              PT_WEBHOOK_BODY_MAX);
    ngx_conf_merge_ptr_value(conf->origins, prev->origins, NULL);
    ngx_conf_merge_ptr_value(conf->limit, prev->limit, NULL);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    ngx_pytake_location_inherit(conf, prev, clcf);

    if (conf->websocket == NGX_CONF_UNSET) {
        conf->websocket = clcf->noname && prev->websocket == 1;

    } else if (conf->role != NGX_PYTAKE_NONE || clcf->handler == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"pytake_websocket\" needs a \"proxy_pass\" to "
                           "the hub in location \"%V\"",
                           &clcf->name);
        return NGX_CONF_ERROR;
    }

    /* a refusal has to be shown whatever the size of the refused request,
     * which NGINX would compare with the limit of this location once more */

    if (conf->role == NGX_PYTAKE_PROBLEM) {
        clcf->client_max_body_size = 0;
    }

    if (conf->role != NGX_PYTAKE_API) {
        return NGX_CONF_OK;
    }

    /* each route has its own limit of a body; NGINX's limit has to allow the
     * largest of them */

    max = ngx_max(conf->body_max, conf->webhook_body_max);

    clcf->client_max_body_size = (off_t) max;

    return NGX_CONF_OK;
}


char *
ngx_pytake_location_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_pytake_loc_conf_t *plcf = conf;

    ngx_str_t              *value;
    ngx_pytake_main_conf_t *pmcf;

    value = cf->args->elts;

    if (plcf->role != NGX_CONF_UNSET_UINT) {
        return "is duplicate, or there is another handler in this location";
    }

    if (ngx_strcasecmp(value[1].data, (u_char *) "off") == 0) {
        plcf->role = NGX_PYTAKE_NONE;
        return NGX_CONF_OK;
    }

    if (ngx_strcasecmp(value[1].data, (u_char *) "on") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\" directive, "
                           "it must be \"on\" or \"off\"",
                           &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    pmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_pytake_module);
    pmcf->api = 1;

    return ngx_pytake_set_handler(cf, plcf, NGX_PYTAKE_API);
}


char *
ngx_pytake_location_role(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_pytake_loc_conf_t *plcf = conf;

    ngx_int_t  n;
    ngx_str_t *value;
    ngx_uint_t role;

    value = cf->args->elts;
    role = cmd->offset;

    assert(role > NGX_PYTAKE_NONE && role <= NGX_PYTAKE_TEST_ROWS);

    if (plcf->role != NGX_CONF_UNSET_UINT) {
        return "is duplicate, or there is another handler in this location";
    }

    if (role == NGX_PYTAKE_TEST_ROWS) {
        n = ngx_atoi(value[1].data, value[1].len);

        if (n == NGX_ERROR || n > 1000000) {
            return "has an invalid number of rows";
        }

        plcf->test_rows = (ngx_uint_t) n;

    } else if (cf->args->nelts == 2) {

        if (role == NGX_PYTAKE_HEALTH && ngx_strcmp(value[1].data, "live") == 0)
        {
            role = NGX_PYTAKE_LIVE;

        } else if (role == NGX_PYTAKE_HEALTH
                   && ngx_strcmp(value[1].data, "ready") == 0) {
            role = NGX_PYTAKE_READY;

        } else if (role == NGX_PYTAKE_METRICS
                   && ngx_strcmp(value[1].data, "any") == 0) {
            role = NGX_PYTAKE_METRICS_ANY;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                               &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    return ngx_pytake_set_handler(cf, plcf, role);
}


char *
ngx_pytake_location_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char *p = conf;

    char   *rv;
    size_t *sp, max;

    assert(cmd->offset == ngx_pytake_loc_offset(body_max)
           || cmd->offset == ngx_pytake_loc_offset(webhook_body_max));

    rv = ngx_conf_set_size_slot(cf, cmd, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    sp = (size_t *) (p + cmd->offset);
    max = cmd->offset == ngx_pytake_loc_offset(body_max) ? PT_BODY_MAX
                                                         : PT_WEBHOOK_BODY_MAX;

    if (*sp < 1024 || *sp > max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not between 1k and %uzk", &cmd->name,
                           max / 1024);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_pytake_location_websocket(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_pytake_loc_conf_t *plcf = conf;

    ngx_pytake_main_conf_t *pmcf;

    if (plcf->websocket != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    plcf->websocket = 1;

    pmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_pytake_module);
    pmcf->websocket = 1;
    pmcf->api = 1;
    pmcf->used = 1;

    return NGX_CONF_OK;
}


/* NGINX makes a location without a name of an "if" block.  It gets the handler
 * of the location around it, unless it has another one. */

static void
ngx_pytake_location_inherit(ngx_pytake_loc_conf_t    *conf,
                            ngx_pytake_loc_conf_t    *prev,
                            ngx_http_core_loc_conf_t *clcf)
{
    if (conf->role != NGX_CONF_UNSET_UINT) {
        return;
    }

    conf->role = NGX_PYTAKE_NONE;

    if (clcf->noname && prev->role != NGX_CONF_UNSET_UINT
        && prev->role != NGX_PYTAKE_NONE && clcf->handler == NULL)
    {
        conf->role = prev->role;
        conf->test_rows = prev->test_rows;
        clcf->handler = ngx_pytake_handler(conf->role);
    }
}


static char *
ngx_pytake_set_handler(ngx_conf_t *cf, ngx_pytake_loc_conf_t *plcf,
                       ngx_uint_t role)
{
    ngx_pytake_main_conf_t   *pmcf;
    ngx_http_core_loc_conf_t *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    pmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_pytake_module);

    if (clcf->handler) {
        return "is not allowed: there is another handler in this location";
    }

    clcf->handler = ngx_pytake_handler(role);
    plcf->role = role;

    switch (role) {

    case NGX_PYTAKE_METRICS:
    case NGX_PYTAKE_METRICS_ANY:
        pmcf->metrics = 1;
        break;

    case NGX_PYTAKE_PROBLEM:
        break;

    default:
        pmcf->used = 1;
        break;
    }

    return NGX_CONF_OK;
}


static ngx_http_handler_pt
ngx_pytake_handler(ngx_uint_t role)
{
    assert(role > NGX_PYTAKE_NONE && role <= NGX_PYTAKE_TEST_ROWS);

    switch (role) {

    case NGX_PYTAKE_API:
        return ngx_pytake_request_handler;

    case NGX_PYTAKE_METRICS:
    case NGX_PYTAKE_METRICS_ANY:
        return ngx_pytake_metrics_handler;

    case NGX_PYTAKE_STATUS:
        return ngx_pytake_status_handler;

    case NGX_PYTAKE_PROBLEM:
        return ngx_pytake_problem_handler;

#if (PYTAKE_FAULTS)
    case NGX_PYTAKE_TEST_ROWS:
        return ngx_pytake_test_handler;
#endif

    default:
        return ngx_pytake_health_handler;
    }
}
