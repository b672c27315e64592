-- Housekeeping, run by the sidecar as pytake_service.

-- name: partitions_make
-- columns: made
SELECT pytake_partitions_make();

-- days of events kept, days of raw webhook bodies kept
-- name: partitions_drop
-- params: int4 int4
-- columns: dropped
SELECT pytake_partitions_drop($1, $2);
