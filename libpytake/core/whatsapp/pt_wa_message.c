/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Reads one inbound message: its type, what a person reads of it, and all the
 * rest as metadata.  Every member that has no column of its own is kept there
 * under its own name, so that nothing unknown is lost.
 */

#include "pt_wa.h"

#include <assert.h>

/* How many contacts of a shared list the content names at most. */
#define PT_WA_CONTACTS_MAX 300u


typedef struct {
    pt_arena_t      *arena;
    const pt_json_t *msg;
    const pt_json_t *payload; /* the member with its type's name, or NULL */
    pt_str_t         content; /* the result */
} pt_wa_read_t;

typedef pt_err_t (*pt_wa_content_pt)(pt_wa_read_t *r);

typedef struct {
    const char      *type;  /* its name in WhatsApp */
    const char      *kept;  /* its name here */
    pt_json_type_t   shape; /* what the payload must be */
    pt_wa_content_pt content;
    const char      *quotes; /* the payload's member that is a wamid; or NULL */
    /* What is wrong when the payload has another shape; or NULL. */
    const char *fault;
} pt_wa_type_t;


static const pt_wa_type_t *pt_wa_type_find(pt_str_t type);
static const pt_json_t    *pt_wa_payload_find(const pt_json_t    *msg,
                                              const pt_wa_type_t *t,
                                              const char        **detail);
static pt_err_t            pt_wa_content_caption(pt_wa_read_t *r);
static pt_err_t            pt_wa_content_document(pt_wa_read_t *r);
static pt_err_t            pt_wa_content_text(pt_wa_read_t *r);
static pt_err_t            pt_wa_content_button(pt_wa_read_t *r);
static pt_err_t            pt_wa_content_body(pt_wa_read_t *r);
static pt_err_t            pt_wa_content_emoji(pt_wa_read_t *r);
static pt_err_t            pt_wa_content_interactive(pt_wa_read_t *r);
static pt_err_t            pt_wa_content_location(pt_wa_read_t *r);
static pt_err_t            pt_wa_content_contacts(pt_wa_read_t *r);
static pt_err_t            pt_wa_content_edit(pt_wa_read_t *r);
static pt_err_t            pt_wa_content_none(pt_wa_read_t *r);
static pt_str_t pt_wa_quoted(const pt_json_t *msg, const pt_json_t *payload,
                             const pt_wa_type_t *t);
static pt_err_t pt_wa_preview(pt_arena_t *a, pt_wa_message_t *m);
static pt_err_t pt_wa_metadata(pt_arena_t *a, pt_wa_message_t *m,
                               const pt_wa_type_t *t, pt_str_t type, bool *cut);
static bool     pt_wa_has_column(pt_str_t key);
static bool     pt_wa_is_voice(const pt_wa_type_t *t, const pt_json_t *payload);


static const pt_wa_type_t pt_wa_types[] = {
    { "text", "text", PT_JSON_OBJECT, pt_wa_content_body, NULL,
      "text is not an object" },
    { "image", "image", PT_JSON_OBJECT, pt_wa_content_caption, NULL,
      "image is not an object" },
    { "video", "video", PT_JSON_OBJECT, pt_wa_content_caption, NULL,
      "video is not an object" },
    { "audio", "audio", PT_JSON_OBJECT, pt_wa_content_caption, NULL,
      "audio is not an object" },
    { "voice", "audio", PT_JSON_OBJECT, pt_wa_content_caption, NULL,
      "voice is not an object" },
    { "document", "document", PT_JSON_OBJECT, pt_wa_content_document, NULL,
      "document is not an object" },
    { "sticker", "sticker", PT_JSON_OBJECT, pt_wa_content_none, NULL,
      "sticker is not an object" },
    { "location", "location", PT_JSON_OBJECT, pt_wa_content_location, NULL,
      "location is not an object" },
    { "contacts", "contacts", PT_JSON_ARRAY, pt_wa_content_contacts, NULL,
      "contacts is not an array" },
    { "button", "button", PT_JSON_OBJECT, pt_wa_content_button, NULL,
      "button is not an object" },
    { "interactive", "interactive", PT_JSON_OBJECT, pt_wa_content_interactive,
      NULL, "interactive is not an object" },
    { "reaction", "reaction", PT_JSON_OBJECT, pt_wa_content_emoji, "message_id",
      "reaction is not an object" },
    { "order", "order", PT_JSON_OBJECT, pt_wa_content_text, NULL,
      "order is not an object" },
    { "system", "system", PT_JSON_OBJECT, pt_wa_content_body, NULL,
      "system is not an object" },
    { "edit", "edit", PT_JSON_OBJECT, pt_wa_content_edit, "original_message_id",
      "edit is not an object" },
    { "revoke", "revoke", PT_JSON_OBJECT, pt_wa_content_none,
      "original_message_id", "revoke is not an object" },
    { "unsupported", "unsupported", PT_JSON_OBJECT, pt_wa_content_none, NULL,
      "unsupported is not an object" }
};

