-- 0010 days: a write whose day has no partition makes it, and goes on without
-- the housekeeping; how many days are left is told before.

-- How many days after today have their partitions, in both tables that have
-- no DEFAULT and without a gap; -1: not even today.
CREATE FUNCTION pytake_days_ahead() RETURNS integer
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

-- For who met a day without a partition: makes yesterday, today and tomorrow
-- (by the database's clock: a worker's may be a little off), no other day
-- whatever is asked, and answers how many partitions were missing.  Makers go
-- one after the other, as in pytake_days_make(), and nobody who reads or
-- writes waits for them; a maker waits 3 s for another one, and 50 ms for a
-- table.
CREATE FUNCTION pytake_days_help() RETURNS integer
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

REVOKE ALL ON FUNCTION pytake_days_ahead(), pytake_days_help(),
    pytake_partition_add(text, text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pytake_days_ahead(), pytake_days_help()
    TO pytake_app, pytake_service;
