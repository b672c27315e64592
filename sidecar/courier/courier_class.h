/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier_class.h: what an answer of the Graph API means for the message, the
 * recipient and the number.  error.code decides, never the title or the HTTP
 * status, as Meta advises ("Error codes").  This does no IO.
 */

#ifndef COURIER_CLASS_H
#define COURIER_CLASS_H

#include "core/base/pt_json.h"

/* A number is a business's own phone number, the channel it sends from. */
typedef enum {
    COURIER_SENT = 0,     /* it is accepted, and wamid is set */
    COURIER_RETRY,        /* this message is tried again later */
    COURIER_RETRY_NUMBER, /* the whole number waits, for it is not the
                             message's fault; no attempt is counted */
    COURIER_RETRY_PAIR,   /* this recipient waits for 4^n seconds */
    COURIER_STOP,         /* the number is stopped until a person acts */
    COURIER_FAILED,       /* the message is never sent */
    COURIER_UNKNOWN       /* it may have been sent; a status will tell */
} courier_verdict_t;

#define COURIER_TEXT_MAX 512u   /* bytes of a title, a detail, an id */
#define COURIER_ATTEMPTS_MAX 8u /* calls for one message */

typedef struct {
    courier_verdict_t verdict;
    int32_t           code;     /* the Graph API's; 0: it gave none */
    uint32_t          after_ms; /* of RETRY*: the least time to wait */
    pt_str_t          title;    /* on the arena, or a constant */
    pt_str_t          detail;   /* on the arena, or a constant */
    pt_str_t          wamid;    /* of SENT: Meta's id of the message */
    pt_str_t          wa_id;    /* of SENT: the number it goes to; or absent */
} courier_class_t;

/* What came of one call. */
typedef struct {
    bool     reached;  /* there was a connection to write on */
    bool     written;  /* all of the request may have been written */
    bool     answered; /* a whole HTTP answer came */
    uint32_t status;   /* of HTTP; 0: none */
    pt_str_t body;     /* of the answer, borrowed */
    uint32_t attempts; /* calls for the message so far, from 1 on */
} courier_answer_t;

/*
 * Decides what an answer means and writes it to *out, whose strings live on
 * the arena.  It never fails.
 *
 * Without an answer the verdict is RETRY_NUMBER when nobody was reached; RETRY
 * while a part of the request had not been written, for nobody can act on half
 * a request; else UNKNOWN.  An answer that is not the Graph API's is UNKNOWN
 * for 5xx and 2xx; of the others 429 is RETRY_NUMBER and the rest RETRY, since
 * they say that nothing was taken.  At COURIER_ATTEMPTS_MAX a RETRY or
 * RETRY_PAIR becomes FAILED with the last error.
 */
void courier_class_get(pt_arena_t *a, const courier_answer_t *answer,
                       courier_class_t *out);

#endif
