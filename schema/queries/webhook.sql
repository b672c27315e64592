-- The statements that ingest a webhook body, one batch for each tenant.  They
-- take parallel arrays, which the core has cleaned, folded and sorted
-- (docs/webhook.md).

-- name: wa_numbers_find
-- params: numbers:text[]
-- columns: phone_number_id:text tenant_id:uuid config_id:uuid
SELECT phone_number_id, tenant_id, config_id
FROM pytake_numbers_find($numbers);

-- name: raw_add
-- params: id:uuid received_at:time request_id:text body:bytes summary:text
INSERT INTO webhook_raw (id, received_at, request_id, body, summary)
VALUES ($id, $received_at, $request_id, $body, $summary::jsonb);

-- name: webhook_error_add
-- params: hashes:text[] paths:text[] codes:text[] details:text[] items:text[]
-- params: raw_id:uuid received_at:time
INSERT INTO webhook_errors (tenant_id, item_hash, raw_id, path, code,
    detail, item, received_at)
SELECT pytake_tenant(), decode(t.hash, 'hex'), $raw_id, t.path, t.code,
       t.detail, convert_to(t.item, 'UTF8'), $received_at
FROM unnest($hashes, $paths, $codes, $details, $items)
    AS t(hash, path, code, detail, item)
ORDER BY t.hash
ON CONFLICT DO NOTHING;

-- Stores messages.  A thread is a sender and a number; threads are distinct
-- and sorted, and the arrays from phones to usernames describe their senders.
-- contact_ids are for new contacts, config_ids are the numbers' ids, and
-- conversation_ids are for new conversations.  The messages follow in the
-- body's order, and threads names the thread of each, from 1 on.
-- name: ingest_messages
-- params: phones:text[] bsuids:text[] names:text[] wa_ids:text[]
-- params: usernames:text[] contact_ids:uuid[] config_ids:uuid[]
-- params: conversation_ids:uuid[] ids:uuid[] threads:int[] created_at:time[]
-- params: types:text[] contents:text[] previews:text[] wamids:text[]
-- params: metadata:text[] quoted:text[] frames:text[] event_ids:uuid[]
-- params: now:time
-- columns: seq:big frame:text
SELECT seq, frame
FROM pytake_ingest($phones, $bsuids, $names, $wa_ids, $usernames,
    $contact_ids, $config_ids, $conversation_ids, $ids, $threads, $created_at,
    $types, $contents, $previews, $wamids, $metadata, $quoted, $frames,
    $event_ids, $now);

-- Stores notices of a new number or id.  contact_ids are for new contacts, and
-- message_ids are the messages that bring the notices.
-- name: contacts_link
-- params: phones:text[] bsuids:text[] names:text[] wa_ids:text[]
-- params: usernames:text[] contact_ids:uuid[] new_phones:text[]
-- params: new_bsuids:text[] message_ids:uuid[]
SELECT pytake_contacts_link($phones, $bsuids, $names, $wa_ids, $usernames,
    $contact_ids, $new_phones, $new_bsuids, $message_ids);

-- Stores statuses, one entry each.  ours are our ids
-- (biz_opaque_callback_data; nil: none); statuses are in WhatsApp's words;
-- moves are the statuses that our messages get by them (sent, failed,
-- delivered, read; NULL: none); errors are JSON or NULL.
-- name: ingest_statuses
-- params: wamids:text[] ours:uuid[] statuses:text[] at:time[] raw:text[]
-- params: moves:text[] errors:text[] frames:text[] event_ids:uuid[] now:time
-- columns: seq:big frame:text
SELECT seq, frame
FROM pytake_statuses($wamids, $ours, $statuses, $at, $raw, $moves, $errors,
    $frames, $event_ids, $now);
