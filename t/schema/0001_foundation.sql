-- 0001 foundation: tenants, people, contacts, conversations, messages, the
-- raw webhook bodies, the outbox and the event log; roles and row security.
--
-- Keys begin with tenant_id.  Ids are UUIDv7 made by PyTake.  Statuses are
-- text + CHECK: an enum's "=" is not leakproof and would lose its index
-- under row-level security.  docs/schema.md tells the reasons.

-- Roles ---------------------------------------------------------------------

-- The migrating login need not be a superuser: one that owns the database and
-- has CREATEROLE will do.  It must be able to become each role (the functions
-- at the end are given away); from 16 on its maker has that only when granted
-- with SET.  Roles belong to the cluster: another database may have made
-- them, even at this moment.
DO $$
DECLARE
    r      text;
    member boolean;
    modern boolean := current_setting('server_version_num')::int >= 160000;
BEGIN
    FOREACH r IN ARRAY ARRAY['pytake_app', 'pytake_service', 'pytake_lookup']
    LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = r) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', r);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
        IF modern THEN
            member := pg_has_role(current_user, r, 'SET')
                  AND pg_has_role(current_user, r, 'USAGE');
        ELSE
            member := pg_has_role(current_user, r, 'MEMBER');
        END IF;
        IF NOT member THEN
            EXECUTE format('GRANT %I TO %I', r, current_user)
                || CASE WHEN modern THEN ' WITH INHERIT TRUE, SET TRUE'
                   ELSE '' END;
        END IF;
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA public TO pytake_app, pytake_service, pytake_lookup;
GRANT CREATE ON SCHEMA public TO pytake_lookup; -- revoked at the end

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
               CHECK (status IN ('active', 'suspended')),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

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
    PRIMARY KEY (tenant_id, id)
);
-- One installation, one e-mail: login has no tenant in it.
CREATE UNIQUE INDEX users_email_key ON users (lower(email));

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

-- Numbers, contacts, conversations ------------------------------------------

CREATE TABLE whatsapp_configs (
    tenant_id            uuid NOT NULL REFERENCES tenants (id),
    id                   uuid NOT NULL,
    name                 text NOT NULL,
    phone_number_id      text NOT NULL,
    waba_id              text,
    display_phone_number text NOT NULL,
    access_token_sealed  bytea, -- AES-256-GCM, bound to (tenant_id, id)
    status               text NOT NULL DEFAULT 'active'
                         CHECK (status IN ('active', 'stopped', 'disabled')),
    status_reason        text,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX whatsapp_configs_number
    ON whatsapp_configs (phone_number_id);
CREATE INDEX whatsapp_configs_waba ON whatsapp_configs (waba_id);

CREATE TABLE contacts (
    tenant_id    uuid NOT NULL REFERENCES tenants (id),
    id           uuid NOT NULL,
    name         text NOT NULL DEFAULT '',
    profile_name text NOT NULL DEFAULT '', -- what WhatsApp last said
    username     text,
    phone        text, -- "+5511...", as received; NULL: hidden (BSUID only)
    wa_id        text, -- where to send
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
CREATE INDEX idx_conversations_activity
    ON conversations (tenant_id, activity_at DESC, id DESC);
CREATE INDEX idx_conversations_tenant_status
    ON conversations (tenant_id, status, activity_at DESC, id DESC);
CREATE INDEX idx_conversations_assigned
    ON conversations (tenant_id, assigned_to, activity_at DESC, id DESC)
    WHERE assigned_to IS NOT NULL;
CREATE INDEX idx_conversations_contact
    ON conversations (tenant_id, contact_id, activity_at DESC, id DESC);

CREATE TABLE conversation_tags (
    tenant_id       uuid NOT NULL,
    conversation_id uuid NOT NULL,
    tag             text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, conversation_id, tag)
);
CREATE INDEX conversation_tags_tag ON conversation_tags (tenant_id, tag);

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
CREATE INDEX message_receipts_message
    ON message_receipts (tenant_id, message_id);
CREATE TABLE message_receipts_default
    PARTITION OF message_receipts DEFAULT;

-- The webhook's bytes, daily; and the items that could not be taken.
CREATE TABLE webhook_raw (
    id          uuid NOT NULL,
    received_at timestamptz NOT NULL,
    request_id  text NOT NULL,
    body        bytea NOT NULL,
    summary     jsonb NOT NULL, -- counts of what the body held
    PRIMARY KEY (id, received_at)
) PARTITION BY RANGE (received_at);
ALTER TABLE webhook_raw ALTER COLUMN body SET COMPRESSION lz4;

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
    PRIMARY KEY (tenant_id, message_id)
) WITH (fillfactor = 70);
CREATE INDEX outbox_due ON outbox (lane, next_attempt_at)
    WHERE claimed_at IS NULL;
CREATE INDEX outbox_conversation
    ON outbox (tenant_id, conversation_id, message_id);

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
    frame           text NOT NULL,
    PRIMARY KEY (tenant_id, seq, created_at)
) PARTITION BY RANGE (created_at);
ALTER TABLE event_log ALTER COLUMN frame SET COMPRESSION lz4;

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

-- Small functions -----------------------------------------------------------

-- The tenant that this transaction entered, NULL outside.  Once used, the
-- setting resets to '', not NULL.
CREATE FUNCTION pytake_tenant() RETURNS uuid LANGUAGE sql STABLE
    PARALLEL SAFE AS $$
    SELECT nullif(current_setting('pytake.tenant_id', true), '')::uuid
