-- The answers that are kept of requests with an Idempotency-Key.

-- Takes the lock of a key, at which a second request with the same key waits
-- for the first one's commit.  A key whose time is over is free again.
-- name: idem_lock
-- params: scope:text key:text kept_since:time
-- columns: locked:bool
WITH d AS (
    DELETE FROM idempotency_keys
    WHERE tenant_id = pytake_tenant() AND scope = $scope AND key = $key
      AND created_at <= $kept_since
)
SELECT pg_advisory_xact_lock(hashtextextended(
    pytake_tenant()::text || ' ' || $scope || ' ' || $key, 7305810)) IS NULL;

-- Keeps an answer.  A repeated key fails with 23505, and the batch rolls back.
-- $witness is this batch's last event; if it is not the tenant's newest, the
-- batch did nothing and nothing is kept.
-- name: idem_store
-- params: scope:text key:text body_hash:bytes status:int location:text?
-- params: response:text now:time witness:uuid
-- refuses: 23505
INSERT INTO idempotency_keys (tenant_id, scope, key, body_hash, status,
    location, response, created_at)
SELECT h.tenant_id, $scope, $key, $body_hash, $status, $location, $response,
       $now
FROM tenant_event_head h
WHERE h.tenant_id = pytake_tenant() AND h.id = $witness;

-- name: idem_get
-- params: scope:text key:text kept_since:time
-- columns: body_hash:bytes status:int location:text? response:text
SELECT body_hash, status, location, response FROM idempotency_keys
WHERE tenant_id = pytake_tenant() AND scope = $scope AND key = $key
  AND created_at > $kept_since;

-- Keeps an answer that only SQL knows: the conversation as it is now, with 201
-- when it is the one that this batch made.  $path stands before the id in
-- Location.
-- name: idem_store_conv
-- params: scope:text key:text body_hash:bytes id:uuid path:text now:time
-- params: contact_id:uuid config_id:uuid
-- columns: response:text
-- refuses: 23505
INSERT INTO idempotency_keys (tenant_id, scope, key, body_hash, status,
    location, response, created_at)
SELECT c.tenant_id, $scope, $key, $body_hash,
       CASE WHEN c.id = $id THEN 201 ELSE 200 END,
       CASE WHEN c.id = $id THEN $path || c.id::text END,
       pytake_conv_json(c.id), $now
FROM conversations c
WHERE c.tenant_id = pytake_tenant() AND c.contact_id = $contact_id
  AND c.whatsapp_config_id = $config_id AND c.status <> 'closed'
RETURNING response;
