-- Conversations.  Lists: (activity_at, id) < ($1, $2) is the keyset; the
-- first page passes 'infinity'.  Filters that are NULL do not filter; the
-- most selective one has a statement (and an index) of its own.

-- name: head_get
-- columns: seq id
SELECT seq, id FROM tenant_event_head WHERE tenant_id = pytake_tenant();

-- activity, id, limit, tag, unassigned
-- name: conv_list
-- params: timestamptz uuid int4 text bool
-- columns: id contact_id contact_name contact_phone whatsapp_config_id status unread_count last_message last_message_time assigned_to tags metadata window_expires_at created_at updated_at activity_at
SELECT v.id, v.contact_id, v.contact_name, v.contact_phone,
       v.whatsapp_config_id, v.status, v.unread_count, v.last_message,
       v.last_message_time, v.assigned_to, v.tags, v.metadata,
       v.window_expires_at, v.created_at, v.updated_at, v.activity_at
FROM conversation_rows v
WHERE v.tenant_id = pytake_tenant() AND (v.activity_at, v.id) < ($1, $2)
  AND ($4::text IS NULL OR EXISTS (SELECT 1 FROM conversation_tags t
       WHERE t.tenant_id = v.tenant_id AND t.conversation_id = v.id
         AND t.tag = $4))
  AND (NOT $5 OR v.assigned_to IS NULL)
ORDER BY v.activity_at DESC, v.id DESC LIMIT $3;

-- activity, id, limit, tag, unassigned, status
-- name: conv_list_status
-- params: timestamptz uuid int4 text bool text
-- columns: id contact_id contact_name contact_phone whatsapp_config_id status unread_count last_message last_message_time assigned_to tags metadata window_expires_at created_at updated_at activity_at
SELECT v.id, v.contact_id, v.contact_name, v.contact_phone,
       v.whatsapp_config_id, v.status, v.unread_count, v.last_message,
       v.last_message_time, v.assigned_to, v.tags, v.metadata,
       v.window_expires_at, v.created_at, v.updated_at, v.activity_at
FROM conversation_rows v
WHERE v.tenant_id = pytake_tenant() AND v.status = $6
  AND (v.activity_at, v.id) < ($1, $2)
  AND ($4::text IS NULL OR EXISTS (SELECT 1 FROM conversation_tags t
       WHERE t.tenant_id = v.tenant_id AND t.conversation_id = v.id
         AND t.tag = $4))
  AND (NOT $5 OR v.assigned_to IS NULL)
ORDER BY v.activity_at DESC, v.id DESC LIMIT $3;

-- activity, id, limit, tag, status, assigned to
-- name: conv_list_assigned
-- params: timestamptz uuid int4 text text uuid
-- columns: id contact_id contact_name contact_phone whatsapp_config_id status unread_count last_message last_message_time assigned_to tags metadata window_expires_at created_at updated_at activity_at
SELECT v.id, v.contact_id, v.contact_name, v.contact_phone,
       v.whatsapp_config_id, v.status, v.unread_count, v.last_message,
       v.last_message_time, v.assigned_to, v.tags, v.metadata,
       v.window_expires_at, v.created_at, v.updated_at, v.activity_at
FROM conversation_rows v
WHERE v.tenant_id = pytake_tenant() AND v.assigned_to = $6
  AND (v.activity_at, v.id) < ($1, $2)
  AND ($4::text IS NULL OR EXISTS (SELECT 1 FROM conversation_tags t
       WHERE t.tenant_id = v.tenant_id AND t.conversation_id = v.id
         AND t.tag = $4))
  AND ($5::text IS NULL OR v.status = $5)
ORDER BY v.activity_at DESC, v.id DESC LIMIT $3;

-- activity, id, limit, tag, status, contact, assigned to, unassigned
-- name: conv_list_of_contact
-- params: timestamptz uuid int4 text text uuid uuid bool
-- columns: id contact_id contact_name contact_phone whatsapp_config_id status unread_count last_message last_message_time assigned_to tags metadata window_expires_at created_at updated_at activity_at
SELECT v.id, v.contact_id, v.contact_name, v.contact_phone,
       v.whatsapp_config_id, v.status, v.unread_count, v.last_message,
       v.last_message_time, v.assigned_to, v.tags, v.metadata,
       v.window_expires_at, v.created_at, v.updated_at, v.activity_at
