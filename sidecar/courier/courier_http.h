/* Copyright (C) PyTake contributors. BSD-2-Clause, see LICENSE. */

/*
 * courier_http.h: HTTP calls with libcurl's multi interface on the program's
 * loop.  It knows nothing of WhatsApp.
 *
 * A call puts at most one whole request on the wire.  libcurl by itself sends
 * a request a second time, even a POST, when a kept connection ends before an
 * answer.  Here the second attempt is refused before its first byte
 * (CURLOPT_PREREQFUNCTION), whatever the reason for it, since a message must
 * not be sent twice.
 */

#ifndef COURIER_HTTP_H
#define COURIER_HTTP_H

#include "core/base/pt_arena.h"
#include "courier_class.h"
#include "io/pt_loop.h"

#define COURIER_HTTP_CONNECT_MS 5000L         /* for name, connection and TLS */
#define COURIER_HTTP_ANSWER_MAX (256u * 1024) /* bytes of a body that count */
#define COURIER_HTTP_CALLS_MAX 1024u          /* calls under way */
#define COURIER_HTTP_CONNS_MAX 512L           /* connections to one host */
#define COURIER_HTTP_IDLE_S 30L /* then a kept connection is not used again */

typedef struct courier_http_s courier_http_t;

/* Called once for each call.  answer and its body are borrowed until it
 * returns.  It may begin other calls, but not delete the courier_http_t. */
typedef void (*courier_http_handler_pt)(void                   *data,
                                        const courier_answer_t *answer);

/* Makes *out, whose calls have total_ms milliseconds each, the connection
 * included.  loop and mem have to outlive it.  PT_ENOMEM; PT_EINTERNAL:
 * libcurl could not be initialised. */
pt_err_t courier_http_new(pt_loop_t *loop, const pt_mem_t *mem,
                          uint32_t         total_ms,
                          courier_http_t **out) PT_MUST_CHECK;
/* Ends it and all calls under way, whose handlers do not run.  NULL is
 * fine. */
void courier_http_del(courier_http_t *h);

/*
 * POSTs body, which is JSON, to url with "Authorization: Bearer <token>".
 * url, token and body are copied; the copies of token are wiped after the
 * call.  The handler never runs inside, and does not run at all after an
 * error.  PT_EBUSY: COURIER_HTTP_CALLS_MAX calls are under way; PT_ENOMEM.
 */
pt_err_t courier_http_post(courier_http_t *h, const char *url, pt_str_t token,
                           pt_str_t body, courier_http_handler_pt handler,
                           void *data) PT_MUST_CHECK;

/* How many calls are under way. */
uint32_t courier_http_calls(const courier_http_t *h);

#endif
