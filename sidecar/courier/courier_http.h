/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier_http.h: HTTP calls with libcurl's multi interface on our loop.
 * Knows nothing of WhatsApp.
 *
 * A call puts at most one whole request on the wire.  libcurl by itself sends
 * a request, a POST too, a second time when a kept connection ends before an
 * answer; here the second attempt is refused before its first byte
 * (CURLOPT_PREREQFUNCTION), whatever the reason for it.
 */

#ifndef COURIER_HTTP_H
#define COURIER_HTTP_H

#include "core/base/pt_arena.h"
#include "courier_class.h"
#include "io/pt_loop.h"

#define COURIER_HTTP_CONNECT_MS 5000L
#define COURIER_HTTP_ANSWER_MAX (256u * 1024)
#define COURIER_HTTP_CALLS_MAX 1024u
#define COURIER_HTTP_CONNS_MAX 512L
#define COURIER_HTTP_IDLE_S 30L /* a kept connection older is not used */

typedef struct courier_http_s courier_http_t;

/* Called once a call; answer->body is borrowed for the time of it.  It may
 * begin other calls, but not delete the courier_http_t. */
typedef void (*courier_http_handler_pt)(void                   *data,
                                        const courier_answer_t *answer);

/* total_ms: for one call, the connection included.  mem outlives it.
 * PT_ENOMEM, PT_EINTERNAL (libcurl refuses). */
pt_err_t courier_http_new(pt_loop_t *loop, const pt_mem_t *mem,
                          uint32_t         total_ms,
                          courier_http_t **out) PT_MUST_CHECK;
/* Calls under way end without their handlers. */
void courier_http_del(courier_http_t *h);

/*
 * POSTs body (JSON, copied) to url with "Authorization: Bearer <token>".
 * token is copied and wiped after the call.  The handler never runs inside.
 * PT_EBUSY: COURIER_HTTP_CALLS_MAX are under way; PT_ENOMEM.
 */
pt_err_t courier_http_post(courier_http_t *h, const char *url, pt_str_t token,
                           pt_str_t body, courier_http_handler_pt handler,
                           void *data) PT_MUST_CHECK;

uint32_t courier_http_calls(const courier_http_t *h);

#endif
