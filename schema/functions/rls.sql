-- Row security: who sees which rows of which table, all of it in one place.
-- docs/schema.md ("Who may see what") explains the roles. A table's migration
-- enables row security, so that a table which is not named here shows its rows
-- to nobody but its owner; FORCE and the policies are put here.
--
-- A policy that is as it should be is left alone, because every change of one
-- locks its table against everybody. Expressions are written as PostgreSQL
-- prints them, so that they can be compared. A policy that shall go is dropped
-- by a migration (DROP POLICY IF EXISTS).

DO $do$
DECLARE
    -- This is the tenant that the transaction entered. A setting that was used
    -- once resets to '' and not to NULL.
    entered CONSTANT text := $$(NULLIF(current_setting($$
        || $$'pytake.tenant_id'::text, true), ''::text))::uuid$$;
    ours CONSTANT text := '(tenant_id = ' || entered || ')';
    own  CONSTANT text := '(id = ' || entered || ')'; -- of tenants
    w record; -- what is wanted
    h record; -- what the database has
BEGIN
    FOR w IN
        WITH kept(rel, tenants) AS (VALUES
            -- Each row is a table, and whether pytake_app sees its tenant's
            -- rows of it.
            ('audit_log', true),
            ('contact_identities', true),
            ('contacts', true),
            ('conversation_tags', true),
            ('conversations', true),
            ('event_log', true),
            ('idempotency_keys', true),
            ('login_networks', true),
            ('message_receipts', true),
            ('messages', true),
            ('outbox', true),
            ('quick_replies', true),
            ('refresh_tokens', false),
            ('sessions', true),
            ('tags', true),
            ('tenant_event_head', true),
            ('tenants', false),
            ('users', true),
            ('webhook_errors', true),
            ('webhook_raw', false),
            ('whatsapp_configs', true))
        , policies(rel, name, cmd, who, reads, writes) AS (
            -- The owner sees all rows, for migrations, foreign keys and
            -- backups.
            SELECT rel, 'owner_all', 'ALL', NULL, 'true', 'true' FROM kept
            UNION ALL
            -- So do the sidecar and the operator's commands.
            SELECT rel, 'service_all', 'ALL', 'pytake_service', 'true', 'true'
            FROM kept
            UNION ALL
            -- NGINX's workers see the rows of the tenant that they entered.
            SELECT rel, 'tenant_only', 'ALL', 'pytake_app', ours, ours
            FROM kept WHERE tenants
            UNION ALL VALUES
            -- A login locks its tenant's row (FOR SHARE), which needs a policy
            -- for UPDATE, and the tenant's settings are in it: the migrations
            -- grant UPDATE of their columns alone.
            ('tenants', 'tenant_only', 'SELECT', 'pytake_app', own, NULL),
            ('tenants', 'tenant_lock', 'UPDATE', 'pytake_app', own, own),
            -- NGINX's workers add raw bodies and new refresh tokens, and never
            -- read them.
            ('webhook_raw', 'app_add', 'INSERT', 'pytake_app', NULL, 'true'),
            ('refresh_tokens', 'app_add', 'INSERT', 'pytake_app', NULL, ours),
            -- The functions that look without a tenant see these rows
            -- (session.sql, numbers.sql).
            ('tenants', 'lookup_read', 'SELECT', 'pytake_lookup', 'true',
                NULL),
            ('users', 'lookup_read', 'SELECT', 'pytake_lookup', 'true', NULL),
            ('whatsapp_configs', 'lookup_read', 'SELECT', 'pytake_lookup',
                'true', NULL),
            ('login_networks', 'lookup_read', 'SELECT', 'pytake_lookup',
                'true', NULL),
            ('sessions', 'lookup_all', 'ALL', 'pytake_lookup', 'true',
                'true'),
            ('refresh_tokens', 'lookup_all', 'ALL', 'pytake_lookup', 'true',
                'true'))
        SELECT c.oid, p.rel, c.relforcerowsecurity AS forced, p.name, p.cmd,
               coalesce(p.who, pg_get_userbyid(c.relowner)) AS who,
               coalesce(' USING (' || p.reads || ')', '')
               || coalesce(' WITH CHECK (' || p.writes || ')', '') AS rule,
               p.reads, p.writes
        FROM policies p
        JOIN pg_class c ON c.oid = ('public.' || p.rel)::regclass
        ORDER BY p.rel, p.name
    LOOP
        IF NOT w.forced AND w.name = 'owner_all' THEN
            EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY',
                w.rel);
        END IF;

        SELECT CASE p.polcmd WHEN '*' THEN 'ALL' WHEN 'r' THEN 'SELECT'
               WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
               ELSE 'DELETE' END AS cmd,
               p.polroles = ARRAY[quote_ident(w.who)::regrole::oid]
               AS same_role,
               pg_get_expr(p.polqual, p.polrelid) AS reads,
               pg_get_expr(p.polwithcheck, p.polrelid) AS writes
        INTO h FROM pg_policy p
        WHERE p.polrelid = w.oid AND p.polname = w.name;

        IF FOUND AND h.cmd = w.cmd AND (h.reads IS NULL) = (w.reads IS NULL)
            AND (h.writes IS NULL) = (w.writes IS NULL)
        THEN
            CONTINUE WHEN h.same_role AND h.reads IS NOT DISTINCT FROM w.reads
                AND h.writes IS NOT DISTINCT FROM w.writes;
            EXECUTE format('ALTER POLICY %I ON public.%I TO %I%s', w.name,
                w.rel, w.who, w.rule);
            CONTINUE;
        END IF;
        IF FOUND THEN -- ALTER cannot change what differs
            EXECUTE format('DROP POLICY %I ON public.%I', w.name, w.rel);
        END IF;
        EXECUTE format('CREATE POLICY %I ON public.%I FOR %s TO %I%s',
            w.name, w.rel, w.cmd, w.who, w.rule);
    END LOOP;
END $do$;
