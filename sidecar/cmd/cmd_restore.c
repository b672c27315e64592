/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pytake restore: the schema by its migrations, the rows by pg_restore, and
 * then a count of both.  docs/operations.md.
 */

#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "migrate.h"

typedef struct {
    cmd_t      *cmd;
    db_t        db;
    const char *path;
    bool        yes;
    int         fd;
    const char *manifest; /* JSON */
    const char *role;
    int         version; /* of the schema within */
} restore_t;

static int restore_run(restore_t *r);
static int restore_open(restore_t *r);
static int restore_hash(restore_t *r, size_t manifest_len, const char *want);
static int restore_versions(restore_t *r);
static int restore_version(const pytake_rows_t *rows, uint32_t i);
static int restore_alone(restore_t *r);
static int restore_empty(restore_t *r);
static int restore_wipe(restore_t *r);
static int restore_ask(restore_t *r, pytake_rows_t *out);
static int restore_each(restore_t *r, const char *sql, const char *doing);
static int restore_ready(restore_t *r);
static int restore_rows(restore_t *r);
static int restore_pipe(restore_t *r, int to);
static int restore_compare(restore_t *r);
static int restore_closed(restore_t *r);
static int restore_after(restore_t *r);
static int restore_next(restore_t *r);


int
cmd_restore(cmd_t *c, int argc, char **argv)
{
    int       rc;
    restore_t r;

    memset(&r, 0, sizeof(r));
    r.cmd = c;
    r.fd = -1;

    const cmd_option_t options[] = { { "yes", NULL, &r.yes } };

    rc = cmd_options(c, argc, argv, options, 1, &r.path, 1);
    if (rc != 0) {
        return rc;
    }
    if (r.path == NULL) {
        cmd_error("say \"pytake restore FILE\"");
        return CMD_USAGE;
    }

    rc = restore_open(&r);
    if (rc == 0) {
        rc = cmd_connect(c, &r.db, 0, CMD_AS_LOGIN);
    }
    if (rc == 0) {
        rc = restore_run(&r);
        if (rc != 0 && r.role != NULL) {
            cmd_error("the restore did not get to its end: nothing may use "
                      "this database, run it again with --yes");
        }
    }
    db_close(&r.db);
    if (r.fd >= 0) {
        close(r.fd);
    }

    return rc;
}


static int
restore_run(restore_t *r)
{
    int rc;

    r->db.timeout_ms = DB_WAIT_FOREVER;

    /* A schema of before has neither triggers nor policies until the last
     * migrate: rows are counted before row security is forced. */
    if ((rc = restore_versions(r)) != 0 || (rc = restore_alone(r)) != 0
        || (rc = restore_empty(r)) != 0
        || (rc = cmd_migrate_to(r->cmd, r->version)) != 0
        || (rc = backup_owner_enter(&r->db, &r->role)) != 0
        || (rc = restore_ready(r)) != 0 || (rc = restore_rows(r)) != 0
        || (rc = restore_compare(r)) != 0
        || (rc = cmd_migrate_to(r->cmd, INT_MAX)) != 0
        || (rc = restore_closed(r)) != 0)
    {
        return rc;
    }

    return restore_after(r);
}


/* The first line and the manifest; then all of it once, by its hash. */
static int
restore_open(restore_t *r)
{
    char    head[BACKUP_HEAD_LEN + 1], *p;
    size_t  magic = sizeof(BACKUP_MAGIC) - 1, want;
    ssize_t n;
    int64_t len;

    r->fd = open(r->path, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0) {
        return cmd_error("cannot open \"%s\": %s", r->path, strerror(errno));
    }

    n = read(r->fd, head, BACKUP_HEAD_LEN);
    if (n != (ssize_t) BACKUP_HEAD_LEN || memcmp(head, BACKUP_MAGIC, magic) != 0
        || head[BACKUP_HEAD_LEN - 1] != '\n'
        || !pt_i64_parse((pt_str_t){ head + magic, BACKUP_LENGTH_LEN }, &len)
        || len < 2 || len > (int64_t) BACKUP_MANIFEST_MAX)
    {
        return cmd_error("\"%s\" is no file of \"pytake backup\"", r->path);
    }
    head[BACKUP_HEAD_LEN - 1] = '\0';
    want = (size_t) len;

    p = pt_arena_alloc(r->cmd->arena, want + 1);
    if (p == NULL) {
        return cmd_no_memory();
    }
    if (pread(r->fd, p, want, BACKUP_HEAD_LEN) != (ssize_t) want) {
        return cmd_error("\"%s\" is cut off", r->path);
    }
    p[want] = '\0';
    r->manifest = p;

    return restore_hash(r, want, head + BACKUP_HEAD_LEN - 1 - BACKUP_HASH_LEN);
}


