-- Messages: listing and sending them.

-- name: msg_list
-- params: conversation_id:uuid below:uuid most:int
-- columns: id:uuid conversation_id:uuid sender_type:text sender_id:uuid?
-- columns: content:text message_type:text whatsapp_message_id:text?
-- columns: status:text error:json? reply_to:uuid? metadata:json
-- columns: created_at:time received_at:time
SELECT m.id, m.conversation_id, m.sender_type, m.sender_id, m.content,
       m.message_type, m.whatsapp_message_id, m.status, m.error, m.reply_to,
       m.metadata, m.created_at, m.received_at
FROM messages m
WHERE m.tenant_id = pytake_tenant() AND m.conversation_id = $conversation_id
  AND m.id < $below
ORDER BY m.id DESC LIMIT $most;

-- Sends a message: it inserts the message, its outbox row and the event, and
-- changes the conversation, in one statement.  If this waited for the row
-- behind an inbound message, what is newer by now stays the conversation's
-- last message.  Without conversation_id it is the open conversation of
-- contact_id and config_id.  In the template chr(1) stands for the
-- conversation's id, chr(3) for the conversation and chr(4) for the seq.
-- name: msg_send
-- params: conversation_id:uuid? id:uuid sender_id:uuid content:text
-- params: message_type:text metadata:text created_at:time now:time
-- params: preview:text event_id:uuid frame:text sender_type:text
-- params: reply_to:uuid? contact_id:uuid? config_id:uuid?
-- columns: seq:big frame:text conversation_id:uuid
WITH u AS (
    UPDATE conversations SET
           last_message = CASE WHEN last_message_time > $created_at
                               THEN last_message ELSE $preview END,
           last_message_time = greatest(last_message_time, $created_at),
           activity_at = greatest(activity_at, $created_at), updated_at = $now
    WHERE tenant_id = pytake_tenant()
      AND id = CASE WHEN $conversation_id IS NOT NULL
          THEN $conversation_id ELSE
          (SELECT o.id FROM conversations o
           WHERE o.tenant_id = pytake_tenant() AND o.contact_id = $contact_id
             AND o.whatsapp_config_id = $config_id
             AND o.status <> 'closed') END
    RETURNING *
), m AS (
    INSERT INTO messages (tenant_id, id, conversation_id, sender_type,
        sender_id, content, message_type, status, metadata, reply_to,
        created_at, received_at)
    SELECT u.tenant_id, $id, u.id, $sender_type, $sender_id, $content,
           $message_type, 'pending', $metadata::jsonb, $reply_to,
           $created_at, $now
    FROM u
), o AS (
    INSERT INTO outbox (tenant_id, message_id, conversation_id,
        whatsapp_config_id, next_attempt_at, created_at)
    SELECT u.tenant_id, $id, u.id, u.whatsapp_config_id, $now, $now FROM u
), h AS (
    UPDATE tenant_event_head SET seq = seq + 1, id = $event_id
    WHERE tenant_id = pytake_tenant() AND EXISTS (SELECT 1 FROM u)
    RETURNING seq
)
INSERT INTO event_log (tenant_id, seq, id, created_at, event,
    conversation_id, frame)
SELECT u.tenant_id, h.seq, $event_id, $now, 'message_sent', u.id,
       replace(replace(replace($frame, chr(4), h.seq::text), chr(1),
           u.id::text), chr(3), pytake_conv_brief(u.id, u.contact_id,
           k.name, k.phone, u.status, u.unread_count, u.last_message,
           u.last_message_time, u.assigned_to, u.window_expires_at))
FROM h, u JOIN contacts k ON k.tenant_id = u.tenant_id
    AND k.id = u.contact_id
RETURNING seq, frame, conversation_id;

-- Finds the message that a reply quotes, which must be of the same
-- conversation.
-- name: msg_in_conv
-- params: id:uuid conversation_id:uuid
-- columns: id:uuid
SELECT m.id FROM messages m
WHERE m.tenant_id = pytake_tenant() AND m.id = $id
  AND m.conversation_id = $conversation_id;
