/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* Finds out who wrote a message: a phone number, a business-scoped id, or
 * both. */

#include "pt_wa_item.h"

/* Identities of one change beyond this number are not looked at, for a body has
 * fewer items. */
#define PT_WA_KNOWN_MAX (2 * PT_WEBHOOK_ITEMS_MAX)


static pt_err_t pt_wa_sender_next(pt_wa_walk_t *wk, const pt_json_t *sys,
                                  pt_wa_sender_t *s);
static const pt_json_t *
pt_wa_contact_find(pt_wa_walk_t *wk, const pt_wa_sender_t *s, bool *exact);
static pt_err_t         pt_wa_contacts_read(pt_wa_walk_t *wk);
static const pt_json_t *pt_wa_known_find(const pt_wa_walk_t    *wk,
                                         const pt_wa_contact_t *want);
static int      pt_wa_known_cmp(const void *ctx, uint32_t x, uint32_t y);
static int      pt_wa_contact_cmp(const pt_wa_contact_t *x,
                                  const pt_wa_contact_t *y);
static pt_err_t pt_wa_contact_read(pt_wa_walk_t *wk, const pt_json_t *contact,
                                   bool exact, pt_wa_sender_t *s);
static pt_str_t pt_wa_contact_id(const pt_json_t *contact, const char *key);
static pt_err_t pt_wa_contact_phone(pt_wa_walk_t *wk, const pt_json_t *contact,
                                    const char *key, pt_str_t *out);


pt_err_t
pt_wa_sender_get(pt_wa_walk_t *wk, const pt_json_t *item, pt_wa_sender_t *s)
{
    bool             exact;
    size_t           i;
    pt_err_t         err;
    const pt_json_t *sys, *contact;

    /* The members in which a system message without a sender says whose it
     * is. */
    static const char *const keys[] = { "customer", "wa_id", "new_wa_id" };

    memset(s, 0, sizeof(*s));

    if (!pt_wa_ident_find(wk, item, "from", "from", &s->wa_id)
        || !pt_wa_ident_find(wk, item, "from_user_id", "from_user_id",
                             &s->bsuid))
    {
        return PT_OK;
    }

    sys = pt_json_find(item, "system");
    for (i = 0;
         i < PT_COUNT(keys) && s->wa_id.data == NULL && s->bsuid.data == NULL;
         i++)
    {
        if (!pt_wa_ident_find(wk, sys, keys[i], "system", &s->wa_id)) {
            return PT_OK;
        }
    }

    if ((err = pt_wa_digits_build(wk->arena, s->wa_id, &s->wa_id)) != PT_OK
        || (err = pt_wa_contacts_read(wk)) != PT_OK)
    {
        return err;
    }

    contact = pt_wa_contact_find(wk, s, &exact);
    err = pt_wa_contact_read(wk, contact, exact, s);
    if (err != PT_OK) {
        return err;
    }

    if (s->wa_id.data == NULL && s->bsuid.data == NULL) {
        (void) pt_wa_fault(wk, "missing", "from");
        return PT_OK;
    }

    if (s->wa_id.data != NULL) {
        err = pt_wa_phone_build(wk->arena, s->wa_id, &s->phone);
        if (err != PT_OK) {
            return err;
        }
    }

    return pt_wa_sender_next(wk, sys, s);
}


/* Reads a notice of a new number or id.  WhatsApp says who they were ("from")
 * and who they are from now on, and messages are sent to the latter. */
static pt_err_t
pt_wa_sender_next(pt_wa_walk_t *wk, const pt_json_t *sys, pt_wa_sender_t *s)
{
    pt_err_t err;
    pt_str_t type, wa_id, bsuid;

    if (!pt_json_find_str(sys, "type", &type)
        || (!pt_str_is(type, "user_changed_number")
            && !pt_str_is(type, "user_changed_user_id")))
    {
        return PT_OK;
    }

    err = pt_wa_contact_phone(wk, sys, "wa_id", &wa_id);
    if (err == PT_OK && wa_id.data == NULL) {
        err = pt_wa_contact_phone(wk, sys, "new_wa_id", &wa_id);
    }
    if (err != PT_OK) {
        return err;
    }
    if (wa_id.data != NULL) {
        err = pt_wa_phone_build(wk->arena, wa_id, &s->next_phone);
        if (err != PT_OK) {
            return err;
        }
        s->wa_id = wa_id;
    }

    bsuid = pt_wa_contact_id(sys, "user_id");
    if (bsuid.data != NULL) {
        s->next_bsuid = bsuid;
    }

    return PT_OK;
}


/* Finds the entry of contacts[] about this sender.  A single entry is about the
 * sender whoever it names; but then the numbers differ, *exact is false, and
 * only its name is used. */
