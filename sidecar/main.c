/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pytake: the operator's program and the sidecar.  docs/operations.md.
 */

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cmd/cmd.h"
#include "cmd/migrations.h"
#include "pytake.h"

typedef struct {
    const char *name;
    cmd_pt      run;
    const char *usage; /* whole lines; NULL: another name has them */
} main_command_t;

static int                   main_run(cmd_t *c, int argc, char **argv);
static const main_command_t *main_find(const char *name);
static bool                  main_asks_help(int argc, char **argv);
static int                   main_hide(cmd_t *c, int argc, char **argv);
static int                   main_version(cmd_t *c, int argc, char **argv);
static int                   main_help(cmd_t *c, int argc, char **argv);

static const main_command_t main_commands[] = {
    { "migrate", cmd_migrate,
      "  migrate [--dry-run]       bring the database's schema up to date\n"
      "    [--login NAME,...]      let logins of workers and sidecar in\n"
      "    [--finish]              no worker of the release before is left\n"
      "  migrate status            what is applied, what is not\n" },
    { "doctor", cmd_doctor,
      "  doctor [--nginx URL]      look at everything, say what to do; URL:"
      " NGINX's\n"
      "                            pytake_status, or \"off\"\n" },
    { "backup", cmd_backup,
      "  backup FILE               the whole database into a new file\n" },
    { "restore", cmd_restore,
      "  restore FILE [--yes]      a backup into an empty database; --yes: what"
      " the\n"
      "                            database holds is lost\n" },
    { "tenant", cmd_tenant,
      "  tenant add --name NAME\n"
      "  tenant list\n"
      "  tenant rename --tenant T --name NAME\n"
      "  tenant suspend|resume --tenant T\n"
      "  tenant remove --tenant T --yes\n" },
    { "user", cmd_user,
      "  user add --tenant T --email E --name N --role ROLE"
      " [--password-stdin]\n"
      "  user list [--tenant T]\n"
      "  user deactivate|activate --email E\n"
      "  user password --email E [--password-stdin]\n" },
    { "number", cmd_number,
      "  number add --tenant T --phone-number-id ID --display PHONE"
      " [--waba ID]\n"
      "             [--name NAME] [--token-file FILE]\n"
      "  number token --phone-number-id ID --token-file FILE\n"
      "  number rename --phone-number-id ID [--name NAME] [--display PHONE]"
      "\n"
      "  number list [--tenant T]\n"
      "  number remove --phone-number-id ID --yes\n" },
    { "partitions", cmd_partitions,
      "  partitions                the housekeeping of \"serve\", once and"
      " now\n" },
    { "serve", cmd_serve,
      "  serve [--roles R,...]     the sidecar: run until SIGTERM; roles:"
      " jobs, hub,\n"
      "                            courier (default: all)\n" },
    { "demo", cmd_demo,
      "  demo --state FILE         fill an empty installation for trying\n" },
    { "version", main_version, "  version\n" },
    { "--version", main_version, NULL },
    { "help", main_help, "  help\n" },
    { "--help", main_help, NULL },
    { "-h", main_help, NULL },
};


int
main(int argc, char **argv)
{
    int   rc;
    cmd_t c;

    signal(SIGPIPE, SIG_IGN);
    umask(077);

    memset(&c, 0, sizeof(c));
    c.arena = pt_arena_new(&mem_heap, CMD_ARENA_MAX);
    if (c.arena == NULL || main_hide(&c, argc, argv) != 0) {
        return cmd_no_memory();
    }

    rc = main_run(&c, argc, argv);
    pt_arena_del(c.arena);

    if (fflush(stdout) != 0 && rc == CMD_OK) {
        rc = cmd_error("cannot write the output");
    }

    return rc;
}


static int
main_run(cmd_t *c, int argc, char **argv)
{
    const main_command_t *m;

    if (argc < 2) {
        main_help(c, 0, NULL);
        return CMD_USAGE;
    }

    m = main_find(argv[1]);
    if (m == NULL) {
        cmd_error("unknown command \"%s\", see \"pytake help\"", argv[1]);
        return CMD_USAGE;
    }

    if (m->usage != NULL && main_asks_help(argc - 2, argv + 2)) {
        printf("usage: pytake COMMAND [options]      (manual: pytake(8))\n"
               "\n%s",
               m->usage);
        return CMD_OK;
    }

    return m->run(c, argc - 2, argv + 2);
}


static const main_command_t *
main_find(const char *name)
{
    size_t i;

    for (i = 0; i < PT_COUNT(main_commands); i++) {
        if (strcmp(name, main_commands[i].name) == 0) {
            return &main_commands[i];
        }
    }

    return NULL;
}


static bool
main_asks_help(int argc, char **argv)
{
    int i;

    for (i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }

    return false;
}


/* An address may hold a password, and everybody may read the arguments of a
 * process: the command goes on with a copy. */
static int
main_hide(cmd_t *c, int argc, char **argv)
{
    int      i;
    char    *value;
    size_t   len;
    pt_str_t copy;

    static const char name[] = "--database-url";

    for (i = 1; i < argc; i++) {
        value = NULL;

        if (strcmp(argv[i], name) == 0 && i + 1 < argc) {
            value = argv[++i];
        } else if (strncmp(argv[i], name, sizeof(name) - 1) == 0
                   && argv[i][sizeof(name) - 1] == '=')
        {
            value = argv[i] + sizeof(name);
        }

        if (value != NULL) {
            len = strlen(argv[i]);
            if (pt_arena_dup(c->arena, (pt_str_t){ argv[i], len }, &copy)
                != PT_OK) {
                return CMD_FAILED;
            }
            memset(value, '*', strlen(value));
            argv[i] = (char *) copy.data;
        }
    }

    return 0;
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
    size_t i;

    PT_UNUSED(c);
    PT_UNUSED(argc);
    PT_UNUSED(argv);

    fputs("usage: pytake COMMAND [options]      (manual: pytake(8))\n\n",
          stdout);

    for (i = 0; i < PT_COUNT(main_commands); i++) {
        if (main_commands[i].usage != NULL) {
            fputs(main_commands[i].usage, stdout);
        }
    }

    fputs("\nEvery command takes --help, and --database-url-file FILE (or"
          " --database-url URL,\nwhich others may read while it starts).  The"
          " environment holds the rest:\nDATABASE_URL or DB_HOST DB_PORT"
          " DB_NAME DB_USER DB_PASSWORD, REDIS_URL, ...\n",
          stdout);

    return CMD_OK;
}