FROM conversation_rows v
WHERE v.tenant_id = pytake_tenant() AND v.contact_id = $6
  AND (v.activity_at, v.id) < ($1, $2)
  AND ($4::text IS NULL OR EXISTS (SELECT 1 FROM conversation_tags t
       WHERE t.tenant_id = v.tenant_id AND t.conversation_id = v.id
         AND t.tag = $4))
  AND ($5::text IS NULL OR v.status = $5)
  AND ($7::uuid IS NULL OR v.assigned_to = $7)
  AND (NOT $8 OR v.assigned_to IS NULL)
ORDER BY v.activity_at DESC, v.id DESC LIMIT $3;

-- name: conv_get
-- params: uuid
-- columns: id contact_id contact_name contact_phone whatsapp_config_id status unread_count last_message last_message_time assigned_to tags metadata window_expires_at created_at updated_at activity_at
SELECT v.id, v.contact_id, v.contact_name, v.contact_phone,
       v.whatsapp_config_id, v.status, v.unread_count, v.last_message,
       v.last_message_time, v.assigned_to, v.tags, v.metadata,
       v.window_expires_at, v.created_at, v.updated_at, v.activity_at
FROM conversation_rows v
WHERE v.tenant_id = pytake_tenant() AND v.id = $1;

-- name: conv_exists
-- params: uuid
-- columns: id
SELECT id FROM conversations
WHERE tenant_id = pytake_tenant() AND id = $1;

-- What conversation creation needs to know: the contact, and the numbers
-- that may be meant (two at most: one is enough, two are ambiguous).
-- name: conv_create_contact
-- params: uuid
-- columns: id
SELECT id FROM contacts WHERE tenant_id = pytake_tenant() AND id = $1;

-- name: conv_create_configs
-- params: uuid
-- columns: id
SELECT id FROM whatsapp_configs
WHERE tenant_id = pytake_tenant() AND status = 'active'
  AND ($1::uuid IS NULL OR id = $1)
ORDER BY id LIMIT 2;

-- Opens a conversation, or takes the open one: and locks it, so that it is
-- still open for the rest of the batch.
-- new id, contact, number, when
-- name: conv_open
-- params: uuid uuid uuid timestamptz
-- columns: id created
INSERT INTO conversations AS c (tenant_id, id, contact_id,
    whatsapp_config_id, activity_at, created_at, updated_at)
VALUES (pytake_tenant(), $1, $2, $3, $4, $4, $4)
ON CONFLICT (tenant_id, contact_id, whatsapp_config_id)
    WHERE status <> 'closed' DO UPDATE SET updated_at = c.updated_at
RETURNING id, id = $1;

-- name: conv_get_open
-- params: uuid uuid
-- columns: id contact_id contact_name contact_phone whatsapp_config_id status unread_count last_message last_message_time assigned_to tags metadata window_expires_at created_at updated_at activity_at
SELECT v.id, v.contact_id, v.contact_name, v.contact_phone,
       v.whatsapp_config_id, v.status, v.unread_count, v.last_message,
       v.last_message_time, v.assigned_to, v.tags, v.metadata,
       v.window_expires_at, v.created_at, v.updated_at, v.activity_at
FROM conversation_rows v
WHERE v.tenant_id = pytake_tenant() AND v.contact_id = $1
  AND v.whatsapp_config_id = $2 AND v.status <> 'closed';

-- One event about one conversation, its data the conversation as it is now
-- (a statement of its own behind the change: it sees the change).  The frame
-- is the core's template; chr(1) stands for the conversation's id, chr(6)
-- for the members of its JSON (no braces), chr(4) for the seq.  Only if the
-- conversation is there.
-- conversation, event id, when, event, template
-- name: conv_event
-- params: uuid uuid timestamptz text text
-- columns: seq frame
WITH c AS (
    SELECT id FROM conversations
    WHERE tenant_id = pytake_tenant() AND id = $1
), h AS (
    UPDATE tenant_event_head SET seq = seq + 1, id = $2
    WHERE tenant_id = pytake_tenant() AND EXISTS (SELECT 1 FROM c)
    RETURNING tenant_id, seq
)
INSERT INTO event_log (tenant_id, seq, id, created_at, event,
    conversation_id, frame)
SELECT h.tenant_id, h.seq, $2, $3, $4, c.id,
       replace(replace(replace($5, chr(4), h.seq::text), chr(1),
           c.id::text), chr(6),
           substr(left(pytake_conv_json(c.id), -1), 2))
FROM h, c
RETURNING seq, frame;
