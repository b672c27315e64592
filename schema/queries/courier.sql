-- The courier's statements.  They run as the role pytake_service, so every one
-- names its tenant.
--
-- Locks are taken in the order of ingest and statuses: contact, message, then
-- outbox row or event head.  A claim is (claimed_by, claimed_at).  What
-- settles a claim names it, so that a claim which was given up is not settled
-- by its old owner.

-- Claims what is due (pytake_outbox_claim()) and gets what its call needs.  It
-- is committed before the call is written.
-- name: outbox_claim
-- params: now:time most:int courier:uuid waiting_numbers:uuid[]
-- columns: tenant_id:uuid message_id:uuid config_id:uuid attempts:int
-- columns: message_type:text content:text status:text quoted:text? wa_id:text?
-- columns: bsuid:text? phone_number_id:text token:bytes? config_at:time
-- columns: created_at:time
SELECT tenant_id, message_id, config_id, attempts, message_type, content,
       status, quoted, wa_id, bsuid, phone_number_id, token, config_at,
       created_at
FROM pytake_outbox_claim($now, $most, $courier, $waiting_numbers);

-- Keeps the number to which WhatsApp says the message really went.
-- name: courier_address
-- params: tenant_id:uuid message_id:uuid used:text wa_id:text now:time
UPDATE contacts k SET wa_id = $wa_id, updated_at = $now
FROM messages m
JOIN conversations v ON v.tenant_id = m.tenant_id
     AND v.id = m.conversation_id
WHERE m.tenant_id = $tenant_id AND m.id = $message_id
  AND k.tenant_id = v.tenant_id AND k.id = v.contact_id AND k.wa_id = $used;

-- Settles a message that WhatsApp accepted.  A status may have come earlier,
-- and then only the wamid is new.
-- name: courier_sent
-- params: tenant_id:uuid message_id:uuid wamid:text event_id:uuid frame:text
-- params: now:time
-- columns: seq:big frame:text
WITH u AS (
    UPDATE messages SET status = 'sent', error = NULL,
           whatsapp_message_id = $wamid
    WHERE tenant_id = $tenant_id AND id = $message_id AND status = 'pending'
    RETURNING conversation_id
), w AS (
    UPDATE messages SET whatsapp_message_id = $wamid
    WHERE tenant_id = $tenant_id AND id = $message_id AND status <> 'pending'
      AND whatsapp_message_id IS NULL
), o AS (
    DELETE FROM outbox
    WHERE tenant_id = $tenant_id AND message_id = $message_id)
SELECT t.seq, t.frame
FROM u CROSS JOIN LATERAL
    pytake_status_tell($tenant_id, $message_id, u.conversation_id,
        $event_id, $frame, $now) t;

-- Settles a message that will never be sent.  An outbox row goes, too, if no
-- message waits for it any more.
-- name: courier_failed
-- params: tenant_id:uuid message_id:uuid error:text event_id:uuid frame:text
-- params: now:time
-- columns: seq:big frame:text
WITH u AS (
    UPDATE messages SET status = 'failed', error = $error::jsonb
    WHERE tenant_id = $tenant_id AND id = $message_id AND status = 'pending'
    RETURNING conversation_id
), o AS (
    DELETE FROM outbox
    WHERE tenant_id = $tenant_id AND message_id = $message_id)
SELECT t.seq, t.frame
FROM u CROSS JOIN LATERAL
    pytake_status_tell($tenant_id, $message_id, u.conversation_id,
        $event_id, $frame, $now) t;

-- Keeps a message that was perhaps sent: it stays pending with an explanation
-- until a status settles it.
-- name: courier_unknown
-- params: tenant_id:uuid message_id:uuid error:text event_id:uuid frame:text
-- params: now:time claimed_by:uuid claimed_at:time
-- columns: seq:big frame:text
WITH l AS (
    SELECT m.id FROM messages m
    WHERE m.tenant_id = $tenant_id AND m.id = $message_id
      AND m.status = 'pending'
    FOR NO KEY UPDATE
), o AS (
    UPDATE outbox SET unknown_at = $now, unknown_claim = claimed_at,
           claimed_at = NULL, last_error = $error::jsonb
    WHERE tenant_id = $tenant_id AND message_id = $message_id
      AND claimed_by = $claimed_by AND claimed_at = $claimed_at
      AND EXISTS (SELECT 1 FROM l)
    RETURNING message_id
), u AS (
    UPDATE messages m SET error = $error::jsonb
    FROM o WHERE m.tenant_id = $tenant_id AND m.id = o.message_id
    RETURNING m.conversation_id)
SELECT t.seq, t.frame
FROM u CROSS JOIN LATERAL
    pytake_status_tell($tenant_id, $message_id, u.conversation_id,
        $event_id, $frame, $now) t;

-- Puts a message back that certainly was not sent, so that it is tried later.
-- Without a new error the last one stays, and an uncounted attempt does not
-- count.  $own says that the courier had the message in hand: the claim may
-- have been taken for unknown meanwhile, and only the courier that had it
-- knows that the call was not made.
-- name: courier_again
-- params: tenant_id:uuid message_id:uuid claimed_by:uuid claimed_at:time
-- params: next_attempt_at:time error:text? uncounted:int own:bool
UPDATE outbox SET claimed_at = NULL, claimed_by = NULL, unknown_at = NULL,
       unknown_claim = NULL, next_attempt_at = $next_attempt_at,
       attempts = attempts - $uncounted,
       last_error = coalesce($error::jsonb, last_error)
