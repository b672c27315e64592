-- The settings of a tenant, which its own people may change.  Every tenant has
-- them once, so there is no id.

-- fragment: settings
-- columns: name:text locale:text? time_zone:text? updated_at:time version:int
name, locale, time_zone, updated_at, version;

-- name: settings_get
-- columns: @settings
SELECT @settings FROM tenants WHERE id = pytake_tenant();

-- Changes settings.  A time zone that stays is not looked up again: it was
-- good, and looking it up is slow (pytake_time_zone()).
-- name: settings_patch
-- params: now:time if_match:int? has_name:bool name:text?
-- params: has_time_zone:bool time_zone:text?
-- columns: @settings
-- writes: settings updated
-- refuses: 23505 name taken
-- refuses: 22023 time_zone invalid
UPDATE tenants SET @patch(locale),
    name = CASE WHEN $has_name THEN btrim($name) ELSE name END,
    time_zone = CASE WHEN NOT $has_time_zone OR time_zone = $time_zone
        THEN time_zone ELSE pytake_time_zone($time_zone) END,
    updated_at = $now, version = version + 1
WHERE id = pytake_tenant()
  AND ($if_match::int4 IS NULL OR version = $if_match)
RETURNING @settings;
