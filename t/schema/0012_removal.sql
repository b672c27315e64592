-- 0012 removal: tenants' names are unique; tenants and numbers that were
-- removed go in small steps.

-- Removed: gone for everybody, its rows are being deleted.

ALTER TABLE tenants DROP CONSTRAINT tenants_status_check,
    ADD CONSTRAINT tenants_status_check
        CHECK (status IN ('active', 'suspended', 'removed'));
-- purge_after: the last conversation that the purge has looked at.
ALTER TABLE whatsapp_configs DROP CONSTRAINT whatsapp_configs_status_check,
    ADD CONSTRAINT whatsapp_configs_status_check
        CHECK (status IN ('active', 'stopped', 'disabled', 'removed')),
    ADD COLUMN purge_after uuid;
CREATE INDEX tenants_removed ON tenants (id) WHERE status = 'removed';
CREATE INDEX whatsapp_configs_removed ON whatsapp_configs (tenant_id, id)
    WHERE status = 'removed';

-- Names ---------------------------------------------------------------------

-- What two names are compared by: one form of each character, no blanks
-- around, one within, no case.  The database's own collation may not know the
-- case of letters beyond ASCII; ICU's does, where the server has it.
DO $$
DECLARE
    icu text := '';
BEGIN
    IF EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu') THEN
        icu := ' COLLATE "und-x-icu"';
    END IF;
    EXECUTE format($f$
        CREATE FUNCTION pytake_name_fold(p_name text) RETURNS text
            LANGUAGE sql IMMUTABLE AS $b$
            SELECT lower(btrim(regexp_replace(normalize(p_name, NFKC),
                '[\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a'
                '\u2028\u2029\u202f\u205f\u3000]+', ' ', 'g'))%s)
        $b$ $f$, icu);
END $$;

-- Not an index: tenants of before that are called the same stay, until
-- somebody renames one of them.  Names change one at a time, so that two at
-- once do not miss each other.
CREATE FUNCTION pytake_tenant_name_check() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7305812);
    IF EXISTS (SELECT FROM tenants t WHERE t.id <> NEW.id
               AND t.status <> 'removed'
               AND pytake_name_fold(t.name) = pytake_name_fold(NEW.name))
    THEN
        RAISE EXCEPTION 'a tenant is called that already'
            USING ERRCODE = '23505', CONSTRAINT = 'tenants_name';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tenant_name_check BEFORE INSERT OR UPDATE OF name ON tenants
    FOR EACH ROW EXECUTE FUNCTION pytake_tenant_name_check();

-- The purge -----------------------------------------------------------------

-- One table's rows of a removed tenant, the first p_rows at most, in the
-- order in which they need each other.  Every step begins at the first table
-- again: what was on its way when the tenant was removed is found, too.  The
-- audit log stays as long as others' does.  0: nothing was left but the
-- tenant itself, which is gone now.
CREATE FUNCTION pytake_purge_tenant(p_tenant uuid, p_rows integer)
    RETURNS integer LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off
    SET enable_mergejoin = off AS $$
DECLARE
    n integer;
    t text;
BEGIN
    DELETE FROM message_receipts r USING (
        SELECT x.whatsapp_message_id, x.status, x.occurred_at
        FROM message_receipts x WHERE x.tenant_id = p_tenant
        LIMIT p_rows) d
    WHERE r.tenant_id = p_tenant
      AND r.whatsapp_message_id = d.whatsapp_message_id
      AND r.status = d.status AND r.occurred_at = d.occurred_at;
    GET DIAGNOSTICS n = ROW_COUNT;
    IF n > 0 THEN
        RETURN n;
    END IF;

    DELETE FROM messages m USING (
        SELECT x.id FROM messages x WHERE x.tenant_id = p_tenant
        ORDER BY x.id LIMIT p_rows) d
    WHERE m.tenant_id = p_tenant AND m.id = d.id;
    GET DIAGNOSTICS n = ROW_COUNT;
    IF n > 0 THEN
        RETURN n;
    END IF;

    DELETE FROM event_log e USING (
        SELECT x.seq, x.created_at FROM event_log x
        WHERE x.tenant_id = p_tenant LIMIT p_rows) d
    WHERE e.tenant_id = p_tenant AND e.seq = d.seq
      AND e.created_at = d.created_at;
    GET DIAGNOSTICS n = ROW_COUNT;
    IF n > 0 THEN
        RETURN n;
    END IF;

    FOREACH t IN ARRAY ARRAY['outbox', 'idempotency_keys', 'webhook_errors',
        'conversation_tags', 'conversations', 'contact_identities',
        'contacts', 'sessions', 'users', 'whatsapp_configs']
    LOOP
        EXECUTE format('DELETE FROM %I WHERE ctid = ANY (ARRAY(
            SELECT x.ctid FROM %I x WHERE x.tenant_id = $1 LIMIT $2))
            AND tenant_id = $1', t, t) USING p_tenant, p_rows;
        GET DIAGNOSTICS n = ROW_COUNT;
        IF n > 0 THEN
            RETURN n;
        END IF;
    END LOOP;

    DELETE FROM tenant_event_head WHERE tenant_id = p_tenant;
    DELETE FROM tenants WHERE id = p_tenant;
    RETURN 1;