WHERE tenant_id = $tenant_id AND message_id = $message_id
  AND claimed_by = $claimed_by
  AND (claimed_at = $claimed_at OR ($own AND unknown_claim = $claimed_at));

-- Puts a message back that certainly was not sent, through no fault of its
-- own: it is tried later, and the attempt does not count.  If it waits for
-- longer than a minute, its agent is told why, once for each reason.
-- name: courier_wait
-- params: tenant_id:uuid message_id:uuid error:text event_id:uuid frame:text
-- params: now:time claimed_by:uuid claimed_at:time next_attempt_at:time
-- columns: seq:big frame:text
WITH l AS (
    SELECT m.id FROM messages m
    WHERE m.tenant_id = $tenant_id AND m.id = $message_id
    FOR NO KEY UPDATE
), o AS (
    UPDATE outbox SET claimed_at = NULL, claimed_by = NULL,
           unknown_at = NULL, unknown_claim = NULL,
           next_attempt_at = $next_attempt_at,
           attempts = attempts - 1, last_error = $error::jsonb
    WHERE tenant_id = $tenant_id AND message_id = $message_id
      AND claimed_by = $claimed_by
      AND (claimed_at = $claimed_at OR unknown_claim = $claimed_at)
      AND EXISTS (SELECT 1 FROM l)
    RETURNING message_id, created_at
), u AS (
    UPDATE messages m SET error = $error::jsonb
    FROM o WHERE m.tenant_id = $tenant_id AND m.id = o.message_id
      AND m.status = 'pending'
      AND o.created_at < $now - interval '1 minute'
      AND m.error ->> 'code' IS DISTINCT FROM $error::jsonb ->> 'code'
    RETURNING m.conversation_id
)
SELECT t.seq, t.frame
FROM u CROSS JOIN LATERAL
    pytake_status_tell($tenant_id, $message_id, u.conversation_id,
        $event_id, $frame, $now) t;

-- Stops a number until a person acts, unless a person has acted since the
-- claim.
-- name: config_stop
-- params: tenant_id:uuid config_id:uuid reason:text now:time audit_id:uuid
-- params: known_at:time
-- columns: id:uuid
WITH u AS (
    UPDATE whatsapp_configs
    SET status = 'stopped', status_reason = $reason, updated_at = $now
    WHERE tenant_id = $tenant_id AND id = $config_id AND status = 'active'
      AND updated_at = $known_at
    RETURNING id
)
INSERT INTO audit_log (tenant_id, id, created_at, action, object, detail)
SELECT $tenant_id, $audit_id, $now, 'number.stopped', u.id::text,
       jsonb_build_object('reason', $reason::jsonb)
FROM u
RETURNING id;

-- Finds claims that nobody settled: those of any courier from before
-- $any_before, and those of this one ($courier) from before $own_before.
-- name: courier_stale
-- params: any_before:time own_before:time courier:uuid most:int
-- columns: tenant_id:uuid message_id:uuid claimed_by:uuid? claimed_at:time
SELECT tenant_id, message_id, claimed_by, claimed_at FROM outbox
WHERE claimed_at < $own_before
  AND (claimed_at < $any_before OR claimed_by = $courier)
ORDER BY claimed_at LIMIT $most;

-- Finds outcomes that no status ever told, from before $before; $most of them
-- at most.
-- name: courier_lost
-- params: before:time most:int
-- columns: tenant_id:uuid message_id:uuid
SELECT tenant_id, message_id FROM outbox
WHERE unknown_at IS NOT NULL AND unknown_at < $before
ORDER BY unknown_at LIMIT $most;

-- Says how many messages wait (at most $cap are counted), since when the first
-- that could be sent is due (of active numbers, and not behind another one of
-- its conversation), how many outcomes are unknown, and how many numbers are
-- stopped.
-- name: outbox_count
-- params: now:time cap:int
-- columns: waiting:big late_s:big unknown:big stopped:big
SELECT (SELECT count(*) FROM (
            SELECT 1 FROM outbox o
            WHERE o.claimed_at IS NULL AND o.unknown_at IS NULL
            ORDER BY o.tenant_id, o.whatsapp_config_id LIMIT $cap) d),
       (SELECT coalesce(extract(epoch FROM $now - min(x.next_attempt_at)),
            0)::int8
        FROM outbox_lanes l CROSS JOIN LATERAL pytake_outbox_next(
            l.tenant_id, l.whatsapp_config_id, l.lane, $now, 1) x),
       (SELECT count(*) FROM (
            SELECT 1 FROM outbox u WHERE u.unknown_at IS NOT NULL
            ORDER BY u.unknown_at LIMIT $cap) x),
       (SELECT count(*) FROM whatsapp_configs w WHERE w.status = 'stopped');

-- Ends backends that wait in the middle of a batch.  -1: the function may not.
-- name: backends_end
-- params: seconds:int
-- columns: ended:int
SELECT pytake_backends_end($seconds);
