-- The courier's work: finding what waits to be sent, and claiming it
-- (docs/courier.md).

-- The lanes of active numbers in which something waits, each found by one step
-- of the index: a number with nothing waiting costs nothing, and a stopped
-- number costs one step, however much waits there. It is for
-- pytake_outbox_claim(), outbox_count and "pytake doctor".
CREATE OR REPLACE VIEW outbox_lanes WITH (security_invoker = true) AS
WITH RECURSIVE l AS (
    (SELECT o.tenant_id, o.whatsapp_config_id, o.lane FROM outbox o
     WHERE o.claimed_at IS NULL AND o.unknown_at IS NULL
     ORDER BY o.tenant_id, o.whatsapp_config_id, o.lane LIMIT 1)
    UNION ALL
    SELECT x.tenant_id, x.whatsapp_config_id, x.lane
    FROM l CROSS JOIN LATERAL (
        SELECT o.tenant_id, o.whatsapp_config_id, o.lane FROM outbox o
        WHERE o.claimed_at IS NULL AND o.unknown_at IS NULL
          AND (o.tenant_id, o.whatsapp_config_id, o.lane)
              > (l.tenant_id, l.whatsapp_config_id, l.lane)
        ORDER BY o.tenant_id, o.whatsapp_config_id, o.lane LIMIT 1) x
)
SELECT l.tenant_id, l.whatsapp_config_id, l.lane
FROM l
WHERE (SELECT w.status FROM whatsapp_configs w WHERE w.tenant_id = l.tenant_id
       AND w.id = l.whatsapp_config_id) = 'active'; -- one look-up for each
GRANT SELECT ON outbox_lanes TO pytake_service;

-- Gives the first p_max rows that are due in a lane: of each conversation the
-- oldest unfinished row only. A row whose outcome is unknown holds those
-- behind it up for 30 s, a row that waits for an hour or longer not at all.
-- Called by pytake_outbox_claim(), outbox_count and "pytake doctor". It is
-- plain SQL and STABLE, so that it becomes a part of the statement's plan.
CREATE OR REPLACE FUNCTION pytake_outbox_next(p_tenant uuid, p_config uuid,
    p_lane smallint, p_now timestamptz, p_max bigint)
    RETURNS TABLE (place tid, message_id uuid, next_attempt_at timestamptz,
                   turn bigint)
    LANGUAGE sql STABLE AS $$
    SELECT o.ctid, o.message_id, o.next_attempt_at,
           row_number() OVER (ORDER BY o.next_attempt_at, o.message_id)
    FROM outbox o
    WHERE o.tenant_id = p_tenant AND o.whatsapp_config_id = p_config
      AND o.lane = p_lane AND o.claimed_at IS NULL AND o.unknown_at IS NULL
      AND o.next_attempt_at <= p_now
      AND NOT EXISTS (
          SELECT 1 FROM outbox p
          WHERE p.tenant_id = o.tenant_id
            AND p.conversation_id = o.conversation_id
            AND p.message_id < o.message_id
            AND p.next_attempt_at < p_now + interval '1 hour'
            AND (p.unknown_at IS NULL
                 OR p.unknown_at > p_now - interval '30 seconds')
          OFFSET 0) -- a look-up for each, and never a join
    ORDER BY o.next_attempt_at, o.message_id LIMIT p_max
$$;

