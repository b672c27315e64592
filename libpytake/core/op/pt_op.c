/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * The engine: it runs an operation's steps, hands their effects to the driver,
 * and judges the outcomes.
 */

#include "pt_op_parts.h"
#include "pt_noun.h"

#include <assert.h>


typedef struct {
    char     sqlstate[6]; /* a shorter one is a prefix */
    pt_err_t err;
} pt_op_sqlstate_t;


static pt_err_t    pt_op_make(pytake_t *pt, const pytake_request_t *req,
                              const uint8_t seed[32], int64_t now_us,
                              pytake_op_t **out);
static void        pt_op_run(pytake_op_t *op);
static pt_err_t    pt_op_step(pytake_op_t *op);
static void        pt_op_refuse(pytake_op_t *op, pt_err_t err);
static pt_err_t    pt_op_settle(pytake_op_t *op);
static pt_err_t    pt_op_settle_looked(pytake_op_t *op);
static bool        pt_op_is_revoked(const pytake_op_t *op);
static bool        pt_op_again(pytake_op_t *op);
static bool        pt_op_dayless(const pytake_op_t *op);
static void        pt_op_help(pytake_op_t *op);
static pt_err_t    pt_op_failure(pytake_op_t *op);
static pt_err_t    pt_op_sqlstate(pytake_op_t *op);
static bool        pt_op_refused(pytake_op_t *op, pt_err_t *err);
static const char *pt_op_refusal_message(const pytake_op_t      *op,
                                         const pytake_refusal_t *refusal);
static pt_str_t    pt_op_text(bool known, const char id[PT_UUID_LEN]);


/* What each SQLSTATE means.  Our own SQL functions raise PTxyz, with a message
 * that is meant for the client. */
static const pt_op_sqlstate_t pt_op_sqlstates[] = {
    { "PT401", PT_EREVOKED },    { "PT403", PT_EFORBIDDEN },
    { "PT404", PT_ENOTFOUND },   { "PT409", PT_ECONFLICT },
    { "PT422", PT_EVALIDATION }, { "40001", PT_EBUSY },
    { "40P01", PT_EBUSY },       { "55P03", PT_EBUSY },
    { "57014", PT_EDEADLINE }, /* statement_timeout */
    { "57P", PT_EDBAWAY },     /* the server shuts down or starts */
    { "53", PT_EBUSY },        /* it has no memory, disk, connections */
    { "58", PT_EDBAWAY },      /* its disk or files fail */
    { "25006", PT_EDBAWAY },   /* it is a standby, not promoted yet */
    { "22", PT_EVALIDATION }   /* a value in JSON that it cannot hold */
};


pt_err_t
pytake_op_new(pytake_t *pt, const pytake_request_t *req, const uint8_t seed[32],
              int64_t now_us, pytake_op_t **out)
{
    pt_err_t err;

    err = pt_op_make(pt, req, seed, now_us, out);
    if (err != PT_OK) {
        return err;
    }

    err = pt_admit(*out);
    if (err != PT_OK) {
        pt_reply_problem(*out, err);
    }

    return PT_OK;
}


pt_err_t
pytake_op_judge(pytake_t *pt, const pytake_request_t *req,
                const uint8_t seed[32], int64_t now_us, pytake_op_t **out)
{
    pt_err_t     err;
    pytake_op_t *op;

    *out = NULL;

    err = pt_op_make(pt, req, seed, now_us, &op);
    if (err != PT_OK) {
        return err;
    }

    err = pt_admit_header(op);
    if (err == PT_OK) {
        pytake_op_del(op);
        return PT_OK;
    }

    pt_reply_problem(op, err);
    *out = op;

    return PT_OK;
}


void
pytake_op_del(pytake_op_t *op)
{
    if (op != NULL) {
        pt_arena_del(op->arena);
    }
}


pytake_effect_type_t
pytake_op_next(pytake_op_t *op, pytake_effect_t *out)
{
    assert(!op->waiting);

    if (!op->replied && !op->has_effect) {
        pt_op_run(op);
    }

    if (op->published < op->npublish) {
        out->type = PYTAKE_EFFECT_REDIS;
        out->u.redis = op->publish[op->published++];
        return out->type;
    }

    if (op->has_effect) {
        op->has_effect = false;
        op->waiting = true;
        *out = op->effect;
        return out->type;
    }

    assert(op->replied);

    out->type = PYTAKE_EFFECT_DONE;
    out->u.done = op->response;
    out->u.done.nheaders = op->nheaders;
    out->u.done.headers = op->headers;

    return out->type;
}


