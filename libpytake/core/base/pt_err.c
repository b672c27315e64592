/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

#include "pt_err.h"
#include "pt_json.h"

#include <assert.h>

#define PT_ERR_TYPE "https://pytake.net/problems/"


static const pt_err_row_t *pt_err_find(const pt_err_row_t *rows, size_t n,
                                       int status);


static const pt_err_row_t pt_err_ok = { PT_OK, 200, "ok", "OK" };

static const pt_err_row_t pt_err_internal = { PT_EINTERNAL, 500,
                                              "internal_error",
                                              "Internal error" };

static const pt_err_row_t pt_err_rows[] = {
    { PT_EBADREQUEST, 400, "bad_request", "Bad request" },
    { PT_EBADJSON, 400, "invalid_json", "The body is not valid JSON" },
    { PT_EVALIDATION, 422, "validation_failed", "Validation failed" },
    { PT_EUNAUTHORIZED, 401, "unauthorized", "Authentication required" },
    { PT_ETOKEN, 401, "invalid_token", "Invalid access token" },
    { PT_EEXPIRED, 401, "token_expired", "Access token expired" },
    { PT_EREVOKED, 401, "session_revoked", "Session ended" },
    { PT_ECREDENTIALS, 401, "invalid_credentials", "Wrong e-mail or password" },
    { PT_EFORBIDDEN, 403, "forbidden", "Not allowed" },
    { PT_ENOTFOUND, 404, "not_found", "Not found" },
    { PT_ENOROUTE, 404, "route_not_found", "No such route" },
    { PT_EMETHOD, 405, "method_not_allowed", "Method not allowed" },
    { PT_EMEDIATYPE, 415, "unsupported_media_type", "Unsupported media type" },
    { PT_ETOOLARGE, 413, "body_too_large", "Body too large" },
    { PT_ECURSOR, 400, "invalid_cursor", "Invalid cursor" },
    { PT_ESIGNATURE, 401, "invalid_signature", "Invalid signature" },
    { PT_EVERIFYTOKEN, 403, "verify_token_mismatch",
      "Verify token does not match" },
    { PT_EIDEMMISMATCH, 422, "idempotency_mismatch",
      "Idempotency key used with another request" },
    { PT_EIDEMINPROGRESS, 409, "idempotency_in_progress",
      "A request with this idempotency key is in progress" },
    { PT_EREFRESH, 401, "refresh_invalid", "Invalid refresh token" },
    { PT_EREFRESHREUSED, 401, "refresh_reused", "Refresh token used before" },
    { PT_ECONFIGREQUIRED, 422, "whatsapp_config_required",
      "No single active WhatsApp configuration" },
    { PT_ECONFLICT, 409, "conflict", "Conflict" },
    { PT_EOPENALREADY, 409, "conversation_open",
      "The contact has another open conversation" },
    { PT_EIDEMKEY, 400, "invalid_idempotency_key", "Invalid idempotency key" },
    { PT_EATTEMPTS, 429, "too_many_attempts",
      "Too many wrong passwords, try again later" },
    { PT_EDOUBLED, 400, "duplicate_header",
      "A header was sent more than once" },
    { PT_EPRECONDITION, 412, "precondition_failed",
      "It was changed since: get it again" },

    /* PT_EAGAIN never leaves the core; if it does, that is a fault of ours. */
    { PT_EAGAIN, 500, "internal_error", "Internal error" },
    { PT_EBUSY, 503, "overloaded", "Too busy, try again" },
    { PT_EDEADLINE, 503, "deadline_exceeded", "Not done in time" },

    { PT_EDBAWAY, 503, "database_unavailable", "Database unavailable" },
    { PT_EDB, 500, "internal_error", "Internal error" },
    { PT_EOUTCOME, 503, "outcome_unknown",
      "The outcome is unknown, try again with the same idempotency key" },
    { PT_EREDISAWAY, 503, "redis_unavailable", "Redis unavailable" },
    { PT_EINTERNAL, 500, "internal_error", "Internal error" },
    { PT_ECRYPTO, 500, "internal_error", "Internal error" },

    { PT_ENOMEM, 503, "out_of_memory", "Out of memory, try again" },

    /* An answer outgrew its limit.  A body that does so is PT_ETOOLARGE. */
    { PT_ELIMIT, 500, "internal_error", "Internal error" }
};

/* The statuses that nginx answers by itself, before an operation or without
 * one. */
