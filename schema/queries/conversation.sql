-- Conversations.  The keyset of the lists is (activity_at, id) <
-- ($activity_at, $below); the first page passes 'infinity'.  Each list has the
-- index of its own question, because a filter that the index does not answer
-- would read the whole tenant when nothing is found.
--
-- The planner takes LIMIT $most for a tenth of all rows, and would rather read
-- all contacts than look up so many.  The literal 101, which is the longest
-- page and the row behind it (PT_LIST_LIMIT_MAX), tells it that they are few.

-- What REST shows of the conversations c; pytake_conv_json() shows the same.
-- fragment: conv
-- columns: id:uuid contact_id:uuid contact_name:text contact_phone:text?
-- columns: whatsapp_config_id:uuid status:text unread_count:int
-- columns: last_message:text? last_message_time:time? assigned_to:uuid?
-- columns: tags:text[] metadata:json window_expires_at:time? created_at:time
-- columns: updated_at:time activity_at:time
SELECT c.id, c.contact_id, k.name, k.phone, c.whatsapp_config_id, c.status,
       c.unread_count, c.last_message, c.last_message_time, c.assigned_to,
       ARRAY(SELECT t.tag FROM conversation_tags t
             WHERE t.tenant_id = c.tenant_id AND t.conversation_id = c.id
             ORDER BY t.tag),
       c.metadata, c.window_expires_at, c.created_at, c.updated_at,
       c.activity_at
FROM c JOIN contacts k ON k.tenant_id = c.tenant_id AND k.id = c.contact_id;

-- name: head_get
-- columns: seq:big id:uuid?
SELECT seq, id FROM tenant_event_head WHERE tenant_id = pytake_tenant();

-- The comparison with '-infinity' is the condition of the index
-- idx_conversations_activity.
-- name: conv_list
-- params: activity_at:time below:uuid most:int
-- columns: @conv
WITH c AS (
    SELECT * FROM conversations
    WHERE tenant_id = pytake_tenant()
      AND (activity_at, id) < ($activity_at, $below)
      AND activity_at > '-infinity'
    ORDER BY activity_at DESC, id DESC LIMIT 101)
@conv
ORDER BY c.activity_at DESC, c.id DESC LIMIT $most;

-- name: conv_list_status
-- params: activity_at:time below:uuid most:int status:text
-- columns: @conv
WITH c AS (
    SELECT * FROM conversations
    WHERE tenant_id = pytake_tenant() AND status = $status
      AND (activity_at, id) < ($activity_at, $below)
    ORDER BY activity_at DESC, id DESC LIMIT 101)
@conv
ORDER BY c.activity_at DESC, c.id DESC LIMIT $most;

-- Reads a page of each status that is asked for, and takes the newest rows of
-- those.
-- name: conv_list_statuses
-- params: activity_at:time below:uuid most:int statuses:text[]
-- columns: @conv
WITH p AS (
    SELECT v.* FROM unnest($statuses) AS s(status) CROSS JOIN LATERAL (
        SELECT * FROM conversations
        WHERE tenant_id = pytake_tenant() AND status = s.status
          AND (activity_at, id) < ($activity_at, $below)
        ORDER BY activity_at DESC, id DESC LIMIT $most) v
    ORDER BY v.activity_at DESC, v.id DESC LIMIT $most),
c AS (SELECT * FROM p LIMIT 101)
@conv
ORDER BY c.activity_at DESC, c.id DESC;

-- The next two statements have the status in their index, and read a page of
-- each status that is asked for.  All four of them stand for any status.
-- name: conv_list_assigned
-- params: activity_at:time below:uuid most:int statuses:text[]
-- params: assigned_to:uuid
-- columns: @conv
WITH p AS (
    SELECT v.* FROM unnest($statuses) AS s(status) CROSS JOIN LATERAL (
        SELECT * FROM conversations
        WHERE tenant_id = pytake_tenant() AND assigned_to = $assigned_to
          AND status = s.status AND (activity_at, id) < ($activity_at, $below)
        ORDER BY activity_at DESC, id DESC LIMIT $most) v
    ORDER BY v.activity_at DESC, v.id DESC LIMIT $most),
