-- Housekeeping, run by the sidecar as pytake_service: each a transaction of
-- its own, one number as the answer (how many were made, dropped, deleted).

-- name: days_make
-- columns: n
SELECT pytake_days_make();

-- Of a writer that met a day without one.
-- name: days_help
-- columns: n
SELECT pytake_days_help();

-- name: months_make
-- columns: n
SELECT pytake_months_make();

-- $1: days kept
-- name: event_day_drop
-- params: int4
-- columns: n
SELECT pytake_day_drop('event_log', $1);

-- $1: days kept
-- name: raw_day_drop
-- params: int4
-- columns: n
SELECT pytake_day_drop('webhook_raw', $1);

-- Rows that are over, a step at a time: days kept, rows at most.  The
-- condition is there twice for a row that changes while its lock is waited for
-- (a session that is renewed).

-- name: idem_trim
-- params: int4 int4
-- columns: trimmed
WITH d AS (
    DELETE FROM idempotency_keys
    WHERE ctid = ANY (ARRAY(
        SELECT k.ctid FROM idempotency_keys k
        WHERE k.created_at < now() - make_interval(days => $1)
        ORDER BY k.created_at LIMIT $2))
      AND created_at < now() - make_interval(days => $1)
    RETURNING 1
)
SELECT count(*)::int4 FROM d;

-- And their refresh tokens.
-- name: session_trim
-- params: int4 int4
-- columns: trimmed
WITH d AS (
    DELETE FROM sessions
    WHERE ctid = ANY (ARRAY(
        SELECT s.ctid FROM sessions s
        WHERE s.expires_at < now() - make_interval(days => $1)
        ORDER BY s.expires_at LIMIT $2))
      AND expires_at < now() - make_interval(days => $1)
    RETURNING 1
)
SELECT count(*)::int4 FROM d;

-- Of sessions that go on.
-- name: refresh_token_trim
-- params: int4 int4
-- columns: trimmed
WITH d AS (
    DELETE FROM refresh_tokens
    WHERE ctid = ANY (ARRAY(
        SELECT r.ctid FROM refresh_tokens r
        WHERE r.expires_at < now() - make_interval(days => $1)
        ORDER BY r.expires_at LIMIT $2))
      AND expires_at < now() - make_interval(days => $1)
    RETURNING 1
)
SELECT count(*)::int4 FROM d;

-- name: webhook_error_trim
-- params: int4 int4
-- columns: trimmed
WITH d AS (
    DELETE FROM webhook_errors
    WHERE ctid = ANY (ARRAY(
        SELECT e.ctid FROM webhook_errors e
        WHERE e.received_at < now() - make_interval(days => $1)
        ORDER BY e.received_at LIMIT $2))
      AND received_at < now() - make_interval(days => $1)
    RETURNING 1
)
SELECT count(*)::int4 FROM d;

-- name: audit_trim
-- params: int4 int4
-- columns: trimmed
WITH d AS (
    DELETE FROM audit_log
    WHERE ctid = ANY (ARRAY(
        SELECT a.ctid FROM audit_log a
        WHERE a.created_at < now() - make_interval(days => $1)
        ORDER BY a.created_at LIMIT $2))
      AND created_at < now() - make_interval(days => $1)
    RETURNING 1
)
SELECT count(*)::int4 FROM d;

-- Tenants and numbers that were removed go step by step: about that many rows
-- a step; 0: nothing is left.
-- name: purge
-- params: int4
-- columns: n
SELECT pytake_purge($1);