/* A type that is not in the table.  Such a message is kept whole, and shown as
 * unsupported. */
static const pt_wa_type_t pt_wa_unknown = {
    "", "unsupported", PT_JSON_OBJECT, pt_wa_content_none, NULL, NULL
};


pt_err_t
pt_wa_message_parse(pt_arena_t *a, pt_wa_message_t *m, const char **detail,
                    bool *cut)
{
    pt_err_t            err;
    pt_str_t            type = PT_STR("");
    pt_wa_read_t        r;
    const pt_wa_type_t *t;

    assert(pt_json_is(m->json, PT_JSON_OBJECT));

    *detail = NULL;
    *cut = false;

    (void) pt_json_find_str(m->json, "type", &type);
    t = pt_wa_type_find(type);

    r.arena = a;
    r.msg = m->json;
    r.content = PT_STR("");
    r.payload = pt_wa_payload_find(m->json, t, detail);
    if (*detail != NULL) {
        return PT_OK;
    }

    err = t->content(&r);
    if (err != PT_OK) {
        return err;
    }

    m->type = (pt_str_t){ t->kept, strlen(t->kept) };
    m->content = pt_utf8_prefix(r.content, PT_WA_CONTENT_CHARS);
    *cut = m->content.len != r.content.len;
    m->quoted = pt_wa_quoted(m->json, r.payload, t);

    err = pt_wa_preview(a, m);
    if (err != PT_OK) {
        return err;
    }

    return pt_wa_metadata(a, m, t, type, cut);
}


static const pt_wa_type_t *
pt_wa_type_find(pt_str_t type)
{
    size_t i;

    for (i = 0; i < PT_COUNT(pt_wa_types); i++) {
        if (pt_str_is(type, pt_wa_types[i].type)) {
            return &pt_wa_types[i];
        }
    }

    return &pt_wa_unknown;
}


/* Finds the payload of a message.  A text without its payload is broken; of
 * other types WhatsApp itself leaves the payload out, when something went wrong
 * on its side. */
static const pt_json_t *
pt_wa_payload_find(const pt_json_t *msg, const pt_wa_type_t *t,
                   const char **detail)
{
    const pt_json_t *v;

    if (t == &pt_wa_unknown) {
        return NULL;
    }

    v = pt_json_find(msg, t->type);
    if (v != NULL && v->type == PT_JSON_NULL) {
        v = NULL;
    }

    if (t != &pt_wa_types[0]) {
        if (v != NULL && v->type != t->shape) {
            *detail = t->fault;
        }
        return v;
    }

    if (!pt_json_is(v, PT_JSON_OBJECT)) {
        *detail = t->fault;
    } else if (!pt_json_is(pt_json_find(v, "body"), PT_JSON_STRING)) {
        *detail = "text.body is not a string";
    }

    return v;
}


