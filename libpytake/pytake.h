/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pytake.h: the core as its drivers see it (the NGINX module, the sidecar,
 * tests, fuzzers).
 *
 * The core does no IO.  A driver makes an operation of a request and then calls
 * pytake_op_next() again and again.  Each call answers with one effect, as
 * data; the driver performs the effect and feeds its outcome back.  The driver
 * passes time and randomness in, so that a test decides both.  No function here
 * calls back into the driver.
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
 * long as it likes; pytake_op_del() is legal at any time.  An instance
 * (pytake_t) and an operation belong to one thread each; nothing here locks.
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
    pt_str_t jwt_secret; /* the key of access tokens */
    /* The secret of the Meta app, which signs webhook bodies; when its len is
     * 0, every POST to the webhook is answered with 401. */
    pt_str_t webhook_secret;
    /* The token of Meta's verification request; when its len is 0, every GET of
     * the webhook is answered with 403. */
    pt_str_t webhook_verify_token;
    int64_t  access_lifetime_s;  /* of an access token, in seconds */
    int64_t  refresh_lifetime_s; /* of a refresh token, in seconds */
} pytake_conf_t;

/*
 * Makes an instance.  conf is borrowed during the call: its strings are copied,
 * and the functions of conf->mem must stay callable until pytake_del().  The
 * caller owns *out and frees it with pytake_del(); on an error *out is NULL.
 *
 * Errors: PT_EVALIDATION when jwt_secret has fewer than 16 bytes
 * (PT_JWT_SECRET_MIN), PT_ENOMEM when mem refuses or pt_jwt_new() does,
 * PT_ECRYPTO when libcrypto refuses to derive a key.
 */
pt_err_t pytake_new(const pytake_conf_t *conf, pytake_t **out) PT_MUST_CHECK;
/* Frees an instance and the copies of its secrets.  Its operations must be
 * gone.  NULL is allowed. */
void pytake_del(pytake_t *pt);


/* ---- requests ---- */

typedef enum {
    PYTAKE_GET = 0,
    PYTAKE_POST,
    PYTAKE_PATCH,
    PYTAKE_PUT,
    PYTAKE_DELETE,
    PYTAKE_HEAD,
    PYTAKE_OPTIONS,
    /* PYTAKE_UPGRADE is no HTTP method: with it the driver asks whether this
     * GET may become a WebSocket (PYTAKE_WS_PATH). */
    PYTAKE_UPGRADE,
    PYTAKE_METHOD_OTHER
} pytake_method_t;

/*
 * Where a request goes, and what the driver needs to know of it before it reads
 * the body.  pytake_route_find() fills it.  The driver reads body_max,
 * timeout_ms and the flags; index, nparams, params and err are for the core.
 */
typedef struct {
    pt_err_t  err;   /* PT_OK, PT_ENOROUTE or PT_EMETHOD */
    uint16_t  index; /* into pytake_routes_names; 0: no route */
    uint16_t  nparams;
    pt_uuid_t params[PT_ROUTE_PARAMS_MAX]; /* the ids in the path, in its
                                              order */
    size_t    body_max;                    /* of the body, in bytes */
    uint32_t  timeout_ms; /* the operation's deadline; 0: the driver's own
                             one */
    bool      login;      /* an attempt that the login limits count */
    bool      webhook;
    bool      body; /* the operation reads a body */
} pytake_route_t;

/* Finds the route of a method and a path, and writes it to *out, whose err says
 * whether there is one.  path is the part of the target before the '?', as it
 * was sent and not decoded; it is borrowed during the call. */
void pytake_route_find(pytake_method_t method, pt_str_t path,
                       pytake_route_t *out);

/* Headers that a request may carry once, as bits of pytake_request_t.doubled.
 * Authorization and If-Match have no bit, because nginx itself refuses a second
 * one. */
#define PYTAKE_CONTENT_TYPE 0x01u
#define PYTAKE_IDEMPOTENCY_KEY 0x02u
#define PYTAKE_SIGNATURE 0x04u

/* One request.  Every slice is borrowed from the driver until pytake_op_del().
 * A header that was not sent has data NULL. */