c AS (SELECT * FROM p LIMIT 101)
@conv
ORDER BY c.activity_at DESC, c.id DESC;

-- name: conv_list_unassigned
-- params: activity_at:time below:uuid most:int statuses:text[]
-- columns: @conv
WITH p AS (
    SELECT v.* FROM unnest($statuses) AS s(status) CROSS JOIN LATERAL (
        SELECT * FROM conversations
        WHERE tenant_id = pytake_tenant() AND assigned_to IS NULL
          AND status = s.status AND (activity_at, id) < ($activity_at, $below)
        ORDER BY activity_at DESC, id DESC LIMIT $most) v
    ORDER BY v.activity_at DESC, v.id DESC LIMIT $most),
c AS (SELECT * FROM p LIMIT 101)
@conv
ORDER BY c.activity_at DESC, c.id DESC;

-- A tag may be on hardly any conversation or on most of them.  First the
-- conversations are walked by activity, two for each that has the tag: of a
-- common tag a page is found soon.  If it is not, all that have the tag are
-- sorted.  Either way the work is no more than a few times that of the better
-- way.  The scalar subquery and OFFSET 0 keep the planner, which knows no tag,
-- from turning the loops round.
-- name: conv_list_tag
-- params: activity_at:time below:uuid most:int statuses:text[]
-- params: assigned_to:uuid? unassigned:bool tag:text
-- columns: @conv
WITH n AS (
    SELECT count(*) AS tagged FROM (
        SELECT FROM conversation_tags
        WHERE tenant_id = pytake_tenant() AND tag = $tag
        ORDER BY conversation_id LIMIT 2000) t),
w AS MATERIALIZED (
    SELECT * FROM (
        SELECT * FROM conversations
        WHERE tenant_id = pytake_tenant()
          AND (activity_at, id) < ($activity_at, $below)
          AND activity_at > '-infinity'
        ORDER BY activity_at DESC, id DESC
        LIMIT (SELECT 2 * tagged FROM n)) v
    WHERE status = ANY ($statuses)
      AND ($assigned_to::uuid IS NULL OR assigned_to = $assigned_to)
      AND (NOT $unassigned OR assigned_to IS NULL)
      AND (SELECT true FROM conversation_tags g
           WHERE g.tenant_id = v.tenant_id AND g.tag = $tag
             AND g.conversation_id = v.id)
    ORDER BY activity_at DESC, id DESC LIMIT $most),
p AS (
    SELECT v.* FROM (
        SELECT conversation_id FROM conversation_tags
        WHERE tenant_id = pytake_tenant() AND tag = $tag
          AND (SELECT count(*) FROM w) < $most
        ORDER BY conversation_id OFFSET 0) g
    CROSS JOIN LATERAL (
        SELECT * FROM conversations
        WHERE tenant_id = pytake_tenant() AND id = g.conversation_id
          AND (activity_at, id) < ($activity_at, $below)
          AND status = ANY ($statuses)
          AND ($assigned_to::uuid IS NULL OR assigned_to = $assigned_to)
          AND (NOT $unassigned OR assigned_to IS NULL) OFFSET 0) v
    ORDER BY v.activity_at DESC, v.id DESC LIMIT $most),
c AS (
    SELECT * FROM w WHERE (SELECT count(*) FROM w) = $most
    UNION ALL
    SELECT * FROM p LIMIT 101)
@conv
ORDER BY c.activity_at DESC, c.id DESC;

-- A contact has few conversations: the open ones are in one index, the closed
-- ones in another.
-- name: conv_list_of_contact
-- params: activity_at:time below:uuid most:int statuses:text[]
-- params: assigned_to:uuid? unassigned:bool tag:text? contact_id:uuid
-- columns: @conv
WITH o AS (
    SELECT * FROM conversations
    WHERE tenant_id = pytake_tenant() AND contact_id = $contact_id
      AND status <> 'closed'
    UNION ALL
    SELECT * FROM conversations
    WHERE tenant_id = pytake_tenant() AND contact_id = $contact_id
      AND status = 'closed'),
