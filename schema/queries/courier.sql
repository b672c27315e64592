-- The courier (role pytake_service: every statement names its tenant).
--
-- Locks are taken as ingest and statuses take them: contact, message, outbox
-- row or event head.  A claim is (claimed_by, claimed_at): what settles one
-- names it, so that a claim that was given up is not settled by its old
-- owner.

-- Claims what is due: a conversation's oldest unfinished row only.  One whose
-- outcome is unknown holds its followers up for 30 s, one that waits for an
-- hour or longer not at all.  Committed before the call is written.
-- now, at most, courier, numbers that wait
-- name: outbox_claim
-- params: timestamptz int4 uuid uuid[]
-- columns: tenant_id message_id config_id attempts message_type content status quoted wa_id bsuid phone_number_id token config_at
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
            AND p.next_attempt_at < $1 + interval '1 hour'
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
SELECT c.tenant_id, c.message_id, c.whatsapp_config_id, c.attempts,
       m.message_type, m.content, m.status, q.whatsapp_message_id, k.wa_id,
       b.value, w.phone_number_id, w.access_token_sealed, w.updated_at
FROM c
LEFT JOIN messages m ON m.tenant_id = c.tenant_id AND m.id = c.message_id
LEFT JOIN conversations v ON v.tenant_id = c.tenant_id
     AND v.id = c.conversation_id
LEFT JOIN contacts k ON k.tenant_id = c.tenant_id AND k.id = v.contact_id
JOIN whatsapp_configs w ON w.tenant_id = c.tenant_id
     AND w.id = c.whatsapp_config_id
LEFT JOIN messages q ON q.tenant_id = c.tenant_id AND q.id = m.reply_to
LEFT JOIN LATERAL (
    SELECT i.value FROM contact_identities i
    WHERE i.tenant_id = c.tenant_id AND i.contact_id = k.id
      AND i.kind = 'bsuid' LIMIT 1
) b ON true
ORDER BY c.lane, c.message_id;

-- WhatsApp says where it really went.
-- tenant, message, address that was used, address from now on, now
-- name: courier_address
-- params: uuid uuid text text timestamptz
UPDATE contacts k SET wa_id = $4, updated_at = $5
FROM messages m
JOIN conversations v ON v.tenant_id = m.tenant_id
     AND v.id = m.conversation_id
WHERE m.tenant_id = $1 AND m.id = $2 AND k.tenant_id = v.tenant_id
  AND k.id = v.contact_id AND k.wa_id = $3;

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

-- Never; and an outbox row without a message that waits for it goes.
-- tenant, message, error (JSON), event id, template, now
-- name: courier_failed
-- params: uuid uuid text uuid text timestamptz
-- columns: seq frame
WITH u AS (
    UPDATE messages SET status = 'failed', error = $3::jsonb
    WHERE tenant_id = $1 AND id = $2 AND status = 'pending'
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
-- tenant, message, error (JSON), event id, template, now, the claim
-- name: courier_unknown
-- params: uuid uuid text uuid text timestamptz uuid timestamptz
-- columns: seq frame
WITH l AS (
    SELECT m.id FROM messages m
    WHERE m.tenant_id = $1 AND m.id = $2 AND m.status = 'pending'
    FOR NO KEY UPDATE
), o AS (
    UPDATE outbox SET unknown_at = $6, claimed_at = NULL,
           last_error = $3::jsonb
    WHERE tenant_id = $1 AND message_id = $2
      AND claimed_by = $7 AND claimed_at = $8
      AND EXISTS (SELECT 1 FROM l)
    RETURNING message_id
), u AS (
    UPDATE messages m SET error = $3::jsonb
    FROM o WHERE m.tenant_id = $1 AND m.id = o.message_id
    RETURNING m.conversation_id
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

-- Certainly not sent: again later.  It may have been taken for unknown
-- meanwhile.  tenant, message, the claim, when, error (JSON; NULL: the last
-- one stays), how many attempts do not count
-- name: courier_again
-- params: uuid uuid uuid timestamptz timestamptz text int4
UPDATE outbox SET claimed_at = NULL, claimed_by = NULL, unknown_at = NULL,
       next_attempt_at = $5, attempts = attempts - $7,
       last_error = coalesce($6::jsonb, last_error)
WHERE tenant_id = $1 AND message_id = $2 AND claimed_by = $3
  AND (claimed_at = $4 OR unknown_at IS NOT NULL);

-- The channel stops until a person acts, unless one has since the claim.
-- tenant, number, reason, now, audit id, the number's updated_at then
-- name: config_stop
-- params: uuid uuid text timestamptz uuid timestamptz
-- columns: id
WITH u AS (
    UPDATE whatsapp_configs
    SET status = 'stopped', status_reason = $3, updated_at = $4
    WHERE tenant_id = $1 AND id = $2 AND status = 'active'
      AND updated_at = $6
    RETURNING id
)
INSERT INTO audit_log (tenant_id, id, created_at, action, object, detail)
SELECT $1, $5, $4, 'number.stopped', u.id::text,
       jsonb_build_object('reason', $3::jsonb)
FROM u
RETURNING id;

-- Claims that nobody settled: of any courier since before $1, of this one ($3)
-- since before $2; at most $4
-- name: courier_stale
-- params: timestamptz timestamptz uuid int4
-- columns: tenant_id message_id claimed_by claimed_at
SELECT tenant_id, message_id, claimed_by, claimed_at FROM outbox
WHERE claimed_at < $2 AND (claimed_at < $1 OR claimed_by = $3)
ORDER BY claimed_at LIMIT $4;

-- Outcomes that no status ever told.  older than, at most
-- name: courier_lost
-- params: timestamptz int4
-- columns: tenant_id message_id
SELECT tenant_id, message_id FROM outbox
WHERE unknown_at IS NOT NULL AND unknown_at < $1
ORDER BY unknown_at LIMIT $2;

-- How many wait (at most $2 are counted), since when the first of them is
-- due, how many outcomes are unknown, how many numbers are stopped.  now, cap
-- name: outbox_count
-- params: timestamptz int4
-- columns: waiting late_s unknown stopped
SELECT count(*), coalesce(greatest(extract(epoch FROM $1 - min(d.at)), 0),
           0)::int8,
       (SELECT count(*) FROM (
            SELECT 1 FROM outbox u WHERE u.unknown_at IS NOT NULL
            ORDER BY u.unknown_at LIMIT $2) x),
       (SELECT count(*) FROM whatsapp_configs w WHERE w.status = 'stopped')
FROM (SELECT o.next_attempt_at AS at FROM outbox o
      WHERE o.claimed_at IS NULL AND o.unknown_at IS NULL
      ORDER BY o.lane, o.next_attempt_at, o.message_id LIMIT $2) d;

-- -1: not allowed to
-- name: backends_end
-- params: int4
-- columns: ended
SELECT pytake_backends_end($1);
