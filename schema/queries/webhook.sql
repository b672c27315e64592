-- Ingest: set-based, one batch a tenant.  Arrays are parallel; the core has
-- cleaned, folded and sorted them (docs/webhook.md).

-- name: wa_numbers_find
-- params: text[]
-- columns: phone_number_id tenant_id config_id
SELECT phone_number_id, tenant_id, config_id FROM pytake_numbers_find($1);

-- id, received at, request id, body, summary
-- name: raw_add
-- params: uuid timestamptz text bytea text
INSERT INTO webhook_raw (id, received_at, request_id, body, summary)
VALUES ($1, $2, $3, $4, $5::jsonb);

-- item hashes, paths, codes, details, items (text), raw id, received at
-- name: webhook_error_add
-- params: text[] text[] text[] text[] text[] uuid timestamptz
INSERT INTO webhook_errors (tenant_id, item_hash, raw_id, path, code,
    detail, item, received_at)
SELECT pytake_tenant(), decode(t.hash, 'hex'), $6, t.path, t.code, t.detail,
       convert_to(t.item, 'UTF8'), $7
FROM unnest($1, $2, $3, $4, $5) AS t(hash, path, code, detail, item)
ORDER BY t.hash
ON CONFLICT DO NOTHING;

-- Threads (a sender and a number; distinct, sorted): $1 phones, $2 bsuids,
-- $3 names, $4 wa_ids, $5 usernames, $6 ids for new contacts, $7 numbers'
-- ids, $8 ids for new conversations.  Messages, in batch order: $9 ids,
-- $10 threads (from 1), $11 created at, $12 types, $13 contents,
-- $14 previews, $15 wamids, $16 metadata, $17 quoted wamids, $18 templates,
-- $19 event ids; $20 now.
-- name: ingest_messages
-- params: text[] text[] text[] text[] text[] uuid[] uuid[] uuid[] uuid[] int4[] timestamptz[] text[] text[] text[] text[] text[] text[] text[] uuid[] timestamptz
-- columns: seq frame
SELECT seq, frame FROM pytake_ingest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
    $11, $12, $13, $14, $15, $16, $17, $18, $19, $20);

-- Every receipt is kept, once; those of messages not (yet) ours with no
-- message.  One entry a status: wamids, our ids (biz_opaque_callback_data,
-- NULL when absent), statuses as said, when, raw; now
-- name: receipts_add
-- params: text[] uuid[] text[] timestamptz[] text[] timestamptz
INSERT INTO message_receipts (tenant_id, whatsapp_message_id, status,
    occurred_at, message_id, raw, received_at)
SELECT pytake_tenant(), t.wamid, t.status, t.occurred_at,
       coalesce(o.id, w.id), t.raw::jsonb, $6
FROM unnest($1, $2, $3, $4, $5)
     AS t(wamid, ours, status, occurred_at, raw)
LEFT JOIN LATERAL (
    SELECT m.id FROM messages m
    WHERE m.tenant_id = pytake_tenant() AND m.id = t.ours
) o ON true
LEFT JOIN LATERAL (
    SELECT m.id FROM messages m
    WHERE m.tenant_id = pytake_tenant() AND m.whatsapp_message_id = t.wamid
    ORDER BY m.id DESC LIMIT 1
) w ON o.id IS NULL
ORDER BY t.wamid, t.status, t.occurred_at
ON CONFLICT DO NOTHING;

-- Moves messages up, never down; one event a message that moved, for the
-- highest of its statuses in the batch.  Settles the outbox row of a message
-- whose call had no known outcome.  Marks: chr(1) conversation id, chr(4)
-- seq, chr(5) message id.
-- $1 wamids, $2 our ids, $3 statuses (ours: sent failed delivered read),
-- $4 errors (JSON or NULL), $5 templates, $6 event ids, $7 now
-- name: status_apply
-- params: text[] uuid[] text[] text[] text[] uuid[] timestamptz
-- columns: seq frame
WITH t AS (
    SELECT * FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY
    AS t(wamid, ours, status, error, template, event_id, ord)
), f AS (
    SELECT DISTINCT ON (coalesce(o.id, w.id)) t.*,
           coalesce(o.id, w.id) AS message_id
    FROM t
    LEFT JOIN LATERAL (
        SELECT m.id FROM messages m
        WHERE m.tenant_id = pytake_tenant() AND m.id = t.ours
    ) o ON true
    LEFT JOIN LATERAL (
        SELECT m.id FROM messages m
        WHERE m.tenant_id = pytake_tenant()
          AND m.whatsapp_message_id = t.wamid
        ORDER BY m.id DESC LIMIT 1
    ) w ON o.id IS NULL
    WHERE coalesce(o.id, w.id) IS NOT NULL
    ORDER BY coalesce(o.id, w.id), pytake_status_rank(t.status) DESC, t.ord
), l AS (
    SELECT m.id FROM messages m JOIN f ON f.message_id = m.id
    WHERE m.tenant_id = pytake_tenant() AND m.sender_type <> 'contact'
    ORDER BY m.id FOR NO KEY UPDATE OF m
), u AS (
    UPDATE messages m
    SET status = f.status, error = f.error::jsonb,
        whatsapp_message_id = coalesce(m.whatsapp_message_id, f.wamid)
    FROM f JOIN l ON l.id = f.message_id
    WHERE m.tenant_id = pytake_tenant() AND m.id = f.message_id
      AND pytake_status_rank(f.status) > pytake_status_rank(m.status)
    RETURNING m.id, m.conversation_id, f.template, f.event_id, f.ord
), o AS (
    DELETE FROM outbox x USING u
    WHERE x.tenant_id = pytake_tenant() AND x.message_id = u.id
), h AS (
    UPDATE tenant_event_head
    SET seq = seq + (SELECT count(*) FROM u),
        id = (SELECT u.event_id FROM u ORDER BY u.ord DESC LIMIT 1)
    WHERE tenant_id = pytake_tenant() AND (SELECT count(*) FROM u) > 0
    RETURNING tenant_id, seq
)
INSERT INTO event_log (tenant_id, seq, id, created_at, event,
    conversation_id, frame)
SELECT h.tenant_id,
       h.seq - (SELECT count(*) FROM u)
           + row_number() OVER (ORDER BY u.ord),
       u.event_id, $7, 'message_status_updated', u.conversation_id,
       replace(replace(replace(u.template, chr(4),
           (h.seq - (SELECT count(*) FROM u)
            + row_number() OVER (ORDER BY u.ord))::text),
           chr(1), u.conversation_id::text), chr(5), u.id::text)
FROM h, u
RETURNING seq, frame;