void
pytake_op_feed_sql(pytake_op_t *op, int64_t now_us,
                   const pytake_sql_result_t *result)
{
    assert(op->waiting && op->effect.type == PYTAKE_EFFECT_SQL);
    assert(result->err != PT_OK || result->nrows == op->effect.u.sql.nstmts);

    op->now_us = now_us;
    op->result_copy = *result;
    op->result = &op->result_copy;
    op->waiting = false;
    op->fed = true;
}


void
pytake_op_feed_work(pytake_op_t *op, int64_t now_us, pt_err_t err, bool match)
{
    assert(op->waiting && op->effect.type == PYTAKE_EFFECT_WORK);

    op->now_us = now_us;
    op->fed_err = err;
    op->work_match = err == PT_OK && match;
    op->waiting = false;
    op->fed = true;
}


void
pytake_op_feed_wait(pytake_op_t *op, int64_t now_us, uint32_t wait_s)
{
    assert(wait_s != 0);

    op->wait_s = wait_s;
    pytake_op_feed_work(op, now_us, PT_EATTEMPTS, false);
}


void
pytake_op_fail(pytake_op_t *op, int64_t now_us, pt_err_t err)
{
    assert(err != PT_OK);

    op->now_us = now_us;
    op->waiting = false;
    op->has_effect = false;
    op->fed = false;

    if (!op->replied) {
        pt_reply_problem(op, err);
    }
}


void
pytake_op_info(const pytake_op_t *op, pytake_op_info_t *out)
{
    out->op = PT_STR("");
    if (op->def != NULL) {
        out->op = (pt_str_t){ op->def->name, strlen(op->def->name) };
    }

    out->request_id = op->request_id;
    if (out->request_id.data == NULL) {
        out->request_id = PT_STR("");
    }

    out->code = (pt_str_t){ op->code, strlen(op->code) };
    out->note = (pt_str_t){ op->note, strlen(op->note) };
    out->route = op->match.index;

    out->user_id = pt_op_text(op->has_user, op->user_id);
    out->tenant_id = pt_op_text(op->has_user, op->tenant_id);
    out->conversation_id =
        pt_op_text(op->has_conversation, op->conversation_id);
}


void
pt_op_goto(pytake_op_t *op, pt_step_pt step)
{
    uint16_t i;

    for (i = 0; i < PT_OP_STEPS_MAX; i++) {
        if (op->def->steps[i] == step) {
            op->step = i;
            return;
        }
    }

    assert(0); /* the step is another operation's */
}


void
pt_op_user(pytake_op_t *op, const pt_uuid_t *tenant, const pt_uuid_t *user)
{
    pt_uuid_build(tenant, op->tenant_id);
    pt_uuid_build(user, op->user_id);
    op->has_user = true;
}


void
pt_op_conversation(pytake_op_t *op, const pt_uuid_t *id)
{
    pt_uuid_build(id, op->conversation_id);
    op->has_conversation = true;
}


static pt_err_t
pt_op_make(pytake_t *pt, const pytake_request_t *req, const uint8_t seed[32],
           int64_t now_us, pytake_op_t **out)
{
    pt_arena_t           *a;
    pytake_op_t          *op;
    pytake_route_t        found;
    const pytake_route_t *route = req->route;

    *out = NULL;

    if (route == NULL) {
        pytake_route_find(req->method, req->path, &found);
        route = &found;
    }

    a = pt_arena_new(&pt->conf.mem,
                     route->webhook ? PT_ARENA_WEBHOOK_MAX : PT_ARENA_MAX);
    if (a == NULL) {
        return PT_ENOMEM;
    }

    op = pt_arena_calloc(a, 1, sizeof(pytake_op_t));
    if (op == NULL) {
        pt_arena_del(a);
        return PT_ENOMEM;
    }

    op->pt = pt;
    op->arena = a;
    op->req_copy = *req;
    op->req = &op->req_copy;
    op->now_us = now_us;
    op->code = "";
    op->note = "";
    op->match = *route;
    op->def = pt_route_def(route);
    memcpy(op->rand.seed, seed, sizeof(op->rand.seed));

    *out = op;

    return PT_OK;
}


static void
pt_op_run(pytake_op_t *op)
{
    pt_err_t err = PT_OK;

    if (op->fed) {
        op->fed = false;
        err = pt_op_settle(op);
    }

    while (err == PT_OK && !op->replied && !op->has_effect) {
        err = pt_op_step(op);
    }

    if (err != PT_OK) {
        pt_op_refuse(op, err);
    }
}


