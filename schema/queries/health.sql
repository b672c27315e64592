-- Whether requests could be served: nobody's session, by the function that
-- every request calls first (is it there, may it be called, does the server
-- load what it needs), and how many days have their partitions.
-- name: health_ping
-- columns: entered:bool days:int
SELECT pytake_session_enter(
           '00000000-0000-0000-0000-000000000000'::uuid,
           '00000000-0000-0000-0000-000000000000'::uuid,
           '00000000-0000-0000-0000-000000000000'::uuid),
       pytake_days_ahead();

-- Which database this is, however its address is written: when its server was
-- started, and its number there.
-- name: health_identity
-- columns: identity:text
SELECT (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint::text
           || ' ' || d.oid::text
FROM pg_database d
WHERE d.datname = current_database();
