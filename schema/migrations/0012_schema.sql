-- 0012 schema: the tables, their indexes, and who may do what to them.
-- Functions, views, triggers and policies are in schema/functions, which
-- "pytake migrate" applies in the same transaction.
--
-- Keys begin with tenant_id.  Ids are UUIDv7 made by PyTake.  Statuses are
-- text + CHECK: an enum's "=" is not leakproof and would lose its index
-- under row-level security.  docs/schema.md tells the reasons.
--
-- Twelve migrations went before and held both.  A database that has all of
-- them, as their SHA-256 tell, has this one: docs/schema.md.
-- replaces: 0001 47df7640d9704df0630aaa8fb258f69a5a8f31daaafce26872ed1af54caf8171
-- replaces: 0002 fac1728f9df81264ffa9850ff1b24a026a2fadd8e24db549bba48400d038789c
-- replaces: 0003 9da0e982fbd94288de3a441896b755aa76d338b0391dfab33c763d6e7bff4890
-- replaces: 0004 8a67f0982fad856a8124d2277757583b8394027e96a0054e7200b53e741ac13b
-- replaces: 0005 81513354a507dd4225cd182e8661ea2464f33aef30cb086efdf9f835fe898b4f
-- replaces: 0006 9ca6c60fc39bd9a0d84c32d38c24b7966d33658fa6420277eab607f259e5a1e4
-- replaces: 0007 dacda6ac4175b9baa8ddcde81a09e939146874861354d09c8b45205acadf05dd
-- replaces: 0008 8d6f50b191cde4a7bd9adfbeec3e450f7563f2016d26eb9ce858bfe1d64010b7
-- replaces: 0009 f2a032ecab558cc5fefead925040cb67ea838411cad15cb861489d97cc5801d1
-- replaces: 0010 05b66cc8087de04c638bb7115e5de77d8ae1923e75cc9d5e3d62c542a297a5c4
-- replaces: 0011 1c1a58b83b4da576558e4ef12cb7ea339a69483f8bb14831b1a03142bd62fc33
-- replaces: 0012 7e0ed7ca9fee912daae7ba425551e4a732411b89ed01c30684b729895fbe8870

GRANT USAGE ON SCHEMA public TO pytake_app, pytake_service, pytake_lookup;

-- Words of the hot tables are domains: PostgreSQL keeps a domain's check
-- prepared for the session, but reads a table's CHECK anew in every statement
-- that writes a row.

CREATE DOMAIN identity_kind AS text CHECK (VALUE IN ('phone', 'bsuid'));
CREATE DOMAIN conversation_status AS text
    CHECK (VALUE IN ('active', 'pending', 'snoozed', 'closed'));
CREATE DOMAIN message_sender AS text
    CHECK (VALUE IN ('contact', 'agent', 'system', 'bot'));
CREATE DOMAIN message_status AS text
    CHECK (VALUE IN ('pending', 'sent', 'failed', 'delivered', 'read'));

-- Tenants and people --------------------------------------------------------

