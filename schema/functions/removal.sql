-- Deletes the rows of removed tenants and numbers in small steps.

-- Deletes rows of a removed tenant, p_rows of one table at most, in the order
-- in which the tables need each other. Every step begins at the first table
-- again, so that what was on its way when the tenant was removed is found,
-- too. The audit log stays as long as that of others. 0: nothing was left but
-- the tenant itself, which is gone now. Called by pytake_purge().
CREATE OR REPLACE FUNCTION pytake_purge_tenant(p_tenant uuid, p_rows integer)
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
        'contacts', 'tags', 'quick_replies', 'sessions', 'users',
        'whatsapp_configs']
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

-- Deletes the conversations of a removed number with all that belongs to them,
-- about p_rows rows, and the number itself after the last one. Contacts and
-- events stay, because they are the tenant's. A conversation is locked before
-- its messages are looked for, as by whoever stores one. Called by
-- pytake_purge().
CREATE OR REPLACE FUNCTION pytake_purge_number(p_tenant uuid, p_config uuid,
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
            EXIT WHEN gone >= p_rows; -- some may be left

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

    IF gone < p_rows AND seen < p_rows THEN -- these were the last ones
        BEGIN
            DELETE FROM whatsapp_configs
            WHERE tenant_id = p_tenant AND id = p_config;
            RETURN gone + 1;
        EXCEPTION WHEN foreign_key_violation THEN
            after := NULL; -- a row came after the removal
        END;
    END IF;

    UPDATE whatsapp_configs SET purge_after = after
    WHERE tenant_id = p_tenant AND id = p_config;
    RETURN gone + 1;
END $$;

-- Does one step of what is being removed; 0: nothing is, or somebody else does
-- it now. Called by purge, which the sidecar runs as pytake_service. What a
-- step has done stays done, whenever the next one comes.
CREATE OR REPLACE FUNCTION pytake_purge(p_rows integer) RETURNS integer
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
