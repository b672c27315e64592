-- 0011 login networks: where an account entered from of late, so that the
-- wrong passwords of strangers do not delay it there (docs/auth.md).

-- network: a keyed hash, which tells nobody without the secret anything.
CREATE TABLE login_networks (
    tenant_id uuid NOT NULL,
    user_id   uuid NOT NULL,
    network   bytea NOT NULL CHECK (length(network) = 16),
    seen_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, user_id, network),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
        ON DELETE CASCADE
) WITH (fillfactor = 80); -- seen_at moves: HOT updates

ALTER TABLE login_networks ENABLE ROW LEVEL SECURITY;
ALTER TABLE login_networks FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON login_networks TO CURRENT_USER
    USING (true) WITH CHECK (true);
CREATE POLICY service_all ON login_networks TO pytake_service
    USING (true) WITH CHECK (true);
CREATE POLICY tenant_only ON login_networks TO pytake_app
    USING (tenant_id =
        nullif(current_setting('pytake.tenant_id', true), '')::uuid)
    WITH CHECK (tenant_id =
        nullif(current_setting('pytake.tenant_id', true), '')::uuid);
CREATE POLICY lookup_read ON login_networks FOR SELECT TO pytake_lookup
    USING (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON login_networks TO pytake_service;
GRANT SELECT, INSERT, UPDATE (seen_at), DELETE ON login_networks
    TO pytake_app;
GRANT SELECT ON login_networks TO pytake_lookup;

-- Always one row: what the attempt counts against (the e-mail as it is
-- compared, known or not), and the user, if there is one; calm: it entered
-- from this network within 30 days.
CREATE FUNCTION pytake_login_find(p_email text, p_network bytea)
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

GRANT CREATE ON SCHEMA public TO pytake_lookup;
REVOKE ALL ON FUNCTION pytake_login_find(text, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pytake_login_find(text, bytea)
    TO pytake_app, pytake_service;
ALTER FUNCTION pytake_login_find(text, bytea) OWNER TO pytake_lookup;
REVOKE CREATE ON SCHEMA public FROM pytake_lookup;
