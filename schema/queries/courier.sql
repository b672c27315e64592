-- The courier (role pytake_service: every statement names its tenant).

-- Claims what is due: a conversation's oldest unfinished row only; one whose
-- outcome is unknown holds its followers up for 30 s.  Committed before the
-- call is written.
-- now, at most, courier, numbers that wait
-- name: outbox_claim
-- params: timestamptz int4 uuid uuid[]
-- columns: tenant_id message_id conversation_id config_id attempts message_type content status quoted wa_id bsuid phone_number_id token
WITH due AS (
    SELECT o.tenant_id, o.message_id
    FROM outbox o
    JOIN whatsapp_configs w ON w.tenant_id = o.tenant_id
         AND w.id = o.whatsapp_config_id AND w.status = 'active'
    WHERE o.claimed_at IS NULL AND o.unknown_at IS NULL
      AND o.next_attempt_at <= $1 AND o.whatsapp_config_id <> ALL ($4)
      AND NOT EXISTS (
          SELECT 1 FROM outbox p
          WHERE p.tenant_id = o.tenant_id
            AND p.conversation_id = o.conversation_id
            AND p.message_id < o.message_id
            AND (p.unknown_at IS NULL
                 OR p.unknown_at > $1 - interval '30 seconds'))
    ORDER BY o.lane, o.next_attempt_at, o.message_id LIMIT $2
    FOR UPDATE OF o SKIP LOCKED
), c AS (
    UPDATE outbox o
    SET claimed_at = $1, claimed_by = $3, attempts = o.attempts + 1
    FROM due d
    WHERE o.tenant_id = d.tenant_id AND o.message_id = d.message_id
    RETURNING o.tenant_id, o.message_id, o.conversation_id,
              o.whatsapp_config_id, o.attempts, o.lane
)
SELECT c.tenant_id, c.message_id, c.conversation_id, c.whatsapp_config_id,
       c.attempts, m.message_type, m.content, m.status,
       q.whatsapp_message_id, k.wa_id, b.value, w.phone_number_id,
       w.access_token_sealed
FROM c
JOIN messages m ON m.tenant_id = c.tenant_id AND m.id = c.message_id
JOIN conversations v ON v.tenant_id = c.tenant_id
     AND v.id = c.conversation_id
JOIN contacts k ON k.tenant_id = c.tenant_id AND k.id = v.contact_id
JOIN whatsapp_configs w ON w.tenant_id = c.tenant_id
     AND w.id = c.whatsapp_config_id
LEFT JOIN messages q ON q.tenant_id = c.tenant_id AND q.id = m.reply_to
LEFT JOIN LATERAL (
    SELECT i.value FROM contact_identities i
    WHERE i.tenant_id = c.tenant_id AND i.contact_id = k.id
      AND i.kind = 'bsuid' LIMIT 1
) b ON true
ORDER BY c.lane, c.message_id;

-- WhatsApp accepted it.  A status may have been faster: then only the wamid
-- is new.  tenant, message, wamid, event id, template, now
-- name: courier_sent
-- params: uuid uuid text uuid text timestamptz
-- columns: seq frame
WITH u AS (
    UPDATE messages SET status = 'sent', error = NULL,
           whatsapp_message_id = $3
    WHERE tenant_id = $1 AND id = $2 AND status = 'pending'
    RETURNING conversation_id
), w AS (
    UPDATE messages SET whatsapp_message_id = $3
    WHERE tenant_id = $1 AND id = $2 AND status <> 'pending'
      AND whatsapp_message_id IS NULL
), o AS (
    DELETE FROM outbox WHERE tenant_id = $1 AND message_id = $2
), h AS (
    UPDATE tenant_event_head SET seq = seq + 1, id = $4
    WHERE tenant_id = $1 AND EXISTS (SELECT 1 FROM u)
    RETURNING seq
)
INSERT INTO event_log (tenant_id, seq, id, created_at, event,
    conversation_id, frame)
SELECT $1, h.seq, $4, $6, 'message_status_updated', u.conversation_id,
       replace(replace(replace($5, chr(4), h.seq::text), chr(1),
           u.conversation_id::text), chr(5), $2::text)
FROM h, u
RETURNING seq, frame;

