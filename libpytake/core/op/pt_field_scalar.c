/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Values without members: of a query's arguments, and of a body's fields.
 */

#include "pt_field_parts.h"

#include <assert.h>


static void pt_field_arg(pytake_op_t *op, const pt_field_t *f, pt_str_t text,
                         pt_value_t *out);
static bool pt_field_text_arg(const pt_field_t *f, pt_str_t text);
static bool pt_field_has_hidden(pt_str_t s);
static void pt_field_words(pytake_op_t *op, const pt_field_t *f, pt_str_t path,
                           pt_str_t text, pt_value_t *out);
static int  pt_field_word_find(const char *words, pt_str_t word);


void
pt_field_args(pytake_op_t *op, pt_fields_t fields, pt_value_t *out)
{
    pt_str_t text;
    uint16_t i;

    for (i = 0; i < fields.n; i++) {
        memset(&out[i], 0, sizeof(out[i]));

        if (pt_arg_find(op, fields.v[i].name, &text)) {
            out[i].given = true;
            pt_field_arg(op, &fields.v[i], text, &out[i]);
        }
    }
}


static void
pt_field_arg(pytake_op_t *op, const pt_field_t *f, pt_str_t text,
             pt_value_t *out)
{
    bool     is_one;
    int64_t  number = 0;
    pt_str_t name = { f->name, strlen(f->name) };

    switch (f->type) {

    case PT_FIELD_TEXT:
    case PT_FIELD_LINE:
    case PT_FIELD_SECRET:
        out->text = text;
        if (!pt_field_text_arg(f, text)) {
            pt_op_fault(op, name, "invalid", pt_field_must(f, "Not allowed"));
        }
        break;

    case PT_FIELD_WORDS:
        pt_field_words(op, f, name, text, out);
        break;

    case PT_FIELD_ENUM:
        pt_field_enum(op, f, name, text, out);
        break;

    case PT_FIELD_UUID:
        pt_field_uuid(op, f, name, text, out);
        break;

    case PT_FIELD_INT:
        is_one = pt_i64_parse(text, &number);
        pt_field_number(op, f, name, is_one, number, out);
        break;

    case PT_FIELD_BOOL:
        out->yes = pt_str_is(text, "true");
        if (!out->yes && !pt_str_is(text, "false")) {
            pt_op_fault(op, name, "invalid", "Must be true or false");
        }
        break;

    case PT_FIELD_JSON:
    case PT_FIELD_OBJECT:
    case PT_FIELD_UUIDS:
    case PT_FIELD_LIST:
        assert(0); /* A query has none of these. */
    }
}


void
pt_field_text(pytake_op_t *op, const pt_field_t *f, pt_str_t path,
              pt_str_t text, pt_value_t *out)
{
    size_t n = pt_utf8_count(text);

    out->text = text;

    if (f->type == PT_FIELD_SECRET ? n == 0
                                   : f->min != 0 && pt_utf8_is_blank(text)) {
        pt_op_fault(op, path, "required", "Must not be empty");

    } else if (n < f->min) {
        pt_op_fault(op, path, "too_short", pt_field_must(f, "Too short"));

    } else if (n > f->max) {
        pt_op_fault(op, path, "too_long", pt_field_must(f, "Too long"));

    } else if (f->type == PT_FIELD_LINE && pt_field_has_hidden(text)) {
        pt_op_fault(op, path, "invalid",
                    "Must be one line without control characters");
    }
}


/* What is looked for may be blanks. */
static bool
pt_field_text_arg(const pt_field_t *f, pt_str_t text)
{
    size_t n = pt_utf8_count(text);

    return n >= f->min && n <= f->max
           && (f->type != PT_FIELD_LINE || !pt_field_has_hidden(text));
}


static bool
pt_field_has_hidden(pt_str_t s)
{
    while (s.len != 0) {
        if (pt_utf8_char_is_hidden(pt_utf8_next(&s))) {
            return true;
        }
    }

    return false;
}


void
pt_field_enum(pytake_op_t *op, const pt_field_t *f, pt_str_t path,
              pt_str_t text, pt_value_t *out)
{
    out->text = text;

    if (pt_field_word_find(f->one_of, text) < 0) {
        pt_op_fault(op, path,
                    (f->flags & PT_FIELD_GROWS) != 0 ? "unsupported"
                                                     : "invalid",
                    pt_field_must(f, "Not one of its values"));
    }
}


static void
pt_field_words(pytake_op_t *op, const pt_field_t *f, pt_str_t path,
               pt_str_t text, pt_value_t *out)
{
    int    found;
    size_t i, start;

    for (start = 0, i = 0; i <= text.len; i++) {
        if (i < text.len && text.data[i] != ',') {
            continue;
        }

        found = pt_field_word_find(f->one_of,
                                   (pt_str_t){ text.data + start, i - start });
        if (found < 0) {
            pt_op_fault(op, path, "invalid",
                        pt_field_must(f, "Not one of its values"));
            return;
        }

        out->words |= UINT32_C(1) << found;
        start = i + 1;
    }
}


bool
pt_field_word(const char *words, uint32_t i, pt_str_t *out)
{
    for (;; words += out->len + 1) {
        *out = (pt_str_t){ words, strcspn(words, " ") };

        if (i == 0) {
            return out->len != 0;
        }
        if (words[out->len] == '\0') {
            return false;
        }
        i--;
    }
}


/* Its place, or -1. */
static int
pt_field_word_find(const char *words, pt_str_t word)
{
    int      i;
    pt_str_t one;

    for (i = 0; pt_field_word(words, (uint32_t) i, &one); i++) {
        if (pt_str_eq(one, word)) {
            return i;
        }
    }

    return -1;
}


void
pt_field_uuid(pytake_op_t *op, const pt_field_t *f, pt_str_t path,
              pt_str_t text, pt_value_t *out)
{
    if ((f->flags & PT_FIELD_ME) != 0 && pt_str_is(text, "me")) {
        out->uuid = op->claims.sub;

    } else if (!pt_uuid_parse(text, &out->uuid)) {
        pt_op_fault(op, path, "invalid", pt_field_must(f, "Must be a UUID"));
    }
}


void
pt_field_number(pytake_op_t *op, const pt_field_t *f, pt_str_t path,
                bool is_one, int64_t number, pt_value_t *out)
{
    out->number = number;

    if (!is_one) {
        pt_op_fault(op, path, "type", "Must be a whole number");

    } else if (number < f->min || number > f->max) {
        pt_op_fault(op, path, "invalid", pt_field_must(f, "Out of range"));
    }
}


const char *
pt_field_must(const pt_field_t *f, const char *otherwise)
{
    return f->must != NULL ? f->must : otherwise;
}
