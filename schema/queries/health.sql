-- Whether requests could be served: nobody's session, by the function that
-- every request calls first (is it there, may it be called, does the server
-- load what it needs), and how many days have their partitions.
-- name: health_ping
-- columns: entered days
SELECT pytake_session_enter(
           '00000000-0000-0000-0000-000000000000'::uuid,
           '00000000-0000-0000-0000-000000000000'::uuid,
           '00000000-0000-0000-0000-000000000000'::uuid),
       pytake_days_ahead();
