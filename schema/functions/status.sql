-- Stores the statuses of a webhook body: receipts, and messages that move up.
-- needs: message.sql

-- Stores any number of statuses of one body, which pytake_statuses() hands on.
--
-- In a template chr(1) stands for the conversation's id, chr(4) for the seq
-- and chr(5) for the message's id.
CREATE OR REPLACE FUNCTION pytake_statuses_many(p_wamids text[], p_ours uuid[],
    p_said text[], p_times timestamptz[], p_raws text[], p_moves text[],
    p_errors text[], p_templates text[], p_events uuid[], p_now timestamptz)
    RETURNS TABLE (seq bigint, frame text) LANGUAGE plpgsql
    SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    tid   uuid := pytake_tenant();
    nil   CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
    s     record;
    known uuid[]; -- the message of each status
    conv  uuid;
    moved uuid[] := '{}';
    convs uuid[] := '{}';
    ords  integer[] := '{}';
    head  bigint;
BEGIN
    known := ARRAY(
        SELECT CASE WHEN t.ours <> nil THEN
                   (SELECT m.id FROM messages m
                    WHERE m.tenant_id = tid AND m.id = t.ours) END
        FROM unnest(p_ours) WITH ORDINALITY AS t(ours, ord)
        ORDER BY t.ord);

    IF array_position(known, NULL) IS NOT NULL THEN
        known := ARRAY(
            SELECT CASE WHEN t.id IS NULL THEN pytake_message_of(t.wamid)
                        ELSE t.id END
            FROM unnest(known, p_wamids) WITH ORDINALITY
                 AS t(id, wamid, ord)
            ORDER BY t.ord);
    END IF;

    INSERT INTO message_receipts (tenant_id, whatsapp_message_id, status,
        occurred_at, message_id, raw, received_at)
    SELECT tid, t.wamid, t.said, t.occurred_at, t.id, t.raw::jsonb, p_now
    FROM unnest(known, p_wamids, p_said, p_times, p_raws)
         AS t(id, wamid, said, occurred_at, raw)
    ORDER BY t.wamid, t.said, t.occurred_at
    ON CONFLICT DO NOTHING;

    FOR s IN -- everybody locks them in the order of ids
        SELECT DISTINCT ON (t.id) t.id, t.wamid, t.moves, t.error, t.ord
        FROM unnest(known, p_wamids, p_moves, p_errors) WITH ORDINALITY
             AS t(id, wamid, moves, error, ord)
        WHERE t.id IS NOT NULL AND t.moves IS NOT NULL
        ORDER BY t.id, pytake_status_rank(t.moves) DESC, t.ord
    LOOP
        UPDATE messages m
        SET status = s.moves, error = s.error::jsonb,
            whatsapp_message_id = coalesce(m.whatsapp_message_id, s.wamid)
        WHERE m.tenant_id = tid AND m.id = s.id
          AND m.sender_type <> 'contact'
          AND pytake_status_rank(s.moves) > pytake_status_rank(m.status)
        RETURNING m.conversation_id INTO conv;

        IF FOUND THEN
            moved := moved || s.id;
            convs := convs || conv;
            ords := ords || s.ord::integer;
        END IF;
    END LOOP;

    IF cardinality(moved) = 0 THEN
        RETURN;
    END IF;

    DELETE FROM outbox x
    WHERE x.tenant_id = tid AND x.message_id = ANY (moved);

    UPDATE tenant_event_head h
    SET seq = h.seq + cardinality(moved),
        id = p_events[(SELECT max(o) FROM unnest(ords) AS o)]
    WHERE h.tenant_id = tid
    RETURNING h.seq - cardinality(moved) INTO head;

    RETURN QUERY
    INSERT INTO event_log (tenant_id, seq, id, created_at, event,
        conversation_id, frame)
    SELECT tid, head + e.n, p_events[e.ord], p_now,
           'message_status_updated', e.conversation_id,
           replace(replace(replace(p_templates[e.ord],
               chr(4), (head + e.n)::text),
               chr(1), e.conversation_id::text), chr(5), e.id::text)
    FROM (SELECT t.id, t.conversation_id, t.ord,
                 row_number() OVER (ORDER BY t.ord) AS n
          FROM unnest(moved, convs, ords) AS t(id, conversation_id, ord)) e
    ORDER BY e.n
    RETURNING seq, frame;
END $$;

-- Keeps every receipt once, and moves our messages up and never down, with one
-- event for each message that moved, for the highest of its statuses in the
-- body. It settles the outbox row of a message whose call had no known
-- outcome. Called by ingest_statuses. The arrays are parallel, with one entry
-- for each status: p_ours is our message's id as WhatsApp gave it back (nil:
-- none), p_moves the status of ours that it means (NULL: it is a receipt and
-- changes nothing). A single status is stored here, by statements of one row;
-- t/e2e/webhook.py compares both ways.
CREATE OR REPLACE FUNCTION pytake_statuses(p_wamids text[], p_ours uuid[],
    p_said text[], p_times timestamptz[], p_raws text[], p_moves text[],
    p_errors text[], p_templates text[], p_events uuid[], p_now timestamptz)
    RETURNS TABLE (seq bigint, frame text) LANGUAGE plpgsql
    SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    tid    uuid := pytake_tenant();
    wamid_ text := p_wamids[1];
    ours_  uuid := p_ours[1];
    said_  text := p_said[1];
    at_    timestamptz := p_times[1];
    raw_   text := p_raws[1];
    moves_ text := p_moves[1];
    error_ text := p_errors[1];
    event_ uuid := p_events[1];
    known  uuid; -- the message of the status
    conv   uuid;
BEGIN
    IF cardinality(p_wamids) <> 1 THEN
        RETURN QUERY SELECT * FROM pytake_statuses_many(p_wamids, p_ours,
            p_said, p_times, p_raws, p_moves, p_errors, p_templates,
            p_events, p_now);
        RETURN;
    END IF;

    IF ours_ <> '00000000-0000-0000-0000-000000000000' THEN
        SELECT m.id INTO known FROM messages m
        WHERE m.tenant_id = tid AND m.id = ours_;
    END IF;
    IF known IS NULL THEN
        known := pytake_message_of(wamid_);
    END IF;

    INSERT INTO message_receipts (tenant_id, whatsapp_message_id, status,
        occurred_at, message_id, raw, received_at)
    VALUES (tid, wamid_, said_, at_, known,
        raw_::jsonb, p_now)
    ON CONFLICT DO NOTHING;

    IF known IS NULL OR moves_ IS NULL THEN
        RETURN;
    END IF;

    UPDATE messages m
    SET status = moves_, error = error_::jsonb,
        whatsapp_message_id = coalesce(m.whatsapp_message_id, wamid_)
    WHERE m.tenant_id = tid AND m.id = known
      AND m.sender_type <> 'contact'
      AND pytake_status_rank(moves_) > pytake_status_rank(m.status)
    RETURNING m.conversation_id INTO conv;

    IF NOT FOUND THEN
        RETURN;
    END IF;

    DELETE FROM outbox x WHERE x.tenant_id = tid AND x.message_id = known;

    UPDATE tenant_event_head h SET seq = h.seq + 1, id = event_
    WHERE h.tenant_id = tid RETURNING h.seq INTO STRICT seq;

    frame := replace(replace(replace(p_templates[1], chr(4), seq::text),
        chr(1), conv::text), chr(5), known::text);

    INSERT INTO event_log (tenant_id, seq, id, created_at, event,
        conversation_id, frame)
    VALUES (tid, seq, event_, p_now, 'message_status_updated', conv,
        frame);

    RETURN NEXT;
END $$;
