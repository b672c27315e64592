/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * migrations.h: schema/migrations/ as compiled in by
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
    int                     version; /* ascending */
    const char             *name;
    const char             *file; /* "0001_foundation.sql" */
    const char             *text; /* byte for byte */
    size_t                  text_len;
    size_t                  nstmts;
    const migration_stmt_t *stmts;
} migration_t;

extern const migration_t migrations[];
extern const size_t      migrations_count;

#endif
