/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_noun.h: what most of an API is: things that are listed, got, created,
 * changed and deleted.  A noun declares its fields and names its statements;
 * the steps here do the rest: every fault at once, the parameters by name,
 * the event, the audit's entry, Idempotency-Key, ETag and If-Match, cursors.
 *
 * A statement's parameters are filled by their names:
 *
 *     the names of the path's ids ("{id}")
 *     new_id now user_id request_id event_id audit_id changes
 *     idem_scope idem_key idem_hash path   what "-- writes:" adds
 *     if_match                             the version of If-Match, or NULL
 *     below most                           of a list: the keyset, limit + 1
 *     has_<field>                          whether the body had that field
 *     <field>                              its value, or a filter's
 *
 * What a tenant has once (pt_settings.c) can be got and patched alone: its
 * path has no "{id}" and its columns no "id", its statements find the row by
 * the tenant, and the audit knows it by the tenant's id.
 */

#ifndef PT_NOUN_H
#define PT_NOUN_H

#include "pt_field.h"

struct pt_noun_s {
    const char *path;    /* of create: what is before the id in Location,
                            "/api/v1/tags/" */
    pt_fields_t fields;  /* of the body of create and patch */
    pt_fields_t filters; /* of the list, beside limit and cursor */
    uint8_t     page;    /* kind of its cursors (pt_page.h) */
    uint16_t    list;    /* statements; of those that it has operations for */
    uint16_t    get;     /* patch and delete need it, too */
    uint16_t    create;
    uint16_t    patch;
    uint16_t    remove;
};

/* The steps of its operations, in pairs. */
pt_err_t pt_noun_list_read(pytake_op_t *op) PT_MUST_CHECK;
pt_err_t pt_noun_list_answer(pytake_op_t *op) PT_MUST_CHECK;
pt_err_t pt_noun_get_read(pytake_op_t *op) PT_MUST_CHECK;
pt_err_t pt_noun_get_answer(pytake_op_t *op) PT_MUST_CHECK;
pt_err_t pt_noun_create_write(pytake_op_t *op) PT_MUST_CHECK;
pt_err_t pt_noun_create_answer(pytake_op_t *op) PT_MUST_CHECK;
/* The ETag of what was just made, for that answer's replay. */
pt_err_t pt_noun_etag_first(pytake_op_t *op) PT_MUST_CHECK;
pt_err_t pt_noun_patch_write(pytake_op_t *op) PT_MUST_CHECK;
pt_err_t pt_noun_patch_answer(pytake_op_t *op) PT_MUST_CHECK;
pt_err_t pt_noun_delete_write(pytake_op_t *op) PT_MUST_CHECK;
pt_err_t pt_noun_delete_answer(pytake_op_t *op) PT_MUST_CHECK;

#define PT_NOUN_OP(noun_, verb, perm_, rate_, flags_, status_, first, second)  \
    const pt_op_def_t pt_##noun_##_##verb = { .name = #noun_ "_" #verb,        \
                                              .perm = perm_,                   \
                                              .rate = rate_,                   \
                                              .flags = flags_,                 \
                                              .status = status_,               \
                                              .steps = { first, second },      \
                                              .noun = &pt_noun_##noun_ }

#define PT_NOUN_LIST(noun, perm)                                               \
    PT_NOUN_OP(noun, list, perm, PT_RATE_READ, PT_OP_PAGE, 200,                \
               pt_noun_list_read, pt_noun_list_answer)

#define PT_NOUN_GET(noun, perm)                                                \
    PT_NOUN_OP(noun, get, perm, PT_RATE_READ, 0, 200, pt_noun_get_read,        \
               pt_noun_get_answer)

#define PT_NOUN_CREATE(noun, perm)                                             \
    PT_NOUN_OP(noun, create, perm, PT_RATE_WRITE,                              \
               PT_OP_BODY | PT_OP_IDEMPOTENT, 201, pt_noun_create_write,       \
               pt_noun_create_answer)

#define PT_NOUN_PATCH(noun, perm)                                              \
    PT_NOUN_OP(noun, patch, perm, PT_RATE_WRITE, PT_OP_BODY | PT_OP_PATCH,     \
               200, pt_noun_patch_write, pt_noun_patch_answer)

#define PT_NOUN_DELETE(noun, perm)                                             \
    PT_NOUN_OP(noun, delete, perm, PT_RATE_WRITE, 0, 204,                      \
               pt_noun_delete_write, pt_noun_delete_answer)

/* pt_<noun>_list, _get, _create, _patch, _delete of pt_noun_<noun>, and who
 * may read and write it. */
#define PT_NOUN_OPS(noun, read, write)                                         \
    PT_NOUN_LIST(noun, read);                                                  \
    PT_NOUN_GET(noun, read);                                                   \
    PT_NOUN_CREATE(noun, write);                                               \
    PT_NOUN_PATCH(noun, write);                                                \
    PT_NOUN_DELETE(noun, write)

#endif
