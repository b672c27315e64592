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
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "migrate.h"

#define RESTORE_LOCK "7305813"

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
static int restore_version(const PGresult *res, int i);
static int restore_alone(restore_t *r);
static int restore_empty(restore_t *r);
static int restore_wipe(restore_t *r);
static int restore_ask(restore_t *r, const char *sql, PGresult **out);
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
        || (rc = backup_owner_enter(r->cmd, &r->db, &r->role)) != 0
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
        || !pt_parse_i64((pt_str_t){ head + magic, BACKUP_LENGTH_LEN }, &len)
        || len < 2 || len > (int64_t) BACKUP_MANIFEST_MAX)
    {
        return cmd_error("\"%s\" is no file of \"pytake backup\"", r->path);
    }
    head[BACKUP_HEAD_LEN - 1] = '\0';
    want = (size_t) len;

    p = pt_alloc(r->cmd->arena, want + 1);
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
    int       i, rc;
    PGresult *res;

    rc = restore_ask(r,
                     "SELECT m->>'version', m->>'checksum' FROM"
                     " json_array_elements($1::json->'migrations')"
                     " WITH ORDINALITY AS x(m, n) ORDER BY n",
                     &res);
    if (rc != 0) {
        return rc;
    }

    if (migrate_is_replaced(res)) {
        r->version = migrations[0].version;
    } else if (PQntuples(res) == 0) {
        rc = cmd_error("\"%s\" names no migration", r->path);
    }

    for (i = 0; rc == 0 && r->version == 0 && i < PQntuples(res); i++) {
        rc = restore_version(res, i);
    }
    if (rc == 0 && r->version == 0) {
        r->version = migrations[PQntuples(res) - 1].version;
    }
    PQclear(res);

    return rc;
}


static int
restore_version(const PGresult *res, int i)
{
    int  rc, version = (int) strtol(db_cell(res, i, 0), NULL, 10);
    char want[65];

    if ((size_t) i >= migrations_count || migrations[i].version != version) {
        return cmd_error("the backup has a migration %04d that this program "
                         "does not know: use the pytake that made it",
                         version);
    }

    rc = migrate_checksum(&migrations[i], want);
    if (rc == 0 && strcmp(want, db_cell(res, i, 1)) != 0) {
        rc = cmd_error("%s is not the one that the backup was made under",
                       migrations[i].file);
    }

    return rc;
}


/* One restore at a time, and nobody else at all. */
static int
restore_alone(restore_t *r)
{
    int       rc = 0;
    PGresult *res;

    if (db_exec(&r->db,
                "SELECT pg_try_advisory_lock(" RESTORE_LOCK "),"
                " (SELECT count(*) FROM pg_stat_activity a"
                " WHERE a.datname = current_database()"
                " AND a.usesysid IS NOT NULL AND a.pid <> pg_backend_pid()),"
                " (SELECT string_agg(DISTINCT coalesce(nullif("
                "a.application_name, ''), 'somebody'), ', ')"
                " FROM pg_stat_activity a WHERE a.datname = current_database()"
                " AND a.usesysid IS NOT NULL AND a.pid <> pg_backend_pid())",
                0, NULL, &res)
        != PT_OK)
    {
        return cmd_db_error(&r->db, "cannot look who is connected");
    }

    if (db_cell(res, 0, 0)[0] != 't') {
        rc = cmd_error("another restore is under way");
    } else if (strcmp(db_cell(res, 0, 1), "0") != 0) {
        rc = cmd_error("the database is in use (%s): stop NGINX and \"pytake "
                       "serve\" first",
                       db_cell(res, 0, 2));
    }
    PQclear(res);

    return rc;
}


