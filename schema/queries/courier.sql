-- The courier (role pytake_service: every statement names its tenant).
--
-- Locks are taken as ingest and statuses take them: contact, message, outbox
-- row or event head.  A claim is (claimed_by, claimed_at): what settles one
-- names it, so that a claim that was given up is not settled by its old
-- owner.

-- Claims what is due (migration 0006), and gets what its call needs.
-- Committed before the call is written.
-- now, at most, courier, numbers that wait
-- name: outbox_claim
-- params: timestamptz int4 uuid uuid[]
-- columns: tenant_id message_id config_id attempts message_type content status quoted wa_id bsuid phone_number_id token config_at created_at
SELECT tenant_id, message_id, config_id, attempts, message_type, content,
       status, quoted, wa_id, bsuid, phone_number_id, token, config_at,
       created_at
FROM pytake_outbox_claim($1, $2, $3, $4);

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
    DELETE FROM outbox WHERE tenant_id = $1 AND message_id = $2)
SELECT t.seq, t.frame
FROM u CROSS JOIN LATERAL
    pytake_status_tell($1, $2, u.conversation_id, $4, $5, $6) t;

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
    DELETE FROM outbox WHERE tenant_id = $1 AND message_id = $2)
SELECT t.seq, t.frame
FROM u CROSS JOIN LATERAL
    pytake_status_tell($1, $2, u.conversation_id, $4, $5, $6) t;

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
    UPDATE outbox SET unknown_at = $6, unknown_claim = claimed_at,
           claimed_at = NULL, last_error = $3::jsonb
    WHERE tenant_id = $1 AND message_id = $2
      AND claimed_by = $7 AND claimed_at = $8
      AND EXISTS (SELECT 1 FROM l)
    RETURNING message_id
), u AS (
    UPDATE messages m SET error = $3::jsonb
    FROM o WHERE m.tenant_id = $1 AND m.id = o.message_id
    RETURNING m.conversation_id)
SELECT t.seq, t.frame
FROM u CROSS JOIN LATERAL
    pytake_status_tell($1, $2, u.conversation_id, $4, $5, $6) t;

-- Certainly not sent: again later.  tenant, message, the claim, when, error
-- (JSON; NULL: the last one stays), how many attempts do not count, 1: the
-- claim may have been taken for unknown meanwhile (only who had it in hand
-- knows that it was not called)
-- name: courier_again
-- params: uuid uuid uuid timestamptz timestamptz text int4 int4
UPDATE outbox SET claimed_at = NULL, claimed_by = NULL, unknown_at = NULL,
       unknown_claim = NULL, next_attempt_at = $5, attempts = attempts - $7,
       last_error = coalesce($6::jsonb, last_error)
WHERE tenant_id = $1 AND message_id = $2 AND claimed_by = $3
  AND (claimed_at = $4 OR ($8 = 1 AND unknown_claim = $4));

-- Certainly not sent, through no fault of the message: again later, and the
-- attempt does not count.  Who waits for longer than a minute is told why,
-- once a reason.
-- tenant, message, error (JSON), event id, template, now, the claim, when
-- name: courier_wait
-- params: uuid uuid text uuid text timestamptz uuid timestamptz timestamptz
-- columns: seq frame
WITH l AS (
    SELECT m.id FROM messages m WHERE m.tenant_id = $1 AND m.id = $2
    FOR NO KEY UPDATE
), o AS (
    UPDATE outbox SET claimed_at = NULL, claimed_by = NULL,
           unknown_at = NULL, unknown_claim = NULL, next_attempt_at = $9,
           attempts = attempts - 1, last_error = $3::jsonb
    WHERE tenant_id = $1 AND message_id = $2 AND claimed_by = $7
      AND (claimed_at = $8 OR unknown_claim = $8)
      AND EXISTS (SELECT 1 FROM l)
    RETURNING message_id, created_at
), u AS (
    UPDATE messages m SET error = $3::jsonb
    FROM o WHERE m.tenant_id = $1 AND m.id = o.message_id
      AND m.status = 'pending'
      AND o.created_at < $6 - interval '1 minute'
      AND m.error ->> 'code' IS DISTINCT FROM $3::jsonb ->> 'code'
    RETURNING m.conversation_id
)
SELECT t.seq, t.frame
FROM u CROSS JOIN LATERAL
    pytake_status_tell($1, $2, u.conversation_id, $4, $5, $6) t;

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

-- How many wait (at most $2 are counted), since when the first that could go
-- is due (of active numbers, and not behind another of its conversation), how
-- many outcomes are unknown, how many numbers are stopped.  now, cap
-- name: outbox_count
-- params: timestamptz int4
-- columns: waiting late_s unknown stopped
SELECT (SELECT count(*) FROM (
            SELECT 1 FROM outbox o
            WHERE o.claimed_at IS NULL AND o.unknown_at IS NULL
            ORDER BY o.tenant_id, o.whatsapp_config_id LIMIT $2) d),
       (SELECT coalesce(extract(epoch FROM $1 - min(x.next_attempt_at)),
            0)::int8
        FROM outbox_lanes l CROSS JOIN LATERAL pytake_outbox_next(
            l.tenant_id, l.whatsapp_config_id, l.lane, $1, 1) x),
       (SELECT count(*) FROM (
            SELECT 1 FROM outbox u WHERE u.unknown_at IS NOT NULL
            ORDER BY u.unknown_at LIMIT $2) x),
       (SELECT count(*) FROM whatsapp_configs w WHERE w.status = 'stopped');

-- -1: not allowed to
-- name: backends_end
-- params: int4
-- columns: ended
SELECT pytake_backends_end($1);
