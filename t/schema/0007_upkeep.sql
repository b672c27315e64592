-- 0007 upkeep: days, months and trims that hold nobody up; a suspended
-- tenant gets no session.

-- Partitions ----------------------------------------------------------------

-- Makes one partition if it is not there.  Made apart and then attached, which
-- takes SHARE UPDATE EXCLUSIVE on the parent: readers (pg_dump) and writers go
-- on.  Only a DEFAULT partition has to stand still for it, and what it holds
-- of the range moves.  Who is in the way is not waited for: everybody else
-- would queue behind this.
CREATE OR REPLACE FUNCTION pytake_partition_add(p_parent text, p_name text,
    p_column text, p_from text, p_to text) RETURNS boolean
    LANGUAGE plpgsql SET lock_timeout = '50ms' AS $$
BEGIN
    IF to_regclass('public.' || quote_ident(p_name)) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS
        INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMPRESSION)',
        p_name, p_parent);
    IF to_regclass('public.' || quote_ident(p_parent || '_default'))
       IS NOT NULL
    THEN
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE',
            p_parent || '_default');
        EXECUTE format('WITH d AS (DELETE FROM %I WHERE %I >= %L AND %I < %L
            RETURNING *) INSERT INTO %I SELECT * FROM d',
            p_parent || '_default', p_column, p_from, p_column, p_to,
            p_name);
    END IF;
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I
        FOR VALUES FROM (%L) TO (%L)', p_parent, p_name, p_from, p_to);
    RETURN true;
END $$;

-- Makes the days that are missing, 14 ahead: the tables that have no DEFAULT.
-- Safe to run twice at once, as the next one is.
CREATE FUNCTION pytake_days_make() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    SET timezone = 'UTC' AS $$
DECLARE
    made integer := 0;
    d    date;
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
    RETURN made;
END $$;

-- Makes one month that is missing, 3 ahead and every month of the last two
-- years that the DEFAULT partitions hold rows of; 0: none is missing.  One a
-- call: nothing can be read while rows move.
CREATE FUNCTION pytake_months_make() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    SET timezone = 'UTC' AS $$
DECLARE
    m date;
BEGIN
    PERFORM pg_advisory_xact_lock(7305810);
    FOR m IN
        SELECT (date_trunc('month', now()) + make_interval(months => n))
               ::date FROM generate_series(-1, 3) n
        UNION
        SELECT date_trunc('month', pytake_uuid_time(id))::date
        FROM messages_default
        WHERE pytake_uuid_time(id) BETWEEN now() - interval '2 years'
                                       AND now() + interval '1 month'
    LOOP
        IF pytake_partition_add('messages',
               'messages_' || to_char(m, 'YYYY_MM'), 'id',
               pytake_uuid_floor(m)::text,
               pytake_uuid_floor(m + interval '1 month')::text)
        THEN
            RETURN 1;
        END IF;
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
        IF pytake_partition_add('message_receipts',
               'message_receipts_' || to_char(m, 'YYYY_MM'), 'occurred_at',
               m::text, (m + interval '1 month')::date::text)
        THEN
            RETURN 1;
        END IF;
    END LOOP;
    RETURN 0;
END $$;

-- Drops the oldest day of event_log or webhook_raw that is over; 0: none is.
-- It takes ACCESS EXCLUSIVE on the parent, so: one a transaction, and not
-- waited for.  (DETACH ... CONCURRENTLY does not run inside a function.)
CREATE FUNCTION pytake_day_drop(p_parent text, p_days integer)
    RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp SET timezone = 'UTC'
    SET lock_timeout = '50ms' AS $$
DECLARE
    d text;
BEGIN
    SELECT k.relname INTO d FROM pg_inherits i
    JOIN pg_class k ON k.oid = i.inhrelid
    WHERE p_parent IN ('event_log', 'webhook_raw')
      AND i.inhparent = to_regclass('public.' || p_parent)
      AND k.relname ~ '_[0-9]{4}_[0-9]{2}_[0-9]{2}$'
      AND to_date(right(k.relname, 10), 'YYYY_MM_DD')
          < current_date - p_days
    ORDER BY k.relname LIMIT 1;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS %I', d);
    RETURN 1;
END $$;

-- For sidecars of before, while both run; days are what cannot wait.
CREATE OR REPLACE FUNCTION pytake_partitions_make() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN pytake_days_make();
END $$;
CREATE OR REPLACE FUNCTION pytake_partitions_drop(p_event_days integer,
    p_raw_days integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    RETURN pytake_day_drop('event_log', p_event_days)
        + pytake_day_drop('webhook_raw', p_raw_days);
END $$;

REVOKE ALL ON FUNCTION pytake_days_make(), pytake_months_make(),
    pytake_day_drop(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pytake_days_make(), pytake_months_make(),
    pytake_day_drop(text, integer) TO pytake_service;

CREATE INDEX refresh_tokens_expiry ON refresh_tokens (expires_at);

-- Sessions ------------------------------------------------------------------

-- A login locks its tenant's row, too (FOR SHARE), and changes nothing of it.
GRANT UPDATE (updated_at) ON tenants TO pytake_app;
CREATE POLICY tenant_lock ON tenants FOR UPDATE TO pytake_app
    USING (id = nullif(current_setting('pytake.tenant_id', true), '')::uuid)
    WITH CHECK (false);

-- As before, but for a tenant that is active, and a session of the token's.
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

-- What slipped through until now.
UPDATE sessions s SET revoked_at = now() FROM tenants n
WHERE n.id = s.tenant_id AND n.status <> 'active' AND s.revoked_at IS NULL;
