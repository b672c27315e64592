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
-- (state "active", wait ClientRead).  Returns how many; -1: the owner of this
-- function may not (it needs pg_signal_backend where the logins differ).
CREATE FUNCTION pytake_backends_end(p_seconds integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    AS $$
BEGIN
    RETURN (
        SELECT count(*) FILTER (WHERE pg_terminate_backend(a.pid))
        FROM pg_stat_activity a
        WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
          AND a.application_name LIKE 'pytake%' AND a.state = 'active'
          AND a.wait_event_type = 'Client' AND a.wait_event = 'ClientRead'
          AND a.state_change < clock_timestamp()
              - make_interval(secs => p_seconds));
EXCEPTION WHEN insufficient_privilege THEN
    RETURN -1;
END $$;
REVOKE ALL ON FUNCTION pytake_backends_end(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pytake_backends_end(integer) TO pytake_service;
