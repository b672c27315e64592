/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/* How NGINX notices a client that goes away before its answer is there. */

#include "ngx_pytake.h"


void
ngx_pytake_abort_watch(ngx_http_request_t *r)
{
    /* a body that is being discarded has a read handler already, which has to
     * stay */

    if (r != r->main || r->discard_body) {
        return;
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    /* epoll is edge-triggered: a FIN that came together with the request
     * causes no further event, so the handler is run once without one */

    if (r->connection->read->ready) {
        ngx_post_event(r->connection->read, &ngx_posted_events);
        return;
    }

    if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "pytake: could not watch the client: its request goes "
                      "on when it leaves");
    }
}
