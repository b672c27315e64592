-- The people and the numbers of a tenant, as everybody of the tenant may know
-- them.

-- name: user_list
-- params: below:uuid most:int
-- columns: id:uuid name:text role:text active:bool
SELECT id, name, role, active FROM users
WHERE tenant_id = pytake_tenant() AND id < $below
ORDER BY id DESC LIMIT $most;

-- name: number_list
-- params: below:uuid most:int
-- columns: id:uuid name:text phone_number_id:text display_phone_number:text?
-- columns: status:text
SELECT id, name, phone_number_id, display_phone_number, status
FROM whatsapp_configs
WHERE tenant_id = pytake_tenant() AND id < $below
ORDER BY id DESC LIMIT $most;