CREATE TABLE tenants (
    id         uuid PRIMARY KEY,
    name       text NOT NULL,
    status     text NOT NULL DEFAULT 'active'
               -- removed: gone for everybody, its rows are being deleted
               CHECK (status IN ('active', 'suspended', 'removed')),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tenants_removed ON tenants (id) WHERE status = 'removed';

CREATE TABLE users (
    tenant_id     uuid NOT NULL REFERENCES tenants (id),
    id            uuid NOT NULL,
    email         text NOT NULL,
    name          text NOT NULL,
    role          text NOT NULL CHECK (role IN
                  ('owner', 'admin', 'supervisor', 'agent', 'viewer')),
    password_hash text NOT NULL,
    active        boolean NOT NULL DEFAULT true,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    email_key     text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
COMMENT ON COLUMN users.email_key IS
    'pytake_email_key(email), kept by users_email: who logs in by it';
-- One installation, one e-mail: login has no tenant in it.
CREATE UNIQUE INDEX users_email_key ON users (email_key);

CREATE TABLE sessions (
    id         uuid PRIMARY KEY,
    tenant_id  uuid NOT NULL,
    user_id    uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    user_agent text,
    address    text,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
        ON DELETE CASCADE
);
CREATE INDEX sessions_user ON sessions (tenant_id, user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);
-- Sessions that ended lately are polled for, so that their sockets close.
CREATE INDEX sessions_revoked ON sessions (revoked_at)
    WHERE revoked_at IS NOT NULL;

-- A refresh token is known by its hash alone.  Its successor is derived from
-- it (HMAC), so that a lost answer can be given again (docs/auth.md).
CREATE TABLE refresh_tokens (
    token_hash bytea PRIMARY KEY,
    tenant_id  uuid NOT NULL,
    session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

-- Where an account entered from of late, so that the wrong passwords of
-- strangers do not delay it there (docs/auth.md).  network: a keyed hash,
-- which tells nobody without the secret anything.
CREATE TABLE login_networks (
    tenant_id uuid NOT NULL,
    user_id   uuid NOT NULL,
    network   bytea NOT NULL CHECK (length(network) = 16),
    seen_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, user_id, network),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
        ON DELETE CASCADE
) WITH (fillfactor = 80); -- seen_at moves: HOT updates

-- Numbers, contacts, conversations ------------------------------------------

CREATE TABLE whatsapp_configs (
    tenant_id            uuid NOT NULL REFERENCES tenants (id),
    id                   uuid NOT NULL,
    name                 text NOT NULL,
    phone_number_id      text NOT NULL,
    waba_id              text,
    display_phone_number text NOT NULL,
    access_token_sealed  bytea, -- AES-256-GCM, bound to (tenant_id, id)
    status               text NOT NULL DEFAULT 'active' CHECK (status IN
                         ('active', 'stopped', 'disabled', 'removed')),
    status_reason        text,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    purge_after          uuid, -- the last conversation that the purge saw
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX whatsapp_configs_number
    ON whatsapp_configs (phone_number_id);
CREATE INDEX whatsapp_configs_waba ON whatsapp_configs (waba_id);
CREATE INDEX whatsapp_configs_removed ON whatsapp_configs (tenant_id, id)
    WHERE status = 'removed';

CREATE TABLE contacts (
    tenant_id    uuid NOT NULL REFERENCES tenants (id),
    id           uuid NOT NULL,
    name         text NOT NULL DEFAULT '',
    profile_name text NOT NULL DEFAULT '', -- what WhatsApp last said
    username     text,
    phone        text, -- "+5511...", as received; NULL: hidden (BSUID only)
    wa_id        text, -- where to send, digits alone
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);

-- phone: digits in canonical form (Brazil, Mexico, Argentina variants are one
-- number); bsuid: business-scoped user id.
CREATE TABLE contact_identities (
    tenant_id  uuid NOT NULL,
    kind       identity_kind NOT NULL,
    value      text NOT NULL,
    contact_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, kind, value)
);
CREATE INDEX contact_identities_contact
    ON contact_identities (tenant_id, contact_id);

CREATE TABLE conversations (
    tenant_id          uuid NOT NULL REFERENCES tenants (id),
    id                 uuid NOT NULL,
    contact_id         uuid NOT NULL,
    whatsapp_config_id uuid NOT NULL,
    status             conversation_status NOT NULL DEFAULT 'active',
    unread_count       integer NOT NULL DEFAULT 0,
    last_message       text,
    last_message_time  timestamptz,
    activity_at        timestamptz NOT NULL, -- list order: never NULL
    assigned_to        uuid,
    metadata           jsonb NOT NULL DEFAULT '{}',
    window_expires_at  timestamptz,
    created_at         timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    FOREIGN KEY (tenant_id, whatsapp_config_id)
        REFERENCES whatsapp_configs (tenant_id, id),
    FOREIGN KEY (tenant_id, assigned_to) REFERENCES users (tenant_id, id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
-- One open conversation per contact and number, whatever arrives at once.
CREATE UNIQUE INDEX conversations_open
    ON conversations (tenant_id, contact_id, whatsapp_config_id)
    WHERE status <> 'closed';

-- An index for each question of the lists, and none more: a message changes
-- activity_at, so it makes a new entry in every index that its conversation is
-- in, with or without that column.  docs/schema.md tells more.

-- The condition always holds.  Only the list without a filter says so, and
-- only that is planned along this index: a status that hardly any row has
-- would be looked for in all of them.
CREATE INDEX idx_conversations_activity
    ON conversations (tenant_id, activity_at DESC, id DESC)
    WHERE activity_at > '-infinity';
CREATE INDEX idx_conversations_tenant_status
    ON conversations (tenant_id, status, activity_at DESC, id DESC);
-- Assigned to somebody or to nobody: a row is in one of the two.  The status
-- is within, for it is asked for with both.
CREATE INDEX idx_conversations_assigned
    ON conversations (tenant_id, assigned_to, status, activity_at DESC,
        id DESC)
    WHERE assigned_to IS NOT NULL;
CREATE INDEX idx_conversations_unassigned
    ON conversations (tenant_id, status, activity_at DESC, id DESC)
    WHERE assigned_to IS NULL;
-- A contact's open ones are in conversations_open.
CREATE INDEX idx_conversations_contact
    ON conversations (tenant_id, contact_id) WHERE status = 'closed';

CREATE TABLE conversation_tags (
    tenant_id       uuid NOT NULL,
    conversation_id uuid NOT NULL,
    tag             text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, conversation_id, tag)
);
CREATE INDEX conversation_tags_tag
    ON conversation_tags (tenant_id, tag, conversation_id);

-- Messages ------------------------------------------------------------------

-- Partitions are ranges of the time-ordered id, monthly.  No foreign keys
-- here and below: statements take the ids from the rows they lock.
CREATE TABLE messages (
    tenant_id           uuid NOT NULL,
    id                  uuid NOT NULL,
    conversation_id     uuid NOT NULL,
    sender_type         message_sender NOT NULL,
    sender_id           uuid,
    content             text NOT NULL,
    message_type        text NOT NULL DEFAULT 'text',
    whatsapp_message_id text,
    status              message_status NOT NULL DEFAULT 'pending',
    error               jsonb,
    reply_to            uuid,
    metadata            jsonb NOT NULL DEFAULT '{}',
    created_at          timestamptz NOT NULL, -- the time inside the id
    received_at         timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX idx_messages_conversation_created
    ON messages (tenant_id, conversation_id, id DESC);
CREATE INDEX idx_messages_whatsapp_id
    ON messages (tenant_id, whatsapp_message_id)
    WHERE whatsapp_message_id IS NOT NULL;
CREATE TABLE messages_default PARTITION OF messages DEFAULT;

-- No statement looks for a message's receipts by the message.
CREATE TABLE message_receipts (
    tenant_id           uuid NOT NULL,
    whatsapp_message_id text NOT NULL,
    status              text NOT NULL, -- as WhatsApp said it
    occurred_at         timestamptz NOT NULL,
    message_id          uuid, -- NULL: not a message of ours (yet)
    raw                 jsonb NOT NULL,
    received_at         timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, whatsapp_message_id, status, occurred_at)
) PARTITION BY RANGE (occurred_at);
CREATE TABLE message_receipts_default
    PARTITION OF message_receipts DEFAULT;

-- The webhook's bytes, daily; and the items that could not be taken.
CREATE TABLE webhook_raw (
    id          uuid NOT NULL,
    received_at timestamptz NOT NULL,
    request_id  text NOT NULL,
    body        bytea COMPRESSION lz4 NOT NULL,
    summary     jsonb NOT NULL, -- counts of what the body held
    PRIMARY KEY (id, received_at)
) PARTITION BY RANGE (received_at);

CREATE TABLE webhook_errors (
    tenant_id   uuid NOT NULL,
    item_hash   bytea NOT NULL, -- SHA-256 of the item: kept once
    raw_id      uuid NOT NULL,
    path        text NOT NULL, -- "entry[0].changes[1].value.messages[3]"
    code        text NOT NULL,
    detail      text NOT NULL,
    item        bytea NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, item_hash)
);
CREATE INDEX webhook_errors_age ON webhook_errors (received_at);

-- Outbox, events, bookkeeping -----------------------------------------------

CREATE TABLE outbox (
    tenant_id          uuid NOT NULL,
    message_id         uuid NOT NULL,
    conversation_id    uuid NOT NULL,
    whatsapp_config_id uuid NOT NULL,
    lane               smallint NOT NULL DEFAULT 0, -- 0 live, 1 bulk
    attempts           integer NOT NULL DEFAULT 0,
    next_attempt_at    timestamptz NOT NULL,
    claimed_at         timestamptz,
    created_at         timestamptz NOT NULL,
    claimed_by         uuid,        -- which courier
    unknown_at         timestamptz, -- called, but the outcome is unknown
    last_error         jsonb,       -- of the last try
    unknown_claim      timestamptz, -- the claim that became unknown: whoever
                                    -- gives it back must name it
    PRIMARY KEY (tenant_id, message_id)
) WITH (fillfactor = 70);
CREATE INDEX outbox_due ON outbox (tenant_id, whatsapp_config_id, lane,
    next_attempt_at, message_id)
    WHERE claimed_at IS NULL AND unknown_at IS NULL;
CREATE INDEX outbox_conversation
    ON outbox (tenant_id, conversation_id, message_id);
CREATE INDEX outbox_claimed ON outbox (claimed_at)
    WHERE claimed_at IS NOT NULL;
CREATE INDEX outbox_unknown ON outbox (unknown_at)
    WHERE unknown_at IS NOT NULL;

CREATE TABLE tenant_event_head (
    tenant_id uuid PRIMARY KEY REFERENCES tenants (id),
    seq       bigint NOT NULL DEFAULT 0,
    id        uuid -- of the event with that seq
) WITH (fillfactor = 50);

CREATE TABLE event_log (
    tenant_id       uuid NOT NULL,
    seq             bigint NOT NULL,
    id              uuid NOT NULL,
    created_at      timestamptz NOT NULL,
    event           text NOT NULL,
    conversation_id uuid,
    frame           text COMPRESSION lz4 NOT NULL,
    PRIMARY KEY (tenant_id, seq, created_at)
) PARTITION BY RANGE (created_at);

CREATE TABLE idempotency_keys (
    tenant_id  uuid NOT NULL,
    scope      text NOT NULL, -- user + route
    key        text NOT NULL,
    body_hash  bytea NOT NULL,
    status     integer NOT NULL,
    location   text,
    response   text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, scope, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

CREATE TABLE audit_log (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    user_id    uuid,
    action     text NOT NULL, -- "session.login"
    object     text,
    request_id text,
    detail     jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX audit_log_age ON audit_log (created_at);

-- Row security and grants ---------------------------------------------------

-- The policies are in schema/functions/rls.sql.  Until a table has some, it
-- shows nobody but its owner anything.
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE refresh_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE login_networks ENABLE ROW LEVEL SECURITY;
ALTER TABLE whatsapp_configs ENABLE ROW LEVEL SECURITY;
ALTER TABLE contacts ENABLE ROW LEVEL SECURITY;
ALTER TABLE contact_identities ENABLE ROW LEVEL SECURITY;
ALTER TABLE conversations ENABLE ROW LEVEL SECURITY;
ALTER TABLE conversation_tags ENABLE ROW LEVEL SECURITY;
ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE message_receipts ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_raw ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_errors ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_event_head ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;

GRANT SELECT, INSERT, UPDATE, DELETE ON tenants, users, sessions,
    refresh_tokens, login_networks, whatsapp_configs, contacts,
    contact_identities, conversations, conversation_tags, messages,
    message_receipts, webhook_raw, webhook_errors, outbox,
    tenant_event_head, event_log, idempotency_keys, audit_log
    TO pytake_service;

GRANT SELECT ON tenants, users, whatsapp_configs, login_networks
    TO pytake_lookup;
GRANT SELECT, UPDATE ON sessions TO pytake_lookup;
GRANT SELECT, INSERT, UPDATE ON refresh_tokens TO pytake_lookup;

GRANT SELECT ON conversation_tags, webhook_errors, audit_log, event_log
    TO pytake_app;
-- UPDATE: a login locks its tenant's row and its user's (FOR SHARE).  Of users
-- and numbers all but the secrets.
GRANT SELECT, UPDATE (updated_at) ON tenants TO pytake_app;
GRANT SELECT (tenant_id, id, email, name, role, active, created_at,
    updated_at), UPDATE (updated_at) ON users TO pytake_app;
GRANT SELECT (tenant_id, id, name, phone_number_id, waba_id,
    display_phone_number, status, status_reason, created_at, updated_at)
    ON whatsapp_configs TO pytake_app;
GRANT SELECT, INSERT, UPDATE (revoked_at) ON sessions TO pytake_app;
GRANT SELECT, INSERT, UPDATE (seen_at), DELETE ON login_networks
    TO pytake_app;
GRANT SELECT, INSERT, UPDATE ON contacts, contact_identities,
    conversations, messages TO pytake_app;
GRANT SELECT, INSERT ON message_receipts TO pytake_app;
GRANT SELECT, INSERT, DELETE ON outbox, idempotency_keys TO pytake_app;
GRANT SELECT, UPDATE ON tenant_event_head TO pytake_app;
GRANT INSERT ON event_log, webhook_raw, webhook_errors, refresh_tokens,
    audit_log TO pytake_app;
