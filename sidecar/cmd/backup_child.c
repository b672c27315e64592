/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKUP_ENV_MAX 64

/* libpq's options that must come from our own connection, for it may have
 * chosen one of several servers. */
static const char *const backup_pinned[] = { "host", "hostaddr", "port",
                                             "target_session_attrs",
                                             "load_balance_hosts" };

/* What a child needs of our environment; the rest holds our secrets. */
static const char *const backup_kept[] = {
    "PATH",       "HOME",          "TMPDIR",       "LANG",           "LC_ALL",
    "PGPASSFILE", "PGSERVICEFILE", "PGSYSCONFDIR", "LD_LIBRARY_PATH"
};

static int  backup_env(cmd_t *c, const db_t *db, char *env[BACKUP_ENV_MAX]);
static int  backup_env_add(cmd_t *c, char **env, size_t *n, const char *name,
                           const char *value);
static bool backup_is_pinned(const char *keyword);
static void backup_child_exec(char *const *argv, char *const *env, int fd,
                              int as);


int
backup_child_run(cmd_t *c, const db_t *db, char *const *argv, bool reads,
                 backup_child_t *child)
{
    int   rc, fds[2];
    char *env[BACKUP_ENV_MAX];

    rc = backup_env(c, db, env);
    if (rc != 0) {
        return rc;
    }

    if (pipe2(fds, O_CLOEXEC) != 0) {
        return cmd_error("pipe() failed: %s", strerror(errno));
    }

    fflush(stdout);
    child->name = argv[0];
    child->pid = fork();

    if (child->pid == 0) {
        backup_child_exec(argv, env, fds[reads ? 0 : 1],
                          reads ? STDIN_FILENO : STDOUT_FILENO);
    }

    close(fds[reads ? 0 : 1]);
    child->fd = fds[reads ? 1 : 0];

    if (child->pid < 0) {
        close(child->fd);
        return cmd_error("fork() failed: %s", strerror(errno));
    }

    return 0;
}


int
backup_child_end(backup_child_t *child)
{
    int status = 0;

    if (child->fd >= 0) {
        close(child->fd);
        child->fd = -1;
    }

    while (waitpid(child->pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return cmd_error("waitpid() failed: %s", strerror(errno));
        }
    }

    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
        return cmd_error("%s cannot be started: install PostgreSQL's client "
                         "programs",
                         child->name);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return cmd_error("%s failed, what it said is above", child->name);
    }

    return 0;
}


int
backup_owner_enter(db_t *db, const char **role)
{
    char          sql[256];
    pytake_rows_t rows;

    pt_q_backup_owner(db_sql(db));
    if (db_run(db, &rows) != PT_OK) {
        return cmd_db_error(db, "cannot look at the tables");
    }

    if (rows.nrows == 0) {
        return cmd_error("the database has no tables of PyTake's: run "
                         "\"pytake migrate\"");
    }
    *role = db_text(&rows, 0, PT_COL_BACKUP_OWNER_NAME);

    snprintf(sql, sizeof(sql), "SET ROLE %s",
             db_text(&rows, 0, PT_COL_BACKUP_OWNER_QUOTED));
    if (db_do(db, sql) != PT_OK) {
        return cmd_error("%s - give the address of the login that migrates: "
                         "it owns the tables and sees all of their rows",
                         db->error);
    }

    return 0;
}


int
backup_count(db_t *db, const char *table, int64_t *out)
{
    char          sql[256];
    char         *name;
    pytake_rows_t rows;

    name = PQescapeIdentifier(db->pg, table, strlen(table));
    if (name == NULL) {
        return cmd_no_memory();
    }
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM public.%s", name);
    PQfreemem(name);

    if (db_ask(db, sql, &rows) != PT_OK
        || !pt_i64_parse(pt_cell_text(&rows, 0, 0), out))
    {
        return cmd_db_error(db, "cannot count the rows");
    }

    return 0;
}


bool
backup_write(int fd, const void *data, size_t len)
{
    ssize_t     n;
    const char *p = data;

    while (len > 0) {
        n = write(fd, p, len);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        if (n > 0) {
            p += n;
            len -= (size_t) n;
        }
    }

    return true;
}


static int
backup_env(cmd_t *c, const db_t *db, char *env[BACKUP_ENV_MAX])
{
    int               rc = 0;
    size_t            i, n = 0;
    PQconninfoOption *o, *options = PQconninfo(db->pg);

    if (options == NULL) {
        return cmd_no_memory();
    }

    for (i = 0; rc == 0 && i < PT_COUNT(backup_kept); i++) {
        rc = backup_env_add(c, env, &n, backup_kept[i], getenv(backup_kept[i]));
    }

    for (o = options; rc == 0 && o->keyword != NULL; o++) {
        if (o->envvar != NULL && !backup_is_pinned(o->keyword)) {
            rc = backup_env_add(c, env, &n, o->envvar, o->val);
        } else if (o->envvar == NULL && o->val != NULL
                   && strcmp(o->keyword, "sslpassword") == 0)
        {
            rc = cmd_error("the key of the client's certificate has a "
                           "password, which %s cannot be told: use a key "
                           "without",
                           "pg_dump");
        }
    }
    PQconninfoFree(options);

    if (rc == 0) {
        rc = backup_env_add(c, env, &n, "PGHOST", PQhost(db->pg));
    }
    if (rc == 0) {
        rc = backup_env_add(c, env, &n, "PGPORT", PQport(db->pg));
    }
    if (rc == 0) {
        rc = backup_env_add(c, env, &n, "PGAPPNAME", "pytake backup");
    }
    env[n] = NULL;

    return rc;
}


static int
backup_env_add(cmd_t *c, char **env, size_t *n, const char *name,
               const char *value)
{
    pt_str_t s;

    if (value == NULL || *value == '\0') {
        return 0;
    }

    if (*n + 1 >= BACKUP_ENV_MAX
        || pt_arena_fmt(c->arena, &s, "%s=%s", name, value) != PT_OK)
    {
        return cmd_no_memory();
    }
    env[(*n)++] = (char *) s.data;

    return 0;
}


static bool
backup_is_pinned(const char *keyword)
{
    size_t i;

    for (i = 0; i < PT_COUNT(backup_pinned); i++) {
        if (strcmp(keyword, backup_pinned[i]) == 0) {
            return true;
        }
    }

    return strcmp(keyword, "application_name") == 0;
}


static void
backup_child_exec(char *const *argv, char *const *env, int fd, int as)
{
    signal(SIGPIPE, SIG_DFL);

    if (dup2(fd, as) == as) {
        execvpe(argv[0], argv, env);
    }
    _exit(127);
}
