-- The statements of "pytake tenant", which runs them as pytake_service.  The
-- operator says which tenant is meant.

-- Finds a tenant by its id or by its name.  A name counts that is spelt
-- exactly so, or, if none is, one that is the same without regard to case.
-- Two rows: several tenants have it.
-- name: cmd_tenant_find
-- params: name:text
-- columns: id:uuid
SELECT t.id FROM tenants t
WHERE t.status <> 'removed'
  AND (t.id::text = lower($name) OR t.name = $name
       OR (pytake_name_fold(t.name) = pytake_name_fold($name)
           AND NOT EXISTS (SELECT FROM tenants x
                           WHERE x.name = $name AND x.status <> 'removed')))
ORDER BY t.id LIMIT 2;

-- name: cmd_tenant_add
-- params: id:uuid name:text
-- refuses: 23505
INSERT INTO tenants (id, name) VALUES ($id, btrim($name));

-- name: cmd_tenant_list
-- columns: id:text status:text name:text
SELECT id::text, status, name FROM tenants ORDER BY tenants.id;

-- The following changes give the id of the tenant if it is still there.
-- name: cmd_tenant_rename
-- params: id:uuid name:text
-- columns: id:uuid
-- refuses: 23505
UPDATE tenants SET name = btrim($name), updated_at = now(),
    version = version + 1
WHERE id = $id AND status <> 'removed'
RETURNING id;

-- Changes the status.  A trigger ends the sessions of a tenant that is
-- suspended; refresh and login look at the status.
-- name: cmd_tenant_status
-- params: id:uuid status:text
-- columns: id:uuid
UPDATE tenants SET status = $status, updated_at = now(),
    version = version + 1
WHERE id = $id AND status <> 'removed'
RETURNING id;

-- Removes a tenant.  It is gone at once for everybody: sessions end, numbers
-- and e-mail addresses are free.  The purge deletes the rows.
-- name: cmd_tenant_remove
-- params: id:uuid
-- columns: id:uuid
WITH w AS (
    UPDATE whatsapp_configs SET status = 'removed', status_reason = NULL,
           access_token_sealed = NULL,
           phone_number_id = phone_number_id || '/' || id, updated_at = now()
    WHERE tenant_id = $id AND status <> 'removed'
), u AS (
    UPDATE users SET active = false, password_hash = '-',
           email = id || '/' || email, updated_at = now()
    WHERE tenant_id = $id
)
UPDATE tenants SET status = 'removed', updated_at = now()
WHERE id = $id AND status <> 'removed'
RETURNING id;

-- Finds names that several tenants have.
-- name: cmd_tenant_twins
-- columns: name:text n:big
SELECT min(name), count(*) FROM tenants
WHERE status <> 'removed'
GROUP BY pytake_name_fold(name) HAVING count(*) > 1
ORDER BY 1;

-- Adds an entry to the audit log about something of the tenant's.
-- name: cmd_audit_add
-- params: tenant_id:uuid id:uuid action:text object:uuid
INSERT INTO audit_log (tenant_id, id, action, object, detail)
VALUES ($tenant_id, $id, $action, $object::text, '{"by":"pytake"}');
