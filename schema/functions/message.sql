-- Messages: finding them by WhatsApp's id, and moving their status.

-- Finds our message with WhatsApp's id p_wamid, NULL when there is none, for
-- quotes (pytake_ingest()) and statuses (pytake_statuses()). If two have the
-- id, it is the newest one. OFFSET 0 makes it use the index on the id whatever
-- the planner thinks of the last rows of a partition.
CREATE OR REPLACE FUNCTION pytake_message_of(p_wamid text) RETURNS uuid
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    tid uuid := pytake_tenant();
BEGIN
    RETURN (SELECT x.id FROM (
                SELECT m.id FROM messages m
                WHERE m.tenant_id = tid AND m.whatsapp_message_id = p_wamid
                OFFSET 0) x
            ORDER BY x.id DESC LIMIT 1);
END $$;

-- Gives the rank of a status. pytake_statuses() moves a message up and never
-- down, because WhatsApp reports statuses in any order and more than once.
CREATE OR REPLACE FUNCTION pytake_status_rank(s text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE s WHEN 'pending' THEN 0 WHEN 'sent' THEN 1
        WHEN 'failed' THEN 2 WHEN 'delivered' THEN 3 WHEN 'read' THEN 4
        ELSE -1 END
$$;

-- Writes the event of a message whose status changed: it takes the tenant's
-- next seq and adds the frame to the log. The courier's statements call it
-- last (courier_sent, courier_failed, courier_unknown, courier_wait), because
-- the head's row stays locked from here to the commit.
--
-- In a template chr(1) stands for the conversation's id, chr(4) for the seq
-- and chr(5) for the message's id.
CREATE OR REPLACE FUNCTION pytake_status_tell(p_tenant uuid, p_message uuid,
    p_conversation uuid, p_event uuid, p_template text, p_now timestamptz)
    RETURNS TABLE (seq bigint, frame text) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH h AS (
        UPDATE tenant_event_head h SET seq = h.seq + 1, id = p_event
        WHERE h.tenant_id = p_tenant
        RETURNING h.seq
    )
    INSERT INTO event_log (tenant_id, seq, id, created_at, event,
        conversation_id, frame)
    SELECT p_tenant, h.seq, p_event, p_now, 'message_status_updated',
           p_conversation,
           replace(replace(replace(p_template, chr(4), h.seq::text),
               chr(1), p_conversation::text), chr(5), p_message::text)
    FROM h
    RETURNING seq, frame;
END $$;
