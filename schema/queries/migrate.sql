-- The statements of "pytake migrate", which runs them as the owner's login.
-- Those that make roles, grants and tables are in sidecar/cmd, because the
-- names in them cannot be parameters.  $prefix is what the names of the roles
-- shall begin with, $old what those begin with that the schema has.

-- Lets one migration run at a time, until the session's end.
-- name: migrate_lock_try
-- columns: locked:bool
SELECT pg_try_advisory_lock(7305808);

-- name: migrate_lock_wait
-- columns: locked:bool
SELECT true FROM pg_advisory_lock(7305808);

-- Says whether there is a table of this name.
-- name: migrate_table
-- params: name:text
-- columns: there:bool
SELECT to_regclass($name) IS NOT NULL;

-- fragment: migration
-- columns: version:int checksum:text
version, checksum;

-- name: migrate_applied
-- columns: @migration applied_at:text ms:int
SELECT @migration,
       to_char(applied_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), duration_ms
FROM schema_migrations
ORDER BY version;

-- name: migrate_functions
-- columns: file:text checksum:text applied_at:text ms:int
SELECT file, checksum,
       to_char(applied_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), duration_ms
FROM schema_functions;

-- name: migrate_record
-- params: version:int name:text checksum:text ms:int
INSERT INTO schema_migrations (version, name, checksum, duration_ms)
VALUES ($version, $name, $checksum, $ms);

-- name: migrate_record_functions
-- params: file:text checksum:text ms:int
INSERT INTO schema_functions AS f (file, checksum, duration_ms)
VALUES ($file, $checksum, $ms)
ON CONFLICT (file) DO UPDATE
SET checksum = excluded.checksum, applied_at = now(),
    duration_ms = excluded.duration_ms;

-- Forgets files that are gone, so that one is applied again if it comes back.
-- name: migrate_forget
-- params: files:text[]
DELETE FROM schema_functions WHERE file <> ALL ($files);

-- Makes the first migration stand for those that it replaced.
-- name: migrate_replaced
-- params: version:int
DELETE FROM schema_migrations WHERE version < $version;

-- name: migrate_replace
-- params: version:int name:text checksum:text
UPDATE schema_migrations SET name = $name, checksum = $checksum
WHERE version = $version;

-- Gives the database's own name, whatever a pooler calls it; whether PUBLIC
-- may connect; and whether lower() knows letters beyond ASCII.
-- name: migrate_database
-- columns: name:text encoding:text open:bool folds:bool
SELECT current_database()::text, getdatabaseencoding()::text,
       EXISTS (SELECT 1 FROM pg_database d, aclexplode(coalesce(d.datacl,
                   acldefault('d', d.datdba))) a
               WHERE d.datname = current_database() AND a.grantee = 0
                 AND a.privilege_type IN ('CONNECT', 'TEMPORARY')),
       lower(chr(201)) = chr(233);

-- Finds what the names of the schema's roles begin with, in a policy that has
-- one of them.
-- name: migrate_roles_old
-- columns: prefix:text
SELECT left(r.rolname, -8)
FROM pg_policy p
JOIN pg_roles r ON r.oid = ANY (p.polroles)
WHERE p.polrelid = to_regclass('public.tenants')
  AND p.polname = 'service_all' AND r.rolname LIKE '%\_service';

-- Finds another database that has the old roles, or those that shall be.
-- name: migrate_roles_owners
-- params: prefix:text old:text
-- columns: database:text
SELECT d.datname::text
FROM unnest(ARRAY['app', 'service', 'lookup']) k
JOIN pg_roles r ON r.rolname IN ($prefix || '_' || k, $old || '_' || k)
JOIN pg_shdepend s ON s.refclassid = 'pg_authid'::regclass
     AND s.refobjid = r.oid
JOIN pg_database d ON d.oid = s.dbid
WHERE d.datname <> current_database()
ORDER BY left(r.rolname, length($prefix)) = $prefix DESC LIMIT 1;

-- Finds new roles that belong to somebody already: to a login, or to another
-- database.
-- name: migrate_roles_taken
-- params: prefix:text
-- columns: role:text database:text?
SELECT r.rolname::text,
       (SELECT min(d.datname)::text
        FROM pg_shdepend s
        JOIN pg_database d ON d.oid = s.dbid
        WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid
          AND d.datname <> current_database())
FROM pg_roles r
WHERE r.rolname IN ($prefix || '_app', $prefix || '_service',
                    $prefix || '_lookup')
  AND (rolcanlogin OR rolsuper OR rolbypassrls
       OR EXISTS (SELECT 1 FROM pg_shdepend s
                  WHERE s.refclassid = 'pg_authid'::regclass
                    AND s.refobjid = r.oid
                    AND s.dbid NOT IN (0, (SELECT oid FROM pg_database
                        WHERE datname = current_database()))));