typedef struct {
    pytake_method_t method;
    pt_str_t        path; /* before the '?', as sent, not decoded */
    /* Of method and path, if the driver has found it already, else NULL;
     * borrowed during pytake_op_new(). */
    const pytake_route_t *route;
    pt_str_t              query; /* after the '?', as sent, not decoded */
    pt_str_t              authorization;
    pt_str_t              content_type;
    pt_str_t              idempotency_key;
    pt_str_t              request_id; /* X-Request-Id, as sent */
    pt_str_t              signature;  /* X-Hub-Signature-256 */
    pt_str_t              user_agent;
    pt_str_t              if_match;
    pt_str_t              if_none_match;
    pt_str_t              remote_addr;
    /* The network that the address belongs to, as bytes in network order: all
     * of an IPv4 address, the first 64 bits of an IPv6 address. */
    pt_str_t network;
    /* All Cookie headers, joined by "; ". */
    pt_str_t cookie;
    /* "X-Pytake-Browser: 1" was sent, so the refresh token travels in a
     * cookie. */
    bool browser;
    /* The request came over TLS to this server, or to a proxy before it. */
    bool     secure;
    pt_str_t body;
    /* The body is larger than the location's cap.  The core answers 413 when
     * the order of refusals comes to it, for other refusals go before. */
    bool body_too_large;
    /* Which headers came twice, as PYTAKE_CONTENT_TYPE and the other bits; the
     * core answers 400. */
    uint32_t doubled;
} pytake_request_t;

/* The path of a PYTAKE_UPGRADE, and the headers of its answer.  The core
 * answers 204 with these headers when the WebSocket may be opened, else with
 * the problem that the client gets. */
#define PYTAKE_WS_PATH "/api/v1/conversations/ws"
#define PYTAKE_WS_USER "X-Pytake-User"
#define PYTAKE_WS_TENANT "X-Pytake-Tenant"
#define PYTAKE_WS_SESSION "X-Pytake-Session"
/* The time at which the token expires, in Unix seconds. */
#define PYTAKE_WS_EXP "X-Pytake-Exp"


/* ---- effects ---- */

typedef enum {
    PYTAKE_EFFECT_DONE = 0,
    PYTAKE_EFFECT_SQL,
    PYTAKE_EFFECT_REDIS,
    PYTAKE_EFFECT_WORK
} pytake_effect_type_t;

typedef enum {
    PYTAKE_SQL_READ = 0, /* may share a connection with other reads */
    PYTAKE_SQL_WRITE,    /* has a connection for itself while it runs */
    PYTAKE_SQL_SLOW      /* search, reports, exports: has a pool of its own */
} pytake_sql_class_t;

/* One parameter, in PostgreSQL's binary format of the type that the statement
 * table declares (pt_sql.h). */
typedef struct {
    const char *data; /* NULL: SQL NULL */
    int32_t     len;
} pytake_param_t;

typedef struct {
    uint16_t        stmt; /* the statement's index into pytake_stmts */
    uint16_t        nparams;
    pytake_param_t *params;
} pytake_stmt_t;

/* One batch of statements.  It is sent with one Sync and therefore is one
 * transaction.  Results come back in PostgreSQL's binary format.  The
 * statements are borrowed until the batch was fed back. */
typedef struct {
    pytake_sql_class_t class;
    pt_uuid_t            tenant; /* whose batch it is, so that waiting is
                                    fair; nil: nobody's */
    uint16_t             nstmts;
    const pytake_stmt_t *stmts;
} pytake_sql_t;

/* One PUBLISH.  It is sent and then forgotten: it only wakes whoever listens,
 * and what it tells is in the database already, so that a lost one loses
 * nothing. */
typedef struct {
    pt_str_t channel;
    pt_str_t payload;
} pytake_redis_t;

typedef enum {
    PYTAKE_WORK_PASSWORD_VERIFY = 0 /* whether phc is the argon2id hash of
                                       password */
} pytake_work_type_t;

/*
 * Whose attempt at a login this is, for the limits of attempts (pt_gate.h).
 * The values are keyed hashes and never 0.  calm says that the account has
 * logged in from this network within the last 30 days.
 */
typedef struct {
    uint64_t account; /* of the e-mail address, whether or not it is known */
    uint64_t network;
    uint64_t visitor; /* of the address and the network together */
    bool     calm;
} pytake_login_t;

