-- Idempotency-Key.

-- A racing twin waits here for the first one's commit.  A key that is over
-- its time is free again.
-- scope, key, kept since
-- name: idem_lock
-- params: text text timestamptz
-- columns: locked
WITH d AS (
    DELETE FROM idempotency_keys
    WHERE tenant_id = pytake_tenant() AND scope = $1 AND key = $2
      AND created_at <= $3
)
SELECT pg_advisory_xact_lock(hashtextextended(
    pytake_tenant()::text || ' ' || $1 || ' ' || $2, 7305810)) IS NULL;

-- A repeated key fails with 23505 and takes the batch back.  witness: this
-- batch's last event; without it nothing was done and nothing is kept.
-- scope, key, body hash, status, location, response, when, witness
-- name: idem_store
-- params: text text bytea int4 text text timestamptz uuid
-- refuses: 23505
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

-- An answer that only SQL knows: the conversation as it is now, 201 when it
-- is the one that this batch made.
-- $1 scope, $2 key, $3 body hash, $4 the new id, $5 location prefix, $6 when,
-- $7 contact, $8 number
-- name: idem_store_conv
-- params: text text bytea uuid text timestamptz uuid uuid
-- columns: response
-- refuses: 23505
INSERT INTO idempotency_keys (tenant_id, scope, key, body_hash, status,
    location, response, created_at)
SELECT c.tenant_id, $1, $2, $3, CASE WHEN c.id = $4 THEN 201 ELSE 200 END,
       CASE WHEN c.id = $4 THEN $5 || c.id::text END,
       pytake_conv_json(c.id), $6
FROM conversations c
WHERE c.tenant_id = pytake_tenant() AND c.contact_id = $7
  AND c.whatsapp_config_id = $8 AND c.status <> 'closed'
RETURNING response;
