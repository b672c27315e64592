/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pt_base.h: what every file of the core stands on: errors, slices, limits.  It
 * includes nothing but headers of the C library.
 */

#ifndef PT_BASE_H
#define PT_BASE_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <string.h>

#define PT_MUST_CHECK __attribute__((warn_unused_result))
#define PT_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define PT_UNUSED(x) ((void) (x))
#define PT_COUNT(a) (sizeof(a) / sizeof((a)[0]))


/*
 * Errors.  0 is success.  -1 to -99 are the client's fault, -100 to -199 say
 * that the system is busy and the caller may try again, and -200 to -299 say
 * that something behind the core failed.  After -900 or less the only legal
 * call is the one that frees what failed.  pt_err.c has the one table that maps
 * them to HTTP.
 */
typedef enum {
    PT_OK = 0,

    PT_EBADREQUEST = -1,      /* malformed request line, query or header */
    PT_EBADJSON = -2,         /* the body is not JSON */
    PT_EVALIDATION = -3,      /* the input breaks a rule: 422 with errors[] */
    PT_EUNAUTHORIZED = -4,    /* no credentials, or wrong ones */
    PT_ETOKEN = -5,           /* access token malformed or badly signed */
    PT_EEXPIRED = -6,         /* access token past its exp */
    PT_EREVOKED = -7,         /* session ended: logout, deactivation */
    PT_ECREDENTIALS = -8,     /* wrong e-mail or password */
    PT_EFORBIDDEN = -9,       /* the user is known and may not do this */
    PT_ENOTFOUND = -10,       /* no such thing, or another tenant's */
    PT_ENOROUTE = -11,        /* unknown route */
    PT_EMETHOD = -12,         /* known route, wrong verb: 405 + Allow */
    PT_EMEDIATYPE = -13,      /* the Content-Type is not JSON's: 415 */
    PT_ETOOLARGE = -14,       /* the body is too large: 413 */
    PT_ECURSOR = -15,         /* tampered or foreign cursor */
    PT_ESIGNATURE = -16,      /* webhook signature missing or wrong */
    PT_EVERIFYTOKEN = -17,    /* GET verification with a wrong token */
    PT_EIDEMMISMATCH = -18,   /* same Idempotency-Key, another body */
    PT_EIDEMINPROGRESS = -19, /* the request with that key still runs */
    PT_EREFRESH = -20,        /* refresh token unknown or expired */
    PT_EREFRESHREUSED = -21,  /* used again after its grace: family revoked */
    PT_ECONFIGREQUIRED = -22, /* no number was named and none is implied: 422 */
    PT_ECONFLICT = -23,       /* the state of things forbids it: 409 */
    PT_EIDEMKEY = -24,        /* Idempotency-Key malformed */
    PT_EATTEMPTS = -25,       /* too many wrong passwords: 429 + Retry-After */
    PT_EOPENALREADY = -26,    /* another conversation is open already: 409 */
    PT_EDOUBLED = -27,        /* a header came twice that may come once */
    PT_EPRECONDITION = -28,   /* 412: If-Match names an older version */

    PT_EAGAIN = -100,    /* not yet: the caller feeds more, or waits */
    PT_EBUSY = -101,     /* a bounded queue is full: 503 + Retry-After */
    PT_EDEADLINE = -102, /* not done in time and nothing was written */

    PT_EDBAWAY = -200,    /* no database connection */
    PT_EDB = -201,        /* a statement failed; its SQLSTATE says why */
    PT_EOUTCOME = -202,   /* a write whose outcome is unknown */
    PT_EREDISAWAY = -203, /* no redis connection */
    PT_EINTERNAL = -204,  /* a fault of ours, or an impossible answer */
    PT_ECRYPTO = -205,    /* libcrypto refused a computation */

    PT_ENOMEM = -900, /* out of memory, or the arena's cap was met */
    PT_ELIMIT = -901  /* a named limit of this file was met */
} pt_err_t;


/* A slice of bytes, borrowed from whoever owns them, len bytes long and not
 * NUL-terminated.  data == NULL means that the value is absent. */
typedef struct {
    const char *data;
    size_t      len;
} pt_str_t;

#define PT_STR(lit) ((pt_str_t){ "" lit, sizeof(lit) - 1 })
#define PT_STR_NULL ((pt_str_t){ NULL, 0 })


/* A UUID in network order, which is also PostgreSQL's binary format of it. */
typedef struct {
    uint8_t b[16];
} pt_uuid_t;


/* Limits.  Everything has one, so that no input can make memory or time grow
 * without end.  Sizes are in bytes unless the name says otherwise. */
/* The memory of one API operation. */
#define PT_ARENA_MAX (8u * 1024 * 1024)
/* The memory of one webhook body. */
#define PT_ARENA_WEBHOOK_MAX (96u * 1024 * 1024)
#define PT_ARENA_BLOCK 8192u
#define PT_BODY_MAX (1024u * 1024)
#define PT_PUBLIC_BODY_MAX 8192u /* the body of a public operation */
#define PT_WEBHOOK_BODY_MAX (4u * 1024 * 1024)
#define PT_JSON_DEPTH_MAX 64
#define PT_JSON_DIGITS_MAX 40        /* of a number, after its exponent */
#define PT_JSON_ARRAY_MAX 1000       /* items of an array in an API body */
#define PT_JSON_NODES_MAX 65536      /* nodes of an API body */
#define PT_WEBHOOK_NODES_MAX 1000000 /* nodes of a webhook body */
#define PT_WEBHOOK_ITEMS_MAX 20000   /* messages + statuses of one body */
#define PT_ROUTE_PARAMS_MAX 4
#define PT_ROUTE_SEGMENTS_MAX 8
#define PT_PATH_MAX 1024
#define PT_QUERY_MAX 4096
#define PT_QUERY_ARGS_MAX 32
#define PT_TOKEN_MAX 4096 /* Authorization header's token */
#define PT_REQUEST_ID_MAX 128
#define PT_IDEM_KEY_MAX 255
#define PT_CURSOR_MAX 512
#define PT_LIST_LIMIT_MAX 100 /* conversation.sql has it, too, plus one */
#define PT_LIST_LIMIT_DEFAULT 20
/* A page of a list ends early at so many bytes of rows. */
#define PT_LIST_BYTES_MAX (1024u * 1024)
#define PT_FIELD_ERRORS_MAX 64
#define PT_FIELD_NAME_CHARS 128 /* of a field's name in errors[] */
#define PT_EMAIL_MAX 254
#define PT_PASSWORD_MAX 1024
#define PT_CONTENT_MAX 4096 /* WhatsApp's limit of a text message */
#define PT_LAST_MESSAGE_CHARS 200
#define PT_BATCH_STMTS_MAX 24
#define PT_STMT_PARAMS_MAX 40
#define PT_OP_STEPS_MAX 12
#define PT_OP_HEADERS_MAX 16
#define PT_OP_PUBLISH_MAX 2048    /* of one batch */
#define PT_PUBLISH_FRAME_MAX 8192 /* of a larger one the seq is sent alone */
#define PT_SQL_RETRIES_MAX 5      /* after 40001, 40P01 or 55P03 */


static inline bool
pt_str_eq(pt_str_t a, pt_str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


static inline bool
pt_str_is(pt_str_t a, const char *lit)
{
    size_t n = strlen(lit); /* lit is a string literal of ours */

    return a.len == n && (n == 0 || memcmp(a.data, lit, n) == 0);
}

#endif
