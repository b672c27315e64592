-- The statements of "pytake number", which runs them as pytake_service.  A
-- number is known by the id that Meta gives it.

-- fragment: cmd_number
-- columns: tenant_id:uuid id:uuid
tenant_id, id;

-- name: cmd_number_find
-- params: phone_number_id:text
-- columns: @cmd_number
SELECT @cmd_number FROM whatsapp_configs
WHERE phone_number_id = $phone_number_id;

-- name: cmd_number_add
-- params: tenant_id:uuid id:uuid name:text phone_number_id:text waba_id:text?
-- params: display:text token:bytes?
-- refuses: 23505
INSERT INTO whatsapp_configs (tenant_id, id, name, phone_number_id, waba_id,
    display_phone_number, access_token_sealed)
VALUES ($tenant_id, $id, $name, $phone_number_id, $waba_id, btrim($display),
        $token);

-- Sets a token.  It also starts a number that was stopped because of a dead
-- one.
-- name: cmd_number_token
-- params: tenant_id:uuid id:uuid token:bytes
UPDATE whatsapp_configs
SET access_token_sealed = $token, updated_at = now(), status_reason = NULL,
    status = CASE status WHEN 'stopped' THEN 'active' ELSE status END
WHERE tenant_id = $tenant_id AND id = $id;

-- Lists the numbers of one tenant, or of all.  A number that was removed has
-- its own id behind Meta's.
-- name: cmd_number_list
-- params: tenant_id:uuid?
-- columns: id:text phone_number_id:text status:text token:bool display:text
-- columns: name:text tenant:text
SELECT c.id::text, split_part(c.phone_number_id, '/', 1), c.status,
       c.access_token_sealed IS NOT NULL, c.display_phone_number, c.name,
       t.name
FROM whatsapp_configs c
JOIN tenants t ON t.id = c.tenant_id
WHERE $tenant_id IS NULL OR c.tenant_id = $tenant_id
ORDER BY c.tenant_id, c.id;

-- name: cmd_number_rename
-- params: phone_number_id:text name:text? display:text?
-- columns: @cmd_number
UPDATE whatsapp_configs
SET name = coalesce($name, name),
    display_phone_number = coalesce(btrim($display), display_phone_number),
    updated_at = now()
WHERE phone_number_id = $phone_number_id
RETURNING @cmd_number;

-- Removes a number.  It is gone at once: its webhooks are those of an unknown
-- number, nothing is sent, and its id is free.  The purge deletes its
-- conversations.
-- name: cmd_number_remove
-- params: phone_number_id:text
-- columns: @cmd_number
UPDATE whatsapp_configs
SET status = 'removed', status_reason = NULL, access_token_sealed = NULL,
    phone_number_id = phone_number_id || '/' || id, updated_at = now()
WHERE phone_number_id = $phone_number_id AND status <> 'removed'
RETURNING @cmd_number;
