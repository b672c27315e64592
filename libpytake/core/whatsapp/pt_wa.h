/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_wa.h: reads a WhatsApp webhook body (Meta's page "Webhooks notification
 * payload reference").  A JSON tree goes in; out come the messages and statuses
 * that can be stored, the items that cannot, and counts of all that there was.
 * Nothing here knows of the database; everything lies on the arena.
 *
 * The fault of one item stays with that item: it becomes an entry of errors[],
 * and its neighbours are read on (docs/webhook.md lists the codes).
 */

#ifndef PT_WA_H
#define PT_WA_H

#include "core/base/pt_json.h"
#include "core/base/pt_util.h"

#define PT_WA_ID_MAX 512u     /* bytes of an identifier; a wamid has about 60 */
#define PT_WA_STATUS_MAX 64u  /* bytes of a status's name */
#define PT_WA_NAME_CHARS 256u /* characters of a contact's name */
/* The sizes of a message's content, in characters, and of its metadata, in
 * bytes. */
#define PT_WA_CONTENT_CHARS 16384u
#define PT_WA_METADATA_MAX (128u * 1024)
#define PT_WA_FIELDS_MAX 64u /* distinct names of fields in the summary */
#define PT_WA_PHONE_MAX 20u  /* digits of a phone number */

typedef enum {
    PT_WA_MESSAGE = 0,
    PT_WA_STATUS,
    PT_WA_CHANNEL /* an item of value.errors[], which is about the number */
} pt_wa_kind_t;

/* The place of an item in the body: entry[E].changes[C].value.<list>[I]. */
typedef struct {
    pt_wa_kind_t kind;
    uint32_t     entry;
    uint32_t     change;
    uint32_t     index;
} pt_wa_place_t;

/* Who wrote a message.  Absent parts have data NULL, but phone or bsuid is
 * always there. */
typedef struct {
    /* The key of the number that they wrote from (pt_wa_phone_build()); absent
     * when WhatsApp named them by bsuid alone. */
    pt_str_t phone;
    /* The digits of their newest number, without what stood between them;
     * messages are sent there. */
    pt_str_t wa_id;
    pt_str_t bsuid; /* their business-scoped user id */
    pt_str_t name;  /* their name in WhatsApp */
    pt_str_t username;
    pt_str_t next_phone; /* the key of the number that they have from now on */
    pt_str_t next_bsuid; /* the business-scoped id that they have from now on */
} pt_wa_sender_t;

typedef struct {
    pt_wa_place_t    place;
    const pt_json_t *json;
    pt_str_t         number; /* the phone_number_id that it was sent to */
    pt_uuid_t        id;     /* derived by pt_uuid_derive() */
    int64_t          at_us;  /* the time inside id, in Unix microseconds */
    pt_str_t         wamid;
    pt_wa_sender_t   sender;
    pt_str_t         type;     /* the message_type, a string literal */
    pt_str_t         content;  /* what a person reads, "" if nothing */
    pt_str_t         preview;  /* its beginning, at most 200 characters,
                                  never "" */
    pt_str_t         metadata; /* a JSON object */
    pt_str_t         quoted;   /* the wamid of the message that it answers,
                                  or absent */
} pt_wa_message_t;

typedef struct {
    pt_wa_place_t    place;
    const pt_json_t *json;
    pt_str_t         number;
    int64_t          at_us;
    pt_str_t         wamid;
    pt_str_t         said; /* the status in WhatsApp's word */
    /* The status that our message gets by it: sent, delivered, read or failed;
     * absent when it is a receipt and changes nothing. */
    pt_str_t moves;
    pt_str_t error; /* JSON {"code","title","detail"}, or absent */
    pt_str_t raw;   /* the item as JSON */
    /* The id of our message, from biz_opaque_callback_data; nil when that is no
     * UUID. */
    pt_uuid_t ours;
} pt_wa_status_t;

/* One row for webhook_errors.  If it is fatal, the item itself is not stored;
 * else the item is stored, and this says what was altered of it.  code and
 * detail are string literals. */
typedef struct {
    pt_wa_place_t    place;
    const pt_json_t *json;
    pt_str_t         number; /* the phone_number_id; data NULL: none, so the
                                item is kept in the raw body alone */
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
    uint32_t item_errors; /* how many entries of errors[] are fatal */
    uint32_t nfields;
    pt_str_t fields[PT_WA_FIELDS_MAX]; /* distinct names; data NULL: a change
                                          without one */
} pt_wa_counts_t;

typedef struct {
    pt_wa_counts_t   counts;
    size_t           nmessages; /* each message once, even if the body
                                   repeats it */
    pt_wa_message_t *messages;
    size_t           nstatuses;
    pt_wa_status_t  *statuses;
    size_t           nerrors;
    pt_wa_error_t   *errors;
    size_t           nnumbers;
    pt_str_t        *numbers; /* distinct and sorted */
} pt_wa_t;

/*
 * Reads a body to *out, which is the caller's and borrows the tree.  Whatever
 * the body's shape is, the result is PT_OK with what was found.  Errors:
 * PT_ELIMIT when there are more than PT_WEBHOOK_ITEMS_MAX items, and then out
 * has the counts alone; PT_ENOMEM; PT_ECRYPTO.
 */
pt_err_t pt_wa_parse(pt_arena_t *a, const pt_json_t *body,
                     pt_wa_t *out) PT_MUST_CHECK;

/* Writes a place as text, "entry[0].changes[1].value.messages[3]", to the
 * arena.  Errors: PT_ENOMEM, PT_ELIMIT. */
pt_err_t pt_wa_path_build(pt_arena_t *a, const pt_wa_place_t *place,
                          pt_str_t *out) PT_MUST_CHECK;

/*
 * Reads type, content, preview, metadata and quoted of m->json, which is an
 * object, into *m.  *detail becomes NULL, or names the needed field that has a
 * wrong type: the item cannot be stored then.  *cut says whether content or
 * metadata was too long and was cut.  The only error is PT_ENOMEM.
 */
pt_err_t pt_wa_message_parse(pt_arena_t *a, pt_wa_message_t *m,
                             const char **detail, bool *cut) PT_MUST_CHECK;

/*
 * Makes the key under which a phone number is found, on the arena: its digits,
 * with the variants of one subscriber's number made one (Brazil has the ninth
 * digit, Mexico has no 1, Argentina has no 9).  What is no phone number is its
 * own key.  The only error is PT_ENOMEM.
 */
pt_err_t pt_wa_phone_build(pt_arena_t *a, pt_str_t wa_id,
                           pt_str_t *out) PT_MUST_CHECK;

/*
 * Takes the digits of a phone number, whatever stands between them ("+55 (11)
 * 9..."), to the arena.  What has digits alone or is no phone number is
 * borrowed as it is.  The only error is PT_ENOMEM.
 */
pt_err_t pt_wa_digits_build(pt_arena_t *a, pt_str_t wa_id,
                            pt_str_t *out) PT_MUST_CHECK;

/* Whether s is 1 to PT_WA_PHONE_MAX digits and nothing else. */
bool pt_wa_digits_is(pt_str_t s);

/* Sorts idx[0..n), the caller's, by cmp(ctx, x, y), which is < 0, 0 or > 0
 * for two entries.  It is a heap sort: it works in place, has no recursion
 * and no bad case, but does not keep the order of equal entries; cmp must
 * decide that. */
void pt_wa_sort(uint32_t *idx, size_t n,
                int (*cmp)(const void *ctx, uint32_t x, uint32_t y),
                const void *ctx);

/* Compares two slices in the order of their bytes; an absent one comes
 * first. */
int pt_wa_str_cmp(pt_str_t a, pt_str_t b);

#endif