p AS (
    SELECT * FROM o
    WHERE (activity_at, id) < ($activity_at, $below)
      AND status = ANY ($statuses)
      AND ($assigned_to::uuid IS NULL OR assigned_to = $assigned_to)
      AND (NOT $unassigned OR assigned_to IS NULL)
      AND ($tag::text IS NULL OR EXISTS (
          SELECT 1 FROM conversation_tags g
          WHERE g.tenant_id = o.tenant_id AND g.conversation_id = o.id
            AND g.tag = $tag))
    ORDER BY activity_at DESC, id DESC LIMIT $most),
c AS (SELECT * FROM p LIMIT 101)
@conv
ORDER BY c.activity_at DESC, c.id DESC;

-- name: conv_get
-- params: id:uuid
-- columns: @conv
WITH c AS (
    SELECT * FROM conversations
    WHERE tenant_id = pytake_tenant() AND id = $id)
@conv;

-- name: conv_exists
-- params: id:uuid
-- columns: id:uuid
SELECT id FROM conversations
WHERE tenant_id = pytake_tenant() AND id = $id;

-- The next two statements say what creating a conversation needs to know: the
-- contact, and the numbers that may be meant.  There are two numbers at most,
-- because one is enough and two are ambiguous.
-- name: conv_create_contact
-- params: id:uuid
-- columns: id:uuid
SELECT id FROM contacts WHERE tenant_id = pytake_tenant() AND id = $id;

-- name: conv_create_configs
-- params: id:uuid?
-- columns: id:uuid
SELECT id FROM whatsapp_configs
WHERE tenant_id = pytake_tenant() AND status = 'active'
  AND ($id::uuid IS NULL OR id = $id)
ORDER BY id LIMIT 2;

-- Opens a conversation, or takes the open one and locks it, so that it is
-- still open for the rest of the batch.
-- name: conv_open
-- params: id:uuid contact_id:uuid config_id:uuid now:time
-- columns: id:uuid created:bool
INSERT INTO conversations AS c (tenant_id, id, contact_id,
    whatsapp_config_id, activity_at, created_at, updated_at)
VALUES (pytake_tenant(), $id, $contact_id, $config_id, $now, $now, $now)
ON CONFLICT (tenant_id, contact_id, whatsapp_config_id)
    WHERE status <> 'closed' DO UPDATE SET updated_at = c.updated_at
RETURNING id, id = $id;

-- name: conv_get_open
-- params: contact_id:uuid config_id:uuid
-- columns: @conv
WITH c AS (
    SELECT * FROM conversations
    WHERE tenant_id = pytake_tenant() AND contact_id = $contact_id
      AND whatsapp_config_id = $config_id AND status <> 'closed')
@conv;

-- Inserts one event about one conversation, whose data is the conversation as
-- it is now.  It is a statement of its own behind the change, so that it sees
-- the change.  The frame is the core's template, in which chr(1) stands for
-- the conversation's id, chr(6) for the members of its JSON (without braces)
-- and chr(4) for the seq.  Nothing is inserted if the conversation is not
-- there.
-- name: conv_event
-- params: id:uuid event_id:uuid now:time event:text frame:text
-- columns: seq:big frame:text
WITH c AS (
    SELECT id FROM conversations
    WHERE tenant_id = pytake_tenant() AND id = $id
), h AS (
    UPDATE tenant_event_head SET seq = seq + 1, id = $event_id
    WHERE tenant_id = pytake_tenant() AND EXISTS (SELECT 1 FROM c)
    RETURNING tenant_id, seq
)
INSERT INTO event_log (tenant_id, seq, id, created_at, event,
    conversation_id, frame)
SELECT h.tenant_id, h.seq, $event_id, $now, $event, c.id,
       replace(replace(replace($frame, chr(4), h.seq::text), chr(1),
           c.id::text), chr(6),
           substr(left(pytake_conv_json(c.id), -1), 2))
FROM h, c
RETURNING seq, frame;

-- The changes of one conversation.  Each takes the tenant's next seq only if
-- it changed something; conv_change_event, a statement of its own behind it
-- that sees the change, inserts the event of that seq.

