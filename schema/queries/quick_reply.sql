-- Quick replies: texts that agents send again and again.

-- fragment: quick_reply
-- columns: id:uuid shortcut:text content:text attachments:uuid[] buttons:json
-- columns: team_ids:uuid[] created_at:time updated_at:time version:int
id, shortcut, content, attachments, buttons, team_ids, created_at, updated_at,
version;

-- Lists the quick replies; $q, if any, is the beginning of a shortcut.
-- name: quick_reply_list
-- params: below:uuid most:int q:text?
-- columns: @quick_reply
SELECT @quick_reply FROM quick_replies
WHERE tenant_id = pytake_tenant() AND id < $below
  AND ($q::text IS NULL OR starts_with(lower(shortcut), lower($q)))
ORDER BY id DESC LIMIT $most;

-- name: quick_reply_get
-- params: id:uuid
-- columns: @quick_reply
SELECT @quick_reply FROM quick_replies
WHERE tenant_id = pytake_tenant() AND id = $id;

-- name: quick_reply_create
-- params: new_id:uuid now:time shortcut:text content:text attachments:uuid[]
-- params: buttons:text? team_ids:uuid[]
-- columns: @quick_reply
-- writes: quick_reply created
-- refuses: 23505 shortcut taken
INSERT INTO quick_replies (tenant_id, id, shortcut, content, attachments,
    buttons, team_ids, created_at, updated_at)
VALUES (pytake_tenant(), $new_id, $shortcut, $content, $attachments,
    coalesce($buttons::jsonb, '[]'), $team_ids, $now, $now)
RETURNING @quick_reply;

-- name: quick_reply_patch
-- params: id:uuid now:time if_match:int?
-- columns: @quick_reply
-- writes: quick_reply updated
-- refuses: 23505 shortcut taken
UPDATE quick_replies SET
    @patch(shortcut, content, attachments, buttons, team_ids),
    updated_at = $now, version = version + 1
WHERE tenant_id = pytake_tenant() AND id = $id
  AND ($if_match::int4 IS NULL OR version = $if_match)
RETURNING @quick_reply;

-- name: quick_reply_delete
-- params: id:uuid if_match:int?
-- columns: @quick_reply
-- writes: quick_reply deleted
DELETE FROM quick_replies
WHERE tenant_id = pytake_tenant() AND id = $id
  AND ($if_match::int4 IS NULL OR version = $if_match)
RETURNING @quick_reply;

-- Gives what the variables of a quick reply stand for in a conversation, for
-- the user who asks.
-- name: quick_reply_variables
-- params: conversation_id:uuid user_id:uuid
-- columns: contact_name:text contact_phone:text? agent_name:text
-- columns: company_name:text
SELECT k.name, k.phone, u.name, t.name
FROM conversations c
JOIN contacts k ON k.tenant_id = c.tenant_id AND k.id = c.contact_id
JOIN users u ON u.tenant_id = c.tenant_id AND u.id = $user_id
JOIN tenants t ON t.id = c.tenant_id
WHERE c.tenant_id = pytake_tenant() AND c.id = $conversation_id;
