/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Prints what the core declares, as JSON: its operations with their routes,
 * permissions, fields and shapes, who has which permission, and the errors.
 * openapi.yaml is made of it (tools/gen_openapi), and tests ask it.
 */

#include <stdio.h>

#include "core/op/pt_noun.h"

#define DESCRIBE_ERR_MAX 999 /* no pt_err_t lies beyond it */

static void        describe_op(const pt_route_t *route);
static void        describe_flag(const pt_op_def_t *def, const char *name,
                                 uint32_t flag);
static void        describe_errors(void);
static void        describe_error(const pt_err_row_t *row, const char *sep);
static void        describe_fields(const char *name, pt_fields_t fields);
static void        describe_field(const pt_field_t *f);
static void        describe_shape(uint16_t stmt);
static const char *describe_kind(const pt_op_def_t *def);
static void        describe_text(const char *name, const char *text);


static const char *const describe_methods[] = {
    [PYTAKE_GET] = "GET",       [PYTAKE_POST] = "POST",
    [PYTAKE_PATCH] = "PATCH",   [PYTAKE_PUT] = "PUT",
    [PYTAKE_DELETE] = "DELETE", [PYTAKE_UPGRADE] = "UPGRADE"
};

static const char *const describe_types[] = {
    [PYTAKE_TYPE_UUID] = "uuid",   [PYTAKE_TYPE_TEXT] = "text",
    [PYTAKE_TYPE_BYTES] = "bytes", [PYTAKE_TYPE_INT] = "int",
    [PYTAKE_TYPE_BIG] = "big",     [PYTAKE_TYPE_BOOL] = "bool",
    [PYTAKE_TYPE_TIME] = "time",   [PYTAKE_TYPE_JSON] = "json"
};

static const char *const describe_rates[] = { [PT_RATE_NONE] = NULL,
                                              [PT_RATE_LOGIN] = "login",
                                              [PT_RATE_READ] = "read",
                                              [PT_RATE_WRITE] = "write",
                                              [PT_RATE_SEND] = "send" };

static const char *const describe_field_types[] = {
    [PT_FIELD_TEXT] = "text",   [PT_FIELD_LINE] = "line",
    [PT_FIELD_ENUM] = "enum",   [PT_FIELD_UUID] = "uuid",
    [PT_FIELD_INT] = "int",     [PT_FIELD_BOOL] = "bool",
    [PT_FIELD_UUIDS] = "uuids", [PT_FIELD_LIST] = "list",
    [PT_FIELD_SECRET] = "text", [PT_FIELD_WORDS] = "words",
    [PT_FIELD_JSON] = "json",   [PT_FIELD_OBJECT] = "object"
};


int
main(void)
{
    int               perm;
    size_t            i, k;
    static const char roles[][12] = { "owner", "admin",  "supervisor",
                                      "agent", "viewer", "other" };

    printf("{\"operations\":[");
    for (i = 0; i < pt_routes_count; i++) {
        printf("%s", i == 0 ? "" : ",");
        describe_op(&pt_routes[i]);
    }

    printf("],\"permissions\":{");
    for (perm = PT_PERM_NONE + 1; perm < PT_PERM_MAX; perm++) {
        printf("%s\"%s\":[", perm == PT_PERM_NONE + 1 ? "" : ",",
               pt_perm_name((pt_perm_t) perm).data);
        for (i = 0, k = 0; i < PT_COUNT(roles); i++) {
            if (pt_perm_may((pt_str_t){ roles[i], strlen(roles[i]) },
                            (pt_perm_t) perm)) {
                printf("%s\"%s\"", k++ == 0 ? "" : ",", roles[i]);
            }
        }
        printf("]");
    }
    printf("},\"errors\":[");
    describe_errors();
    printf("]}\n");

    return ferror(stdout) != 0;
}


