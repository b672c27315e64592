/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_op.h: the operation engine, as an endpoint's file sees it.
 *
 * An endpoint is a pt_op_def_t: a name and a linear list of steps.  A step
 * looks at what the step before it got (pt_rows_get), and either asks for
 * one effect (pt_op_sql, PT_SQL ..., pt_op_sql_go; pt_work_verify) or answers
 * (pt_reply).  A step that returns an error ends the operation with the
 * problem of that error.  When a step asked for SQL, the next step runs only
 * if the batch committed; refusals are mapped by the engine:
 *
 *   - the first statement of every authenticated batch enters the tenant; if
 *     the session is revoked the answer is 401 session_revoked
 *   - SQLSTATE 'PTxxx' raised by our own functions: see pt_op.c's table
 *     (PT404 not_found, PT409 conflict, PT422 ...; the detail is the
 *     message)
 *   - 40001, 40P01, 55P03: the batch is sent again, up to PT_SQL_RETRIES_MAX
 *     times, then 503
 *   - connection trouble: 503
 *
 * A step that wants to see a refusal itself sets op->want_errors before it
 * returns; the next step then looks at op->result->err.  Batches that failed
 * with 40001, 40P01 or 55P03 are sent again first.
 */

#ifndef PT_OP_H
#define PT_OP_H

#include "pytake.h"
#include "core/base/pt_json.h"
#include "core/base/pt_util.h"
#include "core/base/pt_cell.h"
#include "core/base/pt_err.h"
#include "core/trust/pt_jwt.h"
#include "core/trust/pt_perm.h"
#include "core/base/pt_cursor.h"
#include "pt_stmt_table.h" /* generated: PT_STMT_*, PT_COL_*, pt_q_* */

typedef pt_err_t (*pt_step_pt)(pytake_op_t *op);

typedef struct pt_noun_s  pt_noun_t;  /* pt_noun.h */
typedef struct pt_field_s pt_field_t; /* pt_field.h */
typedef struct pt_value_s pt_value_t; /* pt_field.h */

/* A table of fields; both are constant. */
typedef struct {
    const pt_field_t *v;
    uint16_t          n;
} pt_fields_t;

#define PT_FIELDS(table) ((pt_fields_t){ (table), PT_COUNT(table) })
#define PT_FIELDS_NONE ((pt_fields_t){ NULL, 0 })

#define PT_SESSION_GRACE_S 30 /* a used refresh token gives the same one */
#define PT_IDEM_KEPT_S 86400

#define PT_OP_PUBLIC 0x01     /* no access token needed */
#define PT_OP_IDEMPOTENT 0x02 /* takes an Idempotency-Key */
#define PT_OP_BODY 0x04       /* JSON object body required */
#define PT_OP_WEBHOOK 0x08    /* raw body, signature, own order of refusals */
#define PT_OP_LOGIN 0x10
#define PT_OP_PAGE 0x20      /* a list: takes "limit" and "cursor", too */
#define PT_OP_PATCH 0x40     /* what its body requires may be absent */
#define PT_OP_ANY_ARGS 0x80  /* its arguments are not ours to check */
#define PT_OP_CLIENT_ID 0x100 /* its body's client_id is its key, too */

/* Which limit a request counts for. */
typedef enum {
    PT_RATE_NONE, /* signed by WhatsApp, or asked by the module itself */
    PT_RATE_LOGIN,
    PT_RATE_READ,
    PT_RATE_WRITE,
    PT_RATE_SEND
} pt_rate_t;

/*
 * What an operation declares.  The engine reads query and body by their
 * tables before the first step (op->query, op->input) and refuses with every
 * fault at once; a step finds nothing there that its table does not allow.
 */
typedef struct {
    const char *name; /* op name: log variable and metric label */
    pt_perm_t   perm; /* asked of the token's role; NONE: it is public */
    pt_rate_t   rate;
    uint32_t    flags;
    uint16_t    status;     /* of its success; 0: its steps tell */
    uint32_t    timeout_ms; /* 0: the driver's default */
    pt_fields_t query;
    pt_fields_t body;
    /* Adds the faults that several fields make together; or NULL. */
    void (*check)(pytake_op_t *op);
    pt_step_pt steps[PT_OP_STEPS_MAX];

    const pt_noun_t *noun; /* of pt_noun.h's steps, else NULL */
} pt_op_def_t;

/* One row of the route table (pt_route.c).  "{conversation_id}" segments
 * are UUIDs: anything else there is 404. */
typedef struct {
    pytake_method_t    method;
    const char        *path; /* "/api/v1/conversations/{id}/messages" */
    const pt_op_def_t *def;
} pt_route_t;

extern const pt_route_t pt_routes[];
extern const size_t     pt_routes_count;

