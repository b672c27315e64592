-- The statements of "pytake user", which runs them as pytake_service.  A user
-- is known by the e-mail address.

-- fragment: cmd_user
-- columns: tenant_id:uuid id:uuid
u.tenant_id, u.id;

-- name: cmd_user_add
-- params: tenant_id:uuid id:uuid email:text name:text role:text
-- params: password_hash:text
-- columns: email:text
-- refuses: 23505
INSERT INTO users (tenant_id, id, email, name, role, password_hash)
VALUES ($tenant_id, $id, $email, $name, $role, $password_hash)
RETURNING email;

-- Lists the users of one tenant, or of all.
-- name: cmd_user_list
-- params: tenant_id:uuid?
-- columns: id:text role:text active:bool email:text name:text tenant:text
SELECT u.id::text, u.role, u.active, u.email, u.name, t.name
FROM users u
JOIN tenants t ON t.id = u.tenant_id
WHERE t.status <> 'removed'
  AND ($tenant_id IS NULL OR u.tenant_id = $tenant_id)
ORDER BY u.tenant_id, u.id;

-- Changes whether a user is active.  A trigger ends the sessions of one who is
-- not any more.
-- name: cmd_user_active
-- params: email:text active:bool
-- columns: @cmd_user
UPDATE users u SET active = $active, updated_at = now()
WHERE u.email_key = pytake_email_key($email)
RETURNING @cmd_user;

-- Sets a password, and ends the sessions that the old one began.
-- name: cmd_user_password
-- params: email:text password_hash:text
-- columns: @cmd_user
WITH u AS (
    UPDATE users SET password_hash = $password_hash, updated_at = now()
    WHERE email_key = pytake_email_key($email)
    RETURNING tenant_id, id
), s AS (
    UPDATE sessions SET revoked_at = now()
    FROM u
    WHERE sessions.tenant_id = u.tenant_id AND sessions.user_id = u.id
      AND revoked_at IS NULL
)
SELECT @cmd_user FROM u;
