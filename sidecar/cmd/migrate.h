/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * migrate.h: what the files of "pytake migrate" share.
 */

#ifndef MIGRATE_H
#define MIGRATE_H

#include "cmd.h"

#define MIGRATE_NAME_MAX 64 /* of a database or a role, with its NUL */

typedef struct {
    cmd_t      *cmd;
    db_t        db;
    int         to;      /* the last one that is applied */
    PGresult   *applied; /* version, checksum, when, ms; in order */
    int         napplied;
    bool        finish; /* --finish */
    const char *logins; /* --login: names with commas, or NULL */

    /* set by migrate_roles_look() */
    char prefix[PT_DBROLE_PREFIX_MAX + 1]; /* of the roles that it shall have */
    char old[PT_DBROLE_PREFIX_MAX + 1];    /* of those it has; "": none yet */
    char other[MIGRATE_NAME_MAX];          /* a database that has them, or "" */
    bool open;                             /* PUBLIC may connect */
    bool folds;                            /* lower() knows more than ASCII */
    bool modern; /* 16 or newer: grants have options */
} migrate_t;

/* ---- migrate_roles.c: the roles of the schema ---- */

/* What there is, and what shall be; changes nothing.  0 or CMD_FAILED after
 * a message: the roles are somebody else's, a login is not what it must be. */
int migrate_roles_look(migrate_t *m);

/* Makes the roles; a schema that has others is brought over to them while it
 * is in use.  What was done is kept, whatever comes after. */
int migrate_roles_bring(migrate_t *m);

/* A literal or an identifier, on the arena; NULL: no memory. */
const char *migrate_quote(migrate_t *m, const char *s, bool identifier);

/* ---- migrate_login.c: who may come in ---- */

/* Is every --login one that workers may have?  0 or CMD_FAILED. */
int migrate_logins_check(migrate_t *m);

/* Grants the roles to the logins, and closes the database to PUBLIC. */
int migrate_logins_grant(migrate_t *m);

/* Takes away what the release before needed: --finish. */
int migrate_finish(migrate_t *m);

#endif
