-- Tenants: their event heads, their names and their time zones.

-- Gives a new tenant its event head, from which every event of it takes its
-- seq. The trigger below calls it.
CREATE OR REPLACE FUNCTION pytake_tenant_head_add() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tenant_event_head (tenant_id) VALUES (NEW.id);
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER tenant_head_add AFTER INSERT ON tenants
    FOR EACH ROW EXECUTE FUNCTION pytake_tenant_head_add();

-- Makes pytake_name_fold(), which gives the form in which names are compared:
-- one form of each character, no blanks around, single blanks within, no case.
-- The check below and the commands that look a tenant up by its name call it.
-- The database's own collation may not know the case of letters beyond ASCII;
-- that of ICU does, where the server has it.
DO $$
DECLARE
    icu text := '';
BEGIN
    IF EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu') THEN
        icu := ' COLLATE "und-x-icu"';
    END IF;
    EXECUTE format($f$
        CREATE OR REPLACE FUNCTION pytake_name_fold(p_name text) RETURNS text
            LANGUAGE sql IMMUTABLE AS $b$
            SELECT lower(btrim(regexp_replace(normalize(p_name, NFKC),
                '[\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a'
                '\u2028\u2029\u202f\u205f\u3000]+', ' ', 'g'))%s)
        $b$ $f$, icu);
END $$;

-- Refuses a name that another tenant has. It is a trigger and not an index, so
-- that older tenants with the same name may keep it until somebody renames one
-- of them. Names change one at a time, so that two changes at once do not miss
-- each other. It looks at all tenants as pytake_lookup, whoever changes the
-- name, because pytake_app sees its own tenant alone. A name that is written
-- as it was is no new one, and an older tenant may keep the name that another
-- one has, too.
CREATE OR REPLACE FUNCTION pytake_tenant_name_check() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.name = OLD.name THEN
        RETURN NEW;
    END IF;
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

CREATE OR REPLACE TRIGGER tenant_name_check
    BEFORE INSERT OR UPDATE OF name ON tenants
    FOR EACH ROW EXECUTE FUNCTION pytake_tenant_name_check();

REVOKE ALL ON FUNCTION pytake_tenant_name_check() FROM PUBLIC;
-- PostgreSQL demands that the new owner of a function has CREATE on its schema
-- at that moment.
GRANT CREATE ON SCHEMA public TO pytake_lookup;
ALTER FUNCTION pytake_tenant_name_check() OWNER TO pytake_lookup;
REVOKE CREATE ON SCHEMA public FROM pytake_lookup;

-- Gives a time zone by its name in the IANA database, or raises 22023. Called
-- by settings_patch. It first looks whether PostgreSQL can compute with the
-- name, because that reads one file, and the view reads over a thousand (50
-- ms). But PostgreSQL also computes with offsets and abbreviations, which are
-- in no list of names. The view's names that begin with a small letter are the
-- system's own ("posix/Etc/UTC").
CREATE OR REPLACE FUNCTION pytake_time_zone(p_name text) RETURNS text
    LANGUAGE plpgsql STABLE STRICT AS $$
BEGIN
    PERFORM now() AT TIME ZONE p_name;
    IF p_name !~ '^[A-Z]' OR NOT EXISTS (
        SELECT FROM pg_timezone_names z WHERE z.name = p_name)
    THEN
        RAISE EXCEPTION 'no time zone is called that'
            USING ERRCODE = '22023';
    END IF;
    RETURN p_name;
END $$;
