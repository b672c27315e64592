/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The settings of a tenant: each has them once, so that no path has an id.
 */

#include "core/op/pt_noun.h"


/* Whether there is such a time zone, PostgreSQL knows. */
static const pt_field_t pt_settings_fields[] = {
    { "name", PT_FIELD_LINE, PT_FIELD_REQUIRED, 1, 100,
      "Must have 1 to 100 characters", NULL, PT_FIELDS_NONE },
    { "locale", PT_FIELD_ENUM, PT_FIELD_NULLABLE, 0, 0,
      "Must be a language of the inbox", "en pt-BR", PT_FIELDS_NONE },
    { "time_zone", PT_FIELD_LINE, PT_FIELD_NULLABLE, 1, 64,
      "Must be a time zone's name in the IANA database", NULL, PT_FIELDS_NONE },
};

static const pt_noun_t pt_noun_settings = {
    .get = PT_STMT_SETTINGS_GET,
    .patch = PT_STMT_SETTINGS_PATCH,
    .fields = PT_FIELDS(pt_settings_fields),
};

PT_NOUN_GET(settings, PT_PERM_SETTINGS_READ);
PT_NOUN_PATCH(settings, PT_PERM_SETTINGS_WRITE);
