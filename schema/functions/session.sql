-- Logins and sessions (docs/auth.md).
-- needs: email.sql

-- Enters the tenant of a session that lives. It is the first statement of
-- every batch of a user (session_enter), and the health probe tries it
-- (health_ping). It makes one look-up by key. Nothing that a user may see is
-- read before it has answered true.
CREATE OR REPLACE FUNCTION pytake_session_enter(p_tenant uuid, p_session uuid,
    p_user uuid) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM sessions s
               WHERE s.id = p_session AND s.tenant_id = p_tenant
                 AND s.user_id = p_user AND s.revoked_at IS NULL
                 AND s.expires_at > now())
    THEN
        PERFORM set_config('pytake.tenant_id', p_tenant::text, true);
        RETURN true;
    END IF;
    RETURN false;
END $$;

-- Finds the active user who has an address, with the hash of the password.
-- Called by pytake_login_find(). pytake_app cannot read that column by itself.
CREATE OR REPLACE FUNCTION pytake_user_find(p_email text)
    RETURNS TABLE (tenant_id uuid, id uuid, email text, name text,
                   role text, password_hash text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT u.tenant_id, u.id, u.email, u.name, u.role, u.password_hash
    FROM users u JOIN tenants t ON t.id = u.tenant_id
    WHERE u.email_key = pytake_email_key(p_email) AND u.active
      AND t.status = 'active';
END $$;

-- Gives what a login needs, always in one row: the account against which the
-- attempt counts (the address as it is compared, known or not) and the user,
-- if there is one. calm says that this account logged in from this network
-- within 30 days, so that the wrong passwords of strangers do not delay it
-- there. Called by login_find.
CREATE OR REPLACE FUNCTION pytake_login_find(p_email text, p_network bytea)
    RETURNS TABLE (account text, tenant_id uuid, id uuid, email text,
                   name text, role text, password_hash text, calm boolean)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT pytake_email_key(p_email), u.tenant_id, u.id, u.email,
           u.name, u.role, u.password_hash,
           EXISTS (SELECT 1 FROM login_networks n
                   WHERE n.tenant_id = u.tenant_id AND n.user_id = u.id
                     AND n.network = p_network
                     AND n.seen_at > now() - interval '30 days')
    FROM (SELECT 1) one LEFT JOIN pytake_user_find(p_email) u ON true
    LIMIT 1;
END $$;

-- Rotates a refresh token. The outcome is 'rotated', 'again' (the token was
-- used within the grace, and has the same successor), 'reused' (its family is
-- revoked) or 'unknown' (the token was never seen or is expired, or the
-- session, the user or the tenant ended). Called by refresh_rotate.
CREATE OR REPLACE FUNCTION pytake_refresh_rotate(p_hash bytea,
    p_next_hash bytea, p_expires_at timestamptz, p_grace interval)
    RETURNS TABLE (outcome text, tenant_id uuid, session_id uuid,
                   user_id uuid, email text, name text, role text)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    t refresh_tokens%ROWTYPE;
    o text;
BEGIN
    SELECT r.* INTO t FROM refresh_tokens r
    WHERE r.token_hash = p_hash FOR UPDATE;
    IF NOT FOUND OR t.expires_at <= now() OR NOT EXISTS (
        SELECT 1 FROM sessions s JOIN users u
        ON u.tenant_id = s.tenant_id AND u.id = s.user_id
        JOIN tenants n ON n.id = s.tenant_id
        WHERE s.id = t.session_id AND s.tenant_id = t.tenant_id
          AND s.revoked_at IS NULL AND u.active AND n.status = 'active')
    THEN
        RETURN QUERY SELECT 'unknown'::text, NULL::uuid, NULL::uuid,
            NULL::uuid, NULL::text, NULL::text, NULL::text;
        RETURN;
    END IF;
    IF t.used_at IS NULL THEN
        UPDATE refresh_tokens r SET used_at = now()
        WHERE r.token_hash = p_hash;
        INSERT INTO refresh_tokens (token_hash, tenant_id, session_id,
            expires_at)
        VALUES (p_next_hash, t.tenant_id, t.session_id, p_expires_at);
        UPDATE sessions s SET expires_at = p_expires_at
        WHERE s.id = t.session_id;
        o := 'rotated';
    ELSIF t.used_at > now() - p_grace THEN
        o := 'again';
    ELSE
        UPDATE sessions s SET revoked_at = now() WHERE s.id = t.session_id;
        o := 'reused';
    END IF;
    RETURN QUERY
    SELECT o, s.tenant_id, s.id, u.id, u.email, u.name, u.role
    FROM sessions s JOIN users u
    ON u.tenant_id = s.tenant_id AND u.id = s.user_id
    WHERE s.id = t.session_id;
END $$;

-- These functions look without a tenant. They belong to pytake_lookup, which
-- sees what they need (rls.sql), and are for the roles that serve requests.
REVOKE ALL ON FUNCTION pytake_session_enter(uuid, uuid, uuid),
    pytake_user_find(text), pytake_login_find(text, bytea),
    pytake_refresh_rotate(bytea, bytea, timestamptz, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pytake_session_enter(uuid, uuid, uuid),
    pytake_user_find(text), pytake_login_find(text, bytea),
    pytake_refresh_rotate(bytea, bytea, timestamptz, interval)
    TO pytake_app, pytake_service;
-- PostgreSQL demands that the new owner of a function has CREATE on its schema
-- at that moment.
GRANT CREATE ON SCHEMA public TO pytake_lookup;
ALTER FUNCTION pytake_session_enter(uuid, uuid, uuid)
    OWNER TO pytake_lookup;
ALTER FUNCTION pytake_user_find(text) OWNER TO pytake_lookup;
ALTER FUNCTION pytake_login_find(text, bytea) OWNER TO pytake_lookup;
ALTER FUNCTION pytake_refresh_rotate(bytea, bytea, timestamptz, interval)
    OWNER TO pytake_lookup;
REVOKE CREATE ON SCHEMA public FROM pytake_lookup;

-- Ends the sessions of a user who is deactivated or gets another role, at
-- once, because session_enter looks at the session alone. The trigger below
-- calls it.
CREATE OR REPLACE FUNCTION pytake_user_sessions_end() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sessions SET revoked_at = now()
    WHERE tenant_id = NEW.tenant_id AND user_id = NEW.id
      AND revoked_at IS NULL;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER user_sessions_end
    AFTER UPDATE OF active, role ON users
    FOR EACH ROW WHEN (NOT NEW.active OR NEW.role <> OLD.role)
    EXECUTE FUNCTION pytake_user_sessions_end();

-- Ends the sessions of a tenant that is suspended or removed. The trigger
-- below calls it.
CREATE OR REPLACE FUNCTION pytake_tenant_sessions_end() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sessions SET revoked_at = now()
    WHERE tenant_id = NEW.id AND revoked_at IS NULL;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER tenant_sessions_end
    AFTER UPDATE OF status ON tenants
    FOR EACH ROW WHEN (NEW.status <> 'active')
    EXECUTE FUNCTION pytake_tenant_sessions_end();
