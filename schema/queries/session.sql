-- Sessions: entering a tenant, login, refresh, logout.

-- Enters the tenant of a session: the first statement of every user's batch.
-- name: session_enter
-- params: tenant_id:uuid session_id:uuid user_id:uuid
-- columns: entered:bool
SELECT pytake_session_enter($tenant_id, $session_id, $user_id);

-- Enters a tenant without a user: the first statement of a batch of the
-- webhook, or of a login that was just proven.
-- name: tenant_enter
-- params: tenant_id:uuid
-- columns: tenant_id:text
SELECT set_config('pytake.tenant_id', $tenant_id::text, true);

-- Gives one row, whether or not there is such a user.  $network is a keyed
-- hash of the visitor's network.
-- name: login_find
-- params: email:text network:bytes?
-- columns: account:text tenant_id:uuid? id:uuid? email:text? name:text?
-- columns: role:text? password_hash:text? calm:bool
SELECT account, tenant_id, id, email, name, role, password_hash, calm
FROM pytake_login_find($email, $network);

-- Opens a session, with its first refresh token and an entry in the audit log.
-- There is no row when the user or the tenant is not active any more.  Both
-- are locked: whoever deactivates the user or suspends the tenant at this
-- moment either is seen here, or sees the session and ends it.
-- name: session_add
-- params: id:uuid user_id:uuid now:time expires_at:time user_agent:text?
-- params: address:text? token_hash:bytes audit_id:uuid request_id:text
-- columns: id:uuid
WITH s AS (
    INSERT INTO sessions (id, tenant_id, user_id, created_at, expires_at,
        user_agent, address)
    SELECT $id, u.tenant_id, u.id, $now, $expires_at, $user_agent, $address
    FROM users u JOIN tenants t ON t.id = u.tenant_id
    WHERE u.tenant_id = pytake_tenant() AND u.id = $user_id AND u.active
      AND t.status = 'active'
    FOR SHARE OF u, t
    RETURNING id, tenant_id, user_id
), r AS (
    INSERT INTO refresh_tokens (token_hash, tenant_id, session_id,
        created_at, expires_at)
    SELECT $token_hash, s.tenant_id, s.id, $now, $expires_at FROM s
), a AS (
    INSERT INTO audit_log (id, tenant_id, user_id, action, object,
        request_id, created_at)
    SELECT $audit_id, s.tenant_id, s.user_id, 'session.login', s.id::text,
           $request_id, $now
    FROM s
)
SELECT id FROM s;

-- Remembers the network from which a user logged in; the newest 50 networks of
-- the last 30 days are kept.
-- name: login_network_add
-- params: user_id:uuid network:bytes?
WITH gone AS (
    DELETE FROM login_networks
    WHERE tenant_id = pytake_tenant() AND user_id = $user_id
      AND network <> $network
      AND (seen_at < now() - interval '30 days' OR network IN (
          SELECT network FROM login_networks
          WHERE tenant_id = pytake_tenant() AND user_id = $user_id
            AND network <> $network
          ORDER BY seen_at DESC, network OFFSET 49))
)
INSERT INTO login_networks (tenant_id, user_id, network)
SELECT u.tenant_id, u.id, $network FROM users u
WHERE u.tenant_id = pytake_tenant() AND u.id = $user_id AND u.active
ON CONFLICT (tenant_id, user_id, network) DO UPDATE SET seen_at = now();

-- name: refresh_rotate
-- params: token_hash:bytes next_hash:bytes expires_at:time grace_s:int
-- columns: outcome:text tenant_id:uuid? session_id:uuid? user_id:uuid?
-- columns: email:text? name:text? role:text?
SELECT outcome, tenant_id, session_id, user_id, email, name, role
FROM pytake_refresh_rotate($token_hash, $next_hash, $expires_at,
    make_interval(secs => $grace_s));

-- Ends a session.  It uses the database's clock, by which the hub asks for
-- what has ended of late.
-- name: session_revoke
-- params: id:uuid
-- columns: id:uuid
UPDATE sessions SET revoked_at = now()
WHERE tenant_id = pytake_tenant() AND id = $id AND revoked_at IS NULL
RETURNING id;

-- name: user_me
-- params: id:uuid
-- columns: id:uuid tenant_id:uuid email:text name:text role:text
SELECT id, tenant_id, email, name, role FROM users
WHERE tenant_id = pytake_tenant() AND id = $id AND active;

-- name: audit_add
-- params: id:uuid user_id:uuid action:text object:text request_id:text
-- params: now:time
INSERT INTO audit_log (id, tenant_id, user_id, action, object, request_id,
    created_at)
VALUES ($id, pytake_tenant(), $user_id, $action, $object, $request_id, $now);
