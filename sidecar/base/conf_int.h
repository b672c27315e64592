/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * conf_int.h: what the files that read the environment share.
 */

#ifndef CONF_INT_H
#define CONF_INT_H

#include "conf.h"

#define CONF_VALUE_MAX 8192 /* bytes of a variable */

typedef struct {
    conf_t     *conf;
    pt_arena_t *arena;
    char       *error; /* CONF_ERROR_MAX */
} conf_reader_t;

/* ---- conf_read.c ---- */

/* Keeps the line that names the variable; returns PT_EVALIDATION. */
pt_err_t conf_fault(conf_reader_t *r, const char *fmt, ...) PT_PRINTF(2, 3);

/* A variable, or NULL: a value that is empty counts as not set, as compose
 * files have it.  PT_EVALIDATION: too long. */
pt_err_t conf_text(conf_reader_t *r, const char *name, const char **out);

/* NAME or the content of NAME_FILE; data NULL when neither is set. */
pt_err_t conf_secret(conf_reader_t *r, const char *name, pt_str_t *out);

/* The same, but NAME comes before NAME_FILE when both are set. */
pt_err_t conf_address(conf_reader_t *r, const char *name, pt_str_t *out);

pt_str_t conf_str(const char *s);

/* ---- conf_addr.c: each fills its part of r->conf ---- */

pt_err_t conf_database(conf_reader_t *r);
pt_err_t conf_roles(conf_reader_t *r); /* after conf_database() */
pt_err_t conf_redis(conf_reader_t *r);
pt_err_t conf_api_url(conf_reader_t *r);
pt_err_t conf_status(conf_reader_t *r);
pt_err_t conf_origins(conf_reader_t *r);
bool     conf_conninfo_is(const char *s);

#endif
