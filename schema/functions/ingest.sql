-- Stores the messages of a webhook body. docs/webhook.md explains both ways of
-- doing it.
-- needs: contacts.sql conversation.sql message.sql

-- Opens the conversations that are missing for new messages; a message that is
-- stored already opens none. It gives the conversation of each thread. Called
-- by pytake_ingest_many(). It raises 40001 when somebody closed a conversation
-- meanwhile, at which the core sends the batch again.
CREATE OR REPLACE FUNCTION pytake_threads_open(p_contacts uuid[],
    p_configs uuid[], p_new_ids uuid[], p_found uuid[], p_ids uuid[],
    p_threads integer[], p_now timestamptz)
    RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
    tid    uuid := pytake_tenant();
    t      integer;
    found_ uuid;
    result uuid[] := p_found;
BEGIN
    FOR t IN
        SELECT u.thread FROM unnest(p_ids, p_threads) AS u(id, thread)
        WHERE p_found[u.thread] IS NULL
          AND NOT EXISTS (SELECT 1 FROM messages m
                          WHERE m.tenant_id = tid AND m.id = u.id)
        GROUP BY u.thread
        ORDER BY p_contacts[u.thread], p_configs[u.thread]
    LOOP
        INSERT INTO conversations (tenant_id, id, contact_id,
            whatsapp_config_id, activity_at, created_at, updated_at)
        VALUES (tid, p_new_ids[t], p_contacts[t], p_configs[t], p_now,
            p_now, p_now)
        ON CONFLICT (tenant_id, contact_id, whatsapp_config_id)
            WHERE status <> 'closed' DO NOTHING;

        SELECT c.id INTO found_ FROM conversations c
        WHERE c.tenant_id = tid AND c.contact_id = p_contacts[t]
          AND c.whatsapp_config_id = p_configs[t] AND c.status <> 'closed';

        IF NOT FOUND THEN
            RAISE EXCEPTION 'a conversation closed meanwhile'
                USING ERRCODE = '40001';
        END IF;

        result[t] := found_;
    END LOOP;

    RETURN result;
END $$;

-- Stores any number of messages of one body, which pytake_ingest() hands on.
-- There are two groups of parallel arrays: threads (a sender and a number,
-- with ids for a contact and a conversation that may have to be made) and
-- messages, which name their thread, from 1 on. A sender is looked at for new
-- messages only. No join reaches a table here, so that each row is found by
-- its key, whatever the statistics say.
--
-- In a template chr(1) stands for the conversation's id, chr(2) for reply_to
-- as JSON, chr(3) for the conversation and chr(4) for the seq.
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
    who        uuid[];    -- the contact of each thread
    convs      uuid[];    -- the open conversation of each thread
    todo       integer[]; -- threads whose sender has to be updated
    replies    uuid[];    -- what each message quotes
    cnt        integer;   -- how many messages are new
    told       integer;
    ords       integer[]; -- the places of those, ascending; NULL: all
    g_ids      uuid[];    -- conversations with new messages
    g_counts   integer[]; -- how many of each a person wrote
    g_windows  timestamptz[]; -- when a person wrote last
    g_times    timestamptz[]; -- the time of the last message of each
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
            -- coalesce() would lose the index here, below row security.
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

    -- A message that was stored before says nothing of its sender now.
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

    -- Everybody takes locks in one order: conversations, by id, and then
    -- messages.
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

    -- New messages are those that this transaction inserted.
    IF cnt < cardinality(p_ids) THEN
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

