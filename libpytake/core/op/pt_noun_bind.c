/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Fills a statement's parameters by their names: pt_noun.h lists them.
 */

#include "pt_noun_parts.h"

#include <assert.h>


static void pt_noun_bind(pytake_op_t *op, const pytake_field_t *p);
static bool pt_noun_bind_path(pytake_op_t *op, const char *name);
static bool pt_noun_bind_own(pytake_op_t *op, const char *name);
static bool pt_noun_bind_idem(pytake_op_t *op, const char *name);
static void pt_noun_bind_value(pt_sql_t *b, const pytake_field_t *p,
                               const pt_value_t *v);


void
pt_noun_add(pytake_op_t *op, uint16_t stmt)
{
    uint16_t i;

    pt_sql_stmt(&op->batch, stmt);

    for (i = 0; i < pytake_stmts[stmt].nparams; i++) {
        pt_noun_bind(op, &pytake_stmts[stmt].params[i]);
    }
}


static void
pt_noun_bind(pytake_op_t *op, const pytake_field_t *p)
{
    bool             has = strncmp(p->name, "has_", 4) == 0;
    uint16_t         i;
    pt_noun_state_t *s = op->data;

    if (pt_noun_bind_path(op, p->name) || pt_noun_bind_own(op, p->name)
        || pt_noun_bind_idem(op, p->name))
    {
        return;
    }

    for (i = 0; i < s->fields.n; i++) {
        if (has && strcmp(p->name + 4, s->fields.v[i].name) == 0) {
            pt_sql_bool(&op->batch, s->values[i].given);
            return;
        }
        if (strcmp(p->name, s->fields.v[i].name) == 0) {
            pt_noun_bind_value(&op->batch, p, &s->values[i]);
            return;
        }
    }

    assert(0); /* no field, and none of the names above */
}


/* The ids of the path, by the names in the route's braces. */
static bool
pt_noun_bind_path(pytake_op_t *op, const char *name)
{
    size_t      len;
    uint16_t    i = 0;
    const char *at = pt_routes[op->match.index - 1].path;

    while ((at = strchr(at, '{')) != NULL) {
        at++;
        len = strcspn(at, "}");

        if (strlen(name) == len && memcmp(name, at, len) == 0) {
            pt_sql_uuid(&op->batch, &op->match.params[i]);
            return true;
        }
        i++;
    }

    return false;
}


static bool
pt_noun_bind_own(pytake_op_t *op, const char *name)
{
    pt_sql_t        *b = &op->batch;
    pt_noun_state_t *s = op->data;

    if (strcmp(name, "new_id") == 0) {
        pt_sql_uuid(b, &s->new_id);
    } else if (strcmp(name, "event_id") == 0) {
        pt_sql_uuid(b, &s->event_id);
    } else if (strcmp(name, "audit_id") == 0) {
        pt_sql_uuid(b, &s->audit_id);
    } else if (strcmp(name, "user_id") == 0) {
        pt_sql_uuid(b, &op->claims.sub);
    } else if (strcmp(name, "now") == 0) {
        pt_sql_time(b, s->now_us);
    } else if (strcmp(name, "request_id") == 0) {
        pt_sql_text(b, op->request_id);
    } else if (strcmp(name, "changes") == 0) {
        pt_sql_texts(b, (pt_texts_t){ s->changes, s->nchanges });
    } else if (strcmp(name, "below") == 0) {
        pt_sql_uuid(b, &s->from.id);
    } else if (strcmp(name, "most") == 0) {
        pt_sql_i32(b, (int32_t) op->limit + 1);
    } else if (strcmp(name, "if_match") != 0) {
        return false;
    } else if (s->match == PT_NOUN_ANY) {
        pt_sql_null(b);
    } else {
        /* versions begin with 1 */
        pt_sql_i32(b, s->match == PT_NOUN_EXACT ? (int32_t) s->version : 0);
    }

    return true;
}


static bool
pt_noun_bind_idem(pytake_op_t *op, const char *name)
{
    pt_sql_t *b = &op->batch;

    if (strcmp(name, "path") == 0) {
        pt_sql_text(
            b, (pt_str_t){ op->def->noun->path, strlen(op->def->noun->path) });
    } else if (strncmp(name, "idem_", 5) != 0) {
        return false;
    } else if (!op->idem) {
        pt_sql_null(b);
    } else if (strcmp(name, "idem_scope") == 0) {
        pt_sql_text(b, op->idem_scope);
    } else if (strcmp(name, "idem_key") == 0) {
        pt_sql_text(b, op->idem_key);
    } else {
        assert(strcmp(name, "idem_hash") == 0);
        pt_sql_bytes(b, (pt_str_t){ (const char *) op->idem_hash,
                                    sizeof(op->idem_hash) });
    }

    return true;
}


static void
pt_noun_bind_value(pt_sql_t *b, const pytake_field_t *p, const pt_value_t *v)
{
    if (p->array) {
        assert(p->type == PYTAKE_TYPE_UUID);
        pt_sql_uuids(b, (pt_uuids_t){ v->uuids, v->nuuids });
        return;
    }

    if (!v->given || v->null) {
        pt_sql_null(b);
        return;
    }

    switch (p->type) {

    case PYTAKE_TYPE_UUID:
        pt_sql_uuid(b, &v->uuid);
        break;

    case PYTAKE_TYPE_TEXT:
        pt_sql_text(b, v->text);
        break;

    case PYTAKE_TYPE_INT:
        pt_sql_i32(b, (int32_t) v->number);
        break;

    case PYTAKE_TYPE_BIG:
        pt_sql_i64(b, v->number);
        break;

    case PYTAKE_TYPE_BOOL:
        pt_sql_bool(b, v->yes);
        break;

    default:
        assert(0); /* a field is none of these */
    }
}
