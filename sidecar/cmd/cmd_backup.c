/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pytake backup: pg_dump beneath, in one snapshot with the counts of rows
 * that "pytake restore" compares.
 */

#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "core/base/pt_buf.h"
#include "core/base/pt_json.h"
#include "pytake.h"

typedef struct {
    cmd_t      *cmd;
    db_t        db;
    int         fd;
    const char *role;
    EVP_MD_CTX *hash;
    uint64_t    rows;
} backup_t;

static int backup_run(backup_t *b, const char *path);
static int backup_begin(backup_t *b, const char **snapshot);
static int backup_seen(backup_t *b);
static int backup_manifest(backup_t *b, pt_str_t *out);
static int backup_tables(backup_t *b, pt_jw_t *w);
static int backup_file(backup_t *b, const char *path, pt_str_t manifest,
                       const char *snapshot);
static int backup_dump(backup_t *b, const char *snapshot);
static int backup_head(backup_t *b, size_t manifest_len);


int
cmd_backup(cmd_t *c, int argc, char **argv)
{
    int         rc;
    backup_t    b;
    const char *path = NULL;

    rc = cmd_options(c, argc, argv, NULL, 0, &path, 1);
    if (rc != 0) {
        return rc;
    }
    if (path == NULL) {
        cmd_error("say \"pytake backup FILE\"");
        return CMD_USAGE;
    }
    if (access(path, F_OK) == 0) {
        return cmd_error("\"%s\" is there already: name a new file", path);
    }

    memset(&b, 0, sizeof(b));
    b.cmd = c;
    b.fd = -1;

    rc = cmd_connect(c, &b.db, 0, CMD_AS_LOGIN);
    if (rc != 0) {
        return rc;
    }

    b.hash = EVP_MD_CTX_new();
    rc = b.hash == NULL ? cmd_no_memory() : backup_run(&b, path);
    EVP_MD_CTX_free(b.hash);
    db_close(&b.db);

    return rc;
}


static int
backup_run(backup_t *b, const char *path)
{
    int         rc;
    pt_str_t    manifest;
    const char *snapshot = NULL;

    if ((rc = backup_owner_enter(&b->db, &b->role)) != 0
        || (rc = backup_begin(b, &snapshot)) != 0 || (rc = backup_seen(b)) != 0
        || (rc = backup_manifest(b, &manifest)) != 0)
    {
        return rc;
    }

    rc = backup_file(b, path, manifest, snapshot);
    if (rc == 0) {
        cmd_print("%s: %llu rows", path, (unsigned long long) b->rows);
    }

    return rc;
}


