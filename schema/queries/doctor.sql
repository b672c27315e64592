-- The statements of "pytake doctor".  Those that ask the catalogue are run as
-- the login itself, those that ask tables as pytake_service.  $prefix is what
-- the names of the roles begin with.  Lists give the names of what is wrong.

-- name: doctor_settings
-- columns: name:text setting:text
SELECT name, setting FROM pg_settings
WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit',
               'server_encoding');

-- Gives what lower() makes of letters beyond ASCII in this database.
-- name: doctor_collation
-- columns: ctype:text folds:bool
SELECT datctype::text, lower(chr(201)) = chr(233)
FROM pg_database WHERE datname = current_database();

-- name: doctor_clock
-- columns: now:time
SELECT clock_timestamp();

-- name: doctor_migrations
-- columns: newest:int n:big
SELECT coalesce(max(version), 0), count(*) FROM schema_migrations;

-- name: doctor_security
-- columns: name:text
SELECT relname::text FROM pg_class
WHERE relnamespace = 'public'::regnamespace
  AND relkind IN ('r', 'p') AND NOT relispartition
  AND relname NOT IN ('schema_migrations', 'schema_functions')
  AND NOT (relrowsecurity AND relforcerowsecurity);

-- name: doctor_partition_grants
-- params: prefix:text
-- columns: name:text
SELECT DISTINCT c.relname::text
FROM pg_class c, unnest(ARRAY['app', 'service', 'lookup']) k
WHERE c.relnamespace = 'public'::regnamespace
  AND c.relispartition AND c.relkind IN ('r', 'p')
  AND has_table_privilege($prefix || '_' || k, c.oid,
                          'SELECT, INSERT, UPDATE, DELETE');

-- Says how many days have their partition, from today on and without a gap.
-- name: doctor_days
-- params: parent:text
-- columns: n:big
SELECT count(*) FROM generate_series(0, 30) n
WHERE NOT EXISTS (
    SELECT 1 FROM generate_series(0, n) k
    WHERE to_regclass('public.' || $parent || to_char(
        (now() AT TIME ZONE 'UTC')::date + k, '_YYYY_MM_DD')) IS NULL);

-- Lists the partitions that messages lack for this month and the next.
-- name: doctor_months
-- columns: name:text
SELECT m.name
FROM (SELECT 'messages' || to_char(date_trunc('month', now() AT TIME ZONE 'UTC')
             + make_interval(months => n), '_YYYY_MM') AS name
      FROM generate_series(0, 1) n) m
WHERE to_regclass('public.' || m.name) IS NULL;

-- fragment: doctor_ours
WITH ours AS (
    SELECT oid FROM pg_roles
    WHERE rolname IN ($prefix || '_app', $prefix || '_service',
                      $prefix || '_lookup')
), logins AS (
    SELECT r.* FROM pg_roles r
    WHERE r.rolcanlogin AND NOT r.rolsuper
      AND EXISTS (SELECT 1 FROM ours
                  WHERE pg_has_role(r.oid, ours.oid, 'MEMBER'))
), strange AS (
    SELECT l.* FROM logins l, pg_class c
    WHERE c.oid = to_regclass('public.tenants')
      AND NOT pg_has_role(l.oid, c.relowner, 'MEMBER')
);

-- Says what the login of DATABASE_URL may do, which somebody has who takes a
-- worker over.
-- name: doctor_login
-- columns: name:text harm:text? passes:bool
SELECT r.rolname::text,
       CASE WHEN r.rolsuper THEN 'is a superuser'
            WHEN r.rolbypassrls THEN 'passes row-level security by'
            WHEN pg_has_role(r.oid, c.relowner, 'MEMBER')
                 THEN 'owns the tables'
            WHEN r.rolcreaterole THEN 'may make roles'
            WHEN r.rolcreatedb THEN 'may make databases' END,
       r.rolsuper OR r.rolbypassrls
FROM pg_roles r, pg_class c
WHERE r.rolname = session_user AND c.oid = to_regclass('public.tenants');

-- name: doctor_attributes
-- params: prefix:text
-- columns: name:text
SELECT rolname::text FROM pg_roles
WHERE rolname IN ($prefix || '_app', $prefix || '_service',
                  $prefix || '_lookup')
  AND (rolsuper OR rolbypassrls OR rolcanlogin);

-- name: doctor_public
-- columns: name:text
SELECT 'PUBLIC'
FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
WHERE d.datname = current_database() AND a.grantee = 0
  AND a.privilege_type IN ('CONNECT', 'TEMPORARY')
LIMIT 1;

