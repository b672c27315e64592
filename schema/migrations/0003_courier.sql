-- 0003 courier: what the courier keeps of a message on its way.

ALTER TABLE outbox
    ADD COLUMN claimed_by uuid,        -- which courier
    ADD COLUMN unknown_at timestamptz, -- called, but the outcome is unknown
    ADD COLUMN last_error jsonb;       -- of the last try

DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (lane, next_attempt_at, message_id)
    WHERE claimed_at IS NULL AND unknown_at IS NULL;
CREATE INDEX outbox_claimed ON outbox (claimed_at)
    WHERE claimed_at IS NOT NULL;
CREATE INDEX outbox_unknown ON outbox (unknown_at)
    WHERE unknown_at IS NOT NULL;

-- Ends backends of ours that have waited for their client in the middle of a
-- batch for p_seconds: they hold locks that no timeout of PostgreSQL ends
-- (state "active", wait ClientRead).  Only backends of our own roles.
CREATE FUNCTION pytake_backends_end(p_seconds integer) RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(pg_terminate_backend(pid))::integer
    FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
      AND application_name LIKE 'pytake%' AND state = 'active'
      AND wait_event = 'ClientRead'
      AND state_change < now() - make_interval(secs => p_seconds)
$$;
REVOKE ALL ON FUNCTION pytake_backends_end(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pytake_backends_end(integer) TO pytake_service;
