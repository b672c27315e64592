-- A conversation as the API shows it, for the JSON that SQL makes.
-- needs: base.sql

-- What REST shows of a conversation, for pytake_conv_json(). The lists of
-- conversation.sql in schema/queries choose the same columns by themselves.
CREATE OR REPLACE VIEW conversation_rows WITH (security_invoker = true) AS
SELECT c.id, c.contact_id, k.name AS contact_name, k.phone AS contact_phone,
       c.whatsapp_config_id, c.status, c.unread_count, c.last_message,
       c.last_message_time, c.assigned_to,
       ARRAY(SELECT t.tag FROM conversation_tags t
             WHERE t.tenant_id = c.tenant_id AND t.conversation_id = c.id
             ORDER BY t.tag) AS tags,
       c.metadata, c.window_expires_at, c.created_at, c.updated_at,
       c.activity_at, c.tenant_id
FROM conversations c
JOIN contacts k ON k.tenant_id = c.tenant_id AND k.id = c.contact_id;
GRANT SELECT ON conversation_rows TO pytake_app, pytake_service;

-- Gives a conversation as JSON, for events and answers that a statement
-- completes by itself (conv_event, conv_change_event, idem_store_conv). It
-- must show what conversation_rows shows, in the form of the core's writer.
--
-- It is in PL/pgSQL and not in SQL, so that its plan is kept.
CREATE OR REPLACE FUNCTION pytake_conv_json(p_id uuid) RETURNS text
    LANGUAGE plpgsql STABLE SET enable_seqscan = off AS $$
BEGIN
    RETURN (
        SELECT json_build_object('id', v.id,
            'contact', json_build_object('id', v.contact_id,
                'name', v.contact_name, 'phone', v.contact_phone),
            'whatsapp_config_id', v.whatsapp_config_id, 'status', v.status,
            'unread_count', v.unread_count, 'last_message', v.last_message,
            'last_message_time', pytake_time(v.last_message_time),
            'assigned_to', v.assigned_to, 'tags', v.tags,
            'metadata', v.metadata,
            'window_expires_at', pytake_time(v.window_expires_at),
            'created_at', pytake_time(v.created_at),
            'updated_at', pytake_time(v.updated_at))::text
        FROM conversation_rows v WHERE v.id = p_id);
END $$;

-- Gives the JSON "conversation" within the event of a message. msg_send and
-- pytake_ingest() call it for every message. It is put together by hand
-- because that takes half the time of json_build_object().
CREATE OR REPLACE FUNCTION pytake_conv_brief(id uuid, contact_id uuid,
    contact_name text, contact_phone text, status text, unread integer,
    last_message text, last_message_time timestamptz, assigned_to uuid,
    window_expires_at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT '{"id":"' || id || '","contact":{"id":"' || contact_id
        || '","name":' || to_json(contact_name)::text
        || ',"phone":' || coalesce(to_json(contact_phone)::text, 'null')
        || '},"status":"' || status || '","unread_count":' || unread
        || ',"last_message":'
        || coalesce(to_json(last_message)::text, 'null')
        || ',"last_message_time":'
        || coalesce('"' || pytake_time(last_message_time) || '"', 'null')
        || ',"assigned_to":' || coalesce('"' || assigned_to || '"', 'null')
        || ',"window_expires_at":'
        || coalesce('"' || pytake_time(window_expires_at) || '"', 'null')
        || '}'
$$;