static void
describe_op(const pt_route_t *route)
{
    const pt_op_def_t *def = route->def;
    const char        *kind = describe_kind(def);

    printf("{\"name\":\"%s\",\"method\":\"%s\",\"path\":\"%s\","
           "\"kind\":\"%s\",\"permission\":",
           def->name, describe_methods[route->method], route->path, kind);
    if (def->perm == PT_PERM_NONE) {
        printf("null");
    } else {
        printf("\"%s\"", pt_perm_name(def->perm).data);
    }
    describe_flag(def, "idempotent", PT_OP_IDEMPOTENT);
    describe_flag(def, "body", PT_OP_BODY);
    describe_flag(def, "webhook", PT_OP_WEBHOOK);
    describe_flag(def, "page", PT_OP_PAGE);
    describe_flag(def, "any_args", PT_OP_ANY_ARGS);
    describe_text("rate", describe_rates[def->rate]);
    printf(",\"status\":%u", def->status);
    describe_fields("body_fields", pt_declared_body(def));
    describe_fields("arguments", pt_declared_query(def));

    if (def->noun != NULL) {
        describe_fields("fields", def->noun->fields);
        describe_fields("filters", def->noun->filters);
        describe_shape(strcmp(kind, "list") == 0 ? def->noun->list
                                                 : def->noun->get);
    }
    printf("}");
}


static void
describe_flag(const pt_op_def_t *def, const char *name, uint32_t flag)
{
    printf(",\"%s\":%s", name, (def->flags & flag) != 0 ? "true" : "false");
}


/* What the core tells first, then what nginx refuses by itself: a code may
 * come twice. */
static void
describe_errors(void)
{
    int                 i;
    const pt_err_row_t *row;

    describe_error(pt_err_get(PT_EINTERNAL), "");

    for (i = 1; i <= DESCRIBE_ERR_MAX; i++) {
        row = pt_err_get((pt_err_t) -i);
        if (row->err == (pt_err_t) -i) {
            describe_error(row, ",");
        }
    }

    for (i = 400; i <= 599; i++) {
        row = pt_err_status_get(i);
        if (row->status == i || row->status == 400) {
            describe_error(row, ",");
        }
    }
}


static void
describe_error(const pt_err_row_t *row, const char *sep)
{
    printf("%s{\"code\":\"%s\",\"status\":%d,\"title\":\"%s\"}",
           sep, row->code, row->status, row->title);
}


static const char *
describe_kind(const pt_op_def_t *def)
{
    size_t i;

    static const struct {
        pt_step_pt  step;
        const char *kind;
    } kinds[] = { { pt_noun_list_read, "list" },
                  { pt_noun_get_read, "get" },
                  { pt_noun_create_write, "create" },
                  { pt_noun_patch_write, "patch" },
                  { pt_noun_delete_write, "delete" } };

    for (i = 0; i < PT_COUNT(kinds); i++) {
        if (def->steps[0] == kinds[i].step) {
            return kinds[i].kind;
        }
    }

    return "own";
}


static void
describe_fields(const char *name, pt_fields_t fields)
{
    uint16_t i;

    printf(",\"%s\":[", name);
    for (i = 0; i < fields.n; i++) {
        printf("%s", i == 0 ? "" : ",");
        describe_field(&fields.v[i]);
    }
    printf("]");
}


static void
describe_field(const pt_field_t *f)
{
    printf("{\"name\":\"%s\",\"type\":\"%s\",\"required\":%s,"
           "\"nullable\":%s,\"me\":%s,\"or_text\":%s,\"min\":%u,\"max\":%u",
           f->name, describe_field_types[f->type],
           (f->flags & PT_FIELD_REQUIRED) != 0 ? "true" : "false",
           (f->flags & PT_FIELD_NULLABLE) != 0 ? "true" : "false",
           (f->flags & PT_FIELD_ME) != 0 ? "true" : "false",
           (f->flags & PT_FIELD_OR_TEXT) != 0 ? "true" : "false",
           f->type == PT_FIELD_SECRET ? 1 : f->min, f->max);
    describe_text("must", f->must);
    describe_text("one_of", f->one_of);
    describe_fields("of", f->of);
    printf("}");
}


static void
describe_shape(uint16_t stmt)
{
    bool                  first = true;
    uint16_t              i;
    const pytake_field_t *f;

    printf(",\"shape\":[");
    for (i = 0; i < pytake_stmts[stmt].ncols; i++) {
        f = &pytake_stmts[stmt].columns[i];
        printf("%s{\"name\":\"%s\",\"type\":\"%s%s\",\"nullable\":%s,"
               "\"hidden\":%s}",
               first ? "" : ",", f->name, describe_types[f->type],
               f->array ? "[]" : "", f->nullable ? "true" : "false",
               f->hidden ? "true" : "false");
        first = false;
    }
    printf("]");
}


/* A literal of ours, with nothing in it to escape. */
static void
describe_text(const char *name, const char *text)
{
    if (text != NULL) {
        printf(",\"%s\":\"%s\"", name, text);
    }
}