/* Everything that follows sees the database as it is now, pg_dump, too. */
static int
backup_begin(backup_t *b, const char **snapshot)
{
    pytake_rows_t rows;

    b->db.timeout_ms = DB_WAIT_FOREVER;

    pt_q_backup_snapshot(db_sql(&b->db));

    if (db_do(&b->db, "SET statement_timeout = 0") != PT_OK
        || db_do(&b->db, "SET idle_in_transaction_session_timeout = 0") != PT_OK
        || db_do(&b->db, "SET row_security = on") != PT_OK
        || db_do(&b->db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
               != PT_OK
        || db_run(&b->db, &rows) != PT_OK)
    {
        return cmd_db_error(&b->db, "cannot look at the database");
    }
    *snapshot = db_text(&rows, 0, PT_COL_BACKUP_SNAPSHOT_ID);

    return 0;
}


/* Row-level security is forced: a table without a policy for its owner would
 * seem to be empty. */
static int
backup_seen(backup_t *b)
{
    pytake_rows_t rows;

    pt_q_backup_hidden(db_sql(&b->db));
    if (db_run(&b->db, &rows) != PT_OK) {
        return cmd_db_error(&b->db, "cannot look at the policies");
    }

    if (rows.nrows > 0) {
        return cmd_error("row-level security hides rows of \"%s\" from its "
                         "owner: a backup would not have all of them",
                         db_text(&rows, 0, PT_COL_BACKUP_HIDDEN_NAME));
    }

    return 0;
}


static int
backup_manifest(backup_t *b, pt_str_t *out)
{
    int           rc;
    pt_jw_t       w;
    pt_buf_t      buf;
    pytake_rows_t rows;

    pt_buf_init(&buf, b->cmd->arena, BACKUP_MANIFEST_MAX);
    pt_jw_init(&w, &buf);
    pt_jw_object(&w);
    pt_jw_key(&w, "pytake");
    pt_jw_str(&w, PT_STR(PYTAKE_VERSION));
    pt_jw_key(&w, "made_at");
    pt_jw_time(&w, cmd_now_us());
    pt_jw_key(&w, "database");
    pt_jw_str(&w, (pt_str_t){ PQdb(b->db.pg), strlen(PQdb(b->db.pg)) });

    pt_q_backup_schema(db_sql(&b->db));
    if (db_run(&b->db, &rows) != PT_OK) {
        return cmd_db_error(&b->db, "cannot read the schema");
    }

    pt_jw_key(&w, "migrations");
    pt_jw_raw(&w, pt_cell_text(&rows, 0, PT_COL_BACKUP_SCHEMA_MIGRATIONS));
    pt_jw_key(&w, "partitions");
    pt_jw_raw(&w, pt_cell_text(&rows, 0, PT_COL_BACKUP_SCHEMA_PARTITIONS));

    rc = backup_tables(b, &w);
    if (rc != 0) {
        return rc;
    }
    pt_jw_object_end(&w);
    pt_buf_char(&buf, '\n');

    return pt_buf_get(&buf, out) == PT_OK ? 0 : cmd_no_memory();
}


static int
backup_tables(backup_t *b, pt_jw_t *w)
{
    int           rc = 0;
    int64_t       n;
    uint32_t      i;
    const char   *name;
    pytake_rows_t rows;

    pt_q_backup_tables(db_sql(&b->db));
    if (db_run(&b->db, &rows) != PT_OK) {
        return cmd_db_error(&b->db, "cannot list the tables");
    }

    pt_jw_key(w, "tables");
    pt_jw_object(w);

    for (i = 0; rc == 0 && i < rows.nrows; i++) {
        name = db_text(&rows, i, PT_COL_BACKUP_TABLES_NAME);
        rc = backup_count(&b->db, name, &n);

        if (rc == 0) {
            pt_jw_key_str(w, (pt_str_t){ name, strlen(name) });
            pt_jw_i64(w, n);
            b->rows += (uint64_t) n;
        }
    }
    pt_jw_object_end(w);

    return rc;
}


/* Under another name until it is whole and on the disk. */
static int
backup_file(backup_t *b, const char *path, pt_str_t manifest,
            const char *snapshot)
{
    int      rc;
    char     empty[BACKUP_HEAD_LEN] = { 0 };
    pt_str_t part;

    if (pt_arena_fmt(b->cmd->arena, &part, "%s.part", path) != PT_OK) {
        return cmd_no_memory();
    }

    b->fd = open(part.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (b->fd < 0) {
        return cmd_error("cannot make \"%s\": %s", part.data, strerror(errno));
    }

    if (EVP_DigestInit_ex(b->hash, EVP_sha256(), NULL) != 1
        || EVP_DigestUpdate(b->hash, manifest.data, manifest.len) != 1)
    {
        rc = cmd_error("libcrypto failed");
    } else if (!backup_write(b->fd, empty, sizeof(empty))
               || !backup_write(b->fd, manifest.data, manifest.len))
    {
        rc = cmd_error("cannot write \"%s\": %s", part.data, strerror(errno));
    } else {
        rc = backup_dump(b, snapshot);
    }

    if (rc == 0) {
        rc = backup_head(b, manifest.len);
    }
    if (close(b->fd) != 0 && rc == 0) {
        rc = cmd_error("cannot write \"%s\": %s", part.data, strerror(errno));
    }
    if (rc == 0 && link(part.data, path) != 0) {
        rc = cmd_error("cannot make \"%s\": %s", path, strerror(errno));
    }
    unlink(part.data);

    return rc;
}


static int
backup_dump(backup_t *b, const char *snapshot)
{
    int            rc, ended;
    char           piece[BACKUP_PIECE];
    ssize_t        n;
    pt_str_t       role, at;
    backup_child_t child;

    if (pt_arena_fmt(b->cmd->arena, &role, "--role=%s", b->role) != PT_OK
        || pt_arena_fmt(b->cmd->arena, &at, "--snapshot=%s", snapshot) != PT_OK)
    {
        return cmd_no_memory();
    }

    char *argv[] = { "pg_dump",
                     "--format=custom",
                     "--data-only",
                     "--load-via-partition-root",
                     "--enable-row-security",
                     "--no-password",
                     "--schema=public",
                     "--exclude-table=public.schema_migrations",
                     "--exclude-table=public.schema_functions",
                     (char *) role.data,
                     (char *) at.data,
                     NULL };

    rc = backup_child_run(b->cmd, &b->db, argv, false, &child);
    if (rc != 0) {
        return rc;
    }

    for (;;) {
        n = read(child.fd, piece, sizeof(piece));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        if (EVP_DigestUpdate(b->hash, piece, (size_t) n) != 1
            || !backup_write(b->fd, piece, (size_t) n))
        {
            rc = cmd_error("cannot write the backup: %s", strerror(errno));
            break;
        }
    }

    ended = backup_child_end(&child);

    return rc != 0 ? rc : ended;
}


static int
backup_head(backup_t *b, size_t manifest_len)
{
    char     head[BACKUP_HEAD_LEN + 1];
    char     hex[BACKUP_HASH_LEN + 1];
    uint8_t  hash[32];
    unsigned len;

    if (EVP_DigestFinal_ex(b->hash, hash, &len) != 1 || len != sizeof(hash)) {
        return cmd_error("libcrypto failed");
    }
    pt_hex_build(hash, sizeof(hash), hex);
    hex[BACKUP_HASH_LEN] = '\0';
    snprintf(head, sizeof(head), BACKUP_MAGIC "%0*zu %s\n", BACKUP_LENGTH_LEN,
             manifest_len, hex);

    if (pwrite(b->fd, head, BACKUP_HEAD_LEN, 0) != (ssize_t) BACKUP_HEAD_LEN
        || fsync(b->fd) != 0)
    {
        return cmd_error("cannot write the backup: %s", strerror(errno));
    }

    return 0;
}