$$;

-- RFC 3339 UTC with milliseconds, as the core writes it.
CREATE FUNCTION pytake_time(t timestamptz) RETURNS text LANGUAGE sql STABLE
    PARALLEL SAFE AS $$
    SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

CREATE FUNCTION pytake_status_rank(s text) RETURNS integer LANGUAGE sql
    IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE s WHEN 'pending' THEN 0 WHEN 'sent' THEN 1
        WHEN 'failed' THEN 2 WHEN 'delivered' THEN 3 WHEN 'read' THEN 4
        ELSE -1 END
$$;

-- "conversation" inside a message event.  Put together by hand: twice as
-- fast as json_build_object, and every message pays for it.
CREATE FUNCTION pytake_conv_brief(id uuid, contact_id uuid,
    contact_name text, contact_phone text, status text, unread integer,
    last_message text, last_message_time timestamptz, assigned_to uuid,
    window_expires_at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT '{"id":"' || id || '","contact":{"id":"' || contact_id
        || '","name":' || to_json(contact_name)::text
        || ',"phone":' || coalesce(to_json(contact_phone)::text, 'null')
        || '},"status":"' || status || '","unread_count":' || unread
        || ',"last_message":'
        || coalesce(to_json(last_message)::text, 'null')
        || ',"last_message_time":'
        || coalesce('"' || pytake_time(last_message_time) || '"', 'null')
        || ',"assigned_to":' || coalesce('"' || assigned_to || '"', 'null')
        || ',"window_expires_at":'
        || coalesce('"' || pytake_time(window_expires_at) || '"', 'null')
        || '}'
$$;

-- What REST shows of a conversation, one definition for every statement.
CREATE VIEW conversation_rows WITH (security_invoker = true) AS
SELECT c.id, c.contact_id, k.name AS contact_name, k.phone AS contact_phone,
       c.whatsapp_config_id, c.status, c.unread_count, c.last_message,
       c.last_message_time, c.assigned_to,
       ARRAY(SELECT t.tag FROM conversation_tags t
             WHERE t.tenant_id = c.tenant_id AND t.conversation_id = c.id
             ORDER BY t.tag) AS tags,
       c.metadata, c.window_expires_at, c.created_at, c.updated_at,
       c.activity_at, c.tenant_id
FROM conversations c
JOIN contacts k ON k.tenant_id = c.tenant_id AND k.id = c.contact_id;

-- The same as JSON, for the events and answers that SQL closes itself.
CREATE FUNCTION pytake_conv_json(p_id uuid) RETURNS text LANGUAGE sql
    STABLE AS $$
    SELECT json_build_object('id', v.id,
        'contact', json_build_object('id', v.contact_id,
            'name', v.contact_name, 'phone', v.contact_phone),
        'whatsapp_config_id', v.whatsapp_config_id, 'status', v.status,
        'unread_count', v.unread_count, 'last_message', v.last_message,
        'last_message_time', pytake_time(v.last_message_time),
        'assigned_to', v.assigned_to, 'tags', v.tags,
        'metadata', v.metadata,
        'window_expires_at', pytake_time(v.window_expires_at),
        'created_at', pytake_time(v.created_at),
        'updated_at', pytake_time(v.updated_at))::text
    FROM conversation_rows v WHERE v.id = p_id
$$;

-- A tenant has its event head from its first moment.
CREATE FUNCTION pytake_tenant_head_add() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tenant_event_head (tenant_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER tenant_head_add AFTER INSERT ON tenants
    FOR EACH ROW EXECUTE FUNCTION pytake_tenant_head_add();

-- Deactivation acts at once: session_enter looks at the session alone.
CREATE FUNCTION pytake_user_sessions_end() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sessions SET revoked_at = now()
    WHERE tenant_id = NEW.tenant_id AND user_id = NEW.id
      AND revoked_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER user_sessions_end AFTER UPDATE OF active, role ON users
    FOR EACH ROW WHEN (NOT NEW.active OR NEW.role <> OLD.role)
    EXECUTE FUNCTION pytake_user_sessions_end();

-- And so does a tenant's suspension.
CREATE FUNCTION pytake_tenant_sessions_end() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sessions SET revoked_at = now()
    WHERE tenant_id = NEW.id AND revoked_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER tenant_sessions_end AFTER UPDATE OF status ON tenants
    FOR EACH ROW WHEN (NEW.status <> 'active')
    EXECUTE FUNCTION pytake_tenant_sessions_end();

-- Ingest --------------------------------------------------------------------

-- The contacts of a body's senders, made, named and joined as needed.  The
-- arrays are parallel, one entry a distinct sender, sorted by the caller
-- (two bodies with the same senders in opposite order must not deadlock).
-- p_todo: the places where the look of pytake_ingest() found something to do;
-- p_found: what it found.
CREATE FUNCTION pytake_contacts_resolve(p_phones text[], p_bsuids text[],
    p_names text[], p_wa_ids text[], p_usernames text[], p_new_ids uuid[],
    p_todo integer[], p_found uuid[])
    RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
    tid    uuid := pytake_tenant();
    s      record;
    cid    uuid;
    kind_  text;
    value_ text;
    result uuid[] := p_found;
BEGIN
    FOR s IN
        SELECT t.ord, p_phones[t.ord] AS phone, p_bsuids[t.ord] AS bsuid,
               p_names[t.ord] AS name, p_wa_ids[t.ord] AS wa_id,
               p_usernames[t.ord] AS username, p_new_ids[t.ord] AS new_id,
               CASE WHEN p_wa_ids[t.ord] ~ '^[0-9]{5,20}$'
                    THEN '+' || p_wa_ids[t.ord] END AS number
        FROM unnest(p_todo) AS t(ord) ORDER BY t.ord
    LOOP
        cid := pytake_contact_of(s.phone, s.bsuid);
        IF cid IS NULL THEN
            -- The identity decides who creates the contact; the loser of
            -- a race waits here for the winner's commit.
            kind_ := CASE WHEN s.bsuid IS NULL THEN 'phone' ELSE 'bsuid' END;
            value_ := coalesce(s.bsuid, s.phone);
            INSERT INTO contact_identities (tenant_id, kind, value,
                contact_id)
            VALUES (tid, kind_, value_, s.new_id)
            ON CONFLICT DO NOTHING;
            IF FOUND AND s.bsuid IS NOT NULL AND s.phone IS NOT NULL THEN
                INSERT INTO contact_identities (tenant_id, kind, value,
                    contact_id)
                VALUES (tid, 'phone', s.phone, s.new_id)
                ON CONFLICT DO NOTHING;
                IF NOT FOUND THEN -- known by its phone meanwhile
                    UPDATE contact_identities b
                    SET contact_id = p.contact_id
                    FROM contact_identities p
                    WHERE b.tenant_id = tid AND b.kind = 'bsuid'
                      AND b.value = s.bsuid AND p.tenant_id = tid
                      AND p.kind = 'phone' AND p.value = s.phone;
                END IF;
            END IF;
            SELECT i.contact_id INTO STRICT cid FROM contact_identities i
            WHERE i.tenant_id = tid AND i.kind = kind_ AND i.value = value_;
            IF cid = s.new_id THEN
                INSERT INTO contacts (tenant_id, id, name, profile_name,
                    username, phone, wa_id)
                VALUES (tid, cid, coalesce(s.name, ''),
                    coalesce(s.name, ''), s.username, s.number, s.wa_id);
            END IF;
        END IF;
        -- Both ways to know a sender lead to one contact from now on.
        INSERT INTO contact_identities (tenant_id, kind, value, contact_id)
        SELECT tid, v.kind, v.value, cid
        FROM (VALUES ('bsuid', s.bsuid), ('phone', s.phone))
             AS v(kind, value)
        WHERE v.value IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM contact_identities i
                          WHERE i.tenant_id = tid AND i.kind = v.kind
                            AND i.value = v.value)
        ON CONFLICT DO NOTHING;
        -- A name that an agent typed stays; WhatsApp's follows WhatsApp.
        UPDATE contacts c
        SET name = CASE WHEN s.name IS NOT NULL
                         AND c.name IN ('', c.profile_name)
                        THEN s.name ELSE c.name END,
            profile_name = coalesce(s.name, c.profile_name),
            username = coalesce(s.username, c.username),
            wa_id = coalesce(s.wa_id, c.wa_id),
            phone = coalesce(s.number, c.phone),
            updated_at = now()
        WHERE c.tenant_id = tid AND c.id = cid
          AND ((s.name IS NOT NULL AND s.name <> c.profile_name)
            OR (s.username IS NOT NULL
                AND s.username IS DISTINCT FROM c.username)
            OR (s.wa_id IS NOT NULL
                AND s.wa_id IS DISTINCT FROM c.wa_id));
        result[s.ord] := cid;
    END LOOP;
    RETURN result;
END $$;

-- The contact of a sender: business-scoped id first, phone second.
CREATE FUNCTION pytake_contact_of(p_phone text, p_bsuid text) RETURNS uuid
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    cid uuid;
BEGIN
    IF p_bsuid IS NOT NULL THEN
        SELECT i.contact_id INTO cid FROM contact_identities i
        WHERE i.tenant_id = pytake_tenant() AND i.kind = 'bsuid'
          AND i.value = p_bsuid;
    END IF;
    IF cid IS NULL AND p_phone IS NOT NULL THEN
        SELECT i.contact_id INTO cid FROM contact_identities i
        WHERE i.tenant_id = pytake_tenant() AND i.kind = 'phone'
          AND i.value = p_phone;
    END IF;
    RETURN cid;
END $$;

-- Opens what is missing for messages that are new; a message that is already
-- here opens nothing.  Gives the conversation of each thread.  Raises 40001
-- (the batch is sent again) when somebody closed a conversation meanwhile.
CREATE FUNCTION pytake_threads_open(p_contacts uuid[], p_configs uuid[],
    p_new_ids uuid[], p_found uuid[], p_ids uuid[], p_threads integer[],
    p_now timestamptz) RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
    tid    uuid := pytake_tenant();
    t      integer;
    found_ uuid;
    result uuid[] := p_found;
BEGIN
    FOR t IN
        SELECT u.thread FROM unnest(p_ids, p_threads) AS u(id, thread)
        WHERE p_found[u.thread] IS NULL
          AND NOT EXISTS (SELECT 1 FROM messages m
                          WHERE m.tenant_id = tid AND m.id = u.id)
        GROUP BY u.thread
        ORDER BY p_contacts[u.thread], p_configs[u.thread]
    LOOP
        INSERT INTO conversations (tenant_id, id, contact_id,
            whatsapp_config_id, activity_at, created_at, updated_at)
        VALUES (tid, p_new_ids[t], p_contacts[t], p_configs[t], p_now,
            p_now, p_now)
        ON CONFLICT (tenant_id, contact_id, whatsapp_config_id)
            WHERE status <> 'closed' DO NOTHING;

        SELECT c.id INTO found_ FROM conversations c
        WHERE c.tenant_id = tid AND c.contact_id = p_contacts[t]
          AND c.whatsapp_config_id = p_configs[t] AND c.status <> 'closed';

        IF NOT FOUND THEN
            RAISE EXCEPTION 'a conversation closed meanwhile'
                USING ERRCODE = '40001';
        END IF;

        result[t] := found_;
    END LOOP;

    RETURN result;
END $$;

-- Our message with that name of WhatsApp's; the index on it, whatever the
-- planner thinks of the last rows of a partition.
CREATE FUNCTION pytake_message_of(p_wamid text) RETURNS uuid
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    tid uuid := pytake_tenant();
BEGIN
    RETURN (SELECT x.id FROM (
                SELECT m.id FROM messages m
                WHERE m.tenant_id = tid AND m.whatsapp_message_id = p_wamid
                OFFSET 0) x
            ORDER BY x.id DESC LIMIT 1);
END $$;

-- Stores a body's messages: contacts, conversations, messages, one event a
-- new message, in batch order.  The core has cleaned, folded and sorted
-- (docs/webhook.md).  Two groups of parallel arrays: threads (a sender and a
-- number, with ids for a contact and a conversation that must be made) and
-- messages, which name their thread, from 1.  In the steady state one look
-- finds all there is, and two statements do the work.  No join reaches a
-- table here: each row is found by its key, whatever the statistics say.
--
-- Marks of a template: chr(1) conversation id, chr(2) reply_to as JSON,
-- chr(3) conversation, chr(4) seq.
CREATE FUNCTION pytake_ingest(
    p_phones text[], p_bsuids text[], p_names text[], p_wa_ids text[],
    p_usernames text[], p_contact_ids uuid[], p_configs uuid[],
    p_conv_ids uuid[],
    p_ids uuid[], p_threads integer[], p_created timestamptz[],
    p_types text[], p_contents text[], p_previews text[], p_wamids text[],
    p_metadata text[], p_quoted text[], p_templates text[],
    p_events uuid[], p_now timestamptz)
    RETURNS TABLE (seq bigint, frame text) LANGUAGE plpgsql
    SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    tid        uuid := pytake_tenant();
    who        uuid[];    -- contact of a thread
    convs      uuid[];    -- its open conversation
    todo       integer[]; -- threads whose sender is not known as it is now
    replies    uuid[];    -- what a message quotes
    cnt        integer;   -- messages that are new
    told       integer;
    ords       integer[]; -- their places, ascending; NULL: all
    g_ids      uuid[];    -- conversations with new messages:
    g_counts   integer[]; -- how many
    g_times    timestamptz[]; -- the last one's
    g_previews text[];
BEGIN
    SELECT array_agg(x.contact_id), array_agg(x.conversation_id),
           array_agg(x.ord) FILTER (WHERE x.news)
    INTO who, convs, todo
    FROM (
        SELECT s.ord, w.contact_id, v.id AS conversation_id,
               c.id IS NULL
               OR (s.phone IS NOT NULL AND p.contact_id IS NULL)
               OR (s.bsuid IS NOT NULL AND b.contact_id IS NULL)
               OR s.name <> c.profile_name
               OR (s.wa_id IS NOT NULL AND s.wa_id IS DISTINCT FROM c.wa_id)
               OR (s.username IS NOT NULL
                   AND s.username IS DISTINCT FROM c.username) AS news
        FROM unnest(p_phones, p_bsuids, p_names, p_wa_ids, p_usernames,
                    p_configs) WITH ORDINALITY
             AS s(phone, bsuid, name, wa_id, username, config_id, ord)
        LEFT JOIN LATERAL (
            SELECT i.contact_id FROM contact_identities i
            WHERE i.tenant_id = tid AND i.kind = 'bsuid'
              AND i.value = s.bsuid OFFSET 0) b ON true
        LEFT JOIN LATERAL (
            SELECT i.contact_id FROM contact_identities i
            WHERE i.tenant_id = tid AND i.kind = 'phone'
              AND i.value = s.phone OFFSET 0) p ON true
        CROSS JOIN LATERAL (
            -- not coalesce(): below row security it would lose the index
            SELECT CASE WHEN b.contact_id IS NULL THEN p.contact_id
                        ELSE b.contact_id END AS contact_id OFFSET 0) w
        LEFT JOIN LATERAL (
            SELECT k.id, k.profile_name, k.wa_id, k.username
            FROM contacts k
            WHERE k.tenant_id = tid AND k.id = w.contact_id OFFSET 0) c
            ON true
        LEFT JOIN LATERAL (
            SELECT o.id FROM conversations o
            WHERE o.tenant_id = tid AND o.contact_id = c.id
              AND o.whatsapp_config_id = s.config_id
              AND o.status <> 'closed' OFFSET 0) v ON true
        ORDER BY s.ord) x;

    IF todo IS NOT NULL THEN
        who := pytake_contacts_resolve(p_phones, p_bsuids, p_names,
            p_wa_ids, p_usernames, p_contact_ids, todo, who);
    END IF;

    IF array_position(convs, NULL) IS NOT NULL THEN
        convs := pytake_threads_open(who, p_configs, p_conv_ids, convs,
            p_ids, p_threads, p_now);
    END IF;

    IF cardinality(convs) > 1 THEN -- one order for all
        PERFORM c.id FROM conversations c
        WHERE c.tenant_id = tid AND c.id = ANY (convs)
        ORDER BY c.id FOR NO KEY UPDATE;
    END IF;

    IF cardinality(array_remove(p_quoted, NULL)) > 0 THEN
        replies := ARRAY(
            SELECT CASE WHEN q.wamid IS NOT NULL THEN coalesce(
                pytake_message_of(q.wamid),
                p_ids[array_position(p_wamids, q.wamid)]) END
            FROM unnest(p_quoted) WITH ORDINALITY AS q(wamid, ord)
            ORDER BY q.ord);
    END IF;

    INSERT INTO messages (tenant_id, id, conversation_id, sender_type,
        content, message_type, whatsapp_message_id, status, metadata,
        reply_to, created_at, received_at)
    SELECT tid, t.id, convs[t.thread], 'contact', t.content, t.type,
           t.wamid, 'delivered', t.metadata::jsonb, replies[t.ord],
           t.created_at, p_now
    FROM unnest(p_ids, p_threads, p_created, p_types, p_contents, p_wamids,
                p_metadata) WITH ORDINALITY
         AS t(id, thread, created_at, type, content, wamid, metadata, ord)
    WHERE convs[t.thread] IS NOT NULL
    ORDER BY t.id
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS cnt = ROW_COUNT;

    IF cnt = 0 THEN
        RETURN;
    END IF;

    IF cnt < cardinality(p_ids) THEN -- ours are those of this transaction
        ords := ARRAY(
            SELECT t.ord FROM unnest(p_ids) WITH ORDINALITY AS t(id, ord)
            WHERE (SELECT m.xmin FROM messages m
                   WHERE m.tenant_id = tid AND m.id = t.id)
                  = pg_current_xact_id()::xid
            ORDER BY t.ord);
    END IF;

    IF cardinality(p_ids) = 1 THEN
        g_ids := convs;
        g_counts := ARRAY[1];
        g_times := p_created;
        g_previews := p_previews;
    ELSE
        SELECT array_agg(g.id), array_agg(g.fresh), array_agg(g.last_at),
               array_agg(g.preview)
        INTO g_ids, g_counts, g_times, g_previews
        FROM (
            SELECT convs[p_threads[t.ord]] AS id, count(*)::integer AS fresh,
                   max(p_created[t.ord]) AS last_at,
                   (array_agg(p_previews[t.ord] ORDER BY
                       p_created[t.ord] DESC, t.ord DESC))[1] AS preview
            FROM unnest(coalesce(ords, ARRAY(
                     SELECT generate_series(1, cnt)))) AS t(ord)
            GROUP BY 1) g;
    END IF;

    RETURN QUERY
    WITH u AS (
        UPDATE conversations c
        SET (unread_count, last_message, last_message_time, activity_at,
             window_expires_at, status, updated_at) = (
            SELECT c.unread_count + g_counts[x.i],
                   CASE WHEN c.last_message_time > g_times[x.i]
                        THEN c.last_message ELSE g_previews[x.i] END,
                   greatest(c.last_message_time, g_times[x.i]),
                   greatest(c.activity_at, g_times[x.i]),
                   greatest(c.window_expires_at,
                            g_times[x.i] + interval '24 hours'),
                   CASE WHEN c.status = 'snoozed' THEN 'active'
                        ELSE c.status END,
                   p_now
            FROM (SELECT array_position(g_ids, c.id) AS i OFFSET 0) x)
        WHERE c.tenant_id = tid AND c.id = ANY (g_ids)
          AND c.status <> 'closed'
        RETURNING c.id, (
            SELECT pytake_conv_brief(c.id, c.contact_id, k.name, k.phone,
                c.status, c.unread_count, c.last_message,
                c.last_message_time, c.assigned_to, c.window_expires_at)
            FROM contacts k
            WHERE k.tenant_id = tid AND k.id = c.contact_id) AS brief
    ), h AS (
        UPDATE tenant_event_head h
        SET seq = h.seq + cnt, id = p_events[coalesce(ords[cnt], cnt)]
        WHERE h.tenant_id = tid AND (SELECT count(*) FROM u) > 0
        RETURNING h.seq
    )
    INSERT INTO event_log (tenant_id, seq, id, created_at, event,
        conversation_id, frame)
    SELECT tid, h.seq - cnt + e.n, p_events[e.ord], p_now,
           'message_received', u.id,
           replace(replace(replace(replace(p_templates[e.ord],
               chr(4), (h.seq - cnt + e.n)::text), chr(1), u.id::text),
               chr(2), coalesce('"' || replies[e.ord]::text || '"', 'null')),
               chr(3), u.brief)
    FROM h, (SELECT n, coalesce(ords[n], n) AS ord
             FROM generate_series(1, cnt) AS n OFFSET 0) e
    JOIN u ON u.id = convs[p_threads[e.ord]]
    ORDER BY e.n
    RETURNING seq, frame;
    GET DIAGNOSTICS told = ROW_COUNT;

    IF told <> cnt THEN
        RAISE EXCEPTION 'a conversation closed meanwhile'
            USING ERRCODE = '40001';
    END IF;
END $$;

-- Keeps every receipt, once, and moves our messages up, never down: one
-- event a message that moved, for the highest of its statuses in the body.
-- Settles the outbox row of a message whose call had no known outcome.
-- Parallel arrays, one entry a status: p_ours is our message's id as WhatsApp
-- gave it back (nil: none), p_moves the status of ours that it means (NULL: a
-- receipt and no more).
--
-- Marks of a template: chr(1) conversation id, chr(4) seq, chr(5) message id.
CREATE FUNCTION pytake_statuses(p_wamids text[], p_ours uuid[],
    p_said text[], p_times timestamptz[], p_raws text[], p_moves text[],
    p_errors text[], p_templates text[], p_events uuid[], p_now timestamptz)
    RETURNS TABLE (seq bigint, frame text) LANGUAGE plpgsql
    SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    tid   uuid := pytake_tenant();
    nil   CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    s     record;
    known uuid[]; -- the message of a status
    conv  uuid;
    moved uuid[] := '{}';
    convs uuid[] := '{}';
    ords  integer[] := '{}';
    head  bigint;
BEGIN
    known := ARRAY(
        SELECT CASE WHEN t.ours <> nil THEN
                   (SELECT m.id FROM messages m
                    WHERE m.tenant_id = tid AND m.id = t.ours) END
        FROM unnest(p_ours) WITH ORDINALITY AS t(ours, ord)
        ORDER BY t.ord);

    IF array_position(known, NULL) IS NOT NULL THEN
        known := ARRAY(
            SELECT CASE WHEN t.id IS NULL THEN pytake_message_of(t.wamid)
                        ELSE t.id END
            FROM unnest(known, p_wamids) WITH ORDINALITY
                 AS t(id, wamid, ord)
            ORDER BY t.ord);
    END IF;

    INSERT INTO message_receipts (tenant_id, whatsapp_message_id, status,
        occurred_at, message_id, raw, received_at)
    SELECT tid, t.wamid, t.said, t.occurred_at, t.id, t.raw::jsonb, p_now
    FROM unnest(known, p_wamids, p_said, p_times, p_raws)
         AS t(id, wamid, said, occurred_at, raw)
    ORDER BY t.wamid, t.said, t.occurred_at
    ON CONFLICT DO NOTHING;

    FOR s IN -- in the order of ids: so everybody locks them
        SELECT DISTINCT ON (t.id) t.id, t.wamid, t.moves, t.error, t.ord
        FROM unnest(known, p_wamids, p_moves, p_errors) WITH ORDINALITY
             AS t(id, wamid, moves, error, ord)
        WHERE t.id IS NOT NULL AND t.moves IS NOT NULL
        ORDER BY t.id, pytake_status_rank(t.moves) DESC, t.ord
    LOOP
        UPDATE messages m
        SET status = s.moves, error = s.error::jsonb,
            whatsapp_message_id = coalesce(m.whatsapp_message_id, s.wamid)
        WHERE m.tenant_id = tid AND m.id = s.id
          AND m.sender_type <> 'contact'
          AND pytake_status_rank(s.moves) > pytake_status_rank(m.status)
        RETURNING m.conversation_id INTO conv;

        IF FOUND THEN
            moved := moved || s.id;
            convs := convs || conv;
            ords := ords || s.ord::integer;
        END IF;
    END LOOP;

    IF cardinality(moved) = 0 THEN
        RETURN;
    END IF;

    DELETE FROM outbox x
    WHERE x.tenant_id = tid AND x.message_id = ANY (moved);

    UPDATE tenant_event_head h
    SET seq = h.seq + cardinality(moved),
        id = p_events[(SELECT max(o) FROM unnest(ords) AS o)]
    WHERE h.tenant_id = tid
    RETURNING h.seq - cardinality(moved) INTO head;

    RETURN QUERY
    INSERT INTO event_log (tenant_id, seq, id, created_at, event,
        conversation_id, frame)
    SELECT tid, head + e.n, p_events[e.ord], p_now,
           'message_status_updated', e.conversation_id,
           replace(replace(replace(p_templates[e.ord],
               chr(4), (head + e.n)::text),
               chr(1), e.conversation_id::text), chr(5), e.id::text)
    FROM (SELECT t.id, t.conversation_id, t.ord,
                 row_number() OVER (ORDER BY t.ord) AS n
          FROM unnest(moved, convs, ords) AS t(id, conversation_id, ord)) e
    ORDER BY e.n
    RETURNING seq, frame;
END $$;

-- Look-ups without a tenant -------------------------------------------------
-- Owned by pytake_lookup, which sees what they need by policy.

-- First statement of every batch of a user: enters the tenant if the session
-- lives.  One index look-up.
CREATE FUNCTION pytake_session_enter(p_tenant uuid, p_session uuid,
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

CREATE FUNCTION pytake_user_find(p_email text)
    RETURNS TABLE (tenant_id uuid, id uuid, email text, name text,
                   role text, password_hash text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT u.tenant_id, u.id, u.email, u.name, u.role, u.password_hash
    FROM users u JOIN tenants t ON t.id = u.tenant_id
    WHERE lower(u.email) = lower(p_email) AND u.active
      AND t.status = 'active';
END $$;

-- The tenants of phone numbers (messages) and of business accounts.
CREATE FUNCTION pytake_numbers_find(p_numbers text[])
    RETURNS TABLE (phone_number_id text, tenant_id uuid, config_id uuid)
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT c.phone_number_id, c.tenant_id, c.id
    FROM unnest(p_numbers) AS n(v)
    JOIN whatsapp_configs c ON c.phone_number_id = n.v
    WHERE c.status <> 'disabled';
END $$;

-- Rotates a refresh token (docs/auth.md).  outcome: 'rotated', 'again' (used
-- within the grace: the same successor), 'reused' (the family is revoked),
-- 'unknown' (never seen, expired, session ended).
CREATE FUNCTION pytake_refresh_rotate(p_hash bytea, p_next_hash bytea,
    p_expires_at timestamptz, p_grace interval)
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
        WHERE s.id = t.session_id AND s.revoked_at IS NULL AND u.active)
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

-- Partitions ----------------------------------------------------------------

-- The lowest version 7 id of a moment.
CREATE FUNCTION pytake_uuid_floor(t timestamptz) RETURNS uuid LANGUAGE sql
    IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM t) * 1000)::bigint), 12, '0')
            || '70008000000000000000')::uuid
