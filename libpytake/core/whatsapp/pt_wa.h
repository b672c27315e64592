/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_wa.h: a WhatsApp webhook body, read.  A tree goes in; out come the
 * messages and statuses that can be stored, the items that cannot, and the
 * counts of all there was.  Pure; everything lives on the arena.
 *
 * One item's fault is that item's: it becomes an entry of errors[] and its
 * neighbours go on (docs/webhook.md lists the codes).
 */

#ifndef PT_WA_H
#define PT_WA_H

#include "core/base/pt_json.h"
#include "core/base/pt_util.h"

#define PT_WA_ID_MAX 512u     /* bytes of an identifier; wamids are ~60 */
#define PT_WA_STATUS_MAX 64u  /* bytes of a status' name */
#define PT_WA_NAME_CHARS 256u /* of a contact's name */
#define PT_WA_CONTENT_CHARS 16384u
#define PT_WA_METADATA_MAX (128u * 1024)
#define PT_WA_FIELDS_MAX 64u /* distinct field names in the summary */
#define PT_WA_PHONE_MAX 20u  /* digits that make a phone number */

typedef enum {
    PT_WA_MESSAGE = 0,
    PT_WA_STATUS,
    PT_WA_CHANNEL /* value.errors[] */
} pt_wa_kind_t;

/* entry[E].changes[C].value.<list>[I] */
typedef struct {
    pt_wa_kind_t kind;
    uint32_t     entry;
    uint32_t     change;
    uint32_t     index;
} pt_wa_place_t;

/* Who wrote.  Absent parts have data NULL; phone or bsuid is there. */
typedef struct {
    pt_str_t phone; /* key of the number they wrote from: see
                       pt_wa_phone_build; absent when only bsuid was told */
    pt_str_t wa_id; /* of the newest number: where to send; its digits alone,
                       whatever stood between them */
    pt_str_t bsuid; /* business-scoped user id */
    pt_str_t name;  /* what WhatsApp calls them */
    pt_str_t username;
    pt_str_t next_phone; /* key of the number they have from now on */
    pt_str_t next_bsuid; /* the same of the id */
} pt_wa_sender_t;

typedef struct {
    pt_wa_place_t    place;
    const pt_json_t *json;
    pt_str_t         number; /* phone_number_id */
    pt_uuid_t        id;     /* derived: pt_uuid_derive */
    int64_t          at_us;  /* the time inside id */
    pt_str_t         wamid;
    pt_wa_sender_t   sender;
    pt_str_t         type;     /* message_type, a literal */
    pt_str_t         content;  /* what a person reads, "" if none */
    pt_str_t         preview;  /* <= 200 characters, never "" */
    pt_str_t         metadata; /* JSON object */
    pt_str_t         quoted;   /* wamid of what it answers, or absent */
} pt_wa_message_t;

typedef struct {
    pt_wa_place_t    place;
    const pt_json_t *json;
    pt_str_t         number;
    int64_t          at_us;
    pt_str_t         wamid;
    pt_str_t         said;  /* as WhatsApp said it */
    pt_str_t         moves; /* sent delivered read failed; absent: a receipt
                               and no more */
    pt_str_t         error; /* JSON {"code","title","detail"}, or absent */
    pt_str_t         raw;   /* JSON */
    pt_uuid_t        ours;  /* biz_opaque_callback_data, nil when it is no
                               UUID */
} pt_wa_status_t;

/* What goes to webhook_errors.  fatal: the item itself is not stored; else
 * it is, and this tells what was altered. */
typedef struct {
    pt_wa_place_t    place;
    const pt_json_t *json;
    pt_str_t         number; /* data NULL: none, the raw body alone keeps it */
    const char      *code;
    const char      *detail;
    bool             fatal;
} pt_wa_error_t;

typedef struct {
    uint32_t messages; /* all items of the lists, good and bad */
    uint32_t statuses;
    uint32_t value_errors;
    uint32_t echoes;
    uint32_t calls;
    uint32_t entries;
    uint32_t item_errors; /* fatal ones */
    uint32_t nfields;
    pt_str_t fields[PT_WA_FIELDS_MAX]; /* distinct; data NULL: no field */
} pt_wa_counts_t;

typedef struct {
    pt_wa_counts_t   counts;
    size_t           nmessages; /* without those repeated in the body */
    pt_wa_message_t *messages;
    size_t           nstatuses;
    pt_wa_status_t  *statuses;
    size_t           nerrors;
    pt_wa_error_t   *errors;
    size_t           nnumbers;
    pt_str_t        *numbers; /* distinct, sorted */
} pt_wa_t;

/*
 * Reads a body.  Whatever its shape, the outcome is PT_OK with what was
 * found.  PT_ELIMIT: more than PT_WEBHOOK_ITEMS_MAX items, out has the counts
 * alone; PT_ENOMEM and PT_ECRYPTO are the only other errors.  out borrows the
 * tree.
 */
pt_err_t pt_wa_parse(pt_arena_t *a, const pt_json_t *body,
                     pt_wa_t *out) PT_MUST_CHECK;

/* "entry[0].changes[1].value.messages[3]" on the arena. */
pt_err_t pt_wa_path_build(pt_arena_t *a, const pt_wa_place_t *place,
                          pt_str_t *out) PT_MUST_CHECK;

/*
 * type, content, preview, metadata, quoted of m->json (an object).  *detail
 * is NULL, or tells the needed field of a wrong type: the item cannot be
 * stored.  *cut: content or metadata was too long and was cut.  PT_ENOMEM.
 */
pt_err_t pt_wa_message_parse(pt_arena_t *a, pt_wa_message_t *m,
                             const char **detail, bool *cut) PT_MUST_CHECK;

/*
 * The key under which a phone number is found: its digits, with the variants
 * of one subscriber made one (Brazil with the ninth digit, Mexico without
 * the 1, Argentina without the 9).  What is no phone number is its own key.
 * PT_ENOMEM.
 */
pt_err_t pt_wa_phone_build(pt_arena_t *a, pt_str_t wa_id,
                           pt_str_t *out) PT_MUST_CHECK;

/*
 * The digits of a phone number, whatever stands between them ("+55 (11)
 * 9..."), on the arena; what is digits alone or no phone number is borrowed
 * as it is.  PT_ENOMEM.
 */
pt_err_t pt_wa_digits_build(pt_arena_t *a, pt_str_t wa_id,
                            pt_str_t *out) PT_MUST_CHECK;

/* Digits alone, 1 to PT_WA_PHONE_MAX of them. */
bool pt_wa_digits_is(pt_str_t s);

/* Sorts idx[0..n) by cmp(ctx, x, y), which is < 0, 0, > 0 of two entries.
 * Heap sort: in place, no recursion, no bad case; ties are cmp's matter. */
void pt_wa_sort(uint32_t *idx, size_t n,
                int (*cmp)(const void *ctx, uint32_t x, uint32_t y),
                const void *ctx);

/* Byte order; an absent slice stands first. */
int pt_wa_str_cmp(pt_str_t a, pt_str_t b);

#endif
