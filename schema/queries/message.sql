-- Messages.

-- conversation, id below, limit
-- name: msg_list
-- params: uuid uuid int4
-- columns: id conversation_id sender_type sender_id content message_type whatsapp_message_id status error reply_to metadata created_at received_at
SELECT m.id, m.conversation_id, m.sender_type, m.sender_id, m.content,
       m.message_type, m.whatsapp_message_id, m.status, m.error, m.reply_to,
       m.metadata, m.created_at, m.received_at
FROM messages m
WHERE m.tenant_id = pytake_tenant() AND m.conversation_id = $1
  AND m.id < $2
ORDER BY m.id DESC LIMIT $3;

-- A reply: the message, its outbox row, the conversation and the event, in
-- one statement.  What is newer by now, when this waited for the row behind
-- an inbound message, stays the conversation's last.  conversation ($1), or, when that is NULL, the open one of
-- contact ($14) and number ($15).  The template's marks: chr(1) conversation
-- id, chr(3) conversation, chr(4) seq.
-- $1 conversation, $2 message id, $3 sender, $4 content, $5 type,
-- $6 metadata, $7 created at, $8 now, $9 preview, $10 event id,
-- $11 template, $12 sender type, $13 reply to
-- name: msg_send
-- params: uuid uuid uuid text text text timestamptz timestamptz text uuid text text uuid uuid uuid
-- columns: seq frame conversation_id
WITH u AS (
    UPDATE conversations SET
           last_message = CASE WHEN last_message_time > $7
                               THEN last_message ELSE $9 END,
           last_message_time = greatest(last_message_time, $7),
           activity_at = greatest(activity_at, $7), updated_at = $8
    WHERE tenant_id = pytake_tenant()
      AND id = CASE WHEN $1 IS NOT NULL THEN $1 ELSE
          (SELECT o.id FROM conversations o
           WHERE o.tenant_id = pytake_tenant() AND o.contact_id = $14
             AND o.whatsapp_config_id = $15 AND o.status <> 'closed') END
    RETURNING *
), m AS (
    INSERT INTO messages (tenant_id, id, conversation_id, sender_type,
        sender_id, content, message_type, status, metadata, reply_to,
        created_at, received_at)
    SELECT u.tenant_id, $2, u.id, $12, $3, $4, $5, 'pending', $6::jsonb,
           $13, $7, $8
    FROM u
), o AS (
    INSERT INTO outbox (tenant_id, message_id, conversation_id,
        whatsapp_config_id, next_attempt_at, created_at)
    SELECT u.tenant_id, $2, u.id, u.whatsapp_config_id, $8, $8 FROM u
), h AS (
    UPDATE tenant_event_head SET seq = seq + 1, id = $10
    WHERE tenant_id = pytake_tenant() AND EXISTS (SELECT 1 FROM u)
    RETURNING seq
)
INSERT INTO event_log (tenant_id, seq, id, created_at, event,
    conversation_id, frame)
SELECT u.tenant_id, h.seq, $10, $8, 'message_sent', u.id,
       replace(replace(replace($11, chr(4), h.seq::text), chr(1),
           u.id::text), chr(3), pytake_conv_brief(u.id, u.contact_id,
           k.name, k.phone, u.status, u.unread_count, u.last_message,
           u.last_message_time, u.assigned_to, u.window_expires_at))
FROM h, u JOIN contacts k ON k.tenant_id = u.tenant_id
    AND k.id = u.contact_id
RETURNING seq, frame, conversation_id;

-- Which message a reply quotes: must be of the same conversation.
-- name: msg_in_conv
-- params: uuid uuid
-- columns: id
SELECT m.id FROM messages m
WHERE m.tenant_id = pytake_tenant() AND m.id = $1
  AND m.conversation_id = $2;
