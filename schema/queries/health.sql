-- name: health_ping
-- columns: one
SELECT 1;
