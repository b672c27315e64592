/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_op.h: the engine that runs operations, as the file of an endpoint sees it.
 *
 * An endpoint is a pt_op_def_t: a name and a linear list of steps.  A step
 * looks at what the step before it got (pt_op_rows), and then either asks for
 * one effect (pt_op_sql, PT_SQL ..., pt_op_sql_go; or pt_op_verify) or
 * answers (pt_reply).  A step that returns an error ends the operation with the
 * problem of that error.  When a step asked for SQL, the next step runs only if
 * the batch was committed.  What was refused is mapped by the engine:
 *
 *   - the first statement of every authenticated batch enters the tenant; if
 *     the session is revoked the answer is 401 session_revoked
 *   - an SQLSTATE 'PTxxx' comes from our own functions, and pt_op.c's table has
 *     its error (PT404 not_found, PT409 conflict, PT422 ...); the problem's
 *     detail is the function's message
 *   - after 40001, 40P01 and 55P03 the batch is sent again, up to
 *     PT_SQL_RETRIES_MAX times, and then the answer is 503
 *   - trouble with the connection is 503
 *
 * A step that wants to see a refusal itself sets op->want_errors before it
 * returns; the next step then looks at op->result->err.  Batches that failed
 * with 40001, 40P01 or 55P03 are sent again first.
 *
 * Everything that an operation allocates lies on op->arena, which is freed with
 * the operation; results on the arena have no other owner.
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

/* For so many seconds a used refresh token gives the same successor again. */
#define PT_SESSION_GRACE_S 30
/* How long the answer to an Idempotency-Key is kept, in seconds. */
#define PT_IDEM_KEPT_S 86400

#define PT_OP_PUBLIC 0x01     /* it needs no access token */
#define PT_OP_IDEMPOTENT 0x02 /* it takes an Idempotency-Key */
#define PT_OP_BODY 0x04       /* its body is a JSON object */
#define PT_OP_WEBHOOK 0x08    /* WhatsApp's signed call */
#define PT_OP_LOGIN 0x10
#define PT_OP_PAGE 0x20       /* it is a list: takes "limit", "cursor" */
#define PT_OP_PATCH 0x40      /* what its body requires may be absent */
#define PT_OP_ANY_ARGS 0x80   /* its query has arguments that are not ours */
#define PT_OP_CLIENT_ID 0x100 /* its body's client_id is its key, too */

/* Which rate limit counts a request. */
typedef enum {
    PT_RATE_NONE, /* no limit: WhatsApp signs it, or the module itself asks */
    PT_RATE_LOGIN,
    PT_RATE_READ,
    PT_RATE_WRITE,
    PT_RATE_SEND
} pt_rate_t;

/*
 * What an operation declares.  The engine reads query and body by their tables
 * before the first step, to op->query and op->input, and refuses a request with
 * all of its faults at once.  A step finds nothing there that its table does
 * not allow.
 */
typedef struct {
    const char *name; /* its name, in logs and as a label of metrics */
    pt_perm_t   perm; /* what the token's role must have; NONE: it is public */
    pt_rate_t   rate;
    uint32_t    flags;
    uint16_t    status;     /* of its success; 0: its steps say it */
    uint32_t    timeout_ms; /* its deadline; 0: the driver's default */
    pt_fields_t query;
    pt_fields_t body;
    /* Adds the faults that several fields make together; NULL: none do. */
    void (*check)(pytake_op_t *op);
    pt_step_pt steps[PT_OP_STEPS_MAX];

    const pt_noun_t *noun; /* what the steps of pt_noun.h work on, else NULL */
} pt_op_def_t;

/* One row of the route table (pt_route.c).  A segment "{conversation_id}"
 * stands for a UUID: a path with anything else there has no route. */
typedef struct {
    pytake_method_t    method;
    const char        *path; /* "/api/v1/conversations/{id}/messages" */
    const pt_op_def_t *def;
} pt_route_t;

extern const pt_route_t pt_routes[];
extern const size_t     pt_routes_count;

/* Gives the constant definition of a route that was found; NULL: none was. */
const pt_op_def_t *pt_route_def(const pytake_route_t *route);

/* Writes the methods of a path ("GET, HEAD, POST") to the arena, for the header
 * Allow of a 405 (RFC 9110, section 10.2.1).  The only error is PT_ENOMEM. */
pt_err_t pt_route_allow(pt_arena_t *a, pt_str_t path,
                        pt_str_t *out) PT_MUST_CHECK;

typedef struct {
    pt_str_t name;
    pt_str_t value;
} pt_arg_t;

struct pytake_s {
    pytake_conf_t conf; /* its strings are copies of our own */
    pt_jwt_t     *jwt;
    uint8_t       cursor_key[32];  /* derived from the secret */
    uint8_t       refresh_key[32]; /* derived from the secret */
    uint8_t       bus_key[32];     /* made by pt_bus_key() */
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
    const pt_value_t       *query; /* the values of the query's table, one
                                      each */
    const pt_value_t       *input; /* the values of the body's table, one
                                      each */
    uint32_t                limit; /* how many rows a page of a list has */
    void                   *data;  /* what the endpoint keeps between steps */