-- Stores the messages of a body: contacts, conversations, messages, and one
-- event for each new message, in the body's order. Called by ingest_messages.
-- Most bodies have one message, of a contact that is known and has an open
-- conversation. Such a one is stored here by statements of one row, because
-- most of what arrays of one element cost is the start of the executor.
-- Everything else goes to pytake_ingest_many(). Both must do the same;
-- t/e2e/webhook.py compares them.
CREATE OR REPLACE FUNCTION pytake_ingest(
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
    tid       uuid := pytake_tenant();
    -- Subscripts within statements would cost time at the start of each.
    phone_    text := p_phones[1];
    bsuid_    text := p_bsuids[1];
    name_     text := p_names[1];
    wa_id_    text := p_wa_ids[1];
    username_ text := p_usernames[1];
    config_   uuid := p_configs[1];
    id_       uuid := p_ids[1];
    at_       timestamptz := p_created[1];
    type_     text := p_types[1];
    content_  text := p_contents[1];
    preview_  text := p_previews[1];
    wamid_    text := p_wamids[1];
    quoted_   text := p_quoted[1];
    metadata_ text := p_metadata[1];
    event_    uuid := p_events[1];
    kind_     text := CASE WHEN bsuid_ IS NULL THEN 'phone'
                           ELSE 'bsuid' END;
    value_    text := coalesce(bsuid_, phone_);
    who       uuid; -- the contact that wrote
    conv      uuid;
    reply     uuid;
    brief     text;
BEGIN
    IF cardinality(p_ids) = 1 THEN
        SELECT k.id INTO who FROM contacts k
        WHERE k.tenant_id = tid AND k.id = (
            SELECT i.contact_id FROM contact_identities i
            WHERE i.tenant_id = tid AND i.kind = kind_
              AND i.value = value_)
          AND (name_ IS NULL OR name_ = k.profile_name)
          AND (wa_id_ IS NULL OR wa_id_ = k.wa_id)
          AND (username_ IS NULL OR username_ = k.username);

        IF FOUND AND (bsuid_ IS NULL OR phone_ IS NULL OR EXISTS (
            SELECT FROM contact_identities i
            WHERE i.tenant_id = tid AND i.kind = 'phone'
              AND i.value = phone_))
        THEN
            -- A conversation that is locked cannot be closed any more.
            SELECT c.id INTO conv FROM conversations c
            WHERE c.tenant_id = tid AND c.contact_id = who
              AND c.whatsapp_config_id = config_
              AND c.status <> 'closed' FOR NO KEY UPDATE;
        END IF;
    END IF;

    IF conv IS NULL THEN
        RETURN QUERY SELECT * FROM pytake_ingest_many(p_phones, p_bsuids,
            p_names, p_wa_ids, p_usernames, p_contact_ids, p_configs,
            p_conv_ids, p_ids, p_threads, p_created, p_types, p_contents,
            p_previews, p_wamids, p_metadata, p_quoted, p_templates,
            p_events, p_now);
        RETURN;
    END IF;

    IF quoted_ IS NOT NULL THEN
        reply := pytake_message_of(quoted_);
        IF reply IS NULL AND quoted_ = wamid_ THEN
            reply := id_;
        END IF;
    END IF;

    INSERT INTO messages (tenant_id, id, conversation_id, sender_type,
        content, message_type, whatsapp_message_id, status, metadata,
        reply_to, created_at, received_at)
    VALUES (tid, id_, conv, 'contact', content_, type_, wamid_, 'delivered',
        metadata_::jsonb, reply, at_, p_now)
    ON CONFLICT DO NOTHING;

    IF NOT FOUND THEN
        RETURN;
    END IF;

    UPDATE conversations c
    SET unread_count = c.unread_count + (type_ <> 'system')::integer,
        last_message = CASE WHEN c.last_message_time > at_
                            THEN c.last_message ELSE preview_ END,
        last_message_time = greatest(c.last_message_time, at_),
        activity_at = greatest(c.activity_at, at_),
        window_expires_at = CASE WHEN type_ = 'system'
            THEN c.window_expires_at
            ELSE greatest(c.window_expires_at, at_ + interval '24 hours')
            END,
        status = CASE WHEN c.status = 'snoozed' THEN 'active'
                      ELSE c.status END,
        updated_at = p_now
    WHERE c.tenant_id = tid AND c.id = conv
    RETURNING (
        SELECT pytake_conv_brief(c.id, c.contact_id, k.name, k.phone,
            c.status, c.unread_count, c.last_message, c.last_message_time,
            c.assigned_to, c.window_expires_at)
        FROM contacts k
        WHERE k.tenant_id = tid AND k.id = c.contact_id) INTO STRICT brief;

    UPDATE tenant_event_head h SET seq = h.seq + 1, id = event_
    WHERE h.tenant_id = tid RETURNING h.seq INTO STRICT seq;

    frame := replace(replace(replace(replace(p_templates[1],
        chr(4), seq::text), chr(1), conv::text),
        chr(2), coalesce('"' || reply::text || '"', 'null')),
        chr(3), brief);

    INSERT INTO event_log (tenant_id, seq, id, created_at, event,
        conversation_id, frame)
    VALUES (tid, seq, event_, p_now, 'message_received', conv, frame);

    RETURN NEXT;
END $$;
