-- Sessions: entering a tenant, login, refresh, logout.

-- First statement of a user's batch.
-- name: session_enter
-- params: uuid uuid uuid
-- columns: entered
SELECT pytake_session_enter($1, $2, $3);

-- First statement of a batch that acts for a tenant without a user (webhook,
-- the login that was just proven).
-- name: tenant_enter
-- params: uuid
-- columns: tenant_id
SELECT set_config('pytake.tenant_id', $1::text, true);

-- name: user_find_login
-- params: text
-- columns: tenant_id id email name role password_hash
SELECT tenant_id, id, email, name, role, password_hash
FROM pytake_user_find($1);

-- name: session_add
-- params: uuid uuid uuid timestamptz timestamptz text text
INSERT INTO sessions (id, tenant_id, user_id, created_at, expires_at,
    user_agent, address)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: refresh_add
-- params: bytea uuid uuid timestamptz timestamptz
INSERT INTO refresh_tokens (token_hash, tenant_id, session_id, created_at,
    expires_at)
VALUES ($1, $2, $3, $4, $5);

-- hash, successor's hash, expiry, grace in seconds
-- name: refresh_rotate
-- params: bytea bytea timestamptz int4
-- columns: outcome tenant_id session_id user_id email name role
SELECT outcome, tenant_id, session_id, user_id, email, name, role
FROM pytake_refresh_rotate($1, $2, $3, make_interval(secs => $4));

-- name: session_revoke
-- params: uuid timestamptz
-- columns: id
UPDATE sessions SET revoked_at = $2
WHERE id = $1 AND revoked_at IS NULL
RETURNING id;

-- name: user_me
-- params: uuid
-- columns: id tenant_id email name role
SELECT id, tenant_id, email, name, role FROM users WHERE id = $1 AND active;

-- id, tenant, user, action, object, request id, when
-- name: audit_add
-- params: uuid uuid uuid text text text timestamptz
INSERT INTO audit_log (id, tenant_id, user_id, action, object, request_id,
    created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);