END $$;

-- The conversations of a removed number with all that is theirs, about p_rows
-- rows, and the number itself behind the last one.  Contacts and events stay:
-- they are the tenant's.  A conversation is locked before its messages are
-- looked for, as whoever stores one does.
CREATE FUNCTION pytake_purge_number(p_tenant uuid, p_config uuid,
    p_after uuid, p_rows integer) RETURNS integer LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_hashjoin = off
    SET enable_mergejoin = off AS $$
DECLARE
    after uuid := coalesce(p_after, '00000000-0000-0000-0000-000000000000');
    ids   uuid[];
    v     record;
    gone  integer := 0;
    seen  integer := 0;
BEGIN
    FOR v IN
        SELECT x.id, x.whatsapp_config_id FROM conversations x
        WHERE x.tenant_id = p_tenant AND x.id > after
        ORDER BY x.id LIMIT p_rows
    LOOP
        IF v.whatsapp_config_id = p_config THEN
            PERFORM FROM conversations x
            WHERE x.tenant_id = p_tenant AND x.id = v.id FOR UPDATE;

            WITH d AS (
                DELETE FROM messages m USING (
                    SELECT x.id FROM messages x
                    WHERE x.tenant_id = p_tenant AND x.conversation_id = v.id
                    ORDER BY x.id DESC LIMIT p_rows - gone) o
                WHERE m.tenant_id = p_tenant AND m.id = o.id
                RETURNING m.id)
            SELECT coalesce(array_agg(d.id), '{}') INTO ids FROM d;
            DELETE FROM message_receipts r USING unnest(ids) AS d(id)
            WHERE r.tenant_id = p_tenant AND r.message_id = d.id;
            gone := gone + cardinality(ids);
            EXIT WHEN gone >= p_rows; -- perhaps not all of them

            DELETE FROM conversation_tags x
            WHERE x.tenant_id = p_tenant AND x.conversation_id = v.id;
            DELETE FROM outbox x
            WHERE x.tenant_id = p_tenant AND x.conversation_id = v.id;
            DELETE FROM conversations x
            WHERE x.tenant_id = p_tenant AND x.id = v.id;
            gone := gone + 1;
        END IF;
        after := v.id;
        seen := seen + 1;
    END LOOP;

    IF gone < p_rows AND seen < p_rows THEN -- those were the last ones
        BEGIN
            DELETE FROM whatsapp_configs
            WHERE tenant_id = p_tenant AND id = p_config;
            RETURN gone + 1;
        EXCEPTION WHEN foreign_key_violation THEN
            after := NULL; -- one was on its way when the number was removed
        END;
    END IF;

    UPDATE whatsapp_configs SET purge_after = after
    WHERE tenant_id = p_tenant AND id = p_config;
    RETURN gone + 1;
END $$;

-- One step of what is being removed; 0: nothing is, or somebody else is at
-- it.  What a step has done is done, whenever the next one comes.
CREATE FUNCTION pytake_purge(p_rows integer) RETURNS integer
    LANGUAGE plpgsql AS $$
DECLARE
    r record;
BEGIN
    IF NOT pg_try_advisory_xact_lock(7305811) THEN
        RETURN 0;
    END IF;
    SELECT t.id INTO r FROM tenants t WHERE t.status = 'removed'
    ORDER BY t.id LIMIT 1;
    IF FOUND THEN
        RETURN pytake_purge_tenant(r.id, p_rows);
    END IF;
    SELECT w.tenant_id, w.id, w.purge_after INTO r FROM whatsapp_configs w
    WHERE w.status = 'removed' ORDER BY w.tenant_id, w.id LIMIT 1;
    IF FOUND THEN
        RETURN pytake_purge_number(r.tenant_id, r.id, r.purge_after, p_rows);
    END IF;
    RETURN 0;
END $$;

-- Numbers of before ---------------------------------------------------------

-- Where to send is digits alone; some were kept as they were written.
UPDATE contacts
SET phone = coalesce(phone, CASE
        WHEN length(regexp_replace(wa_id, '[^0-9]', '', 'g')) >= 5
        THEN '+' || regexp_replace(wa_id, '[^0-9]', '', 'g') END),
    wa_id = regexp_replace(wa_id, '[^0-9]', '', 'g')
WHERE wa_id ~ '[-+ ().]' AND wa_id ~ '^[-+ ().0-9]{1,40}$'
  AND length(regexp_replace(wa_id, '[^0-9]', '', 'g')) BETWEEN 1 AND 20;
