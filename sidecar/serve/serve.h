/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * serve.h: "pytake serve": its parts (jobs, hub, courier) on one loop.
 */

#ifndef SERVE_H
#define SERVE_H

#include "base/conf.h"

#define SERVE_ERROR_MAX 512

/* Checks roles, names of parts separated by commas; NULL means all parts, here
 * and below.  PT_EINTERNAL: a name is not that of a part, and error is one line
 * that says which. */
pt_err_t serve_roles_check(const char *roles,
                           char        error[SERVE_ERROR_MAX]) PT_MUST_CHECK;

/* Returns what these parts need of the configuration: CONF_NEED_*. */
unsigned serve_needs(const char *roles);

/* Runs these parts until SIGTERM or SIGINT.  conf is borrowed during the call.
 * PT_EINTERNAL: a part could not start, and error is one line that says why. */
pt_err_t serve_run(const conf_t *conf, const char *roles,
                   char error[SERVE_ERROR_MAX]) PT_MUST_CHECK;

#endif