$$;

-- The moment inside a version 7 id.
CREATE FUNCTION pytake_uuid_time(u uuid) RETURNS timestamptz LANGUAGE sql
    IMMUTABLE AS $$
    SELECT to_timestamp(('x' || lpad(substr(replace(u::text, '-', ''), 1,
        12), 16, '0'))::bit(64)::bigint / 1000.0)
$$;

-- Makes one partition if it is not there, moving what a DEFAULT partition
-- holds of its range.
CREATE FUNCTION pytake_partition_add(p_parent text, p_name text, p_column
    text, p_from text, p_to text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF to_regclass('public.' || quote_ident(p_name)) IS NOT NULL THEN
        RETURN false;
    END IF;
    IF to_regclass('public.' || quote_ident(p_parent || '_default')) IS NULL
    THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF %I
            FOR VALUES FROM (%L) TO (%L)', p_name, p_parent, p_from, p_to);
        RETURN true;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS
        INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMPRESSION)',
        p_name, p_parent);
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE',
        p_parent || '_default');
    EXECUTE format('WITH d AS (DELETE FROM %I WHERE %I >= %L AND %I < %L
        RETURNING *) INSERT INTO %I SELECT * FROM d',
        p_parent || '_default', p_column, p_from, p_column, p_to, p_name);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I
        FOR VALUES FROM (%L) TO (%L)', p_parent, p_name, p_from, p_to);
    RETURN true;
