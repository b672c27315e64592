/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pytake.h: the core as its drivers see it (the NGINX module, the sidecar,
 * tests, fuzzers).
 *
 * The core does no IO.  A driver makes an operation of a request, then asks
 * pytake_op_next() again and again.  Each answer is one effect, as data; the
 * driver performs it and feeds the outcome back.  Time and randomness are
 * passed in.  Nothing here calls back into the driver.
 *
 *     pytake_op_new(pt, &req, seed, now_us, &op);
 *     for ( ;; ) {
 *         switch (pytake_op_next(op, &eff)) {
 *         case PYTAKE_EFFECT_SQL:   perform, pytake_op_feed_sql();  break;
 *         case PYTAKE_EFFECT_WORK:  perform, pytake_op_feed_work(); break;
 *         case PYTAKE_EFFECT_REDIS: start it, do not wait;          break;
 *         case PYTAKE_EFFECT_DONE:  answer, pytake_op_del(op);      return;
 *         }
 *     }
 *
 * Between next() and feed() of an SQL or WORK effect the driver may wait as
 * long as it likes; pytake_op_del() is legal at any time.
 */

#ifndef PYTAKE_H
#define PYTAKE_H

#include "core/base/pt_base.h"
#include "core/base/pt_arena.h"

#define PYTAKE_VERSION "0.1.0"

typedef struct pytake_s    pytake_t;
typedef struct pytake_op_s pytake_op_t;


/* ---- the instance: configuration, made once, shared by operations ---- */

typedef struct {
    pt_mem_t mem;
    pt_str_t jwt_secret;           /* raw bytes */
    pt_str_t webhook_secret;       /* the Meta app's secret; len 0: every
                                     POST to the webhook is 401 */
    pt_str_t webhook_verify_token; /* len 0: every GET is 403 */
    int64_t  access_lifetime_s;    /* JWT_EXPIRY */
    int64_t  refresh_lifetime_s;   /* JWT_REFRESH_EXPIRY */
} pytake_conf_t;

/* Copies what it needs.  PT_ENOMEM; PT_EVALIDATION: jwt_secret too short. */
pt_err_t pytake_new(const pytake_conf_t *conf, pytake_t **out) PT_MUST_CHECK;
void     pytake_del(pytake_t *pt);


/* ---- requests ---- */

typedef enum {
    PYTAKE_GET = 0,
    PYTAKE_POST,
    PYTAKE_PATCH,
    PYTAKE_PUT,
    PYTAKE_DELETE,
    PYTAKE_HEAD,
    PYTAKE_OPTIONS,
    PYTAKE_UPGRADE, /* no HTTP method: the driver's question whether this
                       GET may become a WebSocket (PYTAKE_WS_PATH) */
    PYTAKE_METHOD_OTHER
} pytake_method_t;

/*
 * Where a request goes, and what the driver needs to know of it before it
 * reads the body.  index, nparams, params, err are the core's.
 */
typedef struct {
    pt_err_t  err;   /* PT_OK, PT_ENOROUTE, PT_EMETHOD */
    uint16_t  index; /* of pytake_route_names; 0: none */
    uint16_t  nparams;
    pt_uuid_t params[PT_ROUTE_PARAMS_MAX]; /* the ids of the path */
    size_t    body_max;                    /* bytes */
    uint32_t  timeout_ms; /* the operation's deadline; 0: the driver's */
    bool      login;      /* counts against the login limits */
    bool      webhook;
    bool      body; /* its operation reads the body */
} pytake_route_t;

/* path: as sent, before the '?', not decoded. */
void pytake_route_find(pytake_method_t method, pt_str_t path,
                       pytake_route_t *out);

/* Headers that say something once, as bits; nginx itself refuses a second
 * Authorization or If-Match. */
#define PYTAKE_CONTENT_TYPE 0x01u
#define PYTAKE_IDEMPOTENCY_KEY 0x02u
#define PYTAKE_SIGNATURE 0x04u

/* Slices are borrowed until pytake_op_del().  Absent header: data NULL. */
typedef struct {
    pytake_method_t       method;
    pt_str_t              path;  /* as sent, before the '?', not decoded */
    const pytake_route_t *route; /* theirs, if it was found before; read by
                                    pytake_op_new() alone */
    pt_str_t              query; /* after the '?', not decoded */
    pt_str_t              authorization;
    pt_str_t              content_type;
    pt_str_t              idempotency_key;
    pt_str_t              request_id; /* X-Request-Id as sent */
    pt_str_t              signature;  /* X-Hub-Signature-256 */
    pt_str_t              user_agent;
    pt_str_t              if_match;
    pt_str_t              if_none_match;
    pt_str_t              remote_addr;
    pt_str_t              network; /* of the address, as bytes: all of an
                                      IPv4 address, the /64 of an IPv6 one */
    pt_str_t              cookie;  /* all of them, as sent by "; " */
    bool     browser; /* X-Pytake-Browser: 1: the refresh token is a cookie */
    bool     secure; /* came over TLS, to this server or to a proxy before it */
    pt_str_t body;
    /* over the location's cap: 413, in the order of refusals of the route */
    bool     body_too_large;
    uint32_t doubled; /* which of PYTAKE_CONTENT_TYPE ... came twice: 400 */
} pytake_request_t;