/* The definition of a route that was found, NULL of none. */
const pt_op_def_t *pt_route_def(const pytake_route_t *route);

/* The verbs of a path ("GET, HEAD, POST"), for PT_EMETHOD.  PT_ENOMEM. */
pt_err_t pt_route_allow(pt_arena_t *a, pt_str_t path,
                        pt_str_t *out) PT_MUST_CHECK;

typedef struct {
    pt_str_t name;
    pt_str_t value;
} pt_arg_t;

struct pytake_s {
    pytake_conf_t conf; /* strings are own copies */
    pt_jwt_t     *jwt;
    uint8_t       cursor_key[32];  /* derived from the secret */
    uint8_t       refresh_key[32]; /* derived from the secret */
    uint8_t       bus_key[32];     /* pt_bus_key() */
    uint8_t       login_key[32];   /* derived from the secret */
};

struct pytake_op_s {
    pytake_t               *pt;
    pt_arena_t             *arena;
    const pytake_request_t *req;
    pytake_request_t        req_copy;
    int64_t                 now_us;
    pt_rand_t               rand;
    const pt_op_def_t      *def; /* NULL: no route */
    pytake_route_t          match;
    pt_claims_t             claims; /* of the access token */
    bool                    authenticated;
    pt_str_t                request_id;
    uint16_t                nargs;
    pt_arg_t                args[PT_QUERY_ARGS_MAX];
    const pt_json_t        *body;  /* parsed, with PT_OP_BODY */
    const pt_value_t       *query; /* one a field of the query's table */
    const pt_value_t       *input; /* one a field of the body's table */
    uint32_t                limit; /* of a list: rows of a page */
    void                   *data; /* the endpoint's own state */

    /* the engine's */
    uint16_t        step;
    pytake_effect_t effect;
    bool            has_effect;
    bool            waiting;
    bool            want_errors;
    uint16_t        retries;
    bool            helping; /* the day of a row is being made */
    bool            helped;  /* ... has been, for this batch */
    pytake_stmt_t   help_stmt;
    pt_sql_t        batch; /* the one being built, or the last one */
    uint16_t        first; /* statements the engine itself put first */
    const pytake_sql_result_t *result;
    pytake_sql_result_t        result_copy;
    bool                       work_match;
    uint16_t                   nheaders;
    pytake_header_t            headers[PT_OP_HEADERS_MAX];
    uint16_t                   nerrors;
    pt_field_error_t          *errors;    /* PT_FIELD_ERRORS_MAX of them, from
                                          the first on */
    pt_err_t                   fault_err; /* there was no memory for them */
    pt_str_t                   detail;
    uint32_t                   npublish;
    uint32_t                   published;
    uint32_t                   publish_cap;
    pytake_redis_t            *publish;
    const char                *code;
    const char                *note;
    bool                       replied;
    bool                       idem;          /* a key is in force */
    pt_str_t                   idem_key;
    uint8_t                    idem_hash[32]; /* of the raw body */
    pt_str_t                   idem_scope;
    bool                       idem_looking; /* idem_get is under way */
    bool                       idem_looked;
    pt_err_t                   refusal; /* what it is looked for before */
    bool                       fed;
    bool                       sql_done; /* a batch was asked for before */
    pt_err_t                   fed_err;  /* of work */
    uint32_t                   wait_s;   /* of PT_EATTEMPTS */
    pytake_response_t          response;
    /* for the log, as text; whose: proven, not claimed */
    bool has_user;
    bool has_conversation;
    char user_id[PT_UUID_LEN];
    char tenant_id[PT_UUID_LEN];
    char conversation_id[PT_UUID_LEN];
};

/* ---- control ---- */

/* Go on with this step of the operation instead of the following one. */
void pt_op_goto(pytake_op_t *op, pt_step_pt step);

/* Who it is, for the log; the engine does it for access tokens. */
void pt_op_user(pytake_op_t *op, const pt_uuid_t *tenant,
                const pt_uuid_t *user);
/* And which conversation. */
void pt_op_conversation(pytake_op_t *op, const pt_uuid_t *id);

/* ---- SQL ---- */

/* Begins a batch; statements are added to op->batch (pt_sql.h).  When the
 * request is authenticated, the engine puts session_enter (and, in a write
 * with an Idempotency-Key, idem_lock) first; they do not count in
 * pt_rows_get()'s index. */
void pt_op_sql(pytake_op_t *op, pytake_sql_class_t class);
/* The same for a public operation acting for a tenant: tenant_enter. */
void pt_op_sql_tenant(pytake_op_t     *op, pytake_sql_class_t class,
                      const pt_uuid_t *tenant);
/* And with no tenant at all (definer functions only). */
void pt_op_sql_bare(pytake_op_t *op, pytake_sql_class_t class);

