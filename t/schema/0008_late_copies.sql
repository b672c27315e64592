-- 0008 late copies: a body that comes again takes no name and no number back
-- that its sender has changed since.

-- As before, but a sender is looked at for the sake of new messages alone.
CREATE OR REPLACE FUNCTION pytake_ingest_many(
    p_phones text[], p_bsuids text[], p_names text[], p_wa_ids text[],
    p_usernames text[], p_contact_ids uuid[], p_configs uuid[],
    p_conv_ids uuid[],
    p_ids uuid[], p_threads integer[], p_created timestamptz[],
    p_types text[], p_contents text[], p_previews text[], p_wamids text[],
    p_metadata text[], p_quoted text[], p_templates text[],
    p_events uuid[], p_now timestamptz)
    RETURNS TABLE (seq bigint, frame text) LANGUAGE plpgsql
    SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    tid        uuid := pytake_tenant();
    who        uuid[];    -- contact of a thread
    convs      uuid[];    -- its open conversation
    todo       integer[]; -- threads whose sender is not known as it is now
    replies    uuid[];    -- what a message quotes
    cnt        integer;   -- messages that are new
    told       integer;
    ords       integer[]; -- their places, ascending; NULL: all
    g_ids      uuid[];    -- conversations with new messages:
    g_counts   integer[]; -- how many a person wrote
    g_windows  timestamptz[]; -- the last one of those
    g_times    timestamptz[]; -- the last one of all
    g_previews text[];
