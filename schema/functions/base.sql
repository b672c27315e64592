-- What the other files use: the tenant of the transaction, and times.

-- Gives the tenant that this transaction entered, NULL when it entered none.
-- Nearly every statement of pytake_app calls it. A setting that was used once
-- resets to '' and not to NULL, hence the nullif().
CREATE OR REPLACE FUNCTION pytake_tenant() RETURNS uuid LANGUAGE sql STABLE
    PARALLEL SAFE AS $$
    SELECT nullif(current_setting('pytake.tenant_id', true), '')::uuid
$$;

-- Writes a time as the API does: RFC 3339, in UTC, with milliseconds. It is
-- for the JSON that SQL makes (conversation.sql); the core writes the same.
CREATE OR REPLACE FUNCTION pytake_time(t timestamptz) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- Gives the lowest id (UUID version 7) of a moment. The partitions of messages
-- are cut at such ids (partitions.sql).
CREATE OR REPLACE FUNCTION pytake_uuid_floor(t timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM t) * 1000)::bigint), 12, '0')
            || '70008000000000000000')::uuid
$$;

-- Gives the moment within an id (UUID version 7), by which the month is found
-- of a message that lies in the DEFAULT partition (partitions.sql).
CREATE OR REPLACE FUNCTION pytake_uuid_time(u uuid) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE AS $$
    SELECT to_timestamp(('x' || lpad(substr(replace(u::text, '-', ''), 1,
        12), 16, '0'))::bit(64)::bigint / 1000.0)
$$;