-- Never.  tenant, message, error (JSON), event id, template, now
-- name: courier_failed
-- params: uuid uuid text uuid text timestamptz
-- columns: seq frame
WITH u AS (
    UPDATE messages SET status = 'failed', error = $3::jsonb
    WHERE tenant_id = $1 AND id = $2
      AND pytake_status_rank(status) < pytake_status_rank('failed')
    RETURNING conversation_id
), o AS (
    DELETE FROM outbox WHERE tenant_id = $1 AND message_id = $2
), h AS (
    UPDATE tenant_event_head SET seq = seq + 1, id = $4
    WHERE tenant_id = $1 AND EXISTS (SELECT 1 FROM u)
    RETURNING seq
)
INSERT INTO event_log (tenant_id, seq, id, created_at, event,
    conversation_id, frame)
SELECT $1, h.seq, $4, $6, 'message_status_updated', u.conversation_id,
       replace(replace(replace($5, chr(4), h.seq::text), chr(1),
           u.conversation_id::text), chr(5), $2::text)
FROM h, u
RETURNING seq, frame;

-- Perhaps sent: stays pending with its explanation until a status settles it.
-- tenant, message, error (JSON), event id, template, now
-- name: courier_unknown
-- params: uuid uuid text uuid text timestamptz
-- columns: seq frame
WITH u AS (
    UPDATE messages SET error = $3::jsonb
    WHERE tenant_id = $1 AND id = $2 AND status = 'pending'
    RETURNING conversation_id
), o AS (
    UPDATE outbox SET unknown_at = $6, claimed_at = NULL,
           last_error = $3::jsonb
    WHERE tenant_id = $1 AND message_id = $2
      AND EXISTS (SELECT 1 FROM u)
), h AS (
    UPDATE tenant_event_head SET seq = seq + 1, id = $4
    WHERE tenant_id = $1 AND EXISTS (SELECT 1 FROM u)
    RETURNING seq
)
INSERT INTO event_log (tenant_id, seq, id, created_at, event,
    conversation_id, frame)
SELECT $1, h.seq, $4, $6, 'message_status_updated', u.conversation_id,
       replace(replace(replace($5, chr(4), h.seq::text), chr(1),
           u.conversation_id::text), chr(5), $2::text)
FROM h, u
RETURNING seq, frame;

-- Again later.  tenant, message, when, error (JSON)
-- name: courier_retry
-- params: uuid uuid timestamptz text
UPDATE outbox SET claimed_at = NULL, claimed_by = NULL,
       next_attempt_at = $3, last_error = $4::jsonb
WHERE tenant_id = $1 AND message_id = $2;

-- Not called: the pace does not allow it yet.  tenant, message, when
-- name: courier_release
-- params: uuid uuid timestamptz
UPDATE outbox SET claimed_at = NULL, claimed_by = NULL,
       attempts = attempts - 1, next_attempt_at = $3
WHERE tenant_id = $1 AND message_id = $2;

-- The channel stops until a person acts.  tenant, number, reason, now, audit id
-- name: config_stop
-- params: uuid uuid text timestamptz uuid
-- columns: id
WITH u AS (
    UPDATE whatsapp_configs
    SET status = 'stopped', status_reason = $3, updated_at = $4
    WHERE tenant_id = $1 AND id = $2 AND status = 'active'
    RETURNING id
)
INSERT INTO audit_log (tenant_id, id, created_at, action, object, detail)
SELECT $1, $5, $4, 'number.stopped', u.id::text,
       jsonb_build_object('reason', $3)
FROM u
RETURNING id;

-- Claims whose courier never told the outcome.  older than, at most
-- name: courier_stale
-- params: timestamptz int4
-- columns: tenant_id message_id
SELECT tenant_id, message_id FROM outbox
WHERE claimed_at IS NOT NULL AND claimed_at < $1
ORDER BY claimed_at LIMIT $2;

-- Outcomes that no status ever told.  older than, at most
-- name: courier_lost
-- params: timestamptz int4
-- columns: tenant_id message_id
SELECT tenant_id, message_id FROM outbox
WHERE unknown_at IS NOT NULL AND unknown_at < $1
ORDER BY unknown_at LIMIT $2;

-- name: backends_end
-- params: int4
-- columns: ended
SELECT pytake_backends_end($1);
