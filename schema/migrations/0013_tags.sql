-- 0013 tags and quick replies: what a team keeps for its conversations.  Of
-- each row "version" is raised by every write: its ETag.

CREATE TABLE tags (
    tenant_id   uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id          uuid NOT NULL,
    name        text NOT NULL,
    color       text,
    description text,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    version     integer NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
);
-- Names that differ in case alone are one.
CREATE UNIQUE INDEX tags_name ON tags (tenant_id, lower(name));

CREATE TABLE quick_replies (
    tenant_id   uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id          uuid NOT NULL,
    shortcut    text NOT NULL,
    content     text NOT NULL,
    attachments uuid[] NOT NULL DEFAULT '{}',
    buttons     jsonb NOT NULL DEFAULT '[]',
    team_ids    uuid[] NOT NULL DEFAULT '{}', -- none: everybody's
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    version     integer NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX quick_replies_shortcut
    ON quick_replies (tenant_id, lower(shortcut));

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['tags', 'quick_replies'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY owner_all ON %I TO CURRENT_USER
            USING (true) WITH CHECK (true)', t);
        EXECUTE format('CREATE POLICY service_all ON %I TO pytake_service
            USING (true) WITH CHECK (true)', t);
        EXECUTE format('CREATE POLICY tenant_only ON %I TO pytake_app
            USING (tenant_id = nullif(current_setting(
                ''pytake.tenant_id'', true), '''')::uuid)
            WITH CHECK (tenant_id = nullif(current_setting(
                ''pytake.tenant_id'', true), '''')::uuid)', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I
            TO pytake_service, pytake_app', t);
    END LOOP;
END $$;