static pt_err_t
pt_op_step(pytake_op_t *op)
{
    pt_step_pt step;

    assert(op->def != NULL);

    if (op->step == PT_OP_STEPS_MAX || op->def->steps[op->step] == NULL) {
        return PT_EINTERNAL; /* the last step did not answer */
    }

    step = op->def->steps[op->step++];

    return step(op);
}


/*
 * Ends an operation with a refusal.  If it has a key and went as far as SQL, it
 * may have been done before, when the refusal did not hold yet: the answer of
 * that time goes before the refusal.
 */
static void
pt_op_refuse(pytake_op_t *op, pt_err_t err)
{
    op->has_effect = false;

    if (op->idem && op->sql_done && !op->idem_looked && err > -100
        && err != PT_EREVOKED && err != PT_EIDEMINPROGRESS)
    {
        op->refusal = err;
        err = pt_idem_look(op);
        if (err == PT_OK) {
            return;
        }
        op->has_effect = false;
    }

    pt_reply_problem(op, err);
}


static pt_err_t
pt_op_settle(pytake_op_t *op)
{
    bool want_errors = op->want_errors;

    op->want_errors = false;

    if (op->effect.type == PYTAKE_EFFECT_WORK) {
        return op->fed_err;
    }

    op->sql_done = true;

    /* Whatever came of the help, the batch is sent again, because somebody else
     * may have made the day. */
    if (op->helping) {
        op->helping = false;
        op->want_errors = want_errors;
        op->effect.u.sql = op->batch.sql;
        op->has_effect = true;
        return PT_OK;
    }

    if (pt_op_is_revoked(op)) {
        return PT_EREVOKED;
    }

    if (op->result->err == PT_OK) {
        op->retries = 0;
        op->helped = false;
        return op->idem_looking ? pt_op_settle_looked(op) : PT_OK;
    }

    if (pt_op_again(op)) {
        op->want_errors = want_errors;
        op->has_effect = true;
        return PT_OK;
    }

    if (pt_op_dayless(op) && !op->helped) {
        pt_op_help(op);
        op->want_errors = want_errors;
        return PT_OK;
    }

    if (want_errors) {
        return PT_OK;
    }

    if (op->result->err == PT_EDB && !op->idem_looking
        && memcmp(op->result->sqlstate, "23505", 5) == 0
        && (pt_idem_is_store(op, op->result->failed_stmt)
            || pt_str_is(op->result->table, "idempotency_keys")))
    {
        op->refusal = PT_EBUSY;
        return pt_idem_look(op);
    }

    return pt_op_failure(op);
}


static pt_err_t
pt_op_settle_looked(pytake_op_t *op)
{
    pt_err_t err;

    op->idem_looking = false;

    err = pt_idem_replay(op);

    return err == PT_ENOTFOUND ? op->refusal : err;
}


/* Whether the session is revoked.  session_enter is first in every batch of a
 * session and says so; the statements behind it then saw no tenant, and one may
 * have failed for that. */
static bool
pt_op_is_revoked(const pytake_op_t *op)
{
    const pytake_sql_result_t *r = op->result;

    return op->first != 0 && op->batch.stmts[0].stmt == PT_STMT_SESSION_ENTER
           && (r->err == PT_OK || r->err == PT_EDB) && r->nrows != 0
           && !pt_cell_bool(&r->rows[0], 0, 0);
}


static bool
pt_op_again(pytake_op_t *op)
{
    const pytake_sql_result_t *r = op->result;

    if (r->err != PT_EDB || op->retries == PT_SQL_RETRIES_MAX) {
        return false;
    }

    if (memcmp(r->sqlstate, "40001", 5) != 0
        && memcmp(r->sqlstate, "40P01", 5) != 0
        && memcmp(r->sqlstate, "55P03", 5) != 0)
    {
        return false;
    }

    /* The other request with the same key has been waited for long enough. */
    if (memcmp(r->sqlstate, "55P03", 5) == 0
        && r->failed_stmt < op->batch.sql.nstmts
        && op->batch.stmts[r->failed_stmt].stmt == PT_STMT_IDEM_LOCK)
    {
        return false;
    }

    op->retries++;

    return true;
}


/* Whether the batch failed because a row belongs to a day that has no
 * partition. */
