/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pytake: the operator's program and the sidecar.  docs/operations.md.
 */

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cmd.h"
#include "migrations.h"
#include "pytake.h"

typedef struct {
    const char *name;
    cmd_pt      run;
} main_command_t;

static int main_version(cmd_t *c, int argc, char **argv);
static int main_help(cmd_t *c, int argc, char **argv);

static const main_command_t main_commands[] = {
    { "migrate", cmd_migrate },    { "doctor", cmd_doctor },
    { "tenant", cmd_tenant },      { "user", cmd_user },
    { "number", cmd_number },      { "partitions", cmd_partitions },
    { "serve", cmd_serve },        { "demo", cmd_demo },
    { "version", main_version },   { "help", main_help },
    { "--version", main_version }, { "--help", main_help },
    { "-h", main_help },
};


int
main(int argc, char **argv)
{
    int    rc = CMD_USAGE;
    size_t i;
    cmd_t  c = { NULL, { 0 }, NULL };

    signal(SIGPIPE, SIG_IGN);
    umask(077);

    if (argc < 2) {
        main_help(&c, 0, NULL);
        return CMD_USAGE;
    }

    c.arena = pt_arena_new(&cmd_mem, CMD_ARENA_MAX);
    if (c.arena == NULL) {
        return cmd_no_memory();
    }

    for (i = 0; i < PT_COUNT(main_commands); i++) {
        if (strcmp(argv[1], main_commands[i].name) == 0) {
            rc = main_commands[i].run(&c, argc - 2, argv + 2);
            break;
        }
    }

    if (i == PT_COUNT(main_commands)) {
        cmd_error("unknown command \"%s\", see \"pytake help\"", argv[1]);
    }
    pt_arena_del(c.arena);

    if (fflush(stdout) != 0 && rc == CMD_OK) {
        rc = cmd_error("cannot write the output");
    }

    return rc;
}


static int
main_version(cmd_t *c, int argc, char **argv)
{
    PT_UNUSED(c);
    PT_UNUSED(argc);
    PT_UNUSED(argv);

    printf("pytake %s, schema %04d\n", PYTAKE_VERSION,
           migrations[migrations_count - 1].version);

    return CMD_OK;
}


static int
main_help(cmd_t *c, int argc, char **argv)
{
    PT_UNUSED(c);
    PT_UNUSED(argc);
    PT_UNUSED(argv);

    fputs("usage: pytake COMMAND [options]      (manual: pytake(8))\n"
          "\n"
          "  migrate [--dry-run]       bring the database's schema up to date"
          "\n"
          "  migrate status            what is applied, what is not\n"
          "  doctor                    look at everything, say what to do\n"
          "  tenant add --name NAME\n"
          "  tenant list\n"
          "  user add --tenant T --email E --name N --role ROLE"
          " [--password-stdin]\n"
          "  user list [--tenant T]\n"
          "  user deactivate|activate --email E\n"
          "  user password --email E [--password-stdin]\n"
          "  number add --tenant T --phone-number-id ID --display PHONE"
          " [--waba ID]\n"
          "             [--name NAME] [--token-file FILE]\n"
          "  number token --phone-number-id ID --token-file FILE\n"
          "  number list [--tenant T]\n"
          "  partitions                make and drop partitions now\n"
          "  serve [--roles R,...]     the sidecar: run until SIGTERM; roles:"
          " jobs, hub,\n"
          "                            courier (default: all)\n"
          "  demo --state FILE         fill an empty installation for trying"
          "\n"
          "  version\n"
          "\n"
          "Every command takes --database-url URL.  The environment holds the"
          " rest:\nDATABASE_URL or DB_HOST DB_PORT DB_NAME DB_USER"
          " DB_PASSWORD, REDIS_URL, ...\n",
          stdout);

    return CMD_OK;
}