BEGIN
    SELECT array_agg(x.contact_id), array_agg(x.conversation_id),
           array_agg(x.ord) FILTER (WHERE x.news)
    INTO who, convs, todo
    FROM (
        SELECT s.ord, w.contact_id, v.id AS conversation_id,
               c.id IS NULL
               OR (s.phone IS NOT NULL AND p.contact_id IS NULL)
               OR (s.bsuid IS NOT NULL AND b.contact_id IS NULL)
               OR s.name <> c.profile_name
               OR (s.wa_id IS NOT NULL AND s.wa_id IS DISTINCT FROM c.wa_id)
               OR (s.username IS NOT NULL
                   AND s.username IS DISTINCT FROM c.username) AS news
        FROM unnest(p_phones, p_bsuids, p_names, p_wa_ids, p_usernames,
                    p_configs) WITH ORDINALITY
             AS s(phone, bsuid, name, wa_id, username, config_id, ord)
        LEFT JOIN LATERAL (
            SELECT i.contact_id FROM contact_identities i
            WHERE i.tenant_id = tid AND i.kind = 'bsuid'
              AND i.value = s.bsuid OFFSET 0) b ON true
        LEFT JOIN LATERAL (
            SELECT i.contact_id FROM contact_identities i
            WHERE i.tenant_id = tid AND i.kind = 'phone'
              AND i.value = s.phone OFFSET 0) p ON true
        CROSS JOIN LATERAL (
            -- not coalesce(): below row security it would lose the index
            SELECT CASE WHEN b.contact_id IS NULL THEN p.contact_id
                        ELSE b.contact_id END AS contact_id OFFSET 0) w
        LEFT JOIN LATERAL (
            SELECT k.id, k.profile_name, k.wa_id, k.username
            FROM contacts k
            WHERE k.tenant_id = tid AND k.id = w.contact_id OFFSET 0) c
            ON true
        LEFT JOIN LATERAL (
            SELECT o.id FROM conversations o
            WHERE o.tenant_id = tid AND o.contact_id = c.id
              AND o.whatsapp_config_id = s.config_id
              AND o.status <> 'closed' OFFSET 0) v ON true
        ORDER BY s.ord) x;

    -- What was stored before says nothing of its sender now.
    IF todo IS NOT NULL THEN
        todo := (
            SELECT array_agg(DISTINCT u.thread)
            FROM unnest(p_ids, p_threads) AS u(id, thread)
            WHERE u.thread = ANY (todo)
              AND (SELECT m.id FROM messages m
                   WHERE m.tenant_id = tid AND m.id = u.id) IS NULL);
    END IF;

    IF todo IS NOT NULL THEN
        who := pytake_contacts_resolve(p_phones, p_bsuids, p_names,
            p_wa_ids, p_usernames, p_contact_ids, todo, who);
    END IF;

    IF array_position(convs, NULL) IS NOT NULL THEN
        convs := pytake_threads_open(who, p_configs, p_conv_ids, convs,
            p_ids, p_threads, p_now);
    END IF;

    -- One order for all: conversations (by id) before messages.
    PERFORM c.id FROM conversations c
    WHERE c.tenant_id = tid AND c.id = ANY (convs)
    ORDER BY c.id FOR NO KEY UPDATE;

    IF cardinality(array_remove(p_quoted, NULL)) > 0 THEN
        replies := ARRAY(
            SELECT CASE WHEN q.wamid IS NOT NULL THEN coalesce(
                pytake_message_of(q.wamid),
                p_ids[array_position(p_wamids, q.wamid)]) END
            FROM unnest(p_quoted) WITH ORDINALITY AS q(wamid, ord)
            ORDER BY q.ord);
    END IF;

    INSERT INTO messages (tenant_id, id, conversation_id, sender_type,
        content, message_type, whatsapp_message_id, status, metadata,
        reply_to, created_at, received_at)
    SELECT tid, t.id, convs[t.thread], 'contact', t.content, t.type,
           t.wamid, 'delivered', t.metadata::jsonb, replies[t.ord],
           t.created_at, p_now
    FROM unnest(p_ids, p_threads, p_created, p_types, p_contents, p_wamids,
                p_metadata) WITH ORDINALITY
         AS t(id, thread, created_at, type, content, wamid, metadata, ord)
    WHERE convs[t.thread] IS NOT NULL
    ORDER BY t.id
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS cnt = ROW_COUNT;

    IF cnt = 0 THEN
        RETURN;
    END IF;

    IF cnt < cardinality(p_ids) THEN -- ours are those of this transaction
        ords := ARRAY(
            SELECT t.ord FROM unnest(p_ids) WITH ORDINALITY AS t(id, ord)
            WHERE (SELECT m.xmin FROM messages m
                   WHERE m.tenant_id = tid AND m.id = t.id)
                  = pg_current_xact_id()::xid
            ORDER BY t.ord);
    END IF;

    SELECT array_agg(g.id), array_agg(g.fresh), array_agg(g.heard_at),
           array_agg(g.last_at), array_agg(g.preview)
    INTO g_ids, g_counts, g_windows, g_times, g_previews
    FROM (
        SELECT convs[p_threads[t.ord]] AS id,
               count(*) FILTER (WHERE p_types[t.ord] <> 'system')::integer
                   AS fresh,
               max(p_created[t.ord]) FILTER (WHERE p_types[t.ord]
                   <> 'system') AS heard_at,
               max(p_created[t.ord]) AS last_at,
               (array_agg(p_previews[t.ord] ORDER BY
                   p_created[t.ord] DESC, t.ord DESC))[1] AS preview
        FROM unnest(coalesce(ords, ARRAY(
                 SELECT generate_series(1, cnt)))) AS t(ord)
        GROUP BY 1) g;

    RETURN QUERY
    WITH u AS (
        UPDATE conversations c
        SET (unread_count, last_message, last_message_time, activity_at,
             window_expires_at, status, updated_at) = (
            SELECT c.unread_count + g_counts[x.i],
                   CASE WHEN c.last_message_time > g_times[x.i]
                        THEN c.last_message ELSE g_previews[x.i] END,
                   greatest(c.last_message_time, g_times[x.i]),
                   greatest(c.activity_at, g_times[x.i]),
                   greatest(c.window_expires_at,
                            g_windows[x.i] + interval '24 hours'),
                   CASE WHEN c.status = 'snoozed' THEN 'active'
                        ELSE c.status END,
                   p_now
            FROM (SELECT array_position(g_ids, c.id) AS i OFFSET 0) x)
        WHERE c.tenant_id = tid AND c.id = ANY (g_ids)
          AND c.status <> 'closed'
        RETURNING c.id, (
            SELECT pytake_conv_brief(c.id, c.contact_id, k.name, k.phone,
                c.status, c.unread_count, c.last_message,
                c.last_message_time, c.assigned_to, c.window_expires_at)
            FROM contacts k
            WHERE k.tenant_id = tid AND k.id = c.contact_id) AS brief
    ), h AS (
        UPDATE tenant_event_head h
        SET seq = h.seq + cnt, id = p_events[coalesce(ords[cnt], cnt)]
        WHERE h.tenant_id = tid AND (SELECT count(*) FROM u) > 0
        RETURNING h.seq
    )
    INSERT INTO event_log (tenant_id, seq, id, created_at, event,
        conversation_id, frame)
    SELECT tid, h.seq - cnt + e.n, p_events[e.ord], p_now,
           'message_received', u.id,
           replace(replace(replace(replace(p_templates[e.ord],
               chr(4), (h.seq - cnt + e.n)::text), chr(1), u.id::text),
               chr(2), coalesce('"' || replies[e.ord]::text || '"', 'null')),
               chr(3), u.brief)
    FROM h, (SELECT n, coalesce(ords[n], n) AS ord
             FROM generate_series(1, cnt) AS n OFFSET 0) e
    JOIN u ON u.id = convs[p_threads[e.ord]]
    ORDER BY e.n
    RETURNING seq, frame;
    GET DIAGNOSTICS told = ROW_COUNT;

    IF told <> cnt THEN
        RAISE EXCEPTION 'a conversation closed meanwhile'
            USING ERRCODE = '40001';
    END IF;
END $$;

-- As before, but for notices that are new: p_ids are their messages'.  The
-- one without stays for workers of before.
CREATE FUNCTION pytake_contacts_link(p_phones text[], p_bsuids text[],
    p_names text[], p_wa_ids text[], p_usernames text[], p_new_ids uuid[],
    p_next_phones text[], p_next_bsuids text[], p_ids uuid[])
    RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    FOR i IN 1 .. cardinality(p_ids) LOOP
        IF NOT EXISTS (SELECT FROM messages m
                       WHERE m.tenant_id = pytake_tenant()
                         AND m.id = p_ids[i])
        THEN
            PERFORM pytake_contacts_link(p_phones[i:i], p_bsuids[i:i],
                p_names[i:i], p_wa_ids[i:i], p_usernames[i:i],
                p_new_ids[i:i], p_next_phones[i:i], p_next_bsuids[i:i]);
        END IF;
    END LOOP;
END $$;