/* Nothing in it, or tables of ours without a tenant, or --yes. */
static int
restore_empty(restore_t *r)
{
    int       rc = 0;
    bool      ours;
    PGresult *res;

    if (db_exec(&r->db,
                "SELECT c.relname FROM pg_class c"
                " WHERE c.relnamespace = 'public'::regnamespace"
                " AND c.relkind IN ('r', 'p', 'm', 'f')"
                " AND NOT c.relispartition"
                " AND c.relname NOT IN ('schema_migrations',"
                " 'schema_functions') AND NOT EXISTS ("
                " SELECT FROM pg_policy p WHERE p.polrelid = c.oid"
                " AND p.polname = 'owner_all') AND NOT (c.relrowsecurity"
                " AND to_regclass('public.schema_functions') IS NOT NULL)"
                " LIMIT 1",
                0, NULL, &res)
        != PT_OK)
    {
        return cmd_db_error(&r->db, "cannot look at the database");
    }
    if (PQntuples(res) > 0) {
        rc = cmd_error("the database holds \"%s\", which is not PyTake's: "
                       "restore into a database of its own",
                       db_cell(res, 0, 0));
    }
    PQclear(res);
    if (rc != 0) {
        return rc;
    }

    if (db_exec(&r->db, "SELECT to_regclass('public.tenants') IS NOT NULL", 0,
                NULL, &res)
        != PT_OK)
    {
        return cmd_db_error(&r->db, "cannot look at the database");
    }
    ours = db_cell(res, 0, 0)[0] == 't';
    PQclear(res);

    return ours ? restore_wipe(r) : 0;
}