typedef struct {
    pytake_work_type_t type;
    pytake_login_t     login;
    pt_str_t           password;
    pt_str_t           phc; /* the stored hash,
                               "$argon2id$v=19$m=19456,t=2,p=1$..." */
} pytake_work_t;

typedef struct {
    const char *name; /* a string literal, for example "Location" */
    pt_str_t    value;
} pytake_header_t;

typedef struct {
    int         status;
    const char *content_type;
    uint16_t    nheaders;
    /* Location, Retry-After, Allow and the like.  Content-Type and X-Request-Id
     * are not among them; the driver writes those by itself. */
    pytake_header_t *headers;
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
    const pt_str_t *cells; /* nrows * ncols, row by row; data NULL is SQL
                              NULL */
} pytake_rows_t;

/*
 * The outcome of a batch.  err is one of
 *
 *   PT_OK         it was committed; rows[] has one entry for each statement
 *   PT_EDB        the database refused a statement and all is rolled back;
 *                 sqlstate and failed_stmt are set, and rows[] holds what
 *                 came before the failure
 *   PT_EBUSY      the queue of waiting batches was full; nothing was sent
 *   PT_EDBAWAY    there was no connection; nothing was sent
 *   PT_EDEADLINE  the deadline passed first; nothing was sent
 *   PT_EOUTCOME   it was sent and no answer came: nobody knows whether a write
 *                 took place
 */
typedef struct {
    pt_err_t err;
    char     sqlstate[6];
    uint16_t failed_stmt;
    pt_str_t message; /* the server's primary message, borrowed like rows */
    pt_str_t table;   /* PG_DIAG_TABLE_NAME; absent when there is none */
    uint16_t nrows;
    /* The driver owns the rows and keeps them until its next pytake_op_next()
     * has answered, or until pytake_op_del(): the step that reads them runs in
     * that call. */
    const pytake_rows_t *rows;
} pytake_sql_result_t;


/* ---- the operation ---- */

/*
 * Makes the operation of a request.  seed is 32 random bytes, from which all
 * randomness of the operation is made; now_us is the time in microseconds of
 * Unix time.  pt must outlive the operation, and so must what the slices of
 * *req point to; *req itself may go.  The caller owns *out and frees it with
 * pytake_op_del().
 *
 * Whatever a client did wrong (no such route, a bad token and so on) is an
 * answer of the operation and no error.  The only error is PT_ENOMEM; *out is
 * NULL then.
 */
pt_err_t pytake_op_new(pytake_t *pt, const pytake_request_t *req,
                       const uint8_t seed[32], int64_t now_us,
                       pytake_op_t **out) PT_MUST_CHECK;
/* Frees an operation with everything that it handed out.  NULL is allowed,
 * and so is an operation that waits for a feed: the driver then drops the
 * outcome. */
void pytake_op_del(pytake_op_t *op);

/*
 * Judges a request before its body is read, by its header alone.  When the
 * header is enough for a refusal, *out is an operation that has its answer, and
 * the caller owns it as from pytake_op_new().  Else *out is NULL: the driver
 * reads the body and calls pytake_op_new().  The arguments are those of
 * pytake_op_new(), but req has no body yet.  The only error is PT_ENOMEM.
 */
pt_err_t pytake_op_judge(pytake_t *pt, const pytake_request_t *req,
                         const uint8_t seed[32], int64_t now_us,
                         pytake_op_t **out) PT_MUST_CHECK;

/* Runs the operation up to its next effect, writes that to *out and returns its
 * type.  What *out points to belongs to the operation and is borrowed until the
 * next call on it.  It must not be called while an SQL or WORK effect waits for
 * its feed.  After PYTAKE_EFFECT_DONE only pytake_op_info() and pytake_op_del()
 * are left to call. */
pytake_effect_type_t pytake_op_next(pytake_op_t *op, pytake_effect_t *out);

/* Feeds the outcome of an SQL effect.  now_us is the time in microseconds of
 * Unix time.  *result is copied; its rows and texts are borrowed as
 * pytake_sql_result_t says. */
void pytake_op_feed_sql(pytake_op_t *op, int64_t now_us,
                        const pytake_sql_result_t *result);
/* Feeds the outcome of a WORK effect.  err is PT_OK and match says whether the
 * password is the right one; or err says why nobody looked: PT_EBUSY,
 * PT_EDEADLINE or PT_EINTERNAL. */