static bool
pt_op_dayless(const pytake_op_t *op)
{
    const pytake_sql_result_t *r = op->result;

    return r->err == PT_EDB && memcmp(r->sqlstate, "23514", 5) == 0
           && (pt_str_eq(r->table, PT_STR("event_log"))
               || pt_str_eq(r->table, PT_STR("webhook_raw")));
}


/* Asks for the day to be made; after that the batch is sent again, but only
 * once. */
static void
pt_op_help(pytake_op_t *op)
{
    pytake_sql_t *sql = &op->effect.u.sql;

    op->help_stmt = (pytake_stmt_t){ PT_STMT_DAYS_HELP, 0, NULL };

    memset(sql, 0, sizeof(pytake_sql_t));
    sql->class = PYTAKE_SQL_WRITE;
    sql->tenant = op->batch.sql.tenant;
    sql->nstmts = 1;
    sql->stmts = &op->help_stmt;

    op->helped = true;
    op->helping = true;
    op->has_effect = true;
}


static pt_err_t
pt_op_failure(pytake_op_t *op)
{
    const pytake_sql_result_t *r = op->result;

    switch (r->err) {

    case PT_EDB:
        return pt_op_sqlstate(op);

    case PT_EOUTCOME:
        /* A read changes nothing, so an unknown outcome is none. */
        return op->batch.sql.class == PYTAKE_SQL_WRITE ? PT_EOUTCOME
                                                       : PT_EDBAWAY;

    default:
        return r->err;
    }
}


static pt_err_t
pt_op_sqlstate(pytake_op_t *op)
{
    size_t                     i;
    pt_err_t                   err;
    const pytake_sql_result_t *r = op->result;

    if (memcmp(r->sqlstate, "55P03", 5) == 0
        && r->failed_stmt < op->batch.sql.nstmts
        && op->batch.stmts[r->failed_stmt].stmt == PT_STMT_IDEM_LOCK)
    {
        return PT_EIDEMINPROGRESS;
    }

    if (pt_op_dayless(op)) {
        return PT_EDBAWAY;
    }

    if (pt_op_refused(op, &err)) {
        return err;
    }

    for (i = 0; i < PT_COUNT(pt_op_sqlstates); i++) {
        if (memcmp(r->sqlstate, pt_op_sqlstates[i].sqlstate,
                   strlen(pt_op_sqlstates[i].sqlstate))
            != 0)
        {
            continue;
        }

        if (r->sqlstate[0] == 'P' && r->message.len != 0) {
            err = pt_arena_dup(op->arena, r->message, &op->detail);
            if (err != PT_OK) {
                return err;
            }
        }

        return pt_op_sqlstates[i].err;
    }

    return PT_EINTERNAL;
}


/* Looks whether the statement itself declares what its SQLSTATE means ("--
 * refuses:"). */
static bool
pt_op_refused(pytake_op_t *op, pt_err_t *err)
{
    const pytake_refusal_t    *refusal;
    const pytake_sql_result_t *r = op->result;

    if (r->failed_stmt >= op->batch.sql.nstmts) {
        return false;
    }

    refusal = pt_sql_refusal(op->batch.stmts[r->failed_stmt].stmt, r->sqlstate);
    if (refusal == NULL) {
        return false;
    }

    if (refusal->field != NULL) {
        pt_op_fault(op, (pt_str_t){ refusal->field, strlen(refusal->field) },
                    refusal->code, pt_op_refusal_message(op, refusal));
        *err = PT_EVALIDATION;
        return true;
    }

    /* Another conversation was opened at the same moment. */
    *err = PT_EOPENALREADY;

    return op->batch.stmts[r->failed_stmt].stmt == PT_STMT_CONV_REOPEN;
}


/* Says in words what is wrong with the field.  The code "taken" is about other
 * rows; every other code is about the value, and the declaration of the field
 * says what it must be. */
static const char *
pt_op_refusal_message(const pytake_op_t *op, const pytake_refusal_t *refusal)
{
    uint16_t           i;
    const pt_fields_t *fields;

    if (strcmp(refusal->code, "taken") == 0) {
        return "Another one has it already";
    }

    assert(op->def->noun != NULL);
    fields = &op->def->noun->fields;

    for (i = 0; i < fields->n; i++) {
        if (strcmp(fields->v[i].name, refusal->field) == 0
            && fields->v[i].must != NULL) {
            return fields->v[i].must;
        }
    }

    return "Not one of its values";
}


static pt_str_t
pt_op_text(bool known, const char id[PT_UUID_LEN])
{
    return known ? (pt_str_t){ id, PT_UUID_LEN } : PT_STR("");
}
