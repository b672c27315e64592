/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier_class.h: what an answer of the Graph API means for the message, the
 * recipient, the number.  Decided by error.code, never by title or HTTP status
 * (Meta, "Error codes").  Pure.
 */

#ifndef COURIER_CLASS_H
#define COURIER_CLASS_H

#include "core/base/pt_json.h"

typedef enum {
    COURIER_SENT = 0,     /* accepted: wamid is set */
    COURIER_RETRY,        /* later, this message */
    COURIER_RETRY_NUMBER, /* later, and the whole number waits meanwhile: not
                             the message's fault, no attempt is counted */
    COURIER_RETRY_PAIR,   /* later, and this recipient waits: 4^n seconds */
    COURIER_STOP,         /* the channel is stopped until a person acts */
    COURIER_FAILED,       /* never: the message is failed */
    COURIER_UNKNOWN       /* perhaps sent: a status will tell */
} courier_verdict_t;

#define COURIER_TEXT_MAX 512u
#define COURIER_ATTEMPTS_MAX 8u

typedef struct {
    courier_verdict_t verdict;
    int32_t           code;     /* Graph's; 0 when it gave none */
    uint32_t          after_ms; /* RETRY*: how long at least */
    pt_str_t          title;    /* borrowed from the arena or const */
    pt_str_t          detail;
    pt_str_t          wamid; /* SENT */
    pt_str_t          wa_id; /* SENT: where it really goes, or absent */
} courier_class_t;

typedef struct {
    bool     reached;  /* a connection stood: something may be written */
    bool     written;  /* all of the request may have been written */
    bool     answered; /* a whole HTTP answer came */
    uint32_t status;   /* HTTP */
    pt_str_t body;
    uint32_t attempts; /* this one included, 1.. */
} courier_answer_t;

/*
 * Never fails.  No answer: RETRY_NUMBER when nobody was reached, RETRY while a
 * part of the request had not been written (nobody can act on half a request),
 * else UNKNOWN.  An answer that is not the Graph API's: UNKNOWN for 5xx and
 * 2xx, RETRY for the others, which say that nothing was taken.  At
 * COURIER_ATTEMPTS_MAX a RETRY or RETRY_PAIR becomes FAILED with the last
 * error.  Scratch and results live on the arena.
 */
void courier_class_get(pt_arena_t *a, const courier_answer_t *answer,
                       courier_class_t *out);

#endif
