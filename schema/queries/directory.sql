-- Who and what there is: people and numbers, as everybody of the tenant may
-- know them.

-- id below, limit
-- name: user_list
-- params: uuid int4
-- columns: id name role active
SELECT id, name, role, active FROM users
WHERE tenant_id = pytake_tenant() AND id < $1
ORDER BY id DESC LIMIT $2;

-- id below, limit
-- name: number_list
-- params: uuid int4
-- columns: id name phone_number_id display_phone_number status
SELECT id, name, phone_number_id, display_phone_number, status
FROM whatsapp_configs
WHERE tenant_id = pytake_tenant() AND id < $1
ORDER BY id DESC LIMIT $2;
