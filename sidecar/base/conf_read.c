/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * conf_read.c: reads one variable of the environment, or the file that it
 * names.
 */

#include "conf_int.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static pt_err_t conf_secret_file(conf_reader_t *r, const char *name,
                                 const char *file, pt_str_t *out);


pt_err_t
conf_fault(conf_reader_t *r, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(r->error, CONF_ERROR_MAX, fmt, ap);
    va_end(ap);

    return PT_EVALIDATION;
}


pt_err_t
conf_text(conf_reader_t *r, const char *name, const char **out)
{
    const char *v = getenv(name);

    *out = NULL;

    if (v == NULL || *v == '\0') {
        return PT_OK;
    }

    if (strlen(v) > CONF_VALUE_MAX) {
        return conf_fault(r, "%s is longer than %d bytes", name,
                          CONF_VALUE_MAX);
    }
    *out = v;

    return PT_OK;
}


pt_err_t
conf_secret(conf_reader_t *r, const char *name, pt_str_t *out)
{
    char        file_name[64];
    pt_err_t    err;
    const char *v, *file;

    *out = PT_STR_NULL;
    assert(strlen(name) + sizeof("_FILE") <= sizeof(file_name));
    snprintf(file_name, sizeof(file_name), "%s_FILE", name);

    if ((err = conf_text(r, name, &v)) != PT_OK
        || (err = conf_text(r, file_name, &file)) != PT_OK)
    {
        return err;
    }

    if (v != NULL && file != NULL) {
        return conf_fault(r, "%s and %s are both set, only one may be", name,
                          file_name);
    }

    if (file != NULL) {
        return conf_secret_file(r, file_name, file, out);
    }

    if (v != NULL) {
        *out = conf_str(v);
    }

    return PT_OK;
}


/* An operator may give an address for one command, while the file that holds it
 * for all others is configured, too. */
pt_err_t
conf_address(conf_reader_t *r, const char *name, pt_str_t *out)
{
    pt_err_t    err;
    const char *v;

    err = conf_text(r, name, &v);
    if (err != PT_OK || v == NULL) {
        return err != PT_OK ? err : conf_secret(r, name, out);
    }
    *out = conf_str(v);

    return PT_OK;
}


pt_str_t
conf_str(const char *s)
{
    return (pt_str_t){ s, strlen(s) };
}


static pt_err_t
conf_secret_file(conf_reader_t *r, const char *name, const char *file,
                 pt_str_t *out)
{
    int     fd;
    char   *buf;
    size_t  len = 0;
    ssize_t n = 0;

    buf = pt_arena_alloc(r->arena, CONF_SECRET_MAX + 2);
    if (buf == NULL) {
        return PT_ENOMEM;
    }

    fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return conf_fault(r, "%s: cannot open \"%.200s\": %s", name, file,
                          strerror(errno));
    }

    while (len <= CONF_SECRET_MAX
           && (n = read(fd, buf + len, CONF_SECRET_MAX + 1 - len)) > 0)
    {
        len += (size_t) n;
    }
    close(fd);

    if (n < 0) {
        return conf_fault(r, "%s: cannot read \"%.200s\": %s", name, file,
                          strerror(errno));
    }

    if (len > CONF_SECRET_MAX) {
        return conf_fault(r, "%s: \"%.200s\" is longer than %d bytes", name,
                          file, CONF_SECRET_MAX);
    }

    if (len > 0 && buf[len - 1] == '\n') {
        len--;
        if (len > 0 && buf[len - 1] == '\r') {
            len--;
        }
    }

    if (len == 0) {
        return conf_fault(r, "%s: \"%.200s\" is empty", name, file);
    }

    buf[len] = '\0';
    *out = (pt_str_t){ buf, len };

    return PT_OK;
}