void pytake_op_feed_work(pytake_op_t *op, int64_t now_us, pt_err_t err,
                         bool match);
/* Feeds the refusal of a WORK effect instead of its outcome, because there were
 * too many attempts: the answer is 429 with wait_s, the seconds to wait (at
 * least 1), as its Retry-After. */
void pytake_op_feed_wait(pytake_op_t *op, int64_t now_us, uint32_t wait_s);

/* Gives an operation up, for example because its deadline passed while an
 * effect was under way.  The next pytake_op_next() answers DONE with the
 * problem of err, which is not PT_OK. */
void pytake_op_fail(pytake_op_t *op, int64_t now_us, pt_err_t err);

/* The note of an operation about which the operator should hear although its
 * answer was a good one. */
#define PYTAKE_NOTE_NUMBER "unknown_phone_number_id"

/* What logs and metrics tell of an operation.  The slices belong to the
 * operation and are borrowed until pytake_op_del(); their data is never
 * NULL. */
typedef struct {
    pt_str_t op;         /* the operation's name, "" without a route */
    pt_str_t request_id; /* the client's, or the one that was made */
    pt_str_t user_id;    /* as text; "" when nobody is known */
    pt_str_t tenant_id;
    pt_str_t conversation_id;
    pt_str_t code;  /* the problem's code, "" on success */
    pt_str_t note;  /* PYTAKE_NOTE_*, else "" */
    uint16_t route; /* into pytake_routes_names */
} pytake_op_info_t;

/* Writes to *out what is known of an operation so far. */
void pytake_op_info(const pytake_op_t *op, pytake_op_info_t *out);


/* ---- tables (const) ---- */

/* What a parameter or a column of a statement holds.  schema/queries declares
 * it; the types stand for PostgreSQL's uuid, text, bytea, int4, int8, bool,
 * timestamptz and jsonb, in this order. */
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
    bool          array;    /* it is an array of one dimension */
    bool          nullable; /* the value may be SQL NULL */
    bool          hidden;   /* it is the row's version, which becomes the
                               ETag and is no member of the JSON */
} pytake_field_t;

/* An SQLSTATE that is an answer of a statement, and no fault of it. */
typedef struct {
    const char *sqlstate;
    const char *field; /* the field of the body that it is about; or NULL */
    const char *code;  /* the code of that field's fault; or NULL */
} pytake_refusal_t;

typedef struct {
    const char     *name;
    const char     *sql;
    uint16_t        nparams;
    uint16_t        ncols;
    const uint32_t *param_oids; /* nparams of them, in order; NULL for none */
    const pytake_field_t   *params;  /* nparams of them, in order */
    const pytake_field_t   *columns; /* ncols of them, in order */
    const pytake_refusal_t *refuses; /* nrefuses of them */
    uint16_t                nrefuses;
} pytake_stmt_def_t;

extern const pytake_stmt_def_t pytake_stmts[];
extern const uint16_t          pytake_stmts_count;
extern const int               pytake_schema; /* the newest migration when
                                                 this was built */

/* The label of each operation in metrics.  The first one, "none", stands for
 * requests without a route. */
extern const char *const pytake_routes_names[];
extern const uint16_t    pytake_routes_count;

/* Builds the problem+json (RFC 9457) of an error that a driver or nginx itself
 * met.  status is the HTTP status; request_id is borrowed during the call.
 * *out lies on the arena.  Errors: PT_ENOMEM, and PT_ELIMIT when the problem
 * outgrows its buffer. */
pt_err_t pytake_problem(pt_arena_t *a, int status, pt_str_t request_id,
                        pt_str_t *out) PT_MUST_CHECK;

/* Whether a client's X-Request-Id may be kept: it has 1 to 128 characters
 * (PT_REQUEST_ID_MAX), each of them one of [A-Za-z0-9._~:+/=-]. */
bool pytake_request_id_is(pt_str_t id);
#define PYTAKE_REQUEST_ID_LEN 36
/* Makes an X-Request-Id of 16 random bytes: "req_" and 32 hex digits.  out is
 * the caller's and gets no NUL behind it. */
void pytake_request_id_build(const uint8_t rnd[16],
                             char          out[PYTAKE_REQUEST_ID_LEN]);

#endif
