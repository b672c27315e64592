/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "core/op/pt_noun.h"
#include "core/op/pt_page.h"


static const pt_field_t pt_tag_fields[] = {
    { "name", PT_FIELD_LINE, PT_FIELD_REQUIRED, 1, 100,
      "Must have 1 to 100 characters", NULL, PT_FIELDS_NONE },
    { "color", PT_FIELD_ENUM, PT_FIELD_NULLABLE, 0, 0,
      "Must be a colour's name",
      "gray red orange yellow green teal blue purple pink", PT_FIELDS_NONE },
    { "description", PT_FIELD_TEXT, PT_FIELD_NULLABLE, 0, 500,
      "Must have 500 characters at most", NULL, PT_FIELDS_NONE },
};

static const pt_field_t pt_tag_filters[] = {
    { "q", PT_FIELD_LINE, 0, 1, 100, "Must have 1 to 100 characters", NULL,
      PT_FIELDS_NONE },
};

static const pt_noun_t pt_noun_tag = {
    "/api/v1/tags/",    PT_FIELDS(pt_tag_fields), PT_FIELDS(pt_tag_filters),
    PT_PAGE_TAG,        PT_STMT_TAG_LIST,         PT_STMT_TAG_GET,
    PT_STMT_TAG_CREATE, PT_STMT_TAG_PATCH,        PT_STMT_TAG_DELETE
};

PT_NOUN_OPS(tag, PT_PERM_TAG_READ, PT_PERM_TAG_WRITE);
