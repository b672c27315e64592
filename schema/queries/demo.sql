-- The statements of "pytake demo", which runs them as pytake_service: those
-- that find what is in the demo, and those for which the API has no operation.

-- Lets one demo be made at a time, until the transaction's end.
-- name: demo_lock
-- columns: locked:bool
SELECT true FROM pg_advisory_xact_lock(7305807);

-- Finds the tenant of a demo, which is known by its owner's address.
-- name: demo_user_find
-- params: email:text
-- columns: tenant_id:uuid id:uuid password_hash:text
SELECT tenant_id, id, password_hash FROM users
WHERE email_key = pytake_email_key($email);

-- Sets the token, which is sealed anew each time because the key may be
-- another one by now.
-- name: demo_number_put
-- params: tenant_id:uuid id:uuid name:text phone_number_id:text waba_id:text
-- params: display:text token:bytes
INSERT INTO whatsapp_configs (tenant_id, id, name, phone_number_id, waba_id,
    display_phone_number, access_token_sealed)
VALUES ($tenant_id, $id, $name, $phone_number_id, $waba_id, $display, $token)
ON CONFLICT (tenant_id, id) DO UPDATE
SET access_token_sealed = excluded.access_token_sealed;

-- name: demo_user_put
-- params: tenant_id:uuid id:uuid email:text name:text role:text
-- params: password_hash:text
INSERT INTO users (tenant_id, id, email, name, role, password_hash)
VALUES ($tenant_id, $id, $email, $name, $role, $password_hash)
ON CONFLICT (tenant_id, id) DO UPDATE
SET password_hash = excluded.password_hash;

-- Says whether the demo has any message.
-- name: demo_is_there
-- params: tenant_id:uuid
-- columns: there:bool
SELECT EXISTS (SELECT 1 FROM conversations WHERE tenant_id = $tenant_id);

-- Finds the open conversation of a customer.
-- name: demo_conversation
-- params: tenant_id:uuid kind:text value:text
-- columns: id:uuid
SELECT c.id FROM conversations c
JOIN contact_identities i ON i.tenant_id = c.tenant_id
     AND i.contact_id = c.contact_id
WHERE c.tenant_id = $tenant_id AND i.kind = $kind::identity_kind
  AND i.value = $value AND c.status <> 'closed';

-- name: demo_message
-- params: tenant_id:uuid wamid:text
-- columns: id:uuid
SELECT id FROM messages
WHERE tenant_id = $tenant_id AND whatsapp_message_id = $wamid;

-- Makes a message a template, in its row and in its event, because the API
-- sends nothing but texts.
-- name: demo_retype
-- params: tenant_id:uuid id:uuid
WITH m AS (
    UPDATE messages SET message_type = 'template'
    WHERE tenant_id = $tenant_id AND id = $id
    RETURNING id
)
UPDATE event_log e
SET frame = replace(e.frame, '"message_type":"text"',
                    '"message_type":"template"')
FROM m
WHERE e.tenant_id = $tenant_id AND e.event = 'message_sent'
  AND e.frame::jsonb -> 'data' ->> 'id' = m.id::text;

-- Leaves a conversation as the demo shows it: assigned, read, tagged ("a,b")
-- or closed.
-- name: demo_leave
-- params: tenant_id:uuid id:uuid closed:bool seen:bool assigned_to:uuid?
-- params: tags:text?
WITH c AS (
    UPDATE conversations
    SET assigned_to = $assigned_to,
        status = CASE WHEN $closed THEN 'closed' ELSE status END,
        unread_count = CASE WHEN $seen THEN 0 ELSE unread_count END
    WHERE tenant_id = $tenant_id AND id = $id
    RETURNING id
)
INSERT INTO conversation_tags (tenant_id, conversation_id, tag)
SELECT $tenant_id, c.id, tag
FROM c, unnest(string_to_array($tags, ',')) tag;

-- Gives what is on the customers' phones: the newest conversations of a
-- number, and of each phone the newest messages that WhatsApp knows.  A
-- message without WhatsApp's id was never on a phone.
-- name: demo_phones
-- params: tenant_id:uuid config_id:uuid
-- columns: contacts:json
WITH v AS (
    SELECT contact_id, array_agg(id) AS ids, max(activity_at) AS at
    FROM conversations
    WHERE tenant_id = $tenant_id AND whatsapp_config_id = $config_id
    GROUP BY contact_id
    ORDER BY at DESC, contact_id LIMIT 200
)
SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
           'wa_id', k.wa_id, 'user_id', i.value, 'username', k.username,
           'name', coalesce(nullif(k.name, ''), k.profile_name)))
           || jsonb_build_object('messages', x.list)
           ORDER BY v.at DESC, k.id), '[]')
FROM v
JOIN contacts k ON k.tenant_id = $tenant_id AND k.id = v.contact_id
LEFT JOIN LATERAL (
    SELECT value FROM contact_identities
    WHERE tenant_id = $tenant_id AND contact_id = k.id AND kind = 'bsuid'
    ORDER BY created_at DESC, value LIMIT 1) i ON true
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(y.m ORDER BY y.id), '[]') AS list
    FROM (
        SELECT m.id, jsonb_strip_nulls(jsonb_build_object(
            'id', m.whatsapp_message_id,
            'direction', CASE m.sender_type::text WHEN 'contact' THEN 'out'
                         ELSE 'in' END,
            'type', m.message_type, 'text', m.content,
            'time', round(extract(epoch FROM m.created_at)::numeric, 3),
            'status', CASE m.sender_type::text WHEN 'contact' THEN 'sent'
                      ELSE m.status::text END,
            'opaque', CASE m.sender_type::text WHEN 'contact' THEN NULL
                      ELSE m.id::text END,
            'object', m.metadata -> m.message_type, 'error', m.error,
            'reply_to', (SELECT q.whatsapp_message_id FROM messages q
                         WHERE q.tenant_id = $tenant_id
                           AND q.id = m.reply_to))) AS m
        FROM messages m
        WHERE m.tenant_id = $tenant_id AND m.conversation_id = ANY (v.ids)
          AND m.whatsapp_message_id IS NOT NULL
        ORDER BY m.id DESC LIMIT 200) y) x
WHERE coalesce(k.wa_id, i.value) IS NOT NULL;