-- name: conv_read
-- params: id:uuid now:time event_id:uuid
-- columns: seq:big
WITH u AS (
    UPDATE conversations SET unread_count = 0, updated_at = $now
    WHERE tenant_id = pytake_tenant() AND id = $id AND unread_count <> 0
    RETURNING id
)
UPDATE tenant_event_head SET seq = seq + 1, id = $event_id
WHERE tenant_id = pytake_tenant() AND EXISTS (SELECT 1 FROM u)
RETURNING seq;

-- name: conv_close
-- params: id:uuid now:time event_id:uuid
-- columns: seq:big
WITH u AS (
    UPDATE conversations SET status = 'closed', updated_at = $now
    WHERE tenant_id = pytake_tenant() AND id = $id AND status <> 'closed'
    RETURNING id
)
UPDATE tenant_event_head SET seq = seq + 1, id = $event_id
WHERE tenant_id = pytake_tenant() AND EXISTS (SELECT 1 FROM u)
RETURNING seq;

-- Reopens a conversation unless the contact has another open one.  It fails
-- with 23505 when another one is opened at the same moment.
-- name: conv_reopen
-- params: id:uuid now:time event_id:uuid
-- columns: seq:big
-- refuses: 23505
WITH u AS (
    UPDATE conversations c SET status = 'active', updated_at = $now
    WHERE tenant_id = pytake_tenant() AND id = $id AND status = 'closed'
      AND NOT EXISTS (
          SELECT 1 FROM conversations o
          WHERE o.tenant_id = c.tenant_id AND o.contact_id = c.contact_id
            AND o.whatsapp_config_id = c.whatsapp_config_id
            AND o.status <> 'closed')
    RETURNING id
)
UPDATE tenant_event_head SET seq = seq + 1, id = $event_id
WHERE tenant_id = pytake_tenant() AND EXISTS (SELECT 1 FROM u)
RETURNING seq;

-- Inserts the event of the change before it.  If that changed something, the
-- tenant's head is this batch's event.  The marks are those of conv_event.
-- name: conv_change_event
-- params: id:uuid event_id:uuid now:time event:text frame:text
-- columns: seq:big frame:text
INSERT INTO event_log (tenant_id, seq, id, created_at, event,
    conversation_id, frame)
SELECT h.tenant_id, h.seq, $event_id, $now, $event, $id,
       replace(replace(replace($frame, chr(4), h.seq::text), chr(1),
           $id::text), chr(6), substr(left(pytake_conv_json($id), -1), 2))
FROM tenant_event_head h
WHERE h.tenant_id = pytake_tenant() AND h.id = $event_id
RETURNING seq, frame;

-- Says whether a user may be given a conversation.
-- name: user_assignable
-- params: id:uuid
-- columns: id:uuid
SELECT id FROM users
WHERE tenant_id = pytake_tenant() AND id = $id AND active AND role <> 'viewer';

-- Changes who looks after a conversation, and inserts the event of it.  In the
-- template chr(2) stands for who did before, as JSON: null or an id in quotes.
-- name: conv_assign
-- params: id:uuid user_id:uuid? now:time event_id:uuid frame:text
-- columns: seq:big frame:text
WITH o AS (
    SELECT id, assigned_to FROM conversations
    WHERE tenant_id = pytake_tenant() AND id = $id
    FOR NO KEY UPDATE
), u AS (
    UPDATE conversations c SET assigned_to = $user_id, updated_at = $now
    FROM o
    WHERE c.tenant_id = pytake_tenant() AND c.id = o.id
      AND o.assigned_to IS DISTINCT FROM $user_id
    RETURNING c.id, o.assigned_to AS previous
), h AS (
    UPDATE tenant_event_head SET seq = seq + 1, id = $event_id
    WHERE tenant_id = pytake_tenant() AND EXISTS (SELECT 1 FROM u)
    RETURNING tenant_id, seq
)
INSERT INTO event_log (tenant_id, seq, id, created_at, event,
    conversation_id, frame)
SELECT h.tenant_id, h.seq, $event_id, $now, 'agent_assigned', u.id,
       replace(replace(replace($frame, chr(4), h.seq::text), chr(1),
           u.id::text), chr(2),
           coalesce('"' || u.previous::text || '"', 'null'))
FROM h, u
RETURNING seq, frame;
