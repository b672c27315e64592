/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * cmd.h: what the operator's commands share.  A command gets its arguments
 * without its own name, prints results on stdout and every failure as one
 * line on stderr, and returns the exit status.
 */

#ifndef CMD_H
#define CMD_H

#include "base/conf.h"
#include "base/mem.h"
#include "db.h"
#include "core/base/pt_util.h"

#define CMD_OK 0
#define CMD_FAILED 1
#define CMD_USAGE 64  /* EX_USAGE */
#define CMD_CONFIG 78 /* EX_CONFIG */

#define CMD_ARENA_MAX (64u * 1024 * 1024)
#define CMD_ARGS_MAX 4

typedef struct {
    pt_arena_t *arena; /* lives as long as the program */
    conf_t      conf;
    const char *database_url; /* --database-url, or NULL */
    const char *database_url_file;
} cmd_t;

typedef int (*cmd_pt)(cmd_t *c, int argc, char **argv);

/* ---- the commands, one a file ---- */

int cmd_migrate(cmd_t *c, int argc, char **argv);
int cmd_doctor(cmd_t *c, int argc, char **argv);
int cmd_tenant(cmd_t *c, int argc, char **argv);
int cmd_user(cmd_t *c, int argc, char **argv);
int cmd_number(cmd_t *c, int argc, char **argv);
int cmd_partitions(cmd_t *c, int argc, char **argv);
int cmd_serve(cmd_t *c, int argc, char **argv);
int cmd_demo(cmd_t *c, int argc, char **argv);
int cmd_backup(cmd_t *c, int argc, char **argv);
int cmd_restore(cmd_t *c, int argc, char **argv);

/* ---- cmd_text.c ---- */

#define CMD_NAME_MAX 200 /* characters */

/* A line on stderr, "pytake: ..."; returns CMD_FAILED.  What is no text is
 * shown as \uNNNN, here and in the next. */
int cmd_error(const char *fmt, ...) PT_PRINTF(1, 2);

/* A line on stdout; fmt is without its end. */
void cmd_print(const char *fmt, ...) PT_PRINTF(1, 2);

/* A name that people will read; 0, or CMD_USAGE after a message. */
int cmd_name_check(const char *name, const char *option);

/* Digits, and what people write between them. */
bool cmd_phone_is(const char *phone);

/* ---- cmd_util.c ---- */

/* What to do when the database does not let the login in. */
#define CMD_LET_IN "let the login in: pytake migrate --login NAME, as the owner"

/* db's error with what to do about it; returns CMD_FAILED. */
int cmd_db_error(const db_t *db, const char *doing);

int cmd_no_memory(void);

/*
 * Options "--name value", "--name=value" or, with a flag, "--name"; and up
 * to max words besides.  Values are borrowed from argv.  --database-url and
 * --database-url-file are known to every command.  0, or CMD_USAGE after a
 * message.
 */
typedef struct {
    const char  *name;  /* without the dashes */
    const char **value; /* or: */
    bool        *flag;
} cmd_option_t;

int cmd_options(cmd_t *c, int argc, char **argv, const cmd_option_t *options,
                size_t n, const char **words, size_t max);

/* CMD_USAGE after a message when *value is NULL. */
int cmd_need(const char *value, const char *option);

/* The environment into c->conf; 0, or CMD_CONFIG after a message. */
int cmd_conf(cmd_t *c, unsigned needs);

/* Configuration and a connection, as the login itself or as the database's
 * role that sees all tenants; 0 or the exit status. */
typedef enum { CMD_AS_LOGIN, CMD_AS_SERVICE } cmd_as_e;

int cmd_connect(cmd_t *c, db_t *db, unsigned needs, cmd_as_e as);

/* sql with the names of the database's roles in the place of pytake_app,
 * pytake_service and pytake_lookup, wherever they stand as whole words; on the
 * arena.  0, or CMD_FAILED after a message. */
int cmd_roles_put(cmd_t *c, const char *prefix, pt_str_t sql, const char **out);

int64_t cmd_now_us(void);

/* Random bytes of the kernel; a program without them ends here. */
void cmd_random(void *out, size_t len);

/* A new version 7 id; and any id as C has text. */
void cmd_uuid(pt_uuid_t *out);
void cmd_uuid_text(const pt_uuid_t *id, char out[PT_UUID_LEN + 1]);

/* A password that nobody chose, 20 characters. */
#define CMD_PASSWORD_LEN 20
void cmd_password_make(char out[CMD_PASSWORD_LEN + 1]);

/* argon2id as PHC string: 19 MiB, 2 passes, 1 lane. */
#define CMD_PHC_MAX 160
pt_err_t cmd_password_hash(pt_str_t password,
                           char     out[CMD_PHC_MAX]) PT_MUST_CHECK;
bool     cmd_password_is(pt_str_t password, const char *phc);

/*
 * The whole of a file ("-": stdin), at most max bytes, one trailing newline
 * (LF or CR LF) dropped; NUL-terminated on the arena.  0, or CMD_FAILED after
 * a message.
 */
int cmd_read_file(cmd_t *c, const char *path, size_t max, pt_str_t *out);

/* ---- lookups that several commands need ---- */

/* By id or by name, whatever its case and blanks; one that was removed is not
 * found.  0 with id, or CMD_FAILED after a message. */
int cmd_tenant_find(db_t *db, const char *name, pt_uuid_t *id);

/* "pytake migrate" up to and including a version (cmd_migrate.c). */
int cmd_migrate_to(cmd_t *c, int version);

/* A line on stderr for every two tenants that are called the same. */
int cmd_tenant_twins(db_t *db);

/* Writes one line of the audit log; what was done stands without it. */
pt_err_t cmd_audit(db_t *db, const pt_uuid_t *tenant, const char *action,
                   const pt_uuid_t *object) PT_MUST_CHECK;

/* A WhatsApp token sealed for its row, on the arena. */
pt_err_t cmd_token_seal(cmd_t *c, const pt_uuid_t *tenant,
                        const pt_uuid_t *config, pt_str_t token,
                        pt_str_t *out) PT_MUST_CHECK;

/* Is it a token sealed for this row under our key? */
bool cmd_token_opens(cmd_t *c, const pt_uuid_t *tenant, const pt_uuid_t *config,
                     pt_str_t sealed) PT_MUST_CHECK;

#endif
