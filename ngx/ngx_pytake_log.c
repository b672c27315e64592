/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * Lines of the error log about what clients do, where an operator may have to
 * act.  A worker writes at most one line of a kind in ten seconds, since
 * strangers may cause as many as they like.  A line holds no token, no phone
 * number, and nothing of a body.
 */

#include "ngx_pytake.h"

#define NGX_PYTAKE_LOG_EVERY 10000 /* ms between lines of a kind */
#define NGX_PYTAKE_LOG_ORIGIN 128  /* bytes of an origin that are shown */


static ngx_uint_t ngx_pytake_log_now(ngx_pytake_worker_t *w, ngx_uint_t what,
                                     ngx_uint_t *before);


static const char *const ngx_pytake_log_texts[NGX_PYTAKE_LOG_KINDS] = {
    "webhook refused: its signature is not of this app secret",
    "webhook verification refused: another verify token, or none",
    "webhook for a phone_number_id that no tenant has, kept as raw bytes",
    "websocket refused: its page's origin is not allowed",
    "request refused: \"pytake_requests\" allows no more at once"
};


void
ngx_pytake_log(ngx_http_request_t *r, ngx_uint_t what, ngx_str_t *origin)
{
    size_t               i;
    ngx_str_t            s;
    ngx_uint_t           before;
    ngx_pytake_worker_t *w;

    assert(what < NGX_PYTAKE_LOG_KINDS);

    w = ngx_pytake_main_conf(r)->worker;

    if (w == NULL || !ngx_pytake_log_now(w, what, &before)) {
        return;
    }

    ngx_str_null(&s);

    if (origin) {
        s.data = origin->data;
        s.len = ngx_min(origin->len, NGX_PYTAKE_LOG_ORIGIN);

        for (i = 0; i < s.len; i++) {
            if (s.data[i] <= ' ' || s.data[i] > '~') {
                s.len = i; /* browsers send none of these */
            }
        }
    }

    ngx_log_error(NGX_LOG_NOTICE, r->connection->log, 0,
                  "pytake: %s%s%V%s (%ui like it since the last such line)",
                  ngx_pytake_log_texts[what], s.len ? " \"" : "", &s,
                  s.len ? "\"" : "", before);
}


void
ngx_pytake_log_answer(ngx_http_request_t *r, ngx_pytake_ctx_t *ctx)
{
    pytake_op_info_t info;

    if (ngx_pytake_ctx_info(ctx, &info) != NGX_OK
        || info.code.len + info.note.len == 0)
    {
        return;
    }

    if (ngx_strcmp(info.code.data, "invalid_signature") == 0) {
        ngx_pytake_log(r, NGX_PYTAKE_LOG_SIGNATURE, NULL);

    } else if (ngx_strcmp(info.code.data, "verify_token_mismatch") == 0) {
        ngx_pytake_log(r, NGX_PYTAKE_LOG_VERIFY, NULL);

    } else if (ngx_strcmp(info.note.data, PYTAKE_NOTE_NUMBER) == 0) {
        ngx_pytake_log(r, NGX_PYTAKE_LOG_NUMBER, NULL);
    }
}


/* Whether a line of this kind may be written now.  *before is how many were
 * left out since the last one. */

static ngx_uint_t
ngx_pytake_log_now(ngx_pytake_worker_t *w, ngx_uint_t what, ngx_uint_t *before)
{
    ngx_pytake_logged_t *logged;

    logged = &w->logged[what];

    if (logged->known && ngx_current_msec - logged->at < NGX_PYTAKE_LOG_EVERY) {
        logged->missed++;
        return 0;
    }

    *before = logged->missed;

    logged->known = 1;
    logged->at = ngx_current_msec;
    logged->missed = 0;

    return 1;
}