static int
restore_hash(restore_t *r, size_t manifest_len, const char *want)
{
    bool        good;
    char        piece[BACKUP_PIECE], hex[BACKUP_HASH_LEN + 1];
    uint8_t     hash[32];
    ssize_t     n;
    unsigned    len;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    good = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
    while (good && (n = read(r->fd, piece, sizeof(piece))) != 0) {
        good = n > 0 && EVP_DigestUpdate(ctx, piece, (size_t) n) == 1;
    }
    good = good && EVP_DigestFinal_ex(ctx, hash, &len) == 1;
    EVP_MD_CTX_free(ctx);

    if (!good) {
        return cmd_error("cannot read \"%s\": %s", r->path, strerror(errno));
    }

    pt_hex_build(hash, sizeof(hash), hex);
    if (memcmp(hex, want, BACKUP_HASH_LEN) != 0) {
        return cmd_error("\"%s\" is damaged or cut off: its hash is another "
                         "one",
                         r->path);
    }

    if (lseek(r->fd, (off_t) (BACKUP_HEAD_LEN + manifest_len), SEEK_SET) < 0) {
        return cmd_error("\"%s\" is no file on a disk", r->path);
    }

    return 0;
}


/* The backup's migrations must be a beginning of ours, or those that our first
 * one replaced. */
static int
restore_versions(restore_t *r)
{
    int           rc;
    uint32_t      i;
    pytake_rows_t rows;

    PT_SQL(db_sql(&r->db), restore_migrations, .manifest = db_str(r->manifest));
    rc = restore_ask(r, &rows);
    if (rc != 0) {
        return rc;
    }

    if (migrate_is_replaced(&rows)) {
        r->version = migrations[0].version;
        return 0;
    }
    if (rows.nrows == 0) {
        return cmd_error("\"%s\" names no migration", r->path);
    }

    for (i = 0; i < rows.nrows; i++) {
        rc = restore_version(&rows, i);
        if (rc != 0) {
            return rc;
        }
    }
    r->version = migrations[rows.nrows - 1].version;

    return 0;
}


static int
restore_version(const pytake_rows_t *rows, uint32_t i)
{
    int  rc, version = pt_cell_i32(rows, i, PT_COL_MIGRATION_VERSION);
    char want[65];

    if (i >= migrations_count || migrations[i].version != version) {
        return cmd_error("the backup has a migration %04d that this program "
                         "does not know: use the pytake that made it",
                         version);
    }

    rc = migrate_checksum(&migrations[i], want);
    if (rc == 0
        && strcmp(want, db_text(rows, i, PT_COL_MIGRATION_CHECKSUM)) != 0) {
        rc = cmd_error("%s is not the one that the backup was made under",
                       migrations[i].file);
    }

    return rc;
}


/* One restore at a time, and nobody else at all. */
static int
restore_alone(restore_t *r)
{
    pytake_rows_t rows;

    pt_q_restore_alone(db_sql(&r->db));
    if (db_run(&r->db, &rows) != PT_OK) {
        return cmd_db_error(&r->db, "cannot look who is connected");
    }

    if (!pt_cell_bool(&rows, 0, PT_COL_RESTORE_ALONE_LOCKED)) {
        return cmd_error("another restore is under way");
    }
    if (pt_cell_i64(&rows, 0, PT_COL_RESTORE_ALONE_OTHERS) != 0) {
        return cmd_error("the database is in use (%s): stop NGINX and \"pytake "
                         "serve\" first",
                         db_text(&rows, 0, PT_COL_RESTORE_ALONE_WHO));
    }

    return 0;
}


/* Nothing in it, or tables of ours without a tenant, or --yes. */
static int
restore_empty(restore_t *r)
{
    bool          ours;
    pytake_rows_t rows;

    pt_q_restore_foreign(db_sql(&r->db));
    if (db_run(&r->db, &rows) != PT_OK) {
        return cmd_db_error(&r->db, "cannot look at the database");
    }
    if (rows.nrows > 0) {
        return cmd_error("the database holds \"%s\", which is not PyTake's: "
                         "restore into a database of its own",
                         db_text(&rows, 0, PT_COL_RESTORE_FOREIGN_NAME));
    }

    if (migrate_table_is(&r->db, "public.tenants", &ours) != PT_OK) {
        return cmd_db_error(&r->db, "cannot look at the database");
    }

    return ours ? restore_wipe(r) : 0;
}