-- Lists members that may not connect, which are logins of another database.
-- name: doctor_members
-- params: prefix:text
-- columns: name:text
@doctor_ours
SELECT rolname::text FROM strange
WHERE NOT has_database_privilege(oid, current_database(), 'CONNECT')
ORDER BY 1;

-- Lists members that have the rights of the roles without entering one.
-- name: doctor_inherits
-- params: prefix:text
-- columns: name:text
@doctor_ours
SELECT rolname::text FROM strange
WHERE rolbypassrls OR rolcreaterole
   OR EXISTS (SELECT 1 FROM ours
              WHERE pg_has_role(strange.oid, ours.oid, 'USAGE'))
ORDER BY 1;

-- Lists other databases that have the same roles.
-- name: doctor_shared
-- params: prefix:text
-- columns: name:text
@doctor_ours
SELECT DISTINCT d.datname::text
FROM ours
JOIN pg_shdepend s ON s.refobjid = ours.oid
     AND s.refclassid = 'pg_authid'::regclass
JOIN pg_database d ON d.oid = s.dbid
WHERE d.datname <> current_database()
ORDER BY 1;

-- Gives the first 16 logins that are no members and can become ones without
-- asking anybody, and how many there are.  Up to PostgreSQL 15 these are the
-- logins that can enter a role with CREATEROLE, because such a role grants
-- every role that is no superuser's.  From 16 on it takes the ADMIN OPTION on
-- the role that is granted.
-- name: doctor_granters
-- params: prefix:text
-- columns: names:text? n:big
@doctor_ours
SELECT string_agg(x.name, ', ' ORDER BY x.n) FILTER (WHERE x.n <= 16), count(*)
FROM (SELECT l.rolname::text AS name,
             row_number() OVER (ORDER BY l.rolname) AS n
      FROM pg_roles l, pg_class c, pg_database b
      WHERE l.rolcanlogin AND NOT l.rolsuper
        AND c.oid = to_regclass('public.tenants')
        AND b.datname = current_database()
        AND NOT pg_has_role(l.oid, c.relowner, 'MEMBER')
        AND NOT pg_has_role(l.oid, b.datdba, 'MEMBER')
        AND (EXISTS (SELECT 1 FROM ours
                     WHERE pg_has_role(l.oid, ours.oid,
                                       'MEMBER WITH ADMIN OPTION'))
             OR current_setting('server_version_num')::int < 160000
             AND EXISTS (SELECT 1 FROM pg_roles m
                         WHERE m.rolcreaterole
                           AND pg_has_role(l.oid, m.oid, 'MEMBER')))) x;

-- Lists what an upgrade leaves for workers of the older release.
-- name: doctor_bridges
-- params: prefix:text
-- columns: name:text
@doctor_ours
SELECT r.rolname::text
FROM pg_auth_members m
JOIN ours ON ours.oid = m.roleid
JOIN pg_roles r ON r.oid = m.member
WHERE NOT r.rolcanlogin AND r.rolname ~ '_(app|service|lookup)$'
ORDER BY 1;

-- Says how many couriers are connected, and for how long the oldest message
-- that is due has been due.
-- name: doctor_courier
-- columns: here:big late_s:big
SELECT count(*),
       (SELECT coalesce(extract(epoch FROM now() - min(x.next_attempt_at)),
                        0)::bigint
        FROM outbox_lanes l
        CROSS JOIN LATERAL pytake_outbox_next(l.tenant_id,
            l.whatsapp_config_id, l.lane, now(), 1) x)
FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'pytake courier';

-- name: doctor_stopped
-- columns: name:text
SELECT id || ' (' || status_reason || ')' FROM whatsapp_configs
WHERE status = 'stopped'
ORDER BY id;

-- Gives the newest tokens.
-- name: doctor_tokens
-- params: most:int
-- columns: tenant_id:uuid id:uuid token:bytes
SELECT tenant_id, id, access_token_sealed FROM whatsapp_configs
WHERE access_token_sealed IS NOT NULL
ORDER BY updated_at DESC LIMIT $most;

-- Lists numbers without a token: whoever writes to one waits for a reply in
-- vain.
-- name: doctor_mute
-- columns: name:text
SELECT phone_number_id FROM whatsapp_configs
WHERE status = 'active' AND access_token_sealed IS NULL
ORDER BY id;

-- Lists numbers that agents see as something that is no phone number.
-- name: doctor_displays
-- columns: name:text
SELECT phone_number_id || ' (' || display_phone_number || ')'
FROM whatsapp_configs
WHERE status <> 'removed'
  AND (display_phone_number !~ '^[-+. ()0-9]{1,40}$'
       OR length(regexp_replace(display_phone_number, '[^0-9]', '', 'g'))
          NOT BETWEEN 5 AND 20)
ORDER BY id;
