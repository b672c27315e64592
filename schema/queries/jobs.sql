-- Housekeeping, run by the sidecar as pytake_service.

-- name: partitions_make
-- columns: made
SELECT pytake_partitions_make();

-- days of events kept, days of raw webhook bodies kept
-- name: partitions_drop
-- params: int4 int4
-- columns: dropped
SELECT pytake_partitions_drop($1, $2);

-- Rows that are over, the oldest first and a step at a time: days kept, rows
-- at most.

-- name: idem_trim
-- params: int4 int4
-- columns: trimmed
WITH d AS (
    DELETE FROM idempotency_keys WHERE (tenant_id, scope, key) IN (
        SELECT k.tenant_id, k.scope, k.key FROM idempotency_keys k
        WHERE k.created_at < now() - make_interval(days => $1)
        ORDER BY k.created_at LIMIT $2)
    RETURNING 1
)
SELECT count(*)::int4 FROM d;

-- And their refresh tokens.
-- name: session_trim
-- params: int4 int4
-- columns: trimmed
WITH d AS (
    DELETE FROM sessions WHERE id IN (
        SELECT s.id FROM sessions s
        WHERE s.expires_at < now() - make_interval(days => $1)
        ORDER BY s.expires_at LIMIT $2)
    RETURNING 1
)
SELECT count(*)::int4 FROM d;

-- Of sessions that go on: until then a used one that comes back ends its
-- session.
-- name: refresh_token_trim
-- params: int4 int4
-- columns: trimmed
WITH d AS (
    DELETE FROM refresh_tokens WHERE token_hash IN (
        SELECT r.token_hash FROM refresh_tokens r
        WHERE r.expires_at < now() - make_interval(days => $1)
        ORDER BY r.expires_at LIMIT $2)
    RETURNING 1
)
SELECT count(*)::int4 FROM d;

-- name: webhook_error_trim
-- params: int4 int4
-- columns: trimmed
WITH d AS (
    DELETE FROM webhook_errors WHERE (tenant_id, item_hash) IN (
        SELECT e.tenant_id, e.item_hash FROM webhook_errors e
        WHERE e.received_at < now() - make_interval(days => $1)
        ORDER BY e.received_at LIMIT $2)
    RETURNING 1
)
SELECT count(*)::int4 FROM d;

-- name: audit_trim
-- params: int4 int4
-- columns: trimmed
WITH d AS (
    DELETE FROM audit_log WHERE (tenant_id, id) IN (
        SELECT a.tenant_id, a.id FROM audit_log a
        WHERE a.created_at < now() - make_interval(days => $1)
        ORDER BY a.created_at LIMIT $2)
    RETURNING 1
)
SELECT count(*)::int4 FROM d;
