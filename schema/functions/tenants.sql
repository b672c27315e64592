-- Tenants: their event head, their names, their time zone.

-- Gives a new tenant its event head, which every event of it counts on. The
-- trigger below calls it.
CREATE OR REPLACE FUNCTION pytake_tenant_head_add() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tenant_event_head (tenant_id) VALUES (NEW.id);
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER tenant_head_add AFTER INSERT ON tenants
    FOR EACH ROW EXECUTE FUNCTION pytake_tenant_head_add();

-- pytake_name_fold(): what two names are compared by: one form of each
-- character, no blanks around, one within, no case. Called by the check below
-- and by the commands that look a tenant up by its name. The database's own
-- collation may not know the case of letters beyond ASCII; ICU's does, where
-- the server has it.
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

-- Refuses a name that another tenant has. A trigger and not an index: tenants
-- of before that are called the same stay, until somebody renames one of them.
-- Names change one at a time, so that two at once do not miss each other. It
-- looks at all tenants as pytake_lookup, whoever changes the name: pytake_app
-- sees its own alone. A name that is written as it was is no new one, and a
-- twin of before may keep it.
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
-- Whoever gets a function must have CREATE at that moment.
GRANT CREATE ON SCHEMA public TO pytake_lookup;
ALTER FUNCTION pytake_tenant_name_check() OWNER TO pytake_lookup;
REVOKE CREATE ON SCHEMA public FROM pytake_lookup;

-- A time zone by its name in the IANA database, or 22023: called by
-- settings_patch. What PostgreSQL can compute with is looked at first, for that
-- reads one file and the view reads over a thousand (50 ms); but offsets and
-- abbreviations are among it, which are in no list of names. The view's names
-- that begin with a small letter are the system's own ("posix/Etc/UTC").
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
