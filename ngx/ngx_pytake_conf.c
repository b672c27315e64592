/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Directives of http{} with rules of their own.  All of them are judged while
 * the configuration is read, without touching the network, so that "nginx -t"
 * finds every mistake.
 */

#include "ngx_pytake.h"
#include "pt_conninfo.h"
#include "pt_redis_url.h"

#define NGX_PYTAKE_UNIX_MAX 107      /* bytes of a path in sockaddr_un */
#define NGX_PYTAKE_SPREAD_MAX 600000 /* ms that the hub accepts */


static ngx_int_t  ngx_pytake_conf_zone_parse(ngx_conf_t *cf, ngx_str_t *value,
                                             ngx_str_t *name, size_t *size);
static ngx_str_t *ngx_pytake_conf_shown(ngx_str_t *arg, ngx_uint_t is_inline);


char *
ngx_pytake_conf_database(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_pytake_main_conf_t *pmcf = conf;

    char       *rv;
    bool        password;
    ngx_str_t  *value;
    const char *why;
    ngx_uint_t  is_inline;

    assert(cf->args->nelts == 2);

    value = cf->args->elts;

    if (pmcf->database.data) {
        return "is duplicate";
    }

    rv = ngx_pytake_value_read(cf, &value[0], &value[1], &pmcf->database,
                               &is_inline);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    assert(pmcf->database.data[pmcf->database.len] == '\0');

    if (pt_conninfo_check(&ngx_pytake_mem, (char *) pmcf->database.data, &why,
                          &password)
        != PT_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"pytake_database\" %s (\"%V\")", why,
                           ngx_pytake_conf_shown(&value[1], is_inline));
        return NGX_CONF_ERROR;
    }

    if (is_inline && password) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"pytake_database\" has a password in the "
                           "configuration, use file: or env:");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_pytake_conf_role(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_pytake_main_conf_t *pmcf = conf;

    u_char     ch;
    ngx_str_t *value;
    ngx_uint_t i;

    value = cf->args->elts;

    if (pmcf->database_role.data) {
        return "is duplicate";
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {
        ngx_str_set(&pmcf->database_role, "");
        return NGX_CONF_OK;
    }

    for (i = 0; i < value[1].len; i++) {
        ch = value[1].data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')
              || ch == '_')) {
            break;
        }
    }

    if (i == 0 || i != value[1].len || value[1].len > 63) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not the name of a role (a-z, 0-9, _)",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    pmcf->database_role = value[1];

    return NGX_CONF_OK;
}


char *
ngx_pytake_conf_redis(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_pytake_main_conf_t *pmcf = conf;

    char          *rv;
    ngx_str_t     *value;
    ngx_uint_t     is_inline;
    pt_redis_url_t url;

    value = cf->args->elts;

    if (pmcf->redis.data) {
        return "is duplicate";
    }

    rv = ngx_pytake_value_read(cf, &value[0], &value[1], &pmcf->redis,
                               &is_inline);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    assert(pmcf->redis.data[pmcf->redis.len] == '\0');

    if (pt_redis_url_parse((char *) pmcf->redis.data, &url) != PT_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"pytake_redis\" is not a Redis URL (\"%V\")",
                           ngx_pytake_conf_shown(&value[1], is_inline));
        return NGX_CONF_ERROR;
    }

    if (is_inline && url.password[0] != '\0') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"pytake_redis\" has a password in the "
                           "configuration, use file: or env:");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_pytake_conf_secret(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char *p = conf;

    char      *rv;
    ngx_str_t *value, *out;
    ngx_uint_t is_inline;

    value = cf->args->elts;
    out = (ngx_str_t *) (p + cmd->offset);

    if (out->data) {
        return "is duplicate";
    }

    rv = ngx_pytake_value_read(cf, &value[0], &value[1], out, &is_inline);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (is_inline) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is a secret: use file: or env:", &value[0]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_pytake_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_pytake_main_conf_t *pmcf = conf;

    size_t     size;
    ngx_str_t *value, name;

    value = cf->args->elts;

    if (pmcf->zone) {
        return "is duplicate";
    }

    if (ngx_pytake_conf_zone_parse(cf, &value[1], &name, &size) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    pmcf->zone =
        ngx_shared_memory_add(cf, &name, size, &ngx_http_pytake_module);
    if (pmcf->zone == NULL) {
        return NGX_CONF_ERROR;
    }

    if (pmcf->zone->init) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is already in use", &name);
        return NGX_CONF_ERROR;
    }

    pmcf->zone->init = ngx_pytake_zone_init;

    return NGX_CONF_OK;
}


