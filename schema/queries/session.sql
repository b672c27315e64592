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

-- One row, whether there is such a user or not.
-- $1 e-mail, $2 keyed hash of the visitor's network
-- name: login_find
-- params: text bytea
-- columns: account tenant_id id email name role password_hash calm
SELECT account, tenant_id, id, email, name, role, password_hash, calm
FROM pytake_login_find($1, $2);

-- A session, its first refresh token and the audit's entry; no row when the
-- user or the tenant is not active any more.  Both are locked: whoever
-- deactivates the user or suspends the tenant at this moment either is seen
-- here, or sees the session and ends it.
-- $1 session, $2 user, $3 when, $4 expiry, $5 user agent, $6 address,
-- $7 refresh token's hash, $8 audit id, $9 request id
-- name: session_add
-- params: uuid uuid timestamptz timestamptz text text bytea uuid text
-- columns: id
WITH s AS (
    INSERT INTO sessions (id, tenant_id, user_id, created_at, expires_at,
        user_agent, address)
    SELECT $1, u.tenant_id, u.id, $3, $4, $5, $6
    FROM users u JOIN tenants t ON t.id = u.tenant_id
    WHERE u.tenant_id = pytake_tenant() AND u.id = $2 AND u.active
      AND t.status = 'active'
    FOR SHARE OF u, t
    RETURNING id, tenant_id, user_id
), r AS (
    INSERT INTO refresh_tokens (token_hash, tenant_id, session_id,
        created_at, expires_at)
    SELECT $7, s.tenant_id, s.id, $3, $4 FROM s
), a AS (
    INSERT INTO audit_log (id, tenant_id, user_id, action, object,
        request_id, created_at)
    SELECT $8, s.tenant_id, s.user_id, 'session.login', s.id::text, $9, $3
    FROM s
)
SELECT id FROM s;

-- Remembers where the user entered from, the 50 networks of the last 30 days.
-- $1 user, $2 keyed hash of the network
-- name: login_network_add
-- params: uuid bytea
WITH gone AS (
    DELETE FROM login_networks
    WHERE tenant_id = pytake_tenant() AND user_id = $1 AND network <> $2
      AND (seen_at < now() - interval '30 days' OR network IN (
          SELECT network FROM login_networks
          WHERE tenant_id = pytake_tenant() AND user_id = $1
            AND network <> $2
          ORDER BY seen_at DESC, network OFFSET 49))
)
INSERT INTO login_networks (tenant_id, user_id, network)
SELECT u.tenant_id, u.id, $2 FROM users u
WHERE u.tenant_id = pytake_tenant() AND u.id = $1 AND u.active
ON CONFLICT (tenant_id, user_id, network) DO UPDATE SET seen_at = now();

-- hash, successor's hash, expiry, grace in seconds
-- name: refresh_rotate
-- params: bytea bytea timestamptz int4
-- columns: outcome tenant_id session_id user_id email name role
SELECT outcome, tenant_id, session_id, user_id, email, name, role
FROM pytake_refresh_rotate($1, $2, $3, make_interval(secs => $4));

-- The database's clock: the hub asks by it for what has ended of late.
-- name: session_revoke
-- params: uuid
-- columns: id
UPDATE sessions SET revoked_at = now()
WHERE tenant_id = pytake_tenant() AND id = $1 AND revoked_at IS NULL
RETURNING id;

-- name: user_me
-- params: uuid
-- columns: id tenant_id email name role
SELECT id, tenant_id, email, name, role FROM users
WHERE tenant_id = pytake_tenant() AND id = $1 AND active;

-- id, user, action, object, request id, when
-- name: audit_add
-- params: uuid uuid text text text timestamptz
INSERT INTO audit_log (id, tenant_id, user_id, action, object, request_id,
    created_at)
VALUES ($1, pytake_tenant(), $2, $3, $4, $5, $6);
