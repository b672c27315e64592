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
    char       *error; /* CONF_ERROR_MAX bytes, the caller's */
} conf_reader_t;

/* ---- conf_read.c ---- */

/* Writes one line, which names the variable and has no secret, to r->error.
 * Returns PT_EVALIDATION. */
pt_err_t conf_fault(conf_reader_t *r, const char *fmt, ...) PT_PRINTF(2, 3);

/* Sets *out to the value of a variable, which the environment owns, or to NULL.
 * An empty value counts as not set, because compose files cannot leave a
 * variable out.  PT_EVALIDATION: it is too long. */
pt_err_t conf_text(conf_reader_t *r, const char *name, const char **out);

/* Sets *out to the value of NAME or to the content of the file that NAME_FILE
 * names; data is NULL when neither is set.  PT_EVALIDATION: both are set, or
 * the file cannot be read, is empty or too long; PT_ENOMEM. */
pt_err_t conf_secret(conf_reader_t *r, const char *name, pt_str_t *out);

/* Does the same, but takes NAME when both are set. */
pt_err_t conf_address(conf_reader_t *r, const char *name, pt_str_t *out);

/* Returns a string that ends with a NUL as a slice. */
pt_str_t conf_str(const char *s);

/* ---- conf_addr.c ---- */

/* Each reads its variables into r->conf; conf_roles() must follow
 * conf_database().  PT_EVALIDATION, with r->error; PT_ENOMEM. */
pt_err_t conf_database(conf_reader_t *r);
pt_err_t conf_roles(conf_reader_t *r);
pt_err_t conf_redis(conf_reader_t *r);
pt_err_t conf_api_url(conf_reader_t *r);
pt_err_t conf_status(conf_reader_t *r);
pt_err_t conf_origins(conf_reader_t *r);

/* Returns whether s is a connection string that libpq understands. */
bool conf_conninfo_is(const char *s);

#endif