END $$;

-- Makes what is missing: days 14 ahead, months 3 ahead and every month of
-- the last two years that the DEFAULT partitions hold rows of.  Run daily
-- and at start; safe to run twice at once.
CREATE FUNCTION pytake_partitions_make() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    SET timezone = 'UTC' AS $$
DECLARE
    made integer := 0;
    d    date;
    m    date;
BEGIN
    PERFORM pg_advisory_xact_lock(7305809);
    FOR d IN SELECT current_date + n FROM generate_series(-1, 14) n LOOP
        made := made
            + pytake_partition_add('event_log',
                'event_log_' || to_char(d, 'YYYY_MM_DD'), 'created_at',
                d::text, (d + 1)::text)::int
            + pytake_partition_add('webhook_raw',
                'webhook_raw_' || to_char(d, 'YYYY_MM_DD'), 'received_at',
                d::text, (d + 1)::text)::int;
    END LOOP;
    FOR m IN
        SELECT (date_trunc('month', now()) + make_interval(months => n))
               ::date FROM generate_series(-1, 3) n
        UNION
        SELECT date_trunc('month', pytake_uuid_time(id))::date
        FROM messages_default
        WHERE pytake_uuid_time(id) BETWEEN now() - interval '2 years'
                                       AND now() + interval '1 month'
    LOOP
        made := made + pytake_partition_add('messages',
            'messages_' || to_char(m, 'YYYY_MM'), 'id',
            pytake_uuid_floor(m)::text,
            pytake_uuid_floor(m + interval '1 month')::text)::int;
    END LOOP;
    FOR m IN
        SELECT (date_trunc('month', now()) + make_interval(months => n))
               ::date FROM generate_series(-1, 3) n
        UNION
        SELECT date_trunc('month', occurred_at)::date
        FROM message_receipts_default
        WHERE occurred_at BETWEEN now() - interval '2 years'
                              AND now() + interval '1 month'
    LOOP
        made := made + pytake_partition_add('message_receipts',
            'message_receipts_' || to_char(m, 'YYYY_MM'), 'occurred_at',
            m::text, (m + interval '1 month')::date::text)::int;
    END LOOP;
    RETURN made;