    /* What follows belongs to the engine. */
    uint16_t        step;
    pytake_effect_t effect;
    bool            has_effect;
    bool            waiting;
    bool            want_errors;
    uint16_t        retries;
    bool            helping; /* days_help runs: it makes the day of a row */
    bool            helped;  /* it ran already for this batch */
    pytake_stmt_t   help_stmt;
    pt_sql_t        batch; /* the one that is being built, or was sent last */
    uint16_t        first; /* how many statements the engine put first */
    const pytake_sql_result_t *result;
    pytake_sql_result_t        result_copy;
    bool                       work_match;
    uint16_t                   nheaders;
    pytake_header_t            headers[PT_OP_HEADERS_MAX];
    uint16_t                   nerrors;
    /* NULL before the first fault, then room for PT_FIELD_ERRORS_MAX. */
    pt_field_error_t *errors;
    pt_err_t          fault_err; /* why a fault could not be kept */
    pt_str_t          detail;
    uint32_t          npublish;
    uint32_t          published;
    uint32_t          publish_cap;
    pytake_redis_t   *publish;
    const char       *code;
    const char       *note;
    bool              replied;
    bool              idem; /* a key is in force */
    pt_str_t          idem_key;
    uint8_t           idem_hash[32]; /* of the raw body */
    pt_str_t          idem_scope;
    bool              idem_looking; /* idem_get was asked for and has not
                                       answered */
    bool              idem_looked;
    pt_err_t          refusal; /* the answer if no kept one is found */
    bool              fed;
    bool              sql_done; /* a batch was fed back already */
    pt_err_t          fed_err;  /* the error of the work that was fed */
    uint32_t          wait_s;   /* for the Retry-After of PT_EATTEMPTS, in
                                   seconds */
    pytake_response_t response;
    /* Ids for the log, as text.  The user is one who proved it, and not one
     * that a token merely claims. */
    bool has_user;
    bool has_conversation;
    char user_id[PT_UUID_LEN];
    char tenant_id[PT_UUID_LEN];
    char conversation_id[PT_UUID_LEN];
};

/* ---- control ---- */

/* Makes this step of the operation the next one, instead of the one that
 * follows. */
void pt_op_goto(pytake_op_t *op, pt_step_pt step);

/* Remembers for the log whose request it is.  The engine itself does so for
 * access tokens. */
void pt_op_user(pytake_op_t *op, const pt_uuid_t *tenant,
                const pt_uuid_t *user);
/* Remembers for the log which conversation it is about. */
void pt_op_conversation(pytake_op_t *op, const pt_uuid_t *id);

/* ---- SQL ---- */

/* Begins a batch of the token's session; statements are added to op->batch
 * (pt_sql.h).  The engine puts session_enter first and, in a write with an
 * Idempotency-Key, idem_lock.  Those do not count in the index of
 * pt_op_rows(). */
void pt_op_sql(pytake_op_t *op, pytake_sql_class_t class);
/* Begins the batch of a public operation that acts for a tenant: the engine
 * puts tenant_enter first. */
void pt_op_sql_tenant(pytake_op_t     *op, pytake_sql_class_t class,
                      const pt_uuid_t *tenant);
/* Begins a batch without a tenant, in which row security hides every tenant's
 * rows: only SECURITY DEFINER functions are of use. */
void pt_op_sql_bare(pytake_op_t *op, pytake_sql_class_t class);

/* Ends a step that asked for SQL: `return pt_op_sql_go(op);` makes op->batch
 * the effect, or returns the first error that stuck to it, PT_ENOMEM or
 * PT_ELIMIT. */
pt_err_t pt_op_sql_go(pytake_op_t *op) PT_MUST_CHECK;

/* ---- results (their cells: pt_cell.h) ---- */

/* Gives the rows of the i-th statement, from 0, that this endpoint added to the
 * last batch.  They are borrowed until the step returns.  A statement that has
 * none yields an empty set, never NULL. */
const pytake_rows_t *pt_op_rows(const pytake_op_t *op, uint16_t i);

/* ---- one thing, by the ids of its path ---- */

/* Asks for a batch of one statement whose parameters are the path's ids, in
 * order.  Errors: PT_ENOMEM, PT_ELIMIT. */
pt_err_t pt_row_read(pytake_op_t *op, pytake_sql_class_t class,
                     uint16_t     stmt) PT_MUST_CHECK;

/* Answers with the first row of the first statement as an object.  Errors:
 * PT_ENOTFOUND when there is no row, PT_ENOMEM, PT_ELIMIT. */
pt_err_t pt_row_reply(pytake_op_t *op, int status) PT_MUST_CHECK;

/* Writes a row as an object, whose members are the columns that stmt declares,
 * but for hidden ones.  Errors stick to the writer's buffer. */
void pt_row_write(pt_jw_t *w, const pytake_rows_t *r, uint32_t row,
                  uint16_t stmt);

/* pt_row_texts_size() says how much room, in bytes, a text[] needs at most as
 * an array of strings.  pt_row_texts() puts it at p, where the caller has that
 * room, and gives its end (as pt_jp_str() does). */