/* Where a PYTAKE_UPGRADE goes; it is answered 204 with these headers, or
 * with the problem that the client gets. */
#define PYTAKE_WS_PATH "/api/v1/conversations/ws"
#define PYTAKE_WS_USER "X-Pytake-User"
#define PYTAKE_WS_TENANT "X-Pytake-Tenant"
#define PYTAKE_WS_SESSION "X-Pytake-Session"
#define PYTAKE_WS_EXP "X-Pytake-Exp" /* unix seconds */


/* ---- effects ---- */

typedef enum {
    PYTAKE_EFFECT_DONE = 0,
    PYTAKE_EFFECT_SQL,
    PYTAKE_EFFECT_REDIS,
    PYTAKE_EFFECT_WORK
} pytake_effect_type_t;

typedef enum {
    PYTAKE_SQL_READ = 0, /* pipelined with others' reads */
    PYTAKE_SQL_WRITE,    /* one batch in flight a connection */
    PYTAKE_SQL_SLOW      /* search, reports, export: own pool */
} pytake_sql_class_t;

/* One parameter, in PostgreSQL's binary format of the type that the statement
 * table declares (pt_sql.h). */
typedef struct {
    const char *data; /* NULL: SQL NULL */
    int32_t     len;
} pytake_param_t;

typedef struct {
    uint16_t        stmt; /* index into pytake_stmts */
    uint16_t        nparams;
    pytake_param_t *params;
} pytake_stmt_t;

/* One batch = one Sync = one transaction.  Results come back in binary. */
typedef struct {
    pytake_sql_class_t class;
    pt_uuid_t            tenant; /* for fairness; nil: none */
    uint16_t             nstmts;
    const pytake_stmt_t *stmts;
} pytake_sql_t;

/* PUBLISH channel payload; sent and forgotten: a doorbell, not a record. */
typedef struct {
    pt_str_t channel;
    pt_str_t payload;
} pytake_redis_t;

typedef enum {
    PYTAKE_WORK_PASSWORD_VERIFY = 0 /* argon2id: phc against password */
} pytake_work_type_t;

/*
 * Whose attempt at a login it is, for limits (pt_gate.h): keyed hashes, never
 * 0.  calm: the account has entered from this network of late.
 */
typedef struct {
    uint64_t account; /* the e-mail, known or not */
    uint64_t network;
    uint64_t visitor; /* both together */
    bool     calm;
} pytake_login_t;

typedef struct {
    pytake_work_type_t type;
    pytake_login_t     login;
    pt_str_t           password;
    pt_str_t           phc; /* "$argon2id$v=19$m=19456,t=2,p=1$..." */
} pytake_work_t;

typedef struct {
    const char *name; /* literal, e.g. "Location" */
    pt_str_t    value;
} pytake_header_t;

typedef struct {
    int              status;
    const char      *content_type;
    uint16_t         nheaders;
    pytake_header_t *headers; /* Location, Retry-After, Allow, ... but not
                                 Content-Type, X-Request-Id */
    pt_str_t         body;
} pytake_response_t;

typedef struct {
    pytake_effect_type_t type;
    union {
        pytake_sql_t      sql;
        pytake_redis_t    redis;
        pytake_work_t     work;
        pytake_response_t done;
    } u;
} pytake_effect_t;


/* ---- outcomes ---- */

typedef struct {
    uint32_t        nrows;
    uint32_t        ncols;
    const pt_str_t *cells; /* nrows * ncols, row by row; data NULL: NULL */
} pytake_rows_t;

/*
 * The outcome of a batch.  err:
 *   PT_OK        committed; rows[] has one entry a statement
 *   PT_EDB       the database refused; sqlstate and failed_stmt are set, all
 *                is rolled back; rows[] holds what came before the failure
 *   PT_EBUSY     the wait queue was full; nothing was sent
 *   PT_EDBAWAY   no connection; nothing was sent
 *   PT_EDEADLINE too late; nothing was sent
 *   PT_EOUTCOME  sent, but no answer: of a write nothing is known
 */
typedef struct {
    pt_err_t             err;
    char                 sqlstate[6];
    uint16_t             failed_stmt;
    pt_str_t             message; /* primary message, borrowed as rows are */
    pt_str_t             table;   /* PG_DIAG_TABLE_NAME, or absent */
    uint16_t             nrows;
    const pytake_rows_t *rows; /* borrowed until feed returns to next() of
                                  the following effect: the driver keeps
                                  them until its next pytake_op_next()
                                  answers something, or op_del() */
} pytake_sql_result_t;


/* ---- the operation ---- */

/*
 * Makes an operation.  seed: 32 random bytes, all of its randomness.
 * Every client fault (no route, bad token, ...) is an answer, not an error:
 * only PT_ENOMEM is returned.
 */