END $$;

-- Drops days that are over: 8 are kept (7 promised, and the running one).
CREATE FUNCTION pytake_partitions_drop(p_event_days integer,
    p_raw_days integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    SET timezone = 'UTC' AS $$
DECLARE
    dropped integer := 0;
    c       text;
BEGIN
    FOR c IN
        SELECT k.relname::text FROM pg_inherits i
        JOIN pg_class k ON k.oid = i.inhrelid
        JOIN pg_class p ON p.oid = i.inhparent
        WHERE p.relname IN ('event_log', 'webhook_raw')
          AND k.relname ~ '_[0-9]{4}_[0-9]{2}_[0-9]{2}$'
          AND to_date(right(k.relname, 10), 'YYYY_MM_DD') < current_date
              - CASE p.relname WHEN 'event_log' THEN p_event_days
                               ELSE p_raw_days END
    LOOP
        EXECUTE format('DROP TABLE %I', c);
        dropped := dropped + 1;
    END LOOP;
    DELETE FROM idempotency_keys
    WHERE created_at < now() - interval '24 hours';
    DELETE FROM sessions -- and their refresh tokens
    WHERE expires_at < now() - interval '30 days';
    RETURN dropped;
END $$;

SELECT pytake_partitions_make();

-- Row-level security --------------------------------------------------------

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['tenants', 'users', 'sessions',
        'refresh_tokens', 'whatsapp_configs', 'contacts',
        'contact_identities', 'conversations', 'conversation_tags',
        'messages', 'message_receipts', 'webhook_raw', 'webhook_errors',
        'outbox', 'tenant_event_head', 'event_log', 'idempotency_keys',
        'audit_log']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY owner_all ON %I TO CURRENT_USER
            USING (true) WITH CHECK (true)', t);
        EXECUTE format('CREATE POLICY service_all ON %I TO pytake_service
            USING (true) WITH CHECK (true)', t);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I
            TO pytake_service', t);
        IF t NOT IN ('tenants', 'refresh_tokens', 'webhook_raw') THEN
            EXECUTE format('CREATE POLICY tenant_only ON %I TO pytake_app
                USING (tenant_id = nullif(current_setting(
                    ''pytake.tenant_id'', true), '''')::uuid)
                WITH CHECK (tenant_id = nullif(current_setting(
                    ''pytake.tenant_id'', true), '''')::uuid)', t);
        END IF;
    END LOOP;
END $$;

CREATE POLICY tenant_only ON tenants FOR SELECT TO pytake_app
    USING (id = nullif(current_setting('pytake.tenant_id', true), '')::uuid);
-- The app keeps raw bodies and new refresh tokens; it never reads them.
CREATE POLICY app_add ON webhook_raw FOR INSERT TO pytake_app
    WITH CHECK (true);
CREATE POLICY app_add ON refresh_tokens FOR INSERT TO pytake_app
    WITH CHECK (tenant_id =
        nullif(current_setting('pytake.tenant_id', true), '')::uuid);

CREATE POLICY lookup_read ON tenants FOR SELECT TO pytake_lookup
    USING (true);
CREATE POLICY lookup_read ON users FOR SELECT TO pytake_lookup USING (true);
CREATE POLICY lookup_read ON whatsapp_configs FOR SELECT TO pytake_lookup
    USING (true);
CREATE POLICY lookup_all ON sessions TO pytake_lookup
    USING (true) WITH CHECK (true);
CREATE POLICY lookup_all ON refresh_tokens TO pytake_lookup
    USING (true) WITH CHECK (true);

GRANT SELECT ON tenants, users, whatsapp_configs TO pytake_lookup;
GRANT SELECT, UPDATE ON sessions TO pytake_lookup;
GRANT SELECT, INSERT, UPDATE ON refresh_tokens TO pytake_lookup;

GRANT SELECT ON tenants, conversation_tags, webhook_errors, audit_log,
    event_log TO pytake_app;
-- All but the secrets.  UPDATE: a login locks its user's row (FOR SHARE).
GRANT SELECT (tenant_id, id, email, name, role, active, created_at,
    updated_at), UPDATE (updated_at) ON users TO pytake_app;
GRANT SELECT (tenant_id, id, name, phone_number_id, waba_id,
    display_phone_number, status, status_reason, created_at, updated_at)
    ON whatsapp_configs TO pytake_app;
GRANT SELECT, INSERT, UPDATE (revoked_at) ON sessions TO pytake_app;
GRANT SELECT, INSERT, UPDATE ON contacts, contact_identities,
    conversations, messages TO pytake_app;
GRANT SELECT, INSERT ON message_receipts TO pytake_app;
GRANT SELECT, INSERT, DELETE ON outbox, idempotency_keys TO pytake_app;
GRANT SELECT, UPDATE ON tenant_event_head TO pytake_app;
GRANT INSERT ON event_log, webhook_raw, webhook_errors, refresh_tokens,
    audit_log TO pytake_app;
GRANT SELECT ON conversation_rows TO pytake_app, pytake_service;

-- Functions that look without a tenant belong to pytake_lookup and are for
-- the roles that need them.
DO $$
DECLARE
    f text;
BEGIN
    FOREACH f IN ARRAY ARRAY[
        'pytake_session_enter(uuid, uuid, uuid)',
        'pytake_user_find(text)',
        'pytake_numbers_find(text[])',
        'pytake_refresh_rotate(bytea, bytea, timestamptz, interval)']
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s
            TO pytake_app, pytake_service', f);
        EXECUTE format('ALTER FUNCTION %s OWNER TO pytake_lookup', f);
    END LOOP;
END $$;

REVOKE ALL ON FUNCTION pytake_partitions_make(),
    pytake_partitions_drop(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pytake_partitions_make(),
    pytake_partitions_drop(integer, integer) TO pytake_service;

REVOKE CREATE ON SCHEMA public FROM pytake_lookup;
