-- Partitions by days and months, which are made ahead and dropped when they
-- are over. docs/schema.md says which table has which. Jobs call these
-- functions, and the partitions are theirs: applying this file again makes and
-- drops none of them.
-- needs: base.sql

-- Makes one partition if it is missing. It is made apart and then attached,
-- which takes SHARE UPDATE EXCLUSIVE on the parent, so that readers (pg_dump)
-- and writers go on. Only a DEFAULT partition has to stand still for it, and
-- the rows that it holds of the range move. It does not wait for whoever is in
-- the way, because everybody else would queue behind it. Called by the
-- functions below.
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

-- Makes the days that are missing, up to 14 ahead, of the tables that have no
-- DEFAULT. The sidecar runs it at its start and every hour (days_make), and so
-- does "pytake partitions". It may run twice at once, as the next one may.
CREATE OR REPLACE FUNCTION pytake_days_make() RETURNS integer
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

-- Makes one month that is missing: up to 3 ahead, and every month of the last
-- two years of which the DEFAULT partitions hold rows; 0: none is missing. It
-- makes one in a call (months_make), because nothing can be read while rows
-- move.
CREATE OR REPLACE FUNCTION pytake_months_make() RETURNS integer
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

-- Helps a writer that met a day without a partition (days_help): it makes
-- yesterday, today and tomorrow by the database's clock, because a worker's
-- clock may be a little off, and no other day whatever is asked. It answers
-- how many partitions were missing. Makers go one after the other, as in
-- pytake_days_make(), and nobody who reads or writes waits for them; a maker
-- waits 3 s for another one, and 50 ms for a table.
CREATE OR REPLACE FUNCTION pytake_days_help() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
    SET timezone = 'UTC' SET lock_timeout = '3s' AS $$
DECLARE
    made integer := 0;
    d    date;
BEGIN
    PERFORM pg_advisory_xact_lock(7305809);
    FOR d IN SELECT current_date + n FROM unnest(ARRAY[0, 1, -1]) n LOOP
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

-- Says how many days after today have their partitions, in both tables that
-- have no DEFAULT and without a gap; -1: not even today has. It is for
-- health_ping's warning and "pytake doctor".
CREATE OR REPLACE FUNCTION pytake_days_ahead() RETURNS integer
    LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
    d date := (now() AT TIME ZONE 'UTC')::date;
BEGIN
    FOR n IN 0..14 LOOP
        IF (SELECT count(*) FROM pg_inherits i WHERE i.inhrelid IN (
                to_regclass('public.event_log'
                    || to_char(d + n, '_YYYY_MM_DD')),
                to_regclass('public.webhook_raw'
                    || to_char(d + n, '_YYYY_MM_DD')))) < 2
        THEN
            RETURN n - 1;
        END IF;
    END LOOP;
    RETURN 14;
END $$;

-- Drops the oldest day of event_log or webhook_raw that is over; 0: none is.
-- It takes ACCESS EXCLUSIVE on the parent, and therefore drops one day in a
-- transaction and does not wait for the lock. Called by event_day_drop and
-- raw_day_drop. (DETACH ... CONCURRENTLY does not run inside a function.)
CREATE OR REPLACE FUNCTION pytake_day_drop(p_parent text, p_days integer)
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

-- Serves sidecars of an older release while both run. It makes days alone,
-- because months can wait.
CREATE OR REPLACE FUNCTION pytake_partitions_make() RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN pytake_days_make();
END $$;

-- Serves sidecars of an older release while both run.
CREATE OR REPLACE FUNCTION pytake_partitions_drop(p_event_days integer,
    p_raw_days integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    RETURN pytake_day_drop('event_log', p_event_days)
        + pytake_day_drop('webhook_raw', p_raw_days);
END $$;

-- These functions run as the owner of the tables. pytake_app may ask for the
-- days about today and for no others.
REVOKE ALL ON FUNCTION
    pytake_partition_add(text, text, text, text, text), pytake_days_make(),
    pytake_months_make(), pytake_days_help(), pytake_days_ahead(),
    pytake_day_drop(text, integer), pytake_partitions_make(),
    pytake_partitions_drop(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pytake_days_make(), pytake_months_make(),
    pytake_day_drop(text, integer), pytake_partitions_make(),
    pytake_partitions_drop(integer, integer) TO pytake_service;
GRANT EXECUTE ON FUNCTION pytake_days_ahead(), pytake_days_help()
    TO pytake_app, pytake_service;

-- A new database gets its first days and months here; in one that is in use
-- the sidecar makes them.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_inherits
                   WHERE inhparent = 'public.event_log'::regclass)
    THEN
        PERFORM pytake_days_make();
        WHILE pytake_months_make() > 0 LOOP
        END LOOP;
    END IF;
END $$;
