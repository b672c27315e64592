-- Says whether requests could be served.  It asks for nobody's session with
-- the function that every request calls first, which shows whether the
-- function is there, may be called, and finds what it needs; and it says how
-- many days have their partitions.
-- name: health_ping
-- columns: entered:bool days:int
SELECT pytake_session_enter(
           '00000000-0000-0000-0000-000000000000'::uuid,
           '00000000-0000-0000-0000-000000000000'::uuid,
           '00000000-0000-0000-0000-000000000000'::uuid),
       pytake_days_ahead();

-- Says which database this is, however its address is written: when its server
-- was started, and the database's number there.
-- name: health_identity
-- columns: identity:text
SELECT (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint::text
           || ' ' || d.oid::text
FROM pg_database d
WHERE d.datname = current_database();
