/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * migrations.h: schema/migrations/ and schema/functions/ as compiled in by
 * tools/gen_migrations.pl.
 */

#ifndef MIGRATIONS_H
#define MIGRATIONS_H

#include <stddef.h>

/* A statement's place in its file, without the semicolon. */
typedef struct {
    size_t offset;
    size_t len;
    int    line; /* 1-based */
} migration_stmt_t;

typedef struct {
    int                     version; /* ascending; 0: a file of functions */
    const char             *name;    /* of a migration, else "" */
    const char             *file; /* "0012_schema.sql", "functions/rls.sql" */
    const char             *text; /* byte for byte */
    size_t                  text_len;
    size_t                  nstmts;
    const migration_stmt_t *stmts;
} migration_t;

/* A migration that the first one replaced, and the SHA-256 of its file. */
typedef struct {
    int         version;
    const char *checksum; /* hexadecimal */
} migration_replaced_t;

extern const migration_t migrations[];
extern const size_t      migrations_count;

/* In the order in which they are applied. */
extern const migration_t schema_functions[];
extern const size_t      schema_functions_count;

extern const migration_replaced_t migrations_replaced[];
extern const size_t               migrations_replaced_count;

#endif