static int
restore_wipe(restore_t *r)
{
    bool          full;
    const char   *role;
    pytake_rows_t rows;

    if (backup_owner_enter(&r->db, &role) != 0) {
        return CMD_FAILED;
    }

    pt_q_restore_full(db_sql(&r->db));
    if (db_run(&r->db, &rows) != PT_OK) {
        return cmd_db_error(&r->db, "cannot look at the database");
    }
    full = pt_cell_bool(&rows, 0, PT_COL_RESTORE_FULL_FULL);

    if (full && !r->yes) {
        return cmd_error("the database \"%s\" is not empty, and what it holds "
                         "would be lost - say --yes if that is what you want",
                         PQdb(r->db.pg));
    }

    if (db_do(&r->db, "SET lock_timeout = '10s'") != PT_OK
        || db_do(&r->db,
                 "DO $$ DECLARE o record; d regtype[]; BEGIN"
                 " SELECT array_agg(DISTINCT a.atttypid::regtype) INTO d"
                 " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
                 " JOIN pg_type t ON t.oid = a.atttypid"
                 " WHERE c.relnamespace = 'public'::regnamespace"
                 " AND t.typnamespace = c.relnamespace AND t.typtype = 'd';"
                 " FOR o IN SELECT c.oid::regclass AS n FROM pg_class c"
                 " WHERE c.relnamespace = 'public'::regnamespace"
                 " AND c.relkind IN ('r', 'p') AND NOT c.relispartition LOOP"
                 " EXECUTE format('DROP TABLE IF EXISTS %s CASCADE', o.n);"
                 " END LOOP;"
                 " FOR o IN SELECT p.oid::regprocedure AS n FROM pg_proc p"
                 " WHERE p.pronamespace = 'public'::regnamespace"
                 " AND p.proname LIKE 'pytake\\_%' LOOP"
                 " EXECUTE format('DROP FUNCTION IF EXISTS %s CASCADE', o.n);"
                 " END LOOP;"
                 " FOR o IN SELECT unnest(d) AS n LOOP"
                 " EXECUTE format('DROP DOMAIN IF EXISTS %s', o.n);"
                 " END LOOP; END $$")
               != PT_OK
        || db_do(&r->db, "RESET ROLE") != PT_OK)
    {
        return cmd_db_error(&r->db, "cannot empty the database");
    }

    return 0;
}


/* Runs the question of db_sql() to the manifest. */
static int
restore_ask(restore_t *r, pytake_rows_t *out)
{
    if (db_run(&r->db, out) == PT_OK) {
        return 0;
    }

    return strncmp(r->db.sqlstate, "22", 2) == 0
               ? cmd_error("\"%s\" is no file of \"pytake backup\": %s",
                           r->path, r->db.error)
               : cmd_db_error(&r->db, "cannot read the backup");
}


/* The same for every table, for all of them or none. */
static int
restore_each(restore_t *r, const char *sql, const char *doing)
{
    uint32_t      i;
    pytake_rows_t rows;

    PT_SQL(db_sql(&r->db), restore_each, .statement = db_str(sql));
    if (db_do(&r->db, "BEGIN") != PT_OK || db_run(&r->db, &rows) != PT_OK) {
        return cmd_db_error(&r->db, doing);
    }

    for (i = 0; i < rows.nrows; i++) {
        if (db_do(&r->db, db_text(&rows, i, PT_COL_RESTORE_EACH_SQL)) != PT_OK)
        {
            return cmd_db_error(&r->db, doing);
        }
    }

    return db_do(&r->db, "COMMIT") == PT_OK ? 0 : cmd_db_error(&r->db, doing);
}


/* The partitions that the rows lie in; no trigger makes rows of its own, and
 * the owner may COPY. */
static int
restore_ready(restore_t *r)
{
    int           rc;
    uint32_t      i;
    pytake_rows_t rows;

    PT_SQL(db_sql(&r->db), restore_partitions, .manifest = db_str(r->manifest));
    rc = restore_ask(r, &rows);
    if (rc != 0) {
        return rc;
    }

    for (i = 0; i < rows.nrows; i++) {
        if (db_do(&r->db, db_text(&rows, i, PT_COL_RESTORE_PARTITIONS_SQL))
            != PT_OK) {
            return cmd_db_error(&r->db, "cannot make a partition");
        }
    }

    return restore_each(r,
                        "ALTER TABLE public.%I DISABLE TRIGGER USER,"
                        " NO FORCE ROW LEVEL SECURITY",
                        "cannot make the tables ready");
}