static pt_err_t
pt_wa_content_caption(pt_wa_read_t *r)
{
    (void) pt_json_find_str(r->payload, "caption", &r->content);

    return PT_OK;
}


static pt_err_t
pt_wa_content_document(pt_wa_read_t *r)
{
    if (!pt_json_find_str(r->payload, "caption", &r->content)
        || r->content.len == 0)
    {
        (void) pt_json_find_str(r->payload, "filename", &r->content);
    }

    return PT_OK;
}


static pt_err_t
pt_wa_content_text(pt_wa_read_t *r)
{
    (void) pt_json_find_str(r->payload, "text", &r->content);

    return PT_OK;
}


static pt_err_t
pt_wa_content_button(pt_wa_read_t *r)
{
    if (!pt_json_find_str(r->payload, "text", &r->content)
        || r->content.len == 0) {
        (void) pt_json_find_str(r->payload, "payload", &r->content);
    }

    return PT_OK;
}


static pt_err_t
pt_wa_content_body(pt_wa_read_t *r)
{
    (void) pt_json_find_str(r->payload, "body", &r->content);

    return PT_OK;
}


static pt_err_t
pt_wa_content_emoji(pt_wa_read_t *r)
{
    (void) pt_json_find_str(r->payload, "emoji", &r->content);

    return PT_OK;
}


static pt_err_t
pt_wa_content_interactive(pt_wa_read_t *r)
{
    size_t           i;
    const pt_json_t *reply;

    static const struct {
        const char *kind;
        const char *shown;
    } replies[] = { { "button_reply", "title" },
                    { "list_reply", "title" },
                    { "nfm_reply", "body" },
                    { "call_permission_reply", "response" } };

    for (i = 0; i < PT_COUNT(replies); i++) {
        reply = pt_json_find(r->payload, replies[i].kind);
        if (pt_json_find_str(reply, replies[i].shown, &r->content)) {
            break;
        }
    }

    return PT_OK;
}


static pt_err_t
pt_wa_content_location(pt_wa_read_t *r)
{
    pt_buf_t b;
    pt_str_t name = PT_STR(""), address = PT_STR("");

    (void) pt_json_find_str(r->payload, "name", &name);
    (void) pt_json_find_str(r->payload, "address", &address);

    if (name.len == 0 || address.len == 0) {
        r->content = name.len != 0 ? name : address;
        return PT_OK;
    }

    pt_buf_init(&b, r->arena, SIZE_MAX);
    pt_buf_str_add(&b, name);
    pt_buf_lit(&b, ", ");
    pt_buf_str_add(&b, address);

    return pt_buf_get(&b, &r->content);
}


static pt_err_t
pt_wa_content_contacts(pt_wa_read_t *r)
{
    pt_buf_t         b;
    pt_str_t         name;
    uint32_t         n = 0;
    const pt_json_t *c;

    if (r->payload == NULL) {
        return PT_OK;
    }

    pt_buf_init(&b, r->arena, SIZE_MAX);

    for (c = r->payload->first; c != NULL && n < PT_WA_CONTACTS_MAX;
         c = c->next) {
        if (!pt_json_find_str(pt_json_find(c, "name"), "formatted_name", &name)
            || name.len == 0)
        {
            continue;
        }
        if (n++ != 0) {
            pt_buf_lit(&b, ", ");
        }
        pt_buf_str_add(&b, name);
    }

    return n == 0 ? PT_OK : pt_buf_get(&b, &r->content);
}


/* Takes the content of the edited message.  An edit of an edit has none. */
static pt_err_t
pt_wa_content_edit(pt_wa_read_t *r)
{
    pt_err_t            err;
    pt_str_t            type;
    const char         *detail = NULL;
    pt_wa_read_t        inner = *r;
    const pt_wa_type_t *t;

    inner.msg = pt_json_find(r->payload, "message");
    if (!pt_json_find_str(inner.msg, "type", &type)) {
        return PT_OK;
    }

    t = pt_wa_type_find(type);
    inner.payload = pt_wa_payload_find(inner.msg, t, &detail);
    if (detail != NULL || t->content == pt_wa_content_edit) {
        return PT_OK;
    }

    err = t->content(&inner);
    r->content = inner.content;

    return err;
}


