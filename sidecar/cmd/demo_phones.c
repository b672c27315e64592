/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* What is on the phones of the demo's customers. */

#include "demo.h"

/*
 * The newest conversations of a number, and of each phone the newest messages
 * that WhatsApp knows (a message without its id was never on a phone).
 */
static const char demo_phones_sql[] =
    "WITH v AS (SELECT contact_id, array_agg(id) AS ids,"
    " max(activity_at) AS at FROM conversations"
    " WHERE tenant_id = $1 AND whatsapp_config_id = $2"
    " GROUP BY contact_id ORDER BY at DESC, contact_id LIMIT 200)"
    " SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object("
    "'wa_id', k.wa_id, 'user_id', i.value, 'username', k.username,"
    " 'name', coalesce(nullif(k.name, ''), k.profile_name)))"
    " || jsonb_build_object('messages', x.list)"
    " ORDER BY v.at DESC, k.id), '[]')"
    " FROM v JOIN contacts k ON k.tenant_id = $1 AND k.id = v.contact_id"
    " LEFT JOIN LATERAL (SELECT value FROM contact_identities"
    "  WHERE tenant_id = $1 AND contact_id = k.id AND kind = 'bsuid'"
    "  ORDER BY created_at DESC, value LIMIT 1) i ON true"
    " CROSS JOIN LATERAL (SELECT coalesce(jsonb_agg(y.m ORDER BY y.id), '[]')"
    "  AS list FROM (SELECT m.id, jsonb_strip_nulls(jsonb_build_object("
    "'id', m.whatsapp_message_id, 'direction', CASE m.sender_type::text"
    "   WHEN 'contact' THEN 'out' ELSE 'in' END,"
    " 'type', m.message_type, 'text', m.content,"
    " 'time', round(extract(epoch FROM m.created_at)::numeric, 3),"
    " 'status', CASE m.sender_type::text WHEN 'contact' THEN 'sent'"
    "   ELSE m.status::text END,"
    " 'opaque', CASE m.sender_type::text WHEN 'contact' THEN NULL"
    "   ELSE m.id::text END,"
    " 'object', m.metadata -> m.message_type, 'error', m.error,"
    " 'reply_to', (SELECT q.whatsapp_message_id FROM messages q"
    "   WHERE q.tenant_id = $1 AND q.id = m.reply_to))) AS m"
    "  FROM messages m WHERE m.tenant_id = $1"
    "   AND m.conversation_id = ANY (v.ids)"
    "   AND m.whatsapp_message_id IS NOT NULL"
    "  ORDER BY m.id DESC LIMIT 200) y) x"
    " WHERE coalesce(k.wa_id, i.value) IS NOT NULL";


int
demo_phones(db_t *db, const demo_tenant_t *t, pt_jw_t *w)
{
    PGresult   *res;
    const char *list, *params[] = { t->id, t->config_id };

    if (db_exec(db, demo_phones_sql, 2, params, &res) != PT_OK) {
        return cmd_db_error(db, "cannot read the demo's phones");
    }

    list = db_cell(res, 0, 0);
    pt_jw_key(w, "contacts");
    pt_jw_raw(w, (pt_str_t){ list, strlen(list) });
    PQclear(res);

    return 0;
}
