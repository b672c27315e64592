-- Housekeeping, which the sidecar runs as pytake_service.  Each statement is a
-- transaction of its own and answers with one number: how many were made,
-- dropped or deleted.

-- name: days_make
-- columns: n:int
SELECT pytake_days_make();

-- Makes partitions for a writer that met a day without one.
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

-- The next statements delete rows whose time is over, at most so many in a
-- step.  Their condition stands there twice, because a row may change while
-- its lock is waited for, as a session does that is renewed.

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

-- Deletes sessions, whose refresh tokens go with them.
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

-- Deletes old refresh tokens of sessions that go on.
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

-- Deletes what belongs to removed tenants and numbers, about $most rows in a
-- step; 0: nothing is left.
-- name: purge
-- params: most:int
-- columns: n:int
SELECT pytake_purge($most);
