-- 0005 lists: an index for each question, and none more: a message changes
-- activity_at, so it makes a new entry in every index that its conversation
-- is in, with or without that column.  docs/schema.md tells more.

-- The condition always holds.  Only the list without a filter says so, and
-- only that is planned along this index: a status that hardly any row has
-- would be looked for in all of them.
DROP INDEX idx_conversations_activity;
CREATE INDEX idx_conversations_activity
    ON conversations (tenant_id, activity_at DESC, id DESC)
    WHERE activity_at > '-infinity';

-- Assigned to somebody or to nobody: a row is in one of the two.  The status
-- is within, for it is asked for with both.
DROP INDEX idx_conversations_assigned;
CREATE INDEX idx_conversations_assigned
    ON conversations (tenant_id, assigned_to, status, activity_at DESC,
        id DESC)
    WHERE assigned_to IS NOT NULL;
CREATE INDEX idx_conversations_unassigned
    ON conversations (tenant_id, status, activity_at DESC, id DESC)
    WHERE assigned_to IS NULL;

-- A contact's open ones are in conversations_open.
DROP INDEX idx_conversations_contact;
CREATE INDEX idx_conversations_contact
    ON conversations (tenant_id, contact_id) WHERE status = 'closed';

DROP INDEX conversation_tags_tag;
CREATE INDEX conversation_tags_tag
    ON conversation_tags (tenant_id, tag, conversation_id);
