/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * migrate.h: what the files of "pytake migrate" share.
 */

#ifndef MIGRATE_H
#define MIGRATE_H

#include "cmd.h"
#include "migrations.h"

#define MIGRATE_NAME_MAX 64 /* of a database or a role, with its NUL */

/* A file that is to be applied. */
typedef struct {
    const migration_t *file;
    int64_t            ms; /* how long it took */
} migrate_step_t;

typedef struct {
    cmd_t      *cmd;
    db_t        db;
    int         to;     /* the last migration that is applied */
    bool        finish; /* --finish */
    const char *logins; /* --login: names with commas, or NULL */

    /* set by migrate_plan() */
    pytake_rows_t   applied;   /* of migrate_applied */
    pytake_rows_t   functions; /* of migrate_functions */
    uint32_t        known;     /* how many of our migrations it has */
    bool            replaces;  /* it has those that our first one replaced */
    migrate_step_t *steps;     /* migrations, then functions */
    size_t          nsteps;

    /* set by migrate_roles_look() */
    char prefix[PT_DBROLE_PREFIX_MAX + 1]; /* of the roles that it shall have */
    char old[PT_DBROLE_PREFIX_MAX + 1];    /* of those it has; "": none yet */
    char other[MIGRATE_NAME_MAX];          /* a database that has them, or "" */
    bool open;                             /* PUBLIC may connect */
    bool folds;                            /* lower() knows more than ASCII */
    bool modern; /* 16 or newer: grants have options */
} migrate_t;

/* ---- migrate_plan.c: what is applied, and what is to do ---- */

/* The SHA-256 of a file's text in hexadecimal; 0, or CMD_FAILED after a
 * message. */
int migrate_checksum(const migration_t *g, char out[65]);

/* Are rows (of PT_COL_MIGRATION, in order) those that our first migration
 * replaced, all of them and nothing else? */
bool migrate_is_replaced(const pytake_rows_t *rows);

/* Whether the database has a table of this name. */
pt_err_t migrate_table_is(db_t *db, const char *name,
                          bool *there) PT_MUST_CHECK;

/* The rows of migrate_functions; none: the database has no such table. */
pt_err_t migrate_functions_get(db_t *db, pytake_rows_t *out) PT_MUST_CHECK;

/* The row of a file that was applied as it is now, or -1. */
int migrate_functions_row(const pytake_rows_t *rows, const migration_t *g);

/* Reads what is applied, refuses what is no beginning of ours, and lists what
 * is to do.  0, or CMD_FAILED after a message. */
int migrate_plan(migrate_t *m);

/* ---- migrate_apply.c: the transaction ---- */

/* Does the steps, all or none.  0, or CMD_FAILED after a message. */
int migrate_apply(migrate_t *m);

/* ---- migrate_roles.c: the roles of the schema ---- */

/* What there is, and what shall be; changes nothing.  0 or CMD_FAILED after
 * a message: the roles are somebody else's, a login is not what it must be. */
int migrate_roles_look(migrate_t *m);

/* Makes the roles; a schema that has others is brought over to them while it
 * is in use.  What was done is kept, whatever comes after. */
int migrate_roles_bring(migrate_t *m);

/* An identifier, on the arena; NULL: no memory. */
const char *migrate_quote(migrate_t *m, const char *s);

/* ---- migrate_login.c: who may come in ---- */

/* Is every --login one that workers may have?  0 or CMD_FAILED. */
int migrate_logins_check(migrate_t *m);

/* Grants the roles to the logins, and closes the database to PUBLIC. */
int migrate_logins_grant(migrate_t *m);

/* Takes away what the release before needed: --finish. */
int migrate_finish(migrate_t *m);

#endif