size_t pt_row_texts_size(const pytake_rows_t *r, uint32_t row, uint32_t col);
char *pt_row_texts(char *p, const pytake_rows_t *r, uint32_t row, uint32_t col);

/* ---- work ---- */

/* Asks the driver to compare a password with a stored hash; the next step reads
 * op->work_match.  *login is copied, password and phc are borrowed until the
 * driver fed the outcome.  It returns PT_OK. */
pt_err_t pt_op_verify(pytake_op_t *op, const pytake_login_t *login,
                      pt_str_t password, pt_str_t phc) PT_MUST_CHECK;

/* ---- events: PUBLISH after COMMIT ---- */

/* Queues the event `<seq> <frame>` for the channel "ev:<tenant>", signed
 * (pt_bus.h), because the hub passes on only what it can believe.  Of a frame
 * that is longer than PT_PUBLISH_FRAME_MAX the seq is sent alone and unsigned;
 * the hub then reads the event from the log.  What is queued is published after
 * the step, whose batch was committed.  Errors: PT_ENOMEM, PT_ECRYPTO, and
 * PT_ELIMIT when PT_OP_PUBLISH_MAX are queued. */
pt_err_t pt_publish_event(pytake_op_t *op, const pt_uuid_t *tenant, int64_t seq,
                          pt_str_t frame) PT_MUST_CHECK;

/* Queues an event for each row of a result whose columns are (seq bigint, frame
 * text).  Its errors are those of pt_publish_event(). */
pt_err_t pt_publish_rows(pytake_op_t *op, const pt_uuid_t *tenant,
                         const pytake_rows_t *rows) PT_MUST_CHECK;

/* Queues "revoke <session>" for the channel "ctl:<tenant>", at which the hub
 * closes that session's sockets.  Errors: PT_ENOMEM, PT_ELIMIT. */
pt_err_t pt_publish_revoke(pytake_op_t *op, const pt_uuid_t *tenant,
                           const pt_uuid_t *session) PT_MUST_CHECK;

/* Queues an empty text for the channel "outbox", at which the courier looks for
 * work at once.  Errors: PT_ENOMEM, PT_ELIMIT. */
pt_err_t pt_publish_outbox(pytake_op_t *op) PT_MUST_CHECK;

/* ---- answers ---- */

/* pt_reply() answers with a body of JSON, pt_reply_type() with one of another
 * type; type is a string literal.  The body lies on the arena or is constant.
 * Both return PT_OK. */
pt_err_t pt_reply(pytake_op_t *op, int status, pt_str_t body) PT_MUST_CHECK;
pt_err_t pt_reply_type(pytake_op_t *op, int status, const char *type,
                       pt_str_t body) PT_MUST_CHECK;
/* Adds a header to the answer.  name is a string literal, value lies on the
 * arena or is constant.  The only error is PT_ELIMIT, at PT_OP_HEADERS_MAX. */
pt_err_t pt_reply_header(pytake_op_t *op, const char *name,
                         pt_str_t value) PT_MUST_CHECK;
/* Adds a fault of a field and lets the step go on; the step later returns
 * pt_op_check().  code and message are string literals; field is borrowed until
 * the answer.  More than PT_FIELD_ERRORS_MAX faults are left out. */
void pt_op_fault(pytake_op_t *op, pt_str_t field, const char *code,
                 const char *message);
/* Says whether there were faults: PT_EVALIDATION, or PT_ENOMEM when there was
 * no memory for one, else PT_OK. */
pt_err_t pt_op_check(pytake_op_t *op) PT_MUST_CHECK;

/* ---- input (what is declared is read by pt_field.h) ---- */

/* Finds an argument of the query and gives its decoded value, on the arena.
 * false: it was not sent. */
bool pt_arg_find(pytake_op_t *op, const char *name, pt_str_t *out);

/*
 * ---- idempotency (write batches of PT_OP_IDEMPOTENT operations) ----
 *
 * When a key is in force (op->idem), the engine puts idem_lock behind
 * session_enter: an advisory lock on tenant, scope and key that is held to the
 * commit.  A second request with the same key waits there while the first one
 * runs; if it fails with 55P03 at that statement or meets its deadline, the
 * answer is 409 idempotency_in_progress.
 *
 * The endpoint adds pt_idem_store() as the LAST statement.  That is a plain
 * INSERT, so that a repeated key fails with 23505 and the whole batch rolls
 * back; the engine then reads the kept answer (idem_get) and sends it again
 * with "Idempotent-Replayed: true", or answers 422 when the body's hash is
 * another one.  When a keyed operation is refused (4xx) after it used SQL, the
 * engine looks for a kept answer first, too: what was answered 2xx once is
 * answered so again.
 */

/* Adds the statement that keeps status, location and body, the very bytes of
 * the answer, for 24 h.  It keeps them only if the tenant's newest event is
 * then `witness`, the event of this batch, that is, if the batch did its work.
 * The slices are borrowed until the batch was sent.  It does nothing when no
 * key is in force. */
void pt_idem_store(pytake_op_t *op, int status, pt_str_t location,
                   pt_str_t body, const pt_uuid_t *witness);

#endif
