-- The statements of "pytake restore", which runs them as the login that
-- migrates, and from restore_full on as the owner of the tables.

-- Takes the manifest of a backup apart, which is JSON.
-- name: restore_migrations
-- params: manifest:text
-- columns: @migration
SELECT (m->>'version')::int, m->>'checksum'
FROM json_array_elements($manifest::json->'migrations')
     WITH ORDINALITY AS x(m, n)
ORDER BY n;

-- name: restore_counts
-- params: manifest:text
-- columns: name:text n:big
SELECT key, value::bigint FROM json_each_text($manifest::json->'tables') ORDER BY key;

-- Gives statements that make the partitions which are missing.
-- name: restore_partitions
-- params: manifest:text
-- columns: sql:text
SELECT format('CREATE TABLE public.%I PARTITION OF public.%I %s', p.name,
              p.parent, p.bounds)
FROM json_to_recordset($manifest::json->'partitions')
     AS p(parent text, name text, bounds text)
WHERE p.name ~ '^[a-z_]+_[0-9_]+$'
  AND to_regclass('public.' || quote_ident(p.name)) IS NULL
  AND to_regclass('public.' || quote_ident(p.parent)) IS NOT NULL
  AND p.bounds ~ ('^FOR VALUES FROM \(''[-+:. 0-9a-f]+''\)'
                  || ' TO \(''[-+:. 0-9a-f]+''\)$');

-- Gives a statement for each table of ours; %I in it stands for the table's
-- name.
-- name: restore_each
-- params: statement:text
-- columns: sql:text
SELECT format($statement, c.relname) @backup_ours;

-- Lets one restore run at a time, and nobody else at all.
-- name: restore_alone
-- columns: locked:bool others:big who:text?
SELECT pg_try_advisory_lock(7305813), count(a.pid),
       string_agg(DISTINCT coalesce(nullif(a.application_name, ''),
                                    'somebody'), ', ')
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.usesysid IS NOT NULL
  AND a.pid <> pg_backend_pid();

-- Finds a table that is not ours.
-- name: restore_foreign
-- columns: name:text
SELECT c.relname::text FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace
  AND c.relkind IN ('r', 'p', 'm', 'f') AND NOT c.relispartition
  AND c.relname NOT IN ('schema_migrations', 'schema_functions')
  AND NOT EXISTS (SELECT FROM pg_policy p
                  WHERE p.polrelid = c.oid AND p.polname = 'owner_all')
  AND NOT (c.relrowsecurity
           AND to_regclass('public.schema_functions') IS NOT NULL)
LIMIT 1;

-- Says whether anything would be lost.
-- name: restore_full
-- columns: full:bool
SELECT EXISTS (SELECT FROM tenants) OR EXISTS (SELECT FROM webhook_raw);

-- Marks what waited to be sent as a call whose outcome is unknown, so that it
-- is not sent again: it may have been sent since the backup was made.
-- name: restore_outbox
-- columns: n:big
WITH u AS (
    UPDATE outbox
    SET unknown_at = now(), unknown_claim = coalesce(claimed_at, now()),
        claimed_at = NULL, claimed_by = NULL
    WHERE unknown_at IS NULL
    RETURNING 1
)
SELECT count(*) FROM u;

-- Says whether a login may connect.  A new database lets nobody in but its
-- owner.
-- name: restore_known
-- columns: known:bool
SELECT EXISTS (
    SELECT FROM pg_roles w, pg_database d
    WHERE d.datname = current_database() AND w.rolcanlogin AND NOT w.rolsuper
      AND NOT pg_has_role(w.oid, d.datdba, 'MEMBER')
      AND has_database_privilege(w.oid, d.oid, 'CONNECT'));
