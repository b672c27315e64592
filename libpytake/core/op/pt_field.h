/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_field.h: what a body or a query may hold, declared as a table.  One
 * reader checks it, collects every fault with its path ("buttons[2].title"),
 * and keeps the three states that a PATCH tells apart: absent, null, a value.
 */

#ifndef PT_FIELD_H
#define PT_FIELD_H

#include "pt_op.h"

typedef enum {
    PT_FIELD_TEXT, /* min to max characters, more than blanks if min > 0 */
    PT_FIELD_LINE, /* the same, without anything that a line cannot show */
    PT_FIELD_ENUM, /* one word of one_of */
    PT_FIELD_UUID,
    PT_FIELD_INT, /* from min to max */
    PT_FIELD_BOOL,
    PT_FIELD_SECRET, /* 1 to max characters, blanks count as any other */
    PT_FIELD_WORDS,  /* of a query: one or several of one_of, by commas */
    PT_FIELD_JSON,   /* an object of any members, max bytes as JSON */
    PT_FIELD_OBJECT, /* an object with the fields of */
    PT_FIELD_UUIDS,  /* min to max of them */
    PT_FIELD_LIST    /* min to max objects, each with the fields of */
} pt_field_type_t;

#define PT_FIELD_REQUIRED 0x01u /* a PATCH may leave it out even so */
#define PT_FIELD_NULLABLE 0x02u
#define PT_FIELD_ME 0x04u      /* of a UUID: "me" is whoever asks */
#define PT_FIELD_GROWS 0x08u   /* of words: others will be allowed one day */
#define PT_FIELD_OR_TEXT 0x10u /* of an object: a string is its first field */

struct pt_field_s {
    const char     *name;
    pt_field_type_t type;
    uint32_t        flags;
    uint32_t        min;
    uint32_t        max;
    const char     *must;   /* says min and max in words: a fault's message */
    const char     *one_of; /* words by single blanks */
    pt_fields_t     of;
};

#define PT_FIELDS_MAX 32u   /* of one table */
#define PT_FIELD_ITEMS 100u /* of one list; max is not above it */

/* What was sent.  Slices live on the operation's arena. */
struct pt_value_s {
    bool              given; /* in the body, with a value or as null */
    bool              null;
    pt_str_t          text; /* of a list or any object the JSON of it */
    pt_uuid_t         uuid;
    int64_t           number;
    bool              yes;
    const pt_uuid_t  *uuids;
    size_t            nuuids;
    uint32_t          words;   /* bit i: the i-th word of one_of */
    const pt_value_t *members; /* of an object, one a field of its table */
};

/* Whether a field has a value, not null. */
#define pt_value_is(v) ((v)->given && !(v)->null)

/* Reads op->body into out, one value a field.  partial: what is required may
 * be absent.  Faults are added; PT_ENOMEM, PT_ELIMIT. */
pt_err_t pt_field_read(pytake_op_t *op, pt_fields_t fields, bool partial,
                       pt_value_t *out) PT_MUST_CHECK;

/* Reads the query's arguments: lists, objects and nested ones are none.
 * Arguments of other names are not looked at.  Faults are added. */
void pt_field_args(pytake_op_t *op, pt_fields_t fields, pt_value_t *out);

/* The i-th of words by single blanks; false behind the last one. */
bool pt_field_word(const char *words, uint32_t i, pt_str_t *out);

/* The tables by which the engine reads an operation: its noun's, or its own. */
pt_fields_t pt_declared_query(const pt_op_def_t *def);
pt_fields_t pt_declared_body(const pt_op_def_t *def);

/* A hash of what a list was asked for, beside limit and cursor: the ids of
 * its path and its arguments, however they were written.  PT_ENOMEM,
 * PT_ECRYPTO. */
pt_err_t pt_declared_hash(pytake_op_t *op, uint64_t *out) PT_MUST_CHECK;

#endif