-- name: migrate_role
-- params: name:text
-- columns: there:bool
SELECT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = $name);

-- Says whether we can become a role.  From PostgreSQL 16 on the maker of a
-- role can only when it was granted with SET.
-- name: migrate_role_ours
-- params: name:text modern:bool
-- columns: ours:bool
SELECT CASE WHEN $modern THEN pg_has_role(current_user, $name, 'SET')
                              AND pg_has_role(current_user, $name, 'USAGE')
            ELSE pg_has_role(current_user, $name, 'MEMBER') END;

-- The old roles with their new names, and what they have.
-- fragment: migrate_pairs
WITH pair AS (
    SELECT r.oid, $prefix || '_' || k AS name
    FROM unnest(ARRAY['app', 'service', 'lookup']) k
    JOIN pg_roles r ON r.rolname = $old || '_' || k
), acl AS (
    SELECT pair.oid, pair.name, a.privilege_type || ' ON '
           || CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE '' END
           || c.oid::regclass AS what
    FROM pg_class c, aclexplode(c.relacl) a
    JOIN pair ON pair.oid = a.grantee
    WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT pair.oid, pair.name, format('%s (%I) ON %s', a.privilege_type,
               t.attname, c.oid::regclass)
    FROM pg_class c
    JOIN pg_attribute t ON t.attrelid = c.oid AND NOT t.attisdropped,
    aclexplode(t.attacl) a
    JOIN pair ON pair.oid = a.grantee
    WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT pair.oid, pair.name, 'EXECUTE ON FUNCTION ' || f.oid::regprocedure
    FROM pg_proc f, aclexplode(f.proacl) a
    JOIN pair ON pair.oid = a.grantee
    WHERE f.pronamespace = 'public'::regnamespace AND a.grantee <> f.proowner
    UNION ALL
    SELECT pair.oid, pair.name, a.privilege_type || ' ON SCHEMA public'
    FROM pg_namespace n, aclexplode(n.nspacl) a
    JOIN pair ON pair.oid = a.grantee
    WHERE n.nspname = 'public'
);

-- Gives statements that bring a schema over from its old roles to the new
-- ones.  Each is to be run alone.
-- name: migrate_move_grants
-- params: prefix:text old:text
-- columns: sql:text
@migrate_pairs
SELECT format('GRANT %s TO %I', what, name) FROM acl;

-- name: migrate_move_owners
-- params: prefix:text old:text
-- columns: sql:text
SELECT format('ALTER FUNCTION %s OWNER TO %I', f.oid::regprocedure,
              $prefix || '_lookup')
FROM pg_proc f
JOIN pg_roles r ON r.oid = f.proowner
WHERE f.pronamespace = 'public'::regnamespace
  AND r.rolname = $old || '_lookup';

-- name: migrate_move_revokes
-- params: prefix:text old:text
-- columns: sql:text
@migrate_pairs
SELECT format('REVOKE %s FROM %s', what, oid::regrole) FROM acl;

-- The policy of tenants goes last, because migrate_roles_old finds the old
-- roles by it.
-- name: migrate_move_policies
-- params: prefix:text old:text
-- columns: sql:text
@migrate_pairs
SELECT format('ALTER POLICY %I ON %s TO %s', p.polname, p.polrelid::regclass,
              string_agg(coalesce(quote_ident(pair.name),
                  CASE r.oid WHEN 0 THEN 'PUBLIC'
                             ELSE r.oid::regrole::text END), ', '))
FROM pg_policy p
CROSS JOIN unnest(p.polroles) r(oid)
LEFT JOIN pair ON pair.oid = r.oid
GROUP BY p.oid, p.polname, p.polrelid
HAVING bool_or(pair.oid IS NOT NULL)
ORDER BY p.polrelid = to_regclass('public.tenants'),
         p.polname = 'service_all', p.polrelid;

