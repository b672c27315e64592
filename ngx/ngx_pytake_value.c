/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Values that may be secrets: file:path and env:NAME.  They are read together
 * with the configuration, by the master, so that workers need neither the
 * right to read the file nor the variable.
 */

#include "ngx_pytake.h"


static char     *ngx_pytake_conf_file(ngx_conf_t *cf, ngx_str_t *name,
                                      ngx_str_t *path, ngx_str_t *out);
static char     *ngx_pytake_conf_file_read(ngx_conf_t *cf, ngx_str_t *name,
                                           ngx_str_t *path, ngx_fd_t fd,
                                           ngx_str_t *out);
static ngx_int_t ngx_pytake_conf_file_check(ngx_conf_t *cf, ngx_str_t *name,
                                            ngx_str_t *path, ngx_fd_t fd,
                                            size_t *len);
static char     *ngx_pytake_conf_env(ngx_conf_t *cf, ngx_str_t *name,
                                     ngx_str_t *var, ngx_str_t *out);


char *
ngx_pytake_value_read(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *arg,
                      ngx_str_t *out, ngx_uint_t *is_inline)
{
    ngx_str_t s;

    assert(arg->data != NULL && arg->data[arg->len] == '\0');

    *is_inline = 0;

    if (ngx_strncmp(arg->data, "file:", 5) == 0) {
        s.data = arg->data + 5;
        s.len = arg->len - 5;
        return ngx_pytake_conf_file(cf, name, &s, out);
    }

    if (ngx_strncmp(arg->data, "env:", 4) == 0) {
        s.data = arg->data + 4;
        s.len = arg->len - 4;
        return ngx_pytake_conf_env(cf, name, &s, out);
    }

    if (arg->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is empty", name);
        return NGX_CONF_ERROR;
    }

    *is_inline = 1;
    *out = *arg;

    return NGX_CONF_OK;
}


static char *
ngx_pytake_conf_file(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *path,
                     ngx_str_t *out)
{
    char    *rv;
    ngx_fd_t fd;

    if (path->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has no path after file:", name);
        return NGX_CONF_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"%V\": " ngx_open_file_n " \"%V\" failed", name,
                           path);
        return NGX_CONF_ERROR;
    }

    rv = ngx_pytake_conf_file_read(cf, name, path, fd, out);

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed", path);
    }

    return rv;
}


static char *
ngx_pytake_conf_file_read(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *path,
                          ngx_fd_t fd, ngx_str_t *out)
{
    size_t  len;
    ssize_t n;
    u_char *p;

    if (ngx_pytake_conf_file_check(cf, name, path, fd, &len) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    assert(len <= NGX_PYTAKE_SECRET_MAX);

    p = ngx_pnalloc(cf->pool, len + 1);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    n = ngx_read_fd(fd, p, len);

    if (n != (ssize_t) len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"%V\": " ngx_read_fd_n " \"%V\" failed", name,
                           path);
        return NGX_CONF_ERROR;
    }

    if (len && p[len - 1] == '\n') {
        len--;

        if (len && p[len - 1] == '\r') {
            len--;
        }
    }

    p[len] = '\0';

    if (len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\": \"%V\" is empty",
                           name, path);
        return NGX_CONF_ERROR;
    }

    out->data = p;
    out->len = len;

    return NGX_CONF_OK;
}


/* Whether the file may hold a secret; *len is its size in bytes.  One that
 * everybody may read is taken, with a warning. */

static ngx_int_t
ngx_pytake_conf_file_check(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *path,
                           ngx_fd_t fd, size_t *len)
{
    ngx_file_info_t fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR || !ngx_is_file(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\": \"%V\" is not a regular file", name, path);
        return NGX_ERROR;
    }

    if (ngx_file_access(&fi) & S_IROTH) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\": \"%V\" can be read by everyone", name,
                           path);
    }

    if (ngx_file_size(&fi) > NGX_PYTAKE_SECRET_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\": \"%V\" is too large",
                           name, path);
        return NGX_ERROR;
    }

    *len = (size_t) ngx_file_size(&fi);

    return NGX_OK;
}


static char *
ngx_pytake_conf_env(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *var,
                    ngx_str_t *out)
{
    char  *v;
    size_t len;

    v = var->len ? getenv((char *) var->data) : NULL;

    if (v == NULL || *v == '\0') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\": environment variable \"%V\" is %s", name,
                           var, v ? "empty" : "not set");
        return NGX_CONF_ERROR;
    }

    len = ngx_strlen(v);

    if (len > NGX_PYTAKE_SECRET_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\": environment variable \"%V\" is too long",
                           name, var);
        return NGX_CONF_ERROR;
    }

    out->data = ngx_pnalloc(cf->pool, len + 1);
    if (out->data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(out->data, v, len + 1);
    out->len = len;

    return NGX_CONF_OK;
}
