-- The statements of "pytake backup", which runs them as the owner of the
-- tables.

-- name: backup_owner
-- columns: name:text quoted:text
SELECT r.rolname::text, quote_ident(r.rolname)
FROM pg_class c
JOIN pg_roles r ON r.oid = c.relowner
WHERE c.oid = to_regclass('public.tenants');

-- Takes the snapshot that pg_dump sees, too.
-- name: backup_snapshot
-- columns: id:text
SELECT pg_export_snapshot();

-- Finds tables that would seem to be empty: row-level security is forced, and
-- these have no policy for their owner.
-- name: backup_hidden
-- columns: name:text
SELECT c.relname::text FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace
  AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND row_security_active(c.oid)
  AND NOT EXISTS (
      SELECT FROM pg_policy p
      WHERE p.polrelid = c.oid AND p.polcmd IN ('*', 'r') AND p.polpermissive
        AND pg_get_expr(p.polqual, p.polrelid) = 'true'
        AND EXISTS (SELECT FROM unnest(p.polroles) r(id)
                    WHERE r.id = 0 OR pg_has_role(r.id, 'USAGE')))
LIMIT 1;

-- Gives as JSON what the schema was made by, and the partitions in which the
-- rows lie.
-- name: backup_schema
-- columns: migrations:text? partitions:text?
SELECT (SELECT json_agg(json_build_object('version', m.version,
                   'checksum', m.checksum) ORDER BY m.version)::text
        FROM schema_migrations m),
       (SELECT json_agg(json_build_object('parent', p.relname,
                   'name', c.relname,
                   'bounds', pg_get_expr(c.relpartbound, c.oid))
                   ORDER BY c.relname)::text
        FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid
        JOIN pg_class p ON p.oid = i.inhparent
        WHERE p.relnamespace = 'public'::regnamespace AND p.relkind = 'p'
          AND pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT');

-- The tables of ours that are no partition of another.
-- fragment: backup_ours
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace
  AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND c.relname NOT IN ('schema_migrations', 'schema_functions')
ORDER BY c.relname;

-- name: backup_tables
-- columns: name:text
SELECT c.relname::text @backup_ours;