static const pt_json_t *
pt_wa_contact_find(pt_wa_walk_t *wk, const pt_wa_sender_t *s, bool *exact)
{
    const pt_json_t *c = NULL;

    *exact = true;

    if (s->bsuid.data != NULL) {
        c = pt_wa_known_find(wk, &(pt_wa_contact_t){ .bsuid = s->bsuid });
    }
    if (c == NULL && s->wa_id.data != NULL) {
        c = pt_wa_known_find(wk, &(pt_wa_contact_t){ .wa_id = s->wa_id });
    }
    if (c != NULL) {
        return c;
    }

    *exact = false;

    if (!pt_json_is(wk->contacts, PT_JSON_ARRAY) || wk->contacts->count != 1) {
        return NULL;
    }

    /* A message that names nobody is from the only contact that there is. */
    *exact = s->wa_id.data == NULL && s->bsuid.data == NULL;

    return wk->contacts->first;
}


/* Reads contacts[] once for each change, because a change may have thousands of
 * messages. */
static pt_err_t
pt_wa_contacts_read(pt_wa_walk_t *wk)
{
    size_t           i, n;
    pt_err_t         err;
    pt_str_t         id;
    const pt_json_t *c;

    if (wk->known != NULL) {
        return PT_OK;
    }

    n = pt_json_is(wk->contacts, PT_JSON_ARRAY) ? 2 * wk->contacts->count : 0;
    if (n > PT_WA_KNOWN_MAX) {
        n = PT_WA_KNOWN_MAX;
    }

    wk->nknown = 0;
    wk->known = pt_arena_calloc(wk->arena, n, sizeof(pt_wa_contact_t));
    wk->order = pt_arena_calloc(wk->arena, n, sizeof(uint32_t));
    if (wk->known == NULL || wk->order == NULL) {
        return PT_ENOMEM;
    }

    c = n == 0 ? NULL : wk->contacts->first;
    for (; c != NULL && wk->nknown + 2 <= n; c = c->next) {
        id = pt_wa_contact_id(c, "user_id");
        if (id.data != NULL) {
            wk->known[wk->nknown].bsuid = id;
            wk->known[wk->nknown++].json = c;
        }
        err = pt_wa_contact_phone(wk, c, "wa_id", &id);
        if (err != PT_OK) {
            return err;
        }
        if (id.data != NULL) {
            wk->known[wk->nknown].wa_id = id;
            wk->known[wk->nknown++].json = c;
        }
    }

    for (i = 0; i < wk->nknown; i++) {
        wk->order[i] = (uint32_t) i;
    }
    pt_wa_sort(wk->order, wk->nknown, pt_wa_known_cmp, wk->known);

    return PT_OK;
}


/* Finds the first entry that has an identity; NULL: there is none. */
static const pt_json_t *
pt_wa_known_find(const pt_wa_walk_t *wk, const pt_wa_contact_t *want)
{
    size_t lo = 0, hi = wk->nknown, mid;

    while (lo < hi) {
        mid = lo + (hi - lo) / 2;
        if (pt_wa_contact_cmp(&wk->known[wk->order[mid]], want) < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }

    if (lo == wk->nknown
        || pt_wa_contact_cmp(&wk->known[wk->order[lo]], want) != 0) {
        return NULL;
    }

    return wk->known[wk->order[lo]].json;
}


static int
pt_wa_known_cmp(const void *ctx, uint32_t x, uint32_t y)
{
    int                    n;
    const pt_wa_contact_t *known = ctx;

    n = pt_wa_contact_cmp(&known[x], &known[y]);

    return n != 0 ? n : (x > y) - (x < y);
}


static int
pt_wa_contact_cmp(const pt_wa_contact_t *x, const pt_wa_contact_t *y)
{
    int n = pt_wa_str_cmp(x->bsuid, y->bsuid);

    return n != 0 ? n : pt_wa_str_cmp(x->wa_id, y->wa_id);
}


static pt_err_t
pt_wa_contact_read(pt_wa_walk_t *wk, const pt_json_t *contact, bool exact,
                   pt_wa_sender_t *s)
{
    pt_err_t         err;
    pt_str_t         text;
    const pt_json_t *profile;

    if (exact && s->wa_id.data == NULL) {
        err = pt_wa_contact_phone(wk, contact, "wa_id", &s->wa_id);
        if (err != PT_OK) {
            return err;
        }
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

    return PT_OK;
}


/* Gives an identity of a contact.  What is no identifier is absent and no
 * fault, because the message is not to blame for its contact. */
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


static pt_err_t
pt_wa_contact_phone(pt_wa_walk_t *wk, const pt_json_t *contact, const char *key,
                    pt_str_t *out)
{
    return pt_wa_digits_build(wk->arena, pt_wa_contact_id(contact, key), out);
}
