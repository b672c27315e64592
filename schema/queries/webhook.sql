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

-- Notices of a new number or id: $1 phones, $2 bsuids, $3 names, $4 wa_ids,
-- $5 usernames, $6 ids for new contacts, $7 new phones, $8 new bsuids, $9 the
-- messages that say it.
-- name: contacts_link
-- params: text[] text[] text[] text[] text[] uuid[] text[] text[] uuid[]
SELECT pytake_contacts_link($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- One entry a status: $1 wamids, $2 our ids (biz_opaque_callback_data; nil:
-- none), $3 statuses as said, $4 when, $5 raw, $6 what of ours they mean
-- (sent failed delivered read; NULL: nothing), $7 errors (JSON or NULL),
-- $8 templates, $9 event ids; $10 now.
-- name: ingest_statuses
-- params: text[] uuid[] text[] timestamptz[] text[] text[] text[] text[] uuid[] timestamptz
-- columns: seq frame
SELECT seq, frame
FROM pytake_statuses($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);
