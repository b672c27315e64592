/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * pytake_test_rows N: it reads N rows of about 100 bytes through the read
 * pool, so that a test can prove that no large result hangs.  It exists in
 * builds with fault points alone.
 */

#include "ngx_pytake.h"

#if (PYTAKE_FAULTS)

#include "pt_stmt_table.h"

#define NGX_PYTAKE_TEST_TIMEOUT 30000 /* ms for the query */


static void      ngx_pytake_test_post(ngx_http_request_t *r);
static ngx_int_t ngx_pytake_test_answer(ngx_http_request_t        *r,
                                        const pytake_sql_result_t *result);


ngx_int_t
ngx_pytake_test_handler(ngx_http_request_t *r)
{
    if (ngx_pytake_ctx_get(r) == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_pytake_body_skip(r, ngx_pytake_test_post);
}


static void
ngx_pytake_test_post(ngx_http_request_t *r)
{
    ngx_int_t           rows;
    ngx_str_t           arg;
    ngx_pytake_probe_t *p;

    rows = (ngx_int_t) ngx_pytake_loc_conf(r)->test_rows;

    if (ngx_http_arg(r, (u_char *) "n", 1, &arg) == NGX_OK) {
        rows = ngx_atoi(arg.data, arg.len);
    }

    if (rows < 0 || rows > 1000000) {
        ngx_http_finalize_request(r, NGX_HTTP_BAD_REQUEST);
        return;
    }

    p = ngx_pytake_probe_new(r);
    if (p == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    PT_SQL(ngx_pytake_probe_sql(p), test_rows, .rows = (int32_t) rows);
    ngx_pytake_probe_run(p, NGX_PYTAKE_TEST_TIMEOUT, ngx_pytake_test_answer);
}


static ngx_int_t
ngx_pytake_test_answer(ngx_http_request_t *r, const pytake_sql_result_t *result)
{
    size_t    bytes;
    uint32_t  i, rows;
    ngx_str_t body;

    bytes = 0;
    rows = 0;

    if (result->err == PT_OK && result->nrows == 1) {
        rows = result->rows[0].nrows;

        for (i = 0; i < rows * result->rows[0].ncols; i++) {
            bytes += result->rows[0].cells[i].len;
        }
    }

    body.data = ngx_pnalloc(r->pool, 128);
    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.len = ngx_sprintf(body.data,
                           "{\"rows\":%uD,\"bytes\":%uz,"
                           "\"err\":%d}\n",
                           rows, bytes, (int) result->err)
               - body.data;

    return ngx_pytake_answer_send(
        r, result->err == PT_OK ? NGX_HTTP_OK : NGX_HTTP_SERVICE_UNAVAILABLE,
        "application/json", &body);
}

#endif
