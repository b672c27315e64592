/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* A client that goes away while its answer is not there yet. */

#include "ngx_pytake.h"


void
ngx_pytake_abort_watch(ngx_http_request_t *r)
{
    /* what is still being thrown away has a handler of its own */

    if (r != r->main || r->discard_body) {
        return;
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    /* a FIN that came with the request gives no event of its own */

    if (r->connection->read->ready) {
        ngx_post_event(r->connection->read, &ngx_posted_events);
        return;
    }

    if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "pytake: client aborts will not be noticed");
    }
}