/* Ends a step that asked for SQL: `return pt_op_sql_go(op);` gives the first
 * sticky error of the batch, else PT_OK. */
pt_err_t pt_op_sql_go(pytake_op_t *op) PT_MUST_CHECK;

/* ---- results (their cells: pt_cell.h) ---- */

/* Rows of the i-th statement that this endpoint added (0-based). */
const pytake_rows_t *pt_rows_get(const pytake_op_t *op, uint16_t i);

/* ---- one thing, by the ids of its path ---- */

/* A batch of one statement whose parameters are the path's ids, in order. */
pt_err_t pt_op_sql_path(pytake_op_t *op, pytake_sql_class_t class,
                        uint16_t     stmt) PT_MUST_CHECK;

/* Answers with the first row of the first statement as an object, or
 * PT_ENOTFOUND. */
pt_err_t pt_reply_row(pytake_op_t *op, int status) PT_MUST_CHECK;

/* Writes a row as an object: its members are the columns that stmt
 * declares, those that are hidden apart. */
void pt_row_write(pt_jw_t *w, const pytake_rows_t *r, uint32_t row,
                  uint16_t stmt);

/* A text[] as an array of strings: the room that it needs at most, and itself
 * put at p (as by pt_jp_str()). */
size_t pt_row_texts_size(const pytake_rows_t *r, uint32_t row, uint32_t col);
char *pt_row_texts(char *p, const pytake_rows_t *r, uint32_t row, uint32_t col);

/* ---- work ---- */

pt_err_t pt_work_verify(pytake_op_t *op, const pytake_login_t *login,
                        pt_str_t password, pt_str_t phc) PT_MUST_CHECK;

/* ---- events: PUBLISH after COMMIT ---- */

/* Queues "ev:<tenant>" "<seq> <frame>", signed (pt_bus.h); of a frame that is
 * too long the seq alone. */
pt_err_t pt_publish_event(pytake_op_t *op, const pt_uuid_t *tenant, int64_t seq,
                          pt_str_t frame) PT_MUST_CHECK;

/* Publishes every row of a result whose columns are (seq bigint,
 * frame text). */
pt_err_t pt_publish_rows(pytake_op_t *op, const pt_uuid_t *tenant,
                         const pytake_rows_t *rows) PT_MUST_CHECK;

/* Queues "ctl:<tenant>" "revoke <session>": its sockets close at once. */
pt_err_t pt_publish_revoke(pytake_op_t *op, const pt_uuid_t *tenant,
                           const pt_uuid_t *session) PT_MUST_CHECK;

/* Queues "outbox": the courier looks at once. */
pt_err_t pt_publish_outbox(pytake_op_t *op) PT_MUST_CHECK;

/* ---- answers ---- */

/* body is borrowed (arena). */
pt_err_t pt_reply(pytake_op_t *op, int status, pt_str_t body) PT_MUST_CHECK;
pt_err_t pt_reply_type(pytake_op_t *op, int status, const char *type,
                       pt_str_t body) PT_MUST_CHECK;
pt_err_t pt_header(pytake_op_t *op, const char *name,
                   pt_str_t value) PT_MUST_CHECK;
/* Adds a field fault and goes on; the endpoint returns pt_op_check(). */
void     pt_fault(pytake_op_t *op, pt_str_t field, const char *code,
                  const char *message);
pt_err_t pt_op_check(pytake_op_t *op) PT_MUST_CHECK; /* PT_EVALIDATION */

/* ---- input (what is declared is read by pt_field.h) ---- */

/* A query argument as it was sent. */
bool pt_arg_find(pytake_op_t *op, const char *name, pt_str_t *out);

/*
 * ---- idempotency (write batches of PT_OP_IDEMPOTENT operations) ----
 *
 * With a key in force (op->idem), the engine puts idem_lock (an advisory
 * lock on tenant + scope + key, held to commit) behind session_enter: a
 * racing twin waits there; 55P03 at that statement or the deadline is 409
 * idempotency_in_progress.  The endpoint adds pt_idem_store() as the LAST
 * statement: a plain INSERT, so that a repeated key fails 23505, the whole
 * batch rolls back, and the engine reads the kept answer (idem_get) and
 * replays it with "Idempotent-Replayed: true" (another body hash: 422).  A
 * refusal (4xx) that follows SQL in a keyed operation looks for a kept answer
 * first, too: what was answered 2xx once is answered so again.
 */

/* Keeps status, location and body (the very bytes of the answer) for 24 h if
 * the tenant's event head now is this batch's event (witness), that is, if
 * the batch did its work.  A no-op when no key is in force. */
void pt_idem_store(pytake_op_t *op, int status, pt_str_t location,
                   pt_str_t body, const pt_uuid_t *witness);

#endif