static int
restore_wipe(restore_t *r)
{
    bool        full;
    PGresult   *res;
    const char *role;

    if (backup_owner_enter(r->cmd, &r->db, &role) != 0) {
        return CMD_FAILED;
    }

    if (db_exec(&r->db,
                "SELECT EXISTS (SELECT FROM public.tenants)"
                " OR EXISTS (SELECT FROM public.webhook_raw)",
                0, NULL, &res)
        != PT_OK)
    {
        return cmd_db_error(&r->db, "cannot look at the database");
    }
    full = db_cell(res, 0, 0)[0] == 't';
    PQclear(res);

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


static int
restore_ask(restore_t *r, const char *sql, PGresult **out)
{
    const char *params[] = { r->manifest };

    if (db_exec(&r->db, sql, 1, params, out) != PT_OK) {
        return strncmp(r->db.sqlstate, "22", 2) == 0
                   ? cmd_error("\"%s\" is no file of \"pytake backup\": %s",
                               r->path, r->db.error)
                   : cmd_db_error(&r->db, "cannot read the backup");
    }

    return 0;
}


/* The partitions that the rows lie in; no trigger makes rows of its own, and
 * the owner may COPY. */
static int
restore_ready(restore_t *r)
{
    int       i, rc;
    PGresult *res;

    rc = restore_ask(
        r,
        "SELECT format('CREATE TABLE public.%I PARTITION OF public.%I %s',"
        " p.name, p.parent, p.bounds)"
        " FROM json_to_recordset($1::json->'partitions')"
        " AS p(parent text, name text, bounds text)"
        " WHERE p.name ~ '^[a-z_]+_[0-9_]+$'"
        " AND to_regclass('public.' || quote_ident(p.name)) IS NULL"
        " AND to_regclass('public.' || quote_ident(p.parent)) IS NOT NULL"
        " AND p.bounds ~ '^FOR VALUES FROM \\(''[-+:. 0-9a-f]+''\\)"
        " TO \\(''[-+:. 0-9a-f]+''\\)$'",
        &res);
    if (rc != 0) {
        return rc;
    }

    for (i = 0; rc == 0 && i < PQntuples(res); i++) {
        if (db_do(&r->db, db_cell(res, i, 0)) != PT_OK) {
            rc = cmd_db_error(&r->db, "cannot make a partition");
        }
    }
    PQclear(res);

    if (rc == 0
        && db_do(&r->db,
                 "DO $$ DECLARE o record; BEGIN"
                 " FOR o IN " BACKUP_TABLES " LOOP"
                 " EXECUTE format('ALTER TABLE public.%I DISABLE TRIGGER USER,"
                 " NO FORCE ROW LEVEL SECURITY', o.relname);"
                 " END LOOP; END $$")
               != PT_OK)
    {
        rc = cmd_db_error(&r->db, "cannot make the tables ready");
    }

    return rc;
}


static int
restore_rows(restore_t *r)
{
    int            rc, ended;
    pt_str_t       role;
    backup_child_t child;

    if (pt_fmt(r->cmd->arena, &role, "--role=%s", r->role) != PT_OK) {
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
    int         i, rc;
    PGresult   *res;
    const char *name, *want, *got;

    rc = restore_ask(r,
                     "SELECT key, value FROM"
                     " json_each_text($1::json->'tables') ORDER BY key",
                     &res);
    if (rc != 0) {
        return rc;
    }

    for (i = 0; rc == 0 && i < PQntuples(res); i++) {
        name = db_cell(res, i, 0);
        want = db_cell(res, i, 1);
        rc = backup_count(r->cmd, &r->db, name, &got);
        if (rc == 0 && strcmp(got, want) != 0) {
            rc =
                cmd_error("%s has %s rows, the backup had %s", name, got, want);
        } else if (rc == 0 && strcmp(want, "0") != 0) {
            cmd_print("%s: %s rows", name, got);
        }
    }
    PQclear(res);

    return rc;
}


static int
restore_closed(restore_t *r)
{
    if (db_do(&r->db, "DO $$ DECLARE o record; BEGIN"
                      " FOR o IN " BACKUP_TABLES " LOOP"
                      " EXECUTE format('ALTER TABLE public.%I ENABLE TRIGGER"
                      " USER, FORCE ROW LEVEL SECURITY', o.relname);"
                      " END LOOP; END $$")
        != PT_OK)
    {
        return cmd_db_error(&r->db, "cannot close the tables again");
    }

    return 0;
}


/* What waited to be sent may have gone out since the backup was made: it is
 * not sent again, as any call whose outcome is unknown. */
static int
restore_after(restore_t *r)
{
    PGresult *res;

    if (db_exec(&r->db,
                "UPDATE public.outbox SET unknown_at = now(),"
                " unknown_claim = coalesce(claimed_at, now()),"
                " claimed_at = NULL, claimed_by = NULL"
                " WHERE unknown_at IS NULL",
                0, NULL, &res)
        != PT_OK)
    {
        return cmd_db_error(&r->db, "cannot look at the outbox");
    }

    if (strcmp(PQcmdTuples(res), "0") != 0) {
        cmd_print("%s replies waited to be sent: they may have gone out since, "
                  "and are not sent again",
                  PQcmdTuples(res));
    }
    PQclear(res);

    if (db_do(&r->db, "DO $$ DECLARE o record; BEGIN"
                      " FOR o IN " BACKUP_TABLES " LOOP"
                      " EXECUTE format('ANALYZE public.%I', o.relname);"
                      " END LOOP; END $$")
        != PT_OK)
    {
        return cmd_db_error(&r->db,
                            "the rows are here, but cannot be analyzed");
    }

    return restore_next(r);
}


/* A database that is new knows its owner alone. */
static int
restore_next(restore_t *r)
{
    bool      known;
    PGresult *res;

    if (db_exec(&r->db,
                "SELECT EXISTS (SELECT FROM pg_roles w, pg_database d"
                " WHERE d.datname = current_database() AND w.rolcanlogin"
                " AND NOT w.rolsuper"
                " AND NOT pg_has_role(w.oid, d.datdba, 'MEMBER')"
                " AND has_database_privilege(w.oid, d.oid, 'CONNECT'))",
                0, NULL, &res)
        != PT_OK)
    {
        return cmd_db_error(&r->db, "cannot look at the logins");
    }
    known = db_cell(res, 0, 0)[0] == 't';
    PQclear(res);

    cmd_print("%s is restored: %sstart NGINX and \"pytake serve\"; clients "
              "reload by themselves",
              PQdb(r->db.pg),
              known ? ""
                    : "let the workers' login in by \"pytake migrate --login "
                      "NAME\", then ");

    return CMD_OK;
}