char *
ngx_pytake_conf_count(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char *p = conf;

    size_t              len;
    ngx_int_t           n;
    ngx_str_t          *value;
    ngx_uint_t         *np, *op;
    ngx_pytake_count_t *c = cmd->post;

    value = cf->args->elts;
    np = (ngx_uint_t *) (p + cmd->offset);
    assert(c != NULL && c->min <= c->max);

    if (*np != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    n = ngx_atoi(value[1].data, value[1].len);

    if (n == NGX_ERROR || (ngx_uint_t) n < c->min || (ngx_uint_t) n > c->max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\", a number from %ui to %ui "
                           "is expected",
                           &value[1], c->min, c->max);
        return NGX_CONF_ERROR;
    }

    *np = (ngx_uint_t) n;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    len = c->option ? ngx_strlen(c->option) : 0;

    if (len == 0 || value[2].len <= len
        || ngx_strncmp(value[2].data, c->option, len) != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    n = ngx_atoi(value[2].data + len, value[2].len - len);

    if (n == NGX_ERROR || (ngx_uint_t) n < c->option_min
        || (ngx_uint_t) n > c->option_max)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", a number from %ui to "
                           "%ui is expected",
                           &value[2], c->option_min, c->option_max);
        return NGX_CONF_ERROR;
    }

    op = (ngx_uint_t *) (p + c->option_offset);
    *op = (ngx_uint_t) n;

    return NGX_CONF_OK;
}


char *
ngx_pytake_conf_thread_pool(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_pytake_main_conf_t *pmcf = conf;

    ngx_str_t *value;

    value = cf->args->elts;

    if (pmcf->thread_pool_name.data) {
        return "is duplicate";
    }

    /* NGINX itself refuses a name that no thread_pool directive defines, when
     * it has read the whole configuration */

    pmcf->thread_pool_name = value[1];
    pmcf->thread_pool = ngx_thread_pool_add(cf, &value[1]);

    return pmcf->thread_pool ? NGX_CONF_OK : NGX_CONF_ERROR;
}


char *
ngx_pytake_conf_hub(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_pytake_main_conf_t *pmcf = conf;

    ngx_str_t *value, s;

    assert(cf->args->nelts == 2 || cf->args->nelts == 3);

    value = cf->args->elts;

    if (pmcf->hub.data) {
        return "is duplicate";
    }

    if (value[1].len < 7 || ngx_strncmp(value[1].data, "unix:/", 6) != 0
        || value[1].len - 5 > NGX_PYTAKE_UNIX_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid hub \"%V\", unix:/path of at most %d "
                           "bytes is expected",
                           &value[1], NGX_PYTAKE_UNIX_MAX);
        return NGX_CONF_ERROR;
    }

    pmcf->hub.data = value[1].data + 5;
    pmcf->hub.len = value[1].len - 5;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value[2].data, "spread=", 7) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    s.data = value[2].data + 7;
    s.len = value[2].len - 7;

    pmcf->hub_spread = (ngx_msec_t) ngx_parse_time(&s, 0);

    if (pmcf->hub_spread == (ngx_msec_t) NGX_ERROR
        || pmcf->hub_spread > NGX_PYTAKE_SPREAD_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", a time up to 10m is "
                           "expected",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_pytake_conf_msec(ngx_conf_t *cf, void *post, void *data)
{
    ngx_msec_t *v = data;

    if (*v < 50 || *v > 60000) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a time from 50ms to 60s is expected");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_pytake_conf_sec(ngx_conf_t *cf, void *post, void *data)
{
    time_t *v = data;

    if (*v < 60 || *v > 400 * 24 * 3600) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a time from 1m to 400d is expected");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* Splits "name:size" and checks that the counters and a gate fit in. */

static ngx_int_t
ngx_pytake_conf_zone_parse(ngx_conf_t *cf, ngx_str_t *value, ngx_str_t *name,
                           size_t *size)
{
    u_char   *p;
    size_t    min;
    ssize_t   n;
    ngx_str_t s;

    p = (u_char *) ngx_strchr(value->data, ':');

    if (p == NULL || p == value->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone \"%V\", name:size is expected", value);
        return NGX_ERROR;
    }

    name->data = value->data;
    name->len = p - name->data;

    s.data = p + 1;
    s.len = value->data + value->len - s.data;

    n = ngx_parse_size(&s);

    if (n == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid zone size \"%V\"",
                           value);
        return NGX_ERROR;
    }

    min = sizeof(ngx_pytake_zone_t)
          + NGX_PYTAKE_ROUTES * sizeof(ngx_pytake_zone_route_t)
          + NGX_PYTAKE_ZONE_MIN;

    if (n < (ssize_t) min) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small, it needs %uz bytes",
                           value, min);
        return NGX_ERROR;
    }

    *size = (size_t) n;

    return NGX_OK;
}


/* What a message shows of a wrong value: one that may hold a password is
 * hidden. */

static ngx_str_t *
ngx_pytake_conf_shown(ngx_str_t *arg, ngx_uint_t is_inline)
{
    static ngx_str_t hidden = ngx_string("not shown");

    if (is_inline
        && (ngx_strchr(arg->data, '@')
            || ngx_strstr((char *) arg->data, "password")))
    {
        return &hidden;
    }

    return arg;
}