-- Claims what is due for a courier (outbox_claim), and gets what its calls
-- need. Live messages go before bulk; in a lane every number's first message
-- goes before every number's second one, and so on. Twice as many rows are
-- looked at as are wanted, because another courier may hold the first ones. It
-- is one statement, because a second one would see other rows.
--
-- An outbox is empty most of the time, and a plan made then would read the
-- whole table. Hence the setting, and hence rows are found again by their
-- place, which leaves the planner no choice. A row that moved meanwhile
-- belongs to another courier, or comes up the next time.
CREATE OR REPLACE FUNCTION pytake_outbox_claim(p_now timestamptz, p_max integer,
    p_courier uuid, p_waits uuid[])
    RETURNS TABLE (tenant_id uuid, message_id uuid, config_id uuid,
                   attempts integer, message_type text, content text,
                   status message_status, quoted text, wa_id text, bsuid text,
                   phone_number_id text, token bytea, config_at timestamptz,
                   created_at timestamptz)
    LANGUAGE plpgsql ROWS 10 SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH n AS MATERIALIZED (
        SELECT l.tenant_id, l.whatsapp_config_id, l.lane,
               1 + 2 * p_max / count(*) OVER () AS share
        FROM outbox_lanes l WHERE l.whatsapp_config_id <> ALL (p_waits)
    ), line AS MATERIALIZED (
        SELECT x.place
        FROM n CROSS JOIN LATERAL pytake_outbox_next(n.tenant_id,
            n.whatsapp_config_id, n.lane, p_now, n.share) x
        ORDER BY n.lane, x.turn, x.next_attempt_at, x.message_id
    ), due AS MATERIALIZED (
        SELECT o.place
        FROM line CROSS JOIN LATERAL (
            SELECT q.ctid AS place FROM outbox q
            WHERE q.ctid = line.place AND q.claimed_at IS NULL
              AND q.unknown_at IS NULL AND q.next_attempt_at <= p_now
            FOR UPDATE SKIP LOCKED) o
        LIMIT p_max
    ), c AS (
        UPDATE outbox o
        SET claimed_at = p_now, claimed_by = p_courier,
            attempts = o.attempts + 1
        FROM due d
        WHERE o.ctid = d.place
        RETURNING o.tenant_id, o.message_id, o.conversation_id,
                  o.whatsapp_config_id, o.attempts, o.lane, o.created_at
    )
    SELECT c.tenant_id, c.message_id, c.whatsapp_config_id, c.attempts,
           m.message_type, m.content, m.status, q.whatsapp_message_id,
           k.wa_id, b.value, w.phone_number_id, w.access_token_sealed,
           w.updated_at, c.created_at
    FROM c
    -- OFFSET 0 makes this a look-up by key for each row, and never a join of
    -- whole tables.
    CROSS JOIN LATERAL (
        SELECT x.phone_number_id, x.access_token_sealed, x.updated_at
        FROM whatsapp_configs x WHERE x.tenant_id = c.tenant_id
         AND x.id = c.whatsapp_config_id OFFSET 0) w
    LEFT JOIN LATERAL (
        SELECT x.message_type, x.content, x.status, x.reply_to
        FROM messages x WHERE x.tenant_id = c.tenant_id
         AND x.id = c.message_id OFFSET 0) m ON true
    LEFT JOIN LATERAL (
        SELECT x.whatsapp_message_id
        FROM messages x WHERE x.tenant_id = c.tenant_id
         AND x.id = m.reply_to OFFSET 0) q ON true
    LEFT JOIN LATERAL (
        SELECT x.contact_id
        FROM conversations x WHERE x.tenant_id = c.tenant_id
         AND x.id = c.conversation_id OFFSET 0) v ON true
    LEFT JOIN LATERAL (
        SELECT x.wa_id
        FROM contacts x WHERE x.tenant_id = c.tenant_id
         AND x.id = v.contact_id OFFSET 0) k ON true
    LEFT JOIN LATERAL (
        SELECT x.value
        FROM contact_identities x WHERE x.tenant_id = c.tenant_id
         AND x.contact_id = v.contact_id AND x.kind = 'bsuid' LIMIT 1
    ) b ON true
    ORDER BY c.lane, c.message_id;
END $$;

-- Ends backends of ours that have waited for their client in the middle of a
-- batch for p_seconds: they hold locks that no timeout of PostgreSQL ends
-- (state "active", wait ClientRead). It returns how many it ended; -1: the
-- owner of this function may not end them (it needs pg_signal_backend where
-- the logins differ). Called by backends_end, every so often.
CREATE OR REPLACE FUNCTION pytake_backends_end(p_seconds integer)
    RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
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
