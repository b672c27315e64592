-- 0014 settings: what of a tenant its own people may change.  "version" is
-- raised by every write: the settings' ETag.

ALTER TABLE tenants
    ADD COLUMN locale text, -- the inbox's, of those who chose none
    ADD COLUMN time_zone text, -- by the names of the IANA database
    ADD COLUMN version integer NOT NULL DEFAULT 1;

-- Of its own tenant alone (rls.sql), and never the status.
GRANT UPDATE (name, locale, time_zone, version) ON tenants TO pytake_app;
