-- 0013 tags and quick replies: what a team keeps for its conversations.  Of
-- each row "version" is raised by every write: its ETag.

CREATE TABLE tags (
    tenant_id   uuid NOT NULL REFERENCES tenants (id),
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
    tenant_id   uuid NOT NULL REFERENCES tenants (id),
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

ALTER TABLE tags ENABLE ROW LEVEL SECURITY;
ALTER TABLE quick_replies ENABLE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE, DELETE ON tags, quick_replies
    TO pytake_app, pytake_service;
