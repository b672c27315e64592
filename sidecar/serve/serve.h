/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * serve.h: "pytake serve": its parts (jobs, hub, courier) on one loop.
 */

#ifndef SERVE_H
#define SERVE_H

#include "base/conf.h"

#define SERVE_ERROR_MAX 512

/* roles: names of parts with commas; NULL: every one.  PT_EINTERNAL: error
 * is one line that names the one that is none. */
pt_err_t serve_roles_check(const char *roles,
                           char        error[SERVE_ERROR_MAX]) PT_MUST_CHECK;

/* CONF_NEED_* of these parts. */
unsigned serve_needs(const char *roles);

/* Runs them until the program is told to stop.  PT_EINTERNAL: one could not
 * start, error is one line that says why.  conf is borrowed. */
pt_err_t serve_run(const conf_t *conf, const char *roles,
                   char error[SERVE_ERROR_MAX]) PT_MUST_CHECK;

#endif
