/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pytake serve: the sidecar.
 */

#include "cmd.h"

#include "serve/serve.h"


int
cmd_serve(cmd_t *c, int argc, char **argv)
{
    int         rc;
    char        error[SERVE_ERROR_MAX];
    const char *roles = NULL;

    const cmd_option_t options[] = { { "roles", &roles, NULL } };

    rc = cmd_options(c, argc, argv, options, 1, NULL, 0);
    if (rc != 0) {
        return rc;
    }

    if (serve_roles_check(roles, error) != PT_OK) {
        cmd_error("%s", error);
        return CMD_USAGE;
    }

    rc = cmd_conf(c, serve_needs(roles));
    if (rc != 0) {
        return rc;
    }

    return serve_run(&c->conf, roles, error) == PT_OK ? CMD_OK
                                                      : cmd_error("%s", error);
}
