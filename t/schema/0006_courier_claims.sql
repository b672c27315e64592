-- 0006 courier claims: claims that cost the same however much waits at a
-- stopped number; what becomes of a claim; rows that get old.

-- The claim that became unknown: whoever gives it back must name it.
ALTER TABLE outbox ADD COLUMN unknown_claim timestamptz;

DROP INDEX outbox_due;
CREATE INDEX outbox_due ON outbox (tenant_id, whatsapp_config_id, lane,
    next_attempt_at, message_id)
    WHERE claimed_at IS NULL AND unknown_at IS NULL;

-- The lanes of active numbers in which something waits, found by one step of
-- the index each: whoever has nothing waiting costs nothing, a stopped number
-- one step, however much waits there.
CREATE VIEW outbox_lanes WITH (security_invoker = true) AS
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
       AND w.id = l.whatsapp_config_id) = 'active'; -- one look-up each
GRANT SELECT ON outbox_lanes TO pytake_service;

-- What is due in a lane, the first p_max: a conversation's oldest unfinished
-- row only.  One whose outcome is unknown holds its followers up for 30 s,
-- one that waits for an hour or longer not at all.
-- (Plain SQL and STABLE, so that it becomes a part of the statement's plan.)
CREATE FUNCTION pytake_outbox_next(p_tenant uuid, p_config uuid,
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
          OFFSET 0) -- one look-up each, never a join
    ORDER BY o.next_attempt_at, o.message_id LIMIT p_max
$$;

-- Claims what is due for a courier, and gets what the calls need: live before
-- bulk, in a lane every number's first, then every number's second ...  Twice
-- as many are looked at as are wanted, for another courier may hold the first
-- ones.  One statement: a second one would see other rows.
--
-- An outbox is empty most of the time, and a plan made then would read it
-- whole: hence the setting, and rows found again by their place, which leaves
-- no choice.  A row that moved meanwhile is somebody else's or the next time's.
CREATE FUNCTION pytake_outbox_claim(p_now timestamptz, p_max integer,
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
    -- OFFSET 0: one look-up by key each, never a join of whole tables
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

-- One event of a message: the tenant's next seq, and the frame in the log.
-- Last in a statement: the head's row stays locked to the commit.
-- Marks of a template: chr(1) conversation id, chr(4) seq, chr(5) message id.
CREATE FUNCTION pytake_status_tell(p_tenant uuid, p_message uuid,
    p_conversation uuid, p_event uuid, p_template text, p_now timestamptz)
    RETURNS TABLE (seq bigint, frame text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH h AS (
        UPDATE tenant_event_head h SET seq = h.seq + 1, id = p_event
        WHERE h.tenant_id = p_tenant
        RETURNING h.seq
    )
    INSERT INTO event_log (tenant_id, seq, id, created_at, event,
        conversation_id, frame)
    SELECT p_tenant, h.seq, p_event, p_now, 'message_status_updated',
           p_conversation,
           replace(replace(replace(p_template, chr(4), h.seq::text),
               chr(1), p_conversation::text), chr(5), p_message::text)
    FROM h
    RETURNING seq, frame;
END $$;

-- Rows that are over are deleted in steps, by their age (jobs.sql).
CREATE INDEX webhook_errors_age ON webhook_errors (received_at);
CREATE INDEX audit_log_age ON audit_log (created_at);
