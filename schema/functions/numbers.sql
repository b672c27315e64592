-- Finds whose a phone number of WhatsApp is.

-- Gives the tenants of the phone numbers that a webhook body names. No tenant
-- is entered yet, so this function sees all of them, as pytake_lookup. Called
-- by wa_numbers_find. A number that was removed keeps no id that WhatsApp
-- could send.
CREATE OR REPLACE FUNCTION pytake_numbers_find(p_numbers text[])
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

REVOKE ALL ON FUNCTION pytake_numbers_find(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pytake_numbers_find(text[])
    TO pytake_app, pytake_service;
-- PostgreSQL demands that the new owner of a function has CREATE on its schema
-- at that moment.
GRANT CREATE ON SCHEMA public TO pytake_lookup;
ALTER FUNCTION pytake_numbers_find(text[]) OWNER TO pytake_lookup;
REVOKE CREATE ON SCHEMA public FROM pytake_lookup;
