-- Finds who a sender is: contacts, and the identities that lead to them.
-- needs: base.sql

-- Gives the contact of a sender, NULL when it is unknown. The business-scoped
-- id goes before the phone. Called by pytake_contacts_resolve().
CREATE OR REPLACE FUNCTION pytake_contact_of(p_phone text, p_bsuid text)
    RETURNS uuid LANGUAGE plpgsql STABLE AS $$
DECLARE
    cid uuid;
BEGIN
    IF p_bsuid IS NOT NULL THEN
        SELECT i.contact_id INTO cid FROM contact_identities i
        WHERE i.tenant_id = pytake_tenant() AND i.kind = 'bsuid'
          AND i.value = p_bsuid;
    END IF;
    IF cid IS NULL AND p_phone IS NOT NULL THEN
        SELECT i.contact_id INTO cid FROM contact_identities i
        WHERE i.tenant_id = pytake_tenant() AND i.kind = 'phone'
          AND i.value = p_phone;
    END IF;
    RETURN cid;
END $$;

-- Gives the contacts of a body's senders, and makes, names and joins them as
-- needed. Called by pytake_ingest_many() and pytake_contacts_link(). The
-- arrays are parallel, with one entry for each distinct sender, and sorted by
-- the caller, because two bodies with the same senders in opposite order must
-- not deadlock. p_todo has the places of the senders for whom there is
-- something to do, p_found the contacts that the caller knows already.
CREATE OR REPLACE FUNCTION pytake_contacts_resolve(p_phones text[],
    p_bsuids text[], p_names text[], p_wa_ids text[], p_usernames text[],
    p_new_ids uuid[], p_todo integer[], p_found uuid[])
    RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
    tid    uuid := pytake_tenant();
    s      record;
    cid    uuid;
    kind_  text;
    value_ text;
    result uuid[] := p_found;
BEGIN
    FOR s IN
        SELECT t.ord, p_phones[t.ord] AS phone, p_bsuids[t.ord] AS bsuid,
               p_names[t.ord] AS name, p_wa_ids[t.ord] AS wa_id,
               p_usernames[t.ord] AS username, p_new_ids[t.ord] AS new_id,
               CASE WHEN p_wa_ids[t.ord] ~ '^[0-9]{5,20}$'
                    THEN '+' || p_wa_ids[t.ord] END AS number
        FROM unnest(p_todo) AS t(ord) ORDER BY t.ord
    LOOP
        cid := pytake_contact_of(s.phone, s.bsuid);
        IF cid IS NULL THEN
            -- The identity decides who creates the contact; the loser of
            -- a race waits here for the winner's commit.
            kind_ := CASE WHEN s.bsuid IS NULL THEN 'phone' ELSE 'bsuid' END;
            value_ := coalesce(s.bsuid, s.phone);
            INSERT INTO contact_identities (tenant_id, kind, value,
                contact_id)
            VALUES (tid, kind_, value_, s.new_id)
            ON CONFLICT DO NOTHING;
            IF FOUND AND s.bsuid IS NOT NULL AND s.phone IS NOT NULL THEN
                INSERT INTO contact_identities (tenant_id, kind, value,
                    contact_id)
                VALUES (tid, 'phone', s.phone, s.new_id)
                ON CONFLICT DO NOTHING;
                IF NOT FOUND THEN -- it became known by its phone meanwhile
                    UPDATE contact_identities b
                    SET contact_id = p.contact_id
                    FROM contact_identities p
                    WHERE b.tenant_id = tid AND b.kind = 'bsuid'
                      AND b.value = s.bsuid AND p.tenant_id = tid
                      AND p.kind = 'phone' AND p.value = s.phone;
                END IF;
            END IF;
            SELECT i.contact_id INTO STRICT cid FROM contact_identities i
            WHERE i.tenant_id = tid AND i.kind = kind_ AND i.value = value_;
            IF cid = s.new_id THEN
                INSERT INTO contacts (tenant_id, id, name, profile_name,
                    username, phone, wa_id)
                VALUES (tid, cid, coalesce(s.name, ''),
                    coalesce(s.name, ''), s.username, s.number, s.wa_id);
            END IF;
        END IF;
        -- Both ways to know a sender lead to one contact from now on.
        INSERT INTO contact_identities (tenant_id, kind, value, contact_id)
        SELECT tid, v.kind, v.value, cid
        FROM (VALUES ('bsuid', s.bsuid), ('phone', s.phone))
             AS v(kind, value)
        WHERE v.value IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM contact_identities i
                          WHERE i.tenant_id = tid AND i.kind = v.kind
                            AND i.value = v.value)
        ON CONFLICT DO NOTHING;
        -- A name that an agent typed stays; WhatsApp's follows WhatsApp.
        UPDATE contacts c
        SET name = CASE WHEN s.name IS NOT NULL
                         AND c.name IN ('', c.profile_name)
                        THEN s.name ELSE c.name END,
            profile_name = coalesce(s.name, c.profile_name),
            username = coalesce(s.username, c.username),
            wa_id = coalesce(s.wa_id, c.wa_id),
            phone = coalesce(s.number, c.phone),
            updated_at = now()
        WHERE c.tenant_id = tid AND c.id = cid
          AND ((s.name IS NOT NULL AND s.name <> c.profile_name)
            OR (s.username IS NOT NULL
                AND s.username IS DISTINCT FROM c.username)
            OR (s.wa_id IS NOT NULL
                AND s.wa_id IS DISTINCT FROM c.wa_id));
        result[s.ord] := cid;
    END LOOP;
    RETURN result;
END $$;

-- Keeps one contact for somebody who, as WhatsApp says, has another number or
-- another business-scoped id now: the new identities lead to the contact of
-- the old ones. That one is made if it must be, because its first messages may
-- come in the same body. An identity that belongs to somebody already stays
-- theirs. The arrays are parallel, with one entry for each notice, in the
-- body's order. Called by the function of the same name below, for one notice
-- at a time.
CREATE OR REPLACE FUNCTION pytake_contacts_link(p_phones text[],
    p_bsuids text[], p_names text[], p_wa_ids text[], p_usernames text[],
    p_new_ids uuid[], p_next_phones text[], p_next_bsuids text[])
    RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    who uuid[];
BEGIN
    -- One notice may follow from another, so they are taken one at a time.
    FOR i IN 1 .. cardinality(p_phones) LOOP
        who := pytake_contacts_resolve(p_phones, p_bsuids, p_names,
            p_wa_ids, p_usernames, p_new_ids, ARRAY[i],
            array_fill(NULL::uuid, ARRAY[i]));

        INSERT INTO contact_identities (tenant_id, kind, value, contact_id)
        SELECT pytake_tenant(), v.kind, v.value, who[i]
        FROM (VALUES ('bsuid', p_next_bsuids[i]),
                     ('phone', p_next_phones[i])) AS v(kind, value)
        WHERE v.value IS NOT NULL
        ON CONFLICT DO NOTHING;
    END LOOP;
END $$;

-- Does the same for a body's notices, but only for new ones, so that a body
-- that comes again takes no number back. p_ids are the messages of the
-- notices. Called by contacts_link, before the messages are stored.
CREATE OR REPLACE FUNCTION pytake_contacts_link(p_phones text[],
    p_bsuids text[], p_names text[], p_wa_ids text[], p_usernames text[],
    p_new_ids uuid[], p_next_phones text[], p_next_bsuids text[], p_ids uuid[])
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