static pt_err_t
pt_wa_content_none(pt_wa_read_t *r)
{
    PT_UNUSED(r);

    return PT_OK;
}


static pt_str_t
pt_wa_quoted(const pt_json_t *msg, const pt_json_t *payload,
             const pt_wa_type_t *t)
{
    const pt_json_t *v;

    v = t->quotes != NULL ? pt_json_find(payload, t->quotes)
                          : pt_json_find(pt_json_find(msg, "context"), "id");

    if (!pt_json_is(v, PT_JSON_STRING) || v->cleaned || v->repeated
        || v->str.len == 0 || v->str.len > PT_WA_ID_MAX)
    {
        return PT_STR_NULL;
    }

    return v->str;
}


static pt_err_t
pt_wa_preview(pt_arena_t *a, pt_wa_message_t *m)
{
    if (m->content.len != 0) {
        m->preview = pt_utf8_prefix(m->content, PT_LAST_MESSAGE_CHARS);
        return PT_OK;
    }

    return pt_arena_fmt(a, &m->preview, "[%.*s]", (int) m->type.len,
                        m->type.data);
}


static pt_err_t
pt_wa_metadata(pt_arena_t *a, pt_wa_message_t *m, const pt_wa_type_t *t,
               pt_str_t type, bool *cut)
{
    pt_err_t         err;
    pt_jw_t          w;
    pt_buf_t         b;
    const pt_json_t *v, *payload = NULL;

    pt_buf_init(&b, a, PT_WA_METADATA_MAX);
    pt_jw_init(&w, &b);
    pt_jw_object(&w);

    for (v = m->json->first; v != NULL; v = v->next) {
        if (t != &pt_wa_unknown && pt_str_is(v->key, t->type)) {
            payload = v;
            if (t == &pt_wa_types[0] && v->count == 1) {
                continue; /* the body alone is the content */
            }
            pt_jw_key(&w, t->kept);
            pt_jw_value(&w, v);

        } else if (!pt_wa_has_column(v->key)
                   && (t == &pt_wa_unknown || !pt_str_is(v->key, t->kept)))
        {
            pt_jw_key_str(&w, v->key);
            pt_jw_value(&w, v);
        }
    }

    if (pt_wa_is_voice(t, payload)) {
        pt_jw_key(&w, "voice");
        pt_jw_bool(&w, true);
    }
    if (t == &pt_wa_unknown && type.len != 0) {
        pt_jw_key(&w, "original_type");
        pt_jw_str(&w, type);
    }
    if (m->json->cleaned) {
        pt_jw_key(&w, "cleaned");
        pt_jw_bool(&w, true);
    }
    pt_jw_object_end(&w);

    err = pt_buf_get(&b, &m->metadata);
    if (err == PT_ELIMIT) {
        m->metadata = PT_STR("{\"truncated\":true}");
        *cut = true;
        err = PT_OK;
    }

    return err;
}


/* Whether a member has a column of its own, or its name is one that we give in
 * the metadata. */
static bool
pt_wa_has_column(pt_str_t key)
{
    size_t i;

    static const char *const keys[] = {
        "id",    "from",          "from_user_id", "timestamp", "type",
        "voice", "original_type", "cleaned",      "truncated"
    };

    for (i = 0; i < PT_COUNT(keys); i++) {
        if (pt_str_is(key, keys[i])) {
            return true;
        }
    }

    return false;
}


static bool
pt_wa_is_voice(const pt_wa_type_t *t, const pt_json_t *payload)
{
    bool voice = false;

    if (!pt_str_is(PT_STR("audio"), t->kept)) {
        return false;
    }

    return pt_str_is(PT_STR("voice"), t->type)
           || (pt_json_find_bool(payload, "voice", &voice) && voice);
}
