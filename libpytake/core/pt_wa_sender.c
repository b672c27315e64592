/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* Who wrote a message: a phone number, a business-scoped id, or both. */

#include "pt_wa_item.h"

#define PT_WA_CONTACTS_LOOK_MAX 1000u /* WhatsApp's batch */


static const pt_json_t *
pt_wa_contact_find(pt_wa_walk_t *wk, const pt_wa_sender_t *s, bool *exact);
static bool     pt_wa_member_is(const pt_json_t *obj, const char *key,
                                pt_str_t value);
static void     pt_wa_contact_read(const pt_json_t *contact, bool exact,
                                   pt_wa_sender_t *s);
static pt_str_t pt_wa_contact_id(const pt_json_t *contact, const char *key);


bool
pt_wa_sender_get(pt_wa_walk_t *wk, const pt_json_t *item, pt_wa_sender_t *s)
{
    bool             exact;
    size_t           i;
    const pt_json_t *sys, *contact;

    /* where a system message without a sender tells whose it is */
    static const char *const keys[] = { "wa_id", "new_wa_id", "customer" };

    memset(s, 0, sizeof(*s));

    if (!pt_wa_ident_find(wk, item, "from", "from", &s->wa_id)
        || !pt_wa_ident_find(wk, item, "from_user_id", "from_user_id",
                             &s->bsuid))
    {
        return false;
    }

    sys = pt_json_find(item, "system");
    for (i = 0;
         i < PT_COUNT(keys) && s->wa_id.data == NULL && s->bsuid.data == NULL;
         i++)
    {
        if (!pt_wa_ident_find(wk, sys, keys[i], "system", &s->wa_id)) {
            return false;
        }
    }

    contact = pt_wa_contact_find(wk, s, &exact);
    pt_wa_contact_read(contact, exact, s);

    if (s->wa_id.data == NULL && s->bsuid.data == NULL) {
        return pt_wa_fault(wk, "missing", "from");
    }

    return true;
}


/* The entry of contacts[] about this sender.  A single one is about whoever
 * it is, but then (not exact) the numbers differ and only its name counts. */
static const pt_json_t *
pt_wa_contact_find(pt_wa_walk_t *wk, const pt_wa_sender_t *s, bool *exact)
{
    uint32_t         n;
    const pt_json_t *c;

    *exact = false;

    if (!pt_json_is(wk->contacts, PT_JSON_ARRAY)) {
        return NULL;
    }

    /* contacts stand in the order of messages: go on where we were */
    c = wk->hint != NULL ? wk->hint : wk->contacts->first;

    for (n = 0; n < wk->contacts->count && n < PT_WA_CONTACTS_LOOK_MAX; n++) {
        if (pt_wa_member_is(c, "user_id", s->bsuid)
            || pt_wa_member_is(c, "wa_id", s->wa_id))
        {
            wk->hint = c;
            *exact = true;
            return c;
        }
        c = c->next != NULL ? c->next : wk->contacts->first;
    }

    if (wk->contacts->count != 1) {
        return NULL;
    }

    /* a message that names nobody is from the only one there is */
    *exact = s->wa_id.data == NULL && s->bsuid.data == NULL;

    return wk->contacts->first;
}


static bool
pt_wa_member_is(const pt_json_t *obj, const char *key, pt_str_t value)
{
    return value.data != NULL && pt_str_eq(pt_wa_contact_id(obj, key), value);
}


static void
pt_wa_contact_read(const pt_json_t *contact, bool exact, pt_wa_sender_t *s)
{
    pt_str_t         text;
    const pt_json_t *profile;

    if (exact && s->wa_id.data == NULL) {
        s->wa_id = pt_wa_contact_id(contact, "wa_id");
    }
    if (exact && s->bsuid.data == NULL) {
        s->bsuid = pt_wa_contact_id(contact, "user_id");
    }

    profile = pt_json_find(contact, "profile");

    if (pt_json_find_str(profile, "name", &text) && text.len != 0) {
        s->name = pt_utf8_prefix(text, PT_WA_NAME_CHARS);
    }
    if (exact && pt_json_find_str(profile, "username", &text) && text.len != 0)
    {
        s->username = pt_utf8_prefix(text, PT_WA_NAME_CHARS);
    }
}


/* A contact's fault is not the message's: what is no id is absent. */
static pt_str_t
pt_wa_contact_id(const pt_json_t *contact, const char *key)
{
    const pt_json_t *v = pt_json_find(contact, key);

    if (!pt_json_is(v, PT_JSON_STRING) || v->cleaned || v->repeated
        || v->str.len == 0 || v->str.len > PT_WA_ID_MAX)
    {
        return PT_STR_NULL;
    }

    return v->str;
}