static int
restore_rows(restore_t *r)
{
    int            rc, ended;
    pt_str_t       role;
    backup_child_t child;

    if (pt_arena_fmt(r->cmd->arena, &role, "--role=%s", r->role) != PT_OK) {
        return cmd_no_memory();
    }

    char *argv[] = { "pg_restore",
                     "--data-only",
                     "--single-transaction",
                     "--exit-on-error",
                     "--no-password",
                     (char *) role.data,
                     "--dbname=", /* that of its environment */
                     NULL };

    rc = backup_child_run(r->cmd, &r->db, argv, true, &child);
    if (rc != 0) {
        return rc;
    }

    rc = restore_pipe(r, child.fd);
    ended = backup_child_end(&child);

    return ended != 0 ? ended : rc;
}


static int
restore_pipe(restore_t *r, int to)
{
    char    piece[BACKUP_PIECE];
    ssize_t n;

    for (;;) {
        n = read(r->fd, piece, sizeof(piece));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return cmd_error("cannot read \"%s\": %s", r->path,
                             strerror(errno));
        }
        if (n == 0) {
            return 0;
        }
        if (!backup_write(to, piece, (size_t) n)) {
            return errno == EPIPE
                       ? 0 /* it has what it wants, or says what it lacks */
                       : cmd_error("cannot write to pg_restore: %s",
                                   strerror(errno));
        }
    }
}


static int
restore_compare(restore_t *r)
{
    int           rc;
    int64_t       want, got;
    uint32_t      i;
    const char   *name;
    pytake_rows_t rows;

    PT_SQL(db_sql(&r->db), restore_counts, .manifest = db_str(r->manifest));
    rc = restore_ask(r, &rows);

    for (i = 0; rc == 0 && i < rows.nrows; i++) {
        name = db_text(&rows, i, PT_COL_RESTORE_COUNTS_NAME);
        want = pt_cell_i64(&rows, i, PT_COL_RESTORE_COUNTS_N);
        rc = backup_count(&r->db, name, &got);
        if (rc == 0 && got != want) {
            rc = cmd_error("%s has %lld rows, the backup had %lld", name,
                           (long long) got, (long long) want);
        } else if (rc == 0 && want != 0) {
            cmd_print("%s: %lld rows", name, (long long) got);
        }
    }

    return rc;
}


static int
restore_closed(restore_t *r)
{
    return restore_each(r,
                        "ALTER TABLE public.%I ENABLE TRIGGER USER,"
                        " FORCE ROW LEVEL SECURITY",
                        "cannot close the tables again");
}


/* What waited to be sent may have gone out since the backup was made: it is
 * not sent again, as any call whose outcome is unknown. */
static int
restore_after(restore_t *r)
{
    int           rc;
    int64_t       n;
    pytake_rows_t rows;

    pt_q_restore_outbox(db_sql(&r->db));
    if (db_run(&r->db, &rows) != PT_OK) {
        return cmd_db_error(&r->db, "cannot look at the outbox");
    }

    n = pt_cell_i64(&rows, 0, PT_COL_RESTORE_OUTBOX_N);
    if (n != 0) {
        cmd_print("%lld replies waited to be sent: they may have gone out "
                  "since, and are not sent again",
                  (long long) n);
    }

    rc = restore_each(r, "ANALYZE public.%I",
                      "the rows are here, but cannot be analyzed");

    return rc == 0 ? restore_next(r) : rc;
}


/* A database that is new knows its owner alone. */
static int
restore_next(restore_t *r)
{
    bool          known;
    pytake_rows_t rows;

    pt_q_restore_known(db_sql(&r->db));
    if (db_run(&r->db, &rows) != PT_OK) {
        return cmd_db_error(&r->db, "cannot look at the logins");
    }
    known = pt_cell_bool(&rows, 0, PT_COL_RESTORE_KNOWN_KNOWN);

    cmd_print("%s is restored: %sstart NGINX and \"pytake serve\"; clients "
              "reload by themselves",
              PQdb(r->db.pg),
              known ? ""
                    : "let the workers' login in by \"pytake migrate --login "
                      "NAME\", then ");

    return CMD_OK;
}