static const pt_err_row_t pt_err_status_rows[] = {
    { PT_EBADREQUEST, 400, "bad_request", "Bad request" },
    { PT_EUNAUTHORIZED, 401, "unauthorized", "Authentication required" },
    { PT_EFORBIDDEN, 403, "forbidden", "Not allowed" },
    { PT_ENOROUTE, 404, "route_not_found", "No such route" },
    { PT_EMETHOD, 405, "method_not_allowed", "Method not allowed" },
    { PT_EBADREQUEST, 408, "request_timeout", "Request not sent in time" },
    { PT_ECONFLICT, 409, "conflict", "Conflict" },
    { PT_EBADREQUEST, 411, "length_required", "Content-Length required" },
    { PT_EBADREQUEST, 412, "precondition_failed", "Precondition failed" },
    { PT_ETOOLARGE, 413, "body_too_large", "Body too large" },
    { PT_EBADREQUEST, 414, "uri_too_long", "URI too long" },
    { PT_EMEDIATYPE, 415, "unsupported_media_type", "Unsupported media type" },
    { PT_EBADREQUEST, 416, "range_not_satisfiable", "Range not satisfiable" },
    { PT_EBADREQUEST, 421, "misdirected_request", "Misdirected request" },
    { PT_EBADREQUEST, 426, "upgrade_required",
      "A WebSocket upgrade (HTTP/1.1) is required" },
    { PT_EBUSY, 429, "too_many_requests", "Too many requests" },
    { PT_EINTERNAL, 500, "internal_error", "Internal error" },
    { PT_EINTERNAL, 501, "not_implemented", "Not implemented" },
    { PT_EINTERNAL, 502, "bad_gateway", "Bad gateway" },
    { PT_EBUSY, 503, "service_unavailable", "Service unavailable" },
    { PT_EDEADLINE, 504, "gateway_timeout", "Gateway timeout" },
    { PT_EBADREQUEST, 505, "http_version_not_supported",
      "HTTP version not supported" },
    { PT_EBUSY, 507, "insufficient_storage", "Insufficient storage" }
};

/* Numbers by which nginx tells some faults of a request apart, and for which it
 * sends 400.  Their rows therefore have the status 400. */
static const struct {
    int          number;
    pt_err_row_t row;
} pt_err_nginx_rows[] = {
    { 431, { PT_EBADREQUEST, 400, "header_too_large", "Header too large" } },
    { 494, { PT_EBADREQUEST, 400, "header_too_large", "Header too large" } },
    { 495,
      { PT_EBADREQUEST, 400, "tls_certificate_error",
        "TLS client certificate error" } },
    { 496,
      { PT_EBADREQUEST, 400, "tls_certificate_required",
        "TLS client certificate required" } },
    { 497,
      { PT_EBADREQUEST, 400, "tls_required", "Plain HTTP sent to a TLS port" } }
};


const pt_err_row_t *
pt_err_get(pt_err_t err)
{
    size_t i;

    if (err == PT_OK) {
        return &pt_err_ok;
    }

    for (i = 0; i < PT_COUNT(pt_err_rows); i++) {
        if (pt_err_rows[i].err == err) {
            return &pt_err_rows[i];
        }
    }

    return &pt_err_internal;
}


const pt_err_row_t *
pt_err_status_get(int status)
{
    size_t              i;
    const pt_err_row_t *row;

    row = pt_err_find(pt_err_status_rows, PT_COUNT(pt_err_status_rows), status);
    if (row != NULL) {
        return row;
    }

    for (i = 0; i < PT_COUNT(pt_err_nginx_rows); i++) {
        if (pt_err_nginx_rows[i].number == status) {
            return &pt_err_nginx_rows[i].row;
        }
    }

    /* The status, 422 for example, may be one that the table of errors has. */
    row = pt_err_find(pt_err_rows, PT_COUNT(pt_err_rows), status);
    if (row != NULL) {
        return row;
    }

    return status >= 400 && status < 500 ? &pt_err_status_rows[0]
                                         : &pt_err_internal;
}


void
pt_err_problem(pt_buf_t *b, const pt_err_row_t *row, pt_str_t detail,
               pt_str_t request_id, const pt_field_error_t *errors, size_t n)
{
    size_t  i;
    pt_jw_t w;

    assert(row != NULL && (errors != NULL || n == 0));

    pt_jw_init(&w, b);
    pt_jw_object(&w);

    /* The type is made of our own words, which need no escapes. */
    pt_jw_key(&w, "type");
    pt_buf_lit(b, "\"" PT_ERR_TYPE);
    pt_buf_add(b, row->code, strlen(row->code));
    pt_jw_raw(&w, PT_STR("\""));

    pt_jw_key(&w, "title");
    pt_jw_str(&w, (pt_str_t){ row->title, strlen(row->title) });
    pt_jw_key(&w, "status");
    pt_jw_i64(&w, row->status);
    pt_jw_key(&w, "detail");
    pt_jw_str(&w, detail.data != NULL
                      ? detail
                      : (pt_str_t){ row->title, strlen(row->title) });
    pt_jw_key(&w, "code");
    pt_jw_str(&w, (pt_str_t){ row->code, strlen(row->code) });
    pt_jw_key(&w, "request_id");
    pt_jw_str(&w, request_id);

    if (n != 0) {
        pt_jw_key(&w, "errors");
        pt_jw_array(&w);
        for (i = 0; i < n; i++) {
            pt_jw_object(&w);
            pt_jw_key(&w, "field");
            pt_jw_str(&w, errors[i].field);
            pt_jw_key(&w, "code");
            pt_jw_str(&w, (pt_str_t){ errors[i].code, strlen(errors[i].code) });
            pt_jw_key(&w, "message");
            pt_jw_str(&w, errors[i].message);
            pt_jw_object_end(&w);
        }
        pt_jw_array_end(&w);
    }

    pt_jw_object_end(&w);
}


static const pt_err_row_t *
pt_err_find(const pt_err_row_t *rows, size_t n, int status)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (rows[i].status == status) {
            return &rows[i];
        }
    }

    return NULL;
}
