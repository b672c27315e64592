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

-- One entry a distinct sender, sorted: phones, bsuids, names, wa_ids,
-- usernames, new contact ids
-- name: ingest_contacts
-- params: text[] text[] text[] text[] text[] uuid[]
SELECT pytake_contacts_resolve($1, $2, $3, $4, $5, $6);

-- One entry a message: ids, phones, bsuids, numbers' ids, new conversation
-- ids; now
-- name: ingest_conversations
-- params: uuid[] text[] text[] uuid[] uuid[] timestamptz
SELECT pytake_conversations_open($1, $2, $3, $4, $5, $6);

-- One entry a message, in batch order.  Inserts what is new, brings the
-- conversations up to date, writes one event a new message.  Marks of the
-- template: chr(1) conversation id, chr(2) reply_to as JSON, chr(3)
-- conversation, chr(4) seq.
-- $1 ids, $2 phones, $3 bsuids, $4 numbers' ids, $5 created at, $6 types,
-- $7 contents, $8 previews, $9 wamids, $10 metadata, $11 quoted wamids,
-- $12 templates, $13 event ids, $14 now
-- name: ingest_messages
-- params: uuid[] text[] text[] uuid[] timestamptz[] text[] text[] text[] text[] text[] text[] text[] uuid[] timestamptz
-- columns: seq frame
WITH t AS (
    SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
                         $13) WITH ORDINALITY
    AS t(id, phone, bsuid, config_id, created_at, message_type, content,
         preview, wamid, metadata, quoted, template, event_id, ord)
), r AS (
    SELECT t.*, c.id AS conversation_id, q.id AS reply_to
    FROM t
    CROSS JOIN LATERAL (SELECT pytake_contact_of(t.phone, t.bsuid)
                               AS contact_id OFFSET 0) k
    JOIN conversations c ON c.tenant_id = pytake_tenant()
         AND c.contact_id = k.contact_id
         AND c.whatsapp_config_id = t.config_id AND c.status <> 'closed'
    LEFT JOIN LATERAL (
        SELECT m.id FROM messages m
        WHERE m.tenant_id = pytake_tenant()
          AND m.whatsapp_message_id = t.quoted
        ORDER BY m.id DESC LIMIT 1
    ) q ON t.quoted IS NOT NULL
), ins AS (
    INSERT INTO messages (tenant_id, id, conversation_id, sender_type,
        content, message_type, whatsapp_message_id, status, metadata,
        reply_to, created_at, received_at)
    SELECT pytake_tenant(), r.id, r.conversation_id, 'contact', r.content,
           r.message_type, r.wamid, 'delivered', r.metadata::jsonb,
           r.reply_to, r.created_at, $14
    FROM r ORDER BY r.id
    ON CONFLICT DO NOTHING
    RETURNING id
), n AS (
    SELECT r.* FROM ins JOIN r ON r.id = ins.id
), g AS (
    SELECT n.conversation_id, count(*) AS cnt, max(n.created_at) AS last_at,
           (array_agg(n.preview ORDER BY n.created_at DESC, n.ord DESC))[1]
               AS preview
    FROM n GROUP BY n.conversation_id
), u AS (
    UPDATE conversations c
    SET unread_count = c.unread_count + g.cnt,
        last_message = CASE WHEN c.last_message_time > g.last_at
                            THEN c.last_message ELSE g.preview END,
        last_message_time = greatest(c.last_message_time, g.last_at),
        activity_at = greatest(c.activity_at, g.last_at),
        window_expires_at = greatest(c.window_expires_at,
                                     g.last_at + interval '24 hours'),
        status = CASE WHEN c.status = 'snoozed' THEN 'active'
                      ELSE c.status END,
        updated_at = $14
    FROM g
    WHERE c.tenant_id = pytake_tenant() AND c.id = g.conversation_id
    RETURNING c.*
), h AS (
    UPDATE tenant_event_head
    SET seq = seq + (SELECT count(*) FROM n),
        id = (SELECT n.event_id FROM n ORDER BY n.ord DESC LIMIT 1)
    WHERE tenant_id = pytake_tenant() AND (SELECT count(*) FROM u) > 0
    RETURNING seq
)
INSERT INTO event_log (tenant_id, seq, id, created_at, event,
    conversation_id, frame)
SELECT u.tenant_id,
       h.seq - (SELECT count(*) FROM n)
           + row_number() OVER (ORDER BY n.ord),
       n.event_id, $14, 'message_received', u.id,
       replace(replace(replace(replace(n.template, chr(4),
           (h.seq - (SELECT count(*) FROM n)
            + row_number() OVER (ORDER BY n.ord))::text),
           chr(1), u.id::text),
           chr(2), coalesce('"' || n.reply_to::text || '"', 'null')),
           chr(3), pytake_conv_brief(u.id, u.contact_id, k.name, k.phone,
               u.status, u.unread_count, u.last_message,
               u.last_message_time, u.assigned_to, u.window_expires_at))
FROM h, n
JOIN u ON u.id = n.conversation_id
JOIN contacts k ON k.tenant_id = u.tenant_id AND k.id = u.contact_id
RETURNING seq, frame;

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
) o ON t.ours IS NOT NULL
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
    ) o ON t.ours IS NOT NULL
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
