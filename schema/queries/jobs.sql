-- Housekeeping, run by the sidecar as pytake_service: each a transaction of
-- its own, one number as the answer (how many were made, dropped, deleted).

-- name: days_make
-- columns: n:int
SELECT pytake_days_make();

-- Of a writer that met a day without one.
-- name: days_help
-- columns: n:int
SELECT pytake_days_help();

-- name: months_make
-- columns: n:int
SELECT pytake_months_make();

-- name: event_day_drop
-- params: days:int
-- columns: n:int
SELECT pytake_day_drop('event_log', $days);

-- name: raw_day_drop
-- params: days:int
-- columns: n:int
SELECT pytake_day_drop('webhook_raw', $days);

-- Rows that are over, a step at a time: days kept, rows at most.  The
-- condition is there twice for a row that changes while its lock is waited for
-- (a session that is renewed).

-- name: idem_trim
-- params: days:int most:int
-- columns: trimmed:int
WITH d AS (
    DELETE FROM idempotency_keys
    WHERE ctid = ANY (ARRAY(
        SELECT k.ctid FROM idempotency_keys k
        WHERE k.created_at < now() - make_interval(days => $days)
        ORDER BY k.created_at LIMIT $most))
      AND created_at < now() - make_interval(days => $days)
    RETURNING 1
)
SELECT count(*)::int4 FROM d;

-- And their refresh tokens.
-- name: session_trim
-- params: days:int most:int
-- columns: trimmed:int
WITH d AS (
    DELETE FROM sessions
    WHERE ctid = ANY (ARRAY(
        SELECT s.ctid FROM sessions s
        WHERE s.expires_at < now() - make_interval(days => $days)
        ORDER BY s.expires_at LIMIT $most))
      AND expires_at < now() - make_interval(days => $days)
    RETURNING 1
)
SELECT count(*)::int4 FROM d;

-- Of sessions that go on.
-- name: refresh_token_trim
-- params: days:int most:int
-- columns: trimmed:int
WITH d AS (
    DELETE FROM refresh_tokens
    WHERE ctid = ANY (ARRAY(
        SELECT r.ctid FROM refresh_tokens r
        WHERE r.expires_at < now() - make_interval(days => $days)
        ORDER BY r.expires_at LIMIT $most))
      AND expires_at < now() - make_interval(days => $days)
    RETURNING 1
)
SELECT count(*)::int4 FROM d;

-- name: webhook_error_trim
-- params: days:int most:int
-- columns: trimmed:int
WITH d AS (
    DELETE FROM webhook_errors
    WHERE ctid = ANY (ARRAY(
        SELECT e.ctid FROM webhook_errors e
        WHERE e.received_at < now() - make_interval(days => $days)
        ORDER BY e.received_at LIMIT $most))
      AND received_at < now() - make_interval(days => $days)
    RETURNING 1
)
SELECT count(*)::int4 FROM d;

-- name: audit_trim
-- params: days:int most:int
-- columns: trimmed:int
WITH d AS (
    DELETE FROM audit_log
    WHERE ctid = ANY (ARRAY(
        SELECT a.ctid FROM audit_log a
        WHERE a.created_at < now() - make_interval(days => $days)
        ORDER BY a.created_at LIMIT $most))
      AND created_at < now() - make_interval(days => $days)
    RETURNING 1
)
SELECT count(*)::int4 FROM d;

-- Tenants and numbers that were removed go step by step: about that many rows
-- a step; 0: nothing is left.
-- name: purge
-- params: most:int
-- columns: n:int
SELECT pytake_purge($most);
