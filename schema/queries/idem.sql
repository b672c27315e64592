-- Idempotency-Key.

-- A racing twin waits here for the first one's commit.
-- name: idem_lock
-- params: text text
-- columns: locked
SELECT pg_advisory_xact_lock(hashtextextended(
    pytake_tenant()::text || ' ' || $1 || ' ' || $2, 7305810)) IS NULL;

-- A repeated key fails with 23505 and takes the batch back.  witness: this
-- batch's last event; without it nothing was done and nothing is kept.
-- scope, key, body hash, status, location, response, when, witness
-- name: idem_store
-- params: text text bytea int4 text text timestamptz uuid
INSERT INTO idempotency_keys (tenant_id, scope, key, body_hash, status,
    location, response, created_at)
SELECT h.tenant_id, $1, $2, $3, $4, $5, $6, $7
FROM tenant_event_head h
WHERE h.tenant_id = pytake_tenant() AND h.id = $8;

-- name: idem_get
-- params: text text timestamptz
-- columns: body_hash status location response
SELECT body_hash, status, location, response FROM idempotency_keys
WHERE tenant_id = pytake_tenant() AND scope = $1 AND key = $2
  AND created_at > $3;

-- An answer whose body only SQL knows: the conversation as it is now.
-- scope, key, body hash, status, location prefix, when, conversation
-- name: idem_store_conv
-- params: text text bytea int4 text timestamptz uuid uuid
-- columns: response
INSERT INTO idempotency_keys (tenant_id, scope, key, body_hash, status,
    location, response, created_at)
SELECT c.tenant_id, $1, $2, $3, $4,
       CASE WHEN $4 = 201 THEN $5 || c.id::text END,
       pytake_conv_json(c.id), $6
FROM conversations c
WHERE c.contact_id = $7 AND c.whatsapp_config_id = $8
  AND c.status <> 'closed'
RETURNING response;