pt_err_t pytake_op_new(pytake_t *pt, const pytake_request_t *req,
                       const uint8_t seed[32], int64_t now_us,
                       pytake_op_t **out) PT_MUST_CHECK;
void     pytake_op_del(pytake_op_t *op);

/*
 * Before the body is read: what its header has against a request.  *out is an
 * operation that has its answer; or NULL, and the body is to be read and
 * pytake_op_new() to be asked.  req: without a body.  PT_ENOMEM.
 */
pt_err_t pytake_op_judge(pytake_t *pt, const pytake_request_t *req,
                         const uint8_t seed[32], int64_t now_us,
                         pytake_op_t **out) PT_MUST_CHECK;

/* The next effect; borrowed until the next call on this op. */
pytake_effect_type_t pytake_op_next(pytake_op_t *op, pytake_effect_t *out);

void pytake_op_feed_sql(pytake_op_t *op, int64_t now_us,
                        const pytake_sql_result_t *result);
/* err: PT_OK with match, PT_EBUSY, PT_EDEADLINE, PT_EINTERNAL. */
void pytake_op_feed_work(pytake_op_t *op, int64_t now_us, pt_err_t err,
                         bool match);
/* Instead: not before wait_s seconds are over, 429. */
void pytake_op_feed_wait(pytake_op_t *op, int64_t now_us, uint32_t wait_s);

/* The driver gives up (deadline passed while an effect was under way): the
 * next pytake_op_next() answers DONE with the error's problem. */
void pytake_op_fail(pytake_op_t *op, int64_t now_us, pt_err_t err);

/* What an operator should hear of although the answer was a good one. */
#define PYTAKE_NOTE_NUMBER "unknown_phone_number_id"

/* For logs and metrics; valid until op_del(), never NULL data. */
typedef struct {
    pt_str_t op;         /* "conv_list", "" when no route */
    pt_str_t request_id; /* accepted or made */
    pt_str_t user_id;    /* text, "" unknown */
    pt_str_t tenant_id;
    pt_str_t conversation_id;
    pt_str_t code;  /* problem code, "" on success */
    pt_str_t note;  /* PYTAKE_NOTE_*, "" mostly */
    uint16_t route; /* index into pytake_route_names, for metrics */
} pytake_op_info_t;

void pytake_op_info(const pytake_op_t *op, pytake_op_info_t *out);


/* ---- tables (const) ---- */

/* What a parameter or a column of a statement holds, as schema/queries says
 * it: uuid, text, bytea, int4, int8, bool, timestamptz, jsonb. */
typedef enum {
    PYTAKE_TYPE_UUID = 0,
    PYTAKE_TYPE_TEXT,
    PYTAKE_TYPE_BYTES,
    PYTAKE_TYPE_INT,
    PYTAKE_TYPE_BIG,
    PYTAKE_TYPE_BOOL,
    PYTAKE_TYPE_TIME,
    PYTAKE_TYPE_JSON
} pytake_type_t;

typedef struct {
    const char   *name;
    pytake_type_t type;
    bool          array;    /* of one dimension */
    bool          nullable; /* the value may be SQL NULL */
    bool          hidden;   /* the row's version: its ETag, no member */
} pytake_field_t;

/* An SQLSTATE that is an answer of a statement, and no fault of it. */
typedef struct {
    const char *sqlstate;
    const char *field; /* the body's field that it is about; or NULL */
    const char *code;  /* of that field's fault */
} pytake_refusal_t;

typedef struct {
    const char             *name;
    const char             *sql;
    uint16_t                nparams;
    uint16_t                ncols;
    const uint32_t         *param_oids; /* NULL without parameters */
    const pytake_field_t   *params;     /* nparams of them, in order */
    const pytake_field_t   *columns;    /* ncols of them, in order */
    const pytake_refusal_t *refuses;    /* nrefuses of them */
    uint16_t                nrefuses;
} pytake_stmt_def_t;

extern const pytake_stmt_def_t pytake_stmts[];
extern const uint16_t          pytake_stmts_count;
extern const int               pytake_schema; /* the newest migration then */

/* Metric labels: one an operation, [0] is "none" (no such route). */
extern const char *const pytake_route_names[];
extern const uint16_t    pytake_routes_count;

/* The problem+json of an error that a driver or nginx itself met. */
pt_err_t pytake_problem(pt_arena_t *a, int status, pt_str_t request_id,
                        pt_str_t *out) PT_MUST_CHECK;

/* Whether a client's X-Request-Id may be kept: 1..128 of [A-Za-z0-9._~:+/=-]
 * and makes one ("req_" + 32 hex digits) out of 16 random bytes. */
bool pytake_request_id_is(pt_str_t id);
#define PYTAKE_REQUEST_ID_LEN 36
void pytake_request_id_build(const uint8_t rnd[16],
                             char          out[PYTAKE_REQUEST_ID_LEN]);

#endif
