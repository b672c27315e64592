/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * backup.h: what "pytake backup" and "pytake restore" share.
 *
 * A backup is one file: a line ("pytake-backup 1 LENGTH SHA-256\n"), the
 * manifest of LENGTH bytes (a JSON object and "\n"), and pg_dump's custom
 * format, data alone; the schema is made by the migrations that the manifest
 * names.  The hash is of all behind the first line.
 */

#ifndef BACKUP_H
#define BACKUP_H

#include <sys/types.h>

#include "cmd.h"

#define BACKUP_MAGIC "pytake-backup 1 "
#define BACKUP_LENGTH_LEN 10
#define BACKUP_HASH_LEN 64
#define BACKUP_HEAD_LEN                                                        \
    (sizeof(BACKUP_MAGIC) - 1 + BACKUP_LENGTH_LEN + 1 + BACKUP_HASH_LEN + 1)
#define BACKUP_MANIFEST_MAX (8u * 1024 * 1024)
#define BACKUP_PIECE 65536

/* A program of PostgreSQL's with one end of its standard streams. */
typedef struct {
    const char *name;
    pid_t       pid;
    int         fd; /* reads its output, or writes its input */
} backup_child_t;

/*
 * Starts argv[0] for the server, database and login of db: all of them in
 * the child's environment, none in its arguments, for everybody may read
 * those.  0, or CMD_FAILED after a message.
 */
int backup_child_run(cmd_t *c, const db_t *db, char *const *argv, bool reads,
                     backup_child_t *child);

/* Waits; 0, or CMD_FAILED after a message. */
int backup_child_end(backup_child_t *child);

/* Becomes the owner of the tables, whose name is in *role until db_close(); 0,
 * or CMD_FAILED after a message. */
int backup_owner_enter(db_t *db, const char **role);

/* How many rows a table has; 0, or CMD_FAILED after a message. */
int backup_count(db_t *db, const char *table, int64_t *out);

bool backup_write(int fd, const void *data, size_t len);

#endif