-- Lists the logins in $names and, when $members is true, the members of the
-- roles, with what is wrong with each.  A member that may do everything anyway
-- is not one of ours, and neither is one that belongs to another database.
-- name: migrate_logins
-- params: names:text prefix:text old:text members:bool
-- columns: name:text named:bool app:bool? service:bool? fault:text?
-- columns: inherits:bool? away:bool
WITH named AS (
    SELECT trim(n) AS name FROM regexp_split_to_table($names, ',') n
    WHERE trim(n) <> ''
), has AS (
    SELECT r.oid, bool_or(k = 'app') AS app, bool_or(k = 'service') AS service
    FROM pg_roles r, unnest(ARRAY['app', 'service']) k
    JOIN pg_roles o ON o.rolname IN ($prefix || '_' || k, $old || '_' || k)
    WHERE r.rolcanlogin AND NOT r.rolsuper
      AND pg_has_role(r.oid, o.oid, 'MEMBER') AND $members
    GROUP BY r.oid
), away AS (
    SELECT DISTINCT s.refobjid AS oid
    FROM pg_shdepend s
    JOIN pg_database d ON d.oid = s.dbid
    WHERE s.refclassid = 'pg_authid'::regclass
      AND d.datname <> current_database()
    UNION
    SELECT datdba FROM pg_database WHERE datname <> current_database()
)
SELECT coalesce(r.rolname::text, n.name), n.name IS NOT NULL,
       n.name IS NOT NULL OR h.app, n.name IS NOT NULL OR h.service,
       CASE WHEN r.oid IS NULL THEN 'is not there'
            WHEN NOT r.rolcanlogin THEN 'may not log in'
            WHEN r.rolsuper THEN 'is a superuser'
            WHEN r.rolbypassrls THEN 'passes row-level security by'
            WHEN r.rolcreaterole THEN 'may make roles'
            WHEN pg_has_role(r.oid, d.datdba, 'MEMBER')
                 OR r.rolname = current_user THEN 'owns the database' END,
       r.rolinherit,
       n.name IS NULL AND EXISTS (SELECT 1 FROM away
           WHERE pg_has_role(r.oid, away.oid, 'MEMBER'))
FROM named n
FULL JOIN (SELECT p.* FROM pg_roles p
           WHERE p.rolname IN (SELECT name FROM named)
              OR p.oid IN (SELECT oid FROM has)) r ON r.rolname = n.name
LEFT JOIN has h ON h.oid = r.oid
CROSS JOIN pg_database d
WHERE d.datname = current_database()
  AND (n.name IS NOT NULL
       OR NOT (pg_has_role(r.oid, d.datdba, 'MEMBER')
               OR r.rolname = current_user))
ORDER BY 1;

-- Lists the members of roles that two databases have, of which nobody knows to
-- which database they belong.  Owners of either database are left out.
-- name: migrate_logins_doubt
-- params: prefix:text old:text
-- columns: name:text
WITH o AS (
    SELECT r.oid
    FROM unnest(ARRAY['app', 'service']) k
    JOIN pg_roles r ON r.rolname IN ($prefix || '_' || k, $old || '_' || k)
)
SELECT r.rolname::text FROM pg_roles r
WHERE r.rolcanlogin AND NOT r.rolsuper AND r.rolname <> current_user
  AND EXISTS (SELECT 1 FROM o WHERE pg_has_role(r.oid, o.oid, 'MEMBER'))
  AND NOT EXISTS (
      SELECT 1 FROM pg_database d
      WHERE d.datdba = r.oid
        AND (d.datname = current_database()
             OR EXISTS (SELECT 1 FROM pg_shdepend s
                        JOIN o ON o.oid = s.refobjid
                        WHERE s.refclassid = 'pg_authid'::regclass
                          AND s.dbid = d.oid)))
ORDER BY 1;

-- Says whether we can see a backend of this login, and end it.
-- name: migrate_login_ours
-- params: name:text
-- columns: ours:bool
SELECT pg_has_role(current_user, $name, 'USAGE')
       OR pg_has_role(current_user, 'pg_signal_backend', 'USAGE')
          AND pg_has_role(current_user, 'pg_read_all_stats', 'USAGE');

-- Gives statements that take away what the older release needed: first what
-- the old roles have of ours, then the membership of our logins in the old
-- roles.  From PostgreSQL 16 on each grantor's grant is a grant of its own.
-- name: migrate_finish
-- params: prefix:text modern:bool
-- columns: sql:text bridge:bool
WITH ours AS (
    SELECT oid FROM pg_roles
    WHERE rolname IN ($prefix || '_app', $prefix || '_service',
                      $prefix || '_lookup')
), old AS (
    SELECT oid FROM pg_roles
    WHERE rolname ~ '^pytake_(app|service|lookup)$'
      AND oid NOT IN (SELECT oid FROM ours)
), let AS (
    SELECT a.roleid, a.member, a.grantor,
           a.member IN (SELECT oid FROM old) AS bridge
    FROM pg_auth_members a
    WHERE a.roleid IN (SELECT oid FROM ours)
      AND a.member IN (SELECT oid FROM old)
       OR a.roleid IN (SELECT oid FROM old)
      AND a.member IN (SELECT b.member FROM pg_auth_members b
                       JOIN ours ON ours.oid = b.roleid)
      AND a.member NOT IN (SELECT oid FROM old)
      AND a.member <> (SELECT datdba FROM pg_database
                       WHERE datname = current_database())
)
SELECT format('REVOKE %I FROM %I', r.rolname, w.rolname)
       || CASE WHEN $modern THEN format(' GRANTED BY %I', g.rolname)
               ELSE '' END,
       let.bridge
FROM let
JOIN pg_roles r ON r.oid = let.roleid
JOIN pg_roles w ON w.oid = let.member
LEFT JOIN pg_roles g ON g.oid = let.grantor
ORDER BY let.bridge DESC, 1;
